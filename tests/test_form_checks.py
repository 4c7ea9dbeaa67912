"""What `wangge check` says of forms, and what a task's form knows of the case and of who fills it in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from broken_cities import find, findings_of, write
from test_drafts import one_task, redeploy, write_form

from engine.cases.form_names import case_photos, form_names
from engine.cases.task_list import open_task
from engine.checks import errors_of
from engine.models import Evidence
from engine.testing.casework import CaseWork
from engine.testing.small_city import SmallTown, write_small_city
from engine.workflow.forms import FormInvalid


@pytest.fixture
def city(tmp_path: Path) -> Path:
    return write_small_city(tmp_path / "small")


def form_of(*components: dict[str, Any]) -> str:
    return json.dumps({"type": "default", "id": "close", "components": list(components)})


NOTE = {"type": "text", "id": "note", "text": "案卷 {{ case.number }}"}
DEDUCTION = {"type": "number", "key": "points", "label": "扣分", "properties": {"editable_by": "shift_leader"}}


def test_a_role_that_does_not_exist_is_an_error(city: Path) -> None:
    wrong = {**DEDUCTION, "properties": {"editable_by": "shift_leader shift_leadr"}}
    listed = {"type": "dynamiclist", "path": "rows", "label": "行", "allowAddRemove": False}
    inner = {**DEDUCTION, "key": "inner", "properties": {"editable_by": "nobody"}}
    write(city, "forms/close.json", form_of(NOTE, wrong, {**listed, "components": [inner]}))
    assert "did you mean shift_leader?" in find(city, "forms/close.json", "points", "'shift_leadr'").remedy
    find(city, "forms/close.json", "inner", "'nobody', which does not exist")


def test_a_component_that_is_not_supported_is_told_by_name(city: Path) -> None:
    write(city, "forms/close.json", form_of({"type": "iframe", "id": "map", "url": "https://e.example"}))
    find(city, "forms/close.json", "map", "a iframe has no place here")


@pytest.mark.parametrize(
    ("text", "words"),
    [("Case {{ case.address }}", "{{case.address}} does not stand in the text itself"), ("**Case", ""),
     ("Case ![x](https://e.example/x.png)", "a picture in a text")],
)  # fmt: skip
def test_a_translated_text_is_as_safe_as_the_text(city: Path, text: str, words: str) -> None:
    write(city, "forms/close.json", form_of(NOTE))
    write(city, "translations/en.csv", f'key,text\nform:close:note,"{text}"\n')
    if words:
        find(city, "translations/en.csv", "form:close:note", words)
    else:
        assert not [each for each in errors_of(findings_of(city)) if each.file == "translations/en.csv"]


def test_a_fact_a_text_reads_is_one_of_the_case(city: Path) -> None:
    write(city, "forms/close.json", form_of({**NOTE, "text": "{{ case.colour }} {{ roles }} {{ now }}"}))
    find(city, "forms/close.json", "close", "no fact 'colour'")
    write(city, "forms/close.json", form_of(NOTE, DEDUCTION))
    assert not [each for each in errors_of(findings_of(city)) if each.file == "forms/close.json"]


# At work


PICK = {"type": "filepicker", "key": "proof", "label": "证据", "multiple": True}


@pytest.fixture
def work(town: SmallTown) -> CaseWork:
    one_task(town)
    write_form(town, NOTE, DEDUCTION, PICK, {"type": "documentPreview", "id": "all", "dataSource": "=case_photos"})
    redeploy(town)
    return CaseWork(town)


def test_a_task_shows_the_photos_of_its_case_and_what_the_reader_may_answer(work: CaseWork) -> None:
    other = CaseWork(work.town)
    other.photo()
    work.photo("before_photo")
    mine = work.town.session.query(Evidence).filter_by(case_id=work.id).one().id
    task, session, platform = work.task("first"), work.town.session, work.town.platform
    detail = open_task(session, platform, work.town.actor("acceptor"), task.id, work.town.clock.now())
    views = {view.field.key: view for view in detail.fields}
    assert views["note"].value == {"case.number": work.case.number}
    assert views["points"].readonly
    assert [option.value for option in views["proof"].options] == [mine]
    assert views["all"].value == [mine]


def test_photos_of_other_cases_and_fields_of_other_roles_are_not_taken(work: CaseWork) -> None:
    other = CaseWork(work.town)
    other.photo()
    work.photo()
    session = work.town.session
    foreign = session.query(Evidence).filter_by(case_id=other.id).one().id
    mine = case_photos(session, work.id)
    form = work.town.platform.definitions.current(session, work.town.clock.now()).forms["sheet"]
    names = form_names(session, work.town.actor("acceptor"), work.id, form) | {"case": {"number": "1"}}
    assert form.validate({"proof": [mine[0].value], "points": 3}, names) == {"proof": [mine[0].value]}
    with pytest.raises(FormInvalid) as refused:
        form.validate({"proof": [mine[0].value, foreign]}, names)
    assert refused.value.errors["proof"][0].zh == f"照片 {foreign} 不属于本案。"
    leader = form_names(session, work.town.actor("shift_leader"), work.id, form) | {"case": {"number": "1"}}
    assert form.validate({"points": 3}, leader) == {"points": 3, "proof": None}
