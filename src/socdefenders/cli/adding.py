"""`socdefenders feeds add` and `feeds import`: a source of one's own without writing its file."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import click

from socdefenders.cli import options, working
from socdefenders.cli.looking import LOOKED_AT, Look, look
from socdefenders.cli.terminal import safe, write_json
from socdefenders.errors import CatalogError, InputError
from socdefenders.feeds import PARSERS
from socdefenders.feeds.catalog import Expected, Feed, Kind, format_toml
from socdefenders.feeds.catalog.feed import slug_of
from socdefenders.feeds.subscriptions import Candidate, described, read_csv, read_opml
from socdefenders.model import Rejected


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
    if slug is not None:
        _refuse_name(slug)
    _refuse_known(known, url)
    found = asyncio.run(look(settings, url, format_))
    _refuse_known(known, found.url)
    title = slug or found.url.partition("://")[2].partition("/")[0].removeprefix("www.")
    candidate = Candidate(title, found.url, found.url, PARSERS[found.format].category, found.format, found.kind)
    feed = replace(described(candidate, known), enabled=True, expected=Expected(min(1, found.records), 100_000))
    if slug is not None:
        feed = replace(feed, slug=slug)
    file = working.folder(settings) / f"{feed.slug}.toml"
    if file.exists():
        raise InputError(f"{file} is there already; choose another --name, or change the file.")
    if as_json:
        write_json({"slug": feed.slug, "url": found.url, "file": str(file),
                    "kind": found.kind.value, "format": found.format, "records": found.records,
                    "rejected": found.rejected, "examples": list(found.examples)})  # fmt: skip
    else:
        if found.url != url:
            click.echo(f"Found at {safe(found.url)}.")
        click.echo(_shown(found))
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
        for name in added:
            click.echo(name)
        state = "on" if enable else "off; `socdefenders feeds enable NAME` switches one on"
        click.echo(f"Added {len(added)} sources, which are {state}.")
    return 1 if any(each.supported for each in left) else 0


def _refuse_name(slug: str) -> None:
    try:
        slug_of(f"{slug}.toml")
    except CatalogError as error:
        raise InputError("--name takes lower-case letters, digits and single hyphens, 64 at most.") from error


def _refuse_known(known: Mapping[str, Feed], url: str) -> None:
    """Refuse an address that is a source's already: two that fetch the same are an error of the whole catalog."""
    for feed in known.values():
        if feed.url == url:
            rest = "" if feed.enabled else f", which is off; `socdefenders feeds enable {feed.slug}` switches it on"
            raise InputError(f"{url} is the source {feed.slug} already{rest}.")


def _shown(found: Look) -> str:
    described = PARSERS[found.format].description
    most = "at least " if found.records + found.rejected >= LOOKED_AT else ""
    what = f"{most}{found.records:,} records"
    if found.kind is Kind.MISP_FEED:
        what = f"a MISP feed of {found.records:,} events"
    elif found.kind is Kind.TAXII:
        what = f"a TAXII collection, {found.records:,} records in its first page"
    lines = [f"Read as {found.format} ({described}): {what}."]
    if found.rejected:
        lines.append(f"{found.rejected:,} could not be read.")
    return "\n".join([*lines, *[f"  {safe(each)}" for each in found.examples]])
