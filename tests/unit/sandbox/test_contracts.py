"""What is deployed is what is written: the contracts compile to the very bytes that lie beside them."""

from pathlib import Path

import pytest

from tests.laws.sources import PACKAGE
from tools.contracts import compiled

SOURCES = sorted((PACKAGE / "sandbox" / "chain").glob("*.vy"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_the_bytecode_is_the_sources(source: Path) -> None:
    """If this fails after a change of the source, run: python tools/contracts.py"""
    assert source.with_suffix(".json").read_text(encoding="utf-8") == compiled(source)


def test_there_are_contracts() -> None:
    assert [source.stem for source in SOURCES] == ["stablecoin"]
