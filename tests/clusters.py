"""PostgreSQL for tests: a cluster for the session, a database for each test."""

import asyncio
import itertools
import shutil
import tempfile
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from socdefenders.storage import embedded, migrate

NUMBERS = itertools.count(1)
SCHEMA = "with_schema"
SMALL = 32
DEBIAN = Path("/usr/lib/postgresql/15/bin")


def in_thread(work: Coroutine[object, object, object]) -> object:
    """Run a coroutine from a plain fixture without touching the event loop of the tests."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


class Cluster:
    """A PostgreSQL for the tests, that hands out databases."""

    def __init__(self, instance: embedded.Instance) -> None:
        self.instance = instance
        self.prepared = False
        self.turn = threading.Lock()

    @contextmanager
    def database(self, *, schema: bool = True) -> Iterator[str]:
        """Give a fresh database, with the product's schema or empty; it is dropped in the end."""
        name = f"test_{next(NUMBERS)}"
        if schema:
            self.prepare()
        self.execute(f"create database {name} template {SCHEMA if schema else 'template0'} strategy file_copy")
        yield self.instance.dsn_of(name)
        self.execute(f"drop database {name} with (force)")

    def prepare(self) -> None:
        """Make the database that the others are copies of, once, when the first test asks."""
        with self.turn:
            if not self.prepared:
                self.execute(f"create database {SCHEMA} template template0")
                in_thread(migrate.upgrade(self.instance.dsn_of(SCHEMA)))
                self.prepared = True

    def execute(self, statement: str) -> None:
        """Run one statement beside all databases of the tests."""
        in_thread(self._execute(statement))

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.instance.dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@contextmanager
def cluster(binaries: Path | None = None) -> Iterator[Cluster]:
    """Run a PostgreSQL whose data is not worth the disk's time."""
    options = embedded.Options(binaries=binaries, durable=False, shared_buffers_mb=SMALL)
    # Not pytest's directory: that is closed to the account PostgreSQL runs as when the tests run as root.
    data_dir = Path(tempfile.mkdtemp(prefix="socdefenders-test-", dir="/tmp"))
    try:
        with embedded.running(data_dir, name="the tests", options=options) as instance:
            yield Cluster(instance)
    finally:
        shutil.rmtree(data_dir)
