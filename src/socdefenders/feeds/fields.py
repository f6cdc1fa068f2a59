"""What publishers' fields mean: times, confidences, tags, and the names they give the kinds of value.

Nothing here judges whether a value is an indicator; `looks_like_indicator` is a rough guess for
telling columns and lists apart, no more.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

from socdefenders.model import IocType

MAX_TAGS = 50
MAX_REMEMBERED = 200
MAX_TEXT = 4000
"""The characters kept of a description."""

_NOTHING = frozenset({"", "-", "--", "n/a", "na", "nan", "none", "null", "nil", "unknown", "undefined"})

TYPES: dict[str, IocType | None] = {
    # None: the name says too little ("hash") or is a form that the caller takes apart ("ip:port")
    "ip": None, "ips": None, "ip_address": None, "ipaddress": None, "ipaddr": None, "address": None, "addr": None,
    "ip-dst": None, "ip-src": None, "dst_ip": None, "src_ip": None, "remote_ip": None, "c2_ip": None, "c2": None,
    "destination_ip": None, "source_ip": None, "dst": None, "src": None, "ip:port": None, "ip_port": None,
    "ip-dst|port": None, "ip-src|port": None, "hostname|port": None, "domain_port": None, "domain|ip": None,
    "socket": None,
    "cidr": None, "cidrs": None, "network": None, "subnet": None, "ip_range": None, "iprange": None, "netblock": None,
    "ipv4": IocType.IPV4, "ipv4-addr": IocType.IPV4, "ipv4addr": IocType.IPV4, "ipv4_address": IocType.IPV4,
    "networksourceipv4": IocType.IPV4, "networkdestinationipv4": IocType.IPV4,
    "ipv6": IocType.IPV6, "ipv6-addr": IocType.IPV6, "ipv6addr": IocType.IPV6, "ipv6_address": IocType.IPV6,
    "domain": IocType.DOMAIN, "domains": IocType.DOMAIN, "domain-name": IocType.DOMAIN, "domain_name": IocType.DOMAIN,
    "domainname": IocType.DOMAIN, "hostname": None, "host": None, "hosts": None, "fqdn": IocType.DOMAIN,
    "c2_domain": IocType.DOMAIN, "dns": IocType.DOMAIN, "server": None, "c2_server": None,
    "url": IocType.URL, "urls": IocType.URL, "uri": IocType.URL, "link": IocType.URL, "phishing_url": IocType.URL,
    "url_path": None, "website": None, "networksourceurl": IocType.URL,
    "md5": IocType.MD5, "md5_hash": IocType.MD5, "filehash-md5": IocType.MD5, "hash_md5": IocType.MD5,
    "md5hash": IocType.MD5, "hash-md5": IocType.MD5, "file_md5": IocType.MD5, "filename|md5": IocType.MD5,
    "sha1": IocType.SHA1, "sha1_hash": IocType.SHA1, "filehash-sha1": IocType.SHA1, "hash_sha1": IocType.SHA1,
    "sha-1": IocType.SHA1, "sha1hash": IocType.SHA1, "hash-sha1": IocType.SHA1, "file_sha1": IocType.SHA1,
    "filename|sha1": IocType.SHA1, "ssl_certificate_sha1_fingerprint": IocType.SHA1, "sha1_fingerprint": IocType.SHA1,
    "x509-fingerprint-sha1": IocType.SHA1,
    "sha256": IocType.SHA256, "sha256_hash": IocType.SHA256, "filehash-sha256": IocType.SHA256,
    "hash_sha256": IocType.SHA256, "sha-256": IocType.SHA256, "sha256hash": IocType.SHA256,
    "hash-sha256": IocType.SHA256, "file_sha256": IocType.SHA256, "filename|sha256": IocType.SHA256,
    "x509-fingerprint-sha256": IocType.SHA256, "sha2": IocType.SHA256,
    "sha512": IocType.SHA512, "sha512_hash": IocType.SHA512, "filehash-sha512": IocType.SHA512,
    "sha-512": IocType.SHA512, "filename|sha512": IocType.SHA512, "hash-sha512": IocType.SHA512,
    "hash": None, "hashes": None, "file_hash": None, "filehash": None, "file": None, "sample": None,
    "malware-sample": None,
    "x509-fingerprint-md5": IocType.MD5, "dbot_score": None,
    "email": IocType.EMAIL, "emails": IocType.EMAIL, "e-mail": IocType.EMAIL, "email-addr": IocType.EMAIL,
    "email_address": IocType.EMAIL, "email-src": IocType.EMAIL, "email-dst": IocType.EMAIL, "mail": IocType.EMAIL,
    "emailsenderaddress": IocType.EMAIL, "sender": IocType.EMAIL, "sender_email": IocType.EMAIL,
    "email-reply-to": IocType.EMAIL, "target-email": IocType.EMAIL, "whois-registrant-email": IocType.EMAIL,
    "cve": IocType.CVE, "cveid": IocType.CVE, "cve_id": IocType.CVE, "vulnerability": IocType.CVE, "cves": IocType.CVE,
    "mitre_attack": IocType.MITRE_ATTACK, "mitre-attack": IocType.MITRE_ATTACK, "attack_pattern": IocType.MITRE_ATTACK,
    "technique": IocType.MITRE_ATTACK, "attack-pattern": IocType.MITRE_ATTACK, "ttp": IocType.MITRE_ATTACK,
}  # fmt: skip
"""A publisher's name for a kind of value, in the form of `name_key`, and our type."""

