"""Bounded, streaming decompression: gzip, Zstandard, xz and bzip2 behind one readable stream.

Our own loop rather than the libraries' file objects, for three reasons: memory stays flat whatever
the compressed bytes claim; the output is counted, so that a bomb ends as a `FeedError`; and a file
that was cut off gives everything readable before it gives the error.
"""

import bz2
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from typing import BinaryIO, Protocol

import zstandard

from socdefenders.errors import FeedError

HEAD = 65536
"""The bytes at the start of a file by which its format is recognised."""
ENTRY_BYTES = 2 << 30
"""What one file may grow to when decompressed."""

_MEMORY = 256 << 20
_STEP = 65536
_INPUT = 16384
_ZSTD_INPUT = 512
"""A Zstandard block of 4 bytes may stand for 128 kB, and its decoder takes no output bound: feed it sips."""

DAMAGED = (
    OSError,
    EOFError,
    lzma.LZMAError,
    zlib.error,
    zstandard.ZstdError,
    tarfile.TarError,
    zipfile.BadZipFile,
    # `tarfile` and `zipfile` trust the numbers in headers, and document none of these:
    ArithmeticError,  # a number too large for an index
    LookupError,  # a header that ends too early
    RuntimeError,  # a member with a password, an unknown method, headers nested without end
    TypeError,
    ValueError,  # no number, no UTF-8; a member of an archive that has been left
    struct.error,
)
"""What the libraries raise that open compressed files and archives, on damaged ones."""


Count = Callable[[int], None]
"""Takes the bytes of a chunk."""


class Decoder(Protocol):
    """What `bz2` and `lzma` decompressors share; zlib and zstandard are fitted to it below."""

    @property
    def eof(self) -> bool:
        """Whether the end has been seen."""

    @property
    def needs_input(self) -> bool:
        """Whether all that it was given has been used."""

    @property
    def unused_data(self) -> bytes:
        """What followed the end."""

    def decompress(self, data: bytes, max_length: int = ...) -> bytes:
        """Give some of the content; `data` is empty while input is not needed."""


class _Gzip:
    """zlib's gzip decoder, keeping its own tail of input."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = _STEP) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


class _Zstd:
    """zstandard's decoder, fed in sips because it cannot bound its output."""

    def __init__(self, window: int = _MEMORY) -> None:
        self._inner = zstandard.ZstdDecompressor(max_window_size=window).decompressobj()
        self._input = memoryview(b"")

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._input

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data + bytes(self._input)

    def decompress(self, data: bytes, max_length: int = _STEP) -> bytes:  # noqa: ARG002 - as the others
        if data:
            self._input = memoryview(data)
        sip, self._input = self._input[:_ZSTD_INPUT], self._input[_ZSTD_INPUT:]
        return self._inner.decompress(sip)


def gzip() -> Decoder:
    """Make a decoder of one gzip member."""
    return _Gzip()


def zstd(window: int = _MEMORY) -> Decoder:
    """Make a decoder of one Zstandard frame that may look back `window` bytes, which it keeps in memory."""
    return _Zstd(window)


CODECS: dict[bytes, Callable[[], Decoder]] = {
    b"\x1f\x8b": gzip,
    b"\x28\xb5\x2f\xfd": zstd,
    b"\xfd7zXZ\x00": lambda: lzma.LZMADecompressor(memlimit=_MEMORY),
    b"BZh": bz2.BZ2Decompressor,
}
"""The first bytes of a compressed file, and what decompresses it."""


def codec(head: bytes) -> tuple[bytes, Callable[[], Decoder]] | None:
    """Return the magic and the decoder of a compressed file, or None for any other."""
    return next(((magic, make) for magic, make in CODECS.items() if head.startswith(magic)), None)


class _Chunks(io.RawIOBase):
    """A raw stream over successive chunks; an error waits until what came before it has been read."""

    def __init__(self, source: BinaryIO, name: str, limit: int, count: Count) -> None:
        self._source = source
        self._name = name
        self._limit = limit
        self._count = count
        self._given = 0
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object, /) -> int:
        target = memoryview(buffer).cast("B")  # type: ignore[arg-type]  # RawIOBase promises a writable buffer
        if not self._left:
            self._left = memoryview(self._next())
            self._given += len(self._left)
            self._count(len(self._left))
            if self._given > self._limit:
                raise FeedError(f"{self._name}: larger than {self._limit >> 20} MiB when opened; split it.")
        size = min(len(target), len(self._left))
        target[:size] = self._left[:size]
        self._left = self._left[size:]
        return size

    def _next(self) -> bytes:
        try:
            return self._source.read(_STEP)
        except DAMAGED as error:
            raise FeedError(f"{self._name}: cannot be read to its end ({error}).") from error

    def close(self) -> None:
        if not self.closed:
            self._source.close()
        super().close()


class _Decompressed(_Chunks):
    """The content of a compressed file, frame after frame."""

    def __init__(
        self, source: BinaryIO, name: str, limit: int, count: Count, *, magic: bytes, make: Callable[[], Decoder]
    ) -> None:
        super().__init__(source, name, limit, count)
        self._magic = magic
        self._make = make
        self._decoder = make()

    def _next(self) -> bytes:
        try:
            return self._advance()
        except DAMAGED as error:
            raise FeedError(f"{self._name}: its compressed data is damaged ({error}).") from error

    def _advance(self) -> bytes:
        while True:
            data = b""
            if self._decoder.eof:
                data = self._decoder.unused_data
                data += self._source.read(_INPUT) if len(data) < len(self._magic) else b""
                if not data.startswith(self._magic):  # the end, or padding after it
                    return b""
                self._decoder = self._make()
            elif self._decoder.needs_input:
                data = self._source.read(_INPUT)
                if not data:
                    raise EOFError("it ends in the middle")
            out = self._decoder.decompress(data, _STEP)
            if out:
                return out


class _Reader(io.BufferedReader):
    """A buffered stream that gives what it has before it raises.

    `BufferedReader.read(n)` would drop the chunks already read when a later one fails, so every
    read is one raw read.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read1(_STEP), b""))
        return self.read1(size)


def opened(source: BinaryIO, name: str, limit: int = ENTRY_BYTES, count: Count = lambda _size: None) -> BinaryIO:
    """Give the content of `source`, decompressed by what its first bytes say it is, at most `limit` bytes of it.

    `count` is told of every chunk read and of every chunk decompressed, and may refuse it. `read(n)` may return
    fewer bytes than asked before the end, as a socket's would.
    """
    plain = _Reader(_Chunks(source, name, limit, count), _STEP)
    try:
        found = codec(plain.peek(8)[:8])
    except FeedError:
        plain.close()
        raise
    if found is None:
        return plain
    return _Reader(_Decompressed(plain, name, limit, count, magic=found[0], make=found[1]), _STEP)
