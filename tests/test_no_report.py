"""No-report areas and times: a report there is kept and flagged; broken rules are told with line and remedy."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.cases.evaluation_facts import evaluation_facts
from engine.cases.listing import CaseFilter, list_cases
from engine.cases.views import describe
from engine.checks import check_city
from engine.city import load_city
from engine.errors import CityBroken
from engine.no_report import AREAS, COLUMNS, FILE
from engine.platform import build_platform
from engine.testing.casework import CaseWork
from engine.testing.small_city import SmallTown

WORKS = [[116.0, 28.0], [116.001, 28.0], [116.001, 28.001], [116.0, 28.001], [116.0, 28.0]]
INSIDE, OUTSIDE = {"lon": 116.0005, "lat": 28.0005}, {"lon": 116.0015, "lat": 28.0015}
RULE = {
    "code": "works", "name": "工地围挡内", "name_en": "Inside the hoarding", "areas": "WORKS", "classes": "component",
    "from": "", "to": "", "when": "", "reason": "由施工单位负责", "reason_en": "The builder answers for it",
}  # fmt: skip


def write_rules(town: SmallTown, *rules: dict[str, str]) -> None:
    lines = [",".join(COLUMNS), *(",".join({**RULE, **rule}[name] for name in COLUMNS) for rule in rules)]
    (town.folder / FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")
    feature: dict[str, Any] = {
        "type": "Feature", "properties": {"code": "WORKS", "name": "工地"},
        "geometry": {"type": "Polygon", "coordinates": [WORKS]},
    }  # fmt: skip
    areas = {"type": "FeatureCollection", "features": [feature]}
    (town.folder / AREAS).write_text(json.dumps(areas), encoding="utf-8")
    town.city = load_city(str(town.folder))
    town.platform = build_platform(town.session, town.city, clock=town.clock)


def flags(town: SmallTown, **report: Any) -> str | None:
    return CaseWork(town, **report).case.no_report


def test_a_report_inside_is_kept_flagged_and_told_with_its_reason(town: SmallTown) -> None:
    write_rules(town, {})
    work, other = CaseWork(town, **INSIDE), CaseWork(town, **OUTSIDE)
    assert work.open() == ["accept"]  # nothing is refused: the acceptor decides
    assert work.history()[:2] == ["reported", "no_report"]
    assert (work.case.no_report, other.case.no_report) == ("works", None)
    acceptor, now = town.actor("acceptor"), town.clock.now()
    [told] = describe(town.session, town.platform, acceptor, work.case, now).no_report
    assert (told.rule.name, told.reason, told.reason_en) == (RULE["name"], RULE["reason"], RULE["reason_en"])
    directory = town.platform.host.directory
    found = list_cases(town.session, acceptor, directory, CaseFilter(no_report=True), now)
    assert [case.number for case in found.rows] == [work.case.number]
    facts = evaluation_facts(town.session, work.case, town.platform.host.calendar, now).to_json()
    assert facts["no_report"] is True


def test_days_hours_classes_and_divisions_narrow_a_rule(town: SmallTown) -> None:
    write_rules(
        town,
        {"code": "evening", "areas": "", "when": "local_time(now) >= '18:00'"},
        {"code": "days_off", "areas": "990101001", "when": "not is_working_day(local_date(now))"},
        {"code": "past", "areas": "", "to": "2026-02-28"},
        {"code": "garbage", "areas": "", "classes": "event/01"},
        {"code": "urgent_too", "areas": "", "classes": "component/0101;event", "when": "report.urgent"},
    )
    garbage = {"kind": "event", "full_code": "0110", "condition_no": 1}
    assert flags(town) is None  # Monday 9:00
    assert flags(town, urgent=True) == "urgent_too"
    assert flags(town, **garbage) == "garbage"
    town.clock.set(datetime(2026, 3, 2, 10, 30, tzinfo=UTC))  # 18:30 in the city
    assert flags(town) == "evening"
    town.clock.set(datetime(2026, 3, 7, 11, 0, tzinfo=UTC))  # Saturday evening
    assert flags(town) == "evening days_off"
    assert flags(town, lon=None, lat=None) == "evening"  # a report without a place lies in no area


WRONG = [
    ({"areas": "WORK"}, "no area, division or grid 'WORK'", "did you mean WORKS"),
    ({"classes": "event/0777"}, "no class 'event/0777'", "event"),
    ({"from": "2026-13-01"}, "from '2026-13-01' is no date", "write it as"),
    ({"from": "2026-03-01", "to": "2026-02-01"}, "ends on 2026-02-01, before it begins", "correct one"),
    ({"when": "local_time(now) >>= '18:00'"}, "when cannot be read", ""),
    ({"when": "case.urgent"}, "when reads case", "report"),
    ({"when": "report.colour == 'red'"}, "when reads report.colour", "report has kind"),
    ({"reason": ""}, "has no reason", "write one"),
    ({"reason_en": ""}, "no English", "fill in"),
]


def test_the_check_names_line_and_remedy_of_every_wrong_rule(town: SmallTown) -> None:
    rules = [{**rule, "code": f"rule_{at}"} for at, (rule, _message, _remedy) in enumerate(WRONG)]
    write_rules(town, *rules, {"code": "all"})
    told = [finding for finding in check_city(town.city) if finding.file == FILE]
    assert [finding.line for finding in told] == list(range(2, len(WRONG) + 2)), told
    for finding, (_rule, message, remedy) in zip(told, WRONG, strict=True):
        assert message in finding.message
        assert remedy in finding.remedy


def test_a_broken_area_is_told_and_refuses_to_start(town: SmallTown) -> None:
    write_rules(town, {})
    path: Path = town.folder / AREAS
    crossed = path.read_text(encoding="utf-8").replace(
        "[116.001, 28.001], [116.0, 28.001]", "[116.0, 28.001], [116.001, 28.001]"
    )
    path.write_text(crossed, encoding="utf-8")
    [told] = [finding for finding in check_city(town.city) if finding.file == AREAS]
    assert "not valid" in told.message
    path.write_text(crossed.replace('"Polygon"', '"Blob"'), encoding="utf-8")
    town.platform = build_platform(town.session, town.city, clock=town.clock)
    with pytest.raises(CityBroken, match="WORKS cannot be read"):
        CaseWork(town)


def test_duplicate_rules_with_faults_are_told(town: SmallTown) -> None:
    (town.folder / "duplicates.csv").write_text(
        "kind,code,radius_m,half_life_h,closed_h,w_distance,w_class,w_text,w_time,least\n"
        "event,0110,far,10,10,1,1,1,1,0.5\nevent,0777,50,10,10,1,1,1,1,0.5\nevent,0110,50,10,10,0,0,0,0,0.5\n",
        encoding="utf-8",
    )
    (town.folder / "recurring.csv").write_text("kind,code,radius_m,times,days\n*,0110,30,3,90\n", encoding="utf-8")
    (town.folder / "confusable_classes.csv").write_text("group,kind,code,likeness\n,event,0110,2\n", encoding="utf-8")
    told = [(f.file, f.line, f.message) for f in check_city(town.city) if "/" not in f.file]
    assert [(file, line) for file, line, _ in told] == [
        ("confusable_classes.csv", 2), ("duplicates.csv", 2), ("duplicates.csv", 3), ("duplicates.csv", 4),
        ("duplicates.csv", 4), ("recurring.csv", 2),
    ]  # fmt: skip
    words = " ".join(message for *_, message in told)
    for expected in ("names no group", "radius_m is 'far'", "no class event/0777", "stands in line 2", "is of no kind"):
        assert expected in words
