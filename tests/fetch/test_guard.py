"""No address but those of the public internet is connected to, however it is written and whatever leads there."""

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socdefenders.errors import FetchFailed
from socdefenders.feeds.fetching.guard import AddressInfo, Guard, is_public, refused
from tests.fetch.publisher import Names, Publisher, content, failure, fetcher, leads, listening, says

CLOSED = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.255",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1",
    "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::",
    "2002:a9fe:a9fe::1", "2002:c0a8:101::", "3fff::1", "4000::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1",
    "ff02::1",
]  # fmt: skip
OPEN = [
    "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0",
    "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "2001:200::", "3ffe:ffff::1", "::ffff:11.0.0.0",
    "64:ff9b::b00:0", "2002:b00:0::1",
]  # fmt: skip
"""Addresses beside those, here only to be looked at."""


@pytest.mark.parametrize("text", CLOSED)
def test_an_address_that_is_not_of_the_public_internet_is_known(text: str) -> None:
    assert not is_public(ip_address(text))
    with pytest.raises(FetchFailed) as failed:
        Guard().check(text)
    assert (failed.value.reason_code, failed.value.permanent) == ("refused-address", True)


@pytest.mark.parametrize("text", OPEN)
def test_an_address_of_the_public_internet_is_known(text: str) -> None:
    assert is_public(ip_address(text))
    Guard().check(text)


@given(st.ip_addresses(v=4))
def test_an_address_is_no_better_for_being_written_as_ipv6(address: IPv4Address) -> None:
    carried = [
        IPv6Address(f"::ffff:{address}"),
        IPv6Address(f"64:ff9b::{address}"),
        IPv6Address(int(IPv6Address("2002::")) | int(address) << 80),
    ]
    assert [is_public(each) for each in carried] == [is_public(address)] * 3


@given(st.ip_addresses())
def test_nothing_is_public_that_the_standard_library_knows_to_be_special(address: IPv4Address | IPv6Address) -> None:
    special = address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
    if isinstance(address, IPv4Address):
        special = special or address.is_private or address.is_reserved
    assert not (is_public(address) and special)


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "127.1",
        "0x7f.0.0.1",
        "0x7f000001",
        "0177.0.0.1",
        "127.0.0.01",
        "127.0.0.1.",
        "0",
        "1.2.3.4.5",
        "fe80::1%eth0",
    ],
)
def test_an_address_in_a_spelling_that_only_resolvers_know_is_refused(host: str) -> None:
    for guard in (Guard(), Guard(resolves=False), Guard((ip_network("127.0.0.0/8"),))):
        with pytest.raises(FetchFailed, match="SOCDEFENDERS_FETCH_ALLOWED"):
            guard.check(host)


@pytest.mark.parametrize("host", ["feeds.example", "localhost", "3com.example", "a.0xfg", "x--1.example", "1a"])
def test_a_name_is_judged_by_what_it_resolves_to(host: str) -> None:
    Guard().check(host)


def info(address: str) -> AddressInfo:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, 80)


def test_no_socket_is_made_for_an_address_that_is_refused() -> None:
    for text in [*CLOSED, "fe80::1%1", "localhost", ""]:
        with pytest.raises(OSError, match="public internet") as raised:
            Guard().socket(info(text))
        assert refused(raised.value)
    for text in OPEN:
        Guard().socket(info(text)).close()


def test_what_the_operator_names_is_allowed() -> None:
    guard = Guard((ip_network("10.1.0.0/16"), "fd00::/8", "192.168.1.7", "MISP.corp.example."))
    for host in ("10.1.2.3", "fd00::1", "192.168.1.7", "misp.corp.example"):
        guard.check(host)
    for address in ("10.1.2.3", "fd00::1", "192.168.1.7"):
        guard.socket(info(address)).close()
    for host in ("10.2.0.1", "fc00::1", "192.168.1.8", "::ffff:10.1.2.3"):
        with pytest.raises(FetchFailed):
            guard.check(host)
    assert [guard.trusts(name) for name in ("misp.corp.example", "Misp.Corp.Example.", "x.misp.corp.example")] == [
        True, True, False,
    ]  # fmt: skip


def test_with_a_proxy_the_name_of_this_machine_is_refused_too() -> None:
    for host in ("localhost", "a.localhost", "LOCALHOST."):
        with pytest.raises(FetchFailed):
            Guard(resolves=False).check(host)
    Guard(["localhost"], resolves=False).check("localhost")
    Guard(resolves=False).check("notlocalhost")


# Over the wire

INSIDE = [
    "http://127.0.0.2/", "http://169.254.169.254/latest/meta-data/", "http://inside.example/", "http://[::1]/", "http://[::ffff:7f00:2]/",
    "http://127.2/", "http://2130706434/", "http://0x7f.2/", "http://１２７.0.0.2/", "http://127.0.0.2./", "http://0/",
    "http://user@127.0.0.2/", "//127.0.0.2/",
]  # fmt: skip


@pytest.mark.parametrize("url", INSIDE[:-1])
async def test_what_lies_inside_is_not_asked(url: str) -> None:
    failed = await failure(url)
    assert failed.reason_code == "refused-address"
    assert failed.permanent is ("inside" not in url)
    assert "SOCDEFENDERS_FETCH_ALLOWED" in failed.message


