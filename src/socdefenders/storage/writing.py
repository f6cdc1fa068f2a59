"""Writes articles and sightings, a batch a transaction, so that loading the same thing twice changes nothing.

A batch is copied into a temporary table and merged from there by the statements of `queries/write.sql`:
several times faster than row by row, and the database itself says what was new. A `Writer` owns one
connection, because temporary tables belong to one.
"""

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import NamedTuple, Self
from uuid import UUID

from asyncpg.pgproto import pgproto

from socdefenders.model import Indicator, Learnt, NewArticle, NewSighting, NewSource, Report, SourceCategory
from socdefenders.storage import locks
from socdefenders.storage.database import FAILURES, Connection, Record, connect, failed, unless_lost, wrapped
from socdefenders.storage.ranges import Ranges
from socdefenders.storage.searching import KEPT_READY
from socdefenders.storage.sql import load
from socdefenders.storage.stories import Told, tell_apart
from socdefenders.storage.voices import Corroborate, surest, weigh

_SQL = load("write")
MOST_TAGS = 200
"""Of a stored report, and as many techniques; `write.sql` says the same. Each one more is compared with all others, and
a publisher may send new ones every hour."""
AHEAD = timedelta(days=2)
"""How far a date may lie in the future and be believed, by time zones; one beyond it would stay the latest for ever."""
_NAMESPACE = UUID("0f4b1a52-7a0e-5a3c-9d0e-3b1f6f3c8a11").bytes  # ours alone; every id here hangs on it


class Suppressed(NamedTuple):
    """A value read in an article that was judged to be no indicator, and why."""

    type: str
    value: str
    rule: str
    detail: str


class ReadArticle(NamedTuple):
    """An article to be written, with what was suppressed in it."""

    article: NewArticle
    suppressed: Sequence[Suppressed] = ()
    learnt: Learnt | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What one batch changed."""

    new: int
    updated: int
    unchanged: int
    """Sightings; the three add up to the batch's distinct ones."""
    articles: int
    """Articles new or changed."""


class _Row(NamedTuple):
    """One row of the staging table, in the order of its columns."""

    id: UUID
    indicator_id: UUID
    type: str
    value: str
    normalized: str
    host_reversed: str | None
    source_id: int
    article_id: UUID | None
    confidence: int
    first_seen: datetime
    last_seen: datetime
    dated: bool
    occurrences: int
    context: str | None
    tags: Sequence[str]
    techniques: Sequence[str]
    reference_url: str | None
    threat_type: str | None
    malware_family: str | None
    alone: int
    """How sure the indicator would be by this report alone."""


class _Voice(NamedTuple):
    """By what the reports of a source count."""

    name: str
    grade: str


class _Undone(Exception):  # ends a dry run's transaction; never leaves this module
    """Nothing is wrong: what was written is not to be kept."""


