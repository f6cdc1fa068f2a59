"""How a source is judged and when it is looked at next: by what was found, and by nothing else."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socdefenders.feeds.health import (
    LONGEST,
    PARKED_AFTER,
    SOON,
    TEN,
    WEEK,
    Expected,
    Failure,
    Known,
    Next,
    Reading,
    after_failure,
    after_reading,
)
from socdefenders.model import State

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EXPECTED = Expected(HOUR, minimum=10, dated=True)
KNOWN = Known(HOUR, records=1_000)


def read(reading: Reading, *, expected: Expected = EXPECTED, known: Known = KNOWN) -> Next:
    return after_reading(expected, known, reading, now=NOW, chance=0.5)


def fail(failures: int, *, permanent: bool = False, retry_after: timedelta | None = None) -> Next:
    failure = Failure(reason="It answered 503.", permanent=permanent, retry_after=retry_after)
    return after_failure(EXPECTED, Known(HOUR, failures=failures), failure, now=NOW, chance=0.5)


@pytest.mark.parametrize(
    ("reading", "state", "reason"),
    [
        (Reading(changed=False), State.HEALTHY, None),
        (Reading(changed=True, records=990, newest=NOW), State.HEALTHY, None),
        (Reading(changed=False, records=0), State.ERROR, "at least 10 records are expected."),
        (Reading(changed=False, records=0, malformed=9), State.ERROR, "Nothing in it could be read"),
        (Reading(changed=True, records=9), State.DEGRADED, "It has 9 records; at least 10 are expected."),
        (Reading(changed=True, records=90), State.DEGRADED, "It has shrunk from 1,000 records to 90."),
        (Reading(changed=True, records=400, malformed=600), State.DEGRADED, "600 of 1,000 records could not be read"),
        (Reading(changed=True, records=500, newest=NOW + 3 * DAY), State.DEGRADED, "future, up to 2026-01-18"),
        (Reading(changed=True, records=500, newest=NOW - 181 * DAY), State.DEGRADED, "Nothing new since 2025-07-18."),
        (Reading(changed=True, records=500, moved="https://new.example/feed"), State.HEALTHY, "moved to https://new"),
        (Reading(changed=True, records=500, note="3 are left."), State.HEALTHY, "3 are left."),
        (Reading(changed=True, records=500, trouble="A circle.", note="3 are left."), State.DEGRADED, "A circle."),
        (Reading(changed=False, records=0, whole=False), State.HEALTHY, None),
        (Reading(changed=True, records=2, whole=False), State.HEALTHY, None),
        (Reading(changed=True, records=2, malformed=3, whole=False), State.DEGRADED, "3 of 5 records"),
    ],
)  # fmt: skip
def test_an_answer_is_held_against_what_is_expected(reading: Reading, state: State, reason: str | None) -> None:
    found = read(reading)
    assert found.state is state
    assert (found.reason is None) if reason is None else (reason in (found.reason or ""))
    assert found.failures == 0


@pytest.mark.parametrize("state", [State.DEGRADED, State.ERROR])
def test_what_has_not_changed_is_as_ill_as_it_was(state: State) -> None:
    unchanged = Reading(changed=False)
    found = read(unchanged, known=Known(HOUR, records=9, state=state, reason="It has shrunk."))
    assert (found.state, found.reason) == (state, "It has shrunk.")
    failed = Known(HOUR, failures=1, records=9, state=state, reason="It answered 503.")
    assert read(unchanged, known=failed).state is State.HEALTHY, "what ailed it then is over, as it answers"


def test_an_empty_list_that_may_be_empty_is_well() -> None:
    assert read(Reading(changed=False, records=0), expected=Expected(HOUR), known=Known(HOUR)).state is State.HEALTHY


def test_a_source_without_dates_is_not_called_old() -> None:
    old = Reading(changed=True, records=500, newest=NOW - 400 * 24 * HOUR)
    assert read(old, expected=Expected(HOUR)).state is State.HEALTHY


def test_the_cadence_follows_the_publisher_within_bounds() -> None:
    every = 4 * HOUR
    for _ in range(20):
        every = read(Reading(changed=True, records=500), known=Known(every)).every
    assert every == HOUR, "never faster than the catalog allows"
    for _ in range(20):
        every = read(Reading(changed=False, records=500), known=Known(every)).every
    assert every == 8 * HOUR
    daily = Expected(timedelta(days=3))
    assert read(Reading(changed=False), expected=daily, known=Known(timedelta(days=3))).every == timedelta(days=3)


def test_failures_back_off_and_end_in_a_weekly_look() -> None:
    waits = [fail(failures).due_at - NOW for failures in range(PARKED_AFTER - 1)]
    assert waits == sorted(waits)
    assert waits[0] == timedelta(minutes=5)
    assert waits[-1] <= LONGEST
    assert [fail(failures).state for failures in (0, TEN - 2, TEN - 1, PARKED_AFTER - 2)] == [
        State.DEGRADED, State.DEGRADED, State.ERROR, State.ERROR,
    ]  # fmt: skip
    parked = fail(PARKED_AFTER - 1)
    assert parked.state is State.PARKED
    assert parked.due_at == NOW + WEEK
    assert parked.reason == "It answered 503 (20 times in a row). Tried once a week from now on."


def test_what_will_not_mend_itself_is_an_error_at_once_and_parked_after_ten() -> None:
    assert fail(0, permanent=True).state is State.ERROR
    assert fail(0, permanent=True).due_at >= NOW + HOUR
    assert fail(TEN - 1, permanent=True).state is State.PARKED


def test_the_publisher_may_ask_for_more_time() -> None:
    assert fail(0, retry_after=timedelta(hours=5)).due_at == NOW + timedelta(hours=5)
    assert fail(0, retry_after=timedelta(seconds=1)).due_at == NOW + timedelta(minutes=5)


def test_what_is_left_is_read_soon_whatever_the_cadence() -> None:
    found = read(Reading(changed=True, records=500, soon=True), known=Known(DAY))
    assert found.due_at == NOW + SOON
    assert found.every >= HOUR, "the cadence is the publisher's all the same"


@given(
    every=st.timedeltas(timedelta(minutes=1), timedelta(days=30)),
    known=st.timedeltas(timedelta(minutes=1), timedelta(days=30)),
    failures=st.integers(0, 10_000),
    records=st.none() | st.integers(0, 10**9),
    before=st.none() | st.integers(0, 10**9),
    chance=st.floats(0, 1),
    permanent=st.booleans(),
)
def test_nothing_is_due_before_its_time_or_never(
    every: timedelta,
    known: timedelta,
    failures: int,
    records: int | None,
    before: int | None,
    chance: float,
    permanent: bool,
) -> None:
    expected, was = Expected(every, minimum=5), Known(known, failures=failures, records=before)
    answered = after_reading(expected, was, Reading(changed=False, records=records), now=NOW, chance=chance)
    failed = after_failure(expected, was, Failure(reason="No.", permanent=permanent), now=NOW, chance=chance)
    assert NOW + every * 0.9 <= answered.due_at
    assert answered.every >= every
    assert NOW + timedelta(minutes=3) <= failed.due_at <= NOW + timedelta(days=46)
    assert (answered.reason is None) == (answered.state is State.HEALTHY)
