"""Word documents (.docx): paragraphs, tables, notes, comments, and where links and templates lead.

The parts are streamed through expat with its document types refused, so that there are no entities
and no tree. What the parser keeps by itself is bounded as well: the elements that are open, the text
of one tag, the names of elements and attributes.
"""

import io
import re
import zipfile
import zlib
from xml.parsers import expat

from socdefenders.errors import FeedError
from socdefenders.feeds.documents.base import MAX_NODES, MAX_TEXT, MAX_XML, Budget, Text, joined
from socdefenders.feeds.fields import clean, when

MAX_MEMBERS = 10_000
MAX_DEPTH = 1_000
"""Elements within each other; Word itself nests some dozens."""
MAX_TAG = 2 << 20
"""Bytes of one tag with its attributes, or of one comment; older expats read it again with every step."""
MAX_NAMES = 10_000
"""Names of elements in one part; Word has some 1,500, and expat keeps each."""

_STEP = 1 << 20
_MEMBER = b"PK\x01\x02"
"""Begins an entry of the archive's directory, all of which `zipfile` reads at once."""
_TEXTS = re.compile(r"word/(?:document|footnotes|endnotes|comments|header\d{0,3}|footer\d{0,3})\d{0,2}\.xml")
_RELATIONS = re.compile(r"word/_rels/[^/]{1,100}\.rels")
_ABOUT = "docProps/core.xml"
_FIELD = re.compile(r"(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{1,20}://[^\s\"]{1,2048}|\\\\\\\\[^\s\"]{1,1024}", re.IGNORECASE)
"""An address in a field's instruction, such as HYPERLINK or INCLUDEPICTURE."""
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""Those whose output is bounded while it is read, and the only ones that Word writes."""
_SPACE = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_UNSEEN = frozenset({"Fallback", "delText", "del"})
"""What stands there a second time for older programs, and what was deleted."""
_BROKEN = (OSError, EOFError, ValueError, NotImplementedError, RuntimeError, zlib.error, zipfile.BadZipFile)


def read_word(data: bytes, name: str, budget: Budget | None = None) -> Text:
    """Read a .docx, for no more than `budget`, which is less afterwards."""
    if data.count(_MEMBER) > MAX_MEMBERS:
        raise FeedError(f"{name}: holds more than {MAX_MEMBERS:,} parts.")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _read(archive, name, budget or Budget())
    except expat.ExpatError as error:
        raise FeedError(f"{name}: is damaged ({error}).") from error
    except _BROKEN as error:
        raise FeedError(f"{name}: is damaged or encrypted ({error}).") from error


def _read(archive: zipfile.ZipFile, name: str, budget: Budget) -> Text:
    body, links, about = _Body(name), _Links(), _About()
    # The document itself first, then what stands beside it.
    for member in sorted(archive.infolist(), key=lambda each: each.filename != "word/document.xml"):
        handler = _handler(member.filename, body, links, about)
        if handler is not None:
            _Part(handler, budget, name).read(archive, member)
    leading = dict.fromkeys((*body.fields, *links.targets))
    text = joined(("".join(body.parts).splitlines(), leading), name)
    if not text:
        raise FeedError(f"{name}: there is no text in it.")
    return Text(text, clean(about.said.get("title")), when(about.said.get("modified")))


class _Handler:
    """Takes what expat finds."""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    def end(self, tag: str) -> None:
        """An element ends."""

    def characters(self, text: str) -> None:
        """Text, or a piece of it."""


class _Body(_Handler):
    """Collects the text of a part as lines; a row of a table is one."""

    def __init__(self, name: str) -> None:
        self.parts: list[str] = []
        self.fields: list[str] = []
        self._name = name
        self._size = 0
        self._rows = 0
        self._unseen = 0
        self._in = ""
        self._instruction: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._in = tag
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag == "tr":
            self._rows += 1
        elif tag == "fldSimple":
            self._note(next((text for key, text in attributes.items() if key.endswith("instr")), ""))
        elif tag in _SPACE:
            self._write(_SPACE[tag])

    def end(self, tag: str) -> None:
        self._in = ""
        if tag in _UNSEEN:
            self._unseen -= 1
        elif tag == "tr":
            self._rows -= 1
            self._write("\n")
        elif tag == "p":
            self._write("\t" if self._rows else "\n")
            self._note("".join(self._instruction))
            self._instruction = []

    def characters(self, text: str) -> None:
        if self._in == "t":
            self._write(text)
        elif self._in == "instrText" and len(self._instruction) < MAX_MEMBERS:
            self._instruction.append(text)

    def _write(self, text: str) -> None:
        if not self._unseen:
            self._size += len(text)
            if self._size > MAX_TEXT:
                raise FeedError(f"{self._name}: holds more than {MAX_TEXT >> 20} MiB of text; split it.")
            self.parts.append(text)

    def _note(self, instruction: str) -> None:
        self.fields += _FIELD.findall(instruction)[:1000]


class _Links(_Handler):
    """Collects what the parts lead to outside the document: links, and templates that would be fetched."""

    def __init__(self) -> None:
        self.targets: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "Relationship" and attributes.get("TargetMode") == "External" and len(self.targets) < MAX_MEMBERS:
            self.targets.append(attributes.get("Target", "")[:8192])


class _About(_Handler):
    """Collects what the document says of itself."""

    def __init__(self) -> None:
        self.said: dict[str, str] = {}
        self._in = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        del attributes
        self._in = tag if tag in {"title", "modified"} else ""

    def end(self, tag: str) -> None:
        del tag
        self._in = ""

    def characters(self, text: str) -> None:
        if self._in:
            self.said[self._in] = (self.said.get(self._in, "") + text)[:1000]


def _handler(member: str, body: _Body, links: _Links, about: _About) -> _Handler | None:
    if _TEXTS.fullmatch(member):
        return body
    if _RELATIONS.fullmatch(member):
        return links
    return about if member == _ABOUT else None


class _Local(dict[str, str]):
    """The names of elements without their prefixes."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __missing__(self, tag: str) -> str:
        if len(self) >= MAX_NAMES:
            raise FeedError(f"{self._name}: more than {MAX_NAMES:,} names of elements.")
        return self.setdefault(tag, tag.rpartition(":")[2])


