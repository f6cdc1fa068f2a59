"""One article read: whatever it holds, in linear time, and with evidence that stands in it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socdefenders.enrich import Findings, Tagged, read_article
from socdefenders.indicators import extract
from tests.unit.enrich.invented import known, nothing, read

ARTICLE = """Quiet Heron is back, and its Glasspike loader with it. In May the group targeted three ministries
with phishing messages that carried an attachment named invoice.doc. The attachment exploits CVE-2031-12345 (T1059.001).
Glasspike adds a cron job and calls hxxps://cdn[.]evil[.]example/a.
"""
MARKS = [
    "\n",
    "\n\n",
    ".",
    "[.]",
    "](",
    "`",
    "\\",
    "\x00",
    "İ",
    "\ud800",
    "**",
    "http://",
    ",",
    ")",
    "(",
    "|",
    "é",
    "漢",
]
PIECES = st.sampled_from([*ARTICLE.split(), *MARKS, "T1086", "The", "Heron", "ransomware", "CVSS", "9.8"])
HOSTILE = [
    "a",
    ".",
    ". ",
    "[.]",
    "](",
    "`",
    "Glasspike ",
    "glasspike",
    "UNC",
    "The Heron ransomware. ",
    "encrypt files dump lsass phishing attach ",
    "exploit exploit exploit ",
    "exploit vulnerability ",
    "T1059.001 ",
    "CVE-2031-12345 ",
    "cvss ",
    "* ",
    "A ",
    "\n",
    "x\n",
    "x, \n",
    ".\"'",
    "\x00",
    "é",
]


def tagged(found: Findings) -> list[Tagged]:
    return [*found.techniques, *found.actors, *found.malware, *found.sectors]


def folded(*texts: str) -> str:
    return " ".join(" ".join(texts).split())


def test_an_article_is_read() -> None:
    found = read(ARTICLE, "Quiet Heron targets ministries")
    assert [each.name for each in found.actors] == ["Quiet Heron"]
    assert [each.name for each in found.malware] == ["Glasspike"]
    assert [each.name for each in found.sectors] == ["government-facilities"]
    assert {each.name for each in found.techniques} == {"T1059.001", "T1566.001", "T1053.003", "T1566"}
    assert found.cves == ("CVE-2031-12345",)
    assert found.categorized_by == "rules"
    assert found.summary


def test_a_cve_of_the_title_counts_once() -> None:
    assert read("It is CVE-2031-12345.", "On cve-2031-12345").cves == ("CVE-2031-12345",)


@given(pieces=st.lists(PIECES, max_size=60), title=st.text(max_size=40))
def test_any_text_is_read_and_evidence_stands_in_it(pieces: list[str], title: str) -> None:
    text = " ".join(pieces)
    found = read_article(title, text, extract(text), known())
    for each in tagged(found):
        assert each.evidence in folded(title, text)
        assert each.candidates[0] == each.name
    for each in (*found.actors, *found.malware):
        assert each.surface in folded(title, text)


@given(text=st.text(), title=st.text())
def test_any_characters_are_read(text: str, title: str) -> None:
    assert read_article(title, text, extract(text), nothing()).summary in {"", folded(text)} or text


@given(text=st.text(max_size=80), cut=st.integers(0, 40))
def test_indicators_of_another_text_do_no_harm(text: str, cut: int) -> None:
    found = read_article("", text[:cut], extract(ARTICLE), known())
    tags = (*found.techniques, *found.actors, *found.malware, *found.sectors)
    assert all(set(tag.evidence) <= {*text[:cut], " "} for tag in tags), "evidence is a sentence of this text"


@pytest.mark.parametrize("piece", HOSTILE, ids=repr)
def test_hostile_texts_take_linear_time(piece: str) -> None:
    def seconds(size: int) -> float:
        text = piece * (size // len(piece))
        began = time.process_time()
        read_article(text[:1_000], text, (), known())
        return time.process_time() - began

    seconds(1_000)
    small, large = seconds(50_000), seconds(500_000)
    assert large < max(25 * small, 0.5)
    assert large < 10
