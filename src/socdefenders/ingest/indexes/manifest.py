"""The manifest of a MISP feed: which events there are, in which version, and which of them are to be read now.

Nothing in it is trusted but what has the form it must have: the name of an event becomes part of an address.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from socdefenders.errors import FeedError
from socdefenders.feeds.fields import clean, when
from socdefenders.feeds.jsons import Json, as_dict

MAX_EVENTS = 100_000
TRIES = 3
"""How often an event is asked for that is gone or cannot be read, until it has another version."""

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,20}", re.ASCII)
_GONE = re.compile(r"gone ([0-9]) (.+)")
_REFUSED = "refused "


class Event(NamedTuple):
    """An event that the manifest lists."""

    uuid: str
    """As published."""
    version: str
    """What is another when the event has changed: its timestamp, or what stands for one."""
    at: datetime | None

    @property
    def part(self) -> str:
        """Its name among the positions of the source."""
        return self.uuid.lower()


class Manifest(NamedTuple):
    """What a manifest says."""

    events: tuple[Event, ...]
    """The newest first."""
    malformed: int
    """Entries that are none."""

    def due(self, known: Mapping[str, str]) -> list[Event]:
        """Return the events that are to be read, by the positions known: those last that failed before."""
        due = [event for event in self.events if not _settled(event, known.get(event.part))]
        return sorted(due, key=lambda event: has_failed(event, known.get(event.part)))


def read_manifest(value: Json) -> Manifest:
    """Read a manifest; raise FeedError where it lists more than is believed."""
    if len(value) > MAX_EVENTS:
        raise FeedError(f"manifest.json: more than {MAX_EVENTS:,} events.")
    events = {}
    malformed = 0
    for uuid, entry in value.items():
        if _UUID.fullmatch(uuid) and isinstance(entry, dict):
            event = Event(uuid, _version(entry), when(entry.get("timestamp")) or when(entry.get("date")))
            events[event.part] = event
        else:
            malformed += 1
    newest_first = sorted(events.values(), key=lambda event: event.at.timestamp() if event.at else 0.0, reverse=True)
    return Manifest(tuple(newest_first), malformed)


def after_gone(event: Event, position: str | None) -> str:
    """Return the position of an event that is not there or cannot be read: it is tried again a few times."""
    found = _GONE.fullmatch(position or "")
    before = int(found[1]) if found and found[2] == event.version else 0
    return f"gone {min(before + 1, TRIES)} {event.version}"


def after_refused(event: Event) -> str:
    """Return the position of an event that its publisher did not give: it is tried again, after all others."""
    return f"{_REFUSED}{event.version}"


def has_failed(event: Event, position: str | None) -> bool:
    """Whether this version of an event was asked for in vain."""
    return position is not None and position != event.version and position.endswith(f" {event.version}")


def _settled(event: Event, position: str | None) -> bool:
    return position in {event.version, f"gone {TRIES} {event.version}"}


def _version(entry: Json) -> str:
    stamp = clean(entry.get("timestamp"))
    if stamp and _NUMBER.fullmatch(stamp):
        return stamp
    organisation = as_dict(entry.get("Orgc")).get("uuid")
    said = map(clean, (stamp, organisation, *map(entry.get, ("info", "date", "analysis", "publish_timestamp"))))
    return hashlib.sha256("\0".join(each or "" for each in said).encode("utf-8", "surrogatepass")).hexdigest()
