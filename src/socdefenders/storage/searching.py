"""The reading side of the search: one statement for the exact answer, small bounded ones for the fallback.

What leaves this module is typed; which of it to show, and in what order, is decided by `socdefenders.search`.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from asyncpg.pgproto import pgproto

from socdefenders.model import Sighting
from socdefenders.storage.database import Database, Record
from socdefenders.storage.sql import load

_SQL = load("search")
_FIELDS = len(Sighting._fields)

KEPT_READY = 16
"""Sightings that an article keeps ready; the bound of `preview` in `queries/write.sql`."""


class Found(NamedTuple):
    """One row of an answer: the sighting, its indicator, and what its article keeps ready."""

    sighting: Sighting
    sighting_count: int
    """Sightings of that indicator in all."""
    indicator_id: UUID
    related: str | None
    """JSON of the article's best sightings; None for a feed's record, and where it did not come along."""


class Candidate(NamedTuple):
    """An indicator that the fallback came across."""

    id: UUID
    type: str
    value: str
    """Its normalised value."""


def _found(columns: tuple[Any, ...]) -> Found:
    return Found(Sighting(*columns[:_FIELDS]), *columns[_FIELDS:])


class Span(NamedTuple):
    """Positions from `low` up to but not including `high`, for one look of the fallback."""

    low: int
    high: int


class Alike(NamedTuple):
    """What one look for similar values found."""

    found: list[tuple[Candidate, float]]
    """Each with its similarity, 0-1."""
    compared: int
    """Values that were compared; as many as allowed when there may be more."""


async def exact(database: Database, normalized: Sequence[str], type_: str | None, *, related: bool) -> list[Found]:
    """Return the sightings of the indicators with one of the `normalized` values, best first; at most 1,001 of each.

    With `related` they carry what their articles keep ready, unless an indicator stands in very many.
    """
    asked = [database.fetch_together(_SQL["exact"], value, type_, related) for value in normalized]
    answers = await asyncio.gather(*asked) if len(asked) > 1 else [await asked[0]]
    found = [_found(tuple(row)[1:]) for rows in answers for row in rows]
    if len(found) > 1 and len({row.indicator_id for row in found}) > 1:
        found.sort(key=lambda row: (row.sighting.confidence, row.sighting.last_seen), reverse=True)
    return found


async def sightings_of(database: Database, indicators: Sequence[UUID]) -> list[Found]:
    """Return the sightings of `indicators` in the order of that list, at most 51; none carries what is kept ready."""
    return [_found(tuple(row)) for row in await database.fetch(_SQL["sightings_of"], indicators)]


async def related_beyond(
    database: Database, articles: Sequence[UUID], matched: Sequence[UUID], limit: int
) -> list[Sighting]:
    """Return the best sightings of `articles` whose indicator is none of `matched`."""
    return [
        _found(tuple(row)).sighting for row in await database.fetch(_SQL["related_beyond"], articles, matched, limit)
    ]


class Kept(NamedTuple):
    """One of the sightings that an article keeps ready, as it stands in its JSON."""

    id: str
    type: str
    value: str
    confidence: int
    first_seen: str
    """Times as RFC 3339, so that their order is that of the text."""
    last_seen: str
    context: str | None
    tags: Sequence[str]
    techniques: Sequence[str]


async def kept_ready(database: Database, found: Sequence[Found]) -> list[list[Kept]]:
    """Return for each of `found`, which stand in articles, the sightings that its article keeps ready, best first."""
    absent = [row.sighting.article_id for row in found if row.related is None]
    rows = await database.fetch(_SQL["kept_ready"], absent) if absent else []
    asked = {row["id"]: row["related"] for row in rows}
    texts = [row.related or asked.get(row.sighting.article_id, "[]") for row in found]
    return [[Kept(*columns) for columns in orjson.loads(text)] for text in texts]


def beside(own: Sighting, kept: Kept) -> Sighting:
    """Return `kept` as a sighting; it stands in the same article as `own`."""
    return Sighting(
        pgproto.UUID(kept.id),
        kept.type,
        kept.value,
        kept.confidence,
        datetime.fromisoformat(kept.first_seen),
        datetime.fromisoformat(kept.last_seen),
        own.article_id,
        own.article_title,
        own.reference_url,
        own.feed_name,
        own.category,
        own.origin,
        kept.context,
        kept.tags,
        kept.techniques,
    )


async def beginnings(database: Database, prefixes: Sequence[str], limit: int) -> list[Candidate]:
    """Return up to `limit` indicators that begin with each of `prefixes`."""
    highs = [prefix + "\U0010ffff" for prefix in prefixes]  # the last of all characters: behind every continuation
    return _candidates(await database.fetch(_SQL["beginnings"], prefixes, highs, limit))


async def subdomains(database: Database, host_reversed: str, limit: int) -> list[Candidate]:
    """Return up to `limit` indicators on the host or below it; its labels come in reverse."""
    return _candidates(await database.fetch(_SQL["subdomains"], host_reversed, limit))


async def empty(database: Database) -> bool:
    """Return whether nothing was ever loaded."""
    return bool((await database.fetch(_SQL["empty"]))[0][0])


async def newest(database: Database) -> int:
    """Return the last position that is taken."""
    return int((await database.fetch(_SQL["newest"]))[0][0])


async def substring(database: Database, span: Span, text: str, type_: str | None, limit: int) -> list[Candidate]:
    """Return up to `limit` indicators of one span and type that contain `text`, which must yield a trigram."""
    return _candidates(await database.fetch(_SQL["substring"], contains(text), limit, span.low, span.high, type_))


async def similar(
    database: Database,
    span: Span,
    text: str,
    type_: str | None,
    parts: tuple[str, str],
    limit: int,
    least: float,
) -> Alike:
    """Compare up to `limit` values of one span and type that contain one of `parts` with `text`.

    Those at least `least` (0-1) similar are returned, the best 50 of them.
    """
    patterns = [contains(part) for part in parts]
    rows = await database.fetch(_SQL["similar"], text, *patterns, limit, least, span.low, span.high, type_)
    found = [(Candidate(row["id"], row["type"], row["value"]), row["similarity"]) for row in rows if row["id"]]
    return Alike(found, rows[0]["compared"])


def contains(text: str) -> str:
    r"""Return the LIKE pattern for values that contain `text`, in which `%`, `_` and `\` are plain characters."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _candidates(rows: Sequence[Record]) -> list[Candidate]:
    return [Candidate(row["id"], row["type"], row["value"]) for row in rows]
