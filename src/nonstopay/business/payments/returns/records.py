"""The SQL of returns. Figures look over all merchants; their jobs are few, and find them."""

from typing import cast

import asyncpg

from nonstopay.store.db import Connection


async def was_refused(conn: Connection, merchant_id: int, payment_id: int) -> bool:
    """Whether the provider has refused to give this payment back."""
    return cast(
        bool,
        await conn.fetchval(
            """SELECT EXISTS (SELECT FROM payment_news
                WHERE merchant_id = $1 AND payment_id = $2 AND outcome = 'refund_refused')""",
            merchant_id,
            payment_id,
        ),
    )


async def standing(conn: Connection, at_most: int) -> asyncpg.Record:
    """How many returns are under way, how many of them are refused, and since when the oldest is."""
    row = await conn.fetchrow(
        """SELECT count(*) AS open, count(*) FILTER (WHERE refused) AS refused,
                  min(state_at) AS since
             FROM (SELECT p.state_at,
                          EXISTS (SELECT FROM payment_news n
                                   WHERE n.merchant_id = p.merchant_id AND n.payment_id = p.id
                                     AND n.outcome = 'refund_refused') AS refused
                     FROM job j
                     JOIN payment p ON p.merchant_id = j.merchant_id AND p.id = j.key::bigint
                    WHERE j.kind = 'payment:give-back' AND p.state = 'returning' LIMIT $1) r""",
        at_most,
    )
    assert row is not None
    return row
