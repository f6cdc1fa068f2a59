"""A body as it comes in, decompressed in pieces: memory stays flat whatever the compressed bytes claim."""

from collections.abc import Callable, Iterator
from functools import partial

import brotli

from socdefenders.errors import FetchFailed
from socdefenders.feeds.streams import DAMAGED, Decoder, gzip, zstd

ACCEPTED = "gzip, br, zstd"
"""The header that asks for what is understood here."""
SIP = 16384
"""Bytes that a decoder is given at a time at most; what follows the end of a gzip member is copied for the next."""
_STEP = 65536
_WINDOW = 8 << 20
"""How far Zstandard may look back; what RFC 9659 allows on the web."""
_MEMBERS = 100_000
"""Members of gzip and frames of Zstandard: each costs memory that is taken and given back."""


class Brotli:
    """Brotli's decoder, fitted to what the others share."""

    unused_data = b""
    """Never any: what follows the end is an error."""

    def __init__(self) -> None:
        """Begin at the start of a stream."""
        self._inner = brotli.Decompressor()

    @property
    def eof(self) -> bool:
        """Whether the end has been seen."""
        return bool(self._inner.is_finished())

    @property
    def needs_input(self) -> bool:
        """Whether all that it was given has been used."""
        return bool(self._inner.can_accept_more_data())

    def decompress(self, data: bytes, max_length: int = _STEP) -> bytes:
        """Give some of the content: `max_length`, and a block more at most."""
        return bytes(self._inner.process(data, output_buffer_limit=max_length))


_CODINGS: dict[str, tuple[bytes, Callable[[], Decoder]]] = {
    "gzip": (b"\x1f\x8b", gzip),
    "x-gzip": (b"\x1f\x8b", gzip),
    "zstd": (b"\x28\xb5\x2f\xfd", partial(zstd, _WINDOW)),
    "br": (b"", Brotli),
}
"""What a member begins with, where there can be several, and what decompresses it."""


class Plain:
    """A body that is not compressed."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Give `data` as it is."""
        yield data

    def finish(self) -> None:
        """Nothing can be missing here that the connection does not miss."""


class Compressed:
    """A compressed body, member after member; what follows the last and begins no other is dropped."""

    def __init__(self, name: str, magic: bytes, make: Callable[[], Decoder]) -> None:
        """Decompress by what `make` makes, anew where `magic` follows the end; errors speak of `name`."""
        self._name = name
        self._magic = magic
        self._make = make
        self._decoder = make()
        self._members = 1
        self._begun = False
        self._over = False
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Give the content of `data`, at most `SIP` bytes, in pieces; raise FetchFailed where it is damaged."""
        self._begun = self._begun or bool(data)
        going = not self._over
        if going and self._decoder.eof:
            data = self._rest + data
            going = self._anew(data)
        while going:
            piece = self._decompress(data)
            if piece:
                yield piece
            data = b""
            if self._decoder.eof:
                data = self._decoder.unused_data
                going = self._anew(data)
            else:
                going = not self._decoder.needs_input

    def finish(self) -> None:
        """Raise FetchFailed when the end is missing."""
        if self._begun and not self._decoder.eof:
            message = f"{self._name} ended in the middle of its compressed data; it will be asked again."
            raise FetchFailed(message, reason_code="truncated")

    def _decompress(self, data: bytes) -> bytes:
        try:
            return self._decoder.decompress(data, _STEP)
        except (*DAMAGED, brotli.error) as error:
            message = f"{self._name} sent compressed data that is damaged; it will be asked again."
            raise FetchFailed(message, reason_code="decoding") from error

    def _anew(self, rest: bytes) -> bool:
        """Whether another member begins with `rest`, what followed the end of the last; it is kept while too short."""
        if rest.startswith(self._magic) and self._magic:
            if self._members == _MEMBERS:
                message = f"{self._name} is compressed in more than {_MEMBERS:,} pieces."
                raise FetchFailed(message, reason_code="decoding")
            self._decoder = self._make()
            self._members += 1
            return True
        self._over = not (len(rest) < len(self._magic) and self._magic.startswith(rest))
        self._rest = rest
        return False


def decompression(name: str, coding: str) -> Plain | Compressed:
    """What reads a body of the Content-Encoding `coding`; raise FetchFailed when it is none that was asked for."""
    wanted = coding.strip().lower()
    if wanted in {"", "identity"}:
        return Plain()
    if wanted not in _CODINGS:
        shown = "".join(char for char in wanted[:40] if char.isprintable())
        message = f"{name} is encoded as {shown!r}, which was not asked for; {ACCEPTED} are understood."
        raise FetchFailed(message, reason_code="decoding")
    return Compressed(name, *_CODINGS[wanted])
