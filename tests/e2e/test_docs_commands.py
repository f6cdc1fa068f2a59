"""What the documentation shows as typed and answered in a terminal happens like that.

Every ```console block of README and docs is run, page by page, in a folder laid out as a checkout
after `make run`: a line with `$ ` is typed, what follows is what it must print, and `...` stands for
anything. The server of the demonstration runs meanwhile, on a port of its own. Blocks of other kinds (```sh)
need root, another machine or never end, and are only read.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.commands import EXAMPLES, ROOT, SECONDS, Server, data_directory, environment

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = [
    path
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    if BLOCK.search(path.read_text(encoding="utf-8"))
]
ADDRESS = "127.0.0.1:8080"
BEFORE = "export PATH=$PWD/.venv/bin:$PATH SOCDEFENDERS_DATA_DIR=$PWD/.data KEY=$(cat .data/demo.key)\n"
"""What the README has its readers set, for the pages that follow it."""
END = "--- end of {} ---"


def steps(path: Path, address: str) -> list[tuple[str, str]]:
    """The commands of a page, and what each must print."""
    found: list[tuple[str, str]] = []
    for block in BLOCK.findall(path.read_text(encoding="utf-8")):
        for step in re.split(r"^\$ ", block.replace(ADDRESS, address), flags=re.MULTILINE)[1:]:
            command, _, printed = step.partition("\n")
            found.append((command, printed))
    return found


def trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines()).strip()


def matches(shown: str, printed: str) -> bool:
    """Whether `printed` is what is shown, `...` standing for anything."""
    pattern = ".*?".join(re.escape(part) for part in trimmed(shown).split("..."))
    return re.fullmatch(pattern, trimmed(printed), re.DOTALL) is not None


@pytest.fixture(scope="module")
def demo() -> Iterator[tuple[Server, Path]]:
    """The demonstration, in a folder that looks like a checkout in which it was started."""
    with data_directory() as data, Server("up", "--demo", EXAMPLES, "--port", "0", "--data-dir", data) as server:
        folder = data.parent / "checkout"
        folder.mkdir()
        (folder / ".data").symlink_to(data)
        (folder / ".venv").symlink_to(sys.prefix)
        (folder / "examples").symlink_to(EXAMPLES)
        yield server, folder


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_what_is_shown_as_typed_prints_what_is_shown_as_printed(path: Path, demo: tuple[Server, Path]) -> None:
    if shutil.which("curl") is None and "$ curl" in path.read_text(encoding="utf-8"):
        pytest.skip("curl is not installed")
    server, folder = demo
    typed = steps(path, server.url.removeprefix("http://"))
    script = "" if path.name == "README.md" else BEFORE
    script += "".join(f"{command}\necho; echo '{END.format(n)}'\n" for n, (command, _) in enumerate(typed))
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment(COLUMNS="160", HOME=os.environ.get("HOME", "/")) | {"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.stderr == ""
    rest = done.stdout
    for number, (command, shown) in enumerate(typed):
        printed, end, rest = rest.partition(END.format(number) + "\n")
        assert end
        assert matches(shown, printed), f"$ {command}\n{printed}"


def test_what_is_shown_is_compared_and_not_taken_for_granted() -> None:
    """The comparison fails where a shown line is not printed, or more is printed than shown."""
    assert matches("a\n...\nb ", "a\nx\ny\nb\n")
    assert not matches("a\n...\nb", "a\nx\nc")
    assert not matches("a", "a\nb")
    assert not matches("", "a")
