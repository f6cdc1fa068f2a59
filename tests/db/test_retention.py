"""Retention: what fades is marked, what is not kept goes, and every count and date that is left is right."""

import asyncio
import itertools
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from socdefenders.enrich.fading import STANDARD, Lifetimes, lifetime
from socdefenders.errors import StorageError, StorageUnavailable
from socdefenders.indicators import parse, reversed_host
from socdefenders.model import IocType, NewArticle, NewSighting, SourceCategory
from socdefenders.storage import retention
from socdefenders.storage.database import Connection, Database
from socdefenders.storage.retention import FIRST, Gone, Keeper, Pruned, Steps
from socdefenders.storage.searching import KEPT_READY
from socdefenders.storage.writing import ReadArticle, Suppressed, Writer, name_id
from socdefenders.upkeep import Policy, Upkeep, prune

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
LATER = NOW + timedelta(minutes=2)
SOURCE, OTHER = "Greyharbour Blocklist", "Harbourwatch"
POLICY = Policy(lifetimes=STANDARD, bodies=365 * DAY, inactive=30 * DAY, tombstones=365 * DAY)
SMALL = Steps(marked=30, removed=40, articles=2, bodies=2, window=2)
EXAMPLES = itertools.count(1)


def seen(value: str, source: str = SOURCE, **fields: object) -> NewSighting:
    indicator = parse(value)
    plain = NewSighting(indicator, source, reversed_host(indicator))
    return plain._replace(**fields)  # type: ignore[arg-type]  # the names of its fields, which a test can get right


def old(value: str, days: int, source: str = SOURCE, **fields: object) -> NewSighting:
    """A report from so many days ago."""
    return seen(value, source, first_seen=NOW - days * DAY, last_seen=NOW - days * DAY, **fields)


def article(number: int, source: str = SOURCE, text: str = "what it says", **fields: object) -> ReadArticle:
    key = name_id("article", source, str(number))
    told = NewArticle(key, source, f"Report {number}", None, NOW, None, text)
    return ReadArticle(told, [Suppressed("domain", f"own-{number}.example", "publisher", "own")], **fields)  # type: ignore[arg-type]


@pytest.fixture
async def writer(dsn: str) -> AsyncIterator[Writer]:
    async with await opened(dsn) as ready:
        yield ready


async def opened(dsn: str, *sources: str) -> Writer:
    writer = await Writer.open(dsn)
    for name in (SOURCE, OTHER, *sources):
        await writer.source(name, SourceCategory.THREAT_FEED)
    return writer


async def pruned(dsn: str, *, now: datetime = NOW, policy: Policy = POLICY) -> Pruned:
    async with await Keeper.open(dsn, SMALL) as keeper:
        return await total(prune(keeper, policy.limits(now), clock=lambda: now))


async def withdrawn(dsn: str, source: str = SOURCE, *, now: datetime = NOW) -> Pruned:
    async with await Keeper.open(dsn, SMALL) as keeper:
        key = await keeper.find_source(source)
        assert key is not None
        said = await keeper.count_source(key)
        done = await total(keeper.withdraw(key, clock=lambda: now))
    assert said == done, "a dry run says what is done"
    return done


async def counted(dsn: str, now: datetime) -> Pruned:
    """What a dry run says."""
    async with await Keeper.open(dsn) as keeper:
        return await keeper.count(POLICY.limits(now))


async def total(parts: AsyncIterator[Pruned]) -> Pruned:
    sum_ = Pruned()
    async for part in parts:
        sum_.add(part)
    return sum_


async def column(reader: Connection, query: str, *values: object) -> list[Any]:
    return [row[0] for row in await reader.fetch(query, *values)]


async def inactive(reader: Connection) -> dict[str, datetime]:
    return {
        row[0]: row[1]
        for row in await reader.fetch("select value, inactive_since from indicators where inactive_since is not null")
    }


