"""The main text of a saved web page: what its author wrote, with the tables, lists and code that hold indicators."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

from socdefenders.feeds.charsets import decoded
from socdefenders.feeds.fields import clean, when
from socdefenders.feeds.markup import HEADINGS, Block, plain, read, written

T = TypeVar("T")

MAX_PAGE = 16 << 20
"""Bytes of the largest page that whoever reads one asks for; its text has no more characters than it."""
_DATES = ("article:published_time", "datepublished", "date", "dc.date", "pubdate", "publish-date")
_LANDMARKS = frozenset({"nav", "aside", "footer", "dialog", "menu", "noscript", "search"})
_CONTENT = frozenset({
    "main", "article", "article-body", "article-content", "entry-content", "post-body", "post-content",
})  # fmt: skip
"""Tags, roles and properties of the page's own article."""
_CODE = frozenset({"table", "pre"})
"""Blocks that are a report's wherever they stand."""
_VALUES = _CODE | {"ul", "ol", "dl", "details"}
"""Blocks that are all values where one of them is."""
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[\w-]+")
_KIND = r"(?:posts?|articles?|stories|story|news|contents?|links?|reads?|reading|items?|resources|topics)"
_CHROME = re.compile(
    r"(?:.+-)?(?:nav|navbar|navigation|menu|breadcrumbs?|pagination|pager|side-?bar|footer|masthead)(?:-.+)?"
    r"|contentinfo|complementary|banner|alertdialog"
    r"|comments?|comments?-?(?:list|form|section|area|thread)|disqus(?:-thread)?|respond|replies"
    rf"|(?:related|recommended|popular|trending|latest|recent|similar|more|other|next|previous|prev)-?{_KIND}"
    rf"|related|recommended|trending|(?:{_KIND}-)?(?:read-?more|read-?next|teasers?)|most-?(?:read|popular|viewed)"
    r"|(?:post-|article-)?(?:share|sharing|social)(?:-?(?:share|sharing|links?|media|icons?|bar|buttons?|nav|list))?"
    r"|share-?daddy|newsletter(?:-.+)?|subscri(?:be|ption)(?:-.+)?|cookies?-?(?:banner|notice|consent|bar)|.+-consent"
    r"|gdpr(?:-.+)?|ads?|advert(?:s|ising|isements?)?|sponsored|promo(?:tion)?|outbrain|taboola"
    r"|tags|tags-?(?:list|links)|taglist|tagcloud|author-?(?:bio|box|info)|skip-?links?|search-?(?:form|box|bar)"
    r"|log-?in|sign-?up"
)
"""What the parts of sites are called on the web; a report's sections are named after their headings."""
_OTHERS = ("nav", "menu", "comment", "disqus", "respond", "replies")
_STATES = ("has-", "no-", "with-", "without-", "tag-", "category-")
"""What names of a page's states and of an article's subjects begin with; they are no names of parts."""
_ENOUGH = 0.1
"""A report shorter than this share of the page's prose is not the report."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page's own account of itself, and its main text."""

    title: str | None
    text: str
    """Its report without its chrome, a block a line; all of the text where none can be told apart."""
    url: str | None = None
    """The canonical address the page names."""
    published_at: datetime | None = None
    site: str | None = None
    feeds: tuple[str, ...] = ()
    """Addresses of the site's feeds that the page names."""


def read_page(html: bytes | str, address: str | None = None) -> Page:
    """What a page says of itself, and its report; `address` is where it stood, and what its links start from."""
    page = read(decoded(html) if isinstance(html, bytes) else html)
    about = page.meta.get
    url = _first(_absolute(each, address) for each in (page.canonical, about("og:url")))
    titles = (about("og:title"), page.title, written(_all(page.heading)) if page.heading else None)
    return Page(
        _first(clean(" ".join(title.split())) for title in titles if title),
        _report(page.root),
        url,
        _first(map(when, (*map(about, _DATES), page.time))),
        clean(about("og:site_name")) or host(url),
        tuple(dict.fromkeys(found for each in page.feeds if (found := _absolute(each, address)))),
    )


def visible_text(html: str) -> str:
    """All the text a reader of this fragment would see, a block a line."""
    if "<" not in html and "&" not in html:
        return plain(html)
    return written(_all(read(html).root))


