"""The catalog of sources: a file a source, those that come with the package and those of an operator's folder.

Files lie beside this module, named by their slugs. Reading them needs no clock and no network; nothing is read
before somebody asks.
"""

from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import NamedTuple

from socdefenders.errors import CatalogError
from socdefenders.feeds.catalog.feed import FORMATS_OF, KEYS, Address, Expected, Feed, Kind, Switch, parse
from socdefenders.feeds.catalog.writing import format_toml, written

__all__ = [
    "FORMATS_OF",
    "KEYS",
    "Address",
    "Expected",
    "Feed",
    "Kind",
    "Switch",
    "Voice",
    "builtin",
    "format_toml",
    "in_force",
    "load",
    "parse",
    "refuse_twice",
    "voices",
    "written",
]


class Voice(NamedTuple):
    """How far a source is believed, and whose voice it is."""

    grade: str
    group: str


def builtin() -> dict[str, Feed]:
    """Read the sources that come with the package, by their slugs and in their order."""
    return load(files(__name__))


def in_force(own: Path) -> dict[str, Feed]:
    """Read the sources that come with the package, and over them those of an operator's folder, if it is there."""
    return load(own, builtin()) if own.is_dir() else builtin()


def load(folder: Traversable, base: Mapping[str, Feed] | None = None) -> dict[str, Feed]:
    """Read the files of `folder` over the sources of `base`.

    A file replaces the source of its name; one that holds `enabled` alone switches that source on or off.
    """
    known = dict(base or {})
    for file in sorted(_described(folder), key=lambda each: each.name):
        found = parse(_content(file), file.name)
        if isinstance(found, Feed):
            known[found.slug] = found
        elif found.slug in known:
            known[found.slug] = replace(known[found.slug], enabled=found.enabled)
        else:
            raise CatalogError(
                f"{file.name}: enabled: there is no source {found.slug!r} to switch; describe it whole.",
                file=file.name,
                key="enabled",
            )
    refuse_twice(known)
    return dict(sorted(known.items()))


def refuse_twice(feeds: Mapping[str, Feed]) -> None:
    """Raise CatalogError for two sources that would fetch the same: their reports would count as two."""
    seen: dict[str, str] = {}
    for slug, feed in feeds.items():
        other = seen.setdefault(feed.url, slug) if feed.enabled else slug
        if other != slug:
            raise CatalogError(
                f"{slug}.toml: url: {other} has the same; call it {other}.toml to replace that, or switch one off.",
                file=f"{slug}.toml",
                key="url",
            )


def voices(feeds: Mapping[str, Feed]) -> dict[str, Voice]:
    """Return the voices of sources by their names, as a file that somebody loads may name them too.

    A publisher of several, `Greyharbour: Addresses` and `Greyharbour: Names`, is known as `Greyharbour` by the least of
    their grades, if they have one voice.
    """
    known: dict[str, Voice] = {}
    shared: dict[str, set[Voice]] = {}
    for feed in feeds.values():
        known[feed.name] = Voice(feed.grade, feed.group)
        shared.setdefault(feed.name.partition(":")[0], set()).add(known[feed.name])
    of_publishers = {
        name: max(said)
        for name, said in shared.items()
        if name not in known and len({each.group for each in said}) == 1
    }
    return known | of_publishers


def _described(folder: Traversable) -> list[Traversable]:
    try:
        return [each for each in folder.iterdir() if each.name.endswith(".toml") and not each.name.startswith(".")]
    except OSError as error:
        raise CatalogError(f"{folder}: cannot be read ({error.strerror or error}).", file=str(folder)) from error


def _content(file: Traversable) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CatalogError(f"{file.name}: cannot be read ({error.strerror or error}).", file=file.name) from error
