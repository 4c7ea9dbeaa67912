"""Attempts to leave the expression language: a corpus and what fuzzing makes of it. Nothing gets out or hangs."""

import ast
import dis
import json
import os
import sys
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from types import CodeType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.calendar import WorkCalendar
from engine.workflow.decisions_cells import CellError, read_cell
from engine.workflow.expression_library import CORE, of_calendar
from engine.workflow.expressions import (
    INPUT,
    WHOLE_LIMIT,
    Expression,
    ExpressionError,
    compile_assignments,
    compile_expression,
    parse_template,
)

LINES = (Path(__file__).parent / "expression_escapes.jsonl").read_text(encoding="utf-8").splitlines()
CORPUS: list[str] = [json.loads(line)["text"] for line in LINES]
CITY = CORE.extend(of_calendar(WorkCalendar.from_settings("Asia/Shanghai", ("08:00-12:00", "14:00-18:00"))))

# What a compiled expression may consist of, in Python 3.11 to 3.14: loading, comparing, jumping, building, calling.
ALLOWED = {
    "BUILD_CONST_KEY_MAP", "BUILD_LIST", "BUILD_MAP", "BUILD_TUPLE", "CACHE", "CALL", "COMPARE_OP", "CONTAINS_OP",
    "COPY", "DICT_UPDATE", "EXTENDED_ARG", "IS_OP", "JUMP_FORWARD", "JUMP_IF_FALSE_OR_POP", "JUMP_IF_TRUE_OR_POP",
    "LIST_APPEND", "LIST_EXTEND", "LOAD_COMMON_CONSTANT", "LOAD_CONST", "LOAD_CONST_IMMORTAL", "LOAD_GLOBAL",
    "LOAD_NAME", "LOAD_SMALL_INT", "MAP_ADD", "NOP", "NOT_TAKEN", "POP_JUMP_BACKWARD_IF_FALSE",
    "POP_JUMP_FORWARD_IF_FALSE", "POP_JUMP_FORWARD_IF_NONE", "POP_JUMP_FORWARD_IF_NOT_NONE",
    "POP_JUMP_FORWARD_IF_TRUE", "POP_JUMP_IF_FALSE", "POP_JUMP_IF_NONE", "POP_JUMP_IF_NOT_NONE", "POP_JUMP_IF_TRUE",
    "POP_TOP", "PRECALL", "PUSH_NULL", "RESUME", "RETURN_CONST", "RETURN_VALUE", "SWAP", "TO_BOOL", "UNARY_NOT",
}  # fmt: skip
EXAMPLES = int(os.environ.get("WANGGE_FUZZ", "600"))
"""How many texts each kind of fuzzing tries; `make fuzz` tries 30,000."""
PLAIN = (str, bool, int, float, Decimal, date, type(None))


class Guarded:
    """Stands for anything Python: whoever takes an attribute of it or calls it has got out."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the attribute {name} was taken")

    def __call__(self, *arguments: Any) -> Any:
        raise AssertionError("it was called")


NAMES: dict[str, Any] = {
    "x": 3, "percent": 80, "title": "盖", "reason": None, "parts": ["lead", "assist"], "guarded": Guarded(),
    "case": {"number": "1", "urgent": False, "units": [{"part": "lead"}], "guarded": Guarded()}, INPUT: 5,
}  # fmt: skip

_acts: list[str] = []
_watching = False


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Notes what the interpreter does for an expression: opening, importing, starting, connecting, compiling."""
    own = event == "exec" or (event == "compile" and isinstance(arguments[0], ast.AST))  # to explain an error
    if _watching and not own and event not in ("object.__getattr__", "code.__new__"):
        _acts.append(f"{event} {arguments[:1]!r:.60}")


sys.addaudithook(_watch)


def evaluate(run: Callable[[], Any]) -> Any:
    """Run with the interpreter watched; nothing but the expression's own code may have happened."""
    global _watching
    _acts.clear()
    _watching = True
    try:
        return run()
    finally:
        _watching = False
        assert _acts == []


def inspect_code(expression: Expression) -> None:
    """The compiled code only loads, compares, builds and calls what the scope has under its own inner names."""
    code = expression._code
    assert {each.opname for each in dis.get_instructions(code)} <= ALLOWED
    assert not any(isinstance(each, CodeType) for each in code.co_consts)
    inner = {name for name in code.co_names if name.startswith("_")}
    assert inner <= set(expression._scope)
    assert set(code.co_names) - inner <= expression.names | {INPUT}
    assert expression._scope["__builtins__"] == {}


def inspect_value(value: Any) -> None:
    """A value is plain data, or the very object a variable holds."""
    if isinstance(value, Guarded):
        return
    if isinstance(value, dict):
        for key, each in value.items():
            inspect_value(key)
            inspect_value(each)
    elif isinstance(value, list | tuple):
        for each in value:
            inspect_value(each)
    else:
        assert isinstance(value, PLAIN), type(value)


