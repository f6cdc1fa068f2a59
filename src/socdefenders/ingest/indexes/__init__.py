"""Sources that are indexes: a MISP feed's manifest leads to events, a TAXII collection and OTX come page by page.

What has been read is remembered after it has been written, event by event and page by page, so that the next
look costs what is new and no more, and one that is cut off loses one step. A look is bounded; the rest is read soon.
"""

import tempfile
from datetime import datetime
from pathlib import Path

from socdefenders.feeds.catalog import Feed, Kind
from socdefenders.feeds.catalog.feed import Address
from socdefenders.feeds.fetch import Validators
from socdefenders.ingest.bodies import Client, Seen
from socdefenders.ingest.indexes import otx, taxii
from socdefenders.ingest.indexes.events import read_events
from socdefenders.ingest.indexes.pages import read_pages
from socdefenders.ingest.indexes.places import Dialect
from socdefenders.ingest.indexes.visit import Visit
from socdefenders.storage.database import Database

DIALECTS: dict[Kind, Dialect] = {Kind.TAXII: taxii.DIALECT, Kind.OTX: otx.DIALECT}
"""How to ask for pages, and what stands in one, for each kind that comes page by page."""


async def read_index(
    feed: Feed, address: Address, validators: Validators, *, client: Client, dsn: str, now: datetime
) -> Seen:
    """Read what an index leads to that has not been read yet, as far as one look goes.

    Raise FeedError where the index itself cannot be had or read, or its publisher wants to be left alone: what was
    read until then is kept and remembered.
    """
    async with await Database.open(dsn, size=1) as database:
        with tempfile.TemporaryDirectory(prefix="socdefenders-") as folder:
            visit = Visit(feed=feed, address=address, client=client, dsn=dsn, folder=Path(folder), now=now)
            async with visit:
                if feed.kind is Kind.MISP_FEED:
                    return await read_events(visit, database, validators)
                return await read_pages(visit, database, DIALECTS[feed.kind])
