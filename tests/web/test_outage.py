"""The server outlives its database, and ends in order itself."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from socdefenders.storage import pgconfig
from socdefenders.storage.database import Database
from socdefenders.storage.pgconfig import ROLE
from tests.clusters import Cluster, cluster
from tests.web.conftest import Api, StartServer
from tests.web.serving import Server, eventually, fetch, fill_now, new_key, run_together


@pytest.fixture
def own_cluster() -> Iterator[Cluster]:
    """A PostgreSQL that only this test depends on."""
    with cluster() as running:
        yield running


def test_with_the_database_away_it_says_so_and_recovers_by_itself(own_cluster: Cluster, tmp_path: Path) -> None:
    with own_cluster.database() as dsn:
        fill_now(dsn)
        secret = new_key(dsn)
        with Server(dsn, tmp_path / "server.log") as server:
            assert server.search("192.0.2.10", secret).status_code == 200
            os.kill(own_cluster.instance.pid, signal.SIGQUIT)
            assert eventually(lambda: not own_cluster.instance.alive())
            answer = server.search("192.0.2.10", secret)
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "service_unavailable")
            assert int(answer.headers["Retry-After"]) >= 1
            assert "host=" not in answer.text
            assert server.client.get("/healthz").status_code == 200
            assert eventually(lambda: server.client.get("/readyz").status_code == 503)
            assert server.client.get("/readyz").json()["error"]["details"]["checks"]["database"] == "unavailable"
            own_cluster.instance.restart()
            assert eventually(lambda: server.search("192.0.2.10", secret).status_code == 200)
            assert eventually(lambda: server.client.get("/readyz").status_code == 200)
            assert "socdefenders_database_unavailable_total 1.0" in server.client.get("/metrics").text


@pytest.mark.parametrize(
    ("shut", "open_", "status"),
    [
        (f"alter role {ROLE} nologin", f"alter role {ROLE} login", 503),
        ("alter database {} with allow_connections false", "alter database {} with allow_connections true", 500),
    ],
    ids=["role", "database"],
)
async def test_a_database_that_lets_nobody_in_is_away_and_its_words_are_for_the_log(
    own_cluster: Cluster, tmp_path: Path, shut: str, open_: str, status: int
) -> None:
    with own_cluster.database() as dsn, Server(dsn, tmp_path / "server.log") as server:
        secret, name = new_key(dsn), str(fetch(dsn, "select current_database() as name")[0]["name"])
        async with Database(own_cluster.instance.dsn, size=1) as beside:
            await beside.execute(shut.format(name))
            await beside.fetch("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name)
            assert eventually(lambda: server.client.get("/readyz").status_code == 503)
            error = server.client.get("/readyz").json()["error"]
            assert error["details"]["checks"]["database"] == error["details"]["checks"]["schema"] == "unavailable"
            assert server.search("aa", secret).status_code == status
            await beside.execute(open_.format(name))
        assert eventually(lambda: server.client.get("/readyz").status_code == 200)
        assert "not permitted to log in" in server.log() or "not currently accepting connections" in server.log()


def test_while_a_backup_is_restored_it_says_that_the_database_is_away(own_cluster: Cluster, tmp_path: Path) -> None:
    def program(name: str, *arguments: str) -> None:
        instance = own_cluster.instance
        how = ("--host", str(instance.socket_dir), "--username", pgconfig.ROLE)
        subprocess.run([instance.binaries / name, *how, *arguments], check=True)

    def status() -> int:
        answer = server.search("192.0.2.10", secret)
        assert answer.status_code == 503 or answer.json()["data"]["found"]
        return answer.status_code

    dump = str(tmp_path / "backup.dump")
    with own_cluster.database() as dsn:
        name = dsn.partition("?")[0].rpartition("/")[2]
        fill_now(dsn)
        secret = new_key(dsn)
        with Server(dsn, tmp_path / "server.log") as server:
            assert status() == 200
            program("pg_dump", "--format", "custom", "--file", dump, name)
            program("dropdb", "--force", name)
            assert eventually(lambda: status() == 503)
            assert eventually(lambda: server.client.get("/readyz").status_code == 503)
            program("createdb", "--template", "template0", name)
            assert [status() for _ in range(5)] == [503] * 5
            program("pg_restore", "--dbname", name, "--no-owner", "--single-transaction", dump)
            assert eventually(lambda: status() == 200)
            assert "Traceback" not in server.log()
            assert "request failed" not in server.log()


def test_without_a_database_it_does_not_start_and_says_why(tmp_path: Path) -> None:
    dsn = f"postgresql:///nothing?host={tmp_path}&user=nobody"
    with (
        pytest.raises(RuntimeError, match=r"StorageUnavailable: The database is not reachable"),
        Server(dsn, tmp_path / "l"),
    ):
        pass


def test_on_an_empty_database_it_does_not_start_and_says_what_to_run(embedded_cluster: Cluster, tmp_path: Path) -> None:
    refused = pytest.raises(RuntimeError, match=r"SchemaError.*socdefenders db upgrade")
    with embedded_cluster.database(schema=False) as dsn, refused, Server(dsn, tmp_path / "l"):
        pass


def test_on_a_port_that_is_taken_it_does_not_start_and_says_so(start_server: StartServer) -> None:
    refused = pytest.raises(RuntimeError, match=r"SettingsError: Cannot listen on 127\.0\.0\.1 port")
    with socket.create_server(("127.0.0.1", 0)) as taken, refused:
        start_server(port=taken.getsockname()[1])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_order(start_server: StartServer, number: int) -> None:
    server = start_server()
    assert server.client.get("/healthz").status_code == 200
    assert server.stop(number) == 0
    assert "Traceback" not in server.log()


def test_many_at_once_are_all_answered(api: Api) -> None:
    answers = run_together(*[lambda: api.server.search("192.0.2.10", api.key).status_code for _ in range(60)])
    assert answers == [200] * 60
