"""How bytes off the web are encoded: by their mark, as UTF-8, by what is said of them, or by a guess."""

import codecs
import re

from socdefenders.feeds.lines import decode, encoding

_HEAD = 4096
"""The first bytes, where a page says how it is encoded."""
_META = re.compile(
    rb"""<meta\b[^>]{0,300}?\bcharset\s{0,9}=\s{0,9}["']?\s{0,9}([\w.:-]{1,30})""", re.IGNORECASE | re.ASCII
)
_XML = re.compile(rb"""\s{0,9}<\?xml\b[^>]{0,100}?\bencoding\s{0,9}=\s{0,9}["']([\w.:-]{1,30})["']""", re.ASCII)
_CODECS = {
    **{f"windows-{number}": f"cp{number}" for number in (874, *range(1250, 1259))},
    **{f"iso-8859-{number}": f"iso8859-{number}" for number in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)},
    **dict.fromkeys(("iso-8859-1", "latin1", "us-ascii", "ascii"), "cp1252"),
    **dict.fromkeys(("gb2312", "gbk", "gb18030"), "gb18030"),
    **dict.fromkeys(("shift_jis", "shift-jis", "x-sjis", "sjis"), "cp932"),
    **dict.fromkeys(("euc-kr", "ks_c_5601-1987"), "cp949"),
    "iso-8859-9": "cp1254", "iso-8859-11": "cp874", "tis-620": "cp874", "big5": "big5hkscs", "euc-jp": "euc_jp",
    "iso-2022-jp": "iso2022_jp", "koi8-r": "koi8_r", "koi8-u": "koi8_u", "macintosh": "mac_roman",
}  # fmt: skip
"""What the web means by its names of encodings; UTF-8 is tried first."""


def decoded(data: bytes, codec: str | None = None) -> str:
    """The text of a page or a feed: its mark or UTF-8, which nothing else looks like; else what it says, or a guess.

    `codec`, when whoever sent it named one, goes before what it says itself.
    """
    if encoding(data) != "utf-8" or (_is_utf8(data) and not data.isascii()):
        return decode(data)
    known = codec or _declared(_XML, data) or _declared(_META, data)
    return decode(data) if known is None or known.startswith("utf") else data.decode(known, "replace")


def charset(head: bytes, said: str | None = None) -> str | None:
    """Name the codec of a file by its first bytes and what whoever sent it says; None when it is no text."""
    found = encoding(head)
    if found != "utf-8":
        return found
    if b"\0" in head:
        return None
    if _is_utf8(head) and not head.isascii():
        return found
    codec = _codec(said) or _declared(_XML, head) or _declared(_META, head)
    return codec or (found if head.isascii() else "cp1252")


def _codec(name: str | None) -> str | None:
    return _CODECS.get((name or "").strip(" \t\"'").lower())


def _declared(pattern: re.Pattern[bytes], data: bytes) -> str | None:
    found = pattern.match(data) if pattern is _XML else pattern.search(data, 0, _HEAD)
    return _codec(found[1].decode("ascii")) if found else None


def _is_utf8(data: bytes) -> bool:
    """Whether it is UTF-8; where it ends, the last character may be cut off."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return False
    return True
