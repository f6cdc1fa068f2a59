"""What is learnt from an article, in the shape that is stored."""

from collections.abc import Iterable, Sequence

import orjson

from socdefenders.enrich import Tagged, read_article
from socdefenders.indicators import Match
from socdefenders.model import Learnt


def learn(title: str, text: str, matches: Sequence[Match]) -> Learnt:
    """Read an article for what it is about, whom it names, and what of it matters most."""
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
    return Learnt(
        found.category.slug,
        found.classification.slug,
        found.severity.label,
        found.severity.score,
        found.summary,
        found.categorized_by,
        found.cves,
        _names(found.techniques),
        _names(found.actors),
        _names(found.malware),
        _names(found.sectors),
        found.attack_version,
        _json(behind),
    )


def _names(tags: Iterable[Tagged]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tag.name for tag in tags))


def _json(behind: object) -> str:
    """JSON for PostgreSQL, which takes no NUL."""
    return orjson.dumps(behind).decode().replace("\\u0000", "\\ufffd")
