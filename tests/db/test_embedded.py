"""The embedded PostgreSQL keeps its promises: private, alone on its data, gone with its owner, data kept."""

import asyncio
import contextlib
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from socdefenders.errors import EmbeddedError, InstanceRunning
from socdefenders.storage import embedded, placement
from socdefenders.storage.processes import processes
from tests.clusters import DEBIAN, SMALL, in_thread

TEST = embedded.Options(shared_buffers_mb=SMALL)
OWNER = """
import json, os, signal, sys
from pathlib import Path
from socdefenders.storage import embedded
tell = lambda text: print(json.dumps({"told": text}), flush=True)
options = embedded.Options(shared_buffers_mb=32)
with embedded.running(Path(sys.argv[1]), name="socdefenders up", progress=tell, options=options) as instance:
    child = 0
    if sys.argv[2:] == ["--fork"] and not (child := os.fork()):
        signal.pause()
    print(json.dumps({"pid": instance.pid, "dsn": instance.dsn, "child": child}), flush=True)
    sys.stdin.read()
"""
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes accounts")


def eventually(true: Callable[[], bool], *, seconds: float = 20.0) -> None:
    """Wait until something holds, and fail when it does not come to."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.01)


def parent(pid: int) -> int:
    """Return the parent of a process."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def fetch(dsn: str, statement: str) -> object:
    """Ask a database for one value."""

    async def ask() -> object:
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return in_thread(ask())


