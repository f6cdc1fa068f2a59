"""One search, on a real database: what is found, in which order, and what is never asked of the trigram index."""

import json
import random
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from socdefenders.errors import InputError, StorageError
from socdefenders.indicators import parse, reversed_host
from socdefenders.model import Indicator, IocType, NewArticle, NewSighting, SearchResult, SourceCategory
from socdefenders.search import FALLBACK_MATCHES, MATCHES, RELATED, RELATED_ARTICLES, find, has_trigram, warm
from socdefenders.storage import searching
from socdefenders.storage.database import Connection, Database
from socdefenders.storage.ranges import ROWS
from socdefenders.storage.searching import KEPT_READY, Span
from socdefenders.storage.sql import load
from socdefenders.storage.writing import ReadArticle, Writer, name_id
from tests.clusters import Cluster

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
FEED = "Harbourwatch"
PRESS = "Northgate Wire"
AMPLE = 20.0
"""Seconds of a deadline that a busy machine keeps too."""
SHARED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def day(number: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)


def seen(value: str, source: str = FEED, article: UUID | None = None, confidence: int = 50, on: int = 0) -> NewSighting:
    indicator = parse(value)
    return NewSighting(
        indicator, source, reversed_host(indicator), article, confidence, day(on), day(on), context=f"of {value}"
    )


def report(number: int) -> NewArticle:
    address = f"https://wire.example/{number}"
    return NewArticle(name_id("article", address), PRESS, f"Report {number}", address, day(1), None, "")


async def write(dsn: str, sightings: Iterable[NewSighting], articles: Sequence[NewArticle] = ()) -> None:
    """Write and index, as an import does."""
    async with await Writer.open(dsn) as writer:
        await writer.source(FEED, SourceCategory.THREAT_FEED)
        await writer.source(PRESS, SourceCategory.NEWS)
        await writer.write(sightings, [ReadArticle(each) for each in articles], now=NOW)
        await writer.settle()


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    """One whose looks may take their time: what is found must not depend on how busy this machine is."""
    async with await Database.open(dsn, size=2) as opened:
        opened._bounded = Database(dsn, size=2)
        yield opened


async def ask(database: Database, text: str, type_: IocType | None = None) -> SearchResult:
    return await find(database, text, type_=type_, deadline=AMPLE)


def values(result: SearchResult) -> list[str]:
    return [match.value for match in result.matches]


SHA256 = "0123456789abcdef" * 4
STORED = {
    "address": "192.0.2.10",
    "six": "2001:db8::10",
    "domain": "loader.example",
    "url": "http://loader.example/Gate.php",
    "sha256": SHA256,
    "email": "login@mail.example",
    "cve": "CVE-2026-12345",
    "technique": "T1071.001",
}


PASTED = [
    ("address", "192[.]0[.]2[.]10"),
    ("address", ' "192.0.2.10" '),
    ("address", "192.0.2.10:8443"),
    ("six", "2001:0DB8:0000::0010"),
    ("six", "[2001:db8::10]:443"),
    ("domain", "LOADER[dot]EXAMPLE."),
    ("url", "hxxp://loader[.]example/Gate.php"),
    ("url", "http://LOADER.example:80/a/../Gate.php"),
    ("sha256", SHA256.upper()),
    ("sha256", f"sha256: {SHA256}"),
    ("email", "Login[@]mail[.]example"),
    ("cve", "cve-2026-12345"),
    ("technique", "t1071.001"),
]
"""A few ways in which analysts paste each; the tests of the indicators know them all."""


async def test_what_analysts_paste_finds_what_was_published(dsn: str, database: Database) -> None:
    await write(dsn, [seen(value) for value in STORED.values()])
    for stored, asked in PASTED:
        result = await ask(database, asked)
        assert (result.strategy, values(result), result.query) == ("exact", [STORED[stored]], asked)
        assert (result.total_matches, result.complete, result.truncated) == (1, True, False)
        assert result.matches[0].type == parse(STORED[stored]).type