def name_id(*parts: str) -> UUID:
    """Return the UUIDv5 (RFC 9562, 5.5) of `parts` in our namespace; lengths keep the parts apart."""
    name = "".join([f"{len(part)}:{part}" for part in parts])
    digest = bytearray(hashlib.sha1(_NAMESPACE + name.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    return pgproto.UUID(bytes(digest))


def indicator_id(indicator: Indicator) -> UUID:
    """Return the id under which every instance stores `indicator`."""
    return name_id(indicator.type, indicator.canonical)


class Writer:
    """Writes batches over a connection of its own."""

    def __init__(self, connection: Connection, corroborate: Corroborate) -> None:
        """Take over `connection`; use `Writer.open`."""
        self._connection = connection
        self._corroborate = corroborate
        self._sources: dict[str, int] = {}
        self._voices: dict[str, _Voice] = {}
        self._tried: dict[str, NewSource] = {}
        self._ranges = Ranges(connection)

    @classmethod
    async def open(cls, dsn: str, corroborate: Corroborate = surest) -> Self:
        """Connect and prepare the staging tables; `corroborate` says how sure an indicator is by all its reports."""
        connection = await connect(dsn, command_timeout=None)
        try:
            await connection.execute(_SQL["staging"])
        except FAILURES as error:
            meant = failed(connection, error)
            connection.terminate()
            raise meant from error
        return cls(connection, corroborate)

    async def __aenter__(self) -> Self:
        """Return the writer itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the connection go."""
        try:
            await self._connection.close(timeout=2)
        except FAILURES:
            self._connection.terminate()

    async def source(
        self,
        name: str,
        category: SourceCategory,
        homepage: str | None = None,
        grade: str | None = None,
        voice: str | None = None,
        *,
        dry_run: bool = False,
    ) -> None:
        """Make sure that sightings of the source `name` can be written; a dry run makes it and undoes it with them."""
        facts = NewSource(category, homepage, grade, voice)
        if dry_run:
            self._tried[name] = facts
        elif name not in self._sources:
            try:
                await self._source(name, facts)
            except FAILURES as error:
                raise wrapped(error, closed=self._connection.is_closed()) from error

    async def write(
        self, sightings: Iterable[NewSighting], articles: Sequence[ReadArticle], *, now: datetime, dry_run: bool = False
    ) -> Written:
        """Write `articles`, then `sightings`, in one transaction; `now` dates what its publisher did not.

        With `dry_run` the transaction is undone at its end, and the counts say what it would have changed.
        """
        written = Written(0, 0, 0, 0)
        new = list(sightings)
        try:
            if not dry_run:
                await self._ranges.make_room(len(new))
            with suppress(_Undone):
                async with self._connection.transaction():
                    if dry_run:
                        for name in sorted(self._tried):
                            await self._source(name, self._tried[name])
                    written = await self._merge(self._rows(new, now), articles, now, searchable=not dry_run)
                    if dry_run:
                        self._sources = {}
                        raise _Undone
        except (*FAILURES, UnicodeEncodeError) as error:
            raise wrapped(error, closed=self._connection.is_closed()) from error
        return written

    async def _merge(
        self, rows: Sequence[_Row], articles: Sequence[ReadArticle], now: datetime, *, searchable: bool
    ) -> Written:
        """Merge a batch; its locks are taken in the order of ids, so that two writers never wait in a circle."""
        await self._connection.execute("select pg_advisory_xact_lock_shared($1)", locks.WRITING)
        articles = sorted(articles, key=lambda read: read.article.id.bytes)
        changed = [told for read in articles if (told := await self._article(read, now))]
        copy = self._connection.copy_records_to_table("staging", records=rows, columns=_Row._fields)
        await unless_lost(self._connection, copy)
        await self._connection.execute(_SQL["indicators"])
        await self._connection.execute(_SQL["revived"])
        if searchable:
            await self._connection.execute(_SQL["searchable"])
        [(added, updated, redated, surer)] = await self._connection.fetch(_SQL["sightings"])
        if redated:
            await self._connection.execute(_SQL["redate"], redated)
        if surer:
            await weigh(self._connection, surer, self._corroborate)
        if articles:
            await self._connection.execute(_SQL["preview"], [read.article.id for read in articles], KEPT_READY)
        await tell_apart(self._connection, changed)
        return Written(added, updated, len(rows) - added - updated, len(changed))

    async def known_articles(self, ids: Sequence[UUID]) -> dict[UUID, bytes | None]:
        """Return which of the articles `ids` are stored, each with the hash of the entry that led to it."""
        try:
            rows = await self._connection.fetch(_SQL["known_articles"], ids)
        except FAILURES as error:
            raise wrapped(error, closed=self._connection.is_closed()) from error
        return {row["id"]: row["entry_hash"] for row in rows}

    async def settle(self, *, changed: bool = True) -> None:
        """Index what bulk writing left without, fold in what is pending, and refresh the planner's statistics.

        Where nothing is `changed`, that is done for what an earlier writer left undone, if anything.
        """
        try:
            if await self._ranges.settle() or changed:
                await self._connection.execute("analyze indicators, sightings, articles")
        except FAILURES as error:
            raise wrapped(error, closed=self._connection.is_closed()) from error

    async def _source(self, name: str, facts: NewSource) -> None:
        found: Record | None = None
        while found is None:
            # None when another writer is adding it at this moment; the next look finds it.
            found = await self._connection.fetchrow(_SQL["source"], name, *facts)
        self._sources[name] = found["id"]
        self._voices[name] = _Voice(found["voice"], found["grade"])

    def _rows(self, sightings: Iterable[NewSighting], now: datetime) -> list[_Row]:
        merged: dict[UUID, _Row] = {}
        for sighting in sightings:
            row = self._row(sighting, now)
            known = merged.get(row.id)
            merged[row.id] = row if known is None else _merge(known, row)
        return list(merged.values())

    def _row(self, new: NewSighting, now: datetime) -> _Row:
        indicator, article = new.indicator, new.article_id
        key = indicator_id(indicator)
        report = Report(*self._voices[new.source], new.confidence)
        began, ended = _believed(new.first_seen, now), _believed(new.last_seen, now)
        first, last = began or ended, ended or began
        if first and last and last < first:
            first, last = last, first
        return _Row(
            name_id(key.hex, new.source, article.hex if article else ""),
            key,
            indicator.type,
            indicator.value,
            indicator.normalized,
            new.host_reversed,
            self._sources[new.source],
            article,
            new.confidence,
            first or now,
            last or now,
            first is not None,
            new.occurrences,
            new.context,
            new.tags,
            new.techniques,
            new.reference_url,
            new.threat_type,
            new.malware_family,
            self._corroborate(indicator.type, (report,)),
        )

    async def _article(self, read: ReadArticle, now: datetime) -> Told | None:
        """Write one article; None where nothing in it is new."""
        article = read.article
        source = self._sources[article.source]
        digest = hashlib.sha256(f"{article.title}\0{article.text}".encode()).digest()
        written = await self._connection.fetchrow(
            _SQL["article"],
            article.id,
            source,
            article.title,
            article.url,
            _believed(article.published_at, now),
            _believed(article.modified_at, now),
            now,
            digest,
            article.text,
            article.entry_hash,
            article.canonical_url,
        )
        if written is None:
            return None
        if read.learnt is not None:
            await self._connection.execute(_SQL["learnt"], article.id, *read.learnt)
        await self._connection.execute(_SQL["forget_suppressed"], article.id)
        columns: list[list[str]] = [list(column) for column in zip(*read.suppressed, strict=True)] or [[], [], [], []]
        await self._connection.execute(_SQL["suppressed"], article.id, *columns)
        cves = frozenset(read.learnt.cves if read.learnt else ())
        return Told(article.id, source, written["told_on"], article.signature, cves, known=not written["added"])


def _believed(time: datetime | None, now: datetime) -> datetime | None:
    """Return a date, or None for one that cannot be."""
    return None if time is None or time > now + AHEAD else time


def _joined(later: Sequence[str], earlier: Sequence[str]) -> Sequence[str]:
    if len(later) >= MOST_TAGS or set(later) >= set(earlier):
        return later
    return sorted({*later, *earlier})[:MOST_TAGS]


def _merge(first: _Row, second: _Row) -> _Row:
    """Join two sightings of the same indicator by the same source within one batch, by the rules of `write.sql`."""
    later, earlier = first, second
    if (second.dated, second.last_seen) > (first.dated, first.last_seen):
        later, earlier = second, first
    both = later.dated == earlier.dated
    return later._replace(
        value=first.value,
        confidence=max(later.confidence, earlier.confidence),
        first_seen=min(later.first_seen, earlier.first_seen) if both else later.first_seen,
        occurrences=later.occurrences + earlier.occurrences,
        context=later.context or earlier.context,
        tags=_joined(later.tags, earlier.tags),
        techniques=_joined(later.techniques, earlier.techniques),
        reference_url=later.reference_url or earlier.reference_url,
        threat_type=later.threat_type or earlier.threat_type,
        malware_family=later.malware_family or earlier.malware_family,
        alone=max(later.alone, earlier.alone),
    )
