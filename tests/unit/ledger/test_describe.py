"""The page for accountants says what the code does."""

from pathlib import Path

from nonstopay.ledger.describe import markdown

PAGE = Path(__file__).parents[3] / "docs" / "ledger.md"


def test_the_page_is_made_from_the_tables() -> None:
    """To mend it: `python -m nonstopay.ledger.describe > docs/ledger.md`."""
    assert PAGE.read_text(encoding="utf-8") == markdown()
