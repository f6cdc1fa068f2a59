"""Sources that are indexes: what is new is read, once; what is broken costs itself; whoever means harm gets nowhere."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from aiohttp import web

from socdefenders.feeds.catalog import FORMATS_OF, Expected, Feed, Kind
from socdefenders.ingest.checking import Checker
from socdefenders.ingest.indexes import events, pages
from socdefenders.model import SourceCategory
from socdefenders.storage import feeds, positions
from socdefenders.storage.database import Database
from socdefenders.storage.feeds import Checked, Registered
from tests.publisher import Publisher, local_client

pytestmark = pytest.mark.newest

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTES = timedelta(minutes=2)
STAMP = 1_767_225_600  # 2026-01-01
KEY = "0123456789abcdef"


def source(publisher: Publisher, kind: Kind, path: str, **changed: object) -> Feed:
    facts: dict[str, object] = {
        "slug": "one", "name": "One Source", "url": publisher.url + path, "homepage": publisher.url, "kind": kind,
        "format": FORMATS_OF[kind], "category": SourceCategory.THREAT_INTEL, "tier": 1, "grade": "B", "group": "one",
        "every": HOUR, "licence": "None", "enabled": True, "expected": Expected(1, 1_000),
    }  # fmt: skip
    return Feed(**(facts | changed))  # type: ignore[arg-type]  # names and types are checked by the tests that use it


async def look(dsn: str, database: Database, one: Feed, *, now: datetime = NOW) -> Checked:
    """Check a source as a worker does."""
    await feeds.register(database, {one.slug: Registered(one.name, enabled=True, every=one.every)}, now=now)
    me = uuid4()
    status = await feeds.claim_one(database, me, one.slug, now=now, until=now + HOUR)
    assert status is not None
    async with local_client() as client:
        checker = Checker(
            catalog={one.slug: one}, client=client, dsn=dsn, clock=lambda: now, chance=lambda: 0.5,
            keys={"otx_key": KEY},
        )  # fmt: skip
        checked = await checker.check(status)
    assert await feeds.finish(database, me, one.slug, checked)
    return checked


async def values(database: Database) -> set[str]:
    return {row[0] for row in await database.fetch("select value from indicators")}


async def written(database: Database) -> str:
    """What tells that any row was written or removed meanwhile."""
    tables = ("feed_positions", "sightings", "indicators", "sources")
    rows = " union all ".join(ROWS.format(each) for each in tables)
    [(found,)] = await database.fetch(f"select string_agg(part, ' ' order by part) from ({rows}) t")
    return str(found)


ROWS = "select '{0}' || ctid || xmin as part from {0}"


def answer(value: object, **headers: str) -> web.Response:
    return web.Response(body=json.dumps(value).encode(), headers=headers)


# MISP feeds


def uuid_of(number: int) -> str:
    return str(UUID(int=number))


def event(number: int, *hosts: str) -> bytes:
    attributes = [{"type": "domain", "category": "Network activity", "to_ids": True, "value": host} for host in hosts]
    return json.dumps({"Event": {"uuid": uuid_of(number), "info": f"Event {number}", "Attribute": attributes}}).encode()


@dataclass
class MispFeed:
    """A MISP feed: events by number, each with its timestamp."""

    publisher: Publisher
    stamps: dict[int, int] = field(default_factory=dict)
    others: dict[str, object] = field(default_factory=dict)
    """What else the manifest has."""

    def publish(self, number: int, *hosts: str, stamp: int | None = None) -> None:
        self.stamps[number] = STAMP + number if stamp is None else stamp
        self.publisher.answers[f"/misp/{uuid_of(number)}.json"] = event(number, *hosts)
        self.list()

    def list(self) -> None:
        listed = {uuid_of(number): {"info": "x", "timestamp": str(stamp)} for number, stamp in self.stamps.items()}
        self.publisher.answers["/misp/manifest.json"] = json.dumps(listed | self.others).encode()

    def asked(self) -> dict[str, int]:
        """How often each file was asked for since the last time."""
        found = {path.rpartition("/")[2]: times for path, times in self.publisher.asked.items()}
        self.publisher.asked.clear()
        return found


@pytest.fixture
def misp(publisher: Publisher) -> MispFeed:
    return MispFeed(publisher)


def misp_source(publisher: Publisher, **changed: object) -> Feed:
    return source(publisher, Kind.MISP_FEED, "/misp/", **changed)


async def test_a_misp_feed_is_taken_in_and_then_costs_one_conditional_request_and_no_writing(
    dsn: str, database: Database, publisher: Publisher, misp: MispFeed
) -> None:
    for number in range(3):
        misp.publish(number, f"host-{number}.evil.example")
    one = misp_source(publisher)
    first = await look(dsn, database, one)
    assert (first.state, first.reason, first.records, first.changed) == ("healthy", None, 3, True)
    assert await values(database) == {f"host-{number}.evil.example" for number in range(3)}
    assert [tuple(row) for row in await database.fetch("select distinct name, category from sources")] == [
        ("One Source", "threat-intel")
    ]
    assert len(misp.asked()) == 4
    before = await written(database)
    second = await look(dsn, database, one, now=NOW + HOUR)
    assert (second.state, second.records, second.changed) == ("healthy", None, False)
    assert misp.asked() == {"manifest.json": 1}
    assert publisher.statuses[304] == 1
    assert await written(database) == before


async def test_only_events_that_are_new_or_changed_are_fetched(
    dsn: str, database: Database, publisher: Publisher, misp: MispFeed
) -> None:
    for number in range(3):
        misp.publish(number, f"host-{number}.evil.example")
    one = misp_source(publisher)
    await look(dsn, database, one)
    misp.asked()
    misp.publish(1, "host-1.evil.example", "more.evil.example", stamp=STAMP + 100)
    misp.publish(7, "host-7.evil.example")
    checked = await look(dsn, database, one)
    assert (checked.records, checked.changed) == (4, True)
    assert misp.asked() == {"manifest.json": 1, f"{uuid_of(1)}.json": 1, f"{uuid_of(7)}.json": 1}
    assert {"more.evil.example", "host-7.evil.example"} <= await values(database)


async def test_many_events_are_read_newest_first_and_the_rest_soon(
    dsn: str, database: Database, publisher: Publisher, misp: MispFeed
) -> None:
    many = events.EVENTS + 20
    for number in range(many):
        misp.publish(number, f"host-{number}.evil.example")
    one = misp_source(publisher)
    first = await look(dsn, database, one)
    assert (first.state, first.records) == ("healthy", many)
    assert first.reason == f"20 of its {many} events are still to be read."
    assert first.due_at <= NOW + MINUTES
    assert await values(database) == {f"host-{number}.evil.example" for number in range(20, many)}
    second = await look(dsn, database, one, now=NOW + MINUTES)
    assert (second.reason, second.due_at >= NOW + HOUR / 2) == (None, True)
    assert len(await values(database)) == many
    assert set(misp.asked().values()) == {1, 2}, "each event once, the manifest twice"
    await look(dsn, database, one, now=NOW + HOUR)
    assert publisher.statuses[304] == 1


async def test_an_event_that_is_gone_or_broken_costs_itself_and_is_given_up_in_the_end(
    dsn: str, database: Database, publisher: Publisher, misp: MispFeed
) -> None:
    for number in range(6):
        misp.publish(number, f"host-{number}.evil.example")
    misp.publisher.answers[f"/misp/{uuid_of(5)}.json"] = lambda _: web.Response(status=404)
    misp.publisher.answers[f"/misp/{uuid_of(4)}.json"] = event(4, "cut.evil.example")[:-9]
    one = misp_source(publisher)
    first = await look(dsn, database, one)
    assert (first.state, first.changed) == ("healthy", True)
    assert (first.reason or "").startswith("2 of the 6 events asked for could not be read, the first because: ")
    assert "404" in (first.reason or "")
    assert await values(database) == {f"host-{number}.evil.example" for number in range(4)}
    assert first.due_at >= NOW + HOUR / 2, "what is gone is not asked for in a hurry"
    misp.asked()
    for _ in range(2):
        await look(dsn, database, one)
        assert set(misp.asked()) == {"manifest.json", f"{uuid_of(4)}.json", f"{uuid_of(5)}.json"}
    for _ in range(2):
        assert (await look(dsn, database, one)).state == "healthy"
        assert misp.asked() == {"manifest.json": 1}
    misp.publish(5, "host-5.evil.example", stamp=STAMP + 500)
    await look(dsn, database, one)
    assert set(misp.asked()) == {"manifest.json", f"{uuid_of(5)}.json"}
    assert "host-5.evil.example" in await values(database)


async def test_events_that_are_refused_end_the_look_and_come_last_the_next_time(
    dsn: str, database: Database, publisher: Publisher, misp: MispFeed
) -> None:
    for number in range(10):
        misp.publish(number, f"host-{number}.evil.example")
    for number in range(5, 10):
        publisher.answers[f"/misp/{uuid_of(number)}.json"] = lambda _: web.Response(status=503)
    one = misp_source(publisher)
    first = await look(dsn, database, one)
    assert (first.state, first.changed) == ("degraded", False)
    assert "5 of the 5 events" in (first.reason or "")
    assert len(misp.asked()) == 1 + events.IN_A_ROW
    second = await look(dsn, database, one)
    assert (second.state, second.changed) == ("healthy", True)
    assert len(await values(database)) == 5
    for number in range(5, 10):
        misp.publish(number, f"host-{number}.evil.example")
    third = await look(dsn, database, one)
    assert (third.state, third.reason) == ("healthy", None)
    assert len(await values(database)) == 10


async def test_a_publisher_that_asks_for_time_in_the_middle_gets_it_and_loses_nothing(
    dsn: str, database: Database, publisher: Publisher, misp: MispFeed
) -> None:
    for number in range(3):
        misp.publish(number, f"host-{number}.evil.example")
    publisher.answers[f"/misp/{uuid_of(1)}.json"] = lambda _: web.Response(status=429, headers={"Retry-After": "7200"})
    one = misp_source(publisher)
    checked = await look(dsn, database, one)
    assert (checked.state, checked.due_at) == ("degraded", NOW + 2 * HOUR)
    assert "429" in (checked.reason or "")
    assert await values(database) == {"host-2.evil.example"}
    misp.publish(1, "host-1.evil.example")
    misp.asked()
    await look(dsn, database, one)
    assert f"{uuid_of(2)}.json" not in misp.asked(), "what was read is remembered"
    assert len(await values(database)) == 3


async def test_what_was_written_and_not_remembered_is_read_again_and_changes_nothing(
    dsn: str, database: Database, publisher: Publisher, misp: MispFeed
) -> None:
    misp.publish(1, "host-1.evil.example")
    one = misp_source(publisher)
    await look(dsn, database, one)
    await database.execute("delete from feed_positions")
    await database.execute("update feeds set etag = null")
    again = await look(dsn, database, one)
    assert (again.state, again.changed, again.records) == ("healthy", False, 1)
    assert await positions.known(database, "one") == {uuid_of(1): str(STAMP + 1)}


async def test_a_manifest_that_shrank_is_told_and_what_is_known_is_kept(
    dsn: str, database: Database, publisher: Publisher, misp: MispFeed
) -> None:
    for number in range(20):
        misp.publish(number, f"host-{number}.evil.example")
    one = misp_source(publisher)
    await look(dsn, database, one)
    whole = dict(misp.stamps)
    misp.stamps = {}
    misp.publish(30, "new.evil.example")
    checked = await look(dsn, database, one)
    assert (checked.state, checked.reason) == ("degraded", "It has shrunk from 20 records to 1.")
    misp.stamps = whole | misp.stamps
    misp.list()
    misp.asked()
    assert (await look(dsn, database, one)).state == "healthy"
    assert misp.asked() == {"manifest.json": 1}


async def test_events_that_are_listed_no_more_are_forgotten(
    dsn: str, database: Database, publisher: Publisher, misp: MispFeed
) -> None:
    one = misp_source(publisher)
    for number in range(12):
        misp.publish(number, f"host-{number}.evil.example")
        misp.stamps.pop(number - 4, None)
        misp.list()
        await look(dsn, database, one)
    assert set(await positions.known(database, "one")) == {uuid_of(number) for number in range(8, 12)}
    assert len(await values(database)) == 12


async def test_a_feed_that_names_other_events_each_time_does_not_fill_the_table(
    dsn: str, database: Database, publisher: Publisher, misp: MispFeed
) -> None:
    one = misp_source(publisher)
    misp.publish(1, "host-1.evil.example")
    misp.publish(2, "host-2.evil.example")
    await look(dsn, database, one)
    await database.execute(
        "insert into feed_positions select 'one', number::text, '1' from generate_series(1, $1) as number",
        positions.MOST,
    )
    misp.publish(3, "host-3.evil.example")
    del publisher.answers[f"/misp/{uuid_of(3)}.json"]  # so that something is always outstanding
    await look(dsn, database, one)
    assert set(await positions.known(database, "one")) == {uuid_of(number) for number in (1, 2, 3)}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"[]", "no JSON object"),
        (b'"text"', "no JSON object"),
        (b'{"cut": ', "not valid JSON"),
        (b"<!doctype html><html><body>Please log in</body></html>", "A web page came where"),
        (b"PK\x03\x04 no archive", "the archive is damaged"),
        (b"{}", "Nothing in it could be read; at least 1 records"),
        (b'{"../../admin": {"timestamp": "1"}}', "Nothing in it could be read"),
    ],
)
async def test_what_is_no_manifest_has_a_reason(
    dsn: str, database: Database, publisher: Publisher, body: bytes, why: str
) -> None:
    publisher.answers["/misp/manifest.json"] = body
    checked = await look(dsn, database, misp_source(publisher))
    assert checked.state == "error"
    assert why in (checked.reason or "")
    assert "/body" not in (checked.reason or ""), "no file of this machine is named"
    assert set(publisher.asked) == {"/misp/manifest.json"}


@pytest.mark.parametrize(("status", "state"), [(404, "error"), (403, "error"), (503, "degraded")])
async def test_a_manifest_that_is_refused_has_a_reason(
    dsn: str, database: Database, publisher: Publisher, status: int, state: str
) -> None:
    publisher.answers["/misp/manifest.json"] = web.Response(status=status)
    checked = await look(dsn, database, misp_source(publisher))
    assert checked.state == state
    assert str(status) in (checked.reason or "")


async def test_a_manifest_leads_nowhere_but_below_its_own_address(
    dsn: str, database: Database, publisher: Publisher, misp: MispFeed
) -> None:
    entry = {"timestamp": str(STAMP), "info": "x"}
    misp.others = {
        "../../etc/passwd": entry,
        "https://other.example/a": entry,
        f"{uuid_of(1)}/../../b": entry,
        f"//127.0.0.1/{uuid_of(1)}": entry,
        f"{uuid_of(2)}\n": entry,
        "": entry,
        uuid_of(3): "not an object",
        uuid_of(4): None,
    }
    for number in range(10, 20):
        misp.publish(number, f"host-{number}.evil.example")
    checked = await look(dsn, database, misp_source(publisher))
    assert (checked.state, checked.records) == ("healthy", 10)
    assert set(publisher.asked) == {
        "/misp/manifest.json",
        *(f"/misp/{uuid_of(number)}.json" for number in range(10, 20)),
    }


async def test_timestamps_of_any_kind_are_taken_or_do_without(
    dsn: str, database: Database, publisher: Publisher, misp: MispFeed
) -> None:
    stamps: list[object] = [STAMP, 1.5, "yesterday", None, [], {"a": 1}, "9" * 400, -1, True]
    for number, stamp in enumerate(stamps):
        misp.publish(number, f"host-{number}.evil.example")
        misp.others[uuid_of(number)] = {"timestamp": stamp, "date": "2026-01-01", "info": {"deep": [[[]]]}}
    misp.list()
    one = misp_source(publisher)
    assert (await look(dsn, database, one)).records == len(stamps)
    misp.others[uuid_of(3)] = {"date": "2026-01-02"}
    misp.list()
    misp.asked()
    await look(dsn, database, one)
    assert set(misp.asked()) == {"manifest.json", f"{uuid_of(3)}.json"}


# TAXII


OBJECTS = "/api/collections/c/objects/"
ACCEPT = "application/taxii+json;version=2.1"


def indicator(number: int, **more: object) -> dict[str, object]:
    return {
        "type": "indicator", "spec_version": "2.1", "id": f"indicator--{uuid_of(number)}", "pattern_type": "stix",
        "pattern": f"[domain-name:value = 'host-{number}.evil.example']", "valid_from": "2026-01-01T00:00:00Z",
    } | more  # fmt: skip


def added(number: int) -> str:
    return f"2026-01-01T00:00:{number // 10:02}.{number % 10:06}Z"


@dataclass
class Collection:
    """A collection of a TAXII 2.1 server that keeps to the standard, with pages of any size."""

    objects: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    size: int = 10
    requests: list[dict[str, str]] = field(default_factory=list)
    tokens: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)

    def add(self, *numbers: int, at: str | None = None) -> None:
        self.objects += [(at or added(number), indicator(number)) for number in numbers]

    def __call__(self, request: web.Request) -> web.Response:
        self.headers = dict(request.headers)
        self.requests.append(dict(request.query))
        found = [each for each in self.objects if each[0] > request.query.get("added_after", "")]
        start = int(request.query.get("next", "0"))
        page = found[start : start + self.size]
        envelope: dict[str, object] = {"objects": [each for _, each in page]} if page else {}
        if start + self.size < len(found):
            envelope["more"] = True
            if self.tokens:
                envelope["next"] = str(start + self.size)
        times = {"X-TAXII-Date-Added-Last": page[-1][0]} if page else {}
        return web.json_response(envelope, headers=times, content_type="application/taxii+json")


@pytest.fixture
def collection(publisher: Publisher) -> Collection:
    made = Collection()
    publisher.answers[OBJECTS] = made
    return made


def taxii_source(publisher: Publisher, **changed: object) -> Feed:
    return source(publisher, Kind.TAXII, "/api/collections/c/", **changed)


async def test_a_collection_is_read_page_by_page_and_then_what_was_added(
    dsn: str, database: Database, publisher: Publisher, collection: Collection
) -> None:
    collection.add(*range(25))
    one = taxii_source(publisher)
    first = await look(dsn, database, one)
    assert (first.state, first.reason, first.records, first.changed) == ("healthy", None, 25, True)
    assert len(await values(database)) == 25
    assert collection.headers["Accept"] == ACCEPT
    assert collection.requests == [
        {"limit": "1000"}, {"limit": "1000", "next": "10"}, {"limit": "1000", "next": "20"},
    ]  # fmt: skip
    collection.add(25)
    collection.requests.clear()
    second = await look(dsn, database, one, now=NOW + HOUR)
    assert (second.state, second.records, second.changed) == ("healthy", 1, True)
    assert collection.requests == [{"limit": "1000", "added_after": added(24)}]


async def test_a_poll_that_brings_nothing_is_healthy_and_writes_nothing(
    dsn: str, database: Database, publisher: Publisher, collection: Collection
) -> None:
    collection.add(*range(30))
    one = taxii_source(publisher, expected=Expected(20, 1_000))
    await look(dsn, database, one)
    before = await written(database)
    quiet = await look(dsn, database, one, now=NOW + HOUR)
    assert (quiet.state, quiet.reason, quiet.records, quiet.changed) == ("healthy", None, None, False)
    assert await written(database) == before
    assert quiet.due_at > NOW + 2 * HOUR, "asked less often"


async def test_a_collection_with_less_than_is_expected_says_so(
    dsn: str, database: Database, publisher: Publisher, collection: Collection
) -> None:
    one = taxii_source(publisher, expected=Expected(20, 1_000))
    assert (await look(dsn, database, one)).state == "error"
    collection.add(*range(5))
    checked = await look(dsn, database, one)
    assert (checked.state, checked.reason) == ("degraded", "It has 5 records; at least 20 are expected.")


async def test_a_large_collection_takes_several_looks_and_goes_on_where_it_was(
    dsn: str, database: Database, publisher: Publisher, collection: Collection
) -> None:
    collection.size = 1
    collection.add(*range(pages.PAGES + 5))
    one = taxii_source(publisher, expected=Expected(pages.PAGES + 1, 1_000))
    first = await look(dsn, database, one)
    assert (first.state, first.reason) == ("healthy", "There is more of it, which is read next.")
    assert first.due_at <= NOW + MINUTES
    second = await look(dsn, database, one, now=NOW + MINUTES)
    assert (second.state, second.reason, second.records) == ("healthy", None, 6)
    assert len(collection.requests) == pages.PAGES + 6, "the last page twice, and no other"
    assert len(await values(database)) == pages.PAGES + 5


async def test_objects_of_one_moment_are_all_read_though_a_token_is_forgotten(
    dsn: str, database: Database, publisher: Publisher, collection: Collection
) -> None:
    collection.size = 1
    collection.add(*range(2 * pages.PAGES + 5), at=added(1))
    one = taxii_source(publisher)
    await look(dsn, database, one)
    await look(dsn, database, one)
    assert collection.requests[pages.PAGES] == {"limit": "1000", "added_after": "2026-01-01T00:00:00.000000Z"}
    await look(dsn, database, one)
    third = collection.requests[2 * pages.PAGES]
    assert third == {"limit": "1000", "added_after": "2026-01-01T00:00:00.000000Z", "next": str(pages.PAGES)}
    assert len(await values(database)) == 2 * pages.PAGES
    collection.size = 1_000

    def forgetful(request: web.Request) -> web.Response:
        return web.Response(status=400) if "next" in request.query else collection(request)

    publisher.answers[OBJECTS] = forgetful
    assert (await look(dsn, database, one)).state == "healthy"
    assert len(await values(database)) == 2 * pages.PAGES + 5


async def test_a_server_that_counts_what_it_gave_by_one_token_is_read_whole_whatever_gets_lost(
    dsn: str, database: Database, publisher: Publisher, collection: Collection
) -> None:
    """As OASIS's own server does: a page that was sent and did not arrive is not sent again."""
    collection.add(*range(35))
    given = 0

    def counting(request: web.Request) -> web.Response:
        nonlocal given
        given = given + 1 if "next" in request.query else 0
        found = [each for each in collection.objects if each[0] > request.query.get("added_after", "")]
        page = found[given * 10 : given * 10 + 10]
        if given == 2 and "added_after" not in request.query:
            return web.Response(status=503)
        more = {"more": True, "next": "the-only-token"} if len(found) > given * 10 + 10 else {}
        return answer({"objects": [each for _, each in page]} | more, **{"X-TAXII-Date-Added-Last": page[-1][0]})

    publisher.answers[OBJECTS] = counting
    one = taxii_source(publisher)
    assert (await look(dsn, database, one)).state == "degraded"
    assert len(await values(database)) == 20
    checked = await look(dsn, database, one)
    assert (checked.state, checked.reason) == ("healthy", None)
    assert len(await values(database)) == 35


