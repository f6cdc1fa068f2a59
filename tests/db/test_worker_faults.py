"""A worker among publishers that do everything wrong: each ends in the right state with a reason, and loses nothing.

Every source is taken in once while all is well, and a second time with its fault. The faults themselves are looked
at one by one in tests/fetch; here it is the worker that has them all at once, beside sources that are well.
"""

import asyncio
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from socdefenders.feeds.catalog import Expected, Feed
from socdefenders.feeds.fetch import Fetcher, Limits, Seams
from socdefenders.ingest.checking import Checker
from socdefenders.model import SourceCategory
from socdefenders.storage import feeds
from socdefenders.storage.database import Database
from socdefenders.storage.feeds import Registered
from socdefenders.worker import Worker
from tests.fetch.certificates import issue, serving, trusting
from tests.fetch.publisher import Handler, Names, Request, leads, publishing, reset, says, sends
from tests.fetch.test_faults import gzip_bomb

pytestmark = pytest.mark.newest

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
HERE = IPv4Network("127.0.0.1/32")
HEAD = b"HTTP/1.1 200 OK\r\n"
ENTRIES = int(os.environ.get("FEED_ENTRIES", "3000"))
"""Of the feed with very many; FEED_ENTRIES=100000 takes two minutes more."""
WELL = ("well-1", "well-2", "well-3")
AUTHORITY = issue("Authority of the tests")
EXPIRED = issue("feeds.example", AUTHORITY, since=-9, until=-1)


def listed(number: int) -> bytes:
    """Thirty addresses that no other source has."""
    return "".join(f"2001:db8:{number:x}::{each:x}\n" for each in range(1, 31)).encode()


def rss(entries: int) -> bytes:
    items = "".join(
        f"<item><title>Note {n}</title><link>https://blog.example/{n}</link><guid>{n}</guid>"
        f"<pubDate>Wed, 14 Jan 2026 10:00:00 GMT</pubDate><description>It called n{n}[.]example.</description></item>"
        for n in range(entries)
    )
    return f"<rss version='2.0'><channel><title>Blog</title>{items}</channel></rss>".encode()


async def cut(request: Request, writer: asyncio.StreamWriter) -> None:
    """Crash in the middle of the body."""
    writer.write(HEAD + b"Content-Length: 99999\r\n\r\n" + listed(1))
    await writer.drain()
    reset(writer)


