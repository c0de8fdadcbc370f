"""One suite for every card connector: what a provider fails to say is UNKNOWN, never declined."""

import pytest

from nonstopay.connectors.charge import Paid
from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.outcome import Kind, Outcome, Reason
from nonstopay.money import Money
from tests.connectors.cards.laboratory import EUR, WHOLE, CardLaboratory
from tests.connectors.laboratory import scripts
from tests.connectors.serving import answering, scripted, serving

NAMELESS = Paid(reference="payment7", provider_reference=None)
NAMED = Paid(reference="payment7", provider_reference="their7")


async def acts(lab: CardLaboratory, http: ProviderHttp, address: str) -> list[Outcome]:
    """Everything that can be asked of a provider, asked at this address."""
    connector = lab.make(http, address)
    return [
        await connector.authorise(lab.charge()),
        await connector.complete(NAMED, {"redirectResult": "x", "cko-session-id": "sid_x"}),
        await connector.look_up(NAMED),
        await connector.look_up(NAMELESS),
        await connector.capture(NAMED, "capture-7-1", WHOLE, final=True),
        await connector.void(NAMED, "void-7"),
        await connector.refund(NAMED, "refund1", Money(100, EUR)),
    ]


@pytest.mark.parametrize("mode", ["timeout", "error_500"])
async def test_no_answer_is_unknown_and_nothing_was_done(
    lab: CardLaboratory, hasty_http: ProviderHttp, mode: str
) -> None:
    lab.dialect.mode = mode
    unanswered = await lab.make(hasty_http, lab.address).authorise(lab.charge())
    lab.dialect.mode = "none"

    assert unanswered.kind is Kind.UNKNOWN
    assert lab.dialect.pays == {}


async def test_a_payment_that_never_arrived(lab: CardLaboratory) -> None:
    """NOT_RECEIVED only from a provider that can say so for sure; the rest do not know."""
    heard = await lab.connector.look_up(NAMELESS)

    assert heard.kind is lab.manners.never_heard
    assert heard.reason is (Reason.NOT_RECEIVED if heard.kind is Kind.DECLINED else None)


async def test_a_charge_whose_answer_was_lost_is_found_and_made_once(
    lab: CardLaboratory, hasty_http: ProviderHttp
) -> None:
    lab.dialect.mode = "lost_answer"
    lost = await lab.make(hasty_http, lab.address).authorise(lab.charge())
    lab.dialect.mode = "none"
    await lab.dialect.settle()

    assert lost.kind is Kind.UNKNOWN
    assert len(lab.dialect.pays) == 1
    told = lab.told[-1]
    assert (told.reference, told.outcome and told.outcome.kind) == ("payment7", Kind.CAPTURED)
    if lab.manners.looks_up:
        found = await lab.connector.look_up(NAMELESS)
        assert (found.kind, found.amount) == (Kind.CAPTURED, WHOLE)
        assert found.provider_reference == lab.pay.id


async def test_a_refund_whose_answer_was_lost_is_repeated_not_doubled(
    lab: CardLaboratory, hasty_http: ProviderHttp
) -> None:
    await lab.taken()
    lab.dialect.mode = "lost_answer"
    hasty = lab.make(hasty_http, lab.address)
    lost = await hasty.refund(lab.paid, "refund1", WHOLE)
    lab.dialect.mode = "none"

    repeated = await lab.settled(lambda: lab.connector.refund(lab.paid, "refund1", WHOLE))

    assert lost.kind is Kind.UNKNOWN
    assert (repeated.kind, repeated.amount) == (Kind.REFUNDED, WHOLE)
    assert len(lab.pay.refunds) == 1


async def test_a_provider_that_is_gone_is_unknown(lab: CardLaboratory, http: ProviderHttp) -> None:
    async with serving([]) as address:
        pass

    assert {outcome.kind for outcome in await acts(lab, http, address)} == {Kind.UNKNOWN}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b""),
        (502, b"<html>"),
        (302, b""),
        (204, b""),
        (200, b"[]"),
        (200, b"paid"),
        (201, b"{}"),
        (202, b"[]"),
        (404, b"{}"),
        (409, b'{"error":{"type":"idempotency_error"}}'),
        (429, b'{"error":{"type":"invalid_request_error","code":"lock_timeout"}}'),
        (429, b"{}"),
    ],
)
async def test_an_answer_of_another_shape_is_unknown(
    lab: CardLaboratory, http: ProviderHttp, status: int, body: bytes
) -> None:
    async with serving([answering(body, status)]) as address:
        outcomes = await acts(lab, http, address)

    assert {outcome.kind for outcome in outcomes} == {Kind.UNKNOWN}


async def test_an_undocumented_answer_is_unknown(lab: CardLaboratory, http: ProviderHttp) -> None:
    """The documented answer, with one thing changed that its documents do not know."""
    async with serving([scripted(lab.words.charged)]) as address:
        documented = await lab.make(http, address).authorise(lab.charge())
    assert documented.kind is Kind.CAPTURED

    async with serving(scripts(lab.words.undocumented)) as address:
        for n, change in enumerate(lab.words.undocumented):
            outcome = await lab.make(http, f"{address}/{n}").authorise(lab.charge())

            assert outcome.kind is Kind.UNKNOWN, change


async def test_a_charge_with_an_error_status_is_unknown(
    lab: CardLaboratory, http: ProviderHttp
) -> None:
    async with serving([scripted(lab.words.charged, 500)]) as address:
        outcome = await lab.make(http, address).authorise(lab.charge())

    assert outcome.kind is Kind.UNKNOWN


async def test_a_refusal_for_a_code_nobody_documents_is_a_refusal(
    lab: CardLaboratory, http: ProviderHttp
) -> None:
    """The status says that no money moved; the code only says why. Nothing is tried elsewhere."""
    async with serving([scripted(lab.words.refused("of_next_year"))]) as address:
        outcome = await lab.make(http, address).authorise(lab.charge())

    assert (outcome.kind, outcome.reason) == (Kind.DECLINED, Reason.DECLINED_BY_BANK)
    assert "of_next_year" in outcome.detail


async def test_a_providers_codes_have_their_meaning(
    lab: CardLaboratory, http: ProviderHttp
) -> None:
    for code, reason in lab.words.codes.items():
        async with serving([scripted(lab.words.refused(code))]) as address:
            outcome = await lab.make(http, address).authorise(lab.charge())

        assert (outcome.kind, outcome.reason) == (Kind.DECLINED, Reason(reason)), code
