"""TAXII 2.1 (OASIS Standard, 10 June 2021, 5.4): the objects of a collection, in the order in which they were added.

`added_after` asks for what came after a time, `next` for the next page of the same; servers that know no `next` are
asked by the time that their last page reached.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import urlencode

from socdefenders.errors import FeedError
from socdefenders.feeds.fields import when
from socdefenders.feeds.jsons import Json, as_list
from socdefenders.ingest.indexes.places import Dialect, Page, Place, sendable

LIMIT = 1_000
"""Objects of a page; a server may give fewer."""
ACCEPT = "application/taxii+json;version=2.1"

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z", re.ASCII)
_ENVELOPE = frozenset({"objects", "more", "next"})
_FORM = "%Y-%m-%dT%H:%M:%S.%fZ"


def address(url: str, place: Place) -> str:
    """Return the address of the page at `place`."""
    asked = {"added_after": place.since, "limit": LIMIT, "next": place.token}
    return f"{url}objects/?{urlencode({name: value for name, value in asked.items() if value})}"


def page(value: Json, _url: str, headers: Mapping[str, str], until: datetime) -> Page:
    """Read an envelope, and in its headers up to when it goes; raise FeedError where it is none."""
    if value and not _ENVELOPE & value.keys():
        raise FeedError("What came is no TAXII 2.1 envelope of objects; is it the address of a collection?")
    # Of a page with one object some servers tell the first time alone.
    reached, newest = _reached(headers.get("X-TAXII-Date-Added-Last") or headers.get("X-TAXII-Date-Added-First"))
    more = value.get("more") is True
    return Page(
        records=len(as_list(value.get("objects"))),
        more=more,
        token=sendable(value.get("next")) if more else None,
        reached=reached if newest is not None and newest <= until else None,
        newest=newest,
    )


def resume(place: Place) -> Place:
    """Go on by time where that leads on: some servers count by their token what they gave, arrived or not."""
    by_time = anew(place)
    began, begins = when(place.since), when(by_time.since)
    leads_on = begins is not None and (began is None or begins > began)
    return by_time if place.token is not None and leads_on else place


def anew(place: Place) -> Place:
    """Begin again just before what was reached: the rest of a page may have been added at that very moment."""
    reached = when(place.reached)
    if reached is None:
        return Place(place.since)
    return Place((reached - timedelta(microseconds=1)).strftime(_FORM))


def _reached(header: str | None) -> tuple[str | None, datetime | None]:
    """Return a time as it is to be sent back, and what it means; servers write it in other ways than they should."""
    found = when(header)
    if header is None or found is None:
        return None, None
    return (header if _TIME.fullmatch(header) else found.strftime(_FORM)), found


DIALECT = Dialect(ACCEPT, address, page, resume, anew)
