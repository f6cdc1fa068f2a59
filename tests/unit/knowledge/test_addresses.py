"""Networks cut into segments answer as `ipaddress` does, whatever lies in what."""

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.knowledge.small import ADDRESSES, known, warning_list

Network = IPv4Network | IPv6Network


def near(base: int, bits: int, spread: int) -> st.SearchStrategy[Network]:
    """Networks that lie in each other and side by side: within a few bits of one address, or of the whole range."""
    kind: type[Network] = IPv4Network if bits == 32 else IPv6Network
    offsets = st.integers(0, (1 << spread) - 1)
    lengths = st.one_of(st.integers(0, bits), st.integers(bits - spread, bits))
    return st.builds(lambda offset, length: kind((base + offset, length), strict=False), offsets, lengths)


V4 = near(int(ip_address("192.0.2.0")), 32, 8)
V6 = near(int(ip_address("2001:db8::")) + (1 << 64) - 8, 128, 5)
"""Across the middle of an address, where its upper half changes."""


@given(lists=st.lists(st.lists(V4, max_size=5), min_size=1, max_size=4), asked=st.integers(-3, 258))
def test_segments_of_ipv4_hold_what_the_networks_hold(lists: list[list[Network]], asked: int) -> None:
    agree(lists, str(ip_address(int(ip_address("192.0.2.0")) + asked)))


@given(lists=st.lists(st.lists(V6, max_size=5), min_size=1, max_size=4), asked=st.integers(-3, 34))
def test_segments_of_ipv6_hold_what_the_networks_hold(lists: list[list[Network]], asked: int) -> None:
    agree(lists, str(ip_address(int(ip_address("2001:db8::")) + (1 << 64) - 8 + asked)))


@given(lists=st.lists(st.lists(st.one_of(V4, V6), max_size=5), min_size=1, max_size=3), data=st.data())
def test_the_edges_of_a_network_are_in_it_and_their_neighbours_are_not(
    lists: list[list[Network]], data: st.DataObject
) -> None:
    networks = [network for each in lists for network in each]
    if networks:
        network = data.draw(st.sampled_from(networks))
        agree(lists, str(network.network_address))
        agree(lists, str(network.broadcast_address))


def agree(lists: list[list[Network]], asked: str) -> None:
    named = [warning_list(str(at), "cidr", map(str, each), ADDRESSES) for at, each in enumerate(lists)]
    expected = {str(at) for at, each in enumerate(lists) if any(ip_address(asked) in network for network in each)}
    assert known(*named).address_sets(asked) == expected


def test_the_whole_range_and_its_ends() -> None:
    everything = warning_list("all", "cidr", ["0.0.0.0/0", "::/0"], ADDRESSES)
    last = warning_list("last", "cidr", ["255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"], ADDRESSES)
    knowledge = known(everything, last)
    assert knowledge.lists_of_address("0.0.0.0") == knowledge.lists_of_address("::") == ("all",)
    assert knowledge.lists_of_address("255.255.255.255") == ("all", "last")
    assert knowledge.lists_of_address(str(IPv6Address((1 << 128) - 1))) == ("all", "last")


def test_a_mapped_address_is_asked_for_as_ipv4() -> None:
    knowledge = known(warning_list("l", "cidr", ["::ffff:192.0.2.7", "::ffff:198.51.100.0/120"], ADDRESSES))
    assert knowledge.lists_of_address("192.0.2.7") == knowledge.lists_of_address("198.51.100.9") == ("l",)
    assert knowledge.lists_of_address("192.0.2.8") == ()


def test_host_bits_and_capitals_do_not_matter() -> None:
    knowledge = known(warning_list("l", "cidr", ["192.0.2.35/28", "2001:DB8::/32"], ADDRESSES))
    assert knowledge.lists_of_address("192.0.2.32") == knowledge.lists_of_address("2001:db8::1") == ("l",)


@pytest.mark.parametrize(
    "text", ["", "192.0.2", "192.0.2.0/24", "0x7f.1", "192.0.2.07", "a.example", "2001:db8::g", "::1%"]
)
def test_what_is_no_address_is_on_no_list(text: str) -> None:
    assert known(warning_list("l", "cidr", ["0.0.0.0/0", "::/0"], ADDRESSES)).lists_of_address(text) == ()


def test_entries_that_are_no_network_are_counted() -> None:
    [info] = known(warning_list("l", "cidr", ["192.0.2.0/24", "192.0.2.0/33", "x", ""], ADDRESSES)).about.lists
    assert (info.entries, info.unread, info.skipped) == (1, 3, None)
