"""AlienVault OTX: pulses, as its API answers with them and as one of them is saved."""

from collections.abc import Iterator
from typing import BinaryIO

from socdefenders.feeds.fields import clean, joined, link, name_key, tags, techniques, when
from socdefenders.feeds.jsons import Json, as_dict, as_list, load
from socdefenders.feeds.parsers.base import About, Hints
from socdefenders.model import IocType, Item, Observable, Rejected

_PULSE = "https://otx.alienvault.com/pulse/"
_TYPES: dict[str, IocType | None] = {
    "ipv4": IocType.IPV4,
    "ipv6": IocType.IPV6,
    "domain": IocType.DOMAIN,
    "hostname": None,
    "email": IocType.EMAIL,
    "url": IocType.URL,
    "filehash-md5": IocType.MD5,
    "filehash-sha1": IocType.SHA1,
    "filehash-sha256": IocType.SHA256,
    "cve": IocType.CVE,
}
"""The kinds that are kept. Others are told by name alone: an import hash looks like an MD5, and is none."""


def parse_otx(stream: BinaryIO, hints: Hints) -> Iterator[Item]:
    """Read the pulses of an answer, a list of them, or one; indicators are numbered through all of them."""
    number = 0
    for pulse in _pulses(load(stream, hints.name)):
        if not pulse:
            number += 1
            yield Rejected(number, "a pulse that is none")
            continue
        about = _about(pulse)
        for each in as_list(pulse.get("indicators")):
            number += 1
            yield _indicator(number, as_dict(each), about)


def _pulses(value: object) -> Iterator[Json]:
    if isinstance(value, dict) and "results" in value:
        value = value["results"]
    for each in map(as_dict, as_list(value)):
        # What is saved of a damaged file are its innermost objects.
        yield {"indicators": [each]} if "indicator" in each else each


def _about(pulse: Json) -> About:
    names = [*as_list(pulse.get("tags")), pulse.get("adversary"), *_names(pulse.get("malware_families"))]
    tlp = clean(pulse.get("TLP") or pulse.get("tlp"))
    author = clean(pulse.get("author_name"))
    number = clean(pulse.get("id"))
    own = f"{_PULSE}{number}" if number and number.isascii() and number.isalnum() else None
    return About(
        first_seen=when(pulse.get("created")),
        malware_family=next(_names(pulse.get("malware_families")), None),
        tags=tags([*names, f"tlp:{tlp.lower()}" if tlp else None]),
        techniques=techniques(*_names(pulse.get("attack_ids"))),
        context=joined(clean(pulse.get("name")), f"pulse of {author}" if author else None),
        reference_url=next(filter(None, map(link, as_list(pulse.get("references")))), own),
    )


def _names(value: object) -> Iterator[str]:
    """The names of a list whose items are names, or objects with an `id` and a `display_name`."""
    for each in as_list(value):
        held = as_dict(each)
        name = clean(held.get("display_name") or held.get("id") if held else each)
        if name:
            yield name


def _indicator(number: int, each: Json, pulse: About) -> Item:
    value, kind = clean(each.get("indicator")), name_key(str(each.get("type") or ""))
    if value is None:
        return Rejected(number, "an indicator without a value")
    if kind not in _TYPES:
        return Rejected(number, f"{kind[:40] or 'a nameless kind'} is no kind of indicator here", supported=False)
    if str(each.get("is_active")) in {"0", "False"}:
        return Rejected(number, "no longer active, says its publisher", supported=False)
    role = clean(each.get("role"))
    about = pulse._replace(
        first_seen=when(each.get("created")) or pulse.first_seen,
        threat_type=role.replace("_", " ") if role else None,
        context=joined(pulse.context, clean(each.get("title")), clean(each.get("description"))),
    )
    return Observable(value, number, _TYPES[kind], *about)
