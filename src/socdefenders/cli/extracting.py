"""`socdefenders extract`: the indicators in files of any kind, without a database."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from socdefenders.cli import options
from socdefenders.cli.findings import Csv, Form, Json, Tables, Values, Wanted, find
from socdefenders.cli.progress import Bar
from socdefenders.cli.terminal import console, safe
from socdefenders.errors import FeedError
from socdefenders.feeds import Entry, walk
from socdefenders.feeds.documents import MAX_DOCUMENT, Text, read_text
from socdefenders.feeds.jsons import read_all
from socdefenders.feeds.page import host
from socdefenders.feeds.streams import opened
from socdefenders.model import IocType

NOTHING, UNREADABLE = 1, 2

EPILOG = """\b
Examples:
  socdefenders extract report.pdf
  socdefenders extract phish.eml --all
  socdefenders extract advisories/ --csv > indicators.csv
  socdefenders extract report.docx --type ipv4 --type ipv6 --values > block.txt
  pdftotext scan.pdf - | socdefenders extract --json

\b
Exit status: 0 something was found; 1 nothing was; 2 wrong usage, or a file or a part of one could not be
read (what could be is shown).
"""


@click.command(name="extract", epilog=EPILOG)
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--table", "form", flag_value="table", default="table", help="Print tables, for people; the default.")
@click.option("--json", "form", flag_value="json", help="Print JSON, for programs: one array, an object a line.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV with a header, for spreadsheets.")
@click.option("--values", "form", flag_value="values", help="Print the values alone, one a line, for block lists.")
@click.option("--all", "all_", is_flag=True, help="Show also what is not taken for an indicator, and why.")
@click.option(
    "--type",
    "types",
    multiple=True,
    type=click.Choice([str(type_) for type_ in IocType]),
    help="Show this type alone; may be repeated.",
)
@click.option(
    "--publisher", metavar="HOST", help="Whose text it is: what lies on the publisher's own host is no indicator."
)
@click.option(
    "--defang", is_flag=True, help="Write values and contexts so that nothing makes a link of them: hxxp, [.]"
)
@options.own_files
@click.pass_context
def command(
    context: click.Context,
    *,
    files: tuple[Path, ...],
    form: str,
    all_: bool,
    types: tuple[str, ...],
    publisher: str | None,
    defang: bool,
    data_dir: Path | None,
) -> int:
    """Find the indicators in FILEs, or in standard input (-), defanged or not.

    Reads text, Markdown, HTML, PDF, Word documents (.docx) and mail (.eml, with what is attached to it),
    told by their content; also compressed, in archives and in folders. Each value is shown once a file.
    Nothing is stored, and nothing that stands in a file is ever fetched.
    """
    if all_ and form == "values":
        raise click.UsageError("--values is for block lists, and what --all adds belongs on none.")
    if files.count(Path("-")) > 1:
        raise click.UsageError("Standard input (-) can be read once; name it once.")
    options.read(context.obj, data_dir)
    if not files and sys.stdin.isatty():
        click.echo("Reading from the terminal; Ctrl-D ends the text.", err=True)
    return _run(
        files or (Path("-"),),
        _form(form, Wanted(suppressed=all_, defanged=defang)),
        publisher=_host(publisher),
        types=types,
    )


def _form(form: str, wanted: Wanted) -> Form:
    match form:
        case "json":
            return Json(wanted)
        case "csv":
            return Csv(wanted)
        case "values":
            return Values(wanted)
    return Tables(wanted, console())


def _run(paths: Sequence[Path], output: Form, *, publisher: str | None, types: Sequence[str]) -> int:
    """Read file after file; one that cannot be read does not keep the others from it."""
    files = total = complaints = 0
    # What is printed on a terminal shows by itself how far it is.
    with Bar([path for path in paths if path.exists()], "indicators", wanted=not sys.stdout.isatty()) as bar:
        output.begin()
        for entry in _entries(paths):
            bar.show(entry.name, files, total)
            files += 1
            try:
                document = _read(entry)
            except FeedError as error:
                complaints += _complain("Error", error.message)
                continue
            for reason in document.left_out:
                within = reason if reason.startswith(entry.name) else f"{entry.name}: {reason}"
                complaints += _complain("Warning", f"{within}.")
            found = find(document.text, entry.name, publisher=publisher or host(document.url), types=types)
            total += len(found.indicators)
            output.write(found)
        output.end()
    if not files:
        complaints += _complain("Error", "There is no file to read in the folders named.")
    if complaints:
        return UNREADABLE
    return 0 if total else NOTHING


def _entries(paths: Sequence[Path]) -> Iterator[Entry]:
    for path in paths:
        if str(path) == "-":
            yield Entry("-", lambda: opened(sys.stdin.buffer, "-", MAX_DOCUMENT))
        else:
            yield from walk([path])


def _read(entry: Entry) -> Text:
    with entry.open() as stream:
        return read_text(read_all(stream, MAX_DOCUMENT, entry.name), entry.name)


def _host(publisher: str | None) -> str | None:
    """The host, also where an address of it is given."""
    return host(publisher) if publisher and "://" in publisher else publisher


def _complain(kind: str, message: str) -> int:
    """Say what could not be read, and count it."""
    click.echo(f"{kind}: {safe(message)}", err=True)
    return 1
