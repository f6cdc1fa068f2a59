"""Likeness: copies have signatures alike, other texts have not, and the estimate is as good as is promised."""

import tarfile
import textwrap
import time
from collections import Counter
from hashlib import sha256
from itertools import combinations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socdefenders.enrich.likeness import LEAST, PLACES, RUN, signature
from socdefenders.storage.stories import ALIKE, bands, likeness
from tests.invented_texts import prose
from tests.real_data import DATA, MISSING

REPORTS = DATA / "articles" / "annoctr_text.tar.xz"
TEXT = prose(1, 1_000)
OTHERS = [
    ("shouted", TEXT.upper()),
    ("wrapped anew", "\n".join(textwrap.wrap(" ".join(TEXT.split()), 40))),
    ("with other marks", TEXT.replace(".", " —").replace("\n", "\n\n* ")),
]


def signed(text: str) -> bytes:
    found = signature(text)
    assert found is not None
    return found


def is_found(one: str, other: str) -> bool:
    """Whether two texts are alike, and have a band in common that says so to the index."""
    first, second = signed(one), signed(other)
    return likeness(first, second) >= ALIKE and not set(bands(first)).isdisjoint(bands(second))


def test_a_signature_is_the_same_on_every_machine_and_in_every_year() -> None:
    """Those that are stored are compared with new ones."""
    assert sha256(signed(TEXT)).hexdigest()[:16] == "b545b1d8a5ca2239"
    assert bands(signed(TEXT))[:2] == [613824756, -1074955786]


@pytest.mark.parametrize("text", [text for _, text in OTHERS], ids=[name for name, _ in OTHERS])
def test_capitals_marks_and_line_breaks_say_nothing(text: str) -> None:
    assert signature(text) == signature(TEXT)


@pytest.mark.parametrize("share", [0.65, 0.8, 0.9])
def test_a_copy_that_was_cut_and_framed_is_found(share: float) -> None:
    for number in range(20):
        text = prose(number, 800)
        copy = f"Subscribe to our letter.\n{text[: int(len(text) * share)]}\nRead on at the publisher's."
        assert is_found(text, copy), number


def test_texts_with_little_in_common_are_not_alike() -> None:
    frame = prose(0, 100)
    texts = [signed(f"{frame}\n{prose(number, 300)}\n{frame}") for number in range(1, 40)]
    assert max(likeness(one, other) for one, other in combinations(texts, 2)) < ALIKE - 0.1


def test_defanging_changes_little() -> None:
    text = f"{TEXT} See hxxp://evil[.]example/gate and 192[.]0[.]2[.]1."
    assert likeness(signed(text), signed(text.replace("[.]", ".").replace("hxxp", "http"))) > 0.95


def test_what_says_too_little_has_no_signature() -> None:
    assert signature("") is None
    assert signature(prose(1, LEAST + RUN - 2)) is None
    assert signature(prose(1, LEAST + RUN - 1)) is not None
    assert signature("again and again " * 1_000) is None, "runs of words count once"


def test_short_texts_fill_every_place() -> None:
    for number in range(50):
        places = Counter(signed(prose(number, LEAST + RUN)))
        assert places[0] < PLACES / 8, "a place that is empty is two zeros"


def test_chinese_and_japanese_characters_are_words() -> None:
    chance = Random(1)
    text = "".join(chr(chance.randrange(0x4E00, 0x9FFF)) for _ in range(300))
    assert is_found(text, text[:250])
    assert likeness(signed(text), signed("".join(sorted(text)))) < 0.1


@given(st.integers(60, 1_500), st.floats(0, 1), st.integers(0, 10_000))
def test_the_share_of_runs_in_common_is_estimated(words: int, share: float, seed: int) -> None:
    text = prose(seed, words)
    other = prose(seed + 1_000_000, words)
    kept = int(words * share)
    mixed = " ".join(text.split()[:kept] + other.split()[kept:])
    common = max(0, kept - RUN + 1)
    true = common / (2 * (words - RUN + 1) - common)
    assert abs(likeness(signed(text), signed(mixed)) - true) < 0.25, "five standard deviations and a half"


@given(st.text(max_size=300))
def test_any_text_has_a_signature_of_one_size_or_none(text: str) -> None:
    found = signature(text)
    assert found is None or len(found) == PLACES * 2
    assert signature(text) == found


@pytest.mark.parametrize(
    "text", ["a " * 500_000, "ab" * 500_000, "\ud800 x " * 200_000, "漢" * 500_000, "\u0130." * 300_000]
)
def test_hostile_texts_take_bounded_time(text: str) -> None:
    begin = time.process_time()
    signature(text)
    assert time.process_time() - begin < 4


@pytest.mark.skipif(not REPORTS.exists(), reason=MISSING)
def test_reports_of_vendors_are_found_when_copied_and_are_not_alike_otherwise() -> None:
    with tarfile.open(REPORTS) as archive:
        texts = [
            file.read().decode(errors="replace")
            for member in archive
            if member.name.endswith(".txt") and (file := archive.extractfile(member))
        ]
    assert len(texts) == 400
    found = [is_found(text, text[: int(len(text) * 0.7)]) for text in texts if len(text) > 1_000]
    assert sum(found) > 0.99 * len(found)
    signatures = [signed(text) for text in texts if signature(text)]
    assert not [pair for pair in combinations(signatures, 2) if likeness(*pair) >= ALIKE]
