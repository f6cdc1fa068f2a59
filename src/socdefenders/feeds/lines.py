"""Bytes to lines of text, whatever the encoding, without ever reading a whole file.

UTF-8 first, UTF-16 by its mark or its zero bytes, and Windows-1252 (which Latin-1 means on the web) for
a line that is neither. A line is cut at `MAX_LINE` + 1 characters: by its length its reader knows that
it was too long. NUL, which PostgreSQL cannot store, becomes U+FFFD.
"""

import codecs
from collections.abc import Iterator
from typing import BinaryIO

MAX_LINE = 65536
COMMENTS = ("#", ";", "//")
"""What a line begins with that is none of the list or table it stands in."""
_BLOCK = 1 << 18


def encoding(head: bytes) -> str:
    """Name the encoding that the first bytes show: `utf-8`, `utf-8-sig` or one of the UTF-16s."""
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    pairs = head[:256]
    half = len(pairs) // 2
    if half >= 4 and pairs[1::2].count(0) > half * 0.7 and not pairs[::2].count(0):
        return "utf-16-le"
    if half >= 4 and pairs[::2].count(0) > half * 0.7 and not pairs[1::2].count(0):
        return "utf-16-be"
    return "utf-8"


def decode(data: bytes) -> str:
    """The text of a whole file, by the same rules."""
    name = encoding(data)
    if name.startswith("utf-16"):
        text = data.decode(name, "replace")
    else:
        text = _decode_block(data.removeprefix(codecs.BOM_UTF8))
    return text.replace("\0", "\ufffd")


def lines(stream: BinaryIO) -> Iterator[str]:
    """Give the lines of `stream`, without their ends."""
    block = stream.read(_BLOCK)
    name = encoding(block)
    if name.startswith("utf-16"):
        yield from _lines_utf16(stream, block, name)
        return
    block = block.removeprefix(codecs.BOM_UTF8)
    newline = b"\r" if b"\r" in block and b"\n" not in block else b"\n"
    rest = b""
    while block:
        data = rest + block
        end = data.rfind(newline) + 1
        if end:
            yield from _split(_decode_block(data[:end]))
            rest = data[end:]
        else:
            rest = data
        if len(rest) > MAX_LINE:
            yield _cut(_decode_block(rest[: MAX_LINE + 4]))
            rest, block = b"", _after_long_line(stream, newline)
            continue
        block = stream.read(_BLOCK)
    if rest:
        yield from _split(_decode_block(rest))


def _after_long_line(stream: BinaryIO, newline: bytes) -> bytes:
    """Skip the rest of a line that was too long, and give the block that follows."""
    while block := stream.read(_BLOCK):
        end = block.find(newline) + 1
        if end:
            return block[end:] or stream.read(_BLOCK)
    return b""


def _split(text: str) -> list[str]:
    """Split at line feeds alone, as editors count lines; a carriage return at an end is dropped."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.removesuffix("\n")
    split = text.split("\n")
    if len(text) > MAX_LINE:
        return [line if len(line) <= MAX_LINE else _cut(line) for line in split]
    return split


def _cut(line: str) -> str:
    return line[: MAX_LINE + 1].ljust(MAX_LINE + 1)


def _decode_block(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return "".join(map(_decode_line, data.splitlines(keepends=True)))


def _decode_line(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace")


def _lines_utf16(stream: BinaryIO, block: bytes, name: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(name)("replace")
    rest = ""
    while block:
        head, found, tail = (rest + decoder.decode(block)).rpartition("\n")
        if found:
            yield from _split(head + "\n")
        rest = tail[: MAX_LINE + 1]  # what is longer will be refused anyhow
        block = stream.read(_BLOCK)
    if rest := rest + decoder.decode(b"", final=True):
        yield from _split(rest)
