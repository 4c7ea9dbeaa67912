"""Likely duplicates: how many of those people named are found, and how many are told that are none."""

from __future__ import annotations

import csv
import gzip
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert
from sqlalchemy.orm import Session

from engine.city import City, load_city
from engine.components.cells import cell_of
from engine.database import open_database
from engine.duplicates.finding import Likely, Mine, judge, likely_duplicates
from engine.duplicates.reasons import explain
from engine.duplicates.rules import load_rules
from engine.models import Base, Case

PAIRS = Path(__file__).parent / "data" / "duplicate_pairs.csv"
BOSTON = Path(__file__).parents[2] / "shared" / "data" / "boston311-2015-01-07.csv.gz"
NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
METRES_A_DEGREE = 111_195
ROWS = 5_000
"""Requests of Boston that are looked at, from 1 January 2015 on."""
ZEROS = dict.fromkeys(("extensions", "suspensions", "reworks", "returns", "supervisions", "appeals"), 0)
EMPTY = dict.fromkeys(("stage", "limit_text", "area_class", "reporter_name", "reporter_phone"), "")


def judge_pair(city: City, row: dict[str, str]) -> Likely | None:
    rules = load_rules(city)
    mine = Mine(row["text"], row["kind"], row["full_code"], 116.0, 28.0, NOW, None)
    other = SimpleNamespace(
        id=1, number="1", title="", status="filed", kind=row["other_kind"], full_code=row["other_code"],
        description=row["other_text"], address="", lon=116.0, lat=28 + float(row["distance_m"]) / METRES_A_DEGREE,
        component_code=None, reported_at=NOW - timedelta(hours=float(row["hours"])), closed_at=None,
    )  # fmt: skip
    return judge(mine, other, rules.weighing.of(mine.kind, mine.full_code), rules.confusion)


def test_pairs_people_hold_for_one_problem_are_told_and_others_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    city = load_city("yunhe")
    with PAIRS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    told = [judge_pair(city, row) is not None for row in rows]
    for name, at in (("all", slice(None)), ("not looked at when the weights were settled", slice(1, None, 2))):
        same = [row["same"] == "yes" for row in rows[at]]
        right = sum(yes and is_same for yes, is_same in zip(told[at], same, strict=True))
        precision, recall = right / sum(told[at]), right / sum(same)
        with capsys.disabled():
            print(f"\n{len(same)} Chinese pairs, {name}: precision {precision:.2f}, recall {recall:.2f}")
        assert precision >= 0.85
        assert recall >= 0.85


def test_a_pair_explains_itself_in_both_languages() -> None:
    row = {
        "kind": "component", "full_code": "0101", "text": "井盖不见了", "other_kind": "component", "other_code": "0107",
        "other_text": "通信井盖不见了", "distance_m": "12", "hours": "2",
    }  # fmt: skip
    found = judge_pair(load_city("yunhe"), row)
    assert found is not None
    assert explain(found) == "12 米，易混类别，早 2 小时上报，描述相近，“通信井盖不见了”"
    assert explain(found, "en") == (
        '12 m, a class often taken for it, reported 2 h before, told alike, "通信井盖不见了"'
    )
    closed = replace(found, status="closed", same_component=True, hours_before=-80.0, text_likeness=None)
    assert explain(closed) == "同一部件，易混类别，晚 3 天上报，“通信井盖不见了”，已结案"


