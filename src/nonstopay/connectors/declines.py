"""Why cards are refused, what to do then, and when another provider may be asked.

A refusal has three sources of truth, and the sharpest wins: what the scheme orders (stop codes, advice
codes), what the provider's own code says, what the issuer's answer in ISO 8583 says.

Sources: ISO 8583-1:1987, field 39, as Visa and Mastercard use it (Adyen, "Raw responses"; Stripe,
"Network decline codes"); Visa's decline categories and Mastercard's merchant advice codes, as acquirers
republish them (Cybersource, "merchantAdvice.code"; Everonet, "Mastercard Merchant Advice Code").
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from nonstopay import clock
from nonstopay.connectors.outcome import (
    DETAIL_MAX,
    Authentication,
    Failure,
    Kind,
    Outcome,
    Reason,
    Source,
    Step,
    failures,
)

NETWORK = failures("""
declined_by_bank bank authorisation: 01 02 05 22 93 94
merchant_refused merchant authorisation: 03 58
do_not_try_again bank authorisation: 04 12 R0 R1 R3
lost_or_stolen bank authorisation: 07 41 43
technical network authorisation: 06 13 19 21 30 63 88 96
wrong_card_details payer authorisation: 14 15 55 70
insufficient_funds bank authorisation: 51
account_unusable bank authorisation: 39 46 52 53 78
expired_card payer authorisation: 33 54
card_not_supported bank authorisation: 40 57 62
suspected_fraud bank authorisation: 34 59
limit_exceeded bank authorisation: 61 65
authentication_required bank authorisation: 1A
pin_locked payer authorisation: 38 75
wrong_code payer authorisation: 82 N7
bank_unavailable bank authorisation: 68 91 92
""")
"""The issuer's answer, two characters."""

STRIPE = failures("""
authentication_required bank authorisation: authentication_required authentication_not_handled
authentication_failed payer authentication: payment_intent_authentication_failure
declined_by_bank bank authorisation: card_declined generic_decline do_not_honor call_issuer
    no_action_taken approve_with_id service_not_allowed transaction_not_allowed not_permitted
    duplicate_transaction
bank_unavailable bank authorisation: issuer_not_available reenter_transaction try_again_later
card_not_supported bank authorisation: card_not_supported currency_not_supported invalid_account
    new_account_information_available offline_pin_required online_or_offline_pin_required
limit_exceeded bank authorisation: card_velocity_exceeded withdrawal_count_limit_exceeded
    invalid_amount
insufficient_funds bank authorisation: insufficient_funds
expired_card payer authorisation: expired_card invalid_expiry_month invalid_expiry_year
wrong_code payer authorisation: incorrect_cvc invalid_cvc
wrong_card_details payer authorisation: incorrect_number invalid_number incorrect_address incorrect_zip
wrong_pin payer authorisation: incorrect_pin invalid_pin
pin_locked payer authorisation: pin_try_exceeded
lost_or_stolen bank authorisation: lost_card stolen_card pickup_card
account_unusable bank authorisation: restricted_card
suspected_fraud bank authorisation: fraudulent security_violation
suspected_fraud merchant authorisation: merchant_blacklist
suspected_fraud provider authorisation: card_decline_rate_limit_exceeded
do_not_try_again bank authorisation: do_not_try_again stop_payment_order revocation_of_authorization
    revocation_of_all_authorizations
merchant_refused merchant authorisation: testmode_decline amount_too_small amount_too_large
technical provider authorisation: processing_error
""")
"""Stripe, "Decline codes" and "Error codes"."""

