"""Read ``*.scenarios.toml``: every fault of a file with its place and remedy, never only the first."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

from engine.city import City
from engine.errors import CityBroken
from engine.layers import Found
from engine.scenarios.values import STEP_KINDS, Expected, Given, OpenTask, Scenario, ScenarioStep

FOLDER, SUFFIX = "scenarios", ".scenarios.toml"
TOP = {"stretch", "scenario"}
SCENARIO = {"title", "given", "step", "expect"}
GIVEN = {"moment", "report", "area_class", "by", "process", "other", "matter", "answers", "procedures", "registers"}
STEP = {*STEP_KINDS, "by", "scope", "of", "answers", "payload", "photos", "expect", "note"}
EXPECT = {
    "open", "stage", "status", "ended", "due", "clocks", "case", "variables", "history", "notices", "overdue",
    "refused", "registers",
}  # fmt: skip
REPORT = {
    "kind", "full_code", "description", "source", "lon", "lat", "address", "condition_no", "component_code", "urgent",
    "self_handled", "reporter_name", "reporter_phone", "external_id", "title",
}  # fmt: skip
OPEN = re.compile(r"^(?P<element>\w+)(?: by (?P<role>\w+))?(?: @ (?P<scope>.+?))?(?: due (?P<due>.+))?$")


@dataclass(frozen=True)
class Fault:
    """What is wrong in a scenario file; ``place`` names scenario and step."""

    place: str
    message: str
    remedy: str


@dataclass
class ScenarioFile:
    """One file: its scenarios and the stretches (steps by name) that scenarios of any file may use."""

    scenarios: list[Scenario] = field(default_factory=list)
    stretches: dict[str, tuple[ScenarioStep, ...]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


@dataclass(frozen=True)
class ScenarioBook:
    """All scenarios of a city with its layers, and all stretches."""

    scenarios: tuple[Scenario, ...]
    stretches: Mapping[str, tuple[ScenarioStep, ...]]


def read_book(city: City) -> ScenarioBook:
    """Every scenario of core, plugins and city. Raises CityBroken with every fault of every file."""
    scenarios: list[Scenario] = []
    stretches: dict[str, tuple[ScenarioStep, ...]] = {}
    told: list[str] = []
    for found in city.layers.listing(FOLDER, SUFFIX):
        read = read_file(found)
        told += [f"{found.logical}: {fault.place}: {fault.message}; {fault.remedy}" for fault in read.faults]
        told += [
            f"{found.logical}: stretch {name}: another file has a stretch of this name; rename one"
            for name in read.stretches
            if name in stretches
        ]
        scenarios += read.scenarios
        stretches |= read.stretches
    if told:
        raise CityBroken("\n".join(told))
    return ScenarioBook(tuple(scenarios), stretches)


def read_file(found: Found) -> ScenarioFile:
    """One file, with all its faults."""
    file = ScenarioFile()
    try:
        content = tomllib.loads(found.read())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        file.faults.append(Fault("file", f"unreadable: {error}", "correct it; it must be TOML in UTF-8"))
        return file
    reader = _Reader(file)
    reader.known("file", content, TOP)
    for number, entry in enumerate(reader.tables("file", content, "stretch"), 1):
        name = reader.text(f"stretch {number}", entry, "name") or ""
        if not name:
            reader.fault(f"stretch {number}", "it has no name", 'add name = "…"')
        if name in file.stretches:
            reader.fault(f"stretch {name}", "there are two of this name", "rename one")
        reader.known(f"stretch {name}", entry, {"name", "step"})
        file.stretches[name] = tuple(reader.steps(f"stretch {name}", entry))
    titles: set[str] = set()
    for number, entry in enumerate(reader.tables("file", content, "scenario"), 1):
        title = reader.text(f"scenario {number}", entry, "title") or ""
        place = title or f"scenario {number}"
        if not title:
            reader.fault(place, "it has no title", 'add title = "…": one sentence that says what must be true')
        if title in titles:
            reader.fault(place, "two scenarios have this title", "give each its own")
        titles.add(title)
        reader.known(place, entry, SCENARIO)
        steps = tuple(reader.steps(place, entry))
        expect = reader.expect(place, entry)
        file.scenarios.append(
            Scenario(title, found.logical, found.layer.name, reader.given(place, entry), steps, expect)
        )
    return file


def read_steps(place: str, tables: Sequence[Mapping[str, Any]]) -> tuple[ScenarioStep, ...]:
    """Steps kept elsewhere than in a scenario file; errors name ``place``. Raises CityBroken with every fault."""
    file = ScenarioFile()
    steps = tuple(_Reader(file).steps(place, {"step": list(tables)}))
    if file.faults:
        raise CityBroken("\n".join(f"{fault.place}: {fault.message}; {fault.remedy}" for fault in file.faults))
    return steps


class _Reader:
    """Turns parsed TOML into values and notes faults on the way."""

    def __init__(self, file: ScenarioFile) -> None:
        self.file = file

    def fault(self, place: str, message: str, remedy: str) -> None:
        self.file.faults.append(Fault(place, message, remedy))

    def known(self, place: str, table: Mapping[str, Any], keys: set[str]) -> None:
        for key in table:
            if key not in keys:
                self.fault(place, f"unknown key {key!r}", f"use one of {', '.join(sorted(keys))}")

    def tables(self, place: str, table: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            self.fault(place, f"{key} is no list of tables", f"write [[{key}]]")
            return []
        return value

    def table(self, place: str, table: Mapping[str, Any], key: str) -> dict[str, Any]:
        value = table.get(key, {})
        if not isinstance(value, dict):
            self.fault(place, f"{key} is no table", f"write {key}.name = value")
            return {}
        return {name: _plain(each) for name, each in value.items()}

    def entries(self, place: str, table: Mapping[str, Any]) -> dict[str, Any]:
        """Lists of columns by register."""
        found = self.table(place, table, "registers")
        for name, rows in found.items():
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                self.fault(f"{place}: registers", f"{name} is no list of entries", f"write {name} = [{{code = …}}]")
                return {}
        return found

    def text(self, place: str, table: Mapping[str, Any], key: str) -> str | None:
        value = _plain(table.get(key))
        if value is None or isinstance(value, str):
            return value
        self.fault(place, f"{key} is no text", f'write {key} = "…"')
        return None

    def texts(self, place: str, table: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
        value = table.get(key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            self.fault(place, f"{key} is no list of texts", f'write {key} = ["…"]')
            return None
        return tuple(value)

    def truth(self, place: str, table: Mapping[str, Any], key: str) -> bool | None:
        value = table.get(key)
        if value is None or isinstance(value, bool):
            return value
        self.fault(place, f"{key} is neither true nor false", f"write {key} = true")
        return None

    def given(self, place: str, entry: Mapping[str, Any]) -> Given:
        place = f"{place}: given"
        given = self.table(place, entry, "given")
        self.known(place, given, GIVEN)
        report = self.table(place, given, "report")
        self.known(f"{place}: report", report, REPORT)
        moment = self.text(place, given, "moment") or Given.moment
        self.moment(place, moment)
        matter, process = self.text(place, given, "matter"), self.text(place, given, "process")
        if matter and process:
            self.fault(place, "a matter has its own process", "take process out")
        if "answers" in given and not matter:
            self.fault(place, "answers are those of a matter's form", 'write matter = "…", or take them out')
        return Given(
            moment, report, self.text(place, given, "area_class"), self.text(place, given, "by"), process,
            bool(self.truth(place, given, "other")), matter, self.table(place, given, "answers"),
            self.table(place, given, "procedures"), self.entries(place, given),
        )  # fmt: skip

    def moment(self, place: str, text: str) -> None:
        try:
            parsed = datetime.fromisoformat(text)
        except ValueError:
            self.fault(place, f"{text!r} is no moment", 'write it in the city\'s time: "2026-03-02 09:00"')
            return
        if parsed.tzinfo is not None:
            self.fault(place, f"{text!r} has an offset", "leave it out; moments are in the city's time")

    def steps(self, place: str, entry: Mapping[str, Any]) -> Iterator[ScenarioStep]:
        for number, table in enumerate(self.tables(place, entry, "step"), 1):
            step = self.step(f"{place}: step {number}", table)
            if step is not None:
                yield step

    def step(self, place: str, table: Mapping[str, Any]) -> ScenarioStep | None:
        self.known(place, table, STEP)
        kinds = [kind for kind in STEP_KINDS if kind in table]
        if len(kinds) != 1:
            told = "nothing happens in it" if not kinds else f"{' and '.join(kinds)} at once"
            self.fault(place, told, f"write exactly one of {', '.join(STEP_KINDS)}")
            return None
        kind = kinds[0]
        answers = self.table(place, table, "payload" if kind == "action" else "answers")
        return ScenarioStep(
            kind=kind, what=self.text(place, table, kind) or "", by=self.text(place, table, "by"),
            scope=self.text(place, table, "scope"), of=self.text(place, table, "of") or "", answers=answers,
            photos=self.texts(place, table, "photos") or (), expect=self.expect(place, table),
            note=self.text(place, table, "note") or "",
        )  # fmt: skip

    def expect(self, place: str, entry: Mapping[str, Any]) -> Expected:
        place = f"{place}: expect"
        table = self.table(place, entry, "expect")
        self.known(place, table, EXPECT)
        listed = self.texts(place, table, "open")
        due = self.text(place, table, "due")
        return Expected(
            open=None if listed is None else tuple(each for text in listed if (each := self.open_task(place, text))),
            stage=self.text(place, table, "stage"), status=self.text(place, table, "status"),
            ended=self.truth(place, table, "ended"), due=due, clocks=self.table(place, table, "clocks"),
            case=self.table(place, table, "case"), variables=self.table(place, table, "variables"),
            history=self.texts(place, table, "history"), notices=self.texts(place, table, "notices"),
            overdue=self.texts(place, table, "overdue"), refused=self.text(place, table, "refused"),
            registers=self.entries(place, table),
        )  # fmt: skip

    def open_task(self, place: str, text: str) -> OpenTask | None:
        match = OPEN.match(text.strip())
        if match is None:
            remedy = 'write "element", "element by role", "element @ department" or "element due 2026-03-02 11:09"'
            self.fault(place, f"{text!r} names no task", remedy)
            return None
        return OpenTask(**match.groupdict())


def _plain(value: Any) -> Any:
    """TOML's own dates as the texts forms answer with."""
    if isinstance(value, datetime):
        return value.isoformat(" ", "minutes") if value.tzinfo is None else value.isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value
