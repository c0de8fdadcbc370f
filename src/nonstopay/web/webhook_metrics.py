"""The metrics of webhooks. They are read from the database when asked: the worker has no door."""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from nonstopay import clock
from nonstopay.business.webhooks.upkeep import tally
from nonstopay.business.webhooks.upkeep.figures import Figures, figures
from nonstopay.store.db import Database

_MILLISECONDS = 1000


async def webhook_metrics(db: Database) -> bytes:
    """In the text format of Prometheus. Raises `Unavailable` without a database."""
    return in_text(_families(await figures(db, clock.now())))


def in_text(families: Iterable[Metric]) -> bytes:
    """Metrics that were read just now, in the text format of Prometheus."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Once(families))
    return generate_latest(registry)


class _Once(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


def _families(found: Figures) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "nonstopay_webhook_events_waiting", "Events not dispatched yet.", found.events
    )
    yield GaugeMetricFamily(
        "nonstopay_webhook_deliveries_pending",
        "Deliveries not finished yet; counted up to 100,000.",
        found.pending,
    )
    yield GaugeMetricFamily(
        "nonstopay_webhook_deliveries_dead",
        "Deliveries given up and not replayed; counted up to 100,000.",
        found.dead,
    )
    yield GaugeMetricFamily(
        "nonstopay_webhook_overdue_seconds",
        "How long the most overdue event or delivery has been due.",
        found.oldest_seconds,
    )
    endpoints = GaugeMetricFamily(
        "nonstopay_webhook_endpoints", "Endpoints by how they stand.", labels=["state"]
    )
    for state, count in found.endpoints.items():
        endpoints.add_metric([state], count)
    yield endpoints
    attempts = CounterMetricFamily(
        "nonstopay_webhook_attempts", "Attempts by what came of them.", labels=["result"]
    )
    for result, count in sorted(found.counts.get(tally.ATTEMPTS, {}).items()):
        attempts.add_metric([result], count)
    yield attempts
    yield _waits(found)


def _waits(found: Figures) -> Metric:
    counted = found.counts.get(tally.WAITS, {})
    buckets: list[tuple[str, float]] = []
    total = 0
    for bound in tally.BUCKETS_MS:
        total += counted.get(str(bound), 0)
        buckets.append((str(bound / _MILLISECONDS), total))
    buckets.append(("+Inf", total + counted.get(tally.MORE, 0)))
    waited_ms = found.counts.get(tally.WAITED_MS, {}).get("", 0)
    return HistogramMetricFamily(
        "nonstopay_webhook_first_attempt_seconds",
        "From an event to the first attempt to deliver it.",
        buckets=buckets,
        sum_value=waited_ms / _MILLISECONDS,
    )
