"""What every test stands on: no network but this machine's own, and real PostgreSQL.

`dsn` is a fresh database with the schema of this version, on the embedded PostgreSQL; below
`tests/db` it is one on each PostgreSQL that is here (see the conftest there). `database_of` makes
such databases for fixtures that live longer than one test.
"""

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from ipaddress import ip_address

import pytest
from hypothesis import settings

from socdefenders import knowledge
from tests.clusters import Cluster, cluster

# An example takes long when the machine is busy. What must be quick has a test that says so, by the processor's time.
settings.register_profile("any machine", settings(), deadline=None)
settings.load_profile("any machine")


class NetworkRefused(Exception):
    """A test tried to reach something that is not on this machine."""


def is_local(host: object) -> bool:
    """Return whether a host, as Python's socket calls take it, is this machine."""
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host in {None, "", "localhost", "0.0.0.0", "::"}:
        return True
    try:
        return ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return False


def refuse_network(event: str, args: tuple[object, ...]) -> None:
    """Refuse, as an audit hook, every connection and every look-up of a name beyond this machine."""
    if event in {"socket.getaddrinfo", "socket.gethostbyname"} and not is_local(args[0]):
        raise NetworkRefused(f"{event} of {args[0]!r}")
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        place, address = args[:2]
        internet = isinstance(place, socket.socket) and place.family in {socket.AF_INET, socket.AF_INET6}
        if internet and isinstance(address, tuple) and not is_local(address[0]):
            raise NetworkRefused(f"{event} to {address[0]!r}")


def pytest_configure(config: pytest.Config) -> None:
    """Close the network before anything is collected; an audit hook cannot be taken off again.

    What is known beforehand, should a test need it, is compiled into pytest's cache, once for many runs.
    """
    sys.addaudithook(refuse_network)
    cache = getattr(config, "cache", None)  # not there at all with `-p no:cacheprovider`
    if cache is not None:
        knowledge.use(cache.mkdir("knowledge"))


@pytest.fixture(scope="session")
def embedded_cluster() -> Iterator[Cluster]:
    """The embedded PostgreSQL."""
    with cluster() as running:
        yield running


@pytest.fixture(scope="session")
def database_of(embedded_cluster: Cluster) -> Callable[..., AbstractContextManager[str]]:
    """Make a database for as long as a `with` block of another fixture."""
    return embedded_cluster.database


@pytest.fixture
def dsn(embedded_cluster: Cluster) -> Iterator[str]:
    """A fresh database with the schema of this version."""
    with embedded_cluster.database() as address:
        yield address
