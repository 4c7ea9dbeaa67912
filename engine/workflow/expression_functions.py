"""The operators and functions of the expression language, each refusing what would surprise or take for ever."""

import builtins
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any

SIZE_LIMIT = 100_000  # characters and members of one value
NUMBER_LIMIT = 10**18
_FARTHEST = timedelta(hours=18)
NUMBERS = (int, float, Decimal)
_NUMBER_TYPES = frozenset(NUMBERS)  # asked by exact type: true and false are no numbers


class Refused(ValueError):
    """An operation that its values do not allow; the expression adds where."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message, remedy)
        self.message, self.remedy = message, remedy


class Functions(Mapping[str, Callable[..., Any]]):
    """An immutable set of pure functions an expression may call. Plugins extend it, they never replace."""

    def __init__(self, functions: Mapping[str, Callable[..., Any]]) -> None:
        self._functions = {name: guard(name, function) for name, function in functions.items()}
        self.known = frozenset(self._functions)
        self.scope: dict[str, Any] = {"__builtins__": {}, **_SCOPE}
        self.scope.update({"_call_" + name: function for name, function in self._functions.items()})

    def extend(self, functions: Mapping[str, Callable[..., Any]]) -> "Functions":
        """Return these and ``functions``; ValueError when a name is taken or no plain name."""
        for name in functions:
            if name in self._functions:
                raise ValueError(f"function {name} exists already; give yours another name")
            if not name.isidentifier() or name.startswith("_"):
                raise ValueError(f"function {name!r} cannot be called; name it with letters, digits and underscores")
        return Functions({**self._functions, **functions})

    def __getitem__(self, name: str) -> Callable[..., Any]:
        return self._functions[name]

    def __iter__(self) -> Any:
        return iter(self._functions)

    def __len__(self) -> int:
        return len(self._functions)

    __hash__ = object.__hash__  # a cache key by identity

    def __eq__(self, other: object) -> bool:
        return self is other


def guard(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Let ``function`` fail only with Refused and return only values of a sane size."""

    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return bounded(function(*arguments, **named))
        except Refused:
            raise
        except Exception as error:
            given = ", ".join(kind(value) for value in (*arguments, *named.values()))
            raise Refused(f"{name}() does not work with ({given}): {error}", "check what it is given") from error

    return call


def kind(value: object) -> str:
    """Name a value's type as an analyst would."""
    if value is None:
        return "none"
    for types, word in _KINDS:
        if isinstance(value, types):
            return word
    return type(value).__name__


_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "true/false"), (NUMBERS, "number"), (str, "text"), (Mapping, "dictionary"),
    ((list, tuple, set, frozenset), "list"), (datetime, "datetime"), (date, "date"),
)  # fmt: skip


def bounded(value: Any) -> Any:
    """Return ``value`` unless it is too large to be computed by an expression."""
    if isinstance(value, int):
        if not -NUMBER_LIMIT <= value <= NUMBER_LIMIT:
            raise Refused("the number has more than 18 digits", "compute with smaller numbers")
    elif isinstance(value, float):
        if not isfinite(value):
            raise Refused("the number is infinite or none at all", "compute with smaller numbers")
    elif isinstance(value, str | list | tuple) and len(value) > SIZE_LIMIT:
        raise Refused(f"the result has more than {SIZE_LIMIT} members", "build smaller texts and lists")
    return value


def measure(value: Any) -> None:
    """Refuse a nested value whose written form would exceed the limit (``x = [x, x]`` in a loop)."""
    left, waiting = SIZE_LIMIT, [value]
    while waiting:
        each = waiting.pop()
        left -= len(each) if isinstance(each, str) else 1
        if isinstance(each, Mapping):
            waiting.extend(each.keys())
            waiting.extend(each.values())
        elif isinstance(each, list | tuple):
            waiting.extend(each)
        if left < 0 or len(waiting) > 2 * SIZE_LIMIT:
            raise Refused(f"the result has more than {SIZE_LIMIT} members", "build smaller texts and lists")


def look_up(value: Any, key: str) -> Any:
    """``value.key``: a dictionary's entry, none when it has none."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        return value.get(key)
    raise Refused(f"`.{key}` looks into a {kind(value)}", "only dictionaries have keys")


def item(value: Any, index: Any) -> Any:
    """``value[index]``: an entry or member, none when there is none."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        return value.get(index)
    if isinstance(value, list | tuple | str) and isinstance(index, int):
        return value[index] if -len(value) <= index < len(value) else None
    raise Refused(f"a {kind(value)} has no item [{kind(index)}]", "use a number for lists, a text for dictionaries")


