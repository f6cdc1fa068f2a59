"""One look at one source: fetched if it changed, read, written, judged.

A publisher's failure is a value here, part of how the source is doing; only the database's is raised. A body that
says the same as the last one costs no reading and no writing, whether its publisher knows conditional requests or
not. Of a feed of articles only entries that are new or changed are followed to their pages.
"""

import asyncio
import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import quote

from socdefenders.errors import FeedError, FeedKeyMissing, FetchFailed
from socdefenders.feeds import PARSERS, Entry, health, items, recognise, walk
from socdefenders.feeds.catalog import Feed, Kind
from socdefenders.feeds.fetch import Fetched, Validators
from socdefenders.feeds.page import read_page
from socdefenders.ingest.addresses import named_by_page
from socdefenders.ingest.batches import Batch, Options, article_id, batches, batches_of
from socdefenders.ingest.loading import write_all
from socdefenders.model import Document, Item, Outcome
from socdefenders.storage.feeds import Checked, FeedStatus
from socdefenders.storage.writing import Writer

PAGES = 200
"""Articles of one feed that are followed to their pages in one look; of more, what the feed itself says is read."""
PAGES_AT_ONCE = 4
FULL_TEXT = 4_000
"""Characters of an entry that is the whole article, so that its page adds nothing."""
PIECE = 1 << 20

STALE = timedelta(days=7)
"""After it a list is read again though it says the same: what it still holds without a date has been seen again."""
SYNDICATION = "rss"
UNREACHED = "connection"
"""The code of a failure to reach a publisher at all."""


class Client(Protocol):
    """What fetches: `feeds.fetch.Fetcher`, or what stands in for it."""

    async def get(self, url: str, *, validators: Validators = ..., headers: Mapping[str, str] | None = ...) -> Fetched:
        """Fetch what stands at `url`, unless it is what the validators are of."""

    async def page(self, url: str) -> Fetched:
        """Fetch an article's page, if robots may."""


@dataclass(frozen=True, slots=True)
class Found:
    """What reading a changed body came to."""

    outcome: Outcome
    records: int
    """Records that could be read, whatever became of them; of a feed of articles, its entries."""
    newest: datetime | None

    @property
    def changed(self) -> bool:
        """Whether anything was written."""
        return self.outcome.new + self.outcome.updated + self.outcome.articles > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Checker:
    """Checks sources of a catalog."""

    catalog: Mapping[str, Feed]
    client: Client
    dsn: str
    clock: Callable[[], datetime]
    chance: Callable[[], float]
    """A number between 0 and 1, by which the times of the next looks are spread."""
    keys: Mapping[str, str]
    """Publishers' keys, by the names of their settings."""

    async def check(self, status: FeedStatus) -> Checked:
        """Look at one source; raise StorageUnavailable when what was found cannot be written."""
        feed, now = self.catalog[status.slug], self.clock()
        status = _unless_stale(feed, status, now)
        expected = health.Expected(feed.every, feed.expected.least, dated=feed.format == SYNDICATION)
        known = health.Known(status.every, status.failures, status.records)
        try:
            fetched = await self._fetched(feed, status)
        except (FeedError, FeedKeyMissing) as error:
            failure = _failure(error, self._without_keys(error.message))
            following = health.after_failure(expected, known, failure, now=now, chance=self.chance())
            reached = error.reason_code != UNREACHED if isinstance(error, FetchFailed) else None
            return Checked(**following._asdict(), at=now, answered=False, reached=reached)
        found, digest, unreadable = await self._found(feed, status, fetched, now)
        moved = self._without_keys(fetched.permanent_url) if fetched.permanent_url else None
        if unreadable is not None:
            failure = health.Failure(reason=unreadable, permanent=True)
            following = health.after_failure(expected, known, failure, now=now, chance=self.chance())
        else:
            following = health.after_reading(expected, known, _reading(found, moved), now=now, chance=self.chance())
        kept = Validators(status.etag, status.last_modified) if fetched.not_modified else fetched.validators
        return Checked(
            **following._asdict(),
            at=now,
            answered=True,
            changed=found is not None and found.changed,
            etag=kept.etag,
            last_modified=kept.last_modified,
            content_hash=digest,
            records=found.records if found else None,
            newest_at=found.newest if found else None,
            unreadable=unreadable,
        )

    def _without_keys(self, message: str) -> str:
        """Take publishers' keys out of a message: some stand in the path of an address."""
        for name, key in self.keys.items():
            message = message.replace(key, f"{{{name}}}").replace(quote(key, safe=""), f"{{{name}}}")
        return message

    async def _fetched(self, feed: Feed, status: FeedStatus) -> Fetched:
        address = feed.address(self.keys)
        validators = Validators(status.etag, status.last_modified)
        return await self.client.get(address.url, validators=validators, headers=address.headers)

    async def _found(
        self, feed: Feed, status: FeedStatus, fetched: Fetched, now: datetime
    ) -> tuple[Found | None, bytes | None, str | None]:
        """Return what a body that changed came to, its hash, and why it cannot be read.

        One that did not change can be read or not as before.
        """
        if fetched.body is None:
            return None, status.content_hash, status.unreadable
        with fetched.body, tempfile.TemporaryDirectory(prefix="socdefenders-") as folder:
            path = Path(folder, feed.slug)
            digest = await asyncio.to_thread(_save, fetched.body, path)
            if digest == status.content_hash:
                return None, digest, status.unreadable
            try:
                return await self._read(feed, path, now), digest, None
            except FeedError as error:
                return None, digest, error.message.removeprefix(f"{path}: ")

    async def _read(self, feed: Feed, path: Path, now: datetime) -> Found:
        options = Options(
            source=feed.name,
            format=feed.format,
            category=feed.category,
            homepage=feed.homepage,
            confidence=feed.confidence,
        )
        await asyncio.to_thread(_refuse_page, path, feed)
        async with await Writer.open(self.dsn) as writer:
            if feed.format == SYNDICATION:
                found = await self._read_articles(feed, path, options, writer, now)
            else:
                newest: list[datetime] = []
                outcome = await write_all(writer, _dated(batches(walk([path]), options), newest), now=now)
                found = Found(outcome, _records(outcome), max(newest, default=None))
        outcome = found.outcome
        if not found.records and outcome.reasons:
            raise FeedError(f"Nothing in it could be read: {outcome.reasons[0].why}.")
        return found

    async def _read_articles(self, feed: Feed, path: Path, options: Options, writer: Writer, now: datetime) -> Found:
        entries = await asyncio.to_thread(_entries, path, feed)
        documents = [each for each in entries if isinstance(each, Document)]
        fresh: list[Item] = list(await self._fresh(feed, documents, writer, now))
        fresh += [each for each in entries if not isinstance(each, Document)]
        outcome = await write_all(writer, batches_of(fresh, options, feed.slug), now=now)
        newest = max((each.published_at for each in documents if each.published_at is not None), default=None)
        return Found(outcome, len(documents), newest)

    async def _fresh(
        self, feed: Feed, documents: Sequence[Document], writer: Writer, now: datetime
    ) -> Sequence[Document]:
        """Return the entries of a feed that are new or changed, each with the text of its page."""
        by_id = {article_id(each, feed.name, feed.slug): each for each in documents}
        known = await writer.known_articles(list(by_id))
        fresh = []
        for key, document in by_id.items():
            digest = _entry_hash(document)
            if key not in known:
                fresh.append(replace(document, entry_hash=digest))
            elif known[key] != digest:
                fresh.append(replace(document, entry_hash=digest, modified_at=document.modified_at or now))
        turn = asyncio.Semaphore(PAGES_AT_ONCE)
        followed = await asyncio.gather(*[self._followed(each, turn) for each in fresh[:PAGES]])
        return [*followed, *[replace(each, entry_hash=None) for each in fresh[PAGES:]]]

    async def _followed(self, document: Document, turn: asyncio.Semaphore) -> Document:
        """Return the article with its page's text, or as the feed has it where the page gives no more.

        A page that may answer another time leaves the entry without its hash, so that it is followed again.
        """
        if document.url is None or len(document.text) >= FULL_TEXT:
            return document
        async with turn:
            try:
                fetched = await self.client.page(document.url)
                text, address = await asyncio.to_thread(_page, fetched)
            except FetchFailed as error:
                return document if error.permanent else replace(document, entry_hash=None)
            except FeedError:
                return document
        return replace(document, text=max(document.text, text, key=len), canonical_url=address)


