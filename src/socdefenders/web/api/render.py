"""What leaves the API: the bytes of its JSON and the shapes that every answer shares."""

from collections.abc import Mapping
from datetime import datetime

import orjson
from starlette.responses import Response

from socdefenders.model import Confidence, Sighting

FEED_VERSION = "1.0"
_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS


class Json(Response):
    """A JSON answer; times are RFC 3339 in UTC."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """Return the bytes of `content`."""
        return orjson.dumps(content, option=_OPTIONS)


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
