"""The rules of the house that no linter knows. Each test's docstring is its rule and its reason.

A failure lists every place with file and line. Mend the place; loosening a rule needs a decision
record (docs/decisions). What ruff, mypy and import-linter hold is not repeated here.
"""

import ast
import re

from tests.laws.sources import PACKAGE, ROOT, everything, product, project_files

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 400
# The ratchet: places that were longer when the rule came. It may only shrink, and it is empty.
STILL_TOO_LONG: frozenset[str] = frozenset()

EMPTY_NAMES = re.compile(r"^_?(utils?|services?|managers?|helpers?|common|misc)$")
SECRET_WORDS = frozenset({"secret", "signature", "token", "digest"})
READS_THE_TIME = frozenset({"now", "utcnow", "today"})
MAKES_CHANCE = frozenset({"random", "secrets", "uuid"})


def test_files_are_named_for_a_thing_or_an_act() -> None:
    """A file named for a role (service, manager, utils) has no edge, so it grows for ever."""
    wrong = [
        file.relative_to(ROOT).as_posix()
        for file in project_files()
        if any(EMPTY_NAMES.match(part) for part in file.relative_to(ROOT).with_suffix("").parts)
    ]

    assert not wrong, "\n" + "\n".join(wrong)


def test_functions_fit_on_one_screen() -> None:
    """Seventy lines is what one reads without scrolling; a longer function does two things."""
    wrong = [
        f"{source.path}:{node.lineno}: {node.name} has {_lines(node)} lines"
        for source in everything()
        for node in source.nodes()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and _lines(node) > FUNCTION_LINES_MAX
        and f"{source.path}:{node.name}" not in STILL_TOO_LONG
    ]

    assert not wrong, "\n" + "\n".join(wrong)


def test_files_stay_short() -> None:
    """Functions stay short by themselves; files rot, a line a day, until nobody reads them."""
    wrong = [
        f"{source.path} has {source.text.count(chr(10))} lines"
        for source in everything()
        if source.text.count("\n") > FILE_LINES_MAX and source.path not in STILL_TOO_LONG
    ]

    assert not wrong, "\n" + "\n".join(wrong)


def test_no_float_comes_near_money() -> None:
    """0.1 + 0.2 is not 0.3. Money, ledger and business count in whole minor units and fractions.

    A float may measure a duration, and then its name says so: it ends in `seconds`.
    """
    wrong = [
        source.at(node)
        for source in product()
        if source.inside == "money.py" or source.inside.startswith(("ledger/", "business/"))
        for node in _floats(source.tree)
    ]

    assert not wrong, "\n" + "\n".join(wrong)


def test_time_comes_in_by_the_clock() -> None:
    """Only clock.py asks what time it is, so that the sandbox and the simulation can move time."""
    wrong = [
        source.at(node)
        for source in product()
        if source.inside != "clock.py"
        for node in source.nodes()
        if _asks_the_time(node)
    ]

    assert not wrong, "\n" + "\n".join(wrong)


def test_chance_comes_in_by_the_ids() -> None:
    """Only ids.py and the vault's seal draw randomness, so that a simulation replays from its seed.

    The bench may: the load it invents is nobody's secret.
    """
    wrong = [
        source.at(node)
        for source in product()
        if source.inside not in {"ids.py", "store/seal.py"}
        and not source.inside.startswith("bench/")
        for node in source.nodes()
        if _draws_chance(node)
    ]

    assert not wrong, "\n" + "\n".join(wrong)


def test_secrets_are_compared_in_constant_time() -> None:
    """`==` stops at the first wrong byte and so tells how much of a guess was right.

    Whatever is called a secret, signature, token or digest is compared by `hmac.compare_digest`.
    """
    wrong = [
        source.at(node)
        for source in product()
        for node in source.nodes()
        if isinstance(node, ast.Compare)
        and any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops)
        and _names_a_secret(node.left, *node.comparators)
    ]

    assert not wrong, "\n" + "\n".join(wrong)


