"""Input that means harm or is merely broken: any bytes to any parser give items or a `FeedError`, in bounded time."""

import io
import json
import time
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from socdefenders.errors import FeedError
from socdefenders.feeds import PARSERS, Hints, detect
from socdefenders.feeds.fields import clean, confidence, looks_like_indicator, tags, when
from socdefenders.feeds.jsons import MAX_VALUES, load
from socdefenders.feeds.parsers.stix import comparisons
from socdefenders.model import Document, Item, Observable, Rejected

SNIPPETS = st.sampled_from([
    b'"', b",", b";", b"\t", b"\n", b"\r\n", b"#", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"{", b"}", b"[", b"]", b":",
    b"null", b"1e999",
    b'"Event":', b'"Attribute":', b'"objects":', b'"value":', b'"type":', b'"indicator"', b'"pattern":',
    b'"[url:value = \'x\']"',
    b"ip,value,source", b"192.0.2.1", b"bad.example", b"http://bad.example/", b"type,value", b"<rss>", b"<item>",
    b"</item>", b"<title>",
    b"<html>", b"<table>", b"<!--", b"<![CDATA[", b"&#0;", b"&#xD800;", b"\\u0000", b"\\ud800",
    "ä\u2028\u202e".encode(), b"---", b"= ",
    b'"hashes":', b'"Tag":', b'"name":', b'"cveID":', b'"url":', b'"response":', b"2026-01-02",
    b"99999999999999999999", b"-1",
])  # fmt: skip
BYTES = st.one_of(st.binary(max_size=300), st.lists(SNIPPETS, max_size=60).map(b"".join))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from([
            "Event", "Attribute", "Object", "Tag", "Orgc", "type", "value", "objects", "pattern", "id", "hashes",
            "ioc_value", "url", "data",
            "name", "external_references", "vulnerabilities", "cveID", "cidr", "ip_address", "response", "tags",
            "indicator", "labels",
            "results", "indicators", "is_active", "role", "attack_ids", "malware_families", "references", "TLP",
            "modified",
            "deleted", "comment", "info", "date", "to_ids", "category", "ioc_type", "confidence_level", "port",
            "notes",
        ]),
        inner,
        max_size=6,
    ),
    max_leaves=25,
)  # fmt: skip


def parse(name: str, data: bytes, file: str = "in") -> list[Item]:
    try:
        return list(PARSERS[name].parse(io.BytesIO(data), Hints(file)))
    except FeedError:
        return []


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=BYTES)
def test_any_bytes_to_any_parser_give_items_or_a_feed_error(name: str, data: bytes) -> None:
    for item in parse(name, data):
        assert isinstance(item, Observable | Rejected) or item.title
        if isinstance(item, Observable):
            assert item.value.strip()
            assert "\0" not in item.value + str(item.context)


