"""What a part that works by itself is given instead of taking it: the time, and where to say what happens."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

Clock = Callable[[], datetime]
"""The time, in UTC."""


class Tell(Protocol):
    """Where it is said what happens: an event and its facts, as a logger takes them."""

    def __call__(self, event: str, **facts: object) -> object:
        """Take one event."""


def utc() -> datetime:
    """Return the time: the `Clock` of whatever is no test."""
    return datetime.now(UTC)
