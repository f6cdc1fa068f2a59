"""The catalog: every file of it is read, says what it must, and nothing wrong gets in."""

import re
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socdefenders.errors import CatalogError, FeedKeyMissing
from socdefenders.feeds import PARSERS, items, recognise, walk
from socdefenders.feeds.catalog import (
    FORMATS_OF,
    KEYS,
    Expected,
    Feed,
    Kind,
    Switch,
    Voice,
    builtin,
    format_toml,
    in_force,
    load,
    parse,
    voices,
)
from socdefenders.model import Observable, SourceCategory
from socdefenders.settings import FEED_KEYS, PREFIX, read
from tests.real_data import DATA, MISSING
from tests.unit.test_docs import CODE, FENCE, first_codes, page, rows, section
from tools import sources

BUILTIN = builtin()
ARTICLES = {slug for slug, feed in BUILTIN.items() if PARSERS[feed.format].documents}

FEED = Feed(
    slug="harbour-cert",
    name="Harbour CERT",
    url="https://cert.harbour.example/feed",
    homepage="https://cert.harbour.example/",
    format="rss",
    category=SourceCategory.GOVERNMENT,
    tier=1,
    grade="A",
    group="harbour-cert",
    every=timedelta(hours=2),
    licence="CC BY 4.0.",
    enabled=True,
    expected=Expected(1, 200),
)
WRITTEN = format_toml(FEED)


def changed(key: str, value: str | None) -> bytes:
    """The file of `FEED` with another value of `key`, as TOML; None: without it."""
    lines = [line for line in WRITTEN.splitlines() if not line.startswith(f"{key} =")]
    return "\n".join([*lines, *([] if value is None else [f"{key} = {value}"])]).encode()


# The built-in files


def test_there_are_enough_sources_of_each_kind() -> None:
    assert len(BUILTIN) >= 60
    assert len(ARTICLES) >= 40
    assert len(BUILTIN) - len(ARTICLES) >= 20
    assert {feed.category for feed in BUILTIN.values()} == set(SourceCategory)
    assert {BUILTIN[slug].category for slug in ARTICLES} >= set(SourceCategory) - {SourceCategory.THREAT_FEED}
    assert sum(BUILTIN[slug].enabled for slug in ARTICLES) >= 40


@pytest.mark.parametrize(
    ("slug", "format_", "kind"),
    [
        ("urlhaus", "urlhaus", Kind.FILE),
        ("threatfox", "threatfox-json", Kind.FILE),
        ("feodo-tracker", "feodo-json", Kind.FILE),
        ("sslbl", "sslbl", Kind.FILE),
        ("malwarebazaar", "malwarebazaar", Kind.FILE),
        ("openphish", "openphish", Kind.FILE),
        ("phishtank", "phishtank", Kind.FILE),
        ("cisa-kev", "kev", Kind.FILE),
        ("spamhaus-drop", "spamhaus-drop-json", Kind.FILE),
        ("tweetfeed", "tweetfeed", Kind.FILE),
        ("ipsum", "ipsum", Kind.FILE),
        ("maltrail", "list", Kind.FILE),
        ("c2intelfeeds-addresses", "c2intelfeeds", Kind.FILE),
        ("c2-tracker", "list", Kind.FILE),
        ("blocklist-de", "list", Kind.FILE),
        ("emerging-threats-compromised", "list", Kind.FILE),
        ("greensnow", "list", Kind.FILE),
        ("circl-osint", "misp", Kind.MISP_FEED),
        ("mitre-attack", "stix", Kind.TAXII),
        ("otx", "otx", Kind.OTX),
    ],
)
def test_a_source_that_everybody_asks_for_is_there(slug: str, format_: str, kind: Kind) -> None:
    assert (BUILTIN[slug].format, BUILTIN[slug].kind) == (format_, kind)


def test_no_address_and_no_name_is_there_twice() -> None:
    for held in ([feed.url for feed in BUILTIN.values()], [feed.name for feed in BUILTIN.values()]):
        assert [each for each, count in Counter(held).items() if count > 1] == []


