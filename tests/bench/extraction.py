"""`python -m tests.bench.extraction`: what our extractor and its peers find, how fast, and what hostile texts do.

The corpora and the harness that scores them lie outside of the project, in the folder that SOCDEFENDERS_SHARED names.
All extractors are measured in the same run, each in a process of its own, in CPU seconds, so that the figures stand
beside each other whatever else the machine does.
"""

import argparse
import json
import math
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.__main__ import machine, replace
from tests.bench.texts import long_text, reports

ROOT = Path(__file__).resolve().parents[2]
OURS, NOTHING = "socdefenders", "nothing"
PEERS = {
    "cyberonto": "cyberonto",
    "dfir": "dfir",
    "ioc-finder": "ioc-finder",
    "iocextract": "iocextract",
    "iocflow": "iocflow",
    "iocsearcher": "iocsearcher",
    "iocx": "iocx",
    "msticpy": "msticpy",
    "text2ioc": "text2ioc",
    "threatrack": "threatrack-iocextract",
    "ttprism": "ttprism",
}
"""What the harness calls them, and the packages that requirements/peers.in names."""
REPORTS = ("prism", "aptner", "vendorlist")
SIZE = 20_000_000
"""Characters of the long text, which are about as many bytes."""
SMALL = 0.1
"""Megabytes of the short one, which sets the ground for the growth of memory."""
OUR_HOSTILE = ("--n", "1000000", "--timeout", "2")
PEER_HOSTILE = ("--n", "20000", "--timeout", "15")
"""The harness's own sizes: most peers do not come back from more."""
FOUND = ("extractor", "PRISM F1", "P / R", "pages F1", "APTNER R", "lists R", "refang R", "garbage", "failed")
FAST = ("extractor", "reports MB/s", "20 MB MB/s", "memory", "hostile texts")
WIDTH = 120
"""Characters of a line where no terminal says how many it has."""
LINKS = """from harness_ours import PEERS as _ours
PEERS = _ours | {"nothing": lambda: lambda text: ()}
"""
"""Beside the harness's own list, an extractor that finds nothing: what memory the harness itself takes."""


@dataclass(slots=True)
class Score:
    """Counts of one corpus: right, missed, and wrong."""

    right: int = 0
    missed: int = 0
    wrong: int = 0

    @property
    def precision(self) -> float:
        """Share of what was found that is right."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 0.0

    @property
    def recall(self) -> float:
        """Share of what is there that was found."""
        return self.right / (self.right + self.missed) if self.right + self.missed else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        return 2 * self.right / (2 * self.right + self.missed + self.wrong) if self.right else 0.0


@dataclass(slots=True)
class Hostile:
    """What became of the hostile texts of one size."""

    size: int
    limit: float
    texts: int = 0
    late: int = 0
    """Over the limit, or died."""
    worst: float = 0.0
    """Seconds for the slowest that came back; those under 0.02 s do not count."""
    growth: float = 0.0
    """The worst time at a size, by that at half the size: 2 where time is linear."""

    def __str__(self) -> str:
        """Return a cell of the table."""
        back = f"worst {self.worst:.2f} s, x{self.growth:.1f}" if self.worst else "all under 0.02 s"
        late = f"{self.late} of {self.texts} over {self.limit:g} s; " if self.late else ""
        return f"{self.size:,}: {late}{back}"


@dataclass(slots=True)
class Result:
    """Everything measured of one extractor."""

    name: str
    scores: dict[str, Score] = field(default_factory=dict)
    per_report: float = math.nan
    """MB/s of the median report."""
    long: float = math.nan
    """MB/s of the long text."""
    memory: float = math.nan
    """Growth of the process's peak memory from the short text to the long one, in multiples of the long one."""
    hostile: Hostile | None = None
    troubles: int = 0
    """Documents that it raised an error for, or did not finish in 30 s."""


class Harness:
    """The harness, run where it lies, by an interpreter that has the extractors."""

    def __init__(self, folder: Path, python: Path, corpora: Path) -> None:
        self.folder, self.python = folder, python
        for name in ("bench.py", "common.py", "dev"):
            (folder / name).symlink_to(corpora / name)
        (folder / "harness_ours.py").symlink_to(corpora / "ours.py")
        (folder / "ours.py").write_text(LINKS, encoding="utf-8")
        # Nothing is written beside the corpora, and what a peer would look up on the network it does not reach.
        refuses = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
        self.environment = os.environ | refuses | {"PYTHONDONTWRITEBYTECODE": "1", "BENCH_PYTHON": str(python)}

    def versions(self) -> dict[str, str]:
        """Return the packages this interpreter has; compile what is known beforehand, outside of every clock."""
        code = (
            "import json, sys; from importlib.metadata import distributions; from socdefenders import knowledge\n"
            "knowledge.current()\n"
            "print(json.dumps({each.metadata['Name'].lower(): each.version for each in distributions()}))"
        )
        out = subprocess.run([self.python, "-c", code], check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT).stdout
        found: dict[str, str] = json.loads(out)
        return found

    def run(self, peer: str, mode: str, *arguments: str) -> Any:  # noqa: ANN401 - JSON of another program
        """Return what the harness measured of `peer`, or None where that did not start."""
        result = self.folder / "result.json"
        result.write_text("{}", encoding="utf-8")
        command = [str(self.python), "bench.py", mode, *arguments, "--peers", peer, "--out", result.name]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"The harness ended with {done.returncode} at {mode} of {peer}:\n{done.stdout[-2000:]}")
        return json.loads(result.read_text(encoding="utf-8")).get(peer)