async def contradictions(reader: Connection) -> list[asyncpg.Record]:
    """Whatever does not agree with the reports: indicators, their places in the search, tombstones, previews."""
    return await reader.fetch(
        """
        select 'indicator' as what, coalesce(i.value, s.indicator_id::text) as of
          from indicators i
          full join (select indicator_id, min(first_seen), max(last_seen), max(confidence) as best, count(*)
                       from sightings group by 1) as s on s.indicator_id = i.id
         where (i.first_seen, i.last_seen, i.confidence::int, i.sighting_count)
               is distinct from (s.min, s.max, s.best::int, s.count)
        union all
        select 'search', coalesce(i.value, t.indicator_id::text)
          from (select * from indicators where type not in ('md5', 'sha1', 'sha256', 'sha512')) as i
          full join (select indicator_id, count(*) as places from search_text group by 1) as t on t.indicator_id = i.id
         where i.id is null or t.places is distinct from 1
        union all
        select 'tombstone', t.value from tombstones t join indicators i on i.id = t.id
        union all
        select 'suppressed', p.value from suppressed p left join articles a on a.id = p.article_id where a.id is null
        union all
        select 'preview', a.title
          from articles a
         where array(select e ->> 0 from json_array_elements(a.related::json) with ordinality as e (e, n) order by n)
               is distinct from
               array(select s.id::text from sightings s where s.article_id = a.id
                      order by s.confidence desc, s.last_seen desc, s.id limit $1)
        """,
        KEPT_READY,
    )


# Fading


async def test_what_was_last_reported_longer_ago_than_its_type_lasts_is_marked(
    dsn: str, writer: Writer, reader: Connection
) -> None:
    batch = [
        old("192.0.2.1", 48), old("192.0.2.2", 46), old("http://x.example/a", 48), old("old.example", 301),
        old("new.example", 299), old("a" * 64, 461), old("b" * 64, 459), old("CVE-2019-0001", 5_000), seen("192.0.2.3"),
    ]  # fmt: skip
    await writer.write(batch, [], now=NOW)
    assert await pruned(dsn) == Pruned(inactive=4)
    assert await inactive(reader) == dict.fromkeys(["192.0.2.1", "http://x.example/a", "old.example", "a" * 64], NOW)
    assert await pruned(dsn, now=NOW + timedelta(hours=1)) == Pruned(), "a second time there is nothing to do"
    assert await contradictions(reader) == []


@pytest.mark.parametrize(
    ("again", "active"),
    [
        (seen("192.0.2.1"), True),
        (seen("192.0.2.1", OTHER), True),
        (old("192.0.2.1", 1, OTHER), True),
        (old("192.0.2.1", 90, OTHER), False),
        (old("192.0.2.1", 60), False),
    ],
    ids=["the same source", "another", "another, with a date", "one that saw it before", "the same once more"],
)
async def test_an_indicator_that_is_seen_again_is_active_again(
    dsn: str, writer: Writer, reader: Connection, again: NewSighting, active: bool
) -> None:
    first = seen("192.0.2.1") if again.last_seen is None else old("192.0.2.1", 60)
    await writer.write([first], [], now=NOW - 60 * DAY)
    await pruned(dsn)
    assert await inactive(reader) == {"192.0.2.1": NOW}
    await writer.write([again], [], now=NOW)
    assert await inactive(reader) == ({} if active else {"192.0.2.1": NOW})
    assert await contradictions(reader) == []


async def test_another_lifetime_counts_at_once_in_both_directions(dsn: str, writer: Writer, reader: Connection) -> None:
    await writer.write([old("192.0.2.1", 60)], [], now=NOW)
    longer = Policy(lifetimes=Lifetimes(address=90), bodies=DAY, inactive=None, tombstones=DAY)
    for policy, expected in ((POLICY, {"192.0.2.1": NOW}), (longer, {}), (POLICY, {"192.0.2.1": NOW})):
        await pruned(dsn, policy=policy)
        assert await inactive(reader) == expected


async def test_what_a_list_without_dates_still_holds_does_not_fade(
    dsn: str, writer: Writer, reader: Connection
) -> None:
    batch = [seen("192.0.2.1"), seen("192.0.2.2", article_id=article(1).article.id)]
    await writer.write(batch, [article(1)], now=NOW)
    for days, updated in ((6, 0), (8, 1), (14, 0), (16, 1)):
        written = await writer.write(batch, [article(1)], now=NOW + days * DAY)
        assert (written.updated, written.unchanged) == (updated, 2 - updated), "at most once a week, and no article"
    assert await column(reader, "select last_seen from sightings order by 1") == [NOW, NOW + 16 * DAY]
    assert set(await column(reader, "select first_seen from sightings")) == {NOW}
    told = batch[1]._replace(tags=("c2",))
    assert (await writer.write([told], [article(1)], now=NOW + 30 * DAY)).updated == 1
    assert await column(reader, "select last_seen from sightings where article_id is not null") == [NOW]
    await pruned(dsn, now=NOW + 50 * DAY)
    assert list(await inactive(reader)) == ["192.0.2.2"]
    assert await contradictions(reader) == []


