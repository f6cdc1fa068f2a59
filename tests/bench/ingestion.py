"""`python -m tests.bench.ingestion`: a publisher on loopback serves all the real data, a worker takes it in.

Twice: the second round has to cost nothing but requests. With --articles N it is that many articles in feeds instead,
real reports with other hosts and hashes each time, to see how many a worker takes in a second, with everything that
is learnt from them. The data lies outside of the project, in the folder that SOCDEFENDERS_SHARED names.
"""

import argparse
import asyncio
import json
import resource
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.sax.saxutils import escape

from socdefenders.errors import FeedError
from socdefenders.feeds import recognise, walk
from socdefenders.feeds.catalog import Expected, Feed
from socdefenders.ingest.checking import Checker
from socdefenders.model import SourceCategory
from socdefenders.seams import Clock
from socdefenders.storage import embedded, feeds, migrate
from socdefenders.storage.database import Database
from socdefenders.worker import Worker
from tests.bench.texts import texts, varied
from tests.publisher import local_client, publishing
from tests.real_data import DATA, MISSING

HOUR = timedelta(hours=1)
ENTRIES = 500
"""Articles of a feed."""
_CATEGORY = SourceCategory.THREAT_FEED
FOLDERS = ("feeds", "rss", "vendor_iocs", "articles", "text", "html", "lists", "bulk")


@dataclass(slots=True)
class Round:
    """What one round over all sources came to."""

    seconds: float
    statuses: Counter[int]
    states: Counter[str]
    reasons: dict[str, str]
    rows: dict[str, int]


def sources(root: Path, url: str) -> dict[str, Feed]:
    """Describe every file below `root` that is recognised as a source of its own."""
    found: dict[str, Feed] = {}
    for name in FOLDERS:
        for path in sorted((root / name).rglob("*")):
            if path.is_file() and (format_ := _format(path)) is not None:
                slug = f"source-{len(found)}"
                address = f"{url}/{path.relative_to(root)}"
                found[slug] = Feed(
                    slug=slug, name=path.stem, url=address, homepage=url, format=format_, category=_CATEGORY, tier=1,
                    grade="B", group=slug, every=HOUR, licence="None", enabled=True, expected=Expected(0, 10**8),
                )  # fmt: skip
    return found


def feeds_of(articles: int, folder: Path) -> None:
    """Write feeds of `articles` entries in all, each with the whole text of a report."""
    once = texts(DATA / "articles" / "annoctr_text.tar.xz")
    for first in range(0, articles, ENTRIES):
        entries = []
        for number in range(first, min(first + ENTRIES, articles)):
            text = varied(once[number % len(once)], number // len(once))
            title, _, body = text.partition("\n")
            entries.append(
                f"<item><title>{escape(title)}</title><link>https://blog.example/{number}</link>"
                "<pubDate>Thu, 15 Jan 2026 10:00:00 GMT</pubDate>"
                f"<description>{escape(escape(body))}</description></item>"
            )
        body = f"<rss version='2.0'><channel><title>Blog {first}</title>{''.join(entries)}</channel></rss>"
        (folder / "rss" / f"blog-{first:05}.xml").write_text(body, encoding="utf-8")


def _format(path: Path) -> str | None:
    try:
        formats = {format_.name for entry in walk([path]) if (format_ := recognise(entry)) is not None}
    except FeedError:
        return None
    return formats.pop() if len(formats) == 1 else None


async def take_in(dsn: str, root: Path, rounds: int, concurrency: int) -> list[Round]:
    """Run a worker over everything, `rounds` times, an hour apart by its own clock."""
    results = []
    now = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
    async with publishing(folder=root) as publisher, await Database.open(dsn, size=4) as database:
        catalog = sources(root, publisher.url)
        for _ in range(rounds):
            publisher.statuses.clear()
            at = now
            await feeds.register(
                database,
                {slug: feeds.Registered(feed.name, True, feed.every) for slug, feed in catalog.items()},
                now=at,
            )
            async with local_client() as client:
                checker = Checker(catalog=catalog, client=client, dsn=dsn, clock=_at(at), chance=lambda: 0.5, keys={})
                worker = Worker(database, checker.check, _silent, concurrency, checker.clock)
                begin = time.perf_counter()
                await worker.run_due()
                seconds = time.perf_counter() - begin
            results.append(await _round(database, seconds, publisher.statuses, catalog))
            now += timedelta(days=1)
    return results


def _at(time_: datetime) -> Clock:
    return lambda: time_


def _silent(event: str, **facts: object) -> None:
    """Say nothing."""
    del event, facts


async def _round(database: Database, seconds: float, statuses: Counter[int], catalog: dict[str, Feed]) -> Round:
    stored = await feeds.every(database)
    rows = {}
    for table in ("articles", "indicators", "sightings", "suppressed"):
        [(rows[table],)] = await database.fetch(f"select count(*) from {table}")
    [(rows["written"],)] = await database.fetch(
        "select sum(n_tup_ins + n_tup_upd)::bigint from pg_stat_user_tables where relname <> 'feeds'"
    )
    reasons = {
        catalog[each.slug].url.partition("/feeds/")[2] or each.slug: each.reason for each in stored if each.reason
    }
    return Round(seconds, Counter(statuses), Counter(each.state for each in stored), reasons, rows)


def main() -> None:
    """Parse the arguments, run, and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.ingestion", description=__doc__)
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--articles", type=int, metavar="N", help="N articles in feeds, instead of all the data")
    arguments = parser.parse_args()
    if not DATA.is_dir():
        sys.exit(MISSING)
    with (
        TemporaryDirectory(prefix="socdefenders-bench-", dir="/tmp") as folder,
        TemporaryDirectory(prefix="socdefenders-feeds-") as written,
        embedded.running(Path(folder), name="the benchmark") as instance,
    ):
        root = DATA
        if arguments.articles:
            root = Path(written)
            (root / "rss").mkdir()
            feeds_of(arguments.articles, root)
        asyncio.run(migrate.upgrade(instance.dsn))
        rounds = asyncio.run(take_in(instance.dsn, root, 2, arguments.concurrency))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for number, each in enumerate(rounds, 1):
        facts = {"round": number, "seconds": round(each.seconds, 1), "statuses": dict(each.statuses),
                 "states": dict(each.states), "rows": each.rows, "reasons": each.reasons}  # fmt: skip
        print(json.dumps(facts, indent=None if arguments.json else 1))
    if arguments.articles:
        print(f"{rounds[0].rows['articles'] / rounds[0].seconds:.0f} articles a second")
    print(f"peak memory {peak:.0f} MiB, the publisher and the client of the database included")


if __name__ == "__main__":
    main()
