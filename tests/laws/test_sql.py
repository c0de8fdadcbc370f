"""The rules for SQL: where it lives, what it is made of, and that it has no clock of its own."""

import ast
import re

from tests.laws.sources import product, schema

SQL_CLOCK = re.compile(
    r"\bnow\s*\(\s*\)|\bcurrent_(timestamp|date|time)\b|\blocaltime(stamp)?\b"
    r"|\b(clock|statement|transaction)_timestamp\s*\(",
    re.IGNORECASE,
)


def test_sql_does_not_ask_the_time() -> None:
    """`now()` in SQL is a second clock that nobody can move. Times are passed in as parameters.

    One exception: the list of migrations notes when each was applied, before there is a clock.
    """
    in_code = [
        source.at(node, " ".join(text.split())[:80])
        for source in product()
        for node, text in source.sql()
        if SQL_CLOCK.search(text)
    ]
    in_schema = [
        f"{place}: {line.strip()}"
        for place, line in schema()
        if SQL_CLOCK.search(line) and "applied_at" not in line
    ]

    assert not in_code + in_schema, "\n" + "\n".join(in_code + in_schema)


def test_sql_lives_in_records() -> None:
    """A capability's SQL is in its records.py and nowhere else: there one sees that it is scoped.

    Below the capabilities, store and ledger are made of SQL; sandbox and bench own their tables.
    """
    wrong = [
        source.at(node, " ".join(text.split())[:80])
        for source in product()
        if not source.inside.startswith(("store/", "ledger/", "sandbox/", "bench/"))
        and not source.inside.endswith("/records.py")
        for node, text in source.sql()
    ]

    assert not wrong, "\n" + "\n".join(wrong)


def test_sql_is_made_of_constants() -> None:
    """What callers say reaches SQL as a parameter, never as text: so there is nothing to inject.

    Statements may be put together from pieces written in the same file: constants, and names that
    are only ever given constants.
    """
    wrong = [
        source.at(gap)
        for source in product()
        for node, _ in source.sql()
        if isinstance(node, ast.JoinedStr)
        for gap in node.values
        if isinstance(gap, ast.FormattedValue)
        and not _is_constant(gap.value, _constants(source.tree))
    ]

    assert not wrong, "\n" + "\n".join(wrong)


def _constants(tree: ast.Module) -> frozenset[str]:
    """The names of a file that are given literals only. Arguments and loop variables are not."""
    literals: set[str] = set()
    others: set[str] = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    plain: set[int] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name) as target], value=value):
                plain.add(id(target))
                (literals if _is_literal(value) else others).add(name)
            case ast.Name(id=name, ctx=ast.Store()) if id(node) not in plain:
                others.add(name)
    return frozenset(literals - others)


def _is_constant(node: ast.expr, constants: frozenset[str]) -> bool:
    match node:
        case ast.Name(id=name):
            return name in constants or name.isupper()
        case ast.Attribute(attr=name):
            return name.isupper()
        case ast.IfExp(body=one, orelse=other):
            return _is_constant(one, constants) and _is_constant(other, constants)
    return _is_literal(node)


def _is_literal(node: ast.expr) -> bool:
    if isinstance(node, ast.JoinedStr):
        gaps = (gap.value for gap in node.values if isinstance(gap, ast.FormattedValue))
        return all(_is_constant(gap, frozenset()) for gap in gaps)
    return isinstance(node, ast.Constant)
