"""Why a value that looks like an indicator is none: rules with names, tried in order.

A value that its author defanged is near-certain to be meant, so that only what is no indicator however it
is written can speak against it. A plain one has to earn its place: against lists of what everybody uses, against
what files, code, versions and sentences look like, and by where it stands.
"""

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple

from socdefenders import knowledge
from socdefenders.indicators import hosts, urls
from socdefenders.indicators.place import Document, Place, Section, has_cue, is_bare, is_listed
from socdefenders.model import Indicator, IocType


class Reason(NamedTuple):
    """Why a match does not count."""

    rule: str
    list: str | None = None
    """The list that names the value or its host; None where no list is behind the rule."""
    detail: str = ""

    @property
    def why(self) -> str:
        """The detail and the list, in words."""
        return f"{self.detail} ({self.list})" if self.list else self.detail


EMPTY_HASHES = frozenset(
    {
        "d41d8cd98f00b204e9800998ecf8427e",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        (
            "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
            "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
        ),
    }
)
"""Of no bytes at all."""

_BENIGN_HOSTS = """
    abuse.ch adobe.com amazon.com apache.org apple.com archive.org arxiv.org asp.net bing.com
    bleepingcomputer.com cisa.gov cisco.com cloudflare.com crowdstrike.com cve.org doi.org example.com example.net
    example.org exploit-db.com facebook.com fireeye.com first.org ftc.gov github.com gitlab.com gnu.org google.com
    gravatar.com ibm.com ietf.org instagram.com kaspersky.com linkedin.com malpedia.caad.fkie.fraunhofer.de
    mandiant.com mcafee.com medium.com microsoft.com mitre.org mozilla.org nist.gov openssl.org oracle.com
    paloaltonetworks.com python.org reddit.com schema.org securelist.com sophos.com stackoverflow.com symantec.com
    t.co talosintelligence.com trendmicro.com twitter.com ubuntu.com us-cert.gov
    virustotal.com w3.org welivesecurity.com wikipedia.org windows.com windowsupdate.com wordpress.com wordpress.org
    x.com youtu.be youtube.com
"""
BENIGN_HOSTS = frozenset(_BENIGN_HOSTS.split())
"""Big platforms and the field's own references: named in reports, rarely reported."""

_FILE_ENDINGS = """
    bz cab fm ink java md mk mm mo mov pl pm ps py rs sh so zip
"""
FILE_ENDINGS = frozenset(_FILE_ENDINGS.split())
"""Top-level domains that, undefanged, are a file's ending rather than a host's."""

_WORD_ENDINGS = """
    author bar blog build call case channel chrome codes computer contact data date day design dev direct discover
    domains email events exchange feedback final foundation global green group international limited map media mobile
    name network new now one page parts pictures post properties red report rest review rocks run safe scholarships
    search security select services show software stream style support systems team technology tools total training
    video watch works world zone
"""
WORD_ENDINGS = frozenset(_WORD_ENDINGS.split())
"""Top-level domains that, undefanged and behind one label, are an attribute in code or a sentence without its space."""


POPULAR = frozenset(
    {
        "alexa",
        "bank-website",
        "captive-portals",
        "cisco_top1000",
        "cisco_top5k",
        "cisco_top10k",
        "cisco_top20k",
        "google",
        "majestic_million",
        "microsoft",
        "microsoft-office365",
        "microsoft-win10-connection-endpoints",
        "moz-top500",
        "security-provider-blogpost",
        "tranco10k",
        "whats-my-ip",
    }
)
"""Warning lists of what everybody visits, reads or calls: plain, it is rarely meant as an indicator."""
_WHATS_MY_IP = "whats-my-ip"
CORE = frozenset({"captive-portals", "cisco_top1000", "google", "microsoft", "microsoft-office365"})
"""Those whose names alone, without a path, are no indicator even defanged."""
LESS_POPULAR = frozenset({"cisco_top5k", "cisco_top10k", "cisco_top20k", "majestic_million", "tranco10k"})
"""Those of them that reach so far down that attackers' hosts and victims' stand on them too."""
RANKED = frozenset({"google-chrome-crux-1million", "tranco", "university_domains"})
"""Long lists, which hold compromised and abused sites too."""
SHARED = frozenset(
    {"disposable-email", "dynamic-dns", "link-in-bio", "lots-project", "public-ipfs-gateways", "url-shortener"}
)
"""Warning lists of services on which anybody can put anything: what lies there is not known by its host."""
ATTACKERS = frozenset({"dynamic-dns"})
"""Those of them that hardly anybody else names."""
KNOWN_FILES = frozenset(
    {
        "common-ioc-false-positive",
        "eicar.com",
        "mozilla-CA",
        "mozilla-IntermediateCA",
        "nioc-filehash",
        "ti-falsepositives",
    }
)
"""Warning lists of files and certificates that are known to be good."""

