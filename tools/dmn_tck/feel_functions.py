"""FEEL's built-in functions that our language has too, under its own names."""

from __future__ import annotations

import re
from collections.abc import Callable

from tools.dmn_tck.feel_names import NotOurs

Argument = tuple[str, str]
"""Text in our language and kind, as far as it is known."""

# FEEL name: ours, number of arguments, kind of the result.
_SAME = {
    "abs": ("abs", 1, "number"), "string length": ("len", 1, "number"), "upper case": ("upper", 1, "text"),
    "lower case": ("lower", 1, "text"), "contains": ("contains", 2, "bool"), "starts with": ("startswith", 2, "bool"),
    "ends with": ("endswith", 2, "bool"), "list contains": ("contains", 2, "bool"), "count": ("len", 1, "number"),
    "string": ("str", 1, "text"), "floor": ("floor", 1, "number"), "ceiling": ("ceil", 1, "number"),
    "reverse": ("reversed", 1, "list"),
    "distinct values": ("distinct", 1, "list"),
}  # fmt: skip
_OF_LISTS = {
    "sum": ("sum", "number"),
    "min": ("min", ""),
    "max": ("max", ""),
    "all": ("all", "bool"),
    "any": ("any", "bool"),
}
_WRITTEN: dict[tuple[str, int], tuple[Callable[..., str], str]] = {
    ("not", 1): (lambda value: f"(not {value})", "bool"),
    ("modulo", 2): (lambda left, right: f"({left} % {right})", "number"),
    ("even", 1): (lambda value: f"({value} % 2 == 0)", "bool"),
    ("odd", 1): (lambda value: f"({value} % 2 == 1)", "bool"),
    ("append", 2): (lambda values, value: f"({values} + [{value}])", "list"),
    ("concatenate", 2): (lambda left, right: f"({left} + {right})", "list"),
    ("mean", 1): (lambda values: f"(sum({values}) / len({values}))", "number"),
}
_MORE_FORMS = ("string", "floor", "ceiling")
"""Functions that FEEL knows with other numbers of arguments too."""
_PLACE = re.compile(r"\(?(-?)([0-9]+)\)?")
_NAIVE = re.compile(r'"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?)?"')
_ZONED = re.compile(r'".*@[A-Z]\w+(/\w+)?"')
_FAR = re.compile(r'"(-\d{4,9}|\d{5,9})-\d\d-\d\d.*"')


def call(name: str, arguments: list[Argument]) -> tuple[str, str]:
    """Return the call in our language and the kind of its result; raise NotOurs."""
    texts = [text for text, _ in arguments]
    if name in _SAME:
        ours, count, kind = _SAME[name]
        if len(texts) == count or name not in _MORE_FORMS:  # a wrong number is our own language's to refuse
            return f"{ours}({', '.join(texts)})", kind
    if name in _OF_LISTS and texts:
        ours, kind = _OF_LISTS[name]
        if len(texts) == 1 and arguments[0][1] in ("list", ""):
            return f"{ours}({texts[0]})", kind
        return f"{ours}([{', '.join(texts)}])", kind
    if (name, len(texts)) in _WRITTEN:
        write, kind = _WRITTEN[name, len(texts)]
        return write(*texts), kind
    if name in ("date", "date and time") and len(texts) == 1:
        if name == "date and time" and _NAIVE.fullmatch(texts[0]):
            raise NotOurs("moments without an offset from UTC")
        if _ZONED.fullmatch(texts[0]):
            raise NotOurs("zones by name")
        if _FAR.fullmatch(texts[0]):
            raise NotOurs("years before 1 and beyond 9999")
        return f"{'date' if name == 'date' else 'datetime'}({texts[0]})", "date"
    if name == "substring" and len(texts) in (2, 3):
        return _substring(*texts), "text"
    if name == "decimal" and len(texts) == 2:
        if not _PLACE.fullmatch(texts[1]):
            raise NotOurs("the function decimal() with a scale that only the run tells, or is no whole number")
        return f"round({', '.join(texts)})", "number"
    known = name in _SAME or name in _OF_LISTS or any(name == each for each, _ in _WRITTEN)
    raise NotOurs(f"the function {name}() with {len(texts)} arguments" if known else f"the function {name}()")


def _substring(text: str, start: str, *count: str) -> str:
    """FEEL counts from one."""
    match = _PLACE.fullmatch(start)
    if match is None or int(match[2]) == 0:
        raise NotOurs("the function substring() from a place only the run tells, or from 0")
    if count and not _PLACE.fullmatch(count[0]):
        raise NotOurs("the function substring() with a count that is no whole number")
    place = f"-{match[2]}" if match[1] else str(int(match[2]) - 1)
    return f"substring({', '.join([text, place, *count])})"
