"""ARCHITECTURE.md is the map of the code, and a map that is wrong is worse than none."""

import re

import pytest

from tests.laws.sources import PACKAGE, ROOT, project_files

MAP = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
NAMED = frozenset(re.findall(r"`([\w./-]+)/`", MAP))


def _folders() -> frozenset[str]:
    """The folders of the package that hold a file, as paths below src/nonstopay."""
    files = (file for file in project_files() if file.is_relative_to(PACKAGE))
    parents = {parent for file in files for parent in file.relative_to(PACKAGE).parents}
    return frozenset(parent.as_posix() for parent in parents if parent.name)


def test_every_folder_is_on_the_map() -> None:
    """A reader who opens a folder finds in ARCHITECTURE.md what it is and what it may touch."""
    assert sorted(_folders() - NAMED) == []


@pytest.mark.parametrize("name", sorted(NAMED))
def test_the_map_shows_only_what_exists(name: str) -> None:
    """A folder written as `name/` is there: below src/nonstopay, or at the root of the project."""
    at_the_root = any(file.is_relative_to(ROOT / name) for file in project_files())

    assert name in _folders() or at_the_root
