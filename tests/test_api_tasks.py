"""Working on tasks over HTTP, up to a whole life of a case."""

from __future__ import annotations

import io
from datetime import timedelta

from api_people import Api, complete, dispatched, report
from PIL import Image

from api.scheduler import work_once
from engine.models import Task

CONDITION = {"condition": "component/0101/1", "urgent": False}


def photo() -> tuple[io.BytesIO, str]:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "grey").save(out, "JPEG")
    out.seek(0)
    return out, "photo.jpg"


def upload(api: Api, login: str, number: str, role: str = "after_photo") -> None:
    answer = api.post(login, f"/cases/{number}/evidence", data={"role": role, "file": photo()})
    assert answer.status_code == 201, answer.text


def task_of(api: Api, login: str, number: str, element: str) -> dict[str, object]:
    tasks = api.get(login, "/tasks").json["tasks"]
    return next(task for task in tasks if task["element"] == element and task["case"]["number"] == number)


def test_eight_people_bring_a_case_from_the_street_to_its_evaluation(api: Api) -> None:
    number = report(api, "collector", source="patrol")
    complete(api, "acceptor", number, "accept", {"decision": "ok", **CONDITION})
    complete(api, "shift_leader", number, "file_case", {"decision": "approve", **CONDITION})
    complete(
        api, "dispatcher", number, "assign",
        {"decision": "assign", "lead": "MUNICIPAL", "assisting": [], "instruction": "尽快"},
    )  # fmt: skip
    complete(api, "unit_clerk_municipal", number, "receive", {"decision": "accept"})
    supervised = api.post("leader", f"/cases/{number}/actions/supervise", json={"instruction": "请加快", "level": 1})
    assert supervised.status_code == 200
    replier = "unit_head_municipal"
    tasks = api.get(replier, f"/cases/{number}").json["tasks"]
    reply = next(task for task in tasks if task["stage"] == "supervise")
    assert reply["role"] == "unit_head", reply
    complete(api, replier, number, reply["element"], {"reply": "今日完成"})
    api.clock.set(api.clock.now() + timedelta(minutes=30))
    complete(api, "unit_handler_municipal", number, "handle", {"decision": "done", "handling_note": "已补盖"})

    feedback = task_of(api, "unit_clerk_municipal", number, "feedback")
    without_photo = api.put(
        "unit_clerk_municipal", f"/tasks/{feedback['id']}/completion", json={"answers": {"decision": "complete"}}
    )
    assert without_photo.status_code == 422
    assert without_photo.json["errors"][0]["field"] == "evidence"
    upload(api, "unit_handler_municipal", number)
    complete(api, "unit_clerk_municipal", number, "feedback", {"decision": "complete"})

    complete(api, "collector", number, "check", {"decision": "pass"})
    complete(api, "shift_leader", number, "close", {"decision": "close", "kind": "solved"})
    complete(api, "acceptor", number, "call_reporter", {"satisfaction": "satisfied"})
    case = api.get("acceptor", f"/cases/{number}").json
    assert (case["summary"]["status"], case["on_time"], case["satisfaction"]) == ("closed", True, "satisfied")
    assert case["summary"]["light"] == "green"
    assert [item["uploader"] for item in case["evidence"]] == ["unit_handler_municipal"]
    done = {e["actor"] for e in api.get("acceptor", f"/cases/{number}/history").json["events"]} - {"system"}
    assert done == {
        "collector", "acceptor", "shift_leader", "dispatcher", "leader", "unit_clerk_municipal", "unit_head_municipal",
        "unit_handler_municipal",
    }  # fmt: skip
    assert case["actions"] == []
    assert api.get("unit_head_municipal", f"/cases/{number}").json["actions"] == ["appeal"]


