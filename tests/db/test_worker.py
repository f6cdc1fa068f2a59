"""Workers share what is due: each source is checked by one at a time, and what one had that died is done again."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from socdefenders.errors import StorageUnavailable
from socdefenders.storage import feeds
from socdefenders.storage.database import Database
from socdefenders.storage.feeds import Checked, FeedStatus, Registered
from socdefenders.worker import Check, Worker

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
NAMES = [f"feed-{number:02}" for number in range(20)]


def well(status: FeedStatus, *, at: datetime = NOW) -> Checked:
    return Checked(
        state="healthy", reason=None, due_at=at + HOUR, every=HOUR, failures=0, at=at, answered=True, changed=True,
        etag=f'"{status.slug}"', records=7,
    )  # fmt: skip


def worker(database: Database, check: Check, *, concurrency: int = 4, events: list[str] | None = None) -> Worker:
    heard = [] if events is None else events
    return Worker(
        database,
        check,
        lambda event, **_facts: heard.append(event),
        concurrency=concurrency,
        clock=lambda: NOW,
        away_seconds=0.01,
        grace_seconds=0.01,
    )


async def register(database: Database, names: list[str] = NAMES, *, enabled: bool = True) -> None:
    await feeds.register(database, {name: Registered(name, enabled, HOUR) for name in names}, now=NOW)


async def test_every_source_is_checked_once_however_many_workers_there_are(database: Database) -> None:
    await register(database)
    checked: list[str] = []

    async def check(status: FeedStatus) -> Checked:
        await asyncio.sleep(0)
        checked.append(status.slug)
        return well(status)

    await asyncio.gather(*[worker(database, check, concurrency=3).run_due() for _ in range(5)])
    assert sorted(checked) == NAMES
    stored = await feeds.every(database)
    assert {each.state for each in stored} == {"healthy"}
    assert {each.etag for each in stored} == {f'"{name}"' for name in NAMES}
    assert {(each.claimed_by, each.due_at, each.changed_at) for each in stored} == {(None, NOW + HOUR, NOW)}


async def test_nobody_gets_what_another_has(database: Database) -> None:
    await register(database, ["one"])
    until = NOW + HOUR
    first, second = uuid4(), uuid4()
    assert [each.slug for each in await feeds.claim(database, first, now=NOW, until=until, most=5)] == ["one"]
    assert not await feeds.claim(database, second, now=NOW, until=until, most=5)
    assert await feeds.claim_one(database, second, "one", now=NOW, until=until) is None
    assert await feeds.keep(database, first, ["one"], until=until + HOUR) == {"one"}
    assert not await feeds.keep(database, second, ["one"], until=until)


async def test_what_a_dead_worker_had_is_free_when_its_claim_runs_out(database: Database) -> None:
    await register(database, ["one"])
    dead, alive = uuid4(), uuid4()
    (status,) = await feeds.claim(database, dead, now=NOW, until=NOW + HOUR, most=1)
    assert await feeds.claim(database, alive, now=NOW + HOUR, until=NOW + 2 * HOUR, most=1)
    assert not await feeds.finish(database, dead, "one", well(status)), "it came too late"
    assert await feeds.finish(database, alive, "one", well(status))


async def test_a_source_that_is_off_or_not_due_waits(database: Database) -> None:
    await register(database, ["off"], enabled=False)
    assert not await feeds.claim(database, uuid4(), now=NOW, until=NOW + HOUR, most=5)
    assert await feeds.next_due(database) is None
    await register(database, ["later"])
    assert await feeds.next_due(database) == NOW
    assert not await feeds.claim(database, uuid4(), now=NOW - HOUR, until=NOW, most=5)
    assert [each.slug for each in await feeds.every(database)] == ["later", "off"]


async def test_workers_leave_each_others_sources_registered_until_nobody_has_them_for_a_week(
    database: Database,
) -> None:
    async def names() -> list[str]:
        return [each.slug for each in await feeds.every(database)]

    mine = {"mine": Registered("Mine", enabled=True, every=HOUR)}
    theirs = {"theirs": Registered("Theirs", enabled=True, every=HOUR)}
    await feeds.register(database, theirs, now=NOW)
    for day in range(7):
        await feeds.register(database, mine, now=NOW + timedelta(days=day))
        assert await names() == ["mine", "theirs"]
    await feeds.register(database, theirs, now=NOW + timedelta(days=7))
    await feeds.register(database, mine, now=NOW + timedelta(days=9))
    assert await names() == ["mine", "theirs"], "whoever has it said so two days ago"
    await feeds.register(database, mine, now=NOW + timedelta(days=15))
    assert await names() == ["mine"]
    await feeds.remove(database, ["mine"])
    assert not await names()


async def test_registering_again_keeps_how_sources_are_doing(database: Database) -> None:
    await register(database, ["one"])
    await worker(database, lambda status: _soon(well(status))).run_due()
    await feeds.register(database, {"one": Registered("one", enabled=True, every=5 * HOUR)}, now=NOW + HOUR)
    (stored,) = await feeds.every(database)
    assert (stored.state, stored.every, stored.due_at) == ("healthy", 5 * HOUR, NOW + HOUR)


async def test_a_failure_keeps_the_validators_of_the_last_answer(database: Database) -> None:
    await register(database, ["one"])
    await worker(database, lambda status: _soon(well(status))).run_due()
    me = uuid4()
    await feeds.claim_one(database, me, "one", now=NOW, until=NOW + HOUR)
    failed = Checked(
        state="degraded", reason="It answered 503.", due_at=NOW + HOUR, every=HOUR, failures=1, at=NOW, answered=False
    )
    assert await feeds.finish(database, me, "one", failed)
    (stored,) = await feeds.every(database)
    assert (stored.etag, stored.records, stored.reason, stored.failures) == ('"one"', 7, "It answered 503.", 1)


async def test_a_worker_leaves_what_it_does_not_know_to_others(database: Database) -> None:
    await register(database, ["mine", "theirs"])
    mine = worker(database, lambda status: _soon(well(status)))
    mine.sources = {"mine"}
    await mine.run_due()
    assert [each.state for each in await feeds.every(database)] == ["healthy", "new"]
    assert await feeds.next_due(database, ["mine"]) == NOW + HOUR
    assert await feeds.next_due(database, ["theirs"]) == NOW


async def test_a_bug_in_one_check_stops_no_other(database: Database) -> None:
    await register(database, ["bad", "good"])
    events: list[str] = []

    async def check(status: FeedStatus) -> Checked:
        if status.slug == "bad":
            raise ValueError("a bug")
        return await _soon(well(status))

    await worker(database, check, events=events).run_due()
    bad, good = await feeds.every(database)
    assert (bad.state, bad.due_at) == ("error", NOW + HOUR)
    assert "ValueError" in (bad.reason or "")
    assert good.state == "healthy"
    assert events.count("check_failed") == 1


async def test_a_database_that_goes_away_in_the_middle_loses_nothing(database: Database) -> None:
    await register(database, ["one"])
    tries = 0

    async def check(status: FeedStatus) -> Checked:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise StorageUnavailable
        return await _soon(well(status))

    await worker(database, check).run_due()
    (stored,) = await feeds.every(database)
    assert (tries, stored.state) == (3, "healthy")


async def test_stopping_lets_go_of_what_is_not_done(database: Database) -> None:
    await register(database)
    stop, begun = asyncio.Event(), asyncio.Event()

    async def check(status: FeedStatus) -> Checked:
        begun.set()
        await asyncio.Event().wait()
        return well(status)

    running = asyncio.create_task(worker(database, check).run(stop))
    await begun.wait()
    stop.set()
    await running
    assert {each.claimed_by for each in await feeds.every(database)} == {None}
    assert len(await feeds.claim(database, uuid4(), now=NOW, until=NOW + HOUR, most=50)) == len(NAMES)


async def _soon(checked: Checked) -> Checked:
    return checked
