"""The one thread in which a process reads batches: extracting and learning are Python, of which one runs at a time.

Two threads that read are not done sooner than one: the interpreter goes from hand to hand with every search that lets
go of it, which RE2 does each time. Four of them read 44 articles a second where one reads 74, and hold four batches
in memory. Whoever has cores to spare starts another worker. Each turn is a batch, so that no source waits for a whole
file of another; what waits for a network does not belong here. One turn may be long all the same: that of a PDF, which
a process of its own reads while this thread waits.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")

_READER = ThreadPoolExecutor(1, thread_name_prefix="reader")


async def in_reader(function: Callable[_Given, _Result], *args: _Given.args, **kwargs: _Given.kwargs) -> _Result:
    """Return what `function` gives in the reader's thread, once all that was asked for before has been read.

    Cancelled while it waits it is never called; once begun it goes on to its end. It must not wait for `in_reader`.
    """
    return await asyncio.get_running_loop().run_in_executor(_READER, lambda: function(*args, **kwargs))
