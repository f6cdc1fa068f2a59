"""Runs `socdefenders` as people do: in a process of its own, and looks at what it prints and how it ends."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
PROGRAM = (sys.executable, "-m", "socdefenders")
SECONDS = 120
NOWHERE = "http://127.0.0.1:9"
"""A proxy that is not there; nothing listens on the port of the discard protocol."""


def environment(**settings: str) -> dict[str, str]:
    """The environment of a user who has set nothing but `settings`, and whose network is down.

    A worker reaches publishers by a proxy that is not there, so that no name is looked up.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SOCDEFENDERS_")}
    return kept | {"PYTHONDONTWRITEBYTECODE": "1", "SOCDEFENDERS_FETCH_PROXY": NOWHERE} | settings


def run(*arguments: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end; whatever happens, it never shows a traceback."""
    done = subprocess.run(
        [*PROGRAM, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env=environment(**settings),
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def good(*arguments: str | Path, **settings: str) -> str:
    """Run one command that must succeed; return what it prints."""
    done = run(*arguments, **settings)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Server:
    """A running `up` or `serve`."""

    def __init__(self, *arguments: str | Path, **settings: str) -> None:
        self.process = subprocess.Popen(
            [*PROGRAM, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(**settings),
        )
        self.text = ""
        for line in self.process.stdout or ():
            self.text += line
            if "Ctrl-C stops it" in line:
                break
        found = re.search(r"http://\S+?:\d+", self.text)
        if found is None:
            raise AssertionError(self.process.communicate(timeout=SECONDS))
        self.url = found[0]

    @property
    def key(self) -> str:
        """The key that `--demo` prints."""
        return str(re.findall(r"sk_live_\w+", self.text)[0])

    def stop(self, number: signal.Signals = signal.SIGINT, *, times: int = 1) -> tuple[int, str, str]:
        """Ask it to end; return its status and what it still printed."""
        for _ in range(times):
            if self.process.poll() is None:
                self.process.send_signal(number)
        out, err = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, out, err

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.returncode is None:
            self.stop()


@contextmanager
def data_directory() -> Iterator[Path]:
    """A place for a data directory that PostgreSQL's account can reach when the tests run as root."""
    with tempfile.TemporaryDirectory(prefix="socdefenders-cli-", dir="/tmp", ignore_cleanup_errors=True) as path:
        Path(path).chmod(0o755)
        yield Path(path) / "data"


def left_behind(data_dir: Path) -> list[str]:
    """The processes whose command line names this directory."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes()
        except OSError:
            continue
        if os.fsencode(data_dir) in line:
            found.append(line.replace(b"\0", b" ").decode(errors="replace"))
    return found


def eventually_gone(data_dir: Path) -> list[str]:
    """What is left behind after PostgreSQL had time to end by itself."""
    deadline = time.monotonic() + 30
    while (left := left_behind(data_dir)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def on_terminal(columns: int, *arguments: str | Path, **settings: str) -> str:
    """Run one command on a terminal of so many columns, without colours; return what it shows there."""
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (50, columns))
    surroundings = environment(**settings, NO_COLOR="1", TERM="xterm")
    for name in ("COLUMNS", "LINES"):
        surroundings.pop(name, None)
    shown = b""
    with subprocess.Popen(
        [*PROGRAM, *map(str, arguments)], stdin=theirs, stdout=theirs, stderr=theirs, env=surroundings
    ):
        os.close(theirs)
        with suppress(OSError):  # how the system says that nobody holds the other end any more
            while chunk := os.read(ours, 65_536):
                shown += chunk
    os.close(ours)
    return shown.decode().replace("\r\n", "\n")
