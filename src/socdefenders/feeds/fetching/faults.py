"""What goes wrong between here and a publisher, in words, as one kind of error.

No message repeats what may be a secret: an address is shown without its user, password, query and fragment, and of
other errors only what the system or the certificate's check says.
"""

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import aiohttp
from yarl import URL

from socdefenders.errors import FetchFailed
from socdefenders.feeds.fetching.guard import refusal, refused

LONGEST_WAIT = 86_400.0
"""Seconds of a Retry-After that are believed."""
_SHOWN = 200
_PASSING = frozenset({407, 408, 421, 425, 429})
"""Statuses below 500 that another time may end, or that say nothing of the publisher."""
_ADVICE = {
    401: "check the key of this source",
    403: "check the key of this source, or whether its publisher still lets machines read it",
    404: "look for its new address",
    407: "check the name and password in SOCDEFENDERS_FETCH_PROXY",
    410: "its publisher has taken it away; look for its new address",
    429: "it will be asked less often",
}


def shown(url: URL) -> str:
    """An address fit for messages and logs."""
    text = str(url.with_user(None).with_query(None).with_fragment(None)) if url.host else f"{url.scheme}:"
    plain = "".join(char if char.isprintable() else "\ufffd" for char in text)
    return plain if len(plain) <= _SHOWN else f"{plain[:_SHOWN]}…"


def retry_after(value: str | None, now: datetime) -> float | None:
    """The seconds of a Retry-After header, which may be a date; None where there is none that can be read."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:10]), LONGEST_WAIT)
    try:
        then = parsedate_to_datetime(text)
        wait = (then if then.tzinfo else then.replace(tzinfo=UTC)) - now
    except (ValueError, OverflowError):
        return None
    return min(max(wait / timedelta(seconds=1), 0.0), LONGEST_WAIT)


def status_failure(name: str, status: int, wait: float | None) -> FetchFailed:
    """The error for an answer that is not what was asked for."""
    try:
        phrase = f" ({HTTPStatus(status).phrase})"
    except ValueError:
        phrase = ""
    advice = _ADVICE.get(status) or ("check the address" if status < 500 else "it will be asked again")
    later = f", not before {round(wait)} seconds have passed" if wait else ""
    return FetchFailed(
        f"{name} answered {status}{phrase}; {advice}{later}.",
        reason_code="http-status",
        permanent=status < 500 and status not in _PASSING,
        retry_after=wait,
        status=status,
    )


def too_large(name: str, limit: int) -> FetchFailed:
    """The error for a body beyond its bound."""
    size = f"{limit >> 20} MiB" if limit >= 1 << 20 else f"{limit} bytes"
    message = f"{name} is larger than {size}, the most that is read of such an address."
    return FetchFailed(message, reason_code="too-large", permanent=True)


@contextmanager
def translated(url: URL, *, begun: bool = False) -> Iterator[None]:
    """Raise what the client library raises about `url` as FetchFailed; `begun`: in the middle of the body."""
    try:
        yield
    except TimeoutError as error:
        raise _timeout(shown(url), error) from error
    except aiohttp.ClientConnectorDNSError as error:
        message = f"{url.host} cannot be resolved ({_reason(error.os_error)}); it will be asked again."
        raise FetchFailed(message, reason_code="connection") from error
    except (aiohttp.ClientSSLError, ssl.SSLError) as error:
        message = f"{shown(url)} has no TLS that can be trusted ({_tls(error)}); its publisher has to mend it."
        raise FetchFailed(message, reason_code="tls") from error
    except aiohttp.ClientConnectorError as error:
        if refused(error.os_error):
            raise refusal(url.host or "") from error
        at = (
            "The proxy in SOCDEFENDERS_FETCH_PROXY"
            if isinstance(error, aiohttp.ClientProxyConnectionError)
            else shown(url)
        )
        message = f"{at} cannot be reached ({_reason(error.os_error)}); it will be asked again."
        raise FetchFailed(message, reason_code="connection") from error
    except aiohttp.ClientHttpProxyError as error:
        message = f"The proxy answers {error.status} when asked for {url.host}; check SOCDEFENDERS_FETCH_PROXY."
        raise FetchFailed(message, reason_code="connection") from error
    except aiohttp.InvalidURL as error:
        raise not_http(shown(url)) from error
    except (aiohttp.ClientError, ConnectionError) as error:
        raise _broken(shown(url), begun=begun) from error


def not_http(name: str) -> FetchFailed:
    """The error for an address that is none of the web's."""
    message = f"{name} is no address that can be fetched; http:// and https:// ones with a host can."
    return FetchFailed(message, reason_code="not-http", permanent=True)


def _timeout(name: str, error: TimeoutError) -> FetchFailed:
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        what = "could not be connected to in time"
    elif isinstance(error, aiohttp.SocketTimeoutError):
        what = "sent nothing for too long"
    else:
        what = "took too long"
    return FetchFailed(f"{name} {what}; it will be asked again.", reason_code="timeout")


def _broken(name: str, *, begun: bool) -> FetchFailed:
    if begun:
        return FetchFailed(f"{name} broke off before its end; it will be asked again.", reason_code="truncated")
    message = f"{name} closed the connection, or answered something that is no HTTP; it will be asked again."
    return FetchFailed(message, reason_code="connection")


def _reason(error: OSError) -> str:
    if isinstance(error, ConnectionError) and error.errno:
        return os.strerror(error.errno).lower()  # that of asyncio is a call and a tuple
    return (error.strerror or "no connection").lower()


def _tls(error: Exception) -> str:
    inner = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    return getattr(inner, "verify_message", None) or getattr(inner, "reason", None) or "handshake failed"
