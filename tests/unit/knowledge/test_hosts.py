"""On which lists a host stands: by what each entry means, and beyond the registrable domain only where it says so."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from socdefenders.knowledge.facts import WarningList
from socdefenders.knowledge.lookups import url_host
from tests.unit.knowledge.small import ADDRESSES, known, warning_list


@pytest.mark.parametrize(
    ("kind", "entry", "on", "off"),
    [
        ("string", "a.example", ["a.example"], ["b.a.example", "example", "xa.example"]),
        ("hostname", "a.example", ["a.example", "b.a.example", "c.b.a.example"], ["example", "xa.example"]),
        ("substring", "a.example", ["a.example", "b.a.example"], ["a.example.b.example", "xa.example"]),
        ("hostname", ".a.example", ["a.example", "b.a.example"], ["example", "xa.example"]),
        ("string", ".a.example", ["a.example", "b.a.example"], ["xa.example"]),
        ("string", "A.Example.", ["a.example"], []),
        ("string", "bücher.example", ["xn--bcher-kva.example"], ["bücher.example"]),
        ("string", "localhost", ["localhost"], ["a.localhost"]),
    ],
)
def test_an_entry_means_what_its_list_and_its_form_say(kind: str, entry: str, on: list[str], off: list[str]) -> None:
    knowledge = known(warning_list("l", kind, [entry]), suffixes=["example"])
    assert [knowledge.lists_of_host(host) for host in on] == [("l",)] * len(on)
    assert [knowledge.lists_of_host(host) for host in off] == [()] * len(off)


def test_a_host_below_a_public_suffix_is_not_vouched_for_by_the_suffix() -> None:
    lists = [
        warning_list("top", "hostname", ["pages.example", "cdn.example"]),
        warning_list("hosting", "hostname", [".pages.example"]),
    ]
    knowledge = known(*lists, suffixes=["example", "pages.example", "s3.cdn.example"])
    assert knowledge.lists_of_host("pages.example") == ("hosting", "top")
    assert knowledge.lists_of_host("evil.pages.example") == ("hosting",)
    assert knowledge.lists_of_host("bucket.s3.cdn.example") == ()
    assert knowledge.lists_of_host("www.cdn.example") == ("top",)


def test_wildcards_and_exceptions_of_the_public_suffix_list_count() -> None:
    listed = ["city.wild.example", "free.wild.example", "wild.example"]
    knowledge = known(
        warning_list("l", "hostname", listed), suffixes=["example", "*.wild.example", "!free.wild.example"]
    )
    assert knowledge.lists_of_host("city.wild.example") == ("l",)
    assert knowledge.lists_of_host("a.city.wild.example") == ()
    assert knowledge.lists_of_host("a.free.wild.example") == ("l",)
    assert knowledge.lists_of_host("b.a.other.wild.example") == ()


def test_a_host_is_given_the_lists_of_all_its_names() -> None:
    lists = [warning_list("one", "string", ["a.b.example"]), warning_list("two", "hostname", ["b.example"])]
    knowledge = known(*lists, suffixes=["example"])
    assert knowledge.lists_of_host("a.b.example") == ("one", "two")
    assert knowledge.host_sets("a.b.example") == {"one", "two"}
    assert knowledge.host_sets("a.b.example") is knowledge.host_sets("a.b.example")


def test_an_address_in_a_list_of_names_is_an_address() -> None:
    knowledge = known(warning_list("l", "substring", ["192.0.2.7", "a.example", "2001:db8::7"]))
    assert knowledge.lists_of_address("192.0.2.7") == ("l",)
    assert knowledge.lists_of_host("192.0.2.7") == knowledge.lists_of_host("[2001:db8::7]") == ("l",)
    assert knowledge.lists_of_host("7.192.0.2.7") == ()


LABELS = st.sampled_from(["a", "b", "c", "d"])
NAMES = st.lists(LABELS, min_size=1, max_size=5).map(".".join)


def naive_registrable(host: str, rules: set[str]) -> int:
    """How many labels of `host` its registrable domain has, by the algorithm of the Public Suffix List as written."""
    labels = host.split(".")
    matching = [1]
    for rule in rules:
        parts = rule.removeprefix("!").split(".")
        pairs = zip(reversed(parts), reversed(labels), strict=False)
        if len(parts) <= len(labels) and all(part in {"*", label} for part, label in pairs):
            if rule.startswith("!"):
                return len(parts)
            matching.append(len(parts))
    return max(matching) + 1


def naive(host: str, lists: list[WarningList], rules: set[str]) -> set[str]:
    labels = host.split(".")
    own = {".".join(labels[at:]) for at in range(max(1, len(labels) - naive_registrable(host, rules) + 1))} | {host}
    above = {".".join(labels[at:]) for at in range(len(labels))}
    found = set()
    for each in lists:
        for entry in each.entries:
            if entry.startswith("."):
                hit = entry[1:] in above
            else:
                hit = entry == host if each.type == "string" else entry in own
            if hit:
                found.add(each.id)
    return found


@given(
    host=NAMES,
    entries=st.lists(st.tuples(st.sampled_from(["string", "hostname"]), st.sampled_from(["", "."]), NAMES), max_size=8),
    rules=st.sets(st.tuples(st.sampled_from(["", "*."]), NAMES).map("".join), max_size=6),
)
def test_the_walk_over_labels_finds_what_the_definition_says(
    host: str, entries: list[tuple[str, str, str]], rules: set[str]
) -> None:
    lists = [warning_list(str(at), kind, [dot + name]) for at, (kind, dot, name) in enumerate(entries)]
    assert known(*lists, suffixes=rules).host_sets(host) == naive(host, lists, rules)


ANY_TEXT = st.text(st.characters(exclude_categories=()))
"""Halves of surrogate pairs too, which cannot be encoded."""


@example("\ud800@x")
@given(st.one_of(ANY_TEXT, st.builds("{}@{}".format, ANY_TEXT, ANY_TEXT)))
def test_no_text_is_too_odd_to_ask_for(text: str) -> None:
    knowledge = known(
        warning_list("l", "string", ["a.example"]), warning_list("p", "regex", ["^abuse@x$"], ("email-src",))
    )
    for ask in (knowledge.lists_of_url, knowledge.lists_of_host, knowledge.lists_of_address, knowledge.lists_of_hash):
        assert ask(text) == ()
    assert knowledge.lists_of_email(text) == ()


def test_long_hosts_cost_nothing_and_hosts_of_many_labels_no_memory() -> None:
    knowledge = known(warning_list("l", "hostname", ["example"]))
    assert knowledge.lists_of_host("a." * 200 + "example") == ()
    for number in range(20_000):
        knowledge.host_sets(f"{number}.top{number}")
    assert len(knowledge._tops) <= 1 << 12


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://a.example/b?c=https://d.example/", "a.example"),
        ("http://user:secret@a.example:8080/", "a.example"),
        ("http://b.example@a.example", "a.example"),
        ("http://a.example?x@b.example", "a.example"),
        ("http://a.example#@b.example", "a.example"),
        ("https://[2001:db8::7]:443/x", "[2001:db8::7]"),
        ("a.example/b", ""),
        ("", ""),
    ],
)
def test_the_host_of_a_url(url: str, host: str) -> None:
    assert url_host(url) == host


def test_a_url_has_the_lists_of_its_host() -> None:
    lists = [
        warning_list("names", "hostname", ["a.example"]),
        warning_list("nets", "cidr", ["192.0.2.0/24"], ADDRESSES),
    ]
    knowledge = known(*lists, suffixes=["example"])
    assert knowledge.lists_of_url("https://www.a.example:8443/x") == ("names",)
    assert knowledge.lists_of_url("https://192.0.2.9/x") == ("nets",)
