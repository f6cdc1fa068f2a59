"""Where a command finds its database: the one named by DSN, the instance that runs, or one of its own."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from socdefenders.cli.terminal import safe
from socdefenders.errors import StorageUnavailable
from socdefenders.settings import Settings
from socdefenders.storage import embedded, migrate
from socdefenders.storage.embedded import Instance
from socdefenders.storage.layout import CLUSTER

PASSING_MB = 64
"""Shared buffers of a database that is thrown away."""


@dataclass(frozen=True, slots=True)
class Place:
    """A database that can be reached."""

    dsn: str
    instance: Instance | None = None
    """The embedded PostgreSQL behind it; None for one that is named by DSN."""

    @property
    def owned(self) -> bool:
        """Whether this process alone runs it."""
        return self.instance is not None and self.instance.owned


@contextmanager
def database(settings: Settings, name: str, *, create: bool = False, alone: bool = False) -> Iterator[Place]:
    """Find the database or start it, for the duration of a block.

    `name` is what people typed, as others are told who runs it. Without `create`, raise StorageUnavailable
    where there is no database yet; with `alone`, InstanceRunning where somebody else runs it.
    """
    if not create and not exists(settings):
        raise StorageUnavailable(
            f"There is no database in {settings.data_dir} yet; `socdefenders up` or `socdefenders import` makes one, "
            "and --data-dir names another place."
        )
    if settings.database_url:
        yield Place(settings.database_url)
        return
    found = None if alone else embedded.attach(settings.data_dir)
    begin = embedded.start if alone else embedded.open_or_start
    with found or begin(settings.data_dir, name=name, progress=tell) as instance:
        yield Place(instance.dsn, instance)


def exists(settings: Settings) -> bool:
    """Return whether there is a database; raise EmbeddedError where one may be that this account must not look at."""
    return bool(settings.database_url or embedded.attach(settings.data_dir) or (settings.data_dir / CLUSTER).exists())


@contextmanager
def passing(name: str) -> Iterator[Place]:
    """Run an empty database for the duration of a block, of which nothing is left afterwards."""
    options = embedded.Options(durable=False, shared_buffers_mb=PASSING_MB)
    with (
        tempfile.TemporaryDirectory(prefix="socdefenders-") as folder,
        embedded.running(Path(folder), name=name, progress=tell, options=options) as instance,
    ):
        yield Place(instance.dsn, instance)


async def prepare(place: Place) -> None:
    """Check the schema; of a database that this command alone runs, bring it up to date: nobody can be in the way."""
    if place.owned:
        await migrate.upgrade(place.dsn)
    else:
        await migrate.check(place.dsn)


def tell(text: str) -> None:
    """Say on standard error what takes long."""
    click.echo(safe(text[:1].upper() + text[1:]) + " ...", err=True)
