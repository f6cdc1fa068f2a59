"""One search: exact, then what begins with it or lies below it, what contains it, what resembles it.

The exact stage is one round trip by a prepared statement. The fallback asks small questions, each
bounded by itself, and starts no further one after its deadline; the answer says when either bound left
something out.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from socdefenders.errors import StorageTimeout
from socdefenders.indicators import Query, candidates
from socdefenders.model import IocType, SearchResult, Sighting
from socdefenders.storage import searching
from socdefenders.storage.database import Database
from socdefenders.storage.ranges import ROWS
from socdefenders.storage.searching import Candidate, Found, Span

MATCHES = 1_000
"""Records of an exact answer; an indicator with more is answered with its most confident and recent."""
FALLBACK_MATCHES = 50
RELATED = 10
RELATED_ARTICLES = 10
FALLBACK_CHARACTERS = 3

_READ = 500
"""Rows that one small question may read; it bounds what a pattern of common trigrams costs."""
_NEAR = 100
"""The same for what begins with the text or lies below its host, which the index gives in a useful order."""
_ALIKE = 0.5
"""Trigram similarity from which a value is worth showing; below it, strangers share an ending."""
_QUICK = 0.002
"""Seconds of a look after which the next may cover twice as many ranges."""
_MOST_RANGES = 16
_WORD = re.compile(r"[0-9a-z]+", re.ASCII)
_NOWHERE = "rehearsal-of-a-search.invalid"
"""A value that nobody reports, and for which every stage is asked."""
_REHEARSALS, _REHEARSAL_SECONDS = 5, 0.1
"""Times that it is asked at most, because the first may be cut and each comes further; and the deadline of each."""

Answer = TypeVar("Answer")


async def find(
    database: Database,
    text: str,
    *,
    type_: IocType | None = None,
    include_related: bool = True,
    deadline: float = 0.02,
) -> SearchResult:
    """Return who reported `text`; the fallback stops after `deadline` seconds.

    Raises InputError for a text that cannot be searched.
    """
    query = candidates(text, type_)
    found = await searching.exact(database, query.normalized, type_, related=include_related)
    if found:
        return await _answer(database, text, "exact", found, include_related=include_related)
    if len(query.text) < FALLBACK_CHARACTERS:
        return SearchResult(text, "none", (), (), 0, complete=True, truncated=False)
    fallback = Fallback(database, query, type_, asyncio.get_running_loop().time() + deadline)
    ranked = await fallback.run()
    found = await searching.sightings_of(database, ranked) if ranked else []
    return await _answer(
        database,
        text,
        "trigram" if found else "none",
        found,
        include_related=include_related,
        complete=fallback.complete,
        truncated=fallback.full,
    )


async def warm(database: Database) -> None:
    """Do everything that a search does once on every connection, so that the first take no longer than the rest."""
    await database.warm(_rehearse)


async def _rehearse(single: Database) -> None:
    for _ in range(_REHEARSALS):
        if (await find(single, _NOWHERE, deadline=_REHEARSAL_SECONDS)).complete:
            return


async def _answer(
    database: Database,
    text: str,
    strategy: str,
    found: list[Found],
    *,
    include_related: bool,
    complete: bool = True,
    truncated: bool = False,
) -> SearchResult:
    most = MATCHES if strategy == "exact" else FALLBACK_MATCHES
    shown = found[:most]
    total = len(shown)
    if strategy == "exact":
        total = sum({row.indicator_id: row.sighting_count for row in found}.values())
    related = await _related(database, shown) if include_related else []
    return SearchResult(
        text,
        strategy,
        tuple([row.sighting for row in shown]),
        tuple(related),
        total,
        complete,
        truncated or len(found) > most,
    )


async def _related(database: Database, found: Sequence[Found]) -> list[Sighting]:
    """Return the best other values of the articles in which `found` stands."""
    by_article: dict[UUID, Found] = {}
    for row in found:
        if row.sighting.article_id is not None:
            by_article.setdefault(row.sighting.article_id, row)
    chosen = list(by_article.values())[:RELATED_ARTICLES]
    if not chosen:
        return []
    matched = {(row.sighting.type, row.sighting.value) for row in found}
    ready = await searching.kept_ready(database, chosen)
    entries = [(row.sighting, kept) for row, kepts in zip(chosen, ready, strict=True) for kept in kepts]
    if len(chosen) > 1:
        entries.sort(key=lambda entry: (entry[1].confidence, entry[1].last_seen), reverse=True)
    best: dict[tuple[str, str], Sighting] = {}
    for own, kept in entries:
        value = (kept.type, kept.value)
        if value not in matched and value not in best:
            best[value] = searching.beside(own, kept)
            if len(best) == RELATED:
                break
    # What is kept ready tells too little where matches may have taken the places of better ones.
    eaten = len(best) < RELATED or len(matched) > searching.KEPT_READY - RELATED
    if eaten and any(len(kepts) == searching.KEPT_READY for kepts in ready):
        return await _related_beyond(database, found, chosen)
    return list(best.values())


async def _related_beyond(database: Database, found: Sequence[Found], chosen: Sequence[Found]) -> list[Sighting]:
    """Return the same from the tables: the matches themselves fill what the articles keep ready."""
    articles = [row.sighting.article_id for row in chosen if row.sighting.article_id]
    matches = list({row.indicator_id for row in found})
    rows = await searching.related_beyond(database, articles, matches, RELATED * RELATED_ARTICLES)
    best: dict[tuple[str, str], Sighting] = {}
    for sighting in rows:
        best.setdefault((sighting.type, sighting.value), sighting)
    return list(best.values())[:RELATED]


@dataclass(slots=True)
class Fallback:
    """The second stage of one search, and how far it came."""

    database: Database
    query: Query
    type: IocType | None
    deadline: float
    """On the event loop's clock."""
    late: bool = False
    """The time is over, for this search or for one of its looks; no further one is begun."""
    left_out: bool = False
    """A look's bound on rows left something unread; the next ones may still find more."""
    ranked: dict[UUID, None] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether everything that could match was looked at."""
        return not (self.late or self.left_out)

    @property
    def full(self) -> bool:
        """Whether as many matches are found as are shown."""
        return len(self.ranked) >= FALLBACK_MATCHES

    async def run(self) -> list[UUID]:
        """Return the indicators found, best first."""
        await self._near()
        if has_trigram(self.query.text):
            end = await searching.newest(self.database) + 1
            await self._substring(end)
            await self._similar(end)
        return list(self.ranked)[:FALLBACK_MATCHES]

    async def _near(self) -> None:
        """Add what lies on or below the host that was asked for, and what begins with the text; an address begins."""
        looks = [self._beginning, self._below] if self.query.type is IocType.URL else [self._below, self._beginning]
        for look in looks:
            if not self.full:
                await look()

    async def _below(self) -> None:
        if self.query.host is None:
            return
        labels = ".".join(reversed(self.query.host.split(".")))
        found = await searching.subdomains(self.database, labels, _NEAR)
        self._add_wanted(sorted(found, key=lambda each: (each.type == IocType.URL, len(each.value), each.value)))

    async def _beginning(self) -> None:
        """Add what begins with the text, with or without a scheme."""
        text = self.query.text
        prefixes = [text] if "://" in text else [text, f"http://{text}", f"https://{text}"]
        found = await searching.beginnings(self.database, prefixes, _NEAR)
        self._add_wanted(sorted(found, key=lambda each: (not each.value.startswith(text), len(each.value), each.value)))

    async def _substring(self, end: int) -> None:
        async for span in self._spans(end):
            look = searching.substring(self.database.bounded, span, self.query.text, self.type, _READ)
            self._add(sorted(await self._look(look) or [], key=self._ragged))

    async def _similar(self, end: int) -> None:
        parts = halves(self.query.text)
        if parts is None:
            return
        alike: list[tuple[float, Candidate]] = []
        async for span in self._spans(end):
            text, bounded = self.query.text, self.database.bounded
            seen = await self._look(searching.similar(bounded, span, text, self.type, parts, _READ, _ALIKE))
            if seen is not None:
                alike += [(similarity, found) for found, similarity in seen.found]
                self.left_out = self.left_out or seen.compared >= _READ
        alike.sort(key=lambda pair: (-pair[0], pair[1].value))
        self._add([found for _, found in alike])

    async def _look(self, look: Awaitable[Answer]) -> Answer | None:
        """Wait for one look; None when it took too long."""
        try:
            return await look
        except StorageTimeout:
            self.late = True
            return None

    async def _spans(self, end: int) -> AsyncIterator[Span]:
        """Give the positions below `end`, newest first, in spans that grow while looking at them is quick."""
        clock, ranges = asyncio.get_running_loop().time, 1
        while end > 0 and not self._stop():
            low = max(0, -(-end // ROWS) - ranges) * ROWS
            begin = clock()
            yield Span(low, end)
            ranges = min(2 * ranges, _MOST_RANGES) if clock() - begin < _QUICK else 1
            end = low

    def _stop(self) -> bool:
        if self.full:
            return True
        self.late = self.late or asyncio.get_running_loop().time() > self.deadline
        return self.late

    def _add_wanted(self, rows: Sequence[Candidate]) -> None:
        """Add those of the type asked for among `rows` of every type."""
        wanted = [row for row in rows if self.type is None or row.type == self.type]
        self._add(wanted)
        if len(rows) >= _NEAR and len(wanted) < len(rows):
            self.left_out = True

    def _add(self, rows: Iterable[Candidate]) -> None:
        self.ranked.update(dict.fromkeys([row.id for row in rows]))

    def _ragged(self, found: Candidate) -> bool:
        """Whether the text stands in the middle of a word of the value, `1.2.3.4` in `1.2.3.45`."""
        start = found.value.find(self.query.text)
        end = start + len(self.query.text)
        return found.value[start - 1 : start].isalnum() or found.value[end : end + 1].isalnum()


def has_trigram(text: str) -> bool:
    """Whether pg_trgm can extract a trigram from the pattern `%text%`; without one it reads its whole index.

    As the server does it: words of letters and digits, padded by two spaces before and one behind
    where the pattern itself shows that they begin or end there. Only ASCII counts, because what
    else is a letter depends on the server's locale.
    """
    text = text.lower()
    for word in _WORD.finditer(text):
        begins = text[: word.start()][-1:].isascii() and word.start() > 0
        ends = text[word.end() :][:1].isascii() and word.end() < len(text)
        if len(word.group()) + 2 * begins + ends >= 3:  # a trigram's length
            return True
    return False


def halves(text: str) -> tuple[str, str] | None:
    """Return two parts of `text` of which every value one edit away contains one; None when too short to tell."""
    middle = len(text) // 2
    first, second = text[:middle], text[middle:]
    telling = all(any(len(word.group()) > 3 for word in _WORD.finditer(part.lower())) for part in (first, second))
    return (first, second) if telling else None