def test_every_address_is_https() -> None:
    """Each of these publishers has it."""
    addresses = [each for feed in BUILTIN.values() for each in (feed.url, feed.homepage, feed.terms) if each]
    assert [each for each in addresses if not each.startswith("https://")] == []


@pytest.mark.parametrize("slug", BUILTIN)
def test_a_source_says_the_same_as_its_file(slug: str) -> None:
    feed = BUILTIN[slug]
    assert feed.slug == slug
    assert parse(format_toml(feed).encode(), f"{slug}.toml") == feed
    assert "|" not in feed.name + feed.licence, "the table of the documentation is made of these"


def test_what_is_of_one_host_is_of_one_group() -> None:
    """Two feeds of a publisher are one witness; hosts that lend room to many are none."""
    lent = {"raw.githubusercontent.com", "github.com", "feeds.feedburner.com", "seclists.org"}
    groups: dict[str, set[str]] = {}
    for feed in BUILTIN.values():
        host = urlsplit(feed.url).hostname or ""
        if host not in lent:
            groups.setdefault(".".join(host.split(".")[-2:]), set()).add(feed.group)
    shared = {"gov.uk", "or.jp", "gouv.fr", "europa.eu"}
    assert {host: found for host, found in groups.items() if len(found) > 1 and host not in shared} == {}


def test_what_may_not_be_used_for_profit_or_states_no_licence_is_off() -> None:
    restricted = re.compile(r"(?i)non-commercial|\bNC\b|no licence|need a commercial licence")
    bound = {slug for slug, feed in BUILTIN.items() if restricted.search(feed.licence)}
    assert bound >= {"openphish", "c2intelfeeds-addresses", "maltrail", "sans-isc", "wired-security", "dshield"}
    assert [slug for slug in bound if BUILTIN[slug].enabled] == []


def test_a_source_that_is_off_says_why() -> None:
    folder = Path(sources.__file__).parents[1] / "src/socdefenders/feeds/catalog"
    for file in folder.glob("*.toml"):
        text = file.read_text(encoding="utf-8")
        assert "enabled = true" in text or re.search(r"^# \S.*\.\nenabled = false$", text, re.MULTILINE), file.name


PUBLISHED = {
    "c2intelfeeds-addresses": ("c2intelfeeds/IPC2s-30day*",),
    "c2-tracker": ("c2tracker/all.txt",),
    "cisa-kev": ("cisa_kev/*.json.gz",),
    "feodo-tracker": ("feodo/*.json",),
    "blocklist-de": ("ip_lists/blocklist.de*",),
    "emerging-threats-compromised": ("ip_lists/emergingthreats*",),
    "greensnow": ("ip_lists/greensnow*",),
    "binary-defense": ("ip_lists/binarydefense*",),
    "ipsum": ("ipsum/ipsum.txt.gz",),
    "maltrail-scanners": ("maltrail/mass_scanner*",),
    "openphish": ("openphish/*.txt",),
    "phishtank": ("phishtank/verified*",),
    "spamhaus-drop": ("spamhaus/*.json",),
    "sslbl": ("sslbl/*.csv.gz",),
    "threatfox": ("threatfox/*.json.gz",),
    "tweetfeed": ("tweetfeed/week.csv.gz",),
    "urlhaus": ("urlhaus/urlhaus_csv_2025*",),
}
"""Files that these publishers published, below the folder of feeds."""


@pytest.mark.skipif(not DATA.is_dir(), reason=MISSING)
@pytest.mark.parametrize("slug", PUBLISHED)
def test_what_was_published_is_of_the_format_and_number_that_is_expected(slug: str) -> None:
    feed = BUILTIN[slug]
    for pattern in PUBLISHED[slug]:
        paths = sorted((DATA / "feeds").glob(pattern))
        assert paths
        for entry in walk(paths):
            found = recognise(entry)
            assert found is not None
            assert found.name == feed.format
            count = sum(isinstance(each, Observable) for each in items(entry, PARSERS[feed.format]))
            assert feed.expected.least <= count <= feed.expected.most, entry.name


# Keys


