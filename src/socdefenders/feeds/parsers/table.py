"""Delimited files of any publisher: a column is known by its name, and failing that by what stands in it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from socdefenders.feeds.fields import (
    TYPES,
    UNSUPPORTED,
    clean,
    composite,
    confidence,
    joined,
    link,
    looks_like_indicator,
    name_key,
    tags,
    techniques,
    when,
)
from socdefenders.feeds.parsers.base import BARE, About, Hints
from socdefenders.feeds.records import Broken, Record, Table, table
from socdefenders.model import IocType, Item, Observable, Rejected

_VALUE = (
    "ioc_value",
    "indicator_value",
    "value",
    "ioc",
    "indicator",
    "observable",
    "data",
    "artifact",
    "iocs",
    "entry",
)
_TYPE = ("ioc_type", "indicator_type", "indicatortype", "type", "value_type", "attribute_type", "kind", "indicator")

_ROLES: dict[str, tuple[str, ...]] = {
    "first_seen": (
        "first_seen_utc", "first_seen", "firstseen", "first_seen_at", "firstseenat", "first", "dateadded",
        "date_added", "added",
        "submission_time", "listingdate", "timestamp_of_listing_utc", "add_date", "created", "created_at", "date",
        "timestamp",
        "datetime", "time", "source_time", "published", "firstreporteddatetime",
    ),
    "last_seen": (
        "last_seen_utc", "last_seen", "lastseen", "last_seen_at", "lastseenat", "last", "last_online", "lastonline",
        "updated",
        "updated_at", "modified", "observation_time",
    ),
    "threat_type": ("threat_type", "threat", "threattype", "category", "report", "attack_type", "classification"),
    "malware_family": (
        "malware_printable", "malware_family", "malware", "family", "malware_name", "signature", "botname",
        "listing_reason",
        "listingreason", "threat_name", "campaign",
    ),
    "tags": ("tags", "tag", "labels"),
    "confidence": ("confidence_level", "confidence", "confidence_score", "certainty"),
    "reference_url": (
        "reference_url", "reference", "references", "ref", "urlhaus_link", "phish_detail_url", "source_url",
        "report_url", "link",
        "tweet",
    ),
    "techniques": ("techniques", "technique", "mitre", "mitre_attack", "mitre_techniques", "ttp", "ttps", "attack"),
    "source": ("source", "source_feed", "feed", "feed_name", "provider", "source_name"),
}  # fmt: skip
_CONTEXT = (
    "description",
    "comment",
    "comments",
    "note",
    "notes",
    "context",
    "details",
    "info",
    "title",
    "name",
    "ioc_description",
)


@dataclass(frozen=True, slots=True)
class Columns:
    """Where in a row each thing stands; -1: nowhere."""

    values: tuple[tuple[int, IocType | None], ...]
    type: int = -1
    port: int = -1
    first_seen: int = -1
    last_seen: int = -1
    threat_type: int = -1
    malware_family: int = -1
    tags: int = -1
    confidence: int = -1
    reference_url: int = -1
    techniques: int = -1
    source: int = -1
    context: tuple[int, ...] = ()

    @property
    def bare(self) -> bool:
        """Whether a row says no more than value, type and source."""
        told = (self.port, self.first_seen, self.last_seen, self.threat_type, self.malware_family, self.tags)
        more = (self.confidence, self.reference_url, self.techniques)
        return not self.context and max(*told, *more) < 0


def parse_table(stream: BinaryIO, _hints: Hints) -> Iterator[Item]:
    """Read CSV, TSV and their kin, with a header or without."""
    opened = table(stream)
    columns = guess_columns(opened)
    if columns is None:
        yield Rejected(0, "no column holds indicators", supported=False)
    else:
        yield from read_rows(opened.rows, columns)


def read_rows(rows: Iterator[Record | Broken], columns: Columns) -> Iterator[Item]:
    """Turn records into observables, one for each value column that is filled."""
    about = _source_alone(columns.source) if columns.bare else _about(columns)
    needed = max(columns.type, min(at for at, _ in columns.values))
    typed, type_at, port_at = columns.type >= 0, columns.type, columns.port
    make = Observable._make  # a third faster here than to call it
    for line, row in rows:
        if isinstance(row, str):
            yield Rejected(line, row)
            continue
        if len(row) <= needed:
            yield Rejected(line, f"{len(row)} columns where {needed + 1} are needed")
            continue
        known = about(row)
        for at, kind in columns.values:
            value = row[at] if at < len(row) else ""
            if typed and (value or any(map(str.strip, row))):
                name = row[type_at]
                if name not in TYPES or "|" in name:
                    yield from typed_observables(value, name, line, known)
                    continue
                kind = TYPES[name]  # noqa: PLW2901 - a type column comes before what the column's name says
            if port_at >= 0 and kind is not IocType.URL:
                value = with_port(value, row[port_at] if port_at < len(row) else "")
            if value and not value.isspace() and (len(columns.values) == 1 or clean(value)):
                yield make((value, line, kind, *known))
            elif len(columns.values) == 1 and any(map(str.strip, row)):
                yield Rejected(line, "no value")


def typed_observables(value: str, name: str, line: int, about: About = BARE) -> Iterator[Item]:
    """What a publisher's `name`d type and value give: nothing, one observable, or the two halves of a pair."""
    key = name_key(name)
    if not value.strip():
        yield Rejected(line, "no value")
    elif "|" in key and key in TYPES:
        for part, kind in composite(key, value):
            yield Observable(part, line, kind, *about)
    elif key in TYPES:
        yield Observable(value, line, TYPES[key], *about)
    elif key not in UNSUPPORTED and looks_like_indicator(value):
        yield Observable(value, line, None, *about)
    else:
        yield Rejected(line, f"{key[:40] or 'a nameless kind'} is no kind of indicator here", supported=False)


