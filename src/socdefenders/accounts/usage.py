"""Counts the requests of each key in memory and writes them down every few seconds.

What is written is what day budgets start from after a restart; a killed process loses the last seconds.
"""

import asyncio
from collections.abc import Callable
from datetime import date, datetime
from uuid import UUID

from socdefenders.errors import StorageError
from socdefenders.storage import keys
from socdefenders.storage.database import Database
from socdefenders.storage.keys import Usage

FLUSH_SECONDS = 3.0


class UsageLog:
    """Requests that are counted and not yet written."""

    def __init__(self, database: Database) -> None:
        """Start with nothing counted."""
        self._database = database
        self._counted: dict[tuple[UUID, date], tuple[int, datetime]] = {}
        self._turn = asyncio.Lock()
        self._writing: asyncio.Future[None] | None = None

    def count(self, key_id: UUID, now: datetime) -> None:
        """Count one request."""
        slot = (key_id, now.date())
        requests = self._counted[slot][0] if slot in self._counted else 0
        self._counted[slot] = (requests + 1, now)

    async def requests_of_day(self, key_id: UUID, day: date) -> int:
        """Return what is written down of a day."""
        return await keys.requests_of_day(self._database, key_id, day)

    async def flush(self) -> None:
        """Write everything down; what cannot be written stays counted.

        A write that is under way goes on when its caller is cancelled, and the next flush waits for it.
        """
        self._writing = asyncio.ensure_future(self._write())
        await asyncio.shield(self._writing)

    async def _write(self) -> None:
        async with self._turn:
            counted, self._counted = self._counted, {}
            rows = [Usage(key_id, day, requests, last) for (key_id, day), (requests, last) in counted.items()]
            try:
                await keys.add_usage(self._database, rows)
            except BaseException:
                for slot, (requests, last) in counted.items():
                    since, later = self._counted.get(slot, (0, last))
                    self._counted[slot] = (requests + since, later)
                raise

    async def run(self, failed: Callable[[StorageError], None]) -> None:
        """Flush every few seconds until cancelled; tell `failed` of what could not be written."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            try:
                await self.flush()
            except StorageError as error:
                failed(error)