async def test_a_date_of_the_publisher_is_never_moved_by_a_list_without_dates(
    writer: Writer, reader: Connection
) -> None:
    await writer.write([old("192.0.2.1", 60)], [], now=NOW)
    await writer.write([seen("192.0.2.1")], [], now=NOW + 30 * DAY)
    assert await column(reader, "select last_seen from indicators") == [NOW - 60 * DAY]


AGED = {
    IocType.IPV4: "192.0.2.{}", IocType.IPV6: "2001:db8::{}", IocType.DOMAIN: "host-{}.example",
    IocType.URL: "http://x.example/{}", IocType.SHA1: "{:040x}", IocType.CVE: "CVE-2020-1{:03}",
    IocType.EMAIL: "login-{}@mail.example", IocType.MITRE_ATTACK: "T1{:03}",
}  # fmt: skip


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(st.sampled_from(list(AGED)), st.integers(0, 600), st.integers(0, 600)), max_size=20))
async def test_whatever_is_marked_is_marked_by_its_last_report(
    dsn: str, writer: Writer, reader: Connection, rows: list[tuple[IocType, int, int]]
) -> None:
    await reader.execute("truncate indicators, sightings, search_text")
    expected = set()
    for number, (ioc_type, *ages) in enumerate(rows, 1):
        value = AGED[ioc_type].format(number)
        for age, source in zip(ages, (SOURCE, OTHER), strict=True):
            await writer.write([old(value, age, source)], [], now=NOW)
        whole = lifetime(ioc_type)
        if whole is not None and min(ages) * DAY > whole:
            expected.add(value)
    assert await pruned(dsn) == Pruned(inactive=len(expected))
    assert set(await inactive(reader)) == expected


# Removal


async def test_what_was_inactive_for_long_goes_and_leaves_a_tombstone_until_it_is_reported_again(
    dsn: str, writer: Writer, reader: Connection, database: Database
) -> None:
    batch = [
        old("192.0.2.1", 60), old("192.0.2.1", 70, OTHER), old("c" * 64, 900, article_id=article(1).article.id),
        seen("192.0.2.9", article_id=article(1).article.id), old("gone.example", 400, article_id=article(1).article.id),
    ]  # fmt: skip
    await writer.write(batch, [article(1)], now=NOW)
    assert await pruned(dsn) == Pruned(inactive=3)
    assert await pruned(dsn, now=NOW + 30 * DAY) == Pruned(), "not yet"
    later = NOW + 31 * DAY
    assert await counted(dsn, later) == Pruned(indicators=3, sightings=4)
    assert await pruned(dsn, now=later) == Pruned(indicators=3, sightings=4)
    assert await column(reader, "select value from indicators") == ["192.0.2.9"]
    gone = await retention.gone_since(database, NOW - DAY, now=later)
    assert {(each.value, each.why, each.at) for each in gone} == {
        (value, "expired", NOW) for value in ("192.0.2.1", "c" * 64, "gone.example")
    }, "with the time at which they became inactive, so that nobody who polls is told twice"
    assert await contradictions(reader) == []
    await writer.write([seen("192.0.2.1")], [], now=later)
    assert sorted(await column(reader, "select value from tombstones")) == sorted(["c" * 64, "gone.example"])
    assert await contradictions(reader) == []


async def test_by_default_nothing_is_removed_for_its_age(dsn: str, writer: Writer, reader: Connection) -> None:
    await writer.write([old("192.0.2.1", 5_000)], [], now=NOW)
    policy = Policy(lifetimes=STANDARD, bodies=DAY, inactive=None, tombstones=DAY)
    await pruned(dsn, policy=policy)
    assert await pruned(dsn, now=NOW + 10_000 * DAY, policy=policy) == Pruned()
    assert await column(reader, "select count(*) from sightings") == [1]


