"""RSS and Atom, each version of them: each entry with its whole body is a document.

A feed is decoded as the web does it and read by lxml, which goes on where XML is broken, an entry at a time.
Elements count by their names in the entry's own namespace, and in the few others that feeds borrow from. A
DOCTYPE is refused before: it is where XML bombs and foreign files come in, and no feed needs it.
"""

import io
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html.entities import html5
from itertools import islice
from typing import BinaryIO
from urllib.parse import urljoin

from lxml import etree

from socdefenders.errors import FeedError
from socdefenders.feeds.charsets import decoded
from socdefenders.feeds.fields import clean, link, when
from socdefenders.feeds.jsons import read_all
from socdefenders.feeds.page import MAX_PAGE, host, visible_text
from socdefenders.feeds.parsers.base import Hints
from socdefenders.model import Document, Item, Rejected

MAX_FEED = 32 << 20
MAX_TITLE = 500
MAX_ELEMENTS = 1_000_000
"""Of a feed: each takes two hundred bytes when read, however few in the feed; 100,000 entries have nine each."""
MAX_SAME = 20
"""Elements of one name that are looked at in an entry."""
MAX_NAMESPACES = 200
"""That count where an element stands: who writes a part of it out compares each with all others."""
MAX_BASE = 2_048
"""Characters of an address that others are relative to."""
MAX_BASES = 8
"""Elements around an entry that are asked for one."""
_NAMELESS = frozenset({"articles", "blog", "feed", "home", "latest", "news", "posts", "rss", "rss feed", "untitled"})
_QUOTED = r"<!--.*?(?:-->|\Z)|<\?.*?(?:\?>|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)"
"""Where markup is text: whichever begins first, since each may hold the beginning of another."""
_DOCTYPE = re.compile(rf"{_QUOTED}|(<!\s*(?:DOCTYPE|ENTITY))", re.IGNORECASE | re.DOTALL)
_DECLARATION = re.compile(r"<\?xml\s[^<>]*\?>")
"""No `<` in it: of many that never end, each would be sought to the end of the feed."""
_LONG_BASE = re.compile(rf"""xml:base\s{{0,9}}=\s{{0,9}}["'][^"'<]{{{MAX_BASE + 1}}}""")
"""What every entry below it would have to read."""
_XML_BASE = "{http://www.w3.org/XML/1998/namespace}base"
_AMPERSAND = re.compile(rf"({_QUOTED})|&(?:#([0-9]+|[xX][0-9a-fA-F]+);?|([A-Za-z][A-Za-z0-9]{{1,31}});)?", re.DOTALL)
_SHOWN = {ord(bytes([byte]).decode("cp1252", "replace")): byte for byte in range(0x80, 0xA0)} | {
    byte: byte for byte in range(0x80, 0xC0)
}
"""What Windows-1252 shows each byte from 80 to BF as, the second and later ones of a character in UTF-8."""
_DOUBLED = re.compile(f"(?:[\u00c2-\u00f4][{''.join(map(chr, _SHOWN))}]{{1,3}})+")
"""How the bytes of characters look when each is taken for one of Windows-1252."""
_SINGLE = re.compile(f"[\u0080-\u00ff{''.join(map(chr, _SHOWN))}]")
_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML has no place for: control characters, and halves of characters."""
_BORROWED = {
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://purl.org/dc/terms/": "dcterms",
    "http://purl.org/rss/1.0/modules/content/": "content",
    "http://www.w3.org/2005/Atom": "atom",
    "http://www.w3.org/1999/xhtml": "xhtml",
}
_BODIES = ("content:encoded", "content", "description", "summary", "fullitem", "xhtml:body", "body", "atom:summary")
_PUBLISHED = ("pubDate", "published", "issued", "created", "dc:date", "dcterms:issued", "dcterms:created", "date")
_UPDATED = ("updated", "modified", "atom:updated", "dcterms:modified", "lastBuildDate")
_TITLES = ("title", "dc:title")

Fields = Mapping[str, Sequence[etree._Element]]  # noqa: SLF001 - lxml has no other name for an element's type


@dataclass(slots=True)
class _Feed:
    """What is known of the feed itself, as far as it was read."""

    title: str | None = None
    address: str | None = None
    """Where it leads."""
    base: str = ""
    """Where it lies, as far as is known."""

    @property
    def name(self) -> str | None:
        """Its own name; the host it leads to where it calls itself no more than a blog."""
        title = clean(self.title)
        if title is None or title.lower() in _NAMELESS:
            return host(clean(self.address)) or title
        return title[:200]


def parse_syndication(stream: BinaryIO, hints: Hints) -> Iterator[Item]:
    """Read a feed's entries."""
    text = decoded(read_all(stream, MAX_FEED, hints.name))
    _refuse_doctype(text, hints.name)
    if text.count("<") - text.count("</") > MAX_ELEMENTS:
        raise FeedError(f"{hints.name}: more than {MAX_ELEMENTS:,} elements; look for a smaller feed, or split it.")
    if _LONG_BASE.search(text):
        raise FeedError(
            f"{hints.name}: an xml:base of more than {MAX_BASE:,} characters is refused; its publisher has to mend it."
        )
    source = io.BytesIO(_mended(text).encode())
    del text
    feed, number = _Feed(base=hints.url), 0
    try:
        for number, entry in enumerate(_entries(source, feed), 1):
            yield _document(number, entry, feed)
    except etree.XMLSyntaxError as error:
        if not number:
            raise FeedError(f"{hints.name}: cannot be read as RSS or Atom ({error.msg}).") from error


