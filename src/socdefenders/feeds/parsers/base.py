"""What a format is: its name, its publisher, and the function that reads it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, NamedTuple

from socdefenders.model import Item, SourceCategory


@dataclass(frozen=True, slots=True)
class Hints:
    """What a parser is told beside the bytes."""

    name: str = ""
    """The file's display name."""
    url: str = ""
    """Where it was fetched, which what stands in it is relative to."""


class About(NamedTuple):
    """What is published of a value: the fields of `Observable` after value, line and type, in their order.

    Several values of one record share it: `Observable(value, line, type, *about)`.
    """

    first_seen: datetime | None = None
    last_seen: datetime | None = None
    confidence: int | None = None
    threat_type: str | None = None
    malware_family: str | None = None
    tags: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    context: str | None = None
    reference_url: str | None = None
    source: str | None = None


BARE = About()
"""Of a value beside which nothing is published."""

Parser = Callable[[BinaryIO, Hints], Iterator[Item]]


@dataclass(frozen=True, slots=True)
class Format:
    """One publisher's format, or one general one."""

    name: str
    description: str
    parse: Parser
    source: str | None = None
    """Whom to name as the source; None: the file's own name."""
    homepage: str | None = None
    category: SourceCategory = SourceCategory.THREAT_FEED
    confidence: int = 50
    """0-100 for rows whose publisher gives none, by the publisher's reputation."""
    documents: bool = False
    """True: it is read as text, for the extractor."""
