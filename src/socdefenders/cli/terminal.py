"""Writing to a terminal what strangers wrote, so that it obeys none of it.

Everything that came out of a file, the database, a server or an argument goes through `safe` or
`safe_json` on its way to the screen.
"""

import re
import sys
from typing import TextIO

import click
import orjson
from rich.console import Console, RenderableType
from rich.text import Text

PIPED_WIDTH = 160
"""Columns of a table that nobody's window bounds."""

_CONTROL = re.compile(r"[^\n -~]")


def safe(text: str) -> str:
    """Return `text` on one line; what a terminal or a reader's eye could be led by is spelt out by its number."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _spelt(character) for character in text)


def safe_json(text: str) -> str:
    """Return the same JSON with every character that is not printable as its escape."""
    return _CONTROL.sub(_escaped, text)


def write_json(content: object) -> None:
    """Print `content` as one line of JSON; times are RFC 3339 in UTC, as the API writes them."""
    click.echo(safe_json(orjson.dumps(content, option=orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS).decode()))


def console(stream: TextIO | None = None) -> Console:
    """Return a console on `stream` (standard output); colours only on a terminal, and none with NO_COLOR."""
    file = stream or sys.stdout
    return Console(
        file=file,
        width=None if file.isatty() else PIPED_WIDTH,
        markup=False,
        highlight=False,
        emoji=False,
        soft_wrap=False,
    )


def show(on: Console, content: RenderableType) -> None:
    """Print a table or a padded text without the blanks that fill its lines up."""
    for line in on.render_lines(content, pad=False):
        text = Text.assemble(*((segment.text, segment.style or "") for segment in line))
        text.rstrip()
        on.print(text, soft_wrap=True)


def _spelt(character: str) -> str:
    if character.isspace():
        return " "
    return character.encode("unicode_escape").decode("ascii")


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if character.isprintable():
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