@pytest.mark.parametrize("location", INSIDE)
async def test_a_redirect_does_not_lead_inside(publisher: Publisher, location: str) -> None:
    publisher.routes["/"] = leads(location)
    failed = await failure(publisher.url())
    assert failed.reason_code == "refused-address"
    assert len(publisher.requests) == 1


async def test_a_trusted_name_does_not_open_its_address_to_others(publisher: Publisher) -> None:
    names = Names({"misp.corp.example": [["127.0.0.1"]], "evil.example": [["127.0.0.1"]]})
    publisher.routes |= {"/": says(200, b"x"), "/evil": leads(publisher.url("/", "evil.example"))}
    publisher.routes["/literal"] = leads(publisher.url("/"))
    async with fetcher(allowed=("misp.corp.example",), names=names) as client:
        assert content(await client.get(publisher.url("/", "MISP.corp.example"))) == b"x"
        for path in ("/evil", "/literal"):
            with pytest.raises(FetchFailed) as failed:
                await client.get(publisher.url(path, "misp.corp.example"))
            assert failed.value.reason_code == "refused-address"
    assert publisher.asked() == ["/", "/evil", "/literal"]


async def test_a_name_that_changes_its_mind_gains_nothing(publisher: Publisher) -> None:
    publisher.routes["/"] = says(200, b"x")
    names = Names({"rebind.example": [["127.0.0.1"], ["127.0.0.2"]]})
    async with fetcher(names=names) as client:
        assert content(await client.get(publisher.url(host="rebind.example"))) == b"x"
    async with fetcher(names=names) as client:
        with pytest.raises(FetchFailed) as failed:
            await client.get(publisher.url(host="rebind.example"))
    assert failed.value.reason_code == "refused-address"


async def test_of_several_addresses_those_that_are_refused_are_passed_over(publisher: Publisher) -> None:
    publisher.routes["/"] = says(200, b"x")
    names = Names(
        {"both.example": [["127.0.0.2", "::1", "127.0.0.1"]], "none.example": [["127.0.0.2", "::1", "10.0.0.1"]]}
    )
    async with fetcher(names=names) as client:
        assert content(await client.get(publisher.url(host="both.example"))) == b"x"
    assert (await failure(publisher.url(host="none.example"), fetcher(names=names))).reason_code == "refused-address"


# Through a proxy


class Proxy:
    """A proxy that remembers what it was asked, answers plain requests itself and refuses tunnels."""

    def __init__(self, status: int = 200) -> None:
        self.heads: list[str] = []
        self._status = status

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        body = b"" if self.heads[-1].startswith("CONNECT") else b"x"
        writer.write(f"HTTP/1.1 {self._status} Whatever\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()


async def through(proxy: Proxy, url: str) -> bytes:
    async with listening(proxy.serve, "127.0.0.2") as port:
        address = f"http://soc:hunter%402@127.0.0.2:{port}"
        async with fetcher(names=Names({}), proxy=address) as client:
            return content(await client.get(url))


async def test_a_proxy_is_asked_by_name_and_with_its_password() -> None:
    proxy = Proxy()
    assert await through(proxy, "http://feeds.example/a") == b"x"
    [head] = proxy.heads
    assert head.startswith("GET http://feeds.example/a HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic c29jOmh1bnRlckAy\r\n" in head


@pytest.mark.parametrize("status", [403, 407])
async def test_a_proxy_that_refuses_a_tunnel_is_said_to(status: int) -> None:
    proxy = Proxy(status)
    with pytest.raises(FetchFailed) as failed:
        await through(proxy, "https://feeds.example/a")
    assert proxy.heads[0].startswith("CONNECT feeds.example:443 HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic c29jOmh1bnRlckAy\r\n" in proxy.heads[0]
    assert (failed.value.reason_code, failed.value.permanent) == ("connection", False)
    assert str(status) in failed.value.message


async def test_a_proxy_that_wants_a_password_is_no_fault_of_the_publisher() -> None:
    with pytest.raises(FetchFailed, match="SOCDEFENDERS_FETCH_PROXY") as failed:
        await through(Proxy(407), "http://feeds.example/a")
    assert not failed.value.permanent


async def test_through_a_proxy_a_literal_is_refused_before_it_is_asked() -> None:
    proxy = Proxy()
    for url in ("http://127.0.0.2/", "http://169.254.169.254/", "http://127.1/", "http://localhost/", "http://[::1]/"):
        with pytest.raises(FetchFailed) as failed:
            await through(proxy, url)
        assert failed.value.reason_code == "refused-address"
    assert proxy.heads == []


async def test_a_proxy_that_is_not_there_is_said_without_its_password() -> None:
    failed = await failure("http://feeds.example/", fetcher(names=Names({}), proxy="http://soc:hunter2@127.0.0.2:1"))
    assert failed.reason_code == "connection"
    assert "SOCDEFENDERS_FETCH_PROXY" in failed.message
    assert "hunter2" not in failed.message
