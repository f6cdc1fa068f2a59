"""The types that cross the house: what was published, what is to be written, what is stored.

Everything here is frozen and knows nothing of databases, HTTP or files. The rows that exist by the
million (`Observable`, `Indicator`, `NewSighting`) are named tuples, because building one costs a third of a
frozen dataclass; the rest are dataclasses. Every time is timezone-aware UTC.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID


class IocType(StrEnum):
    """The kinds of indicator, as the API spells them."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"
    DOMAIN = "domain"
    URL = "url"
    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA512 = "sha512"
    EMAIL = "email"
    CVE = "cve"
    MITRE_ATTACK = "mitre_attack"


class Confidence(StrEnum):
    """How sure the report is, in the three words of the API."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @classmethod
    def of(cls, score: int) -> "Confidence":
        """Band a score of 0-100 by STIX 2.1's None/Low/Med/High scale (appendix A)."""
        if score >= 70:
            return cls.HIGH
        return cls.MEDIUM if score >= 30 else cls.LOW


class SourceCategory(StrEnum):
    """What kind of publisher a source is."""

    NEWS = "news"
    RESEARCH = "research"
    THREAT_INTEL = "threat-intel"
    VENDOR = "vendor"
    GOVERNMENT = "government"
    THREAT_FEED = "threat-feed"


class Origin(StrEnum):
    """Whether a sighting was read in an article's text or in a structured feed."""

    ARTICLE = "article"
    FEED = "feed"


class State(StrEnum):
    """How a source that is fetched is doing."""

    NEW = "new"
    """Not looked at yet."""
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    """It answers, but not as it should; or it failed and is tried again."""
    ERROR = "error"
    """Trying again will not help: somebody has to look."""
    PARKED = "parked"
    """It failed so often that it is tried once a week."""


class Indicator(NamedTuple):
    """One indicator, whoever reported it.

    Two published spellings with the same `type` and `canonical` are the same indicator; every
    spelling with the same `normalized` is found by the same search.
    """

    type: IocType
    value: str
    """As published, refanged."""
    canonical: str
    """The identity: normalised, but the case of a URL's path and query is kept."""
    normalized: str
    """`canonical` in lower case: the stored `ioc_value_normalized`."""
    port: int | None = None
    """The port of a published `ip:port` or `host:port`; no part of the identity."""


class Observable(NamedTuple):
    """A value as a structured feed published it, before anybody judged what it is."""

    value: str
    line: int = 0
    """Line or record number in the file, from 1; 0 where the format has none."""
    type: IocType | None = None
    """What the publisher says it is; None: to be detected."""
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    confidence: int | None = None
    """0-100, the publisher's own."""
    threat_type: str | None = None
    malware_family: str | None = None
    tags: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    context: str | None = None
    reference_url: str | None = None
    source: str | None = None
    """Whom a collected file names as this row's source; None: the file's own source."""


@dataclass(frozen=True, slots=True)
class Document:
    """An article or report as published: text to be read, not a list."""

    title: str
    text: str
    """The main text, without the page's chrome."""
    url: str | None = None
    published_at: datetime | None = None
    modified_at: datetime | None = None
    line: int = 0
    source: str | None = None
    """The publication's own name, where the file says it."""
    entry_hash: bytes | None = None
    """Of the entry in a feed that led to it, by which a change is noticed; None: it did not come by a feed."""
    canonical_url: str | None = None
    """What its own page calls its address; None: `url` is all that is known."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line or record of a file that did not become anything."""

    line: int
    reason: str
    supported: bool = True
    """False: well-formed, but of a kind that is no indicator here (a CIDR block, a JA3)."""


Item = Observable | Document | Rejected


class NewSource(NamedTuple):
    """What is said of a source to be written, beside its name."""

    category: SourceCategory
    homepage: str | None = None
    grade: str | None = None
    """The Admiralty grade of its reliability, A to F; None: nothing is said of it, nor of its voice."""
    voice: str | None = None
    """Sources of one voice copy each other, or are one house; None: its own."""


