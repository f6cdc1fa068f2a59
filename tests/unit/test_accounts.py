"""What accounts decide without a database: counters, addresses, and what could be a key at all."""

from ipaddress import ip_network
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socdefenders.accounts import Caller, LocalCounters
from socdefenders.accounts.budgets import neighbourhood
from socdefenders.accounts.keys import SCOPES, digest, well_formed
from socdefenders.errors import AddressNotAllowed, InsufficientScope


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def caller(*allowed: str) -> Caller:
    networks = tuple(ip_network(network) for network in allowed) or None
    return Caller(
        key_id=uuid4(),
        prefix="sk_live_abcd",
        tier="free",
        scopes=frozenset(SCOPES["free"]),
        allowed_ips=networks,
        expires_at=None,
    )


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 5))))
def test_a_counter_says_the_sum_of_what_was_added(steps: list[tuple[str, int]]) -> None:
    counters, expected = LocalCounters(clock=Clock()), {"a": 0, "b": 0, "c": 0}
    for name, amount in steps:
        expected[name] += amount
        assert counters.add(name, 60, amount) == expected[name]
    assert {name: counters.read(name) for name in expected} == expected


def test_counters_of_past_windows_are_swept_out() -> None:
    clock = Clock()
    counters = LocalCounters(clock=clock)
    for minute in range(500):
        clock.now = minute * 60.0
        counters.add(f"key/m{minute}", 60)
    assert len(counters) <= 3


def test_a_flood_of_names_stays_bounded_and_cheap() -> None:
    counters = LocalCounters(size=1_000, clock=Clock())
    for number in range(20_000):
        counters.add(f"address-{number}", 60)
    assert len(counters) <= 1_000
    assert counters.read("address-19999") == 1


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
        ("no address", "no address"),
    ],
)
def test_failures_are_counted_by_what_one_client_can_choose_within(address: str, expected: str) -> None:
    assert neighbourhood(address) == expected


@pytest.mark.parametrize("address", ["203.0.113.1", "2001:db9::1", "", "192.0.2.1.example"])
def test_a_key_with_networks_is_refused_from_everywhere_else(address: str) -> None:
    with pytest.raises(AddressNotAllowed):
        caller("192.0.2.0/24", "2001:db8::/32").check_address(address)


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::9"])
def test_a_key_with_networks_works_from_them(address: str) -> None:
    caller("192.0.2.0/24", "2001:db8::/32").check_address(address)
    caller().check_address("203.0.113.1")


def test_a_scope_that_a_tier_lacks_is_refused_by_name() -> None:
    caller().check_scope("read:iocs")
    with pytest.raises(InsufficientScope) as refused:
        caller().check_scope("read:stix")
    assert refused.value.required_scope == "read:stix"


@pytest.mark.parametrize(
    "junk", ["", "sk_live_", "sk_live_" + "a" * 31, "sk_live_" + "é" * 40, "x" * 48, "sk_live_" + "a" * 65]
)
def test_what_cannot_be_a_key_is_known_without_asking(junk: str) -> None:
    assert not well_formed(junk)


def test_what_is_stored_of_a_key_is_not_the_key() -> None:
    secret = "sk_live_" + "a" * 40
    assert well_formed(secret)
    assert len(digest(secret)) == 32
    assert secret.encode() not in digest(secret)
