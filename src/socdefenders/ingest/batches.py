"""From published items to what is written: every value judged, every left-out record counted with its reason.

Plain Python without I/O of its own, so that it can run in a thread while the batch before is written. What is
wrong with a record or a file never loses the rest.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from uuid import UUID

from socdefenders.enrich.confidence import hardly_meant
from socdefenders.enrich.likeness import signature
from socdefenders.errors import FeedError, InvalidIndicator, UnknownFormat, Unsupported
from socdefenders.feeds import PARSERS, Entry, Format, items, recognise, source_name
from socdefenders.feeds.catalog import Voice
from socdefenders.indicators import Match, Section, extract, parse, reversed_host, unlikely
from socdefenders.ingest.addresses import MAX_LINK, address_of
from socdefenders.ingest.learning import learn
from socdefenders.model import (
    Document,
    Indicator,
    IocType,
    Item,
    LeftOut,
    NewArticle,
    NewSighting,
    NewSource,
    Observable,
    Outcome,
    Rejected,
    SourceCategory,
)
from socdefenders.storage.writing import ReadArticle, Suppressed, name_id

BATCH = 8_000
"""Sightings a transaction; and records that are left out, so that a file of nothing else is read in turns, too."""
TEXT = 1 << 20
"""Characters of articles a transaction: what bounds memory where many of them hold few indicators."""
REASONS = 8
"""Reasons kept of each kind, and names of reports in which nothing is reported."""
MAX_INDEXED = 2_048
"""Bytes of a text that the database finds by an index; PostgreSQL takes 2,704 for a row there."""
MAX_SOURCE = 200
"""Characters of a source's name."""
MAX_VALUES, MAX_SUPPRESSED = 10_000, 1_000
"""Different indicators of one article that are kept, and values that are none; reports have hundreds."""
MAX_TAGS = 12
"""Names of actors and malware that an article is about with which each of its indicators is tagged."""
REPORT = PARSERS["text"]
MARKUP = (".md", ".markdown", ".adoc", ".asciidoc", ".rst")
"""Endings of files that are meant as reports, whatever stands in them."""
PLAIN, DEFANGED = 50, 75
"""Confidence of a value in an article's prose: its author's defanging says that it is meant as an indicator."""
SURE = {
    Section.INDICATORS: (75, 90),
    Section.PROSE: (PLAIN, DEFANGED),
    Section.REFERENCES: (15, 50),
}
"""The same by the section that it stands in, plain and defanged."""
WELL_KNOWN = 15
"""Confidence of a value in an article that everybody uses, whatever its author did: STIX 2.1's "low"."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to load."""

    source: str | None = None
    """Whom to name as the source of everything; None: whom the files name."""
    format: str | None = None
    """The format of every file; None: each is recognised."""
    dry_run: bool = False
    """Compare with what is stored, and write nothing."""
    category: SourceCategory | None = None
    """What kind of publisher the source is; None: what the format says."""
    homepage: str | None = None
    confidence: int | None = None
    """0-100 for rows whose publisher gives none; None: what the format says."""
    voices: Mapping[str, Voice] = field(default_factory=dict)
    """How far sources are believed, and with whom they speak, by their names."""


@dataclass(slots=True)
class Batch:
    """What one transaction writes, and what was counted while reading it."""

    sources: dict[str, NewSource] = field(default_factory=dict)
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
        left_out = self.outcome.malformed + self.outcome.suppressed + self.outcome.unsupported
        return len(self.sightings) >= BATCH or self.text >= TEXT or left_out >= BATCH

    def complain(self, kind: str, where: str, why: str) -> None:
        """Count one record as `kind`, and keep the reason if it is among the first few and says something new."""
        setattr(self.outcome, kind, getattr(self.outcome, kind) + 1)
        keep(self.outcome.reasons, LeftOut(kind, where, why.removesuffix(".")))


def keep(reasons: list[LeftOut], new: LeftOut) -> None:
    """Add `new` if it is among the first few of its kind and says something that none of them says."""
    same = [known.why for known in reasons if known.kind == new.kind]
    if len(same) < REASONS and new.why not in same:
        reasons.append(new)


def batches(entries: Iterable[Entry], options: Options) -> Iterator[Batch]:
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


def batches_of(items: Iterable[Item], options: Options, name: str) -> Iterator[Batch]:
    """Give a batch whenever enough of `items` has come together; `options` names their format and source."""
    origin = _origin(name, PARSERS[options.format or "text"], options)
    batch = Batch(file=name)
    for item in items:
        _take(batch, item, origin)
        if batch.full:
            yield batch
            batch = Batch(file=name)
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
    category: SourceCategory
    homepage: str | None
    confidence: int
    voices: Mapping[str, Voice]

    def place(self, line: int) -> str:
        """Return where something stands; a format without lines has 0 for all."""
        return f"{self.file}:{line}" if line else self.file

    def source_of(self, item: Observable | Document) -> str:
        """Who reports `item`."""
        name = self.source if self.fixed or item.source is None else item.source
        return name if len(name) <= MAX_SOURCE else name[:MAX_SOURCE].rstrip()

    def described(self, source: str) -> NewSource:
        """What is to be written of the source of that name."""
        voice = self.voices.get(source)
        return NewSource(self.category, self.homepage, *(voice or ()))


