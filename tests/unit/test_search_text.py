"""What the fallback asks the trigram index, decided from the text alone."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socdefenders.indicators import Query
from socdefenders.search import Fallback, halves, has_trigram
from socdefenders.storage.database import Database
from socdefenders.storage.ranges import ROWS
from socdefenders.storage.searching import Span, contains

ALPHABET = "ab1.-/:%_\\é "
TEXTS = st.text(ALPHABET, max_size=40)
WORDY = st.lists(st.text("abc019", min_size=2, max_size=9), min_size=1, max_size=6).map(".".join)


@pytest.mark.parametrize("text", ["abc", "a.b", ".ab", "x-y.", "1.2", ".a", "%ab", "a_b", "%a%", "/ab/", "AbC", "ÉabC"])
def test_a_trigram_is_seen_in(text: str) -> None:
    assert has_trigram(text)


@pytest.mark.parametrize(
    "text", ["", "%%%", "://", "...", "\\\\\\", "___", "ab", "ééé", "日本語", "é1é", "ab\u00e9", "\u0130", "-"]
)
def test_no_trigram_is_seen_in(text: str) -> None:
    assert not has_trigram(text)


@given(TEXTS, TEXTS)
def test_more_text_before_or_behind_never_takes_a_trigram_away_from_a_word_of_three(before: str, behind: str) -> None:
    assert has_trigram(f"{before}word{behind}")


@given(st.text(ALPHABET + "zé日", max_size=30))
def test_case_makes_no_difference(text: str) -> None:
    assert has_trigram(text) == has_trigram(text.upper())


@given(st.data(), WORDY)
def test_every_text_one_edit_away_contains_a_half(data: st.DataObject, text: str) -> None:
    parts = halves(text)
    if parts is None:
        return
    assert "".join(parts) == text
    place = data.draw(st.integers(0, len(text)))
    letter = data.draw(st.sampled_from("abc019.-/"))
    edits = [
        text[:place] + letter + text[place:],
        text[:place] + letter + text[place + 1 :],
        text[:place] + text[place + 1 :],
    ]
    for edited in edits:
        assert any(part in edited for part in parts)


@given(WORDY | TEXTS)
def test_halves_are_given_only_where_both_reach_the_trigram_index(text: str) -> None:
    parts = halves(text)
    if parts is not None:
        assert all(has_trigram(part) for part in parts)
    else:
        assert len(text) < 8 or not all(
            re.search("[a-z0-9]{4}", part, re.IGNORECASE) for part in (text[: len(text) // 2], text[len(text) // 2 :])
        )


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("evil.example", ("evil.e", "xample")),
        ("192.0.2.10", None),
        ("abcdefg", None),
        ("abcdefgh", ("abcd", "efgh")),
    ],
)
def test_halves_of(text: str, parts: tuple[str, str] | None) -> None:
    assert halves(text) == parts


def like(pattern: str, value: str) -> bool:
    """LIKE as the SQL standard describes it, with the backslash as the escape character."""
    expression = ""
    characters = iter(pattern)
    for each in characters:
        if each == "\\":
            expression += re.escape(next(characters))
        else:
            expression += {"%": ".*", "_": "."}.get(each, re.escape(each))
    return re.fullmatch(expression, value, re.DOTALL) is not None


@given(TEXTS, TEXTS)
def test_a_pattern_matches_what_contains_the_text_and_nothing_else(text: str, value: str) -> None:
    assert like(contains(text), value) == (text in value)


@given(TEXTS, TEXTS, TEXTS)
def test_a_pattern_matches_the_text_wherever_it_stands(before: str, text: str, behind: str) -> None:
    assert like(contains(text), before + text + behind)


@given(last=st.integers(1, 60 * ROWS))
async def test_the_spans_of_a_fallback_cover_every_position_once_the_newest_first(last: int) -> None:
    database = Database("postgresql:///nowhere")  # nothing is opened before it is asked
    fallback = Fallback(database, Query("text", ("text",), None, None), None, deadline=float("inf"))
    spans: list[Span] = [span async for span in fallback._spans(last + 1)]
    assert spans[0].high == last + 1
    assert spans[-1].low == 0
    assert all(newer.low == older.high for newer, older in pairwise(spans))
    assert all(span.low % ROWS == 0 and 0 < span.high - span.low <= 16 * ROWS for span in spans)
    assert spans[0].high - spans[0].low <= ROWS, "the first look is a small one"
    assert fallback.complete


async def test_no_span_is_begun_after_the_deadline() -> None:
    database = Database("postgresql:///nowhere")
    fallback = Fallback(database, Query("text", ("text",), None, None), None, deadline=0.0)
    assert [span async for span in fallback._spans(10 * ROWS)] == []
    assert not fallback.complete
