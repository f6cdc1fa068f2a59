"""What Prometheus reads: requests, searches, refusals, and the process itself.

No label takes a value from a request: routes are those of the application, so the number of series is bounded.
"""

from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """The metrics of one application."""

    def __init__(self) -> None:
        """Register everything in a registry of its own, so that one process can hold several applications."""
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._requests = Counter(
            "socdefenders_http_requests", "Requests answered.", ("route", "status"), registry=registry
        )
        self._seconds = Histogram(
            "socdefenders_http_request_seconds", "Time to answer.", ("route",), buckets=SECONDS, registry=registry
        )
        self._searches = Counter(
            "socdefenders_searches", "Searches, by the stage that answered.", ("strategy",), registry=registry
        )
        self._search_seconds = Histogram(
            "socdefenders_search_seconds", "Time in the search itself.", buckets=SECONDS, registry=registry
        )
        self._incomplete = Counter(
            "socdefenders_searches_incomplete", "Searches that the time bound cut.", registry=registry
        )
        self._refusals = Counter(
            "socdefenders_budget_refusals", "Requests over a budget.", ("tier", "window"), registry=registry
        )
        self.unavailable = Counter(
            "socdefenders_database_unavailable", "Requests refused with the database away.", registry=registry
        )
        self.callers = Gauge("socdefenders_callers_remembered", "Keys held in memory.", registry=registry)
        self.listening = Gauge("socdefenders_revocations_heard", "1 while revocations are heard.", registry=registry)
        self.budgets_away = Gauge(
            "socdefenders_shared_budgets_away", "1 while Valkey is away and budgets are local.", registry=registry
        )
        self.feeds = Gauge("socdefenders_feeds", "Sources that are fetched, by state.", ("state",), registry=registry)
        self.feeds_overdue = Gauge(
            "socdefenders_feeds_overdue", "Sources that nobody looks at though they are due.", registry=registry
        )
        # A look-up of labels costs more than the increment; there are few of them.
        self._request = lru_cache(maxsize=1024)(self._requests.labels)
        self._search = lru_cache(maxsize=8)(self._searches.labels)
        self._duration = lru_cache(maxsize=256)(self._seconds.labels)

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self._request(route, status).inc()
        self._duration(route).observe(seconds)

    def search(self, strategy: str, seconds: float, *, complete: bool) -> None:
        """Count one search."""
        self._search(strategy).inc()
        self._search_seconds.observe(seconds)
        if not complete:
            self._incomplete.inc()

    def refusal(self, tier: str, window: str) -> None:
        """Count one request over a budget."""
        self._refusals.labels(tier, window).inc()

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)
