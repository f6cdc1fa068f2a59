"""How bad it is what an article reports, as a sum of reasons: where its category starts, and what its lead adds.

The bands are those of CVSS. Only the title and the lead count, because long reports mention everything somewhere;
advice and opinion count half, because nothing has happened in them. A CVSS score that an article on a vulnerability
gives is the least that it gets.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache

from socdefenders.enrich.findings import Category, Reason, Severity, Tagged
from socdefenders.enrich.rules import Rules, table
from socdefenders.enrich.sentences import Sentence
from socdefenders.model import Confidence

LEAD = 12
"""Sentences behind the title that add to a severity."""
_LEAST, _MOST = 0.1, 10.0
_BANDS = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"))
_QUIET = frozenset({"policy", "research", "tools"})
"""Categories in which nothing has happened."""

BASES = {
    "vulnerabilities": 4.5,
    "malware": 4.5,
    "ransomware": 6.0,
    "threat-intelligence": 5.0,
    "data-breaches": 5.0,
    "attacks-breaches": 5.0,
    "phishing": 4.0,
    "policy": 1.5,
    "research": 2.0,
    "tools": 1.5,
}
"""Where an article of a category starts."""

ADDS = {
    "exploited": 2.0,
    "zero-day": 1.5,
    "remote-code-execution": 1.5,
    "without-credentials": 0.5,
    "public-exploit": 0.5,
    "ordered-to-act": 1.0,
    "destructive": 1.5,
    "ransom": 1.0,
    "supply-chain": 1.0,
    "state-actor": 0.5,
    "millions-affected": 1.0,
    "operations-disrupted": 1.0,
    "widespread": 1.0,
    "no-exploitation-known": -1.0,
}
"""What is added for what a title or a lead says."""

SAID = table(
    r"""
exploited exploit\w* ~in the wild
    |actively exploit\w*
    |(?:under|active) ~exploitation\b
    |known exploited
    |exploited (?:by|in) ~attack\w*
    |attack\w* (?:are|have been|were) (?:actively |already |now )?exploiting
    |attacks (?:against|exploiting|on|targeting|using) ~in the wild
    |mass exploitation
    |leverag\w* ~zero-?\s?day
zero-day zero-?\s?day\b|zero-days\b|\b0-?days?\b
remote-code-execution remote code execution
    |\brce\b
    |execute (?:arbitrary|malicious) (?:code|commands)
    |arbitrary code execution
without-credentials unauthenticated|pre-auth\w*|without authentication|auth\w* bypass
public-exploit proof[- ]of[- ]concept|\bpoc\b|public exploit|exploit code
ordered-to-act emergency directive
    |patch immediately
    |urged? ~(?:patch|update|upgrade)
    |(?:apply|install) ~(?:patch|update|fix)\w* ~(?:immediately|as soon as possible)
    |known exploited vulnerabilities catalog
destructive \bwipers?\b|data-?wiping|destructive (?:\w+ )?(?:attack|cyber|malware|payload)
ransom \bransomware\b|\bextort\w*
supply-chain supply[- ]chain (?:attack|compromise)|trojani[sz]ed ~(?:update|installer)s?
state-actor state-(?:sponsored|backed|aligned)|nation[- ]state|espionage|\bapt[- ]?\d+\b|\bapts\b|advanced persistent
    |\bapt(?: (?:actor|attack|campaign|group|threat)\w*|\W*$)
millions-affected \b[mb]illions? (?:of )?~(?:users|people|customers|records|accounts|devices|patients|individuals
        |victims|systems|computers|machines|websites|hosts|boxes|downloads)
operations-disrupted (?:shut|shuts|shutting) ~down
    |\boutage\b
    |disrupt\w* ~(?:operations|services|production)
    |forced (?:\w+ )?(?:companies|hospitals?|networks?|operations|servers?|services?|systems?|websites?) offline
widespread \b(?:global|widespread|worldwide) ~(?:attacks?|infections?|outbreaks?)\b
no-exploitation-known (?:no|not) ~(?:evidence|aware|signs|reports?) ~exploit\w*
    |not ~exploited in the wild
"""
)
"""The phrases that say it."""

_CVSS = re.compile(rb"cvss[^0-9.]{0,40}(?:v?[234](?:\.\d)?[^0-9]{1,30})?(10(?:\.0)?|\d\.\d)\b")


def assess(category: Category, sentences: Sequence[Sentence], sectors: Sequence[Tagged]) -> Severity:
    """Return how bad it is what an article reports."""
    reasons = [Reason("category", BASES[category.slug], category.slug)]
    factor = 0.5 if category.slug in _QUIET else 1.0
    said: dict[str, str] = {}
    for sentence in _lead(sentences):
        for name, words in _rules().search(sentence.lower):
            said.setdefault(name, words)
    if category.slug == "ransomware":
        said.pop("ransom", None)  # which the category's own start says
    reasons += [Reason(name, factor * ADDS[name], said[name]) for name in ADDS if name in said]
    hit = [each.name for each in sectors if each.confidence is Confidence.HIGH]
    if hit:
        reasons.append(Reason("critical infrastructure", factor * 0.5, ", ".join(hit)))
    if category.slug == "vulnerabilities":
        reasons += _raised_to_cvss(sum(each.points for each in reasons), sentences)
    return _bounded(reasons)


def _lead(sentences: Sequence[Sentence]) -> Iterator[Sentence]:
    place = 0
    for sentence in sentences:
        place += not sentence.in_title
        if place > LEAD:
            return
        yield sentence


def _raised_to_cvss(score: float, sentences: Sequence[Sentence]) -> Iterator[Reason]:
    scores = [float(found) for each in sentences for found in _CVSS.findall(each.lower)]
    if scores and max(scores) > score:
        yield Reason("cvss", round(max(scores) - score, 1), f"CVSS {max(scores)}")


def _bounded(reasons: list[Reason]) -> Severity:
    total = sum(each.points for each in reasons)
    score = round(min(max(total, _LEAST), _MOST), 1)
    if score != total:
        reasons.append(Reason("bounds", round(score - total, 3), f"{_LEAST} to {_MOST}"))
    return Severity(score, next((label for least, label in _BANDS if score >= least), "low"), tuple(reasons))


@cache
def _rules() -> Rules:
    return Rules(SAID)
