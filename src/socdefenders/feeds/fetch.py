"""The only HTTP client that goes to publishers: polite to them, and trusting nothing that comes back.

A `Fetcher` asks for one address at a time and gives the body as a file, or a `FetchFailed` that says why not and
whether to try again. What it does and why stands in docs/fetching.md.
"""

import asyncio
import math
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from socdefenders import __version__
from socdefenders.errors import FetchFailed
from socdefenders.feeds.fetching import robots
from socdefenders.feeds.fetching.answer import Fetched, fetched, read
from socdefenders.feeds.fetching.decoding import ACCEPTED
from socdefenders.feeds.fetching.faults import retry_after, shown, status_failure, translated
from socdefenders.feeds.fetching.guard import Guard, Network
from socdefenders.feeds.fetching.journey import (
    Journey,
    Limits,
    Validators,
    begin,
    conditions,
    redirect,
    without_credentials,
)
from socdefenders.feeds.fetching.turns import Clock, Sleep, Turns

__all__ = ["FEED", "PAGE", "PAGES", "UNKNOWN", "Fetched", "Fetcher", "Limits", "Network", "Seams", "Validators"]

PAGES = frozenset({"text/html", "application/xhtml+xml", "text/plain"})
"""What a page may be."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_HEADER = 32 << 10
"""Bytes of one header of an answer; some publishers' policies are long."""
_ROBOTS_SECONDS = 86_400.0
_ROBOTS_KEPT = 1000
_TOO_MANY = 429


