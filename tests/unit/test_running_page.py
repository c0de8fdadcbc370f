"""`docs/running.md` names every setting with its true default, and none that is not there."""

import re
from typing import Any

from nonstopay.config import Settings
from tests.laws.sources import ROOT

ROW = re.compile(r"^\| `([a-z_]+)` \| (?:`([^`]+)`|(empty)) \| (.+) \|$", re.MULTILINE)


def test_the_page_names_every_setting_and_its_default() -> None:
    page = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
    table = page.partition("\n## Settings\n")[2].partition("\n## ")[0]

    told = {name: default for name, default, _, _ in ROW.findall(table)}

    assert told == {name: _written(default) for name, default in _defaults().items()}


def _defaults() -> dict[str, Any]:
    settings = Settings()
    return {name: getattr(settings, name) for name in Settings.__struct_fields__}


def _written(default: object) -> str:
    return "" if default in ("", [], {}) else str(default)
