"""`socdefenders refang` and `socdefenders defang`: filters from lines to lines, for a pipe or a few words.

What a filter does not change leaves as the bytes that came, whatever their encoding.
"""

import io
import sys
from collections.abc import Callable, Iterator
from typing import Protocol, cast

import click

from socdefenders import indicators
from socdefenders.cli.terminal import safe
from socdefenders.indicators.extract import find
from socdefenders.indicators.refang import refang_url
from socdefenders.model import IocType

LONGEST_LINE = 1 << 20
"""Bytes of a line that are looked at together; a longer one is treated as several."""
_READ = 1 << 16
_CLICKABLE = frozenset({IocType.IPV4, IocType.IPV6, IocType.DOMAIN, IocType.URL, IocType.EMAIL})


class _Stream(Protocol):
    """Bytes that are given as they come."""

    def read1(self, size: int, /) -> bytes: ...


Filter = Callable[[str], str]

EPILOG = """\b
Examples:
  socdefenders refang 'hxxps://login[.]harbour[.]example'
  socdefenders defang < ticket.txt
  tail -f proxy.log | socdefenders defang
"""


@click.command(name="refang", epilog=EPILOG)
@click.argument("text", nargs=-1)
def refang(*, text: tuple[str, ...]) -> None:
    """Undo defanging in TEXT, or in standard input: hxxp[://]a[.]example becomes http://a.example.

    Each TEXT is a line of its own. Standard input is answered line by line as it comes.
    """
    _run(text, indicators.refang)


@click.command(name="defang", epilog=EPILOG)
@click.argument("text", nargs=-1)
def defang(*, text: tuple[str, ...]) -> None:
    """Write the addresses, domains, URLs and e-mail addresses in TEXT, or in standard input, defanged.

    Everything else stays as it is, byte for byte. Each TEXT is a line of its own. Standard input is
    answered line by line as it comes.
    """
    _run(text, dead)


def dead(text: str) -> str:
    """Return `text` with everything in it that could become a link defanged, whether it is suspicious or not."""
    parts: list[str] = []
    done = 0
    for start, (_, raw, indicator, defanged) in find(text):
        if indicator.type in _CLICKABLE and start >= done:
            # Not the indicator's value: the port stays, and what its author defanged in part is defanged wholly.
            undo = refang_url if indicator.type is IocType.URL else indicators.refang
            parts += text[done:start], indicators.defang(undo(raw) if defanged else raw)
            done = start + len(raw)
    return "".join(parts) + text[done:]


def _run(text: tuple[str, ...], change: Filter) -> None:
    lines: _Stream = (
        io.BytesIO("\n".join(text).encode(errors="surrogateescape") + b"\n")
        if text
        else cast("_Stream", sys.stdin.buffer)
    )
    terminal = sys.stdout.isatty()
    for block in _blocks(lines):
        for line in block:
            body = line.rstrip(b"\r\n")
            changed = change(body.decode(errors="surrogateescape"))
            if terminal:
                changed = safe(changed)
            sys.stdout.buffer.write(changed.encode(errors="surrogateescape") + line[len(body) :])
        sys.stdout.buffer.flush()


def _blocks(stream: _Stream) -> Iterator[list[bytes]]:
    """Give the lines of `stream` with their ends, those together that came together, so that nobody waits for more."""
    rest = b""
    while block := stream.read1(_READ):
        *lines, rest = (rest + block).split(b"\n")
        if len(rest) > LONGEST_LINE:
            yield [*(line + b"\n" for line in lines), rest]
            rest = b""
        elif lines:
            yield [line + b"\n" for line in lines]
    if rest:
        yield [rest]
