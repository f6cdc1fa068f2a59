"""`python -m tests.bench`: load a million real values, ask the API for them, print one table.

Every figure of speed stands beside what the same machine does at the same time with less: the same
SQL by pgbench, and a route of the same server that answers without looking.
"""

import argparse
import asyncio
import os
import platform
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from urllib.parse import quote

import asyncpg
import httpx
import orjson
import psutil
from rich.console import Console
from rich.table import Table

from socdefenders.accounts import create_key
from socdefenders.errors import InvalidIndicator
from socdefenders.indicators import parse, reversed_host
from socdefenders.model import NewArticle, NewSighting, SourceCategory
from socdefenders.storage import embedded, migrate
from socdefenders.storage.database import Database
from socdefenders.storage.sql import load as load_sql
from socdefenders.storage.writing import ReadArticle, Writer, name_id
from tests.bench import values
from tests.bench.http_load import Load
from tests.real_data import SHARED

ARTICLES, ARTICLE_VALUES = 2_000, 20
SCRIPTS = 10  # each is planned by each client anew, so that many of them would measure the planner
PGBENCH_SECONDS = 4
"""The least that outweighs the planning at its start."""
CONNECTIONS = 32
ROUNDS = 5
ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Parse the arguments and run everything."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=values.SAMPLE_ROWS, help="values to load (default 1,000,000)")
    parser.add_argument("--seconds", type=float, default=10, help="how long each load runs in all (default 10)")
    parser.add_argument("--data-dir", type=Path, help="keep the loaded database here for another run")
    parser.add_argument("--shared", type=Path, default=SHARED, help="the folder of real data")
    parser.add_argument("--write", action="store_true", help="put the results into docs/benchmarks.md")
    arguments = parser.parse_args()
    files = [arguments.shared / "data/bulk" / name for name in ("ioc_sample_1m.csv.zst", "ioc_rest.csv.zst")]
    if not files[0].exists():
        sys.exit(
            f"The benchmark needs the sample of real values at {files[0]}; name its folder by SOCDEFENDERS_SHARED."
        )
    home = arguments.data_dir or Path(tempfile.mkdtemp(prefix="socdefenders-bench-", dir="/tmp"))
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o755)
    try:
        results = run(home, files, arguments)
    finally:
        if arguments.data_dir is None:
            shutil.rmtree(home, ignore_errors=True)
    show(results, Console())
    if arguments.write:
        write(results, ROOT / "docs/benchmarks.md", arguments.rows)


def run(home: Path, files: list[Path], arguments: argparse.Namespace) -> list[tuple[str, str, str]]:
    """Load, serve and measure; return rows of (what, figure, compared with)."""
    results: list[tuple[str, str, str]] = []
    source = (
        files[0]
        if arguments.rows == values.SAMPLE_ROWS
        else values.extended(files, arguments.rows, home / f"{arguments.rows}.csv.zst")
    )
    with embedded.running(home / "data", name="make bench") as instance:
        asyncio.run(migrate.upgrade(instance.dsn))
        if asyncio.run(_stored(instance.dsn)) < arguments.rows // 2:
            results += loading(instance.dsn, source, arguments.rows)
            asyncio.run(write_articles(instance.dsn, files[0]))
            asyncio.run(_vacuum(instance.dsn))
        secret = asyncio.run(_key(instance.dsn))
        with server(home / "data") as (port, process):
            results += searching(port, secret, instance, files[0], arguments.seconds)
            results += fallbacks(port, secret, files[0])
            results.append(("memory of the API process", f"{_mib(process.memory_info().rss)} MiB", ""))
        results.append(("memory of PostgreSQL, shared counted once", f"{_postgres_mib(instance.pid)} MiB", ""))
    return results


