"""How a source is doing, and when it is looked at next: decided out of what was found, without looking anywhere.

A source that answers may still be ill: a feed that shrank to nothing is an incident, not an update, and one in
which nothing is new may have been given up by its publisher. So what a check found is held against what the
catalog expects and what the last check found. The cadence follows the publisher: faster while there is
something new, slower while there is not, never faster than the catalog allows.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from socdefenders.model import State


class Expected(NamedTuple):
    """What the catalog says of a source."""

    every: timedelta
    """The shortest time between two checks."""
    minimum: int = 0
    """Records below which something is wrong; 0: it may be empty."""
    dated: bool = False
    """Whether its records have dates, and new ones are expected to come."""


class Known(NamedTuple):
    """What the last check left behind."""

    every: timedelta
    failures: int = 0
    """In a row."""
    records: int | None = None
    """Of the last check that could be read; None: there was none."""
    state: State = State.NEW
    reason: str | None = None
    """What the last check came to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a check that got an answer found."""

    changed: bool
    """Whether something in it was new."""
    records: int | None = None
    """None: the publisher says that nothing has changed since the last time."""
    malformed: int = 0
    newest: datetime | None = None
    """The latest date in it."""
    moved: str | None = None
    """Where the publisher says that it stands from now on."""
    whole: bool = True
    """False: what came since the last time, or a part, whose number says nothing about the source."""
    trouble: str | None = None
    """What is wrong though it answers."""
    note: str | None = None
    """What is to be known though all is well."""
    soon: bool = False
    """Whether there is more of it, to be read without waiting for the publisher."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a check got no answer that can be read."""

    reason: str
    permanent: bool = False
    """Whether the same is to be expected next time, such as 404."""
    retry_after: timedelta | None = None
    """What the publisher asks for."""


class Next(NamedTuple):
    """What is to be kept of a check."""

    state: State
    reason: str | None
    due_at: datetime
    every: timedelta
    failures: int


SOON = timedelta(minutes=1)
"""Before the rest is read of what one check has no room for."""
LONGEST = timedelta(days=1)
"""Between two checks of a source that answers, unless the catalog asks for longer."""
SLOWEST = 8
"""How many times the catalog's cadence a quiet source is slowed down to."""
FASTER, SLOWER = 0.6, 1.3
"""What a check with and without something new makes of the cadence."""
BACK_OFF = timedelta(minutes=5)
"""Until the first try after a failure; each further one doubles it."""
DOUBLINGS = 8
TEN = 10
"""Failures in a row after which a source that may recover is an error, and one that will not is parked."""
PARKED_AFTER = 20
WEEK = timedelta(days=7)
SHRUNK = 0.1
"""Share of the last check's records below which a source has shrunk."""
FEW = 20
"""Records from which on shrinking is told at all."""
STALE = timedelta(days=180)
"""Age of the newest record of a source that is expected to have new ones."""
FUTURE = timedelta(days=2)
"""How far a date may lie ahead: time zones, and publishers that date tomorrow's issue."""
MALFORMED = 0.5
"""Share of records that cannot be read from which on the format has changed."""


def after_reading(expected: Expected, known: Known, reading: Reading, *, now: datetime, chance: float) -> Next:
    """Return what follows from an answer; `chance` (0-1) spreads sources that were added together."""
    state, reason = _judged(expected, known, reading, now)
    every = _cadence(expected, known, changed=reading.changed)
    wait = SOON if reading.soon else every
    return Next(state, reason, now + wait * (0.9 + 0.2 * chance), every, 0)


def after_failure(expected: Expected, known: Known, failure: Failure, *, now: datetime, chance: float) -> Next:
    """Return what follows from no answer: exponential back-off with jitter, and at last a week's rest."""
    failures = known.failures + 1
    wait = min(BACK_OFF * 2 ** min(failures - 1, DOUBLINGS), LONGEST)
    parked = failures >= (TEN if failure.permanent else PARKED_AFTER)
    if parked:
        wait = WEEK
    if failure.permanent:
        wait = max(wait, expected.every)
    wait *= 0.75 + 0.5 * chance
    if failure.retry_after is not None:
        wait = max(wait, failure.retry_after)
    reason = failure.reason
    if failures > 1:
        reason = f"{reason.removesuffix('.')} ({failures} times in a row)."
    if parked:
        return Next(State.PARKED, f"{reason} Tried once a week from now on.", now + wait, known.every, failures)
    state = State.ERROR if failure.permanent or failures >= TEN else State.DEGRADED
    return Next(state, reason, now + wait, known.every, failures)


def _cadence(expected: Expected, known: Known, *, changed: bool) -> timedelta:
    slowest = max(min(expected.every * SLOWEST, LONGEST), expected.every)
    every = known.every * (FASTER if changed else SLOWER)
    return max(expected.every, min(every, slowest))


def _judged(expected: Expected, known: Known, reading: Reading, now: datetime) -> tuple[State, str | None]:
    if reading.records is None:
        ill = known.failures == 0 and known.state in {State.DEGRADED, State.ERROR}
        if ill and reading.whole:  # of an index, what was wrong with what it leads to has been given up by now
            return known.state, known.reason
        return State.HEALTHY, None
    minimum = expected.minimum if reading.whole else 0
    total = reading.records + reading.malformed
    if reading.records == 0 and (minimum or total):
        return State.ERROR, f"Nothing in it could be read; at least {max(minimum, 1):,} records are expected."
    if reading.malformed > MALFORMED * total:
        return State.DEGRADED, f"{reading.malformed:,} of {total:,} records could not be read; has its format changed?"
    shrunk = _shrunk(minimum, known.records, reading.records) if reading.whole else None
    odd = shrunk or _misdated(expected, reading.newest, now) or reading.trouble
    if odd:
        return State.DEGRADED, odd
    return State.HEALTHY, f"It has moved to {reading.moved}; change its address." if reading.moved else reading.note


def _shrunk(minimum: int, before: int | None, records: int) -> str | None:
    if records < minimum:
        return f"It has {records:,} records; at least {minimum:,} are expected."
    if before is not None and before >= FEW and records < SHRUNK * before:
        return f"It has shrunk from {before:,} records to {records:,}."
    return None


def _misdated(expected: Expected, newest: datetime | None, now: datetime) -> str | None:
    if newest is not None and newest > now + FUTURE:
        return f"It has dates in the future, up to {newest:%Y-%m-%d}."
    if expected.dated and newest is not None and newest < now - STALE:
        return f"Nothing new since {newest:%Y-%m-%d}."
    return None
