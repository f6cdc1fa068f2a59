"""PostgreSQL's processes as the system shows them: which work in a cluster, what its pid file says."""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from socdefenders.errors import InstanceRunning
from socdefenders.storage.lock import WAIT_FOR_PREVIOUS


def clear_stragglers(cluster: Path) -> None:
    """Wait for processes whose postmaster is gone (they notice by themselves); kill those that do not."""
    deadline = time.monotonic() + 5
    while left := processes(cluster):
        if time.monotonic() > deadline:
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.01)


def processes(cluster: Path) -> list[int]:
    """Return the PostgreSQL processes that work in `cluster`, postmaster included; [] where there is no /proc."""
    found = []
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir("/proc"):
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if (
                        Path(entry.path, "cwd").readlink() == cluster
                        and Path(entry.path, "exe").readlink().name.removesuffix(" (deleted)") == "postgres"
                    ):
                        found.append(int(entry.name))
    return found


def pid_file(cluster: Path) -> tuple[int, str] | None:
    """Return pid and state of the postmaster that last ran here, or None after an orderly end."""
    try:
        lines = (cluster / "postmaster.pid").read_text().split("\n")
        return int(lines[0]), lines[7].strip() if len(lines) > 7 else ""
    except (FileNotFoundError, ValueError):
        return None


def await_previous(cluster: Path, tell: Callable[[str], object]) -> None:
    """Wait for the PostgreSQL of a killed owner to be gone; backends without a postmaster are helped along."""
    begun = told = time.monotonic()
    while left := processes(cluster):
        last = pid_file(cluster)
        if last is None or last[0] not in left:
            clear_stragglers(cluster)
            break
        now = time.monotonic()
        if now - begun > WAIT_FOR_PREVIOUS:
            raise InstanceRunning(
                f"PostgreSQL (pid {last[0]}) still runs on {cluster} without the socdefenders that started it; "
                f"end it with `kill -QUIT {last[0]}` and start again."
            )
        if now >= told:
            told = now + 2
            tell("waiting for the previous PostgreSQL to shut down")
        time.sleep(0.02)
    forget_reused_number(cluster)


def forget_reused_number(cluster: Path) -> None:
    """Remove a pid file whose process is not PostgreSQL (any more): PostgreSQL would take it for its own and refuse."""
    last = pid_file(cluster)
    if last and Path(f"/proc/{last[0]}").exists() and not processes(cluster):
        (cluster / "postmaster.pid").unlink(missing_ok=True)
