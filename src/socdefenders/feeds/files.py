"""Every readable file below the paths that were named: folders, archives and compressed files opened.

A file that cannot be opened is still given, and says so when it is opened, so that one bad file
never loses the rest. No name inside an archive is used as a path, and nothing is extracted: only a large
member of a tar, which must be read twice, is set aside meanwhile in a temporary file without a name.
Decompressed sizes and the number of members are bounded.
"""

import io
import os
import re
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from socdefenders.errors import FeedError
from socdefenders.feeds.streams import DAMAGED, ENTRY_BYTES, Count, opened

_MAX_NAME = 1024
SPOOL_BYTES = 8 << 20
"""What a member of a tar may hold to be set aside in memory; a larger one is in a temporary file."""
_EMPTY_READS = 100
_EXTENDED = frozenset({b"x", b"g", b"X", b"K", b"L"})
_MAX_EXTENDED = 1 << 20
_EXTENDED_A_MEMBER = 1 << 10
"""Bytes of extended headers for each member that an archive may have: twice what archivers need."""
_PAX = re.compile(rb"([0-9]{1,7}) ([^=]{1,255})=")


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a thing may be when opened."""

    entry_bytes: int = ENTRY_BYTES
    archive_bytes: int = 16 << 30
    members: int = 100_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, or one member of an archive."""

    name: str
    """For display and for recognising the format; a member's is `archive!member`."""
    open: Callable[[], BinaryIO]
    """Its content from the start, decompressed. A member can be opened until the next entry is drawn."""


def walk(paths: Iterable[Path], limits: Limits = Limits()) -> Iterator[Entry]:
    """Give every readable file at or below `paths`, and every member of those that are archives, in a stable order."""
    for path in files(paths):
        yield from _entries(path, limits)


def files(paths: Iterable[Path]) -> Iterator[Path]:
    """Give the files that `walk` opens, in its order: those of a folder before those of the folders in it.

    Below a folder hidden files, special files and symbolic links that lead out of it are left out.
    """
    for root in paths:
        if root.is_dir():
            yield from _below(root)
        else:
            yield root


def _below(root: Path) -> Iterator[Path]:
    """Every regular, visible file below `root`, sorted; linked folders are not entered."""
    inside = root.resolve()
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder, name)
            if not name.startswith(".") and path.is_file() and path.resolve().is_relative_to(inside):
                yield path


def _entries(path: Path, limits: Limits) -> Iterator[Entry]:
    name = _shown(str(path))
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise FeedError(f"{name}: neither a file nor a folder.")
        kind = _archive(path, name, limits)
    except OSError as error:
        yield _failed(name, FeedError(f"{name}: {error.strerror or error}."))
    except FeedError as error:
        yield _failed(name, error)
    else:
        if kind is None:
            yield Entry(name, lambda: opened(_file(path, name), name, limits.entry_bytes))
        else:
            yield from _members(kind(path, name, limits), name)


def _members(members: Iterator[Entry], name: str) -> Iterator[Entry]:
    """Give the members until the archive breaks, then one entry that says how it broke."""
    try:
        yield from members
    except FeedError as error:
        yield _failed(name, error)
    except DAMAGED as error:
        yield _failed(name, FeedError(f"{name}: the archive is damaged ({error})."))


def _archive(path: Path, name: str, limits: Limits) -> Callable[[Path, str, Limits], Iterator[Entry]] | None:
    """Tell by content whether `path` is a zip or a tar under any compression."""
    with opened(_file(path, name), name, limits.entry_bytes) as stream:
        try:
            head = stream.read(512)
            while len(head) < 512 and (more := stream.read(512 - len(head))):
                head += more
        except FeedError:
            return None  # reading it will say what is wrong
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return None if _is_document(path) else _zip
    return _tar if head[257:262] == b"ustar" else None


def _total(name: str, limit: int) -> Count:
    """Count what all members of the archive `name` give, and refuse what goes beyond `limit` bytes."""
    given = 0

    def count(size: int) -> None:
        nonlocal given
        given += size
        if given > limit:
            raise FeedError(
                f"{name}: larger than {limit >> 20} MiB in all when opened; unpack it and import the folder."
            )

    return count


