"""One token of a text, read: the indicators in it, each with its place in the token and whether it was defanged.

Reports say the same values again and again, and most are spelt in one of a few ways; both are cheap
here. What is spelt canonically, or would be without its `[.]` and `hxxp`, takes one pattern; everything
else goes the way that a value in a feed goes.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from socdefenders.errors import InvalidIndicator
from socdefenders.indicators import hosts, urls
from socdefenders.indicators.kinds import parse, parse_plain
from socdefenders.indicators.refang import CUT, refang, refang_url
from socdefenders.model import Indicator, IocType

_REMEMBERED = 256
"""Characters of the longest token that is remembered."""
_CUT = re.compile(CUT, re.IGNORECASE)
_SHORTEST = len("a.co")
_SEVERAL = re.compile(r"[,;|'\s\\]|\((?!\.\))|(?<!\(\.)\)")
"""What may divide a token into parts, or be something else than it seems."""
_ENDS_SENTENCE = urls.PUNCTUATION + ")*"
"""What ends no value that holds no bracket; one that does is none of the quick ways'."""
_EDGED = re.compile(r"^[-_]|[-_]$|\\")
"""What lets a token mean nothing although there is a host in it: an arrow, a dash, emphasis, a path behind it."""
_BACKSLASH = re.compile(r"\\(?![.\[({])")
_SIMPLE = re.compile(r"(?:https?://)?[^\s/?#\[\](){}<>:\\]+(?::[0-9]+)?(?:/[^\s\[\](){}<>\\]*)?")
"""What the commonest ways of defanging left no trace in, so that the rarer ones need not be undone."""
_LEFT_OVER = "*([{"
"""What ends no value: a wildcard, Markdown's bold type, and brackets whose contents were cut off."""
_ESCAPED = re.compile(r"(?<!\\)\\++([-_/&=+~])")
"""How Markdown writes an underscore or a hyphen and JSON a slash, and how a second escaping of them does."""
_LINE_BREAK = re.compile(r"(?<!\\)\\++[nrt]")
"""As a string in code or JSON writes it, and a tab."""
_PATH = re.compile(r"[^:/]*:\\\\(?!/)|.*?\\[A-Za-z0-9](?<!\\[nrt])", re.DOTALL)
"""What has backslashes for slashes, so that `\\new` is a folder."""
_PARENTHESES = re.compile(r"[()]")
_AMONG_OTHERS = re.compile(
    r"(?<![0-9A-Za-z])[0-9a-fA-F]{32,128}(?![0-9A-Za-z])|(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9]|\.[0-9])"
)
"""A hash or an address."""
_SURE_IPV6 = re.compile(r"^[0-9a-f]{3,4}:.*[0-9]")
"""`::`, `a::b` and `dead::beef` are more often code."""
_WORDS = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+){0,2}\.([A-Za-z][A-Za-z0-9-]*)")
"""What may be a host, a file or a sentence without its space, but not defanged, and without room for an address."""
_NUMBERS = re.compile(r"[0-9]+(?:[.:][0-9]+){1,2}")
"""Versions, times of day and amounts."""
_NO_INNER = 32
"""Characters below which a rejected token cannot hold a hash among words."""
_NETWORK = re.compile(r"[0-9.]+\.0/[0-9]{1,2}(?![0-9A-Za-z])|[0-9.]+\.0/[0-9]{2}")
"""The beginning of a network, with whatever a table without blanks put behind it."""
_NO_PATH = re.compile(r"[0-9.]+/(?:3[0-2]|[12]?[0-9])|[^/]+:[0-9]+/(?:tcp|udp)", re.IGNORECASE)
"""A network or one address of it, and a port with its protocol, which `parse` tells from a URL."""
_PROTOCOLS = frozenset({"tcp", "udp"})
_SPLIT_HASH = re.compile(r"([0-9a-fA-F]+)\r?\n([0-9a-fA-F]+)\s?")
_SPACED_PORT = re.compile(r"(\S+)[ ]:[ ]?([0-9]+/)([\w-]*)([./?=]?)")
"""A host and its port with blanks around the colon; `host : 443/tcp` is no URL, so that a path has to look like one."""
_LENGTHS = frozenset({32, 40, 64, 128})
"""Hexadecimal digits of the hashes that are kept."""
_FOLDER = re.compile(r"\\[A-Za-z0-9]")
"""Where the path of a share begins, whose host stands before it."""