UNSUPPORTED = frozenset({
    "as", "asn", "authentihash", "bic", "bitcoin", "btc", "campaign-name", "certificate", "comment", "command",
    "command_line", "cookie",
    "cpe", "datetime", "description", "email-attachment", "email-body", "email-header", "email-message-id",
    "email-mime-boundary", "email-subject", "email-x-mailer", "ethereum", "filename", "file_name", "file_path",
    "filepath", "file_path_name",
    "filename-pattern", "ftp-username", "github-username", "hassh-md5", "hasshserver-md5", "hex", "iban", "imphash",
    "impfuzzy", "ja3", "ja3-fingerprint-md5", "ja3s", "ja4", "jarm", "jarm-fingerprint", "mac-address", "mime-type",
    "monero", "mutex", "named_pipe", "named-pipe", "other", "path", "pattern-in-file", "pattern-in-memory",
    "pattern-in-traffic", "pdb", "pehash", "phone-number", "port", "process", "process_name", "regkey", "regkey|value",
    "registry", "registry_key", "registry-key", "sha224", "sha384", "sigma", "size-in-bytes", "snort", "ssdeep",
    "suricata",
    "telfhash", "text", "threat-actor", "tlsh", "tool", "user-agent", "useragent", "user_account", "user_agent",
    "username", "vhash",
    "wallet", "wallet_address", "windows-registry-key", "windows-scheduled-task", "windows-service-name",
    "x509-certificate", "xmr", "yara", "zeek",
})  # fmt: skip
"""Kinds that publishers share and that are no indicator here."""

_HALVES: dict[str, tuple[IocType | None, ...]] = {"domain": (IocType.DOMAIN,), "filename": ()}


def composite(key: str, value: str) -> list[tuple[str, IocType | None]]:
    """Take apart a value of a paired type such as `domain|ip` or `filename|sha256`; an address keeps its port."""
    left, _, right = key.partition("|")
    first, _, second = value.partition("|")
    if right == "port":
        return [(f"{first.strip()}:{second.strip()}" if second.strip() else first, None)]
    halves = [(first, kind) for kind in _HALVES.get(left, (None,))]
    return [(part.strip(), kind) for part, kind in (*halves, (second, TYPES.get(right))) if part.strip()]


_KEY = re.compile(r"[\s_./()]+")
_BARE_KEY = re.compile(r"[^a-z0-9:|-]+")


def name_key(name: str) -> str:
    """One form for the spellings of a column or type: `First Seen (UTC)` and `first_seen_utc` are the same."""
    return _BARE_KEY.sub("_", _KEY.sub("_", name.strip().lower())).strip("_")


def clean(value: object) -> str | None:
    """A field's text, or None where the publisher says nothing in one of the usual ways."""
    if isinstance(value, str):
        text = value.strip()
    elif value is None or isinstance(value, dict | list):
        return None
    else:
        text = str(value)
    if len(text) < 10 and text.lower() in _NOTHING:
        return None
    if len(text) > MAX_TEXT or "\0" in text:
        return text[:MAX_TEXT].replace("\0", "\ufffd")
    return text


def link(value: object) -> str | None:
    """A field's web address, or None: whoever reads a report may click on it, and a `javascript:` is no reference."""
    text = clean(value)
    return text if text and text[:8].lower().startswith(("http://", "https://")) else None


def joined(*parts: str | None) -> str | None:
    """The parts that say something, as one context."""
    return "; ".join(dict.fromkeys(part for part in parts if part))[:MAX_TEXT] or None