ADYEN = failures("""
declined_by_bank bank authorisation: 2 refused 3 referral 27 declined_non_generic
technical acquirer authorisation: 4 acquirer_error
account_unusable bank authorisation: 5 blocked_card 25 restricted_card 34
    no_checking_account_available_on_card 35 no_savings_account_available_on_card
expired_card payer authorisation: 6 expired_card
merchant_refused merchant authorisation: 7 invalid_amount 21 not_submitted
wrong_card_details payer authorisation: 8 invalid_card_number 32 avs_declined
bank_unavailable bank authorisation: 9 issuer_unavailable
card_not_supported bank authorisation: 10 not_supported 23 transaction_not_permitted 33
    card_requires_online_pin 36 mobile_pin_required 37 contactless_fallback 43 online_pin_required
authentication_failed payer authentication: 11 3d_not_authenticated 39 rreq_not_received_from_ds
    42 3ds_authentication_error
insufficient_funds bank authorisation: 12 not_enough_balance
suspected_fraud provider authorisation: 14 acquirer_fraud 20 fraud 22 fraud-cancelled
cancelled_by_payer payer authentication: 15 cancelled 16 shopper_cancelled
wrong_pin payer authorisation: 17 invalid_pin 19 pin_validation_not_possible
pin_locked payer authorisation: 18 pin_tries_exceeded
wrong_code payer authorisation: 24 cvc_declined
do_not_try_again bank authorisation: 26 revocation_of_auth
do_not_try_again provider authorisation: 46
limit_exceeded bank authorisation: 28 withdrawal_amount_exceeded 29 withdrawal_count_exceeded
suspected_fraud bank authorisation: 31 issuer_suspected_fraud
authentication_required bank authorisation: 38 authentication_required
""")
"""Adyen, "Refusal reasons": the code that answers carry, and the words that notifications carry."""

CHECKOUT = failures("""
declined_by_bank bank authorisation: 20001 20002 20005 20046 20060 20066 20094 20099 20108
merchant_refused merchant authorisation: 20003 20058 20102 20103 20106 20112 20117 20157
do_not_try_again bank authorisation: 20012 30004 200R1 200R3
lost_or_stolen bank authorisation: 30007 30041 30043
technical provider authorisation: 20006 20020 20022 20030 20089 20090 20092 20096 20104 20105 20156
insufficient_funds bank authorisation: 20051
account_unusable bank authorisation: 20016 20039 20044 20052 20053 20072 20078 20083 30046
card_not_supported bank authorisation: 20015 20031 20040 20057 20062 20081 20093 20179 20182 30036
wrong_card_details payer authorisation: 20014 20056 20087 20100 30015
wrong_code payer authorisation: 20082 20124
expired_card payer authorisation: 20054 30033
wrong_pin payer authorisation: 20055
pin_locked payer authorisation: 20038 20075 30038
cancelled_by_payer payer authentication: 20017
limit_exceeded bank authorisation: 20061 20065 20121 30021 30022
bank_unavailable bank authorisation: 20068 20091
suspected_fraud bank authorisation: 20059 20063 20183 30034
suspected_fraud provider authorisation: 40101 40201 40202 40203 40204 40205 41101 41201 41202 41203
    41204 41205 41206 41301 42101 42201 42202 42203 42204 42206 42301 43101 43102 43201 43202 43203
    43204 43205 43206 43301
authentication_failed payer authentication: 20150 20151 20152 20155
authentication_failed bank authentication: 20153 20159
authentication_required bank authorisation: 20154
authentication_required provider authorisation: 44301
""")
"""Checkout.com, "API response codes"."""

VISA_NEVER = frozenset(["04", "07", "12", "14", "15", "41", "43", "46", "57", "R0", "R1", "R3"])
"""Visa's category 1, "issuer will never approve": the same card is not to be tried again, anywhere."""


class Retry(StrEnum):
    """What may be tried after a refusal."""

    CORRECTED = "corrected"
    """The same card, once the payer has corrected what he typed."""
    LATER = "later"
    """The same card, at another time."""
    AUTHENTICATED = "authenticated"
    """The same card, with 3-D Secure."""
    OTHER_CARD = "other_card"
    NEVER = "never"
    """This card never again: schemes fine repeats."""
    SAME = "same"
    """The same again: nobody said no to the card."""


@dataclass(frozen=True, slots=True)
class After:
    """What a reason allows.

    Attributes:
        failover: the same try may be made at another provider at once: nobody who judges the card or
            its holder has said no, and it is sure that no money moved.
    """

    retry: Retry
    failover: bool


