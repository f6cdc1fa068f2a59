"""What leaves the API: the bytes of its JSON and the shapes that every answer shares."""

from collections.abc import Mapping
from datetime import datetime

import orjson
from starlette.responses import Response

from socdefenders.model import Confidence, SearchResult, Sighting

FEED_VERSION = "1.0"
_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS


class Json(Response):
    """A JSON answer; times are RFC 3339 in UTC."""

    media_type = "application/json"

    def __init__(self, content: object, status_code: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Write `content`; the headers are put together here, at half the cost of Starlette's way."""
        self.status_code = status_code
        self.background = None
        self.body = orjson.dumps(content, option=_OPTIONS)
        self.raw_headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(self.body))]
        for name, value in (headers or {}).items():
            self.raw_headers.append((name.lower().encode("latin-1"), value.encode("latin-1")))


def meta(source: str, now: datetime) -> dict[str, object]:
    """Return what every success body opens with."""
    return {"generated_at": now, "feed_version": FEED_VERSION, "source": source}


def error_body(
    code: str, message: str, request_id: str, details: Mapping[str, object] | None = None
) -> dict[str, object]:
    """Return the body of an error."""
    error: dict[str, object] = {"code": code, "message": message}
    if details:
        error["details"] = details
    error["request_id"] = request_id
    return {"error": error}


def ioc(sighting: Sighting, public_url: str) -> dict[str, object]:
    """Return the IOC object: a sighting with its source."""
    article = None if sighting.article_id is None else str(sighting.article_id)
    return {
        "id": str(sighting.id),
        "type": sighting.type,
        "value": sighting.value,
        "confidence": Confidence.of(sighting.confidence).value,
        "first_seen": sighting.first_seen,
        "last_seen": sighting.last_seen,
        "source": {
            "article_id": article,
            "article_title": sighting.article_title,
            "article_url": None if article is None else f"{public_url}/item/{article}",
            "reference_url": sighting.reference_url,
            "feed_name": sighting.feed_name,
            "category": sighting.category,
            "origin": sighting.origin,
        },
        "context": sighting.context,
        "tags": sighting.tags,
        "mitre_techniques": sighting.techniques,
    }


def search_body(
    result: SearchResult, *, source: str, public_url: str, now: datetime, seconds: float
) -> dict[str, object]:
    """Return the body of a search that took `seconds` on the instance called `source`."""
    return {
        "meta": meta(source, now),
        "data": {
            "found": bool(result.matches),
            "query": result.query,
            "matches": [ioc(sighting, public_url) for sighting in result.matches],
            "relatedIOCs": [ioc(sighting, public_url) for sighting in result.related],
            "meta": {
                "total_matches": result.total_matches,
                "related_count": len(result.related),
                "search_time_ms": round(seconds * 1000),
                "strategy": result.strategy,
                "complete": result.complete,
                "truncated": result.truncated,
            },
        },
    }
