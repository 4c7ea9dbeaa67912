"""Working time: golden examples, the swapped working days of seven years, and what must hold for any limit."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import chinese_calendar
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.calendar import CalendarError, DayKind, Limit, LimitError, SpanKind, Unit, WorkCalendar, parse_limit
from engine.city import City, load_city
from engine.city_calendars import calendar_names, city_calendar

settings.register_profile("unhurried", deadline=None)  # the first limit of a year lays that year out
settings.load_profile("unhurried")

SHANGHAI = ZoneInfo("Asia/Shanghai")
BOSTON = ZoneInfo("America/New_York")


def china(**settings: object) -> WorkCalendar:
    return WorkCalendar.from_settings(
        "Asia/Shanghai", ["08:00-12:00", "14:00-18:00"], [1, 2, 3, 4, 5], "CN", **settings
    )


CHINA = china()
NEXT_OPENING = china(day_rule="next_opening")
END_OF_DAY = china(day_rule="end_of_day")
MASSACHUSETTS = WorkCalendar.from_settings(
    "America/New_York", ["08:30-17:00"], [1, 2, 3, 4, 5], "US", subdivision="MA", day_rule="next_opening"
)
ALWAYS = WorkCalendar.from_settings("America/New_York", ["00:00-24:00"], range(1, 8))
NIGHT_SHIFT = WorkCalendar.from_settings("America/New_York", ["00:00-02:30", "22:00-24:00"], range(1, 8))
CALENDARS = [CHINA, NEXT_OPENING, END_OF_DAY, MASSACHUSETTS, ALWAYS, NIGHT_SHIFT]


def due(start: str, limit: str, calendar: WorkCalendar = CHINA) -> str:
    """The due moment as the city's clocks show it."""
    moment = datetime.fromisoformat(start).replace(tzinfo=calendar.zone)
    return f"{calendar.local(calendar.add(moment, parse_limit(limit))):%Y-%m-%d %H:%M}"


# Golden examples -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "limit", "expected"),
    [
        ("2026-03-02 11:00", "2 work_hour", "2026-03-02 15:00"),  # lunch does not count
        ("2026-03-02 11:00", "1 work_hour", "2026-03-02 12:00"),  # due at closing, not at 14:00
        ("2026-03-02 13:00", "1 work_hour", "2026-03-02 15:00"),  # reported at lunch
        ("2026-03-06 17:00", "2 work_hour", "2026-03-09 09:00"),  # over the weekend
        ("2026-03-07 10:00", "4 work_hour", "2026-03-09 12:00"),  # reported on Saturday
        ("2026-03-02 10:00", "1 work_day", "2026-03-03 10:00"),
        ("2026-03-02 20:00", "1 work_day", "2026-03-03 18:00"),
        ("2026-03-02 13:00", "1 work_day", "2026-03-03 12:00"),
        ("2026-03-02 08:00", "0.5 work_day", "2026-03-02 12:00"),
        ("2026-09-30 16:00", "4 work_hour", "2026-10-08 10:00"),  # National Day week
        ("2026-02-14 16:00", "4 work_hour", "2026-02-24 10:00"),  # Saturday worked before Spring Festival
        ("2026-10-09 16:00", "4 work_hour", "2026-10-10 10:00"),  # 调休: Saturday 10 October is worked
        ("2026-12-31 16:00", "4 work_hour", "2027-01-04 10:00"),  # over New Year
        ("2026-09-30 16:00", "4 urgent_hour", "2026-09-30 20:00"),
        ("2026-09-30 23:50", "15 minute", "2026-10-01 00:05"),
        ("2026-09-30 16:00", "1 urgent_day", "2026-10-01 16:00"),
        ("2026-09-30 16:00", "10 calendar_day", "2026-10-10 16:00"),
        ("2026-01-31 09:00", "1 calendar_month", "2026-02-28 09:00"),
        ("2028-01-31 09:00", "1 calendar_month", "2028-02-29 09:00"),
        ("2026-11-30 09:00", "3 calendar_month", "2027-02-28 09:00"),
        ("2028-02-29 09:00", "1 calendar_year", "2029-02-28 09:00"),
    ],
)
def test_limits_run_out_when_the_examples_say(start: str, limit: str, expected: str) -> None:
    assert due(start, limit) == expected


