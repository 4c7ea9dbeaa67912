"""Where and when nothing is to be reported (免采): a city's rules by area, class, days and hours.

``no_report.csv`` of plugins and city, merged by code:
``code,name,name_en,areas,classes,from,to,when,reason,reason_en``. ``areas`` are codes, separated by ``;``, of
``ground/no_report_areas.geojson`` (WGS-84), of divisions or of unit grids, empty for the whole city; ``classes`` are
``event``, ``event/04`` or ``event/0401``, empty for all; ``from`` and ``to`` are days, included; ``when`` is an
expression over ``report`` and ``now``, empty for always. A report that falls under a rule is taken and flagged, never
refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry import shape

from engine.city import City
from engine.errors import CityBroken
from engine.ground.index import Place
from engine.loading.tables import optional_date, read_csv, read_features
from engine.workflow.expressions import Expression, ExpressionError, Functions, compile_expression

FILE, AREAS = "no_report.csv", "ground/no_report_areas.geojson"
COLUMNS = ("code", "name", "name_en", "areas", "classes", "from", "to", "when", "reason", "reason_en")
REPORT_NAMES = ("kind", "full_code", "class_code", "source", "urgent", "area_class")
NAMES = frozenset({"now", "report"})


@dataclass(frozen=True)
class NoReportRule:
    """One rule. ``when`` is none for always; ``areas`` empty for everywhere."""

    code: str
    name: str
    name_en: str
    areas: tuple[str, ...]
    classes: tuple[str, ...]
    since: date | None
    until: date | None
    when: Expression | None
    when_text: str
    reason: str
    reason_en: str

    def holds_on(self, day: date) -> bool:
        """Whether the rule holds on a day of the city."""
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)

    def is_about(self, kind: str, full_code: str) -> bool:
        """Whether the rule is about a class."""
        return not self.classes or any(f"{kind}/{full_code}".startswith(each) for each in self.classes)


@dataclass(frozen=True)
class Situation:
    """A report as rules see it; ``place`` is what the ground says of its point."""

    kind: str
    full_code: str
    lon: float | None
    lat: float | None
    place: Place | None
    source: str = ""
    urgent: bool = False


class NoReport:
    """The rules of a city, ready to be asked."""

    def __init__(self, rules: Sequence[NoReportRule], areas: Mapping[str, Any], city: City) -> None:
        self.rules = tuple(rules)
        self.areas = areas
        self._city = city
        for area in areas.values():
            shapely.prepare(area)

    @classmethod
    def load(cls, city: City, functions: Functions) -> NoReport:
        """Read the files. Raises CityBroken naming line and remedy."""
        return cls(read_rules(city, functions), dict(read_areas(city)), city)

    def find(self, told: Situation, now: datetime) -> list[NoReportRule]:
        """The rules a report falls under at a moment, in the order of the file.

        A rule whose expression cannot be computed for this report does not hold.
        """
        if not self.rules:
            return []
        local = now.astimezone(self._city.time_zone)
        return [
            rule
            for rule in self.rules
            if rule.holds_on(local.date())
            and rule.is_about(told.kind, told.full_code)
            and self._is_inside(rule, told)
            and holds(rule, told, local)
        ]

    def _is_inside(self, rule: NoReportRule, told: Situation) -> bool:
        if not rule.areas:
            return True
        place = told.place
        codes = {place.grid, place.duty_grid, place.community, place.subdistrict, place.district} if place else set()
        if codes & set(rule.areas):
            return True
        if told.lon is None or told.lat is None:
            return False
        drawn = (self.areas[code] for code in rule.areas if code in self.areas)
        return any(shapely.intersects_xy(area, told.lon, told.lat) for area in drawn)


def holds(rule: NoReportRule, told: Situation, now: datetime) -> bool:
    """Whether the rule's expression is true for a report."""
    if rule.when is None:
        return True
    report = {
        "kind": told.kind, "full_code": told.full_code, "class_code": told.full_code[:2], "source": told.source,
        "urgent": told.urgent, "area_class": told.place.area_class if told.place else "",
    }  # fmt: skip
    try:
        return rule.when.evaluate({"now": now.isoformat(), "report": report}) is True
    except ExpressionError:
        return False


def read_rules(city: City, functions: Functions) -> list[NoReportRule]:
    """The rules of all layers, merged by code; none where there is no file. Raises CityBroken."""
    rules: dict[str, NoReportRule] = {}
    for found in city.layers.all_of(FILE):
        for line, row in read_csv(found.path, COLUMNS):
            try:
                rule = read_rule(row, functions)
            except ValueError as error:
                raise CityBroken(f"{FILE} of {found.layer.name}, line {line}: {error}") from error
            rules[rule.code] = rule
    return list(rules.values())


def read_rule(row: Mapping[str, str], functions: Functions) -> NoReportRule:
    """A row as a rule. Raises ValueError with what is wrong and the remedy."""
    for name in ("code", "name", "reason"):
        if not row[name]:
            raise ValueError(f"the rule has no {name}; write one")
    if " " in row["code"]:
        raise ValueError(f"code {row['code']!r} has a blank; write it in one word")
    days: dict[str, date | None] = {}
    for name in ("from", "to"):
        try:
            days[name] = optional_date(row[name])
        except ValueError as error:
            raise ValueError(f"{name} {row[name]!r} is no date; write it as 2026-10-01") from error
    if days["from"] and days["to"] and days["from"] > days["to"]:
        raise ValueError(f"the rule ends on {row['to']}, before it begins on {row['from']}; correct one of them")
    try:
        when = compile_expression(row["when"], functions) if row["when"] else None
    except ExpressionError as error:
        raise ValueError(f"when cannot be read: {error}") from error
    if when is not None and when.names - NAMES:
        unknown = ", ".join(sorted(when.names - NAMES))
        raise ValueError(f"when reads {unknown}; it knows now and report ({', '.join(REPORT_NAMES)})")
    for path in when.paths if when is not None else ():
        root, _, key = path.partition(".")
        if root == "report" and key and key.split(".")[0] not in REPORT_NAMES:
            raise ValueError(f"when reads {path}; report has {', '.join(REPORT_NAMES)}")
    return NoReportRule(
        row["code"], row["name"], row["name_en"] or row["name"], _listed(row["areas"]), _listed(row["classes"]),
        days["from"], days["to"], when, row["when"], row["reason"], row["reason_en"] or row["reason"],
    )  # fmt: skip


def read_areas(city: City) -> Iterator[tuple[str, Any]]:
    """(code, area) of the city's GeoJSON file; nothing where there is none. Raises CityBroken."""
    path: Path = city.root / AREAS
    if not path.is_file():
        return
    for _number, values, geometry in read_features(path, ("code", "name")):
        try:
            area = shape(geometry)
        except Exception as error:  # shapely has many ways to say that this is no geometry
            raise CityBroken(f"{AREAS}: {values['code']} cannot be read ({error}); draw the area again") from error
        yield str(values["code"]), area


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(";") if part.strip())
