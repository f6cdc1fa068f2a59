"""Pages of articles: only where robots.txt lets us, only what can be read, and decoded as it was meant."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socdefenders.errors import FetchFailed
from socdefenders.feeds.charsets import charset
from socdefenders.feeds.fetch import PAGE
from socdefenders.feeds.fetching.robots import MAX_BYTES, read
from tests.fetch.publisher import Names, Publisher, content, fetcher, leads, says

HTML = b"<html><body><p>Report</p></body></html>"


async def refused(publisher: Publisher, path: str) -> FetchFailed:
    async with fetcher() as client:
        with pytest.raises(FetchFailed) as failed:
            await client.page(publisher.url(path))
    return failed.value


async def test_a_page_is_fetched_where_robots_txt_allows_it(publisher: Publisher) -> None:
    publisher.routes |= {
        "/robots.txt": says(200, b"User-agent: *\nDisallow: /private\n"),
        "/a?b": says(200, HTML, Content_Type="text/html; charset=utf-8"),
    }
    async with fetcher() as client:
        for _ in range(2):
            assert content(await client.page(publisher.url("/a?b"))) == HTML
        with pytest.raises(FetchFailed) as failed:
            await client.page(publisher.url("/private/a"))
    assert (failed.value.reason_code, failed.value.permanent) == ("robots", True)
    assert publisher.asked() == ["/robots.txt", "/a?b", "/a?b"]
    assert publisher.requests[0].headers["user-agent"].startswith("SOCDefenders/")


async def test_the_rules_of_a_host_are_asked_for_once_however_many_pages_wait(publisher: Publisher) -> None:
    publisher.routes |= {"/robots.txt": says(200), "/a": says(200, HTML)}
    async with fetcher() as client:
        for fetched in await asyncio.gather(*(client.page(publisher.url("/a")) for _ in range(5))):
            fetched.close()
    assert publisher.asked() == ["/robots.txt", *["/a"] * 5]


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_a_host_without_rules_allows_everything(publisher: Publisher, status: int) -> None:
    publisher.routes |= {"/robots.txt": says(status), "/a": says(200, HTML)}
    async with fetcher() as client:
        assert content(await client.page(publisher.url("/a"))) == HTML


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_host_whose_rules_cannot_be_had_allows_nothing_yet(publisher: Publisher, status: int) -> None:
    publisher.routes |= {"/robots.txt": says(status, Retry_After="7"), "/a": says(200, HTML)}
    failed = await refused(publisher, "/a")
    assert (failed.status, failed.permanent, publisher.asked()) == (status, False, ["/robots.txt"])
    assert "/robots.txt answered" in failed.message


async def test_rules_that_lead_round_in_a_circle_are_none(publisher: Publisher) -> None:
    publisher.routes |= {"/robots.txt": leads("/robots.txt"), "/a": says(200, HTML)}
    async with fetcher() as client:
        assert content(await client.page(publisher.url("/a"))) == HTML


async def test_rules_of_any_length_are_not_read(publisher: Publisher) -> None:
    publisher.routes |= {"/robots.txt": says(200, b"#" * (MAX_BYTES + 1)), "/a": says(200, HTML)}
    assert (await refused(publisher, "/a")).reason_code == "too-large"


async def test_where_a_page_leads_has_its_own_rules(publisher: Publisher) -> None:
    publisher.routes |= {
        "/robots.txt": says(200, b"User-agent: socdefenders\nDisallow: /b"),
        "/a": leads("/b"),
        "/b": says(200, HTML),
    }
    failed = await refused(publisher, "/a")
    assert (failed.reason_code, publisher.asked()) == ("robots", ["/robots.txt", "/a"])


async def test_a_page_elsewhere_is_judged_by_the_rules_there(publisher: Publisher) -> None:
    publisher.routes |= {"/robots.txt": says(404), "/a": leads(publisher.url("/a", "127.0.0.1")), "/b": says(200)}
    names = Names({"news.example": [["127.0.0.1"]]})
    async with fetcher(names=names) as client:
        with pytest.raises(FetchFailed):
            await client.page(publisher.url("/a", "news.example"))
    assert publisher.asked() == ["/robots.txt", "/a", "/robots.txt", "/a"]


@pytest.mark.parametrize("kind", ["application/pdf", "image/png", "application/octet-stream", "text/csv"])
async def test_what_is_no_page_is_not_read(publisher: Publisher, kind: str) -> None:
    publisher.routes["/a"] = says(200, b"x", Content_Type=kind)
    failed = await refused(publisher, "/a")
    assert (failed.reason_code, failed.permanent) == ("content-type", True)
    assert kind in failed.message


@pytest.mark.parametrize("kind", ["text/html", "Text/HTML;charset=x", "application/xhtml+xml", "text/plain", ""])
async def test_what_is_a_page_is_read(publisher: Publisher, kind: str) -> None:
    publisher.routes["/a"] = says(200, HTML, Content_Type=kind)
    async with fetcher() as client:
        fetched = await client.page(publisher.url("/a"))
    assert fetched.text() == HTML.decode()
    fetched.close()


async def test_a_page_has_a_smaller_bound(publisher: Publisher) -> None:
    publisher.routes["/a"] = says(200, b"", length=PAGE.body_bytes + 1)
    assert (await refused(publisher, "/a")).reason_code == "too-large"


# Charsets

WORD = "Größe: Ж"
XML = '<?xml version="1.0" encoding="koi8-r"?>'
KOI = "<p>Отчёт</p>".encode("koi8-r")


@pytest.mark.parametrize(
    ("body", "said", "codec", "text"),
    [
        (WORD.encode(), "utf-8", "utf-8", WORD),
        (WORD.encode(), "iso-8859-1", "utf-8", WORD),
        (WORD.encode(), "", "utf-8", WORD),
        (b"\xef\xbb\xbf" + WORD.encode(), "koi8-r", "utf-8-sig", WORD),
        (WORD.encode("utf-16"), "koi8-r", "utf-16", WORD),
        (KOI, "KOI8-R", "koi8_r", "<p>Отчёт</p>"),
        (KOI, '"koi8-r"', "koi8_r", "<p>Отчёт</p>"),
        (b"<meta charset=koi8-r>" + KOI, "", "koi8_r", "<meta charset=koi8-r><p>Отчёт</p>"),
        (b"<meta charset=koi8-r>Gr\xf6\xdfe", "iso-8859-1", "cp1252", "<meta charset=koi8-r>Größe"),
        (XML.encode() + KOI, "", "koi8_r", XML + "<p>Отчёт</p>"),
        (b"Gr\xf6\xdfe \x80", "", "cp1252", "Größe €"),
        (b"Gr\xf6\xdfe", "utf-8", "cp1252", "Größe"),
        (b"Gr\xf6\xdfe", "klingon", "cp1252", "Größe"),
        (b"plain", "", "utf-8", "plain"),
        ("日本".encode("iso-2022-jp"), "ISO-2022-JP", "iso2022_jp", "日本"),
    ],
)  # fmt: skip
async def test_text_is_decoded_by_mark_header_declaration_and_guess(
    publisher: Publisher, body: bytes, said: str, codec: str, text: str
) -> None:
    publisher.routes["/a"] = says(200, body, Content_Type=f"text/html; charset={said}" if said else "text/html")
    async with fetcher() as client:
        fetched = await client.page(publisher.url("/a"))
    assert (fetched.charset, fetched.text()) == (codec, text)
    fetched.close()


def test_what_is_no_text_has_no_charset() -> None:
    assert charset(b"PK\x03\x04\x00\x00") is None


def test_a_character_may_be_cut_where_the_first_bytes_end() -> None:
    assert charset("aé".encode()[:-1]) == charset("aéé".encode()[:-1]) == "utf-8"


@given(st.binary(max_size=99), st.text(max_size=20))
def test_whatever_comes_has_a_codec_that_there_is_or_none(head: bytes, said: str) -> None:
    codec = charset(head, said)
    assert codec is None or isinstance(head.decode(codec, "replace"), str)


# robots.txt, by RFC 9309

TWICE = "User-agent: socdefenders\nDisallow: /a\nUser-agent: x\nAllow: /\nUser-agent: socdefenders\nDisallow: /b"


@pytest.mark.parametrize(
    ("rules", "allowed", "refused"),
    [
        ("", ["/"], []),
        ("User-agent: *\nDisallow:", ["/a"], []),
        ("User-agent: *\nDisallow: /", ["/robots.txt"], ["/", "/a", "", "/robots.txt2"]),
        ("user-agent : *\n disallow : /a # all", ["/b", "/A"], ["/a", "/ab", "/a/b"]),
        ("User-agent: *\nDisallow: /\nAllow: /a", ["/a", "/ab"], ["/b"]),
        ("User-agent: *\nAllow: /a\nDisallow: /a", ["/a"], []),
        ("User-agent: *\nDisallow: /a/b\nAllow: /a", ["/a", "/a/c"], ["/a/b"]),
        ("User-agent: *\nDisallow: /*.pdf$", ["/a.pdfs", "/a.pdf?x"], ["/a.pdf", "/a/b.pdf"]),
        ("User-agent: *\nDisallow: /a*b*c", ["/ab", "/acb"], ["/abc", "/a1b2c3"]),
        ("User-agent: *\nDisallow: /a$", ["/ab", "/"], ["/a"]),
        ("User-agent: *\nDisallow: /a*a$", ["/a", "/aab"], ["/aa", "/aba"]),
        ("User-agent: *\nDisallow: *?s=", ["/a"], ["/a?s=1"]),
        ("User-agent: *\nDisallow: /ä%2f%7Ea", ["/%C3%A4/~a"], ["/%c3%a4%2F~a", "/ä%2F~a"]),
        ("User-agent: other\nDisallow: /", ["/a"], []),
        ("User-agent: SOCDefenders\nDisallow: /a\n\nUser-agent: *\nDisallow: /", ["/b"], ["/a"]),
        ("User-agent: *\nDisallow: /\n\nUser-agent: socdefenders\n", ["/a"], []),
        ("User-agent: other\nUser-agent: socdefenders\nDisallow: /a\nUser-agent: x\nDisallow: /b", ["/b"], ["/a"]),
        (TWICE, ["/c"], ["/a", "/b"]),
        ("User-agent: *\nSitemap: /s\nUser-agent: x\nDisallow: /a", [], ["/a"]),
        ("Disallow: /a", ["/a"], []),
        ("\ufeffUser-agent: *\rDisallow: /a", ["/b"], ["/a"]),
        ("<html>User-agent: *\nDisallow: /</html>", ["/a"], []),
    ],
)  # fmt: skip
def test_rules_are_understood_as_the_standard_says(rules: str, allowed: list[str], refused: list[str]) -> None:
    read_ = read(rules)
    assert [path for path in allowed if not read_.allow(path)] == []
    assert [path for path in refused if read_.allow(path)] == []


@given(st.text("/a*$%2fé", max_size=12), st.text("/a%2f?é", max_size=30))
def test_any_rule_and_any_path_have_an_answer(rule: str, path: str) -> None:
    assert read(f"User-agent: *\nDisallow: {rule}").allow(path) in {True, False}


def test_stars_without_end_take_no_time_without_end() -> None:
    rules = read("User-agent: *\n" + f"Disallow: {'/*a' * 5000}b\n" * 20)
    assert rules.allow("/a" * 5000)
