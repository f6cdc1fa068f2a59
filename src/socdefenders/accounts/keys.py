"""Creating, listing and revoking API keys.

A secret is `sk_live_` and 40 random base62 characters, 238 bits: too many to guess, so its plain
SHA-256 is as good a thing to store as a slow hash, and can be looked up by an index.
"""

import hashlib
import re
import secrets
import string
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from ipaddress import ip_network
from types import MappingProxyType
from uuid import uuid4

from socdefenders.errors import InputError
from socdefenders.storage import keys
from socdefenders.storage.database import Database
from socdefenders.storage.keys import Key, Network

MARK = "sk_live_"
PREFIX_LENGTH = len(MARK) + 4
MAX_NAME = 100
MAX_DAYS = 3_650

_BASE62 = string.digits + string.ascii_letters
_SECRET = re.compile(r"sk_live_[0-9A-Za-z]{32,64}", re.ASCII)
_FREE = ("read:iocs", "read:articles")

SCOPES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "free": _FREE,
        "pro": (*_FREE, "read:articles:export", "read:stix", "read:misp", "read:cef", "read:openioc"),
    }
)
"""What the keys of each tier may do."""


async def create_key(
    database: Database,
    *,
    name: str,
    tier: str,
    now: datetime,
    expires_in_days: int | None = None,
    allowed_ips: Sequence[str] | None = None,
) -> tuple[Key, str]:
    """Create a key and return it with its secret, which nobody can look up later."""
    if not 1 <= len(name.strip()) <= MAX_NAME or not name.isprintable():
        raise InputError(f"A key's name has 1 to {MAX_NAME} printable characters.", parameter="name")
    if tier not in SCOPES:
        raise InputError(f"Unknown tier: {tier}; use one of {', '.join(SCOPES)}.", parameter="tier")
    if expires_in_days is not None and not 1 <= expires_in_days <= MAX_DAYS:
        raise InputError(f"A key lives 1 to {MAX_DAYS} days, or for ever.", parameter="expires_in_days")
    secret = MARK + "".join(secrets.choice(_BASE62) for _ in range(40))
    key = Key(
        id=uuid4(),
        name=name.strip(),
        key_prefix=secret[:PREFIX_LENGTH],
        tier=tier,
        scopes=SCOPES[tier],
        allowed_ips=_networks(allowed_ips),
        created_at=now,
        expires_at=None if expires_in_days is None else now + timedelta(days=expires_in_days),
    )
    await keys.insert(database, key, digest(secret))
    return key, secret


async def list_keys(database: Database) -> list[Key]:
    """Return all keys, revoked ones too, the newest first."""
    return await keys.every(database)


async def revoke_key(database: Database, id_or_prefix: str, now: datetime) -> Key:
    """Revoke the one living key with that id or prefix, in every process at once."""
    found = await keys.by_name(database, id_or_prefix.strip())
    if len(found) > 1:
        ids = ", ".join(str(key.id) for key in found)
        raise InputError(f"Several keys begin with {id_or_prefix}; name one by its id: {ids}.", parameter="key")
    if not found or not await keys.revoke(database, found[0].id, now):
        raise InputError(
            f"No living key has the id or prefix {id_or_prefix[:PREFIX_LENGTH]}; `socdefenders keys list` shows all.",
            parameter="key",
        )
    return found[0]


def digest(secret: str) -> bytes:
    """Return what is stored of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def well_formed(secret: str) -> bool:
    """Return whether `secret` could be a key at all, so that junk never costs a query."""
    return _SECRET.fullmatch(secret) is not None


def _networks(allowed_ips: Sequence[str] | None) -> tuple[Network, ...] | None:
    if allowed_ips is None:
        return None
    try:
        networks = tuple(ip_network(address.strip(), strict=False) for address in allowed_ips)
    except ValueError as error:
        raise InputError(f"Not an address or a CIDR network: {error}.", parameter="allowed_ips") from error
    if not networks:
        raise InputError("An empty list of addresses would refuse everybody; leave it out.", parameter="allowed_ips")
    return networks