async def test_old_texts_go_and_what_was_found_in_them_stays(dsn: str, writer: Writer, reader: Connection) -> None:
    report = article(1)
    batch = [seen("192.0.2.1", article_id=report.article.id, context="calls 192.0.2.1")]
    await writer.write(batch, [report], now=NOW - 366 * DAY)
    await writer.write([], [article(2)], now=NOW - 364 * DAY)
    assert await counted(dsn, NOW) == Pruned(inactive=1, bodies=1, suppressed=1)
    policy = Policy(lifetimes=Lifetimes(address=400), bodies=365 * DAY, inactive=None, tombstones=DAY)
    assert await pruned(dsn, policy=policy) == Pruned(bodies=1, suppressed=1)
    assert await column(reader, "select body from articles order by fetched_at") == ["", "what it says"]
    assert await column(reader, "select value from suppressed") == ["own-2.example"]
    assert await column(reader, "select context from sightings") == ["calls 192.0.2.1"]
    assert (await writer.write(batch, [report], now=NOW)).articles == 0, "the same text is no news"
    assert await pruned(dsn, policy=policy) == Pruned()
    assert (await writer.write(batch, [article(1, text="another")], now=NOW)).articles == 1
    assert await column(reader, "select body from articles order by fetched_at") == ["what it says", "another"]
    assert await contradictions(reader) == []


async def test_tombstones_go_in_their_time(dsn: str, writer: Writer, reader: Connection) -> None:
    await writer.write([seen("192.0.2.1")], [], now=NOW)
    await withdrawn(dsn)
    assert await pruned(dsn, now=NOW + 365 * DAY) == Pruned()
    assert await pruned(dsn, now=NOW + 366 * DAY) == Pruned(tombstones=1)
    assert await column(reader, "select count(*) from tombstones") == [0]


# A source that turned out bad


async def test_all_that_a_source_reported_goes_and_what_others_say_stays(
    dsn: str, writer: Writer, reader: Connection, database: Database
) -> None:
    both = article(1, OTHER)
    batch = [
        seen("192.0.2.1", confidence=90), old("192.0.2.1", 9, OTHER, confidence=20),
        seen("own.example"), seen("d" * 64), seen("read.example", article_id=article(1).article.id),
        seen("also.example", article_id=article(1).article.id), seen("also.example", OTHER, article_id=both.article.id),
        seen("guest.example", article_id=both.article.id),
    ]  # fmt: skip
    await writer.write(batch, [article(1), both], now=NOW)
    done = await withdrawn(dsn, now=LATER)
    assert done == Pruned(indicators=4, sightings=6, articles=1, suppressed=1)
    rows = await reader.fetch("select value, last_seen, confidence, sighting_count from indicators order by value")
    assert [tuple(row) for row in rows] == [("192.0.2.1", NOW - 9 * DAY, 20, 1), ("also.example", NOW, 50, 1)]
    gone = await retention.gone_since(database, NOW, now=LATER + DAY)
    assert {(each.value, each.why, each.at) for each in gone} == {
        (value, "removed", LATER) for value in ("own.example", "read.example", "guest.example", "d" * 64)
    }
    assert await contradictions(reader) == []
    assert await withdrawn(dsn) == Pruned(), "a second time there is nothing to do"


async def test_a_story_goes_on_without_the_article_that_began_it(dsn: str, writer: Writer, reader: Connection) -> None:
    told = [(SOURCE, 1), (OTHER, 2), (OTHER, 3)]
    for source, number in told:
        copy = replace(
            article(number, source).article, signature=bytes(range(256)), published_at=NOW - (9 - number) * DAY
        )
        await writer.write([], [ReadArticle(copy)], now=NOW)
    first, second, _ = (name_id("article", source, str(number)) for source, number in told)
    assert await column(reader, "select distinct story_id from articles") == [first]
    assert (await withdrawn(dsn)).articles == 1
    assert await column(reader, "select distinct story_id from articles") == [second]
    assert await column(reader, "select article_id from story_bands") == []


VALUES = ["192.0.2.1", "x.example", "http://x.example/A", "e" * 40, "mail@x.example"]
MAYBE_DAY = st.none() | st.integers(0, 30).map(lambda days: NOW - days * DAY)
SMALL_NUMBER = st.integers(0, 2)
REPORTS = st.lists(
    st.tuples(
        st.sampled_from(VALUES), SMALL_NUMBER, st.none() | SMALL_NUMBER, st.integers(0, 100), MAYBE_DAY, MAYBE_DAY
    ),
    min_size=1, max_size=20,
)  # fmt: skip


