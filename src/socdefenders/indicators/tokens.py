"""The one pass over a text: where something stands that may be an indicator, and where its sections begin.

One pattern of google-re2 runs once over the UTF-8 bytes. It has no groups and no counted repeats, and
no part of it can run on past a token that another part would have found: RE2 is linear for one match, but
finding one after the other is only as long as each stops near where its match ends. So the part of an
e-mail address before its `@` is no part of the pattern, but looked for backwards from there. Lengths and
meanings are looked at afterwards, token by token. The text is encoded window by window, cut at the ends
of lines, so that a long one costs a constant amount of memory and offsets in characters cost one pass more.
"""

import re
from collections.abc import Iterator

import re2

from socdefenders.indicators.place import INDICATOR_WORDS, REFERENCE_WORDS

WINDOW = 1 << 18
"""Characters that are encoded at a time; a window ends with a line, if one ends near."""

_OPEN, _CLOSE = r"(?:\\*[\[({<【「])", r"(?:\\*[\])}>】」])"
_BRACKETED_DOT = rf"[ ]*{_OPEN}+\s*(?:\.|\\\.|(?i:dot|d0t|punkt))\s*{_CLOSE}+[ ]?"
_DOT = (
    rf"(?:\.|{_BRACKETED_DOT}"
    rf"|[\[({{]+\s?\.|\.\s?[\])}}]+|\\+\.|[。．․｡]|[ ](?i:dot)[ ])"
)
_AT = rf"(?:[ ]?{_OPEN}+\s*(?:@|(?i:at))\s*{_CLOSE}+[ ]?|[ ]?@)"
_COLON = rf"(?:{_OPEN}?:{_CLOSE}?)"
_CHARACTER = r"a-zA-Z0-9_\p{Latin}\p{Cyrillic}\p{Greek}-"
_LABEL = rf"[{_CHARACTER}]+(?:\[-\][{_CHARACTER}]+)*"
_HOST = rf"{_LABEL}(?:{_DOT}{_LABEL})+"
_PORT = rf"(?:{_COLON}[0-9]+)?"
_END = r"[^\s\p{Z}\"<>`“”‘’«»|\x00-\x1f]"
_TAIL = rf"(?:(?:[/?#]|\[/\]|\\){_END}*)?"
_SCHEME = (
    r"(?i:h[tx*#z]+p+s?|hxxt?s?|meows?|f[tx*]ps?|ftxs?|sftp|wss?|tcp|udp|ssh|smb|ldaps?|rtsp|rtmp|telnet|tftp|ircs?"
    r"|socks[45]?|rdp|vnc)"
)
_USER = r"[^\s/\\@\"<>,;|'()\[\]]+"
_SEPARATOR = rf"[ ]?{_OPEN}?[ ]?:[ ]?{_CLOSE}?(?:{_OPEN}?[/\\]{_CLOSE}?)+[ ]?"
_DASH = r"[-‐‑‒–—−_]"
_CVE = rf"(?i:cve){_DASH}?[0-9]+{_DASH}[0-9]+"
_HEX = "[0-9a-fA-F]"
_IPV6 = rf"(?:\b{_HEX}+|\B)(?:\[?:\]?{_HEX}*)(?:\[?:\]?{_HEX}*)+(?:\[?\.\]?[0-9]+)*"
_HEADING_WORDS = (
    rf"(?i:{INDICATOR_WORDS}|\biocs?\b)",
    rf"(?mi:^[#=* \t]*(?:{REFERENCE_WORDS})[ \t]*:?[ \t]*$)",
)
_TOKENS = re2.compile(
    "|".join(
        [
            rf"{_SCHEME}{_SEPARATOR}(?:{_USER}(?:@|{_OPEN}(?:@|(?i:at)){_CLOSE}))?(?:\[[0-9a-fA-F:.%]+\]|{_LABEL}(?:{_DOT}{_LABEL})*){_PORT}{_TAIL}",
            rf"{_CVE}(?:{_LABEL})?{_BRACKETED_DOT}{_LABEL}(?:{_DOT}{_LABEL})*{_PORT}{_TAIL}|{_CVE}",
            r"\bTA?[0-9][0-9][0-9][0-9](?:\.[0-9][0-9][0-9])?\b",
            rf"{_AT}{_HOST}",
            _IPV6,
            rf"{_HOST}(?:[ ]:[ ]?[0-9]+/{_END}*|{_PORT}{_TAIL})",
            _HEX * 16 + rf"{_HEX}*(?:\r?\n{_HEX}+(?:\s|\z))?",
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


def tokens(text: str) -> Iterator[tuple[int, str]]:
    """Give what the pattern finds in `text`, in order: its offset in characters, and itself."""
    begin, length = 0, len(text)
    while begin < length:
        end = _cut(text, begin, length)
        window = text[begin:end]
        data = window.encode("utf-8", "surrogatepass")
        if len(data) == len(window):
            for match in _TOKENS.finditer(data):
                start, stop = match.span()
                yield begin + start, window[start:stop]
        else:
            byte, character = 0, begin
            for match in _TOKENS.finditer(data):
                start, stop = match.span()
                character += len(data[byte:start].decode("utf-8", "surrogatepass"))
                byte = start
                yield character, data[start:stop].decode("utf-8", "surrogatepass")
        begin = end


def _cut(text: str, begin: int, length: int) -> int:
    """Return where the window from `begin` ends: behind the last paragraph, line or blank of its second half."""
    full = begin + WINDOW
    if full >= length:
        return length
    for end in ("\n\n", "\n", " "):
        found = text.rfind(end, begin + WINDOW // 2, full)
        if found >= 0:
            return found + 1
    return full
