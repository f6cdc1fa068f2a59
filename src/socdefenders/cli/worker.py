"""`socdefenders worker`: look at sources as they become due, and nothing else."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import click

from socdefenders.cli import options, serving, working
from socdefenders.cli.place import database, prepare
from socdefenders.web import log

EPILOG = """\b
Examples:
  SOCDEFENDERS_DATABASE_URL=postgresql://sd@db.example/sd socdefenders worker
  socdefenders worker --data-dir /srv/socdefenders
"""


@click.command(name="worker", epilog=EPILOG)
@options.data_dir
@click.pass_context
def command(context: click.Context, data_dir: Path | None) -> None:
    """Fetch sources as they become due, until Ctrl-C or SIGTERM.

    Any number of workers may run on one database, on any number of machines; `socdefenders up` runs one by itself.
    `socdefenders feeds list` says how the sources are doing.
    """
    environ: Mapping[str, str] = context.obj
    settings = options.read(environ, data_dir)
    serving.configure_log(settings, environ, quiet=False)
    with serving.until_stopped(), database(settings, context.command_path, create=True) as place:

        async def run() -> None:
            await prepare(place)
            count = sum(feed.enabled for feed in working.catalog(settings).values())
            click.echo(f"Looking at {count} sources as they become due; Ctrl-C stops it.")
            logger = log.logger()
            await working.work(settings, place.dsn, logger.info, logger.warning)

        asyncio.run(run())
