"""`socdefenders up`: everything in one process, for one machine."""

import shlex
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click

from socdefenders.cli import demo as demonstration
from socdefenders.cli import options, serving
from socdefenders.cli.place import Place, database, tell
from socdefenders.cli.terminal import safe
from socdefenders.settings import Settings
from socdefenders.storage import embedded, migrate
from socdefenders.web import log

EPILOG = """\b
Examples:
  socdefenders up
  socdefenders up --demo
  socdefenders up --host 0.0.0.0 --port 8081 --data-dir /srv/socdefenders
"""

RUNNING = """
SOC Defenders is running.

  Address   {url}
  API docs  {url}/docs
"""
NO_KEY = """\
  API key   make one, in another terminal:

  socdefenders keys create --name NAME{where}

Ctrl-C stops it.
"""
DEMO_KEY = """\
  API key   {key}

Ask who reported an address:

  curl -s -H "Authorization: Bearer {key}" "{url}/api/v1/iocs/search?q={value}"

Ctrl-C stops it.
"""


@click.command(name="up", epilog=EPILOG)
@options.listening
@options.own_data_dir
@click.option(
    "--no-worker",
    is_flag=True,
    help="Do not fetch sources; `socdefenders worker` does, elsewhere.",
)
@click.option(
    "--demo",
    is_flag=False,
    flag_value="examples",
    type=click.Path(path_type=Path),
    metavar="[PATH]",
    help="Load the demonstration set of PATH (default: the folder `examples` here) once, and print a key for it.",
)
@click.pass_context
def command(
    context: click.Context,
    *,
    host: str | None,
    port: int | None,
    data_dir: Path | None,
    no_worker: bool,
    demo: Path | None,
) -> None:
    """Run everything until Ctrl-C or SIGTERM: the database, its schema, the API, and a worker that fetches sources.

    The database is an embedded PostgreSQL, started again whenever it dies, or the one that
    SOCDEFENDERS_DATABASE_URL names. Its schema is brought up to date first.
    """
    environ: Mapping[str, str] = context.obj
    settings = options.read(environ, data_dir, host, port)
    if not settings.database_url:
        embedded.refuse_running(settings.data_dir)
    settings = serving.with_port(settings, environ)
    serving.configure_log(settings, environ, quiet=demo is not None)
    if demo is not None:
        demonstration.check(demo, settings.data_dir)
    with serving.until_stopped(), database(settings, context.command_path, create=True, alone=True) as place:

        async def before() -> str:
            await migrate.upgrade(place.dsn)
            key = None
            if demo is not None:
                key = await demonstration.prepare(place.dsn, demo, settings.data_dir, datetime.now(UTC))
            return _text(settings, key, data_dir)

        serving.run(settings, place, before=before, beside=None if no_worker else _worker(settings, place))


def _worker(settings: Settings, place: Place) -> Callable[[], serving.Work] | None:
    """Return what fetches sources beside the rest; None without the extra that it needs, of which is told."""
    if find_spec("aiohttp") is None:
        tell("sources are not fetched: pip install 'socdefenders[worker]', or give --no-worker")
        return None
    working = import_module("socdefenders.cli.working")  # by its name, because it loads what may not be there
    working.catalog(settings)  # a wrong file is told before anything is started
    import_module("socdefenders.cli.summarising").endpoint(settings)  # and half a model
    logger = log.logger()
    return lambda: working.work(settings, place.dsn, logger.info, logger.warning)


def _text(settings: Settings, key: str | None, data_dir: Path | None) -> str:
    url = options.address(settings.host, settings.port)
    where = f" --data-dir {shlex.quote(safe(str(settings.data_dir)))}" if data_dir else ""
    rest = DEMO_KEY if key else NO_KEY
    return (RUNNING + rest).format(url=url, key=key, value=demonstration.VALUE, where=where)
