"""CISA's catalogue of known exploited vulnerabilities, JSON and CSV."""

import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from socdefenders.feeds.fields import clean, joined, when
from socdefenders.feeds.jsons import load, records
from socdefenders.feeds.parsers.base import Hints
from socdefenders.feeds.records import table
from socdefenders.model import IocType, Item, Observable, Rejected

_LINK = re.compile(r"https?://[^\s;,]+")


def parse_kev(stream: BinaryIO, hints: Hints) -> Iterator[Item]:
    """Read the catalogue's JSON."""
    for number, record in records(load(stream, hints.name), "vulnerabilities"):
        yield from _vulnerability(number, {name.lower(): value for name, value in (record or {}).items()})


def parse_kev_csv(stream: BinaryIO, _hints: Hints) -> Iterator[Item]:
    """Read the catalogue's CSV."""
    opened = table(stream)
    for line, row in opened.rows:
        if isinstance(row, str):
            yield Rejected(line, row)
        else:
            yield from _vulnerability(line, dict(zip(opened.names or (), row, strict=False)))


def _vulnerability(line: int, record: Mapping[str, object]) -> Iterator[Item]:
    cve = clean(record.get("cveid"))
    if cve is None:
        yield Rejected(line, "no CVE in this record")
        return
    ransomware = str(record.get("knownransomwarecampaignuse", "")).strip().lower() == "known"
    link = _LINK.search(clean(record.get("notes")) or "")
    product = " ".join(filter(None, (clean(record.get("vendorproject")), clean(record.get("product")))))
    yield Observable(
        cve,
        line,
        IocType.CVE,
        first_seen=when(record.get("dateadded")),
        threat_type="exploited vulnerability",
        tags=("known-exploited", "ransomware") if ransomware else ("known-exploited",),
        context=joined(clean(record.get("vulnerabilityname")), product, clean(record.get("shortdescription"))),
        reference_url=link.group() if link else None,
    )
