"""Configuration: later sources win, and what is not understood is refused, never ignored."""

from pathlib import Path

import pytest

from nonstopay.config import Settings, load, require_live_secret
from nonstopay.errors import Misconfigured
from nonstopay.store.installation import with_secret

STRONG = "q7Zr0dTfW3xYb9LkMn2VcPs8HgJa5EuR1oIt6CvB"
LIVE = {"mode": "live", "base_url": "https://pay.example.com"}


def toml(place: Path, text: str) -> Path:
    file = place / "nonstopay.toml"
    file.write_text(text)
    return file


def secret_file(place: Path, text: str) -> str:
    file = place / "secret"
    file.write_text(text)
    return str(file)


def test_nothing_given_is_a_sandbox_on_this_machine() -> None:
    settings = load({}, {})
    assert not settings.live
    assert settings.public_url == "http://127.0.0.1:8080"


def test_later_sources_win(tmp_path: Path) -> None:
    file = toml(tmp_path, 'port = 1001\nhost = "10.0.0.1"\ndata = "from-file"\n')
    environment = {"NONSTOPAY_PORT": "1002", "NONSTOPAY_HOST": "10.0.0.2", "HOME": "/"}
    assert load({}, {}, file).port == 1001
    assert load({}, environment, file).port == 1002
    settings = load({"port": 1003, "host": None}, environment, file)
    assert (settings.port, settings.host, settings.data) == (1003, "10.0.0.2", "from-file")


def test_the_environment_may_name_the_file(tmp_path: Path) -> None:
    file = toml(tmp_path, "port = 1001")
    other = tmp_path / "other.toml"
    other.write_text("port = 1002")
    assert load({}, {"NONSTOPAY_CONFIG": str(file)}).port == 1001
    assert load({}, {"NONSTOPAY_CONFIG": str(file)}, other).port == 1002


def test_a_value_may_lie_in_a_file(tmp_path: Path) -> None:
    named = secret_file(tmp_path, f"{STRONG}\n")
    assert load({}, {"NONSTOPAY_SECRET_KEY_FILE": named}).secret_key == STRONG
    assert load({}, {"NONSTOPAY_UPI__ACME__KEY_SECRET_FILE": named}).upi == {
        "acme": {"key_secret": STRONG}
    }


def test_a_value_given_twice_is_refused_not_chosen(tmp_path: Path) -> None:
    file = secret_file(tmp_path, STRONG)
    with pytest.raises(Misconfigured, match="given twice"):
        load({}, {"NONSTOPAY_SECRET_KEY": "x", "NONSTOPAY_SECRET_KEY_FILE": file})


def test_sections_are_joined_key_by_key(tmp_path: Path) -> None:
    file = toml(tmp_path, '[upi.acme]\nkey_id = "a"\nkey_secret = "b"\n[upi.bolt]\nkey = "c"\n')
    settings = load({}, {"NONSTOPAY_UPI__ACME__KEY_SECRET": "better"}, file)
    assert settings.upi == {"acme": {"key_id": "a", "key_secret": "better"}, "bolt": {"key": "c"}}
    assert next(iter(settings.upi)) == "acme", "the order of the file is the order of preference"


@pytest.mark.parametrize(
    ("text", "networks"),
    [
        ("127.0.0.1/32", ["127.0.0.1/32"]),
        (" 127.0.0.1/32 , 10.0.0.0/8,", ["127.0.0.1/32", "10.0.0.0/8"]),
        ("::1/128", ["::1/128"]),
        ("", []),
    ],
)
def test_a_list_is_separated_by_commas(text: str, networks: list[str]) -> None:
    assert load({}, {"NONSTOPAY_TRUSTED_PROXIES": text}).trusted_proxies == networks


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("NONSTOPAY_TRUSTED_PROXY", "10.0.0.0/8"),
        ("NONSTOPAY_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("NONSTOPAY_TRUSTED_PROXIES", "proxy.internal"),
        ("NONSTOPAY_TRUSTED_PROXIES", "*"),
        ("NONSTOPAY_MODE", "Live"),
        ("NONSTOPAY_PORT", "0"),
        ("NONSTOPAY_PORT", "65536"),
        ("NONSTOPAY_PORT", "8o80"),
        ("NONSTOPAY_PORT__X", "1"),
        ("NONSTOPAY_UPI", "acme"),
        ("NONSTOPAY_UPI__ACME", "key"),
        ("NONSTOPAY_UPI__ACME__KEY__MORE", "x"),
        ("NONSTOPAY_DATABASE", "mysql://db/nonstopay"),
        ("NONSTOPAY_DATABASE_CONNECTIONS", "1"),
        ("NONSTOPAY_CREATE_BATCH_MAX", "0"),
        ("NONSTOPAY_CREATE_WAITING_MAX", "-1"),
        ("NONSTOPAY_UPI_SECONDS", "0"),
        ("NONSTOPAY_WEBHOOK_ATTEMPTS_DAYS", "-1"),
        ("NONSTOPAY_LOG_LEVEL", "loud"),
        ("NONSTOPAY_SMTP_HOST", "mail.example.com"),
        ("NONSTOPAY_SECRET_KEY_FILE", "/nowhere/secret"),
        ("NONSTOPAY_CONFIG", "/nowhere/nonstopay.toml"),
    ],
)
def test_what_is_not_understood_is_refused(name: str, text: str) -> None:
    with pytest.raises(Misconfigured):
        load({}, {name: text})


@pytest.mark.parametrize(
    "text",
    ["trusted_proxy = []", "port = [1]", "port =", "port = 1\nport = 2", "[upi]\nacme = 1",
     "secret_key = 5", "[[upi]]"],
)  # fmt: skip
def test_a_file_that_is_not_understood_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Misconfigured):
        load({}, {}, toml(tmp_path, text))


def test_an_error_does_not_repeat_a_secret(tmp_path: Path) -> None:
    file = toml(tmp_path, f'secret_key = "{STRONG}"\nport = "x"')
    with pytest.raises(Misconfigured) as refusal:
        load({}, {"NONSTOPAY_SMTP_PASSWORD": "hunter22"}, file)
    assert STRONG not in str(refusal.value)
    assert "hunter22" not in str(refusal.value)


def test_live_starts_with_a_strong_key_and_an_https_address() -> None:
    require_live_secret(load({**LIVE, "secret_key": STRONG}, {}))
    assert with_secret(load({**LIVE, "secret_key": STRONG}, {})).secret_key == STRONG


@pytest.mark.parametrize(
    "changed",
    [
        {"secret_key": ""},
        {"secret_key": "short"},
        {"secret_key": STRONG[:31]},
        {"secret_key": "a" * 64},
        {"secret_key": "abab" * 16},
        {"secret_key": f"example-{STRONG}"},
        {"base_url": ""},
        {"base_url": "http://pay.example.com"},
        {"card": {"acme": {}}},
        {"previous_secret_keys": [""]},
        {"previous_secret_keys": [STRONG[::-1], "old"]},
    ],
)
def test_live_refuses_to_start_on_weak_ground(changed: dict[str, object]) -> None:
    settings = load({**LIVE, "secret_key": STRONG, **changed}, {})
    with pytest.raises(Misconfigured):
        with_secret(settings)


def test_the_address_that_payers_see() -> None:
    assert Settings(base_url="https://pay.example.com/").public_url == "https://pay.example.com"
    assert Settings(host="::1", port=81).public_url == "http://[::1]:81"