async def test_a_match_says_who_reported_it_when_and_in_which_words(dsn: str, database: Database) -> None:
    article = report(1)
    noted = NewSighting(
        parse("192.0.2.10"),
        PRESS,
        None,
        article.id,
        90,
        day(2),
        day(4),
        3,
        "beacons to 192.0.2.10",
        ("c2",),
        ("T1071",),
    )
    fed = noted._replace(source=FEED, article_id=None, confidence=40, reference_url="https://feed.example/10")
    await write(dsn, [fed, noted], [article])
    first, second = (await ask(database, "192.0.2.10")).matches
    assert (first.confidence, first.first_seen, first.last_seen) == (90, day(2), day(4))
    assert (first.article_id, first.article_title, first.reference_url) == (article.id, article.title, article.url)
    assert (first.feed_name, first.category, first.origin) == (PRESS, "news", "article")
    assert (first.context, first.tags, first.techniques) == ("beacons to 192.0.2.10", ["c2"], ["T1071"])
    assert (second.article_id, second.article_title) == (None, None)
    assert (second.feed_name, second.category, second.origin) == (FEED, "threat-feed", "feed")
    assert second.reference_url == "https://feed.example/10"


async def test_one_search_finds_every_spelling_of_a_path(dsn: str, database: Database) -> None:
    await write(dsn, [seen("http://x.example/Gate", on=2), seen("http://x.example/gate", on=1)])
    for asked in ("http://x.example/Gate", "http://x.example/gate", "HXXP://X.EXAMPLE/GATE"):
        assert values(await ask(database, asked)) == ["http://x.example/Gate", "http://x.example/gate"], asked


async def test_the_most_confident_and_then_the_most_recent_sighting_comes_first(dsn: str, database: Database) -> None:
    articles = [report(number) for number in range(4)]
    known = [(50, 1), (90, 0), (50, 3), (70, 2)]
    await write(
        dsn,
        [seen("192.0.2.10", PRESS, each.id, *fields) for each, fields in zip(articles, known, strict=True)],
        articles,
    )
    matches = (await ask(database, "192.0.2.10")).matches
    assert [(match.confidence, match.last_seen) for match in matches] == [
        (90, day(0)), (70, day(2)), (50, day(3)), (50, day(1)),
    ]  # fmt: skip


async def test_a_type_narrows_both_stages(dsn: str, database: Database) -> None:
    await write(dsn, [seen("x.example"), seen("http://x.example/a"), seen("a@x.example"), seen("a.x.example")])
    assert values(await ask(database, "x.example", IocType.DOMAIN)) == ["x.example"]
    assert values(await ask(database, "x.example", IocType.EMAIL)) == ["a@x.example"]
    assert values(await ask(database, "x.example", IocType.URL)) == ["http://x.example/a"]
    assert (await ask(database, "x.example", IocType.MD5)).strategy == "none"
    assert values(await ask(database, "exam", IocType.URL)) == ["http://x.example/a"]


async def test_more_records_than_are_shown_are_counted(dsn: str, database: Database, reader: Connection) -> None:
    await write(dsn, [seen("192.0.2.10", confidence=99)])
    await reader.execute(
        "insert into sightings select gen_random_uuid(), indicator_id, source_id, null, 10, first_seen, last_seen,"
        " true, 1, null, '{}', '{}' from sightings, generate_series(1, $1)",
        MATCHES,
    )
    await reader.execute("update indicators set sighting_count = $1", MATCHES + 1)
    result = await ask(database, "192.0.2.10")
    assert (len(result.matches), result.total_matches, result.truncated) == (MATCHES, MATCHES + 1, True)
    assert result.matches[0].confidence == 99


async def test_nothing_that_can_be_searched_is_an_error_of_the_input(database: Database) -> None:
    with pytest.raises(InputError):
        await ask(database, "\0\0\0")


# Related


async def test_a_match_in_an_article_brings_what_else_stood_there(dsn: str, database: Database) -> None:
    article = report(1)
    await write(
        dsn,
        [
            seen("192.0.2.10", PRESS, article.id),
            seen("loader.example", PRESS, article.id, confidence=60),
            seen(SHA256, PRESS, article.id, on=3),
            seen("elsewhere.example"),
        ],
        [article],
    )
    result = await ask(database, "192.0.2.10")
    assert [related.value for related in result.related] == ["loader.example", SHA256]
    first = result.related[0]
    assert (first.article_id, first.article_title, first.reference_url) == (article.id, article.title, article.url)
    assert (first.feed_name, first.category, first.origin) == (PRESS, "news", "article")
    assert (first.type, first.confidence, first.context) == ("domain", 60, "of loader.example")
    assert (first.first_seen, first.last_seen, list(first.tags)) == (day(0), day(0), [])

    alone = await find(database, "192.0.2.10", include_related=False)
    assert (alone.matches, alone.related) == (result.matches, ())
    assert (await ask(database, "elsewhere.example")).related == ()


