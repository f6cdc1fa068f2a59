"""The bundle in a data directory: opening it, judging it, building it.

It is written beside its place, flushed and renamed, under a lock that other processes wait for; so
whoever finds it finds all of it, and it is built once.
"""

import fcntl
import mmap
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from socdefenders.errors import KnowledgeError, KnowledgeMissing
from socdefenders.knowledge import packages
from socdefenders.knowledge.building import build
from socdefenders.knowledge.bundle import Bundle
from socdefenders.knowledge.facts import Sources, WarningList
from socdefenders.knowledge.lookups import Knowledge

FILE = "knowledge.bundle"
LOCK = "knowledge.lock"
NEW = f"{FILE}.new"
FILES = frozenset({FILE, LOCK, NEW})
"""What stands in a data directory because of this."""

Tell = Callable[[int, str], object]
"""Called with the number of a warning list, from 1, and its id, before it is compiled."""


class Origin(NamedTuple):
    """Where what is compiled comes from."""

    installed: Callable[[], dict[str, str]]
    """Return the version of each package; raise KnowledgeMissing where one is not there."""
    sources: Callable[[], Sources]
    """Read them all."""


PACKAGES = Origin(packages.installed, packages.sources)


class Status(NamedTuple):
    """What is there, and what could be."""

    path: Path
    known: Knowledge | None
    """What the bundle holds; None when there is none that can be used."""
    problem: str | None
    """Why there is none, or what is wrong with it."""
    installed: Mapping[str, str] | None
    """The version of each package; None where one is missing."""
    outdated: bool
    """Whether packages of other versions are installed than it was compiled out of."""


def status(directory: Path, origin: Origin = PACKAGES) -> Status:
    """Look at the bundle in `directory`, every byte of it, and change nothing."""
    installed: Mapping[str, str] | None
    try:
        installed = origin.installed()
    except KnowledgeMissing:
        installed = None
    try:
        known = open_bundle(directory)
    except KnowledgeError as error:
        return Status(directory / FILE, None, error.message, installed, outdated=False)
    outdated = installed is not None and not is_of(known, installed)
    return Status(directory / FILE, known, known.damage(), installed, outdated)


def open_bundle(directory: Path) -> Knowledge:
    """Open the bundle in `directory` as it is; raise KnowledgeError, which says why it cannot be used."""
    path = directory / FILE
    try:
        with path.open("rb") as file:
            return Knowledge(Bundle(_mapped(file.fileno())))
    except FileNotFoundError:
        raise KnowledgeError(f"There is no {path} yet; `socdefenders knowledge build` compiles it.") from None
    except OSError as error:
        raise KnowledgeError(f"{path} cannot be read: {error.strerror}.") from error
    except KnowledgeError as error:
        raise KnowledgeError(f"{path} cannot be used: {error.message}.") from error


def open_of(directory: Path, versions: Mapping[str, str]) -> Knowledge | None:
    """Open the bundle in `directory` if it can be used and was compiled out of these versions of the packages."""
    try:
        known = open_bundle(directory)
    except KnowledgeError:
        return None
    return known if is_of(known, versions) else None


def is_of(known: Knowledge, versions: Mapping[str, str]) -> bool:
    """Return whether `known` was compiled out of these versions of the packages."""
    return {each.name: each.version for each in known.about.packages} == versions


def rebuild(directory: Path, origin: Origin = PACKAGES, tell: Tell | None = None) -> Knowledge:
    """Build the bundle in `directory` anew; raise KnowledgeError where that cannot be."""
    try:
        with locked(directory):
            write(directory, origin, tell)
    except OSError as error:
        raise KnowledgeError(f"{directory / FILE} cannot be written: {error.strerror}.") from error
    return open_bundle(directory)


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the lock of `directory`, waiting for whoever holds it; make the directory if need be."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path, safely = directory / LOCK, os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | safely, 0o644)
    except PermissionError:
        handle = os.open(path, os.O_RDONLY | safely)  # made by another account; enough for a lock on a local disk
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def write(directory: Path, origin: Origin, tell: Tell | None = None) -> None:
    """Write the bundle beside its place and put it there, while the lock is held."""
    made = directory / NEW
    made.unlink(missing_ok=True)
    try:
        with made.open("xb") as file:
            file.writelines(compiled(origin, tell))
            file.flush()
            os.fchmod(file.fileno(), 0o644)  # nothing in it is secret
            os.fsync(file.fileno())
        made.replace(directory / FILE)
    except BaseException:
        made.unlink(missing_ok=True)
        raise
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)  # or the new name may be lost with the power
    finally:
        os.close(handle)


def compiled(origin: Origin, tell: Tell | None = None) -> Iterator[bytes]:
    """Give the bytes of the bundle that `origin` makes."""
    sources = origin.sources()
    return build(_told(sources, tell) if tell else sources, datetime.now(UTC))


def _told(sources: Sources, tell: Tell) -> Sources:
    def lists() -> Iterator[WarningList]:
        for number, each in enumerate(sources.lists, start=1):
            tell(number, each.id)
            yield each

    return sources._replace(lists=lists())


def _mapped(handle: int) -> memoryview:
    if not os.fstat(handle).st_size:
        return memoryview(b"")  # which cannot be mapped
    return memoryview(mmap.mmap(handle, 0, access=mmap.ACCESS_READ))
