"""A source as the file that is read back as the same source."""

import re
from datetime import timedelta

from socdefenders.feeds.catalog.feed import Feed, Kind

_SPECIAL = re.compile(r'["\\\x00-\x1f\x7f]')
_SHORT = {'"': r"\"", "\\": r"\\", "\n": r"\n", "\t": r"\t", "\r": r"\r"}


def format_toml(feed: Feed) -> str:
    """Write the file `<slug>.toml`; keys that say nothing are left out."""
    values = {
        "name": _string(feed.name),
        "url": _string(feed.url),
        "homepage": _string(feed.homepage),
        "kind": _string(feed.kind.value) if feed.kind is not Kind.FILE else None,
        "format": _string(feed.format),
        "category": _string(feed.category.value),
        "tier": str(feed.tier),
        "grade": _string(feed.grade),
        "group": _string(feed.group),
        "every": _string(written(feed.every)),
        "licence": _string(feed.licence),
        "terms": _string(feed.terms),
        "key": _string(feed.key),
        "key_header": _string(feed.key_header),
        "enabled": "true" if feed.enabled else "false",
        "expected": f"[{feed.expected.least}, {feed.expected.most}]",
        "confidence": None if feed.confidence is None else str(feed.confidence),
    }
    return "".join(f"{key} = {value}\n" for key, value in values.items() if value is not None)


def written(every: timedelta) -> str:
    """A cadence in the largest unit that is whole: `90m`, `6h`, `1d`."""
    minutes = every // timedelta(minutes=1)
    for unit, length in (("d", 1440), ("h", 60)):
        if minutes % length == 0:
            return f"{minutes // length}{unit}"
    return f"{minutes}m"


def _string(text: str | None) -> str | None:
    """A basic string of TOML."""
    return None if text is None else '"' + _SPECIAL.sub(_escaped, text) + '"'


def _escaped(found: re.Match[str]) -> str:
    return _SHORT.get(found[0]) or f"\\u{ord(found[0]):04x}"
