"""What is read in a process is read one after the other, and what goes wrong with one is nobody else's."""

import asyncio
import threading

import pytest

from socdefenders.ingest.turns import in_turn


async def test_one_reads_at_a_time_in_the_order_asked() -> None:
    reading: set[int] = set()
    threads: set[int] = set()
    done: list[int] = []

    def read(number: int) -> int:
        assert not reading, "another one is reading"
        reading.add(number)
        threads.add(threading.get_ident())
        threading.Event().wait(0.001)  # what lets another thread go on, if there were one
        done.append(number)
        reading.remove(number)
        return number

    numbers = list(range(20))
    assert await asyncio.gather(*(in_turn(read, number=number) for number in numbers)) == numbers
    assert done == numbers
    assert len(threads) == 1
    assert threads != {threading.get_ident()}, "the event loop goes on meanwhile"


async def test_a_failure_is_the_caller_s_and_the_next_is_read() -> None:
    with pytest.raises(ValueError, match="broken"):
        await in_turn(_break)
    assert await in_turn(int, "7") == 7


async def test_who_is_cancelled_while_waiting_is_not_read() -> None:
    begun, go_on = threading.Event(), threading.Event()
    read: list[str] = []

    def wait() -> None:
        begun.set()
        go_on.wait(10)

    first = asyncio.create_task(in_turn(wait))
    await asyncio.to_thread(begun.wait, 10)
    second = asyncio.create_task(in_turn(read.append, "second"))
    await asyncio.sleep(0)
    second.cancel()
    go_on.set()
    await first
    await in_turn(read.append, "third")
    assert read == ["third"]


def _break() -> None:
    raise ValueError("broken")
