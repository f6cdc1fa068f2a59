"""The progress bar over many files, on standard error, where that is a terminal."""

import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from socdefenders.cli.terminal import console, safe
from socdefenders.feeds import files

MOST_FILES = 100_000
"""Files whose sizes are added up beforehand; with more, the bar only moves."""
NAME_WIDTH = 36


class Bar:
    """How far a command is: by the size of the files that lie behind it."""

    def __init__(self, paths: Sequence[Path], what: str = "records", *, wanted: bool = True) -> None:
        """Count `what`; show nothing unless it is `wanted` and standard error is a terminal."""
        self._paths = paths
        self._behind: dict[str, int] = {}
        self._total: int | None = None
        self._task = TaskID(0)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn(
                f"{{task.fields[files]:,}} files  {{task.fields[records]:,}} {what}  {{task.fields[rate]:,.0f}}/s",
                markup=False,
            ),
            TimeElapsedColumn(),
            console=console(sys.stderr),
            disable=not (wanted and sys.stderr.isatty()),
            transient=True,
        )

    def __enter__(self) -> Self:
        """Measure the files, and show the bar."""
        if not self._progress.disable:
            self._measure()
        self._task = self._progress.add_task("", total=self._total, files=0, records=0, rate=0.0)
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        self._progress.stop()

    def show(self, file: str, files: int, records: int) -> None:
        """Say that `file` is being read, after so many files and records."""
        if self._progress.disable:
            return
        elapsed = self._progress.tasks[0].elapsed or 0.0
        name = safe(file)
        self._progress.update(
            self._task,
            description=name if len(name) <= NAME_WIDTH else "..." + name[-NAME_WIDTH + 3 :],
            completed=self._behind.get(file.partition("!")[0], self._behind.get(file)),
            files=files,
            records=records,
            rate=records / elapsed if elapsed else 0.0,
        )

    def _measure(self) -> None:
        total = 0
        for number, path in enumerate(files(self._paths)):
            if number == MOST_FILES:
                return
            self._behind[str(path)] = total
            total += path.stat().st_size if path.is_file() else 0
        # Within one file there is no telling how much of it was read: the bar then only moves.
        self._total = total if len(self._behind) > 1 else None
