"""Which format a file is in: by what stands at its start, and only then by its name."""

import re

from socdefenders.feeds.fields import looks_like_indicator
from socdefenders.feeds.lines import decode
from socdefenders.feeds.parsers.lists import split_comment


def detect(name: str, head: bytes) -> str | None:
    """Name the format (a key of `PARSERS`) of a file called `name` that starts with `head`, or None."""
    text = decode(head)
    first = text.lstrip()
    if not first:
        return "list"
    body = [line for line in text.splitlines()[:400] if line.strip() and not line.startswith(("#", ";", "//"))]
    if body and re.fullmatch(r"[\d.]+\t\d+", body[0]):
        return "ipsum"
    values = sum(looks_like_indicator((split_comment(line)[0].split() or [""])[0]) for line in body)
    if not body or values >= len(body) * 0.5:
        return "openphish" if "openphish" in name.lower() else "list" if "," not in (body or [""])[0] else "csv"
    return "csv" if sum("," in line or "\t" in line for line in body) > len(body) * 0.8 else None
