"""Decompression gives the same whatever pieces the bytes come in."""

import zlib
from contextlib import suppress
from itertools import pairwise

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from socdefenders.errors import FetchFailed
from socdefenders.feeds.fetching.decoding import decompression
from tests.fetch.publisher import gzipped

COMPRESS = {"gzip": gzipped, "zstd": zstandard.compress, "br": brotli.compress}


def decompressed(coding: str, data: bytes, cuts: list[int]) -> bytes:
    decoder = decompression("a test", coding)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    out = b"".join(piece for start, end in pairwise(edges) for piece in decoder.feed(data[start:end]))
    decoder.finish()
    return out


@pytest.mark.parametrize("coding", COMPRESS)
@given(data=st.binary(max_size=300), repeat=st.integers(1, 2000), cuts=st.lists(st.integers(0, 1 << 16), max_size=8))
def test_a_body_is_the_same_in_any_pieces(coding: str, data: bytes, repeat: int, cuts: list[int]) -> None:
    whole = data * repeat
    assert decompressed(coding, COMPRESS[coding](whole), cuts) == whole


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
@given(parts=st.lists(st.binary(max_size=50), min_size=1, max_size=5), cuts=st.lists(st.integers(0, 500), max_size=9))
def test_members_follow_one_another_in_any_pieces(coding: str, parts: list[bytes], cuts: list[int]) -> None:
    assert decompressed(coding, b"".join(map(COMPRESS[coding], parts)), cuts) == b"".join(parts)


@pytest.mark.parametrize("coding", COMPRESS)
@given(st.data())
def test_a_body_that_is_cut_or_changed_ends_as_a_failure_or_in_bytes(coding: str, data: st.DataObject) -> None:
    whole = COMPRESS[coding](b"192.0.2.10\n" * 99)
    cut = data.draw(st.integers(1, len(whole) - 1))
    with pytest.raises(FetchFailed):
        decompressed(coding, whole[:cut], [])
    changed = whole[:cut] + data.draw(st.binary(max_size=20)) + whole[cut + 1 :]
    with suppress(FetchFailed):
        decompressed(coding, changed, [])


@pytest.mark.parametrize("coding", ["gzip", "zstd", "br"])
def test_a_body_of_no_bytes_is_empty(coding: str) -> None:
    assert decompressed(coding, b"", []) == b""


def test_a_piece_is_never_large() -> None:
    decoder = decompression("a test", "gzip")
    bomb = zlib.compress(bytes(10 << 20), wbits=31)
    assert max(len(piece) for piece in decoder.feed(bomb)) <= 65_536


def test_members_without_end_are_not_begun_one_by_one() -> None:
    decoder = decompression("a test", "gzip")
    empty = gzipped(b"") * 800
    for _ in range(125):
        assert list(decoder.feed(empty)) == []
    with pytest.raises(FetchFailed, match="in more than 100,000 pieces"):
        list(decoder.feed(empty))
