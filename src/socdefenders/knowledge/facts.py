"""What is known, as plain types: out of the packages into a bundle, and out of a bundle to whoever asks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class WarningList(NamedTuple):
    """One list of values that are rarely an attacker's, as its publisher keeps it."""

    id: str
    name: str
    description: str
    version: str
    category: str
    """`false_positive` or `known`, where the publisher says so; else ""."""
    type: str
    """string, hostname, substring, cidr or regex."""
    attributes: tuple[str, ...]
    """The kinds of value it is meant for, in MISP's words."""
    entries: Sequence[str]


class Tactic(NamedTuple):
    """What a technique is good for."""

    shortname: str
    """As STIX writes it: `command-and-control`."""
    name: str
    id: str | None
    """`TA0011`; None where the source names none (mobile and older matrices)."""


class Technique(NamedTuple):
    """A technique of MITRE ATT&CK."""

    id: str
    name: str
    tactics: tuple[Tactic, ...]
    revoked_by: str | None
    """The id of the technique that took its place."""
    deprecated: bool
    """Whether it is kept for old references only; so is every revoked one."""
    attack_version: str
    """Of the release that this was read in, as `19.2`; "" where the source does not say."""


class Name(NamedTuple):
    """A name by which people call an actor, a malware and the like."""

    surface: str
    """As it is written."""
    canonical: str
    """What its source files it under. One surface form may have several."""
    kind: str
    """actor, malware, ransomware, tool or sector."""
    galaxy: str
    """The collection it stands in."""
    attack_id: str | None
    """Its id in MITRE ATT&CK (`G0016`), where the source names one."""


class Package(NamedTuple):
    """A package that a bundle was compiled out of."""

    name: str
    version: str
    licence: str
    """As the package declares it, and what it says of its data."""
    licence_files: tuple[str, ...]
    """Their names, below the package's metadata."""
    snapshot: str | None
    """The day its data are of, where it says so: `2025-12-23`."""


class ListInfo(NamedTuple):
    """What a warning list is, and what came of it."""

    id: str
    name: str
    description: str
    version: str
    category: str
    type: str
    entries: int
    """That can be looked up."""
    unread: int
    """That are no value of a kind that can be looked up."""
    skipped: str | None
    """Why the whole list cannot be looked up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Where a bundle's content is from."""

    format: int
    built_at: str
    """RFC 3339, UTC."""
    attack_version: str
    packages: tuple[Package, ...]
    lists: tuple[ListInfo, ...]
    counts: Mapping[str, int]
    """Of distinct names (hosts, hashes, e-mail addresses), segments of addresses, techniques, names, words."""


class Sources(NamedTuple):
    """Everything that is compiled, as plain data."""

    lists: Iterable[WarningList]
    """Read once, one after the other: together they are too many to hold."""
    suffixes: Iterable[str]
    """The rules of the Public Suffix List, in ASCII."""
    techniques: Sequence[Technique]
    names: Sequence[Name]
    words: Mapping[str, float]
    """English words and their Zipf frequency: 3 is once in a million words, 6 once in a thousand."""
    packages: Sequence[Package]
    attack_version: str
