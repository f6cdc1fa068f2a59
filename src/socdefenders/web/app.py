"""Builds the application: its routes, and the one table that maps errors to HTTP statuses."""

from datetime import datetime
from http import HTTPStatus
from math import ceil

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from socdefenders import __version__
from socdefenders.errors import (
    AddressNotAllowed,
    BudgetExceeded,
    ExpiredKey,
    InputError,
    InsufficientScope,
    InvalidKey,
    MissingKey,
    PayloadTooLarge,
    SocDefendersError,
    StorageUnavailable,
)
from socdefenders.seams import Clock, utc
from socdefenders.settings import Settings
from socdefenders.web import docs
from socdefenders.web.api import health, iocs, statistics
from socdefenders.web.api.render import Json, error_body
from socdefenders.web.auth import Guard
from socdefenders.web.front import Front
from socdefenders.web.services import Services
from socdefenders.web.visit import Visit, visit_of

STATUSES: dict[type[SocDefendersError], tuple[int, str]] = {
    InputError: (400, "invalid_parameter"),
    MissingKey: (401, "missing_api_key"),
    InvalidKey: (401, "invalid_api_key"),
    ExpiredKey: (401, "expired_api_key"),
    AddressNotAllowed: (403, "ip_not_allowed"),
    InsufficientScope: (403, "insufficient_scope"),
    PayloadTooLarge: (413, "payload_too_large"),
    BudgetExceeded: (429, "rate_limit_exceeded"),
    StorageUnavailable: (503, "service_unavailable"),
    SocDefendersError: (500, "internal_error"),
}
"""What each error is over HTTP; an error that is not here is what its nearest ancestor is."""

CODES = {
    400: ("invalid_parameter", "The request cannot be understood."),
    404: ("not_found", "There is nothing at this address; /docs lists what there is."),
    405: ("method_not_allowed", "This address does not know that method; see the Allow header."),
    413: ("payload_too_large", "The request's body is larger than anything this API reads."),
    500: ("internal_error", "Something went wrong on our side; the request_id finds it in the server's log."),
}
"""Codes and messages for the statuses that the framework itself answers with."""

TITLE = "SOC Defenders Threat Intelligence API"
ABOUT = """\
Who reported this indicator, when, in what context, and what else belonged to it.

Every request to `/api/v1` needs an API key, in one of three places: `Authorization: Bearer sk_live_...`
(recommended), `X-API-Key: sk_live_...`, or the query parameter `api_key`. A key has a budget by the minute
and by the day; every answer says in `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset`
what is left of it. Every answer carries `X-Request-ID`, and every error says why in the same form.
"""


class Application(Front):
    """The application, and the services that it works with; whoever serves it runs these."""

    def __init__(self, settings: Settings, *, dsn: str, clock: Clock = utc) -> None:
        """Build everything; nothing is opened yet."""
        self.services = Services.of(settings, dsn, clock=clock)
        self.guard = Guard(self.services.authenticator, self.services.budgets, clock)
        self.errors = Errors(self.services)
        self.api = self._api()
        search = iocs.Iocs(self.services, self.guard)
        state = health.Health(self.services)
        stats = statistics.Stats(self.services, self.guard)
        self.routers = (iocs.router(search), statistics.router(stats), health.router(state), docs.router(self.api))
        for router in self.routers:
            self.api.include_router(router)
        direct = {"/api/v1/iocs/search": search.search, "/healthz": state.healthz}
        super().__init__(self.api, direct, self.services, self.guard, self.errors.response)

    def _api(self) -> FastAPI:
        async def answer(request: Request, error: Exception) -> Response:
            return self.errors.response(error, visit_of(request.scope))

        handlers = (HTTPException, SocDefendersError, Exception)
        return FastAPI(
            title=TITLE,
            version=__version__,
            description=ABOUT,
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
            servers=[{"url": self.services.settings.public_url}],
            openapi_url=None,
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
            exception_handlers=dict.fromkeys(handlers, answer),
        )


class Errors:
    """Turns every error into the one shape that the API promises."""

    def __init__(self, services: Services) -> None:
        """Log and count in `services`."""
        self._services = services
        self._upgrade_url = services.settings.public_url + "/export#pricing"

    def response(self, error: Exception, visit: Visit) -> Response:
        """Return the answer to a request that ended in `error`."""
        visit.error = error
        if isinstance(error, HTTPException):
            return self._of_framework(error, visit)
        status, code = _status(error)
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            self._services.log.error("request failed", request_id=visit.request_id, exc_info=error)
            return Json(error_body(*CODES[500], visit.request_id), status, {"Cache-Control": "no-store"})
        message = error.message if isinstance(error, SocDefendersError) else str(error)
        if isinstance(error, StorageUnavailable):
            self._services.metrics.unavailable.inc()
            self._services.log.warning("database away", request_id=visit.request_id, reason=error.message)
            message = "The database is not reachable at the moment; try again shortly."
        if isinstance(error, BudgetExceeded):
            self._services.metrics.refusal(error.tier, error.window)
        headers = _headers(error, self._services.clock())
        return Json(error_body(code, message, visit.request_id, self._details(error)), status, headers)

    def _of_framework(self, error: HTTPException, visit: Visit) -> Response:
        fallback = ("invalid_parameter", HTTPStatus(error.status_code).phrase)
        code, message = CODES.get(error.status_code, fallback)
        headers = {"Cache-Control": "no-store", **(error.headers or {})}
        if "GET" in headers.get("Allow", ""):
            headers["Allow"] = "GET, HEAD"
        return Json(error_body(code, message, visit.request_id), error.status_code, headers)

    def _details(self, error: Exception) -> dict[str, object] | None:
        if isinstance(error, InputError):
            return ({"parameter": error.parameter} if error.parameter else {}) | error.details or None
        if isinstance(error, InsufficientScope):
            return {"required_scope": error.required_scope}
        if isinstance(error, BudgetExceeded):
            return {
                "limit": error.limit,
                "reset_at": error.reset_at,
                "tier": error.tier,
                "upgrade_url": self._upgrade_url,
                "window": error.window,
            }
        return None


def _status(error: Exception) -> tuple[int, str]:
    for kind in type(error).__mro__:
        if kind in STATUSES:
            return STATUSES[kind]
    return STATUSES[SocDefendersError]


def _headers(error: Exception, now: datetime) -> dict[str, str]:
    headers = {"Cache-Control": "no-store"}
    if isinstance(error, MissingKey | InvalidKey | ExpiredKey):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, PayloadTooLarge):
        headers["Connection"] = "close"  # rather than read to the end what nobody wants
    if isinstance(error, BudgetExceeded):
        headers["Retry-After"] = str(max(1, ceil((error.reset_at - now).total_seconds())))
    if isinstance(error, StorageUnavailable):
        headers["Retry-After"] = str(error.retry_after)
    return headers
