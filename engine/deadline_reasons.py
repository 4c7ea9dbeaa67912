"""Why a deadline is what it is: the stretches between start and due moment, and the sentences that tell them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from engine.limits import Limit, Measure, Unit
from engine.working_days import DayKind

if TYPE_CHECKING:
    from engine.calendar import WorkCalendar


class SpanKind(StrEnum):
    """What a stretch of time is to a limit; the first three count."""

    WORKED = "worked"
    SWAPPED = "swapped"
    RUNNING = "running"
    BREAK = "break"
    NIGHT = "night"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"


@dataclass(frozen=True)
class Span:
    """One stretch, in UTC; ``counted`` is what it adds to the limit, ``names`` the holiday's names by language."""

    start: datetime
    end: datetime
    kind: SpanKind
    counted: timedelta = timedelta(0)
    names: Mapping[str, str] = field(default_factory=dict)

    def name(self, language: str) -> str:
        return self.names.get(language) or next(iter(self.names.values()), "")


def spans_between(calendar: WorkCalendar, start: datetime, end: datetime, unit: Unit) -> list[Span]:
    """Contiguous stretches from ``start`` to ``end``; what they count adds up to what `WorkCalendar.worked` says."""
    if end <= start:
        return []
    if unit.measure is not Measure.WORKING:
        return [Span(start, end, SpanKind.RUNNING, calendar.worked(start, end, unit))]
    spans: list[Span] = []
    cursor = start
    for opening, closing in calendar.periods(start, end):
        spans += _off(calendar, cursor, opening)
        swapped = calendar.day(calendar.local(opening).date()).kind is DayKind.SWAPPED
        kind = SpanKind.SWAPPED if swapped else SpanKind.WORKED
        spans.append(Span(opening, closing, kind, closing - opening))
        cursor = closing
    return spans + _off(calendar, cursor, end)


def _off(calendar: WorkCalendar, start: datetime, end: datetime) -> list[Span]:
    """Split time off at local midnights, say why, and join neighbours with the same reason."""
    spans: list[Span] = []
    while start < end:
        day = calendar.local(start).date()
        until = min(end, calendar.midnight(day + timedelta(days=1)))
        standing = calendar.day(day)
        if standing.kind.worked:
            works = list(calendar.periods(calendar.midnight(day), calendar.midnight(day + timedelta(days=1))))
            inside = works and works[0][0] < start and until < works[-1][1]
            span = Span(start, until, SpanKind.BREAK if inside else SpanKind.NIGHT)
        else:
            span = Span(start, until, SpanKind(standing.kind), names=standing.names)
        if spans and spans[-1].kind is span.kind and spans[-1].names == span.names:
            spans[-1] = Span(spans[-1].start, until, span.kind, names=span.names)
        else:
            spans.append(span)
        start = until
    return spans


# Sentences -----------------------------------------------------------------------------------------------

