"""One suite for every card connector: a card's number and code go to the provider and nowhere else."""

import logging
import traceback

import pytest

from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.outcome import Kind
from tests.connectors.cards.acquirer import CHALLENGE, GOOD, REFUSED
from tests.connectors.cards.laboratory import CODE, CardLaboratory


@pytest.mark.parametrize("number", [GOOD, CHALLENGE, *REFUSED])
async def test_no_log_outcome_or_repr_shows_a_card(
    lab: CardLaboratory, caplog: pytest.LogCaptureFixture, number: str
) -> None:
    caplog.set_level(logging.DEBUG)
    charge = lab.charge(number)
    outcome = await lab.connector.authorise(charge)
    await lab.dialect.settle()

    sent = b"".join(lab.dialect.asked)
    assert number.encode() in sent
    assert CODE.encode() in sent
    kept = [repr(charge), str(charge), repr(lab.connector), repr(outcome), str(lab.told)]
    kept += [repr(vars(lab.connector)), caplog.text]
    kept += [repr(record.__dict__) for record in caplog.records]
    for text in kept:
        assert number not in text
        assert f"'{CODE}'" not in text


async def test_no_error_shows_a_card(
    lab: CardLaboratory, hasty_http: ProviderHttp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    lab.dialect.mode = "timeout"
    charge = lab.charge()
    outcome = await lab.make(hasty_http, lab.address).authorise(charge)
    try:
        await lab.connector.authorise(charge.card)  # type: ignore[arg-type]
    except AttributeError as error:
        shown = "".join(
            traceback.TracebackException.from_exception(error, capture_locals=True).format()
        )

    assert outcome.kind is Kind.UNKNOWN
    assert "CardNumber" in shown
    for text in (shown, repr(outcome), caplog.text):
        assert GOOD not in text
        assert f"'{CODE}'" not in text
