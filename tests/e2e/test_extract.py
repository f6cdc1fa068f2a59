"""`socdefenders extract`, `refang` and `defang` as people run them: what they print, how they end, what they survive.

On a terminal nothing reaches it that it would obey.
"""

import csv
import fcntl
import gzip
import hashlib
import io
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from pathlib import Path
from typing import IO

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socdefenders import knowledge
from socdefenders.cli import root
from socdefenders.cli.filters import dead
from socdefenders.indicators import refang
from socdefenders.knowledge import packages, store
from socdefenders.knowledge.building import NO_SOURCES
from socdefenders.knowledge.store import Origin
from tests.documents import docx, mail, pdf
from tests.e2e.commands import EXAMPLES, PROGRAM, environment, good
from tests.unit.indicators.indicator_values import domains, emails, hashes, hostile, ipv4s, ipv6s, links
from tests.unit.knowledge.small import HASHES, warning_list

REPORT = (
    "The loader at hxxp://bad[.]example/a=1 calls 198[.]51[.]100[.]7.\n"
    "It is hxxp://bad[.]example/a=1 again, see 10.0.0.1.\n"
)
NUL = "/dev/zero"


def run(*arguments: str | Path, given: bytes | str = b"", status: int | None = 0) -> str:
    """Run one command on what it is given; return what it prints."""
    done = finish([*PROGRAM, *map(str, arguments)], given)
    assert status in {None, done.returncode}, done.stderr
    return done.stdout.decode()


def finish(command: list[str], given: bytes | str = b"") -> "subprocess.CompletedProcess[bytes]":
    data = given.encode() if isinstance(given, str) else given
    done = subprocess.run(command, input=data, capture_output=True, timeout=120, env=environment(), check=False)
    assert b"Traceback" not in done.stderr, done.stderr
    return done


def objects(*arguments: str | Path, given: bytes | str = b"", status: int | None = 0) -> list[dict[str, object]]:
    found = json.loads(run("extract", "--json", *arguments, given=given, status=status))
    assert isinstance(found, list)
    return found


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.txt"
    path.write_text(REPORT)
    return path


# What is printed


def test_each_value_is_shown_once_in_the_order_of_the_text_with_its_count(report: Path) -> None:
    said = run("extract", report)
    assert re.search(r"^2 indicators in .*report\.txt$", said, re.MULTILINE)
    rows = re.findall(r"^(url|ipv4) +(\S+) +(\d+) +(.+?) *$", said, re.MULTILINE)
    assert [row[:3] for row in rows] == [("url", "http://bad.example/a=1", "2"), ("ipv4", "198.51.100.7", "1")]
    assert rows[1][3] == "The loader at hxxp://bad[.]example/a=1 calls 198[.]51[.]100[.]7."
    assert "10.0.0.1" not in re.sub(r"see 10.0.0.1", "", said)
    assert "1 not taken for indicators; --all" in said
    assert "live" in said


def test_json_is_an_array_of_objects_with_everything_that_is_known(report: Path) -> None:
    first, second = objects(report)
    assert first == {
        "file": str(report),
        "type": "url",
        "value": "http://bad.example/a=1",
        "normalized": "http://bad.example/a=1",
        "raw": "hxxp://bad[.]example/a=1",
        "start": 14,
        "end": 38,
        "defanged": True,
        "count": 2,
        "context": "The loader at hxxp://bad[.]example/a=1 calls 198[.]51[.]100[.]7.",
        "suppressed": None,
    }
    assert REPORT[14:38] == first["raw"]
    assert second["value"] == "198.51.100.7"
    assert len(run("extract", "--json", report).splitlines()) == 4


def test_what_is_suppressed_is_shown_on_demand_with_its_reason(report: Path) -> None:
    suppressed = [found for found in objects(report, "--all") if found["suppressed"]]
    assert [found["value"] for found in suppressed] == ["10.0.0.1"]
    reason = suppressed[0]["suppressed"]
    assert isinstance(reason, dict)
    assert set(reason) == {"rule", "list", "detail"}
    shown = run("extract", report, "--all")
    assert shown.index("198.51.100.7") < shown.index("1 not taken for indicators\n") < shown.index("10.0.0.1  ")
    assert f"{reason['rule']}: " in shown
    rows = list(csv.DictReader(io.StringIO(run("extract", report, "--all", "--csv"))))
    assert [row["rule"] != "" for row in rows] == [False, False, True]


