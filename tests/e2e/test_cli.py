"""The commands one by one: their help, what they print, how they end. Those that run a server are in test_cli_up."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from socdefenders import errors, knowledge
from socdefenders.cli import COMMANDS, STATUSES, remote, root
from socdefenders.cli.answer import Page
from socdefenders.cli.terminal import console, safe, safe_json
from socdefenders.indicators import defang
from socdefenders.storage.database import Database
from socdefenders.web.api.schemas import SearchData
from tests.clusters import in_thread
from tests.e2e.commands import EXAMPLES, PROGRAM, ROOT, data_directory, environment, good, on_terminal, run

ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202eevil"


def every_command(command: click.Command = root, name: str = "socdefenders") -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found is not None
            yield from every_command(found, f"{name} {below}")


EVERY = dict(every_command())


@pytest.fixture(scope="module")
def loaded(database_of: Callable[..., AbstractContextManager[str]]) -> Iterator[str]:
    """A database that holds the examples."""
    with database_of() as dsn:
        good("import", EXAMPLES, SOCDEFENDERS_DATABASE_URL=dsn)
        yield dsn


@pytest.mark.parametrize("name", EVERY)
def test_every_command_and_every_option_explains_itself(name: str) -> None:
    command = EVERY[name]
    assert command.help
    assert "socdefenders" in (command.epilog or "")
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
    text = command.get_help(click.Context(command, info_name=name))
    assert text.startswith("Usage: ")
    assert re.findall(r"^  \w.*\w\.\.\.$", text, re.MULTILINE) == []


def test_every_command_takes_a_data_directory_but_those_that_need_no_database() -> None:
    alone = {f"socdefenders {name}" for name in ("extract", "refang", "defang", "model check")}
    leaves = [each for name, each in EVERY.items() if not isinstance(each, click.Group) and name not in alone]
    assert len(leaves) == 23
    assert all("--data-dir" in [name for each in leaf.params for name in each.opts] for leaf in leaves)


def test_the_list_of_commands_is_shown_without_loading_any() -> None:
    code = "import sys; from socdefenders.cli import root; root(['--help'], standalone_mode=False); print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment())
    assert all(f"  {name} " in shown.stdout for name in COMMANDS)
    assert not {"fastapi", "asyncpg", "lxml"} & set(shown.stdout.splitlines()[-1].split())


def test_a_server_starts_without_loading_what_reads_articles() -> None:
    code = "import sys; import socdefenders.cli.up; print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment())
    assert "lxml" not in shown.stdout.split()


def test_version_and_completion() -> None:
    assert good("--version").startswith("socdefenders ")
    asked = {"_SOCDEFENDERS_COMPLETE": "bash_complete", "COMP_WORDS": "socdefenders ke", "COMP_CWORD": "1"}
    done = subprocess.run([*PROGRAM], capture_output=True, text=True, check=False, env=environment() | asked)
    assert done.stdout.split() == ["plain,keys"]


def test_every_error_has_a_status() -> None:
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.SocDefendersError):
            assert any(ancestor in STATUSES for ancestor in kind.__mro__)


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({"SOCDEFENDERS_PRT": "1"}, 2),
        ({"SOCDEFENDERS_PORT": "high"}, 2),
        ({"SOCDEFENDERS_DATABASE_URL": "postgresql://u:geheim@127.0.0.1:9/none"}, 3),
    ],
)
def test_what_is_wrong_with_the_surroundings_is_one_line_and_a_status(settings: dict[str, str], status: int) -> None:
    done = run("keys", "list", **settings)
    assert done.returncode == status
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    assert "geheim" not in done.stderr


def test_a_data_directory_without_a_database_is_not_made_by_asking(tmp_path: Path) -> None:
    done = run("search", "198.51.100.23", "--data-dir", tmp_path / "none")
    assert done.returncode == 3
    assert "socdefenders up" in done.stderr
    assert not (tmp_path / "none").exists()


def test_a_dry_run_without_a_database_makes_none() -> None:
    with data_directory() as path:
        said = json.loads(good("import", EXAMPLES, "--dry-run", "--json", "--data-dir", path))
        assert (said["new"] > 100, said["malformed"]) == (True, 0)
        assert {each.name for each in path.iterdir()} <= knowledge.FILES
        assert list(path.parent.iterdir()) == [path]
        assert run("search", "198.51.100.23", "--data-dir", path).returncode == 3


def test_a_search_says_when_nothing_is_loaded_at_all(dsn: str, loaded: str) -> None:
    said = "Nothing is loaded here at all"
    assert said in run("search", "a.example", SOCDEFENDERS_DATABASE_URL=dsn).stdout
    assert said not in run("search", "never-reported.example", SOCDEFENDERS_DATABASE_URL=loaded).stdout


@contextmanager
def without_rights(path: Path) -> Iterator[None]:
    """Be somebody who may not look into `path`."""
    path.chmod(0o700 if os.geteuid() == 0 else 0)
    if os.geteuid() == 0:
        os.setresuid(65_534, 65_534, 0)
    try:
        yield
    finally:
        if os.getresuid()[2] == 0:
            os.setresuid(0, 0, 0)
        path.chmod(0o700)


@pytest.mark.parametrize("arguments", [["search", "a.example"], ["keys", "list"], ["import", "--dry-run", str(ROOT)]])
def test_the_data_of_another_account_are_refused_with_what_to_do(arguments: list[str]) -> None:
    with data_directory() as path:
        path.mkdir()
        with without_rights(path), pytest.raises(errors.EmbeddedError, match="use the account that runs") as refused:
            root.main([*arguments, "--data-dir", str(path)], standalone_mode=False)
        assert "Permission denied" in refused.value.message


def test_importing_twice_changes_nothing(dsn: str) -> None:
    first = json.loads(good("import", EXAMPLES, "--json", SOCDEFENDERS_DATABASE_URL=dsn))
    second = json.loads(good("import", EXAMPLES, "--json", SOCDEFENDERS_DATABASE_URL=dsn))
    assert first["new"] > 100
    assert first["articles"] > 5
    assert (second["new"], second["updated"], second["articles"]) == (0, 0, 0)
    assert second["unchanged"] == first["new"] + first["unchanged"] + first["updated"]


def test_a_dry_run_says_what_would_be_new_and_writes_nothing(dsn: str) -> None:
    said = good("import", EXAMPLES, "--dry-run", SOCDEFENDERS_DATABASE_URL=dsn)
    assert said.startswith("Read, without writing,")
    assert json.loads(good("import", EXAMPLES, "--json", SOCDEFENDERS_DATABASE_URL=dsn))["new"] > 100


def test_a_malformed_line_is_shown_with_its_place_and_fails_a_strict_import_alone(dsn: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.txt"
    path.write_text("198.51.100.7\nhttp://[half/\n198.51.100.8\n")
    arguments = ("import", path, "--format", "list", "--source", "Test")
    done = run(*arguments, SOCDEFENDERS_DATABASE_URL=dsn)
    assert done.returncode == 0
    assert f"{path}:2: " in done.stdout
    assert run(*arguments, "--strict", SOCDEFENDERS_DATABASE_URL=dsn).returncode == 1


def test_a_list_that_is_taken_for_a_report_does_not_vanish_without_a_word(dsn: str, tmp_path: Path) -> None:
    words = "Blocked at the gateway since the first of May, from the notes of the night shift\n"
    (tmp_path / "list.txt").write_text(f"{words}198.51.100.7\n{words}192.0.2.61\n{words}")
    (tmp_path / "notes.md").write_text(f"# Notes\n\n{words}")
    said = good("import", tmp_path, SOCDEFENDERS_DATABASE_URL=dsn)
    assert said.endswith(f"if they are lists: --format list\n  {tmp_path / 'list.txt'}\n")
    facts = json.loads(good("import", tmp_path, "--json", SOCDEFENDERS_DATABASE_URL=dsn))
    assert facts["empty_reports"] == [str(tmp_path / "list.txt")]
    again = good("import", tmp_path / "list.txt", "--format", "text", SOCDEFENDERS_DATABASE_URL=dsn)
    assert "--format list" not in again


def test_a_file_of_a_source_that_the_operator_describes_is_believed_like_it(dsn: str, tmp_path: Path) -> None:
    (tmp_path / "feeds").mkdir()
    (tmp_path / "feeds/watch.toml").write_text(
        """name = "Harbourwatch"
