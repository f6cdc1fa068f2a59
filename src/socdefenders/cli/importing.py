"""`socdefenders import`: load files, show how far it is, say what became of every record."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path

import click

from socdefenders import ingest
from socdefenders.cli import options
from socdefenders.cli.place import Place, database, exists, passing, prepare
from socdefenders.cli.progress import Bar
from socdefenders.cli.terminal import safe, write_json
from socdefenders.errors import FeedError
from socdefenders.feeds import PARSERS
from socdefenders.feeds.catalog import in_force, voices
from socdefenders.model import Outcome
from socdefenders.settings import Settings
from socdefenders.storage.layout import FEEDS

EPILOG = """\b
Examples:
  socdefenders import feeds/
  socdefenders import urlhaus.csv.gz threatfox.json report.html
  socdefenders import --source "Our sandbox" --format list hashes.txt
  socdefenders import --dry-run --strict new-feed.csv

\b
Exit status: 0 loaded; 1 nothing could be read of any file, or something was malformed and --strict
was given; 2 wrong usage; 3 no database; 130 interrupted.
"""

INTERRUPTED = 130
LINES = {
    "new": "reports that were not known",
    "updated": "reports that say more than was known",
    "unchanged": "reports that were known",
    "repeated": "said again by the same file",
    "suppressed": "values that are no indicator, such as a private address",
    "unsupported": "well-formed, of a kind that is not kept, such as a network",
    "malformed": "could not be read",
    "articles": "articles new or changed",
}
"""The counts of the summary, and what each means."""
LEFT_OUT = ("malformed", "unsupported", "suppressed")
"""The counts that have reasons, what wants a look first."""
TELLING = 1_000
"""Records from which their number a second says something of the machine rather than of the start."""
RECORDS = tuple(name for name in LINES if name != "articles")


@dataclass(slots=True)
class Run:
    """One import, and how far it came."""

    paths: Sequence[Path]
    options: ingest.Options
    bar: Bar
    began: float = field(default_factory=time.monotonic)
    outcome: Outcome = field(default_factory=Outcome)
    interrupted: bool = False

    def work(self, place: Place) -> None:
        """Load everything; an interruption is not raised but noted."""
        try:
            asyncio.run(self._load(place))
        except KeyboardInterrupt:
            self.interrupted = True

    async def _load(self, place: Place) -> None:
        await prepare(place)
        self.began = time.monotonic()
        with self.bar:
            self.outcome = await ingest.load(
                place.dsn, self.paths, now=datetime.now(UTC), options=self.options, progress=self._progress
            )

    def _progress(self, file: str, outcome: Outcome) -> None:
        self.outcome = outcome
        self.bar.show(file, outcome.files, records(outcome))


def records(outcome: Outcome) -> int:
    """Return how many records were read."""
    return sum(getattr(outcome, name) for name in RECORDS)


class Readable(click.Path):
    """The path of a file or folder; for `-` it says why that is none here."""

    def convert(
        self, value: str | PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | PathLike[str]:
        """Return the path, or refuse it."""
        if value == "-":
            self.fail(
                "Standard input is not read, as the name of a file says who published it: name a file.", param, ctx
            )
        return super().convert(value, param, ctx)


def list_formats(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:  # noqa: FBT001  # as click calls it
    """Print the formats and exit."""
    if not wanted or context.resilient_parsing:
        return
    width = max(map(len, PARSERS))
    for name, format_ in PARSERS.items():
        click.echo(f"{name:<{width}}  {format_.description}")
    context.exit()


@click.command(name="import", epilog=EPILOG)
@click.argument("paths", nargs=-1, required=True, type=Readable(exists=True, path_type=Path), metavar="PATH...")
@click.option(
    "--source", metavar="NAME", help="Name the source of everything; default: the publisher that the files name."
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(list(PARSERS)),
    metavar="FORMAT",
    help="Read every file as this format; default: each is recognised. See --list-formats.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be new, and write nothing.")
@click.option("--strict", is_flag=True, help="Exit with status 1 when anything was malformed.")
@click.option(
    "--list-formats",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=list_formats,
    help="List the formats and exit.",
)
@options.as_json
@options.data_dir
@click.pass_context
def command(
    context: click.Context,
    *,
    paths: tuple[Path, ...],
    source: str | None,
    format_: str | None,
    dry_run: bool,
    strict: bool,
    as_json: bool,
    data_dir: Path | None,
) -> int:
    """Load files, folders and archives that publishers publish.

    Feeds become reports of indicators; pages, news and reports are read for the indicators in their
    text. Plain, .gz, .zst, .xz, .zip and .tar files are opened. Loading the same thing twice changes
    nothing.
    """
    environ: Mapping[str, str] = context.obj
    settings = options.read(environ, data_dir)
    if source is not None and (not source.strip() or not source.isprintable()):
        raise click.BadParameter("must be printable, and not empty", param_hint="--source")
    with _where(settings, context.command_path, dry_run=dry_run) as place:
        known = voices(in_force(settings.feeds_dir or settings.data_dir / FEEDS))
        run = Run(paths, ingest.Options(source, format_, dry_run, voices=known), Bar(paths))
        run.work(place)
    seconds = time.monotonic() - run.began
    if as_json:
        write_json(_facts(run, seconds))
    else:
        click.echo(_summary(run, seconds))
    if run.interrupted:
        kept = "nothing was written" if dry_run else "what is counted above is kept; load the same again to complete it"
        click.echo(f"Interrupted: {kept}.", err=True)
        return INTERRUPTED
    if not run.outcome.files:
        raise FeedError("There is no file to load at the paths named.")
    if run.outcome.unread == run.outcome.files:
        raise FeedError("Nothing could be read; the reasons stand above. Is it one of --list-formats?")
    return 1 if strict and run.outcome.malformed else 0


def _where(settings: Settings, name: str, *, dry_run: bool) -> AbstractContextManager[Place]:
    """Return the database to load into; a dry run compares with an empty one where there is none, and makes none."""
    return passing(name) if dry_run and not exists(settings) else database(settings, name, create=not dry_run)


def _facts(run: Run, seconds: float) -> dict[str, object]:
    return {
        **asdict(run.outcome),
        "reasons": [reason._asdict() for reason in run.outcome.reasons],
        "dry_run": run.options.dry_run,
        "interrupted": run.interrupted,
        "seconds": round(seconds, 3),
        "records_per_second": round(records(run.outcome) / max(seconds, 0.001)),
    }


def _summary(run: Run, seconds: float) -> str:
    outcome = run.outcome
    count = records(outcome)
    what = f"{_counted(count, 'record')} of {_counted(outcome.files, 'file')} in {seconds:.1f} s"
    rate = f" ({count / seconds:,.0f} records/s)" if count >= TELLING else ""
    verb = "Read, without writing," if run.options.dry_run else "Loaded"
    width = max(len(f"{getattr(outcome, name):,}") for name in LINES)
    lines = [f"{verb} {what}{rate}.", ""]
    lines += [f"  {name:<11}  {getattr(outcome, name):>{width},}  {meaning}" for name, meaning in LINES.items()]
    lines += ["", *_left_out(outcome)] if outcome.reasons else []
    if outcome.empty_reports:
        lines += ["", "Read as reports (text), in which nothing is reported; if they are lists: --format list"]
        lines += [f"  {safe(name)}" for name in outcome.empty_reports]
    return "\n".join(lines)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _left_out(outcome: Outcome) -> Iterator[str]:
    """Give the reasons, by their kind, and how many records of each kind were left out beside those."""
    yield "Left out:"
    for kind in LEFT_OUT:
        reasons = [reason for reason in outcome.reasons if reason.kind == kind]
        yield from (f"  {kind:<11}  {safe(str(reason))}" for reason in reasons)
        left = getattr(outcome, kind) - len(reasons)
        if left > 0:
            yield f"  {kind:<11}  ... and {left:,} more"