@dataclass
class Model:
    """What should be left, as one who reads the reports alone would say it."""

    reports: dict[tuple[str, str, int | None], tuple[datetime, datetime, int]] = field(default_factory=dict)

    def indicators(self) -> dict[str, tuple[datetime, datetime, int, int]]:
        found = defaultdict(list)
        for (value, _, _), facts in self.reports.items():
            found[value].append(facts)
        return {
            value: (min(f[0] for f in facts), max(f[1] for f in facts), max(f[2] for f in facts), len(facts))
            for value, facts in found.items()
        }


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(reports=REPORTS, bad=st.integers(0, 2))
async def test_after_a_source_is_removed_every_count_is_that_of_the_reports_left(
    dsn: str, writer: Writer, reader: Connection, reports: list[tuple[Any, ...]], bad: int
) -> None:
    await reader.execute(
        "truncate indicators, sightings, articles, suppressed, search_text, tombstones, sources cascade"
    )
    sources = [f"Source {next(EXAMPLES)}" for _ in range(3)]
    for name in sources:
        await writer.source(name, SourceCategory.THREAT_FEED)
    model = Model()
    for value, number, place, confidence, one, other in reports:
        source = sources[number]
        # The last report of one (value, source, place) is not merged here: merging is tested where it is written.
        if (value, source, place) in model.reports:
            continue
        first, last = sorted([one or other or NOW, other or one or NOW])
        model.reports[value, source, place] = first, last, confidence
        told = [] if place is None else [article(place, source)]
        key = told[0].article.id if told else None
        new = seen(value, source, article_id=key, confidence=confidence, first_seen=one, last_seen=other)
        await writer.write([new], told, now=NOW)
    before = set(model.indicators())
    if any(key[1] == sources[bad] for key in model.reports):
        await withdrawn(dsn, sources[bad])
    model.reports = {key: facts for key, facts in model.reports.items() if key[1] != sources[bad]}
    rows = await reader.fetch("select value, first_seen, last_seen, confidence, sighting_count from indicators")
    assert {row[0]: tuple(row)[1:] for row in rows} == model.indicators()
    assert set(await column(reader, "select value from tombstones")) == before - model.indicators().keys()
    assert await contradictions(reader) == []


# Whoever polls


PAGES = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["inactive", "expired", "removed"])), max_size=12)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=PAGES, limit=st.integers(1, 5), since=st.integers(-1, 3))
async def test_pages_give_everything_that_is_gone_once_and_in_order(
    reader: Connection, database: Database, rows: list[tuple[int, str]], limit: int, since: int
) -> None:
    await reader.execute("truncate indicators, tombstones")
    when = NOW + since * DAY
    expected = []
    for number, (day, why) in enumerate(rows):
        key, at, value = name_id(str(number)), NOW + day * DAY, f"host-{number}.example"
        expected.append(Gone(key, "domain", value, why, at))
        if why == "inactive":
            await reader.execute(
                "insert into indicators values ($1, 'domain', $2, $2, null, $3, $3, 50, 1, $3)", key, value, at
            )
        else:
            await reader.execute("insert into tombstones values ($1, 'domain', $2, $3, $4)", key, value, why, at)
    found: list[Gone] = []
    after = when, FIRST
    while page := await retention.gone_since(database, *after, now=NOW + 9 * DAY, limit=limit):
        assert len(page) <= limit
        found += page
        after = page[-1].at, page[-1].id
    expected = [each for each in expected if each.at >= when]
    assert found == sorted(expected, key=lambda each: (each.at, each.id.bytes))


async def test_what_changed_within_the_last_minute_is_told_by_the_next_poll(
    dsn: str, writer: Writer, database: Database
) -> None:
    await writer.write([old("192.0.2.1", 60)], [], now=NOW)
    await pruned(dsn)
    assert await retention.gone_since(database, NOW - DAY, now=NOW + timedelta(seconds=59)) == []
    assert [each.why for each in await retention.gone_since(database, NOW - DAY, now=LATER)] == ["inactive"]


# Beside others


def many(source: str, numbers: Iterable[int], **fields: object) -> list[NewSighting]:
    return [seen(f"host-{number}.example", source, **fields) for number in numbers]


