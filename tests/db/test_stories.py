"""Stories: copies share one, whoever wrote first; what only looks like a copy has its own; a flood costs no more."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from socdefenders.enrich.likeness import signature
from socdefenders.model import Learnt, NewArticle, SourceCategory
from socdefenders.storage import stories
from socdefenders.storage.database import Connection, connect
from socdefenders.storage.stories import ALIKE, ALIKE_AT_HOME, DAYS, PER_BAND, First, Told, bands, likeness, story_of
from socdefenders.storage.writing import ReadArticle, Writer, name_id
from tests.invented_texts import prose

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SOURCES = ("Harbourwatch", "Greyharbour", "Saltlantern", "Fencepost")
TEXT = prose(1)
CUT = TEXT[: int(len(TEXT) * 0.7)]


def read(name: str, source: str, text: str, *, at: datetime | None = NOW, cves: tuple[str, ...] = ()) -> ReadArticle:
    learnt = Learnt("news", "news", "low", 1.0, "", "rules", cves, (), (), (), (), "19.2", "{}")
    key = name_id("article", source, name)
    url = f"https://{source.lower()}.example/{name}"
    article = NewArticle(key, source, name, url, at, None, text, None, url, signature(text))
    return ReadArticle(article, [], learnt)


async def opened(dsn: str) -> Writer:
    writer = await Writer.open(dsn)
    for name in SOURCES:
        await writer.source(name, SourceCategory.NEWS)
    return writer


@pytest.fixture
async def writer(dsn: str) -> AsyncIterator[Writer]:
    async with await opened(dsn) as ready:
        yield ready


async def told(reader: Connection) -> dict[str, list[str]]:
    """The stories: of each the title of its first article, and those of all its articles."""
    rows = await reader.fetch(
        "select b.title as first, array_agg(a.title order by a.title) as titles"
        "  from articles a join articles b on b.id = a.story_id group by 1"
    )
    return {row["first"]: row["titles"] for row in rows}


async def is_whole(reader: Connection) -> bool:
    """Whether exactly the first articles of stories can be found, each by all of its bands."""
    stored = await reader.fetch("select band, told_on, article_id from story_bands order by 1, 2, 3")
    wanted = await reader.fetch(
        "select distinct unnest(bands) as band, told_on, article_id from stories order by 1, 2, 3"
    )
    strays = await reader.fetchval(
        "select count(*) from stories s join articles a on a.id = s.article_id and a.story_id <> a.id"
    )
    return stored == wanted and strays == 0


@pytest.mark.parametrize("at_once", [True, False])
async def test_copies_of_other_publishers_join_the_story_of_whoever_told_it_first(
    writer: Writer, reader: Connection, *, at_once: bool
) -> None:
    articles = [
        read("first", SOURCES[0], TEXT),
        read("cut", SOURCES[1], CUT, at=NOW + timedelta(days=2)),
        read("framed", SOURCES[2], f"Our letter\n{TEXT}\nFirst printed elsewhere.", at=NOW + timedelta(days=1)),
        read("other", SOURCES[1], prose(2), at=NOW),
    ]
    for part in [articles] if at_once else [[each] for each in articles]:
        await writer.write([], part, now=NOW)
    assert await told(reader) == {"first": ["cut", "first", "framed"], "other": ["other"]}
    assert await is_whole(reader)


async def test_of_copies_that_come_at_once_the_earliest_is_the_first(writer: Writer, reader: Connection) -> None:
    early = [read(f"early {number}", SOURCES[0], prose(number)) for number in range(8)]
    late = [read(f"late {number}", SOURCES[1], prose(number), at=NOW + timedelta(days=1)) for number in range(8)]
    await writer.write([], late + early, now=NOW)
    assert await told(reader) == {f"early {number}": [f"early {number}", f"late {number}"] for number in range(8)}


async def test_writing_again_and_a_dry_run_change_nothing(writer: Writer, reader: Connection) -> None:
    async def everything() -> list[str]:
        tables = [
            await reader.fetch(f"select t::text from {name} t order by 1")
            for name in ("articles", "stories", "story_bands")
        ]
        return [row[0] for table in tables for row in table]

    articles = [read("first", SOURCES[0], TEXT), read("copy", SOURCES[1], CUT)]
    await writer.write([], articles, now=NOW)
    before = await everything()
    await writer.write([], articles, now=NOW + timedelta(days=1))
    for name in SOURCES:
        await writer.source(name, SourceCategory.NEWS, dry_run=True)
    await writer.write([], [read("first", SOURCES[0], prose(3))], now=NOW, dry_run=True)
    assert await everything() == before


async def test_what_is_told_months_later_is_another_story(writer: Writer, reader: Connection) -> None:
    late, just = NOW + timedelta(days=DAYS + 1), NOW - timedelta(days=DAYS)
    await writer.write([], [read("first", SOURCES[0], TEXT)], now=NOW)
    await writer.write([], [read("late", SOURCES[1], TEXT, at=late)], now=late)
    await writer.write([], [read("just", SOURCES[2], TEXT, at=just)], now=NOW)
    assert await told(reader) == {"first": ["first", "just"], "late": ["late"]}


async def test_an_article_without_a_date_was_told_when_it_was_read(writer: Writer, reader: Connection) -> None:
    await writer.write([], [read("first", SOURCES[0], TEXT)], now=NOW)
    await writer.write([], [read("undated", SOURCES[1], TEXT, at=None)], now=NOW + timedelta(days=3))
    await writer.write([], [read("later", SOURCES[2], TEXT, at=None)], now=NOW + timedelta(days=300))
    assert await told(reader) == {"first": ["first", "undated"], "later": ["later"]}


async def test_bulletins_of_one_form_are_stories_of_their_own(writer: Writer, reader: Connection) -> None:
    """A publisher's weekly bulletin, and an agency's notice of one more flaw, are mostly their form."""
    form = prose(5, 200)
    weekly = [read(f"week {number}", SOURCES[0], f"{form}\n{prose(number, 60)}") for number in range(10, 14)]
    notices = [
        read(f"notice {number}", SOURCES[number % 2], f"{form[:900]} {number}", cves=(f"CVE-2031-{number}",))
        for number in range(1000, 1004)
    ]
    await writer.write([], weekly, now=NOW)
    await writer.write([], notices, now=NOW)
    assert len(await told(reader)) == len(weekly) + len(notices)
    shares = [likeness(one.article.signature or b"", weekly[0].article.signature or b"") for one in weekly[1:]]
    assert min(shares) > ALIKE, "alike enough for two publishers"
    await writer.write(
        [], [read("reprint", SOURCES[1], notices[0].article.text, cves=("CVE-2031-1000", "CVE-2031-9"))], now=NOW
    )
    assert (await told(reader))["notice 1000"] == ["notice 1000", "reprint"]


async def test_a_publishers_own_repetition_is_the_same_story(writer: Writer, reader: Connection) -> None:
    await writer.write(
        [],
        [read("first", SOURCES[0], TEXT), read("again", SOURCES[0], f"{TEXT} Updated.", at=NOW + timedelta(1))],
        now=NOW,
    )
    assert await told(reader) == {"first": ["again", "first"]}


async def test_likeness_does_not_pass_from_neighbour_to_neighbour(writer: Writer, reader: Connection) -> None:
    words = prose(1, 900).split()
    chain = [" ".join(words[start : start + 300]) for start in range(0, 600, 80)]
    for number, text in enumerate(chain):
        await writer.write([], [read(f"{number}", SOURCES[number % 4], text)], now=NOW)
    assert await told(reader) == {"0": ["0", "1"], "2": ["2", "3"], "4": ["4", "5"], "6": ["6", "7"]}
    assert await is_whole(reader)


async def test_what_says_too_little_joins_nothing(writer: Writer, reader: Connection) -> None:
    await writer.write([], [read("one", SOURCES[0], "We were hit."), read("two", SOURCES[1], "We were hit.")], now=NOW)
    assert await told(reader) == {"one": ["one"], "two": ["two"]}
    assert await reader.fetchval("select count(*) from stories") == 0


async def test_an_article_that_was_rewritten_is_told_anew(writer: Writer, reader: Connection) -> None:
    await writer.write([], [read("first", SOURCES[0], TEXT), read("other", SOURCES[0], prose(2))], now=NOW)
    await writer.write([], [read("copy", SOURCES[1], TEXT)], now=NOW)
    assert await told(reader) == {"first": ["copy", "first"], "other": ["other"]}
    for text, stories_ in (
        (prose(2), {"first": ["first"], "other": ["copy", "other"]}),
        (prose(3), {"first": ["first"], "other": ["other"], "copy": ["copy"]}),
        ("Withdrawn.", {"first": ["first"], "other": ["other"], "copy": ["copy"]}),
        (TEXT, {"first": ["copy", "first"], "other": ["other"]}),
    ):
        await writer.write([], [read("copy", SOURCES[1], text)], now=NOW)
        assert await told(reader) == stories_
        assert await is_whole(reader)


async def test_a_first_article_that_was_rewritten_keeps_its_story(writer: Writer, reader: Connection) -> None:
    await writer.write([], [read("first", SOURCES[0], TEXT), read("other", SOURCES[2], prose(2))], now=NOW)
    await writer.write([], [read("copy", SOURCES[1], TEXT)], now=NOW)
    await writer.write([], [read("first", SOURCES[0], prose(2))], now=NOW)
    assert await told(reader) == {"first": ["copy", "first"], "other": ["other"]}
    await writer.write([], [read("copy", SOURCES[1], prose(9))], now=NOW)
    await writer.write([], [read("first", SOURCES[0], f"{prose(2)} And more.")], now=NOW)
    assert await told(reader) == {"other": ["first", "other"], "copy": ["copy"]}, "nobody is left in it"
    assert await is_whole(reader)


async def test_nobody_draws_others_into_a_story_by_rewriting_its_first_article(
    writer: Writer, reader: Connection
) -> None:
    await writer.write([], [read("evil", SOURCES[0], TEXT)], now=NOW)
    await writer.write([], [read("one", SOURCES[1], TEXT)], now=NOW)
    for turn in range(2):
        await writer.write([], [read("evil", SOURCES[0], f"{prose(7)} {turn}")], now=NOW)
    await writer.write([], [read("two", SOURCES[2], prose(7))], now=NOW)
    assert await told(reader) == {"evil": ["evil", "one"], "two": ["two"]}
    assert await is_whole(reader)


async def test_writers_at_once_tell_a_story_once_and_do_not_block_each_other(dsn: str, reader: Connection) -> None:
    async def work(number: int) -> None:
        chance = random.Random(number)
        async with await opened(dsn) as writer:
            for turn in range(5):
                some = chance.sample(range(12), 6)
                texts = {each: prose(each, 150) for each in some}
                articles = [read(f"{each} {turn}", SOURCES[number], texts[each][: 700 + number * 60]) for each in some]
                await writer.write([], articles, now=NOW)

    async with asyncio.timeout(60):
        await asyncio.gather(*(work(number) for number in range(4)))
    found = await reader.fetch(
        "select split_part(title, ' ', 1) as text, count(distinct story_id) from articles group by 1"
    )
    assert {row["text"]: row["count"] for row in found} == {str(each): 1 for each in range(12)}
    assert await is_whole(reader)


EXAMPLES = itertools.count(1)
WRITES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=12)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(writes=WRITES)
async def test_whatever_is_written_and_rewritten_every_story_has_its_first_article_in_it(
    writer: Writer, reader: Connection, writes: list[tuple[int, int, int]]
) -> None:
    example = next(EXAMPLES)
    words = prose(1_000_000 + example, 700).split()
    texts = [" ".join(words[start : start + 300]) for start in (0, 70, 140, 300)] + ["Withdrawn."]
    for name, source, text in writes:
        await writer.write([], [read(f"{example} {name}", SOURCES[source], texts[text])], now=NOW)
    assert await is_whole(reader)
    missing = "select count(*) from articles a join articles f on f.id = a.story_id where f.story_id <> f.id"
    assert await reader.fetchval(missing) == 0
    if len({(name, source) for name, source, _ in writes}) == len(
        writes
    ):  # a first one that was rewritten may be hidden
        hidden = "select count(*) from articles a where story_id = id and body <> 'Withdrawn.'"
        assert await reader.fetchval(f"{hidden} and not exists (select from stories where article_id = a.id)") == 0


async def test_a_flood_of_texts_that_share_bands_is_looked_at_no_further(
    writer: Writer, dsn: str, reader: Connection
) -> None:
    form = prose(1, 120)
    flood = [read(f"{number}", SOURCES[0], f"{form} {prose(100 + number, 60)}") for number in range(60)]
    await writer.write([], flood, now=NOW)
    assert len(await told(reader)) == 60
    most = await reader.fetchval("select max(count) from (select count(*) from story_bands group by band) as of_one")
    assert most > 3 * PER_BAND
    connection = await connect(dsn)
    parts = bands(flood[0].article.signature or b"")
    rows = await connection.fetch(stories._SQL["candidates"], parts, NOW.date(), DAYS, PER_BAND)
    await connection.close()
    assert PER_BAND <= len(rows) <= PER_BAND * len(parts)


def number_of(value: int) -> bytes:
    return value.to_bytes(2, "big")


def marked(same: int, mark: int) -> bytes:
    """A signature of which `same` numbers are those of every other."""
    return b"".join([number_of(place if place < same else mark) for place in range(128)])


@pytest.mark.parametrize(
    ("same", "source", "cves", "joins"),
    [
        (64, 2, (), True),
        (63, 2, (), False),
        (64, 1, (), False),
        (116, 1, (), True),
        (115, 1, (), False),
        (128, 2, ("CVE-2031-2",), False),
        (128, 2, ("CVE-2031-1", "CVE-2031-2"), True),
        (128, 2, (), True),
    ],
)
def test_what_is_alike_enough_depends_on_who_tells_it_and_of_what(
    same: int, source: int, cves: tuple[str, ...], *, joins: bool
) -> None:
    first = First(name_id("first"), 1, marked(same, 9_000), frozenset({"CVE-2031-1"}))
    new = Told(name_id("new"), source, NOW.date(), marked(same, 9_001), frozenset(cves))
    assert likeness(first.signature, marked(same, 9_001)) == same / 128
    assert story_of(new, [first]) == (first.id if joins else new.id)
    assert story_of(new._replace(signature=None), [first]) == new.id
    assert ALIKE < ALIKE_AT_HOME


def test_of_several_stories_an_article_joins_the_one_it_is_most_like_whatever_their_order() -> None:
    new = Told(name_id("new"), 9, NOW.date(), marked(128, 0))
    some = [First(name_id(str(same)), 1, marked(same, 9_000)) for same in (70, 100, 90)]
    assert story_of(new, some) == story_of(new, some[::-1]) == some[1].id
