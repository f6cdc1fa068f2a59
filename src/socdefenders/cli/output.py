"""Standard output that says when it cannot be written, so that a lost answer is never taken for none.

A full disk or a reader that went away would else end in a traceback and in status 1, which is that of
"not found".
"""

import io
import os
import signal
import sys
from typing import TYPE_CHECKING

from socdefenders.errors import OutputLost

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

LOST = 4
"""Exit status when what was to be printed could not be written."""
BROKEN_PIPE = 128 + signal.SIGPIPE
"""The usual one when whoever read along has gone."""


class _Output(io.FileIO):
    """Standard output as it is, with errors of its own."""

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError as error:
            raise OutputLost(reader_gone=True) from error
        except OSError as error:
            raise OutputLost(f"Standard output cannot be written: {error.strerror}.") from error


def prepare() -> None:
    """Replace standard output by one that says when it is lost; raise OutputLost when it is closed.

    What the terminal's encoding has no letter for is shown by its number.
    """
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  # for the whole process
    if sys.stdout is None:
        raise OutputLost("Standard output is closed.")
    raw = _Output(sys.stdout.fileno(), "w", closefd=False)
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=sys.stdout.encoding, errors="backslashreplace", line_buffering=raw.isatty()
    )
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="backslashreplace")


def discard() -> None:
    """Let what is still to be written vanish, so that the interpreter does not try it again at its end."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