@pytest.mark.parametrize(
    "name", [name for name in PARSERS if name in {"misp", "stix", "kev", "json", "otx"} or name.endswith("-json")]
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(value=JSON)
def test_json_of_any_shape_gives_items_or_a_feed_error(name: str, value: object) -> None:
    for item in parse(name, json.dumps(value).encode()):
        if isinstance(item, Observable):
            assert isinstance(item.value, str)


@settings(max_examples=300, deadline=None)
@given(data=BYTES, name=st.sampled_from(["a.csv", "a.md", "a", "x!b.json", "openphish.txt"]))
def test_detection_names_a_known_format_or_none_for_any_bytes(data: bytes, name: str) -> None:
    assert detect(name, data) in {*PARSERS, None}


@settings(max_examples=200, deadline=None)
@given(value=st.text() | st.integers() | st.floats() | st.none() | st.booleans() | st.lists(st.text()))
def test_a_field_of_any_content_is_read_or_left_out(value: object) -> None:
    found = when(value)
    assert found is None or found.utcoffset() is not None
    sure = confidence(value)
    assert sure is None or 0 <= sure <= 100
    assert all(tags(value))
    assert clean(value) != ""


LINE_FORMATS = {
    "list": (b"192.0.2.%d\n", b"\xff\xfe\xfd broken words\n"),
    "csv": (b"ip,192.0.2.%d,a\n", b'ip,"192.0.2.99,a\n'),
    "urlhaus": (b'"1","2026-01-02","http://192.0.2.%d/a","online","","t","","l","r"\n', b'"1","2026-\n'),
    "ipsum": (b"192.0.2.%d\t3\n", b"192.0.2.9\n"),
    "tweetfeed": (b"2026-01-02 03:04:05,u,ip,192.0.2.%d,,https://x.example/1\n", b"2026-01-02 03:04:05,u\n"),
    "c2intelfeeds": (b"192.0.2.%d,Possible X C2 IP\n", b"broken\n"),
    "alienvault": (b"192.0.2.%d#4#2#Scan#ZZ#\n", b"192.0.2.9#\n"),
}


@pytest.mark.parametrize("name", LINE_FORMATS)
def test_a_broken_line_in_the_middle_keeps_all_the_others(name: str) -> None:
    line, broken = LINE_FORMATS[name]
    good = [line % n for n in range(1, 101)]
    header = b"type,value,source\n" if name == "csv" else b""
    found = parse(name, header + b"".join([*good[:50], broken, *good[50:]]))
    assert sum(isinstance(item, Observable) for item in found) >= 100
    assert sum(isinstance(item, Rejected) for item in found) >= 1
    values = {
        item.value.split("/")[-2] if "/" in item.value else item.value for item in found if isinstance(item, Observable)
    }
    assert values >= {f"192.0.2.{n}" for n in range(1, 101)}


def test_a_damaged_record_in_the_middle_of_a_json_list_keeps_the_others() -> None:
    records = [
        json.dumps({"ip_address": f"192.0.2.{n}", "port": 1, "last_online": "2026-01-02", "malware": "x"})
        for n in range(1, 11)
    ]
    records[4] = records[4][:-20]
    found = parse("feodo-json", f"[{','.join(records)}]".encode())
    assert sum(isinstance(item, Observable) for item in found) >= 9
    assert any(isinstance(item, Rejected) for item in found)


def test_an_event_of_many_tags_costs_each_attribute_a_few() -> None:
    event = {
        "Tag": [{"name": f"tag-{number}"} for number in range(200_000)],
        "Attribute": [{"type": "domain", "value": f"host-{number}.example"} for number in range(1_000)],
    }
    begin = time.process_time()
    assert len(parse("misp", json.dumps({"Event": event}).encode())) == 1_000
    assert time.process_time() - begin < 5


@pytest.mark.parametrize("unit", [b'{"a":1},', b"{},", b"[],", b"1,", b'"",'])
def test_small_values_that_would_take_gigabytes_are_counted_before_they_are_read(unit: bytes) -> None:
    data = b"[" + unit * MAX_VALUES + b"1]"
    tracemalloc.start()
    with pytest.raises(FeedError, match="values"):
        load(io.BytesIO(data), "in")
    assert tracemalloc.get_traced_memory()[1] < 3 * len(data)
    tracemalloc.stop()


def test_lines_of_json_are_counted_while_they_are_read() -> None:
    with pytest.raises(FeedError, match="values"):
        load(io.BytesIO(b"1\n" * (MAX_VALUES + 1)), "in")


FEED = (
    '<!DOCTYPE rss [<!ENTITY a "boom">]><rss><channel><title>t</title><item><title>x &a;</title></item></channel></rss>'
)
DOCTYPES = {
    "behind a section inside a comment": b"<!--<![CDATA[-->" + FEED.encode() + b"<!--]]>-->",
    "behind a comment inside an instruction": b"<?a <!-- ?>" + FEED.encode() + b"<!-- -->",
    "UTF-7": b'<?xml version="1.0" encoding="utf-7"?>' + FEED.replace("<!", "+ADwAIQ-").encode(),
    "UTF-7 far away": b'<?xml version="1.0"'
    + b" " * 9_000
    + b'encoding="utf-7"?>'
    + FEED.replace("<!", "+ADwAIQ-").encode(),
    "UTF-16": ('<?xml version="1.0" encoding="utf-16"?>' + FEED).encode("utf-16"),
    "UTF-32": ('<?xml version="1.0" encoding="utf-32"?>' + FEED).encode("utf-32"),
    "UTF-32 without a mark": FEED.encode("utf-32-be"),
    "EBCDIC": ('<?xml version="1.0" encoding="cp037"?>' + FEED).encode("cp037"),
}


HIDDEN = {"UTF-7", "UTF-7 far away", "UTF-32", "UTF-32 without a mark", "EBCDIC"}
"""Spelt in what is not decoded, so that it is no markup to anybody."""


@pytest.mark.parametrize("case", DOCTYPES)
def test_no_spelling_of_a_feed_hides_its_doctype(case: str) -> None:
    reading = PARSERS["rss"].parse(io.BytesIO(DOCTYPES[case]), Hints("in"))
    if case in HIDDEN:
        with suppress(FeedError):
            assert "boom" not in repr(list(reading))
    else:
        with pytest.raises(FeedError, match="DOCTYPE is refused"):
            list(reading)


@pytest.mark.parametrize("name", ["utf-8", "ISO-8859-1", "iso-8859-15", "windows-1252"])
def test_a_feed_that_writes_about_doctypes_is_read_in_the_encodings_of_feeds(name: str) -> None:
    start = f'<?xml version="1.0" encoding="{name}"?><!-- <!ELEMENT a> --><rss><channel><title>t</title><item>'
    text = start + "<title>ä</title><description><![CDATA[<!-- a <!DOCTYPE]]></description></item></channel></rss>"
    assert [item.title for item in parse("rss", text.encode(name)) if isinstance(item, Document)] == ["ä"]


@pytest.mark.parametrize("reference", ["&#xD800;", "&#xdfff;", "&#x0000DC00;", "&#55296;", "&#057343;", "&amp;#xD800;"])
def test_half_a_character_in_one_entry_does_not_lose_the_feed(reference: str) -> None:
    body = f"<item><title>a {reference} z</title></item><item><title>&#xD7FF;&#xE000;</title></item>"
    found = parse("rss", f'<?xml version="1.0"?><rss><channel><title>t</title>{body}</channel></rss>'.encode())
    titles = [item.title for item in found if isinstance(item, Document)]
    assert titles == ["a \ufffd z", "\ud7ff\ue000"]


def test_an_entry_is_read_whole_or_refused() -> None:
    start, end = (
        b"<rss><channel><title>t</title><item><title>a</title><description>",
        b"</description></item></channel></rss>",
    )
    [long] = parse("rss", start + b"word " * (1 << 20) + b"last[.]example" + end)
    assert isinstance(long, Document)
    assert long.text.endswith("last[.]example")
    [longer] = parse("rss", start + b"word " * (7 << 19) + end)
    assert longer == Rejected(1, "an entry of more than 16 MiB")


@pytest.mark.parametrize("port", ["\u00b2", "\u0663", "\uff14\uff14\uff13", "http", ""])
def test_a_port_that_is_no_number_does_not_lose_its_address(port: str) -> None:
    found = parse("csv", f"ip,port\n203.0.113.1,{port}\n203.0.113.2,8443\n".encode())
    assert [item.value for item in found if isinstance(item, Observable)] == ["203.0.113.1", "203.0.113.2:8443"]


SLOW = {
    "white space before a comment": ("list", b"192.0.2.1" + b" " * 60_000 + b"\n"),
    "white space in a trail": ("maltrail", b"a.example" + b"\t" * 60_000 + b"\n"),
    "quotes never closed": ("csv", b"type,value\n" + b'"' * 60_000 + b"\n" + b'ip,"x\n' * 20_000),
    "braces never closed": ("feodo-json", b"{" * 1_000_000),
    "a pattern of quotes": ("stix", json.dumps({"type": "indicator", "pattern": "\\'" * 400_000}).encode()),
    "a pattern of colons": ("stix", json.dumps({"type": "indicator", "pattern": "a:" * 400_000}).encode()),
    "deep JSON": ("json", b"[" * 900 + b"]" * 900),
    "deep HTML": ("html", b"<div>" * 20_000 + b"bad.example"),
    "comments never closed": ("rss", b"<rss>" + b"<![CDATA[" * 100_000),
    "declarations never closed": ("rss", b"<rss>" + b"<?xml " * 50_000),
    "dates that are none": ("rss", b"<rss><channel><item>" + b"<date>a b c</date>" * 50_000),
    "a namespace for each word": (
        "rss",
        b"<rss " + b" ".join(b'xmlns:a%d="u"' % number for number in range(10_000)) + b"><channel>"
        + b"<item><description><b/></description></item>" * 5_000,
    ),
    "a base as long as a book": (
        "rss", b"<rss xml:base='http://a.example/" + b"a/" * 200_000 + b"'>" + b"<item><link>b</link></item>" * 5_000,
    ),
    "a base in each of many nested entries": ("rss", b"<rss>" + b"<item xml:base='b/'><link>c</link>" * 10_000),
    "a page of tags": ("html", b"<p><b>x" * 30_000),
    "one long word": ("text", b"a" * 2_000_000),
}  # fmt: skip


@pytest.mark.parametrize("case", SLOW)
def test_nothing_is_quadratic(case: str) -> None:
    name, data = SLOW[case]
    started = time.perf_counter()
    parse(name, data)
    detect("in", data[:65536])
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("around", [b"%b", b"<item>%b</item>"])
def test_a_feed_of_empty_elements_is_refused_before_it_fills_the_memory(around: bytes) -> None:
    reading = PARSERS["rss"].parse(io.BytesIO(b"<rss><channel>" + around % (b"<a/>" * 1_000_001)), Hints("in"))
    with pytest.raises(FeedError, match="more than 1,000,000 elements"):
        list(reading)


def test_a_feed_of_a_hundred_thousand_entries_is_none_of_these() -> None:
    names = ("title", "link", "guid", "pubDate", "author", "category", "comments", "description")
    entry = "".join(f"<{name}>x</{name}>" for name in names)
    feed = f"<rss><channel><title>x</title>{f'<item>{entry}</item>' * 100_000}</channel></rss>"
    first = next(PARSERS["rss"].parse(io.BytesIO(feed.encode()), Hints("in")))
    assert isinstance(first, Document)


def test_base64_that_is_none_is_text() -> None:
    [found] = parse("rss", '<feed><entry><title>t</title><content mode="base64">é</content></entry></feed>'.encode())
    assert isinstance(found, Document)
    assert found.text == "é"


def test_an_entry_is_relative_to_all_bases_around_it() -> None:
    feed = b"""<feed xml:base="https://a.example/blog/"><link href="https://b.example/"/>
        <entry xml:base="../x/"><title>t</title><link href="1"/></entry></feed>"""
    [found] = parse("rss", feed)
    assert isinstance(found, Document)
    assert found.url == "https://a.example/x/1"


def test_a_pattern_is_read_as_written_and_never_out_of_a_string() -> None:
    assert list(comparisons(r"[url:value = 'http://bad.example/it\'s' AND file:name = 'url:value = \'x\'']")) == [
        ("url:value", "http://bad.example/it's"),
        ("file:name", "url:value = 'x'"),
    ]
    assert list(comparisons("[domain-name:value != 'good.example']")) == []


@pytest.mark.parametrize(
    ("token", "is_one"),
    [
        ("192.0.2.1", True),
        ("192[.]0[.]2[.]1:443", True),
        ("2001:db8::1", True),
        ("hxxps[:]//bad[.]example/a", True),
        ("bad.example", True),
        ("CVE-2099-0001", True),
        ("a" * 64, True),
        ("a@bad.example", True),
        ("setup.exe", False),
        ("word", False),
        ("12:30:00", False),
        ("1.2", False),
    ],
)
def test_what_looks_like_an_indicator(token: str, is_one: bool) -> None:
    assert looks_like_indicator(token) is is_one
