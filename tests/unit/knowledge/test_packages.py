"""The installed packages hold what is taken out of them, and what several sources say is merged as it should be."""

import re
import tomllib
from pathlib import Path

import pytest

from socdefenders.knowledge import Name, Tactic, Technique, attack, packages
from socdefenders.knowledge.facts import Sources

ROOT = Path(__file__).resolve().parents[3]

NEWEST = {
    "attack_version": "19.2",
    "tactics": {"stealth": {"id": "TA0005", "name": "Stealth"}},
    "techniques": {
        "T9001": {"name": "New Name", "tactics": ["stealth"]},
        "T9002": {"name": "Gone", "status": "revoked", "revoked_by": "T9001"},
        "T9003": {"name": "Old", "tactics": ["stealth"], "status": "deprecated"},
    },
}
OLDER = {
    "_metadata": {"source_file": "enterprise-attack-18.1.json"},
    "attack_patterns": [
        {"external_id": "T9001", "name": "Old Name", "tactics": ["evasion"], "revoked": False, "deprecated": False},
        {"external_id": "T9004", "name": "Dropped", "tactics": ["stealth"], "revoked": False, "deprecated": False},
    ],
}
GALAXY = {
    "values": [
        {"uuid": "a", "value": "Older Name - T9001", "meta": {"external_id": "T9001"}},
        {
            "uuid": "b",
            "value": "On a Phone - T9005",
            "meta": {"external_id": "T9005", "kill_chain": ["mobile-Android:first-step", "mobile-iOS:first-step"]},
        },
        {
            "uuid": "c",
            "value": "Was on a Phone - T9006",
            "meta": {"external_id": "T9006"},
            "revoked": True,
            "related": [{"dest-uuid": "x", "type": "similar"}, {"dest-uuid": "b", "type": "revoked-by"}],
        },
    ]
}


def test_the_newest_release_says_what_a_technique_is_called() -> None:
    stealth, first = Tactic("stealth", "Stealth", "TA0005"), Tactic("first-step", "First Step", None)
    assert attack.techniques(NEWEST, OLDER, GALAXY) == [
        Technique("T9001", "New Name", (stealth,), None, deprecated=False, attack_version="19.2"),
        Technique("T9002", "Gone", (), "T9001", deprecated=True, attack_version="19.2"),
        Technique("T9003", "Old", (stealth,), None, deprecated=True, attack_version="19.2"),
        Technique("T9004", "Dropped", (stealth,), None, deprecated=False, attack_version="18.1"),
        Technique("T9005", "On a Phone", (first,), None, deprecated=False, attack_version=""),
        Technique("T9006", "Was on a Phone", (), "T9005", deprecated=True, attack_version=""),
    ]


def group(kind: str, name: str, attack_id: str, *aliases: str, revoked: bool = False) -> dict[str, object]:
    identity = {"stix_type": kind, "name": name, "external_id": attack_id}
    return identity | {"aliases": [name, *aliases], "revoked": revoked, "deprecated": False}


def test_a_name_stands_once_for_each_meaning() -> None:
    groups = [
        group("intrusion-set", "Heron", "G9001", "UNC9"),
        group("campaign", "Wading", "C9001"),
        group("intrusion-set", "Gone", "G9002", revoked=True),
    ]
    older = {"groups-campaigns": {"groups_campaigns": groups}, "software": {"software": []}}
    galaxies: dict[str, dict[str, list[dict[str, object]]]] = {name: {"values": []} for name in attack.KINDS}
    galaxies["mitre-intrusion-set"]["values"] = [{"value": "Heron - G9001", "meta": {"external_id": "G9001"}}]
    galaxies["malpedia"]["values"] = [{"value": "Heron", "meta": {"synonyms": ["x", "Reed\u202e", " Sedge "]}}]
    galaxies["sector"]["values"] = [{"value": "Fishing"}]
    assert attack.names(older, galaxies) == [
        Name("Fishing", "Fishing", "sector", "sector", None),
        Name("Heron", "Heron", "actor", "mitre-attack", "G9001"),
        Name("Heron", "Heron", "malware", "malpedia", None),
        Name("Sedge", "Heron", "malware", "malpedia", None),
        Name("UNC9", "Heron", "actor", "mitre-attack", "G9001"),
    ]


@pytest.fixture(scope="module")
def sources() -> Sources:
    return packages.sources()


def test_the_installed_packages_say_what_they_are(sources: Sources) -> None:
    assert [each.name for each in sources.packages] == list(packages.PACKAGES)
    assert {each.name: each.version for each in sources.packages} == packages.installed()
    for each in sources.packages:
        assert each.licence_files
        assert "not declared" not in each.licence
        assert each.snapshot is None or re.fullmatch(r"20\d\d-\d\d-\d\d", each.snapshot)
    assert sum(each.snapshot is not None for each in sources.packages) == 4


def test_the_installed_packages_hold_what_is_taken_out_of_them(sources: Sources) -> None:
    known = {each.id: each for each in sources.techniques}
    assert known["T1059.001"].name == "PowerShell"
    assert [tactic.id for tactic in known["T1486"].tactics] == ["TA0040"]
    assert known["T1086"].revoked_by == "T1059.001"
    assert all(each.revoked_by in known for each in known.values() if each.revoked_by)
    assert all(re.fullmatch(r"T\d{4}(\.\d{3})?", each) for each in known)
    assert known["T1486"].attack_version == sources.attack_version
    meanings = {(each.surface, each.kind) for each in sources.names}
    assert {("Lazarus Group", "actor"), ("Emotet", "malware"), ("LockBit", "ransomware")} <= meanings
    assert {("Mimikatz", "tool"), ("Energy", "sector")} <= meanings
    assert sources.words["the"] > 7
    assert min(sources.words.values()) >= packages.LEAST_ZIPF


def test_the_rules_of_the_public_suffix_list_are_ascii(sources: Sources) -> None:
    rules = set(sources.suffixes)
    assert {"com", "co.uk", "*.ck", "!www.ck", "github.io", "xn--p1ai"} <= rules
    assert all(re.fullmatch(r"!?(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*", rule) for rule in rules)


def test_the_extra_and_the_lock_name_the_same_packages() -> None:
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    lines = (ROOT / "requirements/knowledge.in").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line[0] not in "#-"] == extra["knowledge"]
    assert set(packages.PACKAGES) - {packages.SUFFIXES} < set(extra["knowledge"])
