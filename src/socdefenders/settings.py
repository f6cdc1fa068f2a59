"""Every setting, read from the environment once, by an entry point, and passed down.

A setting is `SOCDEFENDERS_<NAME>`; a secret may stand in a file named by `SOCDEFENDERS_<NAME>_FILE`
instead. A value that cannot be read is an error that names the variable; nothing is guessed.
`FIELDS` is the list that `docs/configuration.md` is tested against.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from platformdirs import user_data_path

from socdefenders.errors import SettingsError

PREFIX = "SOCDEFENDERS_"
FEED_KEYS = ("abuse_ch_key", "otx_key", "phishtank_key")
"""Settings that hold the keys of publishers, by the names under which the catalog of sources asks for them."""
SECRETS = frozenset({"database_url", "fetch_proxy", "model_key", "valkey_url", *FEED_KEYS})
OTHERS = frozenset({PREFIX + "KEY", PREFIX + "SHARED"})
"""No settings of an instance: the key that `socdefenders search --url` sends, and the tests' folder of real data."""
VALKEY_SCHEMES = ("valkey", "redis", "valkeys", "rediss")
VALKEY_OPTIONS = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"})
"""Files that TLS needs, named behind the `?` of the address."""
LEAST_TOKENS = 30_000
"""Of a day, so that the longest article fits in."""

LEAST_ACTIVE_DAYS = 14
"""A list without dates is noted as read again once a week; with less, what it holds would fade in between."""
MOST_DAYS = 36_500

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """What one tier of API keys may do."""

    name: str
    per_minute: int
    per_day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The configuration of one process."""

    data_dir: Path
    """Where the embedded PostgreSQL keeps its data; unused with `database_url`."""
    database_url: str | None = None
    """A PostgreSQL 14 or later with pg_trgm, instead of the embedded one."""
    database_connections: int = 8
    """Connections a process holds for requests; half as many more are for the fallback search, and three for itself."""
    host: str = "127.0.0.1"
    """Address the API listens on."""
    port: int = 8080
    """Port the API listens on."""
    public_url: str = "http://127.0.0.1:8080"
    """The address under which people reach this instance; links are built on it."""
    instance_name: str = "SOC Defenders"
    """`meta.source` of every answer."""
    valkey_url: str | None = None
    """Valkey or Redis that holds the request budgets of several API processes."""
    trusted_proxies: tuple[Network, ...] = ()
    """Networks whose X-Forwarded-For is believed."""
    search_deadline_ms: int = 20
    """Milliseconds after which a fallback search starts no further range."""
    log_level: str = "info"
    """debug, info, warning or error."""
    log_format: str = "json"
    """json or text."""
    free_per_minute: int = 10
    """Requests a minute of a free key."""
    free_per_day: int = 1_000
    """Requests a day of a free key."""
    pro_per_minute: int = 1_000
    """Requests a minute of a pro key."""
    pro_per_day: int = 1_000_000
    """Requests a day of a pro key."""
    failed_auth_per_minute: int = 10
    """Failed authentications a minute from one client address."""
    feeds_dir: Path | None = None
    """The folder of an operator's own sources; None: `feeds` in the data directory."""
    worker_concurrency: int = 4
    """Sources a worker looks at at a time."""
    abuse_ch_key: str | None = None
    """The Auth-Key of abuse.ch: URLhaus, ThreatFox, MalwareBazaar."""
    otx_key: str | None = None
    """The key of AlienVault OTX."""
    phishtank_key: str | None = None
    """The application key of PhishTank."""
    fetch_contact: str | None = None
    """An address of mail or the web that publishers are told, so that they can reach whoever runs this instance."""
    fetch_allowed: tuple[Network | str, ...] = ()
    """Networks and host names that may be fetched from although they are not of the public internet."""
    fetch_proxy: str | None = None
    """The HTTP proxy through which publishers are reached."""
    model_url: str | None = None
    """The address of a chat-completions API, without `/chat/completions`, whose model summarises articles."""
    model_name: str | None = None
    """What that API calls the model."""
    model_key: str | None = None
    """The key of that API, if it wants one."""
    model_tokens_per_day: int = 500_000
    """Tokens that all workers together may have the model use up in a day of UTC."""
    model_timeout_seconds: int = 120
    """Seconds after which an answer of the model is waited for no longer."""
    active_days_address: int = 47
    """Days after its last report for which an address counts as active."""
    active_days_domain: int = 300
    """The same for a domain and an address of mail."""
    active_days_url: int = 47
    """The same for a URL."""
    active_days_file: int = 460
    """The same for the hash of a file."""
    keep_bodies_days: int = 365
    """Days for which the text of an article is kept after it was fetched."""
    keep_inactive_days: int | None = None
    """Days for which an indicator is kept once it is inactive; None: for ever."""
    keep_tombstones_days: int = 365
    """Days for which it is kept that an indicator was removed."""

    def tier(self, name: str) -> Tier:
        """Return the budgets of tier `name`, "free" or "pro"."""
        if name == "pro":
            return Tier(name="pro", per_minute=self.pro_per_minute, per_day=self.pro_per_day)
        return Tier(name="free", per_minute=self.free_per_minute, per_day=self.free_per_day)

    def feed_keys(self) -> dict[str, str]:
        """Return the keys of publishers that are set, by the names of their settings."""
        held = {"abuse_ch_key": self.abuse_ch_key, "otx_key": self.otx_key, "phishtank_key": self.phishtank_key}
        return {name: key for name, key in held.items() if key}


