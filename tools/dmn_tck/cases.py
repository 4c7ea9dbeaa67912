"""Test cases of the kit: inputs and expected results as values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from tools.dmn_tck.feel_names import NotOurs, make_word
from tools.dmn_tck.models import read_xml

TCK = "{http://www.omg.org/spec/DMN/20160719/testcase}"
TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
TOLERANCE = 1e-8
"""How far numbers may differ, as the kit's own runner allows."""


@dataclass(frozen=True)
class Expectation:
    """One expected result of one test case."""

    file: str
    test_id: str
    name: str
    kind: str
    error: bool
    """Whether the kit expects the evaluation to fail; other engines then give null."""
    inputs: Any
    expected: Any

    @property
    def label(self) -> str:
        """Which result it is."""
        return f"{self.file} {self.test_id} {self.name}"

    def read_inputs(self) -> dict[str, Any]:
        """The inputs by the words our language knows them by; raise NotOurs."""
        return {make_word(node.get("name")): read_value(node) for node in self.inputs}

    def read_expected(self) -> Any:
        """The expected value; raise NotOurs when our language has no such value."""
        return read_value(self.expected) if self.expected is not None else None


def read_cases(path: Path) -> tuple[str, list[Expectation]]:
    """Return the model's file name and every expected result of a test file."""
    root = read_xml(path)
    if root.tag != f"{TCK}testCases":
        raise ValueError(f"{path} starts with <{root.tag}>; a test file of the kit starts with <testCases>")
    return (root.findtext(f"{TCK}modelName") or "").strip(), list(_expectations(root, path.stem))


def _expectations(root: Any, file: str) -> Iterator[Expectation]:
    for case in root.iter(f"{TCK}testCase"):
        inputs = case.findall(f"{TCK}inputNode")
        for node in case.findall(f"{TCK}resultNode"):
            kind = node.get("type") or case.get("type") or "decision"
            name = " ".join((node.get("name") or "").split())
            error = node.get("errorResult") == "true"
            expected = node.find(f"{TCK}expected")
            yield Expectation(file, case.get("id") or "", name, kind, error, inputs, expected)


def read_value(node: Any) -> Any:
    """Read ``<value>``, ``<list>`` or ``<component>`` below a node."""
    if (values := node.find(f"{TCK}list")) is not None:
        return None if values.get(NIL) == "true" else [read_value(item) for item in values.findall(f"{TCK}item")]
    if components := node.findall(f"{TCK}component"):
        return {make_word(each.get("name")): read_value(each) for each in components}
    value = node.find(f"{TCK}value")
    if value is None or value.get(NIL) == "true":
        return None
    if value.get(TYPE) is None:
        raise NotOurs("values without a type")
    return _read_scalar(value.get(TYPE).split(":")[-1], value.text or "")


def _read_scalar(kind: str, text: str) -> Any:
    if kind == "string":
        return text
    plain = text.strip()
    if kind == "boolean":
        return plain in ("true", "1")
    if kind in ("decimal", "double", "float", "integer", "int", "long"):
        number = float(plain)
        return int(plain) if plain.lstrip("+-").isdigit() else number
    if kind in ("date", "dateTime"):
        try:
            moment = date.fromisoformat(plain) if kind == "date" else datetime.fromisoformat(plain)
        except ValueError as error:
            raise NotOurs("zones by name" if "@" in plain else "years before 1 and beyond 9999") from error
        if isinstance(moment, datetime) and moment.tzinfo is None:
            raise NotOurs("moments without an offset from UTC")
        return moment
    raise NotOurs(f"values of the type {kind}")


def same(expected: Any, actual: Any) -> bool:
    """Whether a value is the expected one; numbers may differ by TOLERANCE."""
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            return False
        return expected.keys() == actual.keys() and all(same(value, actual[key]) for key, value in expected.items())
    if isinstance(expected, list):
        if not isinstance(actual, list | tuple) or len(expected) != len(actual):
            return False
        return all(map(same, expected, actual))
    if isinstance(expected, bool) or isinstance(actual, bool) or expected is None or actual is None:
        return expected is actual
    if isinstance(expected, int | float):
        if not isinstance(actual, int | float):
            return False
        return abs(expected - actual) <= TOLERANCE * max(1.0, abs(expected))
    return type(expected) is type(actual) and bool(expected == actual)