_DOCUMENTATION = tuple(
    ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")
)
_RESERVED_NAMES = frozenset(
    {"example", "test", "invalid", "local", "localhost", "internal", "lan", "home", "corp", "arpa"}
)
_PLACEHOLDERS = frozenset({"dummy", "placeholder", "redacted", "removed", "victim", "xxx", "xxxx", "xxxxx"})
_PACKAGE_BEGINNINGS = frozenset({"android", "androidx", "com", "io", "java", "javax", "kotlin", "net", "org"})
_PACKAGE_NEVER_ENDS = frozenset({"com", "net", "org"})
_WORD_COUNTRIES = frozenset({"at", "be", "do", "id", "in", "is", "it", "me", "my", "no", "so", "to"})
"""Top-level domains of countries that are words too, and attributes in code."""
_GENERIC = frozenset({"biz", "com", "info", "net", "org"})
"""Top-level domains that neither files nor code end with."""
_ONION_LENGTHS = frozenset({16, 56})
"""Of the second and the third version of the protocol; rend-spec-v3, section 6."""
_COMMON = 4.0
"""Zipf frequency from which a word is common English: once in 100,000 words."""
_ROLES = re.compile(
    r"(?:abuse|contact|feedback|help|info|intel|intelligence|media|news|noc|pr|press|privacy|report|research|sales|secure"
    r"|security|soc|support|threat\w*|webmaster)[^@]{0,20}@"
)
"""Mailboxes that an organisation answers."""

_VERSION_BEFORE = re.compile(
    r"(?:\b(?:v\.?|versions?|ver\.?|release|build|firmware|update|upgraded? to|rev\.?)|[a-z][/_-]|[_~^]|[=<>]=)\s*\Z",
    re.IGNORECASE,
)
_VERSION_NEAR = re.compile(r"\b(?:versions?|releases?|builds?|upgrad\w+|instance|patch\w*)\b", re.IGNORECASE)
_HASH_NO_MORE = re.compile(
    r"\b(?:(?P<commit>commit|revert(?:s|ed)?|changeset|tree)|key|licen[cs]e|iv|salt|nonce|seed|guid|uuid)\b[\s:=/(\"'“]{1,5}\Z",
    re.IGNORECASE,
)
"""What stands before a hash that is no file's."""
_KEY_LENGTHS = frozenset({32, 64})
_HASH_BEFORE = re.compile(r"\b(?:md-?5|sha-?(?:1|256|512)|hash)\b[\s:=|]{0,6}\Z", re.IGNORECASE)
_LINK_BEFORE = re.compile(r"\b(?:reference|ref|source|see|link|via|author|blog|post)\b[\s:=(\"']{1,5}\Z", re.IGNORECASE)
_NAMED_BEFORE = re.compile(r"\b(?:domains?|host ?names?|c2|c&c)\b[\s:*\"'“(]{1,6}\Z", re.IGNORECASE)
"""What says outright that a name follows."""
_LINK_OPENS = re.compile(r"(?:\]\s?\(|<)<?\Z")
"""What Markdown writes before an address that it makes a link of."""
_CODE_AFTER = re.compile(r"\(|::|\[[0-9\"']")
_CODE_BEFORE = re.compile(r"[$\\/@_.#-]\Z")
_LINKED = frozenset({IocType.URL, IocType.DOMAIN, IocType.EMAIL})
_HASHES = frozenset({IocType.MD5, IocType.SHA1, IocType.SHA256, IocType.SHA512})
_ADDRESSES = frozenset({IocType.IPV4, IocType.IPV6})
_BEFORE = 24
"""Characters before a match in which its label stands."""


