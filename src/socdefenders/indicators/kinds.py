"""What an indicator is: one row for each type, and the parsing of one published value.

A value reads the same wherever it comes from: a feed's column, a sentence, an analyst's clipboard.
`canonical` is its identity; `normalized`, the same in lower case, is what is searched. `parse` is
called for every row of every import, so plain spellings take one pattern and no second look.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from socdefenders.errors import InvalidIndicator, Unsupported
from socdefenders.indicators import hosts, urls
from socdefenders.indicators.refang import refang, refang_inner, refang_url
from socdefenders.model import Indicator, IocType

LONGEST = 2_048
"""Characters of the longest value that is stored."""
_LONGEST_RAW = 4 * LONGEST
_LAST_PORT = 65_535
_LONGEST_HOST = 300
"""Characters that a host name and its port can have; longer texts do not reach the patterns for them."""

Reader = Callable[[str, str], Indicator | None]
"""Takes the text as published and the same refanged and without surroundings; None: it is something else."""


class Kind(NamedTuple):
    """How values of one type are recognised and what a publisher's label for it may turn out to be."""

    read: Reader
    accepts: frozenset[IocType]
    example: str


_WRAPPING = urls.QUOTES + "()[]{}<>|*•·–—,;!?" + " \t\r\n"
_WRAPPING_BEFORE_IPV6 = _WRAPPING.replace("[", "")
_AROUND_IPV6 = _WRAPPING.replace("[", "").replace("]", "") + "."
_NARROW = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
"""The full-width forms of ASCII, which input methods of East Asia write."""
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_HASH = re.compile(r"[0-9a-fA-F]{32,128}")
_HASHES = {32: IocType.MD5, 40: IocType.SHA1, 64: IocType.SHA256, 128: IocType.SHA512}
_DASH = "[-‐‑‒–—―−－_ ]"
_CVE = re.compile(rf"CVE{_DASH}{{0,2}}((?:19|20)[0-9]{{2}}){_DASH}{{1,2}}([0-9]{{4,19}})", re.IGNORECASE)
_TECHNIQUE = re.compile(r"(TA0[0-9]{3}|T[0-9]{4})(?:[./]([0-9]{3}))?", re.IGNORECASE)
_IPV4 = re.compile(rf"({hosts.IPV4_PATTERN})(?:[:|]([0-9]{{1,5}}))?(?:/([0-9]{{1,2}}))?")
_IPV4_RANGE = re.compile(rf"{hosts.IPV4_PATTERN}\s?-\s?{hosts.IPV4_PATTERN}")
_IPV6 = re.compile(
    r"\[?([0-9a-f:.]*:[0-9a-f.]*:[0-9a-f:.]*)(?:%[\w.-]+)?(\]?)(?::([0-9]{1,5}))?(?:/([0-9]{1,3}))?", re.IGNORECASE
)
_EMAIL = re.compile(r"(?:(?i:mailto):)?([A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64})\s?@\s?([^\s@/?#:]+)")
_NAME = re.compile(r"([^\s/?#@:|\\]+\.[^\s/?#@:|\\]+)(?:[:|]([0-9]{1,5}))?")
_BRACKETED = re.compile(r"\[[0-9a-f:.]{2,45}\]", re.IGNORECASE)
_HOST_AND_PATH = re.compile(
    rf"(?:{_BRACKETED.pattern}|[^\s/?#@:\\]+)(?::[0-9]{{1,5}})?[/?#].*", re.DOTALL | re.IGNORECASE
)
_ABSOLUTE = re.compile(r"(?:(?:https?|ftps?|wss?):[/\\]+|[a-z][a-z0-9+.-]{1,15}:(?://|\\\\))[^/\\]", re.IGNORECASE)
_PLAIN = re.compile(
    rf"""
    (?P<ipv4>{hosts.IPV4_PATTERN})
  | (?P<service>(?P<address>{hosts.IPV4_PATTERN}):(?P<service_port>[0-9]{{1,5}}))
  | (?P<hash>[0-9a-fA-F]{{32}}(?:[0-9a-fA-F]{{8}}(?:[0-9a-fA-F]{{24}}(?:[0-9a-fA-F]{{64}})?)?)?)
  | (?P<domain>{hosts.HOST_PATTERN})
  | (?P<url>(?:https?|ftp)://(?P<host>{hosts.IPV4_PATTERN}|{hosts.HOST_PATTERN})(?P<port>:[1-9][0-9]{{0,4}})?
      (?P<path>/[A-Za-z0-9\-._~!$&*+,;=:@/?\#]*)?(?<![.,;:!?\#]))
    """,
    re.VERBOSE,
)