def main() -> None:
    """Parse the arguments and run everything."""
    parser = argparse.ArgumentParser(prog="make bench-extract", description=__doc__)
    parser.add_argument("--ours", action="store_true", help="measure ours alone")
    parser.add_argument("--peers", default=",".join(PEERS), help="measure ours and these (default: all)")
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="an interpreter that has the peers")
    parser.add_argument(
        "--shared", type=Path, default=Path(os.environ.get("SOCDEFENDERS_SHARED", ROOT.parent / "shared"))
    )
    parser.add_argument("--write", action="store_true", help="put the results into docs/extraction.md")
    arguments = parser.parse_args()
    peers = [] if arguments.ours else [name for name in arguments.peers.split(",") if name]
    if unknown := set(peers) - set(PEERS):
        parser.error(f"no such peers: {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}.")
    with prepared(arguments.shared, arguments.python.absolute()) as (harness, text):
        results = run(harness, text, peers)
    console = Console()
    show(results, console if console.is_terminal else Console(width=WIDTH))
    if arguments.write:
        page = ROOT / "docs/extraction.md"
        replace(page, "extractors", [machine(), "", *markdown(results), *compared(results)])


@contextmanager
def prepared(shared: Path, python: Path) -> Iterator[tuple[Harness, Path]]:
    """Make the folder in which the harness runs, with the long text in it; say what is missing where something is."""
    corpora, archive = shared / "corpora/extraction", shared / "data/articles/annoctr_text.tar.xz"
    for needed in (corpora / "bench.py", archive):
        if not needed.exists():
            sys.exit(f"The benchmark needs {needed}, which is not there; name its folder by SOCDEFENDERS_SHARED.")
    with tempfile.TemporaryDirectory(prefix="socdefenders-bench-", dir="/tmp") as folder:
        text = Path(folder, "long.txt")
        text.write_text(long_text(reports(archive), SIZE), encoding="utf-8")
        yield Harness(Path(folder), python, corpora), text


def run(harness: Harness, text: Path, peers: list[str]) -> list[Result]:
    """Measure one extractor after the other, ours first."""
    versions = harness.versions()
    floor = memory(harness.run(NOTHING, "speed", str(text), "--sizes", sizes()), 0.0)
    results = []
    for name in [OURS, *peers]:
        package = PEERS.get(name, name)
        sys.stderr.write(f"{package} ...\n")
        results.append(measure(harness, name, f"{package} {versions.get(package, '')}".rstrip(), text, floor))
    return results


def measure(harness: Harness, peer: str, name: str, text: Path, floor: float) -> Result:
    """Measure one extractor; what it does not start for stays unknown."""
    result = Result(name)
    for corpora, html in (
        (REPORTS, ()),
        (("conformance_iocextract", "negatives"), ()),
        (("html_prism",), ("--html", "own")),
    ):
        files = [f"dev/{corpus}.jsonl" for corpus in corpora]
        found = harness.run(peer, "quality", *files, *html)
        if found is None:
            return result
        result.scores |= {
            corpus: score(found["files"].get(file, {})) for corpus, file in zip(corpora, files, strict=True)
        }
        result.troubles += len(found["timeouts"]) + found["nerr"]
        if corpora is REPORTS:
            result.per_report = found["mbps_median"]
    speeds = harness.run(peer, "speed", str(text), "--sizes", sizes(), "--timeout", "600")
    if speeds and str(SIZE / 1e6) in speeds:
        result.long = speeds[str(SIZE / 1e6)][0]
        result.memory = memory(speeds, floor)
    cells = harness.run(peer, "adversarial", *(OUR_HOSTILE if peer == OURS else PEER_HOSTILE))
    result.hostile = hostile(cells or {}, OUR_HOSTILE if peer == OURS else PEER_HOSTILE)
    return result


def sizes() -> str:
    """The sizes of the speed texts as the harness takes them: megabytes, the short one first."""
    return f"{SMALL},{SIZE / 1e6}"


