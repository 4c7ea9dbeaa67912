"""A decision table's input cells: what each accepts, read once into value sets and checks.

Only forms with one meaning are read; the rest is refused with the character, so a table never half works.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from engine.workflow.expression_functions import Functions, kind
from engine.workflow.expressions import CORE, WHOLE_LIMIT, Expression, ExpressionError, compile_expression

Check = Callable[[Any, Mapping[str, Any]], bool]

_COMPARISON = re.compile(r"(<=|>=|==|!=|<|>)(?!=)")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "==": lambda value, wanted: bool(make_key(value) == make_key(wanted)),
    "!=": lambda value, wanted: bool(make_key(value) != make_key(wanted)),
}  # fmt: skip
# An unclosed text runs to the end: looking for its end again from every quotation mark would take for ever.
_STRING = re.compile(r"'(?:[^'\\]|\\.)*(?:'|\\?\Z)|\"(?:[^\"\\]|\\.)*(?:\"|\\?\Z)", re.DOTALL)
_SCALARS = (str, bool, int, float, Decimal, date, datetime, type(None))


class CellError(ValueError):
    """A value that a cell cannot be asked about; the table adds where."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message, remedy)
        self.message, self.remedy = message, remedy


@dataclass(frozen=True, slots=True)
class Cell:
    """What one input cell accepts: ``values`` and what passes one of ``checks``, or all else if ``negated``."""

    text: str
    anything: bool = False
    values: tuple[Any, ...] = ()
    checks: tuple[Check, ...] = ()
    negated: bool = False
    paths: frozenset[str] = frozenset()

    def accepts(self, value: Any, names: Mapping[str, Any]) -> bool:
        """Test ``value``, which ``names`` holds as INPUT too."""
        if self.anything:
            return True
        key = make_key(value)
        found = any(key == make_key(each) for each in self.values) or self.passes(value, names)
        return found is not self.negated

    @property
    def predicate(self) -> Check:
        """The quickest way to ask; most cells are one comparison or range."""
        return self.checks[0] if len(self.checks) == 1 and not self.values and not self.negated else self.accepts

    def passes(self, value: Any, names: Mapping[str, Any]) -> bool:
        return any(check(value, names) for check in self.checks)


def make_key(value: Any) -> Any:
    """Return what equality means in a table: true is not 1, and 1 is 1.0."""
    return ("true/false", value) if isinstance(value, bool) else value


def read_cell(text: str, functions: Functions = CORE) -> Cell:
    """Read an input cell (unary tests); raise ExpressionError at the character that has no clear meaning."""
    plain = text.strip()
    if plain in ("", "-"):
        return Cell(plain, anything=True)
    if len(text) > WHOLE_LIMIT:
        raise ExpressionError(text, WHOLE_LIMIT, f"longer than {WHOLE_LIMIT} characters", "split it over several rows")
    start = text.index(plain)
    negation = re.match(r"not\s*\(", plain)
    if negation and plain.endswith(")") and not _has_input(plain) and _closes_at_end(plain, negation.end() - 1):
        return _read_tests(text, start + negation.end(), start + len(plain) - 1, functions, negated=True)
    return _read_tests(text, start, start + len(plain), functions, negated=False)


def _read_tests(text: str, start: int, end: int, functions: Functions, *, negated: bool) -> Cell:
    values: list[Any] = []
    checks: list[Check] = []
    paths: set[str] = set()
    for at, piece in _split(text[start:end]):
        test = _read_test(text, start + at, piece, functions)
        if test.check is None:
            values.append(test.value)
        else:
            checks.append(test.check)
        paths |= test.paths
    return Cell(text.strip(), False, tuple(values), tuple(checks), negated, frozenset(paths))


@dataclass(frozen=True, slots=True)
class _Test:
    value: Any = None
    check: Check | None = None
    paths: frozenset[str] = frozenset()


def _read_test(text: str, at: int, piece: str, functions: Functions) -> _Test:
    at += len(piece) - len(piece.lstrip())
    piece = piece.strip()
    if not piece:
        raise ExpressionError(text, min(at, len(text) - 1), "an empty test", "remove the comma or add a value")
    if _has_input(piece):
        expression = _compile(text, at, piece, functions, with_input=True)
        return _Test(None, _check_expression(expression), expression.paths)
    if match := _COMPARISON.match(piece):
        end = _compile(text, at + match.end(), piece[match.end() :], functions)
        return _Test(None, _check_comparison(match[1], end), end.paths)
    if dots := _find_dots(piece):
        return _read_range(text, at, piece, dots, functions)
    if piece[0] in "[]":
        raise ExpressionError(text, at, "a bracket without `..`", 'write values as `"a","b"` and ranges as `[1..5]`')
    expression = _compile(text, at, piece, functions)
    if expression.names:
        name = min(expression.names)
        remedy = f'quote a text, as in `"{piece}"`, or compare with a variable, as in `? == {piece}`'
        raise ExpressionError(text, at, f"`{name}` without quotes", remedy)
    value = _evaluate_constant(text, at, expression)
    if not isinstance(value, _SCALARS):
        raise ExpressionError(text, at, f"a {kind(value)} as a value", 'list several values as `"a","b"`')
    return _Test(value)


