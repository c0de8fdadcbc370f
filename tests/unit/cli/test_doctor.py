"""The doctor tells what is wrong from what is right; each check is shown both."""

import msgspec
import pytest

from nonstopay import clock
from nonstopay.cli.doctor import database as doctor_of_database
from nonstopay.cli.doctor import door as doctor_of_door
from nonstopay.cli.doctor import examine as doctor
from nonstopay.cli.doctor.finding import Finding, Verdict
from nonstopay.config import Settings
from nonstopay.store import observation
from nonstopay.store.db import Connection, Database
from nonstopay.store.observation import Server

STRONG = "Zk3vQ9xT1mB7rW5pL8dN2cF6hJ4sG0yA"
LIVE = Settings(mode="live", secret_key=STRONG, base_url="https://pay.example.com")
SERVER = Server(
    version=18,
    superuser=False,
    durability={"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"},
    session_began_at=clock.now(),
)


def but(settings: Settings, **changes: object) -> Settings:
    return msgspec.structs.replace(settings, **changes)


def verdicts(findings: list[Finding]) -> list[Verdict]:
    return [one.verdict for one in findings]


async def test_changes_are_really_tried(database: Database, superuser: Connection) -> None:
    async with database.reading() as conn:
        assert await observation.changes_let_through(conn) == []
    assert "UPDATE transfer" in await observation.changes_let_through(superuser)


async def test_a_superuser_is_recognised(database: Database, superuser: Connection) -> None:
    async with database.reading() as conn:
        assert doctor_of_database.role(await observation.server(conn)).verdict is Verdict.OK
    assert doctor_of_database.role(await observation.server(superuser)).verdict is Verdict.FAIL


async def test_the_real_server_is_in_order(migrated_url: str) -> None:
    findings, _ = await doctor_of_database.examine(Settings(secret_key=STRONG), migrated_url)

    wrong = [one for one in findings if one.verdict is Verdict.FAIL]
    assert [one.check for one in wrong] in ([], ["exchange rates"]), wrong


async def test_an_empty_database_is_told_to_migrate(
    superuser: Connection, migrated_url: str
) -> None:
    await superuser.execute("DROP DATABASE IF EXISTS empty_one")
    await superuser.execute("CREATE DATABASE empty_one OWNER nonstopay")
    url = migrated_url.replace("/nonstopay?", "/empty_one?", 1)

    findings, _ = await doctor_of_database.examine(Settings(secret_key=STRONG), url)

    assert findings[-1].check == "migrations"
    assert findings[-1].advice == "run: nonstopay migrate"


@pytest.mark.parametrize("version", [14, 19])
def test_other_versions_of_postgresql_are_refused(version: int) -> None:
    other = Server(version, SERVER.superuser, SERVER.durability, SERVER.session_began_at)

    assert doctor_of_database.version(SERVER).verdict is Verdict.OK
    assert doctor_of_database.version(other).verdict is Verdict.FAIL


@pytest.mark.parametrize("name", SERVER.durability)
def test_what_a_loss_of_power_would_lose_is_a_failure(name: str) -> None:
    careless = Server(18, False, SERVER.durability | {name: "off"}, SERVER.session_began_at)

    assert set(verdicts(list(doctor_of_database.durability(SERVER)))) == {Verdict.OK}
    (wrong,) = [
        one for one in doctor_of_database.durability(careless) if one.verdict is Verdict.FAIL
    ]
    assert wrong.check == name


@pytest.mark.parametrize(
    ("off", "verdict"), [(0.9, "ok"), (-0.9, "ok"), (1.2, "fail"), (-9, "fail")]
)
def test_clocks_may_differ_by_a_second(off: float, verdict: str) -> None:
    ours = clock.now()
    theirs = ours + doctor_of_database.SKEW_MAX * off

    assert doctor_of_database.skew(ours, theirs, ours).verdict == verdict


def test_old_rates_matter_when_live_only() -> None:
    old = clock.now() - (doctor_of_database.SKEW_MAX * 86_400 * (LIVE.rate_max_age_days + 1))

    assert doctor_of_database.rates(Settings(), old).verdict is Verdict.OK
    assert doctor_of_database.rates(LIVE, old).verdict is Verdict.FAIL
    assert doctor_of_database.rates(LIVE, clock.now()).verdict is Verdict.OK
    assert doctor_of_database.rates(LIVE, None).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("networks", "verdict"),
    [
        (["127.0.0.1/32"], "ok"),
        (["10.0.0.0/8"], "ok"),
        (["0.0.0.0/0"], "fail"),
        (["::/0"], "fail"),
        (["52.0.0.0/8"], "warn"),
        ([], "warn"),
    ],
)
def test_whose_forwarded_addresses_are_believed(networks: list[str], verdict: str) -> None:
    (finding,) = doctor.trusted_proxies(but(LIVE, trusted_proxies=networks))

    assert finding.verdict == verdict


def test_live_needs_tls_a_strong_key_and_a_provider() -> None:
    assert doctor.base_url(LIVE).verdict is Verdict.OK
    assert doctor.base_url(but(LIVE, base_url="http://pay.example.com")).verdict is Verdict.FAIL
    assert doctor.secret_key(LIVE).verdict is Verdict.OK
    assert doctor.secret_key(but(LIVE, secret_key="")).verdict is Verdict.FAIL
    assert doctor.secret_key(but(LIVE, secret_key="a" * 40)).verdict is Verdict.FAIL
    assert doctor.providers(LIVE).verdict is Verdict.FAIL
    assert doctor.providers(but(LIVE, upi={"nobody": {}})).verdict is Verdict.FAIL
    assert doctor.providers(but(LIVE, upi={"upi_sandbox": {}})).verdict is Verdict.FAIL
    half = doctor.providers(but(LIVE, card={"stripe": {"secret_key": "sk_live_1"}}))
    assert (half.verdict, "webhook_secret" in half.found) == (Verdict.FAIL, True)
    whole = {"secret_key": "sk_live_1", "webhook_secret": "whsec_1"}
    assert doctor.providers(but(LIVE, card={"stripe": whole})).verdict is Verdict.OK
    assert doctor.providers(Settings()).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (200, b'{"ready":true,"database":true,"worker":true}', "ok"),
        (503, b'{"ready":false,"database":true,"worker":false}', "fail"),
        (200, b"<h1>It works!</h1>", "fail"),
        (404, b'{"detail":"Not Found"}', "fail"),
    ],
)
def test_who_answers_at_the_door(status: int, body: bytes, verdict: str) -> None:
    assert doctor_of_door.judge("http://127.0.0.1:8080", status, body).verdict == verdict