def parse(value: str, type: IocType | None = None) -> Indicator:  # noqa: A002 - as in Observable and Indicator
    """Read one published value, plain or defanged, quoted or in capitals.

    `type` is what its publisher calls it. An address or a name of the wrong kind becomes the right
    one; any other disagreement, and what is no indicator at all, raises InvalidIndicator with the
    reason; what is well-formed but not kept here (a network, a wildcard) raises Unsupported.
    """
    return parse_plain(value, type) or _read(value, type)


def parse_plain(value: str, type: IocType | None = None) -> Indicator | None:  # noqa: A002 - as in `parse`
    """Read a value that is spelt canonically already, at a fifth of the cost; None says nothing about the others."""
    plain = _PLAIN.fullmatch(value)
    return _read_plain(value, plain, type) if plain else None


def detect(text: str) -> IocType | None:
    """Return the type of the one indicator that `text` is, or None."""
    try:
        return parse(text).type
    except InvalidIndicator:
        return None


def normalize(value: str, type: IocType | None = None) -> str:  # noqa: A002 - as in `parse`
    """Return what a search for `value` looks for, the same for every spelling of an indicator.

    Raises as `parse` does.
    """
    return parse(value, type).normalized


def reversed_host(indicator: Indicator) -> str | None:
    """Return the host's labels from the top level down (`com.example.www`), None where there is no host name."""
    kind = indicator.type
    if kind is IocType.DOMAIN:
        host = indicator.canonical
    elif kind is IocType.URL:
        host = urls.host_of(indicator.canonical)
        if hosts.is_address(host):
            return None
    elif kind is IocType.EMAIL:
        host = indicator.canonical.rpartition("@")[2]
    else:
        return None
    return ".".join(host.split(".")[::-1])


def tidy(value: str) -> str:
    """Return `value` without surrounding blanks and invisible characters; refuse control characters and giants."""
    if len(value) > _LONGEST_RAW:
        raise Unsupported(f"longer than {LONGEST:,} characters.")
    if not (value.isascii() and value.isprintable()):
        if _REFUSED.search(value):
            raise InvalidIndicator("contains control characters.")
        value = _INVISIBLE.sub("", value)
    return value.strip()


def _read_plain(value: str, plain: re.Match[str], hint: IocType | None) -> Indicator | None:
    """Take the short way for values that are canonical already; None sends them the long way."""
    kind = plain.lastgroup
    if kind == "domain":
        if (hint is IocType.DOMAIN or (hint is None and hosts.has_public_suffix(value))) and hosts.fits(value):
            return Indicator(IocType.DOMAIN, value, value, value)
    elif kind == "ipv4":
        if hint is None or hint is IocType.IPV4:
            return Indicator(IocType.IPV4, value, value, value)
    elif kind == "service":
        port = int(plain["service_port"])
        if port <= _LAST_PORT and (hint is None or hint is IocType.IPV4):
            address = plain["address"]
            return Indicator(IocType.IPV4, address, address, address, port)
    elif kind == "hash":
        if hint is None or hint is _HASHES[len(value)]:
            lowered = value.lower()
            return Indicator(_HASHES[len(value)], value, lowered, lowered)
    elif (hint is None or hint is IocType.URL) and _is_canonical(value, plain):
        canonical = value if plain["path"] else value + "/"
        return Indicator(IocType.URL, value, canonical, canonical.lower())
    return None


def _is_canonical(url: str, plain: re.Match[str]) -> bool:
    if len(url) >= LONGEST or not hosts.fits(plain["host"]) or ("/." in url and urls.DOT_SEGMENT.search(url)):
        return False
    if url.find("://", 6) > 0 and refang_inner(url) != url:
        return False
    port = plain["port"]
    return not port or (int(port[1:]) <= _LAST_PORT and port not in urls.DEFAULT_PORTS)


