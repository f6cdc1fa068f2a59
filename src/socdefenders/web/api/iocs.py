"""`/api/v1/iocs/…`: what is known of indicators."""

import re
from time import perf_counter

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from socdefenders import search
from socdefenders.errors import InputError
from socdefenders.indicators.kinds import LONGEST
from socdefenders.indicators.query import SHORTEST
from socdefenders.model import IocType
from socdefenders.web import log
from socdefenders.web.api import render
from socdefenders.web.api.responses import SECURITY, errors, success
from socdefenders.web.api.schemas import SearchResponse
from socdefenders.web.auth import Guard, Parameters, parameters
from socdefenders.web.services import Services
from socdefenders.web.visit import visit_of

NO_CACHE = {"Cache-Control": "private, no-store"}
TYPES = {str(type_): type_ for type_ in IocType}
SPELLINGS = TYPES | {"mitre-attack": IocType.MITRE_ATTACK}
_SHAPED_AS_TYPE = re.compile(r"[A-Za-z0-9 _-]{1,20}")
"""Whatever else stands there is not repeated: it may be a key that was pasted into the wrong place."""
BOOLEANS = {"true": True, "1": True, "false": False, "0": False}

# What `indicators.candidates` takes, as a pattern: no control character, and two characters at least when the
# blanks around it are gone. A test holds the two against each other.
_CONTROL = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
_BLANK = (
    r"\t\n\r \xa0\xad\u1680\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff"  # whitespace, and what has no width
)
QUERY_PATTERN = rf"^[{_BLANK}]*[^{_BLANK}{_CONTROL}]([^{_CONTROL}]*[^{_BLANK}{_CONTROL}])[{_BLANK}]*$"
PARAMETERS = [
    {
        "name": "q",
        "in": "query",
        "required": True,
        "description": (
            "The value to search for: IPv4, IPv6, domain, URL, MD5, SHA-1, SHA-256, SHA-512, e-mail address, CVE or "
            "ATT&CK technique, as it was pasted: defanged, quoted, in any case. Two characters at least, not counting "
            "space around them."
        ),
        "schema": {
            "type": "string",
            "minLength": SHORTEST,
            "maxLength": LONGEST,
            "pattern": QUERY_PATTERN,
        },
        "example": "198.51.100.23",
    },
    {
        "name": "include_related",
        "in": "query",
        "description": "Whether to add up to 10 other indicators of the same articles.",
        "schema": {"type": "boolean", "default": True},
    },
    {
        "name": "type",
        "in": "query",
        "description": "Take the value for one of this type, and answer with that type alone.",
        "schema": {"type": "string", "enum": [*TYPES, "mitre-attack"]},
    },
]


class Iocs:
    """The endpoints."""

    def __init__(self, services: Services, guard: Guard) -> None:
        """Work with `services`; `guard` admits the callers."""
        self._services = services
        self._guard = guard
        self._deadline = services.settings.search_deadline_ms / 1000

    async def search(self, request: Request) -> Response:
        """Answer `GET /api/v1/iocs/search`."""
        visit = visit_of(request.scope)
        await self._guard.admit(request.scope, visit, needs="read:iocs")
        sent = parameters(request.scope, ("q", "include_related", "type", "api_key"))
        text = sent.get("q", "")
        visit.query = log.shown(text)
        type_, include_related = _type(sent), _include_related(sent)
        began = perf_counter()
        result = await search.find(
            self._services.database, text, type_=type_, include_related=include_related, deadline=self._deadline
        )
        seconds = perf_counter() - began
        self._services.metrics.search(result.strategy, seconds, complete=result.complete)
        settings = self._services.settings
        body = render.search_body(
            result,
            source=settings.instance_name,
            public_url=settings.public_url,
            now=self._services.clock(),
            seconds=seconds,
        )
        return render.Json(body, headers=NO_CACHE)


def router(endpoints: Iocs) -> APIRouter:
    """Declare the endpoints."""
    routes = APIRouter(prefix="/api/v1/iocs", tags=["IOCs"])
    routes.add_api_route(
        "/search",
        endpoints.search,
        summary="Search for a specific IOC value",
        description=(
            "Every report of one value, and what else its articles named. An exact match of the normalised value "
            "comes first; without one, and from three characters, beginnings, sub-domains, parts and similar values."
        ),
        operation_id="searchIOCs",
        response_model=SearchResponse,
        responses={
            200: success("What is known of the value", rated=True),
            **errors(400, 401, 403, 405, 413, 429, 500, 503, rated=True),
        },
        openapi_extra={"parameters": PARAMETERS, "security": SECURITY},
    )
    return routes


def _type(sent: Parameters) -> IocType | None:
    written = sent.get("type")
    if written is None:
        return None
    if written not in SPELLINGS:
        shown = f": {written}" if _SHAPED_AS_TYPE.fullmatch(written) else ""
        raise InputError(f"Invalid IOC type{shown}", parameter="type", details={"valid_types": list(TYPES)})
    return SPELLINGS[written]


def _include_related(sent: Parameters) -> bool:
    written = sent.get("include_related", "true")
    if written.lower() not in BOOLEANS:
        raise InputError(
            "include_related must be true or false.",
            parameter="include_related",
            details={"valid_values": list(BOOLEANS)},
        )
    return BOOLEANS[written.lower()]
