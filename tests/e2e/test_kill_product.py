"""kill -9 during import and search of the real product: no orphan, no lost committed row, no corrupt index.

Each round `socdefenders up` runs, a file is imported and values are searched, and in the middle of
that the supervisor, the server or PostgreSQL is killed. What a search found or an import said was
done before must be found after. Three rounds in the suite; `KILL_ROUNDS=50` is the long run.
"""

import asyncio
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import asyncpg
import httpx
import pytest

from socdefenders.storage import embedded
from socdefenders.storage.processes import processes

ROUNDS = int(os.environ.get("KILL_ROUNDS", "3"))
ROWS = 20_000
"""Values of one file: a few transactions."""
VICTIMS = ("supervisor", "server", "postgres")


def value(file: int, row: int) -> str:
    """Return the value in that row of that file."""
    return f"host-{row}.net-{file}.example"


def write_file(folder: Path, file: int) -> Path:
    path = folder / f"hosts-{file}.csv"
    rows = (f"domain,{value(file, row)},Round {file}" for row in range(ROWS))
    path.write_text("type,value,source\n" + "\n".join(rows) + "\n")
    return path


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "socdefenders", *map(str, arguments)]


def eventually(true: Callable[[], object], what: str, *, seconds: float = 40.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"in time: {what}"
        time.sleep(0.02)


@contextmanager
def product(data_dir: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `socdefenders up` and give its process and address once it answers."""
    up = subprocess.Popen(
        command("up", "--no-worker", "--port", "0", "--data-dir", data_dir),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"SOCDEFENDERS_PRO_PER_MINUTE": "100000000"},
    )
    try:
        assert up.stdout is not None
        address = next(found[0] for line in up.stdout if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
        yield up, address
    finally:
        up.kill()
        up.wait()
        assert up.stdout is not None
        up.stdout.close()


def found(client: httpx.Client, wanted: str) -> bool | None:
    """Ask for a value: whether it is found, or None while there is no answer."""
    try:
        answer = client.get("/api/v1/iocs/search", params={"q": wanted, "include_related": "false"})
    except httpx.TransportError:
        return None
    assert answer.status_code in {200, 503}, answer.text
    if answer.status_code == 503:
        return None
    data = answer.json()["data"]
    return bool(data["found"] and data["meta"]["strategy"] == "exact")


def still_found(client: httpx.Client, wanted: str) -> bool:
    """Ask for a value that was there: no answer is one thing, "not found" would be a loss."""
    answer = found(client, wanted)
    assert answer is not False, f"{wanted} is lost"
    return answer is True


def search_until_some_are_there(client: httpx.Client, file: int, many: int) -> list[str]:
    """Search the file's rows in their order, each until it is found, and return those that were."""
    seen: list[str] = []
    for row in range(0, ROWS, ROWS // 40):
        if len(seen) == many:
            break
        wanted = value(file, row)
        eventually(partial(found, client, wanted), f"{wanted} is imported")
        seen.append(wanted)
    return seen


def victim(kind: str, up: subprocess.Popen[str], data_dir: Path) -> int:
    if kind == "server":
        return up.pid
    parents: dict[int, int] = {}
    for pid in processes(data_dir / "postgres"):
        with suppress(FileNotFoundError, ProcessLookupError):  # one for a connection may have ended by now
            parents[pid] = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    postmaster = next(pid for pid, parent in parents.items() if parent not in parents)
    return postmaster if kind == "postgres" else parents[postmaster]


def strike(data_dir: Path, folder: Path, key: str, number: int, chance: random.Random) -> tuple[list[str], bool]:
    """Import, search, kill; return the values that were found before, and whether the import said it was done."""
    kind = VICTIMS[number % len(VICTIMS)]
    file = write_file(folder, number)
    with product(data_dir) as (up, address), httpx.Client(base_url=address, headers={"X-API-Key": key}) as client:
        loading = subprocess.Popen(
            command("import", file, "--json", "--data-dir", data_dir),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        seen = search_until_some_are_there(client, number, chance.randrange(1, 30))
        os.kill(victim(kind, up, data_dir), signal.SIGKILL)
        if kind == "postgres":
            eventually(partial(still_found, client, seen[0]), "the server answers again by itself")
        done = loading.wait(60) == 0
    eventually(lambda: not processes(data_dir / "postgres"), f"nothing of PostgreSQL runs after the {kind} was killed")
    return seen, done


async def check(instance: embedded.Instance, seen: list[str], files_done: list[int]) -> None:
    connection = await asyncpg.connect(instance.dsn)
    try:
        there = "select count(*) from indicators where ioc_value_normalized = any ($1::text[]) and sighting_count = 1"
        assert await connection.fetchval(there, seen) == len(seen)
        for file in files_done:
            ending = f"%.net-{file}.example"
            assert await connection.fetchval("select count(*) from search_text where value like $1", ending) == ROWS
        lost = "select count(*) from indicators i where not exists (select from sightings where indicator_id = i.id)"
        assert await connection.fetchval(lost) == 0
        stray = (
            "select count(*) from sightings s left join indicators i on i.id = s.indicator_id"
            " left join sources o on o.id = s.source_id where i.id is null or o.id is null"
        )
        assert await connection.fetchval(stray) == 0
        await connection.execute("create extension if not exists amcheck")
        await connection.execute(
            "select gin_index_check(c.oid) from pg_class c join pg_am a on a.oid = c.relam"
            " where a.amname = 'gin' and c.relkind = 'i'"
        )
    finally:
        await connection.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="socdefenders-kill-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def test_killed_in_the_middle_of_import_and_search_it_loses_nothing_and_leaves_nothing_running(folder: Path) -> None:
    data_dir = folder / "data"
    key = subprocess.run(
        command("keys", "create", "--name", "kill", "--tier", "pro", "--quiet", "--data-dir", data_dir),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.strip()
    chance = random.Random(ROUNDS)
    seen: list[str] = []
    files_done: list[int] = []
    for number in range(ROUNDS):
        more, done = strike(data_dir, folder, key, number, chance)
        seen += more
        files_done += [number] if done else []
        with embedded.running(data_dir, name="the check") as instance:
            asyncio.run(check(instance, seen, files_done))
            amcheck = [str(instance.binaries / "pg_amcheck"), "--heapallindexed", instance.dsn]
            subprocess.run(amcheck, check=True, capture_output=True, text=True, cwd="/")
    assert len(seen) >= ROUNDS