class Reading(NamedTuple):
    """One indicator of a token."""

    offset: int
    """Where `raw` begins in the token."""
    raw: str
    indicator: Indicator
    defanged: bool


def readings(token: str) -> tuple[Reading, ...]:
    """Return the indicators of one token, in order."""
    return _remembered(token) if len(token) <= _REMEMBERED else _read(token)


def _read(token: str) -> tuple[Reading, ...]:
    found = _read_as_it_stands(token)
    if found or _EDGED.search(token) is None:
        return found
    core = _BACKSLASH.split(token, maxsplit=1)[0].strip("-_")
    if core == token or len(core) < _SHORTEST:
        return ()
    offset = token.index(core)
    return tuple(each._replace(offset=offset + each.offset) for each in _read_as_it_stands(core))


def _read_as_it_stands(token: str) -> tuple[Reading, ...]:
    raw = token if token[-1].isalnum() else token.rstrip(_ENDS_SENTENCE)
    if raw and raw[0].isalnum() and (raw[-1].isalnum() or raw[-1] == "/") and _SEVERAL.search(raw) is None:
        return _read_whole(raw)
    if "\n" in token and (split := _SPLIT_HASH.fullmatch(token)):
        return _split_hash(token, split[1], split[2])
    if " :" in token and (spaced := _SPACED_PORT.match(token)):
        return _spaced_port(token, spaced)
    return tuple(_read_parts(token))


_remembered = lru_cache(maxsize=16_384)(_read)


def _read_whole(raw: str) -> tuple[Reading, ...]:
    """Read what no bracket, quote or punctuation divides or surrounds."""
    if (plain := parse_plain(raw)) is not None:
        return (Reading(0, raw, plain, defanged=False),)
    return () if len(raw) < _SHORTEST or _is_hopeless(raw) else tuple(_read_slowly(raw, 0))


def _read_parts(token: str) -> Iterator[Reading]:
    start = 0
    for end in _ends(token):
        piece = token[start:end]
        if piece[:1] == "\\" and (broken := _LINE_BREAK.match(piece)):
            start, piece = start + broken.end(), piece[broken.end() :]
        if piece[:1] in "([)'":
            opened = len(piece) - len(piece.lstrip("([)'"))
            start, piece = start + opened, piece[opened:]
        raw = urls.trim_end(piece)
        while raw[-1:] in _LEFT_OVER and raw:
            raw = urls.trim_end(raw.rstrip(_LEFT_OVER))
        if len(raw) < _SHORTEST:
            pass
        elif (plain := parse_plain(raw)) is not None:
            yield Reading(start, raw, plain, defanged=False)
        elif not _is_hopeless(raw):
            yield from _read_slowly(raw, start)
        start = end


def _ends(token: str) -> list[int]:
    """Return where the parts of a token end that are read by themselves."""
    ends = [match.end() for match in _CUT.finditer(token)] if ":" in token or "](" in token or "'" in token else []
    if ")" in token:
        depth = 0
        for match in _PARENTHESES.finditer(token):
            depth += 1 if match[0] == "(" else -1
            if depth < 0:  # nothing in the token opened it, so that the text around the token did
                ends.append(match.start())
                depth = 0
        ends.sort()
    if "\\" in token:
        if not _PATH.match(token):
            ends += [match.start() for match in _LINE_BREAK.finditer(token)]
        elif "/" not in token and ":\\" not in token and (folder := _FOLDER.search(token)):
            ends.append(folder.start())
        ends.sort()
    ends.append(len(token))
    return ends


