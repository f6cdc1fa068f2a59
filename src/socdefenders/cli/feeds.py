"""`socdefenders feeds`: which sources there are, how they are doing, and an operator's own."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import click
from rich.table import Table
from rich.text import Text

from socdefenders.cli import options, working
from socdefenders.cli.adding import add, import_
from socdefenders.cli.place import Place, database, exists, passing, prepare
from socdefenders.cli.terminal import console, safe, show, write_json
from socdefenders.errors import InputError
from socdefenders.feeds.catalog import Feed, builtin, format_toml, refuse_twice, written
from socdefenders.seams import utc
from socdefenders.settings import Settings
from socdefenders.storage import feeds
from socdefenders.storage.database import Database
from socdefenders.storage.feeds import Checked, FeedStatus
from socdefenders.worker import LEASE

Result = TypeVar("Result")

EPILOG = """\b
Examples:
  socdefenders feeds list
  socdefenders feeds check urlhaus
  socdefenders feeds add https://blog.example/feed.xml
  socdefenders feeds run cisa-kev
"""


@click.group(name="feeds", epilog=EPILOG)
def command() -> None:
    """List, check, run and add the sources that are fetched.

    What a source is stands in a file of the catalog; one's own lie in the folder `feeds` of the data directory, and
    replace those of their names. A worker sees a change within a minute.
    """


command.add_command(add)
command.add_command(import_)

named = click.argument("slugs", nargs=-1, required=True, metavar="NAME...")
named_or_all = click.argument("slugs", nargs=-1, metavar="[NAME]...")


@command.command(name="list", epilog="\b\nExamples:\n  socdefenders feeds list\n  socdefenders feeds list --all --json")
@click.option("--all", "everything", is_flag=True, help="Those that are off, too.")
@options.as_json
@options.data_dir
@click.pass_context
def list_(context: click.Context, *, everything: bool, as_json: bool, data_dir: Path | None) -> None:
    """List the sources and how they are doing."""
    settings = _settings(context, data_dir)
    sources = working.catalog(settings)
    stored = {each.slug: each for each in _stored(context, settings)}
    shown = [feed for feed in sources.values() if feed.enabled or everything]
    if as_json:
        write_json({"data": [_facts(feed, stored.get(feed.slug)) for feed in shown], "meta": {"total": len(shown)}})
        return
    show(console(), _table(shown, stored))
    off = len(sources) - sum(feed.enabled for feed in sources.values())
    if off and not everything:
        click.echo(f"{off} more are off; --all lists them, `socdefenders feeds enable NAME` switches one on.")


@command.command(
    short_help="Fetch sources and say how they are.",
    epilog="\b\nExamples:\n  socdefenders feeds check openphish\n  socdefenders feeds check --json openphish",
)
@named
@options.as_json
@options.data_dir
@click.pass_context
def check(context: click.Context, *, slugs: tuple[str, ...], as_json: bool, data_dir: Path | None) -> int:
    """Fetch sources and say how they are doing, without keeping anything; exit 1 when one is not well."""
    settings = _settings(context, data_dir)
    chosen = _chosen(working.catalog(settings), slugs)
    with passing(context.command_path) as place:
        return _report(asyncio.run(_run(settings, place, chosen)), as_json=as_json)


@command.command(
    short_help="Fetch sources now and keep what is found.",
    epilog="\b\nExamples:\n  socdefenders feeds run cisa-kev\n  socdefenders feeds run",
)
@named_or_all
@options.as_json
@options.data_dir
@click.pass_context
def run(context: click.Context, *, slugs: tuple[str, ...], as_json: bool, data_dir: Path | None) -> int:
    """Fetch sources now, all that are on unless named, and keep what is found; exit 1 when one is not well."""
    settings = _settings(context, data_dir)
    sources = working.catalog(settings)
    named = _chosen(sources, slugs)
    chosen = named or [feed for feed in sources.values() if feed.enabled]
    with database(settings, context.command_path, create=True) as place:
        return _report(asyncio.run(_run(settings, place, chosen)), as_json=as_json)


@command.command(epilog="\b\nExamples:\n  socdefenders feeds enable phishtank")
@named
@options.as_json
@options.data_dir
@click.pass_context
def enable(context: click.Context, *, slugs: tuple[str, ...], as_json: bool, data_dir: Path | None) -> None:
    """Switch sources on."""
    _switch(_settings(context, data_dir), slugs, on=True, as_json=as_json)


@command.command(epilog="\b\nExamples:\n  socdefenders feeds disable openphish")
@named
@options.as_json
@options.data_dir
@click.pass_context
def disable(context: click.Context, *, slugs: tuple[str, ...], as_json: bool, data_dir: Path | None) -> None:
    """Switch sources off; what they reported stays."""
    _switch(_settings(context, data_dir), slugs, on=False, as_json=as_json)


@command.command(
    short_help="Remove sources of one's own.", epilog="\b\nExamples:\n  socdefenders feeds remove my-source"
)
@named
@options.as_json
@options.data_dir
@click.pass_context
def remove(context: click.Context, *, slugs: tuple[str, ...], as_json: bool, data_dir: Path | None) -> None:
    """Remove sources of one's own; what they reported stays."""
    settings = _settings(context, data_dir)
    own = {file.stem for file in working.folder(settings).glob("*.toml")}
    for slug in slugs:
        if slug not in own:  # one that is may be what the catalog cannot be read for
            _chosen(working.catalog(settings), [slug])
            raise InputError(f"{slug} comes with SOC Defenders; `socdefenders feeds disable {slug}` switches it off.")
    removed = {slug: str(working.keep(settings, slug, None)) for slug in slugs}
    gone = removed.keys() - working.catalog(settings).keys()
    if gone and exists(settings):
        with database(settings, context.command_path) as place:
            asyncio.run(_opened(place, lambda opened: feeds.remove(opened, gone)))
    if as_json:
        write_json({"data": [{"slug": slug, "file": file} for slug, file in removed.items()]})
        return
    for file in removed.values():
        click.echo(f"Removed {safe(file)}.")


