"""What is asked of a publisher, and what of its answer is believed."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import brotli
import pytest
import zstandard

from socdefenders import __version__
from socdefenders.errors import FetchFailed
from socdefenders.feeds.fetch import Fetcher, Limits, Validators
from tests.fetch.publisher import (
    Names,
    Publisher,
    Request,
    answer,
    content,
    failure,
    fetcher,
    gzipped,
    leads,
    says,
)

BODY = b"192.0.2.10\n" * 5000


async def test_a_body_is_given_as_a_file_at_its_start_with_what_is_said_of_it(publisher: Publisher) -> None:
    publisher.routes["/list?x=1"] = says(
        200,
        BODY,
        Content_Type="text/plain; charset=ISO-8859-1",
        ETag='"a"',
        Last_Modified="Mon, 02 Nov 2026 10:00:00 GMT",
    )
    async with fetcher() as client:
        fetched = await client.get(publisher.url("/list?x=1#part"))
    assert content(fetched) == BODY
    assert (fetched.url, fetched.status) == (publisher.url("/list?x=1"), 200)
    assert fetched.validators == Validators('"a"', "Mon, 02 Nov 2026 10:00:00 GMT")
    assert (fetched.content_type, fetched.charset) == ("text/plain", "cp1252")
    assert (fetched.not_modified, fetched.permanent_url) == (False, None)


async def test_a_request_says_honestly_who_asks(publisher: Publisher) -> None:
    publisher.routes["/"] = says(200)
    async with fetcher() as client:
        content(await client.get(publisher.url()))
    async with Fetcher(contact=None, allowed=("127.0.0.1",)) as client:
        content(await client.get(publisher.url()))
    named, unnamed = publisher.requests
    assert named.headers["user-agent"] == f"SOCDefenders/{__version__} (+soc@corp.example)"
    assert unnamed.headers["user-agent"] == f"SOCDefenders/{__version__}"
    assert named.headers["accept-encoding"] == "gzip, br, zstd"
    assert named.method == "GET"


async def test_no_cookie_is_kept(publisher: Publisher) -> None:
    publisher.routes["/"] = says(200, Set_Cookie="id=1; Path=/")
    async with fetcher() as client:
        for _ in range(2):
            content(await client.get(publisher.url()))
    assert [request.headers.get("cookie") for request in publisher.requests] == [None, None]


@pytest.mark.parametrize(
    ("coding", "data"),
    [
        ("gzip", gzipped(BODY)),
        ("GZip", gzipped(BODY[:100]) + gzipped(BODY[100:])),
        ("x-gzip", gzipped(BODY) + b"\0" * 512),
        ("br", brotli.compress(BODY)),
        ("zstd", zstandard.compress(BODY)),
        ("zstd", zstandard.compress(BODY[:100]) + zstandard.compress(BODY[100:])),
        ("identity", BODY),
    ],
    ids=["gzip", "two members", "padded", "br", "zstd", "two frames", "identity"],
)
async def test_a_compressed_body_is_decompressed(publisher: Publisher, coding: str, data: bytes) -> None:
    publisher.routes["/"] = says(200, data, Content_Encoding=coding)
    async with fetcher() as client:
        assert content(await client.get(publisher.url())) == BODY


async def test_a_large_body_goes_to_disk_and_comes_back_whole(publisher: Publisher) -> None:
    data = bytes(range(256)) * (9 << 12)
    publisher.routes["/"] = says(200, data)
    async with fetcher(limits=Limits(body_bytes=len(data))) as client:
        assert content(await client.get(publisher.url())) == data


async def test_what_is_known_is_asked_for_conditionally_and_need_not_be_sent_again(publisher: Publisher) -> None:
    async def known(request: Request, writer: object) -> None:
        same = request.headers.get("if-none-match") == '"a"'
        writer.write(answer(304, ETag='"b"') if same else answer(200, BODY, ETag='"a"', Last_Modified="then"))  # type: ignore[attr-defined]  # a StreamWriter

    publisher.routes["/"] = known
    async with fetcher() as client:
        first = await client.get(publisher.url())
        content(first)
        second = await client.get(publisher.url(), validators=first.validators)
    assert publisher.requests[1].headers["if-modified-since"] == "then"
    assert (second.status, second.not_modified, second.body, second.size, second.text()) == (304, True, None, 0, "")
    assert second.validators == Validators('"b"', "then")


async def test_a_304_that_nobody_asked_for_is_a_failure(publisher: Publisher) -> None:
    publisher.routes["/"] = says(304)
    assert (await failure(publisher.url())).status == 304


@pytest.mark.parametrize("sent", ["a" * 2000, "\xe9"])
async def test_a_validator_that_could_not_be_sent_back_is_not_kept(publisher: Publisher, sent: str) -> None:
    publisher.routes["/"] = says(200, ETag=sent)
    async with fetcher() as client:
        fetched = await client.get(publisher.url())
    assert content(fetched) == b""
    assert fetched.validators == Validators(None, None)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
async def test_a_refusal_is_permanent_and_says_what_to_do(publisher: Publisher, status: int) -> None:
    publisher.routes["/a?key=secret"] = says(status, Retry_After="9")
    failed = await failure(publisher.url("/a?key=secret"))
    assert (failed.reason_code, failed.status, failed.permanent, failed.retry_after) == (
        "http-status", status, True, None,
    )  # fmt: skip
    assert failed.message.startswith(f"{publisher.url('/a')} answered {status} (")
    assert "secret" not in failed.message


@pytest.mark.parametrize("status", [204, 206, 302, 408, 425, 500, 502, 503, 504, 599])
async def test_any_other_answer_than_the_file_is_a_failure_that_may_pass(publisher: Publisher, status: int) -> None:
    publisher.routes["/"] = says(status)
    failed = await failure(publisher.url())
    assert (failed.reason_code, failed.status) == ("http-status", status)
    assert failed.permanent is (status < 400)


async def test_a_publisher_that_wants_to_be_left_alone_is(publisher: Publisher) -> None:
    publisher.routes["/"] = says(429, Retry_After="120")
    async with fetcher() as client:
        for _ in range(2):
            with pytest.raises(FetchFailed) as failed:
                await client.get(publisher.url())
            assert (failed.value.status, failed.value.permanent) == (429, False)
            assert failed.value.retry_after == pytest.approx(120, abs=10)
        with pytest.raises(FetchFailed, match="429"):
            await client.get(publisher.url("/other"))
    assert publisher.asked() == ["/"]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("30", 30),
        (timedelta(hours=1), 3600),
        ("9" * 30, 86_400),
        (timedelta(days=9), 86_400),
        ("Mon, 02 Nov 2020 10:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
async def test_the_wait_that_a_publisher_wants_is_told(
    publisher: Publisher, written: str | timedelta, seconds: float | None
) -> None:
    if isinstance(written, timedelta):
        written = format_datetime(datetime.now(UTC) + written, usegmt=True)
    publisher.routes["/"] = says(503, Retry_After=written)
    assert (await failure(publisher.url())).retry_after == (None if seconds is None else pytest.approx(seconds, abs=60))


# Redirects


async def test_permanent_redirects_tell_the_new_address(publisher: Publisher) -> None:
    publisher.routes |= {"/a": leads("/b", 301), "/b": leads("c?d#e", 308), "/c?d": says(200, b"x")}
    async with fetcher() as client:
        fetched = await client.get(publisher.url("/a"))
    assert fetched.url == fetched.permanent_url == publisher.url("/c?d")
    assert content(fetched) == b"x"


@pytest.mark.parametrize(("first", "second"), [(301, 302), (308, 303), (307, 301)])
async def test_one_redirect_for_now_leaves_the_address_as_it_is(publisher: Publisher, first: int, second: int) -> None:
    publisher.routes |= {"/a": leads("/b", first), "/b": leads("/c", second), "/c": says(200)}
    async with fetcher() as client:
        fetched = await client.get(publisher.url("/a"))
    assert content(fetched) == b""
    assert (fetched.url, fetched.permanent_url) == (publisher.url("/c"), None)


async def test_a_circle_of_redirects_ends(publisher: Publisher) -> None:
    publisher.routes |= {"/a": leads("/b"), "/b": leads("/a#x")}
    failed = await failure(publisher.url("/a"))
    assert (failed.reason_code, failed.permanent, publisher.asked()) == ("redirect-loop", True, ["/a", "/b"])


async def test_redirects_that_never_end_are_followed_five_times(publisher: Publisher) -> None:
    publisher.routes |= {f"/{n}": leads(f"/{n + 1}") for n in range(9)}
    assert (await failure(publisher.url("/0"))).reason_code == "redirect-loop"
    assert publisher.asked() == [f"/{n}" for n in range(6)]


@pytest.mark.parametrize(
    "location",
    ["ftp://feeds.example/a", "file:///etc/passwd", "javascript:1", "http://[::1", "http://a:99999/"],
)
async def test_a_redirect_out_of_the_web_is_refused(publisher: Publisher, location: str) -> None:
    publisher.routes["/"] = leads(location)
    failed = await failure(publisher.url())
    assert (failed.reason_code, failed.permanent) == ("not-http", True)


@pytest.mark.parametrize("url", ["", "feeds.example", "ftp://feeds.example", "http:///a", "http://a:0", "file:///a"])
async def test_an_address_that_is_not_of_the_web_is_refused(url: str) -> None:
    assert (await failure(url)).reason_code == "not-http"


# Secrets

SECRET = {"Auth-Key": "hunter2", "Accept-Language": "en"}


async def test_a_key_goes_where_it_is_meant_to_go_and_not_to_another_host(publisher: Publisher) -> None:
    publisher.routes |= {"/a": leads("/b"), "/b": leads(publisher.url("/c", "feeds.example")), "/c": says(200)}
    async with fetcher() as client:
        content(await client.get(publisher.url("/a"), headers=SECRET))
    assert [request.headers.get("auth-key") for request in publisher.requests] == ["hunter2", "hunter2", None]
    assert [request.headers["accept-language"] for request in publisher.requests] == ["en"] * 3


async def test_a_name_and_password_in_an_address_are_sent_and_never_shown(publisher: Publisher) -> None:
    publisher.routes |= {"/a": leads("/b"), "/b": says(401)}
    failed = await failure(publisher.url("/a", "us%65r:hunter2@127.0.0.1"))
    assert [request.headers["authorization"] for request in publisher.requests] == ["Basic dXNlcjpodW50ZXIy"] * 2
    assert "hunter2" not in failed.message
    assert publisher.url("/b") in failed.message


async def test_a_redirect_cannot_bring_a_name_and_password(publisher: Publisher) -> None:
    publisher.routes |= {"/a": leads(publisher.url("/b", "user:hunter2@feeds.example")), "/b": says(200)}
    async with fetcher() as client:
        fetched = await client.get(publisher.url("/a"))
    assert "authorization" not in publisher.requests[1].headers
    assert content(fetched) == b""
    assert fetched.url == publisher.url("/b", "feeds.example")


async def test_a_name_that_nobody_knows_is_said() -> None:
    failed = await failure("http://nowhere.example/", fetcher(names=Names({})))
    assert (failed.reason_code, failed.permanent) == ("connection", False)
    assert failed.message.startswith("nowhere.example cannot be resolved (")