def rank(sightings: Iterable[NewSighting]) -> list[tuple[int, datetime]]:
    """How good the best of `sightings` are, a value counted once."""
    best: dict[str, tuple[int, datetime]] = {}
    for each in sightings:
        assert each.last_seen
        value = each.indicator.value
        best[value] = max((each.confidence, each.last_seen), best.get(value, (-1, each.last_seen)))
    return sorted(best.values(), reverse=True)[:RELATED]


@pytest.mark.parametrize("seed", range(4))
async def test_related_are_the_best_distinct_values_of_the_matches_articles_and_no_match(
    dsn: str, database: Database, seed: int
) -> None:
    """Against a plain reading of everything written; articles of more values than are kept ready among them."""
    chance = random.Random(seed)
    articles = [report(number) for number in range(RELATED_ARTICLES)]
    written = [
        seen(f"host-{chance.randrange(60)}.example", PRESS, article.id, chance.randrange(3), chance.randrange(4))
        for article in articles
        for _ in range(chance.choice([2, 8, KEPT_READY, 3 * KEPT_READY]))
    ]
    written = list({(each.indicator.value, each.article_id): each for each in written}.values())
    await write(dsn, written, articles)
    for asked in ["host-7.example", "host-1", "host"]:
        result = await ask(database, asked)
        matched = set(values(result))
        assert matched
        places = list(dict.fromkeys(match.article_id for match in result.matches))[:RELATED_ARTICLES]
        expected = rank(each for each in written if each.article_id in places and each.indicator.value not in matched)
        assert [(related.confidence, related.last_seen) for related in result.related] == expected
        assert len({related.value for related in result.related}) == len(result.related) <= RELATED
        assert not matched & {related.value for related in result.related}


async def test_related_are_found_where_matches_fill_what_an_article_keeps_ready(dsn: str, database: Database) -> None:
    article = report(1)
    eaters = [seen(f"eater-{number}.example", PRESS, article.id, confidence=90) for number in range(KEPT_READY)]
    others = [seen(f"192.0.2.{number}", PRESS, article.id, confidence=number) for number in range(20)]
    await write(dsn, eaters + others, [article])
    result = await ask(database, "eater-")
    assert len(result.matches) == KEPT_READY
    assert [related.value for related in result.related] == [f"192.0.2.{number}" for number in range(19, 9, -1)]


async def test_matches_that_fill_one_article_do_not_let_a_worse_one_take_its_places(
    dsn: str, database: Database
) -> None:
    one, other = report(1), report(2)
    eaters = [seen(f"eater-{number}.example", PRESS, one.id, confidence=90) for number in range(KEPT_READY - 4)]
    better = [seen(f"192.0.2.{number}", PRESS, one.id, confidence=80) for number in range(8)]
    worse = [seen(f"198.51.100.{number}", PRESS, other.id, confidence=10) for number in range(RELATED)]
    await write(dsn, [*eaters, seen("eater-0.example", PRESS, other.id), *better, *worse], [one, other])
    related = (await ask(database, "eater-")).related
    assert [each.confidence for each in related] == [80] * 8 + [10] * 2


async def test_what_stands_in_one_article_by_two_sources_is_related_once(dsn: str, database: Database) -> None:
    article = report(1)
    names = [f"host-{number}.example" for number in range(12)]
    await write(dsn, [seen(name, source, article.id) for name in names for source in (FEED, PRESS)], [article])
    related = [each.value for each in (await ask(database, names[0])).related]
    assert len(related) == len(set(related)) == RELATED


class Counting(Database):
    """Counts its round trips."""

    trips = 0

    async def fetch(self, sql: str, *values: object) -> list[asyncpg.Record]:
        self.trips += 1
        return await super().fetch(sql, *values)


