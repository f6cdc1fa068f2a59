"""Run the whole suite as two processes at once: most tests wait, for a database, a server or another process.

What is given on the command line goes to both. Each half prints its own summary; the exit status is that of the first
that failed.
"""

import subprocess
import sys
import tempfile

HALVES = (
    ("tests/db", "tests/web"),
    ("tests/e2e", "tests/feeds", "tests/fetch", "tests/fuzz", "tests/summaries", "tests/unit"),
)


def main() -> int:
    """Run both halves; print what the first says when the second is done."""
    command = [sys.executable, "-m", "pytest", *sys.argv[1:]]
    with tempfile.TemporaryFile() as said:
        beside = subprocess.Popen([*command, *HALVES[0]], stdout=said, stderr=said)  # noqa: S603 - nothing of it is a stranger's
        try:
            statuses = [subprocess.call([*command, *HALVES[1]]), beside.wait()]  # noqa: S603 - as above
        finally:
            beside.terminate()
            beside.wait()
            said.seek(0)
            sys.stdout.write(said.read().decode(errors="replace"))
    return next((status for status in statuses if status), 0)


if __name__ == "__main__":
    sys.exit(main())
