"""The look-ups: on which lists a host, URL, address, digest or e-mail address stands; names, techniques and words.

A name costs one fingerprint and one bisection for each of its labels, an address one bisection; all
over mapped memory, without a lock. Answers are sets of list ids, the same object for the same set.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any, cast

import re2

from socdefenders.knowledge.bundle import FORMAT, Bundle
from socdefenders.knowledge.facts import About, ListInfo, Name, Package, Tactic, Technique
from socdefenders.knowledge.fingerprints import DIGEST_MARK, Fingerprints
from socdefenders.knowledge.lists import DIGEST_LENGTHS, LONGEST_HOST, NameSet, Scope

NOTHING: frozenset[str] = frozenset()
LONGEST_EMAIL = 320
MOST_SUCCESSORS = 10
_MOST_REMEMBERED = 1 << 14
_MOST_TOPS = 1 << 12
_LOW = (1 << 64) - 1
_ENDS_OF_ADDRESSES = frozenset("0123456789]")
_END_OF_AUTHORITY = re.compile(r"[/?#\\]")


class Knowledge:
    """What is known beforehand. Every look-up only reads, and any number of threads may ask at once.

    Hosts are given as indicators spell them: ASCII, lower case, no trailing dot. What is no host, address
    or digest at all stands on no list.
    """

    def __init__(self, bundle: Bundle) -> None:
        """Read out of `bundle`."""
        self._bundle = bundle
        head: Mapping[str, Any] = bundle.head
        self._about: Mapping[str, Any] = head["about"]
        self._ids: list[str] = [each[0] for each in self._about["lists"]]
        self._fingerprint = Fingerprints(bytes.fromhex(head["hash_key"])).of
        self._listed, self._listed_set_ids = bundle.array("listed"), bundle.array("listed_set_ids")
        self._name_sets: list[list[tuple[int, ...]]] = head["name_sets"]
        self._v4, self._v4_set_ids = bundle.array("v4"), bundle.array("v4_set_ids")
        self._v6_high, self._v6_low = bundle.array("v6_high"), bundle.array("v6_low")
        self._v6_set_ids = bundle.array("v6_set_ids")
        self._address_sets = [frozenset(self._ids[number] for number in each) for each in head["address_sets"]]
        self._tops: dict[str, int] = {}
        self._remembered: dict[tuple[int, ...], frozenset[str]] = {}
        # Of an object and not of the class, so that no answer outlives what gave it.
        self.host_sets = lru_cache(_MOST_REMEMBERED)(self._host_sets)
        """Return the ids of the lists that a host, or a name it lies below, stands on; an address's when it is one."""
        self.hash_sets = lru_cache(_MOST_REMEMBERED)(self._hash_sets)
        """Return the ids of the lists of a file's digest, in hexadecimal."""

    def __bool__(self) -> bool:
        """Return whether anything is known at all."""
        return bool(self._about["packages"])

    # Lists

    def _host_sets(self, host: str) -> frozenset[str]:
        if host[-1:] in _ENDS_OF_ADDRESSES:
            address = _address(host.strip("[]"))
            if address is not None:
                return self._address_set(address)
        if not 0 < len(host) <= LONGEST_HOST:
            return NOTHING
        found = []
        name = host
        while True:
            _, dot, above = name.partition(".")
            if not dot:
                break
            found.append(self._set_id(name))
            name = above
        found.append(self._set_id_of_top(name))
        return self._together(tuple(found))

    def address_sets(self, text: str) -> frozenset[str]:
        """Return the ids of the lists with a network that holds the address; nothing for what is no address."""
        address = _address(text)
        return NOTHING if address is None else self._address_set(address)

    def lists_of_host(self, host: str) -> tuple[str, ...]:
        """Return the ids of `host_sets`, sorted."""
        return tuple(sorted(self.host_sets(host)))

    def lists_of_url(self, url: str) -> tuple[str, ...]:
        """Return the ids of the lists of a URL's host."""
        return self.lists_of_host(url_host(url))

    def lists_of_address(self, text: str) -> tuple[str, ...]:
        """Return the ids of `address_sets`, sorted."""
        return tuple(sorted(self.address_sets(text)))

    def lists_of_hash(self, digest: str) -> tuple[str, ...]:
        """Return the ids of `hash_sets`, sorted."""
        return tuple(sorted(self.hash_sets(digest)))

    def _hash_sets(self, digest: str) -> frozenset[str]:
        if len(digest) not in DIGEST_LENGTHS:
            return NOTHING
        return self._together((self._set_id(DIGEST_MARK + digest.lower()),))

    def lists_of_email(self, address: str) -> tuple[str, ...]:
        """Return the ids of the lists of an e-mail address: of its domain, of itself, and of a pattern it fits."""
        name, at, host = address.lower().rpartition("@")
        if not (name and at) or len(address) > LONGEST_EMAIL:
            return ()
        text = address.encode("utf-8", "replace").decode()  # RE2 takes no half of a surrogate pair
        lists = {list_id for pattern, list_id in self._email_patterns if pattern.search(text)}
        own = self._together((self._set_id(address.lower()),))
        return tuple(sorted(lists | own | self.host_sets(host)))

    # Names, techniques and words

    def zipf(self, word: str) -> float:
        """Return how common an English word is: 6 is once in a thousand words, 3 in a million; 0.0 when rarer."""
        return self._words.get(word.lower(), 0.0)

    def technique(self, technique_id: str) -> Technique | None:
        """Return the technique of an id such as `T1059.001`, also when it was revoked."""
        return self._techniques.get(technique_id)

    def successor(self, technique_id: str) -> Technique | None:
        """Return the technique that is now what `technique_id` was: itself, or what it was revoked by."""
        found = self.technique(technique_id)
        for _ in range(MOST_SUCCESSORS):
            if found is None or found.revoked_by is None:
                return found
            found = self.technique(found.revoked_by)
        return None

    def techniques(self) -> Sequence[Technique]:
        """Return every technique, by id."""
        return tuple(self._techniques.values())

    def names(self) -> Sequence[Name]:
        """Return the names of actors, malware, tools and sectors; the same surface form may stand there often."""
        return self._all_names

    @property
    def size(self) -> int:
        """Bytes of the bundle."""
        return self._bundle.size

    def damage(self) -> str | None:
        """Read the whole bundle; return what is wrong with it, or None."""
        return self._bundle.damage()

    @cached_property
    def about(self) -> About:
        """Where all this is from."""
        raw = self._about
        return About(
            format=FORMAT,
            built_at=raw["built_at"],
            attack_version=raw["attack_version"],
            packages=tuple(
                Package(name, version, licence, tuple(files), snapshot)
                for name, version, licence, files, snapshot in raw["packages"]
            ),
            lists=tuple(ListInfo(*each) for each in raw["lists"]),
            counts=raw["counts"],
        )

    @cached_property
    def _words(self) -> dict[str, float]:
        return cast("dict[str, float]", self._bundle.text("words"))

    @cached_property
    def _techniques(self) -> dict[str, Technique]:
        rows = cast("list[list[Any]]", self._bundle.text("techniques"))
        return {row[0]: Technique(row[0], row[1], tuple(Tactic(*each) for each in row[2]), *row[3:]) for row in rows}

    @cached_property
    def _all_names(self) -> tuple[Name, ...]:
        return tuple(Name(*row) for row in cast("list[list[Any]]", self._bundle.text("names")))

    @cached_property
    def _email_patterns(self) -> list[tuple[Any, str]]:
        raw = cast("list[tuple[str, int]]", self._bundle.head["email_patterns"])
        return [(re2.compile(pattern), self._ids[number]) for pattern, number in raw]

    def _set_id(self, name: str) -> int:
        """Return the number of what is known of one name, 0 for nothing."""
        wanted = self._fingerprint(name)
        at = bisect_left(self._listed, wanted)
        if at == len(self._listed) or self._listed[at] != wanted:
            return 0
        return int(self._listed_set_ids[at])

    def _set_id_of_top(self, label: str) -> int:
        """Return the same for a name of one label, of which there are few."""
        known = self._tops.get(label)
        if known is None:
            if len(self._tops) >= _MOST_TOPS:
                self._tops.clear()
            known = self._tops[label] = self._set_id(label)
        return known

    def _together(self, found: tuple[int, ...]) -> frozenset[str]:
        """Return the lists of a name out of what is known of it and of each name above it, from itself upwards."""
        known = self._remembered.get(found)
        if known is None:
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            known = self._remembered[found] = self._joined(found)
        return known

    def _joined(self, found: tuple[int, ...]) -> frozenset[str]:
        sets = [NameSet(*self._name_sets[each if each < len(self._name_sets) else 0]) for each in found]
        numbers = {*sets[0].exact, *sets[0].below}
        for above in sets[1 : _registrable(sets) + 1]:
            numbers.update(above.below)
        for each in sets:
            numbers.update(each.everywhere_below)
        return frozenset(self._ids[number] for number in numbers) or NOTHING

    def _address_set(self, address: IPv4Address | IPv6Address) -> frozenset[str]:
        number = int(address)
        if address.version == 4:
            set_id = self._v4_set_ids[bisect_right(self._v4, number) - 1]
        else:
            high, low = number >> 64, number & _LOW
            start = bisect_left(self._v6_high, high)
            stop = bisect_right(self._v6_high, high, lo=start)
            set_id = self._v6_set_ids[bisect_right(self._v6_low, low, lo=start, hi=stop) - 1]
        return self._address_sets[set_id] if set_id < len(self._address_sets) else NOTHING


def url_host(url: str) -> str:
    """Return the host of a canonical URL; an IPv6 address in its brackets, "" where there is none."""
    _, slashes, rest = url.partition("://")
    if not slashes:
        return ""
    authority = _END_OF_AUTHORITY.split(rest, maxsplit=1)[0].rpartition("@")[2]
    if authority.startswith("["):
        return authority.partition("]")[0] + "]"
    return authority.partition(":")[0]


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return IPv6Address(text) if ":" in text else IPv4Address(text)
    except AddressValueError:
        return None


def _registrable(sets: Sequence[NameSet]) -> int:
    """Return the index of the registrable domain among a name and those above it; of the name when it has none."""
    for index, each in enumerate(sets):
        if Scope.EXCEPTION in each.rules:
            return index
        wildcard = index + 1 < len(sets) and Scope.WILDCARD in sets[index + 1].rules
        if Scope.SUFFIX in each.rules or wildcard or index == len(sets) - 1:
            return max(index - 1, 0)
    return 0
