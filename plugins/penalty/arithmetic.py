"""Money and days of the law, without floating point: surcharge, limitation, months later."""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

DAILY_PERCENT = 3
"""行政处罚法（2021）第七十二条（found）."""
LIMITATION_YEARS, LIMITATION_YEARS_LIFE = 2, 5
"""行政处罚法（2021）第三十六条（found）: five years where life, health or finances were harmed."""


def fen_of(yuan: Any) -> int:
    """An amount in yuan as whole fen. Raises ValueError for what is no amount, or less than nothing."""
    try:
        amount = Decimal(str(yuan)) * 100
        fen = int(amount.quantize(Decimal(1), ROUND_HALF_UP))
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise ValueError(f"{yuan!r} is no amount of money") from error
    if fen < 0:
        raise ValueError(f"{yuan!r} is less than nothing")
    return fen


def yuan_of(fen: int) -> float:
    """Whole fen as yuan with two places."""
    return float(Decimal(fen) / 100)


def surcharge_fen(principal_fen: int, days: int) -> int:
    """3 % of the fine for every day overdue, never more than the fine; half a fen is rounded up."""
    exact = Decimal(principal_fen) * DAILY_PERCENT * max(0, days) / 100
    return min(principal_fen, int(exact.quantize(Decimal(1), ROUND_HALF_UP)))


def days_overdue(pay_by: date, today: date, excluded_days: int = 0) -> int:
    """Days after the last day to pay, today included, without those the law leaves out (第七十三条: remedies)."""
    return max(0, (today - pay_by).days - max(0, excluded_days))


def add_months(day: date, months: int) -> date:
    """The same day some months later; the last day of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def barred_after(happened_on: date, life_safety: bool) -> date:
    """The last day on which an act that ended on ``happened_on`` may still be found out."""
    return add_months(happened_on, 12 * (LIMITATION_YEARS_LIFE if life_safety else LIMITATION_YEARS))
