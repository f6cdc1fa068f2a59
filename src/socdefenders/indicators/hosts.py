"""Addresses and host names: whether a text is one, and its one canonical spelling."""

import re
from functools import cache, lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from unicodedata import category
from urllib.parse import unquote

import idna
from publicsuffixlist import PublicSuffixList

_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
IPV4_PATTERN = rf"{_BYTE}\.{_BYTE}\.{_BYTE}\.{_BYTE}"
"""A dotted quad. A leading zero is refused: 010 is eight to some and ten to others."""
HOST_PATTERN = r"(?:[a-z0-9_-]+\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.(?:[a-z]+|xn--[a-z0-9-]+)"
"""Letters, digits and hyphens; underscores and stray hyphens only left of the last two labels."""

_IPV4 = re.compile(IPV4_PATTERN)
_HOST = re.compile(HOST_PATTERN)
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
_FORBIDDEN_IN_HOST = re.compile(r"[\s/\\?#@:\[\]%<>^|]")
_SIGNS = frozenset({"Nd", "So"})
"""Digits, and the emoji that some registries sell."""
_UNLISTED_SUFFIXES = frozenset({"onion", "i2p", "bit", "bazar", "example", "test", "invalid", "za"})
"""Top-level domains outside the DNS root that reports and documentation use; and South Africa's, of which the Public
Suffix List has only the names below it, such as co.za."""


def ipv6(text: str) -> str | None:
    """Return the RFC 5952 spelling of an IPv6 address; an IPv4-mapped one is the IPv4 address."""
    try:
        address = IPv6Address(text)
    except AddressValueError:
        return None
    mapped = address.ipv4_mapped
    return str(mapped) if mapped else address.compressed


def domain(text: str) -> str | None:
    """Return the canonical form of a domain name of at least two labels: ASCII, lower case, no trailing dot."""
    name = text.lower().rstrip(".") if text.isascii() else _ascii(text)
    return name if _HOST.fullmatch(name) and fits(name) else None


def fits(name: str) -> bool:
    """Whether a name keeps to the lengths of RFC 1035: 63 characters a label, 253 in all."""
    return len(name) <= 63 or (len(name) <= 253 and max(map(len, name.split("."))) <= 63)


def url_host(text: str) -> str | None:
    """Return the canonical host of a URL, as a browser understands it: 0x7f.1 is an address."""
    if _IPV4.fullmatch(text):
        return text
    if "%" in text:
        text = unquote(text)
    if text.startswith("["):
        address = ipv6(text[1:-1].partition("%")[0]) if text.endswith("]") else None
        return f"[{address}]" if address and ":" in address else address
    if _FORBIDDEN_IN_HOST.search(text):
        return None
    if not text.isascii():
        text = _ascii(text)
    return domain(text) or _browser_ipv4(text.lower().rstrip("."))


def is_address(host: str) -> bool:
    """Whether the canonical host of a URL is an address: a name's last label may end in a digit, too (`xn--...1`)."""
    return host[-1] == "]" or (host[-1].isdigit() and _IPV4.fullmatch(host) is not None)


def has_public_suffix(name: str) -> bool:
    """Whether the last label of a canonical domain is a top-level domain that exists."""
    return is_suffix(name[name.rindex(".") + 1 :])


@lru_cache(maxsize=4096)
def is_suffix(label: str) -> bool:
    """Whether `label` is a top-level domain, one of the overlay networks or one reserved for documentation."""
    return label in _UNLISTED_SUFFIXES or public_suffixes().publicsuffix(label) is not None


@cache
def public_suffixes() -> PublicSuffixList:
    """Return the Public Suffix List, read once."""
    return PublicSuffixList(accept_unknown=False)


def _browser_ipv4(text: str) -> str | None:
    """Read an address as the WHATWG URL standard does: 1 to 4 parts, each decimal, octal or hexadecimal."""
    parts = text.split(".")
    if len(parts) > 4 or not all(_NUMBER.fullmatch(part) and len(part) <= 16 for part in parts):
        return None
    try:
        numbers = [_number(part) for part in parts]
    except ValueError:
        return None
    *leading, last = numbers
    if any(number > 255 for number in leading) or last >= 256 ** (5 - len(numbers)):
        return None
    return str(IPv4Address(last + sum(number << (8 * (3 - index)) for index, number in enumerate(leading))))


def _number(part: str) -> int:
    if part.startswith("0x"):
        return int(part[2:] or "0", 16)
    return int(part, 8) if part.startswith("0") and part != "0" else int(part)


def _ascii(text: str) -> str:
    """Encode an internationalised name by UTS 46, or label by label where a registry let through what it forbids."""
    if len(text) > 253:
        return ""
    try:
        return idna.encode(text, uts46=True).decode("ascii").lower().rstrip(".")
    except UnicodeError:
        try:
            text = idna.uts46_remap(text, std3_rules=False)
        except UnicodeError:
            text = text.lower()
        return ".".join(map(_label, text.split("."))).rstrip(".")


def _label(label: str) -> str:
    """Encode one label; "" for one with a quote or another sign that no registry lets into a name."""
    if label.isascii():
        return label
    if any(
        not (character in "-_" or category(character)[0] in "LM" or category(character) in _SIGNS)
        for character in label
    ):
        return ""
    return "xn--" + label.encode("punycode").decode("ascii").lower()
