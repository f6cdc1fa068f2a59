"""`socdefenders feeds add` and `feeds import`: a source of one's own without writing its file."""

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import click

from socdefenders.cli import options, working
from socdefenders.cli.terminal import safe, write_json
from socdefenders.errors import FeedError, InputError
from socdefenders.feeds import PARSERS, items, recognise, walk
from socdefenders.feeds.catalog import Expected, format_toml
from socdefenders.feeds.catalog.feed import slug_of
from socdefenders.feeds.subscriptions import Candidate, described, read_csv, read_opml
from socdefenders.indicators import extract
from socdefenders.model import Document, Item, Observable, Rejected
from socdefenders.settings import Settings

LOOKED_AT = 2_000
"""Records of a source that are read to see what it is."""
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Look:
    """What stands at an address."""

    url: str
    format: str
    records: int
    """Of those looked at."""
    rejected: int
    examples: tuple[str, ...]


@click.command(
    short_help="Add the source at an address.",
    epilog="\b\nExamples:\n  socdefenders feeds add https://blog.example/feed.xml\n"
    "  socdefenders feeds add --name my-list --format list --yes https://lists.example/bad.txt",
)
@click.argument("url")
@click.option("--name", "slug", metavar="NAME", help="What to call it; default: by its address.")
@click.option("--format", "format_", type=click.Choice(list(PARSERS)), metavar="FORMAT", help="Default: recognised.")
@click.option("--yes", is_flag=True, help="Write the file without asking.")
@options.as_json
@options.own_files
@click.pass_context
def add(
    context: click.Context,
    *,
    url: str,
    slug: str | None,
    format_: str | None,
    yes: bool,
    as_json: bool,
    data_dir: Path | None,
) -> None:
    """Look at an address, show what would be read there, and write a source's file."""
    environ: Mapping[str, str] = context.obj
    settings = options.read(environ, data_dir)
    known = working.catalog(settings)
    look = asyncio.run(_look(settings, url, format_))
    title = slug or look.url.partition("://")[2].partition("/")[0].removeprefix("www.")
    candidate = Candidate(title, look.url, look.url, PARSERS[look.format].category, look.format)
    feed = replace(described(candidate, known), enabled=True, expected=Expected(min(1, look.records), 100_000))
    if slug is not None:
        slug_of(f"{slug}.toml")
        feed = replace(feed, slug=slug)
    file = working.folder(settings) / f"{feed.slug}.toml"
    if file.exists():
        raise InputError(f"{file} is there already; choose another --name, or change the file.")
    if as_json:
        write_json({"slug": feed.slug, "file": str(file), "format": look.format, "records": look.records,
                    "rejected": look.rejected, "examples": list(look.examples)})  # fmt: skip
    else:
        click.echo(_shown(look))
    if not (yes or as_json or click.confirm(f"Write {safe(str(file))}?", default=True)):
        return
    working.keep(settings, feed.slug, format_toml(feed))
    if not as_json:
        click.echo(f"Added {feed.slug}. Its file says how it may be used and graded; look it over: {safe(str(file))}")


@click.command(
    name="import",
    short_help="Add the sources of an OPML or CSV file.",
    epilog="\b\nExamples:\n  socdefenders feeds import feeds.opml\n  socdefenders feeds import sources.csv --enable",
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--enable", is_flag=True, help="Switch them on at once; default: they are off until somebody does.")
@options.as_json
@options.own_files
@click.pass_context
def import_(context: click.Context, *, file: Path, enable: bool, as_json: bool, data_dir: Path | None) -> int:
    """Write a source's file for each entry of an OPML or CSV file; exit 1 when one could not be read."""
    environ: Mapping[str, str] = context.obj
    settings = options.read(environ, data_dir)
    known = working.catalog(settings)
    addresses = {feed.url for feed in known.values()}
    read = read_opml if file.suffix.lower() in {".opml", ".xml"} else read_csv
    taken, added, left = set(known), list[str](), list[Rejected]()
    for found in read(file.read_bytes(), file.name):
        if isinstance(found, Rejected):
            left.append(found)
        elif found.url in addresses:
            left.append(Rejected(0, f"{found.url} is in the catalog already", supported=False))
        else:
            feed = replace(described(found, taken), enabled=enable)
            working.keep(settings, feed.slug, format_toml(feed))
            taken.add(feed.slug)
            addresses.add(feed.url)
            added.append(feed.slug)
    if as_json:
        left_out = [{"line": each.line, "reason": each.reason} for each in left]
        write_json({"added": added, "left_out": left_out})
    else:
        for each in left:
            click.echo(safe(f"{file.name}:{each.line}: {each.reason}" if each.line else each.reason), err=True)
        state = "on" if enable else "off; `socdefenders feeds enable NAME` switches one on"
        click.echo(f"Added {len(added)} sources, which are {state}.")
    return 1 if any(each.supported for each in left) else 0


async def _look(settings: Settings, url: str, format_: str | None) -> Look:
    async with working.client(settings) as fetcher:
        fetched = await fetcher.get(url)
    if fetched.body is None:
        raise FeedError(f"{url}: there is nothing there.")
    with fetched.body as body:
        return await asyncio.to_thread(_looked, body, fetched.permanent_url or url, format_)


def _looked(body: BinaryIO, url: str, format_: str | None) -> Look:
    with TemporaryDirectory(prefix="socdefenders-") as folder:
        path = Path(folder, url.rstrip("/").rpartition("/")[2][-100:] or "source")
        with path.open("wb") as file:
            shutil.copyfileobj(body, file)
        return _read(path, url, format_)


def _read(path: Path, url: str, format_: str | None) -> Look:
    for entry in walk([path]):
        chosen = PARSERS[format_] if format_ else recognise(entry)
        if chosen is None or chosen.name == "html":
            raise InputError(
                f"{url} is {'a web page' if chosen else 'of no known format'}; name the address of a feed or list"
                f"{'' if chosen else ', or its format by --format'}.",
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


def _shown(look: Look) -> str:
    most = "at least " if look.records + look.rejected >= LOOKED_AT else ""
    lines = [f"Read as {look.format} ({PARSERS[look.format].description}): {most}{look.records:,} records."]
    if look.rejected:
        lines.append(f"{look.rejected:,} could not be read.")
    return "\n".join([*lines, *[f"  {safe(each)}" for each in look.examples]])