async def test_pages_before_a_failure_are_not_read_again(
    dsn: str, database: Database, publisher: Publisher, collection: Collection
) -> None:
    collection.add(*range(30))

    def failing(request: web.Request) -> web.Response:
        if request.query.get("next") == "20":
            return web.Response(status=503, headers={"Retry-After": "7200"})
        return collection(request)

    publisher.answers[OBJECTS] = failing
    one = taxii_source(publisher)
    checked = await look(dsn, database, one)
    assert (checked.state, checked.due_at) == ("degraded", NOW + 2 * HOUR)
    assert len(await values(database)) == 20
    publisher.answers[OBJECTS] = collection
    collection.requests.clear()
    await look(dsn, database, one)
    assert {each["added_after"] for each in collection.requests} == {"2026-01-01T00:00:01.000008Z"}
    assert len(await values(database)) == 30


async def test_a_server_without_tokens_is_asked_by_time(
    dsn: str, database: Database, publisher: Publisher, collection: Collection
) -> None:
    collection.tokens = False
    collection.add(*range(25))
    checked = await look(dsn, database, taxii_source(publisher))
    assert (checked.state, checked.records) == ("healthy", 25)
    assert [each.get("added_after") for each in collection.requests] == [None, added(9), added(19)]


async def test_a_server_that_ignores_the_limit_and_tells_no_time_is_read_whole(
    dsn: str, database: Database, publisher: Publisher
) -> None:
    envelope = {"objects": [indicator(number) for number in range(3_000)]}
    publisher.answers[OBJECTS] = lambda _: answer(envelope)
    one = taxii_source(publisher, expected=Expected(100, 10_000))
    for changed in (True, False):
        checked = await look(dsn, database, one)
        assert (checked.state, checked.records, checked.changed) == ("healthy", 3_000, changed)
    publisher.answers[OBJECTS] = lambda _: answer({"objects": envelope["objects"][:200]})
    assert (await look(dsn, database, one)).reason == "It has shrunk from 3,000 records to 200."


