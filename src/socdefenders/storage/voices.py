"""How sure indicators are by all who report them: read and written down here, decided by whoever knows how."""

from collections.abc import Callable, Sequence
from uuid import UUID

from socdefenders.model import Report
from socdefenders.storage.database import Connection
from socdefenders.storage.sql import load

_SQL = load("voices")

Corroborate = Callable[[str, tuple[Report, ...]], int]
"""How sure an indicator of a type is, 0-100, by all that is reported of it."""


def surest(_kind: str, reports: Sequence[Report]) -> int:
    """Let an indicator be as sure as the surest of its reports: the simplest `Corroborate`."""
    return max(report.confidence for report in reports)


async def weigh(connection: Connection, indicators: Sequence[UUID], corroborate: Corroborate) -> None:
    """Say anew how sure `indicators` are, by all that is reported of them, inside of the caller's transaction."""
    reported: dict[UUID, tuple[str, list[Report]]] = {}
    for key, kind, voice, grade, confidence in await connection.fetch(_SQL["reported"], indicators):
        reported.setdefault(key, (kind, []))[1].append(Report(voice, grade, confidence))
    sure = [corroborate(kind, tuple(reports)) for kind, reports in reported.values()]
    await connection.execute(_SQL["corroborate"], list(reported), sure)
