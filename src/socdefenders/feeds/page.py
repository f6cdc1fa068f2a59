"""The main text of a saved web page: what its author wrote, with the tables, lists and code that hold indicators."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlsplit

import lxml.html
import trafilatura
from lxml import etree

from socdefenders.feeds.fields import clean, when
from socdefenders.feeds.lines import decode

T = TypeVar("T")

MAX_PAGE = 16 << 20
MAX_TEXT = 4 << 20
_UNSEEN = ("script", "style", "noscript", "template", "svg", "head", "iframe", "object")
_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "figcaption", "footer", "h1", "h2",
    "h3", "h4",
    "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "table", "td", "th", "tr", "ul",
    "body",
})  # fmt: skip
_DATES = ("article:published_time", "datepublished", "date", "dc.date", "pubdate", "publish-date")
_SPACES = re.compile(r"[ \t\r\f\v\xa0]+")
_BLANK_LINES = re.compile(r"\n[ \n]+")
_SHARED = re.compile(r"\[\.\]|\(\.\)|\[dot\]|\[:\]|\bhxxp|\b(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64})\b")
"""How reports write values that are not to be clicked, and hashes."""
_MAX_ELEMENTS = 20_000
"""trafilatura takes 0.2 ms an element, so a page of more keeps all its text instead; articles have some 2,000."""
_ENOUGH = 0.02
"""A main text shorter than this share of the page's visible text missed the article."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page's own account of itself, and its main text."""

    title: str | None
    text: str
    url: str | None = None
    """The canonical address the page names."""
    published_at: datetime | None = None
    site: str | None = None


def main_text(html: bytes | str) -> Page:
    """The main text of `html`; where none can be told apart, all of the visible text."""
    source = (decode(html) if isinstance(html, bytes) else html)[:MAX_PAGE]
    root = _parse(source)
    if root is None:
        return Page(None, "")
    whole = _text_of(root)
    about = _about(root)
    found = (
        None
        if _elements(root) > _MAX_ELEMENTS
        else trafilatura.extract(
            source,
            output_format="txt",
            include_comments=False,
            include_tables=True,
            favor_recall=True,
            deduplicate=False,
        )
    )
    good = found is not None and len(found) >= max(200, len(whole) * _ENOUGH)
    text = "\n".join((found, *_lost(found, whole))) if found is not None and good else whole
    return Page(about.title, text[:MAX_TEXT], about.url, about.published_at, about.site)


def _elements(root: lxml.html.HtmlElement) -> int:
    return sum(1 for _ in root.iter())


def _lost(found: str, whole: str) -> list[str]:
    """Lines of the page with a defanged value or a hash that the main text lacks: no chrome holds those."""
    kept = set(found.split())
    marked = (line for line in whole.splitlines() if _SHARED.search(line))
    return [line for line in marked if any(_SHARED.search(word) and word not in kept for word in line.split())]


def visible_text(html: str) -> str:
    """All the text a reader of this fragment would see, a block a line."""
    if "<" not in html and "&" not in html:
        return html.strip().replace("\0", "\ufffd")
    root = _parse(html[:MAX_PAGE])
    return _text_of(root) if root is not None else ""


def _parse(source: str) -> lxml.html.HtmlElement | None:
    """The tree; bytes go in because lxml refuses a str with an encoding declaration."""
    parser = lxml.html.HTMLParser(encoding="utf-8", huge_tree=False, remove_comments=True, remove_pis=True)
    try:
        root = lxml.html.document_fromstring(source.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return None
    return root


def _text_of(root: lxml.html.HtmlElement) -> str:
    parts: list[str] = []
    skipping: object = None
    for event, element in etree.iterwalk(root, events=("start", "end")):
        tag = element.tag
        if skipping is None:
            if event == "start" and tag in _UNSEEN:
                skipping = element
            else:
                if tag in _BLOCKS:
                    parts.append("\t" if tag in {"td", "th"} else "\n")
                if event == "start":
                    parts.append(element.text or "")
        elif event == "end" and element is skipping:
            skipping = None
        if event == "end" and skipping is None and element is not root:
            parts.append(element.tail or "")
    text = _SPACES.sub(" ", "".join(parts))
    return _BLANK_LINES.sub("\n", text).strip()[:MAX_TEXT]


def _about(root: lxml.html.HtmlElement) -> Page:
    """Title, address, date and site out of the page's head."""
    meta: dict[str, str] = {}
    for element in root.iter("meta"):
        name = element.get("property") or element.get("name") or element.get("itemprop")
        if name and element.get("content"):
            meta.setdefault(name.strip().lower(), element.get("content") or "")
    links = (each.get("href") for each in root.iter("link") if (each.get("rel") or "").lower() == "canonical")
    url = _first(each for each in (*links, meta.get("og:url")) if each and each.startswith(("http://", "https://")))
    titles = (*(each.text_content() for each in root.iter("title")), *(each.text_content() for each in root.iter("h1")))
    title = _first(clean(" ".join(text.split())) for text in (meta.get("og:title", ""), *titles))
    dates = (*map(meta.get, _DATES), *(each.get("datetime") for each in root.iter("time")))
    time = _first(map(when, dates))
    return Page(title, "", url, time, clean(meta.get("og:site_name")) or host(url))


def _first(found: Iterable[T | None]) -> T | None:
    """The first that is there."""
    return next((each for each in found if each), None)


def host(url: str | None) -> str | None:
    """The site's name, out of its address, without `www.`."""
    if url is None:
        return None
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.") or None
    except ValueError:
        return None