async def test_what_articles_keep_ready_comes_along_only_where_it_is_used(dsn: str, database: Database) -> None:
    articles = [report(number) for number in range(25)]
    common = [seen("common.example", PRESS, each.id) for each in articles]
    rare = [seen("rare.example", PRESS, each.id) for each in articles[:5]]
    beside = [seen(f"of-{number}.test", PRESS, each.id, on=number) for number, each in enumerate(articles)]
    await write(dsn, common + rare + beside, articles)

    for value, related, carried in [("rare", True, 5), ("rare", False, 0), ("common", True, 0)]:
        found = await searching.exact(database, [f"{value}.example"], None, related=related)
        assert len([row for row in found if row.related]) == carried, value
    async with Counting(dsn) as counting:
        for value, related, trips in [("rare", True, 1), ("rare", False, 1), ("common", True, 2), ("common", False, 1)]:
            counting.trips = 0
            result = await find(counting, f"{value}.example", include_related=related)
            assert (counting.trips, bool(result.related)) == (trips, related), value


async def test_no_more_sightings_of_one_indicator_are_joined_than_are_shown(
    dsn: str, database: Database, reader: Connection
) -> None:
    await write(dsn, [seen(f"needle-{number}.example") for number in range(3)])
    await reader.execute(
        "insert into sightings select gen_random_uuid(), indicator_id, source_id, null, 10, first_seen, last_seen,"
        " true, 1, null, '{}', '{}' from sightings, generate_series(1, 300)"
    )
    found = await database.fetch("select id from indicators order by value")
    ids = [row["id"] for row in found]
    shown = await searching.sightings_of(database, ids, FALLBACK_MATCHES + 1)
    assert [row.indicator_id for row in shown] == [ids[0]] * (FALLBACK_MATCHES + 1)
    assert [row.sighting.confidence for row in shown[:2]] == [50, 10]
    [[plan]] = await database.fetch(
        "explain (analyze, format json) " + load("search")["sightings_of"], ids, FALLBACK_MATCHES + 1
    )
    assert max(joined_rows(json.loads(plan)[0]["Plan"])) <= len(ids) * (FALLBACK_MATCHES + 1)


def joined_rows(plan: dict[str, Any]) -> Iterator[float]:
    """Give how many rows each join of a plan has handed over."""
    if plan["Node Type"] in {"Nested Loop", "Hash Join", "Merge Join"}:
        yield plan["Actual Rows"] * plan["Actual Loops"]
    for part in plan.get("Plans", []):
        yield from joined_rows(part)


# Fallback


async def test_beyond_the_exact_value_the_nearest_come_first(dsn: str, database: Database) -> None:
    stored = [
        "evel.example",
        "nice-evil.example.net",
        "http://other.example/?u=evil.example",
        "evil.example.org",
        "http://evil.example/deep/path",
        "www.evil.example",
        "a.far.evil.example",
        "192.0.2.1",
        "evil.test",
    ]
    await write(dsn, [seen(value) for value in stored])
    result = await ask(database, "evil[.]example")
    assert result.strategy == "trigram"
    assert values(result) == [
        "www.evil.example",
        "a.far.evil.example",
        "http://evil.example/deep/path",
        "evil.example.org",
        "http://other.example/?u=evil.example",
        "nice-evil.example.net",
        "evel.example",
    ]
    assert (result.complete, result.truncated, result.total_matches) == (True, False, 7)


async def test_a_whole_word_comes_before_a_piece_of_one(dsn: str, database: Database) -> None:
    await write(dsn, [seen(f"http://x.example/?ip={address}") for address in ("192.0.2.11", "192.0.2.1", "192.0.2.12")])
    assert values(await ask(database, "192.0.2.1"))[0] == "http://x.example/?ip=192.0.2.1"


@pytest.mark.parametrize(
    ("asked", "schemes"),
    [
        ("evil.example/deep", ["http", "https"]),
        ("hxxp://evil[.]example/deep", ["http"]),
        ("HTTPS://evil.example/deep", ["https"]),
    ],
)
async def test_the_beginning_of_an_address_finds_it_by_every_scheme_or_first_by_the_one_that_was_typed(
    dsn: str, database: Database, asked: str, schemes: list[str]
) -> None:
    await write(dsn, [seen("http://evil.example/deep/path"), seen("https://evil.example/deep/path")])
    found = values(await ask(database, asked))
    assert sorted(found[: len(schemes)]) == [f"{scheme}://evil.example/deep/path" for scheme in schemes]


