"""Numbers and dates as Chinese official documents write them."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

DIGITS = "〇一二三四五六七八九"
CAPITALS = "零壹贰叁肆伍陆柒捌玖"
PLACES = ("", "拾", "佰", "仟")
GROUPS = ("", "万", "亿")
MOST = Decimal(10) ** 12


def han_date(day: date) -> str:
    """二〇二六年三月二日."""
    year = "".join(DIGITS[int(digit)] for digit in str(day.year))
    return f"{year}年{_small(day.month)}月{_small(day.day)}日"


def _small(number: int) -> str:
    tens, ones = divmod(number, 10)
    return f"{'' if tens < 2 else DIGITS[tens]}{'十' if tens else ''}{DIGITS[ones] if ones else ''}"


def money(value: Any) -> str:
    """An amount in yuan with two places: 1,200.00. Nothing for nothing."""
    return "" if value in (None, "") else f"{_amount(value):,.2f}"


def capital(value: Any) -> str:
    """An amount in yuan in the capital letters of receipts: 壹仟贰佰元整. Nothing for nothing."""
    if value in (None, ""):
        return ""
    amount = _amount(value)
    whole, cents = divmod(int(abs(amount) * 100), 100)
    tenths, hundredths = divmod(cents, 10)
    text = f"{_whole(whole)}元" if whole or not cents else ""
    if not cents:
        text += "整"
    elif tenths:
        text += f"{CAPITALS[tenths]}角" + (f"{CAPITALS[hundredths]}分" if hundredths else "整")
    else:
        text += f"{'零' if whole else ''}{CAPITALS[hundredths]}分"
    return f"{'负' if amount < 0 else ''}{text}"


def _amount(value: Any) -> Decimal:
    try:
        amount = Decimal(str(value).replace(",", "")).quantize(Decimal("0.01"), ROUND_HALF_UP)
    except InvalidOperation:
        raise ValueError(f"{value!r} is no amount of money") from None
    if abs(amount) >= MOST:
        raise ValueError(f"{value!r} is more money than there is")
    return amount


def _whole(number: int) -> str:
    """A whole number in capitals; zeros between digits are said once."""
    if not number:
        return CAPITALS[0]
    parts: list[str] = []
    owed = False
    digits = str(number)
    for index, digit in enumerate(digits):
        place = len(digits) - 1 - index
        if digit == "0":
            owed = True
        else:
            parts.append(f"{CAPITALS[0] if owed else ''}{CAPITALS[int(digit)]}{PLACES[place % 4]}")
            owed = False
        if place % 4 == 0 and place and number // 10**place % 10**4:
            parts.append(GROUPS[place // 4])
            owed = False
    return "".join(parts)
