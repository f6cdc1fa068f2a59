"""Mail (.eml): the headers that say where it came from, its texts, its links, and what is attached.

The standard library takes it apart; headers are kept as they came and decoded here, because its own
reading of them raises on the odd ones that hostile mail has.
"""

import codecs
import re
from collections.abc import Callable, Iterator
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.policy import Compat32
from itertools import islice
from typing import TypeAlias

import lxml.html
from lxml import etree

from socdefenders.errors import FeedError
from socdefenders.feeds.documents.base import MAX_LINES, Budget, Text, joined
from socdefenders.feeds.documents.kinds import kind
from socdefenders.feeds.fields import clean, when
from socdefenders.feeds.lines import decode
from socdefenders.feeds.page import visible_text

MAX_MAIL = 48 << 20
MAX_PARTS = 1_000
MAX_HEADERS = 100
"""Headers shown of one message; a mail that passes through more servers is a loop."""
MAX_ALL_HEADERS = 1_000
"""Headers of one part; each is looked through for those that count."""
MAX_HTML = 4 << 20
"""Bytes of one page in it."""
MAX_LINKS = 20_000
MAX_NESTED = 400
"""Parts that hold other parts."""

_SHOWN = (
    "from", "sender", "reply-to", "return-path", "subject", "date", "received", "received-spf",
    "authentication-results", "x-originating-ip", "x-sender-ip", "x-source-ip",
)  # fmt: skip
"""Not the recipients: their addresses are nothing to block."""
_PARAMETERS = frozenset({"content-type", "content-disposition"})
"""Headers with parameters."""
_RECIPIENT = re.compile(r"\s+for\s+<?[^\s<>;]{1,320}>?")
_LONGEST_HEADER = 4_000
_MAX_PARAMETERS = 100
"""Of one header; the standard library looks through all that follow for each."""
_HOLDS_PARTS = re.compile(rb"(?:^|[\r\n])content-type:\s{0,100}(?:multipart|message)/", re.IGNORECASE)
_CHARSETS = re.compile(r"utf|ascii|iso|cp\d|koi8|gb|big5|shift|euc|mac|hz|johab|tis", re.IGNORECASE)
"""Character sets of texts; Python knows others, some of them slow and none meant for mail."""
_LEADING = ("href", "src", "action", "background", "formaction", "content")
"""Attributes that lead somewhere; `content` does in a page that forwards its reader."""
_BROKEN = (MessageError, RecursionError, ValueError, LookupError, TypeError, AttributeError)
"""What the standard library raises on mail that is none."""

Mail: TypeAlias = "Message[str, str]"
Reader = Callable[[bytes, str], Text]
"""Reads an attached document by its content."""


class _Raw(Compat32):
    """The headers as they came."""

    def header_fetch_parse(self, name: str, value: str) -> str:
        """Return the value untouched."""
        del name
        return value


class _Part(Message):
    """A part whose headers are bounded: their parameters take time by the square of their number."""

    def __init__(self, file: str, policy: "Compat32[Mail]") -> None:
        super().__init__(policy)
        self._file = file
        self.shortened = False

    def set_raw(self, name: str, value: str) -> None:
        """Keep the beginning of a header that the parser found."""
        if len(self) >= MAX_ALL_HEADERS:
            raise FeedError(f"{self._file}: holds more than {MAX_ALL_HEADERS:,} headers in one part.")
        kept = value[:_LONGEST_HEADER]
        if name.lower() in _PARAMETERS:
            kept = ";".join(kept.split(";", _MAX_PARAMETERS)[:_MAX_PARAMETERS])
            self.shortened |= kept != value
        super().set_raw(name, kept)


def read_mail(data: bytes, name: str, read: Reader, budget: Budget | None = None) -> Text:
    """Read a message and the messages in it, for no more than `budget`; `read` reads attached documents."""
    message = _parsed(data, name, budget or Budget())
    sections: list[list[str]] = []
    left_out: list[str] = []
    for part, is_message in _walk(message):
        if isinstance(part, _Part) and part.shortened:
            left_out.append(f"{name}: the end of a Content-Type or Content-Disposition that is too long")
        if is_message:
            sections.append(list(_headers(part)))
        try:
            if not part.is_multipart():
                sections += _content(part, name, read, left_out)
        except FeedError as error:
            left_out.append(error.message.rstrip("."))
    text = joined(sections, name)
    if not text and not left_out:
        raise FeedError(f"{name}: there is no text in it.")
    title = clean(_decoded(str(message.get("subject", ""))))
    return Text(text, title, when(str(message.get("date", ""))), left_out=tuple(left_out))


