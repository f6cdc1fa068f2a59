"""Keys, callers, budgets and usage on a real database."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest

from socdefenders.accounts import (
    SCOPES,
    Authenticator,
    Budgets,
    Caller,
    SharedCounters,
    UsageLog,
    create_key,
    list_keys,
    revoke_key,
)
from socdefenders.accounts.counters import RETRY_SECONDS
from socdefenders.errors import BudgetExceeded, ExpiredKey, InputError, InvalidKey, StorageError, StorageUnavailable
from socdefenders.settings import Tier
from socdefenders.storage.database import Database
from socdefenders.storage.exclusive import ExclusiveLock
from tests.web.serving import free_port, valkey

NOW = datetime(2026, 5, 1, 12, 0, 30, tzinfo=UTC)
HELD = (
    "select from pg_locks join pg_database d on d.oid = database "
    "where locktype = 'advisory' and datname = current_database()"
)
DEAF = "postgresql:///nothing?host=/nonexistent"


class Clock:
    """A clock that the test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110  # what is waited for happens in another process
            await asyncio.sleep(0.005)


@asynccontextmanager
async def listening(database: Database) -> AsyncIterator[Authenticator]:
    """An authenticator that hears revocations."""
    authenticator = Authenticator(database)
    task = asyncio.create_task(authenticator.listen())
    await until(lambda: authenticator.listening)
    yield authenticator
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def budgets_of(database: Database, *, minute: int = 3, day: int = 5) -> tuple[Budgets, UsageLog]:
    usage = UsageLog(database)
    tier = Tier(name="free", per_minute=minute, per_day=day)
    return Budgets(tier=lambda _name: tier, failed_per_minute=2, usage=usage), usage


async def caller_of(database: Database) -> Caller:
    key, _ = await create_key(database, name="a test", tier="free", now=NOW)
    return Caller.of(key)


async def test_a_key_is_stored_as_its_hash_and_listed_without_its_secret(dsn: str) -> None:
    async with Database(dsn) as database:
        key, secret = await create_key(
            database,
            name=" a SIEM ",
            tier="pro",
            now=NOW,
            expires_in_days=7,
            allowed_ips=["192.0.2.1", "2001:db8::/32"],
        )
        assert len(secret) == 48
        assert (key.name, key.key_prefix, key.scopes) == ("a SIEM", secret[:12], SCOPES["pro"])
        assert await list_keys(database) == [key]
        assert key.expires_at == NOW + timedelta(days=7)
        assert [str(network) for network in key.allowed_ips or ()] == ["192.0.2.1/32", "2001:db8::/32"]
        (row,) = await database.fetch("select api_keys::text as stored from api_keys")
        assert secret not in row["stored"]
        assert secret[12:] not in row["stored"]


@pytest.mark.parametrize(
    ("wrong", "parameter"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"tier": "gold"}, "tier"),
        ({"expires_in_days": 0}, "expires_in_days"),
        ({"allowed_ips": ["192.0.2.300"]}, "allowed_ips"),
        ({"allowed_ips": []}, "allowed_ips"),
    ],
)
async def test_a_key_that_makes_no_sense_is_refused_by_parameter(
    dsn: str, wrong: dict[str, object], parameter: str
) -> None:
    async with Database(dsn) as database:
        with pytest.raises(InputError) as refused:
            await create_key(database, **({"name": "x", "tier": "free", "now": NOW} | wrong))  # type: ignore[arg-type]  # wrong on purpose
        assert refused.value.parameter == parameter
        assert await list_keys(database) == []


async def test_a_key_is_revoked_once_by_id_or_prefix_and_an_ambiguous_prefix_is_refused(dsn: str) -> None:
    async with Database(dsn) as database:
        one, _ = await create_key(database, name="one", tier="free", now=NOW)
        two, _ = await create_key(database, name="two", tier="free", now=NOW)
        await database.execute("update api_keys set key_prefix = 'sk_live_same'")
        with pytest.raises(InputError, match=str(one.id)):
            await revoke_key(database, "sk_live_same", NOW)
        assert (await revoke_key(database, str(one.id), NOW)).name == "one"
        assert (await revoke_key(database, "sk_live_same", NOW)).id == two.id
        with pytest.raises(InputError, match="No living key"):
            await revoke_key(database, str(one.id), NOW)
        assert {key.revoked_at for key in await list_keys(database)} == {NOW}


async def test_a_caller_is_remembered_and_a_revocation_forgets_it(dsn: str) -> None:
    async with Database(dsn) as database, listening(database) as authenticator:
        key, secret = await create_key(database, name="x", tier="free", now=NOW)
        assert (await authenticator.caller(secret, NOW)).key_id == key.id
        await database.execute("update api_keys set tier = 'pro'")
        assert (await authenticator.caller(secret, NOW)).tier == "free", "from memory"
        await revoke_key(database, str(key.id), NOW)
        await until(lambda: not len(authenticator))
        with pytest.raises(InvalidKey):
            await authenticator.caller(secret, NOW)


