"""The ranges of the fallback search: tables made ahead of need, indexed when they are full or the writing pauses."""

from socdefenders.storage import locks
from socdefenders.storage.database import Connection
from socdefenders.storage.sql import load

ROWS = 100_000
"""Positions of one range; it bounds what one look of the fallback costs."""
SPARE = 50_000
"""Positions made ahead of need, so that several writers never outrun the ranges."""

_SQL = load("ranges")
_TAKE = "select pg_advisory_xact_lock($1)"


class Ranges:
    """What one writer knows of the ranges, so that it asks the database no more than once a batch."""

    def __init__(self, connection: Connection) -> None:
        """Use `connection`, outside of its transactions."""
        self._connection = connection
        self._made = 0
        self._full = 0

    async def make_room(self, rows: int) -> None:
        """Make the ranges that the next `rows` rows may fall into, and index those that are full by now."""
        taken = await self._connection.fetchval(_SQL["taken"])
        while self._made * ROWS < taken + rows + SPARE:
            await self._make(self._made)
            self._made += 1
        if taken // ROWS > self._full:
            self._full = taken // ROWS
            await self._index(self._full)

    async def settle(self) -> bool:
        """Index every range that holds anything, fold in what small writes left pending; tell whether any was bare."""
        taken = await self._connection.fetchval(_SQL["taken"])
        indexed = await self._index(taken // ROWS + 1)
        for pending in await self._connection.fetch(_SQL["pending"]):
            await self._connection.execute("select gin_clean_pending_list($1::text::regclass)", pending["index"])
        return indexed

    async def _make(self, number: int) -> None:
        name, low, high = f"search_text_{number:05}", number * ROWS, (number + 1) * ROWS
        async with self._connection.transaction():
            await self._connection.execute(_TAKE, locks.MAKE_RANGE)
            if await self._connection.fetchval("select to_regclass($1)", name) is None:
                # Attached rather than created in place: that would stop every writer until the commit.
                await self._connection.execute(
                    f"create table {name} (like search_text including defaults);"
                    f"alter table search_text attach partition {name} for values from ({low}) to ({high})"
                )

    async def _index(self, below: int) -> bool:
        """Index the ranges with a number `below` that have no index yet; tell whether there was one."""
        names = [bare["name"] for bare in await self._connection.fetch(_SQL["bare"])]
        names = [name for name in names if int(name.rpartition("_")[2]) < below]
        for name in names:
            async with self._connection.transaction():
                await self._connection.execute(_TAKE, locks.INDEX_RANGE)
                await self._connection.execute("set local maintenance_work_mem = '256MB'")
                await self._connection.execute(
                    f"create index if not exists {name}_value on {name}"
                    " using gin (value gin_trgm_ops) with (gin_pending_list_limit = 512)"
                )
        return bool(names)
