"""One fetch on its way: where it goes, what it says there, and what stays behind when it is sent on."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from yarl import URL

from socdefenders.errors import FetchFailed
from socdefenders.feeds.fetching.faults import not_http, shown

_PERMANENT = frozenset({301, 308})
_PUBLIC_HEADERS = frozenset({"accept", "accept-language"})
"""Of the headers that a caller adds, those that hold no secret and so may go to another host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one fetch may cost."""

    body_bytes: int = 256 << 20
    """Of the body, decompressed."""
    seconds: float = 120.0
    """In all, redirects included; waiting for the host's turn is not counted."""
    connect_seconds: float = 15.0
    """For resolving, connecting and TLS."""
    idle_seconds: float = 20.0
    """Without any byte."""
    redirects: int = 5


class Validators(NamedTuple):
    """What a publisher wants to be asked with next time, so that it can say that nothing has changed."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(slots=True)
class Journey:
    """One fetch on its way from redirect to redirect."""

    url: URL
    headers: dict[str, str]
    validators: Validators
    limits: Limits
    left: float
    """Seconds."""
    only: frozenset[str] | None = None
    """The content types that are wanted."""
    seen: set[URL] = field(default_factory=set)
    permanent: bool = True


def without_credentials(url: URL, header: str) -> tuple[URL, dict[str, str]]:
    """An address without its user and password, and these as what `header` is to say."""
    if url.raw_user is None and url.raw_password is None:
        return url, {}
    basic = b64encode(f"{url.user or ''}:{url.password or ''}".encode()).decode("ascii")
    return url.with_user(None), {header: f"Basic {basic}"}


def begin(text: str, headers: Mapping[str, str], validators: Validators, limits: Limits) -> Journey:
    """Begin at the address `text`; its user and password become a header, so that no message shows them."""
    url, own = without_credentials(_address(text), "Authorization")
    return Journey(url, {**own, **headers}, validators, limits, limits.seconds, seen={url})


def _address(text: str, base: URL | None = None) -> URL:
    """Parse an address, which may be relative to `base`; raise FetchFailed when it is none of the web's."""
    try:
        url = URL(text.strip())
        url = (base.join(url) if base else url).with_fragment(None)
        if url.scheme in {"http", "https"} and url.raw_host and url.port:
            return url
    except ValueError:
        pass
    raise not_http("A redirect" if base else "This")


def redirect(journey: Journey, status: int, location: str) -> None:
    """Turn to where an answer leads; what may be a secret stays behind when that is another host."""
    url = _address(location, journey.url).with_user(None)
    name = shown(journey.url)
    if url in journey.seen or len(journey.seen) > journey.limits.redirects:
        message = f"{name} leads round in a circle, or through more than {journey.limits.redirects} redirects."
        raise FetchFailed(message, reason_code="redirect-loop", permanent=True)
    if not _same_place(journey.url, url):
        journey.headers = {key: value for key, value in journey.headers.items() if key.lower() in _PUBLIC_HEADERS}
    journey.permanent = journey.permanent and status in _PERMANENT
    journey.seen.add(url)
    journey.url = url


def _same_place(old: URL, new: URL) -> bool:
    """Whether what was meant for `old` may be told to `new`: the same origin, or its better one."""
    upgraded = old.scheme == "http" and new.scheme == "https" and old.is_default_port() and new.is_default_port()
    return old.raw_host == new.raw_host and (old.origin() == new.origin() or upgraded)


def conditions(validators: Validators) -> dict[str, str]:
    """The headers of a conditional request."""
    named = {"If-None-Match": validators.etag, "If-Modified-Since": validators.last_modified}
    return {name: value for name, value in named.items() if value}
