"""What a source is, and how its file is read: every key is taken out and judged, and what is left over is refused.

A wrong file is an error that names the file and the key, because a source that was read by guesswork is found to
be wrong only when nothing comes from it any more.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple, TypeVar
from urllib.parse import quote, urlsplit

from socdefenders.errors import CatalogError, FeedKeyMissing
from socdefenders.feeds.parsers import PARSERS
from socdefenders.model import SourceCategory

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

MAX_FILE = 64 << 10
SHORTEST, LONGEST = timedelta(minutes=5), timedelta(days=30)
"""Between two visits to a publisher."""
MAX_RECORDS = 100_000_000
PLACEHOLDER = "{key}"
"""Where in an address the key is to stand."""
KEYS = {
    "abuse_ch_key": "https://auth.abuse.ch/",
    "otx_key": "https://otx.alienvault.com/api",
    "phishtank_key": "https://phishtank.org/api_register.php",
}
"""The settings that hold keys of publishers, and where such a key is to be had."""

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_GROUP = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")
_EVERY = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_ADDRESS = re.compile(r"[!-~]{1,2048}")
_HOST = re.compile(r"[a-z0-9._:-]+")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


class Kind(StrEnum):
    """What stands at a source's address."""

    FILE = "file"
    """What is to be read itself."""
    MISP_FEED = "misp-feed"
    """The folder of a MISP feed: its manifest lists the events."""
    TAXII = "taxii"
    """A collection of a TAXII 2.1 server, read page by page."""
    OTX = "otx"
    """The pulses of AlienVault OTX, read page by page."""


FORMATS_OF = {Kind.MISP_FEED: "misp", Kind.TAXII: "stix", Kind.OTX: "otx"}
"""The format of what such an index leads to; a file may be of any format but `index`."""


class Expected(NamedTuple):
    """How many records one visit finds when all is well: entries, values, or the files that an index lists."""

    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Address:
    """Where to fetch a source, and what to send along; either may hold a key, so neither is shown."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One source."""

    slug: str
    """The name of its file, by which it is known to people and to the database."""
    name: str
    url: str
    """As it may be shown: with `{key}` in the place of a key."""
    homepage: str
    kind: Kind = Kind.FILE
    format: str
    """A name in `PARSERS`."""
    category: SourceCategory
    tier: int
    """1: sees for itself, and answers for it; 2: reports on others too; 3: repeats, or is written by anybody."""
    grade: str
    """The Admiralty grade of its reliability, A to E; F: cannot be judged."""
    group: str
    """Sources of one group say the same thing once: they copy each other, or are one house."""
    every: timedelta
    licence: str
    terms: str | None = None
    """The address of the licence or the terms."""
    key: str | None = None
    """The setting that holds the key it needs, one of `KEYS`."""
    key_header: str | None = None
    """The header that takes the key; None: it stands in the address."""
    enabled: bool
    """Whether it is read unless somebody says otherwise."""
    expected: Expected
    confidence: int | None = None
    """0-100 for rows whose publisher gives none, in the place of the format's own."""

    def address(self, keys: Mapping[str, str]) -> Address:
        """Put the key that the source needs into its place; `keys` by the names of their settings."""
        if self.key is None:
            return Address(self.url, {})
        key = keys.get(self.key)
        if not key:
            variable = f"SOCDEFENDERS_{self.key.upper()}"
            raise FeedKeyMissing(
                f"{self.name} needs a key: get one at {KEYS[self.key]} and set {variable}, or {variable}_FILE."
            )
        if self.key_header is not None:
            return Address(self.url, {self.key_header: key})
        return Address(self.url.replace(PLACEHOLDER, quote(key, safe="")), {})


class Switch(NamedTuple):
    """What an operator's file says that holds `enabled` alone: a source described elsewhere is on or off."""

    slug: str
    enabled: bool


def parse(data: bytes, file: str) -> Feed | Switch:
    """Read the content of the file named `file`."""
    slug, fields = slug_of(file), _Fields(data, file)
    if fields.names == {"enabled"}:
        return Switch(slug, fields.take("enabled", _boolean))
    return _feed(fields, slug)


