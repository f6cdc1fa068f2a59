"""Keys and budgets over HTTP, in one process and in two."""

import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from socdefenders.accounts import revoke_key
from socdefenders.storage.database import Database
from tests.clusters import Cluster, in_thread
from tests.web.conftest import StartServer
from tests.web.serving import Server, eventually, execute, fetch, free_port, new_key, valkey

NOWHERE = "valkey://127.0.0.1:1"
UNKNOWN = "sk_live_" + "B" * 40


@pytest.fixture
def shared() -> Iterator[str]:
    with valkey() as running:
        if running is None:
            pytest.skip("neither valkey-server nor redis-server is on PATH")
        yield running[0]


def revoke(dsn: str, secret: str) -> None:
    async def work() -> None:
        async with Database(dsn, size=1) as database:
            await revoke_key(database, secret[:12], datetime.now(UTC))

    in_thread(work())


def test_a_revoked_key_is_refused_by_two_processes_within_a_second(start_server: StartServer, dsn: str) -> None:
    servers = [start_server(valkey_url=NOWHERE) for _ in range(2)]
    secret, other = new_key(dsn), new_key(dsn)
    for server in servers:
        assert [server.search("aa", secret).status_code for _ in range(2)] == [200, 200]
    began = time.monotonic()
    revoke(dsn, secret)
    assert eventually(lambda: all(server.search("aa", secret).status_code == 401 for server in servers), 1)
    assert time.monotonic() - began < 1
    assert all(server.search("aa", other).status_code == 200 for server in servers)


async def test_a_process_that_hears_nothing_asks_the_database_each_time(
    start_server: StartServer, dsn: str, embedded_cluster: Cluster
) -> None:
    """Its line is cut and cannot be taken up again, and the key is revoked without a notification."""
    server, secret, other = start_server(), new_key(dsn), new_key(dsn)
    assert server.search("aa", secret).status_code == 200
    async with Database(dsn, size=1) as database:
        (row,) = await database.fetch("select current_database() as name")
        embedded_cluster.execute(f"alter database {row['name']} with allow_connections false")
        await database.fetch(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where query ilike 'listen%' and datname = current_database()"
        )
        assert eventually(lambda: "socdefenders_revocations_heard 0.0" in server.client.get("/metrics").text)
        assert server.search("aa", secret).status_code == 200
        await database.execute("update api_keys set revoked_at = now() where key_prefix = $1", secret[:12])
        assert server.search("aa", secret).status_code == 401
        assert server.search("aa", other).status_code == 200
        embedded_cluster.execute(f"alter database {row['name']} with allow_connections true")
    assert eventually(lambda: "socdefenders_revocations_heard 1.0" in server.client.get("/metrics").text)


def test_the_eleventh_request_of_a_free_key_is_refused_with_when_and_why(start_server: StartServer, dsn: str) -> None:
    server, secret = start_server(), new_key(dsn, tier="free")
    left = [int(server.search("aa", secret).headers["X-RateLimit-Remaining"]) for _ in range(10)]
    assert left == list(range(9, -1, -1))
    answer = server.search("aa", secret)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (429, "rate_limit_exceeded")
    assert error["message"] == "Rate limit exceeded. Please wait before making more requests."
    details = error["details"]
    reset = datetime.fromisoformat(details.pop("reset_at"))
    assert details == {
        "limit": 10,
        "tier": "free",
        "upgrade_url": "https://intel.example/export#pricing",
        "window": "minute",
    }
    assert int(answer.headers["X-RateLimit-Reset"]) == reset.timestamp()
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert (answer.headers["X-RateLimit-Limit"], answer.headers["X-RateLimit-Remaining"]) == ("10", "0")
    assert 'socdefenders_budget_refusals_total{tier="free",window="minute"} 1.0' in server.client.get("/metrics").text


