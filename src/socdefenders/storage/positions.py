"""How far sources have been read that are indexes: which version of an event, up to which page.

Whoever remembers a position has written what stands before it, in a transaction that is over. What is killed in
between reads the same again, which changes nothing.
"""

from collections.abc import Collection, Mapping

from socdefenders.storage.database import Database
from socdefenders.storage.sql import load

_SQL = load("positions")


MOST = 200_000
"""Parts of a source that are remembered though its index no longer names them."""


async def known(database: Database, slug: str) -> dict[str, str]:
    """Return the positions of a source by its parts."""
    return {row["part"]: row["position"] for row in await database.fetch(_SQL["known"], slug)}


async def remember(database: Database, slug: str, positions: Mapping[str, str]) -> None:
    """Keep how far parts of a source have been read."""
    await database.execute(_SQL["remember"], slug, list(positions), list(positions.values()))


async def forget_others(database: Database, slug: str, parts: Collection[str]) -> None:
    """Forget the parts of a source that are none of `parts`, unless most would be lost of what is not beyond `MOST`."""
    await database.execute(_SQL["forget_others"], slug, list(parts), MOST)