@pytest.mark.parametrize("text", ["52560001 minute", "200001 work_hour", "101 calendar_year", "9e99 work_day"])
def test_a_limit_beyond_a_hundred_years_is_a_slip_of_the_pen(text: str) -> None:
    with pytest.raises(LimitError, match="longer than a hundred years"):
        parse_limit(text)
    assert str(parse_limit("100 calendar_year")) == "100 calendar_year"


@pytest.mark.parametrize(
    ("calendar", "start", "limit", "expected"),
    [
        (NEXT_OPENING, "2026-03-02 20:00", "1 work_day", "2026-03-04 08:00"),
        (NEXT_OPENING, "2026-03-02 10:00", "1 work_day", "2026-03-03 10:00"),
        (NEXT_OPENING, "2026-03-02 14:00", "1 work_day", "2026-03-03 14:00"),
        (NEXT_OPENING, "2026-03-02 14:00", "4 work_hour", "2026-03-02 18:00"),  # hours are due at closing everywhere
        (NEXT_OPENING, "2026-03-05 20:00", "1 work_day", "2026-03-09 08:00"),
        (END_OF_DAY, "2026-03-02 10:00", "1 work_day", "2026-03-03 18:00"),
        (END_OF_DAY, "2026-03-06 20:00", "2 work_day", "2026-03-10 18:00"),
    ],
)
def test_the_day_rule_of_the_pack_decides_when_a_working_day_is_over(
    calendar: WorkCalendar, start: str, limit: str, expected: str
) -> None:
    assert due(start, limit, calendar) == expected


def test_swapped_days_equal_the_oracle_on_every_day_from_2020_to_2026() -> None:
    day, differences = date(2020, 1, 1), []
    while day <= date(2026, 12, 31):
        if CHINA.is_working_day(day) != chinese_calendar.is_workday(day):
            differences.append(day)
        day += timedelta(days=1)
    assert differences == []


def test_a_city_file_wins_over_the_holidays_of_the_country() -> None:
    calendar = china(overrides={date(2026, 10, 1): "workday 抢险", date(2026, 10, 12): "holiday 台风停工"})
    assert calendar.is_working_day(date(2026, 10, 1))
    assert calendar.day(date(2026, 10, 12)).kind is DayKind.HOLIDAY
    assert calendar.day(date(2026, 10, 12)).name("en") == "台风停工"
    assert due("2026-10-10 17:00", "2 work_hour", calendar) == "2026-10-13 09:00"


def test_a_holiday_left_out_by_the_city_is_worked() -> None:
    calendar = WorkCalendar.from_settings("America/New_York", ["09:00-17:00"], country="US", left_out=["Columbus Day"])
    assert calendar.is_working_day(date(2015, 10, 12))
    assert not calendar.is_working_day(date(2015, 11, 11))


# Summer time -----------------------------------------------------------------------------------------------


def test_urgent_hours_are_real_hours_when_the_clocks_change() -> None:
    assert due("2015-03-07 20:00", "12 urgent_hour", MASSACHUSETTS) == "2015-03-08 09:00"
    assert due("2015-10-31 20:00", "12 urgent_hour", MASSACHUSETTS) == "2015-11-01 07:00"


def test_calendar_days_keep_the_time_of_day_when_the_clocks_change() -> None:
    assert due("2015-03-07 20:00", "1 calendar_day", MASSACHUSETTS) == "2015-03-08 20:00"
    assert due("2015-10-31 20:00", "1 calendar_day", MASSACHUSETTS) == "2015-11-01 20:00"


def test_a_time_of_day_that_is_skipped_is_due_when_the_gap_ends() -> None:
    assert due("2015-03-07 02:30", "1 calendar_day", MASSACHUSETTS) == "2015-03-08 03:00"


