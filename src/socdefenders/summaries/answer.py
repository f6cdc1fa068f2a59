"""What a model answered, made fit to be kept: the right shape, plain text, and nothing that the article does not say.

A model that obeys its article may answer with perfectly good JSON that sends analysts to an attacker's host. So every
sentence that holds a link or an indicator which the article does not have is left out, and what stays is defanged.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

import orjson

from socdefenders.enrich.sentences import split
from socdefenders.errors import InvalidIndicator, ModelFailed
from socdefenders.indicators import Match, defang, extract, parse, refang
from socdefenders.indicators.extract import find
from socdefenders.indicators.noise import host_of
from socdefenders.model import Indicator, IocType
from socdefenders.summaries.plain import plain
from socdefenders.summaries.prompt import RATIONALE, SUMMARY, shown

SUMMARY_CHARACTERS, RATIONALE_CHARACTERS = 800, 300
SHORTEST = 40
"""Characters of a summary that says anything."""
READ_CHARACTERS = 8_000
"""Of either text, before anything is taken out of it."""

_THOUGHTS = re.compile(r"\A.*</think>", re.DOTALL)
_LINK = re.compile(r"://|\bwww\.", re.IGNORECASE)
_LINKED = frozenset({IocType.URL, IocType.EMAIL, IocType.IPV4, IocType.IPV6})

Identity = tuple[IocType, str]
"""Type and canonical value."""


class Named(NamedTuple):
    """The indicators of an article, and the hosts that they name."""

    all: frozenset[Identity]
    """What looks like one as well: names of files and platforms, reserved addresses."""
    real: frozenset[Identity]
    """What is taken for one."""


class Dropped(NamedTuple):
    """A sentence that was left out."""

    text: str
    why: str


class Answer(NamedTuple):
    """What is kept of an answer."""

    summary: str
    rationale: str
    """Why the article matters; may be empty."""
    dropped: tuple[Dropped, ...] = ()


def named_in(title: str, text: str) -> Named:
    """Return what a model can have read in an article."""
    found = [match for part in shown(title, text) for match in _matches(part)]
    hosts = {host for match in found for host in _host(match)}
    real = {(match.type, match.canonical) for match in found if match.suppressed is None}
    return Named(frozenset((match.type, match.canonical) for match in found) | hosts, frozenset(real | hosts))


def answer_of(content: str, named: Named) -> Answer:
    """Return what may be kept of a model's answer about an article with the indicators `named`.

    Raise ModelFailed (`answer`) when it is not of the shape that was asked for, or nothing is left of it.
    """
    fields = _fields(content)
    dropped: list[Dropped] = []
    summary, rationale = (
        _kept(plain(fields[name][:READ_CHARACTERS]), named, most, dropped)
        for name, most in ((SUMMARY, SUMMARY_CHARACTERS), (RATIONALE, RATIONALE_CHARACTERS))
    )
    if len(summary) < SHORTEST:
        why = f"; left out was: {dropped[0].why}" if dropped else ""
        raise ModelFailed(f"Nothing of the answer can be kept as a summary{why}.", fault="answer")
    return Answer(summary, rationale, tuple(dropped))


def _fields(content: str) -> dict[str, str]:
    """Find the object in an answer, which may stand between thoughts, fences and courtesies."""
    content = _THOUGHTS.sub("", content).strip()
    for part in (content, content[content.find("{") : content.rfind("}") + 1]):
        with suppress(orjson.JSONDecodeError):
            match orjson.loads(part):
                case {"summary": str(summary), "rationale": str(rationale)}:
                    return {SUMMARY: summary, RATIONALE: rationale}
    raise ModelFailed("The answer is not the JSON object that was asked for.", fault="answer")


def _kept(text: str, named: Named, most: int, dropped: list[Dropped]) -> str:
    """Keep the sentences that say nothing new, as many as there is room for; note the others in `dropped`."""
    kept: list[str] = []
    for low, high in split(text):
        sentence = text[low:high]
        why = _objection(sentence, named)
        if why is None and len(" ".join([*kept, sentence])) > most:
            why = f"it is beyond the {most} characters that are kept"
        if why is None:
            kept.append(sentence)
        else:
            dropped.append(Dropped(sentence, why))
    joined = " ".join(kept)
    if (why := _objection(joined, named)) is not None:  # what two sentences make together
        dropped.append(Dropped(joined, why))
        return ""
    return _dead(joined, named)


def _objection(text: str, named: Named) -> str | None:
    """Why a sentence cannot be kept, as it is written or with its defanging undone; None: it can."""
    return _foreign(text, named) or _foreign(refang(text), named)


def _foreign(text: str, named: Named) -> str | None:
    """What stands in a text that does not stand in the article."""
    rest: list[str] = []
    done = 0
    for start, reading in find(text):
        indicator = reading.indicator
        if (indicator.type, indicator.canonical) not in named.all:
            return f"{defang(indicator.value)} is not in the article"
        rest.append(text[done:start])
        done = max(done, start + len(reading.raw))
    return "it holds a link" if _LINK.search("".join([*rest, text[done:]])) else None


def _dead(text: str, named: Named) -> str:
    """Write the indicators so that nothing makes a link of them, but not the names of files and platforms."""
    parts: list[str] = []
    done = 0
    for start, reading in find(text):
        kind, canonical = reading.indicator.type, reading.indicator.canonical
        is_live = kind in _LINKED or (kind is IocType.DOMAIN and (kind, canonical) in named.real)
        if is_live and not reading.defanged:
            parts += text[done:start], defang(reading.raw)
            done = start + len(reading.raw)
    return "".join([*parts, text[done:]])


def _matches(text: str) -> Iterator[Match]:
    for part in {text, refang(text)}:
        yield from extract(part)


def _host(match: Match) -> Iterator[Identity]:
    """Give the host of a URL or an e-mail address, which may be named without the rest."""
    if match.type in {IocType.URL, IocType.EMAIL}:
        with suppress(InvalidIndicator):
            host = parse(host_of(Indicator(match.type, match.value, match.canonical, match.normalized, match.port)))
            yield host.type, host.canonical