def test_csv_is_rfc_4180_and_holds_nothing_that_a_spreadsheet_computes() -> None:
    given = '-cmd@bad[.]example said "a, b" of 198[.]51[.]100[.]7\n=HYPERLINK("hxxp://bad[.]example/x")'
    said = run("extract", "--csv", given=given)
    assert said.startswith("file,type,value,count,defanged,context,rule,list,detail\r\n")
    assert said.count("\r\n") == said.count("\n")
    rows = list(csv.reader(io.StringIO(said, newline=""), strict=True))
    assert {len(row) for row in rows} == {9}
    assert not [cell for row in rows for cell in row if re.match(r"[=+@\t\r-].", cell)]
    assert any(row[2] == "'-cmd@bad.example" for row in rows)
    assert any(row[5].startswith("'=HYPERLINK") for row in rows)


def test_values_alone_are_a_block_list(report: Path) -> None:
    assert run("extract", report, "--values") == "http://bad.example/a=1\n198.51.100.7\n"
    assert run("extract", report, "--values", "--type", "ipv4") == "198.51.100.7\n"
    assert run("extract", report, "--values", "--type", "ipv4", "--type", "url").count("\n") == 2
    assert run("extract", report, "--values", "--type", "md5", status=1) == ""


@pytest.mark.parametrize("form", ["--table", "--csv", "--values", "--json"])
def test_defanged_output_holds_nothing_that_becomes_a_link(form: str) -> None:
    given = "Live http://a.bad[.]example/x and b.bad[.]example, then http://c.harbour.example/"
    said = run("extract", form, "--defang", given=given)
    assert "hxxp://a[.]bad[.]example/x" in said
    if form == "--json":
        said = json.dumps([{key: found[key] for key in ("value", "context")} for found in json.loads(said)])
    assert "http:" not in said
    assert "bad.example" not in said


def test_the_publishers_own_host_is_no_indicator_when_it_is_named() -> None:
    given = "By hxxps://blog[.]harbour[.]com/x: hxxp://bad[.]example/"
    assert len(objects(given=given)) == 2
    for named in ("harbour.com", "https://www.harbour.com/x"):
        assert [found["value"] for found in objects("--publisher", named, given=given)] == ["http://bad.example/"]


