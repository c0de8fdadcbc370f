"""Judge an attempt: gather the facts, decide by the rules, keep both."""

import ipaddress
from datetime import datetime

from nonstopay.business.risk import records
from nonstopay.business.risk.entry import List, traits
from nonstopay.business.risk.limits import Policy
from nonstopay.business.risk.rules import decide
from nonstopay.business.risk.verdict import Facts, Subject, Verdict
from nonstopay.store.db import Connection


async def assess(
    tx: Connection, policy: Policy, subject: Subject, payment_id: int, at: datetime
) -> Verdict:
    """The verdict on an attempt that is about to be made, kept with its facts in the same transaction."""
    limits = policy.limits_of(subject.merchant_id)
    facts = await _facts(tx, policy, subject, at)
    verdict = decide(facts, limits)
    await records.insert(tx, subject, payment_id, verdict, facts, limits, at)
    return verdict


async def _facts(tx: Connection, policy: Policy, subject: Subject, at: datetime) -> Facts:
    listed = await records.listed(tx, subject.merchant_id, traits(subject, policy.issuers))
    counts = await records.counts(tx, subject, at)
    if _says_something(subject.payer_ip):
        counts |= await records.counts_of_address(tx, subject, at)
    return Facts(
        blocked=listed[List.BLOCK],
        watched=listed[List.WATCH],
        allowed=listed[List.ALLOW],
        payer_country=subject.payer_country,
        card_country=policy.issuers.country_of(subject.first6),
        **counts,
    )


def _says_something(payer_ip: str | None) -> bool:
    """An address that is not public is a proxy's or a test's: it says nothing of the payer."""
    try:
        return ipaddress.ip_address(payer_ip or "").is_global
    except ValueError:
        return False
