"""Literals that every match of a pattern holds, and the tables that rules stand in."""

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from socdefenders.enrich import category, phrases, sectors, severity
from socdefenders.enrich.rules import Rules, expanded, needed, table

TABLES = {
    "phrases": phrases.PHRASES,
    "named": sectors.NAMED,
    "victims": sectors.VICTIMS,
    "listed": sectors.LISTED,
    "cues": category.CUES,
    "title cues": category.TITLE_CUES,
    "said": severity.SAID,
}
RULES = {name: Rules(rules) for name, rules in TABLES.items()}


@pytest.mark.parametrize(
    ("pattern", "literals"),
    [
        ("word", {"word"}),
        ("one|other", {"one", "other"}),
        (r"\bcron ?(?:jobs?|tabs?)\b", {"cron"}),
        (r"(?:a|bb) long", {" long"}),
        (r"(?:drop|download)s? it", {"drop", "download"}),
        (r"\w+ing", {"ing"}),
        (r"(?:first )?second", {"second"}),
        (r"ab{0,3}cde", {"cde"}),
        (r"a\.b", {"a.b"}),
        (r"[xy]abc[^z]", {"abc"}),
        ("colou?r", {"colo"}),
    ],
)
def test_the_literals_of_a_pattern(pattern: str, literals: set[str]) -> None:
    assert needed(pattern) == literals


@pytest.mark.parametrize("pattern", [r"\w+", "a?", "(?:abc)?", "abc|d", "abc)"])
def test_a_pattern_without_any_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="no literal"):
        needed(pattern)


SPOKEN = """
    attackers exploited a vulnerability in the server and phishing emails with attachments stole passwords from browsers
    encrypted files cron job scheduled task dll side-loading powershell script banks targeted of
"""
WORDS = st.sampled_from(SPOKEN.split())


@pytest.mark.parametrize("name", TABLES)
@given(words=st.lists(WORDS, max_size=12))
def test_looking_for_literals_first_loses_nothing(name: str, words: list[str]) -> None:
    text = " ".join(words).encode()
    every = {name for name, pattern in TABLES[name] if re2.search(expanded(pattern).encode(), text)}
    assert {name for name, _ in RULES[name].search(text)} == every


def test_a_table_is_read_with_its_parts() -> None:
    text = "\n# A comment\nfirst a<part>\n    |b\nsecond c d\n"
    assert table(text, part="(?:x|y)") == (("first", "a(?:x|y)|b"), ("second", "c d"))


def test_what_is_skipped_is_not_tried() -> None:
    rules = Rules((("one", "word"), ("two", "words")))
    assert [name for name, _ in rules.search(b"words")] == ["one", "two"]
    assert [name for name, _ in rules.search(b"words", {"one"})] == ["two"]
