"""What time does: codes run out and are replaced, invoices expire after 14 days, doubt outlives both."""

from tests.stories.gateway import Gateway
from tests.stories.payments.accounts import must_hold
from tests.stories.payments.till import Till
from tests.stories.shop import open_shop

CODE_SECONDS = 480
FOURTEEN_DAYS = 14 * 86_400


async def test_a_code_that_ran_out_is_replaced_and_nobody_speaks_of_failure(till: Till) -> None:
    sale = till.hosted()

    till.gateway.sandbox("clock", advance_seconds=CODE_SECONDS + 1)

    page = await sale.shows("expired")
    assert "Nothing went wrong" in page
    assert "upi://pay" not in page
    assert sale.status() == "invoice:opened"
    new_link = sale.new_qr()
    assert new_link != sale.link
    sale.pay(link=new_link)
    await sale.shows("paid")
    await sale.is_told("created", "opened", "awaiting_approval")


async def test_after_fourteen_days_what_is_unpaid_expires_and_what_is_in_doubt_does_not(
    own_gateway: Gateway,
) -> None:
    with open_shop() as shop:
        merchant = own_gateway.merchant("--callback-url", shop.url)
        till = Till(own_gateway, merchant, shop)
        merchant.new_page(amount=5)
        never_opened = merchant.newest_invoice()
        opened = till.hosted()
        paid = till.hosted()
        paid.pay()
        await paid.shows("paid")

        in_doubt = till.hosted()

        own_gateway.sandbox("clock", advance_seconds=FOURTEEN_DAYS - 600)
        await in_doubt.shows("expired")  # the code, not the invoice: the payer takes a new one
        in_doubt.pay("pending", link=in_doubt.new_qr())
        await in_doubt.shows("processing")
        own_gateway.sandbox("clock", advance_seconds=1200)

        await merchant.wait_for_status(never_opened, "invoice:expired")
        await opened.shows("expired")
        await opened.is_told("created", "opened", "expired")
        assert paid.status() == "invoice:awaiting_approval"
        assert in_doubt.status() == "invoice:opened", "money in doubt does not expire"

        own_gateway.sandbox("clock", advance_seconds=600)
        await in_doubt.shows("paid")
        await in_doubt.is_told("created", "opened", "awaiting_approval")
        must_hold(own_gateway)
