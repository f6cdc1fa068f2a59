"""Where sentences end, and what in them is no prose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.enrich.invented import split

WHOLE = [
    "It calls evil[.]example and leaves.",
    "It calls evil[.] example and leaves.",
    "The host (e.g. the mail server) was hit first.",
    "Mr. Vane of Vane Inc. wrote it.",
    "J. Vane of the U.S. office wrote it.",
    "It drops setup.exe into the cache.",
    "Version 1.2.3 is safe.",
    "The line goes on\nbecause a PDF broke it.",
    "The line goes on behind a small word of\nVane, who wrote it.",
    "1. Open the file.",
    "See No. 5 and fig. 3 of vol. 2 there.",
]
SEVERAL = [
    ("It came. It went.", ["It came.", "It went."]),
    ('He said "no." Then he went.', ['He said "no."', "Then he went."]),
    ("Did it? It did!", ["Did it?", "It did!"]),
    ("Heading\n\nText follows.", ["Heading", "Text follows."]),
    ("* One\n* Two", ["* One", "* Two"]),
    ("It ends here.\nNext line.", ["It ends here.", "Next line."]),
    ("It came.\tIt  went\tback.", ["It came.", "It went back."]),
    ("", []),
    (" \n ", []),
]


@pytest.mark.parametrize("text", WHOLE)
def test_one_sentence_stays_one(text: str) -> None:
    assert [each.text for each in split(text)] == [" ".join(text.split())]


@pytest.mark.parametrize(("text", "parts"), SEVERAL)
def test_several_are_told_apart(text: str, parts: list[str]) -> None:
    assert [each.text for each in split(text)] == parts


def test_a_sentence_knows_where_it_begins_and_the_title_comes_first() -> None:
    title, *rest = split("  One.  Two.", "The title")
    assert title.in_title
    assert [each.start for each in rest] == [2, 8]
    assert not any(each.in_title for each in rest)


def test_sentences_without_an_end_are_cut_at_blanks() -> None:
    parts = split("word " * 1_000)
    assert all(len(each.text) <= 1_000 for each in parts)
    assert " ".join(each.text for each in parts) == ("word " * 1_000).strip()
    assert [len(each.text) for each in split("x" * 2_500)] == [1_000, 1_000, 500]


@pytest.mark.parametrize(
    ("text", "gone", "left"),
    [
        ("It calls hxxps://glasspike[.]example/a often.", "glasspike", "often"),
        ("It calls glasspike[.]example often.", "glasspike", "often"),
        ("See [the report](https://vane.example/glasspike) on it.", "glasspike", "report"),
        ("See https://vane.example/glasspike for it.", "glasspike", "for"),
    ],
)
def test_links_and_indicators_are_no_words(text: str, gone: str, left: str) -> None:
    [sentence] = split(text)
    assert gone in sentence.text
    assert gone not in sentence.words
    assert left in sentence.words


@pytest.mark.parametrize(
    "code",
    [
        "`glasspike`",
        r"C:\tmp\glasspike",
        "/usr/bin/glasspike",
        "glasspike()",
        "glasspike@home",
        "%glasspike%",
    ],
)
def test_code_and_paths_are_words_but_no_prose(code: str) -> None:
    [sentence] = split(f"It starts {code} quietly.")
    assert "glasspike" in sentence.words
    assert "glasspike" not in sentence.prose
    assert "quietly" in sentence.prose


def test_emphasis_and_alternatives_are_prose() -> None:
    [sentence] = split("The **Glasspike** and/or _Heron_ pair.")
    assert "Glasspike" in sentence.prose
    assert "Heron" in sentence.prose


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("<p>It came.</p><p>It went.</p>", ["It came.", "It went."]),
        ("<b>It</b> came.</b> It went.", ["It came.", "It went."]),
        ('<a href="https://vane.example/a b">It</a> came.<br/>It went.', ["It came.", "It went."]),
        ("The <strong>Glass</strong>spike &amp; the heron&#8217;s nest.", ["The Glassspike & the heron’s nest."]),
        ("It runs <payload> and a < b > c.", ["It runs <payload> and a < b > c."]),
    ],
)
def test_html_in_a_text_is_no_part_of_its_sentences(text: str, written: list[str]) -> None:
    assert [each.text for each in split(text)] == written


def test_an_escaped_underscore_is_one() -> None:
    assert [each.text for each in split(r"The slate\_tern loader.")] == ["The slate_tern loader."]


@pytest.mark.parametrize(
    "line",
    [
        "[How the Glasspike works](https://vane.example/1)",
        '* [How the Glasspike works](https://vane.example/1 "Glasspike")',
    ],
)
def test_a_line_that_only_leads_elsewhere_holds_no_words(line: str) -> None:
    [sentence] = split(line)
    assert "Glasspike" in sentence.text
    assert (sentence.words, sentence.prose, sentence.lower) == ("", "", b"")


@pytest.mark.parametrize(
    "line",
    [
        "* [Glasspike](https://vane.example/1)",
        "# [How the Glasspike works](https://vane.example/1)",
        "![How the Glasspike works](https://vane.example/1)",
        "Read [how the Glasspike works](https://vane.example/1)",
    ],
)
def test_other_lines_with_a_link_hold_words(line: str) -> None:
    [sentence] = split(line)
    assert "Glasspike" in sentence.prose


def test_the_title_of_a_link_is_no_words() -> None:
    [sentence] = split('See [the report](https://vane.example/1 "On Glasspike") on it.')
    assert sentence.words == "See [the report] on it."


HTML = st.sampled_from(
    ["<p>", "</p>", "<b>", "</b>", "<br/>", "<a href='/a'>", "&#10;", "&amp;", "&#2;", "\n", ".", " It", "<", ">"]
)


@given(pieces=st.lists(HTML, max_size=30))
def test_whatever_the_html_sentences_stand_on_one_line_and_where_they_begin(pieces: list[str]) -> None:
    text = "".join(pieces)
    found = split(text)
    assert all(
        each.text == " ".join(each.text.split()) and each.words == " ".join(each.words.split()) for each in found
    )
    assert [each.start for each in found] == sorted({each.start for each in found})
    assert all(0 <= each.start < len(text) for each in found)
