"""Every format by its own invented files: what is recognised, and what comes out.

Each folder `<format>/<case>/` holds a file as a publisher would publish it and `expected.json`, the
items it gives. `python -m tests.feeds.test_formats` writes the expectations anew: read the difference.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from socdefenders.errors import FeedError
from socdefenders.feeds import PARSERS, items, recognise, source_name, walk
from socdefenders.model import Item, Observable

HERE = Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("*/*/expected.json"))


def published(case: Path) -> Path:
    """The one file of a case that is not the expectation."""
    (found,) = (path for path in case.iterdir() if path.name != "expected.json")
    return found


def told(item: Item) -> dict[str, object]:
    """An item as data, without what it does not say."""
    fields = item._asdict() if isinstance(item, Observable) else {name: getattr(item, name) for name in item.__slots__}
    told_ = {
        name: value
        for name, value in fields.items()
        if value not in (None, ()) and (name, value) != ("supported", True)
    }
    plain = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in told_.items()}
    return {"item": type(item).__name__, **json.loads(json.dumps(plain))}


def outcome(case: Path) -> Iterator[dict[str, object]]:
    """What a case gives: its items, and the error it ends with, if any."""
    (entry,) = walk([published(case)])
    try:
        yield from map(told, items(entry))
    except FeedError as error:
        yield {"item": "FeedError", "message": error.message.rpartition("/")[2]}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_a_published_file_is_recognised_and_gives_the_expected_items(case: Path) -> None:
    (entry,) = walk([published(case)])
    found = recognise(entry)
    assert found is not None
    assert found.name == case.parent.name
    assert list(outcome(case)) == json.loads((case / "expected.json").read_text())


def test_every_format_has_a_case() -> None:
    assert set(PARSERS) == {case.parent.name for case in CASES}


@pytest.mark.parametrize("name", ["urlhaus.txt", "URLhaus_2026-05-01.csv.gz", "feeds/URL-Haus/list.txt"])
def test_a_publisher_is_one_source_however_its_file_is_spelt(name: str) -> None:
    assert source_name(name, PARSERS["list"]) == PARSERS["urlhaus"].source
    assert source_name(name.replace("H", "h").replace("haus", "house")) != PARSERS["urlhaus"].source


if __name__ == "__main__":
    for folder in sorted(path for path in HERE.glob("*/*") if path.is_dir() and "__" not in path.name):
        text = json.dumps(list(outcome(folder)), indent=1, ensure_ascii=False)
        (folder / "expected.json").write_text(text + "\n")
