"""What comes page by page: how far it has been read, what a page says, and how a kind of source is asked."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

import orjson

from socdefenders.feeds.fields import when
from socdefenders.feeds.jsons import Json

MAX_TOKEN = 2_048
"""Characters of what a publisher names its next page by."""


class Place(NamedTuple):
    """How far it has been read."""

    since: str | None = None
    """What was changed after that is asked for, in the publisher's words; None: everything."""
    token: str | None = None
    """The next page of that, while there is one."""
    reached: str | None = None
    """The latest time of the pages before it."""

    @classmethod
    def from_text(cls, text: str) -> "Place":
        """Return the place that `to_text` wrote."""
        return cls(*orjson.loads(text))

    def to_text(self) -> str:
        """Write it as a text to be kept."""
        return orjson.dumps(list(self)).decode()


class Page(NamedTuple):
    """What one page says of itself."""

    records: int
    more: bool
    token: str | None
    """What the next page is asked for by; None though there is `more`: by the time that was reached."""
    reached: str | None
    """The latest time in it, in the publisher's words, if it can be believed."""
    newest: datetime | None
    """The latest time in it, believed or not."""


class Dialect(NamedTuple):
    """How a kind of source is asked, and what it answers."""

    accept: str
    address: Callable[[str, Place], str]
    """The address of the page at a place, by that of the source."""
    page: Callable[[Json, str, Mapping[str, str], datetime], Page]
    """What stands in a page, by its JSON, its address, its headers, and the latest time that is believed; raises
    FeedError."""
    resume: Callable[[Place], Place]
    """Where a look goes on that another look began."""
    anew: Callable[[Place], Place]
    """Where to begin again when the publisher knows a token no more, so that nothing is left out."""


def later(first: str | None, second: str | None) -> str | None:
    """Return the later of two times, in their publisher's words."""
    one, other = when(first), when(second)
    if one is None or other is None:
        return second if one is None else first
    return second if other >= one else first


def sendable(value: object) -> str | None:
    """A token as it can be sent back, or None."""
    return value if isinstance(value, str) and 0 < len(value) <= MAX_TOKEN and value.isprintable() else None
