"""STIX 2.0 and 2.1: bundles, TAXII envelopes and plain lists of objects."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from socdefenders.feeds.fields import clean, confidence, joined, link, tags, techniques, when
from socdefenders.feeds.jsons import Json, as_dict, as_list, load
from socdefenders.feeds.parsers.base import BARE, About, Hints
from socdefenders.model import IocType, Item, Observable, Rejected

_HASHES = {"MD5": IocType.MD5, "SHA1": IocType.SHA1, "SHA256": IocType.SHA256, "SHA512": IocType.SHA512}
_VALUES: dict[str, IocType | None] = {
    "ipv4-addr:value": IocType.IPV4,
    "ipv6-addr:value": IocType.IPV6,
    "domain-name:value": IocType.DOMAIN,
    "url:value": IocType.URL,
    "email-addr:value": IocType.EMAIL,
    "email-message:from_ref.value": IocType.EMAIL,
    "email-message:sender_ref.value": IocType.EMAIL,
    "network-traffic:dst_ref.value": None,
    "network-traffic:src_ref.value": None,
    "domain-name:resolves_to_refs[*].value": None,
}
_COMPARISON = re.compile(
    r"(?P<path>[a-z0-9-]{1,60}+:[^\s=!<>()]{1,200}+)\s{0,9}(?P<op>=|\bIN\b|\bISSUBSET\b)\s{0,9}"
    r"(?P<value>'[^']*'|\([^()]*\))|'[^']*'"
)
_LITERAL = re.compile(r"'[^']*'")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_HASH_PATH = re.compile(r"(?:file|artifact|x509-certificate)(?::|:.*\.)hashes\.['\"]?([\w-]+)['\"]?")
_MAX_PATTERN = 1 << 20


def parse_stix(stream: BinaryIO, hints: Hints) -> Iterator[Item]:
    """Read indicators, observed objects, vulnerabilities and attack patterns; the rest is what they lean on."""
    objects = list(_objects(load(stream, hints.name)))
    names = {str(each.get("id")): clean(each.get("name")) for each in objects if each.get("name")}
    families = {
        str(each.get("source_ref")): names.get(str(each.get("target_ref")))
        for each in objects
        if each.get("type") == "relationship" and str(each.get("target_ref")).startswith(("malware--", "tool--"))
    }
    for number, each in enumerate(objects, 1):
        if not each:
            yield Rejected(number, "an object that is none")
        elif each.get("revoked") is True:
            yield Rejected(number, "revoked by its publisher", supported=False)
        else:
            yield from _object(number, each, names, families)


def _objects(value: object) -> Iterator[Json]:
    """The objects of a bundle or envelope, of a list of them, or of a list of objects."""
    for item in as_list(value):
        held = as_dict(item)
        if "objects" in held and held.get("type", "bundle") == "bundle":
            yield from map(as_dict, as_list(held["objects"]))
        else:
            yield held


def _object(number: int, each: Json, names: dict[str, str | None], families: dict[str, str | None]) -> Iterator[Item]:
    kind = str(each.get("type"))
    if kind == "indicator":
        yield from _indicator(number, each, _about(each, names, families))
    elif kind == "observed-data":
        about = _about(each, names, families)
        for held in as_dict(each.get("objects")).values():
            yield from _observed(number, as_dict(held), about)
    elif kind in {"vulnerability", "attack-pattern"}:
        yield from _named(number, each, _about(each, names, families))
    else:
        yield from _observed(number, each, BARE)


def _about(each: Json, names: dict[str, str | None], families: dict[str, str | None]) -> About:
    references = [as_dict(reference) for reference in as_list(each.get("external_references"))]
    ids = (clean(reference.get("external_id")) for reference in references)
    urls = filter(None, (link(reference.get("url")) for reference in references))
    named = [*as_list(each.get("labels")), *as_list(each.get("indicator_types"))]
    threat = next((text for text in map(clean, (*as_list(each.get("indicator_types")), *named)) if text), None)
    return About(
        first_seen=when(each.get("valid_from")) or when(each.get("first_observed")) or when(each.get("created")),
        last_seen=when(each.get("last_observed")),
        confidence=confidence(each.get("confidence")),
        threat_type=threat,
        malware_family=families.get(str(each.get("id"))),
        tags=tags(named),
        techniques=techniques(*ids),
        context=joined(clean(each.get("name")), clean(each.get("description"))),
        reference_url=next(urls, None),
        source=names.get(str(each.get("created_by_ref"))),
    )


def _indicator(number: int, each: Json, about: About) -> Iterator[Item]:
    pattern = each.get("pattern")
    if not isinstance(pattern, str) or not pattern.strip() or len(pattern) > _MAX_PATTERN:
        yield Rejected(number, "an indicator without a pattern that can be read")
        return
    if each.get("pattern_type", "stix") != "stix":
        language = clean(each.get("pattern_type"))
        yield Rejected(number, f"a {language} pattern is no kind of indicator here", supported=False)
        return
    empty = True
    for path, value in comparisons(pattern):
        empty = False
        known, kind = _kind(path)
        if known and value.strip():
            block = "/" in value and kind in {IocType.IPV4, IocType.IPV6}
            yield Observable(value, number, None if block else kind, *about)
        else:
            yield Rejected(number, f"{path[:60]} is no kind of indicator here", supported=False)
    if empty:
        yield Rejected(number, "a pattern without a simple comparison", supported=False)


def comparisons(pattern: str) -> Iterator[tuple[str, str]]:
    """The paths and values of a pattern's `=`, `IN` and `ISSUBSET` comparisons, however joined; not the negated.

    Escaped characters are masked first: with only real quotes left, and an even number of them, the search is linear.
    """
    mask = _ESCAPED.sub("xx", pattern)
    if mask.count("'") % 2:
        return
    for found in _COMPARISON.finditer(mask):
        if found["path"]:
            start, end = found.span("value")
            for literal in _LITERAL.finditer(mask, start, end):
                raw = pattern[literal.start() + 1 : literal.end() - 1]
                yield found["path"], _ESCAPED.sub(r"\1", raw)


def _kind(path: str) -> tuple[bool, IocType | None]:
    if path in _VALUES:
        return True, _VALUES[path]
    found = _HASH_PATH.fullmatch(path)
    kind = _HASHES.get(found.group(1).upper().replace("-", "")) if found else None
    return kind is not None, kind


def _observed(number: int, each: Json, about: About) -> Iterator[Item]:
    """A cyber-observable object, as it stands in a bundle or in observed data."""
    kind = f"{each.get('type')}:value"
    value = clean(each.get("value"))
    if kind in _VALUES and value:
        yield Observable(value, number, _VALUES[kind], *about)
    for algorithm, digest in as_dict(each.get("hashes")).items():
        known = _HASHES.get(algorithm.upper().replace("-", ""))
        if known and isinstance(digest, str):
            yield Observable(digest, number, known, *about)


def _named(number: int, each: Json, about: About) -> Iterator[Item]:
    """A vulnerability by its CVE, an attack pattern by its technique."""
    ids = (as_dict(reference).get("external_id") for reference in as_list(each.get("external_references")))
    texts = [text for text in (*ids, each.get("name")) if isinstance(text, str)]
    if each.get("type") == "vulnerability":
        found = next((text for text in texts if text.upper().startswith("CVE-")), None)
        kind = IocType.CVE
    else:
        found = next(iter(techniques(*texts)), None)
        kind = IocType.MITRE_ATTACK
    if found:
        yield Observable(found, number, kind, *about)
    else:
        yield Rejected(number, f"a {each.get('type')} without a public number", supported=False)
