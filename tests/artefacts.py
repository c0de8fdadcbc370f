"""After the last test: nothing that the run left behind holds a card number or a card code.

Looked through are the run's temporary folders with all that is in them (PostgreSQL's tables and
write-ahead logs, logs of gateways, exports, screenshots), and what tests printed. Numbers that stand in
the tests' sources are known by themselves; those that a test makes up it names with `look_for`.
"""

from collections.abc import Iterator

import pytest

from tools.scan import Leak, Scanner, known_codes, known_numbers

_made_up: set[str] = set()
_printed: list[tuple[str, bytes]] = []


def look_for(number: str) -> str:
    """Have this number looked for too."""
    _made_up.add(number)
    return number


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.passed:
        _printed.extend((report.nodeid, text.encode()) for _, text in report.sections)


@pytest.fixture(scope="session", autouse=True)
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Begun before every other fixture of the session, so it ends when all servers have stopped."""
    yield
    scanner = Scanner(known_numbers() | _made_up, known_codes())
    leaks = scanner.tree(tmp_path_factory.getbasetemp())
    leaks += [leak for test, text in _printed for leak in scanner.data(text, test)]
    assert not leaks, _told(leaks)


def _told(leaks: list[Leak]) -> str:
    return "\n" + "\n".join(f"{leak.where}: {leak.what} ({leak.form})" for leak in leaks)
