"""Reports and bulletins as PDF, Word document or mail; each file is one document."""

from collections.abc import Iterator
from typing import BinaryIO

from socdefenders.feeds.documents import MAX_DOCUMENT, read_text
from socdefenders.feeds.jsons import read_all
from socdefenders.feeds.parsers.base import Hints
from socdefenders.model import Document, Item, Rejected


def parse_pdf(stream: BinaryIO, hints: Hints) -> Iterator[Item]:
    """Read a PDF."""
    return _parse(stream, hints, "pdf")


def parse_docx(stream: BinaryIO, hints: Hints) -> Iterator[Item]:
    """Read a Word document."""
    return _parse(stream, hints, "docx")


def parse_mail(stream: BinaryIO, hints: Hints) -> Iterator[Item]:
    """Read a mail with what is attached to it."""
    return _parse(stream, hints, "eml")


def _parse(stream: BinaryIO, hints: Hints, kind: str) -> Iterator[Item]:
    found = read_text(read_all(stream, MAX_DOCUMENT, hints.name), hints.name, kind)
    for reason in found.left_out:
        yield Rejected(0, reason.removeprefix(f"{hints.name}!"))
    if found.text:
        first = found.text[:300].partition("\n")[0].strip()
        yield Document(found.title or first or hints.name, found.text, published_at=found.published_at)
