"""Text in, indicators out: every match with its place, its sentence and, if it is noise, the reason.

`tokens` finds what may be something in one linear pass, `reading` says what a token is, `noise` whether
it counts where it stands. Nothing found is dropped silently.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from socdefenders.indicators import noise, urls
from socdefenders.indicators.place import Document, Place, Section, alone, context, section_at
from socdefenders.indicators.reading import Reading, readings
from socdefenders.indicators.tokens import is_heading, name_before, tokens
from socdefenders.model import IocType

_FAR = 1 << 60
"""Where the neighbour of the first and of the last match is taken to be."""
_HEAD = 600
"""Characters in which a report's own address stands, if it does."""


_TOUCHED = re.compile(r"[À-ÖØ-öø-ɏ\u0300-ϿЀ-ԯḀ-῿](?:\.|[\[({<\\]{1,5}\s?(?:\.|dot)\s?[\])}>\\]{1,5})?\Z", re.IGNORECASE)
"""The end of a word of Latin, Greek or Cyrillic letters, of which the name of an address knows ASCII alone."""
_DEFANGED_DOT = 16
"""Characters that a dot and the letter before it may take."""
_AT = re.compile(r"[ ]?[\\\[({<【「]*\s*(?:@|at)\s*[\\\])}>】」]*[ ]?", re.IGNORECASE)


_BREAK_BEFORE = re.compile(r"(?:^|[\s\"'`,;|)\]}]|\w\w[:.!?]|\\[nrt])\\\Z")
"""What stands before a line break written `\\n`, and not before a folder's name."""


class Match(NamedTuple):
    """One indicator as it stands in a text."""

    type: IocType
    value: str
    """As written, refanged."""
    normalized: str
    """What a search looks for: canonical and in lower case."""
    raw: str
    """As written."""
    start: int
    end: int
    """Offsets of `raw` in the text, in characters."""
    defanged: bool
    """Whether the author wrote it so that nobody clicks on it."""
    context: str
    """The sentence around it, at most 300 characters, white space folded."""
    suppressed: noise.Reason | None
    """Why it is not taken for an indicator; None: it is."""
    canonical: str
    """The identity: normalised, but the case of a URL's path and query is kept."""
    port: int | None
    """The port of an `ip:port` or `host:port`; no part of the identity."""
    section: Section
    """What the heading above it says of it."""


_Found = tuple[int, Reading, Section]
"""Where a reading's token begins, as an offset in the text plus the reading's own; plain, as there are very many."""


def extract(text: str, *, publisher: str | None = None) -> list[Match]:
    """Find the indicators in `text`, in order; `publisher` is the host that published it."""
    found = _found(text)
    document = _document(text, found, publisher)
    matches: list[Match] = []
    previous = -_FAR
    following = [start for start, _, _ in found[1:]]
    following.append(_FAR)
    for (start, reading, section), next_start in zip(found, following, strict=False):
        raw, indicator = reading.raw, reading.indicator
        end = start + len(raw)
        reason = None
        if noise.is_questioned(indicator.type):
            place = Place(text, start, end, section, previous, next_start)
            reason = noise.judge(indicator, place, document, defanged=reading.defanged)
        kind, value, canonical, normalized, port = indicator
        sentence = context(text, start, end)
        matches.append(
            Match(
                kind, value, normalized, raw, start, end, reading.defanged, sentence, reason, canonical, port, section
            )
        )
        previous = end
    return matches


def find(text: str) -> Iterator[tuple[int, Reading]]:
    """Give what stands in `text` with its offset, in order, judging nothing and asking nothing known beforehand."""
    return ((start, reading) for start, reading, _ in _found(text))


def _found(text: str) -> list[_Found]:
    section = Section.PROSE
    found: list[_Found] = []
    for start, token in tokens(text):
        if "." not in token and is_heading(token):
            section = section_at(text, start, token, section)
        elif token[0].isalnum() or (begin := name_before(text, start, token)) is None:
            for reading in readings(token):
                found.append((start + reading.offset, reading, section))  # noqa: PERF401 - this is the fastest way
        else:
            unsure = _forget(found, begin) or _TOUCHED.search(text, max(0, begin - _DEFANGED_DOT), begin)
            if (unsure or begin >= start) and (at := _AT.match(token)):  # without a name, the host is what is left
                begin = start + at.end()
            address = text[begin : start + len(token)]
            found += [(begin + reading.offset, reading, section) for reading in readings(address)]
    return _behind_breaks(text, found) if "\\" in text else found


def _behind_breaks(text: str, found: list[_Found]) -> list[_Found]:
    r"""Take the letter of a line break that is written `\n` from what begins with it."""
    kept: list[_Found] = []
    previous = 0
    for start, reading, section in found:
        if text[start - 1 : start] == "\\" and reading.raw[0] in "nrt":
            ends_value = 0 < previous < start and not text[previous:start].strip("\\")
            if ends_value or _BREAK_BEFORE.search(text, max(0, start - 4), start):
                kept += [(start + 1 + each.offset, each, section) for each in readings(reading.raw[1:])]
                previous = start + len(reading.raw)
                continue
        kept.append((start, reading, section))
        previous = start + len(reading.raw)
    return kept


def _forget(found: list[_Found], begin: int) -> bool:
    """Take out what the name of an address from `begin` on was taken for; return whether a URL reaches into it."""
    while found and found[-1][0] + len(found[-1][1].raw) > begin:
        if found[-1][0] < begin and found[-1][1].indicator.type is IocType.URL:
            return True
        found.pop()
    return False


def _document(text: str, found: list[_Found], publisher: str | None) -> Document:
    return Document(
        publisher=publisher.lower().removeprefix("www.") if publisher else None,
        own_host=_own_host(text, found),
        defangs=any(reading.defanged for _, reading, _ in found),
        alone=len(found) == 1 and alone(text, found[0][1].raw),
    )


def _own_host(text: str, found: list[_Found]) -> str | None:
    """Return the host of the address that stands plain, alone on a line near the beginning: the report's own."""
    for start, reading, section in islice(found, 3):
        raw, indicator = reading.raw, reading.indicator
        if start > _HEAD or len(found) < 2 or section is not Section.PROSE:
            return None
        if indicator.type is IocType.URL and not reading.defanged:
            end = start + len(raw)
            before, after = text[max(0, start - 1) : start], text[end : end + 1]
            if before in {"", "\n"} and after in {"", "\n", "\r", " "} and urls.has_path(indicator.canonical):
                return noise.site(noise.host_of(indicator))
    return None
