"""What indexes say, whatever stands in them: which events are due, which page comes next."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socdefenders.errors import FeedError
from socdefenders.feeds.fields import when
from socdefenders.ingest.indexes import manifest, otx, taxii
from socdefenders.ingest.indexes.manifest import MAX_EVENTS, TRIES, read_manifest
from socdefenders.ingest.indexes.places import MAX_TOKEN, Dialect, Place, later

UNTIL = datetime(2026, 1, 15, tzinfo=UTC)
URL = "https://source.example/collections/c/"
SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
JSON = st.recursive(SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))
NAMES = st.uuids().map(str) | st.uuids().map(lambda uuid: str(uuid).upper()) | st.text(max_size=40)
ENTRIES = st.fixed_dictionaries({}, optional={"timestamp": JSON, "date": JSON, "info": JSON, "Orgc": JSON}) | JSON
TIMES = st.datetimes(datetime(1991, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)).map(datetime.isoformat)  # noqa: DTZ001 - the strategy adds the zone


@settings(max_examples=200, deadline=None)
@given(value=st.dictionaries(NAMES, ENTRIES, max_size=12))
def test_a_manifest_of_any_content_gives_names_that_are_uuids_newest_first(value: dict[str, object]) -> None:
    found = read_manifest(value)
    assert len(found.events) + found.malformed <= len(value)
    times = [event.at for event in found.events if event.at is not None]
    assert times == sorted(times, reverse=True)
    for event in found.events:
        assert event.uuid in value
        assert set(event.uuid.lower()) <= set("0123456789abcdef-")
        assert set(event.version) <= set("0123456789abcdef")


@settings(max_examples=200, deadline=None)
@given(value=st.dictionaries(st.uuids().map(str), ENTRIES, max_size=12), data=st.data())
def test_every_event_is_due_until_it_is_read_or_given_up_and_those_that_failed_come_last(
    value: dict[str, object], data: st.DataObject
) -> None:
    found = read_manifest(value)
    known: dict[str, str] = {}
    for _ in range(TRIES + 1):
        due = found.due(known)
        failed = [manifest.has_failed(event, known.get(event.part)) for event in due]
        assert failed == sorted(failed)
        for event in due:
            outcome = data.draw(st.sampled_from(["read", "gone", "refused", "not asked"]))
            if outcome == "gone":
                known[event.part] = manifest.after_gone(event, known.get(event.part))
            elif outcome != "not asked":
                known[event.part] = event.version if outcome == "read" else manifest.after_refused(event)
    for event in found.due(known):
        known[event.part] = event.version
    assert found.due(known) == []


def test_an_event_is_given_up_after_a_few_tries_until_it_has_another_version() -> None:
    uuid = "11111111-2222-4333-8444-555555555555"
    [event] = read_manifest({uuid: {"timestamp": 1_767_225_600}}).events
    known: dict[str, str] = {}
    for _ in range(TRIES):
        assert read_manifest({uuid: {"timestamp": 1_767_225_600}}).due(known)
        known[uuid] = manifest.after_gone(event, known.get(uuid))
    assert not read_manifest({uuid: {"timestamp": "1767225600"}}).due(known), "a number or a text is the same"
    [again] = read_manifest({uuid: {"timestamp": 1_767_225_601}}).due(known)
    assert manifest.after_gone(again, known[uuid]).startswith("gone 1 ")


def test_a_manifest_without_end_is_refused() -> None:
    with pytest.raises(FeedError, match="more than 100,000 events"):
        read_manifest({str(number): {} for number in range(MAX_EVENTS + 1)})


@settings(max_examples=200, deadline=None)
@given(
    dialect=st.sampled_from([taxii.DIALECT, otx.DIALECT]),
    value=st.dictionaries(st.sampled_from(["objects", "more", "next", "results", "modified", "x"]), JSON, max_size=5),
    header=st.text(max_size=30) | TIMES,
)
def test_a_page_of_any_content_is_read_or_refused_and_what_comes_next_is_asked_of_the_same_place(
    dialect: Dialect, value: dict[str, object], header: str
) -> None:
    try:
        page = dialect.page(value, dialect.address(URL, Place()), {"X-TAXII-Date-Added-Last": header}, UNTIL)
    except FeedError:
        return
    assert page.records >= 0
    assert page.token is None or (page.more and 0 < len(page.token) <= MAX_TOKEN)
    reached = when(page.reached)
    assert page.reached is None or (reached is not None and reached <= UNTIL)
    following = urlsplit(dialect.address(URL, Place(page.reached, page.token, page.reached)))
    assert (following.scheme, following.netloc) == ("https", "source.example")
    assert following.path.startswith("/collections/c/")


@given(
    since=st.none() | TIMES, token=st.none() | st.text(min_size=1).filter(str.isprintable), reached=st.none() | TIMES
)
def test_a_place_is_kept_as_it_is_and_sent_as_it_is(since: str | None, token: str | None, reached: str | None) -> None:
    place = Place(since, token, reached)
    assert Place.from_text(place.to_text()) == place
    asked = parse_qs(urlsplit(taxii.address(URL, place)).query)
    assert asked.get("added_after") == (since and [since])
    assert asked.get("next") == (token and [token])


@given(reached=TIMES)
def test_reading_begins_again_before_what_was_reached_and_no_earlier_than_it_must(reached: str) -> None:
    begins, ended = when(taxii.anew(Place(None, "token", reached)).since), when(reached)
    assert begins is not None
    assert ended is not None
    assert ended - begins == timedelta(microseconds=1)
    assert otx.anew(Place("2026-01-01", "token", reached)) == Place("2026-01-01")


@given(first=st.none() | TIMES, second=st.none() | TIMES)
def test_the_later_of_two_times_is_one_of_them(first: str | None, second: str | None) -> None:
    found = later(first, second)
    assert found in {first, second}
    known = [time for each in (first, second) if (time := when(each)) is not None]
    assert when(found) == (max(known) if known else None)
