"""Structured log lines on stderr, JSON or text, of this package and of the libraries under it.

The last step of every line, whoever wrote it, takes out what looks like an API key: a key that
somebody pastes where it does not belong (a path, a query, a header that ends up in a traceback) stays
out of the log.
"""

import asyncio
import logging
import re
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import BinaryIO, Self

import orjson
import structlog

MAX_VALUE = 200
"""Characters of a value somebody sent that a line shows."""

_KEY = re.compile(rb"(sk_live_[0-9A-Za-z]{4})[0-9A-Za-z]+")
_WEB_SCHEME = re.compile("http", re.IGNORECASE)
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

Event = MutableMapping[str, object]


def configure(*, level: str, form: str, stream: BinaryIO | None = None) -> None:
    """Send everything of at least `level` to `stream` (stderr), as "json" or "text"."""
    render = _json if form == "json" else _text
    structlog.configure(
        processors=[structlog.processors.format_exc_info, _head, render],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=_Lines(stream or sys.stderr.buffer).logger,
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_Forward()], level=max(_LEVELS[level], logging.WARNING), force=True)


def logger() -> structlog.typing.FilteringBoundLogger:
    """Return a logger, bound once so that a line costs no look-up."""
    bound: structlog.typing.FilteringBoundLogger = structlog.get_logger().bind()
    return bound


def shown(value: str) -> str:
    """Return what somebody sent as a line may show it: bounded, and with nothing in it that becomes a link.

    Whatever stands anywhere in it: it is any text, not one indicator as `indicators.refang.defang` takes it.
    """
    return _WEB_SCHEME.sub("hxxp", value[:MAX_VALUE]).replace(".", "[.]").replace("@", "[@]").replace(":", "[:]")


class _Lines:
    """Writes lines to a stream, those of one turn of an event loop at once: a write costs as much as making a line."""

    def __init__(self, stream: BinaryIO) -> None:
        """Write to `stream`; whoever logs outside of a loop has the line written at once."""
        self._stream = stream
        self._waiting: list[bytes] = []

    def logger(self, *_names: object) -> Self:
        """Return what structlog hands finished lines to."""
        return self

    def msg(self, line: bytes) -> None:
        """Write one line, which comes without its end."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._waiting.append(line)
            self._write()
            return
        if not self._waiting:
            loop.call_soon(self._write)
        self._waiting.append(line)

    debug = info = warning = warn = error = err = critical = fatal = exception = log = msg

    def _write(self) -> None:
        lines, self._waiting = self._waiting, []
        # Who reads the log may be gone, and there is no other place to say so; requests are answered all the same.
        with suppress(OSError):
            self._stream.write(b"\n".join([*lines, b""]))
            self._stream.flush()


class _Forward(logging.Handler):
    """Hands the lines of libraries to our own logger."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(
            record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info or None
        )


def _head(_logger: object, level: str, event: Event) -> Event:
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    return {"time": time[:-6] + "Z", "level": level, "event": event.pop("event"), **event}


def _json(_logger: object, _level: str, event: Event) -> bytes:
    return _without_keys(orjson.dumps(event, default=repr))


def _text(_logger: object, _level: str, event: Event) -> bytes:
    trace = event.pop("exception", None)
    head = f"{event.pop('time')} {event.pop('level')!s:<7} {event.pop('event')}"
    # repr: a line break in a value must not begin a line of its own.
    fields = " ".join(f"{name}={value!r}" for name, value in event.items())
    text = f"{head} {fields}".rstrip() + (f"\n{trace}" if trace else "")
    return _without_keys(text.encode("utf-8", "backslashreplace"))


def _without_keys(line: bytes) -> bytes:
    return _KEY.sub(rb"\1...", line) if b"sk_live_" in line else line
