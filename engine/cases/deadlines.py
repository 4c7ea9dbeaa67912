"""Why a case is due when it is: every clock with its runs and pauses, what counted and what did not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from engine.calendar import Limit, Span, WorkCalendar, parse_limit
from engine.cases.views import ClockView, clock_view
from engine.deadline_reasons import limit_text, spans_between
from engine.models import Case, CaseClock, ClockSpan
from engine.platform import Platform

_WORDS = {
    "zh": {
        "ran": "{start}至{end}计时（{reason}），用去 {hours} 小时",
        "runs": "{start}起计时（{reason}）",
        "paused": "{start}至{end}暂停：{reason}",
        "pauses": "{start}起暂停：{reason}，恢复后再定到期时间",
        "extended": "已延期 {times} 次，每次 {limit}",
        "extended_by": "已延期，共增加 {hours} 小时",
        "left": "{start}起还剩 {hours} 小时",
        "due": "{due} 到期",
        "stopped": "{at} 停止计时，共用 {hours} 小时",
    },
    "en": {
        "ran": "From {start} to {end} the clock ran ({reason}) and used {hours} h",
        "runs": "Since {start} the clock runs ({reason})",
        "paused": "From {start} to {end} it paused: {reason}",
        "pauses": "Since {start} it pauses: {reason}; the due moment is known when it resumes",
        "extended": "Extended {times} times, {limit} each",
        "extended_by": "Extended by {hours} h in all",
        "left": "From {start} {hours} h are left",
        "due": "Due {due}",
        "stopped": "Stopped at {at} after {hours} h",
    },
}
_STOPS = {
    "zh": {
        "restarted": "重新计时", "stopped": "停止", "rejected": "不予受理", "merged": "并案", "voided": "作废",
        "-": "无待办任务",
    },
    "en": {"restarted": "started afresh", "-": "nothing open"},
}  # fmt: skip


@dataclass(frozen=True)
class Stretch:
    """A stretch of time with one reason; ``reason`` is the holiday's name."""

    start: datetime
    end: datetime
    kind: str
    counted_s: float
    reason: str
    reason_en: str


@dataclass(frozen=True)
class SpanView:
    """A stretch in which a clock ran or paused, cut into what counted and what did not."""

    running: bool
    start: datetime
    end: datetime | None
    reason: str
    counted_s: float
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True)
class ClockReason:
    """Why one clock is due when it is."""

    clock: ClockView
    spans: tuple[SpanView, ...]
    sentences: tuple[str, ...]
    sentences_en: tuple[str, ...]


@dataclass(frozen=True)
class DeadlineReason:
    """Why a case is due when it is."""

    number: str
    due_at: datetime | None
    clocks: tuple[ClockReason, ...]


def explain_deadline(platform: Platform, case: Case, now: datetime) -> DeadlineReason:
    """Every clock of a case with its reasons."""
    return DeadlineReason(
        case.number, case.due_at, tuple(explain_clock(platform, clock, now, case.extensions) for clock in case.clocks)
    )


def explain_clock(platform: Platform, clock: CaseClock, now: datetime, extensions: int) -> ClockReason:
    """One clock: its spans and the sentences that lead to its due moment. ``extensions``: those of its case."""
    return ClockReason(
        clock=clock_view(platform, clock, now),
        spans=tuple(span_view(platform, clock, span, now) for span in clock.spans),
        sentences=tuple(sentences(platform, clock, now, "zh", extensions)),
        sentences_en=tuple(sentences(platform, clock, now, "en", extensions)),
    )


def span_view(platform: Platform, clock: CaseClock, span: ClockSpan, now: datetime) -> SpanView:
    """A span; the one that runs now is shown up to its due moment, so that what lies ahead is explained too."""
    calendar, reason = platform.host.calendar, say_reason(platform, span.reason, platform.city.language)
    unit = parse_limit(clock.limit_text).unit
    if not span.running:
        return SpanView(False, span.started_at, span.ended_at, reason, 0.0, ())
    until = span.ended_at or clock.due_at or now
    counted = calendar.worked(span.started_at, span.ended_at or now, unit).total_seconds()
    stretches = tuple(stretch(item) for item in spans_between(calendar, span.started_at, until, unit))
    return SpanView(True, span.started_at, span.ended_at, reason, counted, stretches)


def stretch(span: Span) -> Stretch:
    """A stretch of the calendar as a plain value."""
    return Stretch(
        span.start, span.end, str(span.kind), span.counted.total_seconds(),
        span.names.get("zh", ""), span.names.get("en", ""),
    )  # fmt: skip


def say_reason(platform: Platform, reason: str, language: str) -> str:
    """Why a clock ran or paused: the tasks named in the reason, or a word of our own."""
    said_tasks = []
    for part in reason.split("、"):
        key, bar, name = part.partition("|")
        process, _, element = key.partition("/")
        known = (
            platform.translations.element(language, process, element, name) if bar else _STOPS[language].get(part, part)
        )
        said_tasks.append(known)
    return ("、" if language == "zh" else ", ").join(said_tasks)


def sentences(platform: Platform, clock: CaseClock, now: datetime, language: str, extensions: int) -> Iterator[str]:
    """From the rule to the due moment. A clock that has run without pause is explained by the calendar itself."""
    calendar = platform.host.calendar
    limit = parse_limit(clock.limit_text)
    first = clock.spans[0] if clock.spans else None
    whole = clock.total == clock.original and len(clock.spans) == 1
    if first is not None and whole and clock.stopped_at is None:
        yield from calendar.explain(first.started_at, limit, language)
        return
    yield from rule(calendar, clock, limit, language, extensions)
    words = _WORDS[language]
    for span in clock.spans:
        start, end = said(calendar, span.started_at), said(calendar, span.ended_at)
        counted = calendar.worked(span.started_at, span.ended_at or now, limit.unit).total_seconds()
        key = ("ran" if span.ended_at else "runs") if span.running else ("paused" if span.ended_at else "pauses")
        if clock.stopped_at is not None and key == "pauses":
            continue
        reason = say_reason(platform, span.reason, language) or "-"
        yield words[key].format(start=start, end=end, reason=reason, hours=hours(counted))
    if clock.stopped_at is not None:
        yield words["stopped"].format(at=said(calendar, clock.stopped_at), hours=hours(clock.used))
    elif clock.due_at is not None and clock.running_since is not None:
        left = clock.total - clock.used
        yield words["left"].format(start=said(calendar, clock.running_since), hours=hours(left))
        yield words["due"].format(due=said(calendar, clock.due_at))


def rule(calendar: WorkCalendar, clock: CaseClock, limit: Limit, language: str, extensions: int) -> Iterator[str]:
    """The limit, how it is counted, and its extensions: by original limits, or by what the manual gives instead."""
    if clock.spans:
        yield calendar.explain(clock.spans[0].started_at, limit, language)[0]
    more = clock.total - clock.original
    if more <= 0:
        return
    times = round(more / clock.original) if clock.original else 0
    if times == extensions and abs(more - times * clock.original) < 1:
        yield _WORDS[language]["extended"].format(times=times, limit=limit_text(limit, language))
    else:
        yield _WORDS[language]["extended_by"].format(hours=hours(more))


def said(calendar: WorkCalendar, moment: datetime | None) -> str:
    """A moment as the city's clocks show it."""
    return f"{calendar.local(moment):%Y-%m-%d %H:%M}" if moment is not None else ""


def hours(seconds: float) -> str:
    """Hours with at most two decimals."""
    return f"{seconds / 3600:.2f}".rstrip("0").rstrip(".")
