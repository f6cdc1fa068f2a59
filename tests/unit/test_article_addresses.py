"""Addresses of articles: what is taken out of a link, what stays, and which page may name itself what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socdefenders.ingest.addresses import address_of, named_by_page, without_tracking
from socdefenders.ingest.batches import article_id
from socdefenders.model import Document

POST = "https://blog.example/2026/post"


def identity(url: str) -> object:
    return article_id(Document("A title", "text", url), "One Source", "one")


@pytest.mark.parametrize(
    ("link", "kept"),
    [
        ("?utm_source=rss&utm_medium=feed&utm_campaign=Feed%3A+blog", ""),
        ("?utm_source=rss&id=5&fbclid=x", "?id=5"),
        ("?id=5&amp;utm_source=rss", "?id=5"),
        ("?UTM_Source=rss", ""),
        ("?gclid=a&mc_cid=b&mc_eid=c&mkt_tok=d&_hsenc=e&mtm_campaign=f&pk_campaign=g", ""),
        ("#xtor=RSS-1", ""),
        ("?p=7#utm_source=rss", "?p=7"),
        ("#bulletin-12", "#bulletin-12"),
        ("?p=7&p=8&ref=home&source=x&page_id=2", "?p=7&p=8&ref=home&source=x&page_id=2"),
        ("?a&&b=", "?a&&b="),
        ("?futm_source=1&my_gclid=2&utm=3&pk_id=4", "?futm_source=1&my_gclid=2&utm=3&pk_id=4"),
        ("", ""),
    ],
)
def test_what_says_how_a_reader_came_is_taken_out_and_nothing_else(link: str, kept: str) -> None:
    assert without_tracking(POST + link) == POST + kept
    assert address_of(POST + link) == (POST + kept, "blog.example")
    assert identity(POST + link) == identity(POST + kept), "one article"


def test_ids_are_those_of_the_addresses_as_they_were() -> None:
    """Ids are stored; another one for the same link would read every article again."""
    assert str(identity("HTTPS://Blog.example:443/2026/post?id=5#part")) == "ad08b8e6-6fe7-5194-b0f5-de1a6af95ca2"
    assert str(identity("not a link")) == "16214cea-f5b8-5fae-b652-6cc27d8e3643"


@given(st.lists(st.sampled_from(["utm_source=a", "fbclid=b", "id=1", "x", "", "q=a%26b", "ref=c"]), max_size=6))
def test_taking_out_twice_takes_out_no_more_and_the_rest_keeps_its_order(pairs: list[str]) -> None:
    url = f"{POST}?{'&'.join(pairs)}"
    once = without_tracking(url)
    assert without_tracking(once) == once
    honest = [pair for pair in pairs if not pair.startswith(("utm", "fb"))]
    if honest != pairs:
        assert once == (f"{POST}?{'&'.join(honest)}" if any(honest) or len(honest) > 1 else POST)
    else:
        assert once == url


@pytest.mark.parametrize(
    ("said", "fetched", "address"),
    [
        (f"{POST}?utm_source=rss", "https://blog.example/?p=5", POST),
        ("https://www.example.com/a", "https://feeds.example.com/b", "https://www.example.com/a"),
        ("http://192.0.2.1/a", "http://192.0.2.1:8080/b", "http://192.0.2.1/a"),
        ("https://blog.example/", "https://blog.example/", "https://blog.example/"),
        ("https://blog.example/?p=5", POST, "https://blog.example/?p=5"),
    ],
)
def test_a_page_names_its_own_address(said: str, fetched: str, address: str) -> None:
    assert named_by_page(said, fetched) == address


@pytest.mark.parametrize(
    ("said", "fetched"),
    [
        ("https://other.example/a", POST),
        ("https://one.co.uk/a", "https://two.co.uk/a"),
        ("https://one.github.io/a", "https://two.github.io/a"),
        ("http://192.0.2.1/a", "http://192.0.2.2/a"),
        ("https://blog.example", POST),
        ("https://blog.example/?utm_source=rss", POST),
        ("ftp://blog.example/post", POST),
        ("javascript:alert(1)", POST),
        ("https://blog.example/" + "a" * 3_000, POST),
        ("https://[/", POST),
        ("", POST),
        (None, POST),
        (POST, "no address"),
    ],
)
def test_a_page_does_not_speak_for_others_nor_take_the_front_page_for_itself(said: str | None, fetched: str) -> None:
    assert named_by_page(said, fetched) is None
