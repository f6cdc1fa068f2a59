"""What is logged, and what never is."""

import io
import logging
import re
from collections.abc import Iterator

import httpx
import orjson
import pytest
import structlog

from socdefenders.web import log
from tests.web.conftest import Api, StartServer
from tests.web.serving import new_key

UNKNOWN = "sk_live_" + "C" * 40


@pytest.fixture
def _logging_restored() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()


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


def test_a_value_is_shown_bounded() -> None:
    assert log.shown("a" * 5_000) == "a" * log.MAX_VALUE
    assert log.shown("1.2.3.4 mailto:x@y.example") == "1[.]2[.]3[.]4 mailto[:]x[@]y[.]example"
