"""The sources that are fetched, as they are stored: which is due, which worker has it, how each is doing.

The database is the queue: a worker claims what is due for a while (`FOR UPDATE SKIP LOCKED`), prolongs
its claims while it works, and writes down what each check came to. What a worker claimed that was killed is free
again when its claim runs out, and any number of workers may ask at once.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Self
from uuid import UUID

from socdefenders.storage.database import Database, Record
from socdefenders.storage.sql import load

_SQL = load("feeds")

FORGOTTEN_AFTER = timedelta(days=7)
"""Since a source was last registered, which each worker does with all of its catalog at its start and once a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedStatus:
    """A row of `feeds`, which describes the columns."""

    slug: str
    enabled: bool
    state: str
    reason: str | None
    due_at: datetime
    claimed_by: UUID | None
    claimed_until: datetime | None
    every: timedelta
    failures: int
    checked_at: datetime | None
    succeeded_at: datetime | None
    changed_at: datetime | None
    etag: str | None
    last_modified: str | None
    content_hash: bytes | None
    records: int | None
    newest_at: datetime | None
    unreadable: str | None
    registered_at: datetime
    name: str
    read_at: datetime | None

    @classmethod
    def from_row(cls, row: Record) -> Self:
        """Return the status of one row of `feeds`."""
        return cls(**dict(row))


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What one check of a source came to."""

    state: str
    reason: str | None
    due_at: datetime
    every: timedelta
    failures: int
    at: datetime
    answered: bool
    """Whether there was an answer; without one the validators of the last stay."""
    reached: bool | None = True
    """Whether the publisher could be reached at all, None where nobody was asked; not stored."""
    changed: bool = False
    etag: str | None = None
    last_modified: str | None = None
    content_hash: bytes | None = None
    records: int | None = None
    newest_at: datetime | None = None
    unreadable: str | None = None
    """Why the body that came cannot be read."""


class Registered(NamedTuple):
    """What the database is told of a source."""

    name: str
    enabled: bool
    every: timedelta
    """The shortest time between two checks."""


async def register(database: Database, feeds: Mapping[str, Registered], *, now: datetime) -> None:
    """Make a catalog's sources known, by slug.

    Other workers may know other sources, so one is forgotten only when nobody has registered it for a week.
    """
    columns = [list(column) for column in zip(*feeds.values(), strict=True)] or [[], [], []]
    await database.execute(_SQL["register"], list(feeds), *columns, now)
    await database.execute(_SQL["forget"], now - FORGOTTEN_AFTER)


async def remove(database: Database, slugs: Iterable[str]) -> None:
    """Forget sources at once."""
    await database.execute(_SQL["remove"], list(slugs))


async def claim(
    database: Database, worker: UUID, *, now: datetime, until: datetime, most: int, of: Collection[str] | None = None
) -> list[FeedStatus]:
    """Take up to `most` sources that are due, for `worker` alone until `until`; those named in `of`, if it is given."""
    named = None if of is None else list(of)
    rows = await database.fetch(_SQL["claim"], worker, now, until, most, named)
    return [FeedStatus.from_row(row) for row in rows]


async def claim_one(
    database: Database, worker: UUID, slug: str, *, now: datetime, until: datetime
) -> FeedStatus | None:
    """Take one source, due or not; None when another worker has it, or there is none of that name."""
    rows = await database.fetch(_SQL["claim_one"], worker, now, until, slug)
    return FeedStatus.from_row(rows[0]) if rows else None


async def keep(database: Database, worker: UUID, slugs: Sequence[str], *, until: datetime) -> frozenset[str]:
    """Prolong the worker's claims; return those that it still has."""
    return frozenset(row["slug"] for row in await database.fetch(_SQL["keep"], worker, slugs, until))


async def finish(database: Database, worker: UUID, slug: str, checked: Checked) -> bool:
    """Write down what a check came to, and let the source go; False when the claim had run out."""
    rows = await database.fetch(
        _SQL["finish"],
        slug,
        worker,
        checked.state,
        checked.reason,
        checked.due_at,
        checked.every,
        checked.failures,
        checked.at,
        checked.answered,
        checked.changed,
        checked.etag,
        checked.last_modified,
        checked.content_hash,
        checked.records,
        checked.newest_at,
        checked.unreadable,
    )
    return bool(rows)


async def release(database: Database, worker: UUID) -> None:
    """Let go of everything that `worker` has claimed."""
    await database.execute(_SQL["release"], worker)


async def every(database: Database) -> list[FeedStatus]:
    """Return how all sources are doing, by slug."""
    return [FeedStatus.from_row(row) for row in await database.fetch(_SQL["every"])]


async def next_due(database: Database, of: Collection[str] | None = None) -> datetime | None:
    """Return when the next source is due, of those named in `of` if it is given; None when none is enabled."""
    [(at,)] = await database.fetch(_SQL["next_due"], None if of is None else list(of))
    return at if isinstance(at, datetime) else None
