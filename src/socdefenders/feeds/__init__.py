"""Publishers' files, as they publish them: opened, recognised and taken apart into items.

Pure parsing, bytes to items: no network, no clock, no environment, and no judgement of what an
indicator is worth or whether it is one.
"""

import re
from collections.abc import Iterator

from socdefenders.errors import UnknownFormat
from socdefenders.feeds.detect import detect
from socdefenders.feeds.files import Entry, Limits, files, walk
from socdefenders.feeds.parsers import PARSERS, Format, Hints, Parser
from socdefenders.feeds.streams import HEAD
from socdefenders.model import Item

__all__ = [
    "PARSERS",
    "Entry",
    "Format",
    "Hints",
    "Limits",
    "Parser",
    "detect",
    "files",
    "items",
    "recognise",
    "source_name",
    "walk",
]


def recognise(entry: Entry) -> Format | None:
    """Read the first bytes of `entry` and tell its format, or None; a `FeedError` when it cannot be opened."""
    with entry.open() as stream:
        head = b""
        while len(head) < HEAD and (more := stream.read(HEAD - len(head))):
            head += more
    found = detect(entry.name, head)
    return PARSERS[found] if found else None


def items(entry: Entry, format_: Format | None = None, url: str = "") -> Iterator[Item]:
    """Give what stands in `entry`, read as `format_`, or as what it is recognised to be; `url` is where it lay.

    A file that breaks in the middle gives its items up to there and then raises a `FeedError`.
    """
    chosen = format_ or recognise(entry)
    if chosen is None:
        raise UnknownFormat
    with entry.open() as stream:
        yield from chosen.parse(stream, Hints(entry.name, url))


_ENDING = re.compile(
    r"\.(?:gz|zst|xz|bz2|tgz|tar|zip|txt|csv|tsv|json|jsonl|ndjson|xml|rss|atom|html?|md|adoc|pdf|docx|eml|list|netset|ipset|stix2?|data)$",
    re.IGNORECASE,
)
_DATED = re.compile(r"(.*?)[-_. ]*(?<!\d)(?:19|20)\d\d[-_.](?:0\d|1[0-2])(?!\d)")
_GENERIC = re.compile(
    r"(?:all|data|feed|ioc|indicator|observable|sighting|sample|hashe?|domain|ip|url|email|file|list|blocklist|readme|index|export|dump|test|example)s?"
    r"(?:[-_.](?:md5|sha1|sha256|all|v?\d+))?|md5|sha1|sha256|levels?_\d+|manifest|bundle|misp|stix|[0-9a-f]{8}-[0-9a-f-]{27}",
    re.IGNORECASE,
)
"""Names that say nothing of who published the file: its folder does, or its archive."""
_DATE = re.compile(r"[-_. ]?(?:19|20)\d\d[-_.]?[01]\d(?:[-_.]?[0-3]\d)?(?:T?\d\d(?:[-_:]?\d\d)*)?(?:\.\d{1,3})?$")


def _plain(name: str) -> str:
    return re.sub(r"[-_. ]", "", name).casefold()


_PUBLISHERS = {_plain(format_.source): format_.source for format_ in PARSERS.values() if format_.source}
"""The publishers of the formats by their names without case and separators: `urlhaus.txt` is of URLhaus too."""


def source_name(name: str, format_: Format | None = None) -> str:
    """Whom to name as the source of a file: its format's publisher, else its own name without endings and date.

    Of an archive's member it is the archive's name, and of a report the publisher before the date, or its folder.
    """
    if format_ is not None and format_.source:
        return format_.source
    archive, _, member = name.replace("\\", "/").rpartition("!")
    path = member.split("/")
    folder, last = (path[-2] if len(path) > 1 else ""), path[-1]
    if format_ is not None and format_.documents:
        if "." in folder:  # named after the publisher's host
            return folder
        if found := _DATED.match(last):
            return found.group(1) or (folder if not archive else _stem(archive.rpartition("/")[2])) or "import"
    if not archive and folder and (found := _DATED.match(last)) and not found.group(1):
        return folder
    stem = _stem((archive or member).rpartition("/")[2])
    named = folder if folder and not archive and _GENERIC.fullmatch(stem) else stem or "import"
    return _PUBLISHERS.get(_plain(named), named)


def _stem(last: str) -> str:
    """A file's name without its endings and a date after it."""
    while (shorter := _ENDING.sub("", last)) and shorter != last:
        last = shorter
    return _DATE.sub("", last) or last
