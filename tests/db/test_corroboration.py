"""How sure a stored indicator is: by every voice that reports it, in whatever order they came."""

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from socdefenders.enrich.confidence import Facts, score
from socdefenders.feeds.catalog import Voice, builtin, voices
from socdefenders.indicators import parse
from socdefenders.ingest import Options, load
from socdefenders.ingest.weighing import corroborated
from socdefenders.model import IocType, NewSighting, Report, SourceCategory
from socdefenders.storage.database import Connection
from socdefenders.storage.writing import Writer, indicator_id

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
FEED = SourceCategory.THREAT_FEED
VOICES = {
    "Greyharbour: Addresses": Voice("A", "greyharbour"),
    "Greyharbour: Names": Voice("B", "greyharbour"),
    "Harbourwatch": Voice("C", "harbourwatch"),
    "Ridgeway": Voice("E", "ridgeway"),
}
UNKNOWN = "A list from somewhere"
SOURCES = (*VOICES, UNKNOWN)
# One property is run many times in one database: its examples use names of their own.
SHARED = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
EXAMPLES = itertools.count(1)


async def opened(dsn: str) -> Writer:
    """A writer that knows every source."""
    writer = await Writer.open(dsn, corroborated)
    for name in SOURCES:
        await writer.source(name, FEED, None, *VOICES.get(name, ()))
    return writer


@pytest.fixture
async def writer(dsn: str) -> AsyncIterator[Writer]:
    async with await opened(dsn) as ready:
        yield ready


def seen(value: str, source: str, confidence: int = 90) -> NewSighting:
    return NewSighting(parse(value), source, None, None, confidence)


def expected(*said: tuple[str, int]) -> int:
    """How sure a domain is that nobody knows beforehand, of which the sources named say so much."""
    reports = [
        Report(VOICES[name].group if name in VOICES else name, VOICES[name].grade if name in VOICES else "F", sure)
        for name, sure in said
    ]
    return score(IocType.DOMAIN, Facts(), reports).confidence


async def stored(reader: Connection, value: str) -> int:
    found = await reader.fetchval("select confidence from indicators where id = $1", indicator_id(parse(value)))
    assert isinstance(found, int)
    return found


async def test_one_report_counts_by_the_grade_of_its_source(writer: Writer, reader: Connection) -> None:
    rows = [seen(f"host-{number}.example", name) for number, name in enumerate(SOURCES)]
    await writer.write(rows, [], now=NOW)
    found = [await stored(reader, f"host-{number}.example") for number in range(len(SOURCES))]
    assert found == [expected((name, 90)) for name in SOURCES]
    assert len(set(found)) == 4, "an unknown source counts as one of grade C, and the others as nothing else"


async def test_a_second_voice_makes_it_surer_and_the_same_voice_does_not(writer: Writer, reader: Connection) -> None:
    await writer.write([seen("evil.example", "Greyharbour: Addresses")], [], now=NOW)
    alone = await stored(reader, "evil.example")
    await writer.write([seen("evil.example", "Greyharbour: Names", 100)], [], now=NOW)
    assert await stored(reader, "evil.example") == alone
    await writer.write([seen("evil.example", "Harbourwatch")], [], now=NOW)
    assert (
        await stored(reader, "evil.example") == expected(("Greyharbour: Addresses", 90), ("Harbourwatch", 90)) > alone
    )


SAID = st.lists(st.tuples(st.sampled_from(SOURCES), st.integers(0, 100)), min_size=1, max_size=8)


@SHARED
@given(said=SAID, batches=st.integers(1, 4))
async def test_what_is_stored_is_what_all_reports_make_together_in_any_order(
    writer: Writer, reader: Connection, said: list[tuple[str, int]], batches: int
) -> None:
    value = f"name-{next(EXAMPLES)}.example"
    rows = [seen(value, source, sure) for source, sure in said]
    for start in range(batches):
        await writer.write(rows[start::batches], [], now=NOW)
    best: dict[str, int] = {}
    for source, sure in said:
        best[source] = max(sure, best.get(source, 0))
    assert await stored(reader, value) == expected(*best.items())


async def test_a_surer_edition_of_a_report_counts_at_once(writer: Writer, reader: Connection) -> None:
    await writer.write([seen("evil.example", "Harbourwatch", 30)], [], now=NOW)
    await writer.write([seen("evil.example", "Harbourwatch", 80)], [], now=NOW)
    assert await stored(reader, "evil.example") == expected(("Harbourwatch", 80))
    await writer.write([seen("evil.example", "Harbourwatch", 10)], [], now=NOW)
    assert await stored(reader, "evil.example") == expected(("Harbourwatch", 80))


