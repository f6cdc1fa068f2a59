"""Writing: what is merged how, that a second time changes nothing, and that several may write at once."""

import asyncio
import itertools
import json
import random
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit
from uuid import UUID, uuid5

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from socdefenders.errors import StorageError, StorageUnavailable
from socdefenders.indicators import parse, reversed_host
from socdefenders.model import NewArticle, NewSighting, SourceCategory
from socdefenders.storage.database import FAILURES, Connection, connect, unless_lost
from socdefenders.storage.ranges import ROWS, SPARE
from socdefenders.storage.searching import KEPT_READY
from socdefenders.storage.writing import ReadArticle, Suppressed, Writer, Written, indicator_id, name_id

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SOURCE = "Greyharbour Blocklist"
OTHER = "Harbourwatch"
SOURCES = (SOURCE, OTHER)
TABLES = ("sources", "articles", "indicators", "sightings", "search_text", "suppressed", "stories", "story_bands")

# One property is run many times in one database: its examples use names of their own.
SHARED = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
EXAMPLES = itertools.count(1)


def day(number: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)


def seen(value: str, source: str = SOURCE, **fields: object) -> NewSighting:
    """A sighting of `value` with nothing remarkable but `fields`."""
    indicator = parse(value)
    return having(NewSighting(indicator, source, reversed_host(indicator)), **fields)


def having(sighting: NewSighting, **fields: object) -> NewSighting:
    return sighting._replace(**fields)  # type: ignore[arg-type]  # the names of its fields, which a test can get right


def article(number: int, text: str = "text", source: str = SOURCE, **fields: object) -> NewArticle:
    plain = NewArticle(
        name_id("article", str(number)), source, f"Report {number}", f"https://r.example/{number}", day(1), None, text
    )
    return replace(plain, **fields)  # type: ignore[arg-type]  # as above


@pytest.fixture
async def writer(dsn: str) -> AsyncIterator[Writer]:
    async with await opened(dsn) as ready:
        yield ready


async def opened(dsn: str) -> Writer:
    """A writer that knows both sources."""
    writer = await Writer.open(dsn)
    for name in SOURCES:
        await writer.source(name, SourceCategory.THREAT_FEED)
    return writer


async def contents(reader: Connection) -> dict[str, list[str]]:
    """Everything that is stored, and which tables there are for it."""
    found = {table: await column(reader, f"select t::text from {table} t order by 1") for table in TABLES}
    found["relations"] = await column(reader, "select relname::text from pg_class where relnamespace = 2200 order by 1")
    found["position"] = await column(reader, "select last_value::text from search_position")
    return found


async def column(reader: Connection, query: str, *values: object) -> list[Any]:
    return [row[0] for row in await reader.fetch(query, *values)]


async def contradictions(reader: Connection) -> list[asyncpg.Record]:
    """Indicators that say something else than their sightings do, or that the fallback search does not hold once."""
    return await reader.fetch(
        """
        select i.value, i.first_seen, i.last_seen, i.confidence, i.sighting_count, s.*, t.*
          from indicators i
          left join (select indicator_id, min(first_seen), max(last_seen), max(confidence) as best, count(*)
                       from sightings group by 1) as s on s.indicator_id = i.id
          left join (select indicator_id, count(*) as places from search_text group by 1) as t on t.indicator_id = i.id
         where (i.first_seen, i.last_seen, i.confidence, i.sighting_count)
               is distinct from (s.min, s.max, s.best, s.count)
            or coalesce(t.places, 0) <> case when i.type in ('md5', 'sha1', 'sha256', 'sha512') then 0 else 1 end
        """
    )


@pytest.mark.parametrize("parts", [(), ("",), ("a", "b"), ("url", "http://x.example/\u00e9")])
def test_ids_are_uuids_of_version_5_in_one_namespace(parts: tuple[str, ...]) -> None:
    name = "".join(f"{len(part)}:{part}" for part in parts)
    assert name_id(*parts) == uuid5(UUID("0f4b1a52-7a0e-5a3c-9d0e-3b1f6f3c8a11"), name)


