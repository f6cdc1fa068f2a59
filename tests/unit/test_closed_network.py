"""The suite itself: no test can reach a host that is not this machine."""

import asyncio
import socket

import pytest


def test_a_connection_beyond_this_machine_is_refused_before_a_packet_leaves() -> None:
    with socket.socket() as outside, pytest.raises(Exception, match=r"192\.0\.2\.1") as raised:
        outside.connect(("192.0.2.1", 443))
    assert type(raised.value).__name__ == "NetworkRefused"


def test_a_datagram_beyond_this_machine_is_refused() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as outside, pytest.raises(Exception, match=r"192\.0\.2\.1"):
        outside.sendto(b"?", ("192.0.2.1", 53))


async def test_a_name_is_not_even_looked_up() -> None:
    with pytest.raises(Exception, match=r"c2\.example") as raised:
        await asyncio.get_running_loop().getaddrinfo("c2.example", 80)
    assert type(raised.value).__name__ == "NetworkRefused"


def test_this_machine_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        assert socket.getaddrinfo("localhost", 80)
