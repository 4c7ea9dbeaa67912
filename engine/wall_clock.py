"""A zone's wall clock: what local clocks show at an instant, and when they show a given time.

Instants are microseconds since 1970 in UTC: integers compare, add and bisect without surprises.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from engine.working_days import CalendarError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_SECONDS = 86_400
_MINUTE = 60_000_000


def to_instant(moment: datetime) -> int:
    """Microseconds since 1970; naive datetimes are refused."""
    if moment.tzinfo is None:
        raise CalendarError(f"{moment.isoformat()} has no time zone; pass an aware datetime")
    gone = moment.astimezone(UTC) - EPOCH
    return (gone.days * DAY_SECONDS + gone.seconds) * 1_000_000 + gone.microseconds


def to_moment(instant: int) -> datetime:
    """The aware datetime of an instant, in UTC."""
    return EPOCH + timedelta(microseconds=instant)


@dataclass(frozen=True)
class WallClock:
    """The clocks of one time zone."""

    zone: ZoneInfo

    def shows(self, moment: datetime) -> datetime:
        """What the wall clock shows, without a zone."""
        if moment.tzinfo is None:
            raise CalendarError(f"{moment.isoformat()} has no time zone; pass an aware datetime")
        return moment.astimezone(self.zone).replace(tzinfo=None)

    def of_day(self, day: date, seconds: int, *, later: bool = False) -> int:
        """The instant ``seconds`` of wall time after the day's midnight."""
        wall = datetime(day.year, day.month, day.day) + timedelta(seconds=seconds)  # noqa: DTZ001 wall time on purpose
        return self.instant(wall, later=later)

    def instant(self, wall: datetime, *, later: bool = False) -> int:
        """When the clock shows ``wall``: of two times the first or the ``later``; if skipped, the end of the gap."""
        early = to_instant(wall.replace(tzinfo=self.zone, fold=0))
        late = to_instant(wall.replace(tzinfo=self.zone, fold=1))
        if early <= late:
            return late if later else early
        # Skipped: fold 1 gives an instant before the jump, fold 0 one after it; the jump lies between, on a minute.
        low, high = late // _MINUTE, early // _MINUTE + 1
        offset = self._offset(high)
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self._offset(middle) == offset else (middle + 1, high)
        return high * _MINUTE

    def _offset(self, minute: int) -> timedelta | None:
        return (EPOCH + timedelta(minutes=minute)).astimezone(self.zone).utcoffset()
