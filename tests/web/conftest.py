"""Servers for the tests of the API: one for all that only ask, and new ones for what disturbs."""

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from socdefenders.web import log
from tests.web.serving import WITHIN, Server, fill_now, new_key


@dataclass(frozen=True)
class Api:
    """A running server with something to find, and a key for it."""

    server: Server
    dsn: str
    key: str


@pytest.fixture(scope="session")
def api(
    database_of: Callable[..., AbstractContextManager[str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    """The server of all tests that only ask."""
    with database_of() as dsn:
        fill_now(dsn)
        log = tmp_path_factory.mktemp("web") / "server.log"
        with Server(dsn, log, pro_per_minute=1_000_000, failed_auth_per_minute=1_000_000) as server:
            yield Api(server, dsn, new_key(dsn))


StartServer = Callable[..., Server]


@pytest.fixture
def start_server(dsn: str, tmp_path: Path) -> Iterator[StartServer]:
    """Start servers on the test's own database, for all of which it stays one minute; they stop with the test."""
    with ExitStack() as stack:
        numbers, began = iter(range(100)), datetime.now(UTC)

        def start(*, head_seconds: float = WITHIN, at: datetime = began, **settings: object) -> Server:
            log = tmp_path / f"server-{next(numbers)}.log"
            return stack.enter_context(Server(dsn, log, head_seconds=head_seconds, at=at, **settings))

        yield start


@pytest.fixture
def _logging_restored() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def logged(_logging_restored: None) -> io.BytesIO:
    """What this process logs, as lines of JSON."""
    stream = io.BytesIO()
    log.configure(level="info", form="json", stream=stream)
    return stream
