"""`/healthz`, `/readyz` and `/metrics`: what supervisors, load balancers and Prometheus ask."""

import asyncio
import math
from collections import Counter
from time import monotonic

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from socdefenders.errors import SchemaError, StorageError, StorageUnavailable
from socdefenders.model import State
from socdefenders.storage import feeds, migrate
from socdefenders.web.api.render import Json, error_body
from socdefenders.web.api.responses import errors, success
from socdefenders.web.api.schemas import Alive, Ready
from socdefenders.web.api.states import OVERDUE
from socdefenders.web.services import Services
from socdefenders.web.visit import visit_of

CHECK_SECONDS = 1.0
NO_STORE = {"Cache-Control": "no-store"}
EXPOSITION = "text/plain; version=1.0.0; charset=utf-8"


class Health:
    """The endpoints; none of them needs a key, and none says anything secret."""

    def __init__(self, services: Services) -> None:
        """Look at `services`."""
        self._services = services
        self._turn = asyncio.Lock()
        self._found: dict[str, str] = {}
        self._stale_at = 0.0

    async def healthz(self, _request: Request) -> Response:
        """Answer that the process answers."""
        return Json({"status": "ok"}, headers=NO_STORE)

    async def readyz(self, request: Request) -> Response:
        """Answer whether requests can be served: database, schema, and the line on which revocations are heard."""
        checks = await self._checks()
        if all(found == "ok" for found in checks.values()):
            return Json({"status": "ready", "checks": checks}, headers=NO_STORE)
        message = "Not ready: " + ", ".join(name for name, found in checks.items() if found != "ok") + "."
        body = error_body("service_unavailable", message, visit_of(request.scope).request_id, {"checks": checks})
        return Json(body, 503, {**NO_STORE, "Retry-After": str(StorageUnavailable.retry_after)})

    async def metrics(self, _request: Request) -> Response:
        """Answer with everything that is counted."""
        services, metrics = self._services, self._services.metrics
        metrics.callers.set(len(services.authenticator))
        metrics.listening.set(services.authenticator.listening)
        metrics.budgets_away.set(services.budgets.away)
        await self._count_feeds()
        return Response(metrics.exposition(), media_type=EXPOSITION, headers=NO_STORE)

    async def _count_feeds(self) -> None:
        """Count the sources by state; with the database away, say nothing of them rather than something old."""
        services, metrics = self._services, self._services.metrics
        try:
            stored = [each for each in await feeds.every(services.database) if each.enabled]
        except StorageError:
            metrics.feeds.clear()
            metrics.feeds_overdue.set(math.nan)
            return
        counts = Counter(each.state for each in stored)
        for state in State:
            metrics.feeds.labels(state.value).set(counts[state.value])
        due = services.clock() - OVERDUE
        metrics.feeds_overdue.set(sum(each.due_at < due for each in stored))

    async def _checks(self) -> dict[str, str]:
        # Nobody needs a key for this, and it opens a connection: once a second is often enough.
        async with self._turn:
            if monotonic() >= self._stale_at:
                self._found = await self._look()
                self._stale_at = monotonic() + CHECK_SECONDS
        return self._found

    async def _look(self) -> dict[str, str]:
        services = self._services
        checks = {"database": "ok", "schema": "ok", "revocations": "ok"}
        try:
            await migrate.check(services.database.dsn)
        except SchemaError as error:
            checks["schema"] = error.message
        except StorageError as error:
            # The server's own words are for the log alone: anybody may ask here, and they name roles and databases.
            checks["database"] = checks["schema"] = "unavailable"
            services.log.warning("database away", reason=error.message)
        if not services.authenticator.listening:
            checks["revocations"] = "not heard; every key is looked up in the database"
        if services.alone is not None:
            checks["budgets"] = "ok" if services.alone.held else "the lock of the one API process is not held"
        return checks


def router(endpoints: Health) -> APIRouter:
    """Declare the endpoints."""
    routes = APIRouter(tags=["Operations"])
    routes.add_api_route(
        "/healthz",
        endpoints.healthz,
        summary="Whether the process answers",
        response_model=Alive,
        responses={200: success("It does", rated=False), **errors(405, 413, rated=False)},
    )
    routes.add_api_route(
        "/readyz",
        endpoints.readyz,
        summary="Whether requests can be served",
        response_model=Ready,
        responses={200: success("They can", rated=False), **errors(405, 413, 500, 503, rated=False)},
    )
    text = {"text/plain": {"schema": {"type": "string"}}}
    routes.add_api_route(
        "/metrics",
        endpoints.metrics,
        summary="Metrics for Prometheus",
        response_class=Response,
        responses={
            200: success("Prometheus' text format", rated=False, content=text),
            **errors(405, 413, 500, rated=False),
        },
    )
    return routes
