"""Admits requests: which key they bring, whose it is, whether it may come from here, and what it has left."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from urllib.parse import unquote

from starlette.types import Scope

from socdefenders.accounts import Authenticator, Budgets, Caller, Rate
from socdefenders.errors import (
    AccessError,
    BudgetExceeded,
    ExpiredKey,
    InputError,
    InvalidKey,
    MissingKey,
    StorageError,
)
from socdefenders.web.visit import Visit

MAX_PARAMETERS = 50

Parameters = dict[str, str]


def parameters(scope: Scope, known: Iterable[str]) -> Parameters:
    """Return the query's parameters; raise InputError for one that is unreadable, or `known` and repeated.

    What is not `known` is ignored, as clients append parameters of their own.
    """
    found: Parameters = {}
    try:
        fields = scope["query_string"].decode().split("&", MAX_PARAMETERS)
        for field in fields[:MAX_PARAMETERS]:
            written, _, encoded = field.partition("=")
            name, value = _decoded(written), _decoded(encoded)
            if name in found and name in known:
                raise InputError(f"The parameter {name} is given more than once.", parameter=name)
            found[name] = value
    except UnicodeDecodeError as error:
        raise InputError("The query string must be UTF-8, percent-encoded.", parameter="query") from error
    if len(fields) > MAX_PARAMETERS:
        raise InputError(f"The query string has more than {MAX_PARAMETERS} parameters.", parameter="query")
    return found


def _decoded(text: str, errors: str = "strict") -> str:
    # Most parameters are plain, and the standard library's parser costs ten times what this does.
    if "+" in text:
        text = text.replace("+", " ")
    return unquote(text, errors=errors) if "%" in text else text


def credential(scope: Scope) -> str | None:
    """Return the one key that a request brings, or None; raise InputError when it brings two.

    It is found in a query that `parameters` refuses, too: whose request it is does not hang on what it asks.
    """
    found = set(_keys_in_query(scope["query_string"]))
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, token = value.partition(b" ")
            if scheme.lower() == b"bearer":
                found.add(token.strip().decode("latin-1"))
        elif name == b"x-api-key":
            found.add(value.strip().decode("latin-1"))
    found.discard("")
    if len(found) > 1:
        raise InputError(
            "The request brings two different API keys; send one of Authorization, X-API-Key and api_key.",
            parameter="api_key",
        )
    return found.pop() if found else None


def _keys_in_query(query: bytes) -> Iterator[str]:
    for field in query.decode(errors="replace").split("&", MAX_PARAMETERS)[:MAX_PARAMETERS]:
        written, _, encoded = field.partition("=")
        if _decoded(written, "replace") == "api_key":
            yield _decoded(encoded, "replace")


class Guard:
    """Stands before every endpoint that needs a key."""

    def __init__(self, authenticator: Authenticator, budgets: Budgets, clock: Callable[[], datetime]) -> None:
        """Ask the two of `clock`'s time."""
        self._authenticator = authenticator
        self._budgets = budgets
        self._clock = clock

    async def admit(self, scope: Scope, visit: Visit, *, needs: str) -> Caller:
        """Return the caller of a request after taking it from the caller's budget; raise AccessError otherwise."""
        now = self._clock()
        secret = credential(scope)
        if secret is None:
            raise MissingKey
        caller = await self._identify(secret, visit, now)
        caller.check_address(visit.client)
        visit.rate = await self._spend(caller, visit, now)
        caller.check_scope(needs)
        return caller

    async def glance(self, scope: Scope, visit: Visit) -> Rate:
        """Return what the caller of a request has left, or the address when it brings no valid key."""
        now = self._clock()
        try:
            secret = credential(scope)
            if secret is not None:
                caller = await self._identify(secret, visit, now)
                caller.check_address(visit.client)
                return await self._budgets.of(caller, now)
        except (AccessError, InputError, StorageError):
            pass  # the answer is already decided; only its headers are wanted
        return await self._budgets.of_address(visit.client, now)

    async def _identify(self, secret: str, visit: Visit, now: datetime) -> Caller:
        try:
            caller = await self._authenticator.caller(secret, now)
        except (InvalidKey, ExpiredKey):
            # A valid key is served whatever others behind the same address do: 238 random bits are
            # not guessed at any rate, and one broken client must not lock out its whole network.
            try:
                await self._budgets.fail(visit.client, now)
            finally:
                visit.rate = await self._budgets.of_address(visit.client, now)
            raise
        visit.key = caller.prefix
        return caller

    async def _spend(self, caller: Caller, visit: Visit, now: datetime) -> Rate:
        try:
            return await self._budgets.spend(caller, now)
        except BudgetExceeded:
            visit.rate = await self._budgets.of(caller, now)
            raise