def is_questioned(kind: IocType) -> bool:
    """Whether anything can speak against a value of this type; nothing does against a number or a technique."""
    return kind in _LINKED or kind in _HASHES or kind in _ADDRESSES


def judge(indicator: Indicator, place: Place, document: Document, *, defanged: bool) -> Reason | None:
    """Return why `indicator` is noise where it stands, or None."""
    kind = indicator.type
    if kind in _HASHES:
        return _hash_noise(indicator.canonical, place, document)
    if kind in _ADDRESSES:
        if defanged:
            return _network_noise(indicator.canonical, place)
        return None if document.alone else _address_noise(indicator.canonical) or _version_noise(indicator, place)
    host = host_of(indicator)
    if hosts.is_address(host):
        return None if defanged or document.alone else _address_noise(host.strip("[]"))
    if document.publisher and _is_under(host, document.publisher) and not (defanged and lists_of(host) & SHARED):
        return Reason("publisher", detail="the publisher's own host")
    if not _PLACEHOLDERS.isdisjoint(host.split(".")):
        return Reason("placeholder", detail="a word that stands for a name")
    if defanged:
        return _defanged_noise(indicator, host, place)
    return _plain_noise(indicator, host, place, document)


def unlikely(indicator: Indicator) -> Reason | None:
    """Return why a value is noise although a feed lists it: nobody can be attacked from 10.0.0.1 or an empty file."""
    if indicator.type in _ADDRESSES:
        return _reserved(ip_address(indicator.canonical))
    return _worthless_hash(indicator.canonical) if indicator.type in _HASHES else None


def host_of(indicator: Indicator) -> str:
    """Return the host of a URL, a domain or an e-mail address."""
    if indicator.type is IocType.URL:
        return urls.host_of(indicator.canonical)
    return indicator.canonical.rpartition("@")[2]


@lru_cache(maxsize=16_384)
def site(host: str) -> str:
    """Return the name below which `host` belongs to one registrant."""
    return hosts.public_suffixes().privatesuffix(host) or host


def _hash_noise(digits: str, place: Place, document: Document) -> Reason | None:
    reason = _worthless_hash(digits) or (None if document.alone else _known_file(digits))
    if reason:
        return reason
    before = place.text[max(0, place.start - _BEFORE) : place.start]
    label = _HASH_NO_MORE.search(before)
    if label and label["commit"]:
        return Reason("code", detail="a commit of a version control system")
    if label and len(digits) in _KEY_LENGTHS:
        return Reason("code", detail="a cryptographic key or an identifier")
    if "\n" in place.text[place.start : place.end] and not _HASH_BEFORE.search(before):
        return Reason("split", detail="two lines that may be one hash, which nothing says")
    return None


def _worthless_hash(digits: str) -> Reason | None:
    if digits in EMPTY_HASHES:
        return Reason("empty-file", detail="the hash of no bytes")
    if len(set(digits)) <= 2:
        return Reason("placeholder", detail="a hash of one or two different digits")
    if digits.isdigit() or digits.isalpha():
        return Reason("placeholder", detail="a number or letters alone, as a hash has them once in a million")
    return None


def _known_file(digits: str) -> Reason | None:
    known = KNOWN_FILES & knowledge.current().hash_sets(digits)
    return Reason("known-good", min(known), "a file or certificate that is known to be good") if known else None


@lru_cache(maxsize=16_384)
def _address_noise(text: str) -> Reason | None:
    address = ip_address(text)
    if _is_documentation(address):
        return Reason("documentation", detail="an address reserved for documentation")
    return _reserved(address)