@contextlib.contextmanager
def owner(data_dir: Path, *options: str) -> Iterator[tuple["subprocess.Popen[str]", dict[str, object]]]:
    """Run an instance in a process of its own, that can be killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, data_dir, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            event: dict[str, object] = {}
            while "pid" not in event:
                event = json.loads(next(iter(process.stdout or [])))
            yield process, event
        finally:
            process.kill()
            eventually(lambda: not processes(data_dir / "postgres"))


@contextlib.contextmanager
def directory() -> Iterator[Path]:
    """Make a directory that PostgreSQL's account can reach, unlike pytest's own."""
    path = Path(tempfile.mkdtemp(prefix="socdefenders-test-", dir="/tmp"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path)


@pytest.fixture
def place() -> Iterator[Path]:
    with directory() as path:
        yield path


@pytest.fixture(scope="session")
def seed() -> Iterator[Path]:
    """A data directory made once and copied, because making one takes a second."""
    with directory() as path:
        with embedded.running(path / "data", options=TEST) as instance:
            fetch(instance.dsn, "create table kept as select 41 as value")
        yield path / "data"


@pytest.fixture
def data_dir(seed: Path, place: Path) -> Path:
    """A data directory that was used before and holds one row."""
    subprocess.run(["cp", "-a", seed, place / "data"], check=True)
    return place / "data"


@pytest.mark.parametrize("binaries", [None, DEBIAN], ids=["embedded-18", "debian-15"])
def test_the_first_start_makes_a_database_in_utf8_that_orders_by_code_point_and_checks_its_pages(
    place: Path, binaries: Path | None
) -> None:
    if binaries and not binaries.exists():
        pytest.skip(f"PostgreSQL 15 is not installed in {binaries}")
    options = embedded.Options(binaries=binaries, shared_buffers_mb=SMALL)
    told: list[str] = []
    with embedded.running(place / "new" / "data", progress=told.append, options=options) as instance:
        assert fetch(instance.dsn, "select current_user || ' ' || current_database()") == "socdefenders socdefenders"
        found = "select concat_ws(' ', pg_encoding_to_char(encoding), datcollate, datctype) from pg_database"
        assert fetch(instance.dsn, f"{found} where datname = current_database()") == "UTF8 C C"
        assert fetch(instance.dsn, "show data_checksums") == "on"
        assert fetch(instance.dsn, "show shared_buffers") == "32MB"
        assert fetch(instance.dsn, "show synchronous_commit") == "on"
        assert (instance.binaries / "pg_amcheck").exists()
    assert told[0].startswith("creating the database")


def test_what_was_committed_is_there_at_the_next_start_and_a_stop_leaves_no_process(data_dir: Path) -> None:
    for value in (41, 42, 43):
        with embedded.running(data_dir, options=TEST) as instance:
            assert fetch(instance.dsn, "select value from kept") == value
            fetch(instance.dsn, "update kept set value = value + 1")
            assert processes(data_dir / "postgres")
        assert not processes(data_dir / "postgres")


def test_another_process_finds_the_instance_and_leaves_it_running(data_dir: Path) -> None:
    with owner(data_dir) as (_, event):
        with embedded.open_or_start(data_dir) as found:
            assert (found.dsn, found.pid, found.owned) == (event["dsn"], event["pid"], False)
            assert fetch(found.dsn, "select value from kept") == 41
        assert found.alive()
        assert fetch(found.dsn, "select value from kept") == 41


def test_nothing_is_found_where_nothing_runs_and_one_is_started_for_the_duration(data_dir: Path, place: Path) -> None:
    assert embedded.attach(place / "absent") is None
    assert embedded.attach(data_dir) is None
    with embedded.open_or_start(data_dir, options=TEST) as instance:
        assert instance.owned
        assert fetch(instance.dsn, "select value from kept") == 41
    assert embedded.attach(data_dir) is None


def test_a_second_instance_is_refused_by_the_name_and_pid_of_the_first(data_dir: Path) -> None:
    with owner(data_dir) as (process, event):
        with pytest.raises(InstanceRunning) as refused:
            embedded.start(data_dir, options=TEST)
        assert f"already run by `socdefenders up` (pid {process.pid})" in refused.value.message
        assert "--data-dir" in refused.value.message
        assert fetch(str(event["dsn"]), "select value from kept") == 41


def test_of_starts_at_once_one_wins_and_the_others_find_it(data_dir: Path) -> None:
    found: list[embedded.Instance] = []
    threads = [
        threading.Thread(target=lambda: found.append(embedded.open_or_start(data_dir, options=TEST))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(instance.owned for instance in found) == [False, False, False, True]
    assert len({instance.pid for instance in found}) == 1
    for instance in found:
        instance.stop()


def test_a_cluster_of_another_major_version_is_refused_with_what_to_do(data_dir: Path) -> None:
    (data_dir / "postgres" / "PG_VERSION").write_text("14\n")
    with pytest.raises(EmbeddedError, match=r"made by PostgreSQL 14, this is PostgreSQL 18.*pg_dump"):
        embedded.start(data_dir, options=TEST)
    assert (data_dir / "postgres" / "PG_VERSION").read_text() == "14\n"


def test_a_directory_of_somebody_else_is_refused_and_left_as_it_was(place: Path) -> None:
    (place / "letter.txt").write_text("private")
    before = place.stat()
    with pytest.raises(EmbeddedError, match="not empty and no data directory of SOC Defenders"):
        embedded.start(place, options=TEST)
    after = place.stat()
    assert [path.name for path in place.iterdir()] == ["letter.txt"]
    assert (before.st_mode, before.st_uid) == (after.st_mode, after.st_uid)


def test_a_directory_that_everybody_may_write_is_refused(place: Path) -> None:
    place.chmod(0o777)
    with pytest.raises(EmbeddedError, match="chmod o-w"):
        embedded.start(place, options=TEST)


@pytest.mark.parametrize("name", ["x" * 120, "comma,quote'd and \\spaced ü"])
def test_a_path_no_socket_can_have_gets_a_private_short_one_that_outlives_a_crash_and_not_a_stop(
    data_dir: Path, place: Path, name: str
) -> None:
    long = data_dir.rename(place / name)
    with embedded.running(long, options=TEST) as instance:
        assert not instance.socket_dir.is_relative_to(place)
        assert stat.S_IMODE(instance.socket_dir.stat().st_mode) == 0o700
        assert fetch(instance.dsn, "select value from kept") == 41
        before = instance.dsn
        os.kill(instance.pid, signal.SIGKILL)
        eventually(lambda: not instance.alive())
        instance.restart()
        assert instance.dsn == before
        assert fetch(instance.dsn, "select value from kept") == 41
    assert not instance.socket_dir.exists()


def test_a_short_directory_that_somebody_else_made_is_not_used(data_dir: Path, place: Path) -> None:
    long = data_dir.rename(place / ("x" * 120))
    trap = place / "trap"
    trap.mkdir(mode=0o777)
    (long / "instance.lock").write_text(json.dumps({"state": "ready", "socket_dir": str(trap)}))
    with embedded.running(long, options=TEST) as instance:
        assert instance.socket_dir != trap


def test_sockets_are_private_and_no_tcp_or_udp_port_is_opened(data_dir: Path) -> None:
    with embedded.running(data_dir, options=TEST) as instance:
        assert stat.S_IMODE(instance.socket_dir.stat().st_mode) == 0o700
        assert stat.S_IMODE((instance.socket_dir / ".s.PGSQL.5432").stat().st_mode) == 0o700
        ours = set()
        for pid in processes(data_dir / "postgres"):
            for handle in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(FileNotFoundError):
                    ours.add(str(handle.readlink()))
        tables = [Path(f"/proc/net/{name}") for name in ("tcp", "tcp6", "udp", "udp6")]
        internet = {
            line.split()[9] for table in tables if table.exists() for line in table.read_text().splitlines()[1:]
        }
        assert any(handle.startswith("socket:") for handle in ours)
        assert not ours & {f"socket:[{inode}]" for inode in internet}


@needs_root
def test_root_gives_everything_that_runs_to_an_account_without_privileges(data_dir: Path) -> None:
    with embedded.running(data_dir, options=TEST) as instance:
        account = placement.account_for(data_dir)
        supervisor = parent(instance.pid)
        for pid in [supervisor, *processes(data_dir / "postgres")]:
            status = dict(
                line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line
            )
            assert set(status["Uid"].split()) == {str(account.uid)}
            assert set(status["Gid"].split()) == {str(account.gid)}
            assert set(map(int, status["Groups"].split())) == set(account.groups)
            assert int(status["CapEff"], 16) == 0
            assert status["Umask"] == "0077"
        assert set(Path(f"/proc/{instance.pid}/environ").read_bytes().split(b"\0")) >= {b"LC_ALL=C"}
        assert b"HOME=" not in Path(f"/proc/{instance.pid}/environ").read_bytes()
    assert account.uid != 0


@needs_root
def test_another_account_is_refused_even_when_it_gets_at_the_socket(data_dir: Path) -> None:
    with embedded.running(data_dir, options=TEST) as instance:
        instance.socket_dir.chmod(0o755)
        (instance.socket_dir / ".s.PGSQL.5432").chmod(0o777)
        data_dir.chmod(0o755)
        other = next(name for name in ("daemon", "nobody", "bin") if name != placement.account_for(data_dir).name)
        asked = subprocess.run(
            [instance.binaries / "psql", instance.dsn, "-c", "select 1"],
            user=other,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
    assert asked.returncode
    assert "Peer authentication failed" in asked.stderr


def test_kill_9_of_the_owner_leaves_no_postgres_and_every_committed_row(data_dir: Path) -> None:
    with owner(data_dir) as (process, event):
        fetch(str(event["dsn"]), "insert into kept select generate_series(1, 1000)")
        process.kill()
        eventually(lambda: not processes(data_dir / "postgres"))
    with embedded.running(data_dir, options=TEST) as instance:
        assert fetch(instance.dsn, "select count(*) from kept") == 1001


def test_a_start_right_after_kill_9_of_the_owner_waits_for_the_old_postgres_and_then_works(data_dir: Path) -> None:
    with owner(data_dir) as (process, event):
        fetch(str(event["dsn"]), "insert into kept select generate_series(1, 1000)")
        old = parent(int(str(event["pid"])))
        os.kill(old, signal.SIGSTOP)  # so that it takes its time, until the new start says that it waits
        process.kill()
        process.wait()
        with embedded.running(data_dir, progress=lambda _: os.kill(old, signal.SIGCONT), options=TEST) as instance:
            assert instance.pid != event["pid"]
            assert fetch(instance.dsn, "select count(*) from kept") == 1001


def test_kill_9_of_the_supervisor_takes_postgres_along_and_a_restart_brings_it_back(data_dir: Path) -> None:
    with embedded.running(data_dir, options=TEST) as instance:
        supervisor = parent(instance.pid)
        old = instance.pid
        os.kill(supervisor, signal.SIGKILL)
        eventually(lambda: not instance.alive() and old not in processes(data_dir / "postgres"))
        instance.restart()
        assert fetch(instance.dsn, "select value from kept") == 41


def test_a_restart_waits_for_a_postmaster_that_outlives_its_supervisor(data_dir: Path) -> None:
    told: list[str] = []
    postmasters: list[int] = []

    def waiting(text: str) -> None:
        if not told:  # it is told more where the machine is slow, and the old postmaster is gone then
            os.kill(postmasters[0], signal.SIGCONT)
        told.append(text)

    with embedded.running(data_dir, progress=waiting, options=TEST) as instance:
        postmasters.append(instance.pid)
        supervisor = parent(instance.pid)
        os.kill(instance.pid, signal.SIGSTOP)
        os.kill(supervisor, signal.SIGKILL)
        eventually(lambda: not instance.alive())
        instance.restart()
        assert told[0] == "waiting for the previous PostgreSQL to shut down"
        assert fetch(instance.dsn, "select value from kept") == 41


def test_who_looks_while_an_instance_starts_waits_until_it_is_ready(place: Path) -> None:
    found: list[embedded.Instance | None] = []
    look = threading.Thread(target=lambda: found.append(embedded.attach(place)))
    with embedded.running(place, progress=lambda _: look.start(), options=TEST) as instance:
        look.join()
        assert [seen and (seen.pid, seen.dsn) for seen in found] == [(instance.pid, instance.dsn)]


def test_kill_9_of_owner_supervisor_and_postmaster_at_once_leaves_nothing(data_dir: Path) -> None:
    with owner(data_dir) as (process, event):
        postmaster = int(str(event["pid"]))
        supervisor = parent(postmaster)
        for pid in (process.pid, supervisor, postmaster):
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: not processes(data_dir / "postgres"))
    with embedded.running(data_dir, options=TEST) as instance:
        assert fetch(instance.dsn, "select value from kept") == 41


def test_a_fork_of_the_killed_owner_does_not_keep_postgres_alive(data_dir: Path) -> None:
    with owner(data_dir, "--fork") as (process, event):
        try:
            process.kill()
            eventually(lambda: not processes(data_dir / "postgres"))
        finally:
            os.kill(int(str(event["child"])), signal.SIGKILL)


def test_a_backend_that_hangs_is_not_left_behind_by_a_killed_postmaster(data_dir: Path) -> None:
    with embedded.running(data_dir, options=TEST) as instance:
        hanging = next(pid for pid in processes(data_dir / "postgres") if pid != instance.pid)
        os.kill(hanging, signal.SIGSTOP)
        os.kill(instance.pid, signal.SIGKILL)
        eventually(lambda: not processes(data_dir / "postgres"))
        eventually(lambda: not instance.alive())
        instance.restart()
        assert fetch(instance.dsn, "select value from kept") == 41


def test_an_instance_outlives_the_thread_that_started_it(data_dir: Path) -> None:
    started: list[embedded.Instance] = []
    thread = threading.Thread(target=lambda: started.append(embedded.start(data_dir, options=TEST)))
    thread.start()
    thread.join()
    with started[0] as instance:
        eventually(lambda: not Path(f"/proc/self/task/{thread.native_id}").exists())
        assert fetch(instance.dsn, "select value from kept") == 41
        assert instance.alive()


async def test_an_instance_starts_and_stops_within_asyncio(data_dir: Path) -> None:
    instance = await asyncio.to_thread(embedded.start, data_dir, options=TEST)
    connection = await asyncpg.connect(instance.dsn)
    assert await connection.fetchval("select value from kept") == 41
    await connection.close()
    await asyncio.to_thread(instance.stop)
    assert not instance.alive()


def test_a_first_start_that_is_killed_half_way_is_begun_anew(place: Path) -> None:
    data_dir = place / "data"
    process = subprocess.Popen([sys.executable, "-c", OWNER, data_dir], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        assert b"creating" in next(iter(process.stdout or []))
        eventually((data_dir / "postgres.new" / "PG_VERSION").exists)
        process.kill()
    with embedded.running(data_dir, options=TEST) as instance:
        assert fetch(instance.dsn, "select 1") == 1
    assert not (data_dir / "postgres.new").exists()


def test_leftovers_of_a_half_made_cluster_are_no_cluster(place: Path) -> None:
    leftover = place / "postgres.new"
    leftover.mkdir()
    (leftover / "PG_VERSION").write_text("18\n")
    (place / "instance.lock").touch()
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", placement.account_for(place).name, place], check=True)
    with embedded.running(place, options=TEST) as instance:
        assert fetch(instance.dsn, "select 1") == 1


def test_a_pid_file_whose_number_is_another_process_by_now_does_not_hinder(data_dir: Path) -> None:
    account = placement.account_for(data_dir)
    user = account.name if os.geteuid() == 0 else None
    with owner(data_dir) as (process, event):
        for pid in (int(str(event["pid"])), process.pid):
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: not processes(data_dir / "postgres"))
    with subprocess.Popen(["sleep", "60"], user=user) as other:
        lines = (data_dir / "postgres" / "postmaster.pid").read_text().split("\n")
        (data_dir / "postgres" / "postmaster.pid").write_text("\n".join([str(other.pid), *lines[1:]]))
        (data_dir / "run" / ".s.PGSQL.5432.lock").write_text("\n".join([str(other.pid), *lines[1:]]))
        with embedded.running(data_dir, options=TEST) as instance:
            assert fetch(instance.dsn, "select value from kept") == 41
        other.kill()


async def test_a_killed_postgres_is_started_again_and_clients_reconnect_at_the_same_address(data_dir: Path) -> None:
    told: list[str] = []
    instance = await asyncio.to_thread(embedded.start, data_dir, options=TEST)
    keeper = asyncio.create_task(embedded.keep_alive(instance, told.append))
    try:
        for _ in range(2):
            connection = await asyncpg.connect(instance.dsn)
            await connection.execute("update kept set value = value + 1")
            old = instance.pid
            os.kill(old, signal.SIGKILL)
            async with asyncio.timeout(20):
                while instance.pid == old or not instance.alive():  # noqa: ASYNC110 - a process, nothing to wait on
                    await asyncio.sleep(0.01)
            connection.terminate()
        connection = await asyncpg.connect(instance.dsn)
        assert await connection.fetchval("select value from kept") == 43
        await connection.close()
        assert "died" in told[0]
        assert "runs again" in told[1]
    finally:
        keeper.cancel()
        await asyncio.to_thread(instance.stop)


async def test_a_postgres_whose_directory_was_out_of_the_way_is_started_once_it_is_back(place: Path) -> None:
    inner, aside = place / "inner", place / "aside"
    instance = await asyncio.to_thread(embedded.start, inner / "data", options=TEST)
    told: asyncio.Queue[str] = asyncio.Queue()
    keeper = asyncio.create_task(embedded.keep_alive(instance, told.put_nowait))
    try:
        async with asyncio.timeout(30):
            inner.rename(aside)
            inner.write_text("a file, so that what is below cannot even be looked for")
            os.kill(instance.pid, signal.SIGKILL)
            assert "died" in await told.get()
            assert "could not be started" in await told.get()
            inner.unlink()
            aside.rename(inner)
            while "runs again" not in await told.get():
                assert not keeper.done()
        assert await asyncio.to_thread(fetch, instance.dsn, "select 1") == 1
    finally:
        keeper.cancel()
        await asyncio.to_thread(instance.stop)


def test_a_place_below_a_file_is_refused_in_words(place: Path) -> None:
    (place / "file").write_text("")
    with pytest.raises(EmbeddedError, match=r"cannot be run: .*Not a directory"):
        embedded.start(place / "file" / "data", options=TEST)


def test_a_supervisor_that_says_what_nobody_understands_is_refused(data_dir: Path) -> None:
    instance = embedded.start(data_dir, options=TEST)
    instance.stop()
    owner = instance._owner
    assert owner
    account = placement.account_for(data_dir)
    spec = embedded._spec(data_dir, instance.binaries, account, owner)
    script = "read specification; echo Warning: what?"
    said = subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with said as process, pytest.raises(EmbeddedError, match="Warning: what"):
        instance._follow(process, spec, print)


def test_a_restart_after_a_stop_starts_nothing(data_dir: Path) -> None:
    instance = embedded.start(data_dir, options=TEST)
    instance.stop()
    instance.restart()
    assert not instance.alive()
    assert not processes(data_dir / "postgres")


def test_a_failing_initdb_is_reported_with_its_last_lines_and_leaves_no_cluster(place: Path) -> None:
    programs = place / "bin"
    programs.mkdir()
    for name, text in (("postgres", "echo postgres '(PostgreSQL)' 18.6"), ("initdb", "echo No space left >&2; exit 1")):
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    options = embedded.Options(binaries=programs)
    with pytest.raises(EmbeddedError, match=r"initdb failed: No space left"):
        embedded.start(place / "data", options=options)
    assert not (place / "data" / "postgres").exists()


def test_a_postgres_that_does_not_start_is_reported_with_its_last_lines(data_dir: Path) -> None:
    with (data_dir / "postgres" / "postgresql.conf").open("a") as conf:
        conf.write("no_such_setting = 1\n")
    with pytest.raises(EmbeddedError, match=r"did not start: .*no_such_setting"):
        embedded.start(data_dir, options=TEST)
    assert embedded.attach(data_dir) is None


def test_a_long_log_is_put_aside_at_start(data_dir: Path) -> None:
    with (data_dir / "postgres.log").open("ab") as log:
        log.truncate(9_000_000)
    with embedded.running(data_dir, options=TEST):
        assert (data_dir / "postgres.log.1").stat().st_size == 9_000_000
        assert (data_dir / "postgres.log").stat().st_size < 100_000


@needs_root
def test_a_data_directory_out_of_reach_is_refused_by_the_directory_that_blocks(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(EmbeddedError, match=rf"may not enter {closed};.*--data-dir /var/lib"):
        embedded.start(closed / "inner" / "data", options=TEST)
    assert not (closed / "inner").exists()


@needs_root
def test_programs_out_of_reach_are_copied_once_to_where_the_account_can_run_them(place: Path) -> None:
    closed, base = place / "closed", place / "lib"
    closed.mkdir(mode=0o700)
    wheel = closed / placement.WHEEL
    installed = placement.installed()
    shutil.copytree(installed / "pginstall", wheel / "pginstall", ignore=shutil.ignore_patterns("include"))
    shutil.copytree(installed.with_name(f"{placement.WHEEL}.libs"), closed / f"{placement.WHEEL}.libs")
    copy = placement.copied(wheel, [base])
    programs = copy / placement.WHEEL / "pginstall" / "bin"
    made = copy.stat()
    assert placement.copied(wheel, [base]).stat() == made
    assert [path.name for path in base.iterdir()] == [copy.name]
    assert copy.name.startswith("postgresql-18.")
    for program in ("postgres", "psql"):
        subprocess.run([programs / program, "--version"], user="nobody", cwd="/", check=True, capture_output=True)
    with embedded.running(
        place / "data", options=embedded.Options(binaries=programs, shared_buffers_mb=SMALL)
    ) as instance:
        fetch(instance.dsn, "create extension pg_trgm")


@needs_root
def test_nothing_is_copied_to_a_directory_that_others_own(place: Path) -> None:
    base = place / "lib"
    base.mkdir()
    os.chown(base, pwd.getpwnam("nobody").pw_uid, -1)
    with pytest.raises(EmbeddedError, match="cannot be reached by the account"):
        placement.copied(placement.installed(), [base])
    assert not list(base.iterdir())