def attack(text: str) -> None:
    """Give a text to every door there is."""
    before = repr({name: value for name, value in NAMES.items() if name != "guarded"}).partition(" at 0x")[0]
    for read in (compile_expression, parse_template, compile_assignments):
        try:
            compiled: Any = read(text, CITY)
        except ExpressionError as error:
            assert error.message and error.line and error.column and error.excerpt
            continue
        parts = [compiled] if isinstance(compiled, Expression) else []
        if read is parse_template:
            parts = list(compiled.expressions())
        elif read is compile_assignments:
            parts = [expression for _, expression in compiled.lines]
        for part in parts:
            inspect_code(part)
        try:
            run = compiled.execute if read is compile_assignments else compiled.evaluate
            inspect_value(evaluate(lambda run=run: run(NAMES)))
        except ExpressionError as error:
            assert error.message and error.line and error.column and error.excerpt
    try:
        cell = read_cell(text, CITY)
        assert evaluate(lambda: cell.accepts(5, NAMES)) in (True, False)
    except (ExpressionError, CellError):
        pass
    assert repr({name: value for name, value in NAMES.items() if name != "guarded"}).partition(" at 0x")[0] == before


# The corpus


def test_the_corpus_has_every_kind_of_attempt() -> None:
    categories = {json.loads(line)["category"] for line in LINES}
    assert categories == {
        "attributes and inner names", "characters that look like others", "formatting", "growth", "python itself",
        "loops, functions, assignments inside", "syntax of other languages", "unpacking and slices",
    }  # fmt: skip
    assert len(set(CORPUS)) == len(CORPUS) > 200


@pytest.mark.parametrize("text", CORPUS, ids=ascii)
def test_every_attempt_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        inspect_value(compile_expression(text, CITY).evaluate(NAMES))


@pytest.mark.parametrize("text", CORPUS, ids=ascii)
def test_every_attempt_is_harmless_at_every_door(text: str) -> None:
    for written in (text, f"${{{text}}}", f"a = {text}", f"x {text}", f"case.{text}", f"len({text})", f"[{text}]"):
        attack(written)


# Fuzzing

_ATTEMPTS = st.sampled_from(CORPUS)
_FRAGMENTS = st.sampled_from(
    [
        "__class__", "__builtins__", "_call_len", "_look_up", "._", ".__", "lambda:", "for", "in", "if", "else",
        ":=", "**", "*", "%", "@", "~", "${", "}", "{{", "}}", "(", ")", "[", "]", "{", "}", ",", ":", ".", "..",
        "=", "==", "!=", "<", "<=", ">", ">=", "guarded", "guarded.x", "guarded()", "case", "parts", "len(", "str(",
        "sorted(", "where(", "replace(", "split(", "join(", "add_time(", "1", "1e9", "999999999999999999", "true",
        "none", "and", "or", "not", "?", "\\", "'", '"', "\n", "\t", "\r", "\x00", "\u200b", "\u202e", "ｅ", "＿",
        "ʔ", " ", "'a'",
    ]
)  # fmt: skip


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """An attempt, changed: pieces put in, taken out, doubled, or another attempt grafted on."""
    text = draw(_ATTEMPTS)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        end = draw(st.integers(at, min(len(text), at + 6)))
        act = draw(st.sampled_from(["insert", "remove", "double", "graft", "wrap"]))
        if act == "insert":
            text = text[:at] + draw(_FRAGMENTS) + text[at:]
        elif act == "remove":
            text = text[:at] + text[end:]
        elif act == "double":
            text = text[:end] + text[at:end] + text[end:]
        elif act == "graft":
            text = text[:at] + draw(_ATTEMPTS) + text[end:]
        else:
            opening, closing = draw(
                st.sampled_from([("(", ")"), ("[", "]"), ("str(", ")"), ("${", "}"), ("{1: ", "}")])
            )
            text = opening + text + closing
    return text


@settings(max_examples=EXAMPLES, deadline=None)
@given(mutations())
def test_changed_attempts_are_harmless(text: str) -> None:
    attack(text)


_LEAVES = st.sampled_from(
    ["x", "percent", "title", "reason", "parts", "guarded", "case", "case.units", "case.guarded", "1", "0", "-2.5",
     "'盖'", "''", "true", "false", "none", "[]", "{}", "'2026-03-06T16:00:00+08:00'", "'8 work_hour'", "'part'"]
)  # fmt: skip


_SIGNS = st.sampled_from(["+", "-", "*", "/", "//", "%", "==", "!=", "<", "<=", ">", ">=", "in", "and", "or"])
_CALLS = st.sampled_from(sorted(CITY))


