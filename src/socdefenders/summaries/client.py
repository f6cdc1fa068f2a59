"""The only module that talks to a language model: any server with the chat-completions API of OpenAI.

Its address is the operator's own choice, so that unlike a publisher's it may lie on this machine or in a private
network. What comes back is bounded in time and size and trusted with nothing.
"""

import asyncio
import ssl
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from types import TracebackType
from typing import NamedTuple, NoReturn, Self

import aiohttp
import orjson

from socdefenders.errors import ModelFailed
from socdefenders.feeds.fetching.faults import retry_after
from socdefenders.summaries.plain import visible
from socdefenders.summaries.prompt import ANSWER_TOKENS, SCHEMA, Prompt

ANSWER_BYTES = 256 << 10
"""Of the body of an answer."""
FORMATS: dict[str, object] = {
    "json_schema": {"type": "json_schema", "json_schema": {"name": "summary", "strict": True, "schema": SCHEMA}},
    "json_object": {"type": "json_object"},
    "text": None,
}
"""How an answer is asked for, the strictest first; a server that does not know one is asked by the next."""

_UNKNOWN_FORMAT = frozenset({400, 422, 501})
"""What servers answer to a parameter that they do not know."""
_OF_ARTICLE = frozenset({400, 413, 422})
"""What they answer to a text that is too long or that they will not read, once they are known to read others."""
_NEWER_LIMIT = "max_completion_tokens"
"""Some models refuse `max_tokens`, and name this instead."""
_BUSY = 429
_SHOWN = 200
_MOST_TOKENS = 1 << 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A model, where it is, and for how long it is waited for."""

    url: str
    """Without `/chat/completions`."""
    model: str
    key: str | None = field(default=None, repr=False)
    seconds: float
    """For one answer, however often it has to be asked for."""


class Reply(NamedTuple):
    """What came back."""

    content: str
    tokens: int | None
    """What it cost, by the server's own count; None where it does not say."""
    format: str
    """Of `FORMATS`."""


class ModelClient:
    """A client for one model, of one event loop; an async context manager."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Talk to `endpoint`, without a word before the first question."""
        self._endpoint = endpoint
        self._format: str | None = None
        self._limit = "max_tokens"
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Make a session that keeps no cookies, asks no environment for a proxy, and decompresses nothing."""
        session = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            timeout=aiohttp.ClientTimeout(total=None),
        )
        self._session = await self._open.enter_async_context(session)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        await self._open.aclose()

    async def ask(self, prompt: Prompt) -> Reply:
        """Ask the model; raise ModelFailed when no answer comes of it."""
        seconds = self._endpoint.seconds
        try:
            async with asyncio.timeout(seconds):
                return await self._ask(prompt)
        except TimeoutError as error:
            raise ModelFailed(f"The model's server took longer than {seconds:g} seconds.") from error
        except (aiohttp.ClientConnectorError, ssl.SSLError) as error:
            inner = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
            why = getattr(inner, "verify_message", None) or getattr(inner, "strerror", None) or "no connection"
            raise ModelFailed(f"The model's server cannot be reached ({str(why).lower()}).", free=True) from error
        except (aiohttp.ClientError, OSError):
            # What the library says may repeat the request, and with it the key.
            raise ModelFailed("The model's server broke off, or answered something that is no HTTP.") from None

    async def _ask(self, prompt: Prompt) -> Reply:
        """Ask in the way that the server is known to take, or else in one after the other."""
        known = self._format
        waiting = [known] if known else list(FORMATS)
        while True:
            status, wait, body = await self._post(prompt, waiting[0])
            if status == HTTPStatus.OK:
                reply = _reply(body, waiting[0])
                self._format = reply.format
                return reply
            if status in _UNKNOWN_FORMAT and self._limit != _NEWER_LIMIT and _NEWER_LIMIT.encode() in body:
                self._limit = _NEWER_LIMIT
            elif status in _UNKNOWN_FORMAT and len(waiting) > 1:
                waiting.pop(0)
            else:
                self._refused(status, wait, body, of_article=known is not None and status in _OF_ARTICLE)

    async def _post(self, prompt: Prompt, form: str) -> tuple[int, float | None, bytes]:
        """Return the status, the seconds to wait that the server names, and the body."""
        endpoint = self._endpoint
        asked = {
            "model": endpoint.model,
            "messages": [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}],
            self._limit: ANSWER_TOKENS,
        }
        if FORMATS[form] is not None:
            asked["response_format"] = FORMATS[form]
        headers = {"Content-Type": "application/json"}
        if endpoint.key:
            headers["Authorization"] = f"Bearer {endpoint.key}"
        async with self._session.post(
            f"{endpoint.url}/chat/completions", data=orjson.dumps(asked), headers=headers, allow_redirects=False
        ) as answer:
            wait = retry_after(answer.headers.get("Retry-After"), datetime.now(UTC))
            return answer.status, wait, await _bounded(answer)

    def _refused(self, status: int, wait: float | None, body: bytes, *, of_article: bool) -> NoReturn:
        """Raise what a status means that is not 200."""
        if 300 <= status < 400:
            said = "it leads elsewhere, and redirects are not followed; name the address itself"
        else:
            said = self._said(body)
        try:
            phrase = f" ({HTTPStatus(status).phrase})"
        except ValueError:
            phrase = ""
        raise ModelFailed(
            f"The model's server answered {status}{phrase}{': ' if said else ''}{said}".rstrip(".") + ".",
            fault="article" if of_article else "server",
            retry_after=wait if status in {_BUSY, HTTPStatus.SERVICE_UNAVAILABLE} else None,
            free=True,
        )

    def _said(self, body: bytes) -> str:
        """Return the message of an error, bounded, and without the key that some servers repeat."""
        try:
            content = orjson.loads(body)
        except orjson.JSONDecodeError:
            return ""
        match content:
            case {"error": {"message": str(text)}} | {"error": str(text)} | {"message": str(text)}:
                said = " ".join(visible(text).split())
            case _:
                return ""
        if self._endpoint.key:
            said = said.replace(self._endpoint.key, "…")
        return said if len(said) <= _SHOWN else f"{said[:_SHOWN]}…"


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > ANSWER_BYTES:
            message = f"The model's server sent more than {ANSWER_BYTES >> 10} KiB."
            raise ModelFailed(message, fault="answer")
    return bytes(body)


def _reply(body: bytes, form: str) -> Reply:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ModelFailed("The model's server answered something that is no JSON.") from error
    match content:
        case {"choices": [{"message": {"content": str(text)}}, *_]}:
            return Reply(text, _tokens(content), form)
        case {"choices": [{"message": {}}, *_]}:
            raise ModelFailed("The model answered without a text.", fault="answer")
    raise ModelFailed("The model's server does not answer as a chat-completions API does; check the address.")


def _tokens(content: object) -> int | None:
    match content:
        case {"usage": {"total_tokens": int(count)}} if 0 < count < _MOST_TOKENS:
            return count
    return None
