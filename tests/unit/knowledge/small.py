"""Small bundles out of invented lists, and what an invented set of packages holds."""

from collections.abc import Iterable
from datetime import UTC, datetime

from socdefenders.knowledge import Knowledge, Name, Package, Tactic, Technique
from socdefenders.knowledge.building import NO_SOURCES, build
from socdefenders.knowledge.bundle import Bundle
from socdefenders.knowledge.facts import Sources, WarningList

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
HOSTS = ("hostname", "domain", "domain|ip", "url")
ADDRESSES = ("ip-src", "ip-dst", "domain|ip")
HASHES = ("md5", "sha1", "sha256")
EMAILS = ("email-src", "email-dst")

PACKAGE = Package("invented", "1.0", "CC0-1.0", ("LICENSE",), "2026-10-31")
IMPACT = Tactic("impact", "Impact", "TA0040")
TECHNIQUES = (
    Technique("T9001", "Pulling the Plug", (IMPACT,), None, deprecated=False, attack_version="19.2"),
    Technique("T9002", "Unplugging", (), "T9001", deprecated=True, attack_version="19.2"),
    Technique("T9003", "Chasing One's Tail", (), "T9004", deprecated=True, attack_version=""),
    Technique("T9004", "Chasing a Tail", (), "T9003", deprecated=True, attack_version=""),
)
NAMES = (
    Name("Quiet Heron", "Quiet Heron", "actor", "threat-actor", "G9001"),
    Name("UNC-Heron", "Quiet Heron", "actor", "threat-actor", None),
)


def warning_list(
    name: str, kind: str, entries: Iterable[str], attributes: tuple[str, ...] = HOSTS, version: str = "20261031"
) -> WarningList:
    return WarningList(name, f"List {name}", "Invented.", version, "", kind, attributes, tuple(entries))


def known(*lists: WarningList, suffixes: Iterable[str] = ()) -> Knowledge:
    return Knowledge(Bundle(memoryview(content(NO_SOURCES._replace(lists=lists, suffixes=suffixes)))))


def content(sources: Sources) -> bytes:
    return b"".join(build(sources, NOW))


def everything() -> Sources:
    return Sources(
        lists=[
            warning_list("popular", "hostname", ["popular.example"]),
            warning_list("odd", "regex", ["x"], ("text",)),
        ],
        suffixes=["example"],
        techniques=TECHNIQUES,
        names=NAMES,
        words={"heron": 3.2},
        packages=[PACKAGE],
        attack_version="19.2",
    )