class NewSighting(NamedTuple):
    """One (indicator, source, article) to be written."""

    indicator: Indicator
    source: str
    host_reversed: str | None = None
    """The labels of the indicator's host in reverse (`com.example.www`), for the search of sub-domains."""
    article_id: UUID | None = None
    confidence: int = 50
    first_seen: datetime | None = None
    """None: the publisher gives no date; the time of the first import stands in, and stays."""
    last_seen: datetime | None = None
    occurrences: int = 1
    context: str | None = None
    tags: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    reference_url: str | None = None
    threat_type: str | None = None
    malware_family: str | None = None


@dataclass(frozen=True, slots=True)
class NewArticle:
    """An article to be written, before its sightings."""

    id: UUID
    source: str
    title: str
    url: str | None
    published_at: datetime | None
    modified_at: datetime | None
    text: str
    entry_hash: bytes | None = None
    canonical_url: str | None = None
    signature: bytes | None = None
    """Of its text, by which copies are found (`enrich.likeness`); None: it says too little to have one."""


class Learnt(NamedTuple):
    """What was learnt from an article, as it is stored: a row's columns, in their order."""

    category: str
    classification: str
    severity: str
    severity_score: float
    """0-10."""
    summary: str
    categorized_by: str
    """`rules`, or a model's name."""
    cves: tuple[str, ...]
    techniques: tuple[str, ...]
    """Ids of MITRE ATT&CK."""
    actors: tuple[str, ...]
    malware: tuple[str, ...]
    sectors: tuple[str, ...]
    attack_version: str
    findings: str
    """JSON: all of it with the sentences and reasons behind it."""


class Report(NamedTuple):
    """What one source says of an indicator, as far as it counts for how sure that is."""

    group: str
    """Whose voice it is: sources that copy each other, or are one house, have one."""
    grade: str
    """The Admiralty grade of the source's reliability, A to F."""
    confidence: int
    """0-100: how sure the report is, by itself."""
    last_seen: datetime | None = None
    """None: it has not aged."""


class Sighting(NamedTuple):
    """A stored sighting with what a reader needs of its indicator, source and article: the IOC object of the API."""

    id: UUID
    type: str
    value: str
    confidence: int
    first_seen: datetime
    last_seen: datetime
    article_id: UUID | None
    article_title: str | None
    reference_url: str | None
    feed_name: str
    category: str
    origin: str
    context: str | None
    tags: Sequence[str]
    techniques: Sequence[str]


class LeftOut(NamedTuple):
    """Why a record was left out."""

    kind: str
    """The count it went into: malformed, unsupported or suppressed."""
    where: str
    """File, and line where there is one."""
    why: str

    def __str__(self) -> str:
        """Return it as a line to print."""
        return f"{self.where}: {self.why}"


@dataclass(slots=True)
class Outcome:
    """What one import did, counted in records of the file; the only type here that grows."""

    new: int = 0
    updated: int = 0
    unchanged: int = 0
    repeated: int = 0
    """Records that said again what another one of the same batch said."""
    suppressed: int = 0
    unsupported: int = 0
    malformed: int = 0
    articles: int = 0
    files: int = 0
    unread: int = 0
    """Files that hold something of which nothing could be read."""
    reasons: list[LeftOut] = field(default_factory=list)
    """The first few different reasons of each kind of record that was left out."""
    empty_reports: list[str] = field(default_factory=list)
    """The first few files that were recognised as reports, though nothing is reported in them: they may be lists."""

    @property
    def changed(self) -> bool:
        """Whether anything was written."""
        return self.new + self.updated + self.articles > 0


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The answer to one search: the records themselves, and how far they can be trusted to be all."""

    query: str
    """What was asked, as it was asked."""
    strategy: str
    """"exact", "trigram", or "none" when neither stage found anything."""
    matches: tuple[Sighting, ...]
    related: tuple[Sighting, ...]
    total_matches: int
    """Stored sightings that match; may exceed `len(matches)`, which is bounded."""
    complete: bool
    """False when the fallback's bound on time or on rows left something unread."""
    truncated: bool
    """True when there are more matches than are returned."""
