"""A publisher on loopback: files of a folder with the status codes of a real one, and answers that a test makes up."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

from aiohttp import web

from socdefenders.feeds.fetch import Fetcher, Limits, Seams
from tests.fetch.publisher import Names

LOOPBACK = ip_network("127.0.0.0/8")
Made = web.Response | bytes | Callable[[web.Request], web.Response]
"""What a test makes up: an answer, a body that has a validator, or what answers each request anew."""


@dataclass(slots=True)
class Publisher:
    """What is published, by path, and how often it was asked for."""

    folder: Path | None = None
    answers: dict[str, Made] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    url: str = ""
    statuses: Counter[int] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request: what a test made up, a file, or 404."""
        self.asked[request.path] += 1
        made = self.answers.get(request.path)
        response: web.StreamResponse
        if isinstance(made, bytes):
            etag = f'"{hash(made):x}"'
            fresh = request.headers.get("If-None-Match") == etag
            response = web.Response(status=304) if fresh else web.Response(body=made)
            response.headers["ETag"] = etag
        elif isinstance(made, web.Response):
            response = made
        elif made is not None:
            response = made(request)
        else:
            response = self._file(request)
        response.headers.update(self.headers.get(request.path, {}))
        return response

    def _file(self, request: web.Request) -> web.StreamResponse:
        path = self.folder / request.path.lstrip("/") if self.folder else None
        if path is None or not path.is_file():
            return web.Response(status=404)
        return web.FileResponse(path)

    async def count(self, _request: web.Request, response: web.StreamResponse) -> None:
        """Count what is sent, as it is sent."""
        self.statuses[response.status] += 1


@asynccontextmanager
async def publishing(
    answers: Mapping[str, Made] | None = None, *, folder: Path | None = None, hosts: int = 1
) -> AsyncIterator[Publisher]:
    """Publish until the end of the block, on 127.0.0.1 and on as many addresses after it as there are to be hosts."""
    publisher = Publisher(folder, dict(answers or {}))
    app = web.Application()
    app.on_response_prepare.append(publisher.count)
    app.router.add_get("/{path:.*}", publisher.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]  # an asyncio server has sockets
    for number in range(2, hosts + 1):
        await web.TCPSite(runner, f"127.0.0.{number}", port).start()
    publisher.url = f"http://127.0.0.1:{port}"
    try:
        yield publisher
    finally:
        await runner.cleanup()


@contextmanager
def published(answers: Mapping[str, Made], *, hosts: int = 1) -> Iterator[Publisher]:
    """A publisher in a thread of its own, so that commands can be waited for."""
    ready, over = threading.Event(), asyncio.Event()
    found: list[tuple[Publisher, asyncio.AbstractEventLoop]] = []

    async def serve() -> None:
        async with publishing(answers, hosts=hosts) as publisher:
            found.append((publisher, asyncio.get_running_loop()))
            ready.set()
            await over.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    ready.wait()
    publisher, loop = found[0]
    try:
        yield publisher
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()


def local_client(limits: Limits | None = None) -> Fetcher:
    """A client that may reach this machine, and need not be polite to it."""
    return Fetcher(
        contact="tests@example.org",
        allowed=(LOOPBACK,),
        limits=limits or Limits(),
        per_host=8,
        min_interval=0.0,
        seams=Seams(resolver=Names({})),
    )