FIELDS = tuple(field.name for field in fields(Settings))


def read(environ: Mapping[str, str]) -> Settings:
    """Read the settings out of `environ`; raise SettingsError for the first that is wrong."""
    known = {PREFIX + name.upper() for name in FIELDS} | {f"{PREFIX}{name.upper()}_FILE" for name in SECRETS}
    for variable in environ:
        if variable.startswith(PREFIX) and variable not in known | OTHERS:
            raise SettingsError(f"{variable} is no setting of SOC Defenders; docs/configuration.md lists them all.")
    values: dict[str, object] = {"data_dir": default_data_dir()}
    for name in FIELDS:
        raw = _raw(environ, name)
        if raw is not None:
            try:
                values[name] = READERS[name](raw)
            except ValueError as error:
                raise SettingsError(f"{PREFIX}{name.upper()}: {error}") from error
    return Settings(**values)  # type: ignore[arg-type]  # every reader returns its field's type; a test proves it


def default_data_dir() -> Path:
    """Return the platform's directory for a user's data; for root one that PostgreSQL's own account can reach."""
    if os.geteuid() == 0:
        return Path("/var/lib/socdefenders/data")
    return user_data_path("socdefenders", appauthor=False)


def _raw(environ: Mapping[str, str], name: str) -> str | None:
    variable = PREFIX + name.upper()
    value, file = environ.get(variable), environ.get(f"{variable}_FILE") if name in SECRETS else None
    if value and file:
        raise SettingsError(f"{variable} and {variable}_FILE are both set; keep one.")
    if file:
        return _secret(variable, file)
    return value or None


def _secret(variable: str, file: str) -> str:
    try:
        value = Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError(f"{variable}_FILE: {file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{variable}_FILE: {file} is no text.") from error
    if not value:
        raise SettingsError(f"{variable}_FILE: {file} is empty.")
    return value


def _positive(raw: str) -> int:
    if not (raw.isascii() and raw.isdigit() and int(raw) > 0):
        raise ValueError(f"{raw!r} is not a whole number above zero.")
    return int(raw)


def _days(least: int) -> Callable[[str], int]:
    def reader(raw: str) -> int:
        if not (raw.isascii() and raw.isdigit() and least <= int(raw) <= MOST_DAYS):
            raise ValueError(f"{raw!r} is not a number of days between {least} and {MOST_DAYS:,}.")
        return int(raw)

    return reader


def _port(raw: str) -> int:
    if not (raw.isascii() and raw.isdigit() and int(raw) <= 65_535):
        raise ValueError(f"{raw!r} is not a port between 0 (any free one) and 65535.")
    return int(raw)


def _one_of(*choices: str) -> Callable[[str], str]:
    def reader(raw: str) -> str:
        if raw.lower() not in choices:
            raise ValueError(f"{raw!r} is none of {', '.join(choices)}.")
        return raw.lower()

    return reader


def _url(*schemes: str) -> Callable[[str], str]:
    beginnings = tuple(f"{scheme}://" for scheme in schemes)

    def reader(raw: str) -> str:
        # The message does not repeat the address: it may hold a password.
        if not raw.lower().startswith(beginnings):
            raise ValueError(f"not an address that begins with {' or '.join(beginnings)}.")
        return raw

    return reader


def _key(raw: str) -> str:
    # The message does not repeat it: it is a secret. What is no such text would split a header or an address.
    if not re.fullmatch(r"[!-~]{1,500}", raw):
        raise ValueError("no key: up to 500 letters, digits and signs of ASCII, without blanks.")
    return raw


def _public(raw: str) -> str:
    return _url("http", "https")(raw).rstrip("/")


