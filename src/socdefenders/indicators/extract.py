"""Text in, indicators out: every match with its place, its sentence and, if it is noise, the reason.

`tokens` finds what may be something in one linear pass, `reading` says what a token is, `noise` whether
it counts where it stands. Nothing found is dropped silently.
"""

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
            Match(kind, value, normalized, raw, start, end, reading.defanged, sentence, reason, canonical, port)
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
            while found and found[-1][0] >= begin:  # the name before the @ looked like a host
                found.pop()
            address = text[begin : start + len(token)]
            found += [(begin + reading.offset, reading, section) for reading in readings(address)]
    return found


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