def test_every_key_is_a_setting_that_is_a_secret() -> None:
    assert set(KEYS) == set(FEED_KEYS) == {feed.key for feed in BUILTIN.values() if feed.key}
    held = {PREFIX + name.upper(): f"key-of-{name}" for name in KEYS}
    assert read(held).feed_keys() == {name: f"key-of-{name}" for name in KEYS}
    assert read({}).feed_keys() == {}


@pytest.mark.parametrize("slug", [slug for slug, feed in BUILTIN.items() if feed.key])
def test_a_source_without_its_key_says_which_setting_is_missing_and_where_to_get_one(slug: str) -> None:
    feed = BUILTIN[slug]
    assert feed.key
    others = dict.fromkeys(set(KEYS) - {feed.key}, "k")
    with pytest.raises(FeedKeyMissing, match=PREFIX + feed.key.upper()) as missing:
        feed.address(others)
    assert feed.name in missing.value.message
    assert KEYS[feed.key] in missing.value.message


def test_a_key_goes_into_its_place_and_is_not_shown() -> None:
    sent = BUILTIN["urlhaus"].address({"abuse_ch_key": "a/b?c"})
    assert (sent.url, sent.headers) == ("https://urlhaus-api.abuse.ch/v2/files/exports/a%2Fb%3Fc/recent.csv", {})
    with_header = BUILTIN["otx"].address({"otx_key": "a/b"})
    assert (with_header.url, with_header.headers) == (BUILTIN["otx"].url, {"X-OTX-API-KEY": "a/b"})
    assert "a/b" not in repr(with_header)
    assert "a%2F" not in repr(sent)
    assert FEED.address({}).url == FEED.url


# Reading strictly

BAD = [
    ("name", None, "is missing"),
    ("name", "3", "is a whole number, not a text"),
    ("name", '""', "is no line"),
    ("name", '" a"', "is no line"),
    ("name", '"a\\nb"', "is no line"),
    ("name", '"a\\u202eb"', "is no line"),
    ("name", f'"{"a" * 201}"', "is no line"),
    ("url", None, "is missing"),
    *(
        ("url", f'"{bad}"', "is no address")
        for bad in ("", "a.example/b", "ftp://a.example/", "https://", "https:///b")
    ),
    *(
        ("url", f'"{bad}"', "is no address")
        for bad in ("HTTPS://a.example", "https://[::1/", "https://a.example:99999/")
    ),
    *(("url", f'"https://{bad}"', "is no address") for bad in ("a.example/ b", "ä.example/", "a.example:0/", "a_é/")),
    ("url", '"https://user@a.example/"', "name or password"),
    ("url", '"https://a.example/#b"', "has a #"),
    ("url", '"https://a.example/{b}"', "has a #, a brace"),
    ("url", '"https://{key}.example/"', "is no address"),
    ("homepage", '"javascript:alert(1)"', "is no address"),
    ("homepage", '"https://a.example/{key}"', "only url"),
    ("kind", '"folder"', "'folder' is none of file, misp-feed, taxii, otx"),
    ("format", '"rss2"', "'rss2' is no format"),
    ("format", '"index"', "'index' is no format"),
    ("category", '"blog"', "'blog' is none of news"),
    ("category", "true", "is true or false, not a text"),
    *(("tier", bad, "from 1 to 3") for bad in ("0", "4", "1.0", "true", '"1"')),
    *(("grade", bad, "Admiralty") for bad in ('"G"', '"a"', '"A1"', '""')),
    *(("group", bad, "is no word") for bad in ('""', '"A"', '"a b"', '"-a"', f'"{"a" * 65}"')),
    *(("every", bad, "is no time such as") for bad in ('"1"', '"1w"', '"h"', '"01h"', '"1 h"', '"-1h"', '"1.5h"')),
    *(("every", bad, "is not between 5m and 30d") for bad in ('"4m"', '"31d"', '"99999d"')),
    ("every", "15", "is a whole number, not a text"),
    ("licence", None, "is missing"),
    ("licence", '""', "is no text"),
    ("licence", '"a\\u0000b"', "is no text"),
    ("terms", '"see the page"', "is no address"),
    ("key", '"harbour_key"', "there are abuse_ch_key"),
    ("key", '"otx_key"', "is sent in one place"),
    ("key_header", '"X-Key"', "no setting is named"),
    ("key_header", '"X Key"', "is no name of a header"),
    *(("enabled", bad, "not true or false") for bad in ("1", '"true"', "[]", "2026-01-01")),
    *(("expected", bad, "is no pair") for bad in ("5", "[5]", "[1, 2, 3]", '["1", 2]', "[1, true]", "[-1, 2]", "{}")),
    *(("expected", bad, "has the most before the least") for bad in ("[5, 4]", "[0, 0]")),
    *(("confidence", bad, "from 0 to 100") for bad in ("-1", "101", "50.0", "true")),
    ("colour", '"red"', "is no key of a source"),
]


