"""Functions of expressions: each does what its description says, and never more than it may."""

from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from engine.calendar import WorkCalendar
from engine.workflow.expression_entries import TYPES, FunctionEntry
from engine.workflow.expression_functions import WORK_LIMIT
from engine.workflow.expression_library import CORE, DESCRIBED, NAMES, of_calendar
from engine.workflow.expressions import ExpressionError, compile_expression

PAGE = (Path(__file__).parents[1] / "docs" / "reference" / "expressions.md").read_text(encoding="utf-8")
HOURS = ("08:00-12:00", "14:00-18:00")
SHANGHAI = WorkCalendar.from_settings("Asia/Shanghai", HOURS, country="CN")
CITY = CORE.extend(of_calendar(SHANGHAI))
ENTRIES = list(CITY.entries.values())


def evaluate(text: str, **names: Any) -> Any:
    return compile_expression(text, CITY).evaluate(names)


def refused(text: str, **names: Any) -> str:
    with pytest.raises(ExpressionError) as caught:
        evaluate(text, **names)
    return str(caught.value)


def test_every_function_is_described_and_nothing_else_is() -> None:
    assert set(CITY) == DESCRIBED
    assert set(CITY) - set(CORE) == set(NAMES)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_a_description_is_complete_in_both_languages_and_on_the_page(entry: FunctionEntry) -> None:
    assert entry.zh and entry.en and entry.en.isascii() and not entry.zh.isascii()
    assert f"| `{entry.usage}` | {entry.en} |" in PAGE
    assert entry.pure and entry.owner == "core"
    assert {each.type for each in entry.parameters} <= set(TYPES)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_example_of_a_description_holds(entry: FunctionEntry) -> None:
    assert entry.examples
    for call, wanted in entry.examples:
        value, expected = evaluate(call), evaluate(wanted)
        assert (type(value), value) == (type(expected), expected)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_a_signature_is_what_the_function_takes(entry: FunctionEntry) -> None:
    """A value too few or too many is refused; what the signature allows never fails by its number."""
    sample = {
        "any": "'2026-03-06T16:00:00+08:00'", "text": "'8 work_hour'", "number": "1", "list": "[]", "boolean": "true",
    }  # fmt: skip
    given = [sample[each.type] for each in entry.parameters]
    needed = sum(not (each.optional or each.repeated) for each in entry.parameters)
    numbers = range(needed, len(given) + 1)
    for count in numbers:
        try:
            evaluate(f"{entry.name}({', '.join(given[:count])})")
        except ExpressionError as error:
            assert "positional argument" not in str(error)
    if not any(each.repeated for each in entry.parameters):
        assert "argument" in refused(f"{entry.name}({', '.join([*given, '1'])})")
    if needed:
        assert "argument" in refused(f"{entry.name}({', '.join(given[: needed - 1])})")


# Working time


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("add_time('2026-03-06T16:00:00+08:00', '3 work_day')", "2026-03-11T16:00:00+08:00"),
        ("add_time('2026-02-13T17:00:00+08:00', '2 work_hour')", "2026-02-14T09:00:00+08:00"),  # a swapped Saturday
        ("add_time(datetime('2026-03-06T08:00:00Z'), '30 minute')", "2026-03-06T16:30:00+08:00"),
        ("add_time('2026-01-31T08:00:00+08:00', '1 calendar_month')", "2026-02-28T08:00:00+08:00"),
    ],
)
def test_a_limit_runs_by_the_city_s_working_time(text: str, expected: str) -> None:
    assert evaluate(text) == datetime.fromisoformat(expected)
    assert evaluate(text).isoformat() == expected


def test_time_is_measured_in_the_unit_that_was_asked_for() -> None:
    start, end = "'2026-03-06T16:00:00+08:00'", "'2026-03-09T16:00:00+08:00'"
    found = {
        unit: evaluate(f"time_between({start}, {end}, '{unit}')")
        for unit in ("minute", "urgent_hour", "urgent_day", "work_hour", "work_day", "calendar_day")
    }
    assert found == {
        "minute": 4320, "urgent_hour": 72, "urgent_day": 3, "work_hour": 8, "work_day": 1, "calendar_day": 3,
    }  # fmt: skip
    assert evaluate(f"time_between({end}, {start}, 'work_hour')") == 0
    assert "use minute, urgent_hour" in refused(f"time_between({start}, {end}, 'hour')")


