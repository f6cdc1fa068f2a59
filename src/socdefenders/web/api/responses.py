"""How the OpenAPI document describes headers, errors and security, said once for all endpoints."""

from collections.abc import Mapping
from types import MappingProxyType

from socdefenders.web.api.schemas import Error

Header = dict[str, object]
Described = dict[int | str, dict[str, object]]

SECURITY: list[dict[str, list[str]]] = [{"BearerAuth": []}, {"ApiKeyAuth": []}, {"QueryKeyAuth": []}]
SECURITY_SCHEMES = {
    "BearerAuth": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer sk_live_...`"},
    "ApiKeyAuth": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "`X-API-Key: sk_live_...`"},
    "QueryKeyAuth": {
        "type": "apiKey",
        "in": "query",
        "name": "api_key",
        "description": "For clients that cannot set a header; the key may end up in the logs of proxies in between.",
    },
}


def _header(description: str, schema: dict[str, object], *, required: bool = True) -> Header:
    return {"description": description, "required": required, "schema": schema}


_COUNT: dict[str, object] = {"type": "integer", "minimum": 0}
REQUEST_ID = {"X-Request-ID": _header("Names this request in the server's log", {"type": "string", "minLength": 16})}
RATE = {
    "X-RateLimit-Limit": _header("Requests a minute", _COUNT),
    "X-RateLimit-Remaining": _header("Requests left in the current window", _COUNT),
    "X-RateLimit-Reset": _header("Unix time at which the window ends", _COUNT),
}
RETRY_AFTER = {"Retry-After": _header("Seconds to wait before asking again", {"type": "integer", "minimum": 1})}
ALLOW = {"Allow": _header("The methods this address knows", {"type": "string"})}
NOTHING: Mapping[str, Header] = MappingProxyType({})
CACHE = {
    "X-Cache-Updated-At": _header("When this was counted", {"type": "string", "format": "date-time"}),
    "X-Cache-Age-Seconds": _header("How long ago that is", _COUNT),
    "X-Cache-Stale": _header("`true` when it should have been counted anew by now", {"type": "string"}, required=False),
}

_ERRORS: dict[int, tuple[str, dict[str, Header]]] = {
    400: ("A bad or missing parameter (`invalid_parameter`)", {}),
    401: ("No valid key (`missing_api_key`, `invalid_api_key`, `expired_api_key`)", {}),
    403: ("Not with this key (`ip_not_allowed`, `insufficient_scope`)", {}),
    405: ("Only GET and HEAD (`method_not_allowed`)", ALLOW),
    413: ("A body, which nothing here reads, of more than 64 KiB (`payload_too_large`)", {}),
    429: ("Over the budget of the minute or of the day (`rate_limit_exceeded`)", RETRY_AFTER),
    500: ("A fault of ours (`internal_error`)", {}),
    503: ("The database is away (`service_unavailable`)", RETRY_AFTER),
}


def errors(*statuses: int, rated: bool) -> Described:
    """Describe the error answers of an endpoint; `rated`: it stands under /api and carries the rate headers."""
    shared = REQUEST_ID | (RATE if rated else {})
    return {
        status: {"model": Error, "description": _ERRORS[status][0], "headers": shared | _ERRORS[status][1]}
        for status in statuses
    }


def success(
    description: str, *, rated: bool, more: Mapping[str, Header] = NOTHING, **described: object
) -> dict[str, object]:
    """Describe the 200 of an endpoint, with the headers that all have, and `more`."""
    headers = {**REQUEST_ID, **(RATE if rated else {}), **more}
    return {"description": description, "headers": headers, **described}
