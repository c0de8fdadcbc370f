"""Whoever writes a new kind of event lets endpoints ask for it."""

import re

from nonstopay.business.assembly import EVENT_KINDS
from nonstopay.business.webhooks.endpoint import TEST
from nonstopay.worker.reactions import REACTIONS
from tests.laws.sources import ROOT

_RECORDED = re.compile(r'^[A-Z_]+ = "([a-z_]+:[a-z_]+)"$', re.MULTILINE)


def test_every_kind_that_a_capability_names_is_known() -> None:
    named = {
        kind
        for file in (ROOT / "src/nonstopay/business").rglob("*.py")
        for kind in _RECORDED.findall(file.read_text(encoding="utf-8"))
    }

    assert TEST in named
    assert named - {TEST} - set(REACTIONS) <= EVENT_KINDS, "it is no job either"