url = "https://watch.harbour.example/list.txt"
homepage = "https://watch.harbour.example/"
format = "list"
category = "threat-feed"
tier = 1
grade = "A"
group = "harbour-cert"
every = "1h"
licence = "CC0 1.0."
enabled = true
expected = [1, 100]
"""
    )
    (tmp_path / "list.txt").write_text("198.51.100.7\n")
    for source in ("Harbourwatch", "Somebody"):
        settings = {"SOCDEFENDERS_DATABASE_URL": dsn, "SOCDEFENDERS_FEEDS_DIR": str(tmp_path / "feeds")}
        good("import", tmp_path / "list.txt", "--source", source, **settings)

    async def described() -> list[tuple[object, ...]]:
        async with Database(dsn, size=1) as database:
            return [tuple(row) for row in await database.fetch("select name, grade, voice from sources order by 1")]

    assert in_thread(described()) == [("Harbourwatch", "A", "harbour-cert"), ("Somebody", "F", None)]


def test_an_import_is_told_in_one_wording(dsn: str, tmp_path: Path) -> None:
    def said(text: str) -> str:
        (tmp_path / "list.txt").write_text(text)
        path = tmp_path / "list.txt"
        return good("import", "--format", "list", "--source", "Test", path, SOCDEFENDERS_DATABASE_URL=dsn)

    assert re.match(r"Loaded 1 record of 1 file in [\d.]+ s\.\n", said("198.51.100.7\n"))
    many = said("".join(f"host-{number}.example\n" for number in range(2_000)))
    assert re.match(r"Loaded 2,000 records of 1 file in [\d.]+ s \([\d,]+ records/s\)\.\n", many)
    reasons = said("not a value\n192.0.2.0/24\n").partition("Left out:\n")[2].splitlines()
    assert len(reasons) == 2
    assert not any(reason.endswith(".") for reason in reasons)
    (tmp_path / "data.json").write_text('{"nothing": 1}')
    nothing = run("import", "--format", "json", tmp_path / "data.json", SOCDEFENDERS_DATABASE_URL=dsn)
    assert nothing.returncode == 1
    assert "data.json: no list of indicators" in nothing.stdout


@pytest.mark.parametrize("value", ["a", "", "a\x01b", "a" * 3_000])
def test_a_value_that_is_none_is_named_as_the_command_names_it(loaded: str, value: str) -> None:
    done = run("search", value, SOCDEFENDERS_DATABASE_URL=loaded)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: VALUE ")


def test_what_is_left_out_is_explained_by_kind_in_reports_too(dsn: str, tmp_path: Path) -> None:
    lines = [f"- 10.0.0.{number} and build 4.{number}.0.1 of it\n" for number in range(1, 8)]
    (tmp_path / "notes.md").write_text("# Notes\n\nThe host is 198[.]51[.]100[.]7.\n" + "".join(lines))
    (tmp_path / "list.txt").write_text("198.51.100.7\nnot a value\nneither is this\n198.51.100.8\n198.51.100.9\n")
    said = good("import", tmp_path, SOCDEFENDERS_DATABASE_URL=dsn)
    kinds = re.findall(r"^  (\w+) ", said.partition("Left out:")[2], re.MULTILINE)
    assert kinds == sorted(kinds, key=["malformed", "unsupported", "suppressed"].index)
    assert f"suppressed   {tmp_path / 'notes.md'}: 10.0.0.1: an address that is not on the public internet" in said
    total = int(re.findall(r"^  suppressed +(\d+)", said, re.MULTILINE)[0])
    shown = kinds.count("suppressed") - 1
    assert f"  suppressed   ... and {total - shown} more\n" in said + "\n"


def test_an_interrupted_import_keeps_what_it_has_counted(dsn: str, tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text("".join(f"host-{number}.long.example\n" for number in range(200_000)))
    command = [*PROGRAM, "import", str(path), "--json"]
    settings = environment(SOCDEFENDERS_DATABASE_URL=dsn)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=settings) as process:
        deadline = time.monotonic() + 60
        while not in_thread(stored(dsn)):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    outcome = json.loads(out)
    assert (process.returncode, outcome["interrupted"]) == (130, True)
    assert "is kept" in err
    assert "Traceback" not in err
    kept = in_thread(stored(dsn))
    assert isinstance(kept, int)
    assert outcome["new"] <= kept < 200_000


async def stored(dsn: str) -> int:
    """How many reports are stored."""
    async with Database(dsn, size=1) as database:
        return int((await database.fetch("select count(*) from sightings"))[0][0])


@pytest.mark.parametrize(
    "arguments",
    [
        ["import"],
        ["import", "nowhere.csv"],
        ["import", "-"],
        ["import", str(EXAMPLES), "--format", "none"],
        ["search"],
        ["search", "a", "b"],
        ["search", "192.0.2.1", "--type", "asn"],
        ["keys", "create"],
        ["keys", "create", "--name", "a", "--tier", "gold"],
        ["keys", "create", "--name", "a", "--expires-in-days", "0"],
        ["up", "--port", "65536"],
        ["db", "downgrade"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_refused_before_anything_is_looked_for(arguments: list[str]) -> None:
    with pytest.raises(click.UsageError) as refused:
        root.main(arguments, standalone_mode=False)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("import", EXAMPLES, "--source", " "),
        ("search", "x"),
        ("search", "a\x01b"),
        ("search", "192.0.2.1", "--key", "k"),
        ("keys", "create", "--name", ""),
        ("keys", "create", "--name", "a", "--allowed-ip", "x"),
        ("keys", "revoke", "sk_live_none"),
    ],
)
def test_what_cannot_be_meant_is_status_2(loaded: str, arguments: tuple[str, ...]) -> None:
    done = run(*arguments, SOCDEFENDERS_DATABASE_URL=loaded)
    assert done.returncode == 2
    assert "Error: " in done.stderr


def test_standard_input_is_refused_with_the_reason() -> None:
    done = run("import", "-")
    assert done.returncode == 2
    assert "Standard input is not read" in done.stderr


def test_an_empty_folder_is_an_error_and_not_a_success(dsn: str, tmp_path: Path) -> None:
    assert run("import", tmp_path, SOCDEFENDERS_DATABASE_URL=dsn).returncode == 1


@pytest.mark.parametrize(
    ("name", "content", "status"),
    [
        ("strange.bin", b"\x00\x01\x02", 1),
        ("broken.json", b'{"data": [{"ioc": "192.0.2.99"', 1),
        ("words.csv", b"name,colour\nrust,red\n", 1),
        ("names.ipsum", b"no address\n", 1),
        ("networks.csv", b"ip\n192.0.2.0/24\n198.51.100.0/24\n", 0),
        ("private.csv", b"ip\n10.0.0.1\n10.0.0.2\n", 0),
        ("empty.csv", b"", 0),
    ],
)
def test_files_of_which_nothing_can_be_read_are_an_error_and_not_a_success(
    dsn: str, tmp_path: Path, name: str, content: bytes, status: int
) -> None:
    (tmp_path / name).write_bytes(content)
    arguments = ["import", tmp_path / name, *(("--format", "ipsum") if name.endswith("ipsum") else ())]
    done = run(*arguments, SOCDEFENDERS_DATABASE_URL=dsn)
    assert (done.returncode, "Nothing could be read" in done.stderr) == (status, status == 1)
    (tmp_path / "good.txt").write_text("192.0.2.77\n192.0.2.78\n")
    good("import", tmp_path, SOCDEFENDERS_DATABASE_URL=dsn)


def test_the_formats_are_listed_without_a_path() -> None:
    said = good("import", "--list-formats")
    assert "urlhaus " in said
    assert "stix " in said


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("198[.]51[.]100[.]23 ",), 0, "198.51.100.23"),
        (("198.51.100.23",), 0, "Found: "),
        (("198.51.100.2",), 0, "Not found as such"),
        (("never-reported.example",), 1, "does not mean that it is safe"),
    ],
)
def test_the_status_of_a_search_says_whether_it_is_found(
    loaded: str, arguments: tuple[str, ...], status: int, words: str
) -> None:
    done = run("search", *arguments, SOCDEFENDERS_DATABASE_URL=loaded)
    assert done.returncode == status
    assert words in done.stdout
    assert json.loads(run("search", *arguments, "--json", SOCDEFENDERS_DATABASE_URL=loaded).stdout)["data"][
        "found"
    ] is (status == 0)


def test_a_misspelt_value_is_found_by_a_connection_that_is_new(loaded: str) -> None:
    said = good("search", "timetable-snyc.example", SOCDEFENDERS_DATABASE_URL=loaded)
    assert said.startswith("Not found as such: timetable-snyc.example")
    assert "timetable-sync.example" in said


def test_an_answer_that_is_not_complete_does_not_say_that_nothing_is_there() -> None:
    meta = {"total_matches": 0, "related_count": 0, "search_time_ms": 9, "strategy": "none", "truncated": False}
    said = {}
    for complete in (True, False):
        data = {"found": False, "query": "a.example", "matches": [], "relatedIOCs": [], "meta": meta}
        written = StringIO()
        Page(console(written), defanged=False).show(
            SearchData.model_validate(data | {"meta": meta | {"complete": complete}})
        )
        said[complete] = written.getvalue()
    assert said[True].startswith("Not found: a.example\n")
    assert said[False].startswith("Nothing found in the time allowed: a.example\n")
    assert "SOCDEFENDERS_SEARCH_DEADLINE_MS" in said[False]


def test_related_values_are_shown_unless_they_are_not_wanted(loaded: str) -> None:
    assert "Reported together" in good("search", "198.51.100.23", SOCDEFENDERS_DATABASE_URL=loaded)
    assert "Reported together" not in good("search", "198.51.100.23", "--no-related", SOCDEFENDERS_DATABASE_URL=loaded)


def test_defanged_output_holds_nothing_that_becomes_a_link(loaded: str) -> None:
    said = good("search", "198.51.100.23", "--defang", SOCDEFENDERS_DATABASE_URL=loaded)
    assert "198[.]51[.]100[.]23" in said
    assert "http" not in said
    assert "198.51.100.23" not in said


LINES = re.compile(r"\x1b\[\d+m| +$", re.MULTILINE)


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize("options", [(), ("--defang",)], ids=["plain", "defanged"])
def test_every_value_and_link_stands_whole_on_a_terminal_of_any_width(
    loaded: str, columns: int, options: tuple[str, ...]
) -> None:
    asked = ("search", "198.51.100.23")
    shown = LINES.sub("", on_terminal(columns, *asked, *options, SOCDEFENDERS_DATABASE_URL=loaded))
    answer = json.loads(good(*asked, "--json", SOCDEFENDERS_DATABASE_URL=loaded))["data"]
    reported = answer["matches"] + answer["relatedIOCs"]
    wanted = [ioc["value"] for ioc in reported] + [ioc["source"]["reference_url"] for ioc in answer["matches"]]
    missing = [value for value in filter(None, wanted) if (defang(value) if options else value) not in shown]
    assert missing == []
    assert ("Confidence" in shown) is (columns == 120)
    longest = max(len(line) for line in shown.splitlines() if "://" not in line)
    assert longest <= columns


@pytest.mark.parametrize("columns", [60, 120])
def test_a_value_of_2000_characters_is_not_broken(dsn: str, tmp_path: Path, columns: int) -> None:
    url = "http://long.example/" + "a" * 1_980
    (tmp_path / "list.txt").write_text(url + "\n")
    good("import", "--format", "list", tmp_path / "list.txt", SOCDEFENDERS_DATABASE_URL=dsn)
    assert f"url  {url}\n" in LINES.sub("", on_terminal(columns, "search", url, SOCDEFENDERS_DATABASE_URL=dsn))


def test_what_is_piped_has_no_blanks_at_the_end_of_its_lines(loaded: str) -> None:
    for arguments in (("search", "198.51.100.23"), ("keys", "list")):
        said = run(*arguments, SOCDEFENDERS_DATABASE_URL=loaded).stdout
        assert [line for line in said.splitlines() if line != line.rstrip()] == []


@pytest.mark.parametrize(
    ("redirection", "status", "words"),
    [
        (">/dev/full", 4, "Error: Standard output cannot be written: No space left on device.\n"),
        (">&-", 4, "Error: Standard output is closed.\n"),
    ],
)
@pytest.mark.parametrize("arguments", ["search 198.51.100.23", "search 198.51.100.23 --json", "keys list", "--help"])
def test_an_answer_that_cannot_be_written_is_not_taken_for_none(
    loaded: str, arguments: str, redirection: str, status: int, words: str
) -> None:
    command = ["sh", "-c", f"{shlex.join(PROGRAM)} {arguments} {redirection}"]
    settings = environment(SOCDEFENDERS_DATABASE_URL=loaded)
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=settings)
    assert (done.returncode, done.stderr) == (status, words)


@pytest.mark.parametrize(
    "arguments", [["search", "198.51.100.23"], ["keys", "list", "--json"], ["--help"]], ids=" ".join
)
def test_a_reader_that_has_gone_ends_a_command_quietly(loaded: str, arguments: list[str]) -> None:
    end, begin = os.pipe()
    os.close(end)
    settings = environment(SOCDEFENDERS_DATABASE_URL=loaded)
    done = subprocess.run([*PROGRAM, *arguments], stdout=begin, stderr=subprocess.PIPE, check=False, env=settings)
    os.close(begin)
    assert (done.returncode, done.stderr) == (141, b"")


def test_bytes_that_are_no_text_are_no_question(loaded: str) -> None:
    command = [*(part.encode() for part in PROGRAM), b"search", b"caf\xe9.example"]
    settings = environment(SOCDEFENDERS_DATABASE_URL=loaded)
    done = subprocess.run(command, capture_output=True, check=False, env=settings)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


def test_nothing_that_was_stored_reaches_the_terminal_as_a_command_to_it(dsn: str, tmp_path: Path) -> None:
    path = tmp_path / f"feed {ESCAPES.replace('/', '')}.json"
    record = {
        "value": "escape.example",
        "type": "domain",
        "description": ESCAPES,
        "tags": [ESCAPES],
        "reference": ESCAPES,
    }
    path.write_text(json.dumps([record, {"value": f"http://[{ESCAPES}"}]))
    said = good("import", path, "--format", "json", SOCDEFENDERS_DATABASE_URL=dsn)
    said += good("search", "escape.example", SOCDEFENDERS_DATABASE_URL=dsn)
    said += good("search", "escape.example", "--json", SOCDEFENDERS_DATABASE_URL=dsn)
    said += run("search", f"nothing {ESCAPES[-5:]}", SOCDEFENDERS_DATABASE_URL=dsn).stdout
    said += run("import", tmp_path / ESCAPES, SOCDEFENDERS_DATABASE_URL=dsn).stderr
    assert "evil" in said
    assert [character for character in said if not character.isprintable() and character != "\n"] == []


@given(st.text())
def test_safe_text_is_one_printable_line(text: str) -> None:
    assert safe(text).isprintable()
    if text.isprintable():
        assert safe(text) == text


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_safe_json_means_the_same(content: object) -> None:
    text = safe_json(json.dumps(content, ensure_ascii=False))
    assert text.isprintable()
    assert json.loads(text) == content


def test_the_life_of_a_key(dsn: str) -> None:
    def keys(*arguments: str) -> str:
        return good("keys", *arguments, SOCDEFENDERS_DATABASE_URL=dsn)

    assert "no key yet" in keys("list")
    secret = keys("create", "--name", "siem", "--tier", "pro", "--allowed-ip", "192.0.2.0/24", "--quiet")
    assert secret.startswith("sk_live_")
    assert secret.strip().isalnum() is False
    assert secret.count("\n") == 1
    made = json.loads(keys("create", "--name", "short", "--expires-in-days", "7", "--json"))
    assert made["key"].startswith(made["key_prefix"])
    assert made["expires_at"] > made["created_at"]
    listed = json.loads(keys("list", "--json"))["data"]
    assert [key["name"] for key in listed] == ["short", "siem"]
    assert listed[1]["allowed_ips"] == ["192.0.2.0/24"]
    assert secret.strip() not in keys("list") + json.dumps(listed)
    assert "Revoked" in keys("revoke", secret[:12])
    assert "revoked" in keys("list")
    assert run("keys", "revoke", secret[:12], SOCDEFENDERS_DATABASE_URL=dsn).returncode == 2


def test_the_schema_of_a_named_database_is_upgraded_when_asked_and_not_before(
    database_of: Callable[..., AbstractContextManager[str]],
) -> None:
    with database_of(schema=False) as dsn:
        assert "none yet" in good("db", "status", SOCDEFENDERS_DATABASE_URL=dsn)
        for command in (("db", "check"), ("keys", "list"), ("search", "a.example"), ("import", str(EXAMPLES))):
            refused = run(*command, SOCDEFENDERS_DATABASE_URL=dsn)
            assert refused.returncode == 3
            assert "socdefenders db upgrade" in refused.stderr
        assert "Upgraded the schema from 0" in good("db", "upgrade", SOCDEFENDERS_DATABASE_URL=dsn)
        assert "Nothing to do" in good("db", "upgrade", SOCDEFENDERS_DATABASE_URL=dsn)
        good("db", "check", SOCDEFENDERS_DATABASE_URL=dsn)
        assert json.loads(good("db", "status", "--json", SOCDEFENDERS_DATABASE_URL=dsn))["usable"] is True


BUSY = '{"error": {"code": "c", "message": "Too much.", "request_id": "req_0123456789abcdef", "details": %s}}'
BODIES = {
    "other": b'{"data": {"found": true}}',
    "busy": (BUSY % '{"reset_at": "2026-05-01T14:00:05+02:00"}').encode(),
    "busier": (BUSY % '{"reset_at": "9999-12-31T23:59:59-12:00"}').encode(),
}


class Hostile(BaseHTTPRequestHandler):
    """A server that is none of ours."""

    seen: list[str]

    def do_GET(self) -> None:
        self.seen.append(self.path)
        kind = self.path.split("/")[1]
        status = {"elsewhere": 302, "broken": 500, "busy": 429, "busier": 429}.get(kind, 200)
        body = BODIES.get(kind, b"\x1b[2J")
        self.send_response(status)
        if kind == "elsewhere":
            self.send_header("Location", f"http://localhost:{self.connection.getsockname()[1]}/stolen")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hostile() -> Iterator[tuple[str, list[str]]]:
    seen: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Hostile,), {"seen": seen}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("kind", ["elsewhere", "broken", "junk", "other"])
def test_a_server_that_answers_nothing_of_use_is_status_3_and_gets_no_key_by_a_redirect(
    hostile: tuple[str, list[str]], kind: str
) -> None:
    url, seen = hostile
    done = run("search", "a.example", "--url", f"{url}/{kind}", SOCDEFENDERS_KEY="sk_live_" + "a" * 40)
    assert done.returncode == 3
    assert done.stdout == ""
    assert "\x1b" not in done.stderr
    assert len(seen) == 1
    assert "sk_live" not in seen[0]


@pytest.mark.parametrize(
    ("kind", "words"), [("busy", "Too much. It begins anew at 2026-05-01 12:00:05 UTC.\n"), ("busier", "Too much.\n")]
)
def test_a_budget_that_is_used_up_says_when_it_begins_anew(
    hostile: tuple[str, list[str]], kind: str, words: str
) -> None:
    done = run("search", "a.example", "--url", f"{hostile[0]}/{kind}", SOCDEFENDERS_KEY="sk_live_" + "a" * 40)
    assert done.returncode == 3
    assert done.stderr.endswith(words)


@pytest.mark.parametrize(
    "url", ["ftp://a.example", "file:///etc/passwd", "nonsense", "http://u:p@127.0.0.1", "http://[", "http://a b", ""]
)
def test_an_address_that_is_no_servers_is_refused(url: str) -> None:
    with pytest.raises(errors.InputError):
        remote.search(url, "k", text="a.example", type_=None, related=True)


def test_a_server_is_not_asked_without_a_key(hostile: tuple[str, list[str]]) -> None:
    url, seen = hostile
    done = run("search", "a.example", "--url", url)
    assert done.returncode == 2
    assert "SOCDEFENDERS_KEY" in done.stderr
    assert seen == []