@pytest.mark.parametrize(("key", "value", "why"), BAD)
def test_a_wrong_value_is_an_error_that_names_file_and_key(key: str, value: str | None, why: str) -> None:
    with pytest.raises(CatalogError, match=re.escape(why)) as refused:
        parse(changed(key, value), "harbour-cert.toml")
    assert (refused.value.file, refused.value.key) == ("harbour-cert.toml", key)
    assert refused.value.message.startswith(f"harbour-cert.toml: {key}: ")


@pytest.mark.parametrize(
    ("lines", "key", "why"),
    [
        ('kind = "misp-feed"\nformat = "rss"\nurl = "https://a.example/"', "format", "leads to 'misp', not to 'rss'"),
        ('kind = "taxii"\nformat = "stix"\nurl = "https://a.example/x"', "url", "ends with a /"),
        ('kind = "misp-feed"\nformat = "misp"\nurl = "https://a.example/?x/"', "url", "ends with a /"),
        ('url = "https://a.example/{key}"', "key", "no setting is named"),
        ('key = "otx_key"\nkey_header = "X"\nurl = "https://a.example/{key}"', "key", "is sent in one place"),
        ('key = "otx_key"\nurl = "https://a.example/{key}/{key}"', "key", "is sent in one place"),
        ('key = "otx_key"\nkey_header = "X"\nurl = "http://a.example/"', "url", "over https alone"),
    ],
)
def test_what_is_wrong_together_is_refused(lines: str, key: str, why: str) -> None:
    given_ = {line.partition(" =")[0] for line in lines.splitlines()}
    rest = [line for line in WRITTEN.splitlines() if line.partition(" =")[0] not in given_]
    with pytest.raises(CatalogError, match=re.escape(why)) as refused:
        parse("\n".join([*rest, lines]).encode(), "harbour-cert.toml")
    assert refused.value.key == key


@pytest.mark.parametrize("data", [b"name = ", b"\xff", b"a = 1\na = 2", b"#" * 70_000, b"x = " + b"[" * 20_000])
def test_what_is_no_toml_is_an_error_that_names_the_file(data: bytes) -> None:
    with pytest.raises(CatalogError, match=r"^harbour-cert\.toml: ") as refused:
        parse(data, "harbour-cert.toml")
    assert (refused.value.file, refused.value.key) == ("harbour-cert.toml", None)


@pytest.mark.parametrize(
    "name", ["Harbour.toml", "a b.toml", "a_b.toml", "-a.toml", "ä.toml", ".toml", f"{'a' * 65}.toml"]
)
def test_a_file_whose_name_is_no_slug_is_refused(name: str) -> None:
    with pytest.raises(CatalogError, match="lower-case letters"):
        parse(WRITTEN.encode(), name)


