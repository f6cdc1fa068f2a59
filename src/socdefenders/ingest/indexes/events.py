"""MISP feeds: the manifest in one conditional request, and the events in it that are new or changed.

An event that is gone or broken costs itself. What says that the publisher has trouble, or wants to be left alone,
ends the look. As long as something is outstanding, the manifest is asked for whole: "not modified" would hide it.
"""

from dataclasses import dataclass
from http import HTTPStatus

from socdefenders.errors import FeedError, FetchFailed
from socdefenders.feeds import health
from socdefenders.feeds.fetch import UNKNOWN, Limits, Validators
from socdefenders.ingest.bodies import Seen, records_of
from socdefenders.ingest.indexes import manifest as manifests
from socdefenders.ingest.indexes.manifest import Event, Manifest
from socdefenders.ingest.indexes.visit import Visit
from socdefenders.storage import positions
from socdefenders.storage.database import Database

EVENTS = 100
"""Events that one look reads; a host is asked once a second."""
IN_A_ROW = 5
"""Events that a publisher may refuse one after the other before the look ends."""
MANIFEST = Limits(body_bytes=32 << 20)
EVENT = Limits(body_bytes=64 << 20, seconds=60.0)
NAME = "manifest.json"

_ENDS_THE_LOOK = frozenset({"connection", "refused-address", "tls"})
_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})


@dataclass(slots=True)
class _Tally:
    """What became of the events that were asked for."""

    asked: int = 0
    failed: int = 0
    refused_in_a_row: int = 0
    why: str = ""
    """Of the first that failed."""


async def read_events(visit: Visit, database: Database, validators: Validators) -> Seen:
    """Read the manifest and the events that are due; raise FeedError where the look has to end."""
    fetched = await visit.fetch(visit.address.url + NAME, validators=validators, limits=MANIFEST)
    if fetched.body is None:
        return Seen(reading=health.Reading(changed=False, whole=False), validators=validators)
    manifest = manifests.read_manifest(await visit.read(fetched, NAME))
    known = await positions.known(database, visit.feed.slug)
    tally = await _read_due(visit, database, manifest, known)
    outstanding = manifest.due(known)
    if tally.asked and (not outstanding or len(known) > positions.MOST):
        await positions.forget_others(database, visit.feed.slug, [event.part for event in manifest.events])
    left = sum(not manifests.has_failed(event, known.get(event.part)) for event in outstanding)
    reading = health.Reading(
        changed=visit.outcome.changed,
        records=len(manifest.events),
        malformed=manifest.malformed,
        newest=next((event.at for event in manifest.events), None),
        moved=fetched.permanent_url.removesuffix(NAME) if fetched.permanent_url else None,
        trouble=_trouble(visit, tally),
        note=_note(manifest, tally, left),
        soon=left > 0 and tally.refused_in_a_row < IN_A_ROW,
    )
    return Seen(reading=reading, validators=UNKNOWN if outstanding else fetched.validators)


async def _read_due(visit: Visit, database: Database, manifest: Manifest, known: dict[str, str]) -> _Tally:
    """Read the events that are due as far as one look goes, and remember each, in `known` too."""
    tally = _Tally()
    for event in manifest.due(known)[:EVENTS]:
        if visit.full or tally.refused_in_a_row >= IN_A_ROW:
            break
        tally.asked += 1
        position = await _read_one(visit, event, known.get(event.part), tally)
        await positions.remember(database, visit.feed.slug, {event.part: position})
        known[event.part] = position
    return tally


async def _read_one(visit: Visit, event: Event, before: str | None, tally: _Tally) -> str:
    """Read one event, and return its position; raise FetchFailed where no other would fare better."""
    name = f"{event.uuid}.json"
    try:
        fetched = await visit.fetch(visit.address.url + name, limits=EVENT)
    except FetchFailed as error:
        if error.reason_code in _ENDS_THE_LOOK or error.retry_after or error.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise
        gone = error.status in _GONE or error.reason_code == "too-large"
        _failed(tally, error, refused=not gone)
        return manifests.after_gone(event, before) if gone else manifests.after_refused(event)
    try:
        await visit.read(fetched, name)
        await visit.take_in()
    except FeedError as error:
        _failed(tally, error, refused=False)
        return manifests.after_gone(event, before)
    tally.refused_in_a_row = 0
    return event.version


def _failed(tally: _Tally, error: FeedError, *, refused: bool) -> None:
    tally.failed += 1
    tally.refused_in_a_row = tally.refused_in_a_row + 1 if refused else 0
    tally.why = tally.why or error.message


def _trouble(visit: Visit, tally: _Tally) -> str | None:
    if tally.failed > health.MALFORMED * tally.asked:
        return _failures(tally)
    malformed = visit.outcome.malformed
    total = malformed + records_of(visit.outcome)
    if malformed > health.MALFORMED * total:
        return f"{malformed:,} of {total:,} values of its events could not be read; has their format changed?"
    return None


def _note(manifest: Manifest, tally: _Tally, left: int) -> str | None:
    waiting = f"{left:,} of its {len(manifest.events):,} events are still to be read." if left else None
    return " ".join(filter(None, (waiting, _failures(tally) if tally.failed else None))) or None


def _failures(tally: _Tally) -> str:
    return f"{tally.failed:,} of the {tally.asked:,} events asked for could not be read, the first because: {tally.why}"
