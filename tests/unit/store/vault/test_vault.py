"""Cards in the vault: kept once, opened where they belong, gone when nobody needs them."""

import asyncio
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from nonstopay.card_number import Brand
from nonstopay.errors import Misconfigured, NotFound
from nonstopay.store.db import Database
from nonstopay.store.seal import SealBroken
from nonstopay.store.vault.card import Card, VaultedCard
from nonstopay.store.vault.keyring import Keyring
from nonstopay.store.vault.retention import forget_unused
from nonstopay.store.vault.vault import Vault
from tests.unit.store.vault.conftest import MakeCard, MakeKeyring

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ALICE, BOB = 1, 2


async def keep(
    db: Database, vault: Vault, merchant: int, card: Card, at: datetime = AT
) -> VaultedCard:
    async with db.transaction() as tx:
        return await vault.keep(tx, merchant, card, at)


async def opened(
    db: Database, vault: Vault, merchant: int, card_id: int, at: datetime = AT
) -> Card:
    async with db.reading() as conn:
        return await vault.open(conn, merchant, card_id, at)


@pytest.fixture
async def vault(database: Database, keyring_of: MakeKeyring) -> Vault:
    return await Vault.unlock(database, keyring_of("k1"), AT)


async def test_a_card_comes_out_as_it_went_in(
    database: Database, vault: Vault, card_of: MakeCard
) -> None:
    card = card_of(holder="Zoë Ångström-O'Hara")

    kept = await keep(database, vault, ALICE, card)

    assert (kept.first6, kept.last4, kept.brand) == ("400000", card.number.last4, Brand.VISA)
    assert (kept.expiry_month, kept.expiry_year) == (9, 2031)
    assert await opened(database, vault, ALICE, kept.id) == card


async def test_nothing_of_it_is_in_the_database(
    database: Database, vault: Vault, card_of: MakeCard
) -> None:
    """Not the number, not the holder, and no digest that trying all numbers would find."""
    card = card_of(holder="Distinctive Holder")
    kept = await keep(database, vault, ALICE, card)

    row = await database.fetchrow("SELECT * FROM vault_card")
    keys = await database.fetch("SELECT * FROM vault_key")
    stored = await database.fetchrow("SELECT * FROM vault_fingerprint_key")

    text = repr([row, keys, stored])
    digits = card.number.reveal()
    assert row is not None
    assert stored is not None
    assert digits not in text
    assert digits[6:-4] not in text
    assert "Distinctive" not in text
    assert row["fingerprint"] == kept.fingerprint
    for guess in (digits, f"{ALICE}:{digits}", f"{ALICE}{digits}"):
        assert hashlib.sha256(guess.encode()).digest() != kept.fingerprint
        for key in (b"", keys[0]["check_value"], stored["sealed"]):
            assert hmac.digest(key, guess.encode(), "sha256") != kept.fingerprint


async def test_there_is_no_place_for_a_card_code(database: Database) -> None:
    columns = await database.fetch(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public'"
    )

    names = {row["column_name"] for row in columns}
    assert not [name for name in names for code in ("cvc", "cvv", "ccv", "csc") if code in name]
    assert "code" not in " ".join(Card.__slots__)


async def test_the_same_card_of_a_merchant_is_one_row(
    database: Database, vault: Vault, card_of: MakeCard
) -> None:
    first = await keep(database, vault, ALICE, card_of(1, expiry=(1, 2027), holder="Before"))
    again = await keep(database, vault, ALICE, card_of(1, expiry=(2, 2032), holder="After"))
    other = await keep(database, vault, ALICE, card_of(2))

    assert again.id == first.id != other.id
    assert again.fingerprint == first.fingerprint != other.fingerprint
    assert (again.expiry_month, again.expiry_year) == (2, 2032)
    assert (await opened(database, vault, ALICE, first.id)).holder == "After"


async def test_one_card_kept_by_many_at_once_is_one_row(
    database: Database, vault: Vault, card_of: MakeCard
) -> None:
    kept = await asyncio.gather(*(keep(database, vault, ALICE, card_of()) for _ in range(20)))

    assert len({one.id for one in kept}) == 1
    assert await database.fetchval("SELECT count(*) FROM vault_card") == 1


async def test_merchants_have_nothing_in_common(
    database: Database, vault: Vault, card_of: MakeCard
) -> None:
    """Not even the fingerprint of a card that both know."""
    hers = await keep(database, vault, ALICE, card_of())
    his = await keep(database, vault, BOB, card_of())

    assert hers.fingerprint != his.fingerprint
    with pytest.raises(NotFound):
        await opened(database, vault, BOB, hers.id)


