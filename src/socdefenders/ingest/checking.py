"""One look at one source: fetched if it changed, read, written, judged.

A publisher's failure is a value here, part of how the source is doing; only the database's is raised. A body that
says the same as the last one costs no reading and no writing, whether its publisher knows conditional requests or
not. Of a feed of articles only entries that are new or changed are followed to their pages.
"""

import asyncio
import hashlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from urllib.parse import quote

from socdefenders.errors import FeedError, FeedKeyMissing, FetchFailed
from socdefenders.feeds import PARSERS, health, items, walk
from socdefenders.feeds.catalog import Feed, Kind
from socdefenders.feeds.catalog.feed import Address
from socdefenders.feeds.fetch import Fetched, Validators
from socdefenders.feeds.page import read_page
from socdefenders.ingest.addresses import named_by_page
from socdefenders.ingest.batches import article_id, batches_of
from socdefenders.ingest.bodies import Client, Found, Seen, options_of, refuse_page, save, take_in
from socdefenders.ingest.indexes import read_index
from socdefenders.ingest.loading import write_all
from socdefenders.ingest.reader import in_reader
from socdefenders.ingest.weighing import corroborated
from socdefenders.model import Document, Item, State
from socdefenders.storage.feeds import Checked, FeedStatus
from socdefenders.storage.writing import Writer

PAGES = 200
"""Articles of one feed that are followed to their pages in one look; of more, what the feed itself says is read."""
PAGES_AT_ONCE = 4
ENTRIES = 500
"""Of a feed that are read in one turn."""
FOLLOWING = timedelta(minutes=10)
"""After which a look begins no more of them: hosts that drip would keep a worker from other sources for an hour."""
FULL_TEXT = 4_000
"""Characters of an entry that is the whole article, so that its page adds nothing."""

STALE = timedelta(days=7)
"""After it a list is read again though it says the same: what it still holds without a date has been seen again."""
SYNDICATION = "rss"
UNREACHED = "connection"
"""The code of a failure to reach a publisher at all."""


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
        known = health.Known(status.every, status.failures, status.records, State(status.state), status.reason)
        try:
            seen = await self._seen(feed, status, now)
        except (FeedError, FeedKeyMissing) as error:
            following = health.after_failure(expected, known, _failure(error), now=now, chance=self.chance())
            reached = error.reason_code != UNREACHED if isinstance(error, FetchFailed) else None
            return Checked(**self._told(following)._asdict(), at=now, answered=False, reached=reached)
        reading = seen.reading
        if seen.unreadable is not None:
            failure = health.Failure(reason=seen.unreadable, permanent=True)
            following = health.after_failure(expected, known, failure, now=now, chance=self.chance())
        else:
            following = health.after_reading(expected, known, reading, now=now, chance=self.chance())
        return Checked(
            **self._told(following)._asdict(),
            at=now,
            answered=True,
            changed=reading.changed,
            etag=seen.validators.etag,
            last_modified=seen.validators.last_modified,
            content_hash=seen.digest,
            records=reading.records if reading.whole or reading.records else None,
            newest_at=reading.newest,
            unreadable=seen.unreadable,
        )

    async def _seen(self, feed: Feed, status: FeedStatus, now: datetime) -> Seen:
        address = feed.address(self.keys)
        if feed.kind is Kind.FILE:
            return await self._seen_file(feed, address, status, now)
        validators = Validators(status.etag, status.last_modified)
        return await read_index(feed, address, validators, client=self.client, dsn=self.dsn, now=now)

    def _told(self, following: health.Next) -> health.Next:
        """Take publishers' keys out of the reason: some stand in the path of an address."""
        reason = following.reason or ""
        for name, key in self.keys.items():
            reason = reason.replace(key, f"{{{name}}}").replace(quote(key, safe=""), f"{{{name}}}")
        return following._replace(reason=reason or None)

    async def _seen_file(self, feed: Feed, address: Address, status: FeedStatus, now: datetime) -> Seen:
        validators = Validators(status.etag, status.last_modified)
        fetched = await self.client.get(address.url, validators=validators, headers=address.headers)
        found, digest, unreadable = await self._found(feed, status, fetched, now)
        reading = health.Reading(changed=False, moved=fetched.permanent_url)
        if found is not None:
            reading = replace(
                reading,
                changed=found.outcome.changed,
                records=found.records,
                malformed=found.outcome.malformed,
                newest=found.newest,
            )
        kept = validators if fetched.not_modified else fetched.validators
        return Seen(reading=reading, validators=kept, digest=digest, unreadable=unreadable)

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
            digest = await asyncio.to_thread(save, fetched.body, path)
            if digest == status.content_hash:
                return None, digest, status.unreadable
            try:
                return await self._read(feed, path, now), digest, None
            except FeedError as error:
                return None, digest, error.message.removeprefix(f"{path}: ")

    async def _read(self, feed: Feed, path: Path, now: datetime) -> Found:
        await asyncio.to_thread(refuse_page, path, feed)
        async with await Writer.open(self.dsn, corroborated) as writer:
            if feed.format == SYNDICATION:
                found = await self._read_articles(feed, path, writer, now)
            else:
                found = await take_in(writer, path, feed, now)
        outcome = found.outcome
        if not found.records and outcome.reasons:
            raise FeedError(f"Nothing in it could be read: {outcome.reasons[0].why}.")
        return found

    async def _read_articles(self, feed: Feed, path: Path, writer: Writer, now: datetime) -> Found:
        entries = await _entries(path, feed)
        documents = [each for each in entries if isinstance(each, Document)]
        fresh: list[Item] = list(await self._fresh(feed, documents, writer, now))
        fresh += [each for each in entries if not isinstance(each, Document)]
        outcome = await write_all(writer, batches_of(fresh, options_of(feed), feed.slug), now=now)
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
        followed = await asyncio.gather(*[self._followed(each, turn, now) for each in fresh[:PAGES]])
        return [*followed, *[replace(each, entry_hash=None) for each in fresh[PAGES:]]]

    async def _followed(self, document: Document, turn: asyncio.Semaphore, begun: datetime) -> Document:
        """Return the article with its page's text, or as the feed has it where the page gives no more.

        A page that may answer another time leaves the entry without its hash, so that it is followed again.
        """
        if document.url is None or len(document.text) >= FULL_TEXT:
            return document
        async with turn:
            if self.clock() - begun > FOLLOWING:
                return replace(document, entry_hash=None)
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


def _failure(error: FeedError | FeedKeyMissing) -> health.Failure:
    if not isinstance(error, FetchFailed):
        return health.Failure(reason=error.message, permanent=True)
    wait = None if error.retry_after is None else timedelta(seconds=error.retry_after)
    return health.Failure(reason=error.message, permanent=error.permanent, retry_after=wait)


async def _entries(path: Path, feed: Feed) -> list[Item]:
    reading = (item for entry in walk([path]) for item in items(entry, PARSERS[feed.format], feed.url))
    entries: list[Item] = []
    while some := await in_reader(list, islice(reading, ENTRIES)):
        entries += some
    return entries


def _entry_hash(document: Document) -> bytes:
    said = (document.title, document.text, str(document.modified_at or ""))
    return hashlib.sha256("\0".join(said).encode("utf-8", "surrogatepass")).digest()


def _page(fetched: Fetched) -> tuple[str, str | None]:
    """Return a page's text, and the address that it gives itself."""
    try:
        page = read_page(fetched.text(), fetched.url)
        return page.text, named_by_page(page.url, fetched.url)
    finally:
        fetched.close()
