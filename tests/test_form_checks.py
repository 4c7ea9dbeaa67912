"""What `wangge check` says of forms, and what a task's form knows of the case and of who fills it in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from broken_cities import find, findings_of, write
from small_diagrams import chain, user, write_process
from test_drafts import one_task, redeploy, write_form

from engine.cases.form_names import case_photos
from engine.cases.task_list import open_task
from engine.checks import errors_of
from engine.models import CaseEvent, Evidence
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
    other, session = CaseWork(work.town), work.town.session
    other.photo()
    work.photo()
    foreign = session.query(Evidence).filter_by(case_id=other.id).one().id
    mine = case_photos(session, work.id)[0].value
    with pytest.raises(FormInvalid) as refused:
        work.do("acceptor", "first", {"proof": [mine, foreign]})
    assert refused.value.errors["proof"][0].zh == f"照片 {foreign} 不属于本案。"
    work.do("acceptor", "first", {"proof": [mine], "points": 3})
    done = session.query(CaseEvent).filter_by(case_id=work.id, kind="task_completed").one()
    assert done.data["answers"] == {"proof": [mine]}


def test_a_role_that_may_answer_a_field_does(town: SmallTown) -> None:
    write_process(town.folder, [user("first", role="shift_leader", form="sheet")], chain("start", "first", "end"))
    write_form(town, DEDUCTION)
    work = CaseWork(town)
    work.do("shift_leader", "first", {"points": 3})
    done = town.session.query(CaseEvent).filter_by(case_id=work.id, kind="task_completed").one()
    assert done.data["answers"] == {"points": 3}