async def test_what_is_written_while_a_source_goes_is_neither_lost_nor_miscounted(dsn: str, reader: Connection) -> None:
    """In small steps, so that both take many turns; nobody waits in a circle."""
    width = 200
    async with await opened(dsn) as writer:
        await writer.write(many(SOURCE, range(width)), [], now=NOW - 90 * DAY)
        await writer.write(many(OTHER, range(0, width, 3)), [], now=NOW - 90 * DAY)
    stop = asyncio.Event()

    async def write(number: int) -> None:
        chance, source = random.Random(number), f"Source {number}"
        async with await opened(dsn, source) as writer:
            while not stop.is_set():
                place = article(chance.randrange(3), source, text=str(chance.random()))
                batch = many(source, chance.sample(range(width), 50))
                batch += many(source, chance.sample(range(width), 5), article_id=place.article.id)
                await writer.write(batch, [place], now=NOW)

    async with asyncio.timeout(60):
        writers = [asyncio.create_task(write(number)) for number in range(2)]
        for source in (SOURCE, OTHER, "Source 0"):
            async with await Keeper.open(dsn, SMALL) as keeper:
                key = await keeper.find_source(source)
                assert key is not None
                await total(keeper.withdraw(key, clock=lambda: NOW))
            await asyncio.gather(*[pruned(dsn, now=NOW + 400 * DAY) for _ in range(2)])
        stop.set()
        await asyncio.gather(*writers)
    assert await contradictions(reader) == []
    left = await column(reader, "select distinct name from sightings join sources s on s.id = source_id")
    assert SOURCE not in left
    assert OTHER not in left


async def test_marking_beside_writers_waits_and_never_in_a_circle(dsn: str, reader: Connection) -> None:
    stop, width = asyncio.Event(), 300

    async def write(number: int) -> None:
        chance, source = random.Random(number), f"Source {number}"
        async with await opened(dsn, source) as writer:
            for turn in itertools.count():
                if stop.is_set():
                    return
                at = NOW + timedelta(seconds=turn)
                await writer.write(many(source, chance.sample(range(width), width), last_seen=at), [], now=NOW)

    async def marking() -> None:
        async with await Keeper.open(dsn) as keeper:
            for turn in range(40):
                ahead = NOW + (0 if turn % 2 else 9) * DAY
                await total(keeper.mark({"domain": ahead}, clock=lambda: NOW))

    async with await opened(dsn) as writer:
        await writer.write(many(SOURCE, range(width)), [], now=NOW)
    await reader.execute("cluster indicators using indicators_normalized")  # in another order than that of the ids
    async with asyncio.timeout(60):
        writers = [asyncio.create_task(write(number)) for number in range(2)]
        await asyncio.gather(marking(), marking())
        stop.set()
        await asyncio.gather(*writers)
    assert await contradictions(reader) == []


@pytest.mark.parametrize("inactive_before", [False, True], ids=["a source", "what was inactive for long"])
async def test_removal_locks_in_the_order_in_which_marking_does(
    dsn: str, writer: Writer, reader: Connection, inactive_before: bool
) -> None:
    """Marking gets the first one and wants the others, which nobody may have who still wants the first."""
    await writer.write(many(SOURCE, range(20), last_seen=NOW), [], now=NOW)
    mark_all, mark_none = {"domain": NOW + DAY}, {"domain": NOW}
    holder = await asyncpg.connect(dsn)
    async with await Keeper.open(dsn) as marker, await Keeper.open(dsn) as remover:
        if inactive_before:
            await total(marker.mark(mark_all, clock=lambda: NOW))
        await holder.execute("begin; select from indicators order by id limit 1 for update")
        marking = asyncio.create_task(total(marker.mark(mark_none if inactive_before else mark_all, clock=lambda: NOW)))
        await until_waiting(reader, 1)
        key = await remover.find_source(SOURCE)
        assert key is not None
        parts = remover.expire(LATER) if inactive_before else remover.withdraw(key, clock=lambda: NOW)
        removing = asyncio.create_task(total(parts))
        await until_waiting(reader, 2)
        await holder.close()
        await marking
        assert (await removing).indicators == (0 if inactive_before else 20)
    assert await contradictions(reader) == []


