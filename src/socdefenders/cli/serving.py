"""What `up` and `serve` share: the port, the log, the server beside a PostgreSQL that is kept alive, the end."""

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace

import click
import uvloop

from socdefenders.cli.options import PUBLIC_URL, address
from socdefenders.cli.place import Place
from socdefenders.errors import SettingsError
from socdefenders.settings import PREFIX, Settings
from socdefenders.storage import embedded
from socdefenders.web import log, server


def with_port(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """Raise SettingsError when the port is taken, before anything is started; choose one for port 0."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.create_server((settings.host, settings.port), family=family) as trial:
            port = int(trial.getsockname()[1])
    except OSError as error:
        raise SettingsError(
            f"Cannot listen on {settings.host} port {settings.port}: {error.strerror}. "
            "Choose another by --port (or --host), or stop what listens there."
        ) from error
    public_url = settings.public_url if environ.get(PUBLIC_URL) else address(settings.host, port)
    return replace(settings, port=port, public_url=public_url)


def configure_log(settings: Settings, environ: Mapping[str, str], *, quiet: bool) -> None:
    """Log as the settings say; where people watch (`quiet`, or a terminal) by default only what went wrong, as text."""
    quiet = quiet or sys.stderr.isatty()
    level, form = settings.log_level, settings.log_format
    if quiet and not environ.get(PREFIX + "LOG_LEVEL"):
        level = "warning"
    if quiet and not environ.get(PREFIX + "LOG_FORMAT"):
        form = "text"
    log.configure(level=level, form=form)


@contextmanager
def until_stopped() -> Iterator[None]:
    """Say "Stopped." when the block ends in order or by Ctrl-C."""
    with suppress(KeyboardInterrupt):
        yield
    with suppress(KeyboardInterrupt):
        click.echo("Stopped.")


Work = Coroutine[object, object, None]


def run(
    settings: Settings, place: Place, *, before: Callable[[], Awaitable[str]], beside: Callable[[], Work] | None = None
) -> None:
    """Do what comes `before`, then serve until stopped, and print what it returned once requests are answered.

    What stands `beside` is done meanwhile.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(settings, place, before, beside))


async def _run(
    settings: Settings, place: Place, before: Callable[[], Awaitable[str]], beside: Callable[[], Work] | None
) -> None:
    text = await before()
    work = [server.run(settings, place.dsn, ready=lambda _url: _print(text))]
    if place.instance is not None and place.owned:
        work.insert(0, embedded.keep_alive(place.instance, log.logger().warning))
    if beside is not None:
        work.append(beside())
    await together(*work)


async def together(*work: Work) -> None:
    """Do all of it at once; whichever ends first ends the others, and its error is raised."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in ended:
        task.result()


def _print(text: str) -> None:
    click.echo(text)
    sys.stdout.flush()
