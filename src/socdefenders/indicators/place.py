"""What stands around a match: its sentence, its line, the words before it, and the section it lies in."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

LONGEST_CONTEXT = 300
"""Characters of a sentence that is kept as context."""
_REACH = LONGEST_CONTEXT // 2
_LINE = 80
"""Characters of a line that are looked at on each side."""
_GAP = 12
"""Characters between the values of a list."""
_SEPARATORS = " \t\r\n,;|*•-"
_CUE_REACH = 60
_HEADING = 80
"""Characters of the longest line that is a heading."""


class Section(Enum):
    """What a heading says of the values below it."""

    PROSE = "prose"
    INDICATORS = "indicators"
    """Below "Indicators of compromise" and its like."""
    REFERENCES = "references"
    """Below "References" and its like, where links lead to other people's reports."""


class Place(NamedTuple):
    """Where a match stands."""

    text: str
    start: int
    end: int
    section: Section
    previous: int
    """Where the value before it ends, and the next one begins; how far both are, as a rule, is all that counts."""
    following: int

    @property
    def in_row(self) -> bool:
        """Whether nothing but blanks and separators lies between the match and one of its neighbours."""
        return _is_gap(self.text, self.previous, self.start) or _is_gap(self.text, self.end, self.following)


@dataclass(frozen=True, slots=True)
class Document:
    """What is known of the text as a whole."""

    publisher: str | None = None
    """The host that published it, as the caller says."""
    own_host: str | None = None
    """The host that published it, as the text itself says at its beginning."""
    defangs: bool = False
    """Whether its author defangs: then what stands plain is a link more often than an indicator."""
    alone: bool = False
    """Whether it is nothing but one value: then somebody asks about it, and nothing around it speaks against it."""


INDICATOR_WORDS = "indicators? of compromise"
REFERENCE_WORDS = "references|sources|further reading|footnotes|endnotes|about the authors?"
"""The words of headings, as patterns."""
_REFERENCES = re.compile(rf"[#=*\s]*(?:{REFERENCE_WORDS})", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]{2,}")
_EXPLAINED = re.compile(r"[ \t]*(?:[—–=]|:[ \t]|-[ \t])")
"""What follows an entry of a list that says what it is."""
_CUES = """
    address addresses beacon beaconed beacons c&c c2 c2s callback cnc communicate communicated communicates
    communicating communication connect connected connecting connection connections connects contacted contacts control
    domain domains download downloaded downloader downloading downloads dropped dropper embedded exfiltrated
    exfiltrates exfiltrating exfiltration fetched fetches host hosted hostname hostnames hosts infrastructure ip
    ips malicious payload payloads redirect redirected redirects registered resolve resolved resolves resolving sender
    server servers subject uploaded uploading uploads url urls
"""
CUES = frozenset(_CUES.split())
"""Words that say that what follows in the sentence is somebody's infrastructure."""
_CUE_WORD = re.compile(r"[a-z0-9&]{2,}")
_SENTENCE_ENDS = re.compile(r"[.!?](?=\s)|\n")


def _is_gap(text: str, low: int, high: int) -> bool:
    return 0 <= high - low <= _GAP and not text[low:high].strip(_SEPARATORS)


def context(text: str, start: int, end: int) -> str:
    """Return the sentence around a span on one line, at most 300 characters."""
    low = max(0, start - _REACH)
    high = end + LONGEST_CONTEXT
    first = max(text.rfind("\n", low, start), text.rfind(". ", low, start), low - 1) + 1
    last = text.find("\n", end, high)
    stop = text.find(". ", end, last if last >= 0 else high)
    last = stop + 1 if stop >= 0 else last if last >= 0 else high
    sentence = text[first:last]
    if "  " in sentence or not sentence.isprintable():  # every other white space is not printable
        sentence = " ".join(sentence.split())
    return sentence.strip()[:LONGEST_CONTEXT]


def line(place: Place) -> tuple[str, str]:
    """Return what stands before and behind the match on its own line, 80 characters each at most."""
    text, start, end = place[:3]
    first = text.rfind("\n", max(0, start - _LINE), start) + 1 or max(0, start - _LINE)
    last = text.find("\n", end, end + _LINE)
    return text[first:start], text[end : last if last >= 0 else end + _LINE]


def is_listed(place: Place) -> bool:
    """Whether the match stands in a list or a table: beside other values, or with three words on its line at most."""
    before, after = line(place)
    if place.in_row or _EXPLAINED.match(after):
        return True
    return len(_WORD.findall(before)) + len(_WORD.findall(after)) <= 3


def is_bare(place: Place) -> bool:
    """Whether the match has its line for itself, in a list of such lines."""
    before, after = line(place)
    return place.in_row and not _WORD.search(before) and not _WORD.search(after)


def has_cue(place: Place) -> bool:
    """Whether the words before the match in its sentence say that it is somebody's infrastructure."""
    text, start = place[:2]
    before = _SENTENCE_ENDS.split(text[max(0, start - _CUE_REACH) : start].lower())[-1]
    return not CUES.isdisjoint(_CUE_WORD.findall(before))


def section_at(text: str, start: int, token: str, now: Section) -> Section:
    """Return the section that begins where the heading's words `token` stand; `now`, if they are no heading."""
    if _REFERENCES.match(token):
        return Section.REFERENCES
    before, after = line(Place(text, start, start + len(token), now, -1, len(text) + _HEADING))
    is_heading = len(before) + len(after) + len(token) <= _HEADING and not after.rstrip().endswith((".", ","))
    return Section.INDICATORS if is_heading and len(_WORD.findall(before)) <= 3 else now


def alone(text: str, raw: str) -> bool:
    """Whether `text` is nothing but `raw` and marks around it."""
    return len(text) <= len(raw) + 20 and not _WORD.search(text.replace(raw, "", 1))
