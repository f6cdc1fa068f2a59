"""How sources are doing, in the words of the API."""

from datetime import datetime, timedelta

from socdefenders.model import State

OVERDUE = timedelta(hours=1)
"""How long a source may be due before that says that nobody works."""


def shown(state: str, reason: str | None, due_at: datetime, now: datetime) -> tuple[str, str | None]:
    """Return how a source is doing in the three words of the API, and why."""
    if due_at < now - OVERDUE:
        return "degraded", f"Due since {due_at:%Y-%m-%d %H:%M} UTC and not looked at: is a worker running?"
    if state == State.NEW:
        return "degraded", "Not looked at yet."
    return ("error" if state in {State.ERROR, State.PARKED} else state), reason