async def trickle(request: Request, writer: asyncio.StreamWriter) -> None:
    """Send a byte now and then, until nobody listens."""
    writer.write(HEAD + b"Content-Length: 99999\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"1")
        await writer.drain()
        await asyncio.sleep(0.05)


LOGIN = b"<!doctype html><html><head><title>Log in</title></head><body><form>Who are you?</form></body></html>"
ENTITIES = b"<!DOCTYPE a [<!ENTITY b 'ha'><!ENTITY c '&b;&b;&b;'>]><rss><channel><title>&c;</title></channel></rss>"
EXTERNAL = b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><rss><channel><title>&b;</title></channel></rss>"


@dataclass(frozen=True)
class Fault:
    handler: Handler
    state: str
    reason: str
    """A part of it."""
    format: str = "list"
    due: timedelta | None = None
    """The shortest time until the next look, where the publisher asks for one."""


FAULTS = {
    "asks-for-time": Fault(says(429, Retry_After="7200"), "degraded", "429", due=timedelta(hours=2)),
    "overloaded": Fault(says(503), "degraded", "503"),
    "crashes": Fault(cut, "degraded", "broke off"),
    "trickles": Fault(trickle, "degraded", "took too long"),
    "bomb": Fault(sends(HEAD + b"Content-Encoding: gzip\r\n\r\n", *gzip_bomb()), "error", "larger than 32 MiB"),
    "too-short": Fault(says(200, listed(2), length=9_999), "degraded", "broke off"),
    "circle": Fault(leads("/circle"), "error", "redirect"),
    "to-this-machine": Fault(leads("http://127.0.0.2:9/"), "error", "127.0.0.2"),
    "to-the-cloud": Fault(leads("http://169.254.169.254/latest/meta-data/"), "error", "169.254.169.254"),
    "to-a-name-inside": Fault(leads("http://metadata.example/"), "degraded", "metadata.example leads to what is not"),
    "login": Fault(says(200, LOGIN, Content_Type="text/csv"), "error", "A web page came where", format="csv"),
    "gone": Fault(says(410), "error", "410"),
    "shrunk": Fault(says(200, b"2001:db8:ffff::1\n"), "degraded", "It has shrunk from 30 records to 1."),
    "entities": Fault(says(200, ENTITIES), "error", "DOCTYPE", format="rss"),
    "external": Fault(says(200, EXTERNAL), "error", "DOCTYPE", format="rss"),
    "nothing": Fault(says(200, b""), "error", "at least 1 records are expected"),
}


def good(name: str, format_: str, number: int) -> bytes:
    if format_ == "rss":
        return rss(30)
    return (b"ip\n" if format_ == "csv" else b"") + listed(number)


def feed(slug: str, url: str, format_: str = "list") -> Feed:
    return Feed(
        slug=slug, name=slug.title(), url=url, homepage="https://feeds.example/", format=format_,
        category=SourceCategory.THREAT_FEED, tier=1, grade="B", group=slug, every=timedelta(hours=1), licence="None",
        enabled=True, expected=Expected(1, 100_000),
    )  # fmt: skip


async def look(database: Database, dsn: str, catalog: dict[str, Feed], now: datetime) -> list[str]:
    """Have one worker look at everything; return the sources in the order in which it was done with them."""
    done: list[str] = []

    def told(event: str, **facts: object) -> None:
        assert event == "feed_checked", facts
        done.append(str(facts["feed"]))

    hosts = {f"{slug}.example": [["127.0.0.1"]] for slug in catalog}  # each is a host: 429 speaks for all of one
    names = Names(hosts | {"metadata.example": [["169.254.169.254"]], "feeds.example": [["127.0.0.1"]]})
    limits = Limits(body_bytes=32 << 20, seconds=3.0, connect_seconds=2.0, idle_seconds=2.0)
    seams = Seams(resolver=names, tls=trusting(AUTHORITY))
    registered = {slug: Registered(each.name, enabled=True, every=each.every) for slug, each in catalog.items()}
    await feeds.register(database, registered, now=now)
    async with Fetcher(contact=None, allowed=(HERE,), limits=limits, per_host=8, min_interval=0, seams=seams) as client:
        checker = Checker(catalog=catalog, client=client, dsn=dsn, clock=lambda: now, chance=lambda: 0.5, keys={})
        await Worker(database, checker.check, told, concurrency=4, clock=lambda: now).run_due()
    return done


async def sightings(database: Database) -> int:
    [(number,)] = await database.fetch("select count(*) from sightings")
    return int(number)


async def test_every_fault_ends_as_the_right_state_with_a_reason_and_loses_nothing(
    dsn: str, database: Database, tmp_path: Path
) -> None:
    async with publishing() as publisher, publishing(serving(EXPIRED, tmp_path)) as secure:
        catalog = {
            slug: feed(slug, publisher.url(f"/{slug}", f"{slug}.example"), fault.format)
            for slug, fault in FAULTS.items()
        }
        catalog |= {slug: feed(slug, publisher.url(f"/{slug}", f"{slug}.example")) for slug in WELL}
        for number, (slug, each) in enumerate(catalog.items(), 1):
            publisher.routes[f"/{slug}"] = says(200, good(slug, each.format, number))
        await look(database, dsn, catalog, NOW)
        assert {each.state for each in await feeds.every(database)} == {"healthy"}
        before = await sightings(database)

        publisher.routes |= {f"/{slug}": fault.handler for slug, fault in FAULTS.items()}
        catalog["expired"] = feed("expired", secure.url("/", host="feeds.example"))
        done = await look(database, dsn, catalog, NOW + DAY)
    stored = {each.slug: each for each in await feeds.every(database)}
    found = {slug: (stored[slug].state, stored[slug].reason or "") for slug in FAULTS}
    assert {slug: state for slug, (state, _) in found.items()} == {slug: each.state for slug, each in FAULTS.items()}
    for slug, fault in FAULTS.items():
        assert fault.reason in found[slug][1], slug
        assert stored[slug].due_at >= NOW + DAY + (fault.due or timedelta())
    assert (stored["expired"].state, "expired" in (stored["expired"].reason or "")) == ("degraded", True)
    assert all(stored[slug].state == "healthy" for slug in WELL)
    assert await sightings(database) == before + 1, "what the faulty ones said before stays, and one shrank to one line"
    assert done.index("trickles") > max(done.index(slug) for slug in WELL), "the slow one kept nobody waiting"


async def test_a_feed_of_very_many_entries_is_taken_in_and_keeps_nobody_waiting(dsn: str, database: Database) -> None:
    async with publishing() as publisher:
        catalog = {slug: feed(slug, publisher.url(f"/{slug}", f"{slug}.example")) for slug in WELL}
        catalog = {"many": feed("many", publisher.url("/many", "many.example"), "rss")} | catalog
        publisher.routes["/many"] = says(200, rss(ENTRIES))
        publisher.routes |= {f"/{slug}": says(200, listed(number)) for number, slug in enumerate(WELL, 1)}
        done = await look(database, dsn, catalog, NOW)
    stored = {each.slug: each for each in await feeds.every(database)}
    assert (stored["many"].state, stored["many"].records, done[-1]) == ("healthy", ENTRIES, "many")
    [(articles,)] = await database.fetch("select count(*) from articles")
    assert (articles, await sightings(database)) == (ENTRIES, ENTRIES + 30 * len(WELL))