def test_an_hour_shown_twice_is_never_due_before_it_began() -> None:
    start = datetime(2015, 11, 1, 1, 30, fold=1, tzinfo=BOSTON)
    assert MASSACHUSETTS.add(start, Limit(Decimal("0.01"), Unit.CALENDAR_DAY)) > start


def test_round_the_clock_work_has_23_hours_on_the_short_day() -> None:
    short = ALWAYS.worked(ALWAYS.midnight(date(2015, 3, 8)), ALWAYS.midnight(date(2015, 3, 9)), Unit.WORK_HOUR)
    long = ALWAYS.worked(ALWAYS.midnight(date(2015, 11, 1)), ALWAYS.midnight(date(2015, 11, 2)), Unit.WORK_HOUR)
    assert (short, long) == (timedelta(hours=23), timedelta(hours=25))


# What must hold for any limit ------------------------------------------------------------------------------

moments = st.datetimes(
    min_value=datetime(2019, 12, 20),  # noqa: DTZ001 hypothesis adds the zone itself
    max_value=datetime(2027, 1, 10),  # noqa: DTZ001
    timezones=st.just(UTC),
)
calendars = st.sampled_from(CALENDARS)
running_and_working = st.sampled_from([Unit.MINUTE, Unit.URGENT_HOUR, Unit.URGENT_DAY, Unit.WORK_HOUR, Unit.WORK_DAY])
values = st.decimals(min_value=Decimal("0.01"), max_value=Decimal(400), places=2)
limits = st.one_of(
    st.builds(Limit, values, running_and_working),
    st.builds(Limit, st.integers(1, 40).map(Decimal), st.sampled_from(list(Unit))),
)


def skips(calendar: WorkCalendar, start: datetime, limit: Limit) -> bool:
    """Whether a calendar limit ends in a skipped or repeated hour, where wall time has no exact answer."""
    if limit.unit not in (Unit.CALENDAR_DAY, Unit.CALENDAR_MONTH, Unit.CALENDAR_YEAR):
        return False
    around = [calendar.local(calendar.add(start, limit) + timedelta(hours=h)).utcoffset() for h in (-2, 2)]
    around += [calendar.local(start + timedelta(hours=h)).utcoffset() for h in (-2, 2)]
    return around[0] != around[1] or around[2] != around[3]


@settings(max_examples=40)
@given(st.sampled_from([CHINA, MASSACHUSETTS]), moments, st.integers(1, 1200))
def test_counting_minute_by_minute_gives_the_same_due_moment(
    calendar: WorkCalendar, start: datetime, minutes: int
) -> None:
    start = start.replace(second=0, microsecond=0)
    moment, left = start, minutes
    while left:
        local = calendar.local(moment)
        second = local.hour * 3600 + local.minute * 60
        left -= calendar.is_working_day(local.date()) and any(begin <= second < end for begin, end in calendar.hours)
        moment += timedelta(minutes=1)
    end = calendar.advance(start, timedelta(minutes=minutes), Unit.WORK_HOUR)
    assert end == moment


@given(calendars, moments, limits)
def test_the_whole_limit_is_used_at_the_due_moment(calendar: WorkCalendar, start: datetime, limit: Limit) -> None:
    assume(not skips(calendar, start, limit))
    end = calendar.add(start, limit)
    assert end > start
    assert calendar.worked(start, end, limit.unit) == calendar.amount(start, limit)
    assert calendar.share_used(start, end, limit) == 1


@given(calendars, moments, limits, st.floats(0, 1))
def test_a_pause_at_any_instant_loses_and_gains_nothing(
    calendar: WorkCalendar, start: datetime, limit: Limit, share: float
) -> None:
    assume(not skips(calendar, start, limit))
    end = calendar.add(start, limit)
    pause = start + (end - start) * share
    left = calendar.amount(start, limit) - calendar.worked(start, pause, limit.unit)
    resumed = calendar.advance(pause, left, limit.unit)
    if left:
        assert resumed == end
    else:  # the last instant of work may lie before the due moment; no time is left either way
        assert calendar.worked(pause, resumed, limit.unit) == timedelta(0)