_WORDS = {
    "zh": {
        Unit.MINUTE: "分钟", Unit.URGENT_HOUR: "紧急工作时", Unit.URGENT_DAY: "紧急工作日", Unit.WORK_HOUR: "工作时",
        Unit.WORK_DAY: "个工作日", Unit.CALENDAR_DAY: "个自然日", Unit.CALENDAR_MONTH: "个月", Unit.CALENDAR_YEAR: "年",
        "working": "{start}起，限时 {limit}，只计工作时间 {hours}",
        "running": "{start}起，限时 {limit}，昼夜连续计时，节假日不停",
        "wall": "{start}起，限时 {limit}，按日历计算",
        "days": "{first}至{last}，{count} 个工作日，计 {hours} 小时",
        "day": "{day} {periods}，计 {hours} 小时{note}",
        "off": "{first}不计：{reason}", "offs": "{first}至{last}不计：{reason}",
        "due": "{due} 到期", "swapped": "（调休上班）", "weekend": "周末", "holiday": "节假日",
    },
    "en": {
        Unit.MINUTE: "minutes", Unit.URGENT_HOUR: "urgent hours", Unit.URGENT_DAY: "urgent days",
        Unit.WORK_HOUR: "work hours", Unit.WORK_DAY: "work days", Unit.CALENDAR_DAY: "calendar days",
        Unit.CALENDAR_MONTH: "months", Unit.CALENDAR_YEAR: "years",
        "working": "From {start}: {limit}, counted only in working time {hours}",
        "running": "From {start}: {limit}, counted day and night, holidays too",
        "wall": "From {start}: {limit} of the calendar",
        "days": "{first} to {last}: {count} working days count {hours} h",
        "day": "{day} {periods} counts {hours} h{note}",
        "off": "{first} does not count: {reason}", "offs": "{first} to {last} do not count: {reason}",
        "due": "Due {due}", "swapped": " (swapped working day)", "weekend": "weekend", "holiday": "public holiday",
    },
}  # fmt: skip
_WEEKDAYS = {"zh": "一二三四五六日", "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class _Line:
    """One day worked, or one stretch of days off, before it becomes a sentence."""

    first: datetime
    last: datetime
    periods: tuple[str, ...] = ()
    counted: timedelta = timedelta(0)
    days: int = 1
    note: str = ""
    reason: str = ""


def explain(calendar: WorkCalendar, start: datetime, limit: Limit, language: str) -> list[str]:
    """Sentences from the rule to the due moment; nights and breaks go without saying, the hours are in the first one.

    :param language: ``zh`` or ``en``; any other is answered in English.
    """
    code = "zh" if language.startswith("zh") else "en"
    words = _WORDS[code]
    measure = limit.unit.measure
    spans = calendar.spans(start, limit)
    sentences = [
        words[str(measure)].format(
            start=_moment_text(calendar.local(start), code),
            limit=limit_text(limit, code),
            hours=" ".join(f"{_clock(begin)}-{_clock(end)}" for begin, end in calendar.hours),
        )
    ]
    if measure is Measure.WORKING:
        sentences += [_sentence(line, code) for line in _join_full_days(calendar, _lines(calendar, spans, code))]
    return [*sentences, words["due"].format(due=_moment_text(calendar.local(calendar.add(start, limit)), code))]


def _lines(calendar: WorkCalendar, spans: list[Span], code: str) -> Iterator[_Line]:
    pending: _Line | None = None
    for span in spans:
        first, last = calendar.local(span.start), calendar.local(span.end)
        if span.counted and pending and pending.first.date() == first.date():
            period = (*pending.periods, f"{first:%H:%M}-{last:%H:%M}")
            pending = _Line(pending.first, last, period, pending.counted + span.counted, note=pending.note)
            continue
        if span.counted or span.kind in (SpanKind.WEEKEND, SpanKind.HOLIDAY):
            if pending:
                yield pending
            if span.counted:
                note = _WORDS[code]["swapped"] if span.kind is SpanKind.SWAPPED else ""
                pending = _Line(first, last, (f"{first:%H:%M}-{last:%H:%M}",), span.counted, note=note)
            else:
                pending = None
                reason = span.name(code) or _WORDS[code][str(span.kind)]
                yield _Line(first, last - timedelta(microseconds=1), reason=reason)
    if pending:
        yield pending


def _join_full_days(calendar: WorkCalendar, lines: Iterator[_Line]) -> Iterator[_Line]:
    """Neighbouring full working days become one line, so ninety days stay readable."""
    run: _Line | None = None
    for line in lines:
        full = line.counted == calendar.day_length and not line.note
        if full and run:
            run = _Line(run.first, line.last, run.periods, run.counted + line.counted, run.days + 1)
            continue
        if run:
            yield run
        run = line if full else None
        if not full:
            yield line
    if run:
        yield run


def _sentence(line: _Line, code: str) -> str:
    words = _WORDS[code]
    first, last = _day_text(line.first, code), _day_text(line.last, code)
    if line.reason:
        return words["off" if first == last else "offs"].format(first=first, last=last, reason=line.reason)
    hours = f"{line.counted / timedelta(hours=1):.2f}".rstrip("0").rstrip(".")
    if line.days > 1:
        return words["days"].format(first=first, last=last, count=line.days, hours=hours)
    return words["day"].format(day=first, periods=" ".join(line.periods), hours=hours, note=line.note)


def limit_text(limit: Limit, code: str) -> str:
    """A limit in words: ``8 工作时``, ``8 work hours``."""
    unit = _WORDS[code][limit.unit]
    if code == "en" and limit.value == 1:
        unit = unit.removesuffix("s")
    return f"{limit.value.normalize():f} {unit}"


def _day_text(moment: datetime, code: str) -> str:
    weekday = _WEEKDAYS[code][moment.weekday()]
    if code == "zh":
        return f"{moment.month}月{moment.day}日（周{weekday}）"
    return f"{weekday} {moment.day} {_MONTHS[moment.month - 1]}"


def _moment_text(moment: datetime, code: str) -> str:
    return f"{_day_text(moment, code)} {moment:%H:%M}"


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}"
