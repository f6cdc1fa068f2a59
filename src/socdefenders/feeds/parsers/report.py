"""Reports in prose: saved web pages, and text, Markdown and AsciiDoc files."""

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import BinaryIO

from socdefenders.feeds.fields import clean, when
from socdefenders.feeds.jsons import read_all
from socdefenders.feeds.lines import decode
from socdefenders.feeds.page import MAX_PAGE, host, read_page
from socdefenders.feeds.parsers.base import Hints
from socdefenders.model import Document, Item, Rejected

MAX_REPORT = 16 << 20
_HEADING = re.compile(r"[#=]\s+(.{1,500})")
_UNDERLINE = re.compile(r"\s{0,3}(?:={3,}|-{3,})\s*")
_ABOUT = re.compile(
    r"[\s>*_-]{0,8}"
    r"(title|date|published|publication date|updated|url|publisher|source|link|original|permalink|canonical)"
    r"\**\s{0,4}[:=]\s{0,4}\**\s*(.{1,2000})",
    re.IGNORECASE,
)
_LINK = re.compile(r"https?://[^\s)>\]\"']{4,2000}")
_LABELLED = re.compile(r"[\s>*_-]{0,4}[^\s:：]{1,20}[:：]\**\s{0,4}(https?://[^\s/]{1,200}/[^\s)>\]\"']{2,2000})$")
"""A line that labels an address, in any language; only one with a path can be an article's."""
_DATE_IN_NAME = re.compile(r"(?<!\d)((?:19|20)\d\d)[-_.]?(0[1-9]|1[0-2])[-_.]?(0[1-9]|[12]\d|3[01])(?!\d)")
_NAME = 60
"""Characters of a publication's name; what is longer is a sentence."""
_NEAR = 15
"""The first lines, where a report says what it is."""


def parse_page(stream: BinaryIO, hints: Hints) -> Iterator[Item]:
    """Read a saved web page."""
    page = read_page(read_all(stream, MAX_PAGE, hints.name))
    if not page.text:
        yield Rejected(0, "a page without text")
        return
    title = page.title or hints.name.rpartition("/")[2].rpartition("!")[2].partition(".")[0] or "Untitled page"
    yield Document(title, page.text, page.url, page.published_at, source=page.site)


def parse_report(stream: BinaryIO, hints: Hints) -> Iterator[Item]:
    """Read a text, Markdown or AsciiDoc report."""
    text = decode(read_all(stream, MAX_REPORT, hints.name)).strip()
    if not text:
        yield Rejected(0, "a report without text")
        return
    near = [line.strip() for line in islice((line for line in text[: 64 * 1024].splitlines() if line.strip()), _NEAR)]
    front: list[str] = []
    if near[0] == "---" and "---" in near[1:]:
        end = near.index("---", 1)
        front, near = near[1:end], near[end + 1 :] or near
    said = _said([*near, *front])
    url = _url(near, said)
    yield Document(
        title=_said(front or near[:3]).get("title") or _title(near),
        text=text,
        url=url,
        published_at=_published(near, said, hints.name),
        modified_at=when(said.get("updated")),
        source=_publisher(_said(front)) or host(url),
    )


def _said(near: list[str]) -> dict[str, str]:
    """What the labelled lines say; the last word is the front matter's."""
    return {found[1].lower(): found[2].strip(" *\"'") for found in map(_ABOUT.match, near) if found}


def _title(near: list[str]) -> str:
    """The first line that says anything, or a heading of the first rank close below it."""
    heading = next((found[1] for found in map(_HEADING.match, near[:4]) if found), None)
    said = (line for line in near if not _UNDERLINE.fullmatch(line) and not line.startswith((":", "//", "---")))
    first = next(said, near[0])
    return (clean((heading or first).strip("#=* ")) or first)[:300]


def _url(near: list[str], said: dict[str, str]) -> str | None:
    """The address of the report itself: where it is named as such, or where it stands alone on a line near the top."""
    named = (said.get(name, "") for name in ("url", "permalink", "canonical", "original", "source", "link"))
    found = next((match.group() for match in map(_LINK.match, named) if match), None)
    labelled = (match[1] for match in map(_LABELLED.match, near[:6]) if match)
    return found or next(labelled, None) or next((line for line in near[:3] if _LINK.fullmatch(line)), None)


def _publisher(said: dict[str, str]) -> str | None:
    """The publication's name, where the front matter gives a name and not an address."""
    named = (clean(said.get(label)) for label in ("publisher", "source"))
    return next((name for name in named if name and len(name) <= _NAME and "/" not in name), None)


def _published(near: list[str], said: dict[str, str], name: str) -> datetime | None:
    dates = (said.get(key) for key in ("date", "published", "publication date"))
    found = next((time for time in map(when, (*dates, *near[1:4])) if time), None)
    if found is None and (dated := _DATE_IN_NAME.search(name.rpartition("/")[2])):
        found = when("-".join(dated.groups()))
    return found