async def test_a_report_that_is_written_while_its_indicator_is_removed_keeps_or_brings_back_the_indicator(
    dsn: str, writer: Writer, reader: Connection
) -> None:
    """The moment that matters: the writer has found the indicator, and not yet added its report."""
    await writer.write([old("192.0.2.1", 60)], [], now=NOW)
    await pruned(dsn)
    holder = await asyncpg.connect(dsn)
    await holder.execute("begin; lock table sightings in exclusive mode")
    adding = asyncio.create_task(writer.write([seen("192.0.2.1", OTHER)], [], now=NOW + 31 * DAY))
    await until_waiting(reader, 1)
    removing = asyncio.create_task(pruned(dsn, now=NOW + 31 * DAY))
    await until_waiting(reader, 2)
    await holder.close()
    assert (await adding).new == 1
    assert (await removing).indicators == 0, "by its turn the indicator was reported again"
    assert await column(reader, "select sighting_count from indicators") == [2]
    assert await contradictions(reader) == []


async def until_waiting(reader: Connection, number: int) -> None:
    async def waiting() -> bool:
        query = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        return bool(await reader.fetchval(query) >= number)

    await until(waiting)


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await true():  # noqa: ASYNC110 - no event of this process: it happens in the server
            await asyncio.sleep(0.01)


async def test_what_is_killed_in_the_middle_is_half_done_and_wholly_right(
    dsn: str, writer: Writer, reader: Connection
) -> None:
    await writer.write(many(SOURCE, range(300)), [], now=NOW)
    await writer.write(many(OTHER, range(100)), [], now=NOW)
    done = 0
    async with await Keeper.open(dsn, SMALL) as keeper:
        key = await keeper.find_source(SOURCE)
        assert key is not None
        parts = keeper.withdraw(key, clock=lambda: NOW)
        for _ in range(2):
            done += (await anext(parts)).sightings
        await reader.execute(
            "select pg_terminate_backend(pid, 10000) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
        with pytest.raises(StorageUnavailable):
            await anext(parts)
    assert done == 80
    assert await contradictions(reader) == []
    assert await column(reader, "select count(*) from sightings") == [320]
    assert (await withdrawn(dsn)).sightings == 220
    assert await contradictions(reader) == []
    assert await withdrawn(dsn) == Pruned()


# Once a day


def upkeep(database: Database, now: datetime, *, heard: list[object] | None = None) -> Upkeep:
    said: list[object] = [] if heard is None else heard
    return Upkeep(
        database=database, policy=POLICY, clock=lambda: now, done=said.append, failed=said.append,
        first_seconds=0, look_seconds=0.01,
    )  # fmt: skip


async def test_of_any_number_of_workers_one_does_it_once_a_day(writer: Writer, database: Database) -> None:
    await writer.write(many(SOURCE, range(300), last_seen=NOW - 400 * DAY), [], now=NOW)

    async def turns(now: datetime) -> list[Pruned]:
        done = await asyncio.gather(*[upkeep(database, now).turn() for _ in range(5)])
        return [each for each in done if each is not None]

    assert await turns(NOW) == [Pruned(inactive=300)]
    assert await turns(NOW + timedelta(hours=23)) == []
    assert await turns(NOW + DAY) == [Pruned()]


async def test_a_worker_that_dies_over_it_leaves_it_to_another(
    dsn: str, reader: Connection, database: Database
) -> None:
    other = await asyncpg.connect(dsn)
    await other.execute("select pg_advisory_lock(hashtextextended('socdefenders.upkeep', 0))")
    assert await upkeep(database, NOW).turn() is None, "another is at it"
    other.terminate()

    async def done() -> bool:
        return await upkeep(database, NOW).turn() is not None

    await until(done)
    assert await column(reader, "select done_at from chores") == [NOW]


async def test_with_the_database_away_it_is_tried_again(
    dsn: str, writer: Writer, reader: Connection, database: Database
) -> None:
    await writer.write([old("192.0.2.1", 60)], [], now=NOW)
    await reader.execute("alter table chores rename to away")
    heard: list[Any] = []
    running = asyncio.create_task(upkeep(database, NOW, heard=heard).run())

    async def failed_twice() -> bool:
        return len(heard) >= 2

    async def done() -> bool:
        return isinstance(heard[-1], Pruned)

    await until(failed_twice)
    await reader.execute("alter table away rename to chores")
    await until(done)
    running.cancel()
    assert all(isinstance(each, StorageError) for each in heard[:-1])
    assert heard[-1] == Pruned(inactive=1)
