"""Loading files into a database: what becomes of every record, and that nothing bad in one loses another."""

import gzip
import hashlib
import json
import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from socdefenders import ingest
from socdefenders.errors import FeedError, UnknownFormat
from socdefenders.feeds import PARSERS, walk
from socdefenders.ingest import BATCH, REASONS, TEXT, Options, load
from socdefenders.model import LeftOut, Outcome, SearchResult
from socdefenders.search import find
from socdefenders.storage.database import Connection, Database

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SHA256 = hashlib.sha256(b"a sample").hexdigest()
EMPTY_MD5 = hashlib.md5(b"", usedforsecurity=False).hexdigest()
SHARED = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

BLOCKLIST = f"""# Greyharbour, every hour
192.0.2.10
192.0.2.11:8443
{EMPTY_MD5}
192.0.2.0/24
!!! what is this
10.0.0.1
evil.example
192.0.2.10
"""
ROWS = """indicator,type,first_seen,last_seen,confidence,tags,source,comment
203.0.113.5:4444,ip,2026-01-01,2026-01-05,90,c2;botnet,Ridgeway,seen twice
not-a-hash,md5,2026-01-01,2026-01-05,90,,Ridgeway,
http://drop.example/Gate.php,url,2026-01-02,,,payload,,
"""
REPORT = f"""# Copper Heron uses a new loader

Published: 2026-03-04
Source: https://research.example/copper-heron

The group sends mail from login[@]mail[.]example. The loader is fetched from hxxp://loader[.]example/a.bin (T1105) and
beacons to 198.51.100[.]23 every hour; 198.51.100[.]23 answers on port 443.
Its SHA-256 is {SHA256}. The victim's own machine was 192.168.1.10.
"""


