"""URLs: one canonical spelling, close to what a browser makes of them (WHATWG URL).

Two spellings that lead a browser to the same place are one indicator. The fragment is kept, since
phishing kits are published and told apart by it; an empty one is not. Sentence punctuation at the
end is not taken for a part of the URL, neither as published nor as pasted, so that the two agree.
"""

import re

from socdefenders.indicators import hosts
from socdefenders.indicators.refang import refang_inner

PUNCTUATION = ".,;:!?#'"
"""What ends no URL, though RFC 3986 would let it."""
QUOTES = "\"'`“”„«»‘’"

_PORTS = {"http": "80", "https": "443", "ftp": "21", "ws": "80", "wss": "443"}
DEFAULT_PORTS = frozenset(f":{port}" for port in _PORTS.values())
_SPLIT = re.compile(r"([a-z][a-z0-9+.-]{1,15}):[/\\]+([^/?#\\]*)(.*)", re.IGNORECASE | re.DOTALL)
DOT_SEGMENT = re.compile(r"/\.\.?(?:[/?#]|\Z)")
"""What RFC 3986 takes out of a path."""
_BLANKS = re.compile(r"[\t\r\n]")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})|%[0-9A-Fa-f]?(?:%[0-9A-Fa-f]{2}){0,2}")
_UNSAFE = re.compile(r"[^A-Za-z0-9\-._~!$&'()*+,;=:@/?%#]+")
_UNSAFE_USER = re.compile(r"[^A-Za-z0-9\-._~!$&'*+,;=:%]+")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_TAIL = re.compile(r"([^?#]*)(.*)", re.DOTALL)
_PAIRS = {")": "(", "]": "[", "}": "{", ">": "<", "»": "«", "”": "“", "’": "‘"}


def canonical_url(text: str) -> str | None:
    """Return the canonical form of an absolute, refanged URL, or None if it has no usable host."""
    parts = _SPLIT.fullmatch(trim_end(one_line(text)))
    if parts is None:
        return None
    scheme, authority, tail = parts[1].lower(), parts[2], parts[3]
    user, separator, authority = authority.rpartition("@")
    host, port = _host_and_port(authority)
    if host is None or port is None:
        return None
    user = _escape_all(user) + "@" if separator and user else ""
    port = f":{port}" if port and port != _PORTS.get(scheme) else ""
    return trim_end(f"{scheme}://{user}{host}{port}{_canonical_tail(tail, plain_backslash=scheme not in _PORTS)}")


def one_line(text: str) -> str:
    """Remove the tabs and line breaks that a browser drops out of a URL."""
    return _BLANKS.sub("", text)


def host_of(url: str) -> str:
    """Return the host of a canonical URL, without user and port."""
    authority = url.split("/", 3)[2]
    host = authority[authority.rfind("@") + 1 :]
    return host[: host.index("]") + 1] if host.startswith("[") else host.partition(":")[0]


def has_path(url: str) -> bool:
    """Whether more follows the host of a canonical URL than a slash."""
    return url.partition("://")[2].partition("/")[2] != ""


def trim_end(text: str) -> str:
    """Cut off quotes, sentence punctuation and closing brackets that the text itself never opened."""
    if text[-1:].isalnum():
        return text
    surplus = {
        closing: text.count(closing) - text.count(opening) for closing, opening in _PAIRS.items() if closing in text
    }
    end = len(text)
    while end:
        last = text[end - 1]
        if surplus.get(last, 0) > 0:
            surplus[last] -= 1
        elif last not in PUNCTUATION and last not in QUOTES and not last.isspace():
            break
        end -= 1
    return text[:end]


def _host_and_port(authority: str) -> tuple[str | None, str | None]:
    """Split and normalise; None where one is wrong, "" for no port."""
    host, separator, port = authority.rpartition(":")
    if not separator or port.endswith("]"):
        return hosts.url_host(authority), ""
    if ":" in host and not host.startswith("["):
        return hosts.url_host(f"[{authority}]"), ""
    if not port:
        return hosts.url_host(host), ""
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65_535):
        return None, None
    return hosts.url_host(host), str(int(port))


def _canonical_tail(tail: str, *, plain_backslash: bool) -> str:
    parts = _TAIL.fullmatch(tail)
    path, rest = (parts[1], parts[2]) if parts else (tail, "")
    if "\\" in path and not plain_backslash:
        path = path.replace("\\", "/")
    path = _escape(path)
    if "/." in path:
        path = _without_dot_segments(path)
    return refang_inner((path if path.startswith("/") else "/" + path) + _escape(rest))


def _without_dot_segments(path: str) -> str:
    """RFC 3986 5.2.4."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            if kept:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)


def _escape(text: str) -> str:
    """Escape what must be and nothing else: upper-case hex, unreserved characters plain, a stray % left alone."""
    text = _UNSAFE.sub(_percent, text)
    return _ESCAPE.sub(_normal_escape, text) if "%" in text else text


def _escape_all(text: str) -> str:
    text = _UNSAFE_USER.sub(_percent, text)
    return _ESCAPE.sub(lambda match: match[0].upper(), text)


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8"))


def _normal_escape(match: re.Match[str]) -> str:
    if match[1] is None:  # a stray %: decoding what follows it could make an escape that nobody wrote
        return match[0]
    character = chr(int(match[1], 16))
    return character if character in _UNRESERVED else match[0].upper()
