"""Asks a server for a search: the one place where the command line speaks HTTP.

The key goes to the host that was named and to no other: a redirect is refused, wherever it leads.
Certificates are checked; the answer is bounded in size and time.
"""

import http.client
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from pydantic import ValidationError

from socdefenders import __version__
from socdefenders.errors import AccessError, InputError, MissingKey, ServerUnavailable, SocDefendersError
from socdefenders.web.api.schemas import Error

TIMEOUT = 30.0
"""Seconds without a byte."""
DEADLINE = 60.0
"""Seconds for the whole answer."""
LIMIT = 64 << 20
_CHUNK = 1 << 16

PATH = "/api/v1/iocs/search"
_BROKEN = (OSError, http.client.HTTPException, ValueError)
"""What urllib raises for a server that is away, slow or speaks no HTTP; URLError is an OSError."""


class _NoRedirects(HTTPRedirectHandler):
    """Refuses every redirect: the key must not follow it."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: http.client.HTTPMessage, newurl: str
    ) -> None:
        del req, fp, code, msg, headers
        where = urlsplit(newurl)
        raise ServerUnavailable(
            f"The server redirects to {where.scheme}://{where.netloc}; if you trust that address, name it by --url."
        )


def base(url: str) -> str:
    """Return the address of a server as somebody typed it; raise InputError when it is none."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    else:
        usable = usable and parts.username is None and not parts.query and not parts.fragment and url.isprintable()
    if not usable or " " in url:
        raise InputError(f"{url} is not the address of a server, such as https://intel.example:8080.", parameter="url")
    return url.rstrip("/")


def search(url: str, key: str | None, *, text: str, type_: str | None, related: bool) -> bytes:
    """Return the body that the server at `url` answers; raise what its error means here."""
    if not key:
        raise MissingKey("A server wants an API key: --key, or SOCDEFENDERS_KEY in the environment.")
    if not (key.isascii() and key.isprintable()):
        raise InputError("The key has characters that no key has.", parameter="key")
    asked = {"q": text, "include_related": str(related).lower()} | ({"type": type_} if type_ else {})
    try:
        query = urlencode(asked)
    except UnicodeEncodeError as error:
        raise InputError("The value is not valid Unicode text.", parameter="q") from error
    headers = {
        "Authorization": f"Bearer {key}",
        "Accept": "application/json",
        "User-Agent": f"socdefenders/{__version__}",
    }
    request = Request(f"{base(url)}{PATH}?{query}", headers=headers)  # noqa: S310  # base() admits http and https alone
    try:
        with build_opener(_NoRedirects).open(request, timeout=TIMEOUT) as answer:
            return _read(answer, url)
    except HTTPError as error:
        with error:
            raise _meaning(error, url) from error
    except _BROKEN as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise ServerUnavailable(f"The server at {url} cannot be asked: {reason}.") from error


def _read(answer: http.client.HTTPResponse, url: str) -> bytes:
    until = time.monotonic() + DEADLINE
    body = b""
    while chunk := answer.read1(_CHUNK):
        body += chunk
        if len(body) > LIMIT or time.monotonic() > until:
            raise ServerUnavailable(f"The server at {url} answers more than can be read; is it SOC Defenders?")
    return body


def _meaning(error: HTTPError, url: str) -> SocDefendersError:
    """Return what an error of the server means to whoever asked."""
    try:
        body = Error.model_validate(json.loads(error.read(_CHUNK))).error
        said = f"{body.message}{_until(body.details or {})}"
    except (*_BROKEN, ValidationError):
        said = f"HTTP status {error.code}; is it SOC Defenders?"
    if error.code == http.client.BAD_REQUEST:
        return InputError(said)
    if error.code in {http.client.UNAUTHORIZED, http.client.FORBIDDEN}:
        return AccessError(said)
    return ServerUnavailable(f"The server at {url} answers: {said}")


def _until(details: Mapping[str, object]) -> str:
    """Say when a budget begins anew, where the server tells it."""
    try:
        moment = datetime.fromisoformat(str(details["reset_at"])).astimezone(UTC)
    except (KeyError, ValueError, OverflowError):
        return ""
    return f" It begins anew at {moment:%Y-%m-%d %H:%M:%S} UTC."
