"""The page for people draws what the code does."""

from nonstopay.business.transactions.states import MACHINE
from tests.laws.sources import ROOT


def test_the_life_of_a_transaction_is_drawn_from_its_table() -> None:
    page = (ROOT / "docs" / "sending.md").read_text(encoding="utf-8")

    assert f"```mermaid\n{MACHINE.draw()}```" in page
