"""Time windows of fences: ``Mon-Fri 07:00-09:00``, ``workday 22:00-06:00``, ``06:00-22:00``, in the city's time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WINDOW = re.compile(r"(?:(\w{3})(?:-(\w{3}))? |(workday|restday) )?(\d\d):(\d\d)-(\d\d):(\d\d)")


@dataclass(frozen=True)
class Window:
    """From minute to minute of a day, over midnight when it ends before it begins. ``days`` count from Monday, 0;
    ``workday``: only on working days (true), only on others (false), or on both. Over midnight, the day it began
    counts; whether that was a working day is taken from the day at hand."""

    begin_min: int
    end_min: int
    days: frozenset[int] = frozenset(range(7))
    workday: bool | None = None

    def is_open(self, local: datetime, workday: bool) -> bool:
        """Whether it is open at a local moment."""
        minute, day = local.hour * 60 + local.minute, local.weekday()
        if self.begin_min <= self.end_min:
            within = self.begin_min <= minute < self.end_min
        else:
            within = minute >= self.begin_min or minute < self.end_min
            if minute < self.end_min:
                day = (local - timedelta(days=1)).weekday()
        return within and day in self.days and self.workday in (None, workday)


def read_window(text: str) -> Window:
    """A window of its text. Raises ValueError with the remedy."""
    match = _WINDOW.fullmatch(text.strip())
    remedy = "write it as in Mon-Fri 07:00-09:00, workday 22:00-06:00 or 06:00-22:00"
    if match is None:
        raise ValueError(f"{text!r} is no time window; {remedy}")
    first, last, kind = match[1], match[2], match[3]
    begin, end = int(match[4]) * 60 + int(match[5]), int(match[6]) * 60 + int(match[7])
    if begin > 1440 or end > 1440 or int(match[5]) > 59 or int(match[7]) > 59 or begin == end:
        raise ValueError(f"{text!r} has no times of a day; {remedy}")
    days = frozenset(range(7))
    if first:
        if first not in DAYS or (last and last not in DAYS):
            raise ValueError(f"{text!r} names no day; use {', '.join(DAYS)}")
        start, stop = DAYS.index(first), DAYS.index(last or first)
        days = frozenset((start + step) % 7 for step in range((stop - start) % 7 + 1))
    return Window(begin, end, days, {"workday": True, "restday": False}.get(kind or ""))