@pytest.mark.parametrize("query", ["q=aa&q=bb", "q=%ff", "q=aa" + "&b=c" * 50])
def test_a_query_that_cannot_be_read_costs_its_key_one_and_needs_one(
    start_server: StartServer, dsn: str, query: str
) -> None:
    server, secret = start_server(failed_auth_per_minute=7), new_key(dsn, tier="free")
    address = f"/api/v1/iocs/search?{query}"
    answers = [server.client.get(address, headers={"X-API-Key": secret}) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [400] * 10 + [429]
    assert [int(answer.headers["X-RateLimit-Remaining"]) for answer in answers] == [*range(9, -1, -1), 0]
    assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {"10"}
    assert server.client.get(address).json()["error"]["code"] == "missing_api_key"


def test_a_minute_ends_by_the_clock_and_the_next_one_is_full_again(start_server: StartServer, dsn: str) -> None:
    secret, at = (
        new_key(dsn, tier="free"),
        datetime.now(UTC).replace(hour=23, minute=58, second=59, microsecond=250_000),
    )
    server = start_server(at=at, free_per_minute=1)
    assert [server.search("aa", secret).status_code for _ in range(2)] == [200, 429]
    answer = server.search("aa", secret)
    assert answer.headers["Retry-After"] == "1"
    assert int(answer.headers["X-RateLimit-Reset"]) == (at + timedelta(seconds=0.75)).timestamp()
    server.stop()
    server = start_server(at=at + timedelta(seconds=0.75), free_per_minute=1, free_per_day=2)
    answers = [server.search("aa", secret) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].headers["Retry-After"] == "60"
    assert answers[0].json()["meta"]["generated_at"].endswith("T23:59:00Z")


def test_the_day_is_refused_at_its_own_limit_and_survives_a_restart(start_server: StartServer, dsn: str) -> None:
    secret = new_key(dsn, tier="free")
    settings = {"free_per_minute": 1000, "free_per_day": 5}
    server = start_server(**settings)
    assert [server.search("aa", secret).status_code for _ in range(3)] == [200] * 3
    assert server.stop(signal.SIGINT) == 0
    stored = fetch(dsn, "select total_requests, last_used_at, u.requests from api_keys join usage u on u.key_id = id")
    assert [(row["total_requests"], row["requests"]) for row in stored] == [(3, 3)]
    assert stored[0]["last_used_at"] is not None
    server = start_server(**settings)
    answers = [server.search("aa", secret) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    assert answers[0].headers["X-RateLimit-Remaining"] == "1"
    error = answers[-1].json()["error"]
    assert (error["details"]["window"], error["details"]["limit"]) == ("day", 5)
    assert error["details"]["reset_at"].endswith("T00:00:00Z")
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_usage_is_written_down_while_the_server_runs(start_server: StartServer, dsn: str) -> None:
    server, secret = start_server(), new_key(dsn)
    server.search("aa", secret)
    assert eventually(lambda: fetch(dsn, "select total_requests from api_keys")[0]["total_requests"] == 1)


def test_guessing_keys_is_refused_after_ten_attempts_and_valid_keys_go_on(start_server: StartServer, dsn: str) -> None:
    server, secret = start_server(), new_key(dsn)
    answers = [server.search("aa", UNKNOWN) for _ in range(12)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers[:2]] == ["9", "8"]
    assert answers[-1].json()["error"]["details"]["tier"] == "anonymous"
    assert server.search("aa", secret).status_code == 200
    assert server.search("aa").status_code == 401, "to bring no key is no guess"


def test_addresses_behind_a_trusted_proxy_fail_each_for_itself(start_server: StartServer, dsn: str) -> None:
    server = start_server(trusted_proxies="127.0.0.0/8")

    def guess(forwarded: str) -> int:
        headers = {"X-API-Key": UNKNOWN, "X-Forwarded-For": forwarded}
        return server.client.get("/api/v1/iocs/search?q=aa", headers=headers).status_code

    assert [guess("192.0.2.1") for _ in range(11)] == [401] * 10 + [429]
    assert guess("192.0.2.1, 192.0.2.2") == 401
    assert guess("192.0.2.2, 192.0.2.1") == 429, "what stands left of the last foreign hop is the client's own claim"
    allowed = new_key(dsn, allowed_ips=["192.0.2.0/24"])
    for address, status in (("192.0.2.9", 200), ("203.0.113.9", 403)):
        headers = {"X-API-Key": allowed, "X-Forwarded-For": address}
        assert server.client.get("/api/v1/iocs/search?q=aa", headers=headers).status_code == status


def test_two_processes_share_one_budget_through_valkey(start_server: StartServer, dsn: str, shared: str) -> None:
    servers = [start_server(valkey_url=shared) for _ in range(2)]
    secret = new_key(dsn, tier="free")
    statuses = [servers[number % 2].search("aa", secret).status_code for number in range(12)]
    assert statuses == [200] * 10 + [429] * 2
    assert "socdefenders_shared_budgets_away 0.0" in servers[0].client.get("/metrics").text


def test_with_valkey_away_each_process_counts_for_itself(start_server: StartServer, dsn: str) -> None:
    server, secret = start_server(valkey_url=NOWHERE), new_key(dsn, tier="free")
    assert [server.search("aa", secret).status_code for _ in range(12)] == [200] * 10 + [429] * 2
    assert "socdefenders_shared_budgets_away 1.0" in server.client.get("/metrics").text
    assert server.log().count("Valkey does not answer") == 1


def test_when_valkey_answers_again_the_log_says_so_once(start_server: StartServer, dsn: str) -> None:
    port, secret = free_port(), new_key(dsn)
    server = start_server(valkey_url=f"redis://127.0.0.1:{port}")
    server.search("aa", secret)
    with valkey(port) as running:
        if running is None:
            pytest.skip("neither valkey-server nor redis-server is on PATH")
        assert eventually(lambda: bool(server.search("aa", secret)) and "Valkey answers again" in server.log())
        server.log_with(server.search("aa", secret).headers["X-Request-ID"])
    assert server.log().count("Valkey answers again") == 1
    assert server.log().count("Valkey does not answer") == 1


def test_a_second_process_that_would_count_for_itself_does_not_start(start_server: StartServer, dsn: str) -> None:
    first = start_server()
    with pytest.raises(RuntimeError, match=r"SettingsError: Another API process.*SOCDEFENDERS_VALKEY_URL"):
        start_server()
    assert first.search("aa", new_key(dsn)).status_code == 200
    first.process.kill()
    first.process.wait()
    assert isinstance(start_server(), Server), "the lock of a killed process is free"


def test_the_lock_is_taken_again_after_its_connection_broke(start_server: StartServer, dsn: str) -> None:
    server = start_server()
    execute(
        dsn,
        "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and database = "
        "(select oid from pg_database where datname = current_database())",
    )
    assert eventually(lambda: server.client.get("/readyz").json().get("checks", {}).get("budgets") == "ok")
    with pytest.raises(RuntimeError, match="Another API process"):
        start_server()
