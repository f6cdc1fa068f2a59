"""A chat-completions API on loopback, that answers what a test wants it to."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Scripted = Callable[[], web.Response]
GOOD = "Attackers breached two hospitals through a mail server that was patched too late, and left a cron job."
WHY = "It shows how little time there is to patch."


@dataclass(slots=True)
class ModelServer:
    """What is answered, in order, the last for ever; and what was asked."""

    script: list[Scripted]
    takes: frozenset[str] = frozenset({"json_schema", "json_object", "text"})
    """Formats that it knows; others are refused with 400."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    held: asyncio.Event | None = None
    """Nothing is answered before this."""
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once a question has come."""
    url: str = ""

    @property
    def formats(self) -> list[str]:
        """How each answer was asked for."""
        return [each.get("response_format", {}).get("type", "text") for each in self.asked]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        self.headers.append(dict(request.headers))
        self.asked.append(await request.json())
        self.arrived.set()
        if self.held is not None:
            await self.held.wait()
        if self.formats[-1] not in self.takes:
            return web.json_response({"error": {"message": "response_format is not supported"}}, status=400)
        return (self.script.pop(0) if len(self.script) > 1 else self.script[0])()


def says(content: object, *, tokens: object = 700) -> Scripted:
    """An answer with this text as its content."""
    body = {"choices": [{"message": {"role": "assistant", "content": content}}], "usage": {"total_tokens": tokens}}
    return lambda: web.json_response(body)


def writes(summary: object = GOOD, rationale: object = WHY, **more: object) -> Scripted:
    """An answer of the right shape."""
    return says(json.dumps({"summary": summary, "rationale": rationale}), **more)


def fails(status: int, message: str = "no", **headers: str) -> Scripted:
    """An error as such servers send it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: web.json_response({"error": {"message": message}}, status=status, headers=named)


def sends(body: bytes, content_type: str = "application/json") -> Scripted:
    """These bytes."""
    return lambda: web.Response(body=body, content_type=content_type)


@asynccontextmanager
async def modelling(*script: Scripted, takes: frozenset[str] | None = None) -> AsyncIterator[ModelServer]:
    """Serve until the end of the block."""
    server = ModelServer(list(script or (writes(),)))
    if takes is not None:
        server.takes = takes
    app = web.Application()
    app.router.add_post("/v1/chat/completions", server.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]  # an asyncio server has sockets
    server.url = f"http://127.0.0.1:{port}/v1"
    try:
        yield server
    finally:
        await runner.cleanup()


@contextmanager
def modelled(*script: Scripted) -> Iterator[ModelServer]:
    """The same in a thread of its own, so that commands can be waited for."""
    ready, over = threading.Event(), asyncio.Event()
    found: list[tuple[ModelServer, asyncio.AbstractEventLoop]] = []

    async def serve() -> None:
        async with modelling(*script) as server:
            found.append((server, asyncio.get_running_loop()))
            ready.set()
            await over.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    ready.wait()
    server, loop = found[0]
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
