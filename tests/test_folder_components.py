"""A city folder's components are a survey like any other: loading it again takes back nothing that happened since."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from test_surveys import ROW, rows, write

from engine.components.changes import confirm, propose
from engine.components.rules import load_rules
from engine.errors import CityBroken
from engine.loading.surveys import import_survey
from engine.models import Component, ComponentChange, Division, Survey
from engine.testing.small_city import MONDAY, SmallTown, write_small_city

FIRST, SECOND, THIRD = (row["code"] for row in rows(3))
Load = Callable[..., SmallTown]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    city = write_small_city(tmp_path / "city")
    write(city / "ground" / "components.csv", rows(3))
    return city


@pytest.fixture
def town(folder: Path, tmp_path: Path) -> SmallTown:
    return SmallTown(folder, f"sqlite:///{tmp_path / 'small.db'}")


def reload(town: SmallTown, content: list[dict[str, str]] | None = None) -> None:
    if content is not None:
        write(town.folder / "ground" / "components.csv", content)
    town.load()
    town.session.expire_all()


def confirmed(town: SmallTown, code: str, values: dict[str, Any]) -> None:
    rules = load_rules(town.session, town.city)
    change = propose(town.session, town.actor("collector"), code, values, "seen", rules, MONDAY)
    confirm(town.session, town.actor("administrator"), change.id, "yes", rules, MONDAY)


def entry(town: SmallTown, code: str) -> Component:
    return town.session.get_one(Component, code)


def changes(town: SmallTown, kind: str) -> list[ComponentChange]:
    return list(town.session.scalars(select(ComponentChange).where(ComponentChange.kind == kind)))


def test_the_folder_is_a_survey_and_again_changes_nothing(town: SmallTown) -> None:
    assert entry(town, FIRST).attributes == {"material": "铸铁", "on_tactile_paving": False}
    assert entry(town, FIRST).grid_code == "990101001001001"
    before = town.session.execute(select(Component.__table__)).all()
    reload(town)
    assert town.session.execute(select(Component.__table__)).all() == before
    first, second = town.session.scalars(select(Survey).order_by(Survey.id))
    assert (first.origin, first.added, second.unchanged, second.changed) == ("folder", 3, 3, 0)
    assert changes(town, "survey") == []


def test_what_was_confirmed_since_stays_and_the_rest_of_the_row_may_change(town: SmallTown) -> None:
    confirmed(town, FIRST, {"lon": 116.0025, "lat": 28.0025, "state": "移除", "attributes": {"material": "复合"}})
    confirmed(town, SECOND, {"note": "by the gate"})
    reload(town, [rows(3)[0] | {"source": "普查", "on_tactile_paving": "是"}, *rows(3)[1:]])
    kept = entry(town, FIRST)
    assert (kept.lon, kept.lat, kept.grid_code) == (116.0025, 28.0025, "990101001001009")
    assert (kept.state, kept.present, kept.source) == ("移除", False, "普查")
    assert kept.attributes == {"material": "复合", "on_tactile_paving": True}
    assert entry(town, SECOND).note == "by the gate"
    [change] = changes(town, "survey")
    assert change.after.keys() == {"source", "attributes"}


def test_a_folder_that_says_something_new_is_heard(town: SmallTown) -> None:
    confirmed(town, FIRST, {"state": "破损"})
    reload(town, [rows(3)[0] | {"state": "丢失"}, *rows(3)[1:]])
    assert entry(town, FIRST).state == "丢失"


def test_what_was_surveyed_since_stays(town: SmallTown, tmp_path: Path) -> None:
    rules = load_rules(town.session, town.city)
    later = [rows(3)[0] | {"state": "破损"}, ROW | {"code": "9901010101000077"}]
    import_survey(town.session, write(tmp_path / "later.csv", later), rules, lambda: MONDAY)
    reload(town)
    assert entry(town, FIRST).state == "破损"
    assert town.session.scalar(select(func.count()).select_from(Component)) == 4


def test_an_old_file_imported_again_takes_nothing_back(town: SmallTown, tmp_path: Path) -> None:
    rules = load_rules(town.session, town.city)
    older, newer = (
        write(tmp_path / f"{state}.csv", [rows(3)[0] | {"state": state, "note": state}]) for state in ("破损", "丢失")
    )
    for path, changed in ((older, 1), (newer, 1), (older, 0)):
        assert import_survey(town.session, path, rules, lambda: MONDAY).changed == changed
        town.session.expire_all()
    assert (entry(town, FIRST).state, entry(town, FIRST).note) == ("丢失", "丢失")


def test_another_owner_in_the_folder_waits_and_a_settled_one_is_not_asked_again(town: SmallTown) -> None:
    confirmed(town, SECOND, {"dept_owner": "EMERGENCY"})
    reload(town, [rows(3)[0] | {"dept_owner": "EMERGENCY"}, *rows(3)[1:]])
    assert (entry(town, FIRST).dept_owner, entry(town, SECOND).dept_owner) == ("MUNICIPAL", "EMERGENCY")
    waiting = [change.component_code for change in changes(town, "ownership") if change.status == "proposed"]
    assert waiting == [FIRST]


def test_a_register_from_before_surveys_of_the_folder_keeps_its_history(town: SmallTown) -> None:
    confirmed(town, THIRD, {"note": "moved"})
    for survey in town.session.scalars(select(Survey)):
        town.session.delete(survey)
    town.session.commit()
    reload(town)
    assert entry(town, THIRD).note == "moved"


def test_a_file_that_is_no_survey_leaves_the_rest_of_the_folder_out_too(town: SmallTown) -> None:
    path = town.folder / "ground" / "divisions.geojson"
    path.write_text(path.read_text(encoding="utf-8").replace('"name": "990101"', '"name": "another"'), encoding="utf-8")
    with pytest.raises(CityBroken, match="no component has colour"):
        reload(town, [ROW | {"colour": "red"}])
    town.session.rollback()
    assert town.session.get_one(Division, "990101").name == "990101"
