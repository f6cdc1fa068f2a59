"""Lists of sources that others keep: OPML out of a feed reader, and CSV with a name and an address in each row.

What stands in them is a candidate, no source yet: how good it is, how often it may be asked and under what terms is
not in the file. `described` makes a source of it that says so, for somebody to look over. Nothing is fetched.
"""

import io
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

from lxml import etree

from socdefenders.errors import CatalogError, FeedError
from socdefenders.feeds.catalog import FORMATS_OF, Expected, Feed, Kind, format_toml, parse
from socdefenders.feeds.lines import decode
from socdefenders.feeds.records import table
from socdefenders.model import Rejected, SourceCategory

MAX_FILE = 8 << 20
MAX_OUTLINES = 20_000
_DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>", re.IGNORECASE)
_DOCTYPE = re.compile(r"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)

_CATEGORIES = (
    (SourceCategory.GOVERNMENT, re.compile(r"gov|\bcerts?\b|\bcsirts?\b|agenc|national|advisor")),
    (SourceCategory.THREAT_FEED, re.compile(r"threat[- ]?feed|\bioc|indicator|blocklist|blacklist")),
    (SourceCategory.VENDOR, re.compile(r"vendor|compan|product")),
    (SourceCategory.RESEARCH, re.compile(r"research|academ|vuln|exploit|advisory")),
    (SourceCategory.THREAT_INTEL, re.compile(r"threat|intel|malware|\bapt\b|\bcti\b|ransom|phish")),
)
"""What the names of folders and columns tell, tried in this order; anything else is news."""
_NAMES = ("name", "title", "text", "source", "feed_name")
_URLS = ("url", "xmlurl", "xml_url", "feed_url", "feed", "rss", "address", "link")
_HOMEPAGES = ("homepage", "htmlurl", "html_url", "site", "website", "site_url")
_FORMATS = {
    "atom": "rss", "xml": "rss", "rdf": "rss", "txt": "list", "plain": "list", "hosts": "list", "tsv": "csv",
    "ndjson": "json", "jsonl": "json", "stix2": "stix",
}  # fmt: skip


class Candidate(NamedTuple):
    """One source of a list, as far as the list describes it."""

    name: str
    url: str
    homepage: str
    category: SourceCategory
    """By the words around it."""
    format: str
    kind: Kind = Kind.FILE


Found = Iterator[Candidate | Rejected]


def read_opml(data: bytes, name: str) -> Found:
    """Read the subscriptions of an OPML file; the folders they lie in tell their categories."""
    seen: set[str] = set()
    for number, (outline, folders) in enumerate(_outlines(_tree(data, name)), 1):
        fields = {key.lower(): value.strip() for key, value in outline.attrib.items()}
        if "xmlurl" not in fields:
            continue
        if number > MAX_OUTLINES:
            raise FeedError(f"{name}: more than {MAX_OUTLINES:,} outlines; split it.")
        line = outline.sourceline or number
        candidate = Candidate(
            name=fields.get("title") or fields.get("text", ""),
            url=fields["xmlurl"],
            homepage=fields.get("htmlurl", ""),
            category=_category(" ".join((fields.get("category", ""), *folders))),
            format="rss",
        )
        yield _once(_judged(candidate, line), seen, line)


def read_csv(data: bytes, name: str) -> Found:
    """Read rows with an address, told by the names of the columns: name, url, homepage, kind, category, format."""
    if len(data) > MAX_FILE:
        raise FeedError(f"{name}: larger than {MAX_FILE >> 20} MiB; split it.")
    opened = table(io.BytesIO(data))
    columns = {column: at for at, column in reversed(list(enumerate(opened.names or ())))}
    if not any(column in columns for column in _URLS):
        raise FeedError(f"{name}: no column is named url; the first line has to name the columns.")
    seen: set[str] = set()
    for line, row in opened.rows:
        if isinstance(row, str):
            yield Rejected(line, row)
            continue
        fields = {column: row[at].strip() for column, at in columns.items() if at < len(row)}
        yield _once(_of_row(line, fields), seen, line)


def described(candidate: Candidate, taken: Collection[str] = ()) -> Feed:
    """Make a source of it, under a slug that is not `taken`: off, and graded as what nobody has judged yet."""
    host = urlsplit(candidate.url).hostname or "unknown"
    feed = Feed(
        slug=_slug(candidate.name, host, taken),
        name=candidate.name,
        url=candidate.url,
        homepage=candidate.homepage,
        kind=candidate.kind,
        format=candidate.format,
        category=candidate.category,
        tier=3,
        grade="F",
        group=re.sub(r"[^a-z0-9]+", "-", host.removeprefix("www.")).strip("-")[:64].strip("-") or "unknown",
        every=timedelta(hours=6),
        licence="Not known; see the publisher.",
        enabled=False,
        expected=Expected(1, 100_000),
    )
    if parse(format_toml(feed).encode(), f"{feed.slug}.toml") != feed:
        raise CatalogError(f"{feed.slug}: cannot be written as it is.", file=f"{feed.slug}.toml")
    return feed


def _tree(data: bytes, name: str) -> etree._Element:
    """The root of an OPML file, read as UTF-8 whatever it declares, without a DOCTYPE, entities or a network."""
    if len(data) > MAX_FILE:
        raise FeedError(f"{name}: larger than {MAX_FILE >> 20} MiB; split it.")
    text = _DECLARATION.sub("", decode(data).removeprefix("\ufeff"), count=1)
    if _DOCTYPE.search(text):
        raise FeedError(f"{name}: OPML with a DOCTYPE is refused; remove it and try again.")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, encoding="utf-8")
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError as error:
        raise FeedError(f"{name}: not valid XML ({error}).") from error
    if root.tag != "opml":
        raise FeedError(f"{name}: XML, but no OPML.")
    return root


