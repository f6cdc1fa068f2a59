"""Connections: lent one at a time, replaced when they die, and never handed on half-used."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import pytest

from socdefenders.errors import StorageError, StorageTimeout, StorageUnavailable
from socdefenders.storage import embedded
from socdefenders.storage.database import TOGETHER, TOGETHER_ROUNDS, Database, connect, wrapped
from tests.clusters import SMALL

WHO = "select pg_backend_pid()"
CHANNEL = "news"
SOON = 10.0
"""Seconds after which something that is waited for has failed to happen."""

AWAY: set[type[Exception]] = {
    OSError,
    ConnectionRefusedError,
    ConnectionResetError,
    TimeoutError,
    asyncpg.OutdatedSchemaCacheError,
    asyncpg.TargetServerAttributeNotMatched,
    asyncpg.PostgresConnectionError,
    asyncpg.ClientCannotConnectError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.ConnectionFailureError,
    asyncpg.ConnectionRejectionError,
    asyncpg.ProtocolViolationError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidPasswordError,
    asyncpg.TransactionResolutionUnknownError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleSessionTimeoutError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    asyncpg.QueryCanceledError,
    asyncpg.SerializationError,
    asyncpg.TooManyConnectionsError,
    asyncpg.DiskFullError,
    asyncpg.OutOfMemoryError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.UndefinedTableError,
}
"""What may be over in a moment."""

AWAY_IF_CLOSED: set[type[Exception]] = {
    asyncpg.InterfaceError,
    asyncpg.exceptions._base.DataError,
    asyncpg.InternalClientError,
    asyncpg.ProtocolError,
}
"""What the driver says of a connection that is closed, and also when it is used wrongly."""

CLASSES_OF_TROUBLE = ("08", "25P", "28", "40", "53", "57", "58")
"""Classes of SQLSTATE (PostgreSQL, appendix A) that tell of the server's state; each of their codes was judged."""

STAYING: dict[type[Exception], str] = {
    asyncpg.NoActiveSQLTransactionError: "a statement of ours in the wrong place",
    asyncpg.InFailedSQLTransactionError: "a statement of ours in the wrong place",
    asyncpg.TransactionRollbackError: "never raised by itself",
    asyncpg.TransactionIntegrityConstraintViolationError: "a constraint of ours",
    asyncpg.StatementCompletionUnknownError: "never raised by the server",
    asyncpg.DeadlockDetectedError: "a fault in the order of our locks, not to be hidden",
    asyncpg.InsufficientResourcesError: "never raised by itself",
    asyncpg.ConfigurationLimitExceededError: "a limit that the same call meets again",
    asyncpg.OperatorInterventionError: "never raised by itself",
    asyncpg.DatabaseDroppedError: "it does not come back",
    asyncpg.PostgresSystemError: "a fault of the disk or the installation",
    asyncpg.PostgresIOError: "a fault of the disk",
    asyncpg.UndefinedFileError: "a fault of the installation",
    asyncpg.DuplicateFileError: "a fault of the installation",
    asyncpg.FileNameTooLongError: "a fault of the installation",
}


def driver_errors() -> list[type[Exception]]:
    exported, base = vars(asyncpg.exceptions), vars(asyncpg.exceptions._base)  # its own DataError is in the base alone
    classes: list[type] = [each for each in [*exported.values(), *base.values()] if isinstance(each, type)]
    return [each for each in classes if issubclass(each, Exception) and not issubclass(each, Warning)]


def test_every_error_of_the_driver_is_known_to_be_away_or_not() -> None:
    """A new version of the driver with another error of the server's state makes this fail until it is judged."""
    for each in driver_errors():
        in_question = str(getattr(each, "sqlstate", None) or "").startswith(CLASSES_OF_TROUBLE)
        error = wrapped(each("no"), closed=False)
        assert isinstance(error, StorageUnavailable) is (each in AWAY), each
        closed = wrapped(each("no"), closed=True)
        assert isinstance(closed, StorageUnavailable) is (each in AWAY | AWAY_IF_CLOSED), each
        assert isinstance(error, StorageTimeout) is issubclass(each, asyncpg.QueryCanceledError), each
        assert not in_question or each in AWAY or each in STAYING, f"{each} has to be judged"


@pytest.mark.parametrize("error", sorted(AWAY, key=str))
def test_what_may_be_over_in_a_moment_says_so_with_the_drivers_words(error: type[Exception]) -> None:
    meant = wrapped(error("the reason"), closed=False)
    assert isinstance(meant, StorageUnavailable)
    assert "the reason" in meant.message


