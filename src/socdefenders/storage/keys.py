"""API keys and their usage, as they are stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from ipaddress import IPv4Network, IPv6Network
from typing import NamedTuple, Self
from uuid import UUID

from socdefenders.storage.database import Database, Record
from socdefenders.storage.sql import load

CHANNEL = "socdefenders_keys"
"""Where a revocation is announced; the payload is the key's id."""

_SQL = load("keys")

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A stored key; its secret is known to its owner alone."""

    id: UUID
    name: str
    key_prefix: str
    tier: str
    scopes: tuple[str, ...]
    allowed_ips: tuple[Network, ...] | None
    """None: any address."""
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    total_requests: int = 0

    @classmethod
    def from_row(cls, row: Record) -> Self:
        """Return the key of one row of `api_keys`."""
        values = dict(row)
        allowed = values["allowed_ips"]
        values["scopes"] = tuple(values["scopes"])
        values["allowed_ips"] = None if allowed is None else tuple(allowed)
        return cls(**values)


class Usage(NamedTuple):
    """Requests of one key on one day (UTC), to be added to what is stored."""

    key_id: UUID
    day: date
    requests: int
    last_used_at: datetime


async def insert(database: Database, key: Key, key_hash: bytes) -> None:
    """Store a new key with the SHA-256 of its secret."""
    await database.execute(
        _SQL["create"],
        key.id,
        key.name,
        key.key_prefix,
        key_hash,
        key.tier,
        key.scopes,
        key.allowed_ips,
        key.created_at,
        key.expires_at,
    )


async def every(database: Database) -> list[Key]:
    """Return all keys, revoked ones too, the newest first."""
    return [Key.from_row(row) for row in await database.fetch(_SQL["every"])]


async def by_hash(database: Database, key_hash: bytes) -> Key | None:
    """Return the living key with that SHA-256, expired or not."""
    rows = await database.fetch(_SQL["by_hash"], key_hash)
    return Key.from_row(rows[0]) if rows else None


async def by_name(database: Database, name: str) -> list[Key]:
    """Return the living keys with that id or prefix."""
    return [Key.from_row(row) for row in await database.fetch(_SQL["by_name"], name)]


async def revoke(database: Database, key_id: UUID, now: datetime) -> bool:
    """Revoke a key and announce it on CHANNEL; False when it was not alive any more."""
    return bool(await database.fetch(_SQL["revoke"], key_id, now, CHANNEL))


async def requests_of_day(database: Database, key_id: UUID, day: date) -> int:
    """Return how many requests of that day are written down."""
    rows = await database.fetch(_SQL["requests_of_day"], key_id, day)
    return int(rows[0]["requests"]) if rows else 0


async def add_usage(database: Database, usage: Sequence[Usage]) -> None:
    """Add what was counted in memory; what belongs to a key that was deleted is dropped."""
    columns = [list(column) for column in zip(*sorted(usage, key=lambda row: (row.key_id, row.day)), strict=True)]
    if columns:
        await database.execute(_SQL["add_usage"], *columns)
