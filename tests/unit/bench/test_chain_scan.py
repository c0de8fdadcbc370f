"""The bench's chain: every transfer that it makes up for us is found."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nonstopay.bench import chain_scan
from nonstopay.bench.scratch import Scratch, scratch


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Scratch]:
    with scratch(tmp_path) as made:
        yield made


async def test_every_block_is_scanned(place: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain_scan, "ADDRESSES", 1000)
    said: list[str] = []

    report = await chain_scan.measure(place, 1, said.append)

    assert [one.side for one in report.rounds] == ["scan", "detection"]
    assert all(one.done for one in report.rounds)
    assert said[0] == "writing 1,000 addresses"
