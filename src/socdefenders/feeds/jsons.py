"""JSON files, read whole within a bound, and what can be saved of a damaged one."""

import io
import re
from collections.abc import Iterator
from typing import BinaryIO, cast

import orjson

from socdefenders.errors import FeedError
from socdefenders.feeds.lines import decode, encoding

MAX_JSON = 256 << 20
MAX_VALUES = 6_000_000
"""Values of a file: an object takes 240 bytes when read, however few it takes in the file. Publishers' files have
three in a hundred bytes."""
Json = dict[str, object]

_FLAT = re.compile(rb"\{[^{}]*\}")
_MAX_SAVED = 1_000_000


def read_all(stream: BinaryIO, limit: int, what: str) -> bytes:
    """The whole of `stream`, or a `FeedError` when it is larger than `limit` bytes."""
    blocks, size = [], 0
    while block := stream.read(1 << 18):
        size += len(block)
        if size > limit:
            raise FeedError(f"{what}: larger than {limit >> 20} MiB; split it.")
        blocks.append(block)
    return b"".join(blocks)


def load(stream: BinaryIO, name: str) -> object:
    """The value of a JSON file; of JSON lines, the list of their values.

    Of a file that is cut off or damaged: the list of those of its innermost objects that are whole, followed
    by None for what was lost.
    """
    data = read_all(stream, MAX_JSON, name)
    if encoding(data) != "utf-8":
        data = decode(data).encode()
    if sum(map(data.count, b"{[,")) > MAX_VALUES:
        raise FeedError(f"{name}: more than {MAX_VALUES:,} values; split it.")
    try:
        return cast("object", orjson.loads(data))
    except orjson.JSONDecodeError as error:
        saved = _json_lines(data, name) or _saved(data)
        if not saved:
            raise FeedError(f"{name}: not valid JSON ({error}).") from error
        return saved


def _json_lines(data: bytes, name: str) -> list[object]:
    """The values of JSON lines, None for a bad one; nothing at all when the first line is none."""
    found: list[object] = []
    for row in io.BytesIO(data):
        if row.strip():
            value = _value(row)
            if value is None and not found:
                return []
            if len(found) >= MAX_VALUES:
                raise FeedError(f"{name}: more than {MAX_VALUES:,} values; split it.")
            found.append(value)
    return found if sum(value is None for value in found) <= len(found) / 2 else []


def _saved(data: bytes) -> list[object]:
    found: list[object] = []
    for match in _FLAT.finditer(data):
        if (value := _value(match.group())) is not None:
            found.append(value)
            if len(found) >= _MAX_SAVED:
                break
    return [*found, None] if found else []


def _value(data: bytes) -> object | None:
    try:
        return cast("object | None", orjson.loads(data))
    except orjson.JSONDecodeError:
        return None


def records(value: object, *wrappers: str) -> Iterator[tuple[int, Json | None]]:
    """Number the objects of a list, of a list under one of the `wrappers`, or of lists under keys of any name.

    None stands for a record that is no object.
    """
    if isinstance(value, dict):
        inner = next((value[name] for name in wrappers if isinstance(value.get(name), list)), None)
        value = inner if inner is not None else [item for group in value.values() for item in as_list(group)]
    for number, record in enumerate(as_list(value), 1):
        yield number, record if isinstance(record, dict) else None


def as_list(value: object) -> list[object]:
    """A list as it is; anything else but None as the only item of one."""
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def as_dict(value: object) -> Json:
    """An object as it is, and an empty one for anything else."""
    return value if isinstance(value, dict) else {}
