"""Techniques of MITRE ATT&CK: by id, by the name that ATT&CK gives them, and by phrases that describe them.

An id is certain. A name counts when it has several words and is written with ATT&CK's own capitals, because
"Email Addresses" and "Tool" are techniques too. Phrases are the rules of `phrases`. Each comes with its sentence.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

import re2

from socdefenders.enrich import phrases
from socdefenders.enrich.findings import How, Tagged, evidence
from socdefenders.enrich.rules import Rules
from socdefenders.enrich.sentences import Sentence, Span
from socdefenders.knowledge import Knowledge
from socdefenders.model import Confidence, IocType

_ID = re.compile(r"\bT\d{4}(?:\.\d{3})?\b")
_ENTERPRISE = "TA"
"""What the ids of tactics begin with; techniques of other matrices are in tactics without any."""
_PLAIN_NAMES = frozenset(
    {
        "Active Setup",
        "Artificial Intelligence",
        "Audio-Visual Content",
        "Authentication Package",
        "Business Relationships",
        "Chat Messages",
        "Client Configurations",
        "Cloud API",
        "Cloud Account",
        "Cloud Accounts",
        "Cloud Firewall",
        "Cloud Services",
        "Code Repositories",
        "Code Signing",
        "Code Signing Certificates",
        "Component Object Model",
        "Conditional Access Policies",
        "Container API",
        "DNS Server",
        "Default Accounts",
        "Digital Certificates",
        "Domain Account",
        "Domain Accounts",
        "Domain Properties",
        "Dynamic Data Exchange",
        "Email Account",
        "Email Accounts",
        "Email Addresses",
        "Employee Names",
        "Hybrid Identity",
        "IP Addresses",
        "Identify Roles",
        "Link Target",
        "Local Account",
        "Local Accounts",
        "Login Hook",
        "Login Items",
        "Multi-Factor Authentication",
        "Native API",
        "Network Devices",
        "Network Security Appliances",
        "Network Topology",
        "Password Managers",
        "Pluggable Authentication Modules",
        "Power Settings",
        "Print Processors",
        "Private Keys",
        "Remote Access Hardware",
        "Remote Access Tools",
        "Remote Desktop Protocol",
        "Remote Desktop Software",
        "Remote Services",
        "Scan Databases",
        "Search Engines",
        "Security Account Manager",
        "Server Software Component",
        "Shared Modules",
        "Social Engineering",
        "Social Media",
        "Social Media Accounts",
        "Software Deployment Tools",
        "Startup Items",
        "Symmetric Cryptography",
        "Threat Intel Vendors",
        "Time Providers",
        "Unix Shell",
        "Virtual Private Server",
        "Visual Basic",
        "Web Portal Capture",
        "Web Protocols",
        "Web Service",
        "Web Services",
        "Wi-Fi Networks",
        "Windows Credential Manager",
        "Windows Host Firewall",
        "Windows Management Instrumentation",
        "Windows Remote Management",
        "Windows Service",
        "Written Content",
    }
)
"""Names of techniques that are as often just the thing."""


class _Names(NamedTuple):
    """The names of techniques, as one set of patterns."""

    patterns: "re2.Set"
    techniques: tuple[tuple[str, tuple[str, ...]], ...]
    """Each name, and the ids that have it, in the order of the patterns."""


def find(sentences: Sequence[Sentence], indicators: Iterable[Span], known: Knowledge) -> tuple[Tagged, ...]:
    """Return the techniques of an article, those of ids first; `indicators` are those of its text."""
    found: dict[str, Tagged] = {}
    for each in (*_by_id(sentences, indicators, known), *_by_name(sentences, known), *_by_phrase(sentences, known)):
        found.setdefault(each.name, each)
    return tuple(found.values())


def _by_id(sentences: Sequence[Sentence], indicators: Iterable[Span], known: Knowledge) -> Iterator[Tagged]:
    for sentence in sentences:
        if sentence.in_title:
            for written in _ID.findall(sentence.text):
                yield from _of_id(written, sentence, known)
    text = [sentence for sentence in sentences if not sentence.in_title]
    starts = [sentence.start for sentence in text]
    for each in indicators:
        at = bisect_right(starts, each.start) - 1
        if each.type is IocType.MITRE_ATTACK and each.suppressed is None and at >= 0:
            yield from _of_id(each.canonical, text[at], known)


def _of_id(written: str, sentence: Sentence, known: Knowledge) -> Iterator[Tagged]:
    """Give the technique of an id, unless what is known beforehand says that there is none."""
    if written.startswith("T") and not written.startswith("TA") and (not known or known.technique(written)):
        yield _tagged(known, (written,), written, sentence, "id")


def _by_name(sentences: Sequence[Sentence], known: Knowledge) -> Iterator[Tagged]:
    names = _names(known)
    if not names.techniques:
        return
    for sentence in sentences:
        if _ID.search(sentence.words):
            continue  # whose technique is that of the id
        matches = names.patterns.Match(sentence.words.encode("utf-8", "replace")) or ()
        found = [names.techniques[number] for number in matches]
        for name, ids in found:
            if not any(name in longer and name != longer for longer, _ in found):
                yield _tagged(known, ids, name, sentence, "name")


def _by_phrase(sentences: Sequence[Sentence], known: Knowledge) -> Iterator[Tagged]:
    rules, other = _phrases()
    done: set[str] = set()
    for sentence in sentences:
        matches = list(rules.search(sentence.lower, done))
        if matches and not other.search(sentence.lower):
            for found, words in matches:
                done.add(found)
                yield _tagged(known, (found,), words, sentence, "phrase")


def _tagged(known: Knowledge, ids: Sequence[str], surface: str, sentence: Sentence, how: How) -> Tagged:
    current = [successor.id if (successor := known.successor(each)) else each for each in ids]
    return Tagged(
        name=current[0],
        surface=surface,
        candidates=tuple(dict.fromkeys(current)),
        confidence=Confidence.HIGH if how == "id" else Confidence.MEDIUM,
        evidence=evidence(sentence.text),
        how=how,
        kind="technique",
    )


@cache
def _phrases() -> "tuple[Rules, re2._Regexp]":
    return Rules(phrases.PHRASES), re2.compile(f"{phrases.ADVICE}|{phrases.DENIED}".encode())


@lru_cache(maxsize=2)
def _names(known: Knowledge) -> _Names:
    ids: dict[str, list[str]] = defaultdict(list)
    for each in known.techniques():
        is_enterprise = any((tactic.id or "").startswith(_ENTERPRISE) for tactic in each.tactics)
        if is_enterprise and not each.deprecated and " " in each.name and each.name not in _PLAIN_NAMES:
            ids[each.name].append(each.id)
    patterns = re2.Set.SearchSet()
    for name in ids:
        patterns.Add(rf"\b{re2.escape(name)}\b".encode())
    if ids:
        patterns.Compile()
    return _Names(patterns, tuple((name, tuple(of_name)) for name, of_name in ids.items()))
