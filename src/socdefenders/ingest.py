"""Loads published files: recognises each, reads it, judges every value, writes what is an indicator.

Reading is plain Python and writing is mostly the database's work, so the two overlap: while one batch
is written, the next is read in a thread. What is wrong with a record or a file is counted and its
reason kept; it never loses the rest.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

from socdefenders.errors import FeedError, InvalidIndicator, UnknownFormat, Unsupported
from socdefenders.feeds import PARSERS, Entry, Format, items, recognise, source_name, walk
from socdefenders.indicators import Match, extract, parse, reversed_host, unlikely
from socdefenders.model import (
    Document,
    Indicator,
    IocType,
    Item,
    NewArticle,
    NewSighting,
    Observable,
    Outcome,
    Reason,
    Rejected,
    SourceCategory,
)
from socdefenders.storage.writing import ReadArticle, Suppressed, Writer, name_id

BATCH = 8_000
"""Sightings a transaction."""
TEXT = 8 << 20
"""Characters of articles a transaction: what bounds memory where many of them hold few indicators."""
REASONS = 8
"""Reasons kept of each kind, and names of reports in which nothing is reported."""
MAX_INDEXED = 2_048
"""Bytes of a text that the database finds by an index; PostgreSQL takes 2,704 for a row there."""
MAX_SOURCE = 200
"""Characters of a source's name."""
MAX_LINK = 2_048
"""Characters of the address of an article or a reference, which every record of an answer repeats."""
REPORT = PARSERS["text"]
MARKUP = (".md", ".markdown", ".adoc", ".asciidoc", ".rst")
"""Endings of files that are meant as reports, whatever stands in them."""
PLAIN, DEFANGED = 50, 75
"""Confidence of a value in an article: its author's defanging says that it is meant as an indicator."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to load."""

    source: str | None = None
    """Whom to name as the source of everything; None: whom the files name."""
    format: str | None = None
    """The format of every file; None: each is recognised."""
    dry_run: bool = False
    """Compare with what is stored, and write nothing."""


@dataclass(slots=True)
class Batch:
    """What one transaction writes, and what was counted while reading it."""

    sources: dict[str, tuple[SourceCategory, str | None]] = field(default_factory=dict)
    articles: dict[UUID, ReadArticle] = field(default_factory=dict)
    """By id: of an article that stands in a file twice, the later version."""
    sightings: list[NewSighting] = field(default_factory=list)
    outcome: Outcome = field(default_factory=Outcome)
    text: int = 0
    """Characters of its articles."""
    file: str = ""
    """The file that is being read at the batch's end."""

    @property
    def full(self) -> bool:
        """Whether it is to be written before more is read."""
        return len(self.sightings) >= BATCH or self.text >= TEXT

    def complain(self, kind: str, where: str, why: str) -> None:
        """Count one record as `kind`, and keep the reason if it is among the first few and says something new."""
        setattr(self.outcome, kind, getattr(self.outcome, kind) + 1)
        _keep(self.outcome.reasons, Reason(kind, where, why.removesuffix(".")))


async def load(
    dsn: str,
    paths: Sequence[Path],
    *,
    now: datetime,
    options: Options = Options(),  # frozen
    progress: Callable[[str, Outcome], None] = lambda _file, _outcome: None,
) -> Outcome:
    """Load every file at or below `paths`; raise FeedError when a path does not exist or the format named is unknown.

    A file that cannot be read is counted, and its reason kept. `progress` is called after each batch with the file
    being read and the counts so far.
    """
    for path in paths:
        if not path.exists():
            raise FeedError(f"{path} does not exist.")
    if options.format is not None and options.format not in PARSERS:
        raise UnknownFormat(f"{options.format} is no format; the formats are {', '.join(PARSERS)}.")
    total = Outcome()
    reading = _batches(walk(paths), options)
    async with await Writer.open(dsn) as writer:
        batch = await asyncio.to_thread(next, reading, None)
        while batch is not None:
            upcoming = asyncio.create_task(asyncio.to_thread(next, reading, None))
            try:
                await _write(writer, batch, now=now, dry_run=options.dry_run)
            finally:
                following = await upcoming
            _add(total, batch.outcome)
            progress(batch.file, total)
            batch = following
        if not options.dry_run:
            # Also when nothing was new: an import that was killed may have left ranges without their index.
            await writer.settle(changed=total.new > 0)
    return total


