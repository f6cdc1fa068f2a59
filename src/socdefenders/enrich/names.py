"""Actors, malware and tools by the names that people call them.

An automaton finds every known name in one pass; most of what it finds is no mention, because names are words too. What
decides is, in this order: the place (never in links, code and paths), the capitals, for a word that English has (Play,
Royal, Hive) or that is very short, whether a cue stands beside it anywhere in the article, and whether the article
speaks of it rather than only of something like it.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from socdefenders.enrich import words
from socdefenders.enrich.findings import Tagged, evidence
from socdefenders.enrich.sentences import Sentence
from socdefenders.knowledge import Knowledge, Name
from socdefenders.model import Confidence

try:
    import ahocorasick
except ImportError:  # of the extra `worker`; without it no names are found
    ahocorasick = None

COMMON = 3.0
"""The Zipf frequency from which on a word is taken for an English one."""
_VERY_COMMON = 4.5
"""From here on a word has a capital so often that its own says nothing, where any word would have one."""
_SHORT = 3
"""Letters of a name that may stand for anything."""
_GALAXY_WEIGHTS = {"mitre-attack": 1.5, "threat-actor": 1.0, "malpedia": 1.0, "ransomware": 0.75}
_OTHER_GALAXY = 0.5
_SAME_NAME = 2.0
_CUE_WEIGHT = 3.0
_FEW = 6
"""Words of a heading or a line of a list."""
_MOST_MENTIONS = 5_000
"""Mentions that are looked at; an article has some hundred."""

_PUT_TOGETHER = re.compile(r"([A-Za-z]{2,})[ -]?(\d{1,4})\Z")
_NO_WORD = re.compile(r"_|[^\W\d]\d+[^\W\d]")
"""What no word of English holds, whatever its capitals."""
_IDS = re.compile(r"[GSC]\d{4}\Z")
_SUFFIX = re.compile(r"(.{4,}?)[ -](?:ransomware|malware|trojan|backdoor|group|team|gang)\Z", re.IGNORECASE)
_TWO_WORDS = re.compile(r"([A-Z][a-z]{2,})([A-Z][a-z]+|RAT)\Z")
_ASIDE = re.compile(
    r"\b(?:pos(?:e|es|ed|ing) as|pretend\w* to be|claim\w* to (?:be|represent)|impersonat\w+|masquerad\w+ as"
    r"|similar(?:ly| \w+)? to|similarit(?:y|ies) (?:to|with)|reminiscent of|resembl\w+|unlike)"
    r"\W+(?:[^\s.;:]+\s+){0,8}\W*\Z"
    r"|\b(?:and|but|is|was) not (?:a |an |the )?\Z",
    re.IGNORECASE,
)
"""What before a name says that something else is meant: who only passes for it, or is only like it."""
_REFERENCE = re.compile(r"\W{0,3}\[\d{1,3}\]")
"""How a line of a list of references begins."""
_POSSESSIVE = re.compile(r"['’]s\Z")
_NEXT_NAME = re.compile(r" ([A-Z][a-z]+)(?![A-Za-z0-9])")
_WORD = re.compile(r"[^\W_]+(?:['’.&+-][^\W_]+)*")
_BEFORE = 48
_AFTER = 32
"""Characters beside a mention in which its cues stand."""
_FAR = 100
"""Characters before a mention in which an aside begins."""


class Entry(NamedTuple):
    """One name in lower case, with all that it may stand for."""

    surfaces: frozenset[str]
    names: tuple[Name, ...]
    zipf: float
    """How common the word is; 0.0 for one that may stand for nothing else."""

    @property
    def weak(self) -> bool:
        """Whether it counts only where a cue stands beside it."""
        return self.zipf > 0


class Mention(NamedTuple):
    """One place where a name stands."""

    entry: Entry
    surface: str
    sentence: Sentence
    kinds: frozenset[str]
    """What the words beside it say that it is a name of: actor, malware."""
    weak: bool
    aside: bool
    """Whether the article only compares something with it, or gives it as a reference."""


class Names:
    """The automaton of everything that has a name; built once for what is known."""

    def __init__(self, known: Knowledge) -> None:
        """Build it out of the names of `known`."""
        self._automaton = None
        entries = _entries(known)
        if ahocorasick is not None and entries:
            self._automaton = ahocorasick.Automaton()
            for key, entry in entries.items():
                self._automaton.add_word(key, (len(key), entry))
            self._automaton.make_automaton()

    def mentions(self, sentence: Sentence) -> Iterator[Mention]:
        """Give the names in a sentence that capitals and place allow, the longest where several overlap."""
        if self._automaton is None:
            return
        prose = sentence.prose
        found = []
        for last, (length, entry) in self._automaton.iter(words.lowered(prose)):
            start, end = last + 1 - length, last + 1
            if _stands_alone(prose, start, end):
                found.append((start, end, entry))
        free = 0
        for start, end, entry in sorted(found, key=lambda each: (each[0], -each[1])):
            if start >= free:
                mention = _mention(sentence, start, end, entry)
                if mention is not None:
                    free = end
                    yield mention


@lru_cache(maxsize=2)
def automaton(known: Knowledge) -> Names:
    """Return the automaton of `known`, built when it is first asked for."""
    return Names(known)


def find(sentences: Sequence[Sentence], known: Knowledge) -> tuple[tuple[Tagged, ...], tuple[Tagged, ...]]:
    """Return the actors, and the malware and tools, that an article names; those that it names most come first."""
    names = automaton(known)
    mentions: dict[str, list[Mention]] = defaultdict(list)
    count = 0
    for sentence in sentences:
        for mention in names.mentions(sentence):
            mentions[mention.surface.lower()].append(mention)
            count += 1
        if count > _MOST_MENTIONS:
            break
    believed = sorted((each for each in mentions.values() if _is_believed(each)), key=len, reverse=True)
    tagged = [(_tagged(each), each) for each in believed]
    of_title = any(_is_actor(tag) and any(each.sentence.in_title for each in places) for tag, places in tagged)
    found = _merged(tag for tag, places in tagged if not (of_title and _is_actor(tag) and _is_passing(places)))
    return tuple(filter(_is_actor, found)), tuple(each for each in found if not _is_actor(each))


def _is_actor(tag: Tagged) -> bool:
    return tag.kind == words.ACTOR


def _is_passing(places: Sequence[Mention]) -> bool:
    """Whether an article has a name only once, in the middle of a sentence, and does not say what it is a name of.

    An article on one actor names others that way to compare it with them.
    """
    [*rest, last] = places
    in_prose = len(_WORD.findall(last.sentence.prose)) > _FEW
    return not rest and in_prose and not last.kinds and not last.sentence.in_title


def _entries(known: Knowledge) -> dict[str, Entry]:
    names: dict[str, list[Name]] = defaultdict(list)
    surfaces: dict[str, set[str]] = defaultdict(set)
    full: set[str] = set()
    for name in known.names():
        if name.kind == "sector" or _IDS.match(name.surface):
            continue
        for surface, derived in _spellings(name.surface):
            key = words.lowered(surface)
            if len(key) < 2 or key.isdigit() or key in words.STOP:
                continue
            names[key].append(name)
            surfaces[key].add(surface)
            if not derived:
                full.add(key)
    return {
        key: Entry(frozenset(surfaces[key]), tuple(of_key), _zipf(key, known, whole=key in full))
        for key, of_key in names.items()
    }


def _spellings(surface: str) -> Iterator[tuple[str, bool]]:
    """Give the ways in which a name is written, and whether it is shorter than the name."""
    yield surface, False
    numbered = _PUT_TOGETHER.match(surface)
    if numbered and numbered[1].lower() in words.NUMBERED:
        for between in ("", " ", "-"):
            yield between.join(numbered.groups()), False
    elif surface.count(" ") == 1 and len(surface) >= 8:
        yield surface.replace(" ", ""), False
    two = _TWO_WORDS.match(surface)
    if two:
        for between in (" ", "-"):
            yield between.join(two.groups()), two[2] != "RAT"
    without = _SUFFIX.match(surface)
    if without:
        yield without[1], True


def _zipf(key: str, known: Knowledge, *, whole: bool) -> float:
    """Return how common a name is as a word, if it stands in any text or is too short to be anything for certain."""
    if " " in key:
        return 0.0 if whole else COMMON
    zipf = known.zipf(key)
    if zipf >= COMMON:
        return zipf
    return COMMON if not whole or sum(character.isalnum() for character in key) <= _SHORT else 0.0


def _stands_alone(text: str, start: int, end: int) -> bool:
    before, after = text[start - 1 : start], text[end : end + 1]
    if before.isalnum() or after.isalnum() or before in {"_", "@", ".", "!"} or after in {"_", "@"}:
        return False
    return not (after in {".", "-", "’", "'"} and text[end + 1 : end + 2].isalnum() and not _may_follow(text, end))


def _may_follow(text: str, end: int) -> bool:
    """Whether what hangs on a name leaves it one: `Emotet's`, `Emotet-infected`, but not `Emotet.exe`."""
    if text[end] == ".":
        return False
    tail = text[end + 1 : end + 3]
    return text[end] == "-" or (tail.startswith("s") and not tail[1:].isalnum())


def _mention(sentence: Sentence, start: int, end: int, entry: Entry) -> Mention | None:
    surface = sentence.prose[start:end]
    exact = surface in entry.surfaces
    if not _has_capitals(surface, entry, exact=exact):
        return None
    if entry.weak and _goes_on(sentence.prose, end):
        return None
    kinds = _cues(sentence.prose, start, end)
    has_plain_capital = start == 0 or _is_title_case(sentence.prose)
    if has_plain_capital and entry.zipf >= _VERY_COMMON:
        kinds = frozenset()
    weak = entry.weak or (" " in surface and not exact and has_plain_capital)
    return Mention(entry, surface, sentence, kinds, weak, _is_aside(sentence.prose, start))


def _is_aside(text: str, start: int) -> bool:
    return _REFERENCE.match(text) is not None or _ASIDE.search(text, max(0, start - _FAR), start) is not None


def _goes_on(text: str, end: int) -> bool:
    """Whether a word that may be a name is the beginning of a longer one, as in "the actor Copper Heron"."""
    following = _NEXT_NAME.match(text, end)
    return following is not None and following[1].lower() not in words.FOLLOWING and not _is_title_case(text)


def _has_capitals(surface: str, entry: Entry, *, exact: bool) -> bool:
    if " " in surface:
        first, *rest = surface.split(" ")
        small = words.SMALL if _SUFFIX.match(surface) else words.SMALL | words.FOLLOWING.keys()
        return not first.islower() and all(not word.islower() or word in small for word in rest)
    if any(character.isupper() for character in surface):
        return True
    return (
        (exact or _NO_WORD.search(surface) is not None)
        and not entry.weak
        and len(surface) > _SHORT + 1
        and not surface.isalpha()
    )


def _is_title_case(text: str) -> bool:
    found: list[str] = [word for word in _WORD.findall(text) if len(word) > 3]
    return sum(word[:1].isupper() for word in found) > 0.7 * len(found)


def _cues(text: str, start: int, end: int) -> frozenset[str]:
    """Return what the words beside a name say that it is a name of."""
    after = _WORD.findall(text[end : end + _AFTER].lower().partition(". ")[0])
    before = _WORD.findall(text[max(0, start - _BEFORE) : start].lower().rpartition(". ")[2])
    found = set()
    if after:
        found.add(words.FOLLOWING.get(_POSSESSIVE.sub("", after[0])))
        if after[0] in {"a", "an"}:
            found |= {words.FOLLOWING.get(each) for each in after[1:3]}
    if before:
        found.add(words.PRECEDING.get(before[-1]))
        found.add(words.PRECEDING.get(" ".join(before[-2:])))
    return frozenset(each for each in found if each)


def _is_believed(mentions: Sequence[Mention]) -> bool:
    """Whether a name is meant: a cue beside one mention vouches for all, and one that is no aside for the rest."""
    return any(not each.weak or each.kinds for each in mentions) and not all(each.aside for each in mentions)


def _tagged(mentions: Sequence[Mention]) -> Tagged:
    entry = mentions[0].entry
    hints = [kind for each in mentions for kind in each.kinds if kind != words.EITHER]
    surfaces = [each.surface for each in mentions]
    surface = max(dict.fromkeys(surfaces), key=surfaces.count)
    scores: dict[tuple[str, str], float] = defaultdict(float)
    for name in entry.names:
        score = _GALAXY_WEIGHTS.get(name.galaxy, _OTHER_GALAXY)
        score += _SAME_NAME * (words.lowered(name.canonical) == words.lowered(surface))
        if hints:
            kind = words.ACTOR if name.kind == words.ACTOR else words.MALWARE
            score += _CUE_WEIGHT * hints.count(kind) / len(hints)
        scores[name.canonical, name.kind] = max(scores[name.canonical, name.kind], score)
    ranked = sorted(scores, key=lambda each: -scores[each])
    canonical, kind = ranked[0]
    best = min(mentions, key=lambda each: (each.weak and not each.kinds, not each.kinds, each.sentence.in_title))
    return Tagged(
        name=canonical,
        surface=surface,
        candidates=tuple(dict.fromkeys(name for name, _ in ranked)),
        confidence=_confidence(mentions, ambiguous=len({kind == words.ACTOR for _, kind in ranked}) > 1 and not hints),
        evidence=evidence(best.sentence.text),
        how="name",
        kind=kind,
    )


def _confidence(mentions: Sequence[Mention], *, ambiguous: bool) -> Confidence:
    if ambiguous or all(each.weak for each in mentions):
        return Confidence.MEDIUM
    certain = any(each.kinds or each.sentence.in_title for each in mentions) or len(mentions) > 1
    return Confidence.HIGH if certain else Confidence.MEDIUM


def _merged(found: Iterable[Tagged]) -> list[Tagged]:
    """Take several names of the same actor or malware together, under that which stands most often."""
    kept: list[Tagged] = []
    for each in found:
        same = (other for other in kept if _is_actor(other) == _is_actor(each))
        if not any(other.name in each.candidates or each.name in other.candidates for other in same):
            kept.append(each)
    return kept
