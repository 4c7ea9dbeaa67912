"""Drafts: what a clerk has half filled in is kept, valid or not, for its author alone, through every migration."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from api_people import Api, report
from hypothesis import given, settings
from hypothesis import strategies as st
from small_diagrams import chain, service, user, write_process
from sqlalchemy import func, select

from engine.cases.drafts import (
    SIZE_LIMIT,
    DraftView,
    Sheet,
    discard_draft,
    drafted,
    is_renewed,
    left_drafts,
    read_draft,
    save_draft,
    sweep_drafts,
    written_form,
)
from engine.cases.migrating import count_items, list_items, run_migration, start_migration, undo_migration
from engine.cases.migration_preview import Order, preview_migration
from engine.city import load_city
from engine.database import begin_write
from engine.errors import Conflict, Invalid, NotFound
from engine.models import Draft, Migration
from engine.testing.casework import CaseWork
from engine.testing.scratch import NoServer, scratch_postgresql
from engine.testing.small_city import SmallTown, write_small_city
from engine.workflow.deployments import deploy
from engine.workflow.forms import FormInvalid, load_form
from engine.workflow.forms_drafts import Parted, is_empty, part_answers, put_back, word_stray
from engine.workflow.step import StepFailed

TEXT = {"type": "textarea", "key": "reason", "label": "理由", "validate": {"required": True, "minLength": 4}}
PEOPLE = {"type": "number", "key": "people", "label": "人数", "validate": {"max": 9}}
WHY = {"type": "select", "key": "why", "label": "原因", "values": [{"value": "rain", "label": "天气"}]}
PLATE = {"type": "textfield", "key": "plate", "label": "车牌"}
COLOUR = {"type": "textfield", "key": "colour", "label": "颜色"}
NOTICE = {"type": "textfield", "key": "notice", "label": "上一步意见", "readonly": True}
HALF = {"reason": "未", "people": "many", "why": "rain", "cars": [{"plate": "A1", "colour": "red"}, {"plate": ""}]}


def cars(*columns: dict[str, Any]) -> dict[str, Any]:
    return {"type": "dynamiclist", "path": "cars", "label": "车辆", "components": list(columns)}


def write_form(town: SmallTown, *components: dict[str, Any], name: str = "sheet") -> int:
    (town.folder / "forms").mkdir(exist_ok=True)
    schema = {"type": "default", "id": name, "components": list(components)}
    (town.folder / f"forms/{name}.json").write_text(json.dumps(schema), encoding="utf-8")
    return redeploy(town)


def redeploy(town: SmallTown) -> int:
    begin_write(town.session)
    now = town.clock.now()
    found = deploy(town.session, load_city(str(town.folder)), now, author="analyst", reason="test", effective_at=now)
    town.session.commit()
    return found.id


def one_task(town: SmallTown, name: str = "first", form: str = "sheet") -> None:
    write_process(town.folder, [user(name, form=form)], chain("start", name, "end"))


@pytest.fixture
def town(tmp_path: Path) -> Iterator[SmallTown]:
    """A case is one task with the form ``sheet``."""
    town = SmallTown(write_small_city(tmp_path / "small"))
    one_task(town)
    write_form(town, TEXT, PEOPLE, WHY, cars(PLATE, COLOUR), NOTICE)
    yield town
    town.close()


@pytest.fixture
def work(town: SmallTown) -> CaseWork:
    return CaseWork(town)


def keep(work: CaseWork, answers: dict[str, Any], login: str = "acceptor", **options: Any) -> DraftView:
    town, task = work.town, work.task(work.open()[0])
    return save_draft(town.session, town.platform, town.actor(login), task.id, answers, now=town.clock.now(), **options)


def read(work: CaseWork, login: str = "acceptor") -> DraftView:
    town, task = work.town, work.task(work.open()[0])
    return read_draft(town.session, town.platform, town.actor(login), task.id)


def count(town: SmallTown) -> int:
    town.session.rollback()
    return town.session.scalar(select(func.count()).select_from(Draft)) or 0


def migrate(town: SmallTown, deployment: int, **mapping: str) -> Migration:
    now = town.clock.now()
    order = Order(deployment, mapping=mapping)
    migration = start_migration(town.session, town.platform, order, now, author="analyst", reason="new form")
    run_migration(town.session, town.platform, migration.id, now)
    assert count_items(town.session, migration.id) == {"migrated": 1}
    return migration


# Keeping and reading


def test_a_draft_keeps_what_is_invalid_and_unfinished(work: CaseWork) -> None:
    keep(work, HALF)
    work.forget_live()
    found = read(work)
    assert (found.answers, found.set_aside, found.saved_at) == (HALF, (), work.town.clock.now())


def test_there_is_one_draft_a_task_and_person_and_the_last_one_counts(work: CaseWork) -> None:
    keep(work, {"reason": "1"})
    keep(work, {"reason": "2"})
    assert (count(work.town), read(work).answers) == (1, {"reason": "2"})


def test_a_draft_is_seen_by_its_author_alone(work: CaseWork) -> None:
    keep(work, {"reason": "mine"})
    with pytest.raises(NotFound):
        read(work, "shift_leader")
    with pytest.raises(NotFound, match="for your post"):
        keep(work, {"reason": "theirs"}, "shift_leader")
    assert count(work.town) == 1


def test_fields_the_form_does_not_have_are_refused_by_name_all_at_once(work: CaseWork) -> None:
    keep(work, {"reason": "kept"})
    with pytest.raises(FormInvalid) as refused:
        keep(work, {"colour": "x", "cars": [{"size": 1}, 7], "why": ["rain"], "reason": "lost"})
    found = {path: messages[0].message_key for path, messages in refused.value.errors.items()}
    assert found == {"colour": "unknown", "cars[0].size": "unknown", "cars[1]": "type", "why": "type"}
    assert read(work).answers == {"reason": "kept"}


def test_what_a_readonly_field_shows_is_no_answer(work: CaseWork) -> None:
    assert keep(work, {"notice": "forged", "reason": "r"}).answers == {"reason": "r"}


def test_a_draft_that_is_too_large_names_its_longest_field(work: CaseWork) -> None:
    with pytest.raises(Invalid, match="shorten reason") as refused:
        keep(work, {"people": "1", "reason": "字" * (SIZE_LIMIT // 3)})
    assert refused.value.field == "answers.reason"
    assert keep(work, {"reason": "字" * (SIZE_LIMIT // 3 - 100)}).set_aside == ()


def test_a_second_window_does_not_overwrite_the_first(work: CaseWork) -> None:
    first = keep(work, {"reason": "1"}, seen_at=None)
    second = keep(work, {"reason": "2"}, seen_at=first.saved_at)
    assert second.saved_at > first.saved_at  # although the clock stands still
    for seen in (first.saved_at, None):
        with pytest.raises(Conflict, match="another window"):
            keep(work, {"reason": "3"}, seen_at=seen)
    assert read(work).answers == {"reason": "2"}
    discard_draft(work.town.session, work.town.actor("acceptor"), work.task("first").id)
    with pytest.raises(Conflict, match="discarded"):
        keep(work, {"reason": "3"}, seen_at=second.saved_at)


def test_the_same_draft_again_is_no_conflict(work: CaseWork) -> None:
    first = keep(work, {"reason": "1"}, seen_at=None)
    assert keep(work, {"reason": "1"}, seen_at=None) == first


def test_a_discarded_draft_is_gone_and_discarding_again_does_no_harm(work: CaseWork) -> None:
    keep(work, HALF)
    town, task = work.town, work.task("first")
    for _ in range(2):
        discard_draft(town.session, town.actor("acceptor"), task.id)
    with pytest.raises(NotFound, match="no draft"):
        read(work)


def test_a_task_without_form_has_nothing_to_keep(town: SmallTown) -> None:
    one_task(town, form="")
    redeploy(town)
    with pytest.raises(Invalid, match="no form"):
        keep(CaseWork(town), {})


def test_an_unknown_task_has_no_draft(work: CaseWork) -> None:
    town = work.town
    with pytest.raises(NotFound, match="for your post"):
        read_draft(town.session, town.platform, town.actor("acceptor"), uuid4())


# When the task is over


def test_completing_a_task_drops_its_drafts_in_the_same_transaction(town: SmallTown) -> None:
    ask, act = user("first", form="sheet"), service("then", "case/no_such_operator")
    write_process(town.folder, [ask, act], chain("start", "first", "then", "end"))
    redeploy(town)
    work = CaseWork(town)
    keep(work, {"reason": "half"})
    with pytest.raises(FormInvalid):
        work.do("acceptor", "first", {"reason": "x"})
    with pytest.raises(StepFailed):
        work.do("acceptor", "first", {"reason": "井盖缺失"})
    assert (work.open(), read(work).answers) == (["first"], {"reason": "half"})
    one_task(town)
    redeploy(town)
    work = CaseWork(town)
    keep(work, {"reason": "half"})
    work.do("acceptor", "first", {"reason": "井盖缺失"})
    assert count(town) == 1  # that of the case whose step failed


def test_a_completed_task_takes_no_draft(work: CaseWork) -> None:
    town, task = work.town, work.task("first")
    work.do("acceptor", "first", {"reason": "井盖缺失"})
    with pytest.raises(NotFound):
        read_draft(town.session, town.platform, town.actor("acceptor"), task.id)
    with pytest.raises(Conflict, match="no longer open"):
        save_draft(town.session, town.platform, town.actor("acceptor"), task.id, {}, now=town.clock.now())


def test_what_a_colleague_wrote_stays_theirs_when_somebody_else_completes_the_task(work: CaseWork) -> None:
    town, task = work.town, work.task("first").id
    begin_write(town.session)
    now, colleague = town.clock.now(), town.actor("shift_leader")
    half = {"reason": "半途"}
    for person in (colleague.person_id, town.actor("acceptor").person_id):
        town.session.add(
            Draft(
                task_id=task, person_id=person, deployment_id=1, form="sheet", answers=half, set_aside={}, saved_at=now
            )
        )  # fmt: skip
    town.session.commit()
    work.do("acceptor", "first", {"reason": "井盖缺失"})
    assert [each.answers for each in left_drafts(town.session, town.platform, colleague, work.id)] == [half]
    assert left_drafts(town.session, town.platform, town.actor("acceptor"), work.id) == []
    assert sweep_drafts(town.session, now + timedelta(days=89)) == 0
    assert sweep_drafts(town.session, now + timedelta(days=91)) == 1


def test_a_withdrawn_task_leaves_its_draft_to_the_author_for_ninety_days(town: SmallTown) -> None:
    (town.folder / "processes/case.bpmn").unlink()
    redeploy(town)
    work = CaseWork(town)
    keep(work, {"reason": "半途"})
    task = work.task("accept").id
    work.act("shift_leader", "cancel", reason="重复")
    town.session.rollback()
    me, other = town.actor("acceptor"), town.actor("shift_leader")
    assert read_draft(town.session, town.platform, me, task).answers == {"reason": "半途"}
    left = left_drafts(town.session, town.platform, me, work.id)
    assert [(each.task, each.element, each.answers) for each in left] == [(task, "accept", {"reason": "半途"})]
    assert left_drafts(town.session, town.platform, other, work.id) == []
    with pytest.raises(Conflict, match="no longer open"):
        save_draft(town.session, town.platform, me, task, {}, now=town.clock.now())
    assert sweep_drafts(town.session, town.clock.now() + timedelta(days=89)) == 0
    assert sweep_drafts(town.session, town.clock.now() + timedelta(days=91)) == 1
    assert count(town) == 0


def test_a_draft_of_an_open_task_is_never_swept(work: CaseWork) -> None:
    keep(work, {"reason": "x"})
    assert sweep_drafts(work.town.session, work.town.clock.now() + timedelta(days=4000)) == 0
    task = work.task("first").id
    assert drafted(work.town.session, work.town.actor("acceptor"), [task, uuid4()]) == {task}


# Migration


def test_a_draft_survives_a_migration_and_what_vanished_is_told(work: CaseWork) -> None:
    town = work.town
    keep(work, HALF)
    new = write_form(town, TEXT, cars(PLATE), COLOUR)
    expected = "its draft has 人数, 原因, 车辆 1 · 颜色, which the new form does not ask for"
    previews = list(preview_migration(town.session, town.platform, Order(new), town.clock.now()))
    assert any(expected in change.en for each in previews for change in each.changes)
    migration = migrate(town, new)
    assert any(expected in note["en"] for _, item in list_items(town.session, migration.id) for note in item.notes)
    found = read(work)
    assert found.answers == {"reason": "未", "cars": [{"plate": "A1"}, {"plate": ""}]}
    assert [(each.path, each.label, each.text) for each in found.set_aside] == [
        ("people", "人数", "many"), ("why", "原因", "天气"), ("cars[0].colour", "车辆 1 · 颜色", "red"),
    ]  # fmt: skip


@pytest.mark.parametrize("saved_between", [False, True])
def test_undo_of_a_migration_brings_the_whole_draft_back(work: CaseWork, saved_between: bool) -> None:
    town = work.town
    keep(work, HALF)
    migration = migrate(town, write_form(town, TEXT, cars(PLATE), COLOUR))
    if saved_between:
        keep(work, {"reason": "新", "colour": "blue", "cars": [{"plate": "A2"}]})
        assert [each.path for each in read(work).set_aside] == ["people", "why", "cars[0].colour"]
    undo_migration(town.session, town.platform, migration.id, town.clock.now())
    assert count_items(town.session, migration.id) == {"undone": 1}
    found = read(work)
    if not saved_between:
        assert (found.answers, found.set_aside) == (HALF, ())
        return
    assert found.answers == {**HALF, "reason": "新", "cars": [{"plate": "A2", "colour": "red"}]}
    assert [(each.path, each.label, each.value) for each in found.set_aside] == [("colour", "颜色", "blue")]
    # What came back and is cleared by hand stays cleared.
    keep(work, {**found.answers, "people": "", "cars": [{"plate": "A2", "colour": ""}]})
    found = read(work)
    assert (found.answers["people"], found.answers["cars"]) == ("", [{"plate": "A2", "colour": ""}])
    assert [each.path for each in found.set_aside] == ["colour"]


def test_a_draft_follows_a_task_that_was_renamed_and_given_another_form(work: CaseWork) -> None:
    town = work.town
    keep(work, {"reason": "未", "people": 3})
    write_form(town, TEXT, name="other")
    one_task(town, "renamed", form="other")
    migration = migrate(town, redeploy(town), first="renamed")
    assert work.open() == ["renamed"]
    found = read(work)
    assert (found.answers, [each.path for each in found.set_aside]) == ({"reason": "未"}, ["people"])
    undo_migration(town.session, town.platform, migration.id, town.clock.now())
    assert read(work).answers == {"reason": "未", "people": 3}


def test_a_task_that_lost_its_form_sets_the_whole_draft_aside(work: CaseWork) -> None:
    town = work.town
    keep(work, {"reason": "未", "people": 0})
    one_task(town, form="")
    migrate(town, redeploy(town))
    assert [(each.path, each.value) for each in read(work).set_aside] == [("reason", "未"), ("people", 0)]


def test_a_page_made_before_a_migration_still_saves_all_it_has(work: CaseWork) -> None:
    town = work.town
    task = work.task("first")
    written, _form = written_form(town.session, town.platform, task)
    migrate(town, write_form(town, TEXT))
    assert is_renewed(town.session, town.platform, work.task("first"), written)
    with pytest.raises(FormInvalid):
        keep(work, {"reason": "写", "people": 3})
    found = keep(work, {"reason": "写", "people": 3}, sheet=written)
    assert (found.answers, [each.label for each in found.set_aside]) == ({"reason": "写"}, ["人数"])
    # A form the case never ran on opens no door.
    never = write_form(town, TEXT, PEOPLE)
    with pytest.raises(FormInvalid):
        keep(work, {"people": 3}, sheet=Sheet(never, "sheet"))


def test_a_field_of_another_kind_sets_the_old_value_aside(work: CaseWork) -> None:
    town = work.town
    keep(work, {"cars": [{"plate": "A1", "colour": "red"}], "why": "rain"})
    migrate(town, write_form(town, {**TEXT, "key": "cars"}, {**WHY, "type": "checklist"}))
    found = read(work)
    assert found.answers == {}
    assert [(each.label, each.text) for each in found.set_aside] == [("车辆", "车牌: A1; 颜色: red"), ("原因", "天气")]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["plate", "colour", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)
_ANSWERS = st.dictionaries(st.sampled_from(["reason", "people", "why", "cars", "notice", "x"]), _JSON, max_size=6)


@settings(max_examples=300, deadline=None)
@given(_ANSWERS)
def test_any_answers_are_parted_without_loss_and_can_be_put_back(answers: dict[str, Any]) -> None:
    schema = {"type": "default", "id": "sheet", "components": [TEXT, PEOPLE, WHY, cars(PLATE, COLOUR), NOTICE]}
    wide = load_form(json.dumps(schema), "forms/sheet.json")
    narrow = load_form(json.dumps({**schema, "components": [TEXT, cars(PLATE)]}), "forms/sheet.json")
    fitting = part_answers(wide, answers)
    assert part_answers(wide, fitting.known) == Parted(fitting.known, {})
    wide.fields({}, fitting.known)
    parted = part_answers(narrow, fitting.known)
    back = {**parted.known}
    for path, stray in parted.strays.items():
        assert word_stray(wide, path, stray.value).text
        assert put_back(wide, back, path, stray.value)
    full = {key: value for key, value in fitting.known.items() if not is_empty(value)}
    assert {key: _bare(value) for key, value in back.items() if not is_empty(value)} == {
        key: _bare(value) for key, value in full.items()
    }
    assert json.loads(json.dumps(back)) == back


def _bare(value: Any) -> Any:
    """Rows without what is empty in them."""
    if isinstance(value, list):
        return [_bare(each) for each in value]
    if isinstance(value, dict):
        return {key: each for key, each in value.items() if not is_empty(each)}
    return value


# Over HTTP


def test_a_draft_is_put_read_and_deleted_over_http(api: Api) -> None:
    number = report(api)
    task = api.get("acceptor", f"/cases/{number}").json["tasks"][0]
    path = f"/tasks/{task['id']}/draft"
    missing = api.get("acceptor", path)
    assert (missing.status_code, missing.json["type"]) == (404, "/api/v1/problems/not-found")
    saved = api.put("acceptor", path, json={"answers": {"decision": "nonsense"}, "seen_at": None})
    assert (saved.status_code, saved.json["answers"], saved.json["set_aside"]) == (200, {"decision": "nonsense"}, [])
    seen = saved.json["saved_at"]
    other = api.put("acceptor", path, json={"answers": {}, "seen_at": None})
    assert (other.status_code, other.json["type"]) == (409, "/api/v1/problems/conflict")
    again = api.put("acceptor", path, json={"answers": {"reason": "半"}, "seen_at": seen})
    assert again.json["saved_at"] > seen
    assert api.get("acceptor", path).json == again.json
    assert api.get("shift_leader", path).status_code == 404
    for _ in range(2):
        assert api.ask("acceptor", "DELETE", path).status_code == 204
    assert api.get("acceptor", path).status_code == 404


def test_what_is_refused_of_a_draft_is_named_over_http(api: Api) -> None:
    number = report(api)
    path = f"/tasks/{api.get('acceptor', f'/cases/{number}').json['tasks'][0]['id']}/draft"
    unknown = api.put("acceptor", path, json={"answers": {"colour": "x"}}, headers={"Accept-Language": "en"})
    assert (unknown.status_code, unknown.json["type"]) == (422, "/api/v1/problems/form-invalid")
    assert unknown.json["errors"] == [{"field": "colour", "message": "The form has no field “colour”."}]
    large = api.put("acceptor", path, json={"answers": {"reason": "x" * SIZE_LIMIT}})
    assert (large.status_code, large.json["errors"][0]["field"]) == (422, "answers.reason")
    late = api.put("acceptor", path, json={"answers": {}, "seen_at": "yesterday"})
    assert (late.status_code, late.json["errors"][0]["field"]) == (422, "seen_at")
    assert api.put("shift_leader", path, json={"answers": {}}).status_code == 404
    assert api.put("acceptor", path, json={}).json["errors"][0]["field"] == "answers"


@pytest.mark.postgresql
def test_drafts_work_on_postgresql(tmp_path: Path) -> None:
    try:
        with scratch_postgresql() as url:
            town = SmallTown(write_small_city(tmp_path / "small"), url)
            one_task(town)
            write_form(town, TEXT, PEOPLE)
            work = CaseWork(town)
            first = keep(work, {"reason": "1", "people": 2}, seen_at=None)
            with pytest.raises(Conflict, match="another window"):
                keep(work, {"reason": "2"}, seen_at=None)
            migration = migrate(town, write_form(town, TEXT))
            keep(work, {"reason": "3"}, seen_at=first.saved_at)
            undo_migration(town.session, town.platform, migration.id, town.clock.now())
            assert read(work).answers == {"reason": "3", "people": 2}
            work.do("acceptor", "first", {"reason": "井盖缺失", "people": 2})
            assert (count(town), sweep_drafts(town.session, town.clock.now())) == (0, 0)
            town.close()
    except NoServer as reason:
        if os.environ.get("WANGGE_NO_SKIP"):
            raise
        pytest.skip(str(reason))