def _entries(source: BinaryIO, feed: _Feed) -> Iterator[etree._Element]:
    """Give each entry once it is complete, or where the next begins inside of it because a tag was never closed."""
    events = etree.iterparse(
        source,
        events=("start", "end"),
        tag=("{*}item", "{*}entry", "{*}title", "{*}link"),
        recover=True,
        resolve_entities=False,
        no_network=True,
        huge_tree=True,  # an entry may have more than the ten megabytes that are the bound otherwise
    )
    begun: etree._Element | None = None
    for event, element in events:
        entry = _name(element) in {"item", "entry"}
        if event == "start":
            if entry and begun is not None:
                yield begun
            begun = element if entry else begun
        elif entry:
            if element is begun:
                yield element
                begun = None
            _forget(element)
        else:
            _learn(feed, element)


def _refuse_doctype(text: str, name: str) -> None:
    if any(found[1] for found in _DOCTYPE.finditer(text)):
        raise FeedError(f"{name}: a feed with a DOCTYPE is refused: its entities may fill the memory or read files.")


def _mended(text: str) -> str:
    """Text that XML has a place for: without a declaration, whose encoding no longer counts, and without entities."""
    text = _NO_XML.sub("\ufffd", _DECLARATION.sub("", text).lstrip("\ufeff"))
    return _AMPERSAND.sub(_character, text)


def _character(found: re.Match[str]) -> str:
    """Spell an entity of HTML as a number, and an ampersand that begins none as one; leave what is quoted."""
    quoted, number, name = found.groups()
    if quoted is not None or name in {"amp", "lt", "gt", "quot", "apos"}:
        return found[0]
    if number:
        digits = number.lstrip("xX").lstrip("0")[:8]
        code = int(digits or "0", 16 if number[0] in "xX" else 10)
        allowed = code < 0x110000 and not _NO_XML.match(chr(code))
        return f"&#{code};" if allowed else "\ufffd"
    if name and f"{name};" in html5:
        return "".join(f"&#{ord(character)};" for character in html5[f"{name};"])
    return f"&amp;{found[0][1:]}"


def _split(element: etree._Element) -> tuple[str, str]:
    """The namespace of an element, or nothing, and its name there."""
    namespace, _, name = str(element.tag).rpartition("}")
    return namespace[1:], name


def _name(element: etree._Element) -> str:
    return _split(element)[1]


def _learn(feed: _Feed, element: etree._Element) -> None:
    """Take what an element says of the feed itself, if it is one that does."""
    parent = element.getparent()
    if parent is None or _name(parent) not in {"channel", "feed"}:
        return
    if _name(element) == "title" and not feed.title:
        feed.title = visible_text(_content(element))
    elif element.get("rel") == "self":
        feed.base = link(element.get("href")) or feed.base
    elif _name(element) == "link" and not feed.address:
        feed.address = _address([element])


