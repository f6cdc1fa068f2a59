"""The statistics over HTTP: counted once in ten minutes, true, and honest about how old they are."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest

from socdefenders.storage import feeds
from socdefenders.storage.database import Database
from socdefenders.storage.feeds import Checked, Registered
from socdefenders.web.api.schemas import StatisticsResponse
from socdefenders.web.api.states import shown
from tests.clusters import in_thread
from tests.web.conftest import Api, StartServer
from tests.web.serving import Server, fetch, fill_now, new_key

NOW = datetime(2026, 5, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
WORKER = UUID(int=1)


def ask(server: Server, key: str) -> httpx.Response:
    return server.client.get("/api/v1/iocs/stats", headers={"Authorization": f"Bearer {key}"})


async def _watch(dsn: str) -> None:
    """Two sources that were looked at, one that was not, one that is overdue, one that is off."""
    async with await Database.open(dsn, size=2) as database:
        names = {"well": True, "ill": True, "new": True, "late": True, "off": False}
        rows = {slug: Registered(slug.title(), enabled=on, every=HOUR) for slug, on in names.items()}
        await feeds.register(database, rows, now=NOW)
        for slug, state, reason, due in (
            ("well", "healthy", None, NOW + HOUR),
            ("ill", "parked", "It answered 410.", NOW + HOUR),
            ("late", "healthy", None, NOW - 5 * HOUR),
        ):
            assert await feeds.claim_one(database, WORKER, slug, now=NOW, until=NOW + HOUR)
            checked = Checked(
                state=state, reason=reason, due_at=due, every=HOUR, failures=0, at=NOW, answered=state == "healthy"
            )
            assert await feeds.finish(database, WORKER, slug, checked)


def test_everything_is_counted_and_every_source_says_how_it_is_doing(dsn: str, start_server: StartServer) -> None:
    fill_now(dsn)
    in_thread(_watch(dsn))
    key = new_key(dsn)
    server = start_server(at=NOW)
    answer = ask(server, key)
    metrics = server.client.get("/metrics").text
    StatisticsResponse.model_validate_json(answer.content)
    data = answer.json()["data"]
    tables = ("indicators", "sightings", "articles")
    indicators, sightings, articles = (fetch(dsn, f"select count(*) as n from {name}")[0]["n"] for name in tables)
    assert (data["totals"]["iocs"], data["totals"]["articles"]) == (indicators, articles)
    assert sum(data["totals"]["by_type"].values()) == indicators
    assert sum(data["totals"]["by_source"].values()) == sum(data["totals"]["by_category"].values()) == sightings
    assert data["last_updated"] == answer.headers["X-Cache-Updated-At"] == "2026-05-02T12:00:00Z"
    assert answer.headers["X-Cache-Age-Seconds"] == "0"
    assert "X-Cache-Stale" not in answer.headers
    assert {each["name"]: (each["status"], each["last_error"]) for each in data["feeds"]} == {
        "Well": ("healthy", None),
        "Ill": ("error", "It answered 410."),
        "New": ("degraded", "Not looked at yet."),
        "Late": ("degraded", "Due since 2026-05-02 07:00 UTC and not looked at: is a worker running?"),
    }
    assert 'socdefenders_feeds{state="healthy"} 2.0' in metrics
    assert 'socdefenders_feeds{state="parked"} 1.0' in metrics
    assert "socdefenders_feeds_overdue 1.0" in metrics


def test_the_trend_counts_days(dsn: str, start_server: StartServer) -> None:
    fill_now(dsn)
    trend = ask(start_server(at=NOW), new_key(dsn)).json()["data"]["trend"]
    seen = [row["first_seen"] for row in fetch(dsn, "select first_seen from indicators")]
    assert seen
    times = [at for at in seen if isinstance(at, datetime)]
    assert trend["last_24h"] == sum(at >= NOW - timedelta(days=1) for at in times)
    assert trend["last_7d"] == sum(at >= NOW - timedelta(days=7) for at in times)
    for day in trend["daily"]:
        assert day["iocs"] == sum(f"{at:%Y-%m-%d}" == day["date"] for at in times)


def test_requests_at_one_moment_are_counted_for_once(api: Api) -> None:
    updated: set[str] = set()

    async def many() -> None:
        headers = {"Authorization": f"Bearer {api.key}"}
        async with httpx.AsyncClient(base_url=api.server.url, trust_env=False, timeout=30) as client:
            answers = await asyncio.gather(*(client.get("/api/v1/iocs/stats", headers=headers) for _ in range(20)))
        assert {answer.status_code for answer in answers} == {200}
        updated.update(answer.json()["data"]["last_updated"] for answer in answers)

    in_thread(many())
    assert len(updated) == 1


def test_without_a_key_nothing_is_counted(api: Api) -> None:
    assert api.server.client.get("/api/v1/iocs/stats").status_code == 401


@pytest.mark.parametrize(
    ("state", "due", "expected"),
    [
        ("healthy", HOUR, "healthy"),
        ("degraded", HOUR, "degraded"),
        ("error", HOUR, "error"),
        ("parked", HOUR, "error"),
        ("new", HOUR, "degraded"),
        ("healthy", -2 * HOUR, "degraded"),
        ("healthy", -HOUR / 2, "healthy"),
    ],
)
def test_a_state_has_one_of_three_words(state: str, due: timedelta, expected: str) -> None:
    assert shown(state, "Why.", NOW + due, NOW)[0] == expected
