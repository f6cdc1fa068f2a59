"""A search over HTTP answers as the API's contract says."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from socdefenders.web.api.schemas import SearchResponse
from tests.web.conftest import Api, StartServer
from tests.web.serving import ARTICLE, PUBLIC_URL, fetch


def test_a_value_of_an_article_is_answered_with_its_article_and_what_else_it_names(api: Api) -> None:
    answer = api.server.search("hxxp://192[.]0[.]2[.]10/", api.key)
    assert answer.status_code == 200
    body = answer.json()
    SearchResponse.model_validate_json(answer.content)
    assert list(body) == ["meta", "data"]
    assert body["meta"]["source"] == "SOC Defenders"
    generated = datetime.fromisoformat(body["meta"]["generated_at"])
    assert abs((datetime.now(UTC) - generated).total_seconds()) < 60
    data = api.server.search("192.0.2.10", api.key).json()["data"]
    (match,) = data["matches"]
    UUID(match.pop("id"))
    assert match == {
        "type": "ipv4",
        "value": "192.0.2.10",
        "confidence": "high",
        "first_seen": "2026-05-01T08:30:15Z",
        "last_seen": "2026-05-01T08:30:15Z",
        "source": {
            "article_id": str(ARTICLE.id),
            "article_title": ARTICLE.title,
            "article_url": f"{PUBLIC_URL}/item/{ARTICLE.id}",
            "reference_url": match["source"]["reference_url"],
            "feed_name": "Example Research",
            "category": "research",
            "origin": "article",
        },
        "context": "It names 192.0.2.10.",
        "tags": [],
        "mitre_techniques": [],
    }
    assert {related["value"] for related in data["relatedIOCs"]} == {
        "cdn.loader.example.com",
        "44d88612fea8a8f36de82e1278abb02f",
    }
    assert data["query"] == "192.0.2.10"
    meta = data["meta"]
    assert isinstance(meta.pop("search_time_ms"), int)
    assert meta == {"total_matches": 1, "related_count": 2, "strategy": "exact", "complete": True, "truncated": False}


def test_a_value_of_a_feed_has_null_article_fields_and_the_feeds_own_page(api: Api) -> None:
    data = api.server.search("http://198.51.100.7/Drop.exe", api.key).json()["data"]
    (match,) = data["matches"]
    source = match["source"]
    assert [source["article_id"], source["article_title"], source["article_url"]] == [None, None, None]
    assert (source["reference_url"], source["origin"]) == ("https://feed.example/7", "feed")
    assert (match["tags"], match["mitre_techniques"], match["context"]) == (["loader"], ["T1105"], None)
    assert data["relatedIOCs"] == []


def test_what_is_not_stored_is_answered_with_found_false(api: Api) -> None:
    data = api.server.search("203.0.113.99", api.key).json()["data"]
    assert (data["found"], data["matches"], data["meta"]["strategy"]) == (False, [], "none")


def test_a_part_of_a_value_is_found_by_the_fallback(api: Api) -> None:
    data = api.server.search("loader.example", api.key).json()["data"]
    assert data["meta"]["strategy"] == "trigram"
    assert "cdn.loader.example.com" in {match["value"] for match in data["matches"]}


@pytest.mark.parametrize(("written", "related"), [("false", 0), ("0", 0), ("true", 2), ("1", 2), ("False", 0)])
def test_related_values_come_unless_they_are_declined(api: Api, written: str, related: int) -> None:
    data = api.server.search("192.0.2.10", api.key, include_related=written).json()["data"]
    assert (len(data["relatedIOCs"]), data["meta"]["related_count"]) == (related, related)


def test_a_type_narrows_the_answer_in_both_spellings(api: Api) -> None:
    assert api.server.search("192.0.2.10", api.key, type="ipv4").json()["data"]["found"]
    assert not api.server.search("192.0.2.10", api.key, type="domain").json()["data"]["found"]
    assert api.server.search("T1105", api.key, type="mitre-attack").status_code == 200


def test_an_answer_is_private_and_says_what_is_left_of_the_budget(api: Api) -> None:
    first, second = (api.server.search("192.0.2.10", api.key) for _ in range(2))
    assert first.headers["Cache-Control"] == "private, no-store"
    assert first.headers["Content-Type"] == "application/json"
    assert first.headers["X-RateLimit-Limit"] == "1000000"
    assert first.headers["X-Request-ID"] != second.headers["X-Request-ID"]
    same_window = first.headers["X-RateLimit-Reset"] == second.headers["X-RateLimit-Reset"]
    left = int(first.headers["X-RateLimit-Remaining"]) - int(second.headers["X-RateLimit-Remaining"])
    assert left == 1 or not same_window


def test_head_is_get_without_the_body(api: Api) -> None:
    headers = {"X-API-Key": api.key}
    answer = api.server.client.head("/api/v1/iocs/search?q=192.0.2.10", headers=headers)
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["Content-Length"]) > 500
    assert api.server.client.head("/api/openapi.json").status_code == 200
    assert api.server.client.head("/readyz").content == b""


@pytest.mark.parametrize("place", ["bearer", "header", "query", "all three"])
def test_a_key_is_taken_from_every_place_that_the_contract_names(api: Api, place: str) -> None:
    headers, query = {}, {"q": "192.0.2.10"}
    if place in {"bearer", "all three"}:
        headers["Authorization"] = f"bearer {api.key}"
    if place in {"header", "all three"}:
        headers["X-API-Key"] = api.key
    if place in {"query", "all three"}:
        query["api_key"] = api.key
    assert api.server.client.get("/api/v1/iocs/search", params=query, headers=headers).status_code == 200


def test_a_parameter_that_nobody_knows_is_ignored(api: Api) -> None:
    answer = api.server.client.get(
        "/api/v1/iocs/search?q=192.0.2.10&utm=1&utm=2&=", headers={"Authorization": f"Bearer {api.key}"}
    )
    assert answer.status_code == 200


def test_the_clients_own_request_id_is_not_taken_over(api: Api) -> None:
    answer = api.server.client.get("/healthz", headers={"X-Request-ID": "req_mine00000000"})
    assert answer.headers["X-Request-ID"] != "req_mine00000000"


def test_the_connections_of_a_search_are_open_before_the_first_is_asked(start_server: StartServer, dsn: str) -> None:
    start_server(database_connections=6)
    others = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    assert fetch(dsn, f"{others} and query ~ 'search_text'") == [{"count": 3}]
