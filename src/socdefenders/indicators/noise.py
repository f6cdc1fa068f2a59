"""Why a value that looks like an indicator is none: rules with names, tried in order.

A rule that rests on the value alone and one that rests on how its author wrote it are told apart:
a documentation address or a file-like name counts once somebody took the trouble to defang it.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple

from socdefenders.indicators import urls
from socdefenders.model import Indicator, IocType


class Reason(NamedTuple):
    """Why a match does not count."""

    rule: str
    list: str | None = None
    """The list that names the value; None: the rule needs none."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """What is known of the text as a whole."""

    own_host: str | None = None
    """The host that published it."""
    defangs: bool = False
    """Whether its author defangs: then what stands plain is a link, not an indicator."""


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
    abuse.ch adobe.com amazon.com apache.org apple.com archive.org arxiv.org asp.net attack.mitre.org bing.com
    bleepingcomputer.com cisa.gov cisco.com cloudflare.com crowdstrike.com cve.org doi.org example.com example.net
    example.org exploit-db.com facebook.com fireeye.com first.org ftc.gov github.com gitlab.com gnu.org google.com
    gravatar.com ibm.com ietf.org instagram.com kaspersky.com linkedin.com malpedia.caad.fkie.fraunhofer.de
    mandiant.com mcafee.com medium.com microsoft.com mitre.org mozilla.org nist.gov openssl.org oracle.com
    paloaltonetworks.com python.org reddit.com schema.org securelist.com sophos.com stackoverflow.com symantec.com
    t.co talosintelligence.com trendmicro.com twitter.com ubuntu.com unit42.paloaltonetworks.com us-cert.gov
    virustotal.com w3.org welivesecurity.com wikipedia.org windows.com windowsupdate.com wordpress.com wordpress.org
    x.com yahoo.com youtu.be youtube.com
"""
BENIGN_HOSTS = frozenset(_BENIGN_HOSTS.split())
"""Big platforms and the field's own references: named in reports, rarely reported."""

_FILE_ENDINGS = """
    asp aspx bat bin bz c cab cfg class cmd cpp cs css csv dat db dll dmg doc docx exe fm gz h hta htm html inf ini
    ink jar java js json jsp lib lnk local log lua md mk mm mo mov msi ocx pdf pem php pl pm png po ps ps1 py pyc
    rar rb rs rtf scr sh so src svg sys tar tmp txt vb vbs xls xlsx xml yml zip
"""
FILE_ENDINGS = frozenset(_FILE_ENDINGS.split())
"""Top-level domains that, undefanged, are a file's ending rather than a host's."""

_WORD_ENDINGS = """
    author bar blog build call case channel check chrome codes computer contact data date day design dev direct
    discover domains email events exchange feedback final foundation global green group international limited map
    media mobile name network new now off one page parts pictures post properties record red report reports rest
    review rocks run safe scholarships search security select services settings show software source sources stream
    style support systems team technology tools total training type update video watch works world zone
"""
WORD_ENDINGS = frozenset(_WORD_ENDINGS.split())
"""Top-level domains that, undefanged and behind one label, are an attribute in code or a sentence without its space."""

_DOCUMENTATION = tuple(
    ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")
)
_RESERVED_NAMES = frozenset(
    {"example", "test", "invalid", "local", "localhost", "internal", "lan", "home", "corp", "arpa"}
)
_VERSION_BEFORE = re.compile(
    r"\b(?:v\.?|version|ver\.?|release|build|firmware|update|upgraded? to|rev\.?)\s*$|[a-z][/-]$|[_~^]$|[=<>]=\s*$",
    re.IGNORECASE,
)
_COMMIT_BEFORE = re.compile(r"\b(?:commit|revert(?:s|ed)?|changeset|tree)[\s:/]*$", re.IGNORECASE)
_CODE_AFTER = re.compile(r"\(|::|\[[0-9\"']")
_CODE_BEFORE = re.compile(r"[$\\/@_.#-]$")
_LINKED = frozenset({IocType.URL, IocType.DOMAIN, IocType.EMAIL})
_HASHES = frozenset({IocType.MD5, IocType.SHA1, IocType.SHA256, IocType.SHA512})
_ADDRESSES = frozenset({IocType.IPV4, IocType.IPV6})


