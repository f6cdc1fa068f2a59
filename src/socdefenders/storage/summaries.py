"""What language models made of articles: which is to be read next, what came of it, and what it took.

The table is the queue and the cache: an article is asked about when there is no row for its text by the model and the
prompt in use, and a worker claims it before it asks, so that nobody pays twice. The daily budget is counted here too,
before each question, because several workers spend it.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import NamedTuple, Self
from uuid import UUID

from socdefenders.storage.database import Database, Record
from socdefenders.storage.sql import load

_SQL = load("summaries")
_TRIES = 20
"""Articles in a row that others may claim first before it is left at that for now."""


class Place(NamedTuple):
    """Where an article stands among all, from the newest down."""

    dated: datetime
    """When it was published, or else read."""
    id: UUID


TOP = Place(datetime.max.replace(tzinfo=UTC), UUID(int=(1 << 128) - 1))
"""Above all articles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """An article that this worker alone asks about."""

    id: UUID
    content_hash: bytes
    title: str
    text: str
    """From its beginning, as much as was asked for."""
    failures: int
    """Of asking about it, in a row."""

    @classmethod
    def from_row(cls, row: Record) -> Self:
        """Return the article of one row of `claim`."""
        return cls(**{name: row[name] for name in cls.__slots__})


class Asker(NamedTuple):
    """Who asks whom, and how."""

    worker: UUID
    model: str
    prompt_version: int
    characters: int
    """Of each article's text that are wanted."""


class Look(NamedTuple):
    """What a look at some articles found."""

    article: Claimed | None
    end: Place
    """Of the article that was found, or of the last one that was looked at; `TOP` when that was the last of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What came of asking about an article; with `reason` there is no summary."""

    content_hash: bytes
    prompt_version: int
    at: datetime
    summary: str | None = None
    rationale: str | None = None
    reason: str | None = None


async def claim(
    database: Database, asker: Asker, *, now: datetime, until: datetime, below: Place = TOP, most: int
) -> Look:
    """Take the newest article that was not summarised as it stands, out of the `most` newest ones below a place."""
    values = (asker.model, asker.prompt_version, now, asker.worker, until, asker.characters, *below, most)
    for _ in range(_TRIES):
        rows = await database.fetch(_SQL["claim"], *values)
        if not rows:
            return Look(None, TOP)
        [row] = rows
        end = Place(row["dated"], row["place"])
        if row["taken"]:
            return Look(Claimed.from_row(row), end)
        if row["id"] is None:
            return Look(None, end if row["number"] == most else TOP)
    return Look(None, TOP)


async def finish(database: Database, article: UUID, model: str, written: Written) -> None:
    """Write down what came of asking, and let the article go."""
    await database.execute(
        _SQL["finish"],
        article,
        model,
        written.content_hash,
        written.prompt_version,
        written.at,
        written.summary,
        written.rationale,
        written.reason,
    )


async def postpone(
    database: Database, worker: UUID, article: UUID, model: str, *, until: datetime, failed: bool
) -> None:
    """Let an article go that nothing came of yet, for anybody to take from `until` on."""
    await database.execute(_SQL["postpone"], article, model, worker, until, failed)


async def reserve(database: Database, day: date, tokens: int, *, of: int) -> bool:
    """Take tokens out of the `of` of a day; False when they are not left."""
    return bool(await database.fetch(_SQL["reserve"], day, tokens, of))


async def correct(database: Database, day: date, tokens: int) -> None:
    """Count what a question took beyond what was reserved for it, or less where that is below zero."""
    await database.execute(_SQL["correct"], day, tokens)
