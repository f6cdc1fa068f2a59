"""Compiling sources into a bundle: plain data in, bytes out."""

import secrets
from array import array
from collections.abc import Iterator
from datetime import datetime

from socdefenders.knowledge import bundle
from socdefenders.knowledge.bundle import Content
from socdefenders.knowledge.facts import Sources
from socdefenders.knowledge.lists import Lists, compile_lists, numbers

NO_SOURCES = Sources(lists=(), suffixes=(), techniques=(), names=(), words={}, packages=(), attack_version="")
KEY_BYTES = 16
_LOW = (1 << 64) - 1


def build(sources: Sources, built_at: datetime) -> Iterator[bytes]:
    """Give the bytes of the bundle compiled out of `sources`."""
    # Of the system's random source, so that nobody can choose a name that is taken for another.
    key = secrets.token_bytes(KEY_BYTES)
    lists = compile_lists(sources.lists, sources.suffixes, key)
    head = {
        "about": {
            "built_at": f"{built_at:%Y-%m-%dT%H:%M:%SZ}",
            "attack_version": sources.attack_version,
            "packages": [list(each) for each in sources.packages],
            "lists": [list(each) for each in lists.infos],
            "counts": _counts(sources, lists),
        },
        "hash_key": key.hex(),
        "name_sets": [list(each) for each in lists.name_sets],
        "address_sets": lists.address_sets,
        "email_patterns": lists.email_patterns,
    }
    texts = {
        "names": [list(each) for each in sources.names],
        "techniques": [
            [*each[:2], [list(tactic) for tactic in each.tactics], *each[3:]] for each in sources.techniques
        ],
        "words": dict(sources.words),
    }
    return bundle.write(Content(head, texts, _arrays(lists)))


def _counts(sources: Sources, lists: Lists) -> dict[str, int]:
    return {
        "lists": len(lists.infos),
        "entries": sum(each.entries for each in lists.infos),
        "listed_names": len(lists.names),
        "address_segments": len(lists.v4.starts) + len(lists.v6.starts),
        "techniques": len(sources.techniques),
        "names": len(sources.names),
        "words": len(sources.words),
    }


def _arrays(lists: Lists) -> dict[str, "array[int]"]:
    most = len(lists.address_sets)
    return {
        "listed": lists.names,
        "listed_set_ids": lists.name_set_ids,
        "v4": array("I", lists.v4.starts),
        "v4_set_ids": numbers(lists.v4.sets, most),
        "v6_high": array("Q", [start >> 64 for start in lists.v6.starts]),
        "v6_low": array("Q", [start & _LOW for start in lists.v6.starts]),
        "v6_set_ids": numbers(lists.v6.sets, most),
    }
