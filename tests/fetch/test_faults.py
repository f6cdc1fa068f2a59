"""Whatever a publisher does, a fetch ends in time, in little memory, and as an error that says what happened."""

import asyncio
import tracemalloc
import zlib
from contextlib import suppress
from functools import partial
from pathlib import Path

import brotli
import pytest
import zstandard

from socdefenders.errors import FetchFailed
from socdefenders.feeds.fetch import Limits
from tests.fetch.certificates import Issued, issue, serving, trusting
from tests.fetch.publisher import (
    Handler,
    Names,
    Publisher,
    Request,
    answer,
    content,
    failure,
    fetcher,
    gzipped,
    listening,
    publishing,
    reset,
    says,
    sends,
)

HEAD = b"HTTP/1.1 200 OK\r\n"
MIB = 1 << 20


def resetting(before: bytes) -> Handler:
    """Send something, and once it has been read end the connection the hard way."""

    async def handle(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(before)
        await writer.drain()
        await asyncio.sleep(0.05)
        reset(writer)

    return handle


@pytest.mark.parametrize(
    "before",
    [
        HEAD + b"Content-Length: 999999\r\n\r\n" + b"a" * 5000,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\naaaaa\r\n",
        HEAD + b"\r\n" + b"a" * 5000,
    ],
    ids=["with a length", "chunked", "until the end"],
)
async def test_a_connection_that_is_reset_in_the_middle_gives_no_half_a_file(
    publisher: Publisher, before: bytes
) -> None:
    publisher.routes["/"] = resetting(before)
    failed = await failure(publisher.url())
    assert (failed.reason_code, failed.permanent) == ("truncated", False)


@pytest.mark.parametrize(
    "handler",
    [
        says(200, b"short", length=9),
        sends(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n"),
        sends(HEAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\nshort"),
        says(200, gzipped(b"whole" * 999)[:-9], Content_Encoding="gzip"),
        says(200, b"\x1f", Content_Encoding="gzip"),
        says(200, gzipped(b"whole") + gzipped(b"whole")[:9], Content_Encoding="gzip"),
        says(200, brotli.compress(b"whole" * 999)[:-3], Content_Encoding="br"),
        says(200, zstandard.compress(b"whole" * 999)[:-3], Content_Encoding="zstd"),
    ],
)
async def test_a_body_that_ends_too_early_gives_no_half_a_file(publisher: Publisher, handler: Handler) -> None:
    publisher.routes["/"] = handler
    failed = await failure(publisher.url())
    assert (failed.reason_code, failed.permanent) == ("truncated", False)


async def test_a_body_longer_than_announced_is_not_believed(publisher: Publisher) -> None:
    publisher.routes["/"] = says(200, b"short and more", length=5)
    assert (await failure(publisher.url())).reason_code in {"connection", "truncated"}


async def test_a_body_without_a_length_ends_with_the_connection(publisher: Publisher) -> None:
    publisher.routes["/"] = sends(HEAD + b"\r\n" + b"a" * 5000)
    async with fetcher() as client:
        assert content(await client.get(publisher.url())) == b"a" * 5000


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", b"<html>no gzip</html>"),
        ("br", b"\xff" * 99),
        ("br", brotli.compress(b"a") + b"junk"),
        ("zstd", b"<html>no zstd</html>"),
        ("gzip", gzipped(b"whole" * 999)[:20] + b"\xff" * 20),
        ("deflate", zlib.compress(b"a")),
        ("gzip, gzip", b""),
        ("\x7f\xe9", b""),
    ],
)
async def test_what_cannot_be_decompressed_says_so(publisher: Publisher, coding: str, body: bytes) -> None:
    publisher.routes["/"] = says(200, body, Content_Encoding=coding)
    failed = await failure(publisher.url())
    assert failed.reason_code == "decoding"
    assert failed.message.isprintable()


async def test_a_frame_that_would_have_much_kept_in_memory_is_refused(publisher: Publisher) -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27, enable_ldm=True, write_content_size=False)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    publisher.routes["/"] = says(200, compressor.compress(b"a" * 999) + compressor.flush(), Content_Encoding="zstd")
    assert (await failure(publisher.url())).reason_code == "decoding"