@given(calendars, moments, limits, st.floats(0, 1), st.timedeltas(timedelta(0), timedelta(days=40)))
def test_a_pause_moves_the_deadline_by_exactly_the_working_time_paused(
    calendar: WorkCalendar, start: datetime, limit: Limit, share: float, paused_for: timedelta
) -> None:
    assume(limit.unit.measure != "wall")
    end = calendar.add(start, limit)
    pause = start + (end - start) * share
    resume = pause + paused_for
    left = calendar.amount(start, limit) - calendar.worked(start, pause, limit.unit)
    later = calendar.advance(resume, left, limit.unit)
    assert later >= resume
    whole = calendar.worked(start, later, limit.unit) - calendar.worked(pause, resume, limit.unit)
    assert whole == calendar.amount(start, limit)


@given(calendars, moments, running_and_working, values, values)
def test_a_limit_in_two_parts_equals_the_whole(
    calendar: WorkCalendar, start: datetime, unit: Unit, first: Decimal, second: Decimal
) -> None:
    assume(calendar is not END_OF_DAY)  # whole days only, see the next test
    assert calendar.add(calendar.add(start, Limit(first, unit)), Limit(second, unit)) == calendar.add(
        start, Limit(first + second, unit)
    )


@given(moments, st.integers(1, 30), st.integers(1, 30))
def test_whole_days_in_two_parts_equal_the_whole_when_due_at_closing(start: datetime, first: int, second: int) -> None:
    parts = END_OF_DAY.add(END_OF_DAY.add(start, parse_limit(f"{first} work_day")), parse_limit(f"{second} work_day"))
    assert parts == END_OF_DAY.add(start, parse_limit(f"{first + second} work_day"))


@given(calendars, moments, st.timedeltas(timedelta(0), timedelta(days=20)), limits)
def test_what_begins_later_is_never_due_earlier(
    calendar: WorkCalendar, start: datetime, wait: timedelta, limit: Limit
) -> None:
    assume(not skips(calendar, start, limit) and not skips(calendar, start + wait, limit))
    assert calendar.add(start, limit) <= calendar.add(start + wait, limit)


@given(calendars, moments, limits, values)
def test_a_longer_limit_is_never_due_earlier(
    calendar: WorkCalendar, start: datetime, limit: Limit, more: Decimal
) -> None:
    longer = Limit(limit.value + (more.to_integral_value() + 1), limit.unit)
    assert calendar.add(start, limit) < calendar.add(start, longer)


@given(calendars, moments, values, st.sampled_from([Unit.WORK_HOUR, Unit.WORK_DAY]))
def test_work_is_due_in_working_time_or_at_closing(
    calendar: WorkCalendar, start: datetime, value: Decimal, unit: Unit
) -> None:
    end = calendar.add(start, Limit(value, unit))
    assert calendar.is_working_time(end) or calendar.is_working_time(end - timedelta(microseconds=1))


@settings(max_examples=60)
@given(calendars, moments, limits)
def test_spans_are_contiguous_and_add_up_to_the_limit(calendar: WorkCalendar, start: datetime, limit: Limit) -> None:
    assume(not skips(calendar, start, limit))
    spans = calendar.spans(start, limit)
    assert spans[0].start == start
    assert spans[-1].end == calendar.add(start, limit)
    assert all(before.end == after.start for before, after in pairwise(spans))
    assert all(span.start < span.end for span in spans)
    assert sum((span.counted for span in spans), timedelta(0)) == calendar.amount(start, limit)
    worked = {SpanKind.WORKED, SpanKind.SWAPPED, SpanKind.RUNNING}
    assert all((span.counted > timedelta(0)) == (span.kind in worked) for span in spans)


