"""Which format a file is in: by what stands at its start, and only then by its name."""

import re
from collections.abc import Callable, Sequence
from itertools import islice

from socdefenders.feeds.documents import kinds
from socdefenders.feeds.fields import looks_like_indicator
from socdefenders.feeds.lines import COMMENTS, MAX_LINE, decode
from socdefenders.feeds.parsers.lists import SINKS, split_comment
from socdefenders.feeds.records import DELIMITERS, guess_delimiter, keys

_LINES = 400

_JSON: tuple[tuple[str, tuple[str, ...]], ...] = (
    # format, and the patterns that all must be found near the start of the file
    ("index", (r'^\s*\{\s*"[0-9a-f-]{36}"\s*:\s*\{', r'"Orgc"|"info"|"timestamp"')),
    ("index", (r'"date_added"\s*:', r'"media_type"\s*:\s*"application/(?:vnd\.oasis\.)?stix')),
    ("index", (r'"(?:api_roots|collections|can_read|bundles|pages)"\s*:',
    r'"(?:can_read|media_types|bundles|collection)"\s*:')),
    ("stix", (r'"type"\s*:\s*"bundle"',)),
    ("stix", (r'"id"\s*:\s*"[a-z0-9-]+--[0-9a-f-]{36}"',
    r'"(?:spec_version|objects|created_by_ref|pattern|modified)"\s*:')),
    ("misp", (r'"Event"\s*:\s*\{',)),
    ("misp", (r'"Attribute"\s*:\s*\[', r'"(?:to_ids|info|uuid)"')),
    ("misp", (r'"to_ids"\s*:', r'"category"\s*:', r'"value"\s*:')),
    ("otx", (r'"indicators"\s*:\s*\[', r'"(?:author_name|adversary|attack_ids|malware_families)"\s*:')),
    ("kev", (r'"cveID"\s*:', r'"dateAdded"\s*:')),
    ("threatfox-json", (r'"ioc_value"\s*:', r'"ioc_type"\s*:')),
    ("threatfox-json", (r'"ioc"\s*:', r'"ioc_type"\s*:', r'"malware_printable"\s*:')),
    ("urlhaus-json", (r'"(?:urlhaus_link|urlhaus_reference)"\s*:', r'"url"\s*:')),
    ("feodo-json", (r'"ip_address"\s*:', r'"last_online"\s*:', r'"malware"\s*:')),
    ("phishtank-json", (r'"phish_id"\s*:', r'"phish_detail_url"\s*:')),
    ("spamhaus-drop-json", (r'"cidr"\s*:', r'"sblid"\s*:')),
)  # fmt: skip
_NO_FEED = re.compile(r'"\$schema"\s*:\s*"[^"]*json-schema')

_COLUMNS: tuple[tuple[str, frozenset[str]], ...] = (
    # format, and the columns that all must be there
    ("urlhaus", frozenset({"url", "dateadded", "threat"})),
    ("threatfox", frozenset({"ioc_value", "ioc_type", "fk_malware"})),
    ("malwarebazaar", frozenset({"sha256_hash", "md5_hash", "signature"})),
    ("feodo", frozenset({"dst_ip", "dst_port", "malware"})),
    ("feodo", frozenset({"dstip", "dstport", "malware"})),
    ("sslbl", frozenset({"ssl_certificate_sha1_fingerprint", "listing_reason"})),
    ("sslbl", frozenset({"sha1", "listingreason"})),
    ("phishtank", frozenset({"phish_id", "url"})),
    ("kev-csv", frozenset({"cveid", "vendorproject", "product"})),
    ("dshield", frozenset({"start", "end", "netblock", "attacks"})),
    ("c2intelfeeds", frozenset({"ip", "ioc"})),
    ("c2intelfeeds", frozenset({"domain", "ioc"})),
)  # fmt: skip

_FIRST_LINES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("tweetfeed",
    re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,[^,]*,(?:ip|url|domain|md5|sha1|sha256),.+,https?://\S+")),
    ("alienvault", re.compile(r"[\d.]+#\d+#\d+#[^#]*#")),
    ("ipsum", re.compile(r"[\d.]{7,15}\t\d{1,3}")),
    ("spamhaus-drop", re.compile(r"[0-9a-f.:]+/\d{1,3}\s*;\s*SBL\d+", re.IGNORECASE)),
    ("spamhaus-drop", re.compile(r"AS\d+\s*;.*")),
    ("index", re.compile(r"[0-9a-f]{32},[0-9a-f]{8}-[0-9a-f-]{27}")),
)  # fmt: skip

