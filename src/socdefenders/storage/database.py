"""Connections to PostgreSQL: held open, handed out one at a time, reopened when the server comes back.

The only module that knows the driver's errors: each leaves as one of `socdefenders.errors`. A held
connection keeps its prepared statements and is handed back without the driver's reset query, which
costs more than a look-up; so whoever sets something on a connection sets it LOCAL to a transaction.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TypeVar, cast

import asyncpg

from socdefenders.errors import StorageError, StorageTimeout, StorageUnavailable

Connection = asyncpg.Connection
Record = asyncpg.Record
T = TypeVar("T")

CONNECT_SECONDS = 5.0
COMMAND_SECONDS = 30.0
LOST_SECONDS = 1.0
"""How long work on a connection that is gone may take to notice it."""
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0

# The search's statements are simple enough for one plan to be right for every value; planning
# anew costs as much as running them.
SESSION = {"application_name": "socdefenders", "plan_cache_mode": "force_generic_plan", "timezone": "UTC", "jit": "off"}

UNAVAILABLE = (
    OSError,
    TimeoutError,
    asyncpg.TargetServerAttributeNotMatched,
    asyncpg.OutdatedSchemaCacheError,
    asyncpg.PostgresConnectionError,
    asyncpg.InvalidAuthorizationSpecificationError,  # a password or pg_hba.conf that is changed on one side first
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleSessionTimeoutError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    asyncpg.QueryCanceledError,  # a time limit that the server sets is the same to us as our own
    asyncpg.SerializationError,  # our transactions cannot raise it; a standby that must catch up does
    asyncpg.TooManyConnectionsError,
    asyncpg.DiskFullError,
    asyncpg.OutOfMemoryError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidCatalogNameError,  # a database, or its tables, that a restore is about to bring back
    asyncpg.UndefinedTableError,
)

# What the driver says itself: that a connection is closed, and also that we used it wrongly.
_CLIENT = (asyncpg.InterfaceError, asyncpg.InternalClientError)

# It counts these to them too, though they come before there is a connection; no second attempt mends them.
_MISTAKES = (
    asyncpg.ClientConfigurationError,
    asyncpg.UnsupportedClientFeatureError,
    asyncpg.UnsupportedServerFeatureError,
)

FAILURES = (asyncpg.PostgresError, *_CLIENT, *UNAVAILABLE)
"""Whatever the driver raises when something is wrong; `wrapped` says what it means."""


def wrapped(error: Exception, *, closed: bool) -> StorageError:
    """Return what the driver's `error` means to a caller, on a connection that is `closed` or not."""
    if isinstance(error, asyncpg.QueryCanceledError):
        return StorageTimeout(f"The database was given too little time: {error}")
    lost = closed and isinstance(error, _CLIENT) and not isinstance(error, _MISTAKES)
    if lost or isinstance(error, UNAVAILABLE):
        return StorageUnavailable(f"The database is not reachable at the moment: {str(error) or type(error).__name__}")
    return StorageError(f"The database refused the operation: {error}")


def failed(connection: Connection, error: Exception) -> StorageError:
    """Return what `error` means, and end the connection unless it can still be used."""
    meant = wrapped(error, closed=connection.is_closed())
    unharmed = isinstance(error, asyncpg.PostgresError) and not isinstance(error, UNAVAILABLE)
    if not unharmed and not isinstance(meant, StorageTimeout):
        connection.terminate()
    return meant


async def connect(dsn: str, *, command_timeout: float | None = COMMAND_SECONDS, statement_ms: int = 0) -> Connection:
    """Open one connection to `dsn`; raise StorageUnavailable when the server cannot be reached."""
    try:
        return await asyncpg.connect(
            dsn,
            timeout=CONNECT_SECONDS,
            command_timeout=command_timeout,
            server_settings=SESSION | ({"statement_timeout": str(statement_ms)} if statement_ms else {}),
            statement_cache_size=256,
        )
    except (*FAILURES, ValueError) as error:
        raise wrapped(error, closed=True) from error


