"""A lock in the database that one process holds for its whole life.

PostgreSQL frees a session's advisory lock when the session ends, however it ends, so a killed
process leaves nothing behind; and a restart of PostgreSQL frees it too, so the holder takes it again.
"""

import asyncio
from collections.abc import Callable

from socdefenders.errors import StorageError
from socdefenders.storage.database import FAILURES, Connection, connect, failed

_TRY = "select pg_try_advisory_lock(hashtextextended($1, 0))"

AWAY_SECONDS = 0.25
REFUSED_SECONDS = 2.0
"""Pauses before the next attempt: with the database away, and with the lock in other hands."""

# Lets PostgreSQL notice within a minute that the machine of a holder is gone.
_KEEPALIVE = "set tcp_keepalives_idle = 20; set tcp_keepalives_interval = 10; set tcp_keepalives_count = 3"


class ExclusiveLock:
    """The advisory lock `name` of a database."""

    def __init__(self, dsn: str, name: str) -> None:
        """Remember what to lock; nothing is opened yet."""
        self._dsn = dsn
        self._name = name
        self._connection: Connection | None = None
        self._lost = asyncio.Event()

    @property
    def held(self) -> bool:
        """Whether the lock is ours at this moment."""
        return self._connection is not None and not self._lost.is_set()

    async def take(self) -> bool:
        """Try once; return whether the lock is ours now."""
        self.release()
        connection = await connect(self._dsn)
        try:
            await connection.execute(_KEEPALIVE)
            taken = bool(await connection.fetchval(_TRY, self._name))
        except FAILURES as error:
            meant = failed(connection, error)
            connection.terminate()
            raise meant from error
        if not taken:
            connection.terminate()
            return False
        lost = self._lost = asyncio.Event()
        connection.add_termination_listener(lambda _connection: lost.set())
        self._connection = connection
        return True

    async def keep(self, refused: Callable[[], None], away: Callable[[StorageError], None]) -> None:
        """Take the lock again whenever it is lost, until cancelled.

        `refused` is called when another process has it, `away` once each time that the database cannot be asked.
        """
        told = False
        while True:
            if self.held:
                told = False
                await self._lost.wait()
            try:
                if not await self.take():
                    refused()
                    await asyncio.sleep(REFUSED_SECONDS)
            except StorageError as error:
                if not told:
                    told = True
                    away(error)
                await asyncio.sleep(AWAY_SECONDS)

    def release(self) -> None:
        """Let the lock go."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
