"""What comes page by page, and what was added since the last time alone: TAXII collections and OTX.

Each page is written, then remembered, so that the next look goes on where this one ended, however it ended. A
publisher's name for the next page may be unknown to it by then; then reading begins again a little earlier.
"""

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from socdefenders.errors import FetchFailed
from socdefenders.feeds import health
from socdefenders.feeds.fetch import UNKNOWN
from socdefenders.ingest.bodies import Seen
from socdefenders.ingest.indexes.places import Dialect, Page, Place, later
from socdefenders.ingest.indexes.visit import Visit
from socdefenders.storage import positions
from socdefenders.storage.database import Database

PAGES = 50
"""Pages that one look reads."""

_ACCESS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


@dataclass(slots=True)
class _Course:
    """Where reading is, and what it came to so far."""

    place: Place
    whole: bool
    """Whether all of it is being read, from the start."""
    pages: int = 0
    """Asked for."""
    records: int = 0
    newest: datetime | None = None
    moved: str | None = None
    ended: bool = False
    circle: bool = False

    def go_on(self, page: Page, dialect: Dialect, *, repeats: bool) -> None:
        """Take over what a page says, and turn to the one after it; `repeats`: it is one that came before.

        A token alone tells no circle: some servers keep one name for all the pages that follow.
        """
        self.records += page.records
        self.newest = max(filter(None, (self.newest, page.newest)), default=None)
        since, reached = self.place.since, later(self.place.reached, page.reached)
        self.ended = not page.more
        if page.token is not None:
            self.place = Place(since, page.token, reached)
        else:
            self.place = Place(later(since, reached))
        self.circle = page.more and repeats
        if self.circle:
            self.place = dialect.anew(self.place)


async def read_pages(visit: Visit, database: Database, dialect: Dialect) -> Seen:
    """Read what was added since the last time, as far as one look goes; raise FeedError where the look has to end."""
    slug, part = visit.feed.slug, visit.feed.url
    stored = (await positions.known(database, slug)).get(part)
    begin = Place.from_text(stored) if stored else Place()
    course = _Course(dialect.resume(begin), whole=begin == Place())
    while not (course.ended or course.circle or visit.full) and course.pages < PAGES:
        before = course.place
        await _read_page(visit, dialect, course)
        if course.place != before:
            await positions.remember(database, slug, {part: course.place.to_text()})
    left = not (course.ended or course.circle)
    reading = health.Reading(
        changed=visit.outcome.changed,
        records=course.records,
        malformed=visit.outcome.malformed,
        newest=course.newest,
        moved=course.moved,
        whole=course.whole and course.ended,
        trouble="Its pages lead round in a circle; what was not read is asked for again." if course.circle else None,
        note="There is more of it, which is read next." if left else None,
        soon=left and visit.outcome.changed,
    )
    return Seen(reading=reading, validators=UNKNOWN)


async def _read_page(visit: Visit, dialect: Dialect, course: _Course) -> None:
    """Read and write one page, and turn to the next, or begin anew where the publisher knows this one no more."""
    first, place = not course.pages, course.place
    course.pages += 1
    url = dialect.address(visit.address.url, place)
    try:
        fetched = await visit.fetch(url, accept=dialect.accept)
    except FetchFailed as error:
        unknown = first and place.token is not None and error.status is not None and error.permanent
        if not unknown or error.status in _ACCESS:
            raise
        course.place = dialect.anew(place)
        return
    if first and fetched.permanent_url:
        course.moved = fetched.permanent_url.partition("?")[0].removesuffix("objects/")
    value = await visit.read(fetched, f"page {course.pages}")
    page = dialect.page(value, url, fetched.headers, visit.now + health.FUTURE)
    if page.records:
        await visit.take_in()
    course.go_on(page, dialect, repeats=visit.repeats)