def _table(text: str) -> Mapping[Reason, After]:
    rows = (line.split() for line in text.strip().splitlines())
    return MappingProxyType(
        {Reason(reason): After(Retry(retry), word == "yes") for reason, retry, word in rows}
    )


AFTER = _table("""
    expired_card             corrected      no
    wrong_code               corrected      no
    wrong_card_details       corrected      no
    wrong_pin                corrected      no
    insufficient_funds       later          no
    limit_exceeded           later          no
    pin_locked               later          no
    authentication_required  authenticated  no
    authentication_failed    authenticated  no
    cancelled_by_payer       same           no
    timed_out                same           no
    amount_mismatch          same           no
    app_unavailable          same           no
    not_credited             same           no
    declined_by_bank         other_card     no
    account_unusable         other_card     no
    card_not_supported       other_card     no
    suspected_fraud          other_card     no
    lost_or_stolen           never          no
    do_not_try_again         never          no
    bank_unavailable         same           yes
    network_unavailable      same           yes
    merchant_refused         same           yes
    technical                same           yes
    not_received             same           yes
""")

STOP_ADVICE = frozenset({"03", "21", "42", "99", "do_not_try_again"})
"""Mastercard's merchant advice "do not try again" in its several forms, and Stripe's word for it."""
ADVICE_CODES: Mapping[str, Retry] = MappingProxyType(
    {
        "01": Retry.CORRECTED,  # the account has a new number or expiry
        "02": Retry.LATER,
        **dict.fromkeys(("24", "25", "26", "27", "28", "29", "30"), Retry.LATER),
        **dict.fromkeys(("40", "41"), Retry.OTHER_CARD),  # prepaid, cannot be loaded again
        **dict.fromkeys(sorted(STOP_ADVICE), Retry.NEVER),
    }
)
"""Mastercard's merchant advice codes; 24 to 30 say after how long, an hour to ten days."""

NOT_ACCEPTED = Failure(Reason.MERCHANT_REFUSED, Source.MERCHANT, Step.INITIATION)
"""The provider did not take the request in: our key or our set-up there, or a field."""
NEVER_HEARD = Failure(Reason.NOT_RECEIVED, Source.PROVIDER, Step.INITIATION)
_STOPPED = Failure(Reason.DO_NOT_TRY_AGAIN, Source.BANK, Step.AUTHORISATION)
_UNEXPLAINED = Failure(Reason.DECLINED_BY_BANK, Source.BANK, Step.AUTHORISATION)
_ORDERS = frozenset({"04", "07", "41", "43", "R0", "R1", "R3"})


def failover_allowed(reason: Reason) -> bool:
    """Whether a payment refused for this reason may be tried at another provider at once.

    Only a refusal has a reason: after UNKNOWN nothing may be tried anywhere.
    """
    return AFTER[reason].failover


def failure(own: Failure | None, *, network: str = "", advice: Collection[str] = ()) -> Failure:
    """What a refusal means.

    Args:
        own: what the provider's own code means, if its documents know it.
        network: the issuer's answer (ISO 8583), if the provider hands it through.
        advice: Mastercard's merchant advice code, and the provider's word for it.

    Returns:
        The issuer's or the scheme's order to stop before all; the provider's own word; if that is only
        "the bank refused", or no document knows it, the issuer's. That a payment was refused is the
        provider's status; a code says why. So a code that nobody documents is a refusal unexplained.
    """
    if network in _ORDERS:
        return NETWORK[network]
    if not STOP_ADVICE.isdisjoint(advice):
        return _STOPPED
    if own is None or own.reason is Reason.DECLINED_BY_BANK:
        return NETWORK.get(network) or own or _UNEXPLAINED
    return own


def declined(
    why: Failure,
    detail: str,
    *,
    provider_reference: str | None = None,
    authentication: Authentication | None = None,
    at: datetime | None = None,
) -> Outcome:
    """The outcome of a refusal; `detail` is the provider's own code, for people."""
    return Outcome(
        kind=Kind.DECLINED,
        at=at or clock.now(),
        reason=why.reason,
        source=why.source,
        step=why.step,
        provider_reference=provider_reference,
        authentication=authentication,
        detail=detail[:DETAIL_MAX],
    )