class Hotline:
    """Boston's requests in the order they came, as they stood when each of them came."""

    def __init__(self, rows: list[dict[str, str]]) -> None:
        self.city = load_city("boston")
        types = Path("cities/boston/imports/boston311_types.csv").read_text(encoding="utf-8").splitlines()
        self.codes = {row["value"]: row["full_code"] for row in csv.DictReader(types)}
        engine = open_database("sqlite://")
        Base.metadata.create_all(engine)
        self.session = Session(engine)
        self.rows = [values for at, row in enumerate(rows, 1) if (values := self.case(at, row)) is not None]
        self.by_number = {row["number"]: row for row in self.rows}
        self.written = 0

    def case(self, at: int, row: dict[str, str]) -> dict[str, Any] | None:
        if not row["LONGITUDE"] or not row["LATITUDE"]:
            return None
        lon, lat, closed = float(row["LONGITUDE"]), float(row["LATITUDE"]), moment(row["CLOSED_DT"])
        return {
            "id": at, "number": row["CASE_ENQUIRY_ID"], "status": "closed" if closed else "filed",
            "title": row["CASE_TITLE"], "description": row["CASE_TITLE"], "kind": "event",
            "full_code": self.codes.get(row["TYPE"], "9901"), "source": "public", "urgent": False,
            "self_handled": False, "lon": lon, "lat": lat, "cell": cell_of(lon, lat), "address": row["Location"],
            "reported_at": moment(row["OPEN_DT"]), "closed_at": closed, "overdue_excluded": False, "version": 1,
            **ZEROS, **EMPTY,
        }  # fmt: skip

    def told(self, number: str, limit: int = 5) -> list[str]:
        """What somebody would have been told when the request came; ask in the order they came."""
        row = self.by_number[number]
        before = [each for each in self.rows[self.written :] if each["id"] < row["id"]]
        if before:
            self.session.execute(insert(Case.__table__), before)  # type: ignore[arg-type]
            self.written += len(before)
        platform: Any = SimpleNamespace(city=self.city)
        found = likely_duplicates(
            self.session, platform, text=row["description"], full_code=row["full_code"], kind="event", lon=row["lon"],
            lat=row["lat"], now=row["reported_at"], limit=limit, exclude=row["id"],
        )  # fmt: skip
        return [each.number for each in found]


def moment(text: str) -> datetime | None:
    if not text:
        return None
    return datetime.strptime(text, "%m/%d/%Y %I:%M:%S %p").replace(tzinfo=ZoneInfo("America/New_York"))


def requests() -> Iterator[dict[str, str]]:
    with gzip.open(BOSTON, "rt", encoding="utf-8", newline="") as file:
        for at, row in enumerate(csv.DictReader(file)):
            if at >= ROWS:
                return
            yield row


@pytest.mark.skipif(not BOSTON.is_file(), reason="Boston's requests are not beside the project")
def test_requests_that_boston_closed_as_duplicates_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(requests())
    hotline = Hotline(rows)
    duplicates = {row["CASE_ENQUIRY_ID"] for row in rows if re.search("duplicate", row["CLOSURE_REASON"], re.I)}
    named = dict(
        sorted((number, row["CASE_ENQUIRY_ID"]), reverse=True, key=lambda key: hotline.by_number[key]["id"])
        for row in rows
        for number in re.findall(r"\b1010\d{8}\b", row["CLOSURE_REASON"])[:1]
        if {number, row["CASE_ENQUIRY_ID"]} <= hotline.by_number.keys() and number != row["CASE_ENQUIRY_ID"]
    )
    others = sorted(set(hotline.by_number) - duplicates - named.keys() - set(named.values()))
    sample = set(random.Random(1).sample(others, 150))
    asked = [number for number in hotline.by_number if number in named or number in sample]
    told = {number: hotline.told(number) for number in asked}
    first = sum(original in told[later][:1] for later, original in named.items())
    five = sum(original in told[later] for later, original in named.items())
    alarms = sum(bool(told[number]) for number in sample)
    with capsys.disabled():
        print(
            f"\nBoston, {len(named)} requests whose closure names the original: first of all {first / len(named):.2f}, "
            f"among five {five / len(named):.2f}; of {len(sample)} others {alarms / len(sample):.2f} are told one"
        )
    assert len(named) >= 15
    assert five / len(named) >= 0.6
    assert alarms / len(sample) <= 0.5
