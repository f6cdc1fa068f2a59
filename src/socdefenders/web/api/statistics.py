"""`/api/v1/iocs/stats`: how much is known, of what, by whom, and how the sources are doing.

Counting takes seconds where there is much, so it is done at most every ten minutes, in the background, and what was
counted last is what is answered; how old it is stands in the headers.
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from socdefenders.errors import KnowledgeError, StorageError
from socdefenders.knowledge.store import open_bundle
from socdefenders.storage import feeds, statistics
from socdefenders.storage.feeds import FeedStatus
from socdefenders.storage.statistics import Statistics
from socdefenders.web.api import render
from socdefenders.web.api.responses import CACHE, SECURITY, errors, success
from socdefenders.web.api.schemas import StatisticsResponse
from socdefenders.web.api.states import shown
from socdefenders.web.auth import Guard
from socdefenders.web.services import Services
from socdefenders.web.visit import visit_of

EVERY = timedelta(minutes=10)
"""Between two counts."""
STALE = 2 * EVERY
"""An age that says that counting has failed, or takes very long."""


class Counted(NamedTuple):
    """What was found when everything was counted."""

    statistics: Statistics
    sources: list[FeedStatus]
    titles: dict[str, str]
    """What ATT&CK calls the techniques."""


class Stats:
    """The endpoint, and what was counted last."""

    def __init__(self, services: Services, guard: Guard) -> None:
        """Work with `services`; `guard` admits the callers."""
        self._services = services
        self._guard = guard
        self._kept: Counted | None = None
        self._counting: asyncio.Task[Counted] | None = None

    async def stats(self, request: Request) -> Response:
        """Answer `GET /api/v1/iocs/stats`."""
        visit = visit_of(request.scope)
        await self._guard.admit(request.scope, visit, needs="read:iocs")
        now = self._services.clock()
        counted = await self._counted(now)
        at = counted.statistics.at
        age = now - at
        headers = {
            "Cache-Control": "private, no-store",
            "X-Cache-Updated-At": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "X-Cache-Age-Seconds": str(max(0, int(age.total_seconds()))),
        }
        if age > STALE:
            headers["X-Cache-Stale"] = "true"
        body = {"meta": render.meta(self._services.settings.instance_name, now), "data": _data(counted, now)}
        return render.Json(body, headers=headers)

    async def _counted(self, now: datetime) -> Counted:
        """Return what was counted last; only who asks first waits for it."""
        kept, counting = self._kept, self._counting
        if kept is not None and now - kept.statistics.at < EVERY:
            return kept
        if counting is None:
            counting = self._counting = asyncio.create_task(self._count(now))
            counting.add_done_callback(self._done)
        return await asyncio.shield(counting) if kept is None else kept

    async def _count(self, now: datetime) -> Counted:
        database = self._services.database
        sources = await feeds.every(database)
        counted = await statistics.read(database.dsn, now=now)
        titles = await asyncio.to_thread(_titles, self._services.settings.data_dir, counted.techniques)
        return Counted(counted, sources, titles)

    def _done(self, task: asyncio.Task[Counted]) -> None:
        self._counting = None
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            self._kept = task.result()
        elif self._kept is not None:  # otherwise whoever waits for it is told
            reason = error.message if isinstance(error, StorageError) else repr(error)
            self._services.log.warning("statistics are not counted anew", reason=reason)


def router(endpoints: Stats) -> APIRouter:
    """Declare the endpoint."""
    routes = APIRouter(prefix="/api/v1/iocs", tags=["Statistics"])
    routes.add_api_route(
        "/stats",
        endpoints.stats,
        summary="How much is known, and how the sources are doing",
        description="Counted anew every ten minutes; the headers say when it was.",
        operation_id="getStats",
        response_model=StatisticsResponse,
        responses={
            200: success("What is stored", rated=True, more=CACHE),
            **errors(400, 401, 403, 405, 413, 429, 500, 503, rated=True),
        },
        openapi_extra={"security": SECURITY},
    )
    return routes


def _titles(directory: Path, techniques: Iterable[str]) -> dict[str, str]:
    """Name techniques by what is known beforehand, where that is at hand: it is not compiled for this."""
    try:
        known = open_bundle(directory)
    except KnowledgeError:
        return {}
    return {each: found.name for each in techniques if (found := known.technique(each)) is not None}


def _data(found: Counted, now: datetime) -> dict[str, object]:
    counted = found.statistics
    categories: dict[str, int] = {}
    for source in counted.sources:
        categories[source.category] = categories.get(source.category, 0) + source.reports
    return {
        "totals": {
            "iocs": sum(counted.types.values()),
            "articles": counted.articles,
            "by_type": counted.types,
            "by_source": {source.name: source.reports for source in counted.sources},
            "by_category": categories,
        },
        "trend": {
            "last_24h": counted.last_day,
            "last_7d": counted.last_week,
            "daily": [{"date": day.date, "iocs": day.indicators, "articles": day.articles} for day in counted.days],
        },
        "feeds": [_feed(each, now) for each in found.sources if each.enabled],
        "top_mitre_techniques": [
            {"id": technique, "name": found.titles.get(technique), "count": count}
            for technique, count in counted.techniques.items()
        ],
        "top_cves": [{"id": cve, "count": count} for cve, count in counted.cves.items()],
        "last_updated": counted.at,
    }


def _feed(status: FeedStatus, now: datetime) -> dict[str, object]:
    state, reason = shown(status.state, status.reason, status.due_at, now)
    return {"name": status.name, "status": state, "last_success_at": status.succeeded_at, "last_error": reason}
