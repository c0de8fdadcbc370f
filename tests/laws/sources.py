"""What the laws look at: the project's files, each read and parsed once."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "nonstopay"

_SQL_START = re.compile(
    r"\s*(?:--[^\n]*\n\s*|\(\s*)*"
    r"(?:SELECT\s|INSERT\s+INTO\s|UPDATE\s+\S+\s+(?:AS\s+)?(?:\w+\s+)?SET\s|DELETE\s+FROM\s"
    r"|WITH\s+(?:RECURSIVE\s+)?\w+\s*(?:\([^)]*\))?\s+AS\s|CREATE\s+\w+\s|ALTER\s+\w+\s|DROP\s+\w+\s"
    r"|\{\}\s+(?:FROM|WHERE|SET|VALUES|RETURNING|ORDER\s+BY)\s|TRUNCATE\s|LOCK\s+TABLE\s|GRANT\s+\w+\s+ON\s)"
)


class Source:
    """One Python file: its path from the root of the project, its text, its syntax tree."""

    def __init__(self, file: Path) -> None:
        self.path = file.relative_to(ROOT).as_posix()
        self.inside = file.relative_to(PACKAGE).as_posix() if file.is_relative_to(PACKAGE) else ""
        self.text = file.read_text(encoding="utf-8")
        self.tree = ast.parse(self.text, filename=self.path)

    def nodes(self) -> Iterator[ast.AST]:
        return ast.walk(self.tree)

    def at(self, node: ast.AST, what: str = "") -> str:
        """A line for a failure message, in the form that editors open with a click."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}: {what or ast.unparse(node)}"

    def strings(self) -> Iterator[tuple[ast.expr, str]]:
        """Every text in the code with its node: docstrings left out, gaps of f-strings as `{}`."""
        passed_over = {id(node.value) for node in self.nodes() if isinstance(node, ast.Expr)}
        for node in self.nodes():
            if isinstance(node, ast.JoinedStr):
                passed_over.update(id(value) for value in node.values)
                yield node, "".join(_text(value) for value in node.values)
            elif (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and id(node) not in passed_over
            ):
                yield node, node.value

    def sql(self) -> Iterator[tuple[ast.expr, str]]:
        """The strings that are SQL statements; keywords in one case, as SQL is written."""
        for node, text in self.strings():
            if _SQL_START.match(text) or _SQL_START.match(text.upper() if text.islower() else ""):
                yield node, text


def _text(part: ast.expr) -> str:
    return part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "{}"


@cache
def product() -> tuple[Source, ...]:
    """Every Python file of the package."""
    return tuple(Source(file) for file in sorted(PACKAGE.rglob("*.py")))


@cache
def everything() -> tuple[Source, ...]:
    """Every Python file of the package and of its tests."""
    return product() + tuple(Source(file) for file in sorted((ROOT / "tests").rglob("*.py")))


def schema() -> Iterator[tuple[str, str]]:
    """Every line of SQL in the package's .sql files, comments removed, with its place."""
    for file in sorted(PACKAGE.rglob("*.sql")):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            yield f"{file.relative_to(ROOT).as_posix()}:{number}", line.split("--")[0]


@cache
def project_files() -> tuple[Path, ...]:
    """What git tracks or would track: the files that a clone brings to other people."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    files = (ROOT / name for name in sorted(set(listing.split("\0"))) if name)
    return tuple(file for file in files if file.is_file())