def _read(value: str, hint: IocType | None) -> Indicator:
    text = tidy(value)
    if not text:
        raise InvalidIndicator("empty.")
    plain = bare(text)
    found = _first(text, plain) if hint is None else KINDS[hint].read(text, plain)
    if found is None or (hint is not None and found.type not in KINDS[hint].accepts):
        raise InvalidIndicator(_mismatch(hint, found if hint is None else found or _first(text, plain)))
    if len(found.canonical) > LONGEST:
        raise Unsupported(f"longer than {LONGEST:,} characters.")
    return found if len(found.value) <= LONGEST else found._replace(value=found.canonical)


def _first(text: str, plain: str) -> Indicator | None:
    for read in UNLABELLED:
        found = read(text, plain)
        if found is not None:
            return found
    return None


def _mismatch(hint: IocType | None, found: Indicator | None) -> str:
    if hint is None:
        return "not an indicator of any known type."
    if found is None:
        return f"not a valid {hint}; one looks like {KINDS[hint].example}."
    return f"published as {hint}, but it is a valid {found.type}."


def bare(text: str) -> str:
    """Return a refanged value without quotes, brackets, bullets and punctuation around it, and in narrow letters."""
    plain = refang(text).strip(_WRAPPING).rstrip(".,;!?" + _WRAPPING)
    return plain if plain.isascii() else plain.translate(_NARROW)


def _read_hash(_text: str, plain: str) -> Indicator | None:
    if not _HASH.fullmatch(plain):
        return None
    kind = _HASHES.get(len(plain))
    if kind is None:
        raise Unsupported(f"a hash of {len(plain)} hexadecimal digits; MD5, SHA-1, SHA-256 and SHA-512 are kept.")
    return Indicator(kind, plain, plain.lower(), plain.lower())


def _read_cve(_text: str, plain: str) -> Indicator | None:
    match = _CVE.fullmatch(plain)
    if match is None:
        return None
    canonical = f"CVE-{match[1]}-{match[2]}"
    return Indicator(IocType.CVE, canonical, canonical, canonical.lower())


def _read_technique(_text: str, plain: str) -> Indicator | None:
    match = _TECHNIQUE.fullmatch(plain)
    if match is None or (match[2] and match[1][1] in "Aa"):
        return None
    canonical = match[1].upper() + (f".{match[2]}" if match[2] else "")
    return Indicator(IocType.MITRE_ATTACK, canonical, canonical, canonical.lower())


def _read_address(text: str, plain: str) -> Indicator | None:
    if len(plain) > _LONGEST_HOST:
        return None
    match = _IPV4.fullmatch(plain.rstrip(".:"))
    if match:
        _refuse_network(match[3], 32)
        return Indicator(IocType.IPV4, match[1], match[1], match[1], _port(match[2]))
    if _IPV4_RANGE.fullmatch(plain):
        raise Unsupported("a range of addresses; single addresses are kept.")
    return _read_ipv6(text) if plain.count(":") > 1 else None


def _read_ipv6(text: str) -> Indicator | None:
    """Read from the text as published, because brackets and a last colon may belong to the address."""
    text = refang(text).strip(_AROUND_IPV6)
    match = _IPV6.fullmatch(text) or _IPV6.fullmatch(text.rstrip(":]")) if len(text) <= _LONGEST_HOST else None
    address = hosts.ipv6(match[1]) if match else None
    if match is None or address is None or (match[3] and not match[2]):
        return None
    _refuse_network(match[4], 128)
    kind, value = (IocType.IPV6, match[1]) if ":" in address else (IocType.IPV4, address)
    return Indicator(kind, value, address, address, _port(match[3]))


def _refuse_network(prefix: str | None, full: int) -> None:
    if prefix and int(prefix) != full:
        raise Unsupported("a network; single addresses are kept.")


def _port(digits: str | None) -> int | None:
    if not digits:
        return None
    if int(digits) > _LAST_PORT:
        raise InvalidIndicator(f"{digits} is no port.")
    return int(digits)


def _read_url(text: str, _plain: str) -> Indicator | None:
    text = urls.trim_end(refang_url(text.lstrip(_WRAPPING)))
    if not _ABSOLUTE.match(text):
        return None
    canonical = urls.canonical_url(text)
    if canonical is None:
        raise InvalidIndicator("a URL without a usable host.")
    return Indicator(IocType.URL, urls.one_line(text), canonical, canonical.lower())


