"""The command line: which commands there are, and what every error means to a shell.

A command's module is loaded when the command is called, by its name in `COMMANDS`: the server's
libraries take a second to load, which nobody should wait for who lists keys.
"""

import importlib
import os
import signal
import sys
import warnings

import click

from socdefenders import __version__
from socdefenders.cli import output
from socdefenders.cli.terminal import safe
from socdefenders.errors import (
    AccessError,
    InputError,
    OutputLost,
    ServerUnavailable,
    SettingsError,
    SocDefendersError,
    StorageError,
)

COMMANDS = {
    "up": ("up.command", "Run everything: database, schema, API, worker."),
    "serve": ("serve.command", "Run the API alone."),
    "worker": ("worker.command", "Fetch sources as they become due, and nothing else."),
    "feeds": ("feeds.command", "List, check, run and add the sources that are fetched."),
    "import": ("importing.command", "Load files that publishers publish."),
    "search": ("searching.command", "Ask who reported a value."),
    "extract": ("extracting.command", "Find the indicators in reports, mails and other files."),
    "refang": ("filters.refang", "Undo defanging, line by line."),
    "defang": ("filters.defang", "Write what could become a link so that it cannot, line by line."),
    "keys": ("keys.command", "Create, list and revoke API keys."),
    "knowledge": ("knowledge.command", "Look after what is known beforehand: warning lists, ATT&CK, names."),
    "model": ("model.command", "Try the language model that summarises articles."),
    "prune": ("prune.command", "Remove what is too old, or all that one source reported."),
    "db": ("db.command", "Look after the database's schema."),
}
"""Each command as `module.name` below this one, and its line in the help."""

EXTRA = frozenset({"aiohttp", "brotli"})
"""What the extra `worker` installs, without which everything works but fetching."""

STATUSES: dict[type[SocDefendersError], int] = {
    InputError: 2,
    SettingsError: 2,
    AccessError: 2,
    StorageError: 3,
    ServerUnavailable: 3,
    SocDefendersError: 1,
}
"""The exit status of each error; an error that is not here is what its nearest ancestor is."""
INTERRUPTED = 128 + signal.SIGINT

EPILOG = """\b
Try it:
  socdefenders up --demo
  socdefenders import feeds/ report.html
  socdefenders search '198[.]51[.]100[.]23'
  socdefenders extract report.pdf

\b
Every command says more by --help. Settings are environment variables, SOCDEFENDERS_...; an option
wins over its variable. Complete commands by the Tab key in bash (zsh and fish likewise):
  eval "$(_SOCDEFENDERS_COMPLETE=bash_source socdefenders)"
"""


class Commands(click.Group):
    """A group whose commands are loaded by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command; None for a name that there is not."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name][0].split(".")
        try:
            command = getattr(importlib.import_module(f"{__name__}.{module}"), name)
        except ModuleNotFoundError as error:
            if error.name not in EXTRA:
                raise
            raise SettingsError(f"`{cmd_name}` needs an extra: pip install 'socdefenders[worker]'.") from error
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without loading any."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(
    cls=Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="socdefenders", message="%(prog)s %(version)s")
@click.pass_context
def root(context: click.Context) -> None:
    """Who reported this indicator, when, in what context, and what else belonged to it.

    SOC Defenders keeps what threat-intelligence feeds and reports say of addresses, domains, URLs,
    hashes and the like, and answers searches over it: here, and as an HTTP API.
    """
    context.obj = os.environ


def main() -> None:
    """Run the command line and exit."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both ask for the same orderly end
    try:
        output.prepare()
        warnings.formatwarning = _warning
        status = _run()
        sys.stdout.flush()
    except OutputLost as lost:
        output.discard()
        status = output.BROKEN_PIPE
        if not lost.reader_gone:
            click.echo(f"Error: {lost.message}", err=True)
            status = output.LOST
    sys.exit(status)


def _run() -> int:
    try:
        status = root.main(prog_name="socdefenders", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except OutputLost:
        raise  # nothing more can be said there
    except SocDefendersError as error:
        click.echo(f"Error: {safe(error.message)}", err=True)
        return _status(error)
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    return status if isinstance(status, int) else 0


def _warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """Return what people read of a warning: of one of ours its advice, without the place in the code."""
    del line
    ours = category.__module__.startswith(f"{__package__.partition('.')[0]}.")
    return f"{'Warning' if ours else f'{filename}:{lineno}: {category.__name__}'}: {safe(str(message))}\n"


def _status(error: SocDefendersError) -> int:
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)