# Size


def gzip_bomb() -> list[bytes]:
    """Ten gigabytes of zeros in ten megabytes, made without compressing them all."""
    compressor = zlib.compressobj(9, wbits=31)
    first = compressor.compress(bytes(MIB)) + compressor.flush(zlib.Z_FULL_FLUSH)
    again = compressor.compress(bytes(MIB)) + compressor.flush(zlib.Z_FULL_FLUSH)
    return [first, *[again] * 10_240]


def brotli_bomb() -> list[bytes]:
    return [brotli.compress(bytes(256 * MIB), quality=1)]


def zstd_bomb() -> list[bytes]:
    return [zstandard.compress(bytes(MIB))] * 10_240


BOMBS = {"gzip": gzip_bomb, "zstd": zstd_bomb, "br": brotli_bomb}


@pytest.mark.parametrize("coding", BOMBS)
async def test_a_bomb_ends_at_the_bound_in_flat_memory(publisher: Publisher, coding: str) -> None:
    publisher.routes["/"] = sends(HEAD + f"Content-Encoding: {coding}\r\n\r\n".encode(), *BOMBS[coding]())
    tracemalloc.start()
    try:
        failed = await failure(publisher.url(), fetcher(limits=Limits(body_bytes=32 * MIB, seconds=60)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (failed.reason_code, failed.permanent) == ("too-large", True)
    assert failed.message.endswith("is larger than 32 MiB, the most that is read of such an address.")
    assert peak < 32 * MIB


async def test_members_of_nothing_are_bounded_too(publisher: Publisher) -> None:
    publisher.routes["/"] = sends(HEAD + b"Content-Encoding: gzip\r\n\r\n", gzipped(b"") * 60_000)
    assert (await failure(publisher.url())).reason_code == "too-large"


async def test_an_announced_size_beyond_the_bound_is_not_even_begun(publisher: Publisher) -> None:
    publisher.routes["/"] = says(200, b"", length=MIB + 1)
    assert (await failure(publisher.url())).reason_code == "too-large"


async def test_a_body_of_no_announced_size_ends_at_the_bound(publisher: Publisher) -> None:
    publisher.routes["/"] = sends(HEAD + b"\r\n", b"a" * 70_000)
    failed = await failure(publisher.url(), limits=Limits(body_bytes=65_536))
    assert failed.reason_code == "too-large"


# Time


async def trickle(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Content-Length: 99999\r\n\r\n")
    for _ in range(1000):
        writer.write(b"a")
        await writer.drain()
        await asyncio.sleep(0.02)


async def test_a_byte_now_and_then_ends_when_the_time_is_up(publisher: Publisher) -> None:
    publisher.routes["/"] = trickle
    failed = await failure(publisher.url(), limits=Limits(seconds=0.2, idle_seconds=0.1))
    assert (failed.reason_code, failed.permanent) == ("timeout", False)
    assert "took too long" in failed.message


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 200", HEAD + b"Content-Length: 9\r\n\r\nabc"])
async def test_silence_ends_sooner(publisher: Publisher, before: bytes) -> None:
    async def stop(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(before)
        await writer.drain()
        await asyncio.Event().wait()

    publisher.routes["/"] = stop
    failed = await failure(publisher.url(), limits=Limits(seconds=30, idle_seconds=0.1))
    assert failed.reason_code == "timeout"
    assert "sent nothing for too long" in failed.message


async def test_a_handshake_that_never_comes_ends(publisher: Publisher) -> None:
    failed = await failure(f"https://127.0.0.1:{publisher.port}/", limits=Limits(seconds=30, connect_seconds=0.1))
    assert failed.reason_code == "timeout"
    assert "connected" in failed.message


# Connections


async def test_an_answer_that_never_begins_is_a_broken_connection(publisher: Publisher) -> None:
    publisher.routes["/"] = resetting(b"")
    failed = await failure(publisher.url())
    assert (failed.reason_code, failed.permanent) == ("connection", False)


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-whatever\r\n\r\n",
        b"",
        HEAD + b"a" * 99_999,
        HEAD + b"X: y\r\n" * 9999 + b"\r\n",
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        HEAD + b"Content-Length: -1\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_a_broken_connection(publisher: Publisher, raw: bytes) -> None:
    publisher.routes["/"] = sends(raw)
    assert (await failure(publisher.url())).reason_code == "connection"


async def test_a_closed_port_is_said() -> None:
    async with publishing() as gone:
        url = gone.url()
    failed = await failure(url)
    assert (failed.reason_code, failed.permanent) == ("connection", False)
    assert "cannot be reached" in failed.message
    assert "(connection refused)" in failed.message


# TLS

AUTHORITY = issue("Authority of the tests")
CERTIFICATES = {
    "expired": (issue("feeds.example", AUTHORITY, since=-9, until=-1), "certificate has expired"),
    "self-signed": (issue("feeds.example"), "self-signed certificate"),
    "another name": (issue("other.example", AUTHORITY), "Hostname mismatch"),
    "not yet": (issue("feeds.example", AUTHORITY, since=1, until=9), "certificate is not yet valid"),
}


@pytest.mark.parametrize("wrong", CERTIFICATES)
async def test_a_certificate_that_cannot_be_trusted_is_refused_and_nothing_asked(tmp_path: Path, wrong: str) -> None:
    certificate, why = CERTIFICATES[wrong]
    async with publishing(serving(certificate, tmp_path)) as publisher:
        failed = await failure(publisher.url(host="feeds.example"), fetcher(tls=trusting(AUTHORITY)))
    assert (failed.reason_code, failed.permanent, publisher.requests) == ("tls", False, [])
    assert why in failed.message


async def test_a_certificate_that_can_be_trusted_is(tmp_path: Path) -> None:
    good: Issued = issue("feeds.example", AUTHORITY)
    async with publishing(serving(good, tmp_path)) as publisher, fetcher(tls=trusting(AUTHORITY)) as client:
        publisher.routes["/"] = says(200, b"x")
        assert content(await client.get(publisher.url(host="feeds.example"))) == b"x"


async def test_a_server_that_speaks_no_tls_is_said() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(400))

    async with listening(greet) as port:
        failed = await failure(f"https://127.0.0.1:{port}/")
    assert failed.reason_code == "tls"


async def test_the_system_trusts_no_authority_of_ours(tmp_path: Path) -> None:
    async with publishing(serving(issue("feeds.example", AUTHORITY), tmp_path)) as publisher:
        failed = await failure(
            publisher.url(host="feeds.example"), fetcher(names=Names({"feeds.example": [["127.0.0.1"]]}))
        )
    assert failed.reason_code == "tls"


async def test_an_answer_of_any_size_in_its_head_is_bounded(publisher: Publisher) -> None:
    publisher.routes["/"] = sends(answer(200, Policy="a" * 20_000))
    async with fetcher() as client:
        assert content(await client.get(publisher.url())) == b""


# A tunnel


async def through(publisher: Publisher) -> bytes:
    async with listening(partial(tunnel, publisher.port), "127.0.0.2") as port:
        proxy = f"http://127.0.0.2:{port}"
        async with fetcher(names=Names({}), tls=trusting(AUTHORITY), proxy=proxy) as client:
            return content(await client.get("https://feeds.example/", headers={"Auth-Key": "k"}))


async def test_through_a_proxy_the_publisher_is_known_by_its_certificate(tmp_path: Path) -> None:
    async with publishing(serving(issue("feeds.example", AUTHORITY), tmp_path)) as right:
        right.routes["/"] = says(200, b"x")
        assert await through(right) == b"x"
    assert right.requests[0].headers["auth-key"] == "k"
    async with publishing(serving(issue("other.example", AUTHORITY), tmp_path)) as wrong:
        with pytest.raises(FetchFailed) as failed:
            await through(wrong)
    assert (failed.value.reason_code, wrong.requests) == ("tls", [])


async def tunnel(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Lead whatever is asked for to a port of this machine."""
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"CONNECT feeds.example:443 ")
    assert b"Auth-Key" not in head
    writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
    there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.gather(pump(reader, there_writer), pump(there_reader, writer))


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
