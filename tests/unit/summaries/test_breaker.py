"""A server that fails is left alone, for longer each time, and asked once when the time is over."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from socdefenders.summaries import Breaker
from socdefenders.summaries.breaker import LONGEST, SHORTEST, THRESHOLD

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


def after(failures: int) -> Breaker:
    breaker = Breaker()
    for _ in range(failures):
        breaker = breaker.failed(NOW)
    return breaker


def test_it_opens_after_failures_in_a_row_and_closes_by_the_clock() -> None:
    assert not after(THRESHOLD - 1).is_open
    opened = after(THRESHOLD)
    assert opened.is_open
    assert opened.wait(NOW) == SHORTEST
    assert opened.wait(NOW + SHORTEST - timedelta(seconds=1)) == timedelta(seconds=1)
    assert opened.wait(NOW + SHORTEST) == opened.wait(NOW + 5 * LONGEST) == timedelta()


def test_each_failure_after_that_doubles_the_wait_up_to_an_hour() -> None:
    waits = [after(number).wait(NOW) for number in range(THRESHOLD, THRESHOLD + 9)]
    assert waits == [min(SHORTEST * 2**number, LONGEST) for number in range(9)]


def test_a_server_that_says_how_long_is_believed_at_once() -> None:
    assert Breaker().failed(NOW, timedelta(hours=3)).wait(NOW) == timedelta(hours=3)
    assert Breaker().failed(NOW, timedelta()).wait(NOW) == SHORTEST, "and not asked in a circle"


@given(st.integers(0, 2000), st.none() | st.timedeltas(timedelta(), timedelta(days=1)))
def test_no_number_of_failures_waits_for_ever(failures: int, wait: timedelta | None) -> None:
    assert Breaker(failures).failed(NOW, wait).wait(NOW) <= max(LONGEST, wait or LONGEST)
