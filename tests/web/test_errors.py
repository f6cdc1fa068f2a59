"""Every error has its status, its code and the one shape, wherever in the server it arises."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import orjson
import pytest

from socdefenders.web.api.schemas import Error
from tests.web.conftest import Api, StartServer
from tests.web.serving import execute, new_key, raw

SEARCH = "/api/v1/iocs/search"
UNKNOWN = "sk_live_" + "A" * 40


def get(api: Api, path: str, **headers: str) -> httpx.Response:
    """Ask with the key of the tests unless another credential is given."""
    return api.server.client.get(path, headers=headers or {"Authorization": f"Bearer {api.key}"})


def expired(api: Api) -> httpx.Response:
    key = new_key(api.dsn)
    execute(api.dsn, "update api_keys set expires_at = $1 where key_prefix = $2", _yesterday(), key[:12])
    return get(api, f"{SEARCH}?q=192.0.2.10", Authorization=f"Bearer {key}")


def elsewhere(api: Api) -> httpx.Response:
    key = new_key(api.dsn, allowed_ips=["192.0.2.0/24", "2001:db8::/32"])
    return get(api, f"{SEARCH}?q=192.0.2.10", Authorization=f"Bearer {key}")


def unscoped(api: Api) -> httpx.Response:
    key = new_key(api.dsn)
    execute(api.dsn, "update api_keys set scopes = '{read:articles}' where key_prefix = $1", key[:12])
    return get(api, f"{SEARCH}?q=192.0.2.10", Authorization=f"Bearer {key}")


def _yesterday() -> datetime:
    return datetime.now(UTC) - timedelta(days=1)


CASES: dict[str, tuple[int, str, Callable[[Api], httpx.Response]]] = {
    "no q": (400, "invalid_parameter", lambda api: get(api, SEARCH)),
    "empty q": (400, "invalid_parameter", lambda api: get(api, f"{SEARCH}?q=")),
    "one character": (400, "invalid_parameter", lambda api: get(api, f"{SEARCH}?q=%20a%20")),
    "q twice": (400, "invalid_parameter", lambda api: get(api, f"{SEARCH}?q=aa&q=bb")),
    "too long": (400, "invalid_parameter", lambda api: get(api, f"{SEARCH}?q={'a' * 2049}")),
    "NUL": (400, "invalid_parameter", lambda api: get(api, f"{SEARCH}?q=aa%00")),
    "no UTF-8": (400, "invalid_parameter", lambda api: get(api, f"{SEARCH}?q=%ff%fe")),
    "unknown type": (400, "invalid_parameter", lambda api: get(api, f"{SEARCH}?q=aa&type=invalid")),
    "no boolean": (400, "invalid_parameter", lambda api: get(api, f"{SEARCH}?q=aa&include_related=2")),
    "51 parameters": (400, "invalid_parameter", lambda api: get(api, f"{SEARCH}?q=aa{'&b=c' * 50}")),
    "two keys": (400, "invalid_parameter", lambda api: get(api, f"{SEARCH}?q=aa&api_key={UNKNOWN}", **key(api))),
    "no key": (401, "missing_api_key", lambda api: get(api, f"{SEARCH}?q=aa", Accept="*/*")),
    "basic": (401, "missing_api_key", lambda api: get(api, f"{SEARCH}?q=aa", Authorization="Basic eDp5")),
    "unknown key": (401, "invalid_api_key", lambda api: get(api, f"{SEARCH}?q=aa", **{"X-API-Key": UNKNOWN})),
    "junk key": (401, "invalid_api_key", lambda api: get(api, f"{SEARCH}?q=aa", Authorization="Bearer junk")),
    "expired": (401, "expired_api_key", expired),
    "elsewhere": (403, "ip_not_allowed", elsewhere),
    "unscoped": (403, "insufficient_scope", unscoped),
    "nowhere": (404, "not_found", lambda api: get(api, "/nowhere")),
    "nowhere in the API": (404, "not_found", lambda api: get(api, "/api/v1/nowhere")),
    "trailing slash": (404, "not_found", lambda api: get(api, f"{SEARCH}/?q=aa")),
    "POST": (405, "method_not_allowed", lambda api: api.server.client.post(SEARCH, json={"q": "aa"})),
    "DELETE": (405, "method_not_allowed", lambda api: api.server.client.delete("/healthz")),
    "large body": (413, "payload_too_large", lambda api: api.server.client.post(SEARCH, content=b"x" * 70_000)),
}


def test_a_key_in_place_of_a_type_is_not_repeated(api: Api) -> None:
    answer = get(api, f"{SEARCH}?q=aa&type={UNKNOWN}")
    assert answer.status_code == 400
    assert "sk_live" not in answer.text
    assert get(api, f"{SEARCH}?q=aa&type=invalid").json()["error"]["message"] == "Invalid IOC type: invalid"


def key(api: Api) -> dict[str, str]:
    return {"Authorization": f"Bearer {api.key}"}


@pytest.mark.parametrize("case", CASES)
def test_an_error_has_its_status_its_code_and_the_one_shape(api: Api, case: str) -> None:
    status, code, ask = CASES[case]
    answer = ask(api)
    error = Error.model_validate_json(answer.content).error
    assert (answer.status_code, error.code) == (status, code)
    assert error.request_id == answer.headers["X-Request-ID"]
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    if answer.url.path.startswith("/api/"):
        for header in ("Limit", "Remaining", "Reset"):
            assert int(answer.headers[f"X-RateLimit-{header}"]) >= 0
    assert (status == 401) == ("WWW-Authenticate" in answer.headers)


def test_the_messages_of_the_contract_are_kept_word_for_word(api: Api) -> None:
    missing = get(api, f"{SEARCH}?q=aa", Accept="*/*").json()["error"]["message"]
    assert missing == 'API key is required. Include it in the Authorization header as "Bearer sk_live_..."'
    wrong = get(api, f"{SEARCH}?q=aa&type=invalid").json()["error"]
    assert wrong["message"] == "Invalid IOC type: invalid"
    assert wrong["details"]["parameter"] == "type"
    assert wrong["details"]["valid_types"][:3] == ["ipv4", "ipv6", "domain"]


def test_a_405_names_the_methods_that_would_do(api: Api) -> None:
    assert api.server.client.post(SEARCH).headers["Allow"] == "GET, HEAD"


def test_a_scope_that_is_missing_is_named(api: Api) -> None:
    assert unscoped(api).json()["error"]["details"] == {"required_scope": "read:iocs"}


def test_without_a_valid_key_the_headers_are_those_of_the_address(start_server: StartServer, dsn: str) -> None:
    server, secret = start_server(failed_auth_per_minute=7), new_key(dsn, tier="free")
    assert server.search("192.0.2.10").headers["X-RateLimit-Limit"] == "7"
    assert server.client.get("/api/nowhere").headers["X-RateLimit-Limit"] == "7"
    valid = server.client.get("/api/nowhere", headers={"X-API-Key": secret})
    assert (valid.status_code, valid.headers["X-RateLimit-Limit"]) == (404, "10")
    assert valid.headers["X-RateLimit-Remaining"] == "10", "an answer that there is nothing costs nothing"


@pytest.mark.parametrize(
    "request_",
    [
        b"GARBAGE\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 40_000 + b"\r\n",
        b"GET / HTTP/1.1\r\nHo\xffst: x\r\n\r\n",
    ],
    ids=["garbage", "long address", "long header", "many headers", "no ASCII"],
)
def test_what_is_no_http_or_too_large_is_refused_in_the_same_shape(api: Api, request_: bytes) -> None:
    head, _, body = raw(api.server, request_).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert Error.model_validate(orjson.loads(body)).error.code == "invalid_parameter"
    assert api.server.client.get("/healthz").status_code == 200


def test_an_announced_body_of_any_length_is_refused_without_reading_it(api: Api) -> None:
    for length in (b"70000", b"9" * 18):
        request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: " + length + b"\r\n\r\n"
        assert raw(api.server, request).startswith(b"HTTP/1.1 413 ")


def test_a_fault_of_ours_is_a_500_without_a_trace_and_is_logged(start_server: StartServer, dsn: str) -> None:
    server, secret = start_server(), new_key(dsn)
    execute(dsn, "alter table sightings rename column tags to labels")
    answer = server.search("192.0.2.10", secret)
    error = Error.model_validate_json(answer.content).error
    assert (answer.status_code, error.code) == (500, "internal_error")
    assert "tags" not in answer.text
    assert "Traceback" not in answer.text
    logged = next(line for line in server.log().splitlines() if "request failed" in line)
    assert error.request_id in logged
    assert "Traceback" in logged
