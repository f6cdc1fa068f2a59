"""HTML to blocks and blocks to text, in one pass and without a document tree.

The parser calls `Reader` for every tag, which keeps the blocks alone: paragraphs, cells, sections, links. Inline tags
leave no trace, so a value written across several of them stays whole; a block is a line of its own, and the cells of
a row are one line with tabs between them. Time and memory are linear in the page's size, whatever is in it: the
parser forgets what is open where tags nest too deeply, and blocks beyond a number are no more than their line breaks.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import cast

from lxml import etree

MAX_DEPTH = 500
"""Open tags; browsers stop at about as many. The parser compares each closing tag with all of them."""
MAX_BLOCKS = 50_000
_NAMING = ("id", "class", "role", "itemprop")
_MAX_NAMES = 200
_PIECE = 1 << 12
"""Bytes between two looks at the depth."""

HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "summary", "dt", "legend"})
_BLOCKS = HEADINGS | frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "dir", "div",
    "dl", "fieldset", "figcaption", "figure", "footer", "form", "header", "hgroup", "li", "listing", "main", "menu",
    "nav", "noscript", "ol", "p", "plaintext", "pre", "search", "section", "table", "tbody", "td", "textarea", "tfoot",
    "th", "thead", "tr", "ul", "xmp",
})  # fmt: skip
_VERBATIM = frozenset({"listing", "plaintext", "pre", "textarea", "xmp"})
_UNSEEN = frozenset({
    "applet", "audio", "button", "canvas", "datalist", "embed", "iframe", "map", "math", "meter", "noembed",
    "noframes", "object", "optgroup", "option", "progress", "script", "select", "style", "svg",
    "template", "title", "video",
})  # fmt: skip

_MARKED = re.compile(
    r"\[(?:[.:@]|dot|at)\]|\((?:\.|dot)\)|\bhxxp"
    r"|\b(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}|[0-9a-fA-F]{128})\b",
    re.IGNORECASE,
)
"""How reports write values that are not to be clicked, and hashes."""

_CELL, _ROW, _STRAY = "\x01", "\x02", "\x03"
"""The end of a cell, both ends of a row, and a `<` that begins no tag; the page's own ones are taken out."""
_EDGES = dict.fromkeys(_BLOCKS, "\n") | {"tr": _ROW, "td": _CELL, "th": _CELL}
"""What stands at both ends of a block, or of a cell at its end alone."""
_OWN = re.compile(f"[{_CELL}{_ROW}{_STRAY}]")
_NO_TAG = re.compile(r"<(?![A-Za-z/!?])")
_UNREADABLE = re.compile(r"[\x04-\x08\x0e-\x1f\x7f\xad\u200b\u2060\ufeff]")
"""Controls, and what allows or forbids a line break."""
_JOINERS = re.compile(r"(?<=[!-~])[\u200c\u200d]+(?=[!-~])")
"""Joiners where there are no letters that they could join."""
_SPACES = re.compile(r"[^\S\n]+")
_BREAKS = re.compile(r" ?\n[ \n]*")
_CELL_EDGE = re.compile(rf"[ \n]?{_CELL}[ \n]?")


class Block:
    """A stretch of the page: its pieces in order, and what they weigh."""

    __slots__ = ("links", "marked", "names", "parts", "prose", "shares", "tag", "targets", "titled")

    def __init__(self, tag: str, names: str = "") -> None:
        """`names`: what the page calls it, its id, classes and roles."""
        self.tag = tag
        self.names = names
        self.parts: list[str | Block] = []
        self.prose = 0
        """Characters outside links."""
        self.links = 0
        """Characters of links."""
        self.targets = 0
        """The number of links."""
        self.shares = False
        """Whether a defanged value or a hash stands in it."""
        self.marked = False
        """Whether one stands in it or in a block of it."""
        self.titled = tag == "h1"
        """Whether it has a heading of the first rank."""

    def close(self) -> None:
        """Weigh it, now that all of it is there."""
        whole: list[str | Block] = []
        for kind, run in groupby(self.parts, type):
            if kind is str:
                whole.append("".join(cast("Iterator[str]", run)))
            else:
                whole.extend(run)
        self.parts = whole
        own = "".join([part for part in whole if isinstance(part, str)])
        self.shares = _MARKED.search(own) is not None
        self.marked = self.marked or self.shares
        if self.tag == "a":
            self.targets += 1
            if not _is_value(own):
                self.links, self.prose = self.links + self.prose, 0

    def take(self, child: "Block") -> None:
        """Add the weight of a block that stands in this one."""
        self.prose += child.prose
        self.links += child.links
        self.targets += child.targets
        self.marked = self.marked or child.marked
        self.titled = self.titled or child.titled


_FEEDS = frozenset({"application/rss+xml", "application/atom+xml", "application/rdf+xml"})
MAX_FEEDS = 10


