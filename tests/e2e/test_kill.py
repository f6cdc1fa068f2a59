"""kill -9, again and again: no orphan, no lost committed row, no corrupt index.

A writer in a process of its own runs the database and inserts rows; it logs each row only after the
commit is acknowledged. Round by round its process, the postmaster, a backend or all at once are
killed in the middle of that. Three rounds in the suite; `KILL_ROUNDS=50` is the long run.

`Writer` is the seam: a real server and a real import are run by another `SCRIPT` that prints the
same two kinds of lines.
"""

import asyncio
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from socdefenders.storage import embedded
from socdefenders.storage.processes import processes

ROUNDS = int(os.environ.get("KILL_ROUNDS", "3"))
ROWS_BEFORE_A_KILL = 200
SECONDS = 60
"""A round may take."""
SCRIPT = """
import asyncio, json, sys
from pathlib import Path
import asyncpg
from socdefenders.storage import embedded

# InternalClientError is what asyncpg makes of a backend that ends between two messages.
DRIVER = (asyncpg.InterfaceError, asyncpg.InternalClientError)
AWAY = (OSError, *DRIVER, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError)

async def write(instance):
    number = None
    while True:
        try:
            connection = await asyncpg.connect(instance.dsn)
            if number is None:
                await connection.execute("create extension if not exists pg_trgm")
                await connection.execute("create table if not exists written (number int primary key, value text)")
                await connection.execute("create index if not exists by_value on written using gin(value gin_trgm_ops)")
                print(json.dumps({"pid": instance.pid, "dsn": instance.dsn}), flush=True)
            number = await connection.fetchval("select coalesce(max(number), 0) from written")
            while True:
                number += 1
                await connection.execute("insert into written values ($1, md5($1::int::text) || '.example')", number)
                print(number, flush=True)
        except AWAY:
            await asyncio.sleep(0.02)

async def main():
    options = embedded.Options(shared_buffers_mb=32)
    instance = await asyncio.to_thread(embedded.start, Path(sys.argv[1]), name="the writer", options=options)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(embedded.keep_alive(instance, lambda text: None))
        tasks.create_task(write(instance))

asyncio.run(main())
"""


class Writer:
    """A process that runs the database and reports every row whose commit was acknowledged."""

    def __init__(self, data_dir: Path) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", SCRIPT, data_dir], stdout=subprocess.PIPE, text=True)
        self.limit = threading.Timer(SECONDS, self.process.kill)  # whatever happens, a read ends
        self.limit.start()
        self.lines = iter(self.process.stdout or [])
        self.event = json.loads(next(self.lines))
        self.committed = 0

    def read(self, rows: int) -> None:
        """Read until so many more rows were committed."""
        for _ in range(rows):
            self.committed = int(next(self.lines))

    def end(self) -> None:
        """Kill the process and read what it reported before that."""
        self.limit.cancel()
        self.process.kill()
        with self.process:
            for line in self.lines:
                if line.endswith("\n"):
                    self.committed = int(line)


def victims(kind: str, writer: Writer, cluster: Path) -> list[int]:
    """Choose whom to kill."""
    all_of_it = processes(cluster)
    parents = {pid: int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]) for pid in all_of_it}
    postmaster = next(pid for pid in all_of_it if parents[pid] not in parents)
    match kind:
        case "parent":
            return [writer.process.pid]
        case "postmaster":
            return [postmaster]
        case "backend":
            return [
                next(p for p in all_of_it if b"socdefenders socdefenders" in Path(f"/proc/{p}/cmdline").read_bytes())
            ]
        case _:
            return [writer.process.pid, parents[postmaster], postmaster]


def eventually(true: Callable[[], bool], *, seconds: float = 30.0) -> None:
    """Wait until something holds, and fail when it does not come to."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.01)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="socdefenders-kill-", dir="/tmp"))
    yield path
    shutil.rmtree(path)


def strike(data_dir: Path, kind: str, chance: random.Random) -> int:
    """Run a writer, kill in the middle of its work; return the last number it knows to be committed."""
    cluster = data_dir / "postgres"
    writer = Writer(data_dir)
    try:
        writer.read(chance.randrange(1, ROWS_BEFORE_A_KILL))
        for pid in victims(kind, writer, cluster):
            os.kill(pid, signal.SIGKILL)
        if kind in {"postmaster", "backend"}:
            writer.read(ROWS_BEFORE_A_KILL)  # more than a pipe holds back: it did go on
    finally:
        writer.end()
    eventually(lambda: not processes(cluster))
    return writer.committed


async def check(instance: embedded.Instance, committed: int) -> None:
    """Compare what was acknowledged with what is there."""
    connection = await asyncpg.connect(instance.dsn)
    try:
        numbers = [row[0] for row in await connection.fetch("select number from written order by number")]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) >= committed
        found = await connection.fetchval("select count(*) from written where value like '%.example'")
        assert found == len(numbers)
    finally:
        await connection.close()


def test_nothing_committed_is_lost_and_nothing_left_running_however_it_is_killed(data_dir: Path) -> None:
    chance = random.Random(ROUNDS)
    kinds = ("parent", "postmaster", "backend", "all")
    committed = 0
    for number in range(ROUNDS):
        committed = strike(data_dir, kinds[number % len(kinds)], chance)
        with embedded.running(data_dir, name="the check") as instance:
            asyncio.run(check(instance, committed))
            amcheck = [str(instance.binaries / "pg_amcheck"), "--install-missing", "--heapallindexed", instance.dsn]
            subprocess.run(amcheck, check=True, capture_output=True, text=True, cwd="/")
        assert not processes(data_dir / "postgres")
    assert committed > ROUNDS
