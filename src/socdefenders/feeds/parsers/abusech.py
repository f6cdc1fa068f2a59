"""What abuse.ch publishes: URLhaus, ThreatFox, Feodo Tracker, SSLBL, MalwareBazaar."""

from collections.abc import Iterator
from typing import BinaryIO

from socdefenders.feeds.fields import clean, confidence, joined, link, tags, when
from socdefenders.feeds.jsons import Json, load, records
from socdefenders.feeds.parsers.base import About, Hints
from socdefenders.feeds.parsers.table import Columns, read_rows, typed_observables, with_port
from socdefenders.feeds.records import table
from socdefenders.model import IocType, Item, Observable, Rejected

_URLHAUS = ("id", "dateadded", "url", "url_status", "last_online", "threat", "tags", "urlhaus_link", "reporter")
_URLHAUS_OLD = ("id", "dateadded", "url", "url_status", "threat", "tags", "urlhaus_link", "reporter")
_THREATFOX = (
    "first_seen_utc", "ioc_id", "ioc_value", "ioc_type", "threat_type", "fk_malware", "malware_alias",
    "malware_printable",
    "last_seen_utc", "confidence_level", "reference", "tags", "anonymous", "reporter",
)  # fmt: skip
_FEODO = ("first_seen_utc", "dst_ip", "dst_port", "c2_status", "last_online", "malware")
_SSLBL = ("timestamp_of_listing_utc", "ssl_certificate_sha1_fingerprint", "listing_reason")
_BAZAAR = (
    "first_seen_utc", "sha256_hash", "md5_hash", "sha1_hash", "reporter", "file_name", "file_type_guess", "mime_type",
    "signature",
)  # fmt: skip


def column(names: tuple[str, ...], *spellings: str) -> int:
    """Where the first of `spellings` stands among `names`; -1 when none does."""
    return next((names.index(name) for name in spellings if name in names), -1)


def parse_urlhaus(stream: BinaryIO, _hints: Hints) -> Iterator[Item]:
    """Read the URLhaus CSV, with its preamble or without; older dumps lack `last_online`."""
    opened = table(stream)
    width = max(map(len, opened.sample), default=len(_URLHAUS))
    names = opened.names or (_URLHAUS_OLD if width < len(_URLHAUS) else _URLHAUS)
    yield from read_rows(
        opened.rows,
        Columns(
            ((max(column(names, "url"), 0), IocType.URL),),
            first_seen=column(names, "dateadded"),
            last_seen=column(names, "last_online"),
            threat_type=column(names, "threat"),
            tags=column(names, "tags"),
            reference_url=column(names, "urlhaus_link"),
        ),
    )


def parse_urlhaus_json(stream: BinaryIO, hints: Hints) -> Iterator[Item]:
    """Read URLhaus records as JSON: a list, a list under `urls`, or lists under the ids."""
    for number, record in records(load(stream, hints.name), "urls", "data"):
        url = clean(record.get("url")) if record else None
        if record is None or url is None:
            yield Rejected(number, "no URLhaus record")
            continue
        yield Observable(
            url,
            number,
            IocType.URL,
            first_seen=when(record.get("dateadded") or record.get("date_added")),
            last_seen=when(record.get("last_online")),
            threat_type=clean(record.get("threat")),
            tags=tags(record.get("tags")),
            reference_url=link(record.get("urlhaus_link") or record.get("urlhaus_reference")),
        )


def parse_threatfox(stream: BinaryIO, _hints: Hints) -> Iterator[Item]:
    """Read the ThreatFox CSV, the full dump and the recent additions."""
    opened = table(stream)
    names = opened.names or _THREATFOX
    yield from read_rows(
        opened.rows,
        Columns(
            ((max(column(names, "ioc_value", "ioc"), 0), None),),
            type=column(names, "ioc_type"),
            first_seen=column(names, "first_seen_utc", "first_seen"),
            last_seen=column(names, "last_seen_utc", "last_seen"),
            threat_type=column(names, "threat_type"),
            malware_family=column(names, "malware_printable"),
            tags=column(names, "tags"),
            confidence=column(names, "confidence_level"),
            reference_url=column(names, "reference"),
        ),
    )


