"""Text in, indicators out: every match with its place, its sentence and, if it is noise, the reason.

One pattern of google-re2 runs once over the UTF-8 bytes and finds what may be something; it has no
groups and no large counted repeats, so that the pass is linear whatever the text. What a token is,
`parse` decides; whether it counts, `noise` decides. Nothing found is dropped silently.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import re2

from socdefenders.errors import InvalidIndicator
from socdefenders.indicators import noise, urls
from socdefenders.indicators.kinds import parse
from socdefenders.indicators.refang import refang, refang_url
from socdefenders.model import Indicator, IocType

LONGEST_CONTEXT = 300

_OPEN, _CLOSE = r"[\[({<]", r"[\])}>]"
_DOT = (
    rf"(?:\.|[ ]?{_OPEN}+\s*(?:\.|\\\.|(?i:dot|d0t|punkt))\s*{_CLOSE}+[ ]?"
    rf"|[\[({{]+\s?\.|\.\s?[\])}}]+|\\+\.|[。．․]|[ ](?i:dot)[ ])"
)
_AT = rf"(?:[ ]?{_OPEN}+\s*(?:@|(?i:at))\s*{_CLOSE}+[ ]?|[ ]?@)"
_COLON = rf"(?:{_OPEN}?:{_CLOSE}?)"
_CHARACTER = r"a-zA-Z0-9_\p{Latin}\p{Cyrillic}\p{Greek}-"
_LABEL = rf"[{_CHARACTER}]+"
_HOST = rf"{_LABEL}(?:{_DOT}{_LABEL})+"
_PORT = rf"(?:{_COLON}[0-9]+)?"
_END = r"[^\s\"<>`“”‘’«»|\x00-\x1f]"
_TAIL = rf"(?:(?:[/?#]|\[/\]|\\){_END}*)?"
_SCHEME = (
    r"(?i:h[tx*#z]+p+s?|hxxt?s?|meows?|f[tx*]ps?|ftxs?|sftp|wss?|tcp|udp|ssh|smb|ldaps?|rtsp|rtmp|telnet|tftp|ircs?"
    r"|socks[45]?|rdp|vnc)"
)
_SEPARATOR = rf"[ ]?{_OPEN}?[ ]?:[ ]?{_CLOSE}?(?:{_OPEN}?[/\\]{_CLOSE}?)+[ ]?"
_DASH = r"[-‐‑‒–—−_]"
_TOKEN = "|".join(
    [
        rf"{_SCHEME}{_SEPARATOR}(?:[^\s/@\"<>]+@)?(?:\[[0-9a-fA-F:.%]+\]|{_LABEL}(?:{_DOT}{_LABEL})*){_PORT}{_TAIL}",
        rf"(?i:cve){_DASH}?[0-9]+{_DASH}[0-9]+",
        r"\bTA?[0-9][0-9][0-9][0-9](?:\.[0-9][0-9][0-9])?\b",
        rf"[a-zA-Z0-9_%+'-]+(?:{_DOT}[a-zA-Z0-9_%+'-]+)*{_AT}{_HOST}",
        r"(?:\b[0-9a-fA-F]+|\B)(?:\[?:\]?[0-9a-fA-F]*)(?:\[?:\]?[0-9a-fA-F]*)+(?:\.[0-9]+)*",
        rf"{_HOST}{_PORT}{_TAIL}",
        r"[0-9a-fA-F]{32}[0-9a-fA-F]*",
    ]
)
_TOKENS = re2.compile(_TOKEN)

_CUT = re.compile(r"[,;|)\]](?=h[tx]{2}ps?[\[:])|\](?=\()|\)(?=\[)", re.IGNORECASE)
"""Where a URL ends although a browser would read on: a second one, the parts of a Markdown link."""
_HASH = re.compile(r"(?<![0-9A-Za-z])[0-9a-fA-F]{32,128}(?![0-9A-Za-z])")
_IPV4 = re.compile(r"(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9]|\.[0-9])")
_SURE_IPV6 = re.compile(r"^[0-9a-f]{3,4}:.*[0-9]")
"""`::`, `a::b` and `dead::beef` are more often code."""
_SENTENCE_END = re.compile(r"[.!?](?=\s)|\n")


@dataclass(frozen=True, slots=True)
class Match:
    """One indicator as it stands in a text."""

    type: IocType
    value: str
    canonical: str
    normalized: str
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


class _Found(NamedTuple):
    indicator: Indicator
    start: int
    raw: str
    defanged: bool


def extract(text: str, *, publisher: str | None = None) -> list[Match]:
    """Find the indicators in `text`, in order; `publisher` is the host that published it."""
    found = list(_indicators(text))
    document = noise.Document(
        own_host=publisher.lower().removeprefix("www.") if publisher else None,
        defangs=any(item.defanged for item in found),
    )
    return [_match(text, item, document) for item in found]


def _match(text: str, found: _Found, document: noise.Document) -> Match:
    indicator, start, raw, defanged = found
    end = start + len(raw)
    reason = noise.judge(
        indicator,
        defanged=defanged,
        before=text[max(0, start - 24) : start],
        after=text[end : end + 8],
        document=document,
    )
    return Match(
        indicator.type,
        indicator.value,
        indicator.canonical,
        indicator.normalized,
        raw,
        start,
        end,
        defanged,
        _context(text, start, end),
        reason,
    )


def _context(text: str, start: int, end: int) -> str:
    """The sentence around a span, found within a bounded window."""
    window = max(0, start - LONGEST_CONTEXT // 2)
    breaks = [match.end() for match in _SENTENCE_END.finditer(text, window, start)]
    first = breaks[-1] if breaks else window
    stop = _SENTENCE_END.search(text, end, end + LONGEST_CONTEXT)
    last = stop.end() if stop else end + LONGEST_CONTEXT
    return " ".join(text[first:last].split())[:LONGEST_CONTEXT]


def _indicators(text: str) -> Iterator[_Found]:
    known: dict[str, tuple[tuple[int, str, Indicator, bool], ...]] = {}
    for start, token in _tokens(text):
        readings = known.get(token)
        if readings is None:
            readings = known[token] = tuple(_read(token))
        for offset, raw, indicator, defanged in readings:
            yield _Found(indicator, start + offset, raw, defanged)


def _tokens(text: str) -> Iterator[tuple[int, str]]:
    """What the pattern finds, with offsets in characters."""
    data = text.encode("utf-8", "surrogatepass")
    plain = len(data) == len(text)
    byte = character = 0
    for match in _TOKENS.finditer(data):
        start, end = match.span()
        if plain:
            yield start, text[start:end]
            continue
        character += len(data[byte:start].decode("utf-8", "surrogatepass"))
        byte = start
        yield character, data[start:end].decode("utf-8", "surrogatepass")


def _read(token: str) -> Iterator[tuple[int, str, Indicator, bool]]:
    """The indicators of one token: offset, as written, as understood, defanged."""
    start = 0
    for cut in [*(match.end() for match in _CUT.finditer(token)), len(token)]:
        start += len(token[start:cut]) - len(token[start:cut].lstrip("(["))
        raw = urls.trim_end(token[start:cut])
        indicator = _parsed(raw)
        if indicator is not None:
            yield start, raw, indicator, _is_defanged(raw)
        else:
            yield from _inside(token[start:cut], start)
        start = cut


def _parsed(raw: str) -> Indicator | None:
    try:
        indicator = parse(raw)
    except InvalidIndicator:
        return None
    if indicator.type is IocType.IPV6 and not _SURE_IPV6.search(indicator.canonical):
        return None
    return indicator


def _is_defanged(raw: str) -> bool:
    return (refang_url(raw) if "/" in raw else refang(raw)) != raw


def _inside(token: str, offset: int) -> Iterator[tuple[int, str, Indicator, bool]]:
    """A file name may be a hash, and words may be glued to an address."""
    plain = refang(token)
    for pattern in (_HASH, _IPV4):
        for match in pattern.finditer(plain):
            indicator = _parsed(match[0])
            if indicator is None:
                continue
            if plain == token:
                yield offset + match.start(), match[0], indicator, False
            else:  # where in the token it stood is no longer known
                yield offset, token, indicator, True