@given(st.lists(st.text("a:1"), max_size=3), st.lists(st.text("a:1"), max_size=3))
def test_different_parts_never_share_an_id(one: list[str], other: list[str]) -> None:
    assert (name_id(*one) == name_id(*other)) == (one == other)


BATCH = (
    seen("192.0.2.1", first_seen=day(1), last_seen=day(3), tags=("c2", "botnet"), context="beacon"),
    seen("192.0.2.1", OTHER, confidence=90),
    seen("loader.example", first_seen=day(2), malware_family="Saltlantern", techniques=("T1105",)),
    seen("http://loader.example/Gate.php", reference_url="https://feed.example/1", threat_type="payload_delivery"),
    seen("a" * 64, confidence=10),
    seen("login@mail.example", article_id=name_id("article", "1"), context="write to login@mail.example"),
)
READ = ReadArticle(article(1), [Suppressed("domain", "mail.example", "publisher", "the publisher's own")])


async def test_what_was_written_stands_there_in_full(writer: Writer, reader: Connection) -> None:
    assert await writer.write(BATCH, [READ], now=NOW) == Written(new=6, updated=0, unchanged=0, articles=1)
    [row] = await reader.fetch("select * from sightings where id = $1", sighting_id(BATCH[0]))
    assert (row["first_seen"], row["last_seen"], row["dated"]) == (day(1), day(3), True)
    assert (row["tags"], row["context"], row["confidence"]) == (["c2", "botnet"], "beacon", 50)
    [undated] = await reader.fetch("select * from sightings where id = $1", sighting_id(BATCH[3]))
    assert (undated["first_seen"], undated["last_seen"], undated["dated"]) == (NOW, NOW, False)
    assert (undated["reference_url"], undated["threat_type"]) == ("https://feed.example/1", "payload_delivery")
    [address] = await reader.fetch("select * from indicators where value = '192.0.2.1'")
    assert (address["sighting_count"], address["confidence"]) == (2, 90)
    hosts = await column(reader, "select host_reversed from indicators where host_reversed is not null order by 1")
    assert hosts == ["example.loader", "example.loader", "example.mail"]
    assert await contradictions(reader) == []


def sighting_id(sighting: NewSighting) -> UUID:
    place = sighting.article_id.hex if sighting.article_id else ""
    return name_id(indicator_id(sighting.indicator).hex, sighting.source, place)


async def test_writing_the_same_twice_changes_nothing(writer: Writer, reader: Connection) -> None:
    await writer.write(BATCH, [READ], now=NOW)
    before = await contents(reader)
    again = await writer.write(BATCH, [READ], now=NOW + timedelta(days=1))
    assert again == Written(new=0, updated=0, unchanged=6, articles=0)
    assert await contents(reader) == before


async def test_an_empty_batch_is_no_work(writer: Writer, reader: Connection) -> None:
    assert await writer.write([], [], now=NOW) == Written(0, 0, 0, 0)
    assert await contradictions(reader) == []


async def test_a_dry_run_writes_nothing_and_counts_as_the_real_one_does(dsn: str, reader: Connection) -> None:
    untouched = await contents(reader)
    async with await Writer.open(dsn) as writer:
        for name in SOURCES:
            await writer.source(name, SourceCategory.THREAT_FEED, dry_run=True)
        tried = [await writer.write(BATCH, [READ], now=NOW, dry_run=True) for _ in range(2)]
    assert await contents(reader) == untouched

    async with await opened(dsn) as writer:
        assert [await writer.write(BATCH, [READ], now=NOW)] * 2 == tried
        before = await contents(reader)
        better = [BATCH[0]._replace(confidence=99), BATCH[1], seen("192.0.2.9")]
        for name in SOURCES:
            await writer.source(name, SourceCategory.THREAT_FEED, dry_run=True)
        changed = ReadArticle(replace(READ.article, text="another"))
        tried_better = await writer.write(better, [changed], now=NOW, dry_run=True)
    assert tried_better == Written(new=1, updated=1, unchanged=1, articles=1)
    assert await contents(reader) == before


