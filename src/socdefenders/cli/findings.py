"""What the extractor found, written for people, for programs, for spreadsheets, or as a bare list of values.

Whatever is written was written by strangers before: what a terminal or a spreadsheet could obey is
spelt out.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import click
import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from socdefenders.cli.filters import dead
from socdefenders.cli.terminal import safe, safe_json
from socdefenders.indicators import Match, defang, extract

COLUMNS = ("file", "type", "value", "count", "defanged", "context", "rule", "list", "detail")
"""Of the CSV."""
NARROWEST, SHA256 = 16, 64
"""Columns in which a text still says something, and those of a hash, for which the context gives way on 80."""
_FORMULA = ("=", "+", "-", "@")
"""What a spreadsheet takes for the beginning of a formula."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One value in one file."""

    match: Match
    """Where it stands first."""
    count: int
    """How often it stands there."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one file holds, each value once, in the order of appearance."""

    file: str
    indicators: Sequence[Finding]
    suppressed: Sequence[Finding]
    """The values that are nowhere in it taken for indicators."""


def find(text: str, file: str, *, publisher: str | None, types: Sequence[str]) -> Found:
    """Find what stands in `text`; of the `types` named alone, if there are any."""
    kept: dict[tuple[str, str], list[Match]] = {}
    suppressed: dict[tuple[str, str], list[Match]] = {}
    for match in extract(text, publisher=publisher):
        if not types or match.type in types:
            where = suppressed if match.suppressed else kept
            where.setdefault((match.type, match.canonical), []).append(match)
    return Found(
        file,
        [Finding(matches[0], len(matches)) for matches in kept.values()],
        [Finding(matches[0], len(matches)) for key, matches in suppressed.items() if key not in kept],
    )


class Form(Protocol):
    """A way to write what was found, file after file."""

    def begin(self) -> None:
        """Write what stands before all files."""

    def write(self, found: Found) -> None:
        """Write what one file holds."""

    def end(self) -> None:
        """Write what stands after all files."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to write of it."""

    suppressed: bool
    """Whether to write also what was not taken for an indicator."""
    defanged: bool
    """Whether to write values and contexts so that nothing makes a link of them."""

    def of(self, found: Found) -> Iterable[Finding]:
        """Give the findings to write."""
        return (*found.indicators, *(found.suppressed if self.suppressed else ()))

    def value(self, finding: Finding) -> str:
        """Return the value as it is to be written."""
        return defang(finding.match.value) if self.defanged else finding.match.value

    def context(self, finding: Finding) -> str:
        """Return the sentence as it is to be written."""
        return dead(finding.match.context) if self.defanged else finding.match.context


