"""Plain lists: a value a line, with comments, columns or a hosts file's address before it."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from socdefenders.feeds.fields import clean, joined, looks_like_indicator
from socdefenders.feeds.jsons import load, records
from socdefenders.feeds.lines import COMMENTS, MAX_LINE, lines
from socdefenders.feeds.parsers.base import Hints
from socdefenders.feeds.records import records as csv_records
from socdefenders.model import IocType, Item, Observable, Rejected

SINKS = frozenset({"0.0.0.0", "127.0.0.1", "::", "::1", "255.255.255.255", "fe80::1%lo0"})  # noqa: S104 - not bound
"""What a hosts file puts before the names it blocks."""
_INLINE = re.compile(r"\s(?:#|;|//)")
_SEEN = re.compile(r"(?i)\b(?:possible|c2|ip|domain|url|ioc)\b")


def split_comment(line: str, begins: re.Pattern[str] = _INLINE) -> tuple[str, str | None]:
    """A line's content and its inline comment. A `#` counts only after white space: URLs hold it too."""
    found = begins.search(line)
    if found is None:
        return line.strip(), None
    return line[: found.start()].strip(), clean(line[found.end() :])


def parse_list(stream: BinaryIO, _hints: Hints) -> Iterator[Item]:
    """Read a list; the first column is the value, or the second after the null address of a hosts file."""
    for number, line in enumerate(lines(stream), 1):
        if len(line) > MAX_LINE:
            yield Rejected(number, f"longer than {MAX_LINE} characters")
        elif line and not line.startswith(COMMENTS):
            yield from _entry(number, line)


def _entry(number: int, line: str) -> Iterator[Item]:
    value, comment = split_comment(line) if " " in line or "\t" in line else (line, None)
    columns = value.split(None, 2)
    if not columns:
        return
    first = columns[0]
    if first in SINKS and len(columns) > 1:
        for name in value.split()[1:20]:
            yield Observable(name, number, context=comment)
    elif len(columns) > 1 and not looks_like_indicator(first.rstrip(",")):
        yield Rejected(number, "words, not a value")
    elif bare := first.strip("\"',"):
        yield Observable(bare, number, context=comment or clean(" ".join(columns[1:])))
    else:
        yield Rejected(number, "no value")


def parse_openphish(stream: BinaryIO, _hints: Hints) -> Iterator[Item]:
    """Read OpenPhish's URLs."""
    return _urls(stream, "phishing")


def parse_urlhaus_text(stream: BinaryIO, _hints: Hints) -> Iterator[Item]:
    """Read URLhaus's URLs."""
    return _urls(stream, "malware_download")


def _urls(stream: BinaryIO, threat: str) -> Iterator[Item]:
    """Read a list of URLs: the whole line is the value, whatever stands in it."""
    for number, line in enumerate(lines(stream), 1):
        if len(line) > MAX_LINE:
            yield Rejected(number, f"longer than {MAX_LINE} characters")
        elif (value := line.strip()) and not value.startswith(COMMENTS):
            yield Observable(value, number, IocType.URL, threat_type=threat)


def parse_ipsum(stream: BinaryIO, _hints: Hints) -> Iterator[Item]:
    """Read `address<TAB>number of lists that name it`; three lists or more are worth notice, ten are near certain."""
    for number, line in enumerate(lines(stream), 1):
        if not line.strip() or line.startswith("#"):
            continue
        value, _, count = line[:MAX_LINE].partition("\t")
        if value.strip() and count.strip().isdecimal():
            on = min(int(count.strip()[:4]), 1000)
            yield Observable(value.strip(), number, confidence=min(10 + on * 10, 95), context=f"on {on} blocklists")
        else:
            yield Rejected(number, "not an address and the number of lists that name it")


def parse_alienvault(stream: BinaryIO, _hints: Hints) -> Iterator[Item]:
    """Read `address#reliability#risk#activity#country#…`; reliability is 1-10."""
    for number, line in enumerate(lines(stream), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line[:MAX_LINE].split("#")
        if len(fields) < 4 or not fields[0].strip() or not fields[1].isdecimal():
            yield Rejected(number, "not address#reliability#risk#activity")
            continue
        sure = min(int(fields[1][:3]) * 10, 100)
        yield Observable(fields[0].strip(), number, confidence=sure, threat_type=clean(fields[3].split(";")[0]),
                         tags=tuple(filter(None, map(clean, fields[3].split(";")))))  # fmt: skip


def parse_drop(stream: BinaryIO, _hints: Hints) -> Iterator[Item]:
    """Read Spamhaus DROP as text: `block ; SBL reference`."""
    for number, line in enumerate(lines(stream), 1):
        value, _, listing = line[:MAX_LINE].partition(";")
        if not value.strip() or value.startswith("#"):
            continue
        if re.fullmatch(r"AS\d+", value.strip()):
            yield Rejected(number, "an AS number is no kind of indicator here", supported=False)
            continue
        yield _dropped(value.strip(), number, listing.strip())


def _dropped(block: str, number: int, listing: str) -> Observable:
    link = f"https://www.spamhaus.org/sbl/query/{listing}" if re.fullmatch(r"SBL\d+", listing) else None
    return Observable(block, number, threat_type="hijacked network", context=clean(listing), reference_url=link)


def parse_drop_json(stream: BinaryIO, hints: Hints) -> Iterator[Item]:
    """Read Spamhaus DROP as JSON lines; the last line says when it was made."""
    for number, record in records(load(stream, hints.name)):
        block = clean(record.get("cidr")) if record else None
        if record is None or (block is None and record.get("type") != "metadata"):
            yield Rejected(number, "no DROP record")
        elif block:
            yield _dropped(block, number, clean(record.get("sblid")) or "")


def parse_dshield(stream: BinaryIO, _hints: Hints) -> Iterator[Item]:
    """Read the DShield block list: start, end and prefix length of a block, the attacks counted, and whose it is."""
    for line, row in csv_records(lines(stream), "\t"):
        if isinstance(row, str):
            yield Rejected(line, row)
        elif len(row) < 4 or not row[0].strip() or not row[2].isdecimal():
            if row[0] != "Start":
                yield Rejected(line, "not start, end and length of a block")
        else:
            owner = clean(row[4]) if len(row) > 4 else None
            yield Observable(f"{row[0].strip()}/{row[2]}", line, threat_type="scanner",
                             context=joined(f"{row[3]} targets attacked", owner))  # fmt: skip


def parse_c2intel(stream: BinaryIO, _hints: Hints) -> Iterator[Item]:
    """Read C2IntelFeeds: an address, domain or URL, and what was seen there."""
    for line, row in csv_records(lines(stream), ","):
        if isinstance(row, str):
            yield Rejected(line, row)
        elif len(row) < 2 or not row[0].strip():
            yield Rejected(line, "not a value and what it is")
        else:
            family = _SEEN.sub("", row[1]).strip()
            yield Observable(row[0].strip(), line, threat_type="botnet_cc", malware_family=clean(family),
                             context=clean(row[1]))  # fmt: skip
