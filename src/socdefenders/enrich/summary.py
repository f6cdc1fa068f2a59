"""Three sentences of an article that say what happened: who, to whom, by what, and what it means.

Each sentence is scored by where it stands, by what it names and by the verbs of an incident; greetings, advertisements,
captions and sentences that lean on the one before are left. What says nearly the same again is not taken.
"""

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from functools import cache

import re2

from socdefenders.enrich import phrases
from socdefenders.enrich.findings import Tagged
from socdefenders.enrich.sentences import Sentence

MOST = 3
"""Sentences of a summary."""
_SHORTEST, _LONGEST = 40, 400
_BEST_LENGTH = 240
_CONSIDERED = 80
"""Sentences that are considered; what comes later is detail."""
_LEAD = 10
_OVERLAP = 0.45
"""Share of common words from which on two sentences say the same."""

_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*(?: \"[^\"]*\")?\)")
_EMPHASIS = re.compile(r"(?<!\w)[*_]{1,3}(?=\S)|(?<=\S)[*_]{1,3}(?!\w)")
_WORD = re.compile(r"[a-z][a-z0-9-]{3,}")
_NO_LETTER = re.compile(r"[^\w\s]|[\d_]")
_BEGINS = re.compile(r"[A-Z0-9\"“'‘*_\[]")
_ENDS = re.compile(r"""[.!]["'”’)*_]{0,3}\Z""")
_NO_PROSE = re.compile(
    r"[|{}<>=\\•→#]|(?:\x00+[^\x00]+){2}\x00|\A(?:[*+-]|\d{1,2}[.)]) "
    r"|\A\*?(?:Figure|Fig|Table|Image|Source|Photo|Note)\b"
)

_SAYS = (
    r"\b(?:exploit\w*|target\w*|steal\w*|stole\w*|encrypt\w*|deploy\w*|deliver\w*|distribut\w*|allow\w*"
    r"|patch\w*|fix(?:ed|es)|affect\w*|disclos\w*|breach\w*|attribut\w*|compromis\w*|infect\w*"
    r"|exfiltrat\w*|discover\w*|identified|observed|uncovered|leak\w*|impersonat\w*|abus\w*|arrest\w*"
    r"|victims?|vulnerab\w*|attackers?|campaign|malware|ransomware|phishing|backdoor|used to|leads? to"
    r"|linked to)\b"
)
_FILLER = (
    r"\b(?:subscribe|newsletter|read more|click here|follow us|sign up|webinar"
    r"|in this (?:blog|post|article|report)|this (?:blog|post|article)|we will|we'll|let's|let us"
    r"|our (?:customers|platform|products|cloud|team|blog)|contact us|learn more|stay tuned|image credit"
    r"|as shown|(?:shown|seen|below) (?:in|below)|screenshot|figure|following|thank\w*|copyright"
    r"|all rights reserved|cookies? policy|protects? (?:customers|against)|detects?|md5|sha-?256|appendix"
    r"|previously (?:written|blogged)|appeared first on|as we mentioned|(?:earlier|previous) (?:blog|post|article)s?"
    r"|please (?:check|click|contact|read|refer|see|visit)|ensur\w+ (?:coverage|protection)|pleased to"
    r"|enable javascript|you(?:'ll|r)?)\b"
)
_LEANING = re.compile(
    r"(?:it|its|this|these|that|those|they|their|he|she|however|also|in addition|additionally|moreover"
    r"|furthermore|then|next|finally|but|and|for example|for instance|as such|therefore|thus|afterwards?"
    r"|once|here|another|in other words|while|instead|similarly|such|secondly|thirdly|(?:shortly )?thereafter"
    r"|in (?:this|that|these|those|both|such)|despite (?:this|that|these)|with respect to|as (?:a result|noted|we have)"
    r"|one such|last week)\b",
    re.IGNORECASE,
)


def summarize(sentences: Sequence[Sentence], named: Sequence[Tagged], cves: Sequence[str]) -> str:
    """Return three sentences at most of an article that names these actors, malware and sectors and these CVEs."""
    topic = _words(" ".join(each.text for each in sentences if each.in_title))
    told = {each.surface for each in named if each.kind != "sector"} | set(cves)
    ranked: list[tuple[float, int, str, AbstractSet[str]]] = []
    for place, sentence in enumerate([each for each in sentences if not each.in_title][:_CONSIDERED]):
        text = plain(sentence.text)
        if _is_prose(text, sentence):
            words = _words(text)
            ranked.append((_score(text, sentence, place, words & topic, told), place, text, words))
    chosen: list[tuple[int, str, AbstractSet[str]]] = []
    for score, place, text, words in sorted(ranked, key=lambda each: (-each[0], each[1])):
        if len(chosen) == MOST or (chosen and score <= 0):
            break
        if all(len(words & other) < _OVERLAP * min(len(words), len(other)) for _, _, other in chosen):
            chosen.append((place, text, words))
    return " ".join(text for _, text, _ in sorted(chosen, key=lambda each: each[0]))


def plain(text: str) -> str:
    """Take the marks of Markdown out of a sentence."""
    if "](" in text:
        text = _LINK.sub(_label, text)
    return _EMPHASIS.sub("", text).strip() if "*" in text or "_" in text else text


def _label(link: re.Match[str]) -> str:
    """Return the words of a link, apart from the words that it was written on to."""
    before, after = link.string[: link.start()][-1:], link.string[link.end() :][:2]
    return " " * before.isalnum() + link[1] + " " * (len(after) == 2 and after.isalpha())


def _is_prose(text: str, sentence: Sentence) -> bool:
    return (
        _SHORTEST <= len(text) <= _LONGEST
        and _BEGINS.match(text) is not None
        and _ENDS.search(text) is not None
        and "](" not in text
        and _NO_PROSE.search(sentence.words) is None
        and len(_NO_LETTER.findall(text)) < 0.2 * len(text)
    )


def _score(text: str, sentence: Sentence, place: int, of_topic: AbstractSet[str], told: AbstractSet[str]) -> float:
    says, filler, advice = _patterns()
    score = 2.0 * (1 - place / _LEAD) if place < _LEAD else 0.0
    score += min(0.7 * len(of_topic), 2.8)
    score += min(1.0 * sum(each in text for each in told), 3.0)
    score += min(0.6 * len(set(says.findall(sentence.lower))), 2.4)
    score -= 2.5 * len(filler.findall(sentence.lower)) + 1.5 * (advice.search(sentence.lower) is not None)
    score -= 1.5 * (_LEANING.match(text) is not None) + 0.5 * text.startswith(("We ", "Our ", "I "))
    return score - abs(len(text) - _BEST_LENGTH) / _BEST_LENGTH


def _words(text: str) -> AbstractSet[str]:
    return frozenset(_WORD.findall(text.lower()))


@cache
def _patterns() -> "tuple[re2._Regexp, re2._Regexp, re2._Regexp]":
    says, filler, advice = (re2.compile(each.encode()) for each in (_SAYS, _FILLER, phrases.ADVICE))
    return says, filler, advice