def test_a_department_neither_checks_nor_closes_its_own_case(api: Api) -> None:
    from engine.models import Person, PersonPost

    number = dispatched(api)
    complete(api, "unit_clerk_municipal", number, "receive", {"decision": "accept"})
    complete(api, "unit_handler_municipal", number, "handle", {"decision": "done", "handling_note": "已补盖"})
    upload(api, "unit_handler_municipal", number)
    complete(api, "unit_clerk_municipal", number, "feedback", {"decision": "complete"})
    check = task_of(api, "collector", number, "check")
    body = {"answers": {"decision": "pass"}}
    assert api.put("unit_clerk_municipal", f"/tasks/{check['id']}/completion", json=body).status_code == 404
    # Even a second post on the supervision side does not let a handler judge the own department's work.
    with api.app.app_context():
        from api.context import session

        handler = session().query(Person).filter_by(login="unit_handler_municipal").one()
        handler.posts.append(PersonPost(post_code="collector", department_code="SUPERVISION", duty_grid_code="D1"))
        handler.posts.append(PersonPost(post_code="shift_leader", department_code="SUPERVISION", duty_grid_code=None))
        session().commit()
    refused = api.put("unit_handler_municipal", f"/tasks/{check['id']}/completion", json=body)
    assert (refused.status_code, refused.json["type"]) == (403, "/api/v1/problems/not-allowed")
    complete(api, "collector", number, "check", {"decision": "pass"})
    close = task_of(api, "shift_leader", number, "close")
    answers = {"answers": {"decision": "close", "kind": "solved"}}
    assert api.put("unit_handler_municipal", f"/tasks/{close['id']}/completion", json=answers).status_code == 403
    assert api.put("shift_leader", f"/tasks/{close['id']}/completion", json=answers).json["status"] == "closed"


def test_a_task_that_moved_on_since_it_was_opened_is_a_conflict(api: Api) -> None:
    number = report(api)
    task = task_of(api, "acceptor", number, "accept")
    assert api.post("acceptor", f"/tasks/{task['id']}/claim").json["mine"] is True
    body = {"answers": {"decision": "ok", **CONDITION}, "seen_version": task["version"]}
    stale = api.put("acceptor", f"/tasks/{task['id']}/completion", json=body)
    assert (stale.status_code, stale.json["type"]) == (409, "/api/v1/problems/conflict")
    fresh = api.get("acceptor", f"/tasks/{task['id']}").json["task"]["version"]
    done = api.put("acceptor", f"/tasks/{task['id']}/completion", json={**body, "seen_version": fresh})
    assert (done.status_code, done.json["stage"]) == (200, "file")
    again = api.put("acceptor", f"/tasks/{task['id']}/completion", json={**body, "seen_version": fresh})
    assert again.status_code == 409
    assert "completed by acceptor" in again.json["detail"]


def test_the_same_key_completes_once_and_answers_the_same(api: Api) -> None:
    number = report(api)
    task = task_of(api, "acceptor", number, "accept")
    path, key = f"/tasks/{task['id']}/completion", {"Idempotency-Key": "accept-1"}
    body = {"answers": {"decision": "ok", **CONDITION}}
    first = api.put("acceptor", path, json=body, headers=key)
    second = api.put("acceptor", path, json=body, headers=key)
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json == second.json
    completed = [
        e for e in api.get("acceptor", f"/cases/{number}/history").json["events"] if e["kind"] == "task_completed"
    ]
    assert len(completed) == 1


