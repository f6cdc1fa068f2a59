"""Run the whole suite as three processes at once: most tests wait, for a database, a server or another process.

What is given on the command line goes to all. Each part prints its own summary; the exit status is that of the first
that failed.
"""

import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1] / "tests"
DATABASE, PRODUCT = ("db", "web"), ("e2e",)
"""Folders that take about as long as all the rest."""


def parts() -> list[list[str]]:
    """Return the folders of each process: every one that holds tests is in one of them."""
    known = {*DATABASE, *PRODUCT}
    rest = sorted(path.name for path in TESTS.iterdir() if path.name not in known and any(path.rglob("test_*.py")))
    return [[str(TESTS / name) for name in names] for names in (DATABASE, rest, PRODUCT)]


def main() -> int:
    """Run all parts; print what the last says as it comes, and what the others said when it is done."""
    command = [sys.executable, "-m", "pytest", *sys.argv[1:]]
    *beside, last = parts()
    with ExitStack() as stack:
        said = [stack.enter_context(tempfile.TemporaryFile()) for _ in beside]
        running = [
            stack.enter_context(subprocess.Popen([*command, *part], stdout=file, stderr=file))  # noqa: S603 - our own
            for part, file in zip(beside, said, strict=True)
        ]
        for each in running:
            stack.callback(each.terminate)
        statuses = [subprocess.call([*command, *last])]  # noqa: S603 - our own
        for each, file in zip(running, said, strict=True):
            statuses.append(each.wait())
            file.seek(0)
            sys.stdout.write(file.read().decode(errors="replace"))
    return next((status for status in statuses if status), 0)


if __name__ == "__main__":
    sys.exit(main())
