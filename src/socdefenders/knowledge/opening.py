"""What this process knows beforehand: opened when first asked for, and built first where it is not there yet."""

import sys
import threading
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from socdefenders.errors import KnowledgeError
from socdefenders.knowledge import store
from socdefenders.knowledge.building import NO_SOURCES, build
from socdefenders.knowledge.bundle import Bundle
from socdefenders.knowledge.lookups import Knowledge
from socdefenders.knowledge.store import PACKAGES, Origin
from socdefenders.settings import default_data_dir


class KnowledgeWarning(UserWarning):
    """Answers are poorer, or starts slower, than they need be; the message says what to do."""


class _Current:
    """What this process knows, and where from."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.directory: Path | None = None
        self.known: Knowledge | None = None


_CURRENT = _Current()


def use(directory: Path) -> None:
    """Let what is known beforehand lie in `directory`; for entry points, before anybody asks."""
    with _CURRENT.lock:
        if directory != _CURRENT.directory:
            _CURRENT.directory, _CURRENT.known = directory, None


def current() -> Knowledge:
    """Return what is known beforehand; the first call opens it, and builds it where it is not there or outdated.

    Where no directory was named it is the user's own for data. Without the packages that it is compiled
    out of a bundle from before will do; without one, warn once and return a Knowledge of nothing.
    """
    known = _CURRENT.known
    if known is not None:
        return known
    with _CURRENT.lock:
        if _CURRENT.known is None:
            _CURRENT.known = find_or_build(_CURRENT.directory or default_data_dir())
        return _CURRENT.known


def find_or_build(directory: Path, origin: Origin = PACKAGES) -> Knowledge:
    """Return what is known, out of `directory`; warn where that is nothing, or cannot be kept there."""
    try:
        versions = origin.installed()
        return store.open_of(directory, versions) or _built(directory, origin, versions)
    except KnowledgeError as error:
        problem = error.message
    try:
        return store.open_bundle(directory)
    except KnowledgeError:
        _warn(f"Nothing is known beforehand of hosts, addresses and hashes. {problem}")
    return Knowledge(Bundle(memoryview(b"".join(build(NO_SOURCES, datetime.now(UTC))))))


def _built(directory: Path, origin: Origin, versions: Mapping[str, str]) -> Knowledge:
    path = directory / store.FILE
    try:
        with store.locked(directory):
            known = store.open_of(directory, versions)
            if known is not None:
                return known  # made by whoever held the lock
            _tell(f"Compiling what is known beforehand into {path}: some ten seconds, once a version ...")
            store.write(directory, origin)
        return store.open_bundle(directory)
    except OSError as error:
        _warn(
            f"{path} cannot be written ({error.strerror}), so every process compiles it anew, for itself. Run "
            "`socdefenders knowledge build` as somebody who may write there, or use another --data-dir."
        )
    return Knowledge(Bundle(memoryview(b"".join(store.compiled(origin)))))


def _warn(text: str) -> None:
    warnings.warn(text, KnowledgeWarning, stacklevel=5)


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")