async def test_a_circle_of_pages_is_left_and_told(dsn: str, database: Database, publisher: Publisher) -> None:
    asked = []

    def circle(request: web.Request) -> web.Response:
        asked.append(dict(request.query))
        envelope = {"more": True, "next": "again", "objects": [indicator(1)]}
        return answer(envelope, **{"X-TAXII-Date-Added-Last": added(1)})

    publisher.answers[OBJECTS] = circle
    checked = await look(dsn, database, taxii_source(publisher))
    assert (checked.state, len(asked)) == ("degraded", 2)
    assert "circle" in (checked.reason or "")
    assert await values(database) == {"host-1.evil.example"}


@pytest.mark.parametrize("objects", [[], [indicator(1)]], ids=["empty", "the same"])
async def test_pages_without_end_are_bounded_and_not_hurried(
    dsn: str, database: Database, publisher: Publisher, objects: list[object]
) -> None:
    asked = []

    def endless(_: web.Request) -> web.Response:
        asked.append(1)
        return answer({"more": True, "next": f"page-{len(asked)}", "objects": objects})

    publisher.answers[OBJECTS] = endless
    one = taxii_source(publisher)
    await look(dsn, database, one)
    second = await look(dsn, database, one)
    assert len(asked) == 2 * pages.PAGES
    assert second.due_at >= NOW + HOUR / 2


