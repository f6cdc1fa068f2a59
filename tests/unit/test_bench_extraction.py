"""The extraction benchmark reads what the harness says, and its long text says nothing twice."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.__main__ import ROOT, replace
from tests.bench.extraction import PEERS, Result, Score, compared, hostile, markdown, memory, score
from tests.bench.texts import long_text, varied

REPORT = (
    "See https://cdn.evil.example/a, evil[.]example, mail@host.example and 9ebbe0a1b79e6f13bfca014f878ddeec (v1.2)."
)


def test_the_long_text_repeats_no_host_and_no_hash() -> None:
    assert varied(REPORT, 0) == REPORT
    assert varied(REPORT, 12) == (
        "See https://cdn12.evil.example/a, evil12[.]example, mail@host.example and 9ebbe0a1b79e6f13bfca014f878d000c"
        " (v1.2)."
    )
    assert long_text(REPORT, 1_000)[: len(REPORT)] == REPORT
    assert len(long_text(REPORT, 1_000)) == 1_000


def test_scores_are_added_over_types_and_all_that_is_not_labelled_is_wrong() -> None:
    found = score({"ipv4": [3, 1, 0, 1], "domain": [3, 1, 1, 0]})
    assert (found.right, found.missed, found.wrong) == (6, 2, 2)
    assert (found.precision, found.recall, found.f1) == (0.75, 0.75, 0.75)
    assert score({}).f1 == Score().f1 == 0.0


def test_hostile_texts_are_counted_by_how_they_ended() -> None:
    found = hostile(
        {"a": "·", "b": "0.31 (2.0x)", "c": "**>2**", "d": "died", "e": "0.05 (4.1x)"}, ("--n", "100", "--timeout", "2")
    )
    assert (found.texts, found.late, found.worst, found.growth) == (5, 2, 0.31, 4.1)
    assert str(found) == "100: 2 of 5 over 2 s; worst 0.31 s, x4.1"
    assert str(hostile({"a": "·"}, ("--n", "1000000", "--timeout", "2"))) == "1,000,000: all under 0.02 s"


def test_memory_is_growth_less_the_harness() -> None:
    speeds = {"0.1": [1.0, 0.1, 50_000], "20.0": [1.0, 20.0, 50_000 + 40_000_000 // 1024]}
    assert memory(speeds, 0.0) == pytest.approx(2.0, abs=0.01)
    assert memory(speeds, 1.5) == pytest.approx(0.5, abs=0.01)
    assert memory(speeds, 9.0) == 0.0


def result(name: str, right: int) -> Result:
    scores = dict.fromkeys(
        ("prism", "html_prism", "aptner", "vendorlist", "conformance_iocextract", "negatives"), Score(right, 1, 1)
    )
    return Result(
        name,
        scores,
        per_report=float(right),
        long=float(right),
        memory=1.0,
        hostile=hostile({}, ("-n", "1", "-t", "2")),
    )


def test_the_best_stands_first_and_what_does_not_start_last() -> None:
    lines = list(markdown([result("ours", 8), Result("dead"), result("theirs", 9)]))
    assert [line.split(" | ")[0] for line in lines[2:5]] == ["| theirs", "| ours", "| dead, which does not start"]
    assert "0.9 times the fastest of the others (theirs)" in "".join(compared([result("ours", 8), result("theirs", 9)]))


def test_results_go_between_their_marks_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- results x -->\nold\n<!-- end x -->\nb\n", encoding="utf-8")
    replace(page, "x", ["new"])
    assert page.read_text(encoding="utf-8") == "a\n<!-- results x -->\nnew\n<!-- end x -->\nb\n"
    with pytest.raises(SystemExit, match="no place"):
        replace(page, "y", [])


def test_without_the_corpora_it_says_what_is_missing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.extraction", "--ours", "--shared", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert (
        f"{tmp_path}/corpora/extraction/bench.py, which is not there; name its folder by SOCDEFENDERS_SHARED"
        in done.stderr
    )


def test_every_peer_is_a_package_that_is_pinned() -> None:
    asked_for = (ROOT / "requirements/peers.in").read_text(encoding="utf-8").splitlines()
    named = {line for line in asked_for if line and not line.startswith(("#", "-", "setuptools"))}
    assert set(PEERS.values()) == named
    pinned = (ROOT / "requirements/peers.txt").read_text(encoding="utf-8")
    assert all(f"\n{name}==" in pinned for name in named)
