"""Maltrail's trails: a value a line, below the comments that say where it was read."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from socdefenders.feeds.fields import tags
from socdefenders.feeds.lines import MAX_LINE, lines
from socdefenders.feeds.parsers.base import Hints
from socdefenders.feeds.parsers.lists import split_comment
from socdefenders.model import IocType, Item, Observable, Rejected

_REFERENCE = re.compile(r"#\s*References?:\s*(https?://\S+)", re.IGNORECASE)
_ALIASES = re.compile(r"#\s*Aliases:\s*(.+)", re.IGNORECASE)
_NAMED = re.compile(r"(malware|malicious|suspicious|mass)_(?:apt_)?([^/!]+?)\.txt")
_COMMENT = re.compile(r"\s#|\(#")


def parse_maltrail(stream: BinaryIO, hints: Hints) -> Iterator[Item]:
    """Read trails; the first reference of a run of comments holds for all that follows up to the next run."""
    threat, family = _by_name(hints.name)
    reference: str | None = None
    aliases: tuple[str, ...] = ()
    in_comments = False
    for number, line in enumerate(lines(stream), 1):
        if line.startswith("#"):
            if found := _REFERENCE.match(line[:4096]):
                reference = reference if in_comments and reference else found.group(1)
                in_comments = True
            elif found := _ALIASES.match(line[:4096]):
                aliases = tags(found.group(1).split("(#")[0])
            continue
        value, comment = split_comment(line, _COMMENT)
        if not value:
            continue
        in_comments = False
        if value.startswith("/") or len(line) > MAX_LINE:
            yield Rejected(number, "a path without a host is no kind of indicator here", supported=len(line) > MAX_LINE)
        else:
            kind = IocType.URL if "/" in value and not _block(value) else None
            yield Observable(value, number, kind, threat_type=threat, malware_family=family, tags=aliases,
                             context=comment, reference_url=reference)  # fmt: skip


def _block(value: str) -> bool:
    """Whether this is an address block such as 192.0.2.0/24, whose slash makes no URL."""
    return value.rpartition("/")[2].isdecimal() and value.partition("/")[0].replace(".", "").isdecimal()


def _by_name(name: str) -> tuple[str | None, str | None]:
    """Maltrail says what a trail means in the file's name: `malware_qakbot.txt`, `suspicious_proxy.txt`."""
    found = _NAMED.search(name)
    if found is None:
        return None, None
    threat, rest = found.groups()
    return (threat, rest.replace("_", " ")) if threat == "malware" else (f"{threat}: {rest.replace('_', ' ')}", None)
