"""Everything an application holds while it runs, opened and closed in one place."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from time import monotonic

from structlog.typing import FilteringBoundLogger

from socdefenders import search
from socdefenders.accounts import Authenticator, Budgets, SharedCounters, UsageLog
from socdefenders.errors import SettingsError, StorageError
from socdefenders.seams import Clock, utc
from socdefenders.settings import Settings
from socdefenders.storage import migrate
from socdefenders.storage.database import Database
from socdefenders.storage.exclusive import ExclusiveLock
from socdefenders.web import log
from socdefenders.web.metrics import Metrics

TAKE_SECONDS = 1.0
"""How long a start waits for the process before it to let the lock go."""

ANOTHER_PROCESS = (
    "Another API process already serves this database, and each would count requests for itself; "
    "set SOCDEFENDERS_VALKEY_URL so that they share their budgets, or stop the other process."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the endpoints work with."""

    settings: Settings
    database: Database
    authenticator: Authenticator
    budgets: Budgets
    usage: UsageLog
    metrics: Metrics
    log: FilteringBoundLogger
    clock: Clock
    alone: ExclusiveLock | None
    """Held while budgets are counted in this process; None with Valkey."""

    @classmethod
    def of(cls, settings: Settings, dsn: str, *, clock: Clock = utc) -> "Services":
        """Build them for `settings`; nothing is opened yet. `clock` says in which minute and day a request falls."""
        database = Database(dsn, size=settings.database_connections)
        usage = UsageLog(database)
        told = log.logger()

        def turned(reason: Exception | None) -> None:
            if reason is None:
                told.info("Valkey answers again")
            else:
                text = "Valkey does not answer; until it does, this process counts its requests for itself"
                told.warning(text, reason=str(reason) or type(reason).__name__)

        return cls(
            settings=settings,
            database=database,
            authenticator=Authenticator(database),
            budgets=Budgets(
                tier=cache(settings.tier),
                failed_per_minute=settings.failed_auth_per_minute,
                usage=usage,
                shared=SharedCounters(settings.valkey_url, turned=turned) if settings.valkey_url else None,
            ),
            usage=usage,
            metrics=Metrics(),
            log=told,
            clock=clock,
            alone=None if settings.valkey_url else ExclusiveLock(dsn, "socdefenders.api"),
        )


@asynccontextmanager
async def running(services: Services) -> AsyncIterator[None]:
    """Check the database, then run what stands behind the endpoints until the block ends."""
    await migrate.check(services.database.dsn)
    await _take(services.alone)
    await _warm(services)
    tasks = _tasks(services)
    try:
        yield
    finally:
        await _stop(tasks)
        await _close(services)


async def _take(alone: ExclusiveLock | None) -> None:
    if alone is None:
        return
    until = monotonic() + TAKE_SECONDS
    while not await alone.take():
        if monotonic() > until:
            raise SettingsError(ANOTHER_PROCESS)
        await asyncio.sleep(0.05)


async def _warm(services: Services) -> None:
    try:
        await search.warm(services.database)
    except StorageError as error:  # such as too many connections: what is open serves, only slower at first
        services.log.warning("not every connection could be opened beforehand", reason=error.message)


def _tasks(services: Services) -> Sequence[asyncio.Task[None]]:
    def not_written(error: StorageError) -> None:
        services.log.warning("usage is not written down yet", reason=error.message)

    def heard(reason: StorageError | None) -> None:
        if reason is None:
            services.log.info("revocations are heard again")
        else:
            services.log.warning("revocations are not heard; every key is looked up", reason=reason.message)

    def refused() -> None:
        services.log.error(ANOTHER_PROCESS)

    def away(error: StorageError) -> None:
        services.log.warning("the lock of the budgets was lost and is not taken again yet", reason=error.message)

    tasks = [services.authenticator.listen(heard), services.usage.run(not_written)]
    if services.alone is not None:
        tasks.append(services.alone.keep(refused, away))
    return [_watched(asyncio.create_task(task), services.log) for task in tasks]


def _watched(task: asyncio.Task[None], log_: FilteringBoundLogger) -> asyncio.Task[None]:
    def ended(task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log_.error("a background task failed", exc_info=error)

    task.add_done_callback(ended)
    return task


async def _stop(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def _close(services: Services) -> None:
    try:
        await services.usage.flush()
    except StorageError as error:
        services.log.warning("the last requests were not written down", reason=error.message)
    await services.database.close()
    await services.budgets.close()
    if services.alone is not None:
        services.alone.release()
