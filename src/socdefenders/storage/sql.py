"""Loads the SQL of `queries/*.sql`: blocks that begin with `-- name: …`, each with a line on what it is for."""

from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

_MARK = "-- name:"


def load(name: str) -> Mapping[str, str]:
    """Return the named statements of `queries/<name>.sql`."""
    text = files("socdefenders.storage").joinpath("queries", f"{name}.sql").read_text(encoding="utf-8")
    blocks = {}
    for block in text.split(_MARK)[1:]:
        title, _, body = block.partition("\n")
        blocks[title.strip()] = body.strip()
    return MappingProxyType(blocks)
