"""Working time laid out on the line of instants, one year at a time, so that long limits are a few look-ups."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from engine.wall_clock import DAY_SECONDS, WallClock, to_moment
from engine.working_days import CalendarError, Day, DayKind, WorkingDays

_FIRST_YEAR, _LAST_YEAR = 1971, 9000
_ORDINARY, _FREE = Day(DayKind.WORKDAY), Day(DayKind.WEEKEND)


@dataclass(frozen=True)
class _Year:
    """One local year: opening and closing instants of its periods, and the working time (µs) before each."""

    start: int
    end: int
    opens: list[int]
    closes: list[int]
    before: list[int]
    total: int
    special: Mapping[date, Day]


class WorkingTimeline:
    """Working periods as instants (microseconds since 1970); years are laid out when first asked for."""

    def __init__(self, wall: WallClock, hours: Sequence[tuple[int, int]], days: WorkingDays) -> None:
        self.wall = wall
        self.hours = tuple(hours)
        self.days = days
        self._years: dict[int, _Year] = {}

    def day(self, day: date) -> Day:
        """Whether ``day`` is worked, and why."""
        special = self._year(day.year).special.get(day)
        if special is not None:
            return special
        return _ORDINARY if day.isoweekday() in self.days.weekdays else _FREE

    def is_open(self, at: int) -> bool:
        return self._position(at)[1]

    def between(self, begin: int, end: int) -> int:
        """Working time between two instants."""
        year, last = self._year_at(begin), self._year_at(end)
        total = self._position(end)[0] - self._position(begin)[0]
        while year is not last:
            total += year.total
            year = self._year_at(year.end)
        return total

    def after(self, at: int, more: int, *, latest: bool = False) -> int:
        """When ``more`` working time has run since ``at``: the first such instant, or the latest (never a closing)."""
        position, is_open = self._position(at)
        if not more and (is_open or not latest):
            return at
        position += more
        year = self._year_at(at)
        while position > year.total or (latest and position == year.total):
            position -= year.total
            year = self._year_at(year.end)
        i = (bisect_right if latest else bisect_left)(year.before, position) - 1
        return year.opens[i] + position - year.before[i]

    def periods(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """The stretches of working time between two instants, in order."""
        year = self._year_at(begin)
        while year.start < end:
            for i in range(bisect_right(year.closes, begin), len(year.opens)):
                if year.opens[i] >= end:
                    return
                yield max(year.opens[i], begin), min(year.closes[i], end)
            year = self._year_at(year.end)

    def _position(self, at: int) -> tuple[int, bool]:
        """Working time of the year before ``at``, and whether ``at`` lies in working time."""
        year = self._year_at(at)
        i = bisect_right(year.opens, at) - 1
        if i < 0:
            return 0, False
        return year.before[i] + min(at, year.closes[i]) - year.opens[i], at < year.closes[i]

    def _year_at(self, at: int) -> _Year:
        number = to_moment(at).year
        year = self._year(number)
        if at < year.start:
            return self._year(number - 1)
        return year if at < year.end else self._year(number + 1)

    def _year(self, number: int) -> _Year:
        year = self._years.get(number)
        if year is None:
            if not _FIRST_YEAR <= number <= _LAST_YEAR:
                raise CalendarError(f"year {number} is not between {_FIRST_YEAR} and {_LAST_YEAR}; check the date")
            year = self._years[number] = self._build_year(number)
        return year

    def _build_year(self, number: int) -> _Year:
        special = self.days.year(number)
        opens: list[int] = []
        closes: list[int] = []
        before: list[int] = []
        total = 0
        day, last = date(number, 1, 1), date(number, 12, 31)
        while day <= last:
            standing = special.get(day)
            if standing.kind.worked if standing else day.isoweekday() in self.days.weekdays:
                for begin, end in self.hours:
                    opening = self.wall.of_day(day, begin)
                    # 24:00 is where the next day begins, even if clocks show it twice
                    closing = self.wall.of_day(day, end, later=end < DAY_SECONDS)
                    if opening < closing:  # a period can vanish in the hour summer time skips
                        opens.append(opening)
                        closes.append(closing)
                        before.append(total)
                        total += closing - opening
            day += timedelta(days=1)
        start, end_of_year = self.wall.of_day(date(number, 1, 1), 0), self.wall.of_day(date(number + 1, 1, 1), 0)
        return _Year(start, end_of_year, opens, closes, before, total, special)
