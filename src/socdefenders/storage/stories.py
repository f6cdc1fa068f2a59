"""Which articles tell the same story: one text that several publishers print, whole, cut or with their own frame.

An article joins the story whose first article it is most like, and is never compared with the others of a story: so
likeness does not pass from neighbour to neighbour until everything is one story. Where it is like none, it is the first
of its own. An index finds what it may be like by bands of its signature (locality-sensitive hashing: Leskovec,
Rajaraman, Ullman: Mining of Massive Datasets, 3.4), and only among what was told in the same weeks.

Writers take turns, or two that write copies at the same moment would not see each other's. The turn is the last thing
that a transaction waits for, and whoever has it waits for nobody: all it changes are rows that it wrote before.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from operator import eq
from typing import NamedTuple
from uuid import UUID
from zlib import crc32

from socdefenders.storage import locks
from socdefenders.storage.database import Connection, Record
from socdefenders.storage.sql import load

ALIKE = 0.5
"""Share of a signature that a copy has in common with the story's first article."""
ALIKE_AT_HOME = 0.9
"""The same for two articles of one source, whose bulletins have most of their words in common."""
DAYS = 21
"""Between two articles of one story; copies come within days, and what is printed monthly is not one story."""
PER_BAND = 4
"""Stories of a band that are looked at."""
_SQL = load("stories")
_BAND = 4
"""Numbers of a signature that two articles must have in common to be compared: of 32 bands like this, texts that are
alike by half share one in 87 of 100 cases, and by two thirds in 999 of 1,000."""
_BYTES = 2
"""Of a number of a signature."""


class Told(NamedTuple):
    """An article that has just been written, as far as stories go."""

    id: UUID
    source_id: int
    told_on: date
    signature: bytes | None
    """None: too short to be told from others, so that it joins no story."""
    cves: frozenset[str] = frozenset()
    known: bool = False
    """True: it was stored before, and its text has changed."""


class First(NamedTuple):
    """The first article of a story."""

    id: UUID
    source_id: int
    signature: bytes
    cves: frozenset[str] = frozenset()


def likeness(one: bytes, other: bytes) -> float:
    """Return the share of two signatures that is the same, 0-1: about the share of the texts' words, in their order."""
    same: int = sum(map(eq, memoryview(one).cast("H"), memoryview(other).cast("H")))
    return same * _BYTES / len(one)


def bands(signature: bytes) -> list[int]:
    """Return a number of 32 signed bits for each band of a signature; texts that are alike share at least one."""
    width = _BAND * _BYTES
    pieces = [signature[start : start + width] for start in range(0, len(signature), width)]
    return [crc32(piece, number) - (1 << 31) for number, piece in enumerate(pieces)]


def strayed(before: bytes | None, now: bytes | None) -> bool:
    """Whether the first article of a story was rewritten until it is no copy of itself.

    It keeps those who joined, whose rows others may be writing, and nobody joins any more: or its publisher could
    rewrite it again and again, into a copy of whatever is to be in one story.
    """
    return before is None or now is None or likeness(before, now) < ALIKE


def story_of(told: Told, stories: Iterable[First]) -> UUID:
    """Return the id of the story that an article belongs to: of the most like, or its own where none is like it.

    Two texts that name CVEs, and none in common, are two notices of one form, however alike.
    """
    if told.signature is None:
        return told.id
    best = (0.0, told.id.bytes, told.id)
    for first in stories:
        share = likeness(told.signature, first.signature)
        enough = ALIKE_AT_HOME if first.source_id == told.source_id else ALIKE
        if share >= enough and not (told.cves and first.cves and told.cves.isdisjoint(first.cves)):
            best = max(best, (share, first.id.bytes, first.id))
    return best[2]


def _first(row: Record) -> First:
    return First(row["article_id"], row["source_id"], row["signature"], frozenset(row["cves"]))


async def tell_apart(connection: Connection, articles: Sequence[Told]) -> None:
    """Give each of `articles`, which this transaction has written, its story; those told first, first."""
    if articles:
        await connection.execute(_SQL["turn"], locks.STORIES)
    for told in sorted(articles, key=lambda told: (told.told_on, told.id.bytes)):
        await _tell(connection, told)


async def _tell(connection: Connection, told: Told) -> None:
    before, leads = None, False
    if told.known:
        [(before, leads)] = await connection.fetch(_SQL["forget"], told.id)
    story = told.id
    parts = bands(told.signature) if told.signature else []
    if parts and not leads:
        rows = await connection.fetch(_SQL["candidates"], parts, told.told_on, DAYS, PER_BAND)
        story = story_of(told, map(_first, rows))
    if parts and story == told.id and not (leads and strayed(before, told.signature)):
        await connection.execute(_SQL["begin"], told.id, told.told_on, told.signature, parts)
    if told.known or story != told.id:
        await connection.execute(_SQL["belongs"], told.id, story)
