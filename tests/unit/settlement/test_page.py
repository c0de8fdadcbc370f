"""The page for people draws what the code does."""

import pytest

from nonstopay.business.settlement.states import MACHINE as BATCH
from nonstopay.business.settlement.wallets.states import MACHINE as WALLET
from nonstopay.state_machine import Machine
from tests.laws.sources import ROOT


@pytest.mark.parametrize("machine", [BATCH, WALLET], ids=lambda machine: machine.name)
def test_a_life_is_drawn_from_its_table(machine: Machine) -> None:  # type: ignore[type-arg]
    page = (ROOT / "docs" / "settlement.md").read_text(encoding="utf-8")

    assert f"```mermaid\n{machine.draw()}```" in page
