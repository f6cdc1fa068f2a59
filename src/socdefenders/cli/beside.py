"""What goes on beside a worker's looks at sources, and must never end them."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from functools import partial

from socdefenders.seams import Tell


@asynccontextmanager
async def beside(work: Coroutine[object, object, None], warn: Tell, event: str) -> AsyncIterator[None]:
    """Do `work` until the end of the block; say as `event` when a bug ends it before, and go on without it."""
    task = asyncio.create_task(work)
    task.add_done_callback(partial(_tell_of_a_bug, warn, event))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


def _tell_of_a_bug(warn: Tell, event: str, task: asyncio.Task[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        warn(event, error=f"{type(error).__name__}: {error}", exc_info=error)
