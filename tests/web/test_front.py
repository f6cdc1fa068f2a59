"""The last handler: whatever fails while an answer is made or sent is answered, logged and counted."""

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Message, Scope

from socdefenders.accounts import Rate
from socdefenders.settings import Settings
from socdefenders.web.app import Application
from socdefenders.web.auth import Guard
from socdefenders.web.front import Endpoint, Front
from socdefenders.web.visit import Visit

PATH, ROUTED = "/api/direct", "/api/routed"


class BrokenGuard(Guard):
    """A guard with a fault."""

    async def glance(self, scope: Scope, visit: Visit) -> Rate:
        raise ZeroDivisionError("in the look-up of the headers")


class SoundGuard(Guard):
    """A guard that needs no database."""

    async def glance(self, scope: Scope, visit: Visit) -> Rate:
        return Rate(10, 9, 60)


@dataclass
class Client:
    """What a server hands to the application, and what it gets back; the first `broken` messages fail."""

    path: str = PATH
    broken: int = 0
    sent: list[Message] = field(default_factory=list)

    async def receive(self) -> Message:
        await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if self.broken:
            self.broken -= 1
            raise BufferError("the message was not sent")
        self.sent.append(message)

    @property
    def statuses(self) -> list[int]:
        return [message["status"] for message in self.sent if message["type"] == "http.response.start"]


async def plain(_request: Request) -> Response:
    return PlainTextResponse("all is well")


async def half(_request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one half"
        raise BufferError("the other half is lost")

    return StreamingResponse(parts())


async def broken(_request: Request) -> Response:
    raise ZeroDivisionError("in the endpoint")


@dataclass
class Asked:
    """What became of one request."""

    client: Client
    log: list[dict[str, object]]
    metrics: str

    def events(self) -> list[object]:
        return [line["event"] for line in self.log]

    def counted(self, route: str, status: int) -> bool:
        return f'requests_total{{route="{route}",status="{status}"}} 1.0' in self.metrics


def ask(logged: io.BytesIO, endpoint: Endpoint, client: Client, guard: type[Guard] = SoundGuard) -> Asked:
    """Ask for PATH, at which `endpoint` is called directly, or for ROUTED, at which the framework calls it."""
    app = Application(Settings(data_dir=Path()), dsn="postgresql:///nowhere")
    app.api.add_api_route(ROUTED, endpoint)
    services = app.services
    doorman = guard(services.authenticator, services.budgets, services.clock)
    front = Front(app.api, {PATH: endpoint}, services, doorman, app.errors.response)
    scope = {"type": "http", "method": "GET", "path": client.path, "query_string": b"", "headers": []}
    asyncio.run(front(scope, client.receive, client.send))
    lines = [orjson.loads(line) for line in logged.getvalue().splitlines()]
    return Asked(client, lines, services.metrics.exposition().decode())


def test_a_fault_in_the_headers_is_a_500_without_them_and_is_logged_and_counted(logged: io.BytesIO) -> None:
    asked = ask(logged, plain, Client(), BrokenGuard)
    assert asked.client.statuses == [500]
    assert orjson.loads(asked.client.sent[-1]["body"])["error"]["code"] == "internal_error"
    assert asked.events() == ["request failed", "request"]
    assert "in the look-up of the headers" in str(asked.log[0]["exception"])
    assert asked.counted(PATH, 500)


def test_an_answer_that_could_not_be_begun_is_logged_and_another_one_sent(logged: io.BytesIO) -> None:
    asked = ask(logged, plain, Client(broken=1))
    assert asked.client.statuses == [500]
    assert asked.events() == ["request failed", "request"]
    assert asked.counted(PATH, 500)


@pytest.mark.parametrize(("path", "event"), [(PATH, "answer broken off"), (ROUTED, "request failed")])
def test_an_answer_that_breaks_off_is_logged_once(logged: io.BytesIO, path: str, event: str) -> None:
    asked = ask(logged, half, Client(path))
    assert asked.client.statuses == [200]
    assert not any(message.get("more_body") is False for message in asked.client.sent)
    assert asked.events() == [event, "request"]
    assert "the other half is lost" in str(asked.log[0]["exception"])


@pytest.mark.parametrize("path", [PATH, ROUTED])
def test_a_fault_of_an_endpoint_is_logged_once_whoever_answers_it(logged: io.BytesIO, path: str) -> None:
    asked = ask(logged, broken, Client(path))
    assert asked.client.statuses == [500]
    assert asked.events() == ["request failed", "request"]
    assert asked.counted(PATH if path == PATH else "unmatched", 500)
