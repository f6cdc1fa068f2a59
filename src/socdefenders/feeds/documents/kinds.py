"""Which kind of document a file is, by what stands in it; names of files lie."""

import re
from itertools import takewhile

from socdefenders.feeds.lines import MAX_LINE, decode, encoding
from socdefenders.feeds.streams import HEAD

_WORD_PART = re.compile(rb"word/[\w/]{1,100}\.xml")
_HEADER = re.compile(rb"([!-9;-~]{1,80}):")
_ENVELOPE = frozenset({b"from", b"subject", b"date", b"to"})
_TRACE = frozenset({
    b"received", b"return-path", b"message-id", b"mime-version", b"delivered-to", b"dkim-signature", b"x-received",
    b"authentication-results",
})  # fmt: skip
"""Headers that programs write, and people who write reports do not."""
_FEED = re.compile(r"<(?:rss|rdf:RDF|(?:\w+:)?feed)\b|<channel\b[^>]{0,200}>\s{0,99}<(?:title|link|item)")
_TAG = re.compile(r"<([A-Za-z][\w:.-]{0,60})")
_PAGE = re.compile(
    r"<!doctype html|<html\b|<head\b|<body\b|<(?:table|div|article|section|p)\b[^>]{0,500}>", re.IGNORECASE
)


def kind(data: bytes) -> str | None:
    """Name the kind: `pdf`, `docx`, `eml`, `html` or `text`; None for what is none of them."""
    head = data[:HEAD]
    if found := document(head):
        return found
    if is_binary(head):
        return None
    start = decode(head).lstrip("\ufeff \t\r\n")[:MAX_LINE]
    return "html" if is_markup(start) and markup(start) == "html" else "text"


def document(head: bytes) -> str | None:
    """Name the kind of a file that has to be opened before there is any text: `pdf`, `docx` or `eml`."""
    if head.lstrip(b"\xef\xbb\xbf\0 \t\r\n").startswith(b"%PDF-"):
        return "pdf"
    if head.startswith(b"PK\x03\x04"):
        return "docx" if _WORD_PART.search(head) else None
    return "eml" if _is_mail(head) else None


def _is_mail(head: bytes) -> bool:
    """Whether it starts with the headers of a message, and nothing else."""
    lines = head.lstrip(b"\xef\xbb\xbf\r\n").splitlines()
    if lines and lines[0].startswith(b"From "):  # the line between the messages of a mailbox
        del lines[0]
    headers = list(takewhile(bytes.strip, lines))
    names: set[bytes] = set()
    for number, line in enumerate(headers):
        if found := _HEADER.match(line):
            names.add(found[1].lower())
        elif not names or line[:1] not in {b" ", b"\t"}:
            # The last line may be cut off where what was looked at ends.
            return number == len(headers) - 1 and len(head) >= HEAD and _are_headers(names)
    return _are_headers(names)


def _are_headers(names: set[bytes]) -> bool:
    return len(names & (_ENVELOPE | _TRACE)) >= (2 if names & _TRACE else 3)


def is_binary(head: bytes) -> bool:
    """Whether these bytes are no text: control characters that no text file holds."""
    if encoding(head) != "utf-8":
        return False
    sample = head[:4096]
    odd = sum(byte < 9 or 13 < byte < 27 or 27 < byte < 32 for byte in sample)
    return head.startswith((b"%PDF-", b"PK\x03\x04")) or odd > len(sample) * 0.02


def is_markup(start: str) -> bool:
    """Whether a text that starts like this is HTML or XML."""
    return start.startswith("<") or _FEED.search(start[:4096]) is not None


def markup(start: str) -> str | None:
    """Tell news feeds (`rss`) and pages (`html`) apart; None for other XML."""
    root = _root(start)
    if root in {"rss", "rdf", "feed", "channel"}:
        return "rss"
    feed, page = _FEED.search(start), _PAGE.search(start)
    if feed and (page is None or feed.start() < page.start()):
        return "rss"
    return "html" if page and (root == "html" or not start.startswith("<?xml")) else None


def _root(start: str) -> str:
    """The name of the first element behind declarations and comments, in lower case and without its prefix."""
    at = 0
    while (at := start.find("<", at)) >= 0 and start[at + 1 : at + 2] in {"?", "!"}:
        end = "-->" if start.startswith("<!--", at) else ">"
        at = max(start.find(end, at), at) + len(end)
    found = _TAG.match(start, at) if at >= 0 else None
    name = found[1].lower() if found else ""
    return "rdf" if name == "rdf:rdf" else name.rpartition(":")[2]