def _items(entry: Entry, options: Options) -> Iterator[tuple[Item, _Origin]]:
    format_ = PARSERS[options.format] if options.format else recognise(entry)
    if format_ is None:
        raise UnknownFormat
    origin = _origin(entry.name, format_, options)
    for item in items(entry, format_):
        yield item, origin


def _origin(name: str, format_: Format, options: Options) -> _Origin:
    return _Origin(
        name,
        options.source or source_name(name, format_),
        format_,
        fixed=options.source is not None,
        guessed=not options.format,
        category=options.category or format_.category,
        homepage=options.homepage or format_.homepage,
        confidence=format_.confidence if options.confidence is None else options.confidence,
        voices=options.voices,
    )


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
    if source not in batch.sources:
        batch.sources[source] = origin.described(source)
    batch.sightings.append(
        NewSighting(
            indicator,
            source,
            reversed_host(indicator),
            None,
            origin.confidence if item.confidence is None else item.confidence,
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
    if source not in batch.sources:
        batch.sources[source] = origin.described(source)
    url = _link(item.url)
    address, host = address_of(url)
    article = NewArticle(
        article_id(item, source, origin.file),
        source,
        item.title,
        url,
        item.published_at,
        item.modified_at,
        item.text,
        item.entry_hash,
        item.canonical_url or address,
        signature(item.text),
    )
    kept: dict[tuple[IocType, str], list[Match]] = {}
    suppressed: dict[tuple[IocType, str], Match] = {}
    matches = extract(item.text, publisher=host)
    for match in matches:
        key = (match.type, match.canonical)
        if match.suppressed is None:
            kept.setdefault(key, []).append(match)
        else:
            suppressed[key] = match
    learnt, tags = learn(item.title, item.text, matches)
    batch.sightings += [
        _sighting(of_one, article, learnt.techniques, tags) for of_one in islice(kept.values(), MAX_VALUES)
    ]
    if len(kept) > MAX_VALUES:
        why = f"an article with {len(kept):,} indicators, of which the first {MAX_VALUES:,} are kept"
        batch.complain("unsupported", origin.place(item.line), why)
    if not kept and origin.guessed and origin.format is REPORT and not origin.file.lower().endswith(MARKUP):
        batch.outcome.empty_reports.append(origin.file)
    reasons = [
        Suppressed(match.type, _indexable(match), match.suppressed.rule, match.suppressed.why)
        for key, match in islice(suppressed.items(), MAX_SUPPRESSED)
        if match.suppressed and key not in kept
    ]
    for reason in reasons:
        batch.complain("suppressed", f"{origin.file}: {reason.value}", reason.detail)
    batch.articles[article.id] = ReadArticle(article, reasons, learnt)
    batch.text += len(item.text)


def article_id(item: Document, source: str, file: str) -> UUID:
    """Return the id under which an article is stored.

    Without an address the file's own name keeps two reports of one title apart. The fragment of an address counts:
    some publishers keep a year of bulletins on one page. What its page calls its address does not: the id must be known
    before the page is asked for.
    """
    address, _ = address_of(_link(item.url))
    return name_id("article", source, *([address] if address else [Path(file).name, item.title]))


def _indexable(match: Match) -> str:
    """The value as published, or in ASCII where it is too large for an index: `/../` may take back most of a URL."""
    return match.value if len(match.value.encode()) <= MAX_INDEXED else match.canonical


def _sighting(
    matches: Sequence[Match], article: NewArticle, techniques: Sequence[str], tags: Sequence[str]
) -> NewSighting:
    first = next((match for match in matches if match.defanged), matches[0])
    indicator = Indicator(first.type, first.value, first.canonical, first.normalized)
    return NewSighting(
        indicator,
        article.source,
        reversed_host(indicator),
        article.id,
        _sure(matches),
        article.published_at,
        article.modified_at or article.published_at,
        len(matches),
        first.context,
        tuple(tags[:MAX_TAGS]),
        () if first.type is IocType.MITRE_ATTACK else tuple(techniques),
        article.url,
    )


def _sure(matches: Sequence[Match]) -> int:
    """How sure an article is, 0-100, that a value is malicious: by the place that says most."""
    sure = max(SURE[match.section][match.defanged] for match in matches)
    return min(sure, WELL_KNOWN) if hardly_meant(matches[0].type, matches[0].normalized) else sure