async def test_more_without_a_way_on_is_a_circle(dsn: str, database: Database, publisher: Publisher) -> None:
    publisher.answers[OBJECTS] = lambda _: answer({"more": True, "objects": [indicator(1)]})
    checked = await look(dsn, database, taxii_source(publisher))
    assert checked.state == "degraded"
    assert publisher.asked[OBJECTS] == 2


@pytest.mark.parametrize("last", ["2099-01-01T00:00:00.000000Z", "tomorrow", "", "2026-01-01' or 1=1"])
async def test_a_time_that_cannot_be_is_not_asked_after(
    dsn: str, database: Database, publisher: Publisher, collection: Collection, last: str
) -> None:
    def odd(request: web.Request) -> web.Response:
        response = collection(request)
        response.headers["X-TAXII-Date-Added-Last"] = last
        return response

    collection.add(*range(3))
    publisher.answers[OBJECTS] = odd
    one = taxii_source(publisher)
    checked = await look(dsn, database, one)
    assert ("future" in (checked.reason or "")) is last.startswith("2099")
    await look(dsn, database, one)
    assert [each.get("added_after") for each in collection.requests] == [None, None]


async def test_revoked_objects_are_no_new_indicators(
    dsn: str, database: Database, publisher: Publisher, collection: Collection
) -> None:
    collection.add(1)
    collection.objects.append((added(2), indicator(2, revoked=True)))
    checked = await look(dsn, database, taxii_source(publisher))
    assert (checked.state, checked.records) == ("healthy", 2)
    assert await values(database) == {"host-1.evil.example"}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"title": "Not here", "http_status": "404"}', "no TAXII 2.1 envelope"),
        (b"[]", "no JSON object"),
        (b'{"objects": [', "not valid JSON"),
        (b"<html><body>Log in</body></html>", "A web page came where"),
    ],
)
async def test_what_is_no_envelope_has_a_reason(
    dsn: str, database: Database, publisher: Publisher, body: bytes, why: str
) -> None:
    publisher.answers[OBJECTS] = lambda _: web.Response(body=body)
    checked = await look(dsn, database, taxii_source(publisher))
    assert checked.state == "error"
    assert why in (checked.reason or "")