def _counters(raw: str) -> str:
    """Read the address of Valkey: the client takes some mistakes in it for defaults, and stumbles over others."""
    address = _url(*VALKEY_SCHEMES)(raw)
    try:
        parts = urlsplit(address)
        port, options = parts.port, parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError as error:
        raise ValueError("no address that can be read; write valkey://host:port/number.") from error
    if not (port and re.fullmatch(r"[\w.:-]+", parts.hostname or "", re.ASCII) and raw.isprintable()):
        raise ValueError("names no host and port; write valkey://host:port/number.")
    if parts.netloc.count("@") > 1:
        raise ValueError("an @ in the name or password is written %40.")
    if not re.fullmatch("/?|/[0-9]{1,5}", parts.path) or parts.fragment:
        raise ValueError("after the port comes the number of a database, as in valkey://host:port/0.")
    if not options.keys() <= VALKEY_OPTIONS:
        raise ValueError(f"the options it may have are {', '.join(sorted(VALKEY_OPTIONS))}.")
    return parts.scheme + address[len(parts.scheme) :]


def _networks(raw: str) -> tuple[Network, ...]:
    return tuple(ip_network(part.strip(), strict=False) for part in raw.split(",") if part.strip())


def _contact(raw: str) -> str:
    if not re.fullmatch(r"[!-'*-~]{3,200}", raw):
        raise ValueError(f"{raw!r} is no address of mail or the web.")
    return raw


def _allowed(raw: str) -> tuple[Network | str, ...]:
    return tuple(_network_or_name(part.strip()) for part in raw.split(",") if part.strip())


def _network_or_name(part: str) -> Network | str:
    try:
        return ip_network(part, strict=False)
    except ValueError as error:
        name = part.lower().rstrip(".")
        if re.fullmatch(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*", name) and not re.fullmatch(r"[0-9.]+", name):
            return name
        raise ValueError(f"{part!r} is neither a network nor the name of a host.") from error


def _proxy(raw: str) -> str:
    address = _url("http")(raw)
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise ValueError("no address that can be read; write http://host:port.") from error
    if not (port and re.fullmatch(r"[\w.:-]+", parts.hostname or "", re.ASCII) and raw.isascii() and raw.isprintable()):
        raise ValueError("names no host and port; write http://host:port.")
    if parts.netloc.count("@") > 1 or parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError("has more than a name, a password, a host and a port; an @ in the first two is written %40.")
    return address


def _model_url(raw: str) -> str:
    address = _url("http", "https")(raw).rstrip("/")
    try:
        parts = urlsplit(address)
        known = parts.port != 0 and re.fullmatch(r"[\w.:-]+", parts.hostname or "", re.ASCII)
    except ValueError as error:
        raise ValueError("no address that can be read; write https://host/v1.") from error
    if not (known and raw.isascii() and raw.isprintable() and " " not in raw):
        raise ValueError("names no host; write https://host/v1.")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("has a name, a password, a ? or a #; a key stands in SOCDEFENDERS_MODEL_KEY.")
    return address


def _model_name(raw: str) -> str:
    if not (raw.isprintable() and len(raw) <= 200):
        raise ValueError("no name of a model: up to 200 characters on one line.")
    return raw


def _tokens(raw: str) -> int:
    if _positive(raw) < LEAST_TOKENS:
        raise ValueError(f"{raw} tokens may not do for one article; {LEAST_TOKENS} is the least.")
    return int(raw)


def _path(raw: str) -> Path:
    try:
        return Path(raw).expanduser().absolute()
    except RuntimeError as error:
        raise ValueError(f"the home directory in {raw!r} is not known; write the path in full.") from error


READERS: dict[str, Callable[[str], object]] = {
    "data_dir": _path,
    "database_url": _url("postgresql", "postgres"),
    "database_connections": _positive,
    "host": str,
    "port": _port,
    "public_url": _public,
    "instance_name": str,
    "valkey_url": _counters,
    "trusted_proxies": _networks,
    "search_deadline_ms": _positive,
    "log_level": _one_of("debug", "info", "warning", "error"),
    "log_format": _one_of("json", "text"),
    "free_per_minute": _positive,
    "free_per_day": _positive,
    "pro_per_minute": _positive,
    "pro_per_day": _positive,
    "failed_auth_per_minute": _positive,
    "feeds_dir": _path,
    "worker_concurrency": _positive,
    "abuse_ch_key": _key,
    "otx_key": _key,
    "phishtank_key": _key,
    "fetch_contact": _contact,
    "fetch_allowed": _allowed,
    "fetch_proxy": _proxy,
    "model_url": _model_url,
    "model_name": _model_name,
    "model_key": _key,
    "model_tokens_per_day": _tokens,
    "model_timeout_seconds": _positive,
    "active_days_address": _days(LEAST_ACTIVE_DAYS),
    "active_days_domain": _days(LEAST_ACTIVE_DAYS),
    "active_days_url": _days(LEAST_ACTIVE_DAYS),
    "active_days_file": _days(LEAST_ACTIVE_DAYS),
    "keep_bodies_days": _days(1),
    "keep_inactive_days": _days(1),
    "keep_tombstones_days": _days(1),
}
