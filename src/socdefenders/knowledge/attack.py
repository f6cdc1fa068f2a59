"""Names and techniques out of MITRE ATT&CK and the galaxies, as published, into one collection each."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from socdefenders.knowledge.facts import Name, Tactic, Technique

KINDS = {
    "threat-actor": "actor",
    "microsoft-activity-group": "actor",
    "mitre-intrusion-set": "actor",
    "malpedia": "malware",
    "rat": "malware",
    "banker": "malware",
    "botnet": "malware",
    "stealer": "malware",
    "backdoor": "malware",
    "cryptominers": "malware",
    "android": "malware",
    "mitre-malware": "malware",
    "ransomware": "ransomware",
    "tool": "tool",
    "exploit-kit": "tool",
    "tds": "tool",
    "mitre-tool": "tool",
    "sector": "sector",
}
"""The galaxies whose names are taken, and what they are names of."""
_STIX_KINDS = {"intrusion-set": "actor", "malware": "malware", "tool": "tool"}
_ATTACK_ID = re.compile(r" - ([A-Z]+\d{4}(?:\.\d{3})?)$")


FILES = ("attack-patterns", "groups-campaigns", "software")
PATTERNS = "mitre-attack-pattern"
"""The galaxy of techniques, those of the mobile and the older matrices among them."""
ATTACK_GALAXY = "mitre-attack"
"""What the groups and software of ATT&CK itself are filed under."""
LONGEST_NAME = 100

Json = Mapping[str, Any]


def techniques(newest: Json, older: Json, galaxy: Json) -> list[Technique]:
    """Return every technique, by id: as the newest release has it, else an older one, else the galaxy."""
    found = {each.id: each for each in _of_galaxy(galaxy)}
    tactics = {short: Tactic(short, each["name"], each["id"]) for short, each in newest["tactics"].items()}
    found |= {each.id: each for each in _of_older(older, tactics)}
    found |= {each.id: each for each in _of_newest(newest, tactics)}
    return [found[each] for each in sorted(found)]


def names(older: Json, galaxies: Mapping[str, Json]) -> list[Name]:
    """Return every name once for each canonical name and kind that it has, sorted."""
    found: dict[tuple[str, str, str], Name] = {}
    for each in (*_of_attack(older), *_of_galaxies(galaxies)):
        if 2 <= len(each.surface) <= LONGEST_NAME and each.surface.isprintable():
            found.setdefault((each.surface, each.canonical, each.kind), each)
    return [found[each] for each in sorted(found)]


def _of_newest(newest: Json, tactics: Mapping[str, Tactic]) -> Iterator[Technique]:
    for technique_id, each in newest["techniques"].items():
        yield Technique(
            id=technique_id,
            name=each["name"],
            tactics=_tactics(each.get("tactics", ()), tactics),
            revoked_by=each.get("revoked_by"),
            deprecated=each.get("status", "active") != "active",
            attack_version=newest["attack_version"],
        )


def _of_older(older: Json, tactics: Mapping[str, Tactic]) -> Iterator[Technique]:
    release = re.search(r"\d+\.\d+", older["_metadata"]["source_file"])
    for each in older["attack_patterns"]:
        yield Technique(
            id=each["external_id"],
            name=each["name"],
            tactics=_tactics(each["tactics"], tactics),
            revoked_by=None,
            deprecated=each["revoked"] or each["deprecated"],
            attack_version=release[0] if release else "",
        )


def _of_galaxy(galaxy: Json) -> Iterator[Technique]:
    ids = {each["uuid"]: each["meta"]["external_id"] for each in galaxy["values"]}
    for each in galaxy["values"]:
        phases = (phase.rpartition(":")[2] for phase in each["meta"].get("kill_chain", ()))
        successors = (ids.get(link["dest-uuid"]) for link in each.get("related", ()) if link["type"] == "revoked-by")
        yield Technique(
            id=each["meta"]["external_id"],
            name=_ATTACK_ID.sub("", each["value"]),
            tactics=_tactics(dict.fromkeys(phases), {}),
            revoked_by=next(successors, None),
            deprecated=bool(each.get("revoked")),
            attack_version="",
        )


def _tactics(shortnames: Iterable[str], known: Mapping[str, Tactic]) -> tuple[Tactic, ...]:
    return tuple(known.get(short) or Tactic(short, short.replace("-", " ").title(), None) for short in shortnames)


def _of_attack(older: Json) -> Iterator[Name]:
    for each in (*older["groups-campaigns"]["groups_campaigns"], *older["software"]["software"]):
        kind = _STIX_KINDS.get(each["stix_type"])
        if kind is not None and not each["revoked"] and not each["deprecated"]:
            for surface in dict.fromkeys((each["name"], *each["aliases"])):
                yield Name(surface.strip(), each["name"], kind, ATTACK_GALAXY, each["external_id"])


def _of_galaxies(galaxies: Mapping[str, Json]) -> Iterator[Name]:
    for galaxy, kind in KINDS.items():
        for each in galaxies[galaxy]["values"]:
            if each.get("revoked"):
                continue
            canonical, meta = _ATTACK_ID.sub("", each["value"]).strip(), each.get("meta") or {}
            attack_id = meta.get("external_id") if galaxy.startswith("mitre-") else None
            for surface in dict.fromkeys((canonical, *(meta.get("synonyms") or ()))):
                yield Name(surface.strip(), canonical, kind, galaxy, attack_id)