_TEXTS = (".txt", ".text", ".md", ".markdown", ".adoc", ".asciidoc", ".rst")
_NO_REPORTS = frozenset({"license", "copying", "makefile", "requirements", "notice", "authors", "codeowners"})
_PUBLISHED_URLS = (("openphish", "openphish"), ("urlhaus", "urlhaus-text"))
_WORD = re.compile(r"(?:^|\s)[^\W\d_]{2,}")


def detect(name: str, head: bytes) -> str | None:
    """Name the format (a key of `PARSERS`) of a file called `name` that starts with `head`, or None."""
    if document := kinds.document(head):
        return document
    if kinds.is_binary(head):
        return None
    text = decode(head)
    start = text.lstrip("\ufeff \t\r\n")[:MAX_LINE]
    if not start:
        return "list"
    if re.match(r'\{\s*["}]|\[\s*(?:["{\[\]\d]|null|true|false|-\d)', start):
        return _detect_json(start)
    if kinds.is_markup(start):
        return kinds.markup(start)
    return _detect_text(name.lower(), text)


def _detect_json(start: str) -> str | None:
    if _NO_FEED.search(start[:1024]):
        return None
    for name, patterns in _JSON:
        if all(re.search(pattern, start) for pattern in patterns):
            return name
    return "json"


def _detect_text(name: str, text: str) -> str | None:
    lines = list(islice((line for line in text.splitlines() if line.strip()), _LINES))
    comments = [line for line in lines if line.startswith(COMMENTS)]
    body = [line for line in lines if not line.startswith(COMMENTS)]
    if any("maltrail developers" in line.lower() for line in comments[:5]):
        return "maltrail"
    if name.endswith(_TEXTS[2:]):
        return "text"
    first = body[0].strip()[:8192] if body else ""
    for found, pattern in _FIRST_LINES:
        if pattern.fullmatch(first) or (found == "alienvault" and pattern.match(first)):
            return found
    known = _by_columns(comments, body)
    if known:
        return known
    return _list_or_report(name, comments, body)


def _by_columns(comments: Sequence[str], body: Sequence[str]) -> str | None:
    """Recognise a publisher by the names of the columns, in a comment or the first line."""
    for line in (*body[:1], *reversed(comments)):
        for delimiter in DELIMITERS:
            columns = set(keys([cell.strip(' "#;') for cell in line[:MAX_LINE].split(delimiter, 200)]))
            for found, needed in _COLUMNS:
                if needed <= columns and (found != "c2intelfeeds" or line.startswith("#")):
                    return found
    return None


def _list_or_report(name: str, comments: Sequence[str], body: Sequence[str]) -> str | None:
    """Tell a list (mostly values), a table (the same columns in every line) and a report (sentences) apart."""
    if not body:
        return "list" if comments else None
    delimiter = guess_delimiter(list(body))
    if _is_table(body, delimiter):
        return "csv"
    values = _share(body, _is_value)
    if values >= (0.8 if _may_be_report(name) else 0.5):
        return next((found for word, found in _PUBLISHED_URLS if word in name and "://" in body[0]), "list")
    split = [line.split(delimiter) for line in body if delimiter in line]
    cells = sum(any(map(looks_like_indicator, row)) for row in split)
    if len(split) >= len(body) * 0.7 and (cells >= len(split) * 0.3 or name.endswith((".csv", ".tsv"))):
        return "csv"
    if _may_be_report(name) and (values or _share(body, _is_sentence) >= 0.05):
        return "text"
    return None


def _is_table(body: Sequence[str], delimiter: str) -> bool:
    """Whether every line has the same columns, some of them values, and it is neither a hosts file nor comments."""
    counts = {line.count(delimiter) for line in body}
    if len(body) < 2 or len(counts) != 1 or counts == {0} or (delimiter == ";" and " ;" in body[0]):
        return False
    rows = [line.split(delimiter) for line in body]
    values = sum(any(map(looks_like_indicator, row)) for row in rows)
    return rows[-1][0].strip() not in SINKS and values >= len(rows) / 2


def _share(lines: Sequence[str], test: Callable[[str], bool]) -> float:
    return sum(map(test, lines)) / len(lines)


def _is_value(line: str) -> bool:
    """Whether a line is one value, perhaps with a comment or further words after it, but not a row of columns."""
    words = split_comment(line)[0].split(None, 2)
    if not words or len(line) > MAX_LINE:
        return False
    word = words[1] if words[0] in SINKS and len(words) > 1 else words[0].strip("\"'")
    return looks_like_indicator(word.rstrip(","))


def _is_sentence(line: str) -> bool:
    return len(_WORD.findall(line[:1000])) >= 4


def _may_be_report(name: str) -> bool:
    base = name.rpartition("!")[2].rpartition("/")[2]
    stem, dot, _ = base.partition(".")
    return stem not in _NO_REPORTS and (not dot or base.endswith(_TEXTS) or not re.search(r"\.[a-z]{1,5}$", base))
