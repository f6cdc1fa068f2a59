"""The client of a language model, against a server on loopback that does whatever servers do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from socdefenders.errors import ModelFailed
from socdefenders.summaries import Endpoint, ModelClient, prompt_of
from socdefenders.summaries.client import ANSWER_BYTES, FORMATS
from tests.model_server import ModelServer, Scripted, fails, modelling, says, sends, writes

KEY = "sk-of-a-test-0123456789"
PROMPT = prompt_of("A title", "A text that says something.")


def endpoint(server: ModelServer, *, seconds: float = 20.0) -> Endpoint:
    return Endpoint(url=server.url, model="some-model", key=KEY, seconds=seconds)


@asynccontextmanager
async def talking(
    *script: Scripted, takes: frozenset[str] | None = None
) -> AsyncIterator[tuple[ModelClient, ModelServer]]:
    async with modelling(*script, takes=takes) as server, ModelClient(endpoint(server)) as client:
        yield client, server


async def failure(*script: Scripted) -> ModelFailed:
    """How asking once ends."""
    async with talking(*script) as (client, _):
        with pytest.raises(ModelFailed) as failed:
            await client.ask(PROMPT)
    assert KEY not in failed.value.message
    return failed.value


async def test_a_model_is_asked_as_the_api_wants_it() -> None:
    async with talking(says("an answer", tokens=321)) as (client, server):
        reply = await client.ask(PROMPT)
    assert reply == ("an answer", 321, "json_schema")
    [asked] = server.asked
    assert asked["model"] == "some-model"
    assert [(each["role"], each["content"]) for each in asked["messages"]] == [
        ("system", PROMPT.system),
        ("user", PROMPT.user),
    ]
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"


async def test_without_a_key_no_key_is_sent() -> None:
    async with modelling() as server, ModelClient(Endpoint(url=server.url, model="m", seconds=20.0)) as client:
        await client.ask(PROMPT)
    assert "Authorization" not in server.headers[0]


@pytest.mark.parametrize("last", list(FORMATS))
async def test_a_server_is_asked_as_strictly_as_it_can_be_which_is_found_out_once(last: str) -> None:
    tried = list(FORMATS)[: list(FORMATS).index(last) + 1]
    async with talking(takes=frozenset({last})) as (client, server):
        for _ in range(2):
            assert (await client.ask(PROMPT)).format == last
    assert server.formats == [*tried, last]


async def test_a_server_that_refuses_every_way_is_at_fault_itself() -> None:
    async with talking(takes=frozenset()) as (client, server):
        with pytest.raises(ModelFailed, match="400") as failed:
            await client.ask(PROMPT)
    assert server.formats == list(FORMATS)
    assert (failed.value.fault, failed.value.free) == ("server", True)


async def test_a_model_that_wants_its_limit_by_another_name_gets_it() -> None:
    said = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    async with talking(fails(400, said), writes()) as (client, server):
        for _ in range(2):
            assert (await client.ask(PROMPT)).format == "json_schema"
    assert ["max_tokens" in each for each in server.asked] == [True, False, False]
    assert ["max_completion_tokens" in each for each in server.asked] == [False, True, True]


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_refusal_by_a_server_that_answered_before_is_of_the_article(status: int) -> None:
    async with talking(writes(), fails(status, "the text is too long")) as (client, server):
        await client.ask(PROMPT)
        with pytest.raises(ModelFailed, match=f"{status}.*the text is too long") as failed:
            await client.ask(PROMPT)
    assert failed.value.fault == "article"
    assert len(server.asked) == 2


@pytest.mark.parametrize(("status", "phrase"), [(401, "Unauthorized"), (404, "Not Found"), (500, "Internal")])
async def test_another_status_is_of_the_server(status: int, phrase: str) -> None:
    failed = await failure(fails(status, "no such model"))
    assert (failed.fault, failed.retry_after, failed.free) == ("server", None, True)
    assert str(status) in failed.message
    assert phrase in failed.message
    assert "no such model" in failed.message


async def test_a_busy_server_says_for_how_long() -> None:
    assert (await failure(fails(429, Retry_After="90"))).retry_after == 90
    assert (await failure(fails(503, Retry_After="7"))).retry_after == 7
    assert (await failure(fails(500, Retry_After="7"))).retry_after is None


async def test_an_answer_that_does_not_come_is_not_waited_for() -> None:
    async with modelling() as server, ModelClient(endpoint(server, seconds=0.05)) as client:
        server.held = asyncio.Event()
        with pytest.raises(ModelFailed, match=r"longer than 0\.05 seconds") as failed:
            await client.ask(PROMPT)
        server.held.set()
    assert (failed.value.fault, failed.value.free) == ("server", False)


async def test_a_server_that_is_not_there_cost_nothing() -> None:
    async with modelling() as server:
        gone = endpoint(server)
    async with ModelClient(gone) as client:
        with pytest.raises(ModelFailed, match="cannot be reached") as failed:
            await client.ask(PROMPT)
    assert (failed.value.fault, failed.value.free) == ("server", True)


async def test_a_redirect_is_not_followed() -> None:
    async with modelling() as other:
        failed = await failure(lambda: web.Response(status=307, headers={"Location": f"{other.url}/chat/completions"}))
    assert "redirects are not followed" in failed.message
    assert not other.asked


async def test_a_huge_answer_is_given_up() -> None:
    failed = await failure(sends(b"x" * (ANSWER_BYTES + 1)))
    assert (failed.fault, failed.message) == ("answer", "The model's server sent more than 256 KiB.")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"<html>not found</html>", b"[" * 10_000, b"null", b'"text"', b'{"choices": []}', b"\xff\xfe"]
)
async def test_what_is_no_such_api_is_the_servers_fault(body: bytes) -> None:
    failed = await failure(sends(body))
    assert failed.fault == "server"
    assert not failed.free, "nobody knows what it did"


@pytest.mark.parametrize("content", [None, 7, ["a part"], {"type": "text"}])
async def test_an_answer_without_a_text_is_the_models_fault(content: object) -> None:
    assert (await failure(says(content))).fault == "answer"


@pytest.mark.parametrize("tokens", [None, -5, 0, "700", 1 << 40])
async def test_a_count_of_tokens_that_cannot_be_is_none(tokens: object) -> None:
    async with talking(writes(tokens=tokens)) as (client, _):
        assert (await client.ask(PROMPT)).tokens is None


async def test_what_a_server_says_is_shown_short_plain_and_without_the_key() -> None:
    failed = await failure(fails(401, f"Incorrect key {KEY}\x1b[2J\u202e " + "x" * 1000))
    assert "Incorrect key …" in failed.message
    assert failed.message.isprintable()
    assert len(failed.message) < 300


def test_the_key_is_not_shown_with_the_endpoint() -> None:
    assert KEY not in repr(Endpoint(url="http://127.0.0.1/v1", model="m", key=KEY, seconds=1.0))