async def test_spellings_that_differ_in_the_case_of_the_path_are_two_indicators_with_one_normalised_value(
    writer: Writer, reader: Connection
) -> None:
    await writer.write(
        [seen("http://x.example/Gate"), seen("HTTP://X.example/gate"), seen("http://X.EXAMPLE/Gate")], [], now=NOW
    )
    found = await reader.fetch("select value, ioc_value_normalized from indicators order by value")
    assert [tuple(row) for row in found] == [
        ("HTTP://X.example/gate", "http://x.example/gate"),
        ("http://x.example/Gate", "http://x.example/gate"),
    ]


async def test_the_spelling_that_was_published_first_stays(writer: Writer, reader: Connection) -> None:
    """Within a source, whichever is the later; between the sources of a batch; and from batch to batch."""
    firsts = set()
    for number, forms in enumerate(itertools.permutations([str.upper, str.lower, str.capitalize])):
        spellings = [form(f"evil-{number}.example") for form in forms]
        batch = [seen(each, SOURCES[place % 2], last_seen=day(place)) for place, each in enumerate(spellings)]
        await writer.write(batch, [], now=NOW)
        await writer.write(batch[::-1], [], now=NOW)
        firsts.add(spellings[0])
    assert set(await column(reader, "select value from indicators")) == firsts


# The rules of merging, as a reader would tell them; the database and the batch must both obey.


@dataclass(frozen=True)
class Kept:
    """What is to stand in one sighting."""

    dates: tuple[datetime, datetime] | None
    confidence: int
    occurrences: int
    tags: frozenset[str]
    techniques: frozenset[str]
    words: tuple[str | None, ...]
    """Context, reference, threat type, family."""


def kept(sighting: NewSighting) -> Kept:
    given = [date for date in (sighting.first_seen, sighting.last_seen) if date]
    return Kept(
        dates=(min(given), max(given)) if given else None,
        confidence=sighting.confidence,
        occurrences=sighting.occurrences,
        tags=frozenset(sighting.tags),
        techniques=frozenset(sighting.techniques),
        words=(sighting.context, sighting.reference_url, sighting.threat_type, sighting.malware_family),
    )


def joined(old: Kept, new: Kept, occurrences: int) -> Kept:
    newer = new.dates is not None and (old.dates is None or new.dates[1] > old.dates[1])
    first, second = (new, old) if newer else (old, new)
    dates = old.dates or new.dates
    if old.dates and new.dates:
        dates = min(old.dates[0], new.dates[0]), max(old.dates[1], new.dates[1])
    return Kept(
        dates=dates,
        confidence=max(old.confidence, new.confidence),
        occurrences=occurrences,
        tags=old.tags | new.tags,
        techniques=old.techniques | new.techniques,
        words=tuple(one or other for one, other in zip(first.words, second.words, strict=True)),
    )


@dataclass
class Model:
    """What should be stored after some batches."""

    stored: dict[UUID, Kept] = field(default_factory=dict)

    def write(self, batch: Iterable[NewSighting]) -> Written:
        """Within a batch occurrences add up; a file read again says the same once more, so the greater stays."""
        coming: dict[UUID, Kept] = {}
        for sighting in batch:
            key, new = sighting_id(sighting), kept(sighting)
            old = coming.get(key)
            coming[key] = new if old is None else joined(old, new, old.occurrences + new.occurrences)
        before = dict(self.stored)
        for key, new in coming.items():
            old = before.get(key)
            self.stored[key] = new if old is None else joined(old, new, max(old.occurrences, new.occurrences))
        fresh = len(coming.keys() - before.keys())
        changed = sum(before[key] != self.stored[key] for key in coming.keys() & before.keys())
        return Written(fresh, changed, len(coming) - fresh - changed, 0)


