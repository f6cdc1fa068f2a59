"""Documents: the text of a PDF, a Word document, a mail, a page, and of what is attached to one of them.

Which it is, its content says. Everything here is bounded, because whoever wrote a document may mean
harm: its bytes, its parts, its text, and the time and memory that it takes.
"""

from dataclasses import dataclass, field

from socdefenders.errors import FeedError
from socdefenders.feeds.documents.base import MAX_DOCUMENT, MAX_TEXT, Budget, Text
from socdefenders.feeds.documents.kinds import kind
from socdefenders.feeds.documents.mail import read_mail
from socdefenders.feeds.documents.pdf import SECONDS, read_pdf
from socdefenders.feeds.documents.word import read_word
from socdefenders.feeds.lines import decode
from socdefenders.feeds.page import MAX_PAGE, read_page

__all__ = ["MAX_DOCUMENT", "MAX_TEXT", "Text", "kind", "read_text"]

MAX_ATTACHED = 16
"""Documents attached to a mail, to a mail attached to it, and so on, together."""
_ATTACHED_SECONDS = 10
"""Of processor time for an attached PDF."""


def read_text(data: bytes, name: str, found: str | None = None) -> Text:
    """Read a document of the kind `found`, or of the kind that its content shows.

    Raise a `FeedError`, which begins with `name`, when it cannot be read at all.
    """
    return _Reading().read(data, name, found)


@dataclass(slots=True)
class _Reading:
    """One document, and those attached to it."""

    begun: int = 0
    budget: Budget = field(default_factory=Budget)

    def read(self, data: bytes, name: str, found: str | None) -> Text:
        found = found or kind(data)
        self.begun += 1
        if self.begun > MAX_ATTACHED + 1:
            raise FeedError(f"{name}: the first {MAX_ATTACHED} attached documents are read.")
        match found:
            case "pdf":
                return read_pdf(data, name, seconds=SECONDS if self.begun == 1 else _ATTACHED_SECONDS)
            case "docx":
                return read_word(data, name, self.budget)
            case "eml":
                return read_mail(data, name, self._attached, self.budget)
            case "html" if len(data) > MAX_PAGE:
                raise FeedError(f"{name}: larger than {MAX_PAGE >> 20} MiB; split it.")
            case "html":
                page = read_page(data)
                return Text(page.text, page.title, page.published_at, page.url, page.site)
            case "text":
                return Text(decode(data))
        raise FeedError(f"{name}: {_refused(data)}.")

    def _attached(self, data: bytes, name: str) -> Text:
        return self.read(data, name, None)


_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def _refused(data: bytes) -> str:
    if data.startswith(_OLD_OFFICE):
        return "an old Office or Outlook file; save it as .docx, .eml or PDF"
    if data.startswith(b"PK"):
        return "an archive; name it as a file of its own"
    return "neither text nor a document that can be read"