async def test_nothing_is_remembered_while_revocations_are_not_heard(dsn: str) -> None:
    async with Database(dsn) as database:
        authenticator = Authenticator(database)
        _, secret = await create_key(database, name="x", tier="free", now=NOW)
        await authenticator.caller(secret, NOW)
        assert len(authenticator) == 0
        await database.execute("update api_keys set revoked_at = now()")
        with pytest.raises(InvalidKey):
            await authenticator.caller(secret, NOW)


async def test_a_look_up_that_a_revocation_overtook_is_not_remembered(dsn: str) -> None:
    async with Database(dsn) as database, listening(database) as authenticator:
        _, secret = await create_key(database, name="x", tier="free", now=NOW)
        asking = asyncio.create_task(authenticator.caller(secret, NOW))
        await asyncio.sleep(0)
        authenticator._heard("a revocation")
        await asking
        assert len(authenticator) == 0


async def test_an_expired_key_is_refused_even_from_memory(dsn: str) -> None:
    async with Database(dsn) as database, listening(database) as authenticator:
        _, secret = await create_key(database, name="x", tier="free", now=NOW, expires_in_days=1)
        await authenticator.caller(secret, NOW)
        with pytest.raises(ExpiredKey):
            await authenticator.caller(secret, NOW + timedelta(days=1))


async def test_memory_is_bounded_and_unknown_keys_take_none_of_it(dsn: str) -> None:
    async with Database(dsn) as database, listening(database) as authenticator:
        authenticator._size = 2
        for _ in range(4):
            _, secret = await create_key(database, name="x", tier="free", now=NOW)
            await authenticator.caller(secret, NOW)
            with pytest.raises(InvalidKey):
                await authenticator.caller(secret[:-1] + "-", NOW)
            with pytest.raises(InvalidKey):
                await authenticator.caller("sk_live_" + "z" * 40, NOW)
        assert len(authenticator) == 2


async def test_a_minute_is_refused_at_its_limit_and_ends_by_the_clock(dsn: str) -> None:
    async with Database(dsn) as database:
        budgets, _ = budgets_of(database)
        caller = await caller_of(database)
        assert [(await budgets.spend(caller, NOW)).remaining for _ in range(3)] == [2, 1, 0]
        with pytest.raises(BudgetExceeded) as refused:
            await budgets.spend(caller, NOW + timedelta(seconds=29))
        assert (refused.value.window, refused.value.limit) == ("minute", 3)
        assert refused.value.reset_at == NOW + timedelta(seconds=30)
        rate = await budgets.spend(caller, NOW + timedelta(seconds=30))
        assert (rate.limit, rate.remaining) == (3, 1), "of the day are left 1, of the minute 2"
        assert rate.reset == datetime(2026, 5, 2, tzinfo=UTC).timestamp()


async def test_a_day_starts_from_what_was_written_down_and_refused_requests_are_not_counted(dsn: str) -> None:
    async with Database(dsn) as database:
        caller = await caller_of(database)
        budgets, usage = budgets_of(database, minute=3)
        for _ in range(3):
            await budgets.spend(caller, NOW)
        with pytest.raises(BudgetExceeded):
            await budgets.spend(caller, NOW)
        await usage.flush()
        await usage.flush()
        again, _ = budgets_of(database, minute=100)
        assert (await again.spend(caller, NOW)).remaining == 1
        await again.spend(caller, NOW)
        with pytest.raises(BudgetExceeded) as refused:
            await again.spend(caller, NOW)
        assert (refused.value.window, refused.value.reset_at) == ("day", datetime(2026, 5, 2, tzinfo=UTC))
        tomorrow = await again.spend(caller, NOW + timedelta(days=1))
        assert tomorrow.remaining == 4
        (stored,) = await list_keys(database)
        assert (stored.total_requests, stored.last_used_at) == (3, NOW)


async def test_a_shared_day_starts_from_what_was_written_down_and_outlives_an_outage(dsn: str) -> None:
    """Valkey comes back with nothing, as after a restart, and an outage is counted for what it was."""
    clock, port = Clock(), free_port()

    def process(database: Database) -> tuple[Budgets, UsageLog]:
        usage, tier = UsageLog(database), Tier(name="free", per_minute=100, per_day=5)
        shared = SharedCounters(f"valkey://127.0.0.1:{port}", clock=clock)
        return Budgets(tier=lambda _name: tier, failed_per_minute=2, usage=usage, shared=shared), usage

    async with Database(dsn) as database:
        caller = await caller_of(database)
        (one, usage), (other, _) = process(database), process(database)
        with valkey(port) as running:
            if running is None:
                pytest.skip("there is no Valkey or Redis on this machine")
            assert (await one.spend(caller, NOW)).remaining == 4
            assert (await other.spend(caller, NOW)).remaining == 3, "what is not written down is shared"
        await usage.flush()
        assert (await one.spend(caller, NOW)).remaining == 3, "alone, with what it has written down itself"
        await one.spend(caller, NOW)
        await usage.flush()
        with valkey(port):
            clock.now += RETRY_SECONDS
            assert (await other.spend(caller, NOW)).remaining == 1, "three are written down"
            assert (await one.spend(caller, NOW)).remaining == 0
            with pytest.raises(BudgetExceeded):
                await other.spend(caller, NOW)
        await one.close()
        await other.close()


