"""A long text to extract from: reports of a corpus, repeated, but so that no value is seen twice.

Repeated as it is, a report would be read out of caches the second time, and a figure would say how fast they are.
So from the second repetition on, the first label of every host gets the repetition's number at its end, and so do
the digits of every hash.
"""

import re
import tarfile
from pathlib import Path

_HOST = re.compile(r"(?<![\w.@\]-])([A-Za-z0-9][A-Za-z0-9-]*[A-Za-z])(?=(?:\.|\[\.\]|\[dot\]|\(dot\))[A-Za-z])")
_HASH = re.compile(r"\b(?=[0-9a-fA-F]{32,128}\b)([0-9a-fA-F]+)[0-9a-fA-F]{4}\b")


def texts(archive: Path) -> list[str]:
    """Return every text of a .tar.xz, in order of their names."""
    found: dict[str, str] = {}
    with tarfile.open(archive, "r:xz") as members:
        for member in members:
            file = members.extractfile(member) if member.isfile() else None
            if file is not None:
                found[member.name] = file.read().decode("utf-8", "replace")
    return [found[name] for name in sorted(found)]


def reports(archive: Path) -> str:
    """Return the texts of a .tar.xz one behind the other."""
    return "\n\n".join(texts(archive))


def long_text(once: str, size: int) -> str:
    """Repeat `once` to `size` characters, with other hosts and hashes each time."""
    pieces: list[str] = []
    length = number = 0
    while length < size:
        pieces.append(varied(once, number)[: size - length])
        length += len(pieces[-1])
        number += 1
    return "".join(pieces)


def varied(text: str, number: int) -> str:
    """Write `text` with other hosts and hashes; the first time, number 0, as it is."""
    if not number:
        return text
    return _HASH.sub(rf"\g<1>{number:04x}", _HOST.sub(rf"\g<1>{number}", text))
