"""Wallets: spelt right, proven, and changed slowly enough for their owner to notice."""

from datetime import timedelta

import pytest
from coincurve import PrivateKey

from nonstopay import clock
from nonstopay.business.merchants import change
from nonstopay.business.merchants import records as merchants
from nonstopay.business.merchants.change import Changes
from nonstopay.business.merchants.merchant import Wallet as Settled
from nonstopay.business.settlement.coins import COINS
from nonstopay.business.settlement.wallets import confirm, records
from nonstopay.business.settlement.wallets.address import (
    address_of,
    digest_of,
    read_address,
    signer_of,
)
from nonstopay.business.settlement.wallets.propose import propose
from nonstopay.business.settlement.wallets.states import State
from nonstopay.business.settlement.wallets.switch import switch_all_due
from nonstopay.business.settlement.wallets.wallet import Wallet
from nonstopay.errors import InvalidInput, NotFound
from nonstopay.store.db import Database
from tests.unit.payments.counter import move_to
from tests.unit.settlement.treasury import WALLET, Treasury

KEY = PrivateKey(bytes.fromhex("4c" * 32))
OTHER_KEY = PrivateKey(bytes.fromhex("4d" * 32))
OURS = "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB"
TWO_DAYS = timedelta(hours=48)


def sign(text: str, key: PrivateKey = KEY, *, first: int = 27) -> str:
    """What a wallet's `personal_sign` gives."""
    raw = key.sign_recoverable(digest_of(text), hasher=None)
    return "0x" + (raw[:64] + bytes([raw[64] + first])).hex()


class Desk:
    """Where a merchant names and proves his wallets."""

    def __init__(self, db: Database, merchant_id: int) -> None:
        self.db, self.merchant_id = db, merchant_id

    async def propose(self, address: str, coin: str = "USDC", network: str = "polygon") -> Wallet:
        async with self.db.transaction() as tx:
            return await propose(
                tx,
                self.merchant_id,
                address=address,
                coin=coin,
                network=network,
                own=[OURS.lower()],
                audience="https://pay.example.com",
                at=clock.now(),
            )

    async def prove(self, signature: str) -> Wallet:
        async with self.db.transaction() as tx:
            return await confirm.prove(
                tx, self.merchant_id, signature, cooldown=TWO_DAYS, at=clock.now()
            )

    async def approve(self, note: str) -> Wallet:
        async with self.db.transaction() as tx:
            return await confirm.approve(
                tx, self.merchant_id, note, cooldown=TWO_DAYS, at=clock.now()
            )

    async def in_use(self) -> Settled:
        async with self.db.reading() as conn:
            merchant = await merchants.by_id(conn, self.merchant_id)
        assert merchant is not None
        return merchant.wallet

    async def states(self) -> list[State]:
        async with self.db.reading() as conn:
            return [one.state for one in await records.of_merchant(conn, self.merchant_id)]

    async def letters(self) -> list[str]:
        rows = await self.db.fetch("SELECT subject FROM mail ORDER BY id")
        return [row["subject"] for row in rows]


@pytest.fixture
async def desk(database: Database) -> Desk:
    async with database.transaction() as tx:
        merchant_id = await change.create(
            tx, email="shop@example.com", name="A shop", changes=Changes(), at=clock.now()
        )
    return Desk(database, merchant_id)


@pytest.mark.parametrize(
    "address",
    [
        # EIP-55's own examples.
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0xde709f2102306220921060314715629080e2fb77",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        *(coin.contract for coin in COINS),
    ],
)
def test_an_address_is_spelt_with_its_capitals(address: str) -> None:
    assert read_address(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD",
        WALLET.lower(),
        WALLET.upper().replace("X", "x"),
        WALLET[:-1],
        WALLET[2:],
        f" {WALLET}",
        "0x" + "0" * 40,
        "0x" + "0" * 39 + "4",
    ],
)
def test_what_no_money_may_go_to_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput):
        read_address(address)


def test_a_signature_names_its_account_as_other_software_computes_it() -> None:
    """The example of the web3 documentation of `accounts.sign` and `accounts.recover`."""
    signature = (
        "0xb91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd"
        "6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a029"
        "1c"
    )
    assert signer_of("Some data", signature) == "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23"


