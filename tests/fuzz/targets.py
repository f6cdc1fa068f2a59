"""What must hold whatever comes in: one function a target, each raises AssertionError where it does not.

They take a text and need no fuzzer, so that a finding can be put into a test as it is.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from socdefenders import knowledge
from socdefenders.errors import InvalidIndicator, ModelFailed
from socdefenders.feeds.page import read_page
from socdefenders.indicators import Match, defang, extract, normalize, parse, refang
from socdefenders.indicators.extract import find
from socdefenders.indicators.place import LONGEST_CONTEXT
from socdefenders.model import IocType
from socdefenders.summaries import answer_of, named_in
from tests.fuzz.texts import PAGE, VALUES

DOCS = Path(__file__).resolve().parents[2] / "docs"
SECONDS = 2.0
"""CPU time for one text of at most 60,000 characters, with every branch counted: some ten times what it takes."""
RULES = frozenset(re.findall(r"^\| `([a-z-]+)` \|", (DOCS / "extraction.md").read_text(encoding="utf-8"), re.MULTILINE))
"""The rules that the documentation lists."""
DISTINCT = 20
"""Matches of one text of which each is written and read again."""


class Target(NamedTuple):
    """A check, the pieces its texts are made of, and texts to begin with."""

    check: Callable[[str], None]
    pieces: tuple[str, ...]
    seeds: tuple[str, ...]


def extracting(text: str) -> None:
    """`extract` reads any text; spans are true, and every match reads as the same indicator again."""
    with bounded():
        matches = extract(text)
    for match in matches:
        assert 0 <= match.start < match.end <= len(text), match
        assert text[match.start : match.end] == match.raw, match
        assert len(match.context) <= LONGEST_CONTEXT, match
        assert " ".join(match.raw.split())[: LONGEST_CONTEXT // 2] in match.context, match
        assert match.suppressed is None or match.suppressed.rule in RULES, match
    distinct = {(match.type, match.canonical): match for match in matches}
    for match in list(distinct.values())[:DISTINCT]:
        _reads_again(match)


def _reads_again(match: Match) -> None:
    for value in (match.value, match.canonical):
        again = parse(value, match.type)
        assert (again.type, again.canonical) == (match.type, match.canonical), (value, again)
    assert parse(match.value, match.type).normalized == match.normalized, match
    if is_usual(match.type, match.canonical):
        written = defang(match.canonical)
        found = {each.canonical for each in extract(f"It calls {written} every hour.")}
        assert match.canonical in found, (match.canonical, written, found)


def normalizing(text: str) -> None:
    """One value is read or refused; what was read stays what it is, and is understood when it is defanged."""
    with bounded():
        try:
            indicator = parse(text)
        except InvalidIndicator:
            return
        normalized = normalize(text)
    assert indicator.normalized == normalized
    if is_usual(indicator.type, indicator.canonical):
        again = parse(indicator.canonical)
        assert (again.type, again.canonical) == (indicator.type, indicator.canonical), (indicator, again)
        assert normalize(normalized) == normalized, normalized
        assert normalize(defang(indicator.canonical)) == normalized, defang(indicator.canonical)


def is_usual(kind: IocType, canonical: str) -> bool:
    """Whether nothing in a value is a defanging, or another value's beginning, by chance.

    Of a scheme that nobody browses by it cannot be told whether it is misspelt on purpose, and a name before a host
    may hold what is a path or the end of a sentence elsewhere.
    """
    if kind is IocType.URL:
        return re.match(r"(?:https?|ftp)://(?:[\w.%:+-]*@)?[^/@]*/(?!.*[*]$)", canonical) is not None
    return kind is not IocType.EMAIL or re.fullmatch(r"[a-z0-9][a-z0-9._%+-]*@.*", canonical) is not None


def refanging(text: str) -> None:
    """`refang` takes any text, leaves what it need not touch, and undoes what `defang` did."""
    with bounded():
        plain = refang(text)
    assert len(plain) <= len(text) + 2 * text.count(":"), plain  # hxp:/ is http://
    with bounded():
        written = defang(text)
    if text.isalnum():
        assert written == plain == text
    for kind, canonical in list(dict.fromkeys((match.type, match.canonical) for match in extract(text)))[:DISTINCT]:
        if is_usual(kind, canonical):
            assert refang(defang(canonical)) == canonical, defang(canonical)


def reading_pages(html: str) -> None:
    """The page reader takes any page, as characters or as bytes, and gives text that everything else can take."""
    with bounded():
        text = read_page(html).text
    assert len(text) <= len(html)
    assert "\0" not in text
    assert text == text.strip(), text
    text.encode("utf-8")
    with bounded():
        read_page(html.encode("utf-8", "surrogatepass"), "https://site.example/a/b")
    extracting(text)


def answering(text: str) -> None:
    """Whatever a model answers, nothing is kept that its article does not name, no link, no markup, nothing unseen."""
    content = json.dumps({"summary": f"{HARMLESS} {text}", "rationale": text})
    with bounded():
        try:
            answer = answer_of(content, NAMED)
        except ModelFailed:
            return
    for kept in (answer.summary, answer.rationale):
        assert kept.isprintable(), kept
        assert not re.search(r"<[/!?A-Za-z]|\]\(|[*`|]|http://|https://", kept), kept
        for written in (kept, refang(kept)):
            assert {(match.type, match.canonical) for match in extract(written)} <= NAMED.all, kept
        live = {reading.indicator.type for _, reading in find(kept) if not reading.defanged}
        assert not live & {IocType.URL, IocType.EMAIL, IocType.IPV4, IocType.IPV6}, kept


@contextmanager
def bounded() -> Iterator[None]:
    """Hold what happens inside to its share of CPU time."""
    knowledge.current()  # compiled the first time it is asked for, outside of every clock
    begin = time.process_time()
    yield
    seconds = time.process_time() - begin
    assert seconds < SECONDS, f"took {seconds:.1f} s"


_REPORT = (
    "The loader calls hxxps://cdn[.]evil[.]example/a.php?x=1 and 198[.]51[.]100[.]7:8080, user[@]evil[.]example.",
    "Indicators of compromise\n\nevil.example\n198.51.100.7\nd41d8cd98f00b204e9800998ecf8427f\nCVE-2024-12345\n",
    "See https://www.example.com/blog (version 1.2.3.4), [2001:db8::1]:443 and fe80::1%eth0.",
    "see http://evil.xn--1/x, evil.xn--1 and evil.com",
)
_VALUES = (
    "hxxp://user:pw@evil[.]example:8080/a/../b?q=%41#f", "2001:db8::1", "[2001:db8::1]:443", "User(at)evil(dot)example",
    "CVE-2024-12345", "T1059.001", "evil.example:8080", "http://0x7f.1/", "http://evil.xn--1/", "192.0.2.1/32",
    "d41d8cd98f00b204e9800998ecf8427f",
)  # fmt: skip
_PAGES = (
    (
        "<html><title>Report</title><nav><a href='/'>Home</a></nav><article><h1>Report</h1><p>It calls hxxp://evil[.]example"
        " every hour.</p><table><tr><td>198.51.100.7</td></tr></table></article><footer>Imprint</footer></html>"
    ),
    "<p>evil.example<ul><li>198.51.100.7<li>2001:db8::1</ul><pre>a\n b</pre>&amp;&#46;",
)
HARMLESS = "Attackers breached two hospitals through a mail server in March."
NAMED = named_in("CVE-2024-12345 is used against hospitals", "\n".join(_REPORT))

TARGETS = {
    "answer": Target(answering, VALUES + PAGE, _REPORT),
    "extract": Target(extracting, VALUES, _REPORT),
    "normalize": Target(normalizing, VALUES, _VALUES),
    "page": Target(reading_pages, PAGE, _PAGES),
    "refang": Target(refanging, VALUES, _REPORT + _VALUES),
}
