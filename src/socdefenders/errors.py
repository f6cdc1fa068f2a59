"""Every error this package raises on purpose, in one tree.

The docstring of a class is its default message; what a caller needs to act on is an attribute,
never something to be parsed out of the text. No HTTP status stands here: `web.app` maps the tree
to statuses in one table.

SocDefendersError
├── InputError                 what somebody typed or sent cannot be understood
│   ├── InvalidIndicator       a value that is no indicator of the type it claims
│   │   └── Unsupported        well-formed, but of a kind that is not kept here (a CIDR block)
│   └── PayloadTooLarge        a request announces a body that nothing reads
├── SettingsError              a setting is missing or cannot be read
│   └── FeedKeyMissing         a source needs a key that no setting holds
├── FeedError                  a published file or page could not be read
│   ├── UnknownFormat          nothing recognises the file
│   └── FetchFailed            it could not be had from its publisher; says why, and whether to try again
├── CatalogError               a source is described wrongly; names the file and the key
├── KnowledgeError             what is known beforehand cannot be compiled or read
│   └── KnowledgeMissing       the packages that it is compiled out of are not installed
├── StorageError               the database refused or cannot be used
│   ├── StorageUnavailable     it is away; the same call may succeed later
│   │   └── StorageTimeout     it was given too little time
│   ├── SchemaError            its schema is not the one this version works with
│   └── EmbeddedError          the embedded PostgreSQL cannot be run
│       └── InstanceRunning    another process already runs on this data directory
├── ModelFailed                a language model gave no answer, or none that can be used; says whose fault it is
├── ServerUnavailable          another instance, asked over HTTP, is away or answers nothing that can be used
├── OutputLost                 what was to be printed cannot be written; says whether its reader went away
└── AccessError                the caller may not do this
    ├── MissingKey
    ├── InvalidKey
    ├── ExpiredKey
    ├── AddressNotAllowed
    ├── InsufficientScope
    └── BudgetExceeded         too many requests; says until when
"""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, Literal

FetchReason = Literal[
    "connection",
    "content-type",
    "decoding",
    "http-status",
    "not-http",
    "redirect-loop",
    "refused-address",
    "robots",
    "timeout",
    "tls",
    "too-large",
    "truncated",
]
"""Why something could not be fetched, for tables and metrics."""
ModelFault = Literal["server", "article", "answer"]
"""Whose: the server does not answer; it refuses this article alone; the model answered what cannot be used."""


class SocDefendersError(Exception):
    """Something went wrong."""

    def __init__(self, message: str | None = None) -> None:
        """Use `message`, or the first line of the class's docstring."""
        self.message = message or (type(self).__doc__ or "").partition("\n")[0]
        super().__init__(self.message)


class InputError(SocDefendersError):
    """The input cannot be understood."""

    def __init__(
        self,
        message: str | None = None,
        *,
        parameter: str | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        """Name the `parameter` at fault and what would have been accepted (`details`)."""
        super().__init__(message)
        self.parameter = parameter
        self.details = dict(details or {})


class InvalidIndicator(InputError):
    """The value is not an indicator of any known type."""


class Unsupported(InvalidIndicator):
    """The value is well-formed, but of a kind that is not kept as an indicator."""


class PayloadTooLarge(InputError):
    """The request's body is larger than anything this API reads."""


class SettingsError(SocDefendersError):
    """A setting is missing or cannot be read."""


class FeedKeyMissing(SettingsError):
    """The source needs a key, and no setting holds it."""


class FeedError(SocDefendersError):
    """The published file or page could not be read."""


class UnknownFormat(FeedError):
    """No known format matches this file; name one with --format."""


class FetchFailed(FeedError):
    """The publisher's address could not be fetched."""

    def __init__(
        self,
        message: str | None = None,
        *,
        reason_code: FetchReason = "connection",
        permanent: bool = False,
        retry_after: float | None = None,
        status: int | None = None,
    ) -> None:
        """Say why, and with what HTTP status if there was one.

        `permanent` means that asking again in the same way is not expected to help. `retry_after` is in seconds, as
        the publisher wishes.
        """
        super().__init__(message)
        self.reason_code = reason_code
        self.permanent = permanent
        self.retry_after = retry_after
        self.status = status


class CatalogError(SocDefendersError):
    """The description of a source cannot be read."""

    def __init__(self, message: str | None = None, *, file: str = "", key: str | None = None) -> None:
        """Name the `file` and, where one is at fault, the `key` in it."""
        super().__init__(message)
        self.file = file
        self.key = key


class KnowledgeError(SocDefendersError):
    """What is known beforehand cannot be compiled or read."""


class KnowledgeMissing(KnowledgeError):
    """The packages that what is known beforehand is compiled out of are not installed."""


class StorageError(SocDefendersError):
    """The database refused the operation."""


class StorageUnavailable(StorageError):
    """The database is not reachable at the moment."""

    retry_after: ClassVar[int] = 2
    """Seconds after which another attempt is sensible."""


class StorageTimeout(StorageUnavailable):
    """The database was given too little time for this."""


class SchemaError(StorageError):
    """The database's schema does not fit this version."""


class EmbeddedError(StorageError):
    """The embedded PostgreSQL could not be run."""


class InstanceRunning(EmbeddedError):
    """Another process already runs the database of this data directory."""


class ModelFailed(SocDefendersError):
    """The language model gave no answer that can be used."""

    def __init__(
        self,
        message: str | None = None,
        *,
        fault: ModelFault = "server",
        retry_after: float | None = None,
        free: bool = False,
    ) -> None:
        """Say whose `fault` it is, and for how many seconds the server wants to be left alone.

        `free` means that the server did no work that anybody pays for.
        """
        super().__init__(message)
        self.fault = fault
        self.retry_after = retry_after
        self.free = free


class ServerUnavailable(SocDefendersError):
    """The server is not reachable at the moment."""


class OutputLost(SocDefendersError):
    """Standard output cannot be written."""

    def __init__(self, message: str | None = None, *, reader_gone: bool = False) -> None:
        """Say whether it is only that whoever read along has gone, as `head` does."""
        super().__init__(message)
        self.reader_gone = reader_gone


class AccessError(SocDefendersError):
    """The caller may not do this."""


class MissingKey(AccessError):
    """API key is required. Include it in the Authorization header as "Bearer sk_live_..."

    Word for word what clients are promised.
    """  # noqa: D400, D415  # the promise ends without a full stop


class InvalidKey(AccessError):
    """The API key is not valid. Check it, or create a new one."""


class ExpiredKey(AccessError):
    """The API key has expired. Create a new one."""


class AddressNotAllowed(AccessError):
    """This API key may not be used from this address."""


class InsufficientScope(AccessError):
    """This API key lacks the scope that the request needs."""

    def __init__(self, required_scope: str) -> None:
        """Name the scope that is missing."""
        super().__init__()
        self.required_scope = required_scope


class BudgetExceeded(AccessError):
    """Rate limit exceeded. Please wait before making more requests."""

    def __init__(self, *, limit: int, window: str, reset_at: datetime, tier: str) -> None:
        """`limit` requests a `window` ("minute" or "day") are used up until `reset_at` (UTC)."""
        super().__init__()
        self.limit = limit
        self.window = window
        self.reset_at = reset_at
        self.tier = tier
