"""Who may ask, and how much: keys, the callers they stand for, budgets and usage."""

from socdefenders.accounts.authenticator import Authenticator, Caller
from socdefenders.accounts.budgets import Budgets, Rate
from socdefenders.accounts.counters import LocalCounters, SharedCounters
from socdefenders.accounts.keys import SCOPES, create_key, list_keys, revoke_key
from socdefenders.accounts.usage import UsageLog
from socdefenders.storage.keys import Key

__all__ = [
    "SCOPES",
    "Authenticator",
    "Budgets",
    "Caller",
    "Key",
    "LocalCounters",
    "Rate",
    "SharedCounters",
    "UsageLog",
    "create_key",
    "list_keys",
    "revoke_key",
]
