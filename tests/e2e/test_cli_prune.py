"""`socdefenders prune` from a shell: what it says, what it asks, what it changes, and that a second time is nothing."""

import asyncio
import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from tests.clusters import Cluster
from tests.e2e.commands import PROGRAM, data_directory, environment, good, run

FEED = """first_seen,last_seen,ioc,type
2020-01-01,2020-01-02,192.0.2.{number},ipv4
2020-01-01,2020-01-02,host-{number}.example,domain
"""
NOTHING = {"inactive": 0, "bodies": 0, "suppressed": 0, "indicators": 0, "sightings": 0, "articles": 0, "tombstones": 0}


def load(folder: Path, data: Path, source: str, number: int) -> None:
    file = folder / f"{number}.csv"
    file.write_text(FEED.format(number=number))
    good("import", file, "--source", source, "--data-dir", data)


def facts(data: Path, *arguments: str, **settings: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(good("prune", "--json", "--data-dir", data, *arguments, **settings))
    return {name: found[name] for name in NOTHING}


def test_what_is_too_old_is_said_then_done_and_then_there_is_nothing_to_do(tmp_path: Path) -> None:
    with data_directory() as data:
        load(tmp_path, data, "Greyharbour", 1)
        assert facts(data, "--dry-run") == NOTHING | {"inactive": 2}
        assert "It would be:\n  2  indicators marked inactive" in good("prune", "--dry-run", "--data-dir", data)
        assert "Done:\n  2  indicators marked inactive" in good("prune", "--data-dir", data)
        assert good("prune", "--data-dir", data) == "Nothing to do.\n"
        longer = {"SOCDEFENDERS_ACTIVE_DAYS_ADDRESS": "36500"}
        good("prune", "--data-dir", data, **longer)
        assert facts(data, "--dry-run") == NOTHING | {"inactive": 1}, "a longer lifetime had brought it back"
        assert json.loads(good("search", "192.0.2.1", "--json", "--data-dir", data))["data"]["matches"]


def test_a_source_is_removed_by_its_name_after_asking(tmp_path: Path) -> None:
    with data_directory() as data:
        for source, number in (("Greyharbour", 1), ("Harbourwatch", 1), ("Greyharbour", 2)):
            load(tmp_path, data, source, number)
        expected = NOTHING | {"indicators": 2, "sightings": 4}
        assert facts(data, "--source", "Greyharbour", "--dry-run") == expected
        unsure = run("prune", "--source", "Greyharbour", "--data-dir", data)  # nobody answers
        assert unsure.returncode == 130
        assert "2 indicators are reported by nobody else" in unsure.stdout
        assert run("prune", "--source", "Greyharbour", "--json", "--data-dir", data).returncode == 2
        assert facts(data, "--source", "Greyharbour", "--yes") == expected
        assert facts(data, "--source", "Greyharbour", "--yes") == NOTHING
        [match] = json.loads(good("search", "192.0.2.1", "--json", "--data-dir", data))["data"]["matches"]
        assert match["source"]["feed_name"] == "Harbourwatch"
        assert run("search", "192.0.2.2", "--data-dir", data).returncode != 2


def test_a_source_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    with data_directory() as data:
        load(tmp_path, data, "Greyharbour", 1)
        refused = run("prune", "--source", "greyharbour", "--yes", "--data-dir", data)
        assert refused.returncode == 2
        assert "No source of the name 'greyharbour' is known" in refused.stderr


def test_ctrl_c_at_the_question_changes_nothing(tmp_path: Path) -> None:
    with data_directory() as data:
        load(tmp_path, data, "Greyharbour", 1)
        process = subprocess.Popen(
            [*PROGRAM, "prune", "--source", "Greyharbour", "--data-dir", data],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
        )  # fmt: skip
        assert process.stdout is not None
        assert "Greyharbour made 2 reports" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, "Traceback" in errors) == (130, False), errors
        assert facts(data, "--source", "Greyharbour", "--dry-run")["sightings"] == 2


def test_ctrl_c_in_the_middle_undoes_the_step_and_keeps_those_before(tmp_path: Path, embedded_cluster: Cluster) -> None:
    with embedded_cluster.database() as dsn:
        where = {"SOCDEFENDERS_DATABASE_URL": dsn}
        file = tmp_path / "feed.csv"
        file.write_text(FEED.format(number=1))
        good("import", file, "--source", "Greyharbour", **where)
        with held(dsn, "search_text"):
            process = subprocess.Popen(
                [*PROGRAM, "prune", "--source", "Greyharbour", "--yes"],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(**where),
            )  # fmt: skip
            asyncio.run(until_waiting(dsn))
            process.send_signal(signal.SIGINT)
            printed, errors = process.communicate(timeout=60)
        assert process.returncode == 130, errors
        assert printed == "Nothing is done yet.\n"
        assert errors == "Interrupted: what is counted above is done; the same command does the rest.\n"
        assert good("prune", "--source", "Greyharbour", "--yes", **where).startswith("Done:\n  2  indicators removed")


@contextmanager
def held(dsn: str, table: str) -> Iterator[None]:
    """Keep a table from everybody else."""
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(dsn))
        runner.run(connection.execute(f"begin; lock table {table}"))
        try:
            yield
        finally:
            connection.terminate()


async def until_waiting(dsn: str) -> None:
    """Return when somebody waits for a lock."""
    connection = await asyncpg.connect(dsn)
    query = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    async with asyncio.timeout(60):
        while not await connection.fetchval(query):  # noqa: ASYNC110 - no event of this process
            await asyncio.sleep(0.02)
    await connection.close()