async def stored(reader: Connection, source: str) -> dict[UUID, Kept]:
    rows = await reader.fetch(
        "select s.* from sightings s join sources o on o.id = s.source_id where o.name = $1", source
    )
    return {
        row["id"]: Kept(
            dates=(row["first_seen"], row["last_seen"]) if row["dated"] else None,
            confidence=row["confidence"],
            occurrences=row["occurrences"],
            tags=frozenset(row["tags"]),
            techniques=frozenset(row["mitre_techniques"]),
            words=(row["context"], row["reference_url"], row["threat_type"], row["malware_family"]),
        )
        for row in rows
    }


WORDS = ("context", "reference_url", "threat_type", "malware_family")
MAYBE_DAY = st.none() | st.integers(0, 4).map(day)
WORD = st.none() | st.sampled_from(["one", "two", "three"])
TAGS = st.lists(st.sampled_from(["c2", "botnet", "phishing"]), max_size=3, unique=True).map(tuple)
VALUES = ["192.0.2.1", "x.example", "http://x.example/A", "http://x.example/a", "b" * 40]
PLAIN = st.builds(
    seen,
    st.sampled_from(VALUES),
    first_seen=MAYBE_DAY,
    last_seen=MAYBE_DAY,
    confidence=st.integers(0, 100),
    occurrences=st.integers(1, 3),
    tags=TAGS,
    techniques=st.lists(st.sampled_from(["T1071", "T1105"]), max_size=2, unique=True).map(tuple),
)
SIGHTING = st.builds(
    lambda plain, words: having(plain, **dict(zip(WORDS, words, strict=True))),
    PLAIN,
    st.tuples(WORD, WORD, WORD, WORD),
)


@SHARED
@given(batches=st.lists(st.lists(SIGHTING, min_size=1, max_size=5), min_size=1, max_size=4))
async def test_sightings_are_merged_as_the_rules_say(
    writer: Writer, reader: Connection, batches: list[list[NewSighting]]
) -> None:
    source, model = f"Source {next(EXAMPLES)}", Model()
    await writer.source(source, SourceCategory.THREAT_FEED)
    for number, batch in enumerate(batches):
        own = [sighting._replace(source=source) for sighting in batch]
        assert await writer.write(own, [], now=NOW + timedelta(days=number)) == model.write(own)
    assert await stored(reader, source) == model.stored
    assert await contradictions(reader) == []


@SHARED
@given(
    rows=st.lists(st.tuples(PLAIN, st.integers(0, 3)), min_size=2, max_size=8),
    cuts=st.sets(st.integers(1, 7), min_size=1),
)
async def test_where_a_batch_ends_makes_no_difference(
    writer: Writer, reader: Connection, rows: list[tuple[NewSighting, int]], cuts: set[int]
) -> None:
    """But to the occurrences, and to whether an old word fills the place of one that the newest row lacks."""
    together, apart = (f"Source {next(EXAMPLES)}" for _ in range(2))
    for source in (together, apart):
        await writer.source(source, SourceCategory.THREAT_FEED)
    told = [having(row, **dict.fromkeys(WORDS, f"word {word}")) for row, word in rows]
    await writer.write([row._replace(source=together) for row in told], [], now=NOW)
    edges = [0, *sorted(cut for cut in cuts if cut < len(told)), len(told)]
    for begin, end in itertools.pairwise(edges):
        await writer.write([row._replace(source=apart) for row in told[begin:end]], [], now=NOW)

    one, other = [
        {
            (row["indicator_id"]): (
                row["first_seen"],
                row["last_seen"],
                row["dated"],
                row["confidence"],
                sorted(row["tags"]),
                sorted(row["mitre_techniques"]),
                *(row[word] for word in WORDS),
            )
            for row in await reader.fetch(
                "select s.* from sightings s join sources o on o.id = s.source_id where o.name = $1", source
            )
        }
        for source in (together, apart)
    ]
    assert one == other
    assert await contradictions(reader) == []