@pytest.mark.parametrize(
    "theft",
    [
        "UPDATE vault_card SET merchant_id = 3 WHERE merchant_id = 1",
        "UPDATE vault_card SET id = 99 WHERE merchant_id = 1",
        """UPDATE vault_card SET number_sealed = t.number_sealed
             FROM vault_card t WHERE t.merchant_id = 2 AND vault_card.merchant_id = 1""",
        "UPDATE vault_card SET number_sealed = holder_sealed WHERE merchant_id = 1",
        "UPDATE vault_card SET number_sealed = set_byte(number_sealed, 20, 0) WHERE merchant_id = 1",
        "UPDATE vault_card SET key_id = 'k0' WHERE merchant_id = 1",
    ],
)
async def test_a_row_that_was_tampered_with_does_not_open(
    database: Database, keyring_of: MakeKeyring, card_of: MakeCard, theft: str
) -> None:
    vault = await Vault.unlock(database, keyring_of("k1", "k0"), AT)
    secret = card_of(1)
    await keep(database, vault, ALICE, secret)
    await keep(database, vault, BOB, card_of(2))

    await database.execute(theft)
    row = await database.fetchrow("SELECT merchant_id, id FROM vault_card WHERE merchant_id <> 2")

    assert row is not None
    with pytest.raises(SealBroken) as broken:
        await opened(database, vault, row["merchant_id"], row["id"])
    assert secret.number.reveal() not in str(broken.value)


async def test_nothing_shows_a_number(database: Database, vault: Vault, card_of: MakeCard) -> None:
    card = card_of(holder="Distinctive Holder")
    kept = await keep(database, vault, ALICE, card)

    shown = repr([card, kept, await opened(database, vault, ALICE, kept.id), vault])

    assert card.number.reveal() not in shown
    assert "Distinctive" not in shown


async def test_a_refused_statement_does_not_tell_either(
    database: Database, vault: Vault, card_of: MakeCard
) -> None:
    """PostgreSQL repeats a row that breaks a rule, and that row is sealed."""
    card = card_of(expiry=(13, 2031), holder="Distinctive Holder")

    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await keep(database, vault, ALICE, card)

    told = f"{refused.value} {refused.value.detail}"
    assert card.number.reveal() not in told
    assert "Distinctive" not in told


async def test_a_forgotten_card_is_gone(
    database: Database, vault: Vault, card_of: MakeCard
) -> None:
    kept = await keep(database, vault, ALICE, card_of())

    async with database.transaction() as tx:
        assert not await vault.forget(tx, BOB, kept.id)
        assert await vault.forget(tx, ALICE, kept.id)
        assert not await vault.forget(tx, ALICE, kept.id)

    with pytest.raises(NotFound):
        await opened(database, vault, ALICE, kept.id)


async def test_cards_go_when_nobody_used_them(
    database: Database, vault: Vault, card_of: MakeCard
) -> None:
    idle = await keep(database, vault, ALICE, card_of(1))
    opened_once = await keep(database, vault, ALICE, card_of(2))
    kept_again = await keep(database, vault, ALICE, card_of(3))
    await opened(database, vault, ALICE, opened_once.id, AT + 200 * DAY)
    await keep(database, vault, ALICE, card_of(3), AT + 200 * DAY)

    assert await forget_unused(database, AT + 400 * DAY, 400) == 0
    assert await forget_unused(database, AT + 401 * DAY, 400) == 1
    assert await forget_unused(database, AT + 4000 * DAY, 0) == 0

    with pytest.raises(NotFound):
        await opened(database, vault, ALICE, idle.id)
    for card in (opened_once, kept_again):
        await opened(database, vault, ALICE, card.id, AT + 401 * DAY)


async def test_a_vault_without_keys_keeps_nothing(database: Database, card_of: MakeCard) -> None:
    vault = await Vault.unlock(database, Keyring([]), AT)

    with pytest.raises(Misconfigured, match="no key"):
        await keep(database, vault, ALICE, card_of())


async def test_a_key_that_cards_need_is_missed_at_the_start(
    database: Database, vault: Vault, card_of: MakeCard, keyring_of: MakeKeyring
) -> None:
    await keep(database, vault, ALICE, card_of())

    for keyring in (keyring_of("k2"), Keyring([])):
        with pytest.raises(Misconfigured, match="vault key k1 is missing"):
            await Vault.unlock(database, keyring, AT)
    await Vault.unlock(database, keyring_of("k2", "k1"), AT)


async def test_a_key_that_no_card_needs_may_be_lost(
    database: Database, vault: Vault, card_of: MakeCard, keyring_of: MakeKeyring
) -> None:
    later = await Vault.unlock(database, keyring_of("k2"), AT)

    kept = await keep(database, later, ALICE, card_of())

    assert await opened(database, later, ALICE, kept.id) == card_of()


async def test_another_key_under_an_old_name_is_noticed(
    database: Database, vault: Vault, keyring_of: MakeKeyring
) -> None:
    key = next(iter(keyring_of("other")))
    impostor = Keyring([type(key)("k1", key.secret)])

    with pytest.raises(Misconfigured, match="k1 is another than it was"):
        await Vault.unlock(database, impostor, AT)
