"""MISP events, as the server exports them and as feeds publish them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import BinaryIO

from socdefenders.feeds.fields import clean, joined, link, tags, techniques, when
from socdefenders.feeds.jsons import Json, as_dict, as_list, load
from socdefenders.feeds.parsers.base import About, Hints
from socdefenders.feeds.parsers.table import typed_observables
from socdefenders.model import Item, Rejected

_BLANK = re.compile(r"\s")
_GALAXY = re.compile(r'misp-galaxy:([\w-]+)="([^"]+)"')
_FAMILIES = frozenset({
    "android", "backdoor", "banker", "botnet", "cryptominers", "malpedia", "mitre-malware", "mitre-tool",
    "ransomware", "rat",
    "stealer", "tool",
})  # fmt: skip
_RENAMED = {"malware-sample": "filename|md5", "ip-dst/port": "ip-dst|port"}
_ANALYSES = frozenset({"External analysis", "Internal reference"})
_MACHINE_TAGS = ("osint:", "type:", "workflow:", "misp-galaxy:mitre-attack-pattern=")
_MAX_TAGS = 200
"""Of an event or attribute that are read: every attribute is held against all of its event's."""
_NOT_FOR_DETECTION = 40
"""The confidence of an attribute without `to_ids`: the publisher warns against acting on it alone."""


@dataclass(frozen=True, slots=True)
class _Event:
    """What an event says of each of its attributes."""

    info: str | None
    date: datetime | None
    source: str | None
    tags: tuple[str, ...]
    link: str | None


def parse_misp(stream: BinaryIO, hints: Hints) -> Iterator[Item]:
    """Read an event, several under `response`, or attributes alone."""
    number = 0
    for event in _events(load(stream, hints.name)):
        about = _about(event)
        for attribute, comment in _attributes(event):
            number += 1
            if attribute is None:
                yield Rejected(number, "an attribute that is no object")
            elif not attribute.get("deleted"):
                yield from _attribute(number, attribute, comment, about)


def _events(value: object) -> Iterator[Json]:
    if isinstance(value, dict) and "response" in value:
        value = value["response"]
    for item in as_list(value):
        wrapped = as_dict(item)
        event = as_dict(wrapped.get("Event", wrapped))
        if "Attribute" in event or "Object" in event or "info" in event:
            yield event
        elif "value" in event:
            yield {"Attribute": [event]}


def _attributes(event: Json) -> Iterator[tuple[Json | None, str | None]]:
    """Each attribute, with the comment of the object that holds it."""
    for attribute in as_list(event.get("Attribute")):
        yield (attribute if isinstance(attribute, dict) else None), None
    for held in map(as_dict, as_list(event.get("Object"))):
        if held.get("deleted"):
            continue
        for attribute in as_list(held.get("Attribute")):
            yield (attribute if isinstance(attribute, dict) else None), clean(held.get("comment"))


def _about(event: Json) -> _Event:
    organisation = as_dict(event.get("Orgc")) or as_dict(event.get("Org"))
    links = (
        link(each.get("value"))
        for each, _ in _attributes(event)
        if each and (each.get("type") == "link" or str(each.get("category")) in _ANALYSES)
    )
    return _Event(
        info=clean(event.get("info")),
        date=when(event.get("date")),
        source=clean(organisation.get("name")),
        tags=_tags(event),
        link=next(filter(None, links), None),
    )


def _tags(owner: Json) -> tuple[str, ...]:
    read = islice(as_list(owner.get("Tag")), _MAX_TAGS)
    return tuple(filter(None, (clean(as_dict(tag).get("name")) for tag in read)))


def _attribute(number: int, attribute: Json, comment: str | None, event: _Event) -> Iterator[Item]:
    kind = str(attribute.get("type") or "")
    value = clean(attribute.get("value"))
    if value is None:
        yield Rejected(number, "an attribute without a value")
        return
    if kind == "link" or (kind == "url" and str(attribute.get("category")) in _ANALYSES):
        yield Rejected(number, "a link to an analysis is no indicator", supported=False)
        return
    named = (*_tags(attribute), *event.tags)
    said = clean(attribute.get("comment"))
    own_link = link(said) if said and not _BLANK.search(said) else None
    yield from typed_observables(
        value,
        _RENAMED.get(kind, kind),
        number,
        About(
            first_seen=when(attribute.get("first_seen")) or event.date,
            last_seen=when(attribute.get("last_seen")),
            confidence=None if attribute.get("to_ids", True) else _NOT_FOR_DETECTION,
            malware_family=_family(named),
            tags=tags([_plain(tag) for tag in named if not tag.startswith(_MACHINE_TAGS)]),
            techniques=techniques(*named),
            context=joined(event.info, comment, None if own_link else said),
            reference_url=own_link or event.link,
            source=event.source,
        ),
    )


def _family(named: tuple[str, ...]) -> str | None:
    galaxies = (match.groups() for tag in named if (match := _GALAXY.match(tag)))
    return next((_short(name) for galaxy, name in galaxies if galaxy in _FAMILIES), None)


def _plain(tag: str) -> str:
    """A galaxy's tag without its machine's part."""
    found = _GALAXY.match(tag)
    return _short(found.group(2)) if found else tag


def _short(name: str) -> str:
    """`PlugX - S0013` is PlugX."""
    return re.sub(r" - [A-Z]\d{4}(?:\.\d{3})?$", "", name)
