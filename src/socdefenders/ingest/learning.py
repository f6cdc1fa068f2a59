"""What is learnt from an article, in the shape that is stored."""

from collections.abc import Iterable, Sequence

import orjson

from socdefenders.enrich import Tagged, read_article
from socdefenders.indicators import Match
from socdefenders.model import Confidence, Learnt

MAX_CVES = 500
"""Of one article; a list of all there are is no article on any of them."""


def learn(title: str, text: str, matches: Sequence[Match]) -> tuple[Learnt, tuple[str, ...]]:
    """Read an article for what it is about, whom it names, and what of it matters most.

    Return, too, by which names its indicators are to be found: actors and malware that it is surely about. A rival or
    a predecessor that it names in passing is no tag of an indicator.
    """
    found = read_article(title, text, matches)
    behind = {
        "techniques": found.techniques,
        "actors": found.actors,
        "malware": found.malware,
        "sectors": found.sectors,
        "category": found.category,
        "severity": found.severity,
        "classification": found.classification,
    }
    learnt = Learnt(
        found.category.slug,
        found.classification.slug,
        found.severity.label,
        found.severity.score,
        found.summary,
        found.categorized_by,
        found.cves[:MAX_CVES],
        _names(found.techniques),
        _names(found.actors),
        _names(found.malware),
        _names(found.sectors),
        found.attack_version,
        _json(behind),
    )
    return learnt, _names(tag for tag in (*found.actors, *found.malware) if tag.confidence is Confidence.HIGH)


def _names(tags: Iterable[Tagged]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tag.name for tag in tags))


def _json(behind: object) -> str:
    """JSON for PostgreSQL, which takes no NUL."""
    return orjson.dumps(behind).decode().replace("\\u0000", "\\ufffd")
