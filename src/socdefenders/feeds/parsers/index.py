"""Files that list other files, such as MISP's manifest and TAXII's collections. They hold no indicators."""

from collections.abc import Iterator
from typing import BinaryIO

from socdefenders.feeds.parsers.base import Hints
from socdefenders.model import Item


def parse_index(_stream: BinaryIO, _hints: Hints) -> Iterator[Item]:
    """Give nothing: the files it lists are read for themselves."""
    return iter(())
