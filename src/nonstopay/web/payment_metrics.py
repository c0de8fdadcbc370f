"""The metrics of payments: how the ways to pay work, and what is on its way back to payers."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from nonstopay import clock
from nonstopay.business.payments.health import records as health
from nonstopay.business.payments.health.health import WHOLE, Health
from nonstopay.business.payments.health.states import State
from nonstopay.business.payments.returns.figures import Returns, returns
from nonstopay.store.db import Database
from nonstopay.web.webhook_metrics import in_text


async def payment_metrics(db: Database) -> bytes:
    """In the text format of Prometheus. Raises `Unavailable` without a database."""
    async with db.reading() as conn:
        known = await health.all_health(conn)
        found = await returns(conn, clock.now())
    return in_text([*_health(known), *_returns(found)])


def _health(known: list[Health]) -> Iterator[Metric]:
    family = GaugeMetricFamily(
        "nonstopay_method_health",
        "1 for the state that a method is in at a provider; shown once it was ever unwell.",
        labels=["method", "connector", "state"],
    )
    for one in known:
        for state in State:
            if one.connector != WHOLE:
                family.add_metric([one.method, one.connector, state], int(one.state is state))
    yield family


def _returns(found: Returns) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "nonstopay_returns_open", "Payments on their way back; counted up to 10,000.", found.open
    )
    yield GaugeMetricFamily(
        "nonstopay_returns_refused",
        "Those that the provider refuses to give back: a person must.",
        found.refused,
    )
    yield GaugeMetricFamily(
        "nonstopay_returns_oldest_seconds",
        "For how long the oldest of them has been on its way.",
        found.oldest.total_seconds(),
    )
