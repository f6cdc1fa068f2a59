"""When a model's server is left alone: after failures in a row, for longer each time that it fails again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

THRESHOLD = 3
"""Failures in a row from which on it is left alone."""
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Breaker:
    """How a server has been doing; every change is a new one."""

    failures: int = 0
    """In a row."""
    until: datetime | None = None
    """When it may be asked again; None: now."""

    @property
    def is_open(self) -> bool:
        """Whether it is left alone, or was the last time that it was asked."""
        return self.until is not None

    def wait(self, now: datetime) -> timedelta:
        """How long it is still left alone; then one question may tell."""
        return max(self.until - now, timedelta()) if self.until is not None else timedelta()

    def failed(self, now: datetime, retry_after: timedelta | None = None) -> "Breaker":
        """After a failure; a server that says for how long it wants to be left alone is believed at once."""
        failures = self.failures + 1
        if retry_after is not None:
            return Breaker(failures, now + max(retry_after, SHORTEST))
        if failures < THRESHOLD:
            return Breaker(failures, None)
        doublings = min(failures - THRESHOLD, 10)
        return Breaker(failures, now + min(SHORTEST * 2**doublings, LONGEST))
