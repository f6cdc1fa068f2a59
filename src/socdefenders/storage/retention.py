"""What is kept for how long: marks what is no longer active, removes what is not kept, and tells who polls.

Everything is done in batches, each a short transaction, so that it can be stopped anywhere, runs beside writers, and
finds nothing to do a second time. Marks and emptied texts lock rows in the order of their ids, as writers do. Whoever
removes indicators takes turns with writers, a batch at a time: no foreign key holds an indicator for its reports.
Tables are walked by their blocks, which needs no index that loading would have to keep.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import NamedTuple, Self
from uuid import UUID

from socdefenders.seams import Clock
from socdefenders.storage import locks
from socdefenders.storage.database import FAILURES, Connection, Database, Record, connect, failed
from socdefenders.storage.searching import KEPT_READY
from socdefenders.storage.sql import load
from socdefenders.storage.voices import Corroborate, surest, weigh

_SQL = load("retention")
_PREVIEW = load("write")["preview"]

PASSES = 5
"""How often a source is gone over that keeps on reporting while it is removed."""
SETTLED = timedelta(minutes=1)
"""How old a change is before `gone_since` tells it: by then the transaction that dated it is over, also where the
clocks of two machines differ by seconds."""
FIRST = UUID(int=0)

Since = Mapping[str, datetime]
"""By type, the time before which its last report makes an indicator inactive."""


class Steps(NamedTuple):
    """How much is done in one transaction."""

    marked: int = 5_000
    """Indicators that are marked, or tombstones that go."""
    removed: int = 10_000
    """Indicators, or reports, that are removed."""
    articles: int = 50
    """Articles that are removed with all that stands in them."""
    bodies: int = 500
    window: int = 1_000
    """Blocks that are looked at in one statement."""


STEPS = Steps()


class Gone(NamedTuple):
    """An indicator that is active no more."""

    id: UUID
    type: str
    value: str
    why: str
    """`inactive`: nobody has reported it for long; `expired`: so, and stored no more; `removed`: its reports were."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is not kept, as of one moment."""

    since: Since
    bodies: datetime
    """Texts of articles fetched before it."""
    inactive: datetime | None
    """Indicators inactive since before it; None: they are kept."""
    tombstones: datetime
    """Tombstones from before it."""


