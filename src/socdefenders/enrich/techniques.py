"""Techniques of MITRE ATT&CK: by id, by the name that ATT&CK gives them, and by phrases that describe them.

An id is certain. A name counts when it has several words and is written with ATT&CK's own capitals, because
"Email Addresses" and "Tool" are techniques too. Phrases are the rules of `phrases`. Every technique comes with the sentence.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import re2

from socdefenders.enrich import phrases
from socdefenders.enrich.findings import How, Tagged, evidence
from socdefenders.enrich.sentences import Sentence, Span
from socdefenders.knowledge import Knowledge
from socdefenders.model import Confidence, IocType

_UP_TO_THREE_WORDS = r"(?:[^\s]+ ){0,3}"
_UP_TO_EIGHT_WORDS = r"(?:[^\s]+ ){0,8}"
_TITLE_IDS = re.compile(r"\bT\d{4}(?:\.\d{3})?\b")
_ENTERPRISE = "TA"
_TOO_PLAIN = frozenset(
    """
    """.split()
)


class _Rule(NamedTuple):
    technique: str
    pattern: Any
    """Of RE2, over bytes."""


def find(
    sentences: Sequence[Sentence], indicators: Iterable[Span], known: Knowledge
) -> tuple[Tagged, ...]:
    """Return the techniques of an article, those of ids first."""
    found: dict[str, Tagged] = {}
    for each in (*_by_id(sentences, indicators, known), *_by_name(sentences, known), *_by_phrase(sentences, known)):
        found.setdefault(each.name, each)
    return tuple(found.values())
