"""What is learnt from an article, as plain types: every value with the reason it was given."""

from dataclasses import dataclass
from typing import Literal

from socdefenders.model import Confidence

How = Literal["id", "name", "phrase"]
"""How something was found: by its id, by a name of it, or by a phrase that describes it."""

LONGEST_EVIDENCE = 500
"""Characters of a sentence that is kept as evidence."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """Something that the article speaks of, and the sentence that says so."""

    name: str
    """A technique's id, a sector's slug, or the name that an actor or a malware is filed under."""
    surface: str
    """As the article writes it; of a phrase, the words that a rule matched."""
    candidates: tuple[str, ...]
    """All that the surface may stand for, the chosen one first."""
    confidence: Confidence
    evidence: str
    """The sentence, on one line, at most 500 characters."""
    how: How
    kind: str
    """technique, sector, actor, malware, ransomware or tool."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One addend of a score."""

    name: str
    points: float
    why: str
    """The words of the article that speak for it."""


@dataclass(frozen=True, slots=True)
class Category:
    """What an article is about, and what spoke for it."""

    slug: str
    confidence: int
    """0-100: how far ahead of the second it is."""
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Severity:
    """How bad it is what an article reports: 0-10 in the bands of CVSS, as the sum of its reasons."""

    score: float
    label: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Classification:
    """What an article reports in a few words, as `ransomware-attack`."""

    slug: str
    confidence: int
    """0-100."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """All that is learnt from one article."""

    techniques: tuple[Tagged, ...]
    actors: tuple[Tagged, ...]
    malware: tuple[Tagged, ...]
    """Malware, ransomware and tools."""
    sectors: tuple[Tagged, ...]
    cves: tuple[str, ...]
    category: Category
    severity: Severity
    classification: Classification
    summary: str
    """Three sentences of the article at most, in its order; "" when there are none."""
    attack_version: str
    """Of MITRE ATT&CK, that the techniques were looked up in; "" where none is known."""
    categorized_by: str = "rules"
    """Who decided: the rules, or a model's name."""


def evidence(sentence: str) -> str:
    """Cut a sentence to what is kept of it."""
    return sentence[:LONGEST_EVIDENCE]
