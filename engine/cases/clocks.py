"""Clocks of a case: they run while a task names them, pause otherwise, are extended, and always explain themselves.

Amounts are seconds on the limit's own measure (see ``engine.calendar``): a pause loses and wins nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from engine.calendar import Limit, WorkCalendar, parse_limit
from engine.casefile.records import ClockRecord, SpanRecord
from engine.models import Case, CaseClock

HANDLING = "handling"
"""The clock that is the case's deadline."""


def find_clock(case: Case, name: str) -> CaseClock | None:
    """The latest clock of that name that has not been stopped."""
    return next((clock for clock in reversed(case.clocks) if clock.name == name and clock.stopped_at is None), None)


def start_clock(
    case: Case, calendar: WorkCalendar, name: str, limit: Limit, now: datetime, *, restart: bool
) -> CaseClock:
    """Declare a clock; an existing one is kept unless it is to start afresh. It runs once a task names it."""
    clock = find_clock(case, name)
    if clock is not None and not restart:
        return clock
    if clock is not None:
        stop_clock(clock, calendar, now, "restarted")
    amount = calendar.amount(now, limit).total_seconds()
    clock = ClockRecord(
        name=name, limit_text=str(limit), original=amount, total=amount, used=0.0,
        running_since=None, due_at=None, stopped_at=None, fired={},
    )  # fmt: skip
    case.clocks.append(clock)
    return clock


def stop_clock(clock: CaseClock, calendar: WorkCalendar, now: datetime, reason: str) -> None:
    """Stop a clock for good."""
    pause_clock(clock, calendar, now, reason)
    clock.stopped_at = now
    if clock.spans:
        clock.spans[-1].ended_at = now


def run_clock(clock: CaseClock, calendar: WorkCalendar, now: datetime, reason: str) -> None:
    """Let a paused clock run on from ``now``."""
    if clock.running_since is None:
        clock.running_since = now
        _open_span(clock, now, reason, running=True)
        clock.due_at = moment(clock, calendar, 1.0)


def pause_clock(clock: CaseClock, calendar: WorkCalendar, now: datetime, reason: str) -> None:
    """Pause a running clock at ``now``."""
    if clock.running_since is not None:
        clock.used = used(clock, calendar, now)
        clock.running_since = clock.due_at = None
        _open_span(clock, now, reason, running=False)


def extend_clock(clock: CaseClock, calendar: WorkCalendar, now: datetime, each: Limit | None = None) -> None:
    """Add ``each``, else one original limit. Shares that are no longer used up may fire again."""
    done = used(clock, calendar, now)
    clock.total += clock.original if each is None else _on_measure(clock, calendar, now, each)
    clock.fired = {key: share for key, share in clock.fired.items() if share * clock.total <= done}
    clock.due_at = moment(clock, calendar, 1.0)


def _on_measure(clock: CaseClock, calendar: WorkCalendar, now: datetime, each: Limit) -> float:
    """A limit as seconds on a clock's own measure: of another measure, what that clock runs while it lasts."""
    unit, start = parse_limit(clock.limit_text).unit, clock.due_at or now
    if each.unit.measure is unit.measure:
        return calendar.amount(start, each).total_seconds()
    return calendar.worked(start, calendar.add(start, each), unit).total_seconds()


def used(clock: CaseClock, calendar: WorkCalendar, now: datetime) -> float:
    """Seconds of the limit's measure used up to ``now``."""
    if clock.running_since is None or now <= clock.running_since:
        return clock.used
    return clock.used + calendar.worked(clock.running_since, now, parse_limit(clock.limit_text).unit).total_seconds()


def moment(clock: CaseClock, calendar: WorkCalendar, share: float) -> datetime | None:
    """When ``share`` of the whole limit is used up; none while paused; the start of running when it already was."""
    if clock.running_since is None:
        return None
    limit = parse_limit(clock.limit_text)
    if clock.used == 0 and share == 1.0 and clock.total == clock.original:
        return calendar.add(clock.running_since, limit)
    remaining = clock.total * share - clock.used
    if remaining <= 0:
        return clock.running_since
    return calendar.advance(clock.running_since, timedelta(seconds=remaining), limit.unit)


def settle_clocks(
    case: Case, calendar: WorkCalendar, running: Mapping[str, str], why_paused: str, now: datetime
) -> None:
    """Let exactly the clocks in ``running`` (name -> reason) run."""
    for clock in case.clocks:
        if clock.stopped_at is not None:
            continue
        if clock.name in running:
            run_clock(clock, calendar, now, running[clock.name])
        else:
            pause_clock(clock, calendar, now, why_paused)
    handling = find_clock(case, HANDLING)
    due = handling.due_at if handling is not None else None
    if case.due_at != due:
        case.due_at = due


def is_overdue(case: Case, calendar: WorkCalendar, now: datetime) -> bool:
    """Whether the handling limit is used up."""
    clock = find_clock(case, HANDLING) or next((c for c in reversed(case.clocks) if c.name == HANDLING), None)
    return clock is not None and used(clock, calendar, now) > clock.total


def share_used(case: Case, calendar: WorkCalendar, now: datetime) -> float:
    """Share of the handling limit used, 1 = all of it; 0 without a clock."""
    clock = find_clock(case, HANDLING)
    return used(clock, calendar, now) / clock.total if clock is not None and clock.total else 0.0


def _open_span(clock: CaseClock, now: datetime, reason: str, *, running: bool) -> None:
    if clock.spans and clock.spans[-1].ended_at is None:
        clock.spans[-1].ended_at = now
    clock.spans.append(SpanRecord(running=running, started_at=now, ended_at=None, reason=reason))
