"""One request as the layers of the application see it: who asks, under which id, with what left."""

import re
from collections.abc import Sequence
from ipaddress import ip_address

from starlette.types import Scope

from socdefenders.accounts import Rate
from socdefenders.settings import Network

MAX_HOPS = 20


class Visit:
    """What is known of one request; it travels in the ASGI scope."""

    __slots__ = ("client", "error", "key", "query", "rate", "rated", "request_id", "route")

    def __init__(self, request_id: str, client: str) -> None:
        """Begin with a request's id and its client's address."""
        self.request_id = request_id
        self.client = client
        self.rate: Rate | None = None
        """What the caller has left, once that is known."""
        self.rated = False
        """Whether it was asked for the answer's headers."""
        self.key: str | None = None
        """The prefix of the caller's key, for the log."""
        self.query: str | None = None
        """What was searched for, fit for the log."""
        self.error: Exception | None = None
        """What the answer tells of; the framework raises it again once it has answered."""
        self.route = "unmatched"
        """The path template of the route, for the metrics."""


def visit_of(scope: Scope) -> Visit:
    """Return the visit that a request belongs to."""
    visit: Visit = scope["visit"]
    return visit


def client_address(scope: Scope, trusted: Sequence[Network]) -> str:
    """Return the client's address: the last hop that is no trusted proxy."""
    peer = scope.get("client")
    address = _plain(peer[0]) if peer else ""
    if not trusted or not _among(address, trusted):
        return address
    forwarded = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for")
    for hop in reversed(forwarded.decode("latin-1").split(",")[-MAX_HOPS:]):
        hop_address = _plain(hop.strip())
        if not _is_address(hop_address):
            return address  # what stands further left was written by nobody we trust
        address = hop_address
        if not _among(address, trusted):
            return address
    return address


_WITH_PORT = re.compile(r"\[([^\]]*)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}")


def _plain(address: str) -> str:
    """Take off the port that some proxies write, and the IPv6 form of an IPv4 address."""
    if found := _WITH_PORT.fullmatch(address):
        address = found[1] or found[2]
    return address[7:] if address.startswith("::ffff:") and "." in address else address


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _among(address: str, networks: Sequence[Network]) -> bool:
    if not _is_address(address):
        return False
    ip = ip_address(address)
    return any(ip in network for network in networks)
