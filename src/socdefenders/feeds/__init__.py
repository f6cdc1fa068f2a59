"""Publishers' files, as they publish them: opened, recognised and taken apart into items.

Pure parsing, bytes to items: no network, no clock, no environment, and no judgement of what an
indicator is worth or whether it is one.
"""

import re
from collections.abc import Iterator

from socdefenders.errors import UnknownFormat
from socdefenders.feeds.detect import detect
from socdefenders.feeds.files import Entry, Limits, walk
from socdefenders.feeds.parsers import PARSERS, Format, Hints, Parser
from socdefenders.feeds.streams import HEAD
from socdefenders.model import Item

__all__ = ["PARSERS", "Entry", "Format", "Hints", "Limits", "Parser", "detect", "items", "recognise", "source_name", "walk"]


def recognise(entry: Entry) -> Format | None:
    """Read the first bytes of `entry` and tell its format, or None."""
    with entry.open() as stream:
        head = b""
        while len(head) < HEAD and (more := stream.read(HEAD - len(head))):
            head += more
    found = detect(entry.name, head)
    return PARSERS[found] if found else None


def items(entry: Entry, format_: Format | None = None) -> Iterator[Item]:
    """Give what stands in `entry`, read as `format_`, or as what it is recognised to be."""
    chosen = format_ or recognise(entry)
    if chosen is None:
        raise UnknownFormat
    with entry.open() as stream:
        yield from chosen.parse(stream, Hints(entry.name))


_ENDING = re.compile(
    r"\.(?:gz|zst|xz|bz2|tgz|tar|zip|txt|csv|tsv|json|jsonl|ndjson|xml|rss|atom|html?|md|adoc|list|netset|ipset|stix2?|data)$",
    re.IGNORECASE,
)
_DATE = re.compile(r"[-_. ]?(?:19|20)\d\d[-_.]?[01]\d(?:[-_.]?[0-3]\d)?(?:T?\d\d(?:[-_:]?\d\d)*)?$")


def source_name(name: str, format_: Format | None = None) -> str:
    """Whom to name as the source of a file: its format's publisher, else the file's own name without endings and date."""
    if format_ is not None and format_.source:
        return format_.source
    stem = name.replace("\\", "/").rpartition("!")[2].rpartition("/")[2]
    while (shorter := _ENDING.sub("", stem)) and shorter != stem:
        stem = shorter
    return _DATE.sub("", stem) or stem or "import"