def score(types: dict[str, list[int]]) -> Score:
    """Add up the harness's counts of every type; whatever is not labelled as an indicator is wrong."""
    right, missed, labelled, other = (
        (sum(column) for column in zip(*types.values(), strict=True)) if types else (0,) * 4
    )
    return Score(right, missed, labelled + other)


def memory(speeds: dict[str, list[float]], floor: float) -> float:
    """Growth of peak memory from the short to the long text, in multiples of the long one, less the harness's own."""
    kilobytes = speeds[str(SIZE / 1e6)][2] - speeds[str(SMALL)][2]
    return max(0.0, kilobytes * 1024 / SIZE - floor)


def hostile(cells: dict[str, str], arguments: tuple[str, ...]) -> Hostile:
    """Read the harness's cells: `·`, `0.31 (2.0x)`, `**>2**` or `died`."""
    found = Hostile(int(arguments[1]), float(arguments[3]), len(cells))
    for cell in cells.values():
        if timed := re.match(r"([0-9.]+) \(([0-9.]+)x\)", cell):
            found.worst = max(found.worst, float(timed[1]))
            found.growth = max(found.growth, float(timed[2]))
        elif not cell.startswith("·"):
            found.late += 1
    return found


def found_row(result: Result) -> list[str]:
    """The cells of what one extractor finds."""
    prism = result.scores.get("prism")
    if prism is None:
        return [f"{result.name}, which does not start", *["-"] * (len(FOUND) - 1)]
    recalls = [f"{result.scores[corpus].recall:.3f}" for corpus in ("aptner", "vendorlist", "conformance_iocextract")]
    return [
        result.name,
        f"{prism.f1:.3f}",
        f"{prism.precision:.2f} / {prism.recall:.2f}",
        f"{result.scores['html_prism'].f1:.3f}",
        *recalls,
        str(result.scores["negatives"].wrong),
        str(result.troubles),
    ]


def fast_row(result: Result) -> list[str]:
    """The cells of how fast it is, and of what stops it; a dash where it did not get that far."""
    speeds = ["-" if math.isnan(each) else f"{each:.2f}" for each in (result.per_report, result.long)]
    grown = "-" if math.isnan(result.memory) else f"x{result.memory:.1f}"
    return [result.name, *speeds, grown, str(result.hostile or "-")]


def ordered(results: list[Result]) -> list[Result]:
    """The best F1 on analysts' labels first."""
    return sorted(results, key=lambda result: -result.scores["prism"].f1 if result.scores else 1)


def compared(results: list[Result]) -> list[str]:
    """Say in sentences how ours stands to the best of the others, measure by measure."""
    ours, peers = results[0], [result for result in results[1:] if result.scores]
    if not peers:
        return []
    lines = []
    for what, corpus in (("analysts' labels (PRISM)", "prism"), ("the same in whole pages", "html_prism")):
        best = max(peers, key=lambda peer: peer.scores[corpus].f1)
        lines.append(
            f"- F1 on {what}: {ours.scores[corpus].f1:.3f}; the best of the others has "
            f"{best.scores[corpus].f1:.3f} ({best.name})."
        )
    for what, attribute in (("single reports", "per_report"), ("20 MB", "long")):
        best = max(peers, key=lambda peer: -1.0 if math.isnan(getattr(peer, attribute)) else getattr(peer, attribute))
        ratio = getattr(ours, attribute) / getattr(best, attribute)
        lines.append(f"- Speed on {what}: {ratio:.1f} times the fastest of the others ({best.name}).")
    late = sum(bool(peer.hostile and peer.hostile.late) for peer in peers)
    lines.append(
        f"- Hostile texts of {PEER_HOSTILE[1]} characters hold {late} of the {len(peers)} others for more than "
        f"{PEER_HOSTILE[3]} s; ours are {int(OUR_HOSTILE[1]) // int(PEER_HOSTILE[1])} times as long."
    )
    return lines


def show(results: list[Result], console: Console) -> None:
    """Print the two halves of the table, and what they come to."""
    console.print(machine(), highlight=False)
    for columns, row in ((FOUND, found_row), (FAST, fast_row)):
        table = Table(*columns)
        for result in ordered(results):
            table.add_row(*row(result), style="bold" if result is results[0] else None)
        console.print(table)
    for line in compared(results):
        console.print(line, highlight=False)


def markdown(results: list[Result]) -> Iterator[str]:
    """Give the lines of the two tables in docs/extraction.md."""
    for columns, row in ((FOUND, found_row), (FAST, fast_row)):
        yield "| " + " | ".join(columns) + " |"
        yield "|---" * len(columns) + "|"
        for result in ordered(results):
            yield "| " + " | ".join(row(result)) + " |"
        yield ""


if __name__ == "__main__":
    main()
