"""`up` and `serve`: what a first start makes, what a second one keeps, and that nothing outlives the end."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from urllib.error import HTTPError

import pytest

from socdefenders.knowledge import FILES
from socdefenders.knowledge.store import NEW
from socdefenders.storage.processes import processes
from tests.e2e.commands import EXAMPLES, Server, data_directory, eventually_gone, good, left_behind, run


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    with data_directory() as path:
        yield path


def up(data_dir: Path) -> Server:
    return Server("up", "--demo", EXAMPLES, "--port", "0", "--data-dir", data_dir)


def ask(url: str, key: str, value: str = "198.51.100.23") -> dict[str, object]:
    request = urllib.request.Request(f"{url}/api/v1/iocs/search?q={value}", headers={"X-API-Key": key})
    with urllib.request.urlopen(request, timeout=30) as answer:
        body: dict[str, object] = json.load(answer)["data"]
    return body


def test_the_printed_line_answers_and_a_second_start_keeps_the_key_and_the_data(data_dir: Path) -> None:
    with up(data_dir) as first:
        line = next(line for line in first.text.splitlines() if line.strip().startswith("curl "))
        if shutil.which("curl"):
            answer = json.loads(subprocess.run(shlex.split(line), capture_output=True, check=True).stdout)["data"]
        else:
            answer = ask(first.url, first.key)
        assert answer["found"]
        assert answer["relatedIOCs"]
        assert f"{first.url}/docs" in first.text
        assert (data_dir / "demo.key").stat().st_mode & 0o777 == 0o600
        status, out, err = first.stop()
        assert (status, out.strip(), "Traceback" in err) == (0, "Stopped.", False)
        assert left_behind(data_dir) == []
    with up(data_dir) as second:
        assert second.key == first.key
        assert ask(second.url, second.key)["matches"] == answer_without_links(answer, first.url, second.url)
        assert len(json.loads(good("keys", "list", "--json", "--data-dir", data_dir))["data"]) == 1


def status_of(url: str, key: str) -> int:
    try:
        ask(url, key)
    except HTTPError as error:
        return error.code
    return 200


def answer_without_links(answer: dict[str, object], old: str, new: str) -> object:
    """The same matches, as the instance at another port writes its own links."""
    return json.loads(json.dumps(answer["matches"]).replace(old, new))


@pytest.mark.parametrize("times", [1, 3], ids=["asked once", "asked impatiently"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_in_order_with_one_line_and_leaves_no_process(
    data_dir: Path, number: signal.Signals, times: int
) -> None:
    with up(data_dir) as server:
        status, out, err = server.stop(number, times=times)
    assert "Traceback" not in err
    if times == 1:
        assert (status, out.strip()) == (0, "Stopped.")
    assert eventually_gone(data_dir) == []


def test_a_port_that_is_taken_is_refused_before_anything_is_made() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, data_directory() as path:
        done = run("up", "--port", str(taken.getsockname()[1]), "--data-dir", path)
        assert done.returncode == 2
        assert "--port" in done.stderr
        assert not path.exists()


def test_a_demonstration_set_that_is_not_there_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    done = run("up", "--demo", tmp_path / "nowhere", "--port", "0", "--data-dir", tmp_path / "data")
    assert done.returncode == 2
    assert "--demo" in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_second_instance_is_refused_by_the_name_of_the_first(data_dir: Path) -> None:
    with up(data_dir) as server:
        port = server.url.rpartition(":")[2]
        for other in ("0", port):
            done = run("up", "--port", other, "--data-dir", data_dir)
            assert done.returncode == 3
            assert "already run by `socdefenders up`" in done.stderr
            assert str(server.process.pid) in done.stderr


def test_other_commands_find_the_running_instance_and_their_json_is_the_servers(data_dir: Path) -> None:
    with up(data_dir) as server:
        key = good("keys", "create", "--name", "other", "--quiet", "--data-dir", data_dir).strip()
        over_http = good("search", "198.51.100.23", "--json", "--url", server.url, "--key", key)
        from_database = good(
            "search", "198.51.100.23", "--json", "--data-dir", data_dir, SOCDEFENDERS_PUBLIC_URL=server.url
        )
        assert timeless(over_http) == timeless(from_database)
        assert timeless(over_http)["data"] == {**ask(server.url, key), "meta": timeless(over_http)["data"]["meta"]}
        good("keys", "revoke", key[:12], "--data-dir", data_dir)
        assert run("search", "x.example", "--url", server.url, "--key", key).returncode == 2
    assert run("search", "x.example", "--url", server.url, "--key", key).returncode == 3


def timeless(body: str) -> dict[str, dict[str, dict[str, object]]]:
    answer: dict[str, dict[str, dict[str, object]]] = json.loads(body)
    del answer["meta"]["generated_at"], answer["data"]["meta"]["search_time_ms"]
    return answer


def test_a_database_that_is_killed_comes_back_by_itself(data_dir: Path) -> None:
    with up(data_dir) as server:
        before = processes(data_dir / "postgres")
        for pid in before:
            with suppress(ProcessLookupError):  # the others follow the first
                os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 60
        while status_of(server.url, server.key) == 503:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert ask(server.url, server.key)["found"]
        assert not set(before) & set(processes(data_dir / "postgres"))


def test_a_backup_is_made_where_db_status_says_whatever_the_path_looks_like() -> None:
    with data_directory() as path, up(odd := path / "the data, 1&2") as server:
        facts = json.loads(good("db", "status", "--json", "--data-dir", odd))
        said = good("db", "status", "--data-dir", odd)
        assert re.search(rf"^Socket in +{re.escape(facts['socket_dir'])}$", said, re.MULTILINE)
        assert re.search(rf"^Programs in +{re.escape(facts['programs'])}$", said, re.MULTILINE)
        dump = [Path(facts["programs"]) / "pg_dump", "--host", facts["socket_dir"], "--username", "socdefenders"]
        written = subprocess.run([*dump, "socdefenders"], capture_output=True, check=True)
        assert b"198.51.100.23" in written.stdout
        server.stop()
        assert "Socket" not in good("db", "status", "--data-dir", odd)


def test_commands_start_the_database_for_their_own_time_and_leave_nothing(data_dir: Path) -> None:
    with up(data_dir):
        pass
    assert good("search", "198.51.100.23", "--data-dir", data_dir).startswith("Found: ")
    assert left_behind(data_dir) == []


def test_a_demonstration_on_a_named_database_leaves_the_data_directory_usable(
    database_of: Callable[..., AbstractContextManager[str]],
) -> None:
    with data_directory() as path, database_of(schema=False) as dsn:
        arguments = ("up", "--demo", EXAMPLES, "--port", "0", "--data-dir", path)
        with Server(*arguments, SOCDEFENDERS_DATABASE_URL=dsn) as server:
            assert ask(server.url, server.key)["found"]
        assert {file.name for file in path.iterdir()} == {"demo.key"} | FILES - {NEW}
        assert "Upgraded" in good("db", "upgrade", "--data-dir", path)


def test_serve_alone_answers_on_a_database_that_is_named(
    database_of: Callable[..., AbstractContextManager[str]],
) -> None:
    with database_of() as dsn, Server("serve", "--port", "0", SOCDEFENDERS_DATABASE_URL=dsn) as server:
        key = good("keys", "create", "--name", "k", "--quiet", SOCDEFENDERS_DATABASE_URL=dsn).strip()
        assert ask(server.url, key)["found"] is False
        status, out, _ = server.stop(signal.SIGTERM)
        assert (status, out.strip()) == (0, "Stopped.")


def test_serve_refuses_a_schema_that_is_not_up_to_date(
    database_of: Callable[..., AbstractContextManager[str]],
) -> None:
    with database_of(schema=False) as dsn:
        done = run("serve", "--port", "0", SOCDEFENDERS_DATABASE_URL=dsn)
    assert done.returncode == 3
    assert "socdefenders db upgrade" in done.stderr