# Reasons ---------------------------------------------------------------------------------------------------


def test_spans_name_lunch_night_weekend_holiday_and_swapped_day() -> None:
    spans = CHINA.spans(datetime(2026, 10, 9, 11, tzinfo=SHANGHAI), parse_limit("14 work_hour"))
    assert [str(span.kind) for span in spans] == [
        "worked", "break", "worked", "night", "swapped", "break", "swapped", "night", "weekend", "night", "worked",
    ]  # fmt: skip
    festival = CHINA.spans(datetime(2026, 9, 24, 17, tzinfo=SHANGHAI), parse_limit("2 work_hour"))
    assert "中秋节" in [span.name("zh") for span in festival]


def test_a_deadline_explains_itself_in_chinese() -> None:
    assert CHINA.explain(datetime(2026, 9, 30, 17, tzinfo=SHANGHAI), parse_limit("20 work_hour"), "zh") == [
        "9月30日（周三） 17:00起，限时 20 工作时，只计工作时间 08:00-12:00 14:00-18:00",
        "9月30日（周三） 17:00-18:00，计 1 小时",
        "10月1日（周四）至10月3日（周六）不计：国庆节",
        "10月4日（周日）不计：周末",
        "10月5日（周一）不计：国庆节（补假）",
        "10月6日（周二）不计：休息日（由 2026-09-20 调休）",
        "10月7日（周三）不计：休息日（由 2026-10-10 调休）",
        "10月8日（周四）至10月9日（周五），2 个工作日，计 16 小时",
        "10月10日（周六） 08:00-11:00，计 3 小时（调休上班）",
        "10月10日（周六） 11:00 到期",
    ]


def test_a_deadline_explains_itself_in_english() -> None:
    assert MASSACHUSETTS.explain(datetime(2015, 5, 22, 16, tzinfo=BOSTON), parse_limit("1 work_day"), "en") == [
        "From Fri 22 May 16:00: 1 work day, counted only in working time 08:30-17:00",
        "Fri 22 May 16:00-17:00 counts 1 h",
        "Sat 23 May to Sun 24 May do not count: weekend",
        "Mon 25 May does not count: Memorial Day",
        "Tue 26 May 08:30-16:00 counts 7.5 h",
        "Due Tue 26 May 16:00",
    ]


# Words -----------------------------------------------------------------------------------------------------


@given(limits)
def test_a_limit_reads_back_what_it_wrote(limit: Limit) -> None:
    assert parse_limit(str(limit)) == limit


@pytest.mark.parametrize("text", ["", "8", "work_hour", "8 hours", "-1 work_day", "0 minute", "x minute", "nan minute"])
def test_a_bad_limit_names_its_text_and_the_remedy(text: str) -> None:
    with pytest.raises(LimitError) as error:
        parse_limit(text)
    assert repr(text) in str(error.value)
    assert "work_hour" in str(error.value) or "above zero" in str(error.value)


def test_half_a_month_is_refused() -> None:
    with pytest.raises(LimitError, match="whole number"):
        parse_limit("0.5 calendar_month")


@pytest.mark.parametrize(
    ("settings", "remedy"),
    [
        ({"time_zone": "Asia/Yunhe"}, "Asia/Shanghai"),
        ({"hours": ["14:00-12:00"]}, "24:00"),
        ({"hours": ["08:00-12:00", "11:00-18:00"]}, "apart"),
        ({"hours": ["eight to six"]}, "HH:MM"),
        ({"weekdays": [0]}, "Monday"),
        ({"country": "XX"}, "XX"),
        ({"day_rule": "whenever"}, "next_opening"),
        ({"overrides": {date(2026, 1, 5): "free"}}, "holiday"),
    ],
)
def test_a_bad_setting_names_itself_and_the_remedy(settings: dict[str, object], remedy: str) -> None:
    good: dict[str, object] = {"time_zone": "Asia/Shanghai", "hours": ["08:00-12:00"], "weekdays": [1], "country": "CN"}
    with pytest.raises(CalendarError, match=remedy):
        WorkCalendar.from_settings(**(good | settings))


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(CalendarError, match="no time zone"):
        CHINA.add(datetime(2026, 1, 5, 9), parse_limit("1 work_hour"))  # noqa: DTZ001 that is the point