@st.composite
def well_written(draw: st.DrawFn, depth: int = 3) -> str:
    """An expression of the language's own parts, its values mixed at random."""

    def inner() -> str:
        return draw(well_written(depth - 1)) if depth else draw(_LEAVES)

    form = draw(st.integers(0, 8))
    if form == 0 or not depth:
        return draw(_LEAVES)
    if form == 1:
        return f"({inner()} {draw(_SIGNS)} {inner()})"
    if form == 2:
        return f"{draw(_CALLS)}({', '.join(inner() for _ in range(draw(st.integers(0, 3))))})"
    if form == 3:
        return f"({inner()})[{inner()}]"
    if form == 4:
        return f"({inner()}).part"
    if form == 5:
        return f"({inner()} if {inner()} else {inner()})"
    if form == 6:
        return f"{{'a': {inner()}, 'b': {inner()}}}"
    return f"[{inner()}, {inner()}]" if form == 7 else f"(not {inner()})"


@settings(max_examples=EXAMPLES, deadline=None)
@given(well_written())
def test_whatever_is_well_written_computes_plain_data_or_says_why_not(text: str) -> None:
    expression = compile_expression(text, CITY)
    inspect_code(expression)
    try:
        inspect_value(evaluate(lambda: expression.evaluate(NAMES)))
    except ExpressionError as error:
        assert error.text == text and error.message


# Time and size


def timed(run: Callable[[], Any]) -> float:
    started = perf_counter()
    with pytest.raises(ExpressionError):
        run()
    return perf_counter() - started


@pytest.mark.parametrize(
    "text",
    ["${" * 9000, "'" * 15_000, '"\\' * 9000, "${'" * 6000, "${x}" * 6000, "a=1\n" * 6000, "{" * 19_000, "1," * 9_999,
     "((((" * 4000, "not " * 4900, "x" * WHOLE_LIMIT, "x." * 9_000, "?" * 19_000, "\n" * 30_000 + "a=1"],
    ids=lambda text: text[:8],
)  # fmt: skip
def test_long_texts_are_read_or_refused_at_once(text: str) -> None:
    started = perf_counter()
    attack(text)
    assert perf_counter() - started < 5  # 0.1 s on a quiet machine


@pytest.mark.parametrize("read", [parse_template, compile_assignments, read_cell])
def test_a_text_longer_than_the_limit_is_refused(read: Callable[[str], Any]) -> None:
    with pytest.raises(ExpressionError, match="longer than 20000 characters"):
        read(
            "${x}," * 4_001
            if read is parse_template
            else "a=1\n" * 5_001
            if read is compile_assignments
            else "1," * 10_001
        )


BIG = {"big": list(range(100_000)), "words": "ab" * 50_000}


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (parse_template, "${sum(big)} " * 1_600), (parse_template, "${words} " * 2_000),
        (compile_assignments, "a=sum(big)\n" * 1_600), (compile_assignments, "words=words+words\n" * 100),
        (compile_assignments, "a=[1]\n" + "a=a+a\n" * 100),
    ],
)  # fmt: skip
def test_many_expressions_in_one_text_share_one_budget(read: Any, text: str) -> None:
    compiled = read(text)
    run = compiled.execute if read is compile_assignments else compiled.evaluate
    assert timed(lambda: run(BIG)) < 5


@pytest.mark.parametrize(
    "call",
    ["add_time('2026-03-06T16:00:00+08:00', '999999999 work_hour')",
     "add_time('2026-03-06T16:00:00+08:00', '1e30 minute')",
     "add_time('2026-03-06T16:00:00+08:00', '9999999999999 calendar_month')",
     "add_time('8999-01-01T00:00:00Z', '1 work_day')",
     "time_between('0002-01-01T00:00:00Z', '8998-01-01T00:00:00Z', 'work_hour')",
     "is_working_day('8999-01-01')", "is_working_time('8999-01-01T00:00:00Z')"],
)  # fmt: skip
def test_a_calendar_is_never_asked_for_centuries(call: str) -> None:
    assert timed(lambda: compile_expression(call, CITY).evaluate({})) < 1


def test_comparing_the_largest_lists_as_often_as_fits_ends_within_seconds() -> None:
    """Comparisons are not counted: the text's length bounds them."""
    other = {"big": list(range(100_000)), "same": list(range(100_000))}
    for text in ("big==same and " * 280 + "x", "100000 in big or " * 230 + "x"):
        compiled = compile_expression(text[:3_990].rpartition(" ")[0].rpartition(" ")[0])
        started = perf_counter()
        compiled.evaluate(other)
        assert perf_counter() - started < 10  # 0.5 s on a quiet machine