@given(st.integers(0, len(WRITTEN)), st.integers(0, 40), st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_whatever_stands_in_a_file_it_is_read_or_refused(at: int, length: int, new: bytes) -> None:
    data = WRITTEN.encode()
    with suppress(CatalogError):
        read = parse(data[:at] + new + data[at + length :], "harbour-cert.toml")
        assert read.slug == "harbour-cert"


# Writing

ANY = st.characters(codec="utf-8")
LINES = st.text(ANY, min_size=1, max_size=200).filter(lambda text: text.isprintable() and text == text.strip())
TEXTS = st.lists(LINES, min_size=1, max_size=4).map("\n".join).filter(lambda text: len(text) <= 1000)
HOSTS = st.from_regex(r"https://[a-z]{1,9}\.example/[a-z0-9/._~%&?=-]{0,20}", fullmatch=True)


@st.composite
def feeds(draw: Callable[[st.SearchStrategy[object]], object]) -> Feed:
    kind = draw(st.sampled_from(Kind))
    assert isinstance(kind, Kind)
    key = draw(st.none() | st.sampled_from(sorted(KEYS)))
    header = draw(st.booleans()) if key else False
    url = draw(HOSTS) if kind is Kind.FILE else draw(HOSTS.map(lambda each: each.replace("?", "") + "/"))
    place = "{key}/" if key and not header else ""
    least = draw(st.integers(0, 1000))
    assert isinstance(least, int)
    values = {
        "name": draw(LINES),
        "url": f"{url}{place}",
        "homepage": draw(HOSTS),
        "kind": kind,
        "format": FORMATS_OF.get(kind) or draw(st.sampled_from(sorted(set(PARSERS) - {"index"}))),
        "category": draw(st.sampled_from(SourceCategory)),
        "tier": draw(st.integers(1, 3)),
        "grade": draw(st.sampled_from("ABCDEF")),
        "group": draw(st.from_regex(r"[a-z0-9]{1,9}([.-][a-z0-9]{1,9})?", fullmatch=True)),
        "every": timedelta(minutes=1) * draw(st.integers(5, 30 * 24 * 60)),  # type: ignore[operator]  # drawn as an int
        "licence": draw(TEXTS),
        "terms": draw(st.none() | HOSTS),
        "key": key,
        "key_header": "X-Key" if header else None,
        "enabled": draw(st.booleans()),
        "expected": Expected(least, least + 1),
        "confidence": draw(st.none() | st.integers(0, 100)),
    }
    return replace(FEED, **values)  # type: ignore[arg-type]  # every value is drawn for its field


@given(feeds())
def test_what_is_written_is_read_again_as_the_same(feed: Feed) -> None:
    assert parse(format_toml(feed).encode(), "harbour-cert.toml") == feed


@pytest.mark.parametrize(
    "text", ['a "quoted" one', "back\\slash \\u0041", "two\nlines", "日本語 ü 🜚", "'''", '"""', "# no comment"]
)
def test_awkward_texts_are_written_and_read_again(text: str) -> None:
    feed = replace(FEED, licence=text, name=text.replace("\n", " "))
    assert parse(format_toml(feed).encode(), "harbour-cert.toml") == feed


# An operator's folder


def test_a_folder_of_ones_own_adds_replaces_and_switches(tmp_path: Path) -> None:
    (tmp_path / "harbour-cert.toml").write_text(WRITTEN, encoding="utf-8")
    (tmp_path / "cisa-kev.toml").write_text(format_toml(replace(FEED, url="https://kev.example/")), encoding="utf-8")
    (tmp_path / "openphish.toml").write_text("# The terms fit us.\nenabled = true\n", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("not ours")
    (tmp_path / ".hidden.toml").write_text("nor this")
    found = load(tmp_path, BUILTIN)
    assert found["harbour-cert"] == FEED
    assert found["cisa-kev"] == replace(FEED, slug="cisa-kev", url="https://kev.example/")
    assert found["openphish"] == replace(BUILTIN["openphish"], enabled=True)
    assert set(found) == {*BUILTIN, "harbour-cert"}
    assert list(found) == sorted(found)
    assert builtin() == BUILTIN


def test_a_switch_of_no_source_is_refused(tmp_path: Path) -> None:
    (tmp_path / "urlhouse.toml").write_text("enabled = false")
    assert parse(b"enabled = false", "urlhouse.toml") == Switch("urlhouse", enabled=False)
    with pytest.raises(CatalogError, match=r"urlhouse\.toml: enabled: there is no source 'urlhouse'"):
        load(tmp_path, BUILTIN)


def test_two_sources_that_would_fetch_the_same_are_refused(tmp_path: Path) -> None:
    (tmp_path / "harbour-cert.toml").write_text(WRITTEN)
    (tmp_path / "harbour-two.toml").write_text(format_toml(replace(FEED, name="Two")))
    with pytest.raises(CatalogError, match=r"harbour-two\.toml: url: harbour-cert has the same"):
        load(tmp_path)
    (tmp_path / "harbour-two.toml").write_text(format_toml(replace(FEED, enabled=False)))
    assert set(load(tmp_path)) == {"harbour-cert", "harbour-two"}


def test_a_folder_or_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="cannot be read"):
        load(tmp_path / "absent")
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(CatalogError, match=r"folder\.toml: cannot be read"):
        load(tmp_path)


# Documentation


def test_the_table_of_sources_is_current() -> None:
    text = page("sources.md")
    assert sources.renewed(text) == text, "run: .venv/bin/python tools/sources.py"
    assert set(first_codes(section(text, "## The catalog"))) == set(BUILTIN)
    changes = (Path(sources.PAGE).parents[1] / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"{len(BUILTIN)} public sources" in changes


def test_every_key_of_a_file_is_documented_in_its_order_and_no_other() -> None:
    documented = rows(section(page("sources.md"), "## A source of your own"))[1:]
    keys = [field.name for field in fields(Feed) if field.name != "slug"]
    assert [row[0].strip("`") for row in documented] == keys
    for key, (row, value) in zip(keys, zip(documented, map(FEED.__getattribute__, keys), strict=True), strict=True):
        assert (row[1] == "no") == (value is None or key == "kind"), key
    assert set(CODE.findall(documented[keys.index("category")][2])) == {each.value for each in SourceCategory}
    assert {each.value for each in Kind} <= set(CODE.findall(documented[keys.index("kind")][2]))


def test_every_key_of_a_publisher_is_documented() -> None:
    documented = rows(section(page("sources.md"), "## Keys"))[1:]
    assert documented == [[f"`{name}`", f"`{PREFIX}{name.upper()}`", f"<{where}>"] for name, where in KEYS.items()]
    with pytest.raises(FeedKeyMissing) as missing:
        BUILTIN["urlhaus"].address({})
    assert missing.value.message in " ".join(page("sources.md").split())


def test_every_file_that_the_documentation_shows_is_read() -> None:
    shown = [body for language, body in FENCE.findall(page("sources.md")) if language == "toml"]
    read_ = [parse(body.encode(), "shown.toml") for body in shown]
    assert [type(each) for each in read_] == [Feed, Feed, Switch]


# Voices


def test_each_source_is_known_by_its_name_with_its_grade_and_voice() -> None:
    known = voices(BUILTIN)
    assert all(known[feed.name] == Voice(feed.grade, feed.group) for feed in BUILTIN.values())
    assert {known[name].group for name in ("URLhaus", "ThreatFox", "Feodo Tracker", "MalwareBazaar")} == {"abuse.ch"}


def test_a_publisher_of_several_is_known_by_the_least_of_their_grades() -> None:
    several = {
        slug: replace(FEED, slug=slug, name=name, grade=grade, group=group)
        for slug, name, grade, group in (
            ("a", "Greyharbour: Addresses", "B", "greyharbour"),
            ("b", "Greyharbour: Names", "C", "greyharbour"),
            ("c", "Ridgeway: Mail", "A", "ridgeway"),
            ("d", "Ridgeway: Web", "A", "harbourwatch"),
            ("e", "Tern Street", "D", "tern-street"),
            ("f", "Tern Street: Blog", "A", "tern-street"),
        )
    }
    known = voices(several)
    assert known["Greyharbour"] == Voice("C", "greyharbour")
    assert "Ridgeway" not in known, "who speaks with two voices has none of these"
    assert known["Tern Street"] == Voice("D", "tern-street"), "its own description says it"


def test_what_is_in_force_is_the_operators_over_the_packages(tmp_path: Path) -> None:
    assert in_force(tmp_path / "nowhere") == BUILTIN
    (tmp_path / "harbour-cert.toml").write_text(WRITTEN)
    assert in_force(tmp_path) == BUILTIN | {"harbour-cert": FEED}
