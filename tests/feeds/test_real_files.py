"""The publishers' own files, where they are at hand (SOCDEFENDERS_SHARED): recognised, counted, never a crash."""

import time
from collections import Counter

import pytest

from socdefenders.errors import FeedError
from socdefenders.feeds import Entry, items, recognise, source_name, walk
from socdefenders.feeds.lines import decode
from socdefenders.feeds.page import read_page, visible_text
from socdefenders.model import Document, Observable, Rejected
from tests.real_data import DATA, MISSING

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=MISSING)

UNRECOGNISED = {
    "known_exploited_vulnerabilities_schema.json": "a JSON schema, no data",
    "cleanmx/": "XML of its own kind",
    "fireeye/event.txt": "OpenIOC",
    "dshield/asdetailsascii.html": "fixed-width columns under an HTML comment",
    "surbl/": "an rbldnsd zone",
    "dyn/": "three columns after a slash",
}
"""Of feeds/: what is not recognised, and why that is right."""

EXPECTED = {
    # path: observables, documents, malformed
    "cisa_kev/2025-08-25_known_exploited_vulnerabilities.csv.gz": (1404, 0, 0),
    "cisa_kev/2025-08-25_known_exploited_vulnerabilities.json.gz": (1404, 0, 0),
    "cisa_kev/known_exploited_vulnerabilities_2026-07-24.json.gz": (1653, 0, 0),
    "c2tracker/all.txt": (2347, 0, 0),
    "feeds2stix_samples/abuse_ch_malwarebazaar_dump_20260226.csv": (117, 0, 0),
    "feodo/ipblocklist_2021-12-20.csv": (750, 0, 0),
    "feodo/ipblocklist_2026-07-09.json": (5, 0, 0),
    "ipsum/ipsum.txt.gz": (120430, 0, 0),
    "ip_lists/blocklist.de-all_2026-08-22.txt.gz": (108921, 0, 0),
    "maltrail/malware_qakbot.txt.gz": (8241, 0, 0),
    "openphish/feed_2026-08-22T00.txt": (300, 0, 0),
    "phishtank/verified_online_2021-03-07.csv.gz": (10127, 0, 0),
    "phishtank/verified_online_2024-03-26_4col.csv.gz": (1067, 0, 0),
    "spamhaus/drop_v4_2025-04-15.json": (1406, 0, 0),
    "sslbl/sslblacklist_2018-07-26.csv.gz": (2763, 0, 0),
    "sslbl/sslblacklist_2023-12-22_excel.csv.gz": (5565, 0, 0),
    "threatfox/threatfox_export_json_recent_2026-07-09.json.gz": (4140, 0, 0),
    "threatfox/threatfox_export_json_recent_2026-07-16.json.gz": (5299, 0, 0),
    "tweetfeed/month.csv.gz": (12092, 0, 0),
    "tweetfeed/stix/taxii_pages_2026-07-24.0.json": (144, 0, 0),
    "urlhaus/urlhaus_csv_2025-04-21.csv.gz": (11125, 0, 0),
    "urlhaus/urlhaus_urls_2022-07.txt.gz": (12193, 0, 0),
}


def counted(entry: Entry) -> tuple[str | None, Counter[str]]:
    """The format of a file and how many of each kind of item it gives."""
    found = recognise(entry)
    counts: Counter[str] = Counter()
    if found is not None:
        for item in items(entry, found):
            counts[type(item).__name__ if not isinstance(item, Rejected) or item.supported else "Unsupported"] += 1
    return (found.name if found else None), counts


@pytest.mark.parametrize("name", EXPECTED)
def test_a_publishers_file_gives_as_many_items_as_it_has_records(name: str) -> None:
    (entry,) = walk([DATA / "feeds" / name])
    _, counts = counted(entry)
    assert (counts["Observable"], counts["Document"], counts["Rejected"]) == EXPECTED[name]


def test_every_feed_file_is_recognised_but_for_the_listed() -> None:
    unknown = []
    for entry in walk([DATA / "feeds"]):
        name, counts = counted(entry)
        listed = any(part in entry.name for part in UNRECOGNISED)
        if (name is None) != listed or (name not in {None, "index"} and not counts):
            unknown.append((entry.name, name))
    assert unknown == []


@pytest.mark.parametrize("folder", ["html", "text", "rss/publishers", "articles"])
def test_every_report_gives_documents_with_titles_or_observables(folder: str) -> None:
    for entry in walk([DATA / folder]):
        found = recognise(entry)
        assert found is not None, entry.name
        given = [item for item in items(entry, found) if not isinstance(item, Rejected)]
        assert given, entry.name
        assert all(item.title for item in given if isinstance(item, Document))
        assert source_name(entry.name, found)


def test_saved_pages_are_read_fast_to_a_report_without_chrome() -> None:
    for path in DATA.glob("html/*.html"):
        data = path.read_bytes()
        started = time.process_time()
        page = read_page(data)
        assert time.process_time() - started < 0.2, path.name
        assert page.title, path.name
        everything = visible_text(decode(data))
        assert 2000 < len(page.text) < max(len(everything), 4000), path.name
        assert "skip to content" not in page.text.lower(), path.name


def test_whole_repositories_of_vendors_give_thousands_of_observables() -> None:
    total: Counter[str] = Counter()
    formats: Counter[str | None] = Counter()
    for entry in walk([DATA / "vendor_iocs"]):
        name, counts = counted(entry)
        total += counts
        formats[name] += 1
    assert total["Observable"] > 50_000
    assert total["Document"] > 100
    assert total["Rejected"] < total["Observable"] / 100
    assert formats["misp"] > 40
    assert formats["stix"] == 5


def test_five_hundred_nasty_feeds_each_end_within_a_second() -> None:
    documents = 0
    for entry in walk([DATA / "rss" / "nasty"]):
        started = time.process_time()
        try:
            found = recognise(entry)
            documents += sum(isinstance(item, Document) for item in items(entry, found)) if found else 0
        except FeedError:
            pass
        assert time.process_time() - started < 1, entry.name
    assert documents > 500


def test_a_million_rows_are_all_read() -> None:
    (entry,) = walk([DATA / "bulk" / "ioc_sample_1m.csv.zst"])
    assert sum(isinstance(item, Observable) for item in items(entry)) == 1_000_000


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("/feeds/blocklist.de-all_2026-08-22.txt.gz", "blocklist.de-all"),
        ("/feeds/threatfox/ips_2026-08-22.txt.gz", "ThreatFox"),
        ("vendors/eset_malware-ioc.tar.xz!malware-ioc/x/samples.md5", "eset_malware-ioc"),
        ("Partner SOC/sightings.csv", "Partner SOC"),
        ("list.txt", "list"),
        ("notes/2026-08-22_campaign.txt", "notes"),
    ],
)
def test_a_list_without_a_publisher_is_named_after_its_file_or_folder(name: str, source: str) -> None:
    assert source_name(name) == source
