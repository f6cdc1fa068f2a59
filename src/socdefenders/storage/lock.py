"""The lock of a data directory: a flock on one file, and in that file who holds it.

The supervisor of an instance holds it for as long as its PostgreSQL runs; everybody else may look.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from socdefenders.errors import EmbeddedError, InstanceRunning

WAIT_FOR_PREVIOUS = 30.0
"""Seconds that the PostgreSQL of a killed owner may take to shut down."""


class Lock:
    """The lock of a data directory: a flock, and who holds it written in the file."""

    def __init__(self, handle: int, owner: int, name: str) -> None:
        """Hold an open and locked file on behalf of process `owner`, known to people as `name`."""
        self.handle = handle
        self.previous = read_record(handle)
        self.holder = {"pid": owner, "began": began(owner), "name": name}

    @classmethod
    def take(cls, path: Path, owner: int, name: str, tell: Callable[[str], object]) -> "Lock":
        """Take the lock; wait for a holder that is stopping, refuse one that is alive by its name."""
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
        begun = time.monotonic()
        told = begun + 0.5
        while not locked(handle, fcntl.LOCK_EX):
            now, holder = time.monotonic(), read_record(handle)
            # Whoever merely looks holds the lock for an instant, so one failure proves nothing.
            if now - begun > 0.2:
                refuse(path, holder)
            if now - begun > WAIT_FOR_PREVIOUS:
                raise InstanceRunning(f"{path.parent} is still being shut down by `{holder.get('name')}`; try again.")
            if now >= told:
                told = now + 2
                tell("waiting for the previous PostgreSQL to shut down")
            time.sleep(0.02)
        return cls(handle, owner, name)

    def write(self, **state: object) -> None:
        """Write who holds the lock and how far it is."""
        text = json.dumps({**self.holder, **state}).encode()
        os.ftruncate(self.handle, 0)
        os.pwrite(self.handle, text, 0)

    def clear(self) -> None:
        """Leave no name behind; the lock itself goes with this process."""
        os.ftruncate(self.handle, 0)


def locked(handle: int, how: int) -> bool:
    """Try to lock without waiting; return whether it worked."""
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def look(path: Path) -> dict[str, object] | None:
    """Return what the holder of the lock wrote; None when nobody holds it."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EmbeddedError(
            f"{path} cannot be read ({error.strerror}); use the account that runs SOC Defenders, or root."
        ) from error
    try:
        return None if locked(handle, fcntl.LOCK_SH) else read_record(handle)
    finally:
        os.close(handle)


def refuse(path: Path, holder: Mapping[str, object]) -> None:
    """Raise InstanceRunning, with its name, when the holder of the lock at `path` is alive and not about to stop."""
    if holder.get("state") in {"starting", "ready"} and lives(holder):
        raise InstanceRunning(
            f"{path.parent} is already run by `{holder.get('name')}` (pid {holder.get('pid')}); "
            "stop it or use another --data-dir."
        )


def held(path: Path) -> bool:
    """Return whether somebody holds the lock."""
    return look(path) is not None


def read_record(handle: int) -> dict[str, object]:
    """Read who holds the lock; {} when nobody does or it is being written."""
    try:
        record = json.loads(os.pread(handle, 8192, 0))
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def lives(holder: Mapping[str, object]) -> bool:
    """Return whether the process of a record is still there, and is not another with the same number."""
    pid = holder.get("pid")
    if not isinstance(pid, int):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return began(pid) == holder.get("began")


def began(pid: int) -> str:
    """Return when a process began, in the kernel's own count; "" where there is no /proc."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except OSError:
        return ""