async def _write(writer: Writer, batch: Batch, *, now: datetime, dry_run: bool) -> None:
    for name, (category, homepage) in batch.sources.items():
        await writer.source(name, category, homepage, dry_run=dry_run)
    written = await writer.write(batch.sightings, list(batch.articles.values()), now=now, dry_run=dry_run)
    outcome = batch.outcome
    outcome.new, outcome.updated, outcome.unchanged = written.new, written.updated, written.unchanged
    outcome.repeated = len(batch.sightings) - written.new - written.updated - written.unchanged
    outcome.articles = written.articles


def _add(total: Outcome, part: Outcome) -> None:
    for name in (
        "new",
        "updated",
        "unchanged",
        "repeated",
        "suppressed",
        "unsupported",
        "malformed",
        "articles",
        "files",
        "unread",
    ):
        setattr(total, name, getattr(total, name) + getattr(part, name))
    for reason in part.reasons:
        _keep(total.reasons, reason)
    total.empty_reports = (total.empty_reports + part.empty_reports)[:REASONS]


def _keep(reasons: list[Reason], new: Reason) -> None:
    """Add `new` if it is among the first few of its kind and says something that none of them says."""
    same = [known.why for known in reasons if known.kind == new.kind]
    if len(same) < REASONS and new.why not in same:
        reasons.append(new)


def _batches(entries: Iterable[Entry], options: Options) -> Iterator[Batch]:
    """Read `entries` one after the other, and give a batch whenever enough has come together."""
    batch = Batch()
    for entry in entries:
        batch.file = entry.name
        batch.outcome.files += 1
        readable: bool | None = None
        try:
            for item, origin in _items(entry, options):
                readable = readable or _readable(item)
                _take(batch, item, origin)
                if batch.full:
                    yield batch
                    batch = Batch(file=entry.name)
        except UnknownFormat as error:
            readable = False
            batch.complain("unsupported", entry.name, error.message)
        except FeedError as error:
            readable = readable or False
            batch.complain("malformed", entry.name, error.message.removeprefix(f"{entry.name}: "))
        batch.outcome.unread += readable is False
    yield batch


def _readable(item: Item) -> bool:
    """Whether it is a record, or at least one of a kind that is not kept; 0 is the line of a whole file's rejection."""
    return not isinstance(item, Rejected) or (not item.supported and item.line > 0)


@dataclass(frozen=True, slots=True)
class _Origin:
    """The file that an item stands in."""

    file: str
    source: str
    format: Format
    fixed: bool
    """True: whoever loads the file named its source, and no row says otherwise."""
    guessed: bool
    """True: the format is what the file looks like, and nobody named it."""

    def place(self, line: int) -> str:
        """Return where something stands; a format without lines has 0 for all."""
        return f"{self.file}:{line}" if line else self.file

    def source_of(self, item: Observable | Document) -> str:
        """Who reports `item`."""
        name = self.source if self.fixed or item.source is None else item.source
        return name if len(name) <= MAX_SOURCE else name[:MAX_SOURCE].rstrip()


def _items(entry: Entry, options: Options) -> Iterator[tuple[Item, _Origin]]:
    format_ = PARSERS[options.format] if options.format else recognise(entry)
    if format_ is None:
        raise UnknownFormat
    source = options.source or source_name(entry.name, format_)
    origin = _Origin(entry.name, source, format_, fixed=options.source is not None, guessed=not options.format)
    for item in items(entry, format_):
        yield item, origin


def _take(batch: Batch, item: Item, origin: _Origin) -> None:
    if isinstance(item, Observable):
        _take_observable(batch, item, origin)
    elif isinstance(item, Document):
        _take_document(batch, item, origin)
    else:
        _take_rejected(batch, item, origin)


def _take_rejected(batch: Batch, item: Rejected, origin: _Origin) -> None:
    batch.complain("malformed" if item.supported else "unsupported", origin.place(item.line), item.reason)