def test_files_of_every_kind_are_read_together_each_under_its_name(tmp_path: Path) -> None:
    files = {
        "a.bin": pdf("of PDF 198[.]51[.]100[.]1", links=["http://198.51.100.9/x"]),
        "b": docx("of Word 198[.]51[.]100[.]2"),
        "c.txt": mail("of mail 198[.]51[.]100[.]3", attached={"x": pdf("attached 198[.]51[.]100[.]4")}),
        "d.pdf": b"<html><body><p>of HTML 198[.]51[.]100[.]5</p></body></html>",
        "e.md": b"# of Markdown\n\n198[.]51[.]100[.]6",
        "f.gz": gzip.compress(b"of gzip 198[.]51[.]100[.]7"),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    found = objects(tmp_path)
    values = [(Path(str(each["file"])).name, str(each["value"]).rpartition(".")[2]) for each in found]
    assert values == [
        ("a.bin", "1"),
        ("b", "2"),
        ("c.txt", "3"),
        ("c.txt", "4"),
        ("d.pdf", "5"),
        ("e.md", "6"),
        ("f.gz", "7"),
    ]
    assert objects(*sorted(tmp_path.iterdir())) == found
    shown = run("extract", tmp_path)
    assert [line.rpartition("/")[2] for line in shown.splitlines() if line.endswith(tuple(files))] == list(files)


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_standard_input_is_read_as_what_it_is(arguments: list[str]) -> None:
    for data in (pdf("198[.]51[.]100[.]1"), docx("198[.]51[.]100[.]1"), b"198[.]51[.]100[.]1"):
        assert [(found["file"], found["value"]) for found in objects(*arguments, given=data)] == [("-", "198.51.100.1")]


def test_standard_input_named_twice_is_refused_in_words() -> None:
    done = finish([*PROGRAM, "extract", "-", "-"], "198[.]51[.]100[.]1")
    assert done.returncode == 2
    assert b"Standard input (-) can be read once" in done.stderr


def test_the_examples_are_read() -> None:
    values = run("extract", EXAMPLES, "--values").split()
    assert "timetable-sync.example" in values


def test_an_import_reads_the_same_documents(dsn: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(pdf("of PDF 198[.]51[.]100[.]1"))
    (tmp_path / "b").write_bytes(docx("of Word 198[.]51[.]100[.]2"))
    (tmp_path / "c").write_bytes(mail("of mail", attached={"x": pdf("198[.]51[.]100[.]3"), "scan.pdf": pdf("")}))
    loaded = json.loads(good("import", tmp_path, "--json", SOCDEFENDERS_DATABASE_URL=dsn))
    assert (loaded["new"], loaded["articles"], loaded["malformed"]) == (3, 3, 1)
    assert loaded["reasons"][0]["why"].startswith("scan.pdf: there is no text in it")


# How it ends


def test_nothing_found_is_status_1() -> None:
    assert objects(given="words alone", status=1) == []
    assert "No indicators in standard input" in run("extract", given="", status=1)
    assert run("extract", "--csv", given="", status=1).count("\n") == 1


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (pdf("x")[:300], "damaged"),
        (pdf("", ""), "no text in it"),
        (pdf("x", password="harbour"), "encrypted with a password"),
        (docx("x")[:500], "archive is damaged"),
        (b"%PDF-", "damaged"),
        (b"PK\x03\x04", "damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "save it as"),
        (bytes(5000), "neither text nor a document"),
        (b"\x1f\x8b\x08\x00cut", "damaged"),
        (b"From: a\nMessage-ID: <1>\nContent-Type: message/rfc822\n\n" * 1000, "parts within parts"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_cannot_be_read_is_status_2_and_the_others_are_read(
    tmp_path: Path, report: Path, data: bytes, words: str
) -> None:
    (tmp_path / "bad").write_bytes(data)
    done = finish([*PROGRAM, "extract", "--values", str(tmp_path / "bad"), str(report)])
    assert done.returncode == 2
    assert done.stdout.decode().split() == ["http://bad.example/a=1", "198.51.100.7"]
    assert done.stderr.startswith(f"Error: {tmp_path}/bad".encode())
    assert done.stderr.count(b"\n") == 1
    assert words in done.stderr.decode()


def test_a_part_that_cannot_be_read_is_status_2_and_named() -> None:
    done = finish([*PROGRAM, "extract", "--values"], mail("198[.]51[.]100[.]7", attached={"scan.pdf": pdf("")}))
    assert (done.returncode, done.stdout) == (2, b"198.51.100.7\n")
    assert done.stderr.startswith(b"Warning: -!scan.pdf: there is no text in it")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["nowhere.pdf"], "No such file"), ([NUL], "neither a file nor a folder"), (["empty"], "no file to read")],
)
def test_what_is_no_file_is_status_2(tmp_path: Path, arguments: list[str], words: str) -> None:
    (tmp_path / "empty").mkdir()
    done = finish([*PROGRAM, "extract", *(str(tmp_path / each) for each in arguments)])
    assert done.returncode == 2
    assert words in done.stderr.decode()


def test_an_endless_standard_input_is_refused() -> None:
    with Path(NUL).open("rb") as endless:
        done = subprocess.run(
            [*PROGRAM, "extract"], stdin=endless, capture_output=True, timeout=60, env=environment(), check=False
        )
    assert done.returncode == 2
    assert b"larger than 64 MiB" in done.stderr


@pytest.mark.parametrize("arguments", [["--type", "asn"], ["--values", "--all"], ["--xml"]], ids=" ".join)
def test_wrong_usage_is_refused(arguments: list[str]) -> None:
    with pytest.raises(click.UsageError):
        root.main(["extract", *arguments, "x"], standalone_mode=False)


@pytest.mark.parametrize("form", ["--table", "--json", "--csv", "--values"])
def test_a_reader_that_goes_away_ends_it_in_silence(tmp_path: Path, form: str) -> None:
    path = tmp_path / "long.txt"
    path.write_text("".join(f"host-{number}[.]long[.]example\n" for number in range(20_000)))
    command = " ".join([*PROGRAM, "extract", form, str(path)])
    done = finish(["bash", "-c", f"{command} | head -c 10"])
    assert done.stderr == b""
    done = finish(["bash", "-c", f"{' '.join(PROGRAM)} defang < {path} | head -c 10"])
    assert done.stderr == b""


@pytest.mark.parametrize("command", ["extract", "refang", "defang"])
def test_an_interruption_ends_it_in_one_line(command: str) -> None:
    with subprocess.Popen(
        [*PROGRAM, command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(b"a line\n")
        process.stdin.flush()
        if command == "extract":
            wait_until_it_has_read(process.stdin)
        else:
            assert process.stdout.readline() == b"a line\n"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said.strip()) == (130, b"Interrupted.")


def wait_until_it_has_read(pipe: IO[bytes]) -> None:
    """Until nothing is left in the pipe."""
    deadline = time.monotonic() + 60
    while struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4))) != (0,):
        assert time.monotonic() < deadline