async def unless_lost(connection: Connection, work: Awaitable[object]) -> None:
    """Wait for `work` on `connection`, but no longer than the connection lives.

    A COPY that waits for room in the socket's buffer is never told by the driver that the server is
    gone, and would wait for ever.
    """
    lost = asyncio.Event()

    def tell(_connection: object) -> None:
        lost.set()

    connection.add_termination_listener(tell)
    task, watch = asyncio.ensure_future(work), asyncio.ensure_future(lost.wait())
    try:
        await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            # Most work fails by itself when the connection goes, and says better why.
            await asyncio.wait({task}, timeout=LOST_SECONDS)
        if not task.done():
            raise StorageUnavailable("The connection to the database was lost in the middle of writing.")
        await task
    finally:
        watch.cancel()
        task.cancel()
        connection.remove_termination_listener(tell)
        # Whoever was cancelled here goes on to roll back, for which the connection must be free again.
        ended, _ = await asyncio.wait({task}, timeout=LOST_SECONDS)
        if ended and not task.cancelled():
            task.exception()  # looked at: what it says was said already, or is overtaken by the loss


Call = tuple[tuple[object, ...], "asyncio.Future[list[Record]]"]
"""What one caller asked, and where its answer goes."""

BOUNDED_MS = 15
"""Milliseconds that a statement of `Database.bounded` may take unless told otherwise; the server ends it then."""
TOGETHER, TOGETHER_ROUNDS = 32, 1
"""Calls of one round trip, and round trips of one statement at a time.

One at a time and not two: calls that find it under way gather for the next, and at 32 callers the
fuller round trips cost the API an eighth less CPU a call than two half as full.
"""


@dataclass(slots=True)
class Waiting:
    """The calls that wait for one statement, and the tasks that run it."""

    calls: deque[Call] = field(default_factory=deque)
    rounds: set[asyncio.Task[None]] = field(default_factory=set)


