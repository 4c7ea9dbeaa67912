"""Duplicates, undone merges, splits, links, recurring problems and no-report rules over HTTP, refusals included."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from api_people import Api, dispatched, report

from engine.testing.small_city import SmallTown

PART = {"kind": "event", "full_code": "0110", "description": "门口垃圾成堆", "condition_no": 1}
WHY = {"reason": "核对过现场"}


def later(api: Api, **delta: float) -> None:
    api.clock.set(api.clock.now() + timedelta(**delta))
    api._tokens.clear()  # logins expire


def test_likely_duplicates_are_listed_with_their_reasons(api: Api) -> None:
    first = report(api, description="路口井盖缺失")
    report(api, kind="event", full_code="0410", description="自行车乱停", condition_no=1, lat=28.0025)
    later(api, hours=2)
    second = report(api, description="井盖不见了", full_code="0102", lon=116.0006)
    answer = api.get("acceptor", f"/cases/{second}/duplicates")
    [found] = answer.json["duplicates"]
    assert (found["number"], found["class_part"], found["hours_before"]) == (first, "confusable", 2.0)
    assert found["explanation"].startswith("10 米，易混类别，早 2 小时上报")
    assert found["explanation_en"].startswith("10 m, a class often taken for it, reported 2 h before")
    assert api.get("unit_clerk_municipal", f"/cases/{second}/duplicates").status_code == 404
    assert api.get("acceptor", f"/cases/{second}/duplicates?limit=0").status_code == 422


def test_only_cases_one_sees_are_told(api: Api) -> None:
    number = dispatched(api, "MUNICIPAL")
    report(api)
    assert len(api.get("acceptor", f"/cases/{number}/duplicates").json["duplicates"]) == 1
    assert api.get("unit_clerk_municipal", f"/cases/{number}/duplicates").json["duplicates"] == []


def test_a_merge_is_undone_over_http_once(api: Api) -> None:
    first, second = report(api), report(api)
    api.post("shift_leader", f"/cases/{second}/actions/merge", json={"into": first})
    detail = api.get("acceptor", f"/cases/{first}").json
    assert [each["number"] for each in detail["reports"]] == [second]
    assert detail["reports"][0]["reporter_phone"] == "10000000001"
    assert [(link["kind"], link["status"]) for link in detail["links"]] == [("merged", "merged")]
    address, headers = f"/cases/{second}/merge", {"Idempotency-Key": "u1"}
    assert api.ask("shift_leader", "DELETE", address, json={"reason": " "}).status_code == 422
    assert api.ask("acceptor", "DELETE", address, json=WHY).status_code == 403
    answers = [api.ask("shift_leader", "DELETE", address, json=WHY, headers=headers) for _ in range(2)]
    assert [(each.status_code, each.json["status"]) for each in answers] == [(200, "reported")] * 2
    assert api.ask("shift_leader", "DELETE", address, json=WHY).status_code == 409
    assert api.get("acceptor", f"/cases/{first}").json["reports"] == []


def test_a_report_is_split_over_http(api: Api) -> None:
    number = report(api)
    assert api.post("collector", f"/cases/{number}/parts", json={**WHY, "parts": [PART]}).status_code in (403, 404)
    wrong = api.post("acceptor", f"/cases/{number}/parts", json={**WHY, "parts": [{**PART, "full_code": "0777"}]})
    assert (wrong.status_code, wrong.json["errors"][0]["field"]) == (422, "parts.0.full_code")
    assert api.post("acceptor", f"/cases/{number}/parts", json={**WHY, "parts": []}).status_code == 422
    answer = api.post("acceptor", f"/cases/{number}/parts", json={**WHY, "parts": [PART]})
    assert answer.status_code == 201
    [part] = answer.json["parts"]
    assert [link["kind"] for link in api.get("acceptor", f"/cases/{part}").json["links"]] == ["split"]


def test_cases_are_linked_and_unlinked_over_http(api: Api) -> None:
    first, second = report(api), report(api, kind="event", full_code="0110", condition_no=1)
    body = {"other": second, **WHY}
    assert api.post("unit_clerk_municipal", f"/cases/{first}/links", json=body).status_code == 403
    assert api.post("acceptor", f"/cases/{first}/links", json={"other": "0-0", **WHY}).status_code == 404
    assert api.post("acceptor", f"/cases/{first}/links", json=body).status_code == 201
    assert api.post("acceptor", f"/cases/{first}/links", json=body).status_code == 409
    [link] = api.get("acceptor", f"/cases/{second}").json["links"]
    assert (link["kind"], link["reason"], link["direction"]) == ("related", WHY["reason"], "from")
    assert api.ask("acceptor", "DELETE", f"/cases/{second}/links/{first}", json=WHY).status_code == 200
    assert api.ask("acceptor", "DELETE", f"/cases/{second}/links/{first}", json=WHY).status_code == 409
    assert api.get("acceptor", f"/cases/{second}").json["links"] == []


def test_a_problem_that_comes_back_is_told_on_the_case_and_in_the_list(api: Api) -> None:
    numbers = []
    for metres in (0, 4, 8, 12):
        numbers.append(report(api, lat=28.0005 + metres / 111_195, address="人民路 1 号"))
        later(api, days=5)
    report(api, lat=28.0025)
    assert api.get("acceptor", f"/cases/{numbers[1]}/recurrence").json["recurring"] is None  # two until then
    told = api.get("acceptor", f"/cases/{numbers[3]}/recurrence").json["recurring"]
    assert (told["amount"], told["open_now"], told["radius_m"], told["days"]) == (4, 4, 15.0, 180)
    assert [each["number"] for each in told["cases"]] == numbers[::-1]
    [place] = api.get("leader", "/recurring").json["places"]
    assert (place["amount"], place["address"], place["full_code"]) == (4, "人民路 1 号", "0101")
    assert api.get("leader", "/recurring?kind=event").json["places"] == []
    assert api.get("leader", "/recurring?full_code=0101&district=990101").json["places"][0]["amount"] == 4
    assert api.get("leader", "/recurring?kind=bird").status_code == 422
    assert api.get("collector", "/recurring").status_code == 403
    api.post("shift_leader", f"/cases/{numbers[0]}/actions/cancel", json=WHY)
    api.post("shift_leader", f"/cases/{numbers[1]}/actions/merge", json={"into": numbers[2]})
    assert api.get("leader", "/recurring").json["places"] == []  # voided and merged ones make nothing recurring
    later(api, days=400)
    assert api.get("leader", "/recurring").json["places"] == []


@pytest.mark.parametrize("login", ["collector", "leader"])
def test_no_report_rules_are_there_for_who_reports(api: Api, login: str, town_folder: Path) -> None:
    assert api.get(login, "/no-report-rules").json == {"rules": []}


def test_a_recurring_place_is_the_thickest_heap_and_shares_no_case(town: SmallTown) -> None:
    from engine.duplicates.recurring import heaps_of
    from engine.duplicates.rules import Recurrence

    degree = 1 / 111_195
    points = [(116.0, 28 + metres * degree) for metres in (0, 10, 20, 30, 40, 50, 60, 500, 505, 1000)]
    heaps = [sorted(heap) for heap in heaps_of(points, Recurrence(radius_m=21, times=2, days=30))]
    assert heaps[0] in ([0, 1, 2, 3, 4], [1, 2, 3, 4, 5], [2, 3, 4, 5, 6])
    assert sorted(heaps[1:])[-1] == [7, 8]
    named = [at for heap in heaps for at in heap]
    assert len(named) == len(set(named))
    assert 9 not in named