def judge(indicator: Indicator, *, defanged: bool, before: str, after: str, document: Document) -> Reason | None:
    """Return why `indicator` is noise, or None. `before` and `after` are the characters around it."""
    kind = indicator.type
    if kind in _HASHES:
        return _hash_noise(indicator.canonical, before)
    if kind in _ADDRESSES:
        return _address_noise(indicator.canonical, defanged=defanged) or _version_noise(
            indicator, before, defanged=defanged
        )
    if kind not in _LINKED:
        return None
    host = _host(indicator)
    if host[-1].isdigit() or host.endswith("]"):
        return _address_noise(host.strip("[]"), defanged=defanged)
    return _host_noise(host, document, defanged=defanged) or (
        None if defanged else _plain_noise(indicator, host, before, after, document)
    )


def unlikely(indicator: Indicator) -> Reason | None:
    """Return why a value is noise although a feed lists it: nobody can be attacked from 10.0.0.1 or an empty file."""
    if indicator.type in _ADDRESSES:
        return _reserved(ip_address(indicator.canonical))
    return judge(indicator, defanged=True, before="", after="", document=Document())


def _host(indicator: Indicator) -> str:
    if indicator.type is IocType.URL:
        return urls.host_of(indicator.canonical)
    return indicator.canonical.rpartition("@")[2]


def _hash_noise(digits: str, before: str) -> Reason | None:
    if digits in EMPTY_HASHES:
        return Reason("empty-file", detail="the hash of no bytes")
    if len(set(digits)) <= 2:
        return Reason("placeholder", detail="a hash of one or two different digits")
    if _COMMIT_BEFORE.search(before):
        return Reason("code", detail="a commit of a version control system")
    return None


@lru_cache(maxsize=4096)
def _address_noise(text: str, *, defanged: bool) -> Reason | None:
    if defanged:
        return None
    address = ip_address(text)
    if any(address in network for network in _DOCUMENTATION if network.version == address.version):
        return Reason("documentation", detail="an address reserved for documentation")
    return _reserved(address)


def _reserved(address: IPv4Address | IPv6Address) -> Reason | None:
    if any(address in network for network in _DOCUMENTATION if network.version == address.version):
        return None
    if not address.is_global or address.is_multicast or _is_netmask(address):
        return Reason("reserved", detail="an address that is not on the public internet")
    return None


def _is_netmask(address: IPv4Address | IPv6Address) -> bool:
    return address.version == 4 and str(address).startswith("255.")


def _version_noise(indicator: Indicator, before: str, *, defanged: bool) -> Reason | None:
    if defanged or indicator.type is not IocType.IPV4:
        return None
    if _VERSION_BEFORE.search(before):
        return Reason("version", detail="a version number")
    if indicator.canonical.endswith(".0") or ".0.0." in indicator.canonical:
        return Reason("version", detail="zeros as in a version number or a network")
    return None


def _host_noise(host: str, document: Document, *, defanged: bool) -> Reason | None:
    own = document.own_host
    if own and _is_under(host, own):
        return Reason("publisher", detail=f"the publisher's own host {own}")
    if host.rpartition(".")[2] in _RESERVED_NAMES and not defanged:
        return Reason("reserved", detail="a name that is not in the public DNS")
    return None


def _plain_noise(indicator: Indicator, host: str, before: str, after: str, document: Document) -> Reason | None:
    """Judge what its author did not defang."""
    if before.endswith("]("):
        return Reason("link", detail="where a link of the text leads")
    benign = _benign(host)
    if benign:
        return Reason("benign", detail=f"on {benign}")
    if indicator.type is IocType.DOMAIN:
        ending = host.rpartition(".")[2]
        if ending in FILE_ENDINGS:
            return Reason("file-name", detail=f".{ending} ends file names")
        if ending in WORD_ENDINGS and host.count(".") == 1:
            return Reason("code", detail=f".{ending} is a word of code and prose")
        in_brackets = before.endswith("[") and after.startswith("]")
        if (
            in_brackets
            or _CODE_AFTER.match(after)
            or _CODE_BEFORE.search(before)
            or _is_spelt_as_a_name(indicator.value)
        ):
            return Reason("name", detail="a name in code or prose")
    if document.defangs:
        return Reason("link", detail="stands plain where its author defangs")
    return None


def _is_spelt_as_a_name(value: str) -> bool:
    """Whether capitals make it a class or a brand; all of them do not, some lists are in capitals."""
    return not value.islower() and not value.isupper() and value.isascii()


def _is_under(host: str, parent: str) -> bool:
    return host == parent or host.endswith("." + parent)


def _benign(host: str) -> str | None:
    while host:
        if host in BENIGN_HOSTS:
            return host
        host = host.partition(".")[2]
    return None