def _parsed(data: bytes, name: str, budget: Budget) -> Mail:
    if len(data) > MAX_MAIL:
        raise FeedError(f"{name}: larger than {MAX_MAIL >> 20} MiB.")
    lines = data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")
    budget.lines -= lines
    if budget.lines < 0:
        raise FeedError(f"{name}: holds more than {MAX_LINES:,} lines, with the mails before it; split it.")
    nested = sum(1 for _ in _HOLDS_PARTS.finditer(data))
    budget.comparisons -= nested * lines
    if nested > MAX_NESTED or budget.comparisons < 0:
        raise FeedError(f"{name}: parts within parts within parts, more than mail has.")
    count = 0

    def part(*, policy: "Compat32[Mail] | None" = None) -> Mail:
        nonlocal count
        count += 1
        if count > MAX_PARTS:
            raise FeedError(f"{name}: holds more than {MAX_PARTS:,} parts.")
        return _Part(name, policy or _Raw())

    try:
        return BytesParser(part, policy=_Raw()).parsebytes(data)
    except _BROKEN as error:
        raise FeedError(f"{name}: is no mail that can be read ({type(error).__name__}).") from error


def _walk(message: Mail) -> Iterator[tuple[Mail, bool]]:
    """Give every part in order, and whether it is a message of its own."""
    waiting = [(message, True)]
    while waiting:
        part, is_message = waiting.pop()
        yield part, is_message
        if part.is_multipart():  # else it would be decoded here, by whatever it names as its character set
            forwarded = part.get_content_maintype() == "message"
            waiting += ((each, forwarded) for each in reversed(list(_parts(part))))


def _parts(part: Mail) -> Iterator[Mail]:
    payload = part.get_payload()
    return (each for each in payload if isinstance(each, Message)) if isinstance(payload, list) else iter(())


def _headers(message: Mail) -> Iterator[str]:
    shown = ((key, value) for key, value in message.items() if key.lower() in _SHOWN)
    for key, value in islice(shown, MAX_HEADERS):
        text = _decoded(value)
        yield f"{key}: {_RECIPIENT.sub('', text) if key.lower() == 'received' else text}"


def _decoded(value: str) -> str:
    """A header's text on one line; what is not encoded as it should be stays as it is."""
    raw = value[:_LONGEST_HEADER].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    try:
        pieces = decode_header(" ".join(raw.split()))
    except (MessageError, ValueError):
        return " ".join(raw.split())
    return " ".join("".join(_piece(piece, charset) for piece, charset in pieces).split())


def _piece(piece: bytes | str, charset: str | None) -> str:
    if isinstance(piece, str):
        return piece
    # What stands between encoded words comes back as the bytes of its escapes.
    return _decode(piece, charset) if charset else piece.decode("raw_unicode_escape", "replace")


def _content(part: Mail, name: str, read: Reader, left_out: list[str]) -> list[list[str]]:
    """The lines of one part, in sections, or none when it is of no kind that can be read."""
    named = _file_name(part)
    file = f"{name}!{_decoded(named or part.get_content_type())[:200]}"
    try:
        data, charset = part.get_payload(decode=True), part.get_content_charset()
    except _BROKEN as error:
        raise FeedError(f"{file}: its encoding is damaged.") from error
    if not isinstance(data, bytes) or not data:
        return []
    # What stands in the message itself is what it says it is; what is attached often lies.
    inline = part.get_content_maintype() == "text" and not named
    found = {"text/html": "html"}.get(part.get_content_type(), "text") if inline else kind(data)
    if found == "html" and len(data) > MAX_HTML:
        raise FeedError(f"{file}: larger than {MAX_HTML >> 20} MiB.")
    if found in {"html", "text"}:
        text = _decode(data, charset)
        return _page(text) if found == "html" else [text.splitlines()]
    if found is None:
        return []
    document = read(data, file)
    left_out += (f"{file}: {each}" for each in document.left_out)
    return [section.split("\n") for section in document.text.split("\n\n")]


def _page(html: str) -> list[list[str]]:
    """The lines of a page, and where it leads: behind a phish's harmless words."""
    parser = lxml.html.HTMLParser(encoding="utf-8", huge_tree=False, remove_comments=True, remove_pis=True)
    lines = visible_text(html).splitlines()
    try:
        root = lxml.html.document_fromstring(html.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return [lines]
    found = (str(each.get(name)).strip() for each in root.iter("*") for name in _LEADING if each.get(name))
    leading = (address[:8192] for address in found if "://" in address[:200] or address.startswith("mailto:"))
    return [lines, list(islice(dict.fromkeys(leading), MAX_LINKS))]


def _file_name(part: Mail) -> str | None:
    try:
        return part.get_filename()
    except _BROKEN:
        return None


def _decode(data: bytes, charset: str | None) -> str:
    """Decode by the charset that is named, if it is one, and otherwise by what the bytes look like."""
    if charset and _CHARSETS.match(charset):
        try:
            return data.decode(codecs.lookup(charset).name, "replace")
        except (LookupError, ValueError):
            pass
    return decode(data)
