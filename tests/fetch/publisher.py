"""A publisher on loopback that does whatever a test wants: raw bytes, cut, slow, huge, or not HTTP at all."""

import asyncio
import socket
import ssl
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Network

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from socdefenders.errors import FetchFailed
from socdefenders.feeds.fetch import Fetched, Fetcher, Limits, Network, Seams

HERE = IPv4Network("127.0.0.1/32")
"""The one address of this machine that the tests' fetchers may reach; 127.0.0.2 stands for what lies inside."""
QUICK = Limits(seconds=5, connect_seconds=2, idle_seconds=2, body_bytes=1 << 20)


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: Mapping[str, str]
    """By names in small letters."""


Handler = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


def answer(status: int, body: bytes = b"", length: int | None = None, **headers: str) -> bytes:
    """A whole answer; `Content_Type=` is the header Content-Type."""
    fields = {"Content-Length": str(len(body) if length is None else length), "Connection": "close"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode() + body


def says(status: int, body: bytes = b"", length: int | None = None, **headers: str) -> Handler:
    async def handle(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(status, body, length, **headers))

    return handle


def leads(location: str, status: int = 302) -> Handler:
    return says(status, Location=location)


def sends(*pieces: bytes) -> Handler:
    """Raw bytes, and then the end of the connection."""

    async def handle(request: Request, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return handle


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection as a host does that crashed."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@dataclass
class Publisher:
    """Handlers by paths, and what was asked."""

    routes: dict[str, Handler] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    port: int = 0
    scheme: str = "http"

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    def asked(self) -> list[str]:
        return [request.target for request in self.requests]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip("\r\n").split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        request = Request(method, target, headers)
        self.requests.append(request)
        await self.routes.get(target, says(404))(request, writer)
        if not writer.transport.is_closing():
            await writer.drain()


Connection = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(
    handle: Connection, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Serve connections on a port of `host`, and leave none behind."""
    tasks: set[asyncio.Task[None] | None] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await handle(reader, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    server = await asyncio.start_server(connected, host, 0, ssl=tls)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        await asyncio.gather(*(end(task) for task in tasks if task))


async def end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@asynccontextmanager
async def publishing(tls: ssl.SSLContext | None = None) -> AsyncIterator[Publisher]:
    publisher = Publisher(scheme="https" if tls else "http")
    async with listening(publisher.serve, tls=tls) as publisher.port:
        yield publisher


class Names(AbstractResolver):
    """A resolver that knows what it is told; of several answers each look-up gives the next, the last for ever."""

    def __init__(self, known: Mapping[str, list[list[str]]]) -> None:
        self._known = {name: list(answers) for name, answers in known.items()}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked.append(host)
        if host not in self._known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        answers = self._known[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        pass


def fetcher(
    *,
    allowed: tuple[Network | str, ...] = (HERE,),
    names: Names | None = None,
    tls: ssl.SSLContext | None = None,
    proxy: str | None = None,
    limits: Limits = QUICK,
) -> Fetcher:
    """A fetcher in no hurry to be polite."""
    resolver = names or Names({"feeds.example": [["127.0.0.1"]], "inside.example": [["127.0.0.2"]]})
    seams = Seams(resolver=resolver, tls=tls)
    return Fetcher(contact="soc@corp.example", allowed=allowed, proxy=proxy, limits=limits, min_interval=0, seams=seams)


def gzipped(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=31)
    return compressor.compress(data) + compressor.flush()


def content(fetched: Fetched) -> bytes:
    assert fetched.body is not None
    with fetched.body as body:
        data = body.read()
    assert len(data) == fetched.size
    return data


async def failure(url: str, fetching: Fetcher | None = None, **options: object) -> FetchFailed:
    """The error that fetching `url` ends with."""
    async with fetching or fetcher() as client:
        with pytest.raises(FetchFailed) as failed:
            await client.get(url, **options)  # type: ignore[arg-type]  # what the tests below hand over
    return failed.value
