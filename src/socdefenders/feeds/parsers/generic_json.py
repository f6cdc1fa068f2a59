"""JSON of any publisher: lists of values, and lists of objects whose keys say what they hold."""

from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

from socdefenders.feeds.fields import clean, looks_like_indicator, name_key
from socdefenders.feeds.jsons import Json, load
from socdefenders.feeds.parsers.base import Hints
from socdefenders.feeds.parsers.table import guess_columns, read_rows
from socdefenders.feeds.records import MAX_COLUMNS, SAMPLE, Broken, Record, Table
from socdefenders.model import Item, Observable, Rejected

_DEPTH = 6
_NOT_VALUES = frozenset(
    {"references", "reference", "links", "external_references", "tags", "labels", "authors", "contacts"}
)
"""Lists under these names are of links and words, however much they look like indicators."""


def parse_json(stream: BinaryIO, hints: Hints) -> Iterator[Item]:
    """Read every list of indicators in the file, however deep it lies."""
    nothing = True
    for item in _walk(load(stream, hints.name), _DEPTH):
        nothing = False
        yield item
    if nothing:
        yield Rejected(0, "no list of indicators in this JSON", supported=False)


def _walk(value: object, depth: int) -> Iterator[Item]:
    if depth == 0:
        return
    if isinstance(value, dict):
        if any(isinstance(each, dict | list) for each in value.values()):
            for name, each in value.items():
                if name_key(name) not in _NOT_VALUES:
                    yield from _walk(each, depth - 1)
        else:
            yield from _walk([value], depth)
    elif isinstance(value, list):
        yield from _list(value, depth)


def _list(values: list[object], depth: int) -> Iterator[Item]:
    strings = [each for each in values[:SAMPLE] if isinstance(each, str)]
    if strings:
        if sum(map(looks_like_indicator, strings)) >= len(strings) / 2:
            yield from _strings(values)
        return
    objects = [each for each in values[:SAMPLE] if isinstance(each, dict)]
    names = list(dict.fromkeys(key for each in objects for key in each))[:MAX_COLUMNS]
    sample = [_row(each, names) for each in objects]
    columns = guess_columns(Table(tuple(map(name_key, names)), sample, iter(())), by_content=False) if names else None
    if columns is not None:
        yield from read_rows(_rows(values, names), columns)
    else:
        for each in values:
            if isinstance(each, dict) and any(isinstance(inner, dict | list) for inner in each.values()):
                yield from _walk(each, depth - 1)


def _strings(values: list[object]) -> Iterator[Item]:
    for number, value in enumerate(values, 1):
        text = clean(value) if isinstance(value, str) else None
        yield Observable(text, number) if text else Rejected(number, "no text")


def _rows(values: list[object], names: list[str]) -> Iterator[Record | Broken]:
    for number, each in enumerate(values, 1):
        yield (number, _row(each, names)) if isinstance(each, dict) else (number, "a record that is no object")


def _row(each: Json, names: list[str]) -> list[str]:
    return [_cell(each.get(name)) for name in names]


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ",".join(text for text in map(clean, islice(value, 50)) if text)
    return clean(value) or ""