def test_an_error_without_words_is_told_by_its_name() -> None:
    assert "TimeoutError" in wrapped(TimeoutError(), closed=False).message


@pytest.mark.parametrize(
    ("dsn", "meant"),
    [
        ("postgresql:///nowhere?host=/nonexistent", StorageUnavailable),
        ("postgresql://127.0.0.1:1/nowhere", StorageUnavailable),
        ("postgresql://127.0.0.1:not-a-port/nowhere", StorageError),
        ("postgresql://127.0.0.1:1/nowhere?sslmode=perhaps", StorageError),
    ],
)
async def test_an_address_nobody_answers_is_told_from_one_nobody_can_read(dsn: str, meant: type[StorageError]) -> None:
    with pytest.raises(StorageError) as raised:
        await connect(dsn)
    assert type(raised.value) is meant


async def test_a_server_that_is_not_the_one_asked_for_is_away(dsn: str) -> None:
    with pytest.raises(StorageUnavailable):
        await connect(f"{dsn}&target_session_attrs=standby")


async def test_a_database_that_does_not_exist_is_away_as_in_the_middle_of_a_restore(dsn: str) -> None:
    with pytest.raises(StorageUnavailable, match="does not exist"):
        await Database.open(dsn.replace("/test_", "/nothing_"))


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    async with await Database.open(dsn, size=2) as opened:
        yield opened


async def pid(database: Database) -> int:
    found: int = (await database.fetch(WHO))[0][0]
    return found