class Reader:
    """The blocks of a page under `root`, and what its head says of it."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        self.root = Block("body")
        self.meta: dict[str, str] = {}
        """The first content of each name, in small letters."""
        self.canonical: str | None = None
        self.feeds: list[str] = []
        """Where the page's feeds lie, the first few."""
        self.title: str | None = None
        self.heading: Block | None = None
        """The first heading of the first rank."""
        self.time: str | None = None
        self._left = MAX_BLOCKS
        self._block = self.root
        self._above: list[Block] = []
        self._open: list[Block | None] = []
        """For each open tag its block, if it is one."""
        self._unseen = 0
        """Open tags since the one that nobody sees."""
        self._verbatim = 0
        self._in_title = False

    @property
    def depth(self) -> int:
        """The number of open tags."""
        return len(self._open) + self._unseen

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Take an opening tag (for the parser)."""
        if self._unseen or (tag in _UNSEEN and not (tag == "button" and self._block.tag in HEADINGS)):
            self._in_title = tag == "title" and not self._unseen and self.title is None
            self._unseen += 1
            return
        parts = self._block.parts
        block = None
        if (edge := _EDGES.get(tag)) is not None or "-" in tag:
            if edge != _CELL and (not parts or parts[-1] != "\n"):
                parts.append(edge or "\n")
            block = self._begin(tag, attributes) if self._left else None
        elif tag == "a":
            if parts and isinstance(parts[-1], Block):
                parts.append(" ")  # two links that touch are two values
            block = self._begin(tag, attributes) if self._left else None
        elif tag == "br":
            parts.append("\n")
        elif tag == "sup":
            parts.append(" ")  # a note's number is no part of the value before it
        elif attributes:
            self._about(tag, attributes)
        self._open.append(block)

    def end(self, tag: str) -> None:
        """Take a closing tag (for the parser), which closes what was opened last."""
        if self._unseen:
            self._unseen -= 1
            self._in_title = False
            return
        if self._open and self._open.pop() is not None:
            self._end()
        if (edge := _EDGES.get(tag)) is not None or "-" in tag:
            self._block.parts.append(edge or "\n")

    def data(self, text: str) -> None:
        """Take text (for the parser)."""
        if not self._unseen:
            if not text.isprintable():
                text = _UNREADABLE.sub("", text if self._verbatim else text.replace("\n", " ")).replace(_STRAY, "<")
            block = self._block
            block.parts.append(text)
            block.prose += len(text.strip())
        elif self._in_title:
            self.title = (self.title or "") + text.replace(_STRAY, "<")

    def close(self) -> None:
        """Know nothing of open tags any more (for the parser, at its end); their blocks stay open."""
        self._open.clear()
        self._unseen = 0

    def finish(self) -> None:
        """Close all blocks."""
        while self._above:
            self._end()
        self.root.close()

    def _begin(self, tag: str, attributes: Mapping[str, str]) -> Block:
        self._left -= 1
        names = " ".join([attributes[name] for name in _NAMING if name in attributes]) if attributes else ""
        block = Block(tag, names[:_MAX_NAMES])
        self._block.parts.append(block)
        self._above.append(self._block)
        self._block = block
        self._verbatim += tag in _VERBATIM
        if tag == "h1" and self.heading is None:
            self.heading = block
        return block

    def _end(self) -> None:
        block, self._block = self._block, self._above.pop()
        block.close()
        self._block.take(block)
        self._verbatim -= block.tag in _VERBATIM

    def _about(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "meta":
            name = attributes.get("property") or attributes.get("name") or attributes.get("itemprop")
            if name and (content := attributes.get("content")):
                self.meta.setdefault(name.strip().lower(), content.replace(_STRAY, "<"))
        elif tag == "link" and (address := attributes.get("href")):
            relation = attributes.get("rel", "").lower().split()
            if "canonical" in relation:
                self.canonical = self.canonical or address
            elif "alternate" in relation and attributes.get("type", "").lower() in _FEEDS:
                self.feeds += [address] if len(self.feeds) < MAX_FEEDS else []
        elif tag == "time":
            self.time = self.time or attributes.get("datetime")


def _is_value(text: str) -> bool:
    """Whether the text of a link is an address or a hash, and not the name of another page."""
    words = text.split(maxsplit=2)
    return len(words) == 1 and (len(words[0]) >= 32 or any(mark in words[0].rstrip(".") for mark in "./:@"))


def read(html: str) -> Reader:
    """Give the blocks of a page, or of a piece of one."""
    reader = Reader()
    data = _NO_TAG.sub(_STRAY, _OWN.sub(" ", _storable(html))).encode()  # the parser gives each stray sign singly
    parser = _parser(reader)
    start = 0
    while start < len(data):
        end = start + _PIECE
        if end < len(data):
            tag = data.rfind(b"<", start + 1, end)
            end = tag if tag > 0 else end  # no tag is cut in two, should the parser have to forget
        parser.feed(data[start:end])
        start = end
        if reader.depth > MAX_DEPTH and start < len(data):
            reader.close()  # so that the end of the parser closes no block
            parser.close()
            parser = _parser(reader)
    parser.close()
    reader.finish()
    return reader


def _parser(reader: Reader) -> etree.HTMLParser:
    """A parser of bytes, because lxml refuses a str with an encoding declaration; one tag, because it wants some."""
    parser = etree.HTMLParser(encoding="utf-8", target=reader, huge_tree=True, remove_comments=True, remove_pis=True)
    parser.feed(b"<html>")
    return parser


def _storable(text: str) -> str:
    """The text without zeros and halves of characters."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def plain(text: str) -> str:
    """Text that is no HTML, by the same rules; its line breaks are its own."""
    return written([_UNREADABLE.sub("", _OWN.sub("", _storable(text)))])


def written(pieces: Iterable[str]) -> str:
    """The text of blocks' pieces: no empty line, no space at either end of a line, one between words."""
    text = _SPACES.sub(" ", _JOINERS.sub("", "".join(pieces)))
    rows = _CELL_EDGE.sub("\t", _BREAKS.sub("\n", text)).replace(_ROW, "\n").split("\n")
    return "\n".join(filter(None, map(str.strip, rows)))
