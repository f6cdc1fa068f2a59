"""kill -9 of workers and of PostgreSQL while sources are taken in: everything once, nothing lost, nobody starved.

`socdefenders up` keeps PostgreSQL alive, three workers share the sources, and every few seconds one of the workers
or PostgreSQL is killed while what is published goes on changing. It takes half a minute at least, so that it runs where
KILL_SECONDS is set: `KILL_SECONDS=3` for a short run, `KILL_SECONDS=300 KILL_SOURCES=200` for the long one.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from socdefenders.feeds.catalog import builtin
from socdefenders.storage import embedded
from tests.e2e.commands import data_directory, environment
from tests.e2e.test_kill_product import eventually, product, victim
from tests.publisher import Publisher, published

SECONDS = float(os.environ.get("KILL_SECONDS", "3"))
SOURCES = int(os.environ.get("KILL_SOURCES", "20"))
VALUES = 20
"""Values of a list."""
WORKERS = 3
HOSTS = 40
LOCAL = {"SOCDEFENDERS_FETCH_ALLOWED": "127.0.0.0/8", "SOCDEFENDERS_FETCH_PROXY": ""}
DESCRIBED = """name = "Source {number}"
url = "{host}/{number}.txt"
homepage = "{host}/"
format = "list"
category = "threat-feed"
tier = 1
grade = "B"
group = "group-{number}"
every = "5m"
licence = "None"
enabled = true
expected = [1, 100000]
"""
STRAY = """
select count(*) from sightings s
 where not exists (select from indicators i where i.id = s.indicator_id) or s.occurrences <> 1
"""
AGAIN = "update feeds set due_at = now() where enabled and claimed_until is null"
OPEN = """
select count(*) from feeds
 where enabled and (state <> 'healthy' or claimed_until is not null or due_at <= now())
"""
SIGHTINGS = "select count(*) from sightings"
WELL = "select count(*) from feeds where enabled and state = 'healthy'"
TWICE = "select count(*) - count(distinct (indicator_id, source_id)) from sightings"


def value(source: int, row: int) -> str:
    return f"host-{row}.source-{source}.example"


def content(source: int, rounds: int) -> bytes:
    """What a source lists after so many rounds: all it ever listed."""
    return "\n".join(value(source, row) for row in range(VALUES + rounds)).encode()


def host_of(url: str, number: int) -> str:
    """The source's own host, because a worker asks one host once a second."""
    return url.replace("127.0.0.1", f"127.0.0.{number % HOSTS + 1}")


def describe(folder: Path, url: str) -> None:
    """Make the test's sources the only ones that are on."""
    folder.mkdir(parents=True)
    for slug in builtin():
        (folder / f"{slug}.toml").write_text("enabled = false\n")
    for number in range(SOURCES):
        (folder / f"source-{number}.toml").write_text(DESCRIBED.format(number=number, host=host_of(url, number)))


@contextmanager
def worker(data_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "socdefenders", "worker", "--data-dir", data_dir],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(**LOCAL),
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def ask(data_dir: Path, sql: str) -> int:
    """Ask PostgreSQL for a number; -1 while it is away."""

    async def fetch() -> int:
        instance = embedded.attach(data_dir)
        if instance is None:
            return -1
        with instance:
            connection = await asyncpg.connect(instance.dsn, timeout=5)
            try:
                found = await (connection.execute(sql) if sql is AGAIN else connection.fetchval(sql))
                return 0 if isinstance(found, str) else int(found)
            finally:
                await connection.close()

    try:
        return asyncio.run(fetch())
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
        return -1


def number_of(data_dir: Path, sql: str) -> int:
    """Ask PostgreSQL for a number, once it answers."""
    found = -1

    def answered() -> bool:
        nonlocal found
        found = ask(data_dir, sql)
        return found >= 0

    eventually(answered, "PostgreSQL answers")
    return found


def grown(data_dir: Path, before: int) -> bool:
    """Whether more is stored than before."""
    return ask(data_dir, SIGHTINGS) > before


def strike(
    data_dir: Path, publisher: Publisher, up: subprocess.Popen[str], workers: list[subprocess.Popen[bytes]]
) -> int:
    """Kill something whenever there was progress, while sources change and are due; return how often they changed."""
    chance = random.Random(7)
    rounds = 0
    with ExitStack() as later:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            rounds += 1
            for number in range(SOURCES):
                publisher.answers[f"/{number}.txt"] = content(number, rounds)
            before = number_of(data_dir, SIGHTINGS)
            number_of(data_dir, AGAIN)
            eventually(partial(grown, data_dir, before), "something new is stored", seconds=150)
            if rounds % 2:
                killed = workers.pop(chance.randrange(len(workers)))
                killed.kill()
                killed.wait()
                workers.append(later.enter_context(worker(data_dir)))
            else:
                os.kill(victim("postgres", up, data_dir), signal.SIGKILL)
        # What a killed worker had is free when its claim has run out; whoever was asked in the middle of a change is
        # asked again.
        for _ in range(2):
            number_of(data_dir, AGAIN)
            eventually(lambda: ask(data_dir, OPEN) == 0, "every source is well", seconds=300)
    return rounds


@pytest.mark.skipif("KILL_SECONDS" not in os.environ, reason="set KILL_SECONDS to kill workers for that long")
def test_everything_is_taken_in_once_whoever_is_killed() -> None:
    answers = {f"/{number}.txt": content(number, 0) for number in range(SOURCES)}
    with data_directory() as data_dir, published(dict(answers), hosts=HOSTS) as publisher:
        describe(data_dir / "feeds", publisher.url)
        with product(data_dir) as (up, _), ExitStack() as stack:
            workers = [stack.enter_context(worker(data_dir)) for _ in range(WORKERS)]
            eventually(lambda: ask(data_dir, WELL) == SOURCES, "every source is taken in once", seconds=120)
            rounds = strike(data_dir, publisher, up, workers)
            assert number_of(data_dir, SIGHTINGS) == SOURCES * (VALUES + rounds)
            assert number_of(data_dir, "select count(*) from indicators") == SOURCES * (VALUES + rounds)
            assert number_of(data_dir, TWICE) == 0
            assert number_of(data_dir, STRAY) == 0
