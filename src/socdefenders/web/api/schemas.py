"""The shapes of the API's answers, declared for the OpenAPI document and held against real answers by the tests."""

import datetime as dt
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, HttpUrl

from socdefenders.model import Confidence, IocType, Origin, SourceCategory


class Shape(BaseModel):
    """A JSON object with exactly the members named."""

    model_config = ConfigDict(extra="forbid")


class Meta(Shape):
    """What every success body opens with."""

    generated_at: datetime = Field(description="When this answer was made")
    feed_version: Literal["1.0"] = Field(description="The version of this form of answers")
    source: str = Field(description="Name of this instance")


class IocSource(Shape):
    """Who reported the indicator, and where."""

    article_id: UUID | None = Field(description="Source article; null for a record of a structured feed")
    article_title: str | None = Field(description="Title of that article")
    article_url: HttpUrl | None = Field(description="The article on this instance")
    reference_url: str | None = Field(description="The publisher's own page")
    feed_name: str = Field(description="Name of the source")
    category: SourceCategory = Field(description="What kind of publisher the source is")
    origin: Origin = Field(description="Whether it was read in an article's text or in a structured feed")


class Ioc(Shape):
    """One report of one indicator."""

    model_config = ConfigDict(extra="forbid", title="IOC")

    id: UUID = Field(description="Of this report; the same wherever the same files are loaded")
    type: IocType = Field(description="The kind of indicator")
    value: str = Field(description="As published, refanged")
    confidence: Confidence = Field(description="How sure the report is")
    first_seen: datetime = Field(description="The publisher's own date, or that of the first import")
    last_seen: datetime = Field(description="The same for the last time")
    source: IocSource
    context: str | None = Field(description="The sentence, or the publisher's fields, around the value")
    tags: list[str] = Field(description="The publisher's own")
    mitre_techniques: list[str] = Field(description="ATT&CK techniques that the report names")


class SearchMeta(Shape):
    """How the answer was found, and whether it is all there is."""

    total_matches: int = Field(ge=0, description="Stored reports that match; may exceed those returned")
    related_count: int = Field(ge=0, le=10, description="Number of `relatedIOCs`")
    search_time_ms: int = Field(ge=0, description="Milliseconds in the search itself")
    strategy: Literal["exact", "trigram", "none"] = Field(
        description="An exact match; without one a value that resembles it; or nothing"
    )
    complete: bool = Field(description="False when the time bound cut the fallback search short")
    truncated: bool = Field(description="True when there are more matches than are returned")


class SearchData(Shape):
    """The answer to one search."""

    found: bool = Field(description="Whether there is a match; false is no claim that the value is safe")
    query: str = Field(description="As it was asked")
    matches: list[Ioc] = Field(description="The reports, best first")
    relatedIOCs: list[Ioc] = Field(max_length=10, description="Other indicators of the same articles")  # noqa: N815  # the contract's spelling
    meta: SearchMeta


class SearchResponse(Shape):
    """The body of a search."""

    meta: Meta
    data: SearchData


class Totals(Shape):
    """How much is stored."""

    iocs: int = Field(ge=0, description="Distinct indicators")
    articles: int = Field(ge=0, description="Articles and reports that were read")
    by_type: dict[IocType, int] = Field(description="Indicators, by type")
    by_source: dict[str, int] = Field(description="Reports, by the source that made them")
    by_category: dict[SourceCategory, int] = Field(description="Reports, by the category of their source")


class Daily(Shape):
    """What one day brought."""

    date: dt.date
    iocs: int = Field(ge=0, description="Indicators first seen on it, by their publishers' dates")
    articles: int = Field(ge=0, description="Articles read on it")


class Trend(Shape):
    """What is new."""

    last_24h: int = Field(ge=0, description="Indicators first seen in the last 24 hours")
    last_7d: int = Field(ge=0, description="The same for seven days")
    daily: list[Daily] = Field(max_length=31, description="The last 30 days, newest first, without those of nothing")


class FeedState(Shape):
    """How a source that is fetched is doing."""

    name: str
    status: Literal["healthy", "degraded", "error"]
    last_success_at: datetime | None = Field(description="The last answer that could be read")
    last_error: str | None = Field(description="Why it is not healthy, or what is to be known of it, in words")


class TopTechnique(Shape):
    """A technique that many articles name."""

    id: str
    name: str | None = Field(description="ATT&CK's name; null where that is not known here")
    count: int = Field(ge=1, description="Articles")


class TopCve(Shape):
    """A CVE that many articles name."""

    id: str
    count: int = Field(ge=1, description="Articles")


class StatisticsData(Shape):
    """What was counted."""

    totals: Totals
    trend: Trend
    feeds: list[FeedState]
    top_mitre_techniques: list[TopTechnique] = Field(max_length=10)
    top_cves: list[TopCve] = Field(max_length=10)
    last_updated: datetime


class StatisticsResponse(Shape):
    """The body of the statistics."""

    meta: Meta
    data: StatisticsData


class ErrorBody(Shape):
    """What went wrong."""

    code: str = Field(description="For programs")
    message: str = Field(description="For people; says what to do next")
    details: dict[str, object] | None = Field(
        default=None, description="What the error depends on, such as a parameter"
    )
    request_id: str = Field(pattern=r"^req_[0-9a-f]{16}$", description="The same as `X-Request-ID`")


class Error(Shape):
    """The body of every error."""

    error: ErrorBody


class Alive(Shape):
    """The process answers."""

    status: Literal["ok"] = Field(description="Always this")


class Ready(Shape):
    """The process can serve."""

    status: Literal["ready"] = Field(description="Always this")
    checks: dict[str, Literal["ok"]] = Field(description="What was looked at")