def _outlines(root: etree._Element) -> Iterator[tuple[etree._Element, Sequence[str]]]:
    """Every outline with the names of those around it, in the order of the file."""
    waiting: list[tuple[etree._Element, tuple[str, ...]]] = [(body, ()) for body in root.iterchildren("body")]
    while waiting:
        element, folders = waiting.pop()
        if element.tag == "outline":
            yield element, folders
            folders = (*folders, element.get("title") or element.get("text") or "")
        waiting.extend((child, folders) for child in reversed(list(element.iterchildren("outline"))))


def _of_row(line: int, fields: Mapping[str, str]) -> Candidate | Rejected:
    def first(names: Sequence[str]) -> str:
        return next((fields[each] for each in names if fields.get(each)), "")

    said, kind = fields.get("format", "").lower(), fields.get("kind", fields.get("type", "")).lower()
    url = first(_URLS)
    if said == "misp" and (folder := url.removesuffix("manifest.json")).endswith("/"):
        kind, url = Kind.MISP_FEED.value, folder
    candidate = Candidate(
        name=first(_NAMES),
        url=url,
        homepage=first(_HOMEPAGES),
        category=_category(f"{fields.get('category', '')} {fields.get('tags', '')}"),
        format="rss" if kind in {"rss", "atom"} else _FORMATS.get(said, said or "rss"),
    )
    if kind in FORMATS_OF:
        candidate = candidate._replace(kind=Kind(kind), format=FORMATS_OF[Kind(kind)])
    return _judged(candidate, line)


def _judged(candidate: Candidate, line: int) -> Candidate | Rejected:
    """Put the name in order and judge the rest by the rules of the catalog's files; a bad homepage is left out."""
    try:
        parts = urlsplit(candidate.url)
        origin = f"{parts.scheme}://{parts.netloc}/"
    except ValueError as error:
        return Rejected(line, f"url: {error}")
    printable = "".join(each if each.isprintable() else " " for each in candidate.name)
    name = " ".join(printable.split())[:200].strip() or parts.netloc
    try:
        described(found := candidate._replace(name=name, homepage=candidate.homepage or origin))
    except CatalogError as error:
        if error.key == "homepage" and candidate.homepage:
            return _judged(candidate._replace(homepage=""), line)
        return Rejected(line, error.message.partition(": ")[2])
    return found


def _category(words: str) -> SourceCategory:
    lowered = words.lower().strip()
    if lowered in set(SourceCategory):
        return SourceCategory(lowered)
    return next((category for category, known in _CATEGORIES if known.search(lowered)), SourceCategory.NEWS)


def _once(found: Candidate | Rejected, seen: set[str], line: int) -> Candidate | Rejected:
    if isinstance(found, Candidate):
        if found.url in seen:
            return Rejected(line, "url: stands in the list already")
        seen.add(found.url)
    return found


def _slug(name: str, host: str, taken: Collection[str]) -> str:
    """A slug out of the name; of a name without letters of ASCII, out of the host."""
    plain = [_hyphens(text) for text in (name, host)]
    stem = next(filter(None, plain), "source")[:60].strip("-")
    slug, number = stem, 1
    while slug in taken:
        number += 1
        slug = f"{stem[: 63 - len(str(number))].strip('-')}-{number}"
    return slug


def _hyphens(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
