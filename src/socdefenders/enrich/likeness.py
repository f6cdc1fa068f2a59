"""How alike two texts are: a signature of what each says, by which a copy is known without reading either again.

The signature is a MinHash of the text's runs of four words: 128 places, each of which two texts fill alike about as
often as they have runs in common (Jaccard). It is filled by one hash of each run, which says the place and competes
there (Li, Owen, Zhang: One Permutation Hashing, 2012), instead of by 128 hashes; places that nobody took are filled by
the same runs, hashed anew (Dahlgaard, Knudsen, Thorup: Fast Similarity Sketching, 2017). Of the winner 16 bits are kept
(Li, König: b-Bit Minwise Hashing, 2010).
"""

import re
from itertools import accumulate
from struct import Struct
from zlib import crc32

PLACES = 128
RUN = 4
"""Words of a run: enough that common turns of phrase are none, few enough that a changed word changes little."""
LEAST = 50
"""Runs of a text that has a signature; in a shorter one, the phrases of a notice that is always the same prevail."""
_ROUNDS = 32
"""How often runs are hashed anew at most; 50 of them fill every place after 13 rounds on average."""
_SHIFT = 32 - 7
"""Of a hash of 32 bits, the first 7 are the number of its place."""
_ODD = 0x9E3779B1
"""Multiplies a hash for the next round (Knuth: The Art of Computer Programming 3, 6.4)."""
_SIGNATURE = Struct(f">{PLACES}H")
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
"""Kana and Chinese characters, which no spaces part: each is a word."""
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")


def signature(text: str) -> bytes | None:
    """Return the 256 bytes that stand for what `text` says, whatever its capitals, marks and line breaks; linear in it.

    None where it says too little to be told from others.
    """
    runs = _runs(text)
    if len(runs) < LEAST:
        return None
    hashes = sorted(runs, reverse=True)
    filled = {each >> _SHIFT: each for each in hashes}  # the last, which is the least, stays
    for _ in range(_ROUNDS):
        if len(filled) == PLACES:
            break
        hashes = sorted([each * _ODD & 0xFFFF_FFFF for each in hashes], reverse=True)
        filled = {each >> _SHIFT: each for each in hashes} | filled
    return _SIGNATURE.pack(*[filled.get(place, 0) & 0xFFFF for place in range(PLACES)])


def _runs(text: str) -> set[int]:
    """The hashes of a text's runs of words."""
    words = " ".join(_WORD.findall(text.lower())).encode("utf-8", "surrogatepass").split()
    ends = list(accumulate([len(word) + 1 for word in words]))
    data = b" ".join(words) + b" "
    return {crc32(data[start:end]) for start, end in zip([0, *ends], ends[RUN - 1 :], strict=False)}
