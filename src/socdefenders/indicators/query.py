"""What an analyst pasted, as the values that a search looks for.

Nothing here refuses a value for being no indicator: whoever types the middle of a host name wants
the fallback. Refused is only what cannot be searched at all.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from socdefenders.errors import InputError, InvalidIndicator
from socdefenders.indicators import hosts, urls
from socdefenders.indicators.kinds import LONGEST, bare, parse, parse_plain, tidy
from socdefenders.indicators.refang import refang
from socdefenders.model import Indicator, IocType

SHORTEST = 2
"""Characters of the shortest query."""
MOST_CANDIDATES = 6

_HOSTS = frozenset({IocType.IPV4, IocType.IPV6, IocType.DOMAIN})
_BULLET = re.compile(rf"\A[{urls.QUOTES}]?(?:[*•·–—-]\s+)?")
_LABEL = re.compile(
    r"\A(?:md-?5|sha-?1|sha-?256|sha-?512|hash|ip|ipv4|ipv6|domain|host|url|e-?mail)\s?[:=]\s*(?![/\\])", re.IGNORECASE
)
_PADDED_IPV4 = re.compile(r"(?<![0-9])0{0,9}([0-9]{1,3})\.0{0,9}([0-9]{1,3})\.0{0,9}([0-9]{1,3})\.0{0,9}([0-9]{1,3})")


@dataclass(frozen=True, slots=True)
class Query:
    """What one search looks for."""

    text: str
    """For the fallback: the best candidate (of a URL what is worth looking for), else the refanged text."""
    normalized: tuple[str, ...]
    """Normalised values whose exact match answers the question, best first; else the text itself."""
    type: IocType | None
    """What the text was recognised as, else the type that the caller wishes; None: neither."""
    host: str | None
    """The host name asked for, whose sub-domains answer too."""


def candidates(q: str, type: IocType | None = None) -> Query:  # noqa: A002 - the parameter's name in the API
    """Return what to look for when somebody pastes `q`; with `type`, only values of that type.

    Raises InputError (parameter "q") for blank input, for less than 2 and more than 2,048
    characters, and for control characters.
    """
    found = parse_plain(q) if len(q) <= LONGEST else None
    if found is not None and found.port is None and type in {None, found.type}:
        return Query(_worth_looking_for(found, typed=True), (found.normalized,), found.type, _host(found))
    text = _readable(q)
    text = _LABEL.sub("", _BULLET.sub("", text), count=1)
    if "@" not in text:  # the part of an address before it may begin with a dot
        text = text.lstrip("*.") or text
    readings = _distinct(_readings(text, type), type)
    if not readings:
        plain = bare(text).lower()
        plain = (plain if len(plain) >= SHORTEST else text.lower())[:LONGEST]
        return Query(plain, (plain,), type, None)
    best = readings[0]
    plain = _worth_looking_for(best, typed=best.type is not IocType.URL or not _has_no_scheme(text))
    return Query(plain, tuple(reading.normalized for reading in readings), best.type, _host(best))


def _worth_looking_for(best: Indicator, *, typed: bool) -> str:
    """Return the text of the fallback: a URL's address alone where nothing follows it, no scheme that nobody typed."""
    url = best.normalized
    if best.type is not IocType.URL:
        return url
    host, rest = urls.host_of(url), url.partition("://")[2]
    if rest == f"{host}/" and hosts.is_address(host):
        return host.strip("[]")
    return url if typed else rest


def _readable(q: str) -> str:
    if len(q) > LONGEST:
        raise InputError(f"q may have at most {LONGEST:,} characters.", parameter="q", details={"maximum": LONGEST})
    try:
        text = tidy(q)
    except InvalidIndicator as error:
        raise InputError("q contains control characters; remove them.", parameter="q") from error
    if len(text) < SHORTEST:
        message = f"q is required: a value of at least {SHORTEST} characters."
        raise InputError(message, parameter="q", details={"minimum": SHORTEST})
    return text


def _readings(text: str, wanted: IocType | None) -> Iterable[Indicator]:
    """Every way to read `text`, best first."""
    found = _try(text, None) or _try(_unpadded(text), None) or _try(text, IocType.DOMAIN)
    if found is None:
        if wanted is IocType.URL and _has_no_scheme(text):
            yield from _urls(refang(text))
        return
    yield found
    if found.type in _HOSTS and (found.port is not None or wanted is IocType.URL):
        host = f"[{found.canonical}]" if found.type is IocType.IPV6 else found.canonical
        yield from _urls(host if found.port is None else f"{host}:{found.port}")
    elif found.type is IocType.URL and _has_no_scheme(text):
        yield from _urls(found.value.partition("://")[2])


def _urls(rest: str) -> Iterable[Indicator]:
    """Read what somebody may mean who leaves out the scheme."""
    readings = (_try(scheme + rest, IocType.URL) for scheme in ("http://", "https://"))
    return filter(None, readings)


def _has_no_scheme(text: str) -> bool:
    return not re.search(r":[/\\]", refang(text))


def _try(text: str, kind: IocType | None) -> Indicator | None:
    try:
        return parse(text, kind)
    except InvalidIndicator:
        return None


def _unpadded(text: str) -> str:
    """Read 192.000.002.001 as a person does: a feed may not guess, a question may."""
    return _PADDED_IPV4.sub(r"\1.\2.\3.\4", refang(text), count=1)


def _distinct(readings: Iterable[Indicator], wanted: IocType | None) -> list[Indicator]:
    kept = {reading.normalized: reading for reading in reversed(list(readings)) if wanted in {None, reading.type}}
    return list(reversed(kept.values()))[:MOST_CANDIDATES]


def _host(best: Indicator) -> str | None:
    if best.type is IocType.DOMAIN:
        return best.canonical
    if best.type is IocType.URL:
        host = urls.host_of(best.canonical)
        return None if hosts.is_address(host) else host
    return None
