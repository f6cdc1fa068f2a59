"""RSS and Atom: each entry with its whole body is a document.

fastfeedparser reads almost everything in a fraction of the time; feedparser what it refuses. A DOCTYPE
is refused before either: it is where XML bombs and foreign files come in, and no feed needs it.
"""

import io
import re
import warnings
from calendar import timegm
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO, cast

import fastfeedparser
import feedparser

from socdefenders.errors import FeedError
from socdefenders.feeds.fields import clean, link, when
from socdefenders.feeds.jsons import Json, as_dict, as_list, read_all
from socdefenders.feeds.page import MAX_PAGE, host, visible_text
from socdefenders.feeds.parsers.base import Hints
from socdefenders.model import Document, Item, Rejected

MAX_FEED = 32 << 20
_NAMELESS = frozenset({"articles", "blog", "feed", "home", "latest", "news", "posts", "rss", "rss feed", "untitled"})
_ODD = (
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    AssertionError,
    SyntaxError,
    RecursionError,
)
"""What the two libraries raise on odd feeds; neither says so in its documentation."""
_DOCTYPE = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_WIDE_DOCTYPE = re.compile(rb"<\0!\0D\0O\0C\0T\0Y\0P\0E|\0<\0!\0D\0O\0C\0T\0Y\0P\0E", re.IGNORECASE)
_QUOTED = re.compile(rb"<!--.*?(?:-->|\Z)|<\?.*?(?:\?>|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)", re.DOTALL)
"""Where `<!DOCTYPE` is text: whichever begins first, since each may hold the beginning of another."""
_ENCODING = re.compile(rb"""encoding\s*=\s*["']\s*([^"'>]*)""", re.IGNORECASE)
_PLAIN_ENCODING = re.compile(
    rb"(?:utf-?8|utf-?16(?:-?[lb]e)?|us-ascii|ascii|latin-?1|iso-8859-[0-9]{1,2}|(?:windows|cp)-?125[0-8]|koi8-[ru]"
    rb"|gb2312|gbk|gb18030|big5|euc-(?:jp|kr|tw)|shift[_-]jis)\s*",
    re.IGNORECASE,
)
"""Encodings in which `<!DOCTYPE` is spelt in these very bytes, or in those of UTF-16."""
_REFERENCE = re.compile(rb"&#(?:[xX]0*([dD][0-9a-fA-F]{3})|0*(5[5-7][0-9]{3}))(?![0-9a-fA-F]);?")
"""Of a character near the surrogates, which are none."""
_OTHER_WIDTHS = (b"\0\0", b"\x4c\x6f\xa7\x94")
"""What UTF-32 and EBCDIC begin with."""


def parse_syndication(stream: BinaryIO, hints: Hints) -> Iterator[Item]:
    """Read a feed's entries."""
    data = read_all(stream, MAX_FEED, hints.name)
    _refuse_doctype(data, hints.name)
    data = _REFERENCE.sub(_scalar, data)
    channel, entries = _fast(data)
    if not entries:
        channel, entries = _thorough(data, hints.name)
    source = _publication(channel)
    for number, entry in enumerate(entries, 1):
        yield _document(number, entry, source)


def _refuse_doctype(data: bytes, name: str) -> None:
    """Refuse a feed with a DOCTYPE, and one in whose encoding none could be seen."""
    head = data[: max(2048, data.find(b">"))]
    exotic = [each for each in _ENCODING.findall(head) if not _PLAIN_ENCODING.fullmatch(each)]
    if exotic or any(mark in data[:8] for mark in _OTHER_WIDTHS):
        raise FeedError(f"{name}: a feed in an encoding that feeds do not use is refused; save it as UTF-8.")
    if _DOCTYPE.search(_QUOTED.sub(b"", data)) or _WIDE_DOCTYPE.search(data):
        raise FeedError(
            f"{name}: a feed with a DOCTYPE is refused, because that may hold entities that fill the memory or read files."
        )


def _scalar(reference: re.Match[bytes]) -> bytes:
    """A reference to a character; U+FFFD for half of one, over which both libraries would lose the whole feed."""
    code = int(reference[1], 16) if reference[1] else int(reference[2])
    return b"&#xFFFD;" if 0xD800 <= code <= 0xDFFF else reference[0]


def _publication(channel: Json) -> str | None:
    """The feed's own name; the host it leads to where it calls itself no more than a blog."""
    title, address = clean(channel.get("title")), clean(channel.get("link"))
    return (host(address) or title) if title is None or title.lower() in _NAMELESS else title[:200]


def _fast(data: bytes) -> tuple[Json, list[Json]]:
    try:
        found = fastfeedparser.parse(data)
    except _ODD:
        return {}, []  # feedparser decides
    return cast("Json", found.feed), cast("list[Json]", found.entries)


def _thorough(data: bytes, name: str) -> tuple[Json, list[Json]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = feedparser.parse(io.BytesIO(data), sanitize_html=False, resolve_relative_uris=False)
        except _ODD as error:
            raise FeedError(f"{name}: cannot be read as RSS or Atom ({error}).") from error
    entries = cast("list[Json]", found.get("entries", []))
    return {**cast("Json", found.get("feed", {}))}, [{**entry} for entry in entries]  # plain: its own dicts alias keys


def _document(number: int, entry: Json, source: str | None) -> Item:
    bodies = [as_dict(part).get("value") for part in as_list(entry.get("content"))]
    bodies += [entry.get("summary"), entry.get("description")]
    if any(len(body) > MAX_PAGE for body in bodies if isinstance(body, str)):
        return Rejected(number, f"an entry of more than {MAX_PAGE >> 20} MiB")
    texts = [visible_text(body) for body in bodies if isinstance(body, str)]
    text = max(texts, key=len, default="")
    title = visible_text(str(entry.get("title") or ""))
    if not text and not title:
        return Rejected(number, "an entry with neither title nor text")
    return Document(
        title=" ".join((title or text[:120].partition("\n")[0]).split())[:500],
        text=text,
        url=link(entry.get("link")),
        published_at=_time(entry, "published"),
        modified_at=_time(entry, "updated"),
        line=number,
        source=source,
    )


def _time(entry: Json, name: str) -> datetime | None:
    parsed = entry.get(f"{name}_parsed")
    if isinstance(parsed, tuple):
        try:
            return datetime.fromtimestamp(timegm(parsed), UTC)
        except (ValueError, TypeError, OverflowError, OSError):
            return None
    return when(entry.get(name))