def _take_observable(batch: Batch, item: Observable, origin: _Origin) -> None:
    try:
        indicator = parse(item.value, item.type)
    except Unsupported as error:
        return batch.complain("unsupported", origin.place(item.line), error.message)
    except InvalidIndicator as error:
        return batch.complain("malformed", origin.place(item.line), error.message)
    reason = unlikely(indicator)
    if reason is not None:
        return batch.complain("suppressed", f"{origin.place(item.line)}: {indicator.value}", reason.detail)
    source = origin.source_of(item)
    batch.sources.setdefault(source, (origin.format.category, origin.format.homepage))
    batch.sightings.append(
        NewSighting(
            indicator,
            source,
            reversed_host(indicator),
            None,
            origin.format.confidence if item.confidence is None else item.confidence,
            item.first_seen,
            item.last_seen,
            1,
            _with_port(item.context, indicator.port),
            item.tags,
            item.techniques,
            _link(item.reference_url),
            item.threat_type,
            item.malware_family,
        )
    )
    return None


def _link(url: str | None) -> str | None:
    """`url`, or None where it is too long to lead anywhere."""
    return url if url is None or len(url) <= MAX_LINK else None


def _with_port(context: str | None, port: int | None) -> str | None:
    if port is None:
        return context
    return f"{context} (port {port})" if context else f"port {port}"


def _take_document(batch: Batch, item: Document, origin: _Origin) -> None:
    source = origin.source_of(item)
    batch.sources.setdefault(source, (origin.format.category, origin.format.homepage))
    url = _link(item.url)
    address, host = _address(url)
    article = NewArticle(
        # Without an address the file's own name keeps two reports of one title apart. The fragment counts:
        # some publishers keep a year of bulletins on one page.
        name_id("article", source, *([address] if address else [Path(origin.file).name, item.title])),
        source,
        item.title,
        url,
        item.published_at,
        item.modified_at,
        item.text,
    )
    kept: dict[tuple[IocType, str], list[Match]] = {}
    suppressed: dict[tuple[IocType, str], Match] = {}
    for match in extract(item.text, publisher=host):
        key = (match.type, match.canonical)
        if match.suppressed is None:
            kept.setdefault(key, []).append(match)
        else:
            suppressed[key] = match
    techniques = tuple(match[0].value for (type_, _), match in kept.items() if type_ is IocType.MITRE_ATTACK)
    batch.sightings += [_sighting(matches, article, techniques) for matches in kept.values()]
    if not kept and origin.guessed and origin.format is REPORT and not origin.file.lower().endswith(MARKUP):
        batch.outcome.empty_reports.append(origin.file)
    reasons = [
        Suppressed(match.type, _indexable(match), match.suppressed.rule, match.suppressed.why)
        for key, match in suppressed.items()
        if match.suppressed and key not in kept
    ]
    for reason in reasons:
        batch.complain("suppressed", f"{origin.file}: {reason.value}", reason.detail)
    batch.articles[article.id] = ReadArticle(article, reasons)
    batch.text += len(item.text)


def _indexable(match: Match) -> str:
    """The value as published, or in ASCII where it is too large for an index: `/../` may take back most of a URL."""
    return match.value if len(match.value.encode()) <= MAX_INDEXED else match.canonical


def _address(url: str | None) -> tuple[str | None, str | None]:
    """Return the canonical address of an article, and its host."""
    if not url:
        return None, None
    try:
        indicator = parse(url, IocType.URL)
    except InvalidIndicator:
        return url, None
    reverse = reversed_host(indicator)
    return indicator.canonical, ".".join(reversed(reverse.split("."))) if reverse else None


def _sighting(matches: Sequence[Match], article: NewArticle, techniques: tuple[str, ...]) -> NewSighting:
    first = next((match for match in matches if match.defanged), matches[0])
    indicator = Indicator(first.type, first.value, first.canonical, first.normalized)
    return NewSighting(
        indicator,
        article.source,
        reversed_host(indicator),
        article.id,
        DEFANGED if first.defanged else PLAIN,
        article.published_at,
        article.modified_at or article.published_at,
        len(matches),
        first.context,
        (),
        () if first.type is IocType.MITRE_ATTACK else techniques,
        article.url,
    )
