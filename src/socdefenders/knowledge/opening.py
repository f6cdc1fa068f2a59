"""Where the bundle of this process lies, and how it comes to be: opened, or built by whoever is first.

The file is written beside its place, flushed and renamed, under a lock that other processes wait for;
so whoever finds it finds all of it.
"""

import fcntl
import mmap
import os
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from socdefenders.errors import KnowledgeError
from socdefenders.knowledge import packages
from socdefenders.knowledge.building import NO_SOURCES, build
from socdefenders.knowledge.bundle import Bundle
from socdefenders.knowledge.lookups import Knowledge
from socdefenders.settings import default_data_dir

FILE = "knowledge.bundle"
LOCK = "knowledge.lock"
NEW = f"{FILE}.new"
NAMES = frozenset({FILE, LOCK, NEW})
"""What stands in a data directory because of this."""


class KnowledgeWarning(UserWarning):
    """Answers will be poorer, or starts slower, than they need be; the message says what to do."""


class _Current:
    """What this process knows, and where from."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.directory: Path | None = None
        self.knowledge: Knowledge | None = None


_CURRENT = _Current()


def use(directory: Path) -> None:
    """Let what is known beforehand lie in `directory`; for entry points, before anybody asks."""
    with _CURRENT.lock:
        if directory != _CURRENT.directory:
            _CURRENT.directory, _CURRENT.knowledge = directory, None


def current() -> Knowledge:
    """Return what is known beforehand: opened once in a process, and built first where it is not there yet.

    Without the packages that it is compiled out of, and without a bundle from before, warn once and
    return a Knowledge of nothing.
    """
    known = _CURRENT.knowledge
    if known is not None:
        return known
    with _CURRENT.lock:
        if _CURRENT.knowledge is None:
            _CURRENT.knowledge = find_or_build(_CURRENT.directory or default_data_dir())
        return _CURRENT.knowledge


def find_or_build(directory: Path) -> Knowledge:
    """Open the bundle in `directory`, after building it if need be."""
    try:
        versions = packages.installed()
        return _fresh(directory, versions) or _built(directory, versions)
    except KnowledgeError as error:
        return _older(directory, error)


def open_bundle(directory: Path) -> Knowledge:
    """Open the bundle in `directory` as it is; raise KnowledgeError, which says why it cannot be used."""
    path = directory / FILE
    try:
        with path.open("rb") as file:
            return Knowledge(Bundle(_mapped(file.fileno())))
    except FileNotFoundError:
        raise KnowledgeError(f"There is no {path} yet.") from None
    except OSError as error:
        raise KnowledgeError(f"{path} cannot be read: {error.strerror}.") from error


def rebuild(directory: Path) -> Knowledge:
    """Build the bundle in `directory` anew, whatever is there; raise KnowledgeError where that cannot be."""
    try:
        with _locked(directory):
            _write(directory)
    except OSError as error:
        raise KnowledgeError(f"{directory / FILE} cannot be written: {error.strerror}.") from error
    return open_bundle(directory)


def nothing() -> Knowledge:
    """Return a Knowledge of nothing."""
    return Knowledge(Bundle(memoryview(b"".join(build(NO_SOURCES, datetime.now(UTC))))))


def is_fresh(known: Knowledge, versions: dict[str, str]) -> bool:
    """Return whether `known` was compiled out of these versions of the packages."""
    return {each.name: each.version for each in known.about.packages} == versions


def _fresh(directory: Path, versions: dict[str, str]) -> Knowledge | None:
    """Open the bundle in `directory` if it can be used and is of these versions."""
    try:
        known = open_bundle(directory)
    except KnowledgeError:
        return None
    return known if is_fresh(known, versions) else None


def _older(directory: Path, error: KnowledgeError) -> Knowledge:
    """Do with the bundle of before, for want of a better; without one, warn and do without."""
    try:
        return open_bundle(directory)
    except KnowledgeError:
        text = f"Nothing is known beforehand of hosts, addresses and hashes. {error.message}"
        warnings.warn(text, KnowledgeWarning, stacklevel=4)
        return nothing()


def _built(directory: Path, versions: dict[str, str]) -> Knowledge:
    path = directory / FILE
    try:
        with _locked(directory):
            known = _fresh(directory, versions)  # of somebody who held the lock before
            if known is not None:
                return known
            _tell(f"Compiling what is known beforehand into {path}; half a minute, once a version ...")
            _write(directory)
        return open_bundle(directory)
    except OSError as error:
        warnings.warn(
            f"{path} cannot be written ({error.strerror}), so every process compiles what is known beforehand anew; "
            "run `socdefenders knowledge build` as somebody who may write there, or use another --data-dir.",
            KnowledgeWarning,
            stacklevel=4,
        )
    _tell("Compiling what is known beforehand, for this process alone ...")
    with tempfile.TemporaryFile() as file:
        _compile(file)
        return Knowledge(Bundle(_mapped(file.fileno())))


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold the lock of `directory`, waiting for whoever holds it."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write(directory: Path) -> None:
    """Write the bundle beside its place and put it there; the lock is held."""
    made = directory / NEW
    made.unlink(missing_ok=True)
    try:
        with made.open("xb") as file:
            _compile(file)
            file.flush()
            os.fsync(file.fileno())
        made.replace(directory / FILE)
    except BaseException:
        made.unlink(missing_ok=True)
        raise
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)  # or the new name is lost with the power
    finally:
        os.close(handle)


def _compile(file: IO[bytes]) -> None:
    file.writelines(build(packages.sources(), datetime.now(UTC)))
    file.flush()


def _mapped(handle: int) -> memoryview:
    if not os.fstat(handle).st_size:
        return memoryview(b"")  # which cannot be mapped
    return memoryview(mmap.mmap(handle, 0, access=mmap.ACCESS_READ))


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")
