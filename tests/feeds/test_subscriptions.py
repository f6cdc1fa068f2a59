"""Lists of others: OPML and CSV become candidates, each good or refused with a reason, and nothing of them is run."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socdefenders.errors import FeedError
from socdefenders.feeds.catalog import Kind, format_toml, parse
from socdefenders.feeds.subscriptions import MAX_FILE, MAX_OUTLINES, Candidate, described, read_csv, read_opml
from socdefenders.model import Rejected, SourceCategory
from tests.real_data import DATA, MISSING

OPML = """<?xml version="1.0" encoding="UTF-8"?>
<opml version="2.0"><head><title>Harbour</title></head><body>
<outline text="Threat intelligence">
  <outline type="rss" text="Quay &amp; Crane" xmlUrl="https://quay.example/feed" htmlUrl="https://quay.example/blog"/>
  <outline text="Vendors">
    <outline text="x" title="Lighthouse" xmlurl="https://light.example/rss" htmlUrl="none"/></outline>
</outline>
<outline text="National CERTs"><outline xmlUrl="https://cert.example/atom.xml"/></outline>
<outline type="rss" text="Daily" xmlUrl="http://daily.example/rss"/>
<outline type="rss" text="Again" xmlUrl="http://daily.example/rss"/>
<outline type="rss" text="Bad" xmlUrl="javascript:alert(1)"/>
<outline type="link" text="A page" url="https://page.example/"/>
</body></opml>"""

FEED, INTEL = SourceCategory.THREAT_FEED, SourceCategory.THREAT_INTEL
QUAY = Candidate("Quay & Crane", "https://quay.example/feed", "https://quay.example/blog", INTEL, "rss")
EXPECTED = [
    QUAY,
    Candidate("Lighthouse", "https://light.example/rss", "https://light.example/", SourceCategory.VENDOR, "rss"),
    Candidate(
        "cert.example", "https://cert.example/atom.xml", "https://cert.example/", SourceCategory.GOVERNMENT, "rss"
    ),
    Candidate("Daily", "http://daily.example/rss", "http://daily.example/", SourceCategory.NEWS, "rss"),
]


def opml(body: str) -> bytes:
    return f"<opml><body>{body}</body></opml>".encode()


def test_opml_gives_its_subscriptions_and_says_what_was_left_out() -> None:
    found = list(read_opml(OPML.encode(), "list.opml"))
    assert [each for each in found if isinstance(each, Candidate)] == EXPECTED
    assert [(each.line, each.reason.partition(" ")[0]) for each in found if isinstance(each, Rejected)] == [
        (10, "url:"),
        (11, "url:"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_opml_is_read_in_every_usual_encoding_whatever_it_declares(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="utf-8"?>\n{opml("").decode()}'
    named = text.replace("</body>", '\n<outline text="Käfer" xmlUrl="https://a.example/"/></body>')
    [found] = read_opml(named.encode(encoding), "list.opml")
    assert isinstance(found, Candidate)
    assert found.name == "Käfer"


BOMB = (
    '<!DOCTYPE o [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>' + opml('<outline text="&b;"/>').decode()
)
FOREIGN = '<!doctype o SYSTEM "http://127.0.0.1:9/x.dtd">' + opml("").decode()


@pytest.mark.parametrize("text", [BOMB, FOREIGN, "<!--\n-->" + BOMB])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be"])
def test_opml_with_a_doctype_is_refused_in_every_encoding(text: str, encoding: str) -> None:
    with pytest.raises(FeedError, match="DOCTYPE"):
        list(read_opml(text.encode(encoding), "list.opml"))


@pytest.mark.parametrize("encoding", ["utf-7", "utf-32", "cp037"])
def test_opml_that_hides_a_doctype_in_an_odd_encoding_is_refused(encoding: str) -> None:
    declared = f'<?xml version="1.0" encoding="{encoding}"?>' + BOMB
    with pytest.raises(FeedError):
        list(read_opml(declared.encode(encoding), "list.opml"))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not valid XML"),
        (b"<opml><body>", "not valid XML"),
        (b"<rss/>", "no OPML"),
        (opml("&unknown;"), "not valid XML"),
        (b" " * (MAX_FILE + 1), "larger than"),
        (opml("<outline>" * 400 + "</outline>" * 400), "not valid XML"),
        (opml("<outline xmlUrl='https://a.example/'/>" * (MAX_OUTLINES + 1)), "more than"),
    ],
)
def test_what_is_no_opml_or_too_much_of_it_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(FeedError, match=why):
        list(read_opml(data, "list.opml"))


def test_csv_is_read_by_the_names_of_its_columns() -> None:
    rows = (
        "Name;URL;Homepage;kind;Category;format",
        "Harbour;https://a.example/feed;https://a.example;rss;vendor-blog;text/xml",
        "List;https://a.example/list.txt;;structured;threat-feed;txt",
        "Events;https://a.example/misp/manifest.json;;structured;threat-feed;misp",
        "Group;https://a.example/c/1/;;taxii;threat intelligence;",
        "Zip;https://a.example/x.zip;;structured;threat-feed;zip(csv)",
        "Nowhere;;;rss;news;",
        "Bug;https://a.example/bugs;;atom;vulnerability;",
    )
    found = list(read_csv("\n".join(rows).encode(), "list.csv"))
    assert found == [
        Candidate("Harbour", "https://a.example/feed", "https://a.example", SourceCategory.VENDOR, "rss"),
        Candidate("List", "https://a.example/list.txt", "https://a.example/", FEED, "list"),
        Candidate("Events", "https://a.example/misp/", "https://a.example/", FEED, "misp", Kind.MISP_FEED),
        Candidate("Group", "https://a.example/c/1/", "https://a.example/", INTEL, "stix", Kind.TAXII),
        Rejected(6, "format: 'zip(csv)' is no format of a source; docs/import.md lists them all."),
        found[5],
        Candidate("Bug", "https://a.example/bugs", "https://a.example/", SourceCategory.RESEARCH, "rss"),
    ]
    assert isinstance(found[5], Rejected)


@pytest.mark.parametrize("data", [b"", b"https://a.example/\nhttps://b.example/", b"name,kind\na,rss\n"])
def test_csv_without_a_column_of_addresses_is_refused(data: bytes) -> None:
    with pytest.raises(FeedError, match="no column is named url"):
        list(read_csv(data, "list.csv"))


def test_what_is_described_is_off_unjudged_and_under_a_slug_of_its_own() -> None:
    feed = described(QUAY, {"quay-crane", "quay-crane-2"})
    assert (feed.slug, feed.enabled, feed.tier, feed.grade) == ("quay-crane-3", False, 3, "F")
    assert parse(format_toml(feed).encode(), f"{feed.slug}.toml") == feed
    assert described(QUAY._replace(name="日本語")).slug == "quay-example"
    assert described(QUAY._replace(name="Über-Käfer!")).slug == "uber-kafer"


@given(st.text(max_size=300), st.text(max_size=80))
def test_any_name_and_address_gives_a_source_or_a_reason(name: str, rest: str) -> None:
    escaped = [
        "".join(f"&#{ord(each)};" if each.isprintable() else "?" for each in text)
        for text in (name, f"https://a.example/{rest}")
    ]
    for found in read_opml(opml(f'<outline text="{escaped[0]}" xmlUrl="{escaped[1]}"/>'), "list.opml"):
        if isinstance(found, Candidate):
            feed = described(found)
            assert parse(format_toml(feed).encode(), f"{feed.slug}.toml") == feed
        else:
            assert found.reason


@given(st.integers(0, len(OPML)), st.integers(0, 300), st.binary(max_size=40))
def test_a_list_that_is_damaged_anywhere_is_read_or_refused(at: int, length: int, new: bytes) -> None:
    data = OPML.encode()
    for reader in (read_opml, read_csv):
        with suppress(FeedError):
            for found in reader(data[:at] + new + data[at + length :], "list"):
                assert isinstance(found, Rejected) or found.url.startswith(("http://", "https://"))


@pytest.mark.skipif(not DATA.is_dir(), reason=MISSING)
def test_a_list_of_sources_that_somebody_keeps_is_read() -> None:
    found = list(read_csv((DATA / "lists" / "feeds_curated.csv").read_bytes(), "feeds_curated.csv"))
    good = [each for each in found if isinstance(each, Candidate)]
    assert len(found) == 134
    assert len(good) >= 129
    assert sum(each.format == "rss" for each in good) == 83
    assert {each.category for each in good} == set(SourceCategory)