def test_the_calendar_knows_holidays_and_the_city_s_own_day() -> None:
    assert evaluate("is_working_day('2026-02-17')") is False  # Spring Festival
    assert evaluate("is_working_day('2026-02-14')") is True  # worked for it
    assert evaluate("is_working_time('2026-03-06T09:00:00+08:00')") is True
    assert evaluate("str(local_date('2026-03-06T16:30:00Z')) + ' ' + local_time('2026-03-06T16:30:00Z')") == (
        "2026-03-07 00:30"
    )


@pytest.mark.parametrize("text", ["add_time('2026-03-06', '8 work_hour')", "local_date('2026-03-06T16:00:00')"])
def test_a_moment_without_an_offset_is_refused(text: str) -> None:
    assert "offset" in refused(text)


def test_a_limit_nobody_can_read_is_refused_with_the_unit_s_names() -> None:
    assert "work_hour" in refused("add_time('2026-03-06T16:00:00+08:00', '8 hours')")


# Limits

BIG = {"big": list(range(100_000)), "words": "ab" * 50_000}


@pytest.mark.parametrize(
    "call",
    ["sum(big)", "len(big + [])", "len(reversed(big))", "len(sorted(big))", "count(big, 1)", "len(distinct(big))",
     "len(words + '')", "len(upper(words))", "len(replace(words, 'b', 'c'))", "len(split(words, 'zz'))", "max(big)",
     "len(join(split(words, 'zz'), ','))"],
)  # fmt: skip
def test_one_evaluation_goes_through_a_million_members_and_no_more(call: str) -> None:
    assert evaluate(call, **BIG) is not None
    assert f"more than {WORK_LIMIT}" in refused(" + ".join([call] * 30), **BIG)
    assert evaluate(call, **BIG) is not None  # the next evaluation has its own million


@pytest.mark.parametrize(
    "call",
    ["sum(big)", "sum(sorted(big))", "len(distinct(big))", "len(join(big, ''))", "len(str(big))", "len(big+big)"],
)
def test_the_longest_expression_on_the_largest_list_ends_within_seconds(call: str) -> None:
    text = "+".join([call] * (4_000 // (len(call) + 1)))
    started = perf_counter()
    assert "more than" in refused(text, **BIG)
    assert perf_counter() - started < 5  # 0.1 to 0.5 s on a quiet machine


def test_results_stay_within_the_size_limit() -> None:
    assert "100000 characters" in refused("replace(words, 'a', words)", **BIG)
    assert "100000 characters" in refused("join(split(words, 'a'), words)", **BIG)


# What others supply


def test_a_plugin_s_function_gets_copies_and_gives_plain_values_only() -> None:
    def spoil(values: list[int]) -> list[int]:
        values.append(0)
        return values

    entries = {
        "harbour_spoil": FunctionEntry("harbour_spoil(v: list) -> list", spoil, "harbour", "甲", "a", owner="harbour"),
        "harbour_open": FunctionEntry(
            "harbour_open(v: any) -> any", lambda v: object, "harbour", "乙", "b", owner="harbour"
        ),
    }
    functions = CORE.extend(entries)
    values = [1]
    assert compile_expression("harbour_spoil(x)", functions).evaluate({"x": values}) == [1, 0]
    assert values == [1]
    with pytest.raises(ExpressionError, match="which no expression can hold"):
        compile_expression("harbour_open(1)", functions).evaluate({})


@pytest.mark.parametrize(
    "usage", ["f", "f()", "f(a) -> text", "f(a: texts) -> text", "f(a: text) -> ", "_f(a: text) -> text"]
)
def test_a_usage_that_cannot_be_read_says_how_to_write_it(usage: str) -> None:
    with pytest.raises(ValueError, match="write name"):
        FunctionEntry(usage, len, "g", "甲", "a")
