"""`socdefenders search`: the API's answer to one question, from the database or from a server."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
from pydantic import ValidationError

from socdefenders import search
from socdefenders.cli import options, remote
from socdefenders.cli.answer import Page
from socdefenders.cli.place import Place, database, prepare
from socdefenders.cli.terminal import console, safe_json
from socdefenders.errors import InputError, ServerUnavailable
from socdefenders.indicators import candidates
from socdefenders.model import IocType
from socdefenders.settings import PREFIX, Settings
from socdefenders.storage import searching
from socdefenders.storage.database import Database
from socdefenders.web.api import render
from socdefenders.web.api.schemas import SearchResponse

EPILOG = """\b
Examples:
  socdefenders search 198.51.100.23
  socdefenders search 'hxxps://login[.]harbour[.]example/verify' --defang
  socdefenders search harbour.example --type domain --json
  SOCDEFENDERS_KEY=sk_live_... socdefenders search 198.51.100.23 --url https://intel.example

\b
Exit status: 0 found; 1 not found; 2 the question, an option, the key or a setting is wrong;
3 the database or the server is away.
"""

NOT_FOUND = 1
PATIENCE_MS = 500
"""What a search here may take at least: its connection is new, and whoever waits for it is one person."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked."""

    text: str
    type: IocType | None
    related: bool


@click.command(name="search", epilog=EPILOG)
@click.argument("value")
@click.option(
    "--type", "type_", type=click.Choice([str(type_) for type_ in IocType]), help="Take the value for one of this type."
)
@click.option("--no-related", is_flag=True, help="Leave out what else stood in the same articles.")
@click.option("--defang", is_flag=True, help="Write values and links so that nothing makes a link of them: hxxp, [.]")
@options.as_json
@click.option("--url", metavar="URL", help="Ask the server at this address instead of the database.")
@click.option(
    "--key",
    metavar="KEY",
    help=f"The API key for --url (also: {PREFIX}KEY, which does not show in the list of processes).",
)
@options.data_dir
@click.pass_context
def command(  # noqa: PLR0913  # an argument an option
    context: click.Context,
    *,
    value: str,
    type_: str | None,
    no_related: bool,
    defang: bool,
    as_json: bool,
    url: str | None,
    key: str | None,
    data_dir: Path | None,
) -> int:
    """Ask who reported VALUE, when and where, and what else stood in that report.

    VALUE is an address, domain, URL, hash, e-mail address, CVE or ATT&CK technique, as you would paste
    it: defanged, quoted, in any case. Without an exact match, values that begin with it, lie below it,
    contain or resemble it are shown. "Not found" is no claim that a value is safe.
    """
    environ: Mapping[str, str] = context.obj
    settings = options.read(environ, data_dir)
    question = Question(value, IocType(type_) if type_ else None, not no_related)
    try:
        candidates(value, question.type)
    except InputError as error:
        raise InputError(error.message.replace("q ", "VALUE ", 1)) from error  # q is what the API calls it
    empty = False
    if url is None:
        if key is not None:
            raise click.UsageError("--key goes with --url; the database asks for none.")
        with database(settings, context.command_path) as place:
            body, empty = asyncio.run(_ask(place, settings, question))
    else:
        body = remote.search(url, key or environ.get(PREFIX + "KEY"), text=value, type_=type_, related=question.related)
    answer = _understood(body)
    if as_json:
        click.echo(safe_json(body.decode()))
    else:
        Page(console(), defang).show(answer.data, empty=empty)
    return 0 if answer.data.found else NOT_FOUND


async def _ask(place: Place, settings: Settings, question: Question) -> tuple[bytes, bool]:
    """Return the body that a server would answer, and whether nothing was ever loaded."""
    await prepare(place)
    patience = max(PATIENCE_MS, settings.search_deadline_ms)
    async with Database(place.dsn, size=1, bounded_ms=patience) as stored:
        began = time.perf_counter()
        result = await search.find(
            stored,
            question.text,
            type_=question.type,
            include_related=question.related,
            deadline=patience / 1000,
        )
        seconds = time.perf_counter() - began
        empty = not result.matches and await searching.empty(stored)
    body = render.search_body(
        result,
        source=settings.instance_name,
        public_url=settings.public_url,
        now=datetime.now(UTC),
        seconds=seconds,
    )
    return bytes(render.Json(body).body), empty


def _understood(body: bytes) -> SearchResponse:
    """Return the answer; fields that a newer server adds are passed over."""
    try:
        return SearchResponse.model_validate_json(body, extra="ignore")
    except ValidationError as error:
        raise ServerUnavailable(
            "The server's answer is not that of a search; is it SOC Defenders, and as new as this?"
        ) from error
