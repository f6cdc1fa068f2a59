"""Runs the application: one process, one event loop, until it is asked to stop."""

import asyncio
import gc
import os
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import orjson
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from socdefenders.errors import SettingsError
from socdefenders.seams import Clock, utc
from socdefenders.settings import Settings
from socdefenders.web.api.render import error_body
from socdefenders.web.app import Application
from socdefenders.web.services import running

KEEP_ALIVE_SECONDS = 30
GRACE_SECONDS = 5
HEAD_SECONDS = 10.0
"""How long a client may take to send the head of a request, or the rest of a body after its answer."""
UNREAD_SECONDS = 3
"""How often, in times of those, a client must have read `SLOWEST_READ` of an answer that waits for it."""
SLOWEST_READ = 65_536
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
MAX_HEAD = 65_536
"""Bytes of a request's address and headers."""


async def run(
    settings: Settings,
    dsn: str,
    *,
    ready: Callable[[str], None],
    head_seconds: float = HEAD_SECONDS,
    clock: Clock = utc,
) -> None:
    """Serve until SIGINT or SIGTERM; call `ready(url)` once requests are answered.

    Raise SettingsError when the address cannot be listened on or another process counts budgets for
    itself, SchemaError or StorageUnavailable when the database does not fit or is away.
    """
    app = Application(settings, dsn=dsn, clock=clock)
    async with running(app.services):
        listener = _listen(settings.host, settings.port)
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        server = _Server(_config(app, head_seconds), lambda: ready(f"http://{host}:{listener.getsockname()[1]}"))
        await server.serve(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise SettingsError(
            f"Cannot listen on {host} port {port}: {error.strerror}. "
            "Set SOCDEFENDERS_HOST and SOCDEFENDERS_PORT to an address that is free."
        ) from error


class _Config(uvicorn.Config):
    """uvicorn's settings, and how long the head of a request may take."""

    head_seconds = HEAD_SECONDS


def _config(app: Application, head_seconds: float) -> _Config:
    config = _Config(
        app,
        loop="none",
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    config.head_seconds = head_seconds
    return config


class _Server(uvicorn.Server):
    """uvicorn's server, which tells when it is ready and gives signals back to its caller quietly."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What is here now stays: a full collection that walked through it would stop every answer for 30 ms and more.
        gc.collect()
        gc.freeze()
        self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn's own raises the signal again once it has stopped, which would end the process
        # before the database and the usage counts are closed.
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)


class _Together:
    """A transport that sends what is written within one turn of the loop at once: each write wakes the client.

    What the client does not read is held in memory; `watch` ends that.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, patience: float) -> None:
        self._transport = transport
        self._loop = loop
        self._patience = patience
        self._written: list[bytes] = []
        self._watch: asyncio.TimerHandle | None = None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever else a transport has
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._written:
            self._loop.call_soon(self._send)
        self._written.append(data)

    def close(self) -> None:
        self._send()
        self._transport.close()  # which sends what is left first
        if self._watch is None and self._transport.get_write_buffer_size():
            self.watch()

    def watch(self) -> None:
        """Cut the connection off as soon as the client does not read on; nothing more is written meanwhile."""
        self._watch = self._loop.call_later(self._patience, self._look, self._transport.get_write_buffer_size())

    def unwatch(self) -> None:
        """The client has read, or it is gone."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _look(self, before: int) -> None:
        if before - self._transport.get_write_buffer_size() < SLOWEST_READ:
            self._transport.abort()
        else:
            self.watch()

    def _send(self) -> None:
        if self._written:
            self._transport.write(b"".join(self._written))
            self._written.clear()


class _Protocol(HttpToolsProtocol):
    """uvicorn's protocol with bounds on the head of a request, and errors in the API's own form."""

    config: _Config
    _head = 0
    _within = False
    """Whether a request has begun and its end has not come."""
    _first_line = True
    """Whether what comes next may belong to the first line of a request."""
    cycle: RequestResponseCycle | None  # type: ignore[assignment]  # None before the first, as uvicorn itself says
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn itself
        self._together = _Together(transport, self.loop, UNREAD_SECONDS * self.config.head_seconds)
        super().connection_made(cast("asyncio.Transport", self._together))
        self._await_head()

    def data_received(self, data: bytes) -> None:
        # Only its first line: a body that grew would let its end pass for another request.
        if self._first_line and not data.isascii():
            data = _escaped(data)
        super().data_received(data)
        if self._within:
            self._first_line = self._first_line and b"\n" not in data
        if self.cycle is None or self.cycle.response_complete:
            # Whatever came, uvicorn has dropped its own timer, and a blank line or the end of a body brings none back.
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        self._together.unwatch()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._together.watch()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._together.unwatch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.pipeline:
            self.flow.pause_reading()  # or each answer would let in thousands of requests more
        elif self._within:  # the rest of a body that nobody waits for
            self._await_head()

    def _await_head(self) -> None:
        """Close the connection unless the head of a request is complete in time."""
        if self._head_timer is None and not self.transport.is_closing():
            self._head_timer = self.loop.call_later(self.config.head_seconds, self.transport.close)

    def _head_came(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def on_message_begin(self) -> None:
        self._head, self._within = 1, True
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._grow(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._grow(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._head = 0
        self._head_came()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._head, self._within, self._first_line = (
            0,
            False,
            True,
        )  # trailers are counted as they come, and begin no other request
        super().on_message_complete()

    def _grow(self, size: int) -> None:
        self._head += size
        if self._head > MAX_HEAD:
            # Whatever a callback raises ends the request with `send_400_response`.
            raise ValueError("the head of the request is too large")

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's own words are not the API's
        request_id = "req_" + os.urandom(8).hex()
        message = "The request is no valid HTTP, or its address and headers are larger than 64 KiB."
        body = orjson.dumps(error_body("invalid_parameter", message, request_id))
        head = (
            b"content-type: application/json\r\ncontent-length: %d\r\nx-request-id: %s\r\nconnection: close\r\n\r\n"
            % (len(body), request_id.encode())
        )
        self.transport.write(STATUS_LINE[400] + head + body)
        self.transport.close()


def _escaped(data: bytes) -> bytes:
    """Percent-encode what is not ASCII in the first line: terminals send an address as it was pasted."""
    line, end, rest = data.partition(b"\n")
    return _BEYOND_ASCII.sub(lambda byte: b"%%%02X" % byte[0][0], line) + end + rest
