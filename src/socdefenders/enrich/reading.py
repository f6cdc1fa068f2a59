"""One article read: its sentences once, and everything that is learnt from them."""

import re
from collections.abc import Iterator, Sequence

from socdefenders import knowledge
from socdefenders.enrich import category, names, sectors, severity, summary, techniques
from socdefenders.enrich.findings import Findings
from socdefenders.enrich.sentences import Sentence, Span, sentences
from socdefenders.knowledge import Knowledge
from socdefenders.model import IocType

_CVE = re.compile(r"\bCVE-((?:19|20)\d{2}-\d{4,19})\b", re.IGNORECASE)


def read_article(title: str, text: str, indicators: Sequence[Span], known: Knowledge | None = None) -> Findings:
    """Learn from an article what it is about, whom and what it names, and what of it matters most.

    `indicators` are those found in `text`, in order. `known` is what is known beforehand of names and
    techniques, by default that of the process; where nothing is known, no names are found.
    """
    known = knowledge.current() if known is None else known
    read = sentences(title, text, indicators)
    actors, malware = names.find(read, known)
    hit = sectors.find(read)
    cves = tuple(dict.fromkeys(_cves(read, indicators)))
    about = category.categorize(read, (*actors, *malware))
    return Findings(
        techniques=techniques.find(read, indicators, known),
        actors=actors,
        malware=malware,
        sectors=hit,
        cves=cves,
        category=about,
        severity=severity.assess(about, read, hit),
        classification=category.classify(about, read),
        summary=summary.summarize(read, (*actors, *malware), cves),
        attack_version=known.about.attack_version,
    )


def _cves(read: Sequence[Sentence], indicators: Sequence[Span]) -> Iterator[str]:
    for sentence in read:
        if sentence.in_title:
            yield from (f"CVE-{number}" for number in _CVE.findall(sentence.text))
    for each in indicators:
        if each.type is IocType.CVE and each.suppressed is None:
            yield each.canonical