# What it knows beforehand

NEWLINE = "68b329da9893e34099c7d8ad5cb9c940"


@pytest.fixture
def known(tmp_path: Path) -> Path:
    """A data directory in which nothing is known but one file, as out of the installed packages."""
    said = [knowledge.Package(name, version, "", (), None) for name, version in packages.installed().items()]
    lists = [warning_list("common-ioc-false-positive", "string", [NEWLINE], HASHES)]
    sources = NO_SOURCES._replace(lists=lists, packages=said)
    store.rebuild(tmp_path / "known", Origin(packages.installed, lambda: sources))
    return tmp_path / "known"


def test_what_is_known_beforehand_lies_in_the_data_directory(known: Path) -> None:
    text = f"the hash of a newline, {NEWLINE}, and not of www.wikipedia.org"
    settings = environment(SOCDEFENDERS_DATA_DIR=str(known))
    by_variable = subprocess.run(
        [*PROGRAM, "extract", "--csv", "--all"], input=text.encode(), capture_output=True, env=settings, check=False
    )
    by_option = finish([*PROGRAM, "extract", "--csv", "--all", "--data-dir", str(known)], text)
    assert by_variable.stdout == by_option.stdout
    assert by_option.stderr == b""
    rules = {row["value"]: row["rule"] for row in csv.DictReader(io.StringIO(by_option.stdout.decode()))}
    assert rules == {NEWLINE: "known-good", "www.wikipedia.org": "benign"}
    assert {path.name for path in known.iterdir()} <= knowledge.FILES


@pytest.mark.parametrize("command", ["refang", "defang"])
def test_a_filter_judges_nothing_and_so_needs_nothing_known_beforehand(tmp_path: Path, command: str) -> None:
    settings = environment(SOCDEFENDERS_DATA_DIR=str(tmp_path), HOME=str(tmp_path), XDG_DATA_HOME=str(tmp_path))
    done = subprocess.run(
        [*PROGRAM, command, "see http://www.wikipedia.org/"], capture_output=True, env=settings, check=True
    )
    assert b"wikipedia" in done.stdout
    assert done.stderr == b""
    assert list(tmp_path.iterdir()) == []


# The terminal

ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202eevil"


def on_a_terminal(*arguments: str | Path, given: bytes = b"") -> str:
    """What a command writes to a terminal, both its outputs together."""
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=follower,
        stderr=follower,
        env=environment(NO_COLOR="1", TERM="dumb"),
    ) as process:
        os.close(follower)
        assert process.stdin
        process.stdin.write(given)
        process.stdin.close()
        shown = b""
        while select.select([leader], [], [], 60)[0]:
            try:
                block = os.read(leader, 65536)
            except OSError:  # how a pseudo-terminal ends
                break
            shown += block
    os.close(leader)
    return shown.decode()


