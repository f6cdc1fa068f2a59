"""What serves and what keeps PostgreSQL alive end together."""

import asyncio

import pytest

from socdefenders.cli.serving import together
from socdefenders.errors import SettingsError


class Task:
    """Waits until it is cancelled, and knows that it was."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.cancelled = False

    async def __call__(self) -> None:
        self.began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise


async def fail(other: Task, error: Exception) -> None:
    await other.began.wait()
    raise error


async def test_a_guard_that_fails_ends_the_work_and_is_not_lost() -> None:
    work = Task()
    with pytest.raises(ZeroDivisionError):
        await together(work(), fail(work, ZeroDivisionError()))
    assert work.cancelled


async def test_work_that_fails_raises_its_own_error_and_ends_the_guard() -> None:
    guard = Task()
    with pytest.raises(SettingsError, match="the port"):
        await together(fail(guard, SettingsError("the port")), guard())
    assert guard.cancelled


async def test_work_that_is_done_ends_the_guard() -> None:
    guard = Task()
    await together(guard.began.wait(), guard())  # type: ignore[arg-type]  # what it returns is not looked at
    assert guard.cancelled


async def test_a_cancellation_ends_both() -> None:
    work, guard = Task(), Task()
    both = asyncio.create_task(together(work(), guard()))
    await work.began.wait()
    await guard.began.wait()
    both.cancel()
    with pytest.raises(asyncio.CancelledError):
        await both
    assert (work.cancelled, guard.cancelled) == (True, True)
