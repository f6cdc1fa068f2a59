"""A load generator over raw loopback sockets, light enough to leave the machine to the server.

Each connection sends its next request when the answer to the last has come; the requests are
prepared bytes, the answers are only measured. Run as a process of its own, so that its work is not
the server's.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import orjson
import uvloop


@dataclass(frozen=True, slots=True)
class Load:
    """What one run measured."""

    per_second: float
    p50_ms: float
    p99_ms: float
    worst_ms: float
    requests: int
    failed: int
    """Answers with another status than 200."""


class _Client(asyncio.Protocol):
    """One keep-alive connection that asks again and again until the time is over."""

    def __init__(
        self, requests: Sequence[bytes], start: int, until: float, laps: list[float], failed: list[bytes]
    ) -> None:
        self._requests, self._next, self._until = requests, start, until
        self._laps, self._failed = laps, failed
        self._awaited = 0
        self._asked = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def _ask(self) -> None:
        now = time.perf_counter()
        if now >= self._until:
            self._transport.close()
            return
        self._asked = now
        self._transport.write(self._requests[self._next % len(self._requests)])
        self._next += 1

    def data_received(self, data: bytes) -> None:
        if self._awaited == 0:
            head, _, body = data.partition(b"\r\n\r\n")
            at = head.lower().index(b"content-length:") + 15
            self._awaited = int(head[at:].partition(b"\r\n")[0]) - len(body)
            if not head.startswith(b"HTTP/1.1 200"):
                self._failed.append(head[:40])
        else:
            self._awaited -= len(data)
        if self._awaited == 0:
            self._laps.append(time.perf_counter() - self._asked)
            self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        if error:
            self._failed.append(str(error).encode())
        if not self.done.done():
            self.done.set_result(None)


async def measure(port: int, requests: Sequence[bytes], *, connections: int, seconds: float) -> Load:
    """Ask `requests` in turn over `connections` for `seconds`."""
    laps: list[float] = []
    failed: list[bytes] = []
    begin = time.perf_counter()
    clients = []
    for number in range(connections):
        start = number * (len(requests) // connections or 1)
        client = partial(_Client, requests, start, begin + seconds, laps, failed)
        clients.append((await asyncio.get_running_loop().create_connection(client, "127.0.0.1", port))[1])
    await asyncio.gather(*[client.done for client in clients])
    took = time.perf_counter() - begin
    laps.sort()
    if not laps:
        raise SystemExit(f"The server answered nothing: {failed[:3]}")
    at = [laps[min(len(laps) - 1, int(len(laps) * share))] * 1e3 for share in (0.5, 0.99)]
    return Load(len(laps) / took, at[0], at[1], laps[-1] * 1e3, len(laps), len(failed))


def main() -> None:
    """`python -m tests.bench.http_load PORT CONNECTIONS SECONDS REQUESTS.json`: print the Load as JSON."""
    port, connections, seconds, file = sys.argv[1:]
    requests = [text.encode() for text in orjson.loads(Path(file).read_bytes())]
    load = uvloop.run(measure(int(port), requests, connections=int(connections), seconds=float(seconds)))
    sys.stdout.buffer.write(orjson.dumps(load))


if __name__ == "__main__":
    main()
