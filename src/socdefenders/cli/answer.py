"""A search's answer, for people: a headline, a table of the reports, what else stood in them.

It is drawn from the API's own body, so that a database and a server show the same. Whatever stands
in it was written by strangers and goes through `safe`.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from socdefenders.cli.terminal import safe
from socdefenders.indicators import defang
from socdefenders.web.api.schemas import Ioc, SearchData

MOST_SHOWN = 25
"""Reports shown; --json has all."""
MOST_CONTEXT = 400
"""Characters of a context shown."""

COLOURS = {"high": "red", "medium": "yellow", "low": "cyan"}
NOT_SAFE = "That does not mean that it is safe: only that nothing loaded here reports it."
_DOT = re.compile(r"(?<=\w)\.(?=\w)")
_SCHEME = re.compile(r"\bhttp(?=s?://)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Page:
    """How an answer is written."""

    console: Console
    defanged: bool
    """Whether values, links and texts are written so that nothing makes a link of them."""

    def show(self, found: SearchData) -> None:
        """Write the whole answer."""
        self._headline(found)
        if found.matches:
            self.console.print()
            self.console.print(self._reports(found.matches[:MOST_SHOWN]))
        left = len(found.matches) - MOST_SHOWN
        if left > 0:
            self.console.print(Text(f"... and {left:,} more; --json prints all."))
        if found.relatedIOCs:
            self.console.print(Text("Reported together with it:", style="bold"))
            self.console.print(self._related(found.relatedIOCs))

    def _headline(self, found: SearchData) -> None:
        query = self._value(found.query)
        total = found.meta.total_matches
        reports = "1 report" if total == 1 else f"{total:,} reports"
        if not found.found:
            lines = [Text(f"Not found: {query}", style="bold yellow"), Text(NOT_SAFE)]
        elif found.meta.strategy == "exact":
            lines = [Text(f"Found: {reports} of {query} (exact match)", style="bold green")]
        else:
            lines = [
                Text(f"Not found as such: {query}; {reports} of values like it", style="bold yellow"),
                Text(NOT_SAFE),
            ]
        if not found.meta.complete:
            lines.append(Text("The search for similar values was cut short by its time limit: there may be more."))
        if found.meta.truncated:
            lines.append(Text("There are more than these; they are the most confident and recent, or the closest."))
        for line in lines:
            self.console.print(line)

    def _reports(self, iocs: list[Ioc]) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 1, 0))
        table.add_column("Type", no_wrap=True)
        table.add_column("Value", overflow="fold", ratio=2)
        table.add_column("Confidence", no_wrap=True)
        table.add_column("Seen", no_wrap=True)
        table.add_column("Reported by", overflow="fold", ratio=3)
        for ioc in iocs:
            seen = f"{_day(ioc.first_seen)}\n{_day(ioc.last_seen)}"
            table.add_row(ioc.type.value, Text(self._value(ioc.value)), _confidence(ioc), Text(seen), self._report(ioc))
        return table

    def _report(self, ioc: Ioc) -> Text:
        """Write who says it, where, in what words."""
        source = ioc.source
        text = Text(safe(source.feed_name), style="bold")
        text.append(f" ({source.category.value})", style="not bold")
        if source.article_title:
            text.append(f"\n{self._text(source.article_title)}", style="not bold italic")
        if ioc.context:
            text.append(f"\n{self._text(ioc.context)}", style="not bold")
        marks = [safe(mark) for mark in (*ioc.tags, *ioc.mitre_techniques)]
        if marks:
            text.append(f"\n{', '.join(marks)}", style="not bold dim")
        if source.reference_url:
            text.append(f"\n{self._value(source.reference_url)}", style="not bold dim")
        return text

    def _related(self, iocs: list[Ioc]) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        table.add_column("Type", no_wrap=True)
        table.add_column("Value", overflow="fold", ratio=3)
        table.add_column("Confidence", no_wrap=True)
        table.add_column("Last seen", no_wrap=True)
        table.add_column("In", overflow="ellipsis", no_wrap=True, ratio=2)
        for ioc in iocs:
            where = self._text(ioc.source.article_title or ioc.source.feed_name)
            table.add_row(
                ioc.type.value, Text(self._value(ioc.value)), _confidence(ioc), _day(ioc.last_seen), Text(where)
            )
        return table

    def _value(self, value: str) -> str:
        return safe(defang(value) if self.defanged else value)

    def _text(self, text: str) -> str:
        shown = safe(text if len(text) <= MOST_CONTEXT else text[: MOST_CONTEXT - 3] + "...")
        return _DOT.sub("[.]", _SCHEME.sub("hxxp", shown)) if self.defanged else shown


def _confidence(ioc: Ioc) -> Text:
    return Text(ioc.confidence.value, style=COLOURS[ioc.confidence.value])


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
