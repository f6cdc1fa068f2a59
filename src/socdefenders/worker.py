"""The worker: claims sources that are due, has each checked, writes down what came of it.

Any number of workers may run, on any number of machines: a source is claimed in the database for less than a minute,
and the claim is prolonged while the check goes on. What a worker had that was killed is free when its claim
runs out, and is done again; writing the same twice changes nothing. While the database is away nothing is
lost: what was found is kept until it can be written down.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID, uuid4

from socdefenders.errors import StorageUnavailable
from socdefenders.seams import Clock, Tell, utc
from socdefenders.storage import feeds
from socdefenders.storage.database import Database, outlasting
from socdefenders.storage.feeds import Checked, FeedStatus

LEASE = timedelta(seconds=45)
"""How long a claim lasts that nobody prolongs: until then the sources of a worker that was killed wait."""
IDLE_SECONDS = 15.0
"""The longest wait before the database is asked again what is due."""
AWAY_SECONDS = 2.0
"""Before a database is asked again that was away."""
GRACE_SECONDS = 10.0
"""What checks get to come to an end when the worker is stopped."""
AFTER_A_BUG = timedelta(hours=1)

Check = Callable[[FeedStatus], Awaitable[Checked]]
"""Looks at one source. A publisher's failure is part of the result; StorageUnavailable is raised, and tried again."""


@dataclass(slots=True)
class Worker:
    """One process's share of the work: up to `concurrency` checks at a time."""

    database: Database
    check: Check
    report: Tell
    concurrency: int = 4
    clock: Clock = utc
    sources: Collection[str] | None = None
    """Those it knows, which may change while it works; another worker may know others. None: all."""
    lease: timedelta = LEASE
    away_seconds: float = AWAY_SECONDS
    grace_seconds: float = GRACE_SECONDS
    id: UUID = field(default_factory=uuid4)
    running: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def run(self, stop: asyncio.Event | None = None) -> None:
        """Work until `stop` or until cancelled, then let checks end for a while, and let go of the rest."""
        stop = stop or asyncio.Event()
        keeper = asyncio.create_task(self._keep())
        try:
            while not stop.is_set():
                await self._pause(stop, await self._turn())
        finally:
            if self.running:
                await asyncio.wait(self.running.values(), timeout=self.grace_seconds)
            keeper.cancel()
            for task in self.running.values():
                task.cancel()
            await asyncio.gather(keeper, *self.running.values(), return_exceptions=True)
            await self._release()

    async def run_due(self) -> None:
        """Check everything that is due now, and return when it is done."""
        while True:
            await self._claim()
            if not self.running:
                return
            await asyncio.wait(self.running.values(), return_when=asyncio.FIRST_COMPLETED)

    async def _turn(self) -> float:
        """Start what is due and return for how many seconds there is nothing more to start."""
        try:
            await self._claim()
            if len(self.running) >= self.concurrency:
                return IDLE_SECONDS
            due = await feeds.next_due(self.database, self.sources)
        except StorageUnavailable as error:
            self._away(error)
            return self.away_seconds
        return IDLE_SECONDS if due is None else min(max((due - self.clock()).total_seconds(), 0.1), IDLE_SECONDS)

    async def _claim(self) -> None:
        free = self.concurrency - len(self.running)
        if free <= 0:
            return
        now = self.clock()
        until = now + self.lease
        for status in await feeds.claim(self.database, self.id, now=now, until=until, most=free, of=self.sources):
            task = asyncio.create_task(self._one(status), name=status.slug)
            self.running[status.slug] = task
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.running.pop(task.get_name(), None)
        error = None if task.cancelled() else task.exception()
        if error is not None:  # nothing was written down, so that the source is free when its claim has run out
            self.report("check_failed", feed=task.get_name(), error=f"{type(error).__name__}: {error}", exc_info=error)

    async def _pause(self, stop: asyncio.Event, seconds: float) -> None:
        """Wait until a check ends, the worker is to stop, or `seconds` have passed."""
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({stopped, *self.running.values()}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()

    async def _one(self, status: FeedStatus) -> None:
        """Check one source and write down what came of it, however often the database goes away meanwhile."""
        pause = self.away_seconds
        checked = await outlasting(lambda: self._checked(status), away=self._away, seconds=pause)
        await outlasting(
            lambda: feeds.finish(self.database, self.id, status.slug, checked), away=self._away, seconds=pause
        )
        self.report(
            "feed_checked",
            feed=status.slug,
            state=checked.state,
            reason=checked.reason,
            records=checked.records,
            reached=checked.reached,
        )

    async def _checked(self, status: FeedStatus) -> Checked:
        try:
            return await self.check(status)
        except StorageUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - a bug in reading one source must not stop the others
            self.report("check_failed", feed=status.slug, error=f"{type(error).__name__}: {error}", exc_info=error)
            return self._after_a_bug(status, error)

    def _after_a_bug(self, status: FeedStatus, error: Exception) -> Checked:
        now = self.clock()
        return Checked(
            state="error",
            reason=f"SOC Defenders failed here ({type(error).__name__}); please report it with the log of the worker.",
            due_at=now + AFTER_A_BUG,
            every=status.every,
            failures=status.failures + 1,
            at=now,
            answered=False,
        )

    async def _keep(self) -> None:
        """Prolong the claims on what is running; end what another worker has taken over meanwhile."""
        while True:
            await asyncio.sleep(self.lease.total_seconds() / 4)
            slugs = list(self.running)
            if not slugs:
                continue
            try:
                kept = await feeds.keep(self.database, self.id, slugs, until=self.clock() + self.lease)
            except StorageUnavailable:
                continue  # the next round, or whoever claims the source then
            for slug in set(slugs) - kept:
                if (task := self.running.get(slug)) is not None:
                    self.report("claim_lost", feed=slug)
                    task.cancel()

    async def _release(self) -> None:
        try:
            await feeds.release(self.database, self.id)
        except StorageUnavailable as error:
            self._away(error)

    def _away(self, error: StorageUnavailable) -> None:
        self.report("database_away", reason=error.message)