async def test_the_beginning_of_an_address_is_not_lost_among_the_many_others_of_its_host(
    dsn: str, database: Database
) -> None:
    others = [seen(f"http://evil.example/{number}") for number in range(2 * FALLBACK_MATCHES)]
    await write(dsn, [*others, seen("http://evil.example/deep/path"), seen("www.evil.example")])
    assert values(await ask(database, "http://evil.example/deep"))[0] == "http://evil.example/deep/path"
    assert values(await ask(database, "evil.example"))[0] == "www.evil.example"


async def test_two_characters_are_only_looked_up(dsn: str, database: Database) -> None:
    await write(dsn, [seen("ab.example"), seen("x.example"), seen("2001:db8::1")])
    for asked in ("ab", "x.", "..", "a@", "::"):
        result = await ask(database, asked)
        assert (result.strategy, result.matches, result.complete) == ("none", (), True), asked


async def test_what_yields_no_trigram_never_reaches_the_values_and_the_rest_does(
    dsn: str, database: Database, reader: Connection
) -> None:
    await write(dsn, [seen("192.0.2.1")])
    await reader.execute("drop table search_text")
    for asked in ("%%%", "://", "...", "___", "\\\\\\", "%_%", "日本語", "ééé", "?a=", "- -"):
        result = await ask(database, asked)
        assert (result.strategy, result.complete) == ("none", True), asked
        with pytest.raises(StorageError, match="search_text"):
            await ask(database, f"{asked}abc")


async def test_after_a_rehearsal_every_connection_is_open_and_knows_the_statements(dsn: str) -> None:
    await write(dsn, [seen("harbour-needle.example")])
    async with Database(dsn, size=4, bounded_ms=60_000) as database:
        await warm(database)
        for held, size, needed in ((database, 4, "host_reversed"), (database.bounded, 2, "search_text")):
            known = [
                await connection.fetch("select statement from pg_prepared_statements") for connection in held._idle
            ]
            assert len(known) == size
            assert all(any(needed in row["statement"] for row in rows) for rows in known)


async def test_a_rehearsal_on_a_database_that_is_away_fails_and_leaves_no_connection(some_cluster: Cluster) -> None:
    with some_cluster.database() as dsn:
        pass
    async with Database(dsn, size=2) as database:
        with pytest.raises(StorageError):
            await warm(database)
        assert database._idle == database.bounded._idle == []


async def test_a_deadline_that_is_over_is_admitted_and_what_is_near_is_found_all_the_same(
    dsn: str, database: Database
) -> None:
    await write(dsn, [seen("needle.example"), seen("a-needle.example")])
    cut = await find(database, "needle", deadline=0)
    assert (values(cut), cut.complete, cut.truncated) == (["needle.example"], False, False)
    whole = await ask(database, "needle")
    assert (values(whole), whole.complete) == (["needle.example", "a-needle.example"], True)


async def test_a_look_that_takes_too_long_is_ended_and_admitted(dsn: str, reader: Connection) -> None:
    await write(dsn, [seen("needle.example"), seen("a-needle.example")])
    async with await Database.open(dsn) as database:
        async with reader.transaction():
            await reader.execute("lock table search_text")
            cut = await ask(database, "needle")
        assert (values(cut), cut.complete) == (["needle.example"], False)


async def test_no_more_than_fifty_are_shown_and_the_rest_admitted(dsn: str, database: Database) -> None:
    await write(dsn, [seen(f"a-{number}-needle.example") for number in range(FALLBACK_MATCHES + 10)])
    result = await ask(database, "needle")
    assert (len(result.matches), result.truncated, result.complete) == (FALLBACK_MATCHES, True, True)
    assert len(set(values(result))) == FALLBACK_MATCHES
    exactly = await ask(database, "a-1")
    assert (len(exactly.matches), exactly.truncated) == (11, False)


async def test_values_of_other_types_that_fill_a_look_are_admitted(dsn: str, database: Database) -> None:
    await write(dsn, [seen(f"needle-{number}.example") for number in range(600)])
    narrowed = await ask(database, "needle", IocType.URL)
    assert (narrowed.strategy, narrowed.complete) == ("none", False)
    assert (await ask(database, "needle-599", IocType.URL)).complete