def test_a_claimed_task_is_nobody_elses_until_released(api: Api, make_api: object) -> None:
    number = dispatched(api)
    task = task_of(api, "unit_clerk_municipal", number, "receive")
    with api.app.app_context():
        from api.context import session
        from engine.models import Person, PersonPost

        head = session().query(Person).filter_by(login="unit_head_municipal").one()
        head.posts.append(PersonPost(post_code="unit_clerk", department_code="MUNICIPAL", duty_grid_code=None))
        session().commit()
    assert api.post("unit_clerk_municipal", f"/tasks/{task['id']}/claim").status_code == 200
    taken = api.post("unit_head_municipal", f"/tasks/{task['id']}/claim")
    assert taken.status_code == 409
    assert "unit_clerk_municipal" in taken.json["detail"]
    assert api.get("unit_clerk_municipal", "/tasks?mine=true").json["stages"] == {"receive": 1}
    assert api.get("unit_clerk_municipal", "/tasks?group=true").json["tasks"] == []
    assert api.post("unit_head_municipal", f"/tasks/{task['id']}/release").status_code == 409
    assert api.post("unit_clerk_municipal", f"/tasks/{task['id']}/release").json["assignee"] is None
    assert api.post("unit_head_municipal", f"/tasks/{task['id']}/claim").status_code == 200


def test_the_task_list_is_paged_by_time_left_with_counts(api: Api) -> None:
    numbers = []
    for _ in range(5):
        numbers.append(report(api))
        api.clock.set(api.clock.now() + timedelta(minutes=1))
    seen: list[str] = []
    path: str | None = "/tasks?group=true&stage=accept&limit=2"
    while path:
        page = api.get("acceptor", path).json
        assert page["stages"] == {"accept": 5}
        seen += [task["case"]["number"] for task in page["tasks"]]
        path = page["next"].removeprefix("/api/v1") if page["next"] else None
    assert seen == numbers
    lights = {task["light"] for task in api.get("acceptor", "/tasks").json["tasks"]}
    assert lights == {"green"}
    api.clock.set(api.clock.now() + timedelta(minutes=9))
    tasks = api.get("acceptor", "/tasks").json["tasks"]
    assert [task["light"] for task in tasks][:3] == ["yellow", "yellow", "yellow"]
    api.clock.set(api.clock.now() + timedelta(hours=1))
    late = api.get("acceptor", "/tasks").json["tasks"][0]
    assert (late["light"], late["left_s"] < 0) == ("red", True)


def test_a_form_comes_in_the_readers_language_with_its_choices(api: Api) -> None:
    number = report(api)
    task = task_of(api, "acceptor", number, "accept")
    chinese = api.get("acceptor", f"/tasks/{task['id']}", headers={"Accept-Language": "zh-CN"}).json
    english = api.get("acceptor", f"/tasks/{task['id']}", headers={"Accept-Language": "en-GB"}).json
    assert api.get("acceptor", f"/tasks/{task['id']}?lang=en").json["form"] == english["form"]
    labels = {field["key"]: field["label"] for field in english["fields"]}
    assert labels["decision"].isascii()
    assert not {field["key"]: field["label"] for field in chinese["fields"]}["decision"].isascii()
    condition = next(field for field in english["fields"] if field["key"] == "condition")
    assert condition["required"] and condition["visible"]
    assert "component/0101/1" in [option["value"] for option in condition["options"]]
    hidden = next(field for field in english["fields"] if field["key"] == "into")
    assert not hidden["visible"]


def test_form_errors_name_the_field_in_the_readers_language(api: Api) -> None:
    number = report(api)
    task = task_of(api, "acceptor", number, "accept")
    path = f"/tasks/{task['id']}/completion"
    for language, words in (("en", "This field is required."), ("zh-CN", "请填写此项。")):
        answer = api.put("acceptor", path, json={"answers": {"decision": "ok"}}, headers={"Accept-Language": language})
        assert answer.status_code == 422
        assert {"field": "condition", "message": words} in answer.json["errors"]


def test_nobody_opens_or_completes_tasks_of_other_posts(api: Api) -> None:
    number = report(api)
    task = task_of(api, "acceptor", number, "accept")
    for method, path in (("GET", ""), ("POST", "/claim"), ("POST", "/release")):
        assert api.ask("dispatcher", method, f"/tasks/{task['id']}{path}").status_code == 404
    assert api.put("dispatcher", f"/tasks/{task['id']}/completion", json={"answers": {}}).status_code == 404
    assert api.get("acceptor", "/tasks/00000000-0000-0000-0000-000000000000").status_code == 404
    assert api.get("acceptor", "/tasks/1").status_code == 404