def whole_and_half() -> bytes:
    """A list compressed, of which the end is missing."""
    names = (hashlib.sha256(bytes([number % 256, number >> 8])).hexdigest()[:20] for number in range(4_000))
    packed = gzip.compress("".join(f"host-{name}.example\n" for name in names).encode())
    return packed[: len(packed) // 2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Good files and bad ones."""
    root = tmp_path / "collected"
    (root / "feeds").mkdir(parents=True)
    (root / "feeds" / "greyharbour.txt").write_text(BLOCKLIST)
    (root / "feeds" / "rows.csv").write_text(ROWS)
    (root / "report.md").write_text(REPORT)
    (root / "broken.json").write_text('{"data": [{"ioc": "192.0.2.99"')
    (root / "cut.txt.gz").write_bytes(whole_and_half())
    (root / "empty.txt").write_bytes(b"")
    (root / "strange.bin").write_bytes(random.Random(1).randbytes(3_000))
    return root


async def column(reader: Connection, query: str, *values: object) -> list[Any]:
    return [row[0] for row in await reader.fetch(query, *values)]


async def contents(reader: Connection) -> dict[str, list[Any]]:
    tables = ("sources", "articles", "indicators", "sightings", "search_text", "suppressed")
    return {table: await column(reader, f"select t::text from {table} t order by 1") for table in tables}


async def stored(reader: Connection) -> set[str]:
    return set(await column(reader, "select value from indicators where value not like 'host-%'"))


async def search(dsn: str, text: str) -> SearchResult:
    async with await Database.open(dsn) as database:
        return await find(database, text, deadline=20)


def counts(outcome: Outcome) -> Outcome:
    return replace(outcome, reasons=[])


def shortened(reasons: Iterable[LeftOut], root: Path) -> set[str]:
    return {str(reason).replace(f"{root}/", "") for reason in reasons}


REPORTED = {"login@mail.example", "http://loader.example/a.bin", "198.51.100.23", SHA256, "T1105"}
LISTED = {"192.0.2.10", "192.0.2.11", "evil.example", "203.0.113.5", "http://drop.example/Gate.php"}


async def test_texts_too_long_for_an_index_are_cut_and_lose_nothing(
    dsn: str, reader: Connection, tmp_path: Path
) -> None:
    dice = random.Random(3)
    name = "".join(chr(dice.randrange(0x20000, 0x2A000)) for _ in range(1_900))  # nothing that compresses
    (tmp_path / "a.txt").write_text("203.0.113.1\n")
    (tmp_path / "b.csv").write_text(f"ip,source\n203.0.113.2,{name}\n")
    event = {"info": "x", "Orgc": {"name": name}, "Attribute": [{"type": "ip-dst", "value": "203.0.113.3"}]}
    (tmp_path / "c.json").write_text(json.dumps({"Event": event}, ensure_ascii=False))
    (tmp_path / "d.md").write_text(f"# A report\n\nSee https://www.google.com/{name}/../x and 203.0.113[.]4 there.\n")
    outcome = await load(dsn, [tmp_path], now=NOW)
    assert (outcome.new, outcome.malformed) == (4, 0)
    assert await column(reader, "select name from sources where length(name) > 100") == [name[: ingest.MAX_SOURCE]]
    assert await column(reader, "select value from suppressed where type = 'url'") == ["https://www.google.com/x"]


async def test_addresses_that_are_too_long_are_not_repeated_in_every_record(
    dsn: str, reader: Connection, tmp_path: Path
) -> None:
    fit = "https://research.example/" + "a" * (ingest.MAX_LINK - 25)
    for name, url in (("fit", fit), ("long", fit + "a")):
        page = f'<html><head><title>{name}</title><link rel="canonical" href="{url}"></head><body><p>'
        (tmp_path / f"{name}.html").write_text(
            page + "It beacons to 203.0.113[.]4 every hour. " * 20 + "</p></body></html>"
        )
        (tmp_path / f"{name}.csv").write_text(f"ip,reference\n203.0.113.7,{url}\n")
    outcome = await load(dsn, [tmp_path], now=NOW)
    assert (outcome.new, outcome.articles) == (4, 2)
    assert await column(reader, "select url from articles order by title") == [fit, None]
    assert set(await column(reader, "select reference_url from sightings")) == {fit, None}


async def test_a_source_named_on_the_command_line_is_cut_too(dsn: str, reader: Connection, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("203.0.113.1\n")
    await load(dsn, [tmp_path], now=NOW, options=Options(source="s" * 5_000))
    assert await column(reader, "select length(name) from sources") == [ingest.MAX_SOURCE]


async def test_every_record_of_a_folder_is_accounted_for_and_none_is_lost(
    dsn: str, reader: Connection, folder: Path
) -> None:
    outcome = await load(dsn, [folder], now=NOW)
    hosts = await column(reader, "select value from indicators where value like 'host-%'")
    assert await stored(reader) == LISTED | REPORTED
    assert 500 < len(hosts) < 4_000, "what could be read of the file that was cut off"
    suppressed = await column(reader, "select value from suppressed order by value")
    assert suppressed == ["192.168.1.10", "https://research.example/copper-heron"]
    assert counts(outcome) == Outcome(
        new=len(LISTED | REPORTED) + len(hosts),
        repeated=1,
        suppressed=4,
        unsupported=2,
        malformed=4,
        articles=1,
        files=7,
        unread=2,
    )
    assert shortened(outcome.reasons, folder) == {
        "feeds/greyharbour.txt:4: d41d8cd98f00b204e9800998ecf8427e: the hash of no bytes",
        "feeds/greyharbour.txt:5: a network; single addresses are kept",
        "feeds/greyharbour.txt:6: words, not a value",
        "report.md: 192.168.1.10: an address that is not on the public internet",
        "report.md: https://research.example/copper-heron: the publisher's own host",
        "feeds/rows.csv:3: not a valid md5; one looks like 32 hexadecimal digits",
        "broken.json: not valid JSON (unexpected end of data: line 1 column 31 (char 30))",
        "cut.txt.gz: its compressed data is damaged (it ends in the middle)",
        "strange.bin: No known format matches this file; name one with --format",
    }


async def test_loading_twice_changes_nothing(dsn: str, reader: Connection, folder: Path) -> None:
    first = await load(dsn, [folder], now=NOW)
    before = await contents(reader)
    second = await load(dsn, [folder], now=NOW + timedelta(days=7))
    assert counts(second) == replace(counts(first), new=0, unchanged=first.new, articles=0)
    assert second.reasons == first.reasons
    assert await contents(reader) == before


async def test_a_dry_run_counts_the_same_and_stores_nothing(dsn: str, reader: Connection, folder: Path) -> None:
    untouched = await contents(reader)
    tried = await load(dsn, [folder], now=NOW, options=Options(dry_run=True))
    assert await contents(reader) == untouched
    assert await load(dsn, [folder], now=NOW) == tried
    assert (await load(dsn, [folder], now=NOW, options=Options(dry_run=True))).unchanged == tried.new


SOURCE_OF = """
    select i.value, o.name from sightings s
      join indicators i on i.id = s.indicator_id join sources o on o.id = s.source_id"""


async def sources(reader: Connection) -> dict[str, str]:
    return {row["value"]: row["name"] for row in await reader.fetch(SOURCE_OF)}


async def test_a_row_is_of_the_source_it_names_else_of_its_file_and_an_article_of_its_site(
    dsn: str, reader: Connection, folder: Path
) -> None:
    await load(dsn, [folder], now=NOW)
    named = await sources(reader)
    assert named["203.0.113.5"] == "Ridgeway"
    assert named["http://drop.example/Gate.php"] == "rows"
    assert named["192.0.2.10"] == "greyharbour"
    assert named["198.51.100.23"] == "research.example"


async def test_whoever_loads_may_name_the_source_of_everything(dsn: str, reader: Connection, folder: Path) -> None:
    await load(dsn, [folder], now=NOW, options=Options(source="Our own"))
    assert set((await sources(reader)).values()) == {"Our own"}
    assert await column(reader, "select name from sources") == ["Our own"]


async def test_the_publishers_fields_become_ours(dsn: str, reader: Connection, folder: Path) -> None:
    await load(dsn, [folder], now=NOW)
    match = (await search(dsn, "203[.]0[.]113[.]5")).matches[0]
    assert (match.first_seen, match.last_seen) == (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 5, tzinfo=UTC))
    assert (match.confidence, list(match.tags), match.origin) == (90, ["c2", "botnet"], "feed")
    assert match.context == "seen twice (port 4444)"
    undated = (await search(dsn, "192.0.2.11")).matches[0]
    assert (undated.first_seen, undated.last_seen, undated.context) == (NOW, NOW, "port 8443")


async def test_a_report_becomes_an_article_whose_values_find_each_other(dsn: str, folder: Path) -> None:
    await load(dsn, [folder], now=NOW)
    result = await search(dsn, SHA256.upper())
    [match] = result.matches
    assert (match.origin, match.article_title) == ("article", "Copper Heron uses a new loader")
    assert match.reference_url == "https://research.example/copper-heron"
    assert match.first_seen == match.last_seen == datetime(2026, 3, 4, tzinfo=UTC)
    assert list(match.techniques) == ["T1105"]
    assert match.context is not None
    assert SHA256 in match.context
    assert {related.value for related in result.related} == REPORTED - {SHA256}
    assert {related.article_id for related in result.related} == {match.article_id}
    assert result.related[0].confidence > match.confidence, "its author defanged it"


async def test_what_an_article_repeats_is_one_sighting_that_counts(dsn: str, reader: Connection, folder: Path) -> None:
    await load(dsn, [folder / "report.md"], now=NOW)
    occurrences = "select occurrences from sightings s join indicators i on i.id = s.indicator_id where value = $1"
    assert await column(reader, occurrences, "198.51.100.23") == [2]


async def test_a_corrected_report_is_read_again(dsn: str, reader: Connection, folder: Path) -> None:
    await load(dsn, [folder / "report.md"], now=NOW)
    (folder / "report.md").write_text(REPORT + "\nCorrection: 203.0.113[.]9 belongs to it as well.\n")
    again = await load(dsn, [folder / "report.md"], now=NOW)
    assert (again.new, again.updated, again.unchanged, again.articles) == (1, 0, len(REPORTED), 1)
    assert await column(reader, "select count(*) from articles") == [1]


async def test_a_better_report_updates_and_is_counted_so(dsn: str, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("value,confidence\n192.0.2.1,40\n192.0.2.2,40\n")
    await load(dsn, [rows], now=NOW)
    rows.write_text("value,confidence\n192.0.2.1,90\n192.0.2.2,40\n192.0.2.3,40\n")
    outcome = await load(dsn, [rows], now=NOW)
    assert (outcome.new, outcome.updated, outcome.unchanged) == (1, 1, 1)


async def test_a_format_may_be_named_and_must_be_known(dsn: str, reader: Connection, tmp_path: Path) -> None:
    file = tmp_path / "export"
    file.write_text("ip|port\n192.0.2.1|80\n")
    forced = await load(dsn, [file], now=NOW, options=Options(format="text"))
    assert forced.articles == 1
    with pytest.raises(UnknownFormat) as raised:
        await load(dsn, [file], now=NOW, options=Options(format="telex"))
    assert "telex is no format" in raised.value.message
    assert all(name in raised.value.message for name in PARSERS)


async def test_a_path_that_is_not_there_is_an_error_before_anything_is_written(
    dsn: str, reader: Connection, folder: Path
) -> None:
    with pytest.raises(FeedError, match="nowhere does not exist"):
        await load(dsn, [folder, folder / "nowhere"], now=NOW)
    assert await stored(reader) == set()


async def test_long_files_are_written_in_batches_and_tell_how_far_they_are(
    dsn: str, reader: Connection, tmp_path: Path
) -> None:
    rows = 2 * BATCH + 10
    (tmp_path / "a.txt").write_text("".join(f"host-{number}.example\n" for number in range(rows)))
    (tmp_path / "b.txt").write_text("192.0.2.1\n")
    told: list[tuple[str, int]] = []
    outcome = await load(
        dsn, [tmp_path], now=NOW, progress=lambda file, so_far: told.append((Path(file).name, so_far.new))
    )
    assert told == [("a.txt", BATCH), ("a.txt", 2 * BATCH), ("b.txt", rows + 1)]
    assert outcome.new == rows + 1
    assert await column(reader, "select count(*) from sightings") == [rows + 1]


def test_articles_without_indicators_are_written_before_they_fill_the_memory(tmp_path: Path) -> None:
    length = 1 << 20
    for number in range(2 * TEXT // length):
        (tmp_path / f"report-{number:02}.md").write_text(f"# Report {number}\n\n" + "nothing " * (length // 8))
    sizes = [sum(len(read.article.text) for read in batch.articles.values()) for batch in batches(tmp_path)]
    assert len(sizes) >= 2
    assert max(sizes) <= TEXT + length


def batches(path: Path) -> Iterable[ingest.Batch]:
    return ingest.batches(walk([path]), Options())


async def test_reasons_are_few_and_different_ones(dsn: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("192.0.2.1\n" + "192.0.2.0/24\n" * 50)
    (tmp_path / "b.txt").write_text("192.0.2.2\n" + "192.0.2.0/24\n" * 50)
    wrong = [
        f"{value},{type_}\n"
        for value in ("bad.example", "a" * 31 + "b", "CVE-2099-1")
        for type_ in ("ip", "email", "cve", "sha1", "sha256")
    ]
    (tmp_path / "c.csv").write_text("indicator,type\n" + "192.0.2.3,ip\n" * 20 + "".join(wrong))
    outcome = await load(dsn, [tmp_path], now=NOW)
    assert outcome.unsupported == 100
    assert [reason.kind for reason in outcome.reasons if "a network" in reason.why] == ["unsupported"]
    assert sum(reason.kind == "malformed" for reason in outcome.reasons) == REASONS


# Hostile files


HOSTILE = st.text(
    st.sampled_from("\0\r\t\ud800\udfff\ufffe\u202e,;|\"'<>[]{}#%\\ab1./:@é") | st.characters(), max_size=60
)
GOOD = "192.0.2.10"
REPORTERS = f"select t.name from ({SOURCE_OF}) as t where value = $1"
CONTEXTS = "select context from sightings s join indicators i on i.id = s.indicator_id where value = $1"


@SHARED
@given(before=st.lists(HOSTILE, max_size=4), behind=st.lists(HOSTILE, max_size=4))
async def test_whatever_stands_in_the_other_lines_the_good_one_is_stored(
    dsn: str, reader: Connection, tmp_path: Path, before: list[str], behind: list[str]
) -> None:
    digest = hashlib.sha256(repr((before, behind)).encode()).hexdigest()[:12]
    name = digest.translate(str.maketrans("0123456789", "ghijklmnop"))  # digits may look like a date, which names lose
    file = tmp_path / f"{name}.txt"
    file.write_bytes("\n".join([*before, GOOD, *behind]).encode("utf-8", "surrogatepass"))
    await load(dsn, [file], now=NOW, options=Options(format="list"))
    assert name in await column(reader, REPORTERS, GOOD)


FIELDS = (
    "tags",
    "description",
    "first_seen",
    "last_seen",
    "confidence",
    "source",
    "reference",
    "malware",
    "threat_type",
)


@SHARED
@given(
    fields=st.dictionaries(
        st.sampled_from(FIELDS),
        HOSTILE | st.integers() | st.floats() | st.none() | st.lists(HOSTILE, max_size=3),
    )
)
async def test_whatever_a_record_says_of_itself_the_others_are_stored(
    dsn: str, reader: Connection, tmp_path: Path, fields: dict[str, object]
) -> None:
    name = hashlib.sha256(repr(fields).encode()).hexdigest()[:12]
    file = tmp_path / f"{name}.json"
    file.write_text(json.dumps([{"value": "192.0.2.9", **fields}, *[{"value": GOOD}] * 3]))
    await load(dsn, [file], now=NOW, options=Options(format="json"))
    assert name in await column(reader, REPORTERS, GOOD)


@SHARED
@given(title=HOSTILE, text=st.lists(HOSTILE, max_size=6))
async def test_whatever_a_report_says_what_it_defangs_is_stored(
    dsn: str, reader: Connection, tmp_path: Path, title: str, text: list[str]
) -> None:
    name = hashlib.sha256(repr((title, text)).encode()).hexdigest()[:12]
    file = tmp_path / f"{name}.md"
    words = f"# {title}\n\n{' '.join(text)}\n\nThe loader of {name} beacons to 192.0.2[.]10 every hour.\n"
    file.write_bytes(words.encode("utf-8", "surrogatepass"))
    assert (await load(dsn, [file], now=NOW, options=Options(format="text"))).articles == 1
    assert any(name in context for context in await column(reader, CONTEXTS, GOOD))


FRAMES = (
    "%s",
    "a,b\n%s",
    "value,tags\n192.0.2.9,%s\n",
    '{"data": [{"ioc": "192.0.2.9", "tags": "%s"}]}',
    "<p>%s 192.0.2[.]9</p>",
)


@SHARED
@given(format_=st.sampled_from(sorted(PARSERS)), frame=st.sampled_from(FRAMES), text=HOSTILE)
async def test_no_file_read_as_no_format_brings_an_import_down(
    dsn: str, tmp_path: Path, format_: str, frame: str, text: str
) -> None:
    file = tmp_path / "file"
    file.write_bytes(frame.replace("%s", text).encode("utf-8", "surrogatepass"))
    outcome = await load(dsn, [file, file], now=NOW, options=Options(format=format_))
    assert outcome.files == 2


async def test_a_file_whose_name_is_no_text_is_loaded(dsn: str, reader: Connection, tmp_path: Path) -> None:
    (tmp_path / "name-\udcff.txt").write_text("192.0.2.77\n")
    (tmp_path / "report-\udcff.md").write_text(REPORT)
    await load(dsn, [tmp_path], now=NOW)
    assert await stored(reader) == REPORTED | {"192.0.2.77"}


async def test_values_too_long_to_be_stored_lose_no_other(dsn: str, reader: Connection, tmp_path: Path) -> None:
    longest = "http://x.example/" + "a" * 2_031
    lines = [longest, longest + "a", "http://x.example/" + "é" * 1_500, "http://x.example/ok", f"{'a' * 5_000}.example"]
    (tmp_path / "long.txt").write_text("\n".join(lines))
    outcome = await load(dsn, [tmp_path], now=NOW, options=Options(format="list"))
    assert await stored(reader) == {longest, "http://x.example/ok"}
    assert outcome.unsupported + outcome.malformed == 3


async def test_the_example_set_shows_what_a_search_is_for(dsn: str) -> None:
    outcome = await load(dsn, [EXAMPLES], now=NOW)
    assert outcome.malformed == 0, outcome.reasons
    assert outcome.files == len(list(walk([EXAMPLES])))
    again = await load(dsn, [EXAMPLES], now=NOW)
    assert (again.new, again.updated, again.articles) == (0, 0, 0)
    result = await search(dsn, "198[.]51[.]100[.]23")
    assert len({match.feed_name for match in result.matches}) >= 4
    assert len(result.related) == 10


async def test_loading_again_finishes_what_an_import_that_was_killed_left_undone(
    dsn: str, folder: Path, reader: Connection
) -> None:
    undone = "drop index search_text_00000_value; update pg_class set reltuples = -1 where relname = 'indicators'"
    done = """
        select exists (select from pg_indexes where indexname = 'search_text_00000_value')
           and (select reltuples > 0 from pg_class where relname = 'indicators')"""
    await load(dsn, [folder / "feeds"], now=NOW)
    await reader.execute(undone)
    await load(dsn, [folder / "feeds"], now=NOW, options=Options(dry_run=True))
    assert not await reader.fetchval(done), "a dry run writes nothing"
    assert (await load(dsn, [folder / "feeds"], now=NOW)).new == 0
    assert await reader.fetchval(done)
