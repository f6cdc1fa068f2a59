"""Which addresses may be connected to: those of the public internet, and those that the operator names.

The check stands where a socket is made, on the very address that it is then connected to: whatever a name
resolved to a moment before, and however an address was spelt, nothing else counts. What is not public is kept as
lists of our own, from IANA's registries of special-purpose addresses, because the standard library's answer differs
between its releases.
"""

import errno
import re
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from socdefenders.errors import FetchFailed

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[object, ...]]
"""As `getaddrinfo` gives it: family, type, protocol, canonical name, address."""

_CLOSED_4 = tuple(map(IPv4Network, (
    "0.0.0.0/8",  # this network
    "10.0.0.0/8",  # private
    "100.64.0.0/10",  # shared by a carrier's customers
    "127.0.0.0/8",  # loopback
    "169.254.0.0/16",  # link-local; clouds keep their credentials there
    "172.16.0.0/12",  # private
    "192.0.0.0/24",  # protocol assignments
    "192.0.2.0/24",  # documentation
    "192.88.99.0/24",  # relays of 6to4, given up
    "192.168.0.0/16",  # private
    "198.18.0.0/15",  # benchmarks
    "198.51.100.0/24",  # documentation
    "203.0.113.0/24",  # documentation
    "224.0.0.0/4",  # multicast
    "240.0.0.0/4",  # reserved, and broadcast
)))  # fmt: skip
_OPEN_6 = IPv6Network("2000::/3")
"""All of IPv6 that is assigned to anybody; loopback, link-local, unique local and multicast lie outside."""
_CLOSED_6 = tuple(map(IPv6Network, (
    "2001::/23",  # protocol assignments, and Teredo
    "2001:db8::/32",  # documentation
    "3fff::/20",  # documentation
)))  # fmt: skip
_CARRIERS = {
    IPv6Network("::ffff:0:0/96"): 0,  # IPv4 as IPv6
    IPv6Network("64:ff9b::/96"): 0,  # NAT64
    IPv6Network("2002::/16"): 80,  # 6to4
}
"""Networks whose addresses hold one of IPv4, and how many bits stand behind it."""
_NUMBER = re.compile(r"(?:.*\.)?(?:0x[0-9a-f]*|[0-9]+)", re.ASCII)
"""What resolvers take for an address when a name ends in it: `2130706433`, `127.1`, `0x7f.1`."""
_REFUSED = "not an address of the public internet"


def is_public(address: Address) -> bool:
    """Whether anybody on the internet could be meant by it."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _CLOSED_4)
    for network, behind in _CARRIERS.items():
        if address in network:
            return is_public(IPv4Address((int(address) >> behind) & 0xFFFFFFFF))
    return address in _OPEN_6 and not any(address in network for network in _CLOSED_6)


class Guard:
    """The public internet, and the networks and host names in `allowed`.

    An allowed name is trusted with whatever it resolves to; an allowed network, with whatever name leads there.
    """

    def __init__(self, allowed: Iterable[Network | str] = (), *, resolves: bool = True) -> None:
        """Know that with `resolves` false names are resolved elsewhere, by a proxy, so that only literals are seen."""
        self._names: set[str] = set()
        self._networks: list[Network] = []
        self._resolves = resolves
        for each in allowed:
            network = _network(each) if isinstance(each, str) else each
            if network is None:
                self._names.add(_name(str(each)))
            else:
                self._networks.append(network)

    def trusts(self, host: str) -> bool:
        """Whether the operator named this host itself."""
        return _name(host) in self._names

    def allows(self, address: Address) -> bool:
        """Whether a connection may be made to `address`."""
        named = any(address.version == network.version and address in network for network in self._networks)
        return named or is_public(address)

    def check(self, host: str) -> None:
        """Raise FetchFailed when `host`, as an address spells it, is refused whatever it resolves to."""
        name = _name(host)
        address = _literal(host)
        if address is not None:
            closed = not self.allows(address)
        elif self._resolves:
            closed = _is_number(name)
        else:
            closed = _is_number(name) or f".{name}".endswith(".localhost")
        if closed and name not in self._names:
            raise refusal(host, permanent=True)

    def socket(self, info: AddressInfo) -> socket.socket:
        """Make the socket for a connection to the address of `info`, or raise an OSError that `refused` knows."""
        family, kind, protocol, _, address = info
        literal = _literal(str(address[0]))
        if literal is None or not self.allows(literal):
            raise PermissionError(errno.EACCES, _REFUSED)
        return socket.socket(family, kind, protocol)


def refused(error: OSError) -> bool:
    """Whether a connection failed because the guard refused its address."""
    return isinstance(error, PermissionError) and error.strerror == _REFUSED


def refusal(host: str, *, permanent: bool = False) -> FetchFailed:
    """The error for a host that may not be reached; permanent when the address says so by itself."""
    what = "is" if permanent else "leads to what is"
    return FetchFailed(
        f"{host} {what} {_REFUSED}. If it is meant, add it to SOCDEFENDERS_FETCH_ALLOWED.",
        reason_code="refused-address",
        permanent=permanent,
    )


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None


def _network(text: str) -> Network | None:
    try:
        return ip_network(text)
    except ValueError:
        return None


def _is_number(name: str) -> bool:
    return _NUMBER.fullmatch(name) is not None


def _name(host: str) -> str:
    return host.rstrip(".").lower()
