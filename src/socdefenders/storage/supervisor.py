"""The small process that stands between us and PostgreSQL, so that no PostgreSQL outlives its owner.

`embedded` runs it in an interpreter of its own that loads nothing but the standard library and a few
neighbours; `Spec` arrives as one JSON line on standard input, events leave as JSON lines on standard
output. It gives up root at once, takes the lock of the data directory, makes the cluster when there
is none, starts PostgreSQL and then waits for one of three things: the end of its standard input, the
end of its owner, or the end of PostgreSQL.

Why a process of its own and not a parent-death signal set by the owner: that signal is sent when the
*thread* that forked dies, and the owner starts us from whichever thread it likes (asyncio's
included). This process has one thread for as long as it lives, so the signal it sets on PostgreSQL
means what it says. It also survives a `kill -9` of the owner long enough to shut down in order.
"""

import contextlib
import ctypes
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from socdefenders.errors import EmbeddedError, InstanceRunning
from socdefenders.storage.layout import CLUSTER, CLUSTER_IN_MAKING, LOCK, LOG, LOG_PUT_ASIDE, SOCKETS
from socdefenders.storage.lock import Lock
from socdefenders.storage.pgconfig import DATABASE, PORT, ROLE
from socdefenders.storage.processes import await_previous, clear_stragglers, pid_file

