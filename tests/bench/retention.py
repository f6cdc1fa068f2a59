"""`python -m tests.bench.retention`: what the upkeep costs on the sample of real values, every other one of them old.

The values lie outside of the project, in the folder that SOCDEFENDERS_SHARED names.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg

from socdefenders.enrich.fading import STANDARD
from socdefenders.feeds import walk
from socdefenders.ingest import Options, batches
from socdefenders.storage import embedded, migrate, retention
from socdefenders.storage.database import Connection, Database
from socdefenders.storage.retention import Keeper, Pruned
from socdefenders.storage.writing import Writer
from socdefenders.upkeep import Policy
from tests.bench.values import extended
from tests.real_data import DATA, MISSING

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
POLICY = Policy(lifetimes=STANDARD, bodies=365 * DAY, inactive=None, tombstones=365 * DAY)
A_DAYS_WORTH = """
update indicators set last_seen = $1
 where id in (select id from indicators where inactive_since is null limit 20000)
"""
LARGEST = """
select source_id, count(*) from sightings group by 1 order by 2 desc offset 2 limit 1
"""


async def fill(dsn: str, file: Path) -> None:
    """Load the file; every other row was last reported long ago."""
    async with await Writer.open(dsn) as writer:
        for batch in batches(walk([file]), Options()):
            for source, facts in batch.sources.items():
                await writer.source(source, *facts)
            rows = list(batch.sightings)
            rows[::2] = [row._replace(last_seen=NOW - 600 * DAY) for row in rows[::2]]
            await writer.write(rows, [], now=NOW)
        await writer.settle()


async def timed(what: str, parts: AsyncIterator[Pruned]) -> None:
    """Do all of it, and print how long it took and its longest step."""
    total, longest = Pruned(), 0.0
    begin = last = time.perf_counter()
    async for part in parts:
        total.add(part)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    seconds = time.perf_counter() - begin
    print(f"{what}: {total.rows:,} rows in {seconds:.1f} s, the longest step {longest * 1000:.0f} ms", flush=True)


async def poll(dsn: str) -> None:
    """Read all that became inactive, page by page."""
    pages, after = [], (NOW - DAY, retention.FIRST)
    async with await Database.open(dsn, size=1) as database:
        while True:
            begin = time.perf_counter()
            page = await retention.gone_since(database, *after, now=NOW + DAY)
            pages.append(time.perf_counter() - begin)
            if not page:
                break
            after = page[-1].at, page[-1].id
    median, worst = sorted(pages)[len(pages) // 2] * 1000, max(pages) * 1000
    print(f"polling: {len(pages):,} pages, median {median:.1f} ms, worst {worst:.0f} ms", flush=True)


async def measure(dsn: str, reader: Connection) -> None:
    """Measure each step of a year's upkeep."""
    since = POLICY.limits(NOW).since
    async with await Keeper.open(dsn) as keeper:
        await timed("first marking, half of them", keeper.mark(since, clock=lambda: NOW))
        await timed("a day with nothing to mark", keeper.mark(since, clock=lambda: NOW))
        await poll(dsn)
        await reader.execute(A_DAYS_WORTH, NOW - 600 * DAY)
        await timed("a day on which some are due", keeper.mark(since, clock=lambda: NOW))
        [(source, _)] = await reader.fetch(LARGEST)
        await timed("a source removed", keeper.withdraw(source, clock=lambda: NOW))
        await timed("all inactive ones removed", keeper.expire(NOW + DAY))


async def run(dsn: str, file: Path) -> None:
    """Load, then measure."""
    await migrate.upgrade(dsn)
    await fill(dsn, file)
    reader = await asyncpg.connect(dsn)
    await measure(dsn, reader)
    await reader.close()


def main() -> None:
    """Parse the arguments, run, and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.retention", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    arguments = parser.parse_args()
    files = sorted((DATA / "bulk").glob("ioc_*.csv.zst"), reverse=True)
    if not files:
        sys.exit(MISSING)
    with (
        TemporaryDirectory(prefix="socdefenders-bench-", dir="/tmp") as folder,
        TemporaryDirectory(prefix="socdefenders-bench-", dir="/tmp") as values,
        embedded.running(Path(folder), name="the benchmark") as instance,
    ):
        asyncio.run(run(instance.dsn, extended(files, arguments.rows, Path(values, "values.csv.zst"))))


if __name__ == "__main__":
    main()