async def test_what_cannot_be_written_down_stays_counted(dsn: str) -> None:
    async with Database(dsn) as database:
        caller = await caller_of(database)
        usage = UsageLog(database)
        usage.count(caller.key_id, NOW)
        usage._database = Database(DEAF)
        with pytest.raises(StorageUnavailable):
            await usage.flush()
        usage.count(caller.key_id, NOW + timedelta(seconds=1))
        usage._database = database
        await usage.flush()
        (stored,) = await list_keys(database)
        assert (stored.total_requests, stored.last_used_at) == (2, NOW + timedelta(seconds=1))


async def test_a_write_that_a_stop_interrupts_is_neither_lost_nor_done_twice(dsn: str) -> None:
    async with Database(dsn, size=1) as database:
        caller = await caller_of(database)
        usage = UsageLog(database)
        usage.count(caller.key_id, NOW)
        async with database.connection():  # the only one, so that the write has to wait
            run = asyncio.create_task(usage.flush())
            for _ in range(10):  # turns of the loop, in which it comes to wait
                await asyncio.sleep(0)
            run.cancel()
            with pytest.raises(asyncio.CancelledError):
                await run
            usage.count(caller.key_id, NOW)
            last = asyncio.create_task(usage.flush())
        await last
        (stored,) = await list_keys(database)
        assert stored.total_requests == 2


async def test_usage_of_a_key_that_was_deleted_does_not_hold_up_the_rest(dsn: str) -> None:
    async with Database(dsn) as database:
        gone, stays = await caller_of(database), await caller_of(database)
        usage = UsageLog(database)
        for caller in (gone, stays):
            usage.count(caller.key_id, NOW)
        await database.execute("delete from api_keys where id = $1", gone.key_id)
        await usage.flush()
        (stored,) = await list_keys(database)
        assert stored.total_requests == 1


async def test_failures_are_counted_by_address_and_refused_beyond_the_limit(dsn: str) -> None:
    async with Database(dsn) as database:
        budgets, _ = budgets_of(database)
        assert [(await budgets.fail("2001:db8::1", NOW)).remaining for _ in range(2)] == [1, 0]
        with pytest.raises(BudgetExceeded) as refused:
            await budgets.fail("2001:db8::2", NOW)
        assert refused.value.tier == "anonymous"
        assert (await budgets.of_address("192.0.2.1", NOW)).remaining == 2


async def test_a_lock_is_held_by_one_and_goes_with_its_connection(dsn: str) -> None:
    one, other = ExclusiveLock(dsn, "a test"), ExclusiveLock(dsn, "a test")
    refusals: list[None] = []
    assert await one.take()
    assert not await other.take()
    keeping = asyncio.create_task(one.keep(lambda: refusals.append(None), lambda _error: None))
    first = one._connection
    async with Database(dsn) as database:
        await database.fetch("select pg_terminate_backend($1)", first.get_server_pid() if first else 0)
    await until(lambda: one.held and one._connection is not first)
    assert not await other.take()
    assert refusals == []
    keeping.cancel()
    with suppress(asyncio.CancelledError):
        await keeping
    one.release()
    async with Database(dsn) as database, asyncio.timeout(10):
        while await database.fetch(HELD):
            pass
    assert await other.take()
    other.release()


async def test_who_cannot_reach_what_is_shared_is_told_why_and_once() -> None:
    """Each of these goes on trying; without the reason nobody could tell a wrong password from a cut cable."""
    deaf, lock = Authenticator(Database(DEAF)), ExclusiveLock(DEAF, "a test")
    heard: list[StorageError | None] = []
    away: list[StorageError] = []
    valkey_gone: list[Exception | None] = []
    clock = Clock()
    counters = SharedCounters("valkey://127.0.0.1:1", clock=clock, turned=valkey_gone.append)
    tasks = [
        asyncio.create_task(deaf.listen(heard.append)),
        asyncio.create_task(lock.keep(lambda: None, away.append)),
    ]
    await until(lambda: bool(heard and away))
    for _ in range(3):
        deaf._lost(StorageUnavailable("again"))
        assert await counters.add("x", 60) is None
        clock.now += RETRY_SECONDS
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await counters.close()
    assert ["/nonexistent" in str(reason) or "No such file" in str(reason) for reason in heard] == [True]
    assert ["/nonexistent" in str(reason) or "No such file" in str(reason) for reason in away] == [True]
    assert ["127.0.0.1:1" in str(reason) for reason in valkey_gone] == [True]
    deaf._heard("")
    deaf._heard("")
    assert heard[1:] == [None]