async def test_an_import_date_gives_way_to_the_publishers_in_the_indicator_too(
    writer: Writer, reader: Connection
) -> None:
    await writer.write([seen("192.0.2.1"), seen("192.0.2.1", OTHER, first_seen=day(9))], [], now=NOW)
    await writer.write([seen("192.0.2.1", first_seen=day(2), last_seen=day(4))], [], now=NOW)
    [row] = await reader.fetch("select first_seen, last_seen from indicators")
    assert tuple(row) == (day(2), day(9))


async def test_dates_in_the_wrong_order_are_put_right(writer: Writer, reader: Connection) -> None:
    await writer.write([seen("192.0.2.1", first_seen=day(5), last_seen=day(2))], [], now=NOW)
    [row] = await reader.fetch("select first_seen, last_seen from sightings")
    assert tuple(row) == (day(2), day(5))


def many(source: str, numbers: Iterable[int], **fields: object) -> list[NewSighting]:
    return [seen(f"host-{number}.example", source, **fields) for number in numbers]


# How the planner joins decides in which order rows come to be locked, unless a statement says it.
PLANS = ("enable_nestloop=off&enable_mergejoin=off", "enable_hashagg=off&enable_hashjoin=off&enable_mergejoin=off")


async def test_a_date_far_in_the_future_is_none_and_leaves_nothing_on_top_for_ever(
    writer: Writer, reader: Connection
) -> None:
    far, told = NOW + timedelta(days=3), article(1, published_at=NOW + timedelta(days=3))
    await writer.write(
        [seen("192.0.2.1", first_seen=day(1), last_seen=far), seen("192.0.2.2", last_seen=far)], [], now=NOW
    )
    await writer.write([seen("192.0.2.3", article_id=told.id, last_seen=far)], [ReadArticle(told)], now=NOW)
    dates = await reader.fetch("select last_seen from indicators order by value")
    assert [each[0] for each in dates] == [day(1), NOW, NOW]
    assert await reader.fetchval("select published_at from articles") is None


async def test_the_tags_of_a_report_do_not_grow_without_end(writer: Writer, reader: Connection) -> None:
    def rows(batch: int) -> list[NewSighting]:
        return [
            seen(
                "192.0.2.1",
                tags=tuple(f"{batch}-{row}-{tag}" for tag in range(50)),
                techniques=tuple(f"T{batch}{row:03}.{tag:03}" for tag in range(50)),
            )
            for row in range(3)
        ]

    counts = [await writer.write(rows(batch), [], now=NOW) for batch in range(1, 4)]
    held = await reader.fetchrow("select cardinality(tags), cardinality(mitre_techniques) from sightings")
    assert held is not None
    assert tuple(held) == (200, 200)
    assert [each.updated for each in counts] == [0, 1, 0]


async def test_merging_one_reports_tags_is_no_work_that_grows_with_its_square(writer: Writer) -> None:
    rows = [seen("192.0.2.1", tags=tuple(f"{row}-{tag}" for tag in range(50))) for row in range(4_000)]
    async with asyncio.timeout(20):
        assert (await writer.write(rows, [], now=NOW)).new == 1


