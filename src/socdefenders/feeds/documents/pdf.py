"""PDF, by pypdf in a process of its own, which the kernel keeps within its time and its memory.

A PDF is a program for drawing pages: whoever writes one decides how much work it is to read. The
libraries bound single streams, not the whole. What was read before a limit was reached is kept.
"""

import importlib.util
import re
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import orjson

from socdefenders.errors import FeedError
from socdefenders.feeds.documents.base import Text, joined
from socdefenders.feeds.fields import clean, when
from socdefenders.feeds.jsons import Json, as_dict, as_list

SECONDS = 60
"""Of processor time for one PDF."""
MEMORY = 1 << 30
"""Bytes of address space of the process that reads it."""
MAX_PAGES = 5_000

_WAIT = 5
"""A machine that is busy with other things may take so many times as long."""
_HEADER = 1024
"""Readers look for a PDF's first line within so many bytes."""
_PROGRAM = Path(__file__).with_name("pdf_process.py")
_CREATED = re.compile(r"D:(\d{4})(\d\d)(\d\d)")


def read_pdf(data: bytes, name: str, *, seconds: int = SECONDS) -> Text:
    """Read the pages of a PDF and, after each, where its links lead."""
    if b"%PDF-" not in data[:_HEADER]:
        raise FeedError(f"{name}: is no PDF.")
    if importlib.util.find_spec("pypdf") is None:
        raise FeedError(f"{name}: reading PDFs needs the package pypdf: pip install 'socdefenders[pdf]'.")
    said, how = _run(data, seconds)
    head = said[0] if said else {}
    if problem := clean(head.get("error")):
        raise FeedError(f"{name}: {problem}.")
    pages, expected = said[1:], head.get("pages")
    if not isinstance(expected, int) or (how and not pages):
        raise FeedError(f"{name}: cannot be read ({how or 'the reader said nothing'}).")
    if expected > MAX_PAGES:
        raise FeedError(f"{name}: has {expected:,} pages, more than {MAX_PAGES:,}; split it.")
    left_out = [f"page {number} cannot be read" for number, page in enumerate(pages, 1) if "error" in page]
    if len(pages) < expected:
        left_out.append(f"pages {len(pages) + 1:,} to {expected:,} were not read ({how})")
    text = joined((section for page in pages for section in _sections(page)), name)
    if not text and not left_out:
        raise FeedError(f"{name}: there is no text in it, its pages are images; read it by OCR first.")
    return Text(text, clean(head.get("title")), _created(head), left_out=tuple(left_out))


def _run(data: bytes, seconds: int) -> tuple[list[Json], str]:
    """What the reader said, and how it failed, if it did."""
    command = [sys.executable, "-P", str(_PROGRAM), str(seconds), str(MEMORY), str(MAX_PAGES)]
    try:
        done = subprocess.run(  # noqa: S603 - our own program, and no shell
            command, input=data, capture_output=True, timeout=seconds * _WAIT, check=False
        )
    except subprocess.TimeoutExpired as error:
        return _messages(error.stdout or b""), f"it takes more than {seconds * _WAIT} s"
    return _messages(done.stdout), _failure(done, seconds)


def _messages(out: bytes) -> list[Json]:
    """The whole lines; a last one may have been cut off."""
    return [as_dict(orjson.loads(line)) for line in out.split(b"\n")[:-1]]


def _failure(done: "subprocess.CompletedProcess[bytes]", seconds: int) -> str:
    if done.returncode == 0:
        return ""
    if done.returncode == -signal.SIGXCPU:  # which ends it, so that a SIGKILL comes from elsewhere: too little memory
        return f"it takes more than {seconds} s"
    if done.returncode < 0:
        return f"the reader was killed by signal {-done.returncode}"
    last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    return f"it takes more than {MEMORY >> 20} MiB" if last.startswith("MemoryError") else last[:200]


def _sections(page: Json) -> tuple[list[str], list[str]]:
    """What a page shows, and where it leads."""
    return str(page.get("text") or "").splitlines(), [str(link) for link in as_list(page.get("links"))]


def _created(head: Json) -> datetime | None:
    found = _CREATED.match(str(head.get("created") or ""))
    return when("-".join(found.groups())) if found else None