def slug_of(file: str) -> str:
    """The slug that a file's name gives."""
    slug = file.removesuffix(".toml")
    if not _SLUG.fullmatch(slug) or len(slug) > 64:
        raise CatalogError(
            f"{file}: name it in lower-case letters, digits and single hyphens, 64 at most: my-source.toml.", file=file
        )
    return slug


def _feed(fields: "_Fields", slug: str) -> Feed:
    feed = Feed(
        slug=slug,
        name=fields.take("name", _line),
        url=fields.take("url", _with_key),
        homepage=fields.take("homepage", _url),
        kind=fields.take("kind", _one_of(Kind), Kind.FILE),
        format=fields.take("format", _format),
        category=fields.take("category", _one_of(SourceCategory)),
        tier=fields.take("tier", _between(1, 3)),
        grade=fields.take("grade", _grade),
        group=fields.take("group", _group),
        every=fields.take("every", _every),
        licence=fields.take("licence", _text),
        terms=fields.take("terms", _url, None),
        key=fields.take("key", _key, None),
        key_header=fields.take("key_header", _header, None),
        enabled=fields.take("enabled", _boolean),
        expected=fields.take("expected", _expected),
        confidence=fields.take("confidence", _between(0, 100), None),
    )
    fields.done()
    _agree(feed, fields)
    return feed


def _agree(feed: Feed, fields: "_Fields") -> None:
    """Refuse what is right by itself and wrong together."""
    wanted = FORMATS_OF.get(feed.kind)
    if wanted and feed.format != wanted:
        raise fields.wrong("format", f"{feed.kind.value} leads to {wanted!r}, not to {feed.format!r}")
    if feed.kind in {Kind.MISP_FEED, Kind.TAXII} and ("?" in feed.url or not feed.url.endswith("/")):
        raise fields.wrong("url", f"what a {feed.kind.value} holds lies below its address, which ends with a /")
    placed = feed.url.count(PLACEHOLDER)
    if feed.key is None:
        if placed:
            raise fields.wrong("key", f"the address has a {PLACEHOLDER}, but no setting is named that holds one")
        if feed.key_header is not None:
            raise fields.wrong("key_header", "takes a key, but no setting is named that holds one")
        return
    if placed + (feed.key_header is not None) != 1:
        raise fields.wrong("key", f"is sent in one place: a {PLACEHOLDER} in the address, or key_header")
    if not feed.url.startswith("https://"):
        raise fields.wrong("url", "a key is sent over https alone")


class _Required:
    """Stands for: there is no default."""


_REQUIRED = _Required()


class _Fields:
    """The keys of one file, taken out one by one."""

    def __init__(self, data: bytes, file: str) -> None:
        self._file = file
        if len(data) > MAX_FILE:
            raise CatalogError(
                f"{file}: larger than {MAX_FILE >> 10} KiB; this is no description of a source.", file=file
            )
        try:
            self._left: dict[str, object] = tomllib.loads(data.decode())
        except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
            raise CatalogError(f"{file}: not valid TOML ({error}).", file=file) from error
        self.names = set(self._left)

    def take(self, key: str, read: Callable[[object], T], default: T | _Required = _REQUIRED) -> T:
        """Take `key` out and read it; `read` says by a TypeError or ValueError what is wrong."""
        if key not in self._left:
            if isinstance(default, _Required):
                raise self.wrong(key, "is missing")
            return default
        try:
            return read(self._left.pop(key))
        except (TypeError, ValueError) as error:
            raise self.wrong(key, str(error)) from error

    def done(self) -> None:
        """Refuse what nobody took."""
        for key in self._left:
            raise self.wrong(key, "is no key of a source; docs/sources.md lists them all")

    def wrong(self, key: str, why: str) -> CatalogError:
        """Name the file, the key and what is wrong with it."""
        return CatalogError(f"{self._file}: {key}: {why}.", file=self._file, key=key)


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"is {_named(value)}, not a text in quotes")
    return value