async def test_two_who_write_at_once_both_count(dsn: str, reader: Connection) -> None:
    names = [f"host-{number}.example" for number in range(300)]
    writers = [await opened(dsn), await opened(dsn)]
    sources = ["Greyharbour: Addresses", "Harbourwatch"]
    try:
        await asyncio.gather(
            *[
                writer.write([seen(name, source) for name in names], [], now=NOW)
                for writer, source in zip(writers, sources, strict=True)
            ]
        )
    finally:
        for writer in writers:
            await writer.__aexit__(None, None, None)
    found = await reader.fetch("select distinct confidence from indicators")
    assert [row[0] for row in found] == [expected(*[(source, 90) for source in sources])]


async def test_a_source_follows_the_catalog(dsn: str, writer: Writer, reader: Connection) -> None:
    await writer.write([seen("evil.example", UNKNOWN)], [], now=NOW)
    async with await Writer.open(dsn, corroborated) as later:
        await later.source(UNKNOWN, FEED, None, "A", "greyharbour")
        await later.write([seen("other.example", UNKNOWN)], [], now=NOW)
    assert await stored(reader, "other.example") == expected(("Greyharbour: Addresses", 90))
    async with await Writer.open(dsn, corroborated) as last:
        await last.source(UNKNOWN, FEED)
        await last.write([seen("third.example", UNKNOWN)], [], now=NOW)
    assert await stored(reader, "third.example") == expected(("Greyharbour: Addresses", 90)), "nothing was said of it"
    row = await reader.fetchrow("select grade, voice from sources where name = $1", UNKNOWN)
    assert tuple(row or ()) == ("A", "greyharbour")


async def test_a_dry_run_changes_no_voice(dsn: str, writer: Writer, reader: Connection) -> None:
    before = await reader.fetch("select * from sources order by id")
    async with await Writer.open(dsn, corroborated) as trying:
        for name in reversed(SOURCES):
            await trying.source(name, FEED, None, "D", "other", dry_run=True)
        await trying.write([seen("evil.example", UNKNOWN)], [], now=NOW, dry_run=True)
    assert await reader.fetch("select * from sources order by id") == before


# Through an import


THREATFOX = """# ThreatFox IOCs: recent
"first_seen_utc","ioc_id","ioc_value","ioc_type","threat_type","fk_malware","malware_alias","malware_printable","last_seen_utc","confidence_level","reference","tags","anonymous","reporter"
"2026-04-30 10:00:00","1","evil.example","domain","botnet_cc","win.x","","X","","100","","","0","somebody"
"""


async def test_a_file_of_a_publisher_of_the_catalog_is_that_publishers_voice(
    dsn: str, reader: Connection, tmp_path: Path
) -> None:
    (tmp_path / "threatfox.csv").write_text(THREATFOX)
    (tmp_path / "own.txt").write_text("evil.example\nother.example\n")
    await load(dsn, [tmp_path], now=NOW, options=Options(voices=voices(builtin())))
    rows = await reader.fetch("select name, grade, voice from sources order by name")
    assert [tuple(row) for row in rows] == [("ThreatFox", "B", "abuse.ch"), ("own", "F", None)]
    assert await stored(reader, "evil.example") > await stored(reader, "other.example")


async def test_what_everybody_uses_has_a_low_confidence_although_a_report_defangs_it(
    dsn: str, reader: Connection, tmp_path: Path
) -> None:
    (tmp_path / "report.md").write_text(
        "# A report\n\nThe loader asks github[.]com and 8.8.8[.]8, then evil[.]example and 198.51.100[.]23.\n"
    )
    await load(dsn, [tmp_path], now=NOW)
    rows = await reader.fetch(
        "select i.value, s.confidence, i.confidence from sightings s join indicators i on i.id = s.indicator_id"
    )
    found: dict[str, Sequence[int]] = {row[0]: (row[1], row[2]) for row in rows}
    assert {found[value][0] for value in ("github.com", "8.8.8.8")} == {15}
    assert {found[value][0] for value in ("evil.example", "198.51.100.23")} == {75}
    assert max(found[value][1] for value in ("github.com", "8.8.8.8")) < 30 <= found["evil.example"][1]


SAMPLES = [hashlib.sha256(name).hexdigest() for name in (b"one", b"two")]
ARTICLE = f"""# Copper Heron uses a new loader

It asks first[.]example and second[.]example, and drops {SAMPLES[0]}.

## Indicators of compromise

second[.]example
{SAMPLES[1]}

## References

hxxps://fifth[.]example/report
"""


async def test_the_section_says_how_sure_a_report_is(dsn: str, reader: Connection, tmp_path: Path) -> None:
    (tmp_path / "report.md").write_text(ARTICLE)
    await load(dsn, [tmp_path], now=NOW)
    rows = await reader.fetch("select value, s.confidence from sightings s join indicators i on i.id = s.indicator_id")
    assert {tuple(row) for row in rows} == {
        ("first.example", 75),
        ("second.example", 90),
        (SAMPLES[0], 50),
        (SAMPLES[1], 75),
        ("https://fifth.example/report", 50),
    }
