"""The taxonomy of card errors: whole, safe to act on, and documented as it is."""

from pathlib import Path

import pytest

from nonstopay.cli import card as command
from nonstopay.connectors import declines
from nonstopay.connectors.declines import AFTER, NETWORK, Retry
from nonstopay.connectors.outcome import ADVICE, Failure, Reason, Source, Step
from tests.connectors.cards.laboratories import CONNECTORS

DOCUMENT = Path(__file__).parents[3] / "docs" / "card-errors.md"
MAY_GO_ELSEWHERE = {
    Reason.BANK_UNAVAILABLE,
    Reason.NETWORK_UNAVAILABLE,
    Reason.MERCHANT_REFUSED,
    Reason.TECHNICAL,
    Reason.NOT_RECEIVED,
}


def test_every_reason_says_what_may_be_tried() -> None:
    assert set(AFTER) == set(ADVICE) == set(Reason)


def test_another_provider_is_asked_only_where_nobody_judged_the_card() -> None:
    assert {reason for reason in Reason if declines.failover_allowed(reason)} == MAY_GO_ELSEWHERE


def test_what_visa_never_approves_is_not_tried_again_anywhere() -> None:
    for code in declines.VISA_NEVER:
        after = AFTER[NETWORK[code].reason]

        assert after.retry in (Retry.NEVER, Retry.OTHER_CARD, Retry.CORRECTED), code
        assert not after.failover, code


def test_every_provider_has_its_codes_in_the_table() -> None:
    assert {owner for owner, _ in command.tables()} >= {"the network", *CONNECTORS}


def test_the_document_is_the_code() -> None:
    """Write it anew with: python -c 'from nonstopay.cli.card import markdown; print(markdown())'."""
    assert DOCUMENT.read_text().strip() == command.markdown().strip()


@pytest.mark.parametrize("advice", sorted(declines.STOP_ADVICE))
def test_an_order_to_stop_beats_a_harmless_code(advice: str) -> None:
    harmless = declines.STRIPE["processing_error"]

    assert declines.failure(harmless, advice=[advice]).reason is Reason.DO_NOT_TRY_AGAIN
    assert declines.ADVICE_CODES[advice] is Retry.NEVER


@pytest.mark.parametrize(
    ("own", "network", "reason"),
    [
        (None, "", Reason.DECLINED_BY_BANK),
        (None, "51", Reason.INSUFFICIENT_FUNDS),
        (None, "XX", Reason.DECLINED_BY_BANK),
        (Reason.DECLINED_BY_BANK, "59", Reason.SUSPECTED_FRAUD),
        (Reason.EXPIRED_CARD, "05", Reason.EXPIRED_CARD),
        (Reason.EXPIRED_CARD, "43", Reason.LOST_OR_STOLEN),
    ],
)
def test_the_sharpest_word_counts(own: Reason | None, network: str, reason: Reason) -> None:
    known = Failure(own, Source.BANK, Step.AUTHORISATION) if own else None

    assert declines.failure(known, network=network).reason is reason


@pytest.mark.parametrize(
    ("code", "words"),
    [("51", "insufficient_funds"), ("20051", "checkout"), ("stolen_card", "never")],
)
def test_the_command_explains_a_code(
    capsys: pytest.CaptureFixture[str], code: str, words: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        command.codes(code)

    assert ended.value.code == 0
    assert words in capsys.readouterr().out


def test_the_command_says_when_nobody_documents_a_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.codes("Q99")

    assert ended.value.code == 1
    assert "without an explanation" in capsys.readouterr().out
