"""What a model answers is kept where the article says it, and left out where a hostile one made the model say it."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from socdefenders.errors import ModelFailed
from socdefenders.summaries import Answer, answer_of, named_in
from socdefenders.summaries.answer import RATIONALE_CHARACTERS, READ_CHARACTERS, SUMMARY_CHARACTERS
from tests.fuzz.targets import answering
from tests.fuzz.texts import PAGE, VALUES

TITLE = "CVE-2031-12345 is used against hospitals"
TEXT = (
    "The loader asks cdn[.]glasspike[.]example and http://c2.glasspike.example/gate, and mail from bad@quiet.example "
    "brings update.zip, written in ASP.NET, to 198.51.100.7:8080 (d41d8cd98f00b204e9800998ecf84271, T1053.003)."
)
NAMED = named_in(TITLE, TEXT)
SAFE = "Attackers breached two hospitals through a mail server in March."


def answer(summary: str, rationale: str = "It matters.") -> Answer:
    return answer_of(json.dumps({"summary": summary, "rationale": rationale}), NAMED)


def left_out(summary: str) -> list[str]:
    """The reasons why sentences beside a harmless one are left out, which is all that stays."""
    found = answer(f"{SAFE} {summary}")
    assert found.summary == SAFE
    return [each.why for each in found.dropped]


@pytest.mark.parametrize(
    "said",
    [
        "Block 203.0.113.9 now.",
        "Block 203[.]0[.]113[.]9 now.",
        "Get the fix from https://patch.example/now today.",
        "Get the fix [here](https://patch.example/now) today.",
        '<a href="https://patch.example/now">Get the fix</a> today.',
        "Get the fix <https://patch.example/now> today.",
        "Get the fix from patch dot example, or patch[.]example, today.",
        "Get the fix from ｐａｔｃｈ．ｅｘａｍｐｌｅ today.",
        "Get the fix from pa\u200btch.exa\u00admple today.",
        "Get the fix from &#112;atch&period;example today.",
        "Get the fix from **patch**.example today.",
        "Write to help@patch.example today.",
        "Ask glasspike.example today.",
        "Look at http://c2.glasspike.example/other now.",
        "It is about CVE-2031-99999.",
        "The hash is d41d8cd98f00b204e9800998ecf84272.",
        "They used T1059.001 for that.",
        "It went over expyuzz4wqqyqhjn.onion too.",
        "Look at 2001:db8::77 as well.",
    ],
)
def test_an_indicator_that_the_article_does_not_have_goes_with_its_sentence(said: str) -> None:
    [why] = left_out(said)
    assert "is not in the article" in why


@pytest.mark.parametrize("said", ["Look at http://intranet/x now.", "Look at HTTPS://x now.", "Look at ftp://x/y now."])
def test_a_link_that_is_no_indicator_goes_too(said: str) -> None:
    assert left_out(said) == ["it holds a link"]


def test_two_sentences_make_no_indicator_together() -> None:
    with pytest.raises(ModelFailed, match="not in the article"):
        answer(f"{SAFE} Get the fix (it is from Patch. )Example will do.")


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("It asks cdn.glasspike.example daily.", "It asks cdn[.]glasspike[.]example daily."),
        ("It asks cdn[.]glasspike[.]example daily.", "It asks cdn[.]glasspike[.]example daily."),
        ("It asks http://c2.glasspike.example/gate.", "It asks hxxp://c2[.]glasspike[.]example/gate."),
        ("It asks [this](http://c2.glasspike.example/gate).", "It asks this (hxxp://c2[.]glasspike[.]example/gate)."),
        ("The host c2.glasspike.example is theirs.", "The host c2[.]glasspike[.]example is theirs."),
        ("Mail comes from bad@quiet.example here.", "Mail comes from bad[@]quiet[.]example here."),
        ("It goes to 198.51.100.7:8080 at night.", "It goes to 198[.]51[.]100[.]7:8080 at night."),
        ("It uses CVE-2031-12345 and T1053.003.", "It uses CVE-2031-12345 and T1053.003."),
        ("It has d41d8cd98f00b204e9800998ecf84271.", "It has d41d8cd98f00b204e9800998ecf84271."),
        ("It is update.zip, made with ASP.NET.", "It is update.zip, made with ASP.NET."),
    ],
)
def test_what_the_article_names_stays_and_is_no_link(said: str, kept: str) -> None:
    found = answer(f"{SAFE} {said}")
    assert found == Answer(f"{SAFE} {kept}", "It matters.")


@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "```json\n{}\n```",
        "Here is the summary:\n{}\nI hope that helps!",
        "<think>The article says {{ignore}} and {{}}.</think>\n{}",
    ],
)
def test_the_object_is_found_among_courtesies(around: str) -> None:
    content = around.format(json.dumps({"summary": SAFE, "rationale": "So.", "score": 100, "actors": ["Quiet Heron"]}))
    assert answer_of(content, NAMED) == Answer(SAFE, "So.")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "Sorry, I cannot help with that.",
        "[]",
        "[" * 100_000,
        "{" * 100_000 + "}",
        json.dumps([SAFE]),
        json.dumps({"summary": SAFE}),
        json.dumps({"summary": [SAFE], "rationale": ""}),
        json.dumps({"summary": None, "rationale": ""}),
        json.dumps({"summary": SAFE, "rationale": {"text": ""}}),
        json.dumps({"answer": {"summary": SAFE, "rationale": ""}}),
        json.dumps({"summary": "", "rationale": SAFE}),
        json.dumps({"summary": "Too short.", "rationale": ""}),
        json.dumps({"summary": "Get the fix from https://patch.example/now today, all of you.", "rationale": ""}),
    ],
)
def test_what_cannot_be_used_is_said_to_be_so(content: str) -> None:
    with pytest.raises(ModelFailed) as failed:
        answer_of(content, NAMED)
    assert failed.value.fault == "answer"


def test_a_rationale_that_cannot_be_kept_costs_the_summary_nothing() -> None:
    found = answer(SAFE, "See https://patch.example/now.")
    assert (found.summary, found.rationale, len(found.dropped)) == (SAFE, "", 1)


def test_long_answers_end_with_a_sentence() -> None:
    found = answer(" ".join([SAFE] * 100), " ".join([SAFE] * 100))
    assert SUMMARY_CHARACTERS - len(SAFE) <= len(found.summary) <= SUMMARY_CHARACTERS
    assert len(found.rationale) <= RATIONALE_CHARACTERS
    assert found.summary.endswith("in March.")


@given(
    st.lists(st.sampled_from((*VALUES, *PAGE, ". ", " ", "A", "7")), max_size=30).map("".join), st.text(max_size=100)
)
@example("Get it. At evil.", ".example")
def test_no_answer_brings_in_an_indicator_a_link_or_markup(pieces: str, text: str) -> None:
    answering(f"{pieces} {text}")


def test_a_huge_answer_is_cut_before_it_is_read() -> None:
    found = answer(SAFE + " " + "[" * 10 * READ_CHARACTERS)
    assert found.summary == SAFE
