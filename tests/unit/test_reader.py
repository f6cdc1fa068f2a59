"""What is read in a process is read one after the other, and what goes wrong with one is nobody else's."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import pytest

from socdefenders.errors import StorageUnavailable
from socdefenders.ingest.batches import BATCH, Batch, Options, batches_of
from socdefenders.ingest.loading import write_all
from socdefenders.ingest.reader import in_reader
from socdefenders.model import Observable
from socdefenders.storage.writing import Writer, Written


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
    assert await asyncio.gather(*(in_reader(read, number=number) for number in numbers)) == numbers
    assert done == numbers
    assert len(threads) == 1
    assert threads != {threading.get_ident()}, "the event loop goes on meanwhile"


async def test_a_failure_is_the_caller_s_and_the_next_is_read() -> None:
    with pytest.raises(ValueError, match="broken"):
        await in_reader(_break)
    assert await in_reader(int, "7") == 7


async def test_who_is_cancelled_while_waiting_is_not_read() -> None:
    begun, go_on = threading.Event(), threading.Event()
    read: list[str] = []
    first = asyncio.create_task(in_reader(_wait, begun, go_on))
    try:
        assert await asyncio.to_thread(begun.wait, 10)
        second = asyncio.create_task(in_reader(read.append, "second"))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait([second])
    finally:
        go_on.set()
    await first
    await in_reader(read.append, "third")
    assert read == ["third"]


async def test_a_write_that_fails_waits_for_no_reading() -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def reading() -> Iterator[Batch]:
        yield Batch()
        try:
            _wait(begun, go_on)
        finally:
            ended.set()

    try:
        with pytest.raises(StorageUnavailable):
            await write_all(cast("Writer", _Away(begun)), reading(), now=datetime.now(UTC))
        assert begun.is_set()
        assert not ended.is_set()
    finally:
        go_on.set()


async def test_batches_of_several_sources_are_read_one_at_a_time() -> None:
    at_once: set[int] = set()

    def reading(source: int) -> Iterator[Batch]:
        for _ in range(5):
            assert not at_once, "another one is reading"
            at_once.add(source)
            threading.Event().wait(0.001)  # what lets another thread go on, if there were one
            at_once.remove(source)
            yield Batch()

    writer = cast("Writer", _Idle())
    await asyncio.gather(*(write_all(writer, reading(source), now=datetime.now(UTC)) for source in range(4)))


def test_a_list_of_nothing_that_is_kept_is_read_in_several_turns() -> None:
    items = [Observable(f"10.0.{number // 250}.{number % 250}", number) for number in range(2 * BATCH)]
    found = list(batches_of(items, Options(source="a"), "a"))
    assert [each.outcome.suppressed for each in found] == [BATCH, BATCH, 0]
    assert not any(each.sightings for each in found)


class _Idle:
    """A writer of batches in which nothing is."""

    async def write(self, *_batch: object, **_how: object) -> Written:
        return Written(0, 0, 0, 0)


@dataclass
class _Away(_Idle):
    """A database that goes away while the next batch is being read."""

    begun: threading.Event

    async def write(self, *_batch: object, **_how: object) -> Written:
        assert await asyncio.to_thread(self.begun.wait, 10)
        raise StorageUnavailable("away")


def _wait(begun: threading.Event, go_on: threading.Event) -> None:
    begun.set()
    assert go_on.wait(10), "nobody let it go on"


def _break() -> None:
    raise ValueError("broken")
