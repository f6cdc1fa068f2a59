"""What the commands share: their common options, and the settings that result from them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import click

from socdefenders import knowledge, settings
from socdefenders.settings import PREFIX, Settings

Decorated = TypeVar("Decorated", bound=Callable[..., object])

PUBLIC_URL = PREFIX + "PUBLIC_URL"
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # to say where a server that listens everywhere is
"""Addresses to listen on that are none to go to, and one to go to."""


_WHERE = "Where the embedded database keeps its data (also: SOCDEFENDERS_DATA_DIR). "
_NONE = "With SOCDEFENDERS_DATABASE_URL set there is no embedded database."


def data_dir(command: Decorated) -> Decorated:
    """Add --data-dir, which every command takes."""
    how = "An instance that runs there is used, else the database is started for as long as the command takes. "
    return _data_dir(_WHERE + how + _NONE)(command)


def own_data_dir(command: Decorated) -> Decorated:
    """Add --data-dir for a command that runs the instance itself."""
    return _data_dir(_WHERE + "One instance at a time runs there. " + _NONE)(command)


def own_files(command: Decorated) -> Decorated:
    """Add --data-dir for a command that needs what is known beforehand, and no database."""
    text = "Where what is known beforehand lies, beside an embedded database (also: SOCDEFENDERS_DATA_DIR)."
    return _data_dir(text)(command)


def _data_dir(text: str) -> Callable[[Decorated], Decorated]:
    # Whether it can be read is said later, with what to do about it.
    kind = click.Path(path_type=Path, file_okay=False, readable=False)
    return click.option("--data-dir", type=kind, metavar="DIR", help=text)


def listening(command: Decorated) -> Decorated:
    """Add --host and --port."""
    port = click.option(
        "--port",
        type=click.IntRange(0, 65_535),
        metavar="PORT",
        help="Port to listen on (also: SOCDEFENDERS_PORT; default 8080); 0: any.",
    )
    host = click.option(
        "--host",
        metavar="HOST",
        help=(
            "Address to listen on (also: SOCDEFENDERS_HOST; default 127.0.0.1, which is this machine alone; "
            "0.0.0.0: every address)."
        ),
    )
    return host(port(command))


def as_json(command: Decorated) -> Decorated:
    """Add --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


def read(
    environ: Mapping[str, str], data_dir: Path | None = None, host: str | None = None, port: int | None = None
) -> Settings:
    """Read the settings; an option that was given wins over its variable.

    What is known beforehand then lies in the data directory.
    """
    found = settings.read(environ)
    found = replace(
        found,
        data_dir=(data_dir or found.data_dir).expanduser().resolve(),
        host=host or found.host,
        port=found.port if port is None else port,
    )
    knowledge.use(found.data_dir)
    return found if environ.get(PUBLIC_URL) else replace(found, public_url=address(found.host, found.port))


def address(host: str, port: int) -> str:
    """Return the address of a server that listens on `host` and `port`."""
    host = EVERYWHERE.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
