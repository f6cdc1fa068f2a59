"""What stands at an address that is to become a source: a file, a MISP feed, a collection of a TAXII server."""

import asyncio
import re
import shutil
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from socdefenders.cli import working
from socdefenders.errors import FeedError, InputError
from socdefenders.feeds import PARSERS, items, recognise, walk
from socdefenders.feeds.catalog import Kind
from socdefenders.feeds.fetch import Fetched, Fetcher
from socdefenders.feeds.jsons import Json, as_dict, as_list, load, read_all
from socdefenders.feeds.page import MAX_PAGE, read_page
from socdefenders.indicators import extract
from socdefenders.ingest.indexes import events, manifest, taxii
from socdefenders.ingest.indexes.places import Place
from socdefenders.model import Document, Item, Observable, Rejected
from socdefenders.seams import utc
from socdefenders.settings import Settings

LOOKED_AT = 2_000
"""Records of a source that are read to see what it is."""
SHOWN = 5

_COLLECTION = re.compile(r"(https?://[^?#]+/collections/[^/?#]+/)(?:objects/)?")

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Look:
    """What stands at an address."""

    url: str
    format: str
    records: int
    """Of those looked at; of a MISP feed, its events."""
    rejected: int
    examples: tuple[str, ...]
    kind: Kind = Kind.FILE


async def look(settings: Settings, url: str, format_: str | None) -> Look:
    """Say what stands at `url`, read as the format named, if one is; raise FeedError or InputError."""
    async with working.client(settings) as fetcher:
        if format_ is None and (index := _index(url)) is not None:
            with suppress(FeedError):  # a file may lie at such an address too, and says itself what is wrong with it
                return await index[0](fetcher, index[1])
        try:
            return await _file(fetcher, url, format_)
        except (FeedError, InputError):
            if format_ is None and url.endswith("/"):
                for found in (_misp_feed, _collections):
                    with suppress(FeedError):  # what is wrong with the address itself says more
                        return await found(fetcher, url)
            raise


async def _file(fetcher: Fetcher, url: str, format_: str | None) -> Look:
    fetched = await fetcher.get(url)
    address = fetched.permanent_url or url
    found = await _with_body(fetched, address, lambda path: _read(path, address, format_))
    if isinstance(found, Look):
        return found
    if not found:
        raise InputError(f"{address} is a web page that names no feed; name the address of one.", parameter="url")
    if len(found) > 1:
        raise InputError(f"{address} is a web page; name one of its feeds: {', '.join(found)}.", parameter="url")
    return await _feed(fetcher, found[0])


async def _feed(fetcher: Fetcher, url: str) -> Look:
    """Read the one feed of a page."""
    read = await _with_body(await fetcher.get(url), url, lambda path: _read(path, url, "rss"))
    if isinstance(read, Look):
        return read
    raise FeedError(f"{url}: a web page, though another one calls it its feed.")


def _index(url: str) -> tuple[Callable[[Fetcher, str], Awaitable[Look]], str] | None:
    """Return how to read what looks like an index by its address, and the address by which it is known."""
    if url.endswith(f"/{events.NAME}"):
        return _misp_feed, url.removesuffix(events.NAME)
    found = _COLLECTION.fullmatch(url if url.endswith("/") else f"{url}/")
    return (_collection, found[1]) if found else None


async def _misp_feed(fetcher: Fetcher, folder: str) -> Look:
    """Read the manifest of a MISP feed, and its newest event."""
    url = folder + events.NAME
    fetched = await fetcher.get(url, limits=events.MANIFEST)
    listed = await _with_body(fetched, url, lambda path: manifest.read_manifest(_json(path, url)))
    if not listed.events:
        raise FeedError(f"{url}: not the manifest of a MISP feed, or one without events.")
    address = f"{folder}{listed.events[0].uuid}.json"
    fetched = await fetcher.get(address, limits=events.EVENT)
    examples = await _with_body(fetched, address, lambda path: _examples(path, "misp"))
    return Look(folder, "misp", len(listed.events), listed.malformed, examples, Kind.MISP_FEED)


async def _collection(fetcher: Fetcher, url: str) -> Look:
    """Read the first page of a TAXII collection."""
    address = taxii.address(url, Place())
    fetched = await fetcher.get(address, headers={"Accept": taxii.ACCEPT})

    def read(path: Path) -> Look:
        page = taxii.page(_json(path, url), address, fetched.headers, utc())
        return Look(url, "stix", page.records, 0, _examples(path, "stix"), Kind.TAXII)

    return await _with_body(fetched, url, read)


async def _collections(fetcher: Fetcher, root: str) -> Look:
    """Read the only collection of a TAXII server's API root; of several, somebody has to choose one."""
    url = f"{root}collections/"
    fetched = await fetcher.get(url, headers={"Accept": taxii.ACCEPT})
    value = await _with_body(fetched, url, lambda path: _json(path, url))
    listed = map(as_dict, as_list(value.get("collections")))
    addresses = [f"{url}{each['id']}/" for each in listed if each.get("can_read") and isinstance(each.get("id"), str)]
    if not addresses:
        raise FeedError(f"{url}: no collections of a TAXII server.")
    if len(addresses) > 1:
        raise InputError(f"{root} has several collections; name one of them: {', '.join(addresses)}.", parameter="url")
    return await _collection(fetcher, addresses[0])


async def _with_body(fetched: Fetched, url: str, read: Callable[[Path], Result]) -> Result:
    """Set the body aside under the name that `url` gives it, and read it."""

    def reading() -> Result:
        if fetched.body is None:
            raise FeedError(f"{url}: there is nothing there.")
        with fetched.body as body, TemporaryDirectory(prefix="socdefenders-") as folder:
            path = Path(folder, url.rstrip("/").rpartition("/")[2][-100:] or "source")
            with path.open("wb") as file:
                shutil.copyfileobj(body, file)
            return read(path)

    return await asyncio.to_thread(reading)


def _json(path: Path, name: str) -> Json:
    with path.open("rb") as stream:
        return as_dict(load(stream, name))


def _examples(path: Path, format_: str) -> tuple[str, ...]:
    """Return the first values of a file, where there are any."""
    read = (item for entry in walk([path]) for item in items(entry, PARSERS[format_]))
    kept = (item for item in islice(read, LOOKED_AT) if not isinstance(item, Rejected))
    return tuple(map(_example, islice(kept, SHOWN)))


def _read(path: Path, url: str, format_: str | None) -> Look | tuple[str, ...]:
    """Say what a file holds; of a web page, which feeds it names."""
    for entry in walk([path]):
        recognised = recognise(entry)
        if recognised is not None and recognised.name == "html" and format_ in {None, "rss"}:
            with entry.open() as stream:
                return read_page(read_all(stream, MAX_PAGE, url), url).feeds
        chosen = PARSERS[format_] if format_ else recognised
        if chosen is None:
            raise InputError(
                f"{url} is of no known format; name the address of a feed or list, or its format by --format.",
                parameter="url",
            )
        found = list(islice(items(entry, chosen), LOOKED_AT))
        read = [item for item in found if not isinstance(item, Rejected)]
        if not read:
            raise FeedError(f"{url}: read as {chosen.name}, nothing in it can be used; name another --format.")
        return Look(url, chosen.name, len(read), len(found) - len(read), tuple(map(_example, read[:SHOWN])))
    raise FeedError(f"{url}: there is nothing there.")


def _example(item: Item) -> str:
    if isinstance(item, Observable):
        return item.value
    if isinstance(item, Document):
        count = sum(match.suppressed is None for match in extract(item.text))
        return f"{item.title} ({count} indicators)"
    return item.reason
