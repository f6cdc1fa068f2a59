"""PhishTank and TweetFeed."""

from collections.abc import Iterator
from typing import BinaryIO

from socdefenders.feeds.fields import clean, link, when
from socdefenders.feeds.jsons import load, records
from socdefenders.feeds.lines import lines
from socdefenders.feeds.parsers.abusech import column
from socdefenders.feeds.parsers.base import Hints
from socdefenders.feeds.parsers.table import Columns, read_rows
from socdefenders.feeds.records import records as csv_records
from socdefenders.feeds.records import table
from socdefenders.model import IocType, Item, Observable, Rejected

_THREATS = frozenset({"c2", "malware", "phishing", "ransomware", "scam"})


def parse_phishtank(stream: BinaryIO, _hints: Hints) -> Iterator[Item]:
    """Read the PhishTank CSV: of eight columns, or of the first four."""
    opened = table(stream)
    names = opened.names or ("phish_id", "url", "phish_detail_url", "submission_time")
    target = column(names, "target")
    columns = Columns(
        ((max(column(names, "url"), 0), IocType.URL),),
        first_seen=column(names, "submission_time"),
        last_seen=column(names, "verification_time"),
        reference_url=column(names, "phish_detail_url"),
        context=(target,) if target >= 0 else (),
    )
    for item in read_rows(opened.rows, columns):
        yield _phish(item) if isinstance(item, Observable) else item


def _phish(item: Observable) -> Observable:
    target = item.context if item.context != "Other" else None
    return item._replace(threat_type="phishing", context=f"phishing that poses as {target}" if target else None)


def parse_phishtank_json(stream: BinaryIO, hints: Hints) -> Iterator[Item]:
    """Read the PhishTank JSON."""
    for number, record in records(load(stream, hints.name)):
        url = clean(record.get("url")) if record else None
        if record is None or url is None:
            yield Rejected(number, "no PhishTank record")
            continue
        yield _phish(
            Observable(
                url,
                number,
                IocType.URL,
                first_seen=when(record.get("submission_time")),
                last_seen=when(record.get("verification_time")),
                context=clean(record.get("target")),
                reference_url=link(record.get("phish_detail_url")),
            )
        )


def parse_tweetfeed(stream: BinaryIO, _hints: Hints) -> Iterator[Item]:
    """Read `date,user,type,value,tags,link`, which has no header."""
    columns = Columns(((3, None),), type=2, first_seen=0, tags=4, reference_url=5, context=(1,))
    for item in read_rows(csv_records(lines(stream), ","), columns):
        if isinstance(item, Observable):
            kind = next((tag for tag in map(str.lower, item.tags) if tag in _THREATS), None)
            yield item._replace(threat_type=kind, context=f"reported by @{item.context}" if item.context else None)
        else:
            yield item
