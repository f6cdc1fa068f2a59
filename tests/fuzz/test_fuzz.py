"""Every target holds for a while under the fuzzer, and would say so if it did not."""

import importlib.util
import subprocess
from pathlib import Path

import pytest

from tests.e2e.commands import environment
from tests.fuzz.__main__ import ROOT, command
from tests.fuzz.targets import TARGETS, refanging
from tests.fuzz.texts import LONGEST, PAGE, VALUES, data_of, text_of

RUNS = 400
"""Texts for each target: some seconds."""
ATHERIS = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris is not published for this machine and Python"
)


@ATHERIS
@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_under_the_fuzzer(name: str, tmp_path: Path) -> None:
    options = [f"-runs={RUNS}", "-seed=1"]
    done = subprocess.run(
        command(name, tmp_path, options),
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert "stat::number_of_executed_units" in done.stderr


@ATHERIS
def test_a_finding_ends_the_run_and_is_printed_short(tmp_path: Path) -> None:
    script = tmp_path / "broken.py"
    script.write_text(
        "import sys; from tests.fuzz import one, targets, texts\n"
        "def check(text):\n"
        "    assert 'hxxp://' not in text or 'q' not in text, 'found'\n"
        "one._check('broken', targets.Target(check, texts.VALUES, ()), texts.data_of('in a long text q hxxp://evil'))\n",
        encoding="utf-8",
    )
    program = [*command("refang", tmp_path, [])[:1], str(script)]
    done = subprocess.run(
        program,
        cwd=ROOT,
        env=environment(PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "Finding: broken('qhxxp://')" in done.stderr


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_for_what_it_begins_with(name: str) -> None:
    for seed in TARGETS[name].seeds:
        TARGETS[name].check(seed)


def test_a_target_can_fail() -> None:
    class Longer(str):
        """A text that claims to be shorter than it is."""

        __slots__ = ()

        def __len__(self) -> int:
            return 0

    with pytest.raises(AssertionError):
        refanging(Longer("hxxp://evil"))


@pytest.mark.parametrize("pieces", [VALUES, PAGE])
def test_every_piece_can_be_written(pieces: tuple[str, ...]) -> None:
    assert len(set(pieces)) == len(pieces) <= 0xFE - 0x80
    assert text_of(bytes(range(0x80, 0x80 + len(pieces))), pieces) == "".join(pieces)


def test_a_seed_is_read_as_it_was_written_and_the_last_piece_repeats() -> None:
    assert text_of(data_of("evil.example"), VALUES) == "evil.example"
    assert text_of(b"a\xff\x02", VALUES) == "a" * 9
    assert text_of(b"\xfe\x04\x30", VALUES) == "\u0430"
    assert len(text_of(b"a\xff\xff\xff\xff" * 100, VALUES)) <= LONGEST