def _named(value: object) -> str:
    names = {
        str: "a text",
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        list: "a list",
        dict: "a table",
    }
    return names.get(type(value), "a time")


def _line(value: object) -> str:
    text = _string(value)
    if not 1 <= len(text) <= 200 or not text.isprintable() or text != text.strip():
        raise ValueError("is no line of 1 to 200 characters, without blanks around it")
    return text


def _text(value: object) -> str:
    text = _string(value)
    if not 1 <= len(text) <= 1000 or not text.replace("\n", "").isprintable() or text != text.strip():
        raise ValueError("is no text of 1 to 1,000 characters, without blanks around it")
    return text


def _url(value: object) -> str:
    url = _with_key(value)
    if PLACEHOLDER in url:
        raise ValueError(f"only url may have a {PLACEHOLDER} in it")
    return url


def _with_key(value: object) -> str:
    """Read an address of the web that may have a place for a key after its host."""
    url = _string(value)
    if not _ADDRESS.fullmatch(url):
        raise ValueError(
            "is no address: up to 2,048 ASCII characters without blanks; write others as %xx, hosts as xn--"
        )
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise ValueError(f"is no address ({error})") from error
    if not url.startswith(("https://", "http://")) or not _HOST.fullmatch(host) or port == 0:
        raise ValueError("is no address that begins with https://host or http://host")
    if "@" in parts.netloc:
        raise ValueError("has a name or password in it; a key belongs into a setting, named by key")
    if "#" in url or re.search(r"[{}]", url.replace(PLACEHOLDER, "")) or PLACEHOLDER in parts.netloc:
        raise ValueError(f"has a #, a brace, or a {PLACEHOLDER} in its host")
    return url


def _one_of(choices: type[E]) -> Callable[[object], E]:
    known = {each.value: each for each in choices}

    def read(value: object) -> E:
        text = _string(value)
        if text not in known:
            raise ValueError(f"{text[:40]!r} is none of {', '.join(known)}")
        return known[text]

    return read


def _format(value: object) -> str:
    text = _string(value)
    if text not in PARSERS or text == "index":
        raise ValueError(f"{text[:40]!r} is no format of a source; docs/import.md lists them all")
    return text


def _between(least: int, most: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"is no whole number from {least} to {most}")
        return value

    return read


def _grade(value: object) -> str:
    text = _string(value)
    if not re.fullmatch("[A-F]", text):
        raise ValueError("is no Admiralty grade, A to F")
    return text


def _group(value: object) -> str:
    text = _string(value)
    if not _GROUP.fullmatch(text) or len(text) > 64:
        raise ValueError("is no word of lower-case letters and digits, with hyphens or dots between them")
    return text


def _every(value: object) -> timedelta:
    found = _EVERY.fullmatch(_string(value))
    if found is None:
        raise ValueError("is no time such as 15m, 1h or 1d")
    every = int(found[1]) * _UNITS[found[2]]
    if not SHORTEST <= every <= LONGEST:
        raise ValueError("is not between 5m and 30d")
    return every


def _key(value: object) -> str:
    text = _string(value)
    if text not in KEYS:
        raise ValueError(f"{text[:40]!r} is no setting that holds a key of a publisher; there are {', '.join(KEYS)}")
    return text


def _header(value: object) -> str:
    text = _string(value)
    if not _HEADER.fullmatch(text):
        raise ValueError("is no name of a header")
    return text


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"is {_named(value)}, not true or false")
    return value


def _expected(value: object) -> Expected:
    number = _between(0, MAX_RECORDS)
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError("is no pair of the least and the most records, such as [10, 500]")
    try:
        least, most = map(number, value)
    except ValueError as error:
        raise ValueError("is no pair of whole numbers, such as [10, 500]") from error
    if least > most or most == 0:
        raise ValueError("has the most before the least, or expects nothing at all")
    return Expected(least, most)