def test_no_path_of_anybodys_machine() -> None:
    """What works only where it was written is not written here."""
    homes = "|".join(["tmp/[a-z]", "work/", "root/", "home/[a-z]", "Users/"])
    machine = re.compile(rf"(?:^|[^A-Za-z0-9_.~])/(?:{homes})", re.MULTILINE)
    wrong = [
        f"{file.relative_to(ROOT)}: {found.group().strip()}"
        for file in project_files()
        if file.suffix not in {".lock", ".png", ".ico", ".woff2"}
        for found in machine.finditer(file.read_text(encoding="utf-8", errors="replace"))
    ]

    assert not wrong, "\n" + "\n".join(wrong)


def test_every_package_has_a_front_door() -> None:
    """A folder with code has an `__init__.py` whose first words say what the folder is for."""
    folders = {file.parent for file in PACKAGE.rglob("*.py")}
    wrong = [
        folder.relative_to(ROOT).as_posix()
        for folder in sorted(folders)
        if not (folder / "__init__.py").is_file()
        or not ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")))
    ]

    assert not wrong, "\n" + "\n".join(wrong)


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _floats(tree: ast.Module) -> list[ast.expr]:
    """The uses of `float`, and arithmetic with a float literal; durations left out."""
    durations: set[int] = set()
    for node in ast.walk(tree):
        name, hint = _annotation(node)
        if hint is not None and name.lower().endswith("seconds"):
            durations.update(id(inner) for inner in ast.walk(hint))
    return [
        node
        for node in ast.walk(tree)
        if (isinstance(node, ast.Name) and node.id == "float" and id(node) not in durations)
        or (isinstance(node, ast.BinOp) and any(map(_is_float, (node.left, node.right))))
    ]


def _annotation(node: ast.AST) -> tuple[str, ast.expr | None]:
    """The name that a node gives a type to, and the type; an empty name where it gives none."""
    match node:
        case ast.arg(arg=name, annotation=hint):
            return name, hint
        case ast.AnnAssign(target=ast.Name(id=name) | ast.Attribute(attr=name), annotation=hint):
            return name, hint
        case ast.FunctionDef(name=name, returns=hint):
            return name, hint
    return "", None


def _is_float(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, float)


def _asks_the_time(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(attr=attribute, value=ast.Name(id="datetime" | "date")):
            return attribute in READS_THE_TIME
        case ast.Attribute(attr=attribute, value=ast.Attribute(attr="datetime" | "date")):
            return attribute in READS_THE_TIME
        case ast.Attribute(attr="time" | "time_ns", value=ast.Name(id="time")):
            return True
        case ast.ImportFrom(module="time", names=names):
            return any(alias.name in {"time", "time_ns"} for alias in names)
    return False


def _draws_chance(node: ast.AST) -> bool:
    match node:
        case ast.Import(names=names):
            return any(alias.name in MAKES_CHANCE for alias in names)
        case ast.ImportFrom(module="uuid", names=names):
            # A name-based UUID is a digest: the same every time.
            return not {alias.name for alias in names} <= {"UUID", "uuid5", "NAMESPACE_URL"}
        case ast.ImportFrom(module=module, names=names):
            return module in MAKES_CHANCE or any(alias.name == "urandom" for alias in names)
        case ast.Attribute(attr="urandom"):
            return True
    return False


def _names_a_secret(*sides: ast.expr) -> bool:
    """Whether one side is called a secret; comparing with a literal gives nothing away."""
    if any(isinstance(side, ast.Constant) for side in sides):
        return False
    return any(_last_word(side) in SECRET_WORDS for side in sides)


def _last_word(side: ast.expr) -> str:
    match side:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            pass
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            pass
        case ast.Call(func=function):
            return _last_word(function).removeprefix("hex")
        case _:
            return ""
    return name.lower().rsplit("_", 1)[-1].removeprefix("hex")
