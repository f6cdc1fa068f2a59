"""Every readable file below the paths that were named: folders, archives and compressed files opened.

A file that cannot be opened is still given, and says so when it is opened, so that one bad file
never loses the rest. Nothing is ever extracted to disk, and no name inside an archive is used as a
path. Decompressed sizes and the number of members are bounded.
"""

import io
import os
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, cast

from socdefenders.errors import FeedError
from socdefenders.feeds.streams import ENTRY_BYTES, opened

_BROKEN = (OSError, EOFError, ValueError, zlib.error, tarfile.TarError, zipfile.BadZipFile, RuntimeError)
"""What the archive libraries raise; RuntimeError: a member with a password, an unknown method, headers nested without
end; ValueError: a member of an archive that has been left."""
_MAX_NAME = 1024
_IN_MEMORY = 8 << 20
_EMPTY_READS = 100


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
    modified: datetime | None = None


def walk(paths: Iterable[Path], limits: Limits = Limits()) -> Iterator[Entry]:
    """Give every readable file at or below `paths`, in a stable order.

    Hidden files, special files and symbolic links that lead out of the tree are left out.
    """
    for root in paths:
        if root.is_dir():
            for path in _below(root):
                yield from _entries(path, limits)
        else:
            yield from _entries(root, limits)


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
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise FeedError(f"{name}: neither a file nor a folder.")
        modified = datetime.fromtimestamp(status.st_mtime, UTC)
        kind = _archive(path, name, limits)
    except OSError as error:
        yield _failed(name, FeedError(f"{name}: {error.strerror or error}."))
    except FeedError as error:
        yield _failed(name, error)
    else:
        if kind is None:
            yield Entry(name, lambda: opened(_file(path, name), name, limits.entry_bytes), modified)
        else:
            yield from _members(kind(path, name, limits), name)


def _members(members: Iterator[Entry], name: str) -> Iterator[Entry]:
    """Give the members until the archive breaks, then one entry that says how it broke."""
    try:
        yield from members
    except FeedError as error:
        yield _failed(name, error)
    except _BROKEN as error:
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


def _is_document(path: Path) -> bool:
    """Whether a zip is the wrapping of one Word document; a damaged one is judged when it is opened."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "word/document.xml" in archive.NameToInfo
    except _BROKEN:
        return False


def _zip(path: Path, name: str, limits: Limits) -> Iterator[Entry]:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) > limits.members:
            raise FeedError(f"{name}: holds more than {limits.members} files; unpack it and import the folder.")
        for member in members:
            if not member.is_dir() and not _hidden(member.filename):
                shown = f"{name}!{_shown(member.filename)}"
                yield Entry(shown, _zip_opener(archive, member, shown, limits.entry_bytes), _zip_time(member))


def _zip_opener(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, limit: int) -> Callable[[], BinaryIO]:
    def open_member() -> BinaryIO:
        try:
            return opened(cast("BinaryIO", archive.open(member)), name, limit)
        except _BROKEN as error:
            raise FeedError(f"{name}: cannot be read ({error}).") from error

    return open_member


def _zip_time(member: zipfile.ZipInfo) -> datetime | None:
    try:
        return datetime(*member.date_time, tzinfo=UTC)
    except ValueError:
        return None


class _Member(tarfile.TarInfo):
    """A tar header whose extended headers are bounded: the library reads those whole into memory."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo | None:
        if self.type in (b"x", b"g", b"X", b"K", b"L") and self.size > 1 << 20:
            raise tarfile.ReadError("an extended header of more than 1 MiB")
        return cast("tarfile.TarInfo | None", super()._proc_member(archive))  # type: ignore[misc]  # not in typeshed


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
        tarfile.open(fileobj=cast("BinaryIO", _Ending(stream)), mode="r|", tarinfo=_Member) as archive,
    ):
        count = 0
        while (member := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined]  # else it keeps every header it has passed
            count += 1
            if count > limits.members:
                raise FeedError(f"{name}: holds more than {limits.members} files; unpack it and import the folder.")
            if member.isreg() and not _hidden(member.name):
                with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
                    yield _tar_entry(archive, member, spool, f"{name}!{_shown(member.name)}", limits.entry_bytes)


def _tar_entry(
    archive: tarfile.TarFile,
    member: tarfile.TarInfo,
    spool: "tempfile.SpooledTemporaryFile[bytes]",
    name: str,
    limit: int,
) -> Entry:
    """A member of a streamed tar, copied aside when first opened so that it can be opened again."""

    def open_member() -> BinaryIO:
        if member.size > limit:
            raise FeedError(f"{name}: larger than {limit >> 20} MiB when opened; split it.")
        try:
            if not spool.tell():
                _copy(archive, member, spool)
        except _BROKEN as error:
            raise FeedError(f"{name}: cannot be read ({error}).") from error
        return opened(_Window(spool), name, limit)  # type: ignore[arg-type]  # a BinaryIO in all that is called

    return Entry(name, open_member, _time(member.mtime))


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


def _time(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