def _reserved(address: IPv4Address | IPv6Address) -> Reason | None:
    if _is_documentation(address):
        return None
    if not address.is_global or address.is_multicast or _is_netmask(address):
        return Reason("reserved", detail="an address that is not on the public internet")
    return None


def _is_documentation(address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in _DOCUMENTATION if network.version == address.version)


def _is_netmask(address: IPv4Address | IPv6Address) -> bool:
    return address.version == 4 and str(address).startswith("255.")


def _network_noise(address: str, place: Place) -> Reason | None:
    """Judge an address that its author defanged: only that it may be no address."""
    if address.endswith(".0") and "/" in place.text[place.start : place.end]:
        return Reason("network", detail="a network, of which no single address is named")
    return None


def _version_noise(indicator: Indicator, place: Place) -> Reason | None:
    if indicator.type is not IocType.IPV4 or indicator.port is not None:
        return None
    before = place.text[max(0, place.start - _BEFORE) : place.start]
    if _VERSION_BEFORE.search(before):
        return Reason("version", detail="a version number")
    first, _, _, last = indicator.canonical.split(".")
    if last == "0" or ".0.0." in indicator.canonical:
        return Reason("version", detail="zeros as in a version number or a network")
    small = len(first) == len(last) == 1
    if small and _VERSION_NEAR.search(place.text, max(0, place.start - 80), place.end + 40):
        return Reason("version", detail="small numbers near the word for versions")
    return None


def _defanged_noise(indicator: Indicator, host: str, place: Place) -> Reason | None:
    """Judge what its author defanged: only what cannot be meant."""
    ends_path = indicator.type is IocType.DOMAIN and place.text[place.start - 1 : place.start] == "\\"
    if ends_path and host.rpartition(".")[2] in FILE_ENDINGS:
        return Reason("file-name", detail="the end of a path")
    lists = lists_of(host)
    if _WHATS_MY_IP in lists:
        return Reason("benign", _WHATS_MY_IP, "a service that tells callers their own address")
    if indicator.type is IocType.URL and urls.has_path(indicator.canonical):
        return None
    named = lists & CORE
    if named and indicator.type is not IocType.EMAIL and lists.isdisjoint(SHARED):
        return Reason("benign", min(named), "the name of a service that everybody uses")
    return None


def _plain_noise(indicator: Indicator, host: str, place: Place, document: Document) -> Reason | None:
    """Judge what its author did not defang."""
    reason = _name_noise(indicator, host, place, document) if indicator.type is IocType.DOMAIN else None
    if reason or document.alone:
        return reason
    if host.rpartition(".")[2] in _RESERVED_NAMES:
        return Reason("reserved", detail="a name that is not in the public DNS")
    if document.own_host and _is_under(host, document.own_host):
        return Reason("publisher", detail="the host that the text names as its own")
    if _LINK_OPENS.search(place.text, max(0, place.start - 3), place.start):
        return Reason("link", detail="where a link of the text leads")
    return _benign(indicator, host, place, document) or _unsupported(indicator, host, place, document)


def _unsupported(indicator: Indicator, host: str, place: Place, document: Document) -> Reason | None:
    """Return why nothing speaks for a plain value that nothing speaks against."""
    if place.section is Section.REFERENCES:
        return Reason("link", detail="stands among the references")
    if indicator.type is IocType.EMAIL and _ROLES.match(indicator.canonical):
        return Reason("contact", detail="a mailbox that an organisation answers")
    before = place.text[max(0, place.start - _BEFORE) : place.start]
    if indicator.type is IocType.URL and _LINK_BEFORE.search(before):
        return Reason("link", detail="named as a source")
    lists = lists_of(host)
    known = lists & RANKED if indicator.type is IocType.URL and lists.isdisjoint(SHARED) else None
    if not (document.defangs or known) or host.endswith(".onion") or not lists.isdisjoint(ATTACKERS) or has_cue(place):
        return None
    if is_listed(place) and (
        place.section is Section.INDICATORS
        or not document.defangs
        or lists.isdisjoint(RANKED | POPULAR)
        or not lists.isdisjoint(SHARED)
    ):
        return None
    if known and not document.defangs:
        return Reason("link", min(known), "a link to a known site")
    return Reason("link", detail="stands plain where its author defangs")