async def test_values_of_other_types_do_not_hide_older_ones(dsn: str, database: Database, reader: Connection) -> None:
    await write(dsn, [seen("a-needle.example")])
    await reader.execute("select setval('search_position', $1)", ROWS + ROWS // 2)
    beginning = [seen(f"http://needle.example/{number}") for number in range(120)]
    await write(dsn, beginning + [seen(f"http://x.example/{number}/needle") for number in range(600)])
    result = await ask(database, "needle", IocType.DOMAIN)
    assert (values(result), result.complete) == (["a-needle.example"], False)


async def test_a_look_for_similar_values_that_reads_to_its_bound_is_admitted(dsn: str, database: Database) -> None:
    strangers = [seen(f"http://x{number}.example/a/{'w' * 40}/login-harbinger-{number}") for number in range(600)]
    await write(dsn, [*strangers, seen("login-harbour.example")])
    assert (await ask(database, "login-harbor.example")).complete is False
    assert (await ask(database, "weather-station.example")).complete


async def test_similar_values_of_another_type_do_not_take_the_place_of_those_asked_for(
    dsn: str, database: Database
) -> None:
    others = [seen(f"http://login-harbour.example/{number}") for number in range(600)]
    await write(dsn, [*others, seen("login-harbour.example")])
    result = await ask(database, "login-harbor.example", IocType.DOMAIN)
    assert (values(result), result.complete) == (["login-harbour.example"], True)


async def test_hashes_are_found_by_their_beginning_and_not_by_their_middle(dsn: str, database: Database) -> None:
    await write(dsn, [seen(SHA256), seen("a" * 32), seen("b" * 40)])
    assert values(await ask(database, SHA256[:20].upper())) == [SHA256]
    assert values(await ask(database, SHA256[:63])) == [SHA256]
    assert (await ask(database, SHA256[20:50])).strategy == "none"


async def test_a_typing_error_is_forgiven_and_strangers_with_the_same_ending_are_not_shown(
    dsn: str, database: Database
) -> None:
    await write(dsn, [seen("login-harbour.example"), seen("weather-station.example"), seen("xyz.example")])
    for typed in ("login-harbor.example", "login-harboour.example", "logon-harbour.example", "login-harbour.exmple"):
        assert values(await ask(database, typed)) == ["login-harbour.example"]


async def test_every_range_is_looked_at_the_newest_first(dsn: str, database: Database, reader: Connection) -> None:
    for number in range(4):
        await reader.execute("select setval('search_position', $1)", number * ROWS + ROWS // 2)
        await write(dsn, [seen(f"of-{number}-needle.example"), seen(f"other-{number}.example")])
    result = await ask(database, "needle")
    assert sorted(values(result)) == [f"of-{number}-needle.example" for number in range(4)]
    assert values(result)[0] == "of-3-needle.example"
    assert values(await ask(database, "of-0-needlle.example"))[0] == "of-0-needle.example"


async def test_an_empty_database_answers_none(database: Database) -> None:
    result = await ask(database, "evil.example")
    assert (result.strategy, result.matches, result.total_matches, result.complete) == ("none", (), 0, True)


async def test_the_characters_of_like_are_plain_ones(dsn: str, database: Database) -> None:
    await write(dsn, [seen(f"http://x.example/{path}") for path in ("100_percent", "100apercent", "a%2Fb", "axx2fb")])
    for asked, found in {
        "100_percent": ["100_percent"],
        "0_per": ["100_percent"],
        "_per": ["100_percent"],
        "100%percent": [],
        "a%2fb": ["a%2Fb"],
        "a_2fb": [],
        "%2f": ["a%2Fb"],
        "example%b": [],
    }.items():
        assert values(await ask(database, asked)) == [f"http://x.example/{path}" for path in found], asked


# What the trigram index is asked, and whether it answers as Python would

ODD = "ab.%_\\/-1é"
"""Letters and what LIKE, paths and the index's own reading of words make special."""


def odd_values() -> list[str]:
    chance = random.Random(3)
    return sorted({"".join(chance.choices(ODD, k=chance.randrange(3, 16))) for _ in range(400)})


@pytest.fixture
async def odd(dsn: str) -> AsyncIterator[Database]:
    """A database of odd values, that reads them by the trigram index alone."""
    sightings = [NewSighting(Indicator(IocType.URL, value, value, value), FEED) for value in odd_values()]
    await write(dsn, sightings)
    async with await Database.open(f"{dsn}&enable_seqscan=off", size=1) as database:
        yield database


@SHARED
@given(
    text=st.builds(
        lambda value, start, length: value[start : start + length],
        st.sampled_from(odd_values()),
        st.integers(0, 8),
        st.integers(3, 8),
    ).filter(lambda text: len(text) >= 3)
    | st.text(ODD, min_size=3, max_size=6)
)
async def test_a_substring_finds_exactly_the_values_that_contain_it(odd: Database, text: str) -> None:
    found = await searching.substring(odd, Span(0, ROWS), text, None, 10_000)
    assert sorted(each.value for each in found) == [value for value in odd_values() if text in value]


@SHARED
@given(prefix=st.text(ODD, min_size=1, max_size=4))
async def test_a_beginning_finds_exactly_the_values_that_begin_with_it(odd: Database, prefix: str) -> None:
    found = await searching.beginnings(odd, [prefix], 10_000)
    expected = [value for value in odd_values() if value.startswith(prefix)]
    assert [each.value for each in found] == sorted(expected, key=str.encode)


async def test_the_substring_is_read_from_the_trigram_index(odd: Database) -> None:
    """Otherwise the two properties above would prove nothing of it."""
    plan = await odd.fetch("explain select from search_text where value like '%ab1%' and position >= 0")
    assert "search_text_00000_value" in "".join(row[0] for row in plan)


CHARACTERS = st.characters(exclude_characters="zqZQ\0", codec="utf-8")
UNLIKE = "zqzqzq"
"""Shares no trigram with the texts that are tried: their letters are others."""


@pytest.fixture(params=["C", "C.UTF-8"])
def in_locale(request: pytest.FixtureRequest, some_cluster: Cluster) -> Iterator[str]:
    """A database with pg_trgm in which letters are those of ASCII, or all of them."""
    name = f"locale_{request.param.replace('.', '_').replace('-', '_').lower()}"
    try:
        some_cluster.execute(f"create database {name} template template0 locale '{request.param}' encoding 'UTF8'")
    except asyncpg.PostgresError as error:
        pytest.skip(f"this machine has no locale {request.param}: {error}")
    yield some_cluster.instance.dsn_of(name)
    some_cluster.execute(f"drop database {name} with (force)")


@pytest.fixture
async def index(in_locale: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(in_locale)
    await connection.execute(f"""
        create extension pg_trgm;
        create table kept (value text collate "C");
        insert into kept select '{UNLIKE}' from generate_series(1, 3);
        create index on kept using gin (value gin_trgm_ops);
        set enable_seqscan = off""")
    yield connection
    await connection.close()


async def rows_from_index(index: Connection, text: str) -> int:
    """How many rows the index hands over for the pattern: all three when it yields no trigram, else none."""
    [[plan]] = await index.fetch(
        "explain (analyze, format json) select from kept where value like " + await quoted(index, text)
    )
    scan = json.loads(plan)[0]["Plan"]["Plans"][0]
    assert scan["Node Type"] == "Bitmap Index Scan"
    return int(scan["Actual Rows"])


async def quoted(index: Connection, text: str) -> str:
    literal: str = await index.fetchval("select quote_literal($1::text)", searching.contains(text))
    return literal


async def test_the_index_tells_whether_a_pattern_has_a_trigram(index: Connection) -> None:
    assert [await rows_from_index(index, text) for text in ("://", "ab", "abc")] == [3, 3, 0]


@SHARED
@given(text=st.text("abAB12 .-/:%_\\@\t", max_size=8))
async def test_of_an_ascii_text_the_server_thinks_as_we_do(index: Connection, text: str) -> None:
    assert has_trigram(text) == (await rows_from_index(index, text) == 0)


@SHARED
@given(text=st.text(st.sampled_from("ab1.-%_é日ßÄ٣²İ") | CHARACTERS, max_size=8))
@example(text="é1")  # two letters of one word, where é is one
@example(text="1é")
async def test_no_text_at_all_makes_the_server_read_the_whole_index(index: Connection, text: str) -> None:
    text = text.lower()
    if has_trigram(text):
        assert await rows_from_index(index, text) == 0
