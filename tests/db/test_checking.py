"""One look at a source: what is new is written, what is not costs nothing, what goes wrong has a reason in words."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from aiohttp import web

from socdefenders.feeds.catalog import Expected, Feed
from socdefenders.ingest.checking import FOLLOWING, PAGES_AT_ONCE, Checker
from socdefenders.model import SourceCategory
from socdefenders.storage import feeds
from socdefenders.storage.database import Database
from socdefenders.storage.feeds import Checked, Registered
from tests.publisher import Publisher, local_client

pytestmark = pytest.mark.newest

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
LIST = b"\n".join(b"198.51.100.%d" % number for number in range(30))
PAGE = b"""<html><body><nav>Home</nav><article><h1>A loader</h1><p>The loader calls hxxp://c2[.]evil[.]example/gate
every hour, and then waits for commands that it runs in the background until it is ended.</p></article></body></html>"""
ENTRY = """<item><title>A loader</title><link>{url}/post/{number}</link><description>{text}</description>
<pubDate>Wed, 14 Jan 2026 0{number}:00:00 GMT</pubDate></item>"""


def rss(url: str, *texts: str) -> bytes:
    entries = "".join(ENTRY.format(url=url, number=number, text=text) for number, text in enumerate(texts))
    return f"<rss version='2.0'><channel><title>Blog</title><link>{url}</link>{entries}</channel></rss>".encode()


def feed(publisher: Publisher, path: str, format_: str, **changed: object) -> Feed:
    facts: dict[str, object] = {
        "slug": "one", "name": "One Source", "url": publisher.url + path, "homepage": publisher.url, "format": format_,
        "category": SourceCategory.RESEARCH, "tier": 1, "grade": "B", "group": "one", "every": HOUR,
        "licence": "None", "enabled": True, "expected": Expected(1, 1_000),
    }  # fmt: skip
    return Feed(**(facts | changed))  # type: ignore[arg-type]  # names and types are checked by the tests that use it


async def look(
    dsn: str, database: Database, source: Feed, *, now: datetime = NOW, clock: Callable[[], datetime] | None = None
) -> Checked:
    """Check `source` as a worker does."""
    await feeds.register(database, {source.slug: Registered(source.name, enabled=True, every=source.every)}, now=now)
    me = uuid4()
    status = await feeds.claim_one(database, me, source.slug, now=now, until=now + HOUR)
    assert status is not None
    async with local_client() as client:
        checker = Checker(
            catalog={source.slug: source},
            client=client,
            dsn=dsn,
            clock=clock or (lambda: now),
            chance=lambda: 0.5,
            keys={},
        )
        checked = await checker.check(status)
    assert await feeds.finish(database, me, source.slug, checked)
    return checked


async def column(database: Database, sql: str) -> list[object]:
    return [row[0] for row in await database.fetch(sql)]


async def count(database: Database, table: str) -> int:
    [(number,)] = await database.fetch(f"select count(*) from {table}")
    return int(number)


async def test_a_list_is_taken_in_and_then_costs_nothing(dsn: str, database: Database, publisher: Publisher) -> None:
    publisher.answers["/bad.txt"] = LIST
    source = feed(publisher, "/bad.txt", "list", confidence=80)
    first = await look(dsn, database, source)
    assert (first.state, first.records, first.changed) == ("healthy", 30, True)
    rows = await database.fetch(
        "select s.name, s.category, t.confidence from sightings t join sources s on s.id = source_id"
    )
    assert {tuple(row) for row in rows} == {("One Source", "research", 80)}
    second = await look(dsn, database, source)
    assert (second.state, second.records, second.changed) == ("healthy", None, False)
    assert publisher.statuses == {200: 1, 304: 1}
    assert await count(database, "sightings") == 30


async def test_a_publisher_without_conditional_requests_costs_no_reading(
    dsn: str, database: Database, publisher: Publisher
) -> None:
    source = feed(publisher, "/bad.txt", "list")
    for changed in (True, False):
        publisher.answers["/bad.txt"] = web.Response(body=LIST)
        assert (await look(dsn, database, source)).changed is changed
    assert publisher.statuses == {200: 2}


@pytest.mark.parametrize("conditional", [True, False], ids=["304", "the same body"])
async def test_a_list_that_says_the_same_is_read_again_after_a_week_so_that_nothing_in_it_fades(
    dsn: str, database: Database, publisher: Publisher, conditional: bool
) -> None:
    publisher.answers["/bad.txt"] = LIST
    source, day = feed(publisher, "/bad.txt", "list"), 24 * HOUR
    for days, answers, last in ((0, 1, 0), (7, 1, 0), (8, 2, 8), (9, 2, 8), (15, 2, 8), (16, 3, 16)):
        if not conditional:
            publisher.answers["/bad.txt"] = web.Response(body=LIST)
        checked = await look(dsn, database, source, now=NOW + days * day)
        assert checked.state == "healthy"
        if conditional:
            assert publisher.statuses[200] == answers
        assert await column(database, "select distinct last_seen from sightings") == [NOW + last * day]
        assert await column(database, "select distinct last_seen from indicators") == [NOW + last * day]
    assert await column(database, "select distinct first_seen from sightings") == [NOW]


async def test_what_cannot_be_read_and_feeds_of_articles_are_not_read_again_for_their_dates(
    dsn: str, database: Database, publisher: Publisher
) -> None:
    publisher.answers["/feed"] = rss(publisher.url, "A teaser.")
    publisher.answers["/login"] = web.Response(body=b"<!DOCTYPE html><html><body>Log in</body></html>")
    for path, format_ in (("/feed", "rss"), ("/login", "urlhaus")):
        source = feed(publisher, path, format_)
        for days in (0, 30):
            if path == "/login":
                publisher.answers[path] = web.Response(body=b"<!DOCTYPE html><html><body>Log in</body></html>")
            checked = await look(dsn, database, source, now=NOW + days * 24 * HOUR)
            assert (checked.records is None) == (path == "/login" or days > 0)


async def test_articles_are_followed_to_their_pages_once(dsn: str, database: Database, publisher: Publisher) -> None:
    publisher.answers["/feed"] = rss(publisher.url, "A teaser.", "Another.")
    publisher.answers["/post/0"] = web.Response(body=PAGE, content_type="text/html")
    source = feed(publisher, "/feed", "rss")
    first = await look(dsn, database, source)
    assert (first.state, first.records, first.newest_at) == ("healthy", 2, datetime(2026, 1, 14, 1, tzinfo=UTC))
    assert await column(database, "select value from indicators") == ["http://c2.evil.example/gate"]
    bodies = await column(database, "select body from articles")
    assert any("waits for commands" in str(body) and "Home" not in str(body) for body in bodies)
    assert "Another." in bodies, "where there is no page, what the feed says"
    publisher.answers["/feed"] = rss(publisher.url, "A teaser.", "Another.", "A third.")
    await look(dsn, database, source, now=NOW + HOUR)
    assert [publisher.asked[f"/post/{number}"] for number in range(3)] == [1, 1, 1]
    assert await count(database, "articles") == 3


async def test_an_article_has_the_address_that_its_page_names(
    dsn: str, database: Database, publisher: Publisher
) -> None:
    publisher.answers["/feed"] = rss(publisher.url, "A teaser.", "Another.", "A third.")
    for number, named in enumerate(["/2026/a-loader?utm_source=page", "https://elsewhere.example/a"]):
        page = f"<html><head><link rel=canonical href='{named}'></head>".encode() + PAGE
        publisher.answers[f"/post/{number}"] = web.Response(body=page, content_type="text/html")
    await look(dsn, database, feed(publisher, "/feed", "rss"))
    rows = await database.fetch("select url, canonical_url from articles order by url")
    assert [(row[0].removeprefix(publisher.url), row[1].removeprefix(publisher.url)) for row in rows] == [
        ("/post/0", "/2026/a-loader"),
        ("/post/1", "/post/1"),
        ("/post/2", "/post/2"),
    ]


async def test_a_link_that_only_tells_readers_apart_leads_to_the_same_article(
    dsn: str, database: Database, publisher: Publisher
) -> None:
    source = feed(publisher, "/feed", "rss")
    publisher.answers["/feed"] = rss(publisher.url, "A teaser.")
    await look(dsn, database, source)
    marked = rss(publisher.url, "A teaser.").replace(b"/post/0", b"/post/0?utm_source=rss&amp;utm_campaign=spring")
    publisher.answers["/feed"] = marked
    again = await look(dsn, database, source, now=NOW + HOUR)
    assert (again.changed, publisher.asked["/post/0"]) == (False, 1)
    assert await column(database, "select canonical_url from articles") == [f"{publisher.url}/post/0"]


async def test_a_changed_entry_is_read_again_and_dated(dsn: str, database: Database, publisher: Publisher) -> None:
    source = feed(publisher, "/feed", "rss")
    publisher.answers["/feed"] = rss(publisher.url, "It called c2[.]evil[.]example.")
    await look(dsn, database, source)
    publisher.answers["/feed"] = rss(publisher.url, "It called c2[.]evil[.]example and b[.]evil[.]example.")
    assert (await look(dsn, database, source, now=NOW + HOUR)).changed
    assert await column(database, "select modified_at from articles") == [NOW + HOUR]
    assert await count(database, "indicators") == 2


async def test_a_login_page_is_no_feed(dsn: str, database: Database, publisher: Publisher) -> None:
    publisher.answers["/feed.csv"] = b"<!doctype html><html><body><form>Please log in</form></body></html>"
    checked = await look(dsn, database, feed(publisher, "/feed.csv", "csv"))
    assert checked.state == "error"
    assert "A web page came where" in (checked.reason or "")
    assert await count(database, "sightings") == 0


@pytest.mark.parametrize(
    ("status", "state"),
    [(401, "error"), (403, "error"), (404, "error"), (410, "error"), (500, "degraded"), (503, "degraded")],
)
async def test_what_a_publisher_refuses_has_a_reason(
    dsn: str, database: Database, publisher: Publisher, status: int, state: str
) -> None:
    publisher.answers["/feed"] = web.Response(status=status)
    checked = await look(dsn, database, feed(publisher, "/feed", "list"))
    assert (checked.state, checked.failures) == (state, 1)
    assert str(status) in (checked.reason or "")


async def test_a_publisher_that_asks_for_time_gets_it(dsn: str, database: Database, publisher: Publisher) -> None:
    publisher.answers["/feed"] = web.Response(status=429, headers={"Retry-After": "7200"})
    checked = await look(dsn, database, feed(publisher, "/feed", "list"))
    assert checked.due_at == NOW + 2 * HOUR


async def test_a_feed_that_shrank_is_told_and_loses_nothing(dsn: str, database: Database, publisher: Publisher) -> None:
    publisher.answers["/bad.txt"] = LIST
    source = feed(publisher, "/bad.txt", "list")
    await look(dsn, database, source)
    publisher.answers["/bad.txt"] = b"198.51.100.200\n"
    checked = await look(dsn, database, source)
    assert (checked.state, checked.reason) == ("degraded", "It has shrunk from 30 records to 1.")
    unchanged = await look(dsn, database, source)
    assert (unchanged.records, unchanged.state, unchanged.reason) == (None, "degraded", checked.reason)
    assert await count(database, "sightings") == 31


async def test_a_missing_key_says_which_and_asks_nobody(dsn: str, database: Database, publisher: Publisher) -> None:
    source = feed(publisher, "/{key}/recent.json", "json", key="abuse_ch_key")
    checked = await look(dsn, database, source)
    assert checked.state == "error"
    assert "SOCDEFENDERS_ABUSE_CH_KEY" in (checked.reason or "")
    assert not publisher.asked


async def test_a_bomb_of_entities_is_refused(dsn: str, database: Database, publisher: Publisher) -> None:
    publisher.answers["/feed"] = b"<!DOCTYPE a [<!ENTITY b 'ha'><!ENTITY c '&b;&b;'>]><rss><channel>&c;</channel></rss>"
    checked = await look(dsn, database, feed(publisher, "/feed", "rss"))
    assert checked.state == "error"
    assert "DOCTYPE" in (checked.reason or "")


async def test_pages_that_take_long_do_not_keep_a_worker_for_ever(
    dsn: str, database: Database, publisher: Publisher
) -> None:
    time = [NOW]

    def slow(_: web.Request) -> web.Response:
        time[0] += FOLLOWING
        return web.Response(body=PAGE, content_type="text/html")

    publisher.answers["/feed"] = rss(publisher.url, *["A teaser."] * 20)
    publisher.answers |= {f"/post/{number}": slow for number in range(20)}
    source = feed(publisher, "/feed", "rss")
    await look(dsn, database, source, clock=lambda: time[0])
    asked = sum(times for path, times in publisher.asked.items() if path.startswith("/post/"))
    assert asked <= 2 * PAGES_AT_ONCE
    assert await count(database, "articles") == 20
    publisher.answers["/feed"] = rss(publisher.url, *["A teaser."] * 20, "Another.")
    await look(dsn, database, source, now=time[0])
    assert sum(times for path, times in publisher.asked.items() if path.startswith("/post/")) == 21


async def test_a_page_that_may_come_back_is_asked_for_again(dsn: str, database: Database, publisher: Publisher) -> None:
    source = feed(publisher, "/feed", "rss")
    publisher.answers["/feed"] = rss(publisher.url, "A teaser.")
    publisher.answers["/post/0"] = web.Response(status=503)
    await look(dsn, database, source)
    publisher.answers["/feed"] = rss(publisher.url, "A teaser.", "Another.")
    publisher.answers["/post/0"] = web.Response(body=PAGE, content_type="text/html")
    await look(dsn, database, source, now=NOW + HOUR)
    assert await count(database, "indicators") == 1


async def test_json_that_is_cut_off_gives_its_reason(dsn: str, database: Database, publisher: Publisher) -> None:
    publisher.answers["/feed.json"] = json.dumps([{"ioc": "198.51.100.7"}]).encode()[:-6]
    checked = await look(dsn, database, feed(publisher, "/feed.json", "json"))
    assert checked.state in {"error", "degraded"}
    assert checked.reason
