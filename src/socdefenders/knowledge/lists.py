"""Compiling warning lists: entries of every kind into sorted fingerprints, and networks into disjoint segments.

How an entry is meant follows from its form and its list's type:

- `host.example` of a `hostname` list: that name and what lies below it, up to the registrable domain;
- `host.example` of a `string` list: that name alone; of a `substring` list as of a `hostname` list, for
  a name in the middle of another (`good.example.evil.example`) vouches for nothing;
- `.host.example`: that name and whatever lies below it, registrable domain or not;
- an address or network: every address in it; a digest, an e-mail address: itself.
"""

import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import groupby
from typing import NamedTuple

import idna
import re2

from socdefenders.knowledge.facts import ListInfo, WarningList
from socdefenders.knowledge.fingerprints import DIGEST_MARK, Fingerprints

DIGEST_LENGTHS = frozenset({32, 40, 56, 64, 96, 128})
"""Hexadecimal digits of MD5, SHA-1, SHA-224, SHA-256, SHA-384 and SHA-512."""
LONGEST_HOST = 253
MOST_LISTS = 1 << 12

_HOST = re.compile(r"\.?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_DIGEST = re.compile(r"[0-9a-f]+")
_LOOKED_UP = re.compile(r"ip-|domain|hostname|ur[il]|email|md5|sha\d|x509")
"""In the attributes of a list that is meant for something that can be looked up."""
_ADDRESSES = re.compile(r"(?:^|\|)ip\b")
_EMAIL_ADDRESS = re.compile(r"[^\s@]+@[a-z0-9_.-]+")
_PHP_PATTERN = re.compile(r"/(.*)/([a-z]*)")


class Scope(IntEnum):
    """Which hosts an entry speaks of, or what the Public Suffix List says of a name."""

    EXACT = 0
    BELOW = 1
    """The name, and what lies below it within one registrable domain."""
    EVERYWHERE_BELOW = 2
    SUFFIX = 3
    """Others register names directly below it."""
    WILDCARD = 4
    """Each name directly below it is such a suffix."""
    EXCEPTION = 5
    """It is none, although the wildcard above it says so."""


class NameSet(NamedTuple):
    """What is known of one name: the lists by their numbers, and its part in the Public Suffix List."""

    exact: tuple[int, ...] = ()
    below: tuple[int, ...] = ()
    everywhere_below: tuple[int, ...] = ()
    rules: tuple[int, ...] = ()


class Segments(NamedTuple):
    """Where what is known of addresses changes: ascending first addresses, and the number of the set from there on."""

    starts: list[int]
    sets: list[int]


class Lists(NamedTuple):
    """Compiled lists."""

    infos: list[ListInfo]
    names: "array[int]"
    """Fingerprints of names, ascending; "Q"."""
    name_set_ids: "array[int]"
    """What is known of each, as an index of `name_sets`."""
    name_sets: list[NameSet]
    v4: Segments
    v6: Segments
    address_sets: list[tuple[int, ...]]
    """The numbers of the lists of a segment."""
    email_patterns: list[tuple[str, int]]
    """A pattern of RE2, and the number of its list."""


class _Gathered:
    """What was read so far. A name is one number (fingerprint, scope, list), for there are millions of them."""

    def __init__(self, key: bytes) -> None:
        """Gather under a bundle's key."""
        self.fingerprint = Fingerprints(key).of
        self.names: list[int] = []
        self.networks: list[tuple[IPv4Network | IPv6Network, int]] = []
        self.email_patterns: list[tuple[str, int]] = []

    def add_name(self, text: str, scope: Scope, number: int) -> None:
        self.names.append(self.fingerprint(text) << 16 | scope << 12 | number)

    def add_network(self, text: str, number: int) -> bool:
        try:
            network = ip_network(text, strict=False)
        except ValueError:
            return False
        self.networks.append((_unmapped(network), number))
        return True

    def add_entry(self, text: str, number: int, scope: Scope, *, addresses: bool) -> bool:
        """Add what an entry of a list of names says; return whether it says anything."""
        text = text.strip().rstrip(".").lower()
        if not text.isascii():
            text = encoded(text)
        if addresses and (":" in text or text[-1:].isdigit()) and self.add_network(text, number):
            return True
        if _HOST.fullmatch(text):
            self._add_host_or_digest(text, number, scope)
            return True
        if _EMAIL_ADDRESS.fullmatch(text):
            self.add_name(text, Scope.EXACT, number)
            return True
        return False

    def add_pattern(self, text: str, number: int) -> bool:
        """Add a pattern over e-mail addresses, as PHP or as RE2 writes it; return whether RE2 can."""
        php = _PHP_PATTERN.fullmatch(text)
        pattern = f"(?{php[2]}){php[1]}" if php and php[2] else php[1] if php else text
        try:
            re2.compile(pattern)
        except re2.error:
            return False
        self.email_patterns.append((pattern, number))
        return True

    def _add_host_or_digest(self, text: str, number: int, scope: Scope) -> None:
        if len(text) in DIGEST_LENGTHS and _DIGEST.fullmatch(text):
            self.add_name(DIGEST_MARK + text, Scope.EXACT, number)
        elif text[0] == ".":
            self.add_name(text[1:], Scope.EVERYWHERE_BELOW, number)
        else:
            self.add_name(text, scope, number)


def compile_lists(lists: Iterable[WarningList], suffixes: Iterable[str], key: bytes) -> Lists:
    """Compile `lists` and the rules of the Public Suffix List under a bundle's key; ValueError for too many lists."""
    gathered = _Gathered(key)
    infos = [_read(each, number, gathered) for number, each in enumerate(lists)]
    if len(infos) > MOST_LISTS:
        raise ValueError(f"{len(infos)} warning lists are more than the {MOST_LISTS} that can be told apart.")
    for rule in suffixes:
        _read_rule(rule, gathered)
    names, name_set_ids, name_sets = _merged(gathered.names)
    known: dict[tuple[int, ...], int] = {(): 0}
    v4 = _segments([each for each in gathered.networks if each[0].version == 4], 1 << 32, known)
    v6 = _segments([each for each in gathered.networks if each[0].version == 6], 1 << 128, known)
    return Lists(infos, names, name_set_ids, name_sets, v4, v6, list(known), gathered.email_patterns)


def numbers(values: Sequence[int], most: int) -> "array[int]":
    """Return `values` in an array of the smallest kind that holds `most`."""
    return array("H" if most < 1 << 16 else "I", values)


def encoded(text: str) -> str:
    """Return an internationalised name in ASCII, with or without a leading dot; "" for what is none."""
    dot = "." if text.startswith(".") else ""
    if len(text) > LONGEST_HOST:
        return ""
    try:
        return dot + idna.encode(text.removeprefix("."), uts46=True).decode("ascii")
    except UnicodeError:
        return ""


def _read(each: WarningList, number: int, gathered: _Gathered) -> ListInfo:
    reason = _reason_to_skip(each)
    count = 0
    if reason is None:
        read = _reader(each, gathered)
        count = sum(read(entry, number) for entry in each.entries)
    return ListInfo(
        id=each.id,
        name=each.name,
        description=each.description,
        version=each.version,
        category=each.category,
        type=each.type,
        entries=count,
        unread=0 if reason else len(each.entries) - count,
        skipped=reason,
    )


def _reason_to_skip(each: WarningList) -> str | None:
    kinds = ", ".join(each.attributes) or "nothing"
    if each.type not in {"string", "hostname", "substring", "cidr", "regex"}:
        return f"lists of type {each.type!r} are not known"
    if each.type == "regex" and not any("email" in attribute for attribute in each.attributes):
        return f"patterns are only looked for in e-mail addresses; these are meant for {kinds}"
    if not any(_LOOKED_UP.search(attribute) for attribute in each.attributes):
        return f"there is no look-up of what it is meant for: {kinds}"
    return None


def _reader(each: WarningList, gathered: _Gathered) -> Callable[[str, int], bool]:
    if each.type == "cidr":
        return gathered.add_network
    if each.type == "regex":
        return gathered.add_pattern
    scope = Scope.EXACT if each.type == "string" else Scope.BELOW
    addresses = any(_ADDRESSES.search(attribute) for attribute in each.attributes)
    return lambda entry, number: gathered.add_entry(entry, number, scope, addresses=addresses)


def _read_rule(rule: str, gathered: _Gathered) -> None:
    if rule.startswith("!"):
        gathered.add_name(rule[1:], Scope.EXCEPTION, 0)
    elif rule.startswith("*."):
        gathered.add_name(rule[2:], Scope.WILDCARD, 0)
    else:
        gathered.add_name(rule, Scope.SUFFIX, 0)


def _merged(gathered: list[int]) -> tuple["array[int]", "array[int]", list[NameSet]]:
    """Sort the names, and give each distinct collection of what is said of a name its own number."""
    gathered.sort()
    names, ids = array("Q"), array("I")
    known: dict[tuple[int, ...], int] = {(): 0}
    for name, said in groupby(gathered, key=lambda each: each >> 16):
        names.append(name)
        ids.append(known.setdefault(tuple(dict.fromkeys(each & 0xFFFF for each in said)), len(known)))
    return names, numbers(ids, len(known)), [_name_set(each) for each in known]


def _name_set(said: Sequence[int]) -> NameSet:
    def of(scope: Scope) -> tuple[int, ...]:
        return tuple(each & 0xFFF for each in said if each >> 12 == scope)

    return NameSet(
        exact=of(Scope.EXACT),
        below=of(Scope.BELOW),
        everywhere_below=of(Scope.EVERYWHERE_BELOW),
        rules=tuple(sorted({each >> 12 for each in said if each >> 12 >= Scope.SUFFIX})),
    )


def _segments(
    networks: Iterable[tuple[IPv4Network | IPv6Network, int]], end: int, known: dict[tuple[int, ...], int]
) -> Segments:
    """Cut networks that lie in and beside each other into segments that do not; `known` numbers the sets of lists."""
    changes: list[tuple[int, int, int]] = []
    for network, number in networks:
        first = int(network.network_address)
        changes += ((first, number, 1), (first + network.num_addresses, number, -1))
    changes.sort()
    starts, sets = [0], [0]
    active: Counter[int] = Counter()
    for start, here in groupby(changes, key=lambda change: change[0]):
        for _, number, step in here:
            active[number] += step
            if not active[number]:
                del active[number]
        found = known.setdefault(tuple(sorted(active)), len(known))
        if start == 0:
            sets[0] = found
        elif start < end and found != sets[-1]:
            starts.append(start)
            sets.append(found)
    return Segments(starts, sets)


def _unmapped(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """Return the IPv4 network that an IPv4-mapped one stands for: that is how such an address is asked for."""
    if isinstance(network, IPv6Network) and network.prefixlen >= 96 and network.network_address.ipv4_mapped:
        return IPv4Network((network.network_address.ipv4_mapped, network.prefixlen - 96))
    return network
