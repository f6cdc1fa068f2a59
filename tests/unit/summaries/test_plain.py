"""Whatever is written in HTML, Markdown or invisible letters comes out as plain text on one line."""

import html
import re
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socdefenders.summaries.plain import ROUNDS, plain, visible

MARKUP = st.text(st.sampled_from("<>&;lt/!?aB[]()*_`#~|\\ \n\"'=:.-0\u200b\u202e＜［"), max_size=60)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("**Bold**, *slanted*, __under__ and `code`.", "Bold, slanted, under and code."),
        ("# Head\n\n- one\n- two\n> quoted\n1. first", "Head one two quoted first"),
        ("Get it [here](http://a.example/x).", "Get it here (http://a.example/x)."),
        ("![pixel](http://a.example/p.png) seen", "pixel (http://a.example/p.png) seen"),
        ('<a href="http://a.example/x">here</a>', "(http://a.example/x) here"),
        ("<img src=//a.example/p onerror=alert(1)>", "(//a.example/p)"),
        ("<http://a.example/>", "(http://a.example/)"),
        ("<script>alert(1)</script>", "alert(1)"),
        ("&lt;b&gt;bold&amp;lt;/b&gt;", "bold"),
        ("<<b>script>x", "script>x"),
        ("<*b>x", "x"),
        ("below version < 2.3 and > 2.1", "below version < 2.3 and > 2.1"),
        ("a_name_of_a_file, C:\\Windows", "a_name_of_a_file, C:\\Windows"),
        ("ev\u200bil\u00ad \u202egnp.exe\ufe0f\u2028end\x1b[2J", "evil gnp.exe end[2J"),
        ("ｅｖｉｌ．ｅｘａｍｐｌｅ", "evil.example"),
        ("evil[.](x)", "evil. (x)"),
        ("[here]((http://a.example/))", "[here] ((http://a.example/))"),
        ("ev\u3164il\u2800", "evil"),
    ],
)
def test_markup_goes_and_words_stay(text: str, expected: str) -> None:
    assert plain(text) == expected


@given(MARKUP | st.text(max_size=200))
def test_nothing_is_left_that_means_anything_but_itself(text: str) -> None:
    shown = plain(text)
    assert plain(shown) == shown
    assert not re.search(r"<[/!?A-Za-z]|\]\(|[*`|]|~~", shown)
    assert html.unescape(shown) == shown
    assert not {unicodedata.category(each) for each in shown} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def test_markup_in_markup_in_markup_comes_to_an_end() -> None:
    assert plain(f"&{'amp;' * (ROUNDS - 3)}lt;b&gt;x") == "x"
    assert plain(f"&{'amp;' * 2000}lt;b&gt;x") == ""


@pytest.mark.parametrize(
    "piece", ["[", "]", "(", "[](", "![", "[a](", "[[a](b", "<", "<a", "<!", "<a href=", "(<[", "&lt;", "a[](<"]
)
def test_brackets_cost_no_time(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    started = time.process_time()
    plain(text)
    assert time.process_time() - started < 4


@given(st.text(max_size=200))
def test_what_is_visible_keeps_its_lines(text: str) -> None:
    assert visible(text).count("\n") == text.count("\n")
    assert visible(visible(text)) == visible(text)
