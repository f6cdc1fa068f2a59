"""Digests, e-mail addresses, techniques, names, words, and where all of it is from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socdefenders.knowledge import Knowledge
from socdefenders.knowledge.bundle import Bundle
from tests.unit.knowledge.small import (
    ADDRESSES,
    EMAILS,
    HASHES,
    HOSTS,
    IMPACT,
    NAMES,
    PACKAGE,
    TECHNIQUES,
    content,
    everything,
    known,
    warning_list,
)


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return Knowledge(Bundle(memoryview(content(everything()))))


@pytest.mark.parametrize("length", [32, 40, 56, 64, 96, 128])
def test_a_digest_is_found_in_either_case_and_is_no_host(length: int) -> None:
    digest = ("0123456789abcdef" * 8)[:length]
    found = known(warning_list("files", "string", [digest.upper()], HASHES))
    assert found.lists_of_hash(digest) == found.lists_of_hash(digest.upper()) == ("files",)
    assert found.lists_of_hash(digest[:-1] + "0") == ()
    assert found.lists_of_host(digest) == ()
    assert found.lists_of_hash(digest[:-1]) == ()


def test_a_host_is_no_digest() -> None:
    host = "a" * 24 + ".example"
    assert len(host) == 32
    assert known(warning_list("l", "string", [host])).lists_of_hash(host) == ()


def test_an_address_is_only_read_where_a_list_is_meant_for_some() -> None:
    fuzzy, addresses = (warning_list("l", "string", ["3::"], attributes) for attributes in (HASHES, ADDRESSES))
    assert known(fuzzy).lists_of_address("3::") == ()
    assert known(addresses).lists_of_address("3::") == ("l",)


def test_an_e_mail_address_is_found_by_its_domain_itself_and_a_pattern() -> None:
    found = known(
        warning_list("disposable", "substring", ["mail.example"], EMAILS),
        warning_list("contacts", "regex", [r"/^(abuse|noc)\@.*\..*$/i"], EMAILS),
        warning_list("own", "string", ["Someone@mail.example"], EMAILS),
        suffixes=["example"],
    )
    assert found.lists_of_email("x@mail.example") == found.lists_of_email("x@sub.mail.example") == ("disposable",)
    assert found.lists_of_email("Abuse@other.example") == ("contacts",)
    assert found.lists_of_email("someone@mail.example") == ("disposable", "own")
    assert found.lists_of_email("x@notmail.example") == found.lists_of_email("mail.example") == ()
    assert found.lists_of_email("abuse@" + "a" * 400 + ".example") == ()


def test_what_cannot_be_looked_up_is_skipped_with_its_reason() -> None:
    lists = known(
        warning_list("phones", "regex", ["/^1/"], ("phone-number",)),
        warning_list("ids", "string", ["1-2"], ("azure-application-id",)),
        warning_list("new", "bloom", ["x"]),
        warning_list("patterns", "regex", [r"/(?<=a)b/", "/a/"], EMAILS),
        warning_list("words", "hostname", ["two words", "a.example"], HOSTS),
    ).about.lists
    assert {each.id: each.skipped for each in lists} == {
        "phones": "patterns are only looked for in e-mail addresses; these are meant for phone-number",
        "ids": "there is no look-up of what it is meant for: azure-application-id",
        "new": "lists of type 'bloom' are not known",
        "patterns": None,
        "words": None,
    }
    assert {each.id: (each.entries, each.unread) for each in lists if not each.skipped} == {
        "patterns": (1, 1),
        "words": (1, 1),
    }


def test_techniques_are_found_by_id_and_followed_to_what_they_are_now(knowledge: Knowledge) -> None:
    assert knowledge.techniques() == TECHNIQUES
    assert knowledge.technique("T9002") == TECHNIQUES[1]
    assert knowledge.successor("T9002") == knowledge.successor("T9001") == TECHNIQUES[0]
    assert TECHNIQUES[0].tactics == (IMPACT,)
    assert knowledge.technique("T0000") is knowledge.successor("T0000") is None
    assert knowledge.successor("T9003") is None  # two that name each other


def test_names_and_words(knowledge: Knowledge) -> None:
    assert knowledge.names() == NAMES
    assert knowledge.names() is knowledge.names()
    assert knowledge.zipf("Heron") == 3.2
    assert knowledge.zipf("bittern") == 0.0


def test_a_bundle_says_where_it_is_from(knowledge: Knowledge) -> None:
    about = knowledge.about
    assert about.packages == (PACKAGE,)
    assert (about.built_at, about.attack_version) == ("2026-11-01T12:00:00Z", "19.2")
    assert [each.id for each in about.lists] == ["popular", "odd"]
    assert about.counts["techniques"] == 4
    assert about.counts["listed_names"] == 2  # the host and the suffix
    assert knowledge
    assert not known()


@given(st.sets(st.integers(0, 40), min_size=1), st.integers(0, 40))
def test_sets_of_many_lists_are_told_apart(on: set[int], asked: int) -> None:
    lists = [warning_list(f"{at:02}", "string", [f"{n}.example" for n in on if n >= at]) for at in range(41)]
    expected = tuple(f"{at:02}" for at in range(41) if asked in on and asked >= at)
    assert known(*lists).lists_of_host(f"{asked}.example") == expected
