"""The file that everything known beforehand lies in: one head, a few texts, and sorted arrays to be mapped.

    prefix   magic, format, where head, texts and file end; then BLAKE2b of these, head and texts
    head     JSON: what was compiled out of what, the sets of lists, where each section lies
    texts    JSON: names, techniques, words; decoded when first asked for
    arrays   numbers as the machine that built it keeps them, each section at a multiple of eight

The prefix and what its digest covers are checked whenever a file is opened; of the arrays only their
length, so that opening reads no more than it must. `damage` reads them all.
"""

import struct
from array import array
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Literal, NamedTuple

import orjson

from socdefenders.errors import KnowledgeError

MAGIC = b"SOCDKNOW"
FORMAT = 1
"""Raised whenever an older program could not read the file, or this one not the older file."""
PREFIX = struct.Struct("=8sIQQQ")
"""Magic, format, end of the head, end of the texts, end of the file."""
DIGEST_BYTES = 32
START = PREFIX.size + DIGEST_BYTES
"""Where the head begins."""
_ALIGNMENT = 8

Code = Literal["H", "I", "Q"]
"""The kinds of number in arrays: of two, four and eight bytes."""


class Content(NamedTuple):
    """What one bundle holds, before it is written."""

    head: Mapping[str, object]
    texts: Mapping[str, object]
    arrays: Mapping[str, "array[int]"]


class Bundle:
    """An open bundle: its head, and its sections out of one buffer that nobody writes to."""

    def __init__(self, buffer: memoryview) -> None:
        """Check `buffer` and read its head; raise KnowledgeError, which says what is wrong."""
        self._buffer = buffer
        if len(buffer) < START:
            raise KnowledgeError("the file is too short for a bundle")
        magic, form, head_end, texts_end, end = PREFIX.unpack(buffer[: PREFIX.size])
        if magic != MAGIC:
            raise KnowledgeError("the file is no bundle")
        if form != FORMAT:
            raise KnowledgeError(f"the bundle has format {form}; this version reads {FORMAT}")
        if not START <= head_end <= texts_end <= end == len(buffer):
            raise KnowledgeError(f"the bundle should have {end} bytes and has {len(buffer)}")
        if _digest(buffer[: PREFIX.size], buffer[START:texts_end]) != buffer[PREFIX.size : START]:
            raise KnowledgeError("the bundle's head and its checksum do not agree")
        # From here on it is what `write` wrote.
        self.head: dict[str, object] = orjson.loads(buffer[START:head_end])
        self._sections: dict[str, tuple[int, int, Code, str]] = {
            name: (head_end + start, head_end + stop, code, checksum)
            for name, (start, stop, code, checksum) in orjson.loads(orjson.dumps(self.head["sections"])).items()
        }

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return len(self._buffer)

    def text(self, name: str) -> object:
        """Decode one of the texts."""
        start, stop, _, _ = self._sections[name]
        return orjson.loads(self._buffer[start:stop])

    def array(self, name: str) -> memoryview:
        """Return one of the arrays, as numbers."""
        start, stop, code, _ = self._sections[name]
        return self._buffer[start:stop].cast(code)

    def damage(self) -> str | None:
        """Read every byte; return what is wrong, or None."""
        damaged = [
            name
            for name, (start, stop, _, checksum) in self._sections.items()
            if _digest(self._buffer[start:stop]).hex() != checksum
        ]
        return f"the bundle's {', '.join(damaged)} and their checksums do not agree" if damaged else None


def write(content: Content) -> Iterator[bytes]:
    """Give the bytes of a bundle, in their order."""
    texts = {name: orjson.dumps(text) for name, text in content.texts.items()}
    numbers = {name: each.tobytes() for name, each in content.arrays.items()}
    codes = {name: each.typecode for name, each in content.arrays.items()}
    # Where a section lies is counted from the end of the head, whose own length hangs on these numbers.
    sections: dict[str, tuple[int, int, str, str]] = {}
    at = 0
    for name, section in (texts | numbers).items():
        sections[name] = (at, at + len(section), codes.get(name, ""), _digest(section).hex())
        at += len(section) + _padding(len(section))
    head = _padded(orjson.dumps({**content.head, "sections": sections}), after=START)
    covered = head + b"".join(_padded(text) for text in texts.values())
    head_end, texts_end = START + len(head), START + len(covered)
    prefix = PREFIX.pack(MAGIC, FORMAT, head_end, texts_end, head_end + at)
    yield from (prefix, _digest(prefix, covered), covered)
    for section in numbers.values():
        yield _padded(section)


def _digest(*parts: bytes | memoryview) -> bytes:
    found = blake2b(digest_size=DIGEST_BYTES)
    for part in parts:
        found.update(part)
    return found.digest()


def _padding(length: int) -> int:
    return -length % _ALIGNMENT


def _padded(data: bytes, *, after: int = 0) -> bytes:
    """Fill up with spaces, which JSON lets stand, so that the next section lies at a multiple of eight."""
    return data + b" " * _padding(after + len(data))
