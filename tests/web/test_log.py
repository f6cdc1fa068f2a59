"""What is logged, and what never is."""

import asyncio
import io
import logging
import os
import re

import httpx
import orjson
import pytest

from socdefenders.web import log
from tests.web.conftest import Api, StartServer
from tests.web.serving import new_key

UNKNOWN = "sk_live_" + "C" * 40


def lines_of(request_id: str, text: str) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in text.splitlines() if request_id in line]


def test_a_request_is_one_line_with_its_query_defanged_and_nothing_secret(api: Api) -> None:
    answer = api.server.client.get(
        "/api/v1/iocs/search", params={"q": "http://evil.example/a HTTP://b.example", "api_key": api.key}
    )
    request_id = answer.headers["X-Request-ID"]
    (line,) = lines_of(request_id, api.server.log_with(request_id))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(line.pop("time")))
    assert isinstance(line.pop("ms"), float)
    assert line == {
        "level": "info",
        "event": "request",
        "request_id": answer.headers["X-Request-ID"],
        "method": "GET",
        "path": "/api/v1/iocs/search",
        "status": 200,
        "key": api.key[:12],
        "client": "127.0.0.1",
        "q": "hxxp[:]//evil[.]example/a hxxp[:]//b[.]example",
    }


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_key_stands_in_no_log_metric_or_error_wherever_it_was_put(
    start_server: StartServer, dsn: str, form: str
) -> None:
    server, secret = start_server(log_format=form, log_level="debug"), new_key(dsn)
    secrets = (secret, UNKNOWN)
    answers: list[httpx.Response] = []
    for each in secrets:
        answers += [
            server.search("aa", each),
            server.search(each, secret),
            server.client.get(f"/{each}"),
            server.client.get(f"/api/v1/{each}?api_key={each}"),
            server.client.get("/api/v1/iocs/search", params={"q": "aa", "api_key": each}),
            server.client.get(
                "/api/v1/iocs/search", params={"q": "aa", "api_key": each}, headers={"X-API-Key": secret}
            ),
            server.client.get("/healthz", headers={"X-Request-ID": each, "User-Agent": each}),
            server.client.post("/healthz", content=each),
        ]
    text = server.log_with(*[answer.headers["X-Request-ID"] for answer in answers])
    text += server.client.get("/metrics").text
    text += "".join(answer.text for answer in answers if answer.status_code >= 400)
    text += "".join(str(answer.headers) for answer in answers)
    for each in secrets:
        assert each not in text
        assert each[13:] not in text
    assert secret[:12] in text


def test_a_line_break_in_a_path_does_not_begin_a_line(start_server: StartServer) -> None:
    server = start_server(log_format="text")
    answer = server.client.get("/a%0Alevel=error%20forged")
    log_ = server.log_with(answer.headers["X-Request-ID"])
    assert "forged" in log_
    assert not any(line.startswith("level=error") for line in log_.splitlines())


@pytest.mark.usefixtures("_logging_restored")
def test_lines_of_libraries_take_the_same_form_and_lose_keys_too() -> None:
    stream = io.BytesIO()
    log.configure(level="info", form="json", stream=stream)
    try:
        raise ValueError(UNKNOWN)
    except ValueError:
        logging.getLogger("a.library").exception("went wrong with %s", UNKNOWN)
    line = orjson.loads(stream.getvalue())
    assert (line["level"], line["event"], line["logger"]) == ("error", "went wrong with sk_live_CCCC...", "a.library")
    assert "ValueError: sk_live_CCCC..." in line["exception"]
    assert UNKNOWN.encode() not in stream.getvalue()


class Writes(io.BytesIO):
    """Counts how often it is written to."""

    count = 0

    def write(self, data: bytes) -> int:  # type: ignore[override]  # nothing else is written
        self.count += 1
        return super().write(data)


@pytest.mark.usefixtures("_logging_restored")
def test_lines_of_one_turn_of_the_loop_are_one_write_and_keep_their_order() -> None:
    stream = Writes()
    log.configure(level="info", form="json", stream=stream)

    async def turn(first: int) -> None:
        for number in range(first, first + 20):
            log.logger().info("counted", number=number)

    async def turns() -> None:
        await asyncio.gather(turn(0), turn(20))
        await asyncio.sleep(0)
        await turn(40)

    asyncio.run(turns())
    log.logger().info("counted", number=60)
    assert [orjson.loads(line)["number"] for line in stream.getvalue().splitlines()] == list(range(61))
    assert stream.count == 3


@pytest.mark.usefixtures("_logging_restored")
def test_nothing_fails_when_nobody_reads_the_log() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as gone:
        log.configure(level="info", form="json", stream=gone)
        log.logger().info("to nobody")

        async def within() -> None:
            log.logger().info("to nobody")

        loop = asyncio.new_event_loop()
        faults: list[dict[str, object]] = []
        loop.set_exception_handler(lambda _loop, context: faults.append(context))
        loop.run_until_complete(within())
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
    assert faults == []


def test_a_value_is_shown_bounded() -> None:
    assert log.shown("a" * 5_000) == "a" * log.MAX_VALUE
    assert log.shown("1.2.3.4 mailto:x@y.example") == "1[.]2[.]3[.]4 mailto[:]x[@]y[.]example"
