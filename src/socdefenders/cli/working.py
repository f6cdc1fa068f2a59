"""What `up`, `worker` and `feeds` share: the catalog in force, the client, the worker beside everything else."""

import asyncio
import os
import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from socdefenders.cli.beside import beside
from socdefenders.cli.summarising import writing_summaries
from socdefenders.errors import CatalogError, SettingsError, StorageError, StorageUnavailable
from socdefenders.feeds.catalog import Feed, in_force
from socdefenders.feeds.fetch import Fetcher
from socdefenders.ingest.checking import Checker
from socdefenders.seams import Tell, utc
from socdefenders.settings import Settings
from socdefenders.storage import feeds
from socdefenders.storage.database import Database
from socdefenders.storage.feeds import Registered
from socdefenders.storage.layout import FEEDS
from socdefenders.storage.retention import Pruned
from socdefenders.upkeep import Policy, Upkeep
from socdefenders.worker import Worker

WATCH_SECONDS = 20.0
"""Between two looks at the operator's folder."""
REGISTER_AGAIN = timedelta(days=1)
"""Between two times that a worker says what it has in its catalog."""
UNREACHED = 5
"""Checks in a row that reached nobody, after which it is said that there may be no network."""


def folder(settings: Settings) -> Path:
    """Return where an operator's own sources lie."""
    return settings.feeds_dir or settings.data_dir / FEEDS


def catalog(settings: Settings) -> dict[str, Feed]:
    """Return the sources that come with the package, with the operator's own over them; raise CatalogError."""
    own = folder(settings)
    try:
        return in_force(own)
    except CatalogError as error:
        hint = (
            f"It lies in {own}; mend it, or remove it: `socdefenders feeds remove {error.file.removesuffix('.toml')}`."
        )
        where = hint if (own / error.file).is_file() else ""
        raise CatalogError(f"{error.message} {where}".rstrip(), file=error.file, key=error.key) from error


def keep(settings: Settings, slug: str, text: str | None) -> Path:
    """Write the operator's own file of a source, or remove it for None; raise SettingsError when it cannot be."""
    file = folder(settings) / f"{slug}.toml"
    try:
        if text is None:
            file.unlink(missing_ok=True)
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(
            f"{file} cannot be changed: {error.strerror}. Mend its rights, or name another folder by "
            "SOCDEFENDERS_FEEDS_DIR."
        ) from error
    return file


def client(settings: Settings) -> Fetcher:
    """Return what fetches, as the settings say."""
    return Fetcher(contact=settings.fetch_contact, allowed=settings.fetch_allowed, proxy=settings.fetch_proxy)


def checker(settings: Settings, dsn: str, sources: Mapping[str, Feed], fetcher: Fetcher) -> Checker:
    """Return what looks at a source and writes what it finds to `dsn`."""
    return Checker(catalog=sources, client=fetcher, dsn=dsn, clock=utc, chance=random.random, keys=settings.feed_keys())


async def register(database: Database, sources: Mapping[str, Feed]) -> None:
    """Make the catalog known to the database."""
    rows = {slug: Registered(feed.name, feed.enabled, feed.every) for slug, feed in sources.items()}
    await feeds.register(database, rows, now=utc())


async def work(settings: Settings, dsn: str, report: Tell, warn: Tell) -> None:
    """Look at sources as they become due, until cancelled."""
    sources = catalog(settings)
    telling = Telling(report, warn)
    async with (
        await Database.open(dsn, size=2) as database,
        client(settings) as fetcher,
        writing_summaries(settings, database, report, warn),
    ):
        await register(database, sources)
        check = checker(settings, dsn, sources, fetcher).check
        async with (
            beside(_watch(settings, database, sources, warn), warn, "catalog_ended"),
            beside(_keep_up(settings, database, report, warn), warn, "upkeep_ended"),
        ):
            many = settings.worker_concurrency
            await Worker(database, check, telling, concurrency=many, sources=sources.keys()).run()


async def _keep_up(settings: Settings, database: Database, report: Tell, warn: Tell) -> None:
    """Do once a day what `socdefenders prune` does."""

    def done(pruned: Pruned) -> None:
        report("upkeep_done", **asdict(pruned))

    def failed(error: StorageError) -> None:
        warn("upkeep_failed", reason=error.message)

    await Upkeep(database=database, policy=Policy.of(settings), clock=utc, done=done, failed=failed).run()


async def _watch(settings: Settings, database: Database, sources: dict[str, Feed], warn: Tell) -> None:
    """Take over what changes in the operator's folder, into `sources` and the database."""
    seen, registered, known = _signature(folder(settings)), utc(), set(sources)
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        found, now = await asyncio.to_thread(_signature, folder(settings)), utc()
        if found == seen and now < registered + REGISTER_AGAIN:
            continue
        try:
            changed = await asyncio.to_thread(catalog, settings)
            await register(database, changed)
            await feeds.remove(database, known - changed.keys())
        except CatalogError as error:
            warn("catalog_refused", reason=error.message)
        except StorageUnavailable:
            continue  # the next round tries again
        else:
            sources |= changed  # one that is gone may just be looked at
            known = set(changed)
        seen, registered = found, now


def _signature(own: Path) -> frozenset[tuple[str, int, int]]:
    """What tells that a file of the folder was written, added or removed."""
    if not own.is_dir():
        return frozenset()
    with os.scandir(own) as entries:
        return frozenset((each.name, (found := each.stat()).st_mtime_ns, found.st_size) for each in entries)


@dataclass(slots=True)
class Telling:
    """Passes on what a worker says; says once when no source can be reached, and when that is over."""

    report: Tell
    warn: Tell
    unreached: int = 0

    def __call__(self, event: str, **facts: object) -> None:
        """Take one event."""
        if event != "feed_checked":
            self.warn(event, **facts)
            return
        reached = facts.pop("reached", None)
        if reached is not None:
            self._count(reached=reached is True)
        if reached is not False or self.unreached <= UNREACHED:  # beyond, one line has said so for all of them
            self.report(event, **facts)

    def _count(self, *, reached: bool) -> None:
        if reached and self.unreached >= UNREACHED:
            self.report("sources_reached")
        self.unreached = 0 if reached else self.unreached + 1
        if self.unreached == UNREACHED:
            self.warn("sources_unreachable", hint="Is there a network? Everything else works; they are tried again.")
