"""How many requests a caller has left, by the minute and by the day (UTC, by the clock).

Windows are those of the clock, so when one ends is known without asking anybody. Counters live in
this process, or in Valkey when several processes share one budget. With Valkey away each process
counts for itself rather than refuse everybody: a budget that is briefly too generous does less harm
than an outage; `away` says so to the metrics and the log.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

from socdefenders.accounts.authenticator import Caller
from socdefenders.accounts.counters import LocalCounters, SharedCounters
from socdefenders.accounts.usage import UsageLog
from socdefenders.errors import BudgetExceeded
from socdefenders.settings import Tier

MINUTE = 60
DAY = 86_400
NOBODY = "anonymous"
"""The tier of a client without a valid key."""


class Rate(NamedTuple):
    """What the rate-limit headers say."""

    limit: int
    """Requests a minute."""
    remaining: int
    """Requests left, of whichever window has fewer."""
    reset: int
    """Unix time at which that window ends."""


class Budgets:
    """The budgets of all callers of a deployment."""

    def __init__(
        self,
        *,
        tier: Callable[[str], Tier],
        failed_per_minute: int,
        usage: UsageLog,
        shared: SharedCounters | None = None,
    ) -> None:
        """Count in `shared`, or in this process alone; `tier` says what each tier may do."""
        self._tier = tier
        self._failed_per_minute = failed_per_minute
        self._usage = usage
        self._shared = shared
        self._keys = LocalCounters()
        # Apart, so that a flood of addresses cannot displace the counts of a key.
        self._strangers = LocalCounters()
        self._seeded: set[str] = set()
        self._seeded_at = (0, 0)
        """The day they are of, and the turns of Valkey until then."""

    @property
    def away(self) -> bool:
        """Whether the shared counters cannot be reached and each process counts for itself."""
        return self._shared is not None and self._shared.away

    async def spend(self, caller: Caller, now: datetime) -> Rate:
        """Take one request from both budgets of `caller`; raise BudgetExceeded when either is used up."""
        tier = self._tier(caller.tier)
        seconds, who = int(now.timestamp()), str(caller.key_id)
        minute = await self._add(self._keys, _minute(who, seconds), MINUTE)
        if minute > tier.per_minute:
            raise _exceeded(tier.per_minute, "minute", seconds, tier.name)
        day = await self._spend_of_day(_day(who, seconds), caller, now)
        if day > tier.per_day:
            raise _exceeded(tier.per_day, "day", seconds, tier.name)
        self._usage.count(caller.key_id, now)
        return _rate(tier, minute, day, seconds)

    async def of(self, caller: Caller, now: datetime) -> Rate:
        """Return what `caller` has left, and take nothing."""
        tier = self._tier(caller.tier)
        seconds, who = int(now.timestamp()), str(caller.key_id)
        minute = await self._read(self._keys, _minute(who, seconds))
        day = await self._read(self._keys, _day(who, seconds))
        return _rate(tier, minute, day, seconds)

    async def fail(self, address: str, now: datetime) -> Rate:
        """Count a failed authentication from `address`; raise BudgetExceeded when there were too many."""
        seconds = int(now.timestamp())
        count = await self._add(self._strangers, _minute(neighbourhood(address), seconds), MINUTE)
        if count > self._failed_per_minute:
            raise _exceeded(self._failed_per_minute, "minute", seconds, NOBODY)
        return self._rate_of_failures(count, seconds)

    async def of_address(self, address: str, now: datetime) -> Rate:
        """Return how many failed authentications `address` has left, and take nothing."""
        seconds = int(now.timestamp())
        count = await self._read(self._strangers, _minute(neighbourhood(address), seconds))
        return self._rate_of_failures(count, seconds)

    async def close(self) -> None:
        """Let the shared counters go."""
        if self._shared is not None:
            await self._shared.close()

    def _rate_of_failures(self, count: int, seconds: int) -> Rate:
        limit = self._failed_per_minute
        return Rate(limit, max(0, limit - count), _end(seconds, MINUTE))

    async def _add(self, local: LocalCounters, name: str, seconds: int) -> int:
        if self._shared is not None:
            count = await self._shared.add(name, seconds)
            if count is not None:
                return count
        return local.add(name, seconds)

    async def _read(self, local: LocalCounters, name: str) -> int:
        if self._shared is not None:
            count = await self._shared.read(name)
            if count is not None:
                return count
        return local.read(name)

    async def _spend_of_day(self, name: str, caller: Caller, now: datetime) -> int:
        seeded = await self._seed(name, caller, now)
        day = await self._add(self._keys, name, DAY)
        if day > 1 or not seeded:
            return day
        # The count begins anew though it had begun: Valkey was started again, and keeps nothing.
        self._seeded.discard(name)
        await self._seed(name, caller, now)
        return await self._add(self._keys, name, DAY)

    async def _seed(self, name: str, caller: Caller, now: datetime) -> bool:
        """Let the count of a day start from what is written down; tell whether that was done before.

        It is done once, and again whenever Valkey goes or comes back: so a day holds what was counted before a
        restart, and elsewhere while Valkey was away.
        """
        current = (now.toordinal(), 0 if self._shared is None else self._shared.turns)
        if self._seeded_at != current:
            self._seeded_at = current
            self._seeded.clear()
        if name in self._seeded:
            return True
        written = await self._usage.requests_of_day(caller.key_id, now.date())
        self._keys.raise_to(name, DAY, written)
        if self._shared is not None:
            await self._shared.raise_to(name, DAY, written)
        if self._seeded_at == current:
            self._seeded.add(name)
        return False


@lru_cache(maxsize=1024)
def neighbourhood(address: str) -> str:
    """Return what one client can choose freely within: the address itself, or its /64 for IPv6."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    return str(IPv6Address(int(ip) >> 64 << 64)) + "/64" if ip.version == 6 else address


def _minute(who: str, seconds: int) -> str:
    return f"{who}/m{seconds // MINUTE}"


def _day(who: str, seconds: int) -> str:
    return f"{who}/d{seconds // DAY}"


def _end(seconds: int, window: int) -> int:
    return (seconds // window + 1) * window


def _rate(tier: Tier, minute: int, day: int, seconds: int) -> Rate:
    left_of_minute, left_of_day = max(0, tier.per_minute - minute), max(0, tier.per_day - day)
    if left_of_day < left_of_minute:
        return Rate(tier.per_minute, left_of_day, _end(seconds, DAY))
    return Rate(tier.per_minute, left_of_minute, _end(seconds, MINUTE))


def _exceeded(limit: int, window: str, seconds: int, tier: str) -> BudgetExceeded:
    reset_at = datetime.fromtimestamp(0, UTC) + timedelta(seconds=_end(seconds, MINUTE if window == "minute" else DAY))
    return BudgetExceeded(limit=limit, window=window, reset_at=reset_at, tier=tier)