class _Part:
    """Feeds one part to the handler for it, and stops where it costs too much."""

    def __init__(self, handler: _Handler, budget: Budget, name: str) -> None:
        self._handler = handler
        self._budget = budget
        self._name = name
        self._local = _Local(name)
        self._depth = 0

    def read(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
        if member.compress_type not in _METHODS:
            raise FeedError(f"{self._name}: is compressed in a way that Word does not use.")
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._handler.characters
        size = 0
        with archive.open(member) as part:
            while block := part.read(_STEP):
                size += len(block)
                self._budget.xml -= len(block)
                if self._budget.xml < 0:
                    raise self._too_much(f"more than {MAX_XML >> 20} MiB when opened")
                parser.Parse(block, False)  # noqa: FBT003 - as expat calls it
                if size - parser.CurrentByteIndex > MAX_TAG:
                    raise FeedError(f"{self._name}: a tag in it is longer than {MAX_TAG >> 20} MiB.")
        parser.Parse(b"", True)  # noqa: FBT003

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise FeedError(f"{self._name}: more than {MAX_DEPTH:,} elements within each other.")
        self._budget.nodes -= 1 + len(attributes)
        if self._budget.nodes < 0:
            raise self._too_much(f"more than {MAX_NODES:,} elements and attributes")
        self._handler.start(self._local[tag], attributes)

    def _end(self, tag: str) -> None:
        self._depth -= 1
        self._handler.end(self._local[tag])

    def _refuse(self, *_: object) -> None:
        raise FeedError(f"{self._name}: a document with a DOCTYPE is refused.")

    def _too_much(self, what: str) -> FeedError:
        return FeedError(f"{self._name}: holds {what}, with the documents before it; split it.")