async def test_the_first_wallet_is_used_as_soon_as_its_owner_signed(desk: Desk) -> None:
    address = address_of(KEY.public_key)
    wallet = await desk.propose(address, "USDT", "polygon")
    assert wallet.challenge.startswith("https://pay.example.com\n")
    assert address in wallet.challenge
    assert (await desk.in_use()).active is False

    proven = await desk.prove(sign(wallet.challenge))

    assert proven.state is State.ACTIVE
    assert await desk.in_use() == Settled(address, "USDT", "polygon", active=True)
    assert await desk.letters() == [
        "A wallet was named for your settlement",
        "Your wallet is confirmed",
    ]


@pytest.mark.parametrize("first", [0, 27])
async def test_both_ways_to_count_recovery_are_read(desk: Desk, first: int) -> None:
    wallet = await desk.propose(address_of(KEY.public_key))

    assert (await desk.prove(sign(wallet.challenge, first=first))).state is State.ACTIVE


async def test_anothers_signature_or_text_proves_nothing(desk: Desk) -> None:
    wallet = await desk.propose(address_of(KEY.public_key))
    for signature in (
        sign(wallet.challenge, OTHER_KEY),
        sign(wallet.challenge + " "),
        sign(wallet.challenge)[:-2] + "05",
        "0x" + "00" * 65,
        "0x" + "ff" * 64 + "1b",
        "sure",
    ):
        with pytest.raises(InvalidInput):
            await desk.prove(signature)

    assert await desk.states() == [State.PROPOSED]
    again = await desk.propose(address_of(KEY.public_key))
    with pytest.raises(InvalidInput):
        await desk.prove(sign(wallet.challenge))  # the number is used once
    assert again.challenge != wallet.challenge


async def test_the_operator_may_answer_for_a_wallet_and_says_why(desk: Desk) -> None:
    await desk.propose(WALLET)
    with pytest.raises(InvalidInput):
        await desk.approve(" ")

    approved = await desk.approve("a contract; its owners signed on paper")

    assert (approved.state, approved.proof) == (
        State.ACTIVE,
        "a contract; its owners signed on paper",
    )


async def test_a_change_waits_and_the_old_wallet_is_used_meanwhile(desk: Desk) -> None:
    await desk.propose(WALLET)
    await desk.approve("known")
    wallet = await desk.propose(address_of(KEY.public_key))

    assert (await desk.prove(sign(wallet.challenge))).state is State.CONFIRMED
    await switch_all_due(desk.db, clock.now())
    assert (await desk.in_use()).address == WALLET
    assert (await desk.letters())[-1] == "Your wallet is about to change"

    move_to(clock.now() + TWO_DAYS)
    await switch_all_due(desk.db, clock.now())
    assert (await desk.in_use()).address == wallet.address
    assert await desk.states() == [State.ACTIVE, State.REPLACED]
    assert (await desk.letters())[-1] == "Your wallet is confirmed"


async def test_who_notices_in_time_cancels(desk: Desk) -> None:
    await desk.propose(WALLET)
    await desk.approve("known")
    await desk.propose(address_of(KEY.public_key))
    await desk.approve("somebody called")

    async with desk.db.transaction() as tx:
        await confirm.cancel(tx, desk.merchant_id, clock.now())
        with pytest.raises(NotFound):
            await confirm.cancel(tx, desk.merchant_id, clock.now())

    move_to(clock.now() + TWO_DAYS)
    await switch_all_due(desk.db, clock.now())
    assert (await desk.in_use()).address == WALLET


async def test_our_own_addresses_and_the_coins_contracts_settle_nobody(desk: Desk) -> None:
    for address in (OURS, *(coin.contract for coin in COINS)):
        with pytest.raises(InvalidInput):
            await desk.propose(address)
    with pytest.raises(InvalidInput, match="no settlement in DOGE on polygon"):
        await desk.propose(WALLET, "DOGE")


async def test_a_batch_goes_to_the_wallet_whose_day_has_come(treasury: Treasury) -> None:
    desk = Desk(treasury.db, treasury.merchant_id)
    wallet = await desk.propose(address_of(KEY.public_key))
    await desk.prove(sign(wallet.challenge))
    await treasury.earn()
    assert (await treasury.settle()).address == WALLET

    move_to(clock.now() + TWO_DAYS)
    await treasury.earn()
    assert (await treasury.settle()).address == wallet.address
