"""The one pass over a text: where something stands that may be an indicator, and where its sections begin.

One pattern of google-re2 runs once over the UTF-8 bytes. It has no groups and no counted repeats. RE2 is linear
for one match, but finding one after the other is only as long as no search reads far beyond the match that it
gives. So whatever matches inside of a run of letters, digits and hyphens takes the rest of the run along, which
is cut off here; and the part of an e-mail address before its `@` is no part of the pattern, but looked for
backwards from there. Lengths and meanings are looked at afterwards, token by token.

The text is encoded window by window, so that a long one costs a constant amount of memory and offsets in
characters cost one pass more. What ends near the end of a window is left to the next one, which begins with it.
"""

import re
from collections.abc import Iterator

import re2

from socdefenders.indicators.place import INDICATOR_WORDS, REFERENCE_WORDS

WINDOW = 1 << 18
"""Characters that are encoded at a time."""
_MARGIN = 256
"""Characters at the end of a window in which nothing is trusted to have ended."""
_BOUNDARIES = " \n\t,;|\"'<>"
"""Where a new window may begin in text without a token: no value goes on behind one of these."""

_OPEN, _CLOSE = r"(?:\\*[\[({<【「（［])", r"(?:\\*[\])}>】」）］])"
_BLANK = r"[ \x{a0}]"
_BRACKETED_DOT = rf"{_BLANK}*{_OPEN}+\s*(?:\\?[.。．]|(?i:dot|d0t|punkt|punto|point))\s*{_CLOSE}+{_BLANK}?"
_DOT = (
    rf"(?:\.|{_BRACKETED_DOT}"
    rf"|[\[({{]+\s?\.|\.\s?[\])}}]+|\\+\.|[。．․｡]|[ ](?i:dot)[ ])"
)
_AT = rf"(?:[ ]?{_OPEN}+\s*(?:@|(?i:at))\s*{_CLOSE}+[ ]?|[ ]?@)"
_COLON = rf"(?:{_OPEN}?:{_CLOSE}?)"
_CHARACTER = (
    r"a-zA-Z0-9_\x{AA}\x{BA}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{2E4}\x{370}-\x{37D}\x{37F}-\x{52F}"
    r"\x{1C80}-\x{1C8A}\x{1D00}-\x{1FFF}\x{2071}\x{207F}\x{2090}-\x{209C}\x{2126}\x{212A}\x{212B}\x{2132}\x{214E}\x{2160}-\x{2188}\x{2C60}-\x{2C7F}\x{2DE0}-\x{2DFF}\x{A640}-\x{A69F}\x{A720}-\x{A7FF}"
    r"\x{AB30}-\x{AB6F}\x{FB00}-\x{FB06}\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A}-"
)
"""Latin, Greek and Cyrillic by their blocks: by their scripts, which leave out every other code point, the pattern is
more than twice as large, and RE2 takes that much longer over the first texts."""
_LABEL = rf"[{_CHARACTER}]+(?:\[-\][{_CHARACTER}]+)*"
_REST = rf"(?:[{_CHARACTER}]|\[-\])*"
"""What is left of a run in which something matched."""
_HOST = rf"{_LABEL}(?:{_DOT}{_LABEL})+"
_PORT = rf"(?:{_COLON}[0-9]+)?"
_END = r"[^\s\p{Z}\"<>`“”‘’«»|\x00-\x1f]"
_TAIL = rf"(?:(?:[/?#]|\[/\]|\\){_END}*)?"
_SCHEME = (
    r"(?i:h[tx*#z]+p+s?|h(?:\[[tx][tx]\]|\([tx][tx]\)|[tx][tx])p(?:\[s\]|\(s\)|s?)|hxxt?s?|meows?|f[tx*]ps?|ftxs?|sftp|wss?|tcp|udp|ssh|smb|ldaps?|rtsp|rtmp|telnet|tftp|ircs?"
    r"|socks[45]?|rdp|vnc)"
)
_USER = r"(?:[^\s/\\@\"<>,;|'()\[\]]|\[\.\]|\[dot\])+"
_SEPARATOR = rf"[ ]?{_OPEN}?[ ]?\\*:[ ]?{_CLOSE}?(?:{_OPEN}?\\*[/\\]{_CLOSE}?)+[ ]?"
_DASH = r"[-‐‑‒–—−_]"
_CVE = rf"(?i:cve)(?:{_DASH}|[ ])?[0-9]+{_DASH}[0-9]+"
_HEX = "[0-9a-fA-F]"
_IPV6 = rf"(?:\b{_HEX}+|\B)(?:\[?:\]?{_HEX}*)(?:\[?:\]?{_HEX}*)+(?:\[?\.\]?[0-9]+)*"
_HEADING_WORDS = (
    rf"(?i:{INDICATOR_WORDS}|\biocs?\b){_REST}",
    rf"(?mi:^[#=* \t]*(?:{REFERENCE_WORDS})[ \t]*:?[ \t]*$)",
)
_TOKENS = re2.compile(
    "|".join(
        [
            rf"{_SCHEME}{_SEPARATOR}(?:{_USER}(?:@|{_OPEN}(?:@|(?i:at)){_CLOSE}))*(?:\[[0-9a-fA-F:.%]+\]|{_LABEL}(?:{_DOT}{_LABEL})*){_PORT}{_TAIL}",
            rf"{_CVE}{_REST}(?:{_BRACKETED_DOT}{_LABEL}(?:{_DOT}{_LABEL})*{_PORT}{_TAIL})?",
            rf"\bTA?[0-9][0-9][0-9][0-9](?:\.[0-9][0-9][0-9])?\b{_REST}",
            rf"{_AT}{_HOST}",
            _IPV6,
            rf"{_HOST}(?:[ ]:[ ]?[0-9]+/{_END}*|{_PORT}{_TAIL})",
            _HEX * 16 + rf"{_HEX}*(?:\r?\n{_HEX}+(?:\s|\z)|{_REST})",
            *_HEADING_WORDS,
        ]
    )
)