async def test_writers_at_once_on_the_same_values_neither_block_each_other_nor_miscount(
    dsn: str, reader: Connection
) -> None:
    """Each brings them in an order of its own; some are new to everybody, some stored, some just written by another."""
    turns, width = 6, 100

    async def work(number: int) -> None:
        chance, source = random.Random(number), f"Source {number}"
        async with await opened(f"{dsn}&{PLANS[number % 2]}") as writer:
            await writer.source(source, SourceCategory.THREAT_FEED)
            for turn in range(turns):
                numbers = chance.sample(range(turn * width, (turn + 4) * width), 4 * width)
                await writer.write(
                    many(source, numbers, confidence=10 * turn + number, first_seen=day(turn)), [], now=NOW
                )

    async with await opened(dsn) as writer:
        await writer.write(many(SOURCE, range(turns * width)), [], now=NOW)
    await reader.execute("cluster indicators using indicators_normalized")  # in another order than that of the ids
    async with asyncio.timeout(60):
        await asyncio.gather(*(work(number) for number in range(4)))
    assert await contradictions(reader) == []
    counts = {
        row[0]: row[1] for row in await reader.fetch("select sighting_count, count(*) from indicators group by 1")
    }
    assert counts == {5: turns * width, 4: 3 * width}


async def test_writers_at_once_on_the_same_articles_and_sightings_do_not_block_each_other(
    dsn: str, reader: Connection
) -> None:
    async def work(number: int) -> None:
        chance = random.Random(number)
        async with await opened(f"{dsn}&{PLANS[number % 2]}") as writer:
            for turn in range(6):
                articles = [ReadArticle(article(each, f"{number} {turn}")) for each in chance.sample(range(5), 5)]
                batch = [seen("shared.example", article_id=read.article.id, occurrences=turn) for read in articles]
                await writer.write(batch, articles, now=NOW)
                await writer.write(many(SOURCE, chance.sample(range(300), 300), confidence=turn + number), [], now=NOW)

    async with asyncio.timeout(60):
        await asyncio.gather(*(work(number) for number in range(4)))
    assert await contradictions(reader) == []
    assert await column(reader, "select sighting_count from indicators where value = 'shared.example'") == [5]
    assert await column(reader, "select distinct confidence from sightings where article_id is null") == [8]


async def test_writers_that_begin_together_make_sources_and_ranges_once(dsn: str, reader: Connection) -> None:
    async def begin(number: int) -> Written:
        async with await opened(dsn) as writer:
            return await writer.write([seen(f"192.0.2.{number}")], [], now=NOW)

    written = await asyncio.gather(*(begin(number) for number in range(4)))
    assert written == [Written(1, 0, 0, 0)] * 4
    assert sorted(await column(reader, "select name from sources")) == sorted(SOURCES)
    assert await ranges(reader) == ["search_text_00000"]


async def ranges(reader: Connection) -> list[str]:
    return await column(
        reader, "select inhrelid::regclass::text from pg_inherits where inhparent = 'search_text'::regclass order by 1"
    )


async def test_ranges_of_the_fallback_search_are_made_ahead_of_need(
    writer: Writer, dsn: str, reader: Connection
) -> None:
    await writer.write(many(SOURCE, range(3)), [], now=NOW)
    assert await ranges(reader) == ["search_text_00000"]
    await reader.execute("select setval('search_position', $1)", ROWS - 3)
    await writer.write(many(SOURCE, range(3, 9)), [], now=NOW)
    assert await ranges(reader) == ["search_text_00000", "search_text_00001"]
    places = await column(reader, "select tableoid::regclass::text from search_text order by position")
    assert places == ["search_text_00000"] * 5 + ["search_text_00001"] * 4

    await reader.execute("select setval('search_position', $1)", 2 * ROWS - SPARE + 1)
    async with await opened(dsn) as another:
        await another.write(many(SOURCE, [9]), [], now=NOW)
    assert (await ranges(reader))[-1] == "search_text_00002", "made while the one before has a good part to go"
    assert await indexed(reader) == ["search_text_00000"], "the full one"


async def indexed(reader: Connection) -> list[str]:
    return await column(reader, "select tablename from pg_indexes where indexdef like '%gin_trgm_ops%' order by 1")