def _settings(context: click.Context, data_dir: Path | None) -> Settings:
    environ: Mapping[str, str] = context.obj
    return options.read(environ, data_dir)


def _chosen(sources: Mapping[str, Feed], slugs: Sequence[str]) -> list[Feed]:
    for slug in slugs:
        if slug not in sources:
            near = sorted(each for each in sources if slug.lower() in each)[:5]
            hint = f"; is it {' or '.join(near)}?" if near else "; `socdefenders feeds list --all` lists them."
            raise InputError(f"There is no source {slug!r}{hint}")
    return [sources[slug] for slug in slugs]


def _stored(context: click.Context, settings: Settings) -> list[FeedStatus]:
    if not exists(settings):
        return []
    with database(settings, context.command_path) as place:
        return asyncio.run(_opened(place, feeds.every))


async def _opened(place: Place, work: Callable[[Database], Awaitable[Result]]) -> Result:
    await prepare(place)
    async with await Database.open(place.dsn, size=2) as opened:
        return await work(opened)


async def _run(settings: Settings, place: Place, chosen: Sequence[Feed]) -> list[tuple[Feed, Checked | None]]:
    """Look at each source in turn; None for one that a worker is looking at."""
    found: list[tuple[Feed, Checked | None]] = []
    await prepare(place)
    me = uuid4()
    async with await Database.open(place.dsn, size=2) as opened, working.client(settings) as fetcher:
        sources = working.catalog(settings)
        await working.register(opened, sources)
        checker = working.checker(settings, place.dsn, sources, fetcher)
        for feed in chosen:
            now = utc()
            status = await feeds.claim_one(opened, me, feed.slug, now=now, until=now + LEASE)
            if status is None:
                found.append((feed, None))
                continue
            checked = await checker.check(status)
            await feeds.finish(opened, me, feed.slug, checked)
            found.append((feed, checked))
    return found


def _report(found: Sequence[tuple[Feed, Checked | None]], *, as_json: bool) -> int:
    if as_json:
        write_json({"data": [_result(feed, checked) for feed, checked in found]})
    else:
        for feed, checked in found:
            if checked is None:
                click.echo(f"{feed.slug}: a worker is looking at it.")
            else:
                count = "" if checked.records is None else f", {checked.records:,} records"
                news = ", something new" if checked.changed else ""
                click.echo(f"{feed.slug}: {checked.state}{count}{news}. {safe(checked.reason or '')}".rstrip())
    return 0 if all(checked is not None and checked.state == "healthy" for _, checked in found) else 1


def _result(feed: Feed, checked: Checked | None) -> dict[str, object]:
    if checked is None:
        return {"slug": feed.slug, "state": None, "reason": "A worker is looking at it."}
    return {
        "slug": feed.slug,
        "state": checked.state,
        "reason": checked.reason,
        "records": checked.records,
        "changed": checked.changed,
        "newest_at": checked.newest_at,
        "due_at": checked.due_at,
    }


def _switch(settings: Settings, slugs: Sequence[str], *, on: bool, as_json: bool) -> None:
    """Write what differs from the catalog into the operator's folder, and no more."""
    sources, given = working.catalog(settings), builtin()
    chosen = _chosen(sources, slugs)
    refuse_twice(sources | {feed.slug: replace(feed, enabled=on) for feed in chosen})
    for feed in chosen:
        own = feed.slug not in given or replace(feed, enabled=True) != replace(given[feed.slug], enabled=True)
        text: str | None = f"enabled = {str(on).lower()}\n"
        if own:
            text = format_toml(replace(feed, enabled=on))
        elif given[feed.slug].enabled is on:
            text = None
        working.keep(settings, feed.slug, text)
        if not as_json:
            click.echo(f"{feed.slug} is {'on' if on else 'off'}.")
    if as_json:
        write_json({"data": [{"slug": slug, "enabled": on} for slug in slugs]})


def _facts(feed: Feed, status: FeedStatus | None) -> dict[str, object]:
    return {
        "slug": feed.slug,
        "name": feed.name,
        "url": feed.url,
        "homepage": feed.homepage,
        "kind": feed.kind.value,
        "format": feed.format,
        "category": feed.category.value,
        "tier": feed.tier,
        "grade": feed.grade,
        "enabled": feed.enabled,
        "every": written(feed.every),
        "state": status.state if status else "new",
        "reason": status.reason if status else None,
        "records": status.records if status else None,
        "failures": status.failures if status else 0,
        "checked_at": status.checked_at if status else None,
        "succeeded_at": status.succeeded_at if status else None,
        "changed_at": status.changed_at if status else None,
        "due_at": status.due_at if status else None,
    }


COLOURS = {"healthy": "green", "degraded": "yellow", "error": "red", "parked": "red"}


def _table(shown: Sequence[Feed], stored: Mapping[str, FeedStatus]) -> Table:
    table = Table("Source", "State", "Every", "Records", "Last answer", "Why")
    for feed in shown:
        status = stored.get(feed.slug)
        state = (status.state if status else "new") if feed.enabled else "off"
        reason = safe(status.reason) if status and status.reason else ""
        colour = COLOURS.get(state, "dim")
        last = f"{status.succeeded_at:%Y-%m-%d %H:%M}" if status and status.succeeded_at else ""
        records = f"{status.records:,}" if status and status.records is not None else ""
        table.add_row(feed.slug, Text(state, colour), written(feed.every), records, last, reason)
    return table
