"""Records of delimited files: the preamble, the header wherever it stands, and the rows, bad ones among them.

A quote that is never closed would swallow the rest of the file, so a record may take `RECORD_LINES`
lines; beyond that its first line is refused and reading goes on with the next.
"""

import csv
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import BinaryIO

from socdefenders.feeds.fields import looks_like_indicator, name_key, when
from socdefenders.feeds.lines import COMMENTS, MAX_LINE, lines

RECORD_LINES = 40
SAMPLE = 60
MAX_COLUMNS = 200
DELIMITERS = ",\t;|"

csv.field_size_limit(MAX_LINE)

Names = tuple[str, ...]
Record = tuple[int, list[str]]
Broken = tuple[int, str]
"""A line that is no record, and why."""


@dataclass(frozen=True, slots=True)
class Table:
    """A delimited file, opened: the names of its columns, its first rows, and all its rows."""

    names: tuple[str, ...] | None
    """As `name_key`s; None: the file has no header."""
    sample: list[list[str]]
    rows: Iterator[Record | Broken]


class _Feed:
    """Lines for `csv.reader`, held until their record is complete, so that a bad record can be taken back."""

    def __init__(self, source: Iterator[str]) -> None:
        self._source = source
        self._back: deque[str] = deque()
        self.held: list[str] = []
        self.line = 0

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else next(self._source)
        self.line += 1
        held = self.held
        held.append(line)
        if len(held) == 1:
            if len(line) > MAX_LINE:
                raise csv.Error(f"longer than {MAX_LINE} characters")
            return line
        if len(held) > RECORD_LINES:
            raise csv.Error("a quote that is never closed")
        return "\n" + line

    def refuse(self) -> int:
        """Give all but the first held line back, and the number of that first line."""
        first = self.line - len(self.held) + 1
        self._back.extendleft(reversed(self.held[1:]))
        self.held.clear()
        self.line = first
        return first


def records(source: Iterator[str], delimiter: str, line: int = 0) -> Iterator[Record | Broken]:
    """Give each record with the number of its last line, counted from after `line`; comments are left out."""
    feed = _Feed(source)
    feed.line = line
    reader = csv.reader(feed, delimiter=delimiter, skipinitialspace=True)
    held = feed.held
    width = 0
    while True:
        try:
            for row in reader:
                if len(held) > 1 and len(row) != width:  # the quote was closed by that of another record
                    yield feed.refuse(), "a quote that is never closed"
                    continue
                held.clear()
                width = width or len(row)
                if row and row[0][:1] != "#":
                    yield feed.line, row
            if len(held) < 2:
                return
            reason = "a quote that is never closed"  # the end came inside a quoted field, which csv lets pass
        except csv.Error as error:
            reason = str(error)
        yield feed.refuse(), reason


def table(stream: BinaryIO) -> Table:
    """Open a delimited file: find its preamble, delimiter and header.

    A header is the first record, when none of its cells reads as a value, or the last comment before the first
    record, when it has as many columns.
    """
    source = lines(stream)
    preamble: list[str] = []
    first: list[str] = []
    for line in source:
        if line.startswith(COMMENTS) or not line.strip():
            preamble.append(line)
            del preamble[:-SAMPLE]
        else:
            first.append(line)
            break
    before = len(preamble)
    first.extend(islice(source, SAMPLE))
    delimiter = guess_delimiter(first)
    rows = records(chain(first, source), delimiter, before)
    return _with_header(rows, _commented(preamble, delimiter))


def _with_header(rows: Iterator[Record | Broken], commented: Names) -> Table:
    head = list(islice(rows, SAMPLE))
    sample = [row for _, row in head if isinstance(row, list)]
    names: Names | None = None
    if sample:
        if _is_header(sample[0]):
            names = keys(sample[0])
            head = [record for record in head if record[1] is not sample[0]]
            sample = sample[1:]
        elif len(commented) > 1 and len(commented) >= Counter(map(len, sample)).most_common(1)[0][0]:
            names = commented
    return Table(names, sample, chain(head, rows))


def keys(row: list[str]) -> tuple[str, ...]:
    """The names of a header row."""
    return tuple(name_key(cell.lstrip("#")) for cell in row[:MAX_COLUMNS])


def _commented(preamble: list[str], delimiter: str) -> tuple[str, ...]:
    """The header inside the last comment that has the delimiter, if any."""
    for line in reversed(preamble):
        text = line.lstrip("#;/ ").strip()
        if delimiter in text:
            text = text.removeprefix("Format:") if text.startswith("Format:") else text
            return keys(next(csv.reader([text[:MAX_LINE]], delimiter=delimiter, skipinitialspace=True), []))
    return ()


def _is_header(row: list[str]) -> bool:
    cells = [cell.strip() for cell in row if cell.strip()]
    return bool(cells) and not any(looks_like_indicator(cell) or when(cell) or cell.isdigit() for cell in cells)


def guess_delimiter(sample: list[str]) -> str:
    """The delimiter that splits most of the sampled lines, and most alike; it stands in the first of them."""
    text = [line[:MAX_LINE] for line in sample[:SAMPLE] if line.strip() and not line.startswith("#")]

    candidates = [each for each in DELIMITERS if text and each in text[0]] or list(DELIMITERS)

    def fit(delimiter: str) -> tuple[float, int]:
        counts = Counter(line.count(delimiter) for line in text)
        split = sum(count for columns, count in counts.items() if columns)
        columns, alike = counts.most_common(1)[0] if counts else (0, 0)
        return (split + (alike if columns else 0), -DELIMITERS.index(delimiter))

    return max(candidates, key=fit)
