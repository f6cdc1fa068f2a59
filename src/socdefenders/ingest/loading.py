"""Loads published files: recognises each, reads it, judges every value, writes what is an indicator.

Reading is plain Python and writing is mostly the database's work, so the two overlap: while one batch is
written, the next is read in a thread.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from socdefenders.errors import FeedError, UnknownFormat
from socdefenders.feeds import PARSERS, walk
from socdefenders.ingest.batches import REASONS, Batch, Options, batches, keep
from socdefenders.ingest.reader import in_reader
from socdefenders.ingest.weighing import corroborated
from socdefenders.model import Outcome
from socdefenders.storage.writing import Writer

AS_FOUND = Options()
"""Sources and formats as the files have them."""


async def load(
    dsn: str,
    paths: Sequence[Path],
    *,
    now: datetime,
    options: Options = AS_FOUND,
    progress: Callable[[str, Outcome], None] = lambda _file, _outcome: None,
) -> Outcome:
    """Load every file at or below `paths`; raise FeedError when a path does not exist or the format named is unknown.

    A file that cannot be read is counted, and its reason kept. `progress` is called after each batch with the file
    being read and the counts so far.
    """
    for path in paths:
        if not path.exists():
            raise FeedError(f"{path} does not exist.")
    if options.format is not None and options.format not in PARSERS:
        raise UnknownFormat(f"{options.format} is no format; the formats are {', '.join(PARSERS)}.")
    async with await Writer.open(dsn, corroborated) as writer:
        total = await write_all(
            writer, batches(walk(paths), options), now=now, dry_run=options.dry_run, progress=progress
        )
        if not options.dry_run:
            # Also when nothing was new: an import that was killed may have left ranges without their index.
            await writer.settle(changed=total.new > 0)
    return total


async def write_all(
    writer: Writer,
    reading: Iterator[Batch],
    *,
    now: datetime,
    dry_run: bool = False,
    progress: Callable[[str, Outcome], None] = lambda _file, _outcome: None,
) -> Outcome:
    """Write every batch that `reading` gives, while the next is read in a thread; return the sum of what they did."""
    total = Outcome()
    batch = await in_reader(next, reading, None)
    while batch is not None:
        upcoming = asyncio.create_task(in_reader(next, reading, None))
        try:
            await _write(writer, batch, now=now, dry_run=dry_run)
        except BaseException:
            upcoming.cancel()  # what has not begun is read for nobody, and what has is waited for by nobody
            await asyncio.gather(upcoming, return_exceptions=True)
            raise
        following = await upcoming
        add(total, batch.outcome)
        progress(batch.file, total)
        batch = following
    return total


async def _write(writer: Writer, batch: Batch, *, now: datetime, dry_run: bool) -> None:
    for name, facts in batch.sources.items():
        await writer.source(name, *facts, dry_run=dry_run)
    written = await writer.write(batch.sightings, list(batch.articles.values()), now=now, dry_run=dry_run)
    outcome = batch.outcome
    outcome.new, outcome.updated, outcome.unchanged = written.new, written.updated, written.unchanged
    outcome.repeated = len(batch.sightings) - written.new - written.updated - written.unchanged
    outcome.articles = written.articles


def add(total: Outcome, part: Outcome) -> None:
    """Add what a part came to, to the total."""
    for name in (
        "new",
        "updated",
        "unchanged",
        "repeated",
        "suppressed",
        "unsupported",
        "malformed",
        "articles",
        "files",
        "unread",
    ):
        setattr(total, name, getattr(total, name) + getattr(part, name))
    for reason in part.reasons:
        keep(total.reasons, reason)
    total.empty_reports = (total.empty_reports + part.empty_reports)[:REASONS]
