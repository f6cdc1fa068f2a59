"""How sure an indicator is: the worked examples, and what must hold of every collection of reports."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socdefenders import knowledge
from socdefenders.enrich import fading, weights
from socdefenders.enrich.confidence import Facts, facts, hardly_meant, score, weight
from socdefenders.indicators import Section
from socdefenders.ingest.batches import SURE
from socdefenders.model import IocType, Report
from tests.unit.test_docs import page, rows, section

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
NOTHING = Facts()
TOP = Facts(frozenset({"alexa", "cisco_top1000", "tranco", "tranco10k"}))

LISTS = sorted({name for each in (*weights.WARNINGS, *weights.ROLES) for name in each.lists})
KINDS = st.sampled_from(IocType)
KNOWN = st.builds(Facts, st.frozensets(st.sampled_from([*LISTS, "lots-project"]), max_size=4), st.booleans())
REPORTS = st.builds(
    Report,
    st.sampled_from(["abuse.ch", "greyharbour", "harbourwatch", "ridgeway"]),
    st.sampled_from(sorted(weights.GRADES)),
    st.integers(0, 100),
    st.none() | st.integers(-3, 500).map(lambda days: NOW - timedelta(days=days)),
)
SEVERAL = st.lists(REPORTS, max_size=6)


def report(group: str, grade: str, confidence: int = 100, days: float = 0) -> Report:
    return Report(group, grade, confidence, NOW - timedelta(days=days))


def sure(kind: IocType, reports: Sequence[Report], known: Facts = NOTHING) -> int:
    return score(kind, known, reports, NOW).confidence


def x(kind: IocType, reports: Sequence[Report], known: Facts = NOTHING) -> float:
    return math.fsum(each.points for each in score(kind, known, reports, NOW).points)


# The worked examples


def test_three_fresh_sources_are_nearly_certain() -> None:
    assert sure(IocType.DOMAIN, [report("one", "A"), report("two", "B"), report("three", "B")]) == 99


def test_a_github_url_that_urlhaus_reports_is_likely() -> None:
    github = Facts(frozenset({"alexa", "cisco_top5k", "lots-project", "security-provider-blogpost"}), path=True)
    assert sure(IocType.URL, [report("abuse.ch", "A", 90)], github) == 68


def test_one_fairly_reliable_source_leaves_it_open() -> None:
    assert sure(IocType.DOMAIN, [report("one", "C")]) == 46


def test_an_address_of_sixty_days_is_as_good_as_unknown() -> None:
    assert sure(IocType.IPV4, [report("one", "A", 90, days=60)]) == sure(IocType.IPV4, []) == 20


def test_a_top_site_in_a_paste_is_none() -> None:
    assert sure(IocType.DOMAIN, [report("paste", "F", 75)], TOP) == 0


def test_no_source_at_all_is_never_above_39() -> None:
    assert all(sure(kind, []) <= 39 for kind in IocType)


# What must hold


@given(KINDS, KNOWN, SEVERAL)
def test_the_points_add_up_to_the_confidence(kind: IocType, known: Facts, reports: list[Report]) -> None:
    found = score(kind, known, reports, NOW)
    total = math.fsum(each.points for each in found.points)
    assert found.confidence == min(99, round(100 / (1 + math.exp(-total))))
    assert 0 <= found.confidence <= 99
    assert found.version == weights.VERSION
    assert all(each.name and each.why for each in found.points)
    assert len([each for each in found.points if each.points > 0]) <= len({each.group for each in reports})


@given(KINDS, KNOWN, SEVERAL, st.randoms())
def test_the_order_of_the_reports_does_not_matter(
    kind: IocType, known: Facts, reports: list[Report], chance: Random
) -> None:
    mixed = list(reports)
    chance.shuffle(mixed)
    assert score(kind, known, mixed, NOW) == score(kind, known, reports, NOW)


@given(KINDS, KNOWN, SEVERAL, REPORTS)
def test_a_further_report_never_lowers_it(kind: IocType, known: Facts, reports: list[Report], more: Report) -> None:
    assert x(kind, [*reports, more], known) >= x(kind, reports, known) - 1e-9


@given(KINDS, SEVERAL, REPORTS)
def test_a_new_voice_adds_what_it_counts_at_most(kind: IocType, reports: list[Report], more: Report) -> None:
    more = more._replace(group="nobody else")
    added = x(kind, [*reports, more]) - x(kind, reports)
    assert -1e-9 <= added <= weight(kind, more, NOW) + 1e-9
    if weight(kind, more, NOW) > 0:
        assert added > 0


def test_each_further_voice_counts_less() -> None:
    found = score(IocType.DOMAIN, NOTHING, [report(name, "C") for name in "abc"], NOW)
    assert [each.points / math.log(3) for each in found.points[1:]] == pytest.approx([1, 0.8, 0.64])
    assert found.confidence == 80


@given(KINDS, st.lists(REPORTS, min_size=1, max_size=6))
def test_many_reports_of_one_voice_count_as_the_best_of_them(kind: IocType, reports: list[Report]) -> None:
    one = [each._replace(group="one house") for each in reports]
    assert x(kind, one) == max(x(kind, [each]) for each in one)


@given(KINDS, KNOWN, st.lists(REPORTS, min_size=1, max_size=6), st.floats(0, 400))
def test_time_never_makes_it_surer(kind: IocType, known: Facts, reports: list[Report], days: float) -> None:
    later = score(kind, known, reports, NOW + timedelta(days=days))
    assert math.fsum(each.points for each in later.points) <= x(kind, reports, known) + 1e-9


@given(KINDS, KNOWN, SEVERAL)
def test_without_a_time_nothing_has_aged(kind: IocType, known: Facts, reports: list[Report]) -> None:
    fresh = [each._replace(last_seen=NOW) for each in reports]
    assert score(kind, known, reports).confidence == sure(kind, fresh, known)


@given(KINDS, KNOWN, SEVERAL)
def test_a_warning_list_never_speaks_for_a_value(kind: IocType, known: Facts, reports: list[Report]) -> None:
    assert x(kind, reports, known) <= x(kind, reports)


# The numbers


@pytest.mark.parametrize(
    ("kind", "left"),
    [
        (IocType.IPV4, [0.90, 0.68, 0.24, 0.0]),
        (IocType.URL, [0.90, 0.68, 0.24, 0.0]),
        (IocType.DOMAIN, [0.93, 0.83, 0.67, 0.44]),
        (IocType.SHA256, [1.0, 0.99, 0.95, 0.84]),
        (IocType.CVE, [1.0, 1.0, 1.0, 1.0]),
    ],
)
def test_a_report_loses_weight_by_type(kind: IocType, left: list[float]) -> None:
    whole = weight(kind, report("one", "A"))
    kept = [weight(kind, report("one", "A", days=days), NOW) / whole for days in (1, 7, 30, 90)]
    assert kept == pytest.approx(left, abs=0.006)


def test_a_better_grade_and_a_surer_report_weigh_more() -> None:
    by_grade = [weight(IocType.DOMAIN, report("one", grade)) for grade in "EDCBA"]
    by_report = [weight(IocType.DOMAIN, report("one", "B", own)) for own in (0, 25, 50, 75, 100)]
    assert by_grade == sorted(set(by_grade))
    assert by_report == sorted(set(by_report))
    assert by_grade[0] == by_report[0] == 0


def test_a_list_weighs_much_against_a_host_and_little_against_what_lies_there() -> None:
    for each in weights.WARNINGS:
        host, path = (score(IocType.URL, Facts(each.lists, path), []).points[1].points for path in (False, True))
        assert (host, path) == (each.host, each.url)
        assert host < path <= 0


def test_many_lists_count_as_the_heaviest_of_them() -> None:
    found = score(IocType.DOMAIN, TOP, [])
    assert [each.name for each in found.points] == ["prior", "top site"]
    assert found.points[1].why == "everybody visits or calls it (alexa)"


@pytest.mark.parametrize(("listed", "role"), [("sinkholes", "sinkhole"), ("shodan-scanning", "scanner")])
def test_a_sinkhole_or_a_scanner_is_named_and_not_marked_down(listed: str, role: str) -> None:
    reports = [report("one", "A")]
    found = score(IocType.IPV4, Facts(frozenset({listed})), reports, NOW)
    assert found.confidence == sure(IocType.IPV4, reports)
    assert (found.points[-1].name, found.points[-1].points) == (role, 0)


# What is known beforehand


def test_every_list_that_counts_is_one_that_is_known() -> None:
    known = {each.id for each in knowledge.current().about.lists}
    assert known >= set(LISTS)


@pytest.mark.parametrize(
    ("kind", "value", "meant"),
    [
        (IocType.DOMAIN, "google.com", False),
        (IocType.DOMAIN, "docs.google.com", False),
        (IocType.URL, "http://google.com/", False),
        (IocType.URL, "http://google.com", False),
        (IocType.URL, "https://docs.google.com/forms/d/x", True),
        (IocType.URL, "https://google.com/?q=x", True),
        (IocType.IPV4, "8.8.8.8", False),
        (IocType.IPV6, "2606:4700::1111", False),
        (IocType.MD5, "d41d8cd98f00b204e9800998ecf8427e", False),
        (IocType.DOMAIN, "timetable-sync.example", True),
        (IocType.IPV4, "198.51.100.23", True),
        (IocType.SHA256, "a" * 64, True),
        (IocType.EMAIL, "somebody@gmail.com", True),
        (IocType.CVE, "cve-2031-12345", True),
    ],
)
def test_naming_what_everybody_uses_hardly_means_it(kind: IocType, value: str, meant: bool) -> None:
    assert hardly_meant(kind, value) is not meant


def test_what_lies_on_a_site_is_told_from_the_site() -> None:
    assert facts(IocType.URL, "https://raw.githubusercontent.com/x/y/z.exe").path
    assert not facts(IocType.URL, "https://raw.githubusercontent.com/").path
    assert facts(IocType.URL, "https://raw.githubusercontent.com/x").lists >= {"alexa"}


# What the documentation says of it

DOCUMENTED = section(page("enrichment.md"), "## How sure an indicator is")


def documented(head: str) -> list[list[str]]:
    """The rows of the table whose head begins with `head`."""
    start = DOCUMENTED.index(f"| {head} |")
    return rows(DOCUMENTED[start : DOCUMENTED.find("\n\n", start)])[1:]


def test_the_numbers_are_the_documented_ones() -> None:
    assert documented("In an article") == [
        ['below "Indicators of compromise"', *map(str, SURE[Section.INDICATORS])],
        ["in running text", *map(str, SURE[Section.PROSE])],
        ["among the references", *map(str, SURE[Section.REFERENCES])],
    ]
    assert documented("Grade")[0] == ["of 100", *map(str, weights.GRADES.values())]
    decays = {kind.strip("`"): (row[1], row[2]) for row in documented("Type") for kind in row[0].split(", ") if row[1]}
    assert decays == {
        str(each): (str(getattr(fading.STANDARD, kind)), str(fading.POUNDS[kind]))
        for each, kind in fading.KINDS.items()
    }
    lists = {row[0]: (float(row[1]), float(row[2])) for row in documented("| Points, of a host, address or file")}
    assert lists == {each.name: (each.host, each.url) for each in weights.WARNINGS}
