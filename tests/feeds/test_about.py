"""What several values of one record share stands in the same order as in each of them."""

from socdefenders.feeds.parsers.base import BARE, About
from socdefenders.model import Observable


def test_what_is_published_of_a_value_is_an_observable_without_value_line_and_type() -> None:
    assert ("value", "line", "type", *About._fields) == Observable._fields
    assert About._field_defaults.items() <= Observable._field_defaults.items()
    assert Observable("192.0.2.1", 0, None, *BARE) == Observable("192.0.2.1")
