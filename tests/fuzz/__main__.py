"""`python -m tests.fuzz`: run the targets, each in a process of its own, and say what was found.

Coverage guides the fuzzer (atheris, which is libFuzzer for Python), so that it works its way into branches that
random texts do not reach. What it comes to is kept in `.fuzz/`, and the next run goes on from there. A finding is
printed as a call of the target with a short text, which fits into a test as it is.
"""

import argparse
import importlib.util
import subprocess
import sys
from pathlib import Path

from tests.fuzz.targets import TARGETS, Target
from tests.fuzz.texts import data_of

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".fuzz"
LONGEST_DATA = 600
"""Bytes that the fuzzer makes up for one text; each stands for up to some hundred characters."""


def main() -> None:
    """Parse the arguments, run the targets one after the other, and fail where one found something."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)} (default: all)")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (default 60)")
    parser.add_argument(
        "--seed", type=int, default=0, help="repeats a run that begins with the same corpus (default 0: by chance)"
    )
    arguments = parser.parse_args()
    names = arguments.targets or list(TARGETS)
    if unknown := set(names) - set(TARGETS):
        parser.error(f"no such targets: {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}.")
    if importlib.util.find_spec("atheris") is None:
        sys.exit("Fuzzing needs atheris, which is published for Linux on x86-64 and Python up to 3.13 alone.")
    failed = []
    for name in names:
        print(f"{name}: {arguments.seconds} s", flush=True)
        options = [f"-max_total_time={arguments.seconds}", f"-seed={arguments.seed}"]
        if subprocess.run(command(name, FOLDER, options), cwd=ROOT, check=False).returncode:
            failed.append(name)
    if failed:
        sys.exit(f"Found something: {', '.join(failed)}.")


def command(name: str, folder: Path, options: list[str]) -> list[str]:
    """Return the command that runs one target, its corpus kept below `folder` and begun with the target's seeds."""
    corpus, findings = folder / "corpus" / name, folder / "findings"
    findings.mkdir(parents=True, exist_ok=True)
    write_seeds(TARGETS[name], corpus)
    fixed = [f"-max_len={LONGEST_DATA}", "-len_control=0", "-timeout=60", f"-artifact_prefix={findings}/{name}-"]
    return [
        sys.executable,
        "-m",
        "tests.fuzz.one",
        name,
        *fixed,
        "-print_final_stats=1",
        "-verbosity=0",
        *options,
        str(corpus),
    ]


def write_seeds(target: Target, corpus: Path) -> None:
    """Put what the target begins with into its corpus."""
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(data_of(seed))


if __name__ == "__main__":
    main()
