"""Configuration: one frozen `Settings`, from defaults, a TOML file, the environment, the command line.

Later sources win. Every key may come from the environment as `NONSTOPAY_<KEY>`, or from a file named
by `NONSTOPAY_<KEY>_FILE` (how containers hand out secrets). An unknown key is refused, not ignored: a
misspelt safety setting must not silently be off. With `mode = "live"` weak or missing secrets refuse
to start.
"""

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from nonstopay.errors import Misconfigured

PREFIX = "NONSTOPAY_"
SECRET_BYTES_MIN = 32
API_PROCESSES_MAX = 4
_ADDRESS = re.compile(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,255}")


Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
NotNegative = Annotated[int, msgspec.Meta(ge=0)]


class RiskLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A section of risk limits; what is not given stays as it is (`business/risk/limits.py`)."""

    card_per_hour: NotNegative | None = None
    email_per_hour: NotNegative | None = None
    address_per_hour: NotNegative | None = None
    cards_per_email: NotNegative | None = None
    cards_per_address: NotNegative | None = None
    country_mismatch: Literal["off", "review", "block"] | None = None


class RoutingWhen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which card payments a rule is for; of a list one suffices. Amounts like `"100.00"`."""

    currency: str | list[str] = []
    country: str | list[str] = []
    brand: str | list[str] = []
    merchant: int | list[int] = []
    amount_min: str = ""
    amount_max: str = ""


class RoutingRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A rule of routing: the card providers to ask, in this order, and nobody else."""

    to: Annotated[list[str], msgspec.Meta(min_length=1)]
    name: str = ""
    when: RoutingWhen = RoutingWhen()


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What can be set. Times in seconds, sizes in bytes."""

    mode: Literal["sandbox", "live"] = "sandbox"
    """`live` switches the sandbox off and insists on real secrets."""
    data: str = "nonstopay-data"
    """Where the embedded PostgreSQL and the sandbox's generated secret live."""
    database: str = ""
    """A `postgresql://` URL; empty: the embedded PostgreSQL in `data`."""
    host: str = "127.0.0.1"
    port: Port = 8080
    api_processes: NotNegative = 0
    """How many processes of `serve` answer HTTP; 0: one for every two cores, at most four, since the
    database and the worker want theirs."""
    base_url: str = ""
    """What payers and merchants see, e.g. `https://pay.example.com`; empty: `http://host:port`."""
    secret_key: str = ""
    """The installation's secret, at least 32 bytes; sandboxes generate one into `data`."""
    previous_secret_keys: list[str] = []
    """Retired secrets that still open what they sealed."""
    vault_keys: list[str] = []
    """Keys of the card vault, `name:base64url of 32 bytes`: the first one seals, all of them open."""
    vault_unused_days: NotNegative = 400
    """Cards that were not used for so long are deleted from the vault; 0: never."""
    trusted_proxies: list[str] = []
    """CIDR networks whose X-Forwarded-For is believed, from the right, hop by hop."""
    database_connections: Annotated[int, msgspec.Meta(ge=2)] = 12
    create_batch_max: Positive = 192
    create_waiting_max: Positive = 4096
    """Callers waiting for a create-invoice commit; beyond it new ones are told to come back."""
    upi: dict[str, dict[str, str]] = {}
    """UPI providers by name, the preferred one first, each with its own keys: `[upi.razorpay]`. One key
    from the environment: `NONSTOPAY_UPI__RAZORPAY__KEY_SECRET`, or `…_FILE`."""
    card: dict[str, dict[str, str]] = {}
    """Card providers by name, the preferred one first, as with `upi`: `[card.stripe]`."""
    card_seconds: Positive = 1200
    """How long a payer may take for 3-D Secure."""
    routing: list[RoutingRule] = []
    """Which card payments go to which providers: `[[routing]]`, in a file alone; the first that fits."""
    risk: dict[str, RiskLimits] = {}
    """How many tries are too many: `[risk.all]`, and `[risk.12]` for merchant 12."""
    risk_bins: str = ""
    """A file of card numbers' first digits and their countries, a line each: `424242,US`."""
    upi_seconds: Positive = 480
    """How long a dynamic QR can be paid."""
    networks_file: str = ""
    """A TOML file of networks and coins beside the shipped ones, or instead of their values."""
    chain: dict[str, dict[str, str]] = {}
    """The nodes of each network, the preferred one first: `[chain.polygon]` with `rpc`, URLs. They may
    hold a vendor's key, so from the environment best as `NONSTOPAY_CHAIN__POLYGON__RPC_FILE`."""
    coin_seconds: Positive = 1800
    """How long the rate of a coin holds for a payer, seconds; each transfer in time gives as long again."""
    coin_rate_max_seconds: Positive = 300
    """Rates of coins older than this are refused; stablecoins are taken at par."""
    chain_dust: str = "0.01"
    """Deposits worth less, US dollars, are ignored; empty: none."""
    chain_two_nodes_above: str = "1000.00"
    """Deposits worth this or more, US dollars, need the word of two nodes; empty: one is enough."""
    xpub_evm: str = ""
    """The account whose receiving addresses payers send to, as an extended public key."""
    xpub_tron: str = ""
    xpub_bitcoin: str = ""
    xpub_litecoin: str = ""
    sandbox_chain: bool = True
    """Whether `serve` runs chains of its own in the sandbox; off when live."""
    sandbox_litecoin: bool = True
    """Whether a Litecoin is among them, where there is a litecoind."""
    rate_max_age_days: Positive = 5
    """Exchange rates older than this are refused when live."""
    rates_url: str = "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-daily.xml"
    clearing_days_card: NotNegative = 2
    """How long after a card payment its money is here and may be settled; in the sandbox at once."""
    clearing_days_upi: NotNegative = 1
    clearing_days_crypto: NotNegative = 0
    wallet_cooldown_hours: NotNegative = 48
    """How long a merchant's old wallet is used after he confirmed another one."""
    signer_key_file: str = ""
    """The hot wallet's key, in a file that nobody else may read; `serve` starts a signer with it."""
    signer_socket: str = ""
    """Where the signer listens; empty: `signer.sock` in `data`."""
    hot_transaction_max: str = "10000"
    """The most that leaves the hot wallet in one transaction, in units of a stablecoin."""
    hot_day_max: str = "50000"
    """The most of a stablecoin that leaves it on a network in a day, UTC."""
    hot_native_max: str = "0"
    """The same for a network's own coin, in one transaction and in a day; fees are not counted."""
    hot_fee_gwei_max: Positive = 2000
    """The most that a unit of gas may cost."""
    hot_contracts: list[str] = []
    """Contracts that the signer may call besides the coins' own, 0x…."""
    hot_new_address_hours: NotNegative = 24
    """How long the first payment to an address waits; in the sandbox not at all."""
    hot_low_balance: str = "1000"
    """Less of a stablecoin in the hot wallet is an alert."""
    hot_low_gas: str = "0.1"
    """Less of a network's own coin is one, too."""
    own_addresses: list[str] = []
    """Our own wallets, 0x…, to which no merchant is settled."""
    webhook_concurrency: Positive = 128
    """Webhooks on their way at once; to one endpoint at most half of them."""
    webhook_attempts_days: NotNegative = 90
    """How long attempts to deliver are kept, with what the receivers answered; 0: for ever."""
    webhook_attempts_archive: str = ""
    """A folder into which attempts are written before they are removed; empty: into none."""
    webhook_forbidden: list[str] = []
    """CIDR networks on the public internet that are ours, to which no webhook goes."""
    smtp_host: str = ""
    """The relay that takes our mail; empty: letters are kept (the sandbox shows them at /sandbox/mail)."""
    smtp_port: Port = 587
    """465: TLS from the first byte. Any other: STARTTLS is demanded, but of this machine's loopback."""
    smtp_user: str = ""
    smtp_password: str = ""
    mail_from: str = ""
    """The address that our letters come from, e.g. `pay@example.com`."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def live(self) -> bool:
        return self.mode == "live"

    @property
    def api_count(self) -> int:
        half_of_them = (os.cpu_count() or 1) // 2
        return self.api_processes or max(1, min(half_of_them, API_PROCESSES_MAX))

    @property
    def public_url(self) -> str:
        return self.base_url.rstrip("/") or f"http://{_url_host(self.host)}:{self.port}"

    @property
    def data_path(self) -> Path:
        return Path(self.data).expanduser().absolute()


def load(
    arguments: Mapping[str, Any], environment: Mapping[str, str], file: Path | None = None
) -> Settings:
    """Settings from a TOML file, the environment and the command line; later ones win.

    Args:
        arguments: from the command line; `None` means not given.
        environment: usually `os.environ`.
        file: a TOML file; must exist when named. Also `NONSTOPAY_CONFIG`.

    Raises:
        Misconfigured: an unknown key, a wrong type or value, an unreadable file.
    """
    named = environment.get(f"{PREFIX}CONFIG")
    path = file or (Path(named) if named else None)
    values: dict[str, Any] = {}
    if path:
        values = _merge(values, _from_file(path))
    values = _merge(values, _from_environment(environment))
    values |= {key: value for key, value in arguments.items() if value is not None}
    try:
        settings = msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise Misconfigured(f"configuration: {error}") from None
    _check(settings)
    return settings


def require_live_secret(settings: Settings) -> None:
    """Refuse to go live with a missing or weak secret key; a retired one opens links and seals too.

    Raises:
        Misconfigured: shorter than 32 bytes, or made of a few repeated characters.
    """
    advice = "set NONSTOPAY_SECRET_KEY_FILE to a file made by: openssl rand -base64 48"
    if not settings.secret_key:
        raise Misconfigured(f"live mode needs a secret key; {advice}")
    if _is_weak(settings.secret_key):
        raise Misconfigured(f"the secret key is too weak for live mode; {advice}")
    if any(_is_weak(key) for key in settings.previous_secret_keys):
        raise Misconfigured("a key in previous_secret_keys is too weak for live mode; take it out")
    if settings.card and not settings.vault_keys:
        raise Misconfigured(
            "live card payments need vault_keys; docs/vault.md says how to make one"
        )
    if not settings.base_url.startswith("https://"):
        raise Misconfigured("live mode needs base_url, the https:// address that payers see")


def _is_weak(key: str) -> bool:
    return len(key.encode()) < SECRET_BYTES_MIN or len(set(key)) < 12 or "example" in key.lower()


def _check(settings: Settings) -> None:
    for name in ("trusted_proxies", "webhook_forbidden"):
        for network in getattr(settings, name):
            try:
                ipaddress.ip_network(network)
            except ValueError:
                raise Misconfigured(f"{name}: {network} is not a network") from None
    if settings.database and not settings.database.startswith(("postgresql://", "postgres://")):
        raise Misconfigured("database must be a postgresql:// URL")
    if settings.smtp_host and not _ADDRESS.fullmatch(settings.mail_from):
        raise Misconfigured("smtp_host needs mail_from, the address that our letters come from")


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"cannot read {path}: {error}") from None


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, text in environment.items():
        if name.startswith(PREFIX) and name != f"{PREFIX}CONFIG":
            _set(values, name, text)
    return values


def _set(values: dict[str, Any], name: str, text: str) -> None:
    """Put one variable where it belongs; `__` leads into a section."""
    path = name.removeprefix(PREFIX).lower().split("__")
    if path[-1].endswith("_file") and (len(path) > 1 or path[0] not in _KNOWN):
        path[-1] = path[-1].removesuffix("_file")
        text = _from_secret_file(name, text)
    kind = type(_KNOWN.get(path[0]))
    if path[0] not in _KNOWN or len(path) != (3 if kind is dict else 1):
        raise Misconfigured(f"{name} is not a setting")
    place = values
    for step in path[:-1]:
        place = place.setdefault(step, {})
    if path[-1] in place:
        raise Misconfigured(f"{name} is given twice, in clear and as a file")
    place[path[-1]] = _items(text) if kind is list else text


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.replace("\n", ",").split(",") if item.strip()]


def _from_secret_file(name: str, path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{name}: cannot read {path}: {error}") from None


def _merge(values: dict[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """The later values over the earlier ones, section by section."""
    merged = dict(values)
    for key, value in later.items():
        earlier = merged.get(key)
        if isinstance(earlier, dict) and isinstance(value, Mapping):
            merged[key] = _merge(earlier, value)
        else:
            merged[key] = value
    return merged


def _url_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


_KNOWN: dict[str, Any] = {key: getattr(Settings(), key) for key in Settings.__struct_fields__}
