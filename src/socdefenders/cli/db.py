"""`socdefenders db`: the schema of the database."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import click

from socdefenders.cli import options
from socdefenders.cli.place import database
from socdefenders.cli.terminal import safe, write_json
from socdefenders.storage import migrate
from socdefenders.storage.migrate import Status

EPILOG = """\b
Examples:
  socdefenders db status
  socdefenders db upgrade
  socdefenders db check && echo ready
"""


@click.group(name="db", epilog=EPILOG)
def command() -> None:
    """Look after the database's schema.

    `up` upgrades by itself, and so does every command on an embedded database that it alone runs. A
    database that SOCDEFENDERS_DATABASE_URL names is upgraded when you say so.
    """


@command.command(epilog="\b\nExample:\n  socdefenders db upgrade")
@options.as_json
@options.data_dir
@click.pass_context
def upgrade(context: click.Context, *, as_json: bool, data_dir: Path | None) -> None:
    """Bring the schema to the one of this version.

    Each step runs in a transaction of its own. Make a backup first; there is no way back but that.
    """
    environ: Mapping[str, str] = context.obj
    with database(options.read(environ, data_dir), context.command_path, create=True) as place:
        before = asyncio.run(migrate.upgrade(place.dsn))
    if as_json:
        write_json({"before": before.current, "current": before.latest, "ran": before.pending})
    elif before.pending:
        click.echo(f"Upgraded the schema from {before.current} to {before.latest}.")
    else:
        click.echo(f"Nothing to do: the schema is {before.current}, the one of this version.")


@command.command(
    short_help="Say which schema the database has.", epilog="\b\nExample:\n  socdefenders db status --json"
)
@options.as_json
@options.data_dir
@click.pass_context
def status(context: click.Context, *, as_json: bool, data_dir: Path | None) -> None:
    """Say which schema the database has and, while an embedded one runs, where to reach it; change nothing."""
    environ: Mapping[str, str] = context.obj
    with database(options.read(environ, data_dir), context.command_path) as place:
        found = asyncio.run(migrate.status(place.dsn))
    # One that was started for this command is gone by now.
    running = None if place.owned else place.instance
    if as_json:
        socket_dir, programs = (str(running.socket_dir), str(running.binaries)) if running else (None, None)
        write_json(_facts(found) | {"socket_dir": socket_dir, "programs": programs})
        return
    click.echo(f"Schema of the database  {found.current or 'none yet'}")
    click.echo(f"Schema of this version  {found.latest}")
    if found.problem:
        click.echo(f"Problem                 {safe(found.problem)}")
    elif found.pending:
        click.echo(f"To do                   {found.pending} migration(s): socdefenders db upgrade")
    else:
        click.echo("To do                   nothing")
    if running:
        click.echo(f"Socket in               {safe(str(running.socket_dir))}")
        click.echo(f"Programs in             {safe(str(running.binaries))}")


@command.command(
    epilog="\b\nExample:\n  socdefenders db check && socdefenders serve\n\nExit status: 0 it does; 3 it does not."
)
@options.as_json
@options.data_dir
@click.pass_context
def check(context: click.Context, *, as_json: bool, data_dir: Path | None) -> None:
    """Check that the database has exactly the schema of this version."""
    environ: Mapping[str, str] = context.obj
    with database(options.read(environ, data_dir), context.command_path) as place:
        if as_json:
            write_json(_facts(asyncio.run(migrate.status(place.dsn))))
        asyncio.run(migrate.check(place.dsn))
    if not as_json:
        click.echo("The schema is the one of this version.")


def _facts(found: Status) -> dict[str, object]:
    usable = found.problem is None and found.pending == 0
    return {
        "current": found.current,
        "latest": found.latest,
        "pending": found.pending,
        "problem": found.problem,
        "usable": usable,
    }