async def test_writers_that_end_together_index_what_they_wrote_once(dsn: str, reader: Connection) -> None:
    async def work(number: int) -> None:
        async with await opened(dsn) as writer:
            await writer.write([seen(f"192.0.2.{number}")], [], now=NOW)
            await writer.settle()

    await asyncio.gather(*(work(number) for number in range(4)))
    assert await indexed(reader) == ["search_text_00000"]


async def test_hashes_take_no_place_in_the_fallback_search(writer: Writer, reader: Connection) -> None:
    await writer.write([seen(letter * length) for letter in "ab" for length in (32, 40, 64, 128)], [], now=NOW)
    assert await column(reader, "select count(*) from indicators") == [8]
    assert await column(reader, "select count(*) from search_text") == [0]


async def test_an_article_is_taken_over_when_its_text_or_title_changed_and_not_otherwise(
    writer: Writer, reader: Connection
) -> None:
    first = ReadArticle(article(1), [Suppressed("domain", "a.example", "publisher", "own"), SUPPRESSED, SUPPRESSED])

    async def write(read: ReadArticle, now: datetime = NOW) -> int:
        return (await writer.write([], [read], now=now)).articles

    assert await write(first) == 1
    before = await contents(reader)
    assert await write(replace_article(first, published_at=day(7)), NOW + timedelta(days=1)) == 0
    assert await contents(reader) == before
    assert await column(reader, "select value from suppressed order by 1") == ["a.example", "b.example"]

    later = NOW + timedelta(days=2)
    assert await write(replace_article(first, text="corrected", url=None, modified_at=later), later) == 1
    [row] = await reader.fetch("select * from articles")
    assert (row["body"], row["url"], row["fetched_at"]) == ("corrected", "https://r.example/1", later)
    assert (row["published_at"], row["modified_at"]) == (day(1), later)
    assert await write(replace_article(first, title="Renamed")) == 1

    assert await write(ReadArticle(article(1, "again"), [SUPPRESSED])) == 1
    assert await column(reader, "select value from suppressed order by 1") == ["b.example"]


SUPPRESSED = Suppressed("domain", "b.example", "well-known", "everybody's")


def replace_article(read: ReadArticle, **fields: object) -> ReadArticle:
    return read._replace(article=replace(read.article, **fields))  # type: ignore[arg-type]  # as above


async def test_an_article_keeps_its_best_sightings_ready_in_order(writer: Writer, reader: Connection) -> None:
    chance = random.Random(5)
    place = article(1).id
    batch = [
        seen(
            f"host-{number}.example",
            article_id=place,
            confidence=chance.randrange(3),
            first_seen=day(chance.randrange(3)),
        )
        for number in range(3 * KEPT_READY)
    ]
    half = len(batch) // 2
    await writer.write(batch[:half], [ReadArticle(article(1))], now=NOW)
    await writer.write(batch[half:], [ReadArticle(article(1))], now=NOW)
    await writer.write(many(SOURCE, range(3), confidence=100), [], now=NOW)

    best = sorted(batch, key=lambda each: (-each.confidence, -timestamp(each), sighting_id(each).bytes))[:KEPT_READY]
    [related] = await column(reader, "select related from articles")
    ready = json.loads(related)
    assert [each[2] for each in ready] == [each.indicator.value for each in best]
    assert [each[0] for each in ready] == [str(sighting_id(each)) for each in best]
    assert {each[5] for each in ready} <= {f"2026-01-0{number}T00:00:00Z" for number in (1, 2, 3)}


def timestamp(sighting: NewSighting) -> float:
    assert sighting.first_seen
    return sighting.first_seen.timestamp()


async def test_a_value_of_2048_bytes_is_stored_and_one_of_more_is_refused(writer: Writer, reader: Connection) -> None:
    longest = "http://x.example/" + "a" * 2_031
    await writer.write([seen(longest)], [], now=NOW)
    assert await column(reader, "select octet_length(ioc_value_normalized) from indicators") == [2_048]
    longer = seen(longest)
    longer = longer._replace(indicator=longer.indicator._replace(canonical="x", normalized=longest + "a"))
    with pytest.raises(StorageError, match="check constraint"):
        await writer.write([longer], [], now=NOW)