def add(left: Any, right: Any) -> Any:
    """Numbers are added, texts and lists are joined."""
    if isinstance(left, str) and isinstance(right, str):
        return bounded(left + right)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return bounded([*left, *right])
    return compute("+", left, right, lambda: left + right)


def compute(operator: str, left: Any, right: Any, result: Callable[[], Any]) -> Any:
    """Calculate with numbers only, so a text is never repeated or formatted."""
    if type(left) not in _NUMBER_TYPES or type(right) not in _NUMBER_TYPES:
        remedy = "convert with int(), float() or str() first"
        if left is None or right is None:
            remedy = "give the missing value a default, as in `(x or 0)`"
        raise Refused(f"cannot calculate {kind(left)} {operator} {kind(right)}", remedy)
    try:
        return bounded(result())
    except ArithmeticError as error:
        raise Refused(
            f"cannot calculate {left} {operator} {right}", "test for zero and for huge numbers first"
        ) from error


def negate(value: Any) -> Any:
    return compute("-", 0, value, lambda: -value)


def convert_to_text(value: Any) -> str:
    """Write a value as people read it: none is empty, true and false as in expressions, lists with commas."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return str(bounded(", ".join(convert_to_text(each) for each in value)))
    if isinstance(value, Mapping):
        raise Refused("a dictionary has no text", "name one of its keys")
    return str(bounded(str(value)))


def _to_int(value: Any) -> int:
    return int(_scalar(value))


def _to_float(value: Any) -> float:
    number = float(_scalar(value))
    if not isfinite(number):
        raise ValueError("not a finite number")
    return number


def _scalar(value: Any) -> Any:
    if type(value) not in _NUMBER_TYPES and not isinstance(value, str):
        raise TypeError("a number or a text is needed")
    return value


def _round(value: Any, digits: int | None = None) -> Any:
    if digits is not None and not -15 <= digits <= 15:
        raise ValueError("digits must be between -15 and 15")
    return round(_number(value), digits)


def _sum(values: Iterable[Any]) -> Any:
    total: Any = 0
    for each in _members(values):
        total = add(total, _number(each))
    return total


def _number(value: Any) -> Any:
    if type(value) not in _NUMBER_TYPES:
        raise TypeError(f"{kind(value)} where a number is needed")
    return value


def _members(value: Any) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError("a list is needed")
    return value


def _len(value: Any) -> int:
    return len(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{kind(value)} where a text is needed")
    return value


def _date(value: Any) -> date:
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else date.fromisoformat(_text(value))


def _datetime(value: Any) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(_text(value))
    offset = moment.utcoffset()
    if offset is None:
        raise ValueError("the offset is missing, as in 2026-01-01T08:00:00+08:00")
    if abs(offset) > _FARTHEST:
        raise ValueError("the offset is more than 18 hours; no place on Earth has it")
    return moment


def _days_between(start: Any, end: Any) -> int:
    return (_date(end) - _date(start)).days


def _contains(whole: Any, part: Any) -> bool:
    return part in (whole if isinstance(whole, list | tuple) else _text(whole))


_SCOPE: dict[str, Any] = {
    "_look_up": look_up,
    "_item": item,
    "_add": add,
    "_subtract": lambda left, right: compute("-", left, right, lambda: left - right),
    "_multiply": lambda left, right: compute("*", left, right, lambda: left * right),
    "_divide": lambda left, right: compute("/", left, right, lambda: left / right),
    "_floor_divide": lambda left, right: compute("//", left, right, lambda: left // right),
    "_modulo": lambda left, right: compute("%", left, right, lambda: left % right),
    "_negate": negate,
    "_plus": lambda value: compute("+", 0, value, lambda: value),
}

CORE = Functions(
    {
        "len": _len, "min": builtins.min, "max": builtins.max, "sum": _sum, "round": _round,
        "abs": lambda value: abs(_number(value)), "str": convert_to_text, "int": _to_int, "float": _to_float,
        "any": lambda values: any(_members(values)), "all": lambda values: all(_members(values)),
        "lower": lambda text: _text(text).lower(), "upper": lambda text: _text(text).upper(),
        "strip": lambda text: _text(text).strip(),
        "startswith": lambda text, part: _text(text).startswith(_text(part)),
        "endswith": lambda text, part: _text(text).endswith(_text(part)),
        "contains": _contains, "date": _date, "datetime": _datetime, "days_between": _days_between,
    }
)  # fmt: skip
