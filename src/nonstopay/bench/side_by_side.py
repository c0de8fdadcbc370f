"""Two sides in turn: A B A B …, so that whatever slows the machine for a while slows both."""

from collections.abc import Awaitable, Callable, Sequence

from nonstopay.bench.figures import Plan, Round
from nonstopay.bench.scratch import Scratch

Side = Callable[[int], Awaitable[Round]]
"""Runs for that many seconds."""
WARM_UP_SECONDS = 1


async def alternate(
    scratch: Scratch, plan: Plan, sides: Sequence[Side], say: Callable[[str], None]
) -> list[Round]:
    """The rounds in the order in which they ran, without those that warmed up."""
    rounds: list[Round] = []
    for number in range(plan.rounds + 1):
        for side in sides:
            await scratch.rest()
            one = await side(plan.seconds if number else WARM_UP_SECONDS)
            if number:
                rounds.append(one)
            say(
                f"{f'round {number}' if number else 'warm-up'}: "
                f"{one.side} {one.rate:,.0f}/s, p99 {one.latency.p99_ms:.1f} ms"
            )
    return rounds