def _is_document(path: Path) -> bool:
    """Whether a zip is the wrapping of one Word document; a damaged one is judged when it is opened."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "word/document.xml" in archive.NameToInfo
    except DAMAGED:
        return False


def _zip(path: Path, name: str, limits: Limits) -> Iterator[Entry]:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        count = _total(name, limits.archive_bytes)
        if len(members) > limits.members:
            raise FeedError(f"{name}: holds more than {limits.members} files; unpack it and import the folder.")
        for member in members:
            if not member.is_dir() and not _hidden(member.filename):
                shown = f"{name}!{_shown(member.filename)}"
                yield Entry(shown, _zip_opener(archive, member, shown, limits.entry_bytes, count))


def _zip_opener(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, limit: int, count: Count
) -> Callable[[], BinaryIO]:
    def open_member() -> BinaryIO:
        if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:  # others come whole into memory
            raise FeedError(f"{name}: not compressed by deflate; unpack the archive and import the folder.")
        try:
            return opened(cast("BinaryIO", archive.open(member)), name, limit, count)
        except DAMAGED as error:
            raise FeedError(f"{name}: cannot be read ({error}).") from error

    return open_member


class _Archive(tarfile.TarFile):
    """A tar that keeps no header it has passed, and counts what extended headers take."""

    extended = 0
    """Bytes of all extended headers."""
    nested = 0
    """Bytes of those before the next member."""

    def next(self) -> tarfile.TarInfo | None:
        self.members: list[tarfile.TarInfo] = []
        self.nested = 0
        return super().next()


class _Member(tarfile.TarInfo):
    """A tar header whose extended headers are bounded: the library reads those whole into memory."""

    def _proc_member(self, archive: _Archive) -> tarfile.TarInfo | None:
        if self.type == tarfile.GNUTYPE_SPARSE:  # the library keeps the map of its holes, however long, in memory
            raise tarfile.ReadError("a sparse file")
        if self.type in _EXTENDED:
            archive.nested += tarfile.BLOCKSIZE + self.size
            archive.extended += tarfile.BLOCKSIZE + self.size
            if self.size < 0 or archive.nested > _MAX_EXTENDED:
                raise tarfile.ReadError("extended headers of more than 1 MiB")
        return cast("tarfile.TarInfo | None", super()._proc_member(archive))  # type: ignore[misc]  # not in typeshed

    def _proc_pax(self, archive: _Archive) -> tarfile.TarInfo:
        """Return the next member, with what this header says of it.

        The library's own takes quadratic time for a header of digits (before Python 3.12.6), keeps what global
        headers say for the whole archive, and the maps of sparse files however long they are.
        """
        block = archive.fileobj.read(_blocks(self.size))
        fields = _pax(block[: self.size])
        try:
            member = self.fromtarfile(archive)
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"after an extended header: {error}") from error
        if self.type != tarfile.XGLTYPE:
            _apply(fields, member, archive)
        return member


def _pax(data: bytes) -> dict[bytes, bytes]:
    """The fields of an extended header that matter here; each record is `LENGTH NAME=VALUE` and a line feed."""
    fields, at = {}, 0
    while (record := _PAX.match(data, at)) is not None:
        if record[2].startswith(b"GNU.sparse."):
            raise tarfile.ReadError("a sparse file")
        end = at + int(record[1])
        if end <= record.end():
            break
        if record[2] in {b"path", b"size", b"mtime"}:
            fields[record[2]] = data[record.end() : end - 1]
        at = end
    return fields


def _apply(fields: dict[bytes, bytes], member: tarfile.TarInfo, archive: _Archive) -> None:
    if b"path" in fields:
        member.name = fields[b"path"].decode(errors="replace")
    if b"mtime" in fields:
        member.mtime = float(fields[b"mtime"])
    if b"size" in fields:
        member.size = int(fields[b"size"])
        if member.isreg() or member.type not in tarfile.SUPPORTED_TYPES:
            archive.offset = member.offset_data + _blocks(member.size)


def _blocks(size: int) -> int:
    """The bytes that `size` bytes take in a tar, which is made of whole blocks."""
    return -(-size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE


class _Ending:
    """A stream that says when it is over: the library skips a member of 8 EiB read by read, though nothing comes."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._empty = 0

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._empty = 0 if data else self._empty + 1
        if self._empty > _EMPTY_READS:
            raise tarfile.ReadError("it ends in the middle of a member")
        return data


def _tar(path: Path, name: str, limits: Limits) -> Iterator[Entry]:
    with (
        opened(_file(path, name), name, limits.archive_bytes) as stream,
        _Archive.open(fileobj=cast("BinaryIO", _Ending(stream)), mode="r|", tarinfo=_Member) as archive,
    ):
        number, count = 0, _total(name, limits.archive_bytes)
        while (member := archive.next()) is not None:
            number += 1
            if number > limits.members:
                raise FeedError(f"{name}: holds more than {limits.members} files; unpack it and import the folder.")
            if archive.extended > limits.members * _EXTENDED_A_MEMBER:
                raise FeedError(f"{name}: its extended headers are too large; unpack it and import the folder.")
            if member.isreg() and not _hidden(member.name):
                with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as spool:
                    yield _tar_entry(archive, member, spool, f"{name}!{_shown(member.name)}", limits.entry_bytes, count)


def _tar_entry(
    archive: tarfile.TarFile,
    member: tarfile.TarInfo,
    spool: "tempfile.SpooledTemporaryFile[bytes]",
    name: str,
    limit: int,
    count: Count,
) -> Entry:
    """A member of a streamed tar, copied aside when first opened so that it can be opened again."""

    def open_member() -> BinaryIO:
        if member.size > limit:
            raise FeedError(f"{name}: larger than {limit >> 20} MiB when opened; split it.")
        try:
            if not spool.tell():
                _copy(archive, member, spool)
        except DAMAGED as error:
            raise FeedError(f"{name}: cannot be read ({error}).") from error
        return opened(_Window(spool), name, limit, count)  # type: ignore[arg-type]  # a BinaryIO in all that is called

    return Entry(name, open_member)


def _copy(archive: tarfile.TarFile, member: tarfile.TarInfo, spool: "tempfile.SpooledTemporaryFile[bytes]") -> None:
    content = archive.extractfile(member)
    while content is not None and (chunk := content.read(1 << 16)):
        spool.write(chunk)


class _Window(io.RawIOBase):
    """A spooled file read from its start, with a place of its own."""

    def __init__(self, spool: "tempfile.SpooledTemporaryFile[bytes]") -> None:
        self._spool = spool
        self._at = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        end = self._spool.seek(0, io.SEEK_END)
        self._spool.seek(self._at)
        chunk = self._spool.read(size)
        self._at += len(chunk)
        self._spool.seek(end)  # a place other than 0 says that it has been filled
        return chunk


def _file(path: Path, name: str) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise FeedError(f"{name}: {error.strerror or error}.") from error


def _failed(name: str, error: FeedError) -> Entry:
    def fail() -> BinaryIO:
        raise error

    return Entry(name, fail)


def _hidden(member: str) -> bool:
    return any(part.startswith(".") and part not in {".", ".."} for part in member.split("/"))


def _shown(name: str) -> str:
    """`name` fit for a log line or a terminal."""
    return "".join(char if char.isprintable() else "\ufffd" for char in name[-_MAX_NAME:])
