"""How sure it is that a value is malicious, as a sum of reasons.

    x = logit(prior of the type) + sum over voices of 0.8^rank * decay * logit(p) - heaviest warning list
    p = min(0.95, 1/2 + grade/100 * own/100 / 2)
    confidence = 100 / (1 + e^-x), a whole number, 99 at most

A voice is one group of sources that copy each other, or are one house; of all that it reports the report that counts
most is taken, and the voices are ranked by what they count. `grade` is that of the source, `own` how sure the report
itself is, both 0-100. A report of no worth is right as often as not (p = 1/2, so that it adds nothing), one of full
worth nearly always. Taking the grade itself for p would let a fairly reliable source, of 50, say nothing, and one of
25 speak for the value's innocence. So no report lowers a confidence, and a later one, a surer one or one of a new voice
never does either. The numbers stand in `weights`, the decay in `fading`.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from math import exp, fsum, log
from operator import itemgetter
from typing import NamedTuple

from socdefenders import knowledge
from socdefenders.enrich import weights
from socdefenders.enrich.fading import retained
from socdefenders.enrich.findings import Reason
from socdefenders.knowledge.lookups import url_host
from socdefenders.model import IocType, Report

_MOST = 99
"""Nothing is certain."""
_DAY = timedelta(days=1)
_HEAVY = -3.0
"""Points from which on a warning list says that a value is hardly meant."""
_HOSTS = frozenset({IocType.DOMAIN, IocType.URL})
_ADDRESSES = frozenset({IocType.IPV4, IocType.IPV6})
_HASHES = frozenset({IocType.MD5, IocType.SHA1, IocType.SHA256, IocType.SHA512})


class Facts(NamedTuple):
    """What is known of a value before anybody reports it."""

    lists: frozenset[str] = frozenset()
    """The warning lists on which it, or its host, stands."""
    path: bool = False
    """Whether it is a URL with a path, so that its host says little of it."""


class Score(NamedTuple):
    """A confidence and what it is made of."""

    confidence: int
    """0-99."""
    points: tuple[Reason, ...]
    """Addends, in log-odds: their sum is x. One of no points says what the value is, or that a report is too old."""
    version: int
    """Of the numbers that made it."""


def score(kind: IocType, facts: Facts, reports: Iterable[Report], now: datetime | None = None) -> Score:
    """Return how sure it is that a value is malicious, at the time `now`; without a time nothing has aged."""
    prior = weights.PRIORS[kind]
    points = [Reason("prior", _logit(prior), f"what a {kind} is given before anybody reports it")]
    points += _voices(kind, reports, now)
    points += _warnings(facts)
    odds = exp(fsum(each.points for each in points))
    return Score(min(_MOST, round(100 * odds / (1 + odds))), tuple(points), weights.VERSION)


def facts(kind: IocType, value: str) -> Facts:
    """Return what is known beforehand of a normalised value. A mailbox is not its provider's, so nothing is of one."""
    known = knowledge.current()
    if kind in _HOSTS:
        url = kind == IocType.URL
        return Facts(known.host_sets(url_host(value) if url else value), url and _has_path(value))
    if kind in _ADDRESSES:
        return Facts(known.address_sets(value))
    return Facts(known.hash_sets(value)) if kind in _HASHES else Facts()


def hardly_meant(kind: IocType, value: str) -> bool:
    """Whether a normalised value is so well known that naming it hardly means that it is malicious."""
    return any(each.points <= _HEAVY for each in _warnings(facts(kind, value)))


def weight(kind: IocType, report: Report, now: datetime | None = None) -> float:
    """Return the points of one report by itself; 0 for one that is worth nothing, or too old."""
    worth = weights.GRADES[report.grade] / 100 * report.confidence / 100
    return _left(kind, report, now) * _logit(min(weights.SUREST, 0.5 + worth / 2))


def _voices(kind: IocType, reports: Iterable[Report], now: datetime | None) -> Iterator[Reason]:
    best: dict[str, tuple[float, str]] = {}
    for report in reports:
        counted = weight(kind, report, now), _why(report, now)
        best[report.group] = max(counted, best.get(report.group, counted))
    ranked = sorted(best.items(), key=itemgetter(0))
    ranked.sort(key=lambda each: each[1][0], reverse=True)
    for rank, (group, (points, why)) in enumerate(ranked):
        factor = weights.NEXT_VOICE**rank
        yield Reason(group, factor * points, f"{why}, voice {rank + 1}")


def _why(report: Report, now: datetime | None) -> str:
    age = "" if now is None or report.last_seen is None else f", {_days(report.last_seen, now):.0f} days ago"
    return f"grade {report.grade}, {report.confidence} of 100 sure{age}"


def _left(kind: IocType, report: Report, now: datetime | None) -> float:
    """Return what is left of a report's weight, 0-1; one that is dated in the future is of now."""
    return 1.0 if now is None or report.last_seen is None else retained(kind, now - report.last_seen)


def _days(then: datetime, now: datetime) -> float:
    return max(0.0, (now - then) / _DAY)


@lru_cache(maxsize=4_096)
def _warnings(facts: Facts) -> tuple[Reason, ...]:
    """Return what the heaviest list says, and what the lists say that a value is."""
    against = [
        Reason(each.name, each.url if facts.path else each.host, f"{each.why} ({min(each.lists & facts.lists)})")
        for each in weights.WARNINGS
        if not each.lists.isdisjoint(facts.lists)
    ]
    roles = [
        Reason(each.name, 0.0, f"{each.why} ({min(each.lists & facts.lists)})")
        for each in weights.ROLES
        if not each.lists.isdisjoint(facts.lists)
    ]
    return (*sorted(against, key=lambda each: each.points)[:1], *roles)


def _has_path(url: str) -> bool:
    rest = url.partition("://")[2]
    return "?" in rest or rest.partition("/")[2] != ""


def _logit(probability: float) -> float:
    return log(probability / (1 - probability))