@asynccontextmanager
async def outsider(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection that is none of the database's own."""
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def until(dsn: str, true: str) -> None:
    """Return as soon as the server says that `true` holds."""
    async with outsider(dsn) as other, asyncio.timeout(SOON):
        while not await other.fetchval(true):
            pass


async def kill(dsn: str, pid: int) -> None:
    """End a server process and return when it is gone."""
    async with outsider(dsn) as other:
        assert await other.fetchval("select pg_terminate_backend($1, 10000)", pid)


async def test_statements_run_and_their_errors_leave_the_connection_usable(database: Database) -> None:
    assert [tuple(row) for row in await database.fetch("select $1::text || 'b', 1", "a")] == [("ab", 1)]
    assert await database.execute("create table notes (word text unique)") == "CREATE TABLE"
    before = await pid(database)
    with pytest.raises(StorageError, match="nothing_here") as refused:
        await database.fetch("select nothing_here from notes")
    assert not isinstance(refused.value, StorageUnavailable)
    await database.execute("insert into notes values ('a')")
    with pytest.raises(StorageError, match="duplicate key"):
        await database.execute("insert into notes values ('a')")
    assert await pid(database) == before


@pytest.mark.parametrize(("sql", "values"), [("select $1::int", ("no number",)), ("select 1", (1, 2))])
@pytest.mark.parametrize("lent", [False, True])
async def test_a_statement_that_is_used_wrongly_is_no_database_that_is_away(
    database: Database, sql: str, values: tuple[object, ...], *, lent: bool
) -> None:
    async def ask() -> None:
        if lent:
            async with database.connection() as connection:
                await connection.fetch(sql, *values)
        else:
            await database.fetch(sql, *values)

    with pytest.raises(StorageError) as refused:
        await ask()
    assert not isinstance(refused.value, StorageUnavailable)
    assert await pid(database)


async def test_an_error_within_a_lent_connection_is_wrapped_and_its_transaction_undone(database: Database) -> None:
    async def fail() -> None:
        async with database.connection() as connection, connection.transaction():
            await connection.execute("insert into notes values ('half')")
            await connection.execute("select 1 / 0")

    await database.execute("create table notes (word text)")
    with pytest.raises(StorageError, match="division by zero"):
        await fail()
    assert await database.fetch("select * from notes") == []


async def test_an_idle_connection_that_the_server_ended_is_replaced_unnoticed(database: Database, dsn: str) -> None:
    before = await pid(database)
    await kill(dsn, before)
    assert await pid(database) != before


async def test_a_connection_killed_in_use_is_reported_and_the_next_call_works(database: Database, dsn: str) -> None:
    before = await pid(database)
    sleeping = asyncio.create_task(database.fetch("select pg_sleep(60)"))
    await until(
        database.dsn, f"select count(*) = 1 from pg_stat_activity where wait_event = 'PgSleep' and pid = {before}"
    )
    await kill(dsn, before)
    with pytest.raises(StorageUnavailable):
        await sleeping
    assert await pid(database) != before


async def test_a_connection_killed_while_lent_is_replaced(database: Database, dsn: str) -> None:
    async def use() -> None:
        async with database.connection() as connection:
            await kill(dsn, await connection.fetchval(WHO))
            await connection.fetchval(WHO)

    with pytest.raises(StorageUnavailable):
        await use()
    assert await pid(database) > 0


@pytest.mark.parametrize("lent", [False, True])
async def test_a_cancelled_statement_never_answers_the_next_borrower(database: Database, *, lent: bool) -> None:
    async def ask() -> None:
        if lent:
            async with database.connection() as connection:
                await connection.fetch("select 'late' from pg_sleep(60)")
        else:
            await database.fetch("select 'late' from pg_sleep(60)")

    task = asyncio.create_task(ask())
    await until(
        database.dsn, "select count(*) = 1 from pg_stat_activity where query like '%late%' and wait_event = 'PgSleep'"
    )
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    async with asyncio.timeout(SOON):
        answers = await asyncio.gather(*(database.fetch("select $1::int", number) for number in range(20)))
    assert [rows[0][0] for rows in answers] == list(range(20))


async def test_never_more_connections_than_allowed_and_every_caller_is_served(database: Database, dsn: str) -> None:
    async def ask(number: int) -> tuple[int, int]:
        async with database.connection() as connection:
            ours = "datname = current_database() and backend_type = 'client backend'"
            [row] = await connection.fetch(f"select $1::int, count(*) from pg_stat_activity where {ours}", number)
            return row[0], row[1]

    answers = await asyncio.gather(*(ask(number) for number in range(40)))
    assert [number for number, _ in answers] == list(range(40))
    assert max(open_ for _, open_ in answers) == 2


async def test_a_failure_to_connect_gives_its_place_back() -> None:
    database = Database("postgresql:///nowhere?host=/nonexistent", size=1)
    async with asyncio.timeout(SOON):
        for _ in range(3):
            with pytest.raises(StorageUnavailable):
                await database.fetch(WHO)
            with pytest.raises(StorageUnavailable):
                async with database.connection():
                    pass


async def test_what_is_lent_at_the_close_is_closed_when_it_comes_back(dsn: str) -> None:
    """Otherwise it stays open for ever; the driver would warn of it, and warnings are errors here."""
    database = await Database.open(dsn)
    async with database.connection() as connection:
        await database.close()
        assert await connection.fetchval("select 1") == 1
    assert connection.is_closed()


async def test_a_bounded_statement_is_ended_by_the_server_and_its_connection_kept(database: Database) -> None:
    before = await pid(database.bounded)
    assert before != await pid(database), "it has connections of its own, that no other statement waits for"
    with pytest.raises(StorageTimeout):
        await database.bounded.fetch("select pg_sleep(60)")
    assert await pid(database.bounded) == before


# A statement whose calls share a round trip: twice each of the numbers from one to the call's own, slowly if asked.
TOGETHER_SQL = """
    select wanted.number, 2 * counted, pg_sleep(wanted.seconds)::text
      from unnest($1::int[], $2::float[]) with ordinality as wanted (value, seconds, number),
           generate_series(1, wanted.value) as counted
     order by wanted.number, counted"""


async def doubled(database: Database, number: int, seconds: float = 0.0) -> list[int]:
    return [row[1] for row in await database.fetch_together(TOGETHER_SQL, number, seconds)]


def twice(number: int) -> list[int]:
    return [2 * each for each in range(1, number + 1)]


class Counting(Database):
    """Counts the round trips, and how many run at a time."""

    trips = running = most = 0

    async def fetch(self, sql: str, *values: object) -> list[asyncpg.Record]:
        self.trips += 1
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            return await super().fetch(sql, *values)
        finally:
            self.running -= 1


async def test_calls_of_one_moment_share_round_trips_and_each_gets_its_own_answer(dsn: str) -> None:
    numbers = [number % 7 for number in range(100)]
    async with Counting(dsn) as database:
        answers = await asyncio.gather(*(doubled(database, number) for number in numbers))
        assert answers == [twice(number) for number in numbers]
        assert database.trips <= -(-len(numbers) // TOGETHER) + TOGETHER_ROUNDS
        assert database.most <= TOGETHER_ROUNDS
        before = database.trips
        assert await doubled(database, 3) == twice(3), "alone it waits for nobody"
        assert database.trips == before + 1


async def test_a_caller_that_gives_up_leaves_the_others_their_answers(database: Database) -> None:
    calls = [asyncio.create_task(doubled(database, 3, 0.02)) for _ in range(6)]
    await until(database.dsn, "select count(*) > 0 from pg_stat_activity where wait_event = 'PgSleep'")
    for call in calls[::2]:
        call.cancel()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [isinstance(answer, asyncio.CancelledError) for answer in answers] == [True, False] * 3
    assert answers[1::2] == [twice(3)] * 3


async def test_a_shared_round_trip_that_fails_fails_for_all_of_its_callers_and_no_other(
    database: Database, dsn: str
) -> None:
    calls = [asyncio.create_task(doubled(database, 1, 60.0)) for _ in range(6)]
    asleep = "from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"
    await until(dsn, f"select count(*) > 0 {asleep}")
    async with outsider(dsn) as other, asyncio.timeout(SOON):
        while not all(call.done() for call in calls):
            await other.execute(f"select pg_terminate_backend(pid) {asleep}")
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(answer) for answer in answers] == [StorageUnavailable] * 6
    assert await doubled(database, 4) == twice(4)


async def test_a_round_trip_that_is_broken_off_is_never_taken_for_an_empty_answer(database: Database) -> None:
    """An analyst would read it as "nobody reported this"."""
    calls = [asyncio.create_task(doubled(database, 1, 60.0)) for _ in range(3)]
    await until(database.dsn, "select count(*) > 0 from pg_stat_activity where wait_event = 'PgSleep'")
    for round_ in tuple(database._waiting[TOGETHER_SQL].rounds):
        round_.cancel()
    async with asyncio.timeout(SOON):
        answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(answer) for answer in answers] == [StorageError] * 3


