"""`socdefenders serve`: the API alone."""

from collections.abc import Mapping
from pathlib import Path

import click

from socdefenders.cli import options, serving
from socdefenders.cli.place import database, prepare

EPILOG = """\b
Examples:
  SOCDEFENDERS_DATABASE_URL=postgresql://sd@db.example/sd socdefenders serve --host 0.0.0.0
  socdefenders serve --data-dir /srv/socdefenders --port 8081
"""


@click.command(name="serve", epilog=EPILOG)
@options.listening
@options.data_dir
@click.pass_context
def command(context: click.Context, host: str | None, port: int | None, data_dir: Path | None) -> None:
    """Run the API alone, until Ctrl-C or SIGTERM.

    The database is the one that SOCDEFENDERS_DATABASE_URL names, or the embedded one: the instance
    that already runs, or one started for as long as the API runs. Its schema must be up to date; see
    `socdefenders db upgrade`.
    """
    environ: Mapping[str, str] = context.obj
    settings = serving.with_port(options.read(environ, data_dir, host, port), environ)
    serving.configure_log(settings, environ, quiet=False)
    with serving.until_stopped(), database(settings, context.command_path, create=True) as place:

        async def before() -> str:
            await prepare(place)
            return f"The API answers at {settings.public_url}; Ctrl-C stops it."

        serving.run(settings, place, before=before)
