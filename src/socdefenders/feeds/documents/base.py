"""What a document gives, whatever its kind, and the bounds that hold for all of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from socdefenders.errors import FeedError

MAX_DOCUMENT = 64 << 20
"""Bytes of a document."""
MAX_TEXT = 16 << 20
"""Characters of its text."""
MAX_XML = 64 << 20
"""Bytes of the XML of Word documents, decompressed."""
MAX_NODES = 2_000_000
"""Elements of it and their attributes."""
MAX_LINES = 2_000_000
"""Lines of mail."""
MAX_COMPARISONS = 20_000_000
"""Lines of mail times nested parts: every line is compared with the ends of all parts around it."""


@dataclass(slots=True)
class Budget:
    """What a document and those attached to it, and to them, may still cost together."""

    xml: int = MAX_XML
    nodes: int = MAX_NODES
    lines: int = MAX_LINES
    comparisons: int = MAX_COMPARISONS


@dataclass(frozen=True, slots=True)
class Text:
    """The text of a document, line by line as it stands there, and what the document says of itself."""

    text: str
    title: str | None = None
    published_at: datetime | None = None
    url: str | None = None
    """Its own address, where it names one."""
    source: str | None = None
    """The publication's name, where it names one."""
    left_out: tuple[str, ...] = ()
    """What in it could not be read, and why; a part of it, never all."""


def joined(sections: Iterable[Iterable[str]], name: str) -> str:
    """Return the lines of all `sections`, an empty line between two, or raise a `FeedError` when it is too much.

    The empty line keeps what ends a page, or a message, apart from what begins the next.
    """
    size, texts = 0, []
    for lines in sections:
        text = "\n".join(line for line in map(str.rstrip, lines) if line)
        size += len(text)
        if size > MAX_TEXT:
            raise FeedError(f"{name}: holds more than {MAX_TEXT >> 20} MiB of text; split it.")
        if text:
            texts.append(text)
    return "\n\n".join(texts).replace("\0", "\ufffd")