class Ear:
    """What a listener was told, in order."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[str] = asyncio.Queue()

    def heard(self, payload: str) -> None:
        self.told.put_nowait(f"heard {payload}")

    def lost(self, reason: StorageError) -> None:
        assert reason.message
        self.told.put_nowait("lost")

    async def next(self) -> str:
        async with asyncio.timeout(SOON):
            return await self.told.get()


@asynccontextmanager
async def listening(database: Database) -> AsyncIterator[Ear]:
    ear = Ear()
    task = asyncio.create_task(database.listen(CHANNEL, ear.heard, ear.lost))
    try:
        yield ear
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_listener_hears_reports_a_break_and_comes_back_by_itself(database: Database, dsn: str) -> None:
    async with listening(database) as ear:
        assert await ear.next() == "heard "
        await database.execute(f"notify {CHANNEL}, 'one'")
        assert await ear.next() == "heard one"

        [listener] = await database.fetch(
            "select pid from pg_stat_activity where datname = current_database() and query ilike 'listen%'"
        )
        await kill(dsn, listener["pid"])
        assert [await ear.next(), await ear.next()] == ["lost", "heard "]
        await database.execute(f"notify {CHANNEL}, 'two'")
        assert await ear.next() == "heard two"


async def test_a_listener_that_is_ended_leaves_no_connection(database: Database) -> None:
    async with listening(database) as ear:
        assert await ear.next() == "heard "
    await until(
        database.dsn,
        "select count(*) = 0 from pg_stat_activity where datname = current_database() and query ilike 'listen%'",
    )


@pytest.fixture
def restartable() -> Iterator[embedded.Instance]:
    """A PostgreSQL of this test's own, to be stopped and started."""
    with tempfile.TemporaryDirectory(prefix="socdefenders-test-", dir="/tmp") as data_dir:
        options = embedded.Options(durable=False, shared_buffers_mb=SMALL)
        with embedded.running(Path(data_dir), name="the tests", options=options) as instance:
            yield instance


async def test_a_server_that_goes_and_returns_is_used_again_without_a_restart(
    restartable: embedded.Instance,
) -> None:
    async with await Database.open(restartable.dsn, size=3) as database, listening(database) as ear:
        assert await ear.next() == "heard "
        await asyncio.gather(*(database.fetch("select pg_sleep(0.01)") for _ in range(3)))

        await asyncio.to_thread(restartable.stop)
        assert await ear.next() == "lost"
        for _ in range(5):
            with pytest.raises(StorageUnavailable):
                await database.fetch(WHO)

        with embedded.running(
            restartable.data_dir, name="the tests", options=embedded.Options(durable=False, shared_buffers_mb=SMALL)
        ) as again:
            assert again.dsn == restartable.dsn
            assert await pid(database) > 0
            told = await ear.next()
            while told == "lost":  # once for each attempt
                told = await ear.next()
            assert told == "heard "
            await database.execute(f"notify {CHANNEL}, 'back'")
            assert await ear.next() == "heard back"