def loading(dsn: str, source: Path, rows: int) -> list[tuple[str, str, str]]:
    """Load `source` in a process of its own, and say how fast and with how much memory."""
    code = (
        "import asyncio, resource, sys, time; from datetime import UTC, datetime; from pathlib import Path\n"
        "from socdefenders.ingest import load\n"
        "begin = time.perf_counter()\n"
        "def tell(file, outcome):\n"
        "    done = outcome.new + outcome.unchanged\n"
        "    if done % 80_000 < 8_000:\n"
        "        print(f'{done:,} rows, {done / (time.perf_counter() - begin):,.0f}/s', file=sys.stderr)\n"
        "outcome = asyncio.run(load(sys.argv[1], [Path(sys.argv[2])], now=datetime.now(UTC), progress=tell))\n"
        "print(file=sys.stderr)\n"
        "print(time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, dsn, str(source)], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    seconds, peak = out.split()
    return [
        ("import into the indexed table", f"{rows / float(seconds):,.0f} rows/s", ""),
        ("import, peak memory of the process", f"{peak} MiB", ""),
    ]


async def write_articles(dsn: str, file: Path) -> None:
    """Write articles that name values already stored, so that a hit has related ones."""
    chance = random.Random(11)  # repeatable, not secret
    known = [pair for pair in values.sample(file, 20) if pair[0] in {"domain", "url", "ip", "sha256"}]
    now = datetime.now(UTC)
    async with await Writer.open(dsn) as writer:
        await writer.source("Benchmark Weekly", SourceCategory.RESEARCH)
        for number in range(ARTICLES):
            article = NewArticle(
                name_id("bench", str(number)),
                "Benchmark Weekly",
                f"Report {number}",
                f"https://weekly.example/{number}",
                now,
                None,
                "",
            )
            sightings = []
            for _, value in chance.sample(known, ARTICLE_VALUES):
                try:
                    indicator = parse(value)
                except InvalidIndicator:
                    continue
                sightings.append(
                    NewSighting(
                        indicator,
                        article.source,
                        reversed_host(indicator),
                        article.id,
                        75,
                        now,
                        now,
                        1,
                        f"Seen in report {number}.",
                    )
                )
            await writer.write(sightings, [ReadArticle(article)], now=now)
        await writer.settle()


@contextmanager
def server(data_dir: Path) -> Iterator[tuple[int, psutil.Process]]:
    """Run one API process of the product on a free port."""
    environment = os.environ | {
        "SOCDEFENDERS_PRO_PER_MINUTE": "1000000000",
        "SOCDEFENDERS_PRO_PER_DAY": "1000000000",
        "SOCDEFENDERS_LOG_FORMAT": "json",
    }
    port = _free_port()
    command = [sys.executable, "-m", "socdefenders", "serve", "--port", str(port), "--data-dir", str(data_dir)]
    with (data_dir.parent / "server.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            _await_ready(port, process)
            yield port, psutil.Process(process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def searching(
    port: int, secret: str, instance: embedded.Instance, file: Path, seconds: float
) -> list[tuple[str, str, str]]:
    """Measure the exact answers against pgbench with the same SQL and against a route that looks nothing up.

    All of them in turn, round after round: the machine's speed changes within seconds, and a ratio
    only means something between neighbours. The median of the rounds counts.
    """
    hits = [value for _, value in values.sample(file, 500, 7)]
    asked = {
        "exact hit": hits,
        "exact hit with related": asyncio.run(_article_values(instance.dsn)),
        "miss, which runs the fallback": [f"never-seen-{number}.example.org" for number in range(2_000)],
    }
    span = seconds / ROUNDS
    hello: list[Load] = []
    bench: list[float] = []
    loads: dict[str, list[Load]] = {name: [] for name in asked}
    for _ in range(ROUNDS):
        hello.append(load_http(port, ["GET /healthz HTTP/1.1\r\nHost: bench\r\n\r\n"], CONNECTIONS, span))
        bench.append(pgbench(instance, hits, span))
        for name, some in asked.items():
            loads[name].append(load_http(port, [_request(value, secret) for value in some], CONNECTIONS, span))
    table = [
        ("hello route of the same server", _figure(hello), ""),
        (f"same SQL by pgbench, {CONNECTIONS} clients", f"{median(bench):,.0f}/s", ""),
    ]
    for name, rounds in loads.items():
        failed = sum(load_.failed for load_ in rounds)
        if failed:
            raise SystemExit(f"{failed} answers to {name} were not 200.")
        of_bench = median(load_.per_second / other for load_, other in zip(rounds, bench, strict=True))
        of_hello = median(load_.per_second / other.per_second for load_, other in zip(rounds, hello, strict=True))
        ratios = f"{of_bench:.2f} of pgbench, {of_hello:.2f} of hello"
        table.append((f"{name}, {CONNECTIONS} connections", _figure(rounds), ratios))
    single = [load_http(port, [_request(value, secret) for value in hits], 1, span) for _ in range(ROUNDS)]
    table.append(("exact hit, 1 connection", _figure(single), ""))
    return table


def fallbacks(port: int, secret: str, file: Path) -> list[tuple[str, str, str]]:
    """Ask each of the 300 inputs three times; the worst of all counts."""
    inputs = values.fallback_inputs([value for _, value in values.sample(file, 997)])
    table, worst = [], (0.0, "", "")
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"X-API-Key": secret}, timeout=60) as client:
        for _ in range(20):
            client.get("/api/v1/iocs/search", params={"q": "warm-up.example.net"})
        for kind, asked in inputs.items():
            laps: list[float] = []
            cut = 0
            for q in asked * 3:
                begin = time.perf_counter()
                answer = client.get("/api/v1/iocs/search", params={"q": q})
                laps.append((time.perf_counter() - begin) * 1e3)
                if answer.status_code not in {200, 400}:
                    raise SystemExit(f"{q!r} was answered with {answer.status_code}.")
                cut += answer.status_code == 200 and not answer.json()["data"]["meta"]["complete"]
                worst = max(worst, (laps[-1], kind, q[:40]))
            laps.sort()
            note = f"{cut} of {len(laps)} answered as incomplete" if cut else ""
            table.append(
                (
                    f"fallback, {kind} ({len(asked)} inputs)",
                    f"p50 {laps[len(laps) // 2]:.1f} ms, worst {laps[-1]:.1f} ms",
                    note,
                )
            )
    return [*table, ("fallback, worst of all 300", f"{worst[0]:.1f} ms", f"{worst[1]}: {worst[2]!r}")]


def load_http(port: int, requests: list[str], connections: int, seconds: float) -> Load:
    """Run the load generator as a process of its own, after a short warm-up."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(orjson.dumps(requests))
        file.flush()
        _load_once(port, connections, 0.3, file.name)
        return _load_once(port, connections, seconds, file.name)


def _load_once(port: int, connections: int, seconds: float, file: str) -> Load:
    command = [sys.executable, "-m", "tests.bench.http_load", str(port), str(connections), str(seconds), file]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=ROOT).stdout
    return Load(**orjson.loads(out))


def pgbench(instance: embedded.Instance, hits: list[str], seconds: float) -> float:
    """Return how often a second pgbench runs the search's own statement, prepared."""
    statement = load_sql("search")["exact"]
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for number, value in enumerate(hits[:SCRIPTS]):
            literal = "'" + _normalized(value).replace("'", "''") + "'"
            script = Path(folder, f"{number}.sql")
            bound = statement.replace("$1::text[]", f"array[{literal}]::text[]")
            bound = bound.replace("$2::text[]", "array[null]::text[]").replace("$3::boolean[]", "array[true]")
            script.write_text(bound + ";\n")
            names += ["-f", str(script)]
        command = [
            *(str(instance.binaries / "pgbench"), "-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "2"),
            *("-T", str(max(PGBENCH_SECONDS, round(seconds))), *names, instance.dsn),
        ]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(next(line.split("=")[1].split()[0] for line in out.splitlines() if line.startswith("tps")))


def _normalized(value: str) -> str:
    try:
        return parse(value).normalized
    except InvalidIndicator:
        return value.lower()


def _request(value: str, secret: str) -> str:
    line = f"GET /api/v1/iocs/search?q={quote(value, safe='')} HTTP/1.1"
    return f"{line}\r\nHost: bench\r\nAuthorization: Bearer {secret}\r\n\r\n"


def _figure(rounds: list[Load]) -> str:
    speed, p50, p99 = (
        median(column) for column in zip(*[(r.per_second, r.p50_ms, r.p99_ms) for r in rounds], strict=True)
    )
    return f"{speed:,.0f}/s, p50 {p50:.2f} ms, p99 {p99:.2f} ms"


async def _stored(dsn: str) -> int:
    async with await Database.open(dsn, size=1) as database:
        return int((await database.fetch("select count(*) from indicators"))[0][0])


async def _article_values(dsn: str) -> list[str]:
    async with await Database.open(dsn, size=1) as database:
        rows = await database.fetch(
            "select i.value from sightings s join indicators i on i.id = s.indicator_id"
            " where s.article_id is not null limit 4000"
        )
        return [row["value"] for row in rows]


async def _vacuum(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("vacuum (analyze)")
        await connection.execute("checkpoint")
    finally:
        await connection.close()


async def _key(dsn: str) -> str:
    async with await Database.open(dsn, size=1) as database:
        _, secret = await create_key(database, name="benchmark", tier="pro", now=datetime.now(UTC))
        return secret


def _await_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise SystemExit("The server did not become ready; its log stands in server.log.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _mib(size: int) -> int:
    return size // (1 << 20)


def _postgres_mib(pid: int) -> int:
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return _mib(sum(process.memory_full_info().pss for process in processes))


def show(results: list[tuple[str, str, str]], console: Console) -> None:
    """Print the one table."""
    table = Table("what", "figure", "compared", title=machine())
    for row in results:
        table.add_row(*row)
    console.print(table)


def write(results: list[tuple[str, str, str]], page: Path, rows: int) -> None:
    """Replace the part of `docs/benchmarks.md` that holds the results for so many rows."""
    lines = [f"{rows:,} values. {machine()}", "", "| what | figure | compared |", "|---|---|---|"]
    lines += [f"| {what} | {figure} | {compared.replace('|', chr(92) + '|')} |" for what, figure, compared in results]
    replace(page, str(rows), lines)


def replace(page: Path, name: str, lines: list[str]) -> None:
    """Put `lines` between the marks for the results called `name`; refuse a page that has none."""
    mark, end = f"<!-- results {name} -->", f"<!-- end {name} -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(mark)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise SystemExit(f"{page} has no place for these results: {mark} and {end}.")
    page.write_text("\n".join([before + mark, *lines, end]) + after, encoding="utf-8")


def machine() -> str:
    """Say what the figures were measured on."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    memory = round(psutil.virtual_memory().total / (1 << 30))
    machine = f"{os.cpu_count()} cores ({platform.machine()}), {memory} GiB, Python {platform.python_version()}"
    return f"{machine}, commit {commit or 'unknown'}, {datetime.now(UTC):%Y-%m-%d}"


if __name__ == "__main__":
    main()