class Database:
    """Up to `size` held connections to one PostgreSQL."""

    def __init__(self, dsn: str, *, size: int = 8, statement_ms: int = 0, bounded_ms: int = BOUNDED_MS) -> None:
        """Remember where the database is; nothing is opened before the first use.

        A statement that takes longer than `statement_ms` milliseconds ends in StorageTimeout; 0 sets no limit.
        `bounded_ms` is the same for the connections of `bounded`.
        """
        self.dsn = dsn
        self._statement_ms = statement_ms
        self._bounded_ms = bounded_ms
        self._size = size
        self._free = asyncio.Semaphore(size)
        self._idle: list[Connection] = []
        self._closed = False
        self._bounded: Database | None = None
        self._waiting: dict[str, Waiting] = {}

    @classmethod
    async def open(cls, dsn: str, *, size: int = 8) -> Self:
        """Return a database of which the first connection is proven to work."""
        database = cls(dsn, size=size)
        async with database.connection():
            return database

    async def __aenter__(self) -> Self:
        """Return the database itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        await self.close()

    @property
    def bounded(self) -> "Database":
        """The same database over half as many connections of its own, on which no statement takes `bounded_ms`."""
        if self._bounded is None:
            self._bounded = Database(self.dsn, size=max(2, self._size // 2), statement_ms=self._bounded_ms)
        return self._bounded

    async def warm(self, work: Callable[[Self], Awaitable[object]]) -> None:
        """Open every connection and do `work` on each, before anybody waits for an answer.

        A new connection learns about the tables it reads, and takes ten times as long for the first
        statement of each kind. `work` gets a database of one connection, with one bounded one.
        """
        singles = [type(self)(self.dsn, size=1, bounded_ms=self._bounded_ms) for _ in range(self._size)]
        ended = await asyncio.gather(*[work(single) for single in singles], return_exceptions=True)
        for single in singles:
            self.adopt(single.give_up())
            self.bounded.adopt(single.bounded.give_up())
        for error in ended:
            if isinstance(error, BaseException):
                raise error

    def give_up(self) -> list[Connection]:
        """Return the idle connections, which are no longer this object's."""
        idle, self._idle = self._idle, []
        return idle

    def adopt(self, connections: Iterable[Connection]) -> None:
        """Hold idle `connections` to the same database, as far as there is room."""
        for connection in connections:
            if self._closed or len(self._idle) >= self._size:
                connection.terminate()
            else:
                self._idle.append(connection)

    async def close(self) -> None:
        """Close the idle connections; those in use close when they are handed back."""
        self._closed = True
        if self._bounded is not None:
            await self._bounded.close()
        for connection in self.give_up():
            with suppress(*FAILURES):
                await connection.close(timeout=1)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection; the driver's errors leave the block as StorageError."""
        async with self._free:
            connection = await self._take()
            try:
                yield connection
            except FAILURES as error:
                raise failed(connection, error) from error
            except asyncio.CancelledError:
                # A statement may still run on it; its answer must not meet the next borrower.
                connection.terminate()
                raise
            finally:
                self._give_back(connection)

    async def _take(self) -> Connection:
        while self._idle:
            # Last in, first out: the warmest connection, with its statements prepared.
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return await connect(self.dsn, statement_ms=self._statement_ms)

    def _give_back(self, connection: Connection) -> None:
        if self._closed:
            connection.terminate()
        elif not connection.is_closed():
            self._idle.append(connection)

    async def fetch(self, sql: str, *values: object) -> list[Record]:
        """Run one statement and return its rows.

        Written out rather than through `connection()`: this is the hot path, and the generator of a
        context manager costs as much as a tenth of a look-up.
        """
        async with self._free:
            connection = await self._take()
            try:
                return await connection.fetch(sql, *values)
            except FAILURES as error:
                raise failed(connection, error) from error
            except asyncio.CancelledError:
                connection.terminate()
                raise
            finally:
                self._give_back(connection)

    async def fetch_together(self, sql: str, *values: object) -> list[Record]:
        """Run `sql` for `values` and for whatever others wait for the same statement, in one round trip.

        The statement takes each value as an array with one element for each call, and the first
        column of its rows is the number of the call, from 1. Under load this saves most of what a
        round trip costs, on both sides; alone, a call waits for nobody.
        """
        waiting = self._waiting.setdefault(sql, Waiting())
        answer: asyncio.Future[list[Record]] = asyncio.get_running_loop().create_future()
        waiting.calls.append((values, answer))
        if len(waiting.rounds) < TOGETHER_ROUNDS:
            self._start_round(sql, waiting)
        return await answer

    def _start_round(self, sql: str, waiting: Waiting) -> None:
        # A task of its own: the caller may be cancelled, and the others still want their answers.
        waiting.rounds.add(asyncio.create_task(self._run_rounds(sql, waiting)))

    async def _run_rounds(self, sql: str, waiting: Waiting) -> None:
        try:
            while waiting.calls:
                await self._run_round(sql, waiting.calls)
        finally:
            # At once and not by a callback of the task: a call that came between the two would wait for ever.
            waiting.rounds.remove(cast("asyncio.Task[None]", asyncio.current_task()))
            if waiting.calls and not self._closed:
                self._start_round(sql, waiting)

    async def _run_round(self, sql: str, calls: deque[Call]) -> None:
        batch = [calls.popleft() for _ in range(min(len(calls), TOGETHER))]
        answers: list[list[Record]] | None = None
        failure = StorageError("The database's answer was lost; ask again.")
        try:
            rows = await self.fetch(sql, *zip(*[values for values, _ in batch], strict=True))
            answers = [[] for _ in batch]
            for row in rows:
                answers[row[0] - 1].append(row)
        except StorageError as error:
            failure = error
        finally:
            # Whatever happened, nobody is left waiting, and nobody takes a failure for an empty answer.
            for number, (_, answer) in enumerate(batch):
                if answer.done():
                    continue
                if answers is None:
                    answer.set_exception(failure)
                else:
                    answer.set_result(answers[number])

    async def execute(self, sql: str, *values: object) -> str:
        """Run one statement and return the server's command tag."""
        async with self.connection() as connection:
            return await connection.execute(sql, *values)

    async def listen(self, channel: str, heard: Callable[[str], None], lost: Callable[[StorageError], None]) -> None:
        """Call `heard(payload)` for each notification on `channel` until cancelled.

        `lost` is told why whenever the line breaks or cannot be taken up, which is tried with a growing pause;
        `heard("")` then says that notifications may have been missed.
        """
        pause = _SHORTEST_PAUSE
        while True:
            try:
                connection = await connect(self.dsn, command_timeout=None)
                broken = asyncio.Event()
                try:
                    connection.add_termination_listener(lambda _connection, broken=broken: broken.set())
                    await connection.add_listener(channel, lambda *note: heard(str(note[3])))
                    heard("")
                    pause = _SHORTEST_PAUSE
                    await broken.wait()
                finally:
                    connection.terminate()
                reason: StorageError = StorageUnavailable("The connection that hears notifications was lost.")
            except StorageError as error:
                reason = error
            except FAILURES as error:
                reason = wrapped(error, closed=True)
            lost(reason)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)


async def outlasting(
    work: Callable[[], Awaitable[T]], *, away: Callable[[StorageUnavailable], object], seconds: float
) -> T:
    """Do what must not be lost, however often the database goes away meanwhile; `away` is told, `seconds` between."""
    while True:
        try:
            return await work()
        except StorageUnavailable as error:
            away(error)
            await asyncio.sleep(seconds)
