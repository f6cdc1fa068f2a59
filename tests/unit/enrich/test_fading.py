"""Fading: what is left of a report after some days, and when an indicator counts as inactive."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socdefenders.enrich.fading import STANDARD, Lifetimes, inactive_before, lifetime, retained
from socdefenders.model import IocType
from socdefenders.settings import Settings
from socdefenders.upkeep import Policy

NOW = datetime(2026, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)
LASTING = {IocType.CVE, IocType.MITRE_ATTACK}
TYPES = st.sampled_from(list(IocType))
AGES = st.timedeltas(min_value=-DAY, max_value=1_000 * DAY)
LIFETIMES = st.builds(
    Lifetimes,
    address=st.integers(14, 400), domain=st.integers(14, 400), url=st.integers(14, 400), file=st.integers(14, 400),
)  # fmt: skip


@pytest.mark.parametrize(
    ("ioc_type", "kept"),
    [
        (IocType.IPV4, (0.90, 0.68, 0.24, 0)),
        (IocType.IPV6, (0.90, 0.68, 0.24, 0)),
        (IocType.URL, (0.90, 0.68, 0.24, 0)),
        (IocType.DOMAIN, (0.93, 0.83, 0.67, 0.44)),
        (IocType.SHA256, (1.00, 0.99, 0.95, 0.84)),
        (IocType.CVE, (1, 1, 1, 1)),
    ],
)
def test_what_is_retained_is_what_was_measured_of_opencti(ioc_type: IocType, kept: tuple[float, ...]) -> None:
    found = [retained(ioc_type, days * DAY) for days in (1, 7, 30, 90)]
    assert found == pytest.approx(kept, abs=0.0051)


@given(ioc_type=TYPES, one=AGES, other=AGES, lifetimes=LIFETIMES)
def test_what_is_older_never_counts_for_more(
    ioc_type: IocType, one: timedelta, other: timedelta, lifetimes: Lifetimes
) -> None:
    younger, older = sorted([one, other])
    assert 1 >= retained(ioc_type, younger, lifetimes) >= retained(ioc_type, older, lifetimes) >= 0


@given(ioc_type=TYPES, age=AGES, lifetimes=LIFETIMES)
def test_an_indicator_is_inactive_when_nothing_of_it_is_retained(
    ioc_type: IocType, age: timedelta, lifetimes: Lifetimes
) -> None:
    since = inactive_before(NOW, lifetimes).get(ioc_type)
    whole = lifetime(ioc_type, lifetimes)
    assert (whole is None) == (since is None) == (ioc_type in LASTING)
    if whole is None or since is None:
        assert retained(ioc_type, age, lifetimes) == 1
    else:
        assert (NOW - age < since) == (age > whole)
        assert (retained(ioc_type, age, lifetimes) == 0) == (age >= whole)


def test_the_settings_say_the_same_unless_changed() -> None:
    assert Policy.of(Settings(data_dir="/nowhere")).lifetimes == STANDARD  # type: ignore[arg-type]  # it is not used
    changed = Settings(data_dir="/nowhere", active_days_url=90)  # type: ignore[arg-type]  # as above
    assert Policy.of(changed).limits(NOW).since["url"] == NOW - 90 * DAY
