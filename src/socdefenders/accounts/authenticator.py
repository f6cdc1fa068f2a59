"""Turns the secret of a request into its caller, from memory where that is safe.

A revocation is announced by the database and empties the memory of every process. While the line
on which it would be heard is down, memory is not used at all: each request asks the database, so a
revoked key never works. Unknown keys are not remembered; a flood of them cannot displace known ones.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from time import monotonic
from typing import Self
from uuid import UUID

from socdefenders.accounts.keys import digest, well_formed
from socdefenders.errors import AddressNotAllowed, ExpiredKey, InsufficientScope, InvalidKey, StorageError
from socdefenders.storage import keys
from socdefenders.storage.database import Database
from socdefenders.storage.keys import CHANNEL, Key, Network

MAX_CALLERS = 10_000
MAX_AGE = 30.0
"""Seconds after which a caller is looked up again: the bound, should the line die without a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whoever holds a key, and what it allows."""

    key_id: UUID
    prefix: str
    tier: str
    scopes: frozenset[str]
    allowed_ips: tuple[Network, ...] | None
    expires_at: datetime | None

    @classmethod
    def of(cls, key: Key) -> Self:
        """Return the caller that a stored key stands for."""
        return cls(
            key_id=key.id,
            prefix=key.key_prefix,
            tier=key.tier,
            scopes=frozenset(key.scopes),
            allowed_ips=key.allowed_ips,
            expires_at=key.expires_at,
        )

    def check_address(self, address: str) -> None:
        """Raise AddressNotAllowed unless the key may be used from `address`."""
        if self.allowed_ips is None:
            return
        try:
            ip = ip_address(address)
        except ValueError as error:
            raise AddressNotAllowed from error
        if not any(ip in network for network in self.allowed_ips):
            raise AddressNotAllowed

    def check_scope(self, scope: str) -> None:
        """Raise InsufficientScope unless the key has `scope`."""
        if scope not in self.scopes:
            raise InsufficientScope(scope)


class Authenticator:
    """Knows the callers that were seen lately."""

    def __init__(self, database: Database, *, size: int = MAX_CALLERS, max_age: float = MAX_AGE) -> None:
        """Remember up to `size` callers for up to `max_age` seconds, once `listen` runs."""
        self._database = database
        self._size = size
        self._max_age = max_age
        self._callers: dict[bytes, tuple[Caller, float]] = {}
        self._generation = 0
        self.listening = False
        """Whether revocations are heard."""
        self._turned: Callable[[StorageError | None], None] = lambda _reason: None
        self._told = False

    def __len__(self) -> int:
        """Return how many callers are remembered."""
        return len(self._callers)

    async def caller(self, secret: str, now: datetime) -> Caller:
        """Return who holds `secret`; raise InvalidKey or ExpiredKey."""
        if not well_formed(secret):
            raise InvalidKey
        # Looked up by hash: how long a comparison takes says nothing about the secret.
        key_hash = digest(secret)
        caller = self._remembered(key_hash)
        if caller is None:
            caller = await self._look_up(key_hash)
        if caller.expires_at is not None and caller.expires_at <= now:
            raise ExpiredKey
        return caller

    async def listen(self, turned: Callable[[StorageError | None], None] = lambda _reason: None) -> None:
        """Hear revocations until cancelled.

        `turned` is told why when they are not heard any more, and None when they are heard again.
        """
        self._turned = turned
        try:
            await self._database.listen(CHANNEL, self._heard, self._lost)
        finally:
            self._deafen()

    def _remembered(self, key_hash: bytes) -> Caller | None:
        entry = self._callers.get(key_hash)
        if entry is None or entry[1] < monotonic():
            return None
        return entry[0]

    async def _look_up(self, key_hash: bytes) -> Caller:
        generation = self._generation
        key = await keys.by_hash(self._database, key_hash)
        if key is None:
            self._callers.pop(key_hash, None)
            raise InvalidKey
        caller = Caller.of(key)
        # A process that is deaf remembers nothing (`_lost` has emptied what there was); and a revocation
        # heard while the database was answering may be newer than the answer.
        if self.listening and generation == self._generation:
            self._callers.pop(key_hash, None)
            while len(self._callers) >= self._size:
                del self._callers[next(iter(self._callers))]
            self._callers[key_hash] = (caller, monotonic() + self._max_age)
        return caller

    def _heard(self, _payload: str) -> None:
        self.listening = True
        self._forget()
        if self._told:
            self._told = False
            self._turned(None)

    def _lost(self, reason: StorageError) -> None:
        self._deafen()
        if not self._told:
            self._told = True
            self._turned(reason)

    def _deafen(self) -> None:
        self.listening = False
        self._forget()

    def _forget(self) -> None:
        self._generation += 1
        self._callers.clear()