def parse_threatfox_json(stream: BinaryIO, hints: Hints) -> Iterator[Item]:
    """Read the ThreatFox export (lists under ids) and its API's answer (a list under `data`)."""
    for number, record in records(load(stream, hints.name), "data"):
        value = clean(record.get("ioc_value") or record.get("ioc")) if record else None
        if record is None or value is None:
            yield Rejected(number, "no ThreatFox record")
        else:
            yield from typed_observables(value, clean(record.get("ioc_type")) or "", number, _threatfox(record))


def _threatfox(record: Json) -> About:
    family = clean(record.get("malware_printable"))
    return About(
        first_seen=when(record.get("first_seen_utc") or record.get("first_seen")),
        last_seen=when(record.get("last_seen_utc") or record.get("last_seen")),
        confidence=confidence(record.get("confidence_level")),
        threat_type=clean(record.get("threat_type")),
        malware_family=None if family == "Unknown malware" else family,
        tags=tags(record.get("tags")),
        reference_url=link(record.get("reference")),
    )


def parse_feodo(stream: BinaryIO, _hints: Hints) -> Iterator[Item]:
    """Read the Feodo Tracker CSV; before 2021 it had neither the status nor `last_online` in these words."""
    opened = table(stream)
    names = opened.names or _FEODO
    columns = Columns(
        ((max(column(names, "dst_ip", "dstip", "ip_address"), 0), None),),
        port=column(names, "dst_port", "dstport", "port"),
        first_seen=column(names, "first_seen_utc", "firstseen", "first_seen"),
        last_seen=column(names, "last_online", "lastonline"),
        malware_family=column(names, "malware"),
    )
    for item in read_rows(opened.rows, columns):
        yield item._replace(threat_type="botnet_cc") if isinstance(item, Observable) else item


def parse_feodo_json(stream: BinaryIO, hints: Hints) -> Iterator[Item]:
    """Read the Feodo Tracker JSON."""
    for number, record in records(load(stream, hints.name)):
        address = clean(record.get("ip_address")) if record else None
        if record is None or address is None:
            yield Rejected(number, "no Feodo record")
            continue
        yield Observable(
            with_port(address, str(record.get("port") or "")),
            number,
            first_seen=when(record.get("first_seen")),
            last_seen=when(record.get("last_online")),
            threat_type="botnet_cc",
            malware_family=clean(record.get("malware")),
            context=joined(_said("status", record), _said("hostname", record), _said("as_name", record)),
        )


def _said(name: str, record: Json) -> str | None:
    value = clean(record.get(name))
    return f"{name}: {value}" if value else None


def parse_sslbl(stream: BinaryIO, _hints: Hints) -> Iterator[Item]:
    """Read the SSLBL CSV: certificates by SHA-1; the listing's reason names the family, as in "AsyncRAT C&C"."""
    opened = table(stream)
    names = opened.names or _SSLBL
    at = max(column(names, "ssl_certificate_sha1_fingerprint", "sha1", "sha1_fingerprint"), 0)
    reason = column(names, "listing_reason", "listingreason")
    first = column(names, "timestamp_of_listing_utc", "listingdate", "listing_date")
    for item in read_rows(opened.rows, Columns(((at, IocType.SHA1),), first_seen=first, malware_family=reason)):
        if isinstance(item, Observable) and item.malware_family:
            family = item.malware_family.removesuffix(" C&C")
            context = f"TLS certificate; {item.malware_family}"
            known = None if family == "Malware" else family
            yield item._replace(malware_family=known, context=context, threat_type="botnet_cc")
        else:
            yield item


def parse_bazaar(stream: BinaryIO, _hints: Hints) -> Iterator[Item]:
    """Read the MalwareBazaar CSV: three hashes of each sample."""
    opened = table(stream)
    names = opened.names or _BAZAAR
    hashes = (("sha256_hash", IocType.SHA256), ("md5_hash", IocType.MD5), ("sha1_hash", IocType.SHA1))
    columns = Columns(
        tuple((names.index(name), kind) for name, kind in hashes if name in names) or ((0, None),),
        first_seen=column(names, "first_seen_utc"),
        malware_family=column(names, "signature"),
        context=tuple(at for at in (column(names, "file_name"), column(names, "mime_type")) if at >= 0),
        tags=column(names, "file_type_guess"),
    )
    link: str | None = None
    for item in read_rows(opened.rows, columns):
        if isinstance(item, Observable):
            if item.type is IocType.SHA256:  # the first of a row's three, and what its page is called by
                link = f"https://bazaar.abuse.ch/sample/{item.value.strip().lower()}/"
            yield item._replace(reference_url=link)
        else:
            yield item
