"""Database tests run on every PostgreSQL that is here: the embedded one, and Debian's older one."""

from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from socdefenders.storage.database import Connection, Database
from tests.clusters import DEBIAN, Cluster, cluster
from tests.publisher import Publisher, publishing


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out the older PostgreSQL where a module is about something else; test_statements shows both all SQL."""
    items[:] = [each for each in items if not (each.get_closest_marker("newest") and "debian-15" in each.nodeid)]


@pytest.fixture(scope="session")
def debian_cluster() -> Iterator[Cluster]:
    """Debian's PostgreSQL 15 under our launcher."""
    if not (DEBIAN / "postgres").exists():
        pytest.skip(f"PostgreSQL 15 is not installed in {DEBIAN} (Debian's package postgresql-15)")
    with cluster(DEBIAN) as running:
        yield running


@pytest.fixture(params=["embedded_cluster", "debian_cluster"], ids=["embedded-18", "debian-15"])
def some_cluster(request: pytest.FixtureRequest) -> Cluster:
    """Each PostgreSQL in turn; started when its first test comes."""
    running: Cluster = request.getfixturevalue(request.param)
    return running


@pytest.fixture
def dsn(some_cluster: Cluster) -> Iterator[str]:
    """A fresh database with the schema of this version, on each PostgreSQL in turn."""
    with some_cluster.database() as address:
        yield address


@pytest.fixture
def empty_dsn(some_cluster: Cluster) -> Iterator[str]:
    """A fresh database with nothing in it, on each PostgreSQL in turn."""
    with some_cluster.database(schema=False) as address:
        yield address


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    """Held connections to `dsn`."""
    async with await Database.open(dsn) as opened:
        yield opened


@pytest.fixture
async def reader(dsn: str) -> AsyncIterator[Connection]:
    """A connection of a test's own, by which it sees what was written."""
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


@pytest.fixture
async def publisher() -> AsyncIterator[Publisher]:
    """Somebody who publishes on loopback."""
    async with publishing() as running:
        yield running