async def test_another_address_is_read_from_its_start(
    dsn: str, database: Database, publisher: Publisher, collection: Collection
) -> None:
    collection.add(1)
    await look(dsn, database, taxii_source(publisher))
    publisher.answers["/api/collections/d/objects/"] = collection
    await look(dsn, database, source(publisher, Kind.TAXII, "/api/collections/d/"))
    assert [each.get("added_after") for each in collection.requests] == [None, None]


# OTX


PULSES = "/api/v1/pulses/subscribed"


def pulse(number: int, modified: str) -> dict[str, object]:
    return {
        "id": f"{number:024x}", "name": f"Pulse {number}", "author_name": "Harbour CERT", "modified": modified,
        "created": "2026-01-01T00:00:00", "tags": ["loader"], "references": [],
        "indicators": [{"indicator": f"host-{number}.evil.example", "type": "domain"}],
    }  # fmt: skip


def otx_source(publisher: Publisher, **changed: object) -> Feed:
    return source(publisher, Kind.OTX, PULSES, **{"key": "otx_key", "key_header": "X-OTX-API-KEY"} | changed)


async def test_pulses_are_read_with_the_key_and_then_those_that_changed(
    dsn: str, database: Database, publisher: Publisher
) -> None:
    asked: list[dict[str, str]] = []
    keys = set()
    newest = "2026-01-03T00:00:00.123000"

    def pulses(request: web.Request) -> web.Response:
        asked.append(dict(request.query))
        keys.add(request.headers.get("X-OTX-API-KEY"))
        if "modified_since" in request.query:
            return answer({"results": [], "next": None})
        if request.query["page"] == "1":
            following = f"{publisher.url}{PULSES}?limit=20&page=2"
            return answer({"results": [pulse(1, newest)], "next": following, "previous": None})
        return answer({"results": [pulse(2, "2026-01-02T00:00:00")], "next": None})

    publisher.answers[PULSES] = pulses
    one = otx_source(publisher)
    first = await look(dsn, database, one)
    assert (first.state, first.reason, first.records, first.changed) == ("healthy", None, 2, True)
    assert await values(database) == {"host-1.evil.example", "host-2.evil.example"}
    second = await look(dsn, database, one)
    assert (second.state, second.records) == ("healthy", None)
    assert asked == [
        {"limit": "20", "page": "1"},
        {"limit": "20", "page": "2"},
        {"limit": "20", "page": "1", "modified_since": newest},
    ]
    assert keys == {KEY}


