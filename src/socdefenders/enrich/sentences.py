"""Text into sentences, as evidence is quoted and as rules read it.

A sentence ends neither at `evil[.]example` nor behind an abbreviation or a file's name, and goes on over the line
breaks of a PDF. What is no prose in it (links, paths, code, indicators, the HTML that Markdown may hold) is blanked out
for the rules, so that a name in a URL is no mention, nor one in a line that only leads elsewhere. Every step is linear,
and no sentence is longer than a thousand characters.
"""

import html
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from socdefenders.model import IocType

LONGEST = 1_000
"""Characters of a sentence; longer ones are cut at a blank."""
_BLANK = "\x00"
"""Stands for what was blanked out; no rule matches it, and it is no white space."""
_GONE = "\x02"
"""Stands for what is taken out once sentences are found, because words go on behind it: `<b>Glass</b>spike`."""

_END = re.compile(r"""[.!?…](?:["'”’»)\]*_]{0,4}\x02{0,40})(?=\s)|\n""")
_ABBREVIATED = """
    al approx aug ave co corp dec dept dr e.g eg esp est etc feb gen gov i.e ie inc jan jr jul jun llc ltd mar
    misc mr mrs ms nov oct prof rep rev sec sen sep sept sr st u.k u.n u.s u.s.c vs
"""
_ABBREVIATIONS = frozenset(_ABBREVIATED.split())
_BEFORE_NUMBERS = frozenset({"fig", "figs", "no", "p", "pp", "v", "ver", "vol"})
_GOES_ON = re.compile(
    r"(?:,|\b(?:a|an|and|as|at|by|for|from|in|into|is|of|on|or|that|the|to|was|were|which|with))[ \t]*\Z"
)
_WORD = re.compile(r"\w")
_LAST_WORD = re.compile(r"[\w.]+\Z")
_REACH = 24
"""Characters before a stop in which an abbreviation stands."""

_LINK_TARGET = re.compile(r"\]\([^()\s]*(?: \"[^\"]*\")?\)")
_LEADS_ELSEWHERE = re.compile(r"[*+>\s-]{0,6}\[((?:[^\s\[\]]+ ){2,}[^\s\[\]]+)\]\([^()\s]*(?: \"[^\"]*\")?\)\W{0,4}\Z")
"""A line that is nothing but a link of three words or more: the title of another page."""
_TAG = re.compile(
    r"</?(?:(blockquote|br|div|figcaption|figure|h[1-6]|hr|li|ol|p|pre|table|td|th|tr|ul)|a|b|code|em|i|img|span|strong"
    r"|sub|sup|u)(?:\s[^<>]{0,1000})?/?>",
    re.IGNORECASE,
)
"""A tag of HTML, as Markdown may hold; the group is of those that begin or end a block."""
_LIST = re.compile(r"\W*[A-Z]\w+\W?(?:/\W?[A-Z]\w+\W?){2,}\W*\Z")
"""Names with strokes between them, rather than a path."""
_ENTITY = re.compile(r"&#?\w{2,8};")
_CODE = re.compile(r"`[^`]*`")
_CODE_MARKS = frozenset("\\@=<>{}$%|^~")
_MASKED = frozenset(
    {
        IocType.DOMAIN,
        IocType.EMAIL,
        IocType.IPV4,
        IocType.IPV6,
        IocType.MD5,
        IocType.SHA1,
        IocType.SHA256,
        IocType.SHA512,
        IocType.URL,
    }
)


class Span(Protocol):
    """An indicator as it stands in the text, such as `indicators.Match`."""

    @property
    def type(self) -> IocType:
        """What it is."""

    @property
    def canonical(self) -> str:
        """The identity."""

    @property
    def start(self) -> int:
        """Where it begins in the text, in characters."""

    @property
    def end(self) -> int:
        """Where it ends."""

    @property
    def suppressed(self) -> object | None:
        """Why it is no indicator; None: it is."""


class Sentence(NamedTuple):
    """One sentence, heading or line of a list."""

    text: str
    """As written, on one line; tags, entities and escapes of Markdown are what they stand for."""
    words: str
    """The same without links and indicators; commands and file names are left in it."""
    prose: str
    """The same without code and paths too."""
    lower: bytes
    """`words` in lower case, as RE2 reads it."""
    start: int
    """Where it begins in the text, in characters; -1 for a sentence of the title."""

    @property
    def in_title(self) -> bool:
        """Whether it is of the title."""
        return self.start < 0