def _read_schemeless_url(text: str, _plain: str) -> Indicator | None:
    """Read `host/path` as http, which is what a browser would try."""
    if "/" not in text and "?" not in text and "#" not in text:
        return None
    text = text.lstrip(_WRAPPING_BEFORE_IPV6)
    text = urls.trim_end(refang_url("http://" + (text if _BRACKETED.match(text) else text.lstrip(_WRAPPING))))
    canonical = urls.canonical_url(text) if _HOST_AND_PATH.fullmatch(text, 7) else None
    if canonical is None:
        return None
    host = urls.host_of(canonical)
    if not (hosts.is_address(host) or hosts.has_public_suffix(host)):
        return None
    return Indicator(IocType.URL, urls.one_line(text), canonical, canonical.lower())


def _read_any_url(text: str, plain: str) -> Indicator | None:
    return _read_url(text, plain) or _read_schemeless_url(text, plain)


def _read_published_url(text: str, plain: str) -> Indicator | None:
    """Read what stands in a publisher's URL column, where a bare host is a URL too."""
    return _read_any_url(text, plain) or _read_url("http://" + text.lstrip(_WRAPPING), plain)


def _read_email(_text: str, plain: str) -> Indicator | None:
    match = _EMAIL.fullmatch(plain) if "@" in plain else None
    name = hosts.domain(match[2]) if match else None
    if match is None or name is None:
        return None
    canonical = f"{match[1].lower()}@{name}"
    return Indicator(IocType.EMAIL, f"{match[1]}@{match[2]}", canonical, canonical)


def _read_domain(text: str, plain: str) -> Indicator | None:
    found = _read_name(text, plain)
    return found if found and hosts.has_public_suffix(found.canonical) else None


def _read_name(text: str, plain: str) -> Indicator | None:
    """Read a domain by its form alone: what a publisher calls a domain need not be in the root today."""
    if text.startswith("*."):
        raise Unsupported("a wildcard; single names are kept.")
    plain = plain.rstrip(".:")
    match = _NAME.fullmatch(plain) if len(plain) <= _LONGEST_HOST else None
    name = hosts.domain(match[1].strip(".")) if match else None
    if match is None or name is None:
        return None
    return Indicator(IocType.DOMAIN, match[1].strip("."), name, name, _port(match[2]))


def _read_host(text: str, plain: str) -> Indicator | None:
    return _read_address(text, plain) or _read_name(text, plain)


_ADDRESSES = frozenset({IocType.IPV4, IocType.IPV6})

KINDS: dict[IocType, Kind] = {
    IocType.MD5: Kind(_read_hash, frozenset({IocType.MD5}), "32 hexadecimal digits"),
    IocType.SHA1: Kind(_read_hash, frozenset({IocType.SHA1}), "40 hexadecimal digits"),
    IocType.SHA256: Kind(_read_hash, frozenset({IocType.SHA256}), "64 hexadecimal digits"),
    IocType.SHA512: Kind(_read_hash, frozenset({IocType.SHA512}), "128 hexadecimal digits"),
    IocType.CVE: Kind(_read_cve, frozenset({IocType.CVE}), "CVE-2024-12345"),
    IocType.MITRE_ATTACK: Kind(_read_technique, frozenset({IocType.MITRE_ATTACK}), "T1059.001"),
    IocType.IPV4: Kind(_read_address, _ADDRESSES, "192.0.2.1"),
    IocType.IPV6: Kind(_read_address, _ADDRESSES, "2001:db8::1"),
    IocType.URL: Kind(_read_published_url, frozenset({IocType.URL}), "http://host.example/path"),
    IocType.EMAIL: Kind(_read_email, frozenset({IocType.EMAIL}), "name@host.example"),
    IocType.DOMAIN: Kind(_read_host, _ADDRESSES | {IocType.DOMAIN}, "host.example"),
}

UNLABELLED: tuple[Reader, ...] = (
    _read_hash,
    _read_cve,
    _read_technique,
    _read_address,
    _read_any_url,
    _read_email,
    _read_domain,
)
"""How a value without a label is read: the first that recognises it decides."""