LOG_LIMIT = 8 * 1024 * 1024
WAIT_FOR_READY = 600.0
"""Seconds; recovery after a crash may have gigabytes of write-ahead log to read."""
FAST_STOP = 20.0
SOCKET_PATH_LIMIT = 107
SOCKET_NAME = f".s.PGSQL.{PORT}"
PLAIN_PATH = re.compile(r"/[\w./+@=:-]*", re.ASCII)
"""Paths that mean the same in a DSN, in a list of hosts and in PostgreSQL's configuration."""

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What to run, where, for whom."""

    data_dir: str
    bin_dir: str
    name: str
    """The command people typed, as in `socdefenders up`."""
    owner: int
    """The process that this instance must not outlive."""
    account: str
    uid: int
    gid: int
    groups: list[int]
    runtime_dir: str
    """Where a short private directory for the sockets may be made."""
    files: dict[str, str]
    """Configuration files of the cluster: name and text."""
    durable: bool


def main() -> int:
    """Run one instance from start to end; return the exit status."""
    line = sys.stdin.buffer.readline()
    try:
        Supervisor(Spec(**json.loads(line))).run()
    except InstanceRunning as error:
        say("running", error.message)
        return 1
    except EmbeddedError as error:
        say("error", error.message)
        return 1
    except OSError as error:
        say("error", f"{error.strerror}: {error.filename or 'the data directory'}.")
        return 1
    return 0


def say(event: str, text: str = "", **fields: object) -> None:
    """Report one event to the owner; an owner that is gone does not matter here."""
    with contextlib.suppress(BrokenPipeError):
        os.write(1, json.dumps({"event": event, "text": text, **fields}).encode() + b"\n")


def progress(text: str) -> None:
    """Tell the owner what takes long."""
    say("progress", text)


class Supervisor:
    """One instance: its lock, its directories, its PostgreSQL."""

    def __init__(self, spec: Spec) -> None:
        """Give up root and bind to the owner; nothing is written yet."""
        self.spec = spec
        self.data_dir = Path(spec.data_dir)
        self.cluster = self.data_dir / CLUSTER
        become(spec)
        os.umask(0o077)
        if LIBC is not None:
            # Backends whose postmaster was killed become our children, so none is lost sight of.
            LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.ends = Ends(spec.owner)

    def run(self) -> None:
        """Lock, prepare, start, guard, clean up."""
        lock = Lock.take(self.data_dir / LOCK, self.spec.owner, self.spec.name, progress)
        lock.write(state="starting")
        self.open_log()
        await_previous(self.cluster, progress)
        version = self.version()
        if not self.cluster.exists():
            self.initialise()
        self.check_major(version)
        sockets = self.socket_dir(lock.previous.get("socket_dir"))
        clear_sockets(sockets)
        self.configure(self.cluster, sockets)
        postmaster = self.spawn([self.tool("postgres"), "-D", str(self.cluster)])
        try:
            self.await_ready(postmaster)
            lock.write(state="ready", socket_dir=str(sockets), postmaster=postmaster.pid, bin_dir=self.spec.bin_dir)
            say("ready", socket_dir=str(sockets), postmaster=postmaster.pid, version=version)
            os.dup2(2, 1)
            asked = self.ends.wait(postmaster)
            lock.write(state="stopping", socket_dir=str(sockets))
        finally:
            stop(postmaster, self.cluster)
        if asked and sockets != self.data_dir / SOCKETS:
            shutil.rmtree(sockets, ignore_errors=True)
        if asked:
            lock.clear()

    def open_log(self) -> None:
        """Send everything PostgreSQL and we say to the log, after putting a long one aside."""
        log = self.data_dir / LOG
        with contextlib.suppress(FileNotFoundError):
            if log.stat(follow_symlinks=False).st_size > LOG_LIMIT:
                log.replace(log.with_name(LOG_PUT_ASIDE))
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        self.log_start = os.fstat(handle).st_size
        os.dup2(handle, 2)
        os.close(handle)

    def tool(self, name: str) -> str:
        """Return the path of a PostgreSQL program."""
        return f"{self.spec.bin_dir}/{name}"

    def version(self) -> str:
        """Ask the binaries for their version, as "18.6"."""
        try:
            said = subprocess.run(  # noqa: S603 - our own binaries, no shell
                [self.tool("postgres"), "--version"], env=ENVIRONMENT, capture_output=True, text=True, check=True
            ).stdout
        except (OSError, subprocess.CalledProcessError) as error:
            raise EmbeddedError(
                f"{self.tool('postgres')} does not run as account {self.spec.account}: {error}"
            ) from error
        return said.split()[2]

    def check_major(self, version: str) -> None:
        """Refuse a cluster that another major version made."""
        try:
            made_by = (self.cluster / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            raise EmbeddedError(
                f"{self.cluster} is not a PostgreSQL data directory; move it away or use another --data-dir."
            ) from None
        major = version.partition(".")[0]
        if made_by != major:
            raise EmbeddedError(
                f"{self.cluster} was made by PostgreSQL {made_by}, this is PostgreSQL {major}. Start it with the "
                f"version of socdefenders that made it (or PostgreSQL {made_by}'s own binaries) and export with "
                "pg_dump, then move the directory away and load the export here."
            )

    def initialise(self) -> None:
        """Make the cluster and its database under another name, so that a half-made one is never taken for whole."""
        progress(f"creating the database in {self.cluster}")
        made = self.data_dir / CLUSTER_IN_MAKING
        clear_stragglers(made)
        shutil.rmtree(made, ignore_errors=True)
        options = [f"--username={ROLE}", "--encoding=UTF8", "--locale=C", "--auth-local=peer", "--auth-host=reject"]
        options += ["--data-checksums", "--no-instructions", *([] if self.spec.durable else ["--no-sync"])]
        self.run_tool([self.tool("initdb"), "-D", str(made), *options])
        create = f"CREATE DATABASE {DATABASE} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C';\n"
        self.run_tool([self.tool("postgres"), "--single", "-D", str(made), "postgres"], said=create)
        (made / "postgresql.conf").write_text(
            "# Settings of SOC Defenders, written anew at each start; put your own below the next line.\n"
            "include 'socdefenders.conf'\n"
        )
        made.rename(self.cluster)
        sync(self.data_dir)

    def run_tool(self, argv: list[str], said: str = "") -> None:
        """Run a program to its end; when it fails, raise the last lines it wrote."""
        process = self.spawn(argv, subprocess.PIPE)
        process.communicate(said.encode())
        if process.returncode:
            raise EmbeddedError(f"{Path(argv[0]).name} failed: {self.last_lines()}")

    def last_lines(self) -> str:
        """Return the end of what this start has written to the log."""
        with (self.data_dir / LOG).open("rb") as log:
            log.seek(max(self.log_start, log.seek(0, os.SEEK_END) - 4096))
            lines = log.read().decode(errors="replace").split("\n")
        return " | ".join(line.strip() for line in lines if line.strip())[-1500:] or "it wrote nothing"

    def socket_dir(self, previous: object) -> Path:
        """Return the sockets' private directory: in the data directory, or elsewhere where that path is too long."""
        inside = self.data_dir / SOCKETS
        if PLAIN_PATH.fullmatch(str(inside)) and len(str(inside / SOCKET_NAME)) <= SOCKET_PATH_LIMIT:
            inside.mkdir(mode=0o700, exist_ok=True)
            inside.chmod(0o700)
            return inside
        if isinstance(previous, str) and is_private(Path(previous)):
            return Path(previous)
        return Path(tempfile.mkdtemp(prefix="socdefenders-", dir=self.spec.runtime_dir))

    def configure(self, cluster: Path, sockets: Path) -> None:
        """Write the configuration; a file is replaced as a whole or not at all."""
        for name, text in self.spec.files.items():
            part = cluster / f"{name}.part"
            part.write_text(text.replace("{sockets}", str(sockets)), encoding="utf-8")
            part.replace(cluster / name)

    def spawn(self, argv: list[str], stdin: int = subprocess.DEVNULL) -> "subprocess.Popen[bytes]":
        """Start a program of PostgreSQL that dies when this process does."""
        return subprocess.Popen(  # noqa: S603 - our own binaries, no shell
            argv,
            stdin=stdin,
            stdout=2,
            env=ENVIRONMENT,
            cwd="/",
            preexec_fn=die_with(os.getpid()),  # noqa: PLW1509 - safe in a process of one thread
        )

    def await_ready(self, postmaster: "subprocess.Popen[bytes]") -> None:
        """Wait until PostgreSQL accepts connections, as pg_ctl does: by the state in its pid file."""
        begun = told = time.monotonic()
        while pid_file(self.cluster) != (postmaster.pid, "ready"):
            now = time.monotonic()
            if postmaster.poll() is not None:
                raise EmbeddedError(f"PostgreSQL did not start: {self.last_lines()}")
            if self.ends.reached(0.01):
                raise EmbeddedError("the start was given up")
            if now - begun > WAIT_FOR_READY:
                raise EmbeddedError(f"PostgreSQL was not ready after {WAIT_FOR_READY:.0f} s: {self.last_lines()}")
            if now - told > 2:
                told = now
                progress("PostgreSQL is recovering from a crash" if now - begun > 4 else "PostgreSQL is starting")