def test_a_failing_step_is_an_incident_with_an_id_and_changes_nothing(api: Api) -> None:
    number = report(api)
    complete(api, "acceptor", number, "accept", {"decision": "ok", **CONDITION})
    task = task_of(api, "shift_leader", number, "file_case")
    registry = api.app.extensions["wangge"].host.registry
    filing = registry.operators["case/file"]
    object.__setattr__(registry, "operators", {**registry.operators, "case/file": None})
    body = {"answers": {"decision": "approve", **CONDITION}}
    answer = api.put("shift_leader", f"/tasks/{task['id']}/completion", json=body)
    assert (answer.status_code, answer.json["type"]) == (500, "/api/v1/problems/step-failed")
    incidents = api.get("analyst", "/incidents").json["incidents"]
    assert [(i["case"], "case/file" in i["message"]) for i in incidents] == [(number, True)]
    assert answer.json["instance"] == f"urn:wangge:incident-{incidents[0]['id']}"
    assert api.get("acceptor", "/incidents").status_code == 403

    object.__setattr__(registry, "operators", {**registry.operators, "case/file": filing})
    assert api.put("shift_leader", f"/tasks/{task['id']}/completion", json=body).status_code == 200
    assert api.put("analyst", f"/incidents/{incidents[0]['id']}/resolution").status_code == 204
    assert api.get("analyst", "/incidents").json["incidents"] == []


def test_due_timers_warn_people_through_the_outbox(api: Api) -> None:
    number = dispatched(api)
    complete(api, "unit_clerk_municipal", number, "receive", {"decision": "accept"})
    work_once(api.app)
    assert api.get("unit_handler_municipal", "/notices").json["notices"] == []
    api.clock.set(api.clock.now() + timedelta(hours=2, minutes=1))
    moved, delivered = work_once(api.app)
    assert moved == 1
    assert delivered >= 1
    [notice, *_] = api.get("unit_handler_municipal", "/notices").json["notices"]
    assert (notice["case"], notice["topic"], bool(notice["text"])) == (number, "notify", True)
    assert api.get("unit_handler_sanitation", "/notices").json["notices"] == []
    assert api.put("unit_clerk_municipal", f"/notices/{notice['id']}/reading").status_code == 404
    assert api.put("unit_handler_municipal", f"/notices/{notice['id']}/reading").status_code == 204
    unread = api.get("unit_handler_municipal", "/notices?unread=true").json["notices"]
    assert notice["id"] not in [each["id"] for each in unread]
    assert api.get("acceptor", "/cases?overdue=true").json["cases"][0]["light"] == "red"
    assert work_once(api.app) == (0, 0)


def test_two_workers_see_each_others_work_at_once(make_api: object) -> None:
    first, second = make_api(), make_api()  # type: ignore[operator]
    number = report(first)
    task = task_of(second, "acceptor", number, "accept")
    complete(second, "acceptor", number, "accept", {"decision": "ok", **CONDITION})
    assert first.get("acceptor", f"/tasks/{task['id']}").json["task"]["status"] == "done"
    complete(first, "shift_leader", number, "file_case", {"decision": "approve", **CONDITION})
    assert second.get("acceptor", f"/cases/{number}").json["summary"]["status"] == "filed"
    with second.app.app_context():
        from api.context import session

        assert {task.status for task in session().query(Task).filter(Task.element != "assign")} == {"done"}


def test_longer_lists_take_no_more_queries(api: Api) -> None:
    from sqlalchemy import event

    from api.context import db

    statements: list[str] = []
    with api.app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    for path in ("/tasks", "/cases"):
        counts = []
        for _ in range(2):
            report(api)
            report(api)
            statements.clear()
            assert api.get("acceptor", path).status_code == 200
            counts.append(len(statements))
        assert counts[0] == counts[1], path