@dataclass(slots=True)
class Tables:
    """For people: a heading and a table a file, and apart from it what was left out and why."""

    wanted: Wanted
    console: Console
    files: int = 0
    values: int = 0
    """Written so far."""

    def begin(self) -> None:
        """Write nothing."""

    def write(self, found: Found) -> None:
        """Write the tables of one file."""
        count, name = len(found.indicators), "standard input" if found.file == "-" else safe(found.file)
        if self.files:
            self.console.print()
        self.files, self.values = self.files + 1, self.values + count
        indicators = "1 indicator" if count == 1 else f"{count:,} indicators" if count else "No indicators"
        self.console.print(Text(f"{indicators} in {name}", style="bold"), soft_wrap=True)
        if count:
            self.console.print(self._table(found.indicators))
        if not found.suppressed:
            return
        left = f"{len(found.suppressed):,} not taken for indicators"
        if self.wanted.suppressed:
            self.console.print(Text(left, style="bold yellow"))
            self.console.print(self._table(found.suppressed))
        else:
            self.console.print(Text(f"{left}; --all shows them, and why.", style="dim"))

    def end(self) -> None:
        """Say that the values are no text to be clicked on."""
        if self.values and not self.wanted.defanged:
            note = "Values are live, as a block list takes them; --defang writes them so that nobody clicks on one."
            self.console.print(Text(note, style="dim"), soft_wrap=True)

    def _table(self, findings: Sequence[Finding]) -> Table:
        """One line a value as far as there is room: what is folded is hard to copy, and the context gives way."""
        rows = [self._row(finding) for finding in findings]
        titles = ("Type", "Value", "Count", "Why")[: len(rows[0]) - 1]
        longest = [max(map(len, column)) for column in zip(titles, *(row[:-1] for row in rows), strict=True)]
        left = self.console.width - longest[0] - longest[2] - 2 * (len(titles) - 1)
        most = max(left * 3 // 5, min(left, SHA256), NARROWEST)
        widths = [longest[0], min(longest[1], most), longest[2]]
        if len(titles) == 4:
            widths.append(min(longest[3], max(left - widths[1], NARROWEST)))
        left = self.console.width - sum(widths) - 2 * len(widths)
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for title, width in zip(titles, widths, strict=True):
            table.add_column(title, width=width, overflow="fold", justify="right" if title == "Count" else "left")
        if left >= NARROWEST:
            table.add_column("Context", width=left, overflow="ellipsis", no_wrap=True)
        for row in rows:
            table.add_row(*map(Text, row[: len(table.columns)]))
        return table

    def _row(self, finding: Finding) -> tuple[str, ...]:
        """Type, value, count, the reason where there is one, context."""
        match = finding.match
        why = (": ".join(part for part in match.suppressed if part),) if match.suppressed else ()
        cells = (match.type.value, self.wanted.value(finding), f"{finding.count:,}", *why, self.wanted.context(finding))
        return tuple(map(safe, cells))


class Json:
    """For programs: one array, an object a line."""

    def __init__(self, wanted: Wanted) -> None:
        """Write what is `wanted`."""
        self._wanted = wanted
        self._separator = ""

    def begin(self) -> None:
        """Open the array."""
        click.echo("[", nl=False)

    def write(self, found: Found) -> None:
        """Write the objects of one file."""
        for finding in self._wanted.of(found):
            line = safe_json(orjson.dumps(self._object(found.file, finding)).decode())
            click.echo(f"{self._separator}\n{line}", nl=False)
            self._separator = ","

    def end(self) -> None:
        """Close the array."""
        click.echo("\n]" if self._separator else "]")

    def _object(self, file: str, finding: Finding) -> dict[str, object]:
        match = finding.match
        return {
            "file": file,
            "type": match.type,
            "value": self._wanted.value(finding),
            "normalized": match.normalized,
            "raw": match.raw,
            "start": match.start,
            "end": match.end,
            "defanged": match.defanged,
            "count": finding.count,
            "context": self._wanted.context(finding),
            "suppressed": match.suppressed._asdict() if match.suppressed else None,
        }


@dataclass(frozen=True, slots=True)
class Csv:
    """For spreadsheets: RFC 4180, with nothing that one would compute."""

    wanted: Wanted

    def begin(self) -> None:
        """Write the header."""
        _write_row(COLUMNS)

    def write(self, found: Found) -> None:
        """Write the rows of one file."""
        for finding in self.wanted.of(found):
            match = finding.match
            why = match.suppressed or ("", "", "")
            _write_row(
                (
                    found.file,
                    match.type.value,
                    self.wanted.value(finding),
                    str(finding.count),
                    str(match.defanged).lower(),
                    self.wanted.context(finding),
                    *(part or "" for part in why),
                )
            )

    def end(self) -> None:
        """Write nothing."""


@dataclass(frozen=True, slots=True)
class Values:
    """For block lists: a value a line and nothing else."""

    wanted: Wanted

    def begin(self) -> None:
        """Write nothing."""

    def write(self, found: Found) -> None:
        """Write the values of one file."""
        for finding in self.wanted.of(found):
            click.echo(safe(self.wanted.value(finding)))

    def end(self) -> None:
        """Write nothing."""


def _write_row(cells: Iterable[str]) -> None:
    row = io.StringIO()
    csv.writer(row, lineterminator="\r\n").writerow(map(_inert, cells))
    click.echo(row.getvalue(), nl=False)


def _inert(cell: str) -> str:
    """Return the cell as text that no spreadsheet computes; a sign alone, as standard input's name, is no formula."""
    text = safe(cell)
    return f"'{text}" if text.startswith(_FORMULA) and len(text) > 1 else text
