"""What a format is: its name, its publisher, and the function that reads it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from socdefenders.model import Item, SourceCategory


@dataclass(frozen=True, slots=True)
class Hints:
    """What a parser is told beside the bytes."""

    name: str = ""
    """The file's display name."""


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