def _is_hopeless(raw: str) -> bool:
    """Whether `raw` is short, and numbers or words with dots whose last is no top-level domain."""
    if len(raw) >= _NO_INNER:
        return False
    if raw.isalnum() or _NUMBERS.fullmatch(raw):
        return raw[0] not in "Tt"
    words = _WORDS.fullmatch(raw)
    return words is not None and not hosts.is_suffix(words[1].lower())


def _read_slowly(raw: str, start: int) -> Iterator[Reading]:
    written = _ESCAPED.sub(r"\1", raw) if "\\" in raw else raw
    usual = _undone(written)
    indicator = _usual(usual) or _parsed(usual if _SIMPLE.fullmatch(usual) else written)
    if indicator is not None:
        yield Reading(start, raw, indicator, usual != written or is_defanged(written))
    else:
        yield from _inside(raw, start)


def _undone(written: str) -> str:
    """Undo the commonest ways of defanging, and no other."""
    if "[" in written:
        written = written.replace("[.]", ".").replace("[:]", ":").replace("[://]", "://").replace("[dot]", ".")
        if "[-]" in written and "/" not in written:
            written = written.replace("[-]", "-")
    elif "(.)" in written and "/" not in written:
        return written.replace("(.)", ".")
    return f"http{written[4:]}" if written.startswith(("hxxp://", "hxxps://", "hXXp://", "hXXps://")) else written


def _usual(usual: str) -> Indicator | None:
    """Read what is plain by now, with or without a scheme, at a fraction of what the long way costs."""
    if "/" not in usual or "://" in usual:
        return parse_plain(usual)
    if _NETWORK.match(usual) or _NO_PATH.fullmatch(usual):
        return None
    url = parse_plain(f"http://{usual}")
    if url is None or url.type is not IocType.URL:
        return None
    host = urls.host_of(url.canonical)
    return url if hosts.is_address(host) or hosts.has_public_suffix(host) else None


def _parsed(raw: str) -> Indicator | None:
    if _NETWORK.match(raw):
        return None
    try:
        indicator = parse(raw)
    except InvalidIndicator:
        return None
    if indicator.type is IocType.IPV6 and not _SURE_IPV6.search(indicator.canonical):
        return None
    if indicator.type is IocType.EMAIL and not hosts.has_public_suffix(indicator.canonical):
        return None
    return indicator


def is_defanged(raw: str) -> bool:
    """Whether `refang` would change `raw`."""
    return (refang_url(raw) if "/" in raw else refang(raw)) != raw


def _inside(token: str, offset: int) -> Iterator[Reading]:
    """A file name may be a hash, and words may be glued to an address."""
    plain = refang(token)
    for match in _AMONG_OTHERS.finditer(plain):
        indicator = _parsed(match[0])
        if indicator is None:
            continue
        if plain == token:
            yield Reading(offset + match.start(), match[0], indicator, defanged=False)
        else:  # where in the token it stood is no longer known
            yield Reading(offset, token, indicator, defanged=True)


def _spaced_port(token: str, spaced: re.Match[str]) -> tuple[Reading, ...]:
    host = spaced[1]
    if not spaced[4] or spaced[3].lower() in _PROTOCOLS:
        return _read(host)
    raw = urls.trim_end(token)
    indicator = _parsed(f"{host}:{raw[spaced.start(2) :]}")
    return (Reading(0, raw, indicator, is_defanged(host)),) if indicator else _read(host)


def _split_hash(token: str, first: str, second: str) -> tuple[Reading, ...]:
    """Join the halves of a hash that a PDF broke over two lines, if only both together are one."""
    if len(first) not in _LENGTHS and len(second) not in _LENGTHS and len(first) + len(second) in _LENGTHS:
        return (Reading(0, token.rstrip(), parse(first + second), defanged=False),)
    parts = ((0, first), (token.rindex(second), second))
    return tuple(Reading(at, part, parse(part), defanged=False) for at, part in parts if len(part) in _LENGTHS)
