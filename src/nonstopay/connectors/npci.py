"""NPCI's response codes, which UPI providers hand through, and what each of them means.

Source: NPCI, "UPI Error and Response Codes" 2.9, as banks and gateways republish it (Juspay for HDFC
SmartGateway, "UPI Error Codes"; PhonePe, "Error Codes"). A code that the list leaves open, because the
money may still move, is `IN_DOUBT`: whoever hears it asks again, and never calls it a refusal.
"""

from nonstopay.connectors.outcome import failures

CODES = failures("""
wrong_pin payer authentication: ZM
pin_locked payer authentication: Z6
account_unusable payer authentication: B1
cancelled_by_payer payer authorisation: ZA U19
timed_out payer authorisation: U20 U69 PE
insufficient_funds payer debit: Z9
limit_exceeded bank debit: Z7 Z8 ZU FL FP
account_unusable bank debit: XH ZX YE B3 SD U74
declined_by_bank bank debit: U30 XB RD
suspected_fraud bank debit: 59
suspected_fraud network initiation: U16
bank_unavailable bank debit: UT U86 U90
app_unavailable app authentication: U66
app_unavailable app authorisation: UP U17 U18 U27 U28 U80
network_unavailable network initiation: U14 U15 U29
amount_mismatch app initiation: U12 U54 U57 U58 B6
merchant_refused merchant initiation: ZE ZG ZH U77
not_credited acquirer credit: U31 U78 U89 U91 XC XI YF ZY
""")

IN_DOUBT = frozenset(
    ["01", "21", "32", "96", "BT", "RB", "RP", "RR", "U67", "U68", "U82", "U85", "U87", "U88"]
)
"""Time-outs after the debit was asked for, and reversals under way: nobody knows yet."""