def _name_noise(indicator: Indicator, host: str, place: Place, document: Document) -> Reason | None:
    """Tell names of files, of code and of brands from names of hosts."""
    name, _, ending = host.rpartition(".")
    if ending == "onion":
        known = len(name.rpartition(".")[2]) in _ONION_LENGTHS
        return None if known else Reason("name", detail="no onion service has a name of that length")
    if _NAMED_BEFORE.search(place.text, max(0, place.start - _BEFORE), place.start):
        return None
    if ending in FILE_ENDINGS:
        return Reason("file-name", detail=f".{ending} ends file names")
    if _is_package(name.partition(".")[0], name, ending):
        return Reason("name", detail="a package name, which is a host's name backwards")
    is_word = ending in WORD_ENDINGS or (ending in _WORD_COUNTRIES and _is_common(name))
    if is_word and "." not in name and not is_bare(place):
        return Reason("code", detail=f".{ending} is a word of code and prose")
    before, after = place.text[max(0, place.start - 1) : place.start], place.text[place.end : place.end + 3]
    in_brackets = before == "[" and after.startswith("]")
    is_dotnet = indicator.value.endswith((".NET", ".Net")) and not name.isupper() and not indicator.value.isupper()
    if in_brackets or is_dotnet or _CODE_AFTER.match(after) or _CODE_BEFORE.search(before):
        return Reason("name", detail="a name in code or prose")
    if _is_spelt_as_a_name(indicator.value) and (document.defangs or ending not in _GENERIC):
        return Reason("name", detail="a name in code or prose")
    return None


def _is_package(first: str, name: str, ending: str) -> bool:
    return "." in name and first in _PACKAGE_BEGINNINGS and ending not in _PACKAGE_NEVER_ENDS


def _is_common(word: str) -> bool:
    return knowledge.current().zipf(word) >= _COMMON


def _is_spelt_as_a_name(value: str) -> bool:
    """Whether capitals make it a class or a brand; all of them do not, some lists are in capitals."""
    return not value.islower() and not value.isupper() and value.isascii()


def _is_under(host: str, parent: str) -> bool:
    return host == parent or host.endswith("." + parent)


def _benign(indicator: Indicator, host: str, place: Place, document: Document) -> Reason | None:
    """Return on which list of harmless hosts `host` stands, unless its place says that it is meant."""
    known = _known_host(host)
    if known:
        return None if is_bare(place) else Reason("benign", detail=f"on {known}")
    if indicator.type is IocType.EMAIL:  # who offers mailboxes says nothing of who uses them
        return None
    lists = lists_of(host)
    named = lists & POPULAR
    if indicator.type is IocType.DOMAIN and not document.defangs:
        named -= LESS_POPULAR
    if not named or _is_shared(indicator, host, lists) or is_bare(place):
        return None
    if lists.isdisjoint(CORE) and (has_cue(place) or is_listed(place)):
        return None
    return Reason("benign", min(named), "a host that everybody uses")


def _is_shared(indicator: Indicator, host: str, lists: frozenset[str]) -> bool:
    """Whether it lies on or below a service on which anybody can put anything, and is not that service itself."""
    if lists.isdisjoint(SHARED):
        return False
    return indicator.type is IocType.URL or not lists_of(host.partition(".")[2]).isdisjoint(SHARED)


def lists_of(host: str) -> frozenset[str]:
    """Return the warning lists on which `host` or a name above it stands."""
    return knowledge.current().host_sets(host)


def _known_host(host: str) -> str | None:
    while host:
        if host in BENIGN_HOSTS:
            return host
        host = host.partition(".")[2]
    return None
