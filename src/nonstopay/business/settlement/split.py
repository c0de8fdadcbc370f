"""Splitting: what of a merchant's money is fee, reserve, partner's share, mark-up, and his.

Pure arithmetic; the parts always add up to the whole. Where a division does not come out even, the
rounding is named, and what is shared out among invoices is shared by largest remainder.
"""

from collections.abc import Sequence
from fractions import Fraction

from nonstopay.business.settlement.batch import Line, Part, Rate
from nonstopay.business.settlement.due import Due
from nonstopay.business.settlement.terms import Terms
from nonstopay.money import Currency, Money, Rounding


def split(
    due: Sequence[Due], available: Money, terms: Terms, rate: Rate, coin: Currency
) -> Part | None:
    """A merchant's part of one currency, or `None` if nothing of it can be paid now.

    Args:
        due: the invoices to settle, all in the currency of `available`.
        available: what of the merchant's balance may go; what the invoices do not explain of it is
            the part's adjustment.
    """
    nothing = Money(0, available.currency)
    if available <= nothing:
        return None
    reserves = _reserves(due, available, terms)
    reserve = sum(reserves, nothing)
    payable = available - reserve
    converted = payable.convert(Fraction(rate.mid), coin, Rounding.DOWN)
    markup = converted.times(Fraction(rate.fx_percent) / 100, Rounding.HALF_UP)
    total = converted - markup
    if total.minor <= 0:
        return None
    lines = tuple(
        _line(one, set_aside, terms) for one, set_aside in zip(due, reserves, strict=True)
    )
    return Part(
        gross=sum((line.gross for line in lines), nothing),
        fee=sum((line.fee for line in lines), nothing),
        refunded=sum((line.refunded for line in lines), nothing),
        adjustment=available - sum((one.net for one in due), nothing),
        reserve=reserve,
        payable=payable,
        share=sum((line.share for line in lines), nothing),
        partner=terms.partner,
        rate=rate,
        converted=converted,
        markup=markup,
        total=total,
        lines=lines,
    )


def _reserves(due: Sequence[Due], available: Money, terms: Terms) -> list[Money]:
    """What each invoice leaves in the reserve: a percentage of what was kept of it."""
    nothing = Money(0, available.currency)
    kept = [(one.gross - one.refunded).minor for one in due]
    if not sum(kept):
        return [nothing] * len(due)
    wanted = Money(sum(kept), available.currency).times(
        Fraction(terms.reserve_percent) / 100, Rounding.HALF_UP
    )
    return min(wanted, available).allocate(kept)


def _line(due: Due, reserve: Money, terms: Terms) -> Line:
    return Line(
        invoice_id=due.invoice_id,
        payment_id=due.payment_id,
        gross=due.gross,
        fee=due.fee,
        refunded=due.refunded,
        reserve=reserve,
        share=due.fee.times(Fraction(terms.partner_percent) / 100, Rounding.DOWN),
    )