def sentences(title: str, text: str, indicators: Iterable[Span] = ()) -> list[Sentence]:
    """Return the sentences of a title and a text; `indicators` are those of the text."""
    masked = _masked(text, indicators)
    of_title = [_sentence(title, title, low, high)._replace(start=-1) for low, high in split(title)]
    return of_title + [
        _sentence(text, masked, low, high) for low, high in split(masked) if _WORD.search(masked, low, high)
    ]


def split(text: str) -> Iterator[tuple[int, int]]:
    """Give where each sentence begins and ends, without white space around it."""
    begin = 0
    for match in _END.finditer(text):
        ends = _line_ends(text, match.start()) if match[0] == "\n" else _stop_ends(text, match)
        if ends:
            yield from _pieces(text, begin, match.end())
            begin = match.end()
    yield from _pieces(text, begin, len(text))


def _masked(text: str, indicators: Iterable[Span]) -> str:
    """Blank the indicators and tags out, character for character, so that offsets stay what they are."""
    parts: list[str] = []
    done = 0
    for each in indicators:
        if each.suppressed is None and each.type in _MASKED and done <= each.start < each.end <= len(text):
            parts += (text[done : each.start], _BLANK * (each.end - each.start))
            done = each.end
    masked = "".join((*parts, text[done:])) if parts else text
    return _TAG.sub(_without_tag, masked) if "<" in masked else masked


def _without_tag(tag: re.Match[str]) -> str:
    """Blank a tag out; where one begins a block, a sentence ends."""
    length = len(tag[0])
    return "\n\n".ljust(length) if tag[1] else _GONE * length


def _sentence(text: str, masked: str, low: int, high: int) -> Sentence:
    written = _plain(text[low:high])
    words = _without_links(_plain(masked[low:high]))
    if _LEADS_ELSEWHERE.match(written):
        words = ""
    return Sentence(
        text=written,
        words=words,
        prose=_without_code(words),
        lower=words.lower().encode("utf-8", "replace"),
        start=low,
    )


def _plain(text: str) -> str:
    """Write a text on one line, without tags, and characters as such that HTML and Markdown write otherwise."""
    if "<" in text:
        text = _TAG.sub("", text)
    if "&" in text:
        text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    return " ".join(text.replace(_GONE, "").replace("\\_", "_").split())


def _without_links(text: str) -> str:
    if "](" in text:
        text = _LINK_TARGET.sub("]", text)
    if "://" not in text:
        return text
    return " ".join(_BLANK if "://" in word else word for word in text.split(" "))


def _without_code(text: str) -> str:
    if "`" in text:
        text = _CODE.sub(_BLANK, text)
    if _CODE_MARKS.isdisjoint(text) and "/" not in text and "()" not in text:
        return text
    return " ".join(_BLANK if _is_code(word) else word for word in text.split(" "))


def _is_code(word: str) -> bool:
    marks = _CODE_MARKS.intersection(word.strip("_*<>|^~"))
    return bool(marks) or "()" in word or word.startswith("/") or (word.count("/") > 1 and not _LIST.match(word))


def _stop_ends(text: str, match: re.Match[str]) -> bool:
    """Whether a sentence ends at this mark, which white space follows."""
    at, mark = match.start(), match[0][0]
    following = _first(text, match.end())
    if following.islower():
        return False
    if mark != ".":
        return True
    if text[at - 1 : at] in {"[", "(", "{"}:  # of an address that somebody defanged
        return False
    word = _LAST_WORD.search(text, max(0, at - _REACH), at)
    if word is None:
        return True
    last = word[0].lower()
    is_numbering = last.isdigit() and len(last) <= 2 and text[word.start() - 1 : word.start()] in {"", "\n"}
    is_initial = len(last) == 1 and last.isalpha()
    return not (
        is_initial or is_numbering or last in _ABBREVIATIONS or (following.isdigit() and last in _BEFORE_NUMBERS)
    )


def _line_ends(text: str, at: int) -> bool:
    """Whether a sentence ends with this line."""
    following = text[at + 1 : at + 1 + _REACH].lstrip(" \t\r")[:1]
    if not following or following == "\n":
        return True
    if following.islower():
        return False
    return not (following.isalnum() and _GOES_ON.search(text, max(0, at - _REACH), at))


def _first(text: str, at: int) -> str:
    """Return the first character behind `at` that is no white space, in reach."""
    return text[at : at + _REACH].lstrip()[:1]


def _pieces(text: str, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Give a span without white space around it, in pieces that are not too long."""
    while low < high:
        end = min(low + LONGEST, high)
        if end < high:
            blank = max(text.rfind(" ", low, end), text.rfind("\n", low, end))
            end = blank if blank > low else end
        piece = text[low:end]
        begin, stop = low + len(piece) - len(piece.lstrip()), low + len(piece.rstrip())
        if begin < stop:
            yield begin, stop
        low = end
