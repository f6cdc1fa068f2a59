"""Politeness: how many requests a host gets at a time and how soon one after another, and none while it wants none."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

Clock = Callable[[], float]
"""Seconds, from any beginning."""
Sleep = Callable[[float], Awaitable[None]]

_KEPT = 1000
"""Hosts that are remembered before those that nobody waits for are forgotten."""


@dataclass(slots=True)
class _Host:
    free: asyncio.Semaphore
    next: float
    """When the next request may start."""
    paused: float
    """Until when it wants none."""
    users: int = 0


class Turns:
    """The turns of all hosts; one event loop's alone."""

    def __init__(self, per_host: int, interval: float, clock: Clock, sleep: Sleep) -> None:
        """Let `per_host` requests run at a time, their starts `interval` seconds apart."""
        self._per_host = per_host
        self._interval = interval
        self._clock = clock
        self._sleep = sleep
        self._hosts: dict[str, _Host] = {}

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Wait for a turn of `host`, and keep it as long as the `with` block runs."""
        place = self._place(host)
        place.users += 1
        try:
            async with place.free:
                start = max(place.next, self._clock())
                place.next = start + self._interval
                if start > self._clock():
                    await self._sleep(start - self._clock())
                yield
        finally:
            place.users -= 1

    def pause(self, host: str, seconds: float) -> None:
        """Remember that `host` wants no request for so long."""
        self._place(host).paused = self._clock() + seconds

    def paused(self, host: str) -> float:
        """How many seconds `host` wants no request yet; 0 when it takes them."""
        return max(0.0, self._hosts[host].paused - self._clock()) if host in self._hosts else 0.0

    def _place(self, host: str) -> _Host:
        if host not in self._hosts:
            if len(self._hosts) >= _KEPT:
                self._forget()
            now = self._clock()
            self._hosts[host] = _Host(asyncio.Semaphore(self._per_host), now, now)
        return self._hosts[host]

    def _forget(self) -> None:
        now = self._clock()
        self._hosts = {
            name: each for name, each in self._hosts.items() if each.users or max(each.next, each.paused) > now
        }
