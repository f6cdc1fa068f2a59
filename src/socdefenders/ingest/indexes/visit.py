"""One look at an index: what it has at hand, and what it came to so far."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from socdefenders.errors import FeedError
from socdefenders.feeds.catalog import Feed
from socdefenders.feeds.catalog.feed import Address
from socdefenders.feeds.fetch import UNKNOWN, Fetched, Limits, Validators
from socdefenders.feeds.jsons import Json, load
from socdefenders.ingest.bodies import Client, refuse_page, save, take_in
from socdefenders.ingest.loading import add
from socdefenders.ingest.weighing import corroborated
from socdefenders.model import Outcome
from socdefenders.storage.writing import Writer

ROUND_BYTES = 256 << 20
"""Of bodies, after which a look fetches nothing more."""
_FILE = "body"


@dataclass(slots=True, kw_only=True)
class Visit:
    """Fetches with the source's key, reads, writes and counts; an async context manager."""

    feed: Feed
    address: Address
    client: Client
    dsn: str
    folder: Path
    now: datetime
    outcome: Outcome = field(default_factory=Outcome)
    """Of all that was taken in."""
    size: int = 0
    """Bytes of all that was fetched."""
    digests: set[bytes] = field(default_factory=set)
    """SHA-256 of each body that was set aside."""
    repeats: bool = False
    """Whether the body that was set aside last had come before."""
    writer: Writer | None = None
    """Opened for the first thing that is written: mostly there is nothing new."""

    async def __aenter__(self) -> Self:
        """Return the visit itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the connection go that was written over."""
        if self.writer is not None:
            await self.writer.__aexit__(kind, error, trace)

    @property
    def full(self) -> bool:
        """Whether enough was fetched for one look."""
        return self.size >= ROUND_BYTES

    async def fetch(
        self, url: str, *, accept: str = "*/*", validators: Validators = UNKNOWN, limits: Limits | None = None
    ) -> Fetched:
        """Fetch what stands at `url`, with the source's key; raise FetchFailed."""
        headers = {"Accept": accept, **self.address.headers}
        fetched = await self.client.get(url, validators=validators, headers=headers, limits=limits)
        self.size += fetched.size
        return fetched

    async def read(self, fetched: Fetched, name: str) -> Json:
        """Set the body aside and return the JSON object in it; `name` is what messages call it. Raise FeedError."""
        return await asyncio.to_thread(self._read, fetched, name)

    def _read(self, fetched: Fetched, name: str) -> Json:
        path = self.folder / _FILE
        if fetched.body is not None:
            with fetched.body as body:
                digest = save(body, path)
            self.repeats = digest in self.digests
            self.digests.add(digest)
        try:
            refuse_page(path, self.feed)
        except FeedError as error:
            raise FeedError(error.message.removeprefix(f"{path}: ")) from error
        with path.open("rb") as stream:
            value = load(stream, name)
        if not isinstance(value, dict):
            raise FeedError(f"{name}: no JSON object, or one that is cut off.")
        return value

    async def take_in(self) -> None:
        """Write what stands in the body that was set aside last."""
        if self.writer is None:
            self.writer = await Writer.open(self.dsn, corroborated)
        found = await take_in(self.writer, self.folder / _FILE, self.feed, self.now)
        add(self.outcome, found.outcome)