def _forget(element: etree._Element) -> None:
    """Let go of an entry that was read, and of all before it."""
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def _document(number: int, entry: etree._Element, feed: _Feed) -> Item:
    fields = _fields(entry)
    bodies = [_content(element) for name in _BODIES for element in fields.get(name, ())]
    if any(len(body) > MAX_PAGE for body in bodies):
        return Rejected(number, f"an entry of more than {MAX_PAGE >> 20} MiB")
    text = max(map(visible_text, bodies), key=len, default="")
    title = next(
        (said for name in _TITLES for each in fields.get(name, ()) if (said := visible_text(_content(each)))), ""
    )
    url = _link(entry, fields, feed)
    if not text and not title and not url:
        return Rejected(number, "an entry with neither title nor text nor address")
    published, updated = _time(fields, _PUBLISHED), _time(fields, _UPDATED)
    return Document(
        title=" ".join((title or text[:120].partition("\n")[0] or url or "").split())[:MAX_TITLE],
        text=text,
        url=url,
        published_at=published or updated,
        modified_at=updated,
        line=number,
        source=feed.name,
    )


def _fields(entry: etree._Element) -> Fields:
    """The parts of an entry by name: those of its own namespace, and as `dc:date` those that are borrowed."""
    own, _ = _split(entry)
    fields: dict[str, list[etree._Element]] = {}
    for element in entry.iterchildren(tag=etree.Element):
        namespace, name = _split(element)
        if namespace in {own, ""}:  # a prefix that nobody declared is a part of the name
            same = fields.setdefault(name, [])
        elif namespace in _BORROWED:
            same = fields.setdefault(f"{_BORROWED[namespace]}:{name}", [])
        else:
            continue
        if len(same) < MAX_SAME:
            same.append(element)
    return fields


def _content(element: etree._Element) -> str:
    """What an element holds, as HTML: markup in it as it stands, escaped markup as what it means."""
    return _undoubled(_inner(element))


def _inner(element: etree._Element) -> str:
    if len(element):
        if len(element.nsmap) > MAX_NAMESPACES:
            raise FeedError(
                f"More than {MAX_NAMESPACES} namespaces in one place are refused; its publisher has to mend it."
            )
        inner = [element.text or ""]
        inner += [etree.tostring(child, encoding="unicode", method="html") for child in element]
        return "".join(inner)
    text = str(element.text or "")
    if element.get("mode") == "base64":
        return _base64(text)
    if element.get("type") in {"text", "text/plain"} and element.get("mode") != "escaped":
        return text.replace("&", "&amp;").replace("<", "&lt;")
    return text


def _undoubled(text: str) -> str:
    """Text as its author wrote it, where somebody on the way took all of its UTF-8 for Windows-1252."""
    if text.isascii() or _SINGLE.search(_DOUBLED.sub("", text)):
        return text
    return _DOUBLED.sub(_once, text)


def _once(found: re.Match[str]) -> str:
    try:
        return found[0].translate(_SHOWN).encode("latin-1").decode()
    except UnicodeError:
        return found[0]


def _base64(text: str) -> str:
    try:
        return decoded(b64decode(text, validate=False))
    except ValueError:  # also where the text is not even ASCII
        return text


def _leads(element: etree._Element) -> bool:
    """Whether a link is that of the page itself, not of a file, an answer or the feed."""
    return element.get("rel", "alternate") in {"alternate", ""}


def _address(links: Sequence[etree._Element]) -> str | None:
    """The first of `links` that names an address; a page before whatever else an entry is published as."""
    leading = [each for each in links if _leads(each)]
    leading.sort(key=lambda each: each.get("type", "text/html") not in {"text/html", "application/xhtml+xml"})
    return next((said for each in leading if (said := clean(each.get("href") or each.text))), None)


def _link(entry: etree._Element, fields: Fields, feed: _Feed) -> str | None:
    """Where an entry leads, made whole by what its address is relative to."""
    said = _address([*fields.get("link", ()), *fields.get("atom:link", ())])
    if said is None:
        permanent = [each for each in fields.get("guid", ()) if each.get("isPermaLink", "true").lower() == "true"]
        said = next((found for each in (*permanent, *fields.get("id", ())) if (found := link(each.text))), None)
    if said is None:
        return None
    try:
        return link(urljoin(_base(entry, urljoin(feed.base, feed.address or "")), said))
    except ValueError:
        return None


def _base(entry: etree._Element, outer: str) -> str:
    """What the addresses of an entry are relative to. The library's own answer takes minutes where many are nested."""
    around = [entry, *islice(entry.iterancestors(), MAX_BASES)]
    for each in reversed(around):
        outer = urljoin(outer, each.get(_XML_BASE, ""))[:MAX_BASE]
    return outer


def _time(fields: Fields, names: Sequence[str]) -> datetime | None:
    said = (clean("".join(map(str, each.itertext()))) for name in names for each in fields.get(name, ()))
    return next((time for text in said if (time := when(text))), None)
