"""`socdefenders prune`: do what a worker does once a day, or remove all that one source reported."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from socdefenders import upkeep
from socdefenders.cli import options
from socdefenders.cli.place import Place, database, prepare
from socdefenders.cli.terminal import console, safe, write_json
from socdefenders.errors import InputError
from socdefenders.ingest.weighing import corroborated
from socdefenders.seams import utc
from socdefenders.storage.retention import Keeper, Pruned
from socdefenders.upkeep import Policy

EPILOG = """\b
Examples:
  socdefenders prune --dry-run
  socdefenders prune
  socdefenders prune --source "Greyharbour Blocklist"

\b
Exit status: 0 done, also where there was nothing to do; 2 wrong usage, or no such source; 3 no database;
130 interrupted.
"""
INTERRUPTED = 130
LINES = {
    "inactive": "indicators marked inactive: not reported for longer than their type lasts",
    "indicators": "indicators removed",
    "sightings": "reports removed",
    "articles": "articles removed",
    "bodies": "texts of articles let go; what was found in them stays",
    "suppressed": "notes let go on what was no indicator in these",
    "tombstones": "notes let go on what was removed long ago",
}
"""The counts of the summary, and what each means."""


@dataclass(slots=True)
class Run:
    """One run, and how far it came."""

    policy: Policy
    source: str | None
    dry_run: bool
    sure: bool
    """Whether it was said beforehand that a source is to be removed."""
    total: Pruned = field(default_factory=Pruned)
    interrupted: bool = False

    def work(self, place: Place) -> None:
        """Do everything; an interruption on the way is not raised but noted."""
        found, source = asyncio.run(self._look(place))
        if self.dry_run:
            self.total = found
            return
        if source is not None and not self.sure:
            _ask(self.source or "", found)
        try:
            asyncio.run(self._work(place, source))
        except KeyboardInterrupt:
            self.interrupted = True

    async def _look(self, place: Place) -> tuple[Pruned, int | None]:
        """Return what would be done, where that is to be said, and the id of the source."""
        await prepare(place)
        async with await Keeper.open(place.dsn, corroborate=corroborated) as keeper:
            if self.source is None:
                return await keeper.count(self.policy.limits(utc())) if self.dry_run else Pruned(), None
            source = await keeper.find_source(self.source)
            if source is None:
                raise InputError(f"No source of the name {self.source!r} is known; case and blanks count.")
            return Pruned() if self.sure and not self.dry_run else await keeper.count_source(source), source

    async def _work(self, place: Place, source: int | None) -> None:
        async with await Keeper.open(place.dsn, corroborate=corroborated) as keeper:
            if source is None:
                await self._count(upkeep.prune(keeper, self.policy.limits(utc()), clock=utc))
            else:
                await self._count(keeper.withdraw(source, clock=utc))

    async def _count(self, parts: AsyncIterator[Pruned]) -> None:
        """Add up what is done, and show it as it goes on."""
        columns = SpinnerColumn(), TextColumn("{task.completed:,.0f} rows", markup=False), TimeElapsedColumn()
        with Progress(
            *columns, console=console(sys.stderr), disable=not sys.stderr.isatty(), transient=True
        ) as progress:
            task = progress.add_task("", total=None)
            async for part in parts:
                self.total.add(part)
                progress.update(task, completed=self.total.rows)


@click.command(name="prune", epilog=EPILOG)
@click.option(
    "--source",
    metavar="NAME",
    help="Remove all that this source reported, and nothing else; its name as answers say it.",
)
@click.option("--yes", is_flag=True, help="Remove a source without asking.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@options.as_json
@options.data_dir
@click.pass_context
def command(
    context: click.Context, *, source: str | None, yes: bool, dry_run: bool, as_json: bool, data_dir: Path | None
) -> int:
    """Mark what is no longer active, and remove what is not kept, as the settings say.

    A worker does the same once a day. It is done in small steps, and may be interrupted and repeated; writers and
    searches go on meanwhile.
    """
    environ: Mapping[str, str] = context.obj
    settings = options.read(environ, data_dir)
    if as_json and source is not None and not (yes or dry_run):
        raise click.UsageError("With --json nobody is asked: say --yes, or --dry-run.")
    run = Run(Policy.of(settings), source, dry_run, sure=yes)
    with database(settings, context.command_path) as place:
        run.work(place)
    if as_json:
        write_json({**asdict(run.total), "source": source, "dry_run": dry_run, "interrupted": run.interrupted})
    else:
        click.echo(_summary(run))
    if run.interrupted:
        click.echo("Interrupted: what is counted above is done; the same command does the rest.", err=True)
        return INTERRUPTED
    return 0


def _ask(source: str, found: Pruned) -> None:
    """Ask whether a source is to be removed; end the command when it is not."""
    click.echo(
        f"{safe(source)} made {found.sightings:,} reports and {found.articles:,} articles; "
        f"{found.indicators:,} indicators are reported by nobody else, and go with them."
    )
    click.confirm("Remove all of it, for good?", abort=True)


def _summary(run: Run) -> str:
    counts = {name: getattr(run.total, name) for name in LINES}
    if not run.total.rows:
        return "Nothing is done yet." if run.interrupted else "Nothing to do."
    width = max(len(f"{count:,}") for count in counts.values())
    head = "It would be:" if run.dry_run else "Done:"
    return "\n".join([head, *[f"  {counts[name]:>{width},}  {LINES[name]}" for name in LINES if counts[name]]])
