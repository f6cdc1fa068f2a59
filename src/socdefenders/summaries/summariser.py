"""Has articles summarised, one after the other and the newest first, for as long as the day's tokens last.

Nothing waits for it: articles are taken out of the database after they were written, and what fails is tried later or
left with the summary that rules made. Any number of workers may do this at once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol
from uuid import UUID, uuid4

from socdefenders.errors import ModelFailed, StorageUnavailable
from socdefenders.seams import Clock, Tell, utc
from socdefenders.storage import summaries
from socdefenders.storage.database import Database, outlasting
from socdefenders.storage.summaries import TOP, Asker, Claimed, Place, Written
from socdefenders.summaries.answer import Answer, Named, answer_of, named_in
from socdefenders.summaries.breaker import Breaker
from socdefenders.summaries.client import Reply
from socdefenders.summaries.prompt import PROMPT_VERSION, TEXT_CHARACTERS, Prompt, prompt_of

ATTEMPTS = 2
"""Questions about one article, if the first answer cannot be used."""
SHORTEST_TEXT = 400
"""Characters of an article that a summary is shorter than."""
SLACK = timedelta(minutes=1)
"""How much longer than its questions a claim lasts."""
IDLE_SECONDS = 60.0
"""Before it is looked again for something to do."""
STEP_SECONDS = 5.0
"""Between looks further down, where old articles have been done before."""
MOST_LOOKED_AT = 2_000
"""Articles in one look, which bounds what it costs the database."""
AWAY_SECONDS = 2.0
"""Before a database is asked again that was away."""
SHORTEST_PAUSE, LONGEST_PAUSE = timedelta(minutes=5), timedelta(days=1)
"""Before it is asked again about an article for which that failed, which doubles each time."""


class Client(Protocol):
    """What asks a model: `summaries.client.ModelClient`, or what stands in for it."""

    async def ask(self, prompt: Prompt) -> Reply:
        """Ask; raise ModelFailed."""


@dataclass(slots=True, kw_only=True)
class Summariser:
    """One process's share of the work."""

    database: Database
    client: Client
    model: str
    tokens_per_day: int
    """Of all workers together."""
    seconds: float
    """For which a question may take."""
    report: Tell
    warn: Tell
    clock: Clock = utc
    idle_seconds: float = IDLE_SECONDS
    most_looked_at: int = MOST_LOOKED_AT
    away_seconds: float = AWAY_SECONDS
    id: UUID = field(default_factory=uuid4)
    below: Place = TOP
    """How far down all has been done, or is waiting."""
    breaker: Breaker = field(default_factory=Breaker)
    used_up: date | None = None
    """The last day of which it was said that its tokens are used up."""

    async def run(self) -> None:
        """Summarise until cancelled; then let go of the article that was being asked about."""
        while True:
            try:
                pause = await self.turn()
            except StorageUnavailable as error:
                self._away(error)
                pause = self.away_seconds
            await asyncio.sleep(pause)

    async def turn(self) -> float:
        """Summarise one article, if there is one, and return the seconds until there may be another."""
        now = self.clock()
        if pause := self.breaker.wait(now):
            return min(pause.total_seconds(), self.idle_seconds)
        article = await self._claim(now)
        if article is None:
            return self.idle_seconds if self.below == TOP else STEP_SECONDS
        try:
            done = await self._one(article)
        except asyncio.CancelledError:
            await self._let_go(article)
            raise
        return 0.0 if done else self.idle_seconds

    async def _claim(self, now: datetime) -> Claimed | None:
        """Take an article out of the newest ones, or else from where it was left off, which begins anew at the end."""
        until = now + ATTEMPTS * timedelta(seconds=self.seconds) + SLACK
        asker = Asker(self.id, self.model, PROMPT_VERSION, TEXT_CHARACTERS)
        for below in dict.fromkeys((TOP, self.below)):
            look = await summaries.claim(
                self.database, asker, now=now, until=until, below=below, most=self.most_looked_at
            )
            if below == self.below:
                self.below = look.end
            if look.article is not None:
                return look.article
        return None

    async def _one(self, article: Claimed) -> bool:
        """Ask about one article and write down what comes of it; False when the day's tokens are used up."""
        if len(article.text) < SHORTEST_TEXT:
            await self._finish(article, reason="It is as short as a summary.")
            return True
        try:
            answer = await self._answer(article)
        except ModelFailed as error:
            await self._failed(article, error)
            return True
        if answer is None:
            await self._let_go(article)
            return False
        self._answered()
        await self._finish(article, summary=answer.summary, rationale=answer.rationale or None)
        self.report("article_summarised", article=str(article.id), dropped=len(answer.dropped))
        return True

    async def _answer(self, article: Claimed) -> Answer | None:
        """Return what may be kept of the first answer, or of the second; None when the day's tokens are used up."""
        prompt, named = await asyncio.to_thread(_prepared, article)
        for _ in range(ATTEMPTS - 1):
            try:
                return await self._ask(prompt, named)
            except ModelFailed as error:
                if error.fault != "answer":
                    raise
        return await self._ask(prompt, named)

    async def _ask(self, prompt: Prompt, named: Named) -> Answer | None:
        """Ask once, within the budget: what a question may take is reserved before, and corrected after."""
        day = self.clock().date()
        if not await summaries.reserve(self.database, day, prompt.tokens, of=self.tokens_per_day):
            if self.used_up != day:
                self.warn("model_tokens_used_up", tokens_per_day=self.tokens_per_day)
            self.used_up = day
            return None
        try:
            reply = await self.client.ask(prompt)
        except ModelFailed as error:
            if error.free:
                await summaries.correct(self.database, day, -prompt.tokens)
            raise
        if reply.tokens is not None:
            beyond = reply.tokens - prompt.tokens
            await self._write(lambda: summaries.correct(self.database, day, beyond))
        return await asyncio.to_thread(answer_of, reply.content, named)

    def _answered(self) -> None:
        """Take down that the server is there."""
        if self.breaker.is_open:
            self.report("model_back")
        self.breaker = Breaker()

    async def _failed(self, article: Claimed, error: ModelFailed) -> None:
        """Take down a failure: of the article for good, of the server until it is asked again."""
        now = self.clock()
        self.report("summary_failed", article=str(article.id), reason=error.message)
        if error.fault == "article":
            self._answered()
            await self._finish(article, reason=error.message)
            return
        was_open = self.breaker.is_open
        wait = None if error.retry_after is None else timedelta(seconds=error.retry_after)
        self.breaker = self.breaker.failed(now, wait)
        if self.breaker.until is not None and not was_open:
            self.warn("model_away", reason=error.message, until=self.breaker.until.isoformat(timespec="seconds"))
        if error.fault == "answer":
            await self._finish(article, reason=error.message)
        elif wait is not None:  # it is busy, whatever it is asked about
            await self._let_go(article)
        else:
            pause = min(SHORTEST_PAUSE * 2 ** min(article.failures, 10), LONGEST_PAUSE)
            await self._postpone(article, now + pause, failed=True)

    async def _finish(
        self, article: Claimed, *, summary: str | None = None, rationale: str | None = None, reason: str | None = None
    ) -> None:
        written = Written(
            content_hash=article.content_hash,
            prompt_version=PROMPT_VERSION,
            at=self.clock(),
            summary=summary,
            rationale=rationale,
            reason=reason,
        )
        await self._write(lambda: summaries.finish(self.database, article.id, self.model, written))

    async def _let_go(self, article: Claimed) -> None:
        """Leave an article to whoever comes next; where that cannot be said, its claim runs out."""
        try:
            await self._postpone(article, self.clock(), failed=False)
        except StorageUnavailable as error:
            self._away(error)

    async def _postpone(self, article: Claimed, until: datetime, *, failed: bool) -> None:
        await summaries.postpone(self.database, self.id, article.id, self.model, until=until, failed=failed)

    async def _write(self, work: Callable[[], Awaitable[None]]) -> None:
        """Write down what was paid for."""
        await outlasting(work, away=self._away, seconds=self.away_seconds)

    def _away(self, error: StorageUnavailable) -> None:
        self.report("database_away", reason=error.message)


def _prepared(article: Claimed) -> tuple[Prompt, Named]:
    """What to ask, and what the answer may name; in a thread, because reading a long article takes a while."""
    return prompt_of(article.title, article.text), named_in(article.title, article.text)