FEED = Limits()
"""The limits of a feed."""
PAGE = Limits(body_bytes=8 << 20, seconds=60.0)
"""The limits of an article's page."""
UNKNOWN = Validators()
"""Of what was never fetched before."""
_ROBOTS = Limits(body_bytes=robots.MAX_BYTES, seconds=30.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seams:
    """What a test puts in the place of the world."""

    resolver: AbstractResolver | None = None
    tls: ssl.SSLContext | None = None
    clock: Clock = time.monotonic
    sleep: Sleep = asyncio.sleep


@dataclass(slots=True)
class _Known:
    """The rules of a host, asked for once however many pages wait for them."""

    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    until: float = -math.inf
    rules: robots.Rules = field(default_factory=robots.Rules)


class Fetcher:
    """A client for many publishers, of one event loop; an async context manager."""

    def __init__(
        self,
        *,
        contact: str | None,
        allowed: tuple[Network | str, ...] = (),
        proxy: str | None = None,
        limits: Limits = FEED,
        per_host: int = 2,
        min_interval: float = 1.0,
        seams: Seams = Seams(),
    ) -> None:
        """Name `contact`, an address of mail or the web, to publishers; reach private networks only if `allowed`.

        With a `proxy` names are resolved there: only addresses that are literals can be refused here, and the
        proxy has to refuse what names lead to.
        """
        self._agent = f"SOCDefenders/{__version__}" + (f" (+{contact})" if contact else "")
        self._guard = Guard(allowed, resolves=proxy is None)
        self._proxy = without_credentials(URL(proxy), "Proxy-Authorization") if proxy else None
        self._limits = limits
        self._seams = seams
        self._turns = Turns(per_host, min_interval, seams.clock, seams.sleep)
        self._robots: dict[URL, _Known] = {}
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Make the connectors: one that the guard makes the sockets of, one for hosts and proxies that are trusted."""
        tls = self._seams.tls or ssl.create_default_context()
        async with AsyncExitStack() as stack:
            guarded, trusting = (
                aiohttp.TCPConnector(limit=0, ssl=tls, resolver=self._seams.resolver, socket_factory=factory)
                for factory in (self._guard.socket, None)
            )
            self._guarded = await stack.enter_async_context(_session(guarded))
            self._trusting = await stack.enter_async_context(_session(trusting))
            self._open = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        await self._open.aclose()

    async def get(
        self,
        url: str,
        *,
        validators: Validators = UNKNOWN,
        headers: Mapping[str, str] | None = None,
        limits: Limits | None = None,
    ) -> Fetched:
        """Fetch `url`, or learn that it is as it was when `validators` came; raise FetchFailed.

        `headers` may hold a key: they do not follow a redirect to another host.
        """
        journey = begin(url, {"Accept": "*/*", **(headers or {})}, validators, limits or self._limits)
        return await self._follow(journey, _anywhere)

    async def page(self, url: str) -> Fetched:
        """Fetch the page of an article, when it is HTML or text and robots.txt allows it; raise FetchFailed."""
        accept = {"Accept": "text/html,application/xhtml+xml,text/plain;q=0.8"}
        journey = begin(url, accept, UNKNOWN, PAGE)
        journey.only = PAGES
        return await self._follow(journey, self._ask_robots)

    async def _follow(self, journey: Journey, permit: Callable[[URL], Awaitable[None]]) -> Fetched:
        """Go from redirect to redirect, each checked as the first address was, and waiting for its host's turn."""
        while True:
            url = journey.url
            self._guard.check(url.raw_host or "")
            await permit(url)
            async with self._turns.turn(url.raw_host or ""):
                self._check_pause(url)
                started = self._seams.clock()
                with translated(url):
                    async with asyncio.timeout(journey.left):
                        came = await self._ask(journey)
                journey.left -= self._seams.clock() - started
            if came is not None:
                return came

    async def _ask(self, journey: Journey) -> Fetched | None:
        """Ask once; None when the answer leads on."""
        async with self._answer(journey) as answer:
            name = shown(journey.url)
            if answer.status in _REDIRECTS and "Location" in answer.headers:
                redirect(journey, answer.status, answer.headers["Location"])
                return None
            asked = any(journey.validators)
            if answer.status == 304 and asked:
                return fetched(journey, answer, None, 0)
            if answer.status not in {200, 203}:
                raise self._failure(journey.url, answer)
            if journey.only and answer.headers.get("Content-Type") and answer.content_type not in journey.only:
                kind = answer.content_type[:100]
                message = f"{name} is {kind}, not a page of HTML or text."
                raise FetchFailed(message, reason_code="content-type", permanent=True)
            body, size = await read(answer, journey)
            return fetched(journey, answer, body, size)

    @asynccontextmanager
    async def _answer(self, journey: Journey) -> AsyncIterator[aiohttp.ClientResponse]:
        limits = journey.limits
        trusted = self._proxy is not None or self._guard.trusts(journey.url.raw_host or "")
        session = self._trusting if trusted else self._guarded
        proxy, proxy_headers = self._proxy or (None, {})
        # In a tunnel the library tells the proxy its headers; a plain request is the proxy's to read.
        own = proxy_headers if journey.url.scheme == "http" else {}
        async with session.get(
            journey.url,
            headers={**journey.headers, **conditions(journey.validators), **own, "User-Agent": self._agent},
            allow_redirects=False,
            proxy=proxy,
            proxy_headers=proxy_headers or None,
            timeout=aiohttp.ClientTimeout(connect=limits.connect_seconds, sock_read=limits.idle_seconds),
        ) as answer:
            yield answer

    def _failure(self, url: URL, answer: aiohttp.ClientResponse) -> FetchFailed:
        wait = retry_after(answer.headers.get("Retry-After"), datetime.now(UTC))
        if answer.status not in {_TOO_MANY, 503}:
            wait = None
        if answer.status == _TOO_MANY and wait:
            self._turns.pause(url.raw_host or "", wait)
        return status_failure(shown(url), answer.status, wait)

    def _check_pause(self, url: URL) -> None:
        """Do not ask a host again that said for how long it wants to be left alone."""
        wait = self._turns.paused(url.raw_host or "")
        if wait:
            raise status_failure(shown(url), _TOO_MANY, wait)

    async def _ask_robots(self, url: URL) -> None:
        """Raise FetchFailed when robots.txt keeps this client from `url`, or cannot be had."""
        origin = url.origin()
        if origin not in self._robots and len(self._robots) >= _ROBOTS_KEPT:
            self._robots.pop(next(iter(self._robots)))
        known = self._robots.setdefault(origin, _Known())
        async with known.asking:
            if known.until <= self._seams.clock():
                known.rules = await self._read_robots(origin)
                known.until = self._seams.clock() + _ROBOTS_SECONDS
        if not known.rules.allow(url.raw_path_qs):
            message = f"{shown(url)} is not for machines to read, says the robots.txt of its host."
            raise FetchFailed(message, reason_code="robots", permanent=True)

    async def _read_robots(self, origin: URL) -> robots.Rules:
        """Fetch and read the rules of a host; one that has none allows everything, one in trouble nothing yet."""
        journey = begin(str(origin / "robots.txt"), {"Accept": "text/plain"}, UNKNOWN, _ROBOTS)
        try:
            came = await self._follow(journey, _anywhere)
        except FetchFailed as error:
            if error.reason_code == "redirect-loop" or (error.permanent and error.status is not None):
                return robots.Rules()
            raise
        if came.body is None:
            return robots.Rules()
        with came.body as body:
            return robots.read(body.read().decode("utf-8", "replace"))


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    """A session that keeps no cookies, asks no environment for a proxy, and leaves decompression to us."""
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        headers={"Accept-Encoding": ACCEPTED},
        max_field_size=_MAX_HEADER,
        timeout=aiohttp.ClientTimeout(total=None),
    )


async def _anywhere(url: URL) -> None:
    """Permit everything."""