def clear_sockets(sockets: Path) -> None:
    """Remove what a killed PostgreSQL left: its lock file may name a number that is another process by now."""
    for name in (SOCKET_NAME, f"{SOCKET_NAME}.lock"):
        (sockets / name).unlink(missing_ok=True)


def become(spec: Spec) -> None:
    """Give up root for good; nothing to do for anybody else."""
    if os.geteuid() == 0 and spec.uid != 0:
        try:
            os.setgroups(spec.groups)
            os.setgid(spec.gid)
            os.setuid(spec.uid)
        except PermissionError as error:
            raise EmbeddedError(
                f"root may not change to account {spec.account} here (the capabilities SETUID and SETGID are missing); "
                "start socdefenders as an ordinary user."
            ) from error


def die_with(parent: int) -> Callable[[], None]:
    """Return what a child calls before it becomes PostgreSQL, so that it goes when `parent` goes.

    The signal is SIGQUIT: nobody will be there to insist, and of PostgreSQL's ways to stop it is the
    one that cannot be held up (stragglers are killed after five seconds). What was committed is in
    the write-ahead log. It has to be asked for after the change of account, which clears it.
    """

    def ask() -> None:
        if LIBC is not None:
            LIBC.prctl(PR_SET_PDEATHSIG, int(signal.SIGQUIT), 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    return ask


class Ends:
    """What ends an instance: the owner's word (or the end of the pipe), the owner's end, a child's end."""

    def __init__(self, owner: int) -> None:
        """Watch the pipe and, where the system can, the process: a fork of the owner may hold the pipe open."""
        self.poll = select.poll()
        self.poll.register(0, select.POLLIN | select.POLLHUP)
        if sys.platform == "linux":
            with contextlib.suppress(OSError):  # absent before Linux 5.3 and in some sandboxes: the pipe remains
                self.poll.register(os.pidfd_open(owner), select.POLLIN)
        reader, self.writer = os.pipe()
        os.set_blocking(self.writer, False)
        os.set_blocking(reader, False)
        self.child_ended = reader
        self.poll.register(reader, select.POLLIN)
        signal.set_wakeup_fd(self.writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.terminated = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self.terminate)
        if os.getppid() != owner:
            raise EmbeddedError("the process that asked for PostgreSQL is gone")

    def terminate(self, *_: object) -> None:
        """Remember that this process was asked to end."""
        self.terminated = True

    def reached(self, seconds: float) -> bool:
        """Wait up to `seconds`; return whether the owner wants, or is at, the end."""
        ready = {handle for handle, _ in self.poll.poll(seconds * 1000)}
        if self.child_ended in ready:
            os.read(self.child_ended, 512)
        return self.terminated or bool(ready - {self.child_ended})

    def wait(self, postmaster: "subprocess.Popen[bytes]") -> bool:
        """Wait for an end; True when the owner asked (or is gone), False when PostgreSQL died by itself."""
        while not self.reached(3600):
            if postmaster.poll() is not None:
                return False
        return True


def stop(postmaster: "subprocess.Popen[bytes]", cluster: Path) -> None:
    """Shut PostgreSQL down in order, insist when that takes too long, and leave nothing of it behind."""
    for number, seconds in ((signal.SIGINT, FAST_STOP), (signal.SIGQUIT, 8.0), (signal.SIGKILL, 5.0)):
        if postmaster.poll() is not None:
            break
        postmaster.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            postmaster.wait(seconds)
    clear_stragglers(cluster)


def is_private(directory: Path) -> bool:
    """Return whether `directory` is one, ours, and nobody else's."""
    try:
        status = directory.lstat()
    except OSError:
        return False
    return (status.st_mode & 0o170777, status.st_uid) == (0o040700, os.geteuid())


def sync(directory: Path) -> None:
    """Make a rename in `directory` durable."""
    handle = os.open(directory, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
