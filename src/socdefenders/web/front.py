"""The one layer around the application: request id, rate headers, access line, metrics, last handler of errors.

It also calls the endpoints that must be fast itself. The router and the layers of FastAPI cost more than
a search does; the same endpoints are declared there as routes, for the OpenAPI document and for the
answers to other methods.
"""

import os
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from socdefenders.errors import PayloadTooLarge
from socdefenders.web.auth import Guard
from socdefenders.web.services import Services
from socdefenders.web.visit import Visit, client_address

Endpoint = Callable[[Request], Awaitable[Response]]

MAX_BODY = 65_536
"""Bytes a request may announce as its body; no endpoint reads one."""


class Front:
    """An ASGI application in front of another."""

    def __init__(
        self,
        routed: ASGIApp,
        direct: Mapping[str, Endpoint],
        services: Services,
        guard: Guard,
        answer: Callable[[Exception, Visit], Response],
    ) -> None:
        """Serve the paths of `direct` itself and all others by `routed`; `answer` turns an error into a response."""
        self._routed = routed
        self._direct = direct
        self._guard = guard
        self._answer = answer
        self._trusted = services.settings.trusted_proxies
        self._metrics = services.metrics
        self._log = services.log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._routed(scope, receive, send)
            return
        began = perf_counter()
        # A client's own X-Request-ID is not taken over: ids are ours, so that they are unique and safe to log.
        visit = scope["visit"] = Visit("req_" + os.urandom(8).hex(), client_address(scope, self._trusted))
        status = 0

        async def labelled(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *await self._labels(scope, visit)]
                await send(message)
                status = message["status"]
            else:
                await send(message)

        try:
            await self._serve(scope, receive, labelled, visit)
        except Exception as error:  # noqa: BLE001  # the last handler: whatever went wrong has an answer
            if not status:
                await self._answer(error, visit)(scope, receive, labelled)
            elif error is not visit.error:  # too late for another answer; the server hangs up on half a one
                self._log.error("answer broken off", request_id=visit.request_id, exc_info=error)
        finally:
            self._record(scope, visit, status, perf_counter() - began)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, visit: Visit) -> None:
        _check_body(scope)
        method, path = scope["method"], scope["path"]
        endpoint = self._direct.get(path)
        if endpoint is not None and method in {"GET", "HEAD"}:
            visit.route = path
            response = await endpoint(Request(scope, receive))
            await response(scope, receive, send)
            return
        # The server leaves out the body of an answer to HEAD; the rest is as for GET. The copy keeps it knowing.
        inner = {**scope, "method": "GET"} if method == "HEAD" else scope
        await self._routed(inner, receive, send)
        visit.route = getattr(inner.get("route"), "path", "unmatched")

    async def _labels(self, scope: Scope, visit: Visit) -> list[tuple[bytes, bytes]]:
        labels = [(b"x-request-id", visit.request_id.encode()), (b"x-content-type-options", b"nosniff")]
        if scope["path"].startswith("/api/") and not visit.rated:
            # Once: where looking it up fails, the answer that says so goes without.
            visit.rated = True
            visit.rate = visit.rate or await self._guard.glance(scope, visit)
        if visit.rate is not None:
            limit, remaining, reset = visit.rate
            labels += (
                (b"x-ratelimit-limit", b"%d" % limit),
                (b"x-ratelimit-remaining", b"%d" % remaining),
                (b"x-ratelimit-reset", b"%d" % reset),
            )
        return labels

    def _record(self, scope: Scope, visit: Visit, status: int, seconds: float) -> None:
        self._metrics.request(visit.route, status, seconds)
        fields = {"q": visit.query} if visit.query is not None else {}
        self._log.info(
            "request",
            request_id=visit.request_id,
            method=scope["method"],
            path=scope["path"][:500],
            status=status,
            ms=round(seconds * 1000, 3),
            key=visit.key,
            client=visit.client,
            **fields,
        )


def _check_body(scope: Scope) -> None:
    for name, value in scope["headers"]:
        if name == b"content-length" and (len(value) > len(str(MAX_BODY)) or int(value) > MAX_BODY):
            raise PayloadTooLarge
