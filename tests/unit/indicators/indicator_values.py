"""Hypothesis strategies for canonical indicators and for the ways to misspell them."""

from hypothesis import strategies as st

from socdefenders.model import IocType

labels = st.from_regex(r"[a-z][a-z0-9]{0,9}", fullmatch=True)
domains = st.builds(lambda parts: ".".join([*parts, "evil", "example"]), st.lists(labels, max_size=3))
ipv4s = st.builds(lambda low: f"198.51.100.{low}", st.integers(0, 255))
ipv6s = st.builds(lambda group, last: f"2001:db8:{group:x}::{last:x}", st.integers(1, 0xFFFF), st.integers(1, 0xFFFF))
paths = st.from_regex(r"(?:/[A-Za-z0-9_-]{1,8}){1,4}(?:\.php\?id=[0-9A-Z]{1,4})?", fullmatch=True)
_schemes = st.sampled_from(["http", "https", "ftp"])
_targets = st.builds(
    lambda opening, scheme, host, path: f"{opening}{scheme}://{host}{path}",
    st.sampled_from(["/", "/?", "/?u=", "/r?u=", "/a/", "/a#", "/redirect_"]),
    _schemes | st.sampled_from(["HTTP", "Https", "hTTp", "tcp"]),
    domains | ipv4s,
    paths,
)
"""Paths and queries that lead to another address."""
links = st.builds("{}://{}{}".format, _schemes, domains | ipv4s, paths | _targets)
emails = st.builds(lambda user, host: f"{user}@{host}", labels, domains)
hashes = st.sampled_from([32, 40, 64, 128]).flatmap(
    lambda size: st.text("0123456789abcdef", min_size=size, max_size=size)
)
cves = st.builds(lambda year, number: f"CVE-{year}-{number}", st.integers(1999, 2030), st.integers(1000, 999999))
techniques = st.from_regex(r"T1[0-9]{3}(?:\.0[0-9]{2})?", fullmatch=True)

canonical_values = st.one_of(domains, ipv4s, ipv6s, links, emails, hashes, cves, techniques)

_CHARACTERS = list("abcxyz019.:/\\?#@%[](){}<>-_~!$&'*+,;=| \"\t\né。ßİΣ\u200b")
_PIECES = [
    "http://", "hxxp://", "[.]", "(dot)", " dot ", "%2e", "%2E", "%41", "%%34", "(%2E)", "evil.example", "192.0.2.1",
    "meow:", "2001:db8::1", "/../", "/./", "xn--", ".xn--1", "..", "[:]", "[/]", "T1059", "cve-2024-1234", "0x7f", "ftp://",
    "tcp://", "%00", "[::", "8.8.4.4_", "0123456789abcdef0123456789abcdef",
]  # fmt: skip
pieces = st.sampled_from(_CHARACTERS + _PIECES)
hostile = st.one_of(
    st.text(max_size=40),
    st.lists(pieces, max_size=14).map("".join),
    st.lists(pieces, max_size=10).map(lambda parts: "http://evil.example/" + "".join(parts)),
    st.lists(pieces, max_size=6).map(lambda parts: "http://" + "".join(parts) + "/x"),
)
hints = st.sampled_from([None, *IocType])
