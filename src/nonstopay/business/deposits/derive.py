"""Giving an invoice its receiving address: when the payer picks a coin, and not before."""

from datetime import datetime

from nonstopay.business.deposits import records
from nonstopay.business.deposits.address import DepositAddress
from nonstopay.business.deposits.chains import Chains, family_of
from nonstopay.errors import NotFound
from nonstopay.store.db import Connection


async def derive(
    tx: Connection, chains: Chains, merchant_id: int, invoice_id: int, network: str, at: datetime
) -> DepositAddress:
    """The invoice's address on this network, which is that of all networks of its family.

    Asked again, it answers the same. No two invoices ever get the same one: the numbers come from one
    sequence per family, which gives none twice, whoever asks and whatever becomes of his transaction.

    Raises:
        NotFound: there is no such network, or no account to derive from.
    """
    on = chains.network(network)
    account = chains.account(on)
    if account is None:
        raise NotFound(f"there is no account for {network}")
    family = family_of(on)
    if given := (await records.addresses_of(tx, merchant_id, invoice_id)).get(family):
        return given
    first = account.address(on, 0)  # an account goes by its first address, as its wallet shows it
    index = await records.next_index(tx, family, first)
    made = DepositAddress(
        family=family,
        address=account.address(on, index),
        path_index=index,
        merchant_id=merchant_id,
        invoice_id=invoice_id,
    )
    return await records.insert_address(tx, made, first, at)