@pytest.mark.parametrize("form", ["--table", "--json", "--csv", "--values"])
def test_nothing_that_was_read_reaches_a_terminal_as_a_command_to_it(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"report{ESCAPES.replace('/', '')}.txt"
    path.write_text(f"See hxxp://bad[.]example/a{ESCAPES} and 198[.]51[.]100[.]7 {ESCAPES} there")
    said = re.sub(r"\r+\n", "\n", on_a_terminal("extract", form, path))
    assert "198.51.100.7" in said
    assert [character for character in said if not character.isprintable() and character != "\n"] == []


@pytest.mark.parametrize("command", ["refang", "defang"])
def test_a_filter_spells_out_what_a_terminal_would_obey(command: str) -> None:
    said = on_a_terminal(command, given=f"{ESCAPES} a[.]bad[.]example\n".encode()).replace("\r\n", "\n")
    assert "bad" in said
    assert [character for character in said if not character.isprintable() and character != "\n"] == []


# The filters


def test_refang_undoes_defanging_and_defang_does_it_line_by_line() -> None:
    plain = "see http://bad.example/a.php?x=1.2 and 198.51.100.7:8080, mail a@bad.example\r\n"
    harmless = "see hxxp://bad[.]example/a.php?x=1.2 and 198[.]51[.]100[.]7:8080, mail a[@]bad[.]example\r\n"
    assert finish([*PROGRAM, "defang"], plain).stdout.decode() == harmless
    assert finish([*PROGRAM, "refang"], harmless).stdout.decode() == plain
    assert run("refang", "hxxps[:]//bad[.]example", "198[.]51[.]100[.]7") == "https://bad.example\n198.51.100.7\n"
    assert run("defang", "a.bad.example", "no value") == "a[.]bad[.]example\nno value\n"


@pytest.mark.parametrize("command", ["refang", "defang"])
def test_a_filter_answers_each_line_before_the_next_comes(command: str) -> None:
    buffered = {name: value for name, value in environment().items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen([*PROGRAM, command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=buffered) as process:
        assert process.stdin
        assert process.stdout
        for line in (b"one\n", b"two\n"):
            process.stdin.write(line)
            process.stdin.flush()
            assert select.select([process.stdout], [], [], 30)[0]
            assert process.stdout.readline() == line
        process.stdin.write(b"no end")
        process.stdin.close()
        assert process.stdout.read() == b"no end"
    assert process.returncode == 0


def test_what_a_filter_does_not_change_leaves_as_the_bytes_that_came() -> None:
    odd = b"\xff\xfe caf\xe9 \x00\x1b[31m\t trailing  \r\n\r\r\n\xed\xa0\x80 " + b"x" * (3 << 20) + b"\nlast"
    for command in ("refang", "defang"):
        assert finish([*PROGRAM, command], odd).stdout == odd
    assert finish([*PROGRAM, "defang"], b"\xff 198.51.100.7 \xe9\n").stdout == b"\xff 198[.]51[.]100[.]7 \xe9\n"


def test_hashes_techniques_and_vulnerabilities_are_not_defanged() -> None:
    line = f"T1059.001 CVE-2026-1234 {'ab' * 32}"
    assert dead(line) == line


@settings(deadline=None)
@given(st.lists(domains | ipv4s | ipv6s | links | emails | hashes, min_size=1, max_size=5).map(" ".join))
def test_refang_gives_back_a_line_of_plain_indicators_that_defang_wrote(line: str) -> None:
    assert refang(dead(line)) == line
    assert (
        not re.search(r"https?:|ftps?:|\.example\b", re.sub(r"\[\.\]", "", dead(line)).replace("/", " "))
        or "." not in line
    )


@settings(deadline=None)
@given(hostile)
def test_defanging_twice_is_defanging_once_and_touches_values_alone(line: str) -> None:
    once = dead(line)
    assert refang(dead(once)) == refang(once)


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_value_is_whole_in_a_table_of_any_width(report: Path, columns: int) -> None:
    digits = hashlib.sha256(b"invented").hexdigest()
    report.write_text(f"{REPORT}{digits}\n")
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    command = [*PROGRAM, "extract", str(report)]
    subprocess.run(command, stdout=follower, timeout=60, check=True, env=environment(NO_COLOR="1", TERM="xterm"))
    os.close(follower)
    shown = re.sub(r"\x1b\[\d*m", "", os.read(leader, 65536).decode())
    os.close(leader)
    table = shown[shown.index("Type") : shown.index("1 not taken")]
    assert max(map(len, table.splitlines())) <= columns
    assert ("Context" in table) is (columns == 200)
    assert (digits in table) is (columns > 40)
    assert digits in "".join(re.findall(r"\b[0-9a-f]{4,}\b", table))