def with_port(value: str, port: str) -> str:
    """`address:port`, when there is a port and the value has none yet."""
    port, address = port.strip(), value.strip()
    is_port = port.isascii() and port.isdecimal() and port != "0"
    return f"{address}:{port}" if is_port and address and ":" not in value else value


def _source_alone(at: int) -> Callable[[Sequence[str]], About]:
    if at < 0:
        return lambda _row: BARE
    return lambda row: About(source=row[at]) if at < len(row) and row[at] else BARE


def _about(columns: Columns) -> Callable[[Sequence[str]], About]:
    """Give the function that takes everything but value and type out of a row."""

    def about(row: Sequence[str]) -> About:
        def cell(at: int) -> str:
            return row[at] if 0 <= at < len(row) else ""

        context = joined(*(clean(cell(at)) for at in columns.context))
        tagged = cell(columns.tags)
        return About(
            first_seen=when(cell(columns.first_seen)),
            last_seen=when(cell(columns.last_seen)),
            confidence=confidence(cell(columns.confidence)),
            threat_type=clean(cell(columns.threat_type)),
            malware_family=clean(cell(columns.malware_family)),
            tags=tags(tagged) if tagged else (),
            techniques=techniques(cell(columns.techniques), tagged, context),
            context=context,
            reference_url=link(cell(columns.reference_url)),
            source=clean(cell(columns.source)),
        )

    return about


def guess_columns(opened: Table, *, by_content: bool = True) -> Columns | None:
    """Tell what each column holds, or None when none holds indicators.

    Where the names say nothing, the content decides, if `by_content`.
    """
    width = max(map(len, opened.sample), default=len(opened.names or ()))
    cells = [[row[at] for row in opened.sample if at < len(row) and clean(row[at])] for at in range(width)]
    if opened.names is None:
        return _by_content(cells)
    at = {name: index for index, name in reversed(list(enumerate(opened.names)))}
    type_at = next((at[name] for name in _TYPE if name in at and _share(cells, at[name], _is_type) >= 0.2), -1)
    values = _value_columns(at, cells, type_at)
    if not values:
        return _by_content(cells) if by_content else None
    taken = {type_at, *(index for index, _ in values)}
    roles = {role: _first(at, names, taken) for role, names in _ROLES.items()}
    context = tuple(at[name] for name in _CONTEXT if name in at and at[name] not in taken)
    port = -1 if len(values) > 1 else _first(at, ("port", "dst_port"), taken)
    return Columns(values, type=type_at, port=port, context=context, **roles)


def _first(at: dict[str, int], names: tuple[str, ...], taken: set[int]) -> int:
    """The column of the first of `names` that is there and not `taken` already, which it then is."""
    found = next((at[name] for name in names if name in at and at[name] not in taken), -1)
    taken.add(found)
    return found


def _value_columns(at: dict[str, int], cells: list[list[str]], type_at: int) -> tuple[tuple[int, IocType | None], ...]:
    named = [at[name] for name in _VALUE if name in at and at[name] != type_at]
    best = max(named, key=lambda index: _share(cells, index, looks_like_indicator), default=-1)
    if best >= 0 and (type_at >= 0 or _share(cells, best, looks_like_indicator) >= 0.3):
        return ((best, None),)
    typed_names = [name for name in at if name in TYPES and name != "link" and at[name] != type_at]
    typed = [(at[name], TYPES[name]) for name in typed_names if _share(cells, at[name], looks_like_indicator) >= 0.3]
    return tuple(sorted(typed, key=lambda column: column[0]))


def _by_content(cells: list[list[str]]) -> Columns | None:
    """Guess the columns of a file without a header."""
    shares = [_share(cells, index, looks_like_indicator) for index in range(len(cells))]
    if not shares or max(shares) < 0.5:
        return None
    value = next(index for index, share in enumerate(shares) if share >= 0.5)
    others = [index for index in range(len(cells)) if index != value]
    kind = next((index for index in others if _share(cells, index, _is_type) >= 0.8), -1)
    time = next((index for index in others if _share(cells, index, _is_time) >= 0.8), -1)
    reference = next((index for index in others if _share(cells, index, _is_link) >= 0.8), -1)
    rest = (index for index in others if index not in {kind, time, reference})
    words = tuple(index for index in rest if _share(cells, index, _is_words) >= 0.5)
    return Columns(((value, None),), type=kind, first_seen=time, reference_url=reference, context=words)


def _share(cells: list[list[str]], index: int, test: Callable[[str], bool]) -> float:
    column = cells[index] if index < len(cells) else []
    return sum(map(test, column)) / len(column) if column else 0.0


def _is_type(cell: str) -> bool:
    key = name_key(cell)
    return key in TYPES or key in UNSUPPORTED


def _is_link(cell: str) -> bool:
    return link(cell) is not None


def _is_words(cell: str) -> bool:
    return " " in cell.strip() and not _is_time(cell)


def _is_time(cell: str) -> bool:
    return when(cell) is not None
