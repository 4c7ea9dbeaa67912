"""Functions of the expression language for lists; expression_functions.csv says what each gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.workflow.expression_values import SIZE_LIMIT, convert_to_text, read_members, read_number, read_text

__all__ = ["FUNCTIONS"]


def _contains(whole: Any, part: Any) -> bool:
    return part in (whole if isinstance(whole, list | tuple) else read_text(whole))


def _join(values: Any, separator: Any) -> str:
    texts = [convert_to_text(each) for each in read_members(values)]
    if sum(map(len, texts)) + len(read_text(separator)) * (len(texts) - 1) > SIZE_LIMIT:
        raise ValueError(f"the result would have more than {SIZE_LIMIT} characters")
    return str(separator.join(texts))


def _same(value: Any) -> tuple[bool, Any]:
    """What equality means in lists: true is not 1."""
    return isinstance(value, bool), value


def _distinct(values: Any) -> list[Any]:
    found: list[Any] = []
    seen: set[Any] = set()
    for each in read_members(values):
        if isinstance(each, list | tuple | Mapping):
            raise TypeError("only single values are told apart; take one key of each with pluck()")
        if _same(each) not in seen:
            seen.add(_same(each))
            found.append(each)
    return found


def _pluck(values: Any, key: Any) -> list[Any]:
    return [_entry(each, key) for each in read_members(values)]


def _where(values: Any, key: Any, value: Any) -> list[Any]:
    return [each for each in read_members(values) if _same(_entry(each, key)) == _same(value)]


def _entry(member: Any, key: Any) -> Any:
    if not isinstance(member, Mapping):
        raise TypeError("a list of dictionaries is needed")
    return member.get(read_text(key))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "len": lambda value: len(value),
    "sum": lambda values: sum(map(read_number, read_members(values))),
    "any": lambda values: any(read_members(values)),
    "all": lambda values: all(read_members(values)),
    "contains": _contains,
    "count": lambda values, value: sum(_same(each) == _same(value) for each in read_members(values)),
    "join": _join,
    "sorted": lambda values: sorted(read_members(values)),
    "reversed": lambda values: list(read_members(values))[::-1],
    "distinct": _distinct,
    "pluck": _pluck,
    "where": _where,
}