async def test_a_batch_that_the_database_refuses_is_undone_whole_and_the_next_one_written(
    writer: Writer, reader: Connection
) -> None:
    await writer.write([], [], now=NOW)
    before = await contents(reader)
    wrongs: list[dict[str, object]] = [
        {"context": "a\0b"}, {"context": "a\ud800b"}, {"tags": ("a\0",)}, {"confidence": 101},
    ]  # fmt: skip
    for wrong in wrongs:
        with pytest.raises(StorageError) as refused:
            await writer.write([seen("192.0.2.1"), having(seen("192.0.2.2"), **wrong)], [READ], now=NOW)
        assert not isinstance(refused.value, StorageUnavailable)
        after = await contents(reader)
        assert [after[table] for table in TABLES] == [before[table] for table in TABLES]
    assert (await writer.write([seen("192.0.2.1")], [], now=NOW)).new == 1


async def test_a_writer_whose_connection_was_killed_says_that_the_database_is_away(
    dsn: str, reader: Connection
) -> None:
    async with await opened(dsn) as writer:
        await reader.execute(
            "select pg_terminate_backend(pid, 10000) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
        with pytest.raises(StorageUnavailable):
            await writer.write([seen("192.0.2.1")], [], now=NOW)
        with pytest.raises(StorageUnavailable):
            await writer.source("Another", SourceCategory.NEWS)
        with pytest.raises(StorageUnavailable):
            await writer.settle()


async def test_settling_tells_the_planner_how_much_there_is(writer: Writer, reader: Connection) -> None:
    await writer.write(many(SOURCE, range(300)), [], now=NOW)
    await writer.settle()
    counts = await column(reader, "select reltuples::int from pg_class where relname in ('indicators', 'sightings')")
    assert counts == [300, 300]


async def test_a_copy_ends_whose_server_goes_while_it_waits_for_room(dsn: str) -> None:
    """The driver leaves such a copy waiting for ever; a writer must not."""
    parts = urlsplit(dsn)
    sockets = parse_qs(parts.query)["host"][0]
    copying = asyncio.Event()
    goers: list[asyncio.Task[object] | None] = []  # the driver calls a second time, to cancel

    async def between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass everything on until the copy begins; then read no more, and go."""
        goers.append(asyncio.current_task())
        from_server, to_server = await asyncio.open_unix_connection(f"{sockets}/.s.PGSQL.5432")

        async def back() -> None:
            while data := await from_server.read(65_536):
                writer.write(data)

        task = asyncio.create_task(back())
        while not copying.is_set() and (data := await reader.read(65_536)):
            to_server.write(data)
        task.cancel()
        writer.transport.abort()
        to_server.transport.abort()
        await asyncio.sleep(0)  # the transports close in the loop's next round

    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        server = await asyncio.start_unix_server(between, f"{folder}/.s.PGSQL.5432")
        connection = await connect(
            dsn.replace(quote(sockets, safe=""), folder).replace(sockets, folder), command_timeout=None
        )
        await connection.execute("create temporary table big (value text)")

        def rows() -> Iterator[tuple[str]]:
            copying.set()
            for _ in range(2_000):
                yield ("x" * 100_000,)

        with pytest.raises((StorageUnavailable, *FAILURES)) as raised:
            await asyncio.wait_for(
                unless_lost(connection, connection.copy_records_to_table("big", records=rows(), columns=["value"])), 20
            )
        assert not isinstance(raised.value, TimeoutError), "it ended by itself"
        connection.terminate()
        server.close()
        await server.wait_closed()
        await asyncio.gather(*[goer for goer in goers if goer], return_exceptions=True)
        await asyncio.sleep(0)
