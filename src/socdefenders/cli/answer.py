"""A search's answer, for people: a headline, the reports, what else stood in them.

It is drawn from the API's own body, so that a database and a server show the same. Whatever stands
in it was written by strangers and goes through `safe`. Values and links are there to be copied, so
none is broken: they stand in a table where it has room for every one, and below each other where not.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from socdefenders.cli.terminal import safe, show
from socdefenders.indicators import defang
from socdefenders.settings import PREFIX
from socdefenders.web.api.schemas import Ioc, SearchData

MOST_SHOWN = 25
"""Reports shown; --json has all."""
MOST_CONTEXT = 400
"""Characters of a context shown."""

LEAST_WIDTH = 100
"""Columns of a terminal from which a table is easier to read than blocks."""
LEAST_REPORT, LEAST_TITLE = 40, 16
"""Columns of a table that are left for who reported a value, and for the title of a related value's article."""

COLOURS = {"high": "red", "medium": "yellow", "low": "cyan"}
NOT_SAFE = "That does not mean that it is safe: only that nothing loaded here reports it."
NOTHING_LOADED = "Nothing is loaded here at all: `socdefenders import` does, and --data-dir names another place."
CUT_SHORT = (
    f"The search for similar values was cut short: there may be more. {PREFIX}SEARCH_DEADLINE_MS gives it more time, "
    "here or, with --url, at the server."
)
_DOT = re.compile(r"(?<=\w)\.(?=\w)")
_SCHEME = re.compile(r"\bhttp(?=s?://)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Page:
    """How an answer is written."""

    console: Console
    defanged: bool
    """Whether values, links and texts are written so that nothing makes a link of them."""

    def show(self, found: SearchData, *, empty: bool = False) -> None:
        """Write the whole answer; of an `empty` database say that it is."""
        self._headline(found)
        if empty:
            self.console.print(Text(NOTHING_LOADED, style="bold yellow"))
        if found.matches:
            self._reports(found.matches[:MOST_SHOWN])
        left = len(found.matches) - MOST_SHOWN
        if left > 0:
            self.console.print(Text(f"... and {left:,} more; --json prints all."))
        if found.relatedIOCs:
            self.console.print()
            self.console.print(Text("Reported together with it:", style="bold"))
            self._related(found.relatedIOCs)

    def _headline(self, found: SearchData) -> None:
        query = self._value(found.query)
        total = found.meta.total_matches
        reports = "1 report" if total == 1 else f"{total:,} reports"
        if not found.found:
            words = "Not found" if found.meta.complete else "Nothing found in the time allowed"
            lines = [Text(f"{words}: {query}", style="bold yellow"), Text(NOT_SAFE)]
        elif found.meta.strategy == "exact":
            lines = [Text(f"Found: {reports} of {query} (exact match)", style="bold green")]
        else:
            lines = [
                Text(f"Not found as such: {query}; {reports} of values like it", style="bold yellow"),
                Text(NOT_SAFE),
            ]
        if not found.meta.complete:
            lines.append(Text(CUT_SHORT))
        if found.meta.truncated:
            lines.append(Text("There are more than these; they are the most confident and recent, or the closest."))
        for line in lines:
            self.console.print(line)

    def _reports(self, iocs: list[Ioc]) -> None:
        links = [self._value(ioc.source.reference_url) for ioc in iocs if ioc.source.reference_url]
        if not self._room(iocs, max(LEAST_REPORT, *map(len, links), 0)):
            for ioc in iocs:
                seen = f"{_day(ioc.first_seen)} to {_day(ioc.last_seen)}"
                self.console.print()
                self._block(ioc, Text.assemble(_confidence(ioc), f", seen {seen}"), self._report(ioc))
            return
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 1, 0))
        for heading in ("Type", "Value", "Confidence", "Seen"):
            table.add_column(heading, no_wrap=True)
        table.add_column("Reported by", overflow="fold")
        for ioc in iocs:
            seen = f"{_day(ioc.first_seen)}\n{_day(ioc.last_seen)}"
            report = Text("\n").join(self._report(ioc))
            table.add_row(ioc.type.value, Text(self._value(ioc.value)), _confidence(ioc), Text(seen), report)
        self.console.print()
        show(self.console, table)

    def _report(self, ioc: Ioc) -> list[Text]:
        """Write who says it, where, in what words: a line each."""
        source = ioc.source
        lines = [Text.assemble((safe(source.feed_name), "bold"), f" ({source.category.value})")]
        if source.article_title:
            lines.append(Text(self._text(source.article_title), style="italic"))
        if ioc.context:
            lines.append(Text(self._text(ioc.context)))
        marks = [safe(mark) for mark in (*ioc.tags, *ioc.mitre_techniques)]
        if marks:
            lines.append(Text(", ".join(marks), style="dim"))
        if source.reference_url:
            lines.append(Text(self._value(source.reference_url), style="dim", no_wrap=True, overflow="ignore"))
        return lines

    def _related(self, iocs: list[Ioc]) -> None:
        room = self._room(iocs, LEAST_TITLE)
        if not room:
            for ioc in iocs:
                facts = Text.assemble(_confidence(ioc), f", last seen {_day(ioc.last_seen)}, in ", self._in(ioc))
                self._block(ioc, facts, [])
            return
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for heading in ("Type", "Value", "Confidence", "Last seen"):
            table.add_column(heading, no_wrap=True)
        table.add_column("In", no_wrap=True, overflow="ellipsis", max_width=room)
        for ioc in iocs:
            value = Text(self._value(ioc.value))
            table.add_row(ioc.type.value, value, _confidence(ioc), _day(ioc.last_seen), self._in(ioc))
        show(self.console, table)

    def _in(self, ioc: Ioc) -> Text:
        return Text(self._text(ioc.source.article_title or ioc.source.feed_name))

    def _room(self, iocs: list[Ioc], least: int) -> int:
        """Return how many columns a table that breaks no value leaves for its last one; 0 when fewer than `least`."""
        types = max(len(ioc.type.value) for ioc in iocs)
        values = max(Text(self._value(ioc.value)).cell_len for ioc in iocs)
        room = self.console.width - (types + 2) - (values + 2) - len("Confidence  2026-01-01  ")
        return room if room >= least and self.console.width >= LEAST_WIDTH else 0

    def _block(self, ioc: Ioc, facts: Text, lines: list[Text]) -> None:
        """Write one value on a line of its own, which the terminal may wrap but we do not, and the rest below it."""
        self.console.print(Text.assemble(f"{ioc.type.value}  ", (self._value(ioc.value), "bold")), soft_wrap=True)
        for line in (facts, *lines):
            if line.no_wrap:
                self.console.print(Text("  ") + line, soft_wrap=True)
            else:
                show(self.console, Padding(line, (0, 0, 0, 2)))

    def _value(self, value: str) -> str:
        return safe(defang(value) if self.defanged else value)

    def _text(self, text: str) -> str:
        shown = safe(text if len(text) <= MOST_CONTEXT else text[: MOST_CONTEXT - 3] + "...")
        return _DOT.sub("[.]", _SCHEME.sub("hxxp", shown)) if self.defanged else shown


def _confidence(ioc: Ioc) -> Text:
    return Text(ioc.confidence.value, style=COLOURS[ioc.confidence.value])


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
