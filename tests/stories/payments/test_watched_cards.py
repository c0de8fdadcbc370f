"""Cards that the operator watches or blocks, from the merchant's form to his webhooks."""

import json
from typing import Any

from tests.stories.payments.accounts import Auditor, must_hold
from tests.stories.payments.till import Sale, Till, eventually_so

CREATE = "/api/btn-create-invoice/get/"


def pay(till: Till, email: str) -> tuple[Sale, str]:
    """A payer's card comes server to server: the sale, and the status that the reply tells."""
    told: dict[str, Any] = {
        "email": email,
        "amount": "5.00",
        "devise": "EUR",
        "name": "Asha Rao",
        "address1": "1 MG Road",
        "address2": "",
        "city": "Pune",
        "country": "IN",
        "postcode": "411001",
        "date_of_birth": "1990-02-28",
        "card_number": "4242424242424242",
        "card_expiry_date": "12/2039",
        "card_ccv": "917",
        "customer_ip": "198.51.100.7",
        "phone": "+91 98200 12345",
    }
    answer = till.merchant.post(CREATE, told).json()
    assert answer["errorCode"] == 0, answer
    return Sale(till, int(answer["ID"]), answer["redirectUrl"], ""), answer["status"]


async def test_who_is_watched_pays_and_the_merchant_waits_for_the_word(
    till: Till,
) -> None:
    till.gateway.command("risk", "watch", "domain", "watched.example", "--note", "a bad week")

    sale, status = pay(till, "asha@watched.example")
    assert status == "invoice:withheld"
    [held] = till.gateway.command("risk", "review", "list", "--json")
    assert (held["invoice"], held["reasons"]) == (str(sale.invoice), "watched_domain")
    must_hold(till.gateway)

    till.gateway.command("risk", "review", "release", str(sale.invoice), "--note", "he is known")

    await sale.is_told("created", "opened", "withheld", "awaiting_approval")
    must_hold(till.gateway)


async def test_who_is_refused_in_review_has_his_money_back(till: Till, auditor: Auditor) -> None:
    till.gateway.command("risk", "watch", "email", "ravi@example.com")
    sale, _ = pay(till, "ravi@example.com")

    till.gateway.command("risk", "review", "refuse", str(sale.invoice))

    async def refunds() -> list[tuple[str, int]]:
        rows = await auditor.conn.fetch(
            "SELECT state, amount_minor FROM refund WHERE invoice_id = $1", sale.invoice
        )
        return [(row["state"], row["amount_minor"]) for row in rows]

    await eventually_so(refunds, [("success", 500)])
    assert sale.status() == "invoice:withheld"
    must_hold(till.gateway)


async def test_who_is_blocked_is_refused_and_nobody_is_told_why(
    till: Till, auditor: Auditor
) -> None:
    till.gateway.command("risk", "block", "email", "mallory@example.com")

    sale, status = pay(till, "mallory@example.com")

    assert status == "invoice:failed"
    assert await auditor.lines(sale.invoice) == []
    explained = till.gateway.command("risk", "explain", str(sale.invoice), "--json")
    assert explained["reasons"] == ["blocked_email"]
    for said in (sale.page().text, json.dumps(till.merchant.infos(sale.invoice))):
        assert "block" not in said.lower()
        assert "fraud" not in said.lower()
    await sale.is_told("created", "opened", "failed")