@pytest.mark.parametrize(
    "following",
    [
        "http://127.0.0.2:{port}" + PULSES + "?page=2", "https://evil.example" + PULSES + "?page=2",
        "//evil.example" + PULSES + "?page=2", "/api/v1/users/me?page=2", "http://[", "file:///etc/passwd",
        "http://127.0.0.1:1" + PULSES + "?page=2", "http://127.0.0.1:{port}@evil.example" + PULSES,
    ],
)  # fmt: skip
async def test_a_next_page_elsewhere_is_refused(
    dsn: str, database: Database, publisher: Publisher, following: str
) -> None:
    following = following.format(port=publisher.url.rpartition(":")[2])
    publisher.answers[PULSES] = lambda _: answer({"results": [pulse(1, "2026-01-02T00:00:00")], "next": following})
    checked = await look(dsn, database, otx_source(publisher))
    assert checked.state == "error"
    assert "next page" in (checked.reason or "")
    assert publisher.asked == {PULSES: 1}


async def test_a_pulse_of_the_future_does_not_hide_those_of_today(
    dsn: str, database: Database, publisher: Publisher
) -> None:
    asked: list[str | None] = []

    def pulses(request: web.Request) -> web.Response:
        asked.append(request.query.get("modified_since"))
        return answer({"results": [pulse(1, "2027-01-01T00:00:00"), pulse(2, "2026-01-02T00:00:00"), "x", None]})

    publisher.answers[PULSES] = pulses
    one = otx_source(publisher)
    checked = await look(dsn, database, one)
    assert (checked.state, checked.reason) == ("degraded", "It has dates in the future, up to 2027-01-01.")
    await look(dsn, database, one)
    assert asked == [None, "2026-01-02T00:00:00"]


async def test_without_its_key_otx_is_not_asked(dsn: str, database: Database, publisher: Publisher) -> None:
    checked = await look(dsn, database, otx_source(publisher, key="phishtank_key"))
    assert checked.state == "error"
    assert "SOCDEFENDERS_PHISHTANK_KEY" in (checked.reason or "")
    assert not publisher.asked


async def test_no_reason_shows_a_key(dsn: str, database: Database, publisher: Publisher) -> None:
    one = source(publisher, Kind.MISP_FEED, "/{key}/", key="otx_key")
    publisher.answers[f"/{KEY}/manifest.json"] = json.dumps({uuid_of(1): {"timestamp": "1"}}).encode()
    checked = await look(dsn, database, one)
    assert "{otx_key}" in (checked.reason or "")
    assert KEY not in (checked.reason or "")
