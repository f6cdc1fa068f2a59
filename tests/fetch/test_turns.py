"""Politeness: seen on a clock that moves only when somebody sleeps."""

import asyncio

import pytest

from socdefenders.feeds.fetch import Fetcher, Seams
from socdefenders.feeds.fetching.turns import Turns
from tests.fetch.publisher import HERE, Names, Publisher, content, says


class Time:
    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


async def test_requests_to_one_host_start_apart_and_others_do_not_wait() -> None:
    time = Time()
    turns = Turns(2, 1.5, time.clock, time.sleep)
    for host in ("a.example", "b.example", "a.example", "a.example"):
        async with turns.turn(host):
            pass
    assert time.slept == [1.5, 1.5]
    time.now += 60
    async with turns.turn("a.example"):
        pass
    assert time.slept == [1.5, 1.5]


async def test_a_host_gets_two_requests_at_a_time() -> None:
    time = Time()
    turns = Turns(2, 0, time.clock, time.sleep)
    running, most = 0, 0

    async def one() -> None:
        nonlocal running, most
        async with turns.turn("a.example"):
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1

    await asyncio.gather(*(one() for _ in range(20)))
    assert most == 2


async def test_a_turn_is_given_back_when_something_goes_wrong() -> None:
    time = Time()
    turns = Turns(1, 0, time.clock, time.sleep)
    for _ in range(3):
        with pytest.raises(ValueError, match="x"):
            async with turns.turn("a.example"):
                raise ValueError("x")


async def test_a_host_that_wants_a_pause_gets_it() -> None:
    time = Time()
    turns = Turns(1, 0, time.clock, time.sleep)
    assert turns.paused("a.example") == 0
    turns.pause("a.example", 30)
    time.now += 10
    assert (turns.paused("a.example"), turns.paused("b.example")) == (20, 0)
    time.now += 21
    assert turns.paused("a.example") == 0


async def test_hosts_that_nobody_waits_for_are_forgotten() -> None:
    time = Time()
    turns = Turns(1, 1, time.clock, time.sleep)
    turns.pause("paused.example", 1e6)
    async with turns.turn("used.example"):
        for number in range(3000):
            async with turns.turn(f"{number}.example"):
                time.now += 2
    assert len(turns._hosts) <= 1000
    assert {"paused.example", "used.example"} <= set(turns._hosts)


async def test_a_fetcher_is_polite_unless_told_otherwise(publisher: Publisher) -> None:
    publisher.routes |= {"/a": says(200), "/b": says(200)}
    time = Time()
    names = Names({"a.example": [["127.0.0.1"]], "b.example": [["127.0.0.1"]]})
    seams = Seams(resolver=names, clock=time.clock, sleep=time.sleep)
    async with Fetcher(contact=None, allowed=(HERE,), seams=seams) as client:
        for path, host in (("/a", "a.example"), ("/a", "b.example"), ("/b", "a.example")):
            content(await client.get(publisher.url(path, host)))
    assert time.slept == [1.0]
