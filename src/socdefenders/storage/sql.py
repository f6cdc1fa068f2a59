"""Loads the SQL of `queries/*.sql`: blocks that begin with `-- name: …`, each with lines on what it is for."""

from collections.abc import Mapping
from importlib.resources import files
from itertools import dropwhile
from types import MappingProxyType

_MARK = "-- name:"


def load(name: str) -> Mapping[str, str]:
    """Return the named statements of `queries/<name>.sql`, without the lines that describe them."""
    text = files("socdefenders.storage").joinpath("queries", f"{name}.sql").read_text(encoding="utf-8")
    blocks = {}
    for block in text.split(_MARK)[1:]:
        title, *lines = block.splitlines()
        statement = dropwhile(lambda line: line.startswith("--"), lines)
        blocks[title.strip()] = "\n".join(statement).strip()
    return MappingProxyType(blocks)
