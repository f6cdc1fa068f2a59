"""`python -m tests.bench.feeds`: our reader of RSS and Atom beside `feedparser`, on feeds made to test readers.

For each file: how many entries either finds, how long ours takes, and where title, link or date differ. What differs
is printed, to be looked at: which of the two is right, no program knows. The files lie outside of the project, in the
folder that SOCDEFENDERS_SHARED names.
"""

import io
import sys
import time
from calendar import timegm
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import feedparser

from socdefenders.errors import FeedError
from socdefenders.feeds import PARSERS, Entry, items, walk
from socdefenders.feeds.page import visible_text
from socdefenders.model import Document, Item
from tests.real_data import DATA, MISSING

MINUTE = 60.0


def ours(entry: Entry) -> tuple[list[Item], float]:
    """What our reader finds, and the CPU seconds that it takes."""
    found: list[Item] = []
    began = time.process_time()
    with suppress(FeedError):
        found.extend(items(entry, PARSERS["rss"]))
    return found, time.process_time() - began


def differences(mine: Document, theirs: dict[str, Any]) -> Iterator[tuple[str, object, object]]:
    """Name what the two say otherwise: what it is, ours, theirs."""
    title = " ".join(visible_text(theirs.get("title", "")).split())[:500]
    if title and title != mine.title:
        yield "title", mine.title, title
    if theirs.get("link") and theirs["link"] != mine.url:
        yield "link", mine.url, theirs["link"]
    at = theirs.get("published_parsed")
    date = datetime.fromtimestamp(timegm(at), UTC) if at else None
    if date and (mine.published_at is None or abs((mine.published_at - date).total_seconds()) >= MINUTE):
        yield "date", mine.published_at, date


def main() -> None:
    """Compare, and print."""
    if not DATA.is_dir():
        sys.exit(MISSING)
    files = enough = compared = told = 0
    slowest = (0.0, "")
    for entry in walk([DATA / "rss" / "nasty"]):
        with entry.open() as stream:
            theirs = feedparser.parse(io.BytesIO(stream.read())).entries
        found, seconds = ours(entry)
        files, enough = files + 1, enough + (len(found) >= len(theirs))
        slowest = max(slowest, (seconds, entry.name))
        if len(found) < len(theirs):
            print(f"{entry.name}: {len(found)} entries, not {len(theirs)}")
        if len(found) != len(theirs):
            continue
        for mine, other in zip(found, theirs, strict=True):
            if isinstance(mine, Document):
                different = list(differences(mine, other))
                compared, told = compared + 1, told + bool(different)
                for what, one, another in different:
                    print(f"{entry.name}: {what} {one!s:.100} | {another!s:.100}")
    print(f"{files} files: as many entries or more in {enough} ({enough / files:.1%})")
    print(f"{compared} entries compared: {compared - told} say the same, {told} do not")
    print(f"slowest: {slowest[0]:.2f} s of CPU, {slowest[1]}")


if __name__ == "__main__":
    main()
