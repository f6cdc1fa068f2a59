"""Counters of requests in a window of time: in this process, or in Valkey for several.

The in-memory storage of `limits` looks at all its keys on each hit (142 µs with a thousand of
them), so one process counts in a dictionary of its own; the shared counters are those of `limits`.
"""

from collections.abc import Awaitable, Callable
from time import monotonic

from limits.aio.storage import RedisStorage
from limits.errors import StorageError
from valkey.asyncio import ConnectionPool, Valkey
from valkey.exceptions import ValkeyError

MAX_COUNTERS = 100_000
VALKEY_SECONDS = 0.25
RETRY_SECONDS = 2.0
_PREFIX = "socdefenders"
# In one step, so that of several processes that do it at the same moment none adds to what another one has added.
_RAISE = """
local missing = tonumber(ARGV[2]) - tonumber(redis.call('get', KEYS[1]) or '0')
if missing > 0 then
    redis.call('incrby', KEYS[1], missing)
end
if redis.call('ttl', KEYS[1]) == -1 then
    redis.call('expire', KEYS[1], ARGV[1])
end
return missing
"""


class LocalCounters:
    """Counters of this process; those of past windows are swept out as it goes along."""

    def __init__(self, *, size: int = MAX_COUNTERS, clock: Callable[[], float] = monotonic) -> None:
        """Hold up to `size` counters."""
        self._size = size
        self._clock = clock
        self._counts: dict[str, int] = {}
        self._expires: dict[str, float] = {}
        self._sweep_at = 0.0

    def __len__(self) -> int:
        """Return how many counters are held."""
        return len(self._counts)

    def add(self, name: str, seconds: int, amount: int = 1) -> int:
        """Add to a counter that lives `seconds` from its first use; return what it says now."""
        count = self._counts.get(name)
        if count is None:
            self._make_room()
            self._expires[name] = self._clock() + seconds
            count = 0
        count += amount
        self._counts[name] = count
        return count

    def read(self, name: str) -> int:
        """Return what a counter says."""
        return self._counts.get(name, 0)

    def raise_to(self, name: str, seconds: int, least: int) -> None:
        """Let a counter say `least` at least."""
        missing = least - self.read(name)
        if missing > 0:
            self.add(name, seconds, missing)

    def _make_room(self) -> None:
        now = self._clock()
        full = len(self._counts) >= self._size
        if now < self._sweep_at and not full:
            return
        self._sweep_at = now + 60
        for name in [name for name, expires in self._expires.items() if expires <= now]:
            del self._counts[name], self._expires[name]
        # Only a flood of addresses fills this; the oldest half goes, so that the cost stays amortised.
        if len(self._counts) >= self._size:
            for name in list(self._counts)[: self._size // 2]:
                del self._counts[name], self._expires[name]


class SharedCounters:
    """Counters in Valkey or Redis; while it is away there is no answer, and the caller counts locally."""

    def __init__(
        self,
        url: str,
        *,
        clock: Callable[[], float] = monotonic,
        turned: Callable[[Exception | None], None] = lambda _reason: None,
    ) -> None:
        """Connect on first use; `turned` is told why when Valkey stops answering, and None when it answers again."""
        self._pool = ConnectionPool.from_url(url, socket_timeout=VALKEY_SECONDS, socket_connect_timeout=VALKEY_SECONDS)
        self._storage = RedisStorage(
            url,
            wrap_exceptions=True,
            implementation="valkey",
            key_prefix=_PREFIX,
            connection_pool=self._pool,  # type: ignore[arg-type]  # documented; the annotation is too narrow
        )
        self._raise = Valkey(connection_pool=self._pool).register_script(_RAISE)
        self._clock = clock
        self._turned = turned
        self._lost = False
        self._retry_at = 0.0
        self.turns = 0
        """How often Valkey has stopped answering, or answered again."""

    @property
    def away(self) -> bool:
        """Whether Valkey did not answer lately."""
        return self._clock() < self._retry_at

    async def add(self, name: str, seconds: int, amount: int = 1) -> int | None:
        """Add to a counter that lives `seconds` from its first use; None when Valkey is away."""
        return await self._ask(self._storage.incr(name, seconds, amount)) if not self.away else None

    async def read(self, name: str) -> int | None:
        """Return what a counter says; None when Valkey is away."""
        return await self._ask(self._storage.get(name)) if not self.away else None

    async def raise_to(self, name: str, seconds: int, least: int) -> None:
        """Let a counter say `least` at least; nothing when Valkey is away, for which `turns` is to be looked at."""
        if not self.away:
            await self._ask(self._raise(keys=[f"{_PREFIX}:{name}"], args=[seconds, least]))

    async def _ask(self, question: Awaitable[int]) -> int | None:
        try:
            answer = await question
        except (StorageError, ValkeyError, OSError) as error:
            self._retry_at = self._clock() + RETRY_SECONDS
            self._turn(error)
            return None
        self._turn(None)
        return answer

    def _turn(self, reason: Exception | None) -> None:
        lost = reason is not None
        if lost is not self._lost:
            self._lost = lost
            self.turns += 1
            self._turned(reason)

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.disconnect()
