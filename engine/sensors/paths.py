"""Where a value lies in a payload: JSONPath (RFC 9535), read by the library python-jsonpath.

A path to one value is compiled to the steps of its names and indexes: following them costs a tenth of asking the
library, and every reading of every device asks for some ten of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jsonpath
from jsonpath.exceptions import JSONPathError
from jsonpath.path import JSONPath
from jsonpath.selectors import IndexSelector, NameSelector

ABSENT = object()
"""What a path that leads nowhere gives; null is a value."""


@dataclass(frozen=True)
class Path:
    """A path to one value."""

    text: str
    steps: tuple[str | int, ...]

    def find(self, payload: Any) -> Any:
        """The value, ``ABSENT`` where the payload has none."""
        for step in self.steps:
            if isinstance(step, str):
                if not isinstance(payload, dict) or step not in payload:
                    return ABSENT
                payload = payload[step]
            else:
                if not isinstance(payload, list) or not -len(payload) <= step < len(payload):
                    return ABSENT
                payload = payload[step]
        return payload


@dataclass(frozen=True)
class ManyPath:
    """A path to several values, such as the readings of a batch."""

    text: str
    query: JSONPath

    def find(self, payload: Any) -> list[Any]:
        """The values, in the order of the payload."""
        return list(self.query.findall(payload))


def read_path(text: str) -> Path:
    """A path to one value, such as ``$.data.pm10`` or ``$['空气'][0]``. Raises ValueError with the remedy."""
    query = _compile(text)
    if not query.singular_query():
        raise ValueError(f"{text} leads to several values; name one, as in $.data[0].value")
    steps: list[str | int] = []
    for segment in query.segments:
        selector = segment.selectors[0]
        if isinstance(selector, NameSelector):
            steps.append(selector.name)
        elif isinstance(selector, IndexSelector):
            steps.append(selector.index)
        else:
            raise ValueError(f"{text} is not made of names and indexes; write it as in $.data[0].value")
    return Path(text, tuple(steps))


def read_many_path(text: str) -> ManyPath:
    """A path to the members of a list, such as ``$.data[*]``. Raises ValueError with the remedy."""
    query = _compile(text)
    if query.singular_query():
        raise ValueError(f"{text} leads to one value; name the members of a list, as in $.data[*]")
    return ManyPath(text, query)


def _compile(text: str) -> JSONPath:
    if not text.startswith("$"):
        raise ValueError(f"{text!r} is no path; begin with $, as in $.data.value")
    try:
        query = jsonpath.compile(text)
    except JSONPathError as error:
        raise ValueError(f"{text!r} is no path ({str(error).splitlines()[0]}); write it as in $.data.value") from error
    if not isinstance(query, JSONPath):
        raise ValueError(f"{text!r} joins several paths; write one")
    return query