_HEADINGS = re.compile(rf"{INDICATOR_WORDS}|iocs?|[#=*\s]*(?:{REFERENCE_WORDS})\s*:?\s*", re.IGNORECASE)


def is_heading(token: str) -> bool:
    """Whether a token is the words of a heading, and no value."""
    return _HEADINGS.fullmatch(token) is not None


_BEFORE_AT = re.compile(
    r"[A-Za-z0-9_%+'-]{1,64}(?:(?:\.|[\])}>\\]{1,4}\s?(?:\.|(?i:tod))\s?[\[({<\\]{1,4})[A-Za-z0-9_%+'-]{1,64}){0,8}"
)
"""The part of an address before the `@`, read backwards."""
_AT_FIRST = re.compile(r"[ ]?\\*[\[({<【「]*\s*(?:@|at\b)", re.IGNORECASE)
_LONGEST_NAME = 80
"""Characters before an `@` in which an address begins; RFC 5321 allows 64, and defanging takes some."""


def name_before(text: str, start: int, token: str) -> int | None:
    """Return where an e-mail address begins whose `@` and host are `token`; None for a token that begins otherwise."""
    if _AT_FIRST.match(token) is None:
        return None
    found = _BEFORE_AT.match(text[max(0, start - _LONGEST_NAME) : start][::-1])
    return start - len(found[0]) if found else start + len(token) - len(token.lstrip(" \\[({<【「@"))


_NUMBERED = re.compile(
    rf"((?:TA?[0-9]{{4}}(?:\.[0-9]{{3}})?|(?i:cve)[ ]?{_DASH}?[0-9]+{_DASH}[0-9]+))[-_](?:[\w-]|\[-\])*"
)
"""A technique or a CVE number in front of words that a hyphen ties to it."""


def tokens(text: str, window: int = WINDOW) -> Iterator[tuple[int, str]]:
    """Give what the pattern finds in `text`, in order: its offset in characters, and itself.

    `window`, more than 256, changes nothing but for tokens that are longer.
    """
    begin, length = 0, len(text)
    while begin < length:
        end = min(begin + window, length)
        trusted = end if end == length else end - _MARGIN
        following = done = begin
        for offset, token in _scanned(text[begin:end]):
            start = begin + offset
            done = start + len(token)
            if done > trusted and start > begin:
                following = start
                break
            yield start, _cut(token) if token[0] in "TCc" else token
        else:
            following = max(done, _boundary(text, begin, trusted)) if end < length else length
        begin = following


def _cut(token: str) -> str:
    found = _NUMBERED.fullmatch(token)
    return found[1] if found else token


def _scanned(window: str) -> Iterator[tuple[int, str]]:
    """Give what the pattern finds in one window."""
    data = window.encode("utf-8", "surrogatepass")
    if len(data) == len(window):
        for match in _TOKENS.finditer(data):
            start, stop = match.span()
            yield start, window[start:stop]
    else:
        byte = character = 0
        for match in _TOKENS.finditer(data):
            start, stop = match.span()
            character += len(data[byte:start].decode("utf-8", "surrogatepass"))
            byte = start
            yield character, data[start:stop].decode("utf-8", "surrogatepass")


def _boundary(text: str, begin: int, end: int) -> int:
    """Return where the next window begins when nothing stands there: behind the last boundary before `end`."""
    found = max(text.rfind(each, begin, end) for each in _BOUNDARIES)
    return found + 1 if found > begin else end
