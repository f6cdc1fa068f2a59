"""A file that is cut off, altered or of another format is refused or answers, and never breaks who asks."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socdefenders.errors import KnowledgeError
from socdefenders.knowledge import Knowledge
from socdefenders.knowledge.bundle import MAGIC, PREFIX, START, Bundle
from tests.unit.knowledge.small import ADDRESSES, content, everything, warning_list

WHOLE = content(
    everything()._replace(
        lists=[
            warning_list("hosts", "hostname", [f"{n}.example" for n in range(50)]),
            warning_list("nets", "cidr", ["192.0.2.0/24", "198.51.100.0/24", "2001:db8::/32"], ADDRESSES),
            warning_list("one", "cidr", ["2001:db8::7"], ADDRESSES),
        ]
    )
)


def ask(knowledge: Knowledge) -> tuple[object, ...]:
    """Ask everything once."""
    return (
        knowledge.lists_of_host("7.example"),
        knowledge.lists_of_address("192.0.2.9"),
        knowledge.lists_of_address("2001:db8::8"),
        knowledge.lists_of_hash("0" * 32),
        knowledge.lists_of_email("x@7.example"),
        knowledge.techniques(),
        knowledge.names(),
        knowledge.zipf("heron"),
        knowledge.about,
    )


def test_the_whole_file_is_read() -> None:
    knowledge = Knowledge(Bundle(memoryview(WHOLE)))
    assert ask(knowledge)[:3] == (("hosts",), ("nets",), ("nets",))
    assert knowledge.damage() is None
    assert knowledge.size == len(WHOLE)


@given(st.integers(0, len(WHOLE) - 1))
def test_a_file_cut_off_anywhere_is_refused(length: int) -> None:
    with pytest.raises(KnowledgeError):
        Bundle(memoryview(WHOLE[:length]))


def test_a_file_with_more_than_it_should_have_is_refused() -> None:
    with pytest.raises(KnowledgeError, match="should have"):
        Bundle(memoryview(WHOLE + b" "))


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_an_altered_byte_is_refused_or_found_and_never_breaks_a_look_up(at: int, change: int) -> None:
    altered = bytearray(WHOLE)
    altered[at] ^= change
    try:
        knowledge = Knowledge(Bundle(memoryview(altered)))
    except KnowledgeError:
        return
    answers = ask(knowledge)
    assert at >= PREFIX.unpack(WHOLE[: PREFIX.size])[3]  # among the arrays
    assert knowledge.damage() or answers == ask(Knowledge(Bundle(memoryview(WHOLE))))  # or between two of them


@pytest.mark.parametrize("name", ["listed", "listed_set_ids", "v4", "v4_set_ids", "v6_high", "v6_low", "v6_set_ids"])
@pytest.mark.parametrize("byte", [0x00, 0xFF])
def test_an_array_of_nonsense_is_found_and_breaks_no_look_up(name: str, byte: int) -> None:
    start, stop, _, _ = Bundle(memoryview(WHOLE))._sections[name]
    altered = bytearray(WHOLE)
    altered[start:stop] = bytes([byte]) * (stop - start)
    knowledge = Knowledge(Bundle(memoryview(altered)))
    ask(knowledge)
    assert name in (knowledge.damage() or "")


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(data: bytes) -> None:
    for text in (data, MAGIC + data, WHOLE[:START] + data):
        with pytest.raises(KnowledgeError):
            Bundle(memoryview(text))


def test_another_format_is_named() -> None:
    with pytest.raises(KnowledgeError, match="format 99"):
        Bundle(memoryview(MAGIC + (99).to_bytes(4, sys.byteorder) + WHOLE[12:]))


def test_no_two_bundles_have_the_same_key() -> None:
    one, other = (Bundle(memoryview(content(everything()))).head["hash_key"] for _ in range(2))
    assert one != other
