"""Keeps what is kept: what fades is marked, what is too old goes, once a day by one process, or when somebody says so.

How long things are kept is a policy that comes from the settings; which rows that concerns is asked of the database
at the moment it is done.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from socdefenders.enrich.fading import Lifetimes, inactive_before
from socdefenders.errors import StorageError
from socdefenders.ingest.weighing import corroborated
from socdefenders.seams import Clock
from socdefenders.settings import Settings
from socdefenders.storage import retention
from socdefenders.storage.database import Database
from socdefenders.storage.exclusive import ExclusiveLock
from socdefenders.storage.retention import Keeper, Limits, Pruned

CHORE = "upkeep"
EVERY = timedelta(days=1)
FIRST_SECONDS = 900.0
"""After a start, so that lists which nobody read while nothing ran are read before what stands in them fades."""
LOOK_SECONDS = 600.0
"""Between two looks whether a day is over; also the pause after a failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is kept for how long."""

    lifetimes: Lifetimes
    bodies: timedelta
    inactive: timedelta | None
    """None: for ever."""
    tombstones: timedelta

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what the settings say."""
        inactive = settings.keep_inactive_days
        return cls(
            lifetimes=Lifetimes(
                address=settings.active_days_address,
                domain=settings.active_days_domain,
                url=settings.active_days_url,
                file=settings.active_days_file,
            ),
            bodies=timedelta(days=settings.keep_bodies_days),
            inactive=None if inactive is None else timedelta(days=inactive),
            tombstones=timedelta(days=settings.keep_tombstones_days),
        )

    def limits(self, now: datetime) -> Limits:
        """Return which times these are."""
        return Limits(
            since={str(each): since for each, since in inactive_before(now, self.lifetimes).items()},
            bodies=now - self.bodies,
            inactive=None if self.inactive is None else now - self.inactive,
            tombstones=now - self.tombstones,
        )


async def prune(keeper: Keeper, limits: Limits, *, clock: Clock) -> AsyncIterator[Pruned]:
    """Mark and remove what the limits say, and give what each batch changed.

    A mark bears the time of its batch: whoever polls by time has asked for no later one yet.
    """
    async for part in keeper.mark(limits.since, clock=clock):
        yield part
    if limits.inactive is not None:
        async for part in keeper.expire(limits.inactive):
            yield part
    async for part in keeper.empty_bodies(limits.bodies):
        yield part
    async for part in keeper.forget_tombstones(limits.tombstones):
        yield part


@dataclass(frozen=True, slots=True, kw_only=True)
class Upkeep:
    """Does what is to be done once a day; of any number of processes one does it."""

    database: Database
    policy: Policy
    clock: Clock
    done: Callable[[Pruned], object]
    failed: Callable[[StorageError], object]
    first_seconds: float = FIRST_SECONDS
    look_seconds: float = LOOK_SECONDS

    async def run(self) -> None:
        """Do it whenever a day is over, until cancelled. What cannot be done now is tried again at the next look."""
        await asyncio.sleep(self.first_seconds)
        while True:
            try:
                pruned = await self.turn()
            except StorageError as error:
                self.failed(error)
            else:
                if pruned is not None:
                    self.done(pruned)
            await asyncio.sleep(self.look_seconds)

    async def turn(self) -> Pruned | None:
        """Do it if a day is over and nobody else is at it; return what was changed."""
        if not await self._due():
            return None
        lock = ExclusiveLock(self.database.dsn, f"socdefenders.{CHORE}")
        try:
            # Asked again with the lock in hand: another process may just have ended.
            if not (await lock.take() and await self._due()):
                return None
            total = Pruned()
            begun = self.clock()
            async with await Keeper.open(self.database.dsn, corroborate=corroborated) as keeper:
                async for part in prune(keeper, self.policy.limits(begun), clock=self.clock):
                    total.add(part)
            await retention.done(self.database, CHORE, begun)
            return total
        finally:
            lock.release()

    async def _due(self) -> bool:
        last = await retention.done_at(self.database, CHORE)
        return last is None or self.clock() - last >= EVERY
