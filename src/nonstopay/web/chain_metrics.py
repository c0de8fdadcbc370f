"""The metrics of chains: how far each was read, and deposits that somebody may have to look at."""

from collections.abc import Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily, Metric

from nonstopay import clock
from nonstopay.business.deposits import records
from nonstopay.business.deposits.states import State
from nonstopay.business.deposits.watch import records as watching
from nonstopay.business.deposits.watch.cursor import Cursor
from nonstopay.business.transactions import records as transactions
from nonstopay.business.transactions.hot import records as hot_records
from nonstopay.business.transactions.hot.balance import Balance
from nonstopay.store.db import Database
from nonstopay.web.webhook_metrics import in_text


async def chain_metrics(db: Database) -> bytes:
    """In the text format of Prometheus. Raises `Unavailable` without a database."""
    async with db.reading() as conn:
        cursors = await watching.cursors(conn)
        open_ = await records.open_counts(conn)
        held = await hot_records.balances(conn)
        under_way = await transactions.count_by_state(conn)
    return in_text([*_chains(cursors), _deposits(cursors, open_), _low(held), _sent(under_way)])


def _chains(cursors: list[Cursor]) -> Iterator[Metric]:
    head = GaugeMetricFamily(
        "nonstopay_chain_head", "The newest block that a node told of.", labels=["network"]
    )
    lag = GaugeMetricFamily(
        "nonstopay_chain_lag_blocks", "Blocks that were not read yet.", labels=["network"]
    )
    silent = GaugeMetricFamily(
        "nonstopay_chain_silent_seconds",
        "For how long no node has answered, or nobody has asked.",
        labels=["network"],
    )
    now = clock.now() - clock.offset()
    for one in cursors:
        head.add_metric([one.network], one.head)
        lag.add_metric([one.network], one.lag)
        silent.add_metric([one.network], max(0, (now - one.looked_at).total_seconds()))
    yield from (head, lag, silent)


def _low(held: list[Balance]) -> Metric:
    family = GaugeMetricFamily(
        "nonstopay_hot_low",
        "Whether the hot wallet holds less of a coin than it should.",
        labels=["network", "coin"],
    )
    for one in held:
        family.add_metric([one.network, one.coin], one.is_low)
    return family


def _sent(under_way: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(
        "nonstopay_transactions",
        "Transactions of ours that are under way, and those that were reverted.",
        labels=["state"],
    )
    for state, number in under_way.items():
        family.add_metric([state], number)
    return family


def _deposits(cursors: list[Cursor], open_: Mapping[tuple[str, str], int]) -> Metric:
    family = GaugeMetricFamily(
        "nonstopay_deposits_open",
        "Deposits that wait for confirmations, and those that were taken back after they had them.",
        labels=["network", "state"],
    )
    for one in cursors:
        for state in (State.SEEN, State.FROZEN):
            family.add_metric([one.network, state], open_.get((one.network, state), 0))
    return family
