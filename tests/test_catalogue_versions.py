"""The catalogue is versioned: a case keeps the version, and so the limit, under which it was filed."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from engine.calendar import LimitError
from engine.catalogue.lookup import limit_for, version_in_force
from engine.errors import CityBroken
from engine.models import CatalogueVersion, FilingCondition, Subclass
from engine.testing.casework import CaseWork
from engine.testing.small_city import SmallTown

CONDITION = (
    "kind,full_code,condition_no,defect_code,filing_condition,filing_condition_en,limit,closing_condition,source\n"
)


def change_limit(town: SmallTown, limit: str, valid_from: str) -> None:
    """The city's own limit for a missing cover, in force from a day on."""
    folder = town.folder / "catalogue"
    folder.mkdir(exist_ok=True)
    row = f"component,0101,1,MISSING,盖板缺失,Cover missing,{limit},补盖,city\n"
    (folder / "conditions.csv").write_text(CONDITION + row, encoding="utf-8")
    (folder / "version.toml").write_text(f'name = "city"\nvalid_from = {valid_from}\n', encoding="utf-8")
    town.load()


def test_a_filed_case_keeps_its_limit_when_the_catalogue_changes(town: SmallTown) -> None:
    before = CaseWork(town)
    before.file()
    change_limit(town, "5 urgent_hour", "2026-03-02")
    after = CaseWork(town)
    after.file()
    assert (before.case.limit_text, after.case.limit_text) == ("2 urgent_hour", "5 urgent_hour")
    assert before.case.catalogue_version_id != after.case.catalogue_version_id


def test_a_case_reported_before_and_filed_after_a_change_is_filed_under_the_new_version(town: SmallTown) -> None:
    work = CaseWork(town)
    change_limit(town, "5 urgent_hour", "2026-03-02")
    work.file()
    assert work.case.limit_text == "5 urgent_hour"


def test_a_version_takes_effect_on_its_day_and_not_before(town: SmallTown) -> None:
    change_limit(town, "5 urgent_hour", "2026-04-01")
    work = CaseWork(town)
    work.file()
    assert work.case.limit_text == "2 urgent_hour"
    assert version_in_force(town.session, date(2026, 4, 1)).name == "city"
    assert version_in_force(town.session, date(2026, 3, 31)).name != "city"


def test_the_limit_of_a_condition_may_depend_on_the_area_class(town: SmallTown) -> None:
    change_limit(town, "A: 1 urgent_hour; B: 3 urgent_hour; *: 1 work_day", "2026-03-02")
    limits = []
    for lon in (116.0005, 116.0015, 116.0025):
        work = CaseWork(town, lon=lon)
        work.file()
        limits.append((work.case.area_class, work.case.limit_text))
    assert sorted(limits) == [("A", "1 urgent_hour"), ("B", "3 urgent_hour"), ("C", "1 work_day")]


def test_a_limit_that_forgets_an_area_class_says_so() -> None:
    with pytest.raises(LimitError, match="area class 'C'"):
        limit_for("A: 1 urgent_hour; B: 3 urgent_hour", "C")


def test_no_catalogue_for_a_day_is_said_plainly(town: SmallTown) -> None:
    with pytest.raises(CityBroken, match="no catalogue is valid on 1999-01-01"):
        version_in_force(town.session, date(1999, 1, 1))


def test_everything_of_the_core_catalogue_is_in_the_database_with_its_provenance(town: SmallTown) -> None:
    assert len(town.session.scalars(select(CatalogueVersion)).all()) == 1
    classes = town.session.scalars(select(Subclass)).all()
    conditions = town.session.scalars(select(FilingCondition)).all()
    assert (len(classes), len(conditions)) == (242, 650)
    assert {row.code_source for row in classes} == {"found", "memory", "provisional"}
    assert {row.source for row in conditions} <= {"found", "memory", "provisional"}