def _unless_stale(feed: Feed, status: FeedStatus, now: datetime) -> FeedStatus:
    """Return the status of a list that was last read long ago as that of one of which no body is known."""
    lately = status.read_at is not None and now - status.read_at <= STALE
    if lately or status.unreadable is not None or feed.kind is not Kind.FILE or feed.format == SYNDICATION:
        return status
    return replace(status, etag=None, last_modified=None, content_hash=None)


def _failure(error: FeedError | FeedKeyMissing, reason: str) -> health.Failure:
    if not isinstance(error, FetchFailed):
        return health.Failure(reason=reason, permanent=True)
    wait = None if error.retry_after is None else timedelta(seconds=error.retry_after)
    return health.Failure(reason=reason, permanent=error.permanent, retry_after=wait)


def _reading(found: Found | None, moved: str | None) -> health.Reading:
    if found is None:
        return health.Reading(changed=False, moved=moved)
    return health.Reading(
        changed=found.changed,
        records=found.records,
        malformed=found.outcome.malformed,
        newest=found.newest,
        moved=moved,
    )


def _save(body: BinaryIO, path: Path) -> bytes:
    """Copy `body` to a file, and return its SHA-256."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        while piece := body.read(PIECE):
            digest.update(piece)
            file.write(piece)
    return digest.digest()


def _records(outcome: Outcome) -> int:
    return (
        outcome.new + outcome.updated + outcome.unchanged + outcome.repeated + outcome.suppressed + outcome.unsupported
    )


def _entries(path: Path, feed: Feed) -> list[Item]:
    return [item for entry in walk([path]) for item in items(entry, PARSERS[feed.format])]


def _entry_hash(document: Document) -> bytes:
    said = (document.title, document.text, str(document.modified_at or ""))
    return hashlib.sha256("\0".join(said).encode("utf-8", "surrogatepass")).digest()


def _refuse_page(path: Path, feed: Feed) -> None:
    """Refuse a web page where a feed is expected: a login, a notice, an error that calls itself 200."""
    if feed.format in {"html", "text"}:
        return
    for entry in walk([path]):
        format_ = _recognised(entry)
        if format_ == "html":
            raise FeedError(
                f"A web page came where {PARSERS[feed.format].description} is expected: a login, a notice or an error. "
                f"Look at {feed.homepage}."
            )
        return


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


def _page(fetched: Fetched) -> tuple[str, str | None]:
    """Return a page's text, and the address that it gives itself."""
    try:
        page = read_page(fetched.text(), fetched.url)
        return page.text, named_by_page(page.url, fetched.url)
    finally:
        fetched.close()
