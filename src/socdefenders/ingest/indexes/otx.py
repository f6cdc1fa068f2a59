"""AlienVault OTX: the pulses that an account has subscribed to, those alone that were modified since the last time.

An answer names its next page by an address. Only the query of that address is taken, and only if it leads to where
the answer came from: the account's key is sent there.
"""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode, urljoin, urlsplit

from socdefenders.errors import FeedError
from socdefenders.feeds.fields import clean, when
from socdefenders.feeds.jsons import Json, as_dict
from socdefenders.ingest.indexes.places import Dialect, Page, Place, sendable

LIMIT = 20
"""Pulses of a page; one may hold thousands of indicators."""


def address(url: str, place: Place) -> str:
    """Return the address of the page at `place`."""
    if place.token is not None:
        return f"{url}?{place.token}"
    asked = {"limit": LIMIT, "page": 1, "modified_since": place.since}
    return f"{url}?{urlencode({name: value for name, value in asked.items() if value})}"


def page(value: Json, url: str, _headers: Mapping[str, str], until: datetime) -> Page:
    """Read an answer; raise FeedError where it is none, or where its next page is elsewhere."""
    results = value.get("results")
    if not isinstance(results, list):
        raise FeedError("What came is no answer of OTX: it has no list of results.")
    modified = [clean(as_dict(pulse).get("modified")) for pulse in results]
    times = [(found, said) for said in modified if said and (found := when(said)) is not None]
    token = _query_of(value.get("next"), url)
    return Page(
        records=len(results),
        more=token is not None,
        token=token,
        reached=max((each for each in times if each[0] <= until), default=(None, None))[1],
        newest=max((found for found, _ in times), default=None),
    )


def resume(place: Place) -> Place:
    """Go on with the same page: its number says which one it is."""
    return place


def anew(place: Place) -> Place:
    """Begin again with all that is asked for: nobody says in which order the pulses come."""
    return Place(place.since)


def _query_of(following: object, url: str) -> str | None:
    """Return the query of the next page's address, None where there is none."""
    if not following:
        return None
    here = urlsplit(url)
    try:
        there = urlsplit(urljoin(url, str(following)))
        same = (there.hostname, there.port or here.port, there.path) == (here.hostname, here.port, here.path)
    except ValueError as error:
        raise FeedError("The address of its next page is none.") from error
    if not same:
        raise FeedError("It names a next page at another address than its own, to which its key is not sent.")
    return sendable(there.query)


DIALECT = Dialect("application/json", address, page, resume, anew)