def _all(block: Block) -> Iterator[str]:
    """Every piece of a block, in order, but for what is there for readers without scripts."""
    stack = [iter(block.parts)]
    while stack:
        for part in stack[-1]:
            if isinstance(part, str):
                yield part
            elif part.tag != "noscript":
                stack.append(iter(part.parts))
                break
        else:
            stack.pop()


class _Place(Enum):
    """Where a block stands."""

    REPORT = "in the report"
    BESIDE = "beside it"
    CHROME = "in a part of the site"


def _report(root: Block) -> str:
    """The text of the block that holds the report; of all others what looks like values."""
    content = _content(root)
    stack = [(iter(root.parts), _Place.REPORT if content is root else _Place.BESIDE)]
    pieces: list[str] = []
    while stack:
        parts, place = stack[-1]
        for part in parts:
            if isinstance(part, str):
                pieces.append(part if place is _Place.REPORT else "\n")
                continue
            inner = _Place.REPORT if part is content else _place(part, place, root.prose)
            if inner is not None:
                stack.append((iter(part.parts), inner))
                break
        else:
            stack.pop()
    text = written(pieces)
    return text if len(text) >= root.prose * _ENOUGH else written(_all(root))


def _content(root: Block) -> Block:
    """The outermost block that is called the content and holds half of the prose, or the article with most of it."""
    left = root.prose
    named: list[Block] = []
    stack = [iter(root.parts)]
    while stack:
        for part in stack[-1]:
            if isinstance(part, str):
                continue
            if _is_chrome(part, root.prose):
                left -= part.prose
                continue
            if part.tag in _CONTENT or _CONTENT & _words(part.names):
                named.append(part)
            stack.append(iter(part.parts))
            break
        else:
            stack.pop()
    content = next((block for block in named if block.prose * 2 >= left), root)
    return next((block for block in named if block.tag == "article" and block.prose * 4 >= left * 3), content)


def _place(block: Block, outer: _Place, total: int) -> _Place | None:
    """Where a block stands that stands in another; None where nothing of it is to be read."""
    if outer is _Place.CHROME or _is_chrome(block, total):
        if not block.marked or _is_others(block):
            return None
        return _Place.REPORT if block.shares or block.tag in _VALUES else _Place.CHROME
    if outer is _Place.REPORT or block.shares or block.tag in _CODE or (block.marked and block.tag in _VALUES):
        return None if _is_link_list(block) else _Place.REPORT
    return _Place.BESIDE


def _is_chrome(block: Block, total: int) -> bool:
    """Whether a block is a part of the site and not of its page: by its tag or its names, unless most is in it."""
    if block.tag in _LANDMARKS:
        return block.prose * 2 < total
    if block.tag == "a" or block.tag in HEADINGS:
        return False
    named = block.tag in {"header", "form"} or _named(block.names)
    return bool(named) and not block.titled and block.prose * 4 < total


def _is_others(block: Block) -> bool:
    """Whether what looks like values in it is not the author's: menus, readers' comments, the names of other pages."""
    foreign = any(name.startswith(_OTHERS) for name in _named(block.names))
    return foreign or block.tag == "nav" or (block.tag == "a" and block.links > 0)


def _is_link_list(block: Block) -> bool:
    """Whether a block is little more than the names of other pages."""
    return (
        block.targets >= 3
        and block.links > 2 * block.prose
        and block.prose < 300
        and not block.marked
        and not block.titled
    )


@lru_cache(maxsize=4096)
def _words(names: str) -> frozenset[str]:
    """The names of a block, in small letters with hyphens between words."""
    return frozenset(_WORD.findall(_CAMEL.sub("-", names).lower().replace("_", "-")))


@lru_cache(maxsize=4096)
def _named(names: str) -> tuple[str, ...]:
    """Those of a block's names that say that it is chrome."""
    return tuple(name for name in _words(names) if not name.startswith(_STATES) and _CHROME.fullmatch(name))


def _first(found: Iterable[T | None]) -> T | None:
    """The first that is there."""
    return next((each for each in found if each), None)


def _absolute(link: str | None, address: str | None) -> str | None:
    """The address that a link leads to; None where that is none of the web."""
    try:
        url = urljoin(address or "", (link or "").strip()) if link else ""
    except ValueError:
        return None
    return url if url.lower().startswith(("http://", "https://")) else None


def host(url: str | None) -> str | None:
    """The site's name, out of its address, without `www.`."""
    if url is None:
        return None
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.") or None
    except ValueError:
        return None
