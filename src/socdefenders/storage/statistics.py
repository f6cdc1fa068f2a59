"""How much is stored, of what and by whom: read over a connection of its own, since a large table takes seconds."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from socdefenders.storage.database import FAILURES, connect, wrapped
from socdefenders.storage.sql import load

_SQL = load("statistics")

DAYS = 30
"""Of the trend, today among them."""
TOP = 10
"""Techniques and CVEs that are named."""
SECONDS = 120
"""A statement may take, of which each reads a table once."""


class Source(NamedTuple):
    """What one source has reported."""

    name: str
    category: str
    reports: int


class Day(NamedTuple):
    """What one day brought."""

    date: date
    indicators: int
    """First seen on it."""
    articles: int
    """Fetched on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What is stored at one moment."""

    at: datetime
    types: dict[str, int]
    """Indicators by type."""
    sources: list[Source]
    articles: int
    last_day: int
    """Indicators first seen in the last 24 hours."""
    last_week: int
    days: list[Day]
    """The newest first; days that brought nothing are left out."""
    techniques: dict[str, int]
    """Articles by the techniques that most of them name."""
    cves: dict[str, int]


async def read(dsn: str, *, now: datetime) -> Statistics:
    """Count everything."""
    first = datetime.combine(now.date() - timedelta(days=DAYS - 1), time(), UTC)
    connection = await connect(dsn, command_timeout=None, statement_ms=SECONDS * 1000)
    try:
        return Statistics(
            at=now,
            types={row[0]: row[1] for row in await connection.fetch(_SQL["types"])},
            sources=[Source(*row) for row in await connection.fetch(_SQL["sources"])],
            articles=await connection.fetchval(_SQL["articles"]),
            last_day=await connection.fetchval(_SQL["since"], now - timedelta(days=1)),
            last_week=await connection.fetchval(_SQL["since"], now - timedelta(days=7)),
            days=[Day(*row) for row in await connection.fetch(_SQL["days"], first)],
            techniques={row[0]: row[1] for row in await connection.fetch(_SQL["techniques"], TOP)},
            cves={row[0]: row[1] for row in await connection.fetch(_SQL["cves"], TOP)},
        )
    except FAILURES as error:
        raise wrapped(error, closed=connection.is_closed()) from error
    finally:
        connection.terminate()