@dataclass(slots=True, kw_only=True)
class Pruned:
    """What was changed, in rows; sums grow as it goes on."""

    inactive: int = 0
    """Indicators marked inactive."""
    bodies: int = 0
    """Articles of which the text was let go."""
    suppressed: int = 0
    """Values that were judged no indicator, in articles that were removed or whose text was."""
    indicators: int = 0
    sightings: int = 0
    articles: int = 0
    tombstones: int = 0
    """Tombstones that were let go."""

    def add(self, part: "Pruned") -> None:
        """Count in what a batch changed."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(part, name))

    @property
    def rows(self) -> int:
        """All of it."""
        return sum(getattr(self, name) for name in self.__slots__)


class Keeper:
    """Changes what is kept, over a connection of its own. Every step gives what each of its batches changed."""

    def __init__(self, connection: Connection, steps: Steps, corroborate: Corroborate) -> None:
        """Take over `connection`; use `Keeper.open`."""
        self._connection = connection
        self._steps = steps
        self._corroborate = corroborate

    @classmethod
    async def open(cls, dsn: str, steps: Steps = STEPS, *, corroborate: Corroborate = surest) -> Self:
        """Connect; `corroborate` says how sure an indicator is by the reports that are left of it."""
        return cls(await connect(dsn, command_timeout=None), steps, corroborate)

    async def __aenter__(self) -> Self:
        """Return the keeper itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the connection go; a statement that still runs on it is undone."""
        self._connection.terminate()

    async def count(self, limits: Limits) -> Pruned:
        """Return what would be changed by these limits, without changing it."""
        [(inactive,)] = await self._fetch("count_faded", list(limits.since), list(limits.since.values()))
        [(bodies, suppressed)] = await self._fetch("count_bodies", limits.bodies)
        [(tombstones,)] = await self._fetch("count_tombstones", limits.tombstones)
        indicators = sightings = 0
        if limits.inactive is not None:
            [(indicators, sightings)] = await self._fetch("count_long_inactive", limits.inactive)
        return Pruned(
            inactive=inactive,
            bodies=bodies,
            suppressed=suppressed,
            indicators=indicators,
            sightings=sightings,
            tombstones=tombstones,
        )

    async def find_source(self, name: str) -> int | None:
        """Return the id of the source of that name."""
        rows = await self._fetch("source", name)
        return rows[0]["id"] if rows else None

    async def count_source(self, source: int) -> Pruned:
        """Return what would be removed with all that `source` reported."""
        [row] = await self._fetch("count_of_source", source)
        return Pruned(**dict(row))

    async def mark(self, since: Since, *, clock: Clock) -> AsyncIterator[Pruned]:
        """Mark inactive what was last reported too long ago; and active again what a longer lifetime brings back."""
        types, times = list(since), list(since.values())
        async for ids in self._walk("indicators", "misjudged", self._steps.marked, types, times):
            [(count,)] = await self._fetch("mark", ids, clock(), types, times)
            yield Pruned(inactive=count)

    async def empty_bodies(self, before: datetime) -> AsyncIterator[Pruned]:
        """Let go of the texts of articles fetched `before`; everything that was found in them stays."""
        last = FIRST
        while rows := await self._fetch("old_bodies", before, last, self._steps.bodies):
            last = rows[-1]["id"]
            [(bodies, suppressed)] = await self._fetch("empty_bodies", [row["id"] for row in rows], before)
            yield Pruned(bodies=bodies, suppressed=suppressed)

    async def expire(self, before: datetime) -> AsyncIterator[Pruned]:
        """Remove what has been inactive since `before`, with its reports, and leave tombstones."""
        while rows := await self._fetch("long_inactive", before, self._steps.removed):
            async with self._turn():
                ids = [row["id"] for row in rows]
                await self._fetch("lock_indicators", ids)
                gone = await self._fetch("bury_expired", ids, before)
                ids = [row["id"] for row in gone]
                reports = await self._fetch("forget_reports", ids)
                await self._fetch("forget_searchable", ids)
                await self._preview(reports)
            yield Pruned(indicators=len(gone), sightings=len(reports))

    async def forget_tombstones(self, before: datetime) -> AsyncIterator[Pruned]:
        """Let go of tombstones from `before`."""
        while True:
            with self._failures():
                tag = await self._connection.execute(_SQL["forget_tombstones"], before, self._steps.marked)
            count = int(tag.rpartition(" ")[2])
            if not count:
                return
            yield Pruned(tombstones=count)

    async def withdraw(self, source: int, *, clock: Clock) -> AsyncIterator[Pruned]:
        """Remove all that `source` reported; what nobody else reports leaves a tombstone of its batch's time.

        Gone over again until nothing is found, because what is changed meanwhile may move behind the walk; but
        not for ever, because a source that is still fetched reports again.
        """
        for _ in range(PASSES):
            found = Pruned()
            async for part in self._withdraw_once(source, clock):
                found.add(part)
                yield part
            if not found.rows:
                return

    async def _withdraw_once(self, source: int, clock: Clock) -> AsyncIterator[Pruned]:
        last = FIRST
        while rows := await self._fetch("articles_of_source", source, last, self._steps.articles):
            last = rows[-1]["id"]
            yield await self._withdraw_articles([row["id"] for row in rows], clock)
        async for ids in self._walk("sightings", "reports_of_source", self._steps.removed, source):
            yield await self._withdraw_reports(ids, clock)

    async def _withdraw_articles(self, ids: Sequence[UUID], clock: Clock) -> Pruned:
        async with self._turn():
            await self._fetch("lock_articles", ids)
            reports = await self._fetch("withdraw_reports_in", ids)
            await self._fetch("leave_stories", ids)
            [(suppressed, articles)] = await self._fetch("withdraw_articles", ids)
            gone = await self._recount(reports, clock())
        return Pruned(articles=articles, suppressed=suppressed, sightings=len(reports), indicators=gone)

    async def _withdraw_reports(self, ids: Sequence[UUID], clock: Clock) -> Pruned:
        async with self._turn():
            reports = await self._fetch("withdraw_reports", ids)
            gone = await self._recount(reports, clock())
            await self._preview(reports)
        return Pruned(sightings=len(reports), indicators=gone)

    async def _recount(self, reports: Sequence[Record], at: datetime) -> int:
        """Put the indicators of removed reports right; return how many of them are gone."""
        ids = _distinct(reports, "indicator_id")
        await self._fetch("lock_indicators", ids)
        gone = await self._fetch("recount", ids, at)
        if gone:
            await self._fetch("forget_searchable", [row["id"] for row in gone])
        with self._failures():
            await weigh(self._connection, ids, self._corroborate)
        return len(gone)

    async def _preview(self, reports: Sequence[Record]) -> None:
        """Keep other sightings ready in the articles of removed reports."""
        if articles := _distinct(reports, "article_id"):
            await self._fetch("lock_articles", articles)
            with self._failures():
                await self._connection.execute(_PREVIEW, articles, KEPT_READY)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Run a block as one transaction in which nobody writes.

        When it does not end well the connection goes, and the server undoes it: who is interrupted waits for nothing.
        """
        with self._failures():
            transaction = self._connection.transaction()
            await transaction.start()
            try:
                await self._connection.execute("select pg_advisory_xact_lock($1)", locks.WRITING)
                yield
                await transaction.commit()
            except BaseException:
                self._connection.terminate()
                raise

    async def _walk(self, table: str, query: str, most: int, *values: object) -> AsyncIterator[Sequence[UUID]]:
        """Give the ids that `query` finds in the blocks of `table`, `most` at a time and what is left in the end."""
        [(blocks,)] = await self._fetch("blocks", table)
        found: list[UUID] = []
        for block in range(0, blocks, self._steps.window):
            found += [
                row["id"] for row in await self._fetch(query, (block, 0), (block + self._steps.window, 0), *values)
            ]
            while len(found) >= most:
                yield found[:most]
                found = found[most:]
        if found:
            yield found

    async def _fetch(self, name: str, *values: object) -> list[Record]:
        with self._failures():
            return await self._connection.fetch(_SQL[name], *values)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except FAILURES as error:
            raise failed(self._connection, error) from error


async def gone_since(
    database: Database, when: datetime, after: UUID = FIRST, *, now: datetime, limit: int = 1_000
) -> list[Gone]:
    """Return the first `limit` indicators behind (`when`, `after`), by time and id, that are active no more.

    The `at` and `id` of the last one are where the next page begins. A page costs the same wherever it is. What
    changed within the last minute before `now` comes with the next poll: a transaction that dated it may not be over,
    and who polls must not pass it by.
    """
    rows = await database.fetch(_SQL["gone_since"], when, after, now - SETTLED, limit)
    return [Gone(*row) for row in rows]


async def done_at(database: Database, chore: str) -> datetime | None:
    """Return when a chore was last done; None: never."""
    rows = await database.fetch(_SQL["done_at"], chore)
    return rows[0]["done_at"] if rows else None


async def done(database: Database, chore: str, at: datetime) -> None:
    """Note that a chore was done."""
    await database.execute(_SQL["done"], chore, at)


def _distinct(rows: Sequence[Record], column: str) -> list[UUID]:
    return sorted({row[column] for row in rows if row[column] is not None}, key=lambda each: each.bytes)
