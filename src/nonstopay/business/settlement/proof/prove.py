"""The invariants of settlement; `payments/proof/prove.py` examines them."""

from nonstopay.business.payments.proof.prove import Law
from nonstopay.business.settlement.proof import records

LAWS = (
    Law(
        "the invoices of a batch add up to its parts",
        records.parts_do_not_add_up,
        lambda row: (
            f"batch {row['id']} of merchant {row['merchant_id']}: its invoices in "
            f"{row['currency']} have other sums than their part"
        ),
    ),
    Law(
        "the parts of a batch add up to what it pays",
        records.batches_do_not_add_up,
        lambda row: (
            f"batch {row['id']} of merchant {row['merchant_id']} is over {row['amount']}, its "
            f"parts over {row['parts']}"
        ),
    ),
    Law(
        "what a batch says is what the book says",
        records.wrongly_booked,
        lambda row: (
            f"batch {row['id']} of merchant {row['merchant_id']}: the book has other sums in "
            f"{row['currency']}"
        ),
    ),
    Law(
        "a batch's transfer is booked once it is paid, exactly, and not before",
        records.wrongly_paid,
        lambda row: (
            f"batch {row['id']} of merchant {row['merchant_id']} is {row['state']} over "
            f"{row['amount']}, booked are {row['booked']}"
        ),
    ),
    Law(
        "no transfer pays two batches of a merchant",
        records.paid_twice,
        lambda row: (
            f"{row['batches']} batches of merchant {row['merchant_id']} claim {row['tx_hash']}"
        ),
    ),
    Law(
        "an invoice is settled by one batch, and paid only if that is",
        records.wrongly_told,
        lambda row: (
            f"invoice {row['id']} of merchant {row['merchant_id']} is {row['state']}, its batch "
            f"is {row['batch']}"
        ),
    ),
    Law(
        "what is set aside in the books is what batches set aside and nobody released",
        records.wrongly_reserved,
        lambda row: (
            f"merchant {row['merchant_id']}: batches set aside {row['held']} {row['currency']} in "
            f"minor units, the book says {row['booked']}"
        ),
    ),
    Law(
        "what is on its way in the books is what batches have not paid yet",
        records.wrongly_settling,
        lambda row: (
            f"merchant {row['merchant_id']}: batches still pay {row['unpaid']} {row['currency']} "
            f"in minor units, the book says {row['booked']}"
        ),
    ),
)