# City packs ------------------------------------------------------------------------------------------------


def write_city(folder: Path, working_time: str = "", dates: str = "") -> City:
    (folder / "dates.csv").write_text(f"date,kind,name\n{dates}", encoding="utf-8")
    (folder / "city.toml").write_text(
        '[city]\nid = "town"\nname = "Town"\nlanguages = ["en"]\ntime_zone = "Asia/Shanghai"\n'
        '[holidays]\ncountry = "CN"\nfile = "dates.csv"\n'
        f'[working_time]\nhours = ["08:00-12:00", "14:00-18:00"]\nweekdays = [1, 2, 3, 4, 5]\n{working_time}',
        encoding="utf-8",
    )
    return load_city(str(folder))


def test_a_city_file_of_dates_may_hold_ranges(tmp_path: Path) -> None:
    calendar = city_calendar(write_city(tmp_path, dates="2026-07-06/2026-07-08,holiday,Flood\n2026-07-11,workday,\n"))
    worked = [day for day in range(4, 13) if calendar.is_working_day(date(2026, 7, day))]
    assert worked == [9, 10, 11]
    assert calendar.day(date(2026, 7, 7)).name("en") == "Flood"


@pytest.mark.parametrize(
    ("dates", "said"), [("2026-13-01,holiday,x\n", "line 2: date"), ("2026-01-05,free,x\n", "line 2: kind 'free'")]
)
def test_a_bad_date_names_its_line(tmp_path: Path, dates: str, said: str) -> None:
    with pytest.raises(CalendarError, match=said):
        city_calendar(write_city(tmp_path, dates=dates))


def test_a_named_calendar_says_only_what_differs(tmp_path: Path) -> None:
    named = '[working_time.calendars.night]\nhours = ["00:00-06:00"]\nholidays = { country = "" }\n'
    city = write_city(tmp_path, named)
    assert calendar_names(city) == ("night",)
    assert due("2026-10-01 00:00", "1 work_hour", city_calendar(city, "night")) == "2026-10-01 01:00"
    assert due("2026-10-01 00:00", "1 work_hour", city_calendar(city)) == "2026-10-08 09:00"


@pytest.mark.parametrize(("extra", "name", "said"), [("", "night", "night"), ("luch = 1\n", "", "luch")])
def test_an_unknown_calendar_or_setting_is_named(tmp_path: Path, extra: str, name: str, said: str) -> None:
    with pytest.raises(CalendarError, match=said):
        city_calendar(write_city(tmp_path, extra), name)


def test_the_example_of_the_how_to_page_prints_what_it_shows(capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parent.parent / "docs" / "how-to" / "working-time.md").read_text(encoding="utf-8")
    code, shown = (page.split(f"```{kind}\n", 1)[1].split("```", 1)[0] for kind in ("python", "text"))
    exec(code, {})
    assert capsys.readouterr().out == shown


@pytest.mark.parametrize(
    ("start", "same_time", "next_opening", "end_of_day"),
    [
        ("2026-03-02 10:00", "2026-03-03 10:00", "2026-03-03 10:00", "2026-03-03 18:00"),
        ("2026-03-02 13:00", "2026-03-03 12:00", "2026-03-03 14:00", "2026-03-03 18:00"),
        ("2026-03-02 20:00", "2026-03-03 18:00", "2026-03-04 08:00", "2026-03-03 18:00"),
    ],
)
def test_the_table_of_the_how_to_page_is_true(start: str, same_time: str, next_opening: str, end_of_day: str) -> None:
    found = [due(start, "1 work_day", calendar) for calendar in (CHINA, NEXT_OPENING, END_OF_DAY)]
    assert found == [same_time, next_opening, end_of_day]
