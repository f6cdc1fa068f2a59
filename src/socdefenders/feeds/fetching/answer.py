"""What a publisher answered: read within bounds into a file, and what the answer says of itself."""

import asyncio
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import BinaryIO, cast

import aiohttp

from socdefenders.feeds import charsets
from socdefenders.feeds.fetching.decoding import SIP, decompression
from socdefenders.feeds.fetching.faults import shown, too_large, translated
from socdefenders.feeds.fetching.journey import Journey, Validators
from socdefenders.feeds.files import SPOOL_BYTES
from socdefenders.feeds.streams import HEAD

_MAX_VALIDATOR = 1024
"""Characters of a validator that is kept and sent back."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came back."""

    url: str
    """Where it came from in the end, without a user and password."""
    status: int
    body: BinaryIO | None
    """At its start, decompressed, with no name in the file system; None when nothing was modified. Close it."""
    size: int
    """Of the body, in bytes."""
    validators: Validators
    """For the next time."""
    content_type: str | None
    """In small letters, without parameters."""
    charset: str | None
    """The codec of its text by header, mark, declaration or guess; None when it is no text."""
    not_modified: bool
    permanent_url: str | None
    """Where redirects led that were all permanent ones; None when one was not, or there was none."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of the answer, by names in any case."""

    def text(self) -> str:
        """All of the body as text; nothing of one that was not modified."""
        if self.body is None:
            return ""
        self.body.seek(0)
        return charsets.decoded(self.body.read(), self.charset)

    def close(self) -> None:
        """Let go of the body."""
        if self.body is not None:
            self.body.close()


def _validators(answer: aiohttp.ClientResponse, old: Validators) -> Validators:
    """What to ask with next time; a 304 need not repeat it."""
    sent = [answer.headers.get(name) for name in ("ETag", "Last-Modified")]
    fit = [
        each if each and each.isascii() and each.isprintable() and len(each) <= _MAX_VALIDATOR else None
        for each in sent
    ]
    if answer.status == 304:
        return Validators(fit[0] or old.etag, fit[1] or old.last_modified)
    return Validators(*fit)


async def read(answer: aiohttp.ClientResponse, journey: Journey) -> tuple[BinaryIO, int]:
    """Read the body into a file, decompressed and bounded, and give it at its start, with its size."""
    name, limit = shown(journey.url), journey.limits.body_bytes
    decoder = decompression(name, answer.headers.get("Content-Encoding", ""))
    if (answer.content_length or 0) > limit:
        raise too_large(name, limit)
    protocol = answer.connection.protocol if answer.connection else None
    received = size = 0
    with ExitStack() as stack:
        body = cast("BinaryIO", stack.enter_context(tempfile.SpooledTemporaryFile(SPOOL_BYTES)))
        with translated(journey.url, begun=True):
            async for chunk in answer.content.iter_chunked(SIP):
                received += len(chunk)
                for piece in decoder.feed(chunk):
                    size += len(piece)
                    if size > limit:
                        raise too_large(name, limit)
                    body.write(piece)
                    await asyncio.sleep(0)  # a small chunk may hold a lot, and others want to go on
                if received > limit:
                    raise too_large(name, limit)
            # A body without a length ends with the connection, and the library does not tell how that ended.
            if protocol is not None and isinstance(error := protocol.exception(), OSError):
                raise error
        decoder.finish()
        stack.pop_all()
    body.seek(0)
    return body, size


def fetched(journey: Journey, answer: aiohttp.ClientResponse, body: BinaryIO | None, size: int) -> Fetched:
    """Sum up what came at the end of `journey`."""
    head = body.read(HEAD) if body else b""
    if body:
        body.seek(0)
    moved = journey.permanent and len(journey.seen) > 1
    return Fetched(
        str(journey.url),
        answer.status,
        body,
        size,
        _validators(answer, journey.validators),
        answer.content_type if "Content-Type" in answer.headers else None,
        charsets.charset(head, answer.charset) if body else None,
        body is None,
        str(journey.url) if moved else None,
        answer.headers,
    )
