"""Changing the vault's keys as an operator does it, command by command."""

import asyncio
import json
import sys
from typing import Any

import msgspec

from nonstopay import clock
from nonstopay.card_number import parse_number
from nonstopay.cli.doctor import database as doctor
from nonstopay.cli.doctor.finding import Finding, Verdict
from nonstopay.config import Settings
from nonstopay.store.db import Database
from nonstopay.store.vault.card import Card
from nonstopay.store.vault.keyring import keyring_of
from nonstopay.store.vault.vault import Vault
from tests.unit.store.vault.conftest import key_text

SECRET = "Zk3vQ9xT1mB7rW5pL8dN2cF6hJ4sG0yA"
OLD, NEW = key_text("2026-01"), key_text("2026-07")
CARD = Card(
    number=parse_number("4000056655665556"), expiry_month=9, expiry_year=2031, holder="A. Payer"
)


async def nonstopay(url: str, words: str, *keys: str) -> tuple[int, str, str]:
    """Run a command with these vault keys: its exit status and what it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "nonstopay", *words.split(), "--database", url),
        env={"NONSTOPAY_SECRET_KEY": SECRET, "NONSTOPAY_VAULT_KEYS": ",".join(keys)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode(), complained.decode()


async def kept(database: Database, *keys: str) -> Vault:
    """A vault with one card in it."""
    vault = await Vault.unlock(database, keyring_of(settings(*keys)), clock.now())
    async with database.transaction() as tx:
        await vault.keep(tx, 7, CARD, clock.now())
    return vault


def settings(*keys: str) -> Settings:
    return Settings(secret_key=SECRET, vault_keys=list(keys))


async def test_the_drill(database: Database, migrated_url: str) -> None:
    await kept(database, OLD)

    async def states(*keys: str) -> dict[str, tuple[int, bool]]:
        status, said, _ = await nonstopay(migrated_url, "vault status --json", *keys)
        assert status == 0
        found: list[dict[str, Any]] = json.loads(said)
        return {one["id"]: (one["cards"], one["may_be_retired"]) for one in found}

    assert await states(NEW, OLD) == {"2026-07": (0, False), "2026-01": (1, False)}

    status, said, _ = await nonstopay(migrated_url, "vault rotate", NEW, OLD)
    assert status == 0
    assert said.splitlines() == [
        "sealed anew: 1, left: 0",
        "no card needs 2026-01 any more: take it out of vault_keys",
    ]

    assert await states(NEW, OLD) == {"2026-07": (1, False), "2026-01": (0, True)}
    status, said, _ = await nonstopay(migrated_url, "vault status", NEW)
    assert [line.split()[0] for line in said.splitlines()] == ["KEY", "2026-07", "2026-01"]
    assert said.splitlines()[1].endswith("seals")
    assert said.splitlines()[2].endswith("retired")


async def test_no_command_starts_without_a_key_in_use(
    database: Database, migrated_url: str
) -> None:
    await kept(database, OLD)

    for words in ("vault rotate", "worker"):
        status, said, complained = await nonstopay(migrated_url, words, NEW)
        assert (status, said) == (2, "")
        assert complained == (
            "nonstopay: vault key 2026-01 is missing from vault_keys, "
            "and there are cards that need it\n"
        )


async def test_a_card_that_does_not_open_is_named(database: Database, migrated_url: str) -> None:
    await kept(database, OLD)
    await database.execute("UPDATE vault_card SET merchant_id = 8")

    status, said, _ = await nonstopay(migrated_url, "vault rotate", NEW, OLD)

    assert status == 1
    assert "of merchant 8 does not open" in said
    assert "take it out" not in said


async def finding(url: str, given: Settings) -> Finding:
    findings, _ = await doctor.examine(given, url)
    return next(one for one in findings if one.check == "card vault")


async def test_the_doctor_looks_at_the_vaults_keys(database: Database, migrated_url: str) -> None:
    await kept(database, OLD)

    fine = await finding(migrated_url, settings(NEW, OLD))
    missing = await finding(migrated_url, settings(NEW))
    weak = await finding(migrated_url, settings("k1:" + "A" * 43))
    none = msgspec.structs.replace(settings(), mode="live")

    assert (fine.verdict, fine.found.split()[0]) == (Verdict.OK, "2026-07")
    assert (missing.verdict, "2026-01 is missing" in missing.found) == (Verdict.FAIL, True)
    assert (weak.verdict, "too weak" in weak.found) == (Verdict.FAIL, True)
    assert (await finding(migrated_url, none)).verdict is Verdict.FAIL
    await database.execute("DELETE FROM vault_card")
    assert (await finding(migrated_url, none)).verdict is Verdict.OK
