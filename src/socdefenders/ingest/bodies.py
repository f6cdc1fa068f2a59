"""One body that a publisher sent: set aside in a file, refused where it is a web page, read and written."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from socdefenders.errors import FeedError
from socdefenders.feeds import PARSERS, Entry, health, recognise, walk
from socdefenders.feeds.catalog import Feed, voices
from socdefenders.feeds.fetch import Fetched, Limits, Validators
from socdefenders.ingest.batches import Batch, Options, batches
from socdefenders.ingest.loading import write_all
from socdefenders.model import Outcome
from socdefenders.storage.writing import Writer

PIECE = 1 << 20


class Client(Protocol):
    """What fetches: `feeds.fetch.Fetcher`, or what stands in for it."""

    async def get(
        self,
        url: str,
        *,
        validators: Validators = ...,
        headers: Mapping[str, str] | None = ...,
        limits: Limits | None = ...,
    ) -> Fetched:
        """Fetch what stands at `url`, unless it is what the validators are of."""

    async def page(self, url: str) -> Fetched:
        """Fetch an article's page, if robots may."""


@dataclass(frozen=True, slots=True)
class Found:
    """What reading a body came to."""

    outcome: Outcome
    records: int
    """Records that could be read, whatever became of them; of a feed of articles, its entries."""
    newest: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a look at a source came to that answered."""

    reading: health.Reading
    validators: Validators
    """What to ask with next time."""
    digest: bytes | None = None
    unreadable: str | None = None
    """Why what came cannot be read, which asking again does not change."""


def options_of(feed: Feed) -> Options:
    """Return how what a source publishes is read."""
    return Options(
        source=feed.name,
        format=feed.format,
        category=feed.category,
        homepage=feed.homepage,
        confidence=feed.confidence,
        voices=voices({feed.slug: feed}),
    )


def save(body: BinaryIO, path: Path) -> bytes:
    """Copy `body` to a file, and return its SHA-256."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        while piece := body.read(PIECE):
            digest.update(piece)
            file.write(piece)
    return digest.digest()


def refuse_page(path: Path, feed: Feed) -> None:
    """Refuse a web page where a feed is expected: a login, a notice, an error that calls itself 200."""
    if feed.format in {"html", "text"}:
        return
    for entry in walk([path]):
        if _recognised(entry) == "html":
            raise FeedError(
                f"A web page came where {PARSERS[feed.format].description} is expected: a login, a notice or an error. "
                f"Look at {feed.homepage}."
            )
        return


async def take_in(writer: Writer, path: Path, feed: Feed, now: datetime) -> Found:
    """Read the file as the source's format, and write what is in it."""
    newest: list[datetime] = []
    outcome = await write_all(writer, _dated(batches(walk([path]), options_of(feed)), newest), now=now)
    return Found(outcome, records_of(outcome), max(newest, default=None))


def _recognised(entry: Entry) -> str | None:
    found = recognise(entry)
    return found.name if found else None


def _dated(reading: Iterator[Batch], newest: list[datetime]) -> Iterator[Batch]:
    """Pass batches on, and keep the latest date of each."""
    for batch in reading:
        dates = [date for each in batch.sightings if (date := each.last_seen or each.first_seen) is not None]
        dates += [date for read in batch.articles.values() if (date := read.article.published_at) is not None]
        newest += [max(dates)] if dates else []
        yield batch


def records_of(outcome: Outcome) -> int:
    """Return how many records could be read, whatever became of them."""
    return (
        outcome.new + outcome.updated + outcome.unchanged + outcome.repeated + outcome.suppressed + outcome.unsupported
    )
