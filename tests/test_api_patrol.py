"""People on the ground over the API: who may do what, and what comes back."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from api_people import Api, report
from patrol_city import ON, points, walk

from engine.models import DutyShift, Person
from engine.patrol.roster import HAND, new_shift
from engine.patrol.upkeep import look_after_patrols

MONDAY = {"from": "2026-03-02T00:00:00+08:00", "to": "2026-03-03T00:00:00+08:00"}


@pytest.fixture
def beat(api: Api) -> Api:
    """D1 is patrolled from 09:00 to 17:00, and an hour has gone."""
    from api.context import session

    with api.app.app_context():
        person = session().query(Person).filter_by(login="collector").one()
        session().add(new_shift(person.id, "D1", "day", "", ON, ON + timedelta(hours=8), HAND, ON))
        session().commit()
    api.clock.set(ON + timedelta(hours=1))
    return api


def send(api: Api, who: str = "collector", **more: Any) -> Any:
    batch = points(walk(27, step=0.0001), ON + timedelta(minutes=30), every_s=60)
    return api.post(who, "/patrol/positions", json={"points": batch, **more})


def test_positions_come_in_and_the_shift_leader_sees_who_is_where(beat: Api) -> None:
    answer = send(beat)
    assert answer.status_code == 200, answer.text
    assert answer.json == {"taken": 27, "duplicates": 0, "clock_skew_s": 0.0, "refused": []}
    assert send(beat).json["duplicates"] == 27
    found = beat.get("shift_leader", "/patrol/people").json
    assert found["counts"] == {"on_grid": 1, "off_grid": 0, "silent": 0, "unseen": 0}
    [one] = found["people"]
    assert (one["login"], one["duty_grid"], one["grid_name"]) == ("collector", "D1", "责任网格一")
    assert beat.get("collector", "/patrol/people/me").json[0]["state"] == "on_grid"
    bad = beat.post("collector", "/patrol/positions", json={"points": [[1, 2], None]}).json["refused"]
    assert [each["code"] for each in bad] == ["unreadable", "unreadable"] and all(each["remedy"] for each in bad)
    for body in ({}, {"points": 1}, {"points": [], "datum": "MARS"}, {"points": [], "sent_at": "now"}, {"dots": []}):
        body = {**body, **({"points": [[1, 2, 3, 4, 5]]} if body.get("datum") else {})}
        assert beat.post("collector", "/patrol/positions", json=body).status_code == 422, body


def test_what_each_post_may_do(beat: Api) -> None:
    send(beat)
    day = "/patrol/tracks/collector/2026-03-02"
    for who, path, status in (
        ("acceptor", "/patrol/people", 403), ("collector", "/patrol/people", 403), ("leader", "/patrol/people", 200),
        ("acceptor", "/patrol/people/me", 403), ("collector", day, 200), ("collector2", day, 403),
        ("shift_leader", day, 422), ("shift_leader", f"{day}?reason=complaint", 200),
        ("leader", f"{day}?reason=x", 403),
        ("shift_leader", "/patrol/tracks/nobody/2026-03-02?reason=x", 404),
        ("collector", "/patrol/tracks/collector/x", 422),
    ):  # fmt: skip
        assert beat.get(who, path).status_code == status, (who, path)
    assert send(beat, "acceptor").status_code == 403
    for path in (
        "/patrol/shifts",
        "/patrol/coverage",
        "/patrol/figures",
        "/patrol/shifts/file",
        "/patrol/roster-faults",
    ):
        assert beat.get("acceptor", path, query_string=MONDAY).status_code == 403, path
        assert beat.get("shift_leader", path, query_string=MONDAY).status_code == 200, path
    for path in ("/patrol/shifts", "/patrol/coverage", "/patrol/figures", "/patrol/facts"):
        own = {**MONDAY, "login": "collector"}
        assert beat.get("collector", path, query_string=own).status_code == 200, path
        assert beat.get("collector2", path, query_string=own).status_code == 403, path
    assert beat.get("shift_leader", "/patrol/shifts", query_string={**MONDAY, "to": MONDAY["from"]}).status_code == 422
    assert beat.client.get("/api/v1/patrol/people").status_code == 401


def test_looks_at_tracks_and_positions_are_on_the_audit_list(beat: Api) -> None:
    send(beat)
    for _ in range(3):
        beat.get("shift_leader", "/patrol/people")
    track = beat.get("shift_leader", "/patrol/tracks/collector/2026-03-02?reason=complaint&raw=true").json
    assert (track["points"], len(track["line"]), track["simplified"]) == (27, 27, False)
    assert 280 < track["length_m"] < 295
    told = beat.get("administrator", "/patrol/looks").json["looks"]
    assert [(each["what"], each["actor"], each["person"], each["reason"]) for each in told] == [
        ("track", "shift_leader", "collector", "complaint"), ("positions", "shift_leader", None, ""),
    ]  # fmt: skip
    assert [each["what"] for each in beat.get("collector", "/patrol/looks").json["looks"]] == ["track"]
    assert beat.get("collector2", "/patrol/looks").json["looks"] == []


def test_the_roster_changes_over_the_api(beat: Api) -> None:
    [shift] = beat.get("shift_leader", "/patrol/shifts", query_string=MONDAY).json["shifts"]
    path = f"/patrol/shifts/{shift['id']}/change"
    assert beat.put("collector", path, json={"act": "leave", "reason": "ill"}).status_code == 403
    for body in (
        {"act": "substitute", "reason": "ill"},
        {"act": "swap", "reason": "x"},
        {"act": "sleep", "reason": "x"},
    ):
        assert beat.put("shift_leader", path, json=body).status_code == 422, body
    done = beat.put("shift_leader", path, json={"act": "substitute", "reason": "ill", "login": "collector2"}).json
    assert (done["shifts"][0]["login"], done["shifts"][0]["stands_for"]) == ("collector2", shift["id"])
    assert beat.put("shift_leader", path, json={"act": "leave", "reason": "ill"}).status_code == 409
    assert beat.put("shift_leader", "/patrol/shifts/99/change", json={"act": "leave", "reason": "x"}).status_code == 404
    new = {
        "login": "collector", "duty_grid": "D2", "starts_at": "2026-03-02T18:00:00+08:00",
        "ends_at": "2026-03-02T20:00:00+08:00", "reason": "fair",
    }  # fmt: skip
    assert beat.post("shift_leader", "/patrol/shifts", json=new).status_code == 201
    assert beat.post("shift_leader", "/patrol/shifts", json=new).status_code == 409
    text = beat.get("shift_leader", "/patrol/shifts/file", query_string=MONDAY)
    assert text.content_type.startswith("text/csv") and text.text.count("\n") == 4
    back = beat.post("shift_leader", "/patrol/shifts/file", data={"file": (BytesIO(text.data), "roster.csv")})
    assert (back.status_code, back.json["unchanged"], back.json["refused"]) == (200, 3, [])
    late = text.text.replace("collector2", "ghost").encode()
    refused = beat.post("shift_leader", "/patrol/shifts/file", data={"file": (BytesIO(late), "roster.csv")}).json
    assert refused["refused"][0]["reason"].startswith("'ghost'") and refused["added"] == 0


def test_coverage_facts_and_figures_lead_back_to_cases(beat: Api) -> None:
    from api.context import platform, session

    send(beat)
    number = report(beat, "collector", source="patrol")
    [done] = beat.get("collector", "/patrol/coverage", query_string={**MONDAY, "login": "collector"}).json["coverage"]
    assert (done["share"], done["reports"], done["kept"], done["method"]) == (0.5, 1, False, "buffer-1")
    [mine] = beat.get("shift_leader", "/patrol/figures", query_string=MONDAY).json["people"]
    assert (mine["counts"]["reports"], mine["cases"]) == (1, {"reports": [number]})
    assert beat.get("shift_leader", "/patrol/facts").json == {"facts": []}
    beat.clock.set(ON + timedelta(hours=2))
    with beat.app.app_context():
        done = look_after_patrols(session(), platform(), beat.clock.now())
        assert done == ["coverage", "facts", "tracks"]
        assert look_after_patrols(session(), platform(), beat.clock.now()) == []
    beat.clock.set(ON + timedelta(hours=10))
    with beat.app.app_context():
        look_after_patrols(session(), platform(), beat.clock.now())
        assert session().query(DutyShift).count() == 1
    [fact] = beat.get("shift_leader", "/patrol/facts?kind=no_position").json["facts"]
    assert (fact["status"], fact["case"], fact["login"]) == ("ended", None, "collector")
    verdict = {"verdict": "confirmed", "reason": "x"}
    assert beat.put("shift_leader", f"/patrol/facts/{fact['id']}/verdict", json=verdict).status_code == 404
    assert beat.put("acceptor", f"/patrol/facts/{fact['id']}/verdict", json=verdict).status_code == 403
    [done] = beat.get("shift_leader", "/patrol/coverage", query_string=MONDAY).json["coverage"]
    assert done["kept"] is True and len(done["missed_cells"]) == 3


def test_a_task_is_given_to_another_over_the_api(beat: Api) -> None:
    number = report(beat, "collector", source="patrol")
    tasks = beat.get("acceptor", f"/cases/{number}").json["tasks"]
    answers = {"decision": "needs_field_proof", "condition": "component/0101/1", "urgent": False, "verify_note": "x"}
    beat.put("acceptor", f"/tasks/{tasks[0]['id']}/completion", json={"answers": answers})
    [task] = beat.get("shift_leader", f"/cases/{number}").json["tasks"]
    path = f"/patrol/tasks/{task['id']}/collector"
    assert beat.put("collector", path, json={"login": "collector2", "reason": "x"}).status_code == 403
    assert beat.put("shift_leader", path, json={"login": "collector2", "reason": ""}).status_code == 422
    given = beat.put("shift_leader", path, json={"login": "collector2", "reason": "near"})
    assert given.status_code == 200 and given.json["choice"]["rule"] == "by_hand"
    assert beat.get("collector2", f"/cases/{number}").status_code == 200