def _read_range(text: str, at: int, piece: str, dots: int, functions: Functions) -> _Test:
    if piece[0] not in "[(" or piece[-1] not in ")]":
        raise ExpressionError(text, at, "a range without brackets", "write `[1..5]`, or `(1..5)` without the ends")
    low = _compile(text, at + 1, piece[1:dots], functions)
    high = _compile(text, at + dots + 2, piece[dots + 2 : -1], functions)
    if not low.names and not high.names:
        ends = _evaluate_constant(text, at + 1, low), _evaluate_constant(text, at + dots + 2, high)
        try:
            empty = not ends[0] <= ends[1]
        except TypeError as error:
            remedy = "use two numbers, two texts or two dates"
            raise ExpressionError(text, at, f"a range from {kind(ends[0])} to {kind(ends[1])}", remedy) from error
        if empty:
            raise ExpressionError(text, at, "a range that ends before it starts", "swap its ends")
        return _Test(None, _check_fixed_range(ends, piece[0] == "[", piece[-1] == "]"))
    above = _check_comparison(">=" if piece[0] == "[" else ">", low)
    below = _check_comparison("<=" if piece[-1] == "]" else "<", high)
    return _Test(None, lambda value, names: above(value, names) and below(value, names), low.paths | high.paths)


def _check_comparison(sign: str, end: Expression) -> Check:
    """Compare with ``end``; none is neither smaller nor larger than anything."""
    compare, fixed = _COMPARE[sign], None
    if not end.names:
        fixed = end.evaluate({})
    by_size = sign not in ("==", "!=")

    def check(value: Any, names: Mapping[str, Any]) -> bool:
        wanted = end.evaluate(names) if fixed is None else fixed
        if by_size:
            if value is None or wanted is None:
                return False
            if isinstance(value, bool) is not isinstance(wanted, bool):
                raise _refuse_pair(value, sign, wanted)
        try:
            return compare(value, wanted)
        except TypeError as error:
            raise _refuse_pair(value, sign, wanted) from error

    return check


def _check_fixed_range(ends: tuple[Any, Any], with_low: bool, with_high: bool) -> Check:
    """Test a range of constants in one step: long tables are mostly these."""
    low, high = ends
    among_booleans = isinstance(low, bool)

    def check(value: Any, names: Mapping[str, Any]) -> bool:
        if value is None:
            return False
        try:
            if (value is True or value is False) is not among_booleans:
                raise TypeError
            if low < value < high:
                return True
            return bool((with_low and value == low) or (with_high and value == high))
        except TypeError as error:
            raise _refuse_pair(value, ">=", low) from error

    return check


def _refuse_pair(value: Any, sign: str, wanted: Any) -> CellError:
    remedy = "convert the input, for example with int() or date(), or correct the cell"
    return CellError(f"cannot test {kind(value)} {value!r} {sign} {kind(wanted)} {wanted!r}", remedy)


def _check_expression(expression: Expression) -> Check:
    def check(value: Any, names: Mapping[str, Any]) -> bool:
        result = expression.evaluate(names)
        if result is None:
            return False
        if not isinstance(result, bool):
            shown = expression.text.strip()
            raise CellError(f"`{shown}` gives {kind(result)}, not true or false", "write a comparison")
        return result

    return check


def _compile(text: str, at: int, piece: str, functions: Functions, *, with_input: bool = False) -> Expression:
    try:
        return compile_expression(piece, functions, with_input=with_input)
    except ExpressionError as error:
        raise ExpressionError(text, at + error.position, error.message, error.remedy) from error


def _evaluate_constant(text: str, at: int, expression: Expression) -> Any:
    try:
        return expression.evaluate({})
    except ExpressionError as error:
        raise ExpressionError(text, at + error.position, error.message, error.remedy) from error


def _hide_strings(text: str) -> str:
    """Blank out quoted texts, keeping positions."""
    return _STRING.sub(lambda match: "'" + " " * (len(match.group()) - 2) + "'", text)


def _has_input(text: str) -> bool:
    return "?" in _hide_strings(text)


def _find_dots(piece: str) -> int:
    return max(_hide_strings(piece).find(".."), 0)


def _split(text: str) -> list[tuple[int, str]]:
    """Split at the commas outside quotes and brackets; return each piece with its position."""
    pieces: list[tuple[int, str]] = []
    depth = start = 0
    for at, character in enumerate(_hide_strings(text)):
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character == "," and depth == 0:
            pieces.append((start, text[start:at]))
            start = at + 1
    return [*pieces, (start, text[start:])]


def _closes_at_end(text: str, opening: int) -> bool:
    depth = 0
    for at, character in enumerate(_hide_strings(text)):
        depth += (character == "(") - (character == ")")
        if at >= opening and depth == 0:
            return at == len(text) - 1
    return False