def when(value: object) -> datetime | None:
    """A publisher's time as UTC, however it is written; None for what is no time."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _epoch(value)
    if not isinstance(value, str) or not (text := value.strip()) or len(text) > 64:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return _odd_time(text)
    return _utc(found)


def _odd_time(text: str) -> datetime | None:
    if text.replace(".", "", 1).isdecimal() and len(text) >= 9:
        return _epoch(float(text))
    bare = text.removesuffix("UTC").removesuffix("GMT").removesuffix("()").rstrip(" (")
    for form in ("%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y", "%Y/%m/%d", "%Y/%m/%d %H:%M:%S", "%b %d, %Y",
                 "%B %d, %Y", "%d %B %Y", "%d-%m-%Y", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"):  # fmt: skip
        try:
            return _utc(datetime.strptime(bare, form))  # noqa: DTZ007 - _utc says which zone
        except ValueError:
            continue
    try:
        return _utc(parsedate_to_datetime(text))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _epoch(seconds: float) -> datetime | None:
    if 1e11 < seconds < 1e14:  # milliseconds
        seconds /= 1000
    return datetime.fromtimestamp(seconds, UTC) if 6e8 <= seconds < 4e9 else None


def _utc(time: datetime) -> datetime | None:
    """Publishers that name no zone mean UTC; a year out of all reason is a mistake."""
    if not 1990 <= time.year <= 2100:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def confidence(value: object) -> int | None:
    """A publisher's confidence as 0-100: a number, a share below 1, or a word."""
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _WORDS:
            return _WORDS[word]
        try:
            value = float(word.rstrip("%"))
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        return None
    return round(value * 100) if isinstance(value, float) and 0 < value < 1 else round(value)


_WORDS = {"high": 85, "very high": 95, "medium": 50, "moderate": 50, "med": 50, "low": 15, "confirmed": 95, "none": 0}

_TAG_ENDS = re.compile(r"[,;|\n]")


def tags(value: object) -> tuple[str, ...]:
    """Tags out of a list or a joined text, without `#`, each once, at most `MAX_TAGS`."""
    if isinstance(value, str):
        return _text_tags(value) if len(value) < MAX_REMEMBERED else _unique(_split_tags(value))
    return _unique(value) if isinstance(value, list | tuple) else ()


@lru_cache(4096)
def _text_tags(text: str) -> tuple[str, ...]:
    """The same few lists of tags stand in row after row."""
    return _unique(_split_tags(text))


def _split_tags(text: str) -> list[str]:
    return text.split() if text.lstrip().startswith("#") else _TAG_ENDS.split(text)


def _unique(found: Iterable[object]) -> tuple[str, ...]:
    cleaned = (clean(tag) for tag in found if isinstance(tag, str))
    unique = dict.fromkeys(tag.lstrip("#").strip()[:100] for tag in cleaned if tag)
    unique.pop("", None)
    return tuple(unique)[:MAX_TAGS]


_TECHNIQUE = re.compile(r"\bT\d{4}(?:\.\d{3})?\b")


def techniques(*texts: str | None) -> tuple[str, ...]:
    """ATT&CK techniques named in tags or a description."""
    return tuple(dict.fromkeys(found for text in texts if text for found in _TECHNIQUE.findall(text)))[:MAX_TAGS]


_REFANG = (
    ("[.]", "."),
    ("(.)", "."),
    ("{.}", "."),
    ("[dot]", "."),
    ("[:]", ":"),
    ("[at]", "@"),
    ("[@]", "@"),
    ("\\.", "."),
)
_SHAPE = re.compile(
    r"""(?:
      (?:\d{1,3}\.){3}\d{1,3}(?:[:/|]\d{1,5})?
    | (?=[0-9a-f:]*::|(?:[0-9a-f]{1,4}:){7})[0-9a-f:.]{3,45}(?:/\d{1,3})?
    | [0-9a-f]{32} | [0-9a-f]{40} | [0-9a-f]{64} | [0-9a-f]{128}
    | (?:h[tx]{2}ps?|s?ftps?|tcp|udp|wss?|ldaps?)\[?://\S+
    | [^\s@,;"'<>]{1,64}@(?:[\w-]{1,63}\.)+[a-z]{2,24}
    | \*?\.?(?:[\w-]{1,63}\.)+(?:[a-z]{2,24}|xn--[a-z0-9-]{2,60})\.?(?::\d{1,5})?(?:/[^\s,;]*)?
    | cve-\d{4}-\d{4,7}
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_FILE_NAME = re.compile(
    r"[\w.-]+\.(?:exe|dll|sys|bat|ps1|vbs|jse?|txt|py|php\d?|html?|aspx?|jsp|pdf|docx?|xlsx?|rtf|zip|rar|7z|lnk|tmp|dat|bin"
    r"|jar|apk|dex|elf|png|jpe?g|gif|json|xml|csv|md|ini|cfg|log|msi|hta|iso|img|vhd|cab|ocx|scr|c|h|cpp|rb|go)",
    re.IGNORECASE,
)


def looks_like_indicator(token: str) -> bool:
    """Guess whether one cell or word is written like an address, a name, a URL, a hash, an e-mail or a CVE."""
    token = token.strip().strip("\"'`")
    if not 4 <= len(token) <= 2048:
        return False
    for fanged, plain in _REFANG:
        token = token.replace(fanged, plain)
    return _SHAPE.fullmatch(token) is not None and _FILE_NAME.fullmatch(token) is None
