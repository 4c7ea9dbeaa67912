"""Reporting, finding, reading and acting on cases over HTTP."""

from __future__ import annotations

from api_people import REPORT, Api, dispatched, report


def test_a_report_becomes_a_case_with_its_place_and_class(api: Api) -> None:
    answer = api.post("acceptor", "/cases", json=REPORT)
    assert answer.status_code == 201
    number = answer.json["number"]
    assert answer.headers["Location"] == f"/api/v1/cases/{number}"
    case = api.get("acceptor", f"/cases/{number}").json
    assert case["summary"]["grid"] == "990101001001001"
    assert case["summary"]["stage"] == "accept"
    assert (case["duty_grid"], case["area_class"]) == ("D1", "B")
    assert case["catalogue"]["subclass"]["name"] == "上水井盖"
    assert case["catalogue"]["provenance"] == "found"
    assert case["catalogue"]["condition_provenance"] == "found"
    assert [task["element"] for task in case["tasks"]] == ["accept"]
    assert [clock["name"] for clock in case["clocks"]] == ["acceptance"]
    assert case["clocks"][0]["light"] == "green"


def test_only_posts_with_the_permission_report(api: Api) -> None:
    answer = api.post("unit_clerk_municipal", "/cases", json=REPORT)
    assert answer.status_code == 403
    assert "case.create" in answer.json["detail"]


def test_the_same_key_reports_once_and_another_body_is_a_conflict(api: Api) -> None:
    key = {"Idempotency-Key": "report-1"}
    first = api.post("acceptor", "/cases", json=REPORT, headers=key)
    again = api.post("acceptor", "/cases", json=REPORT, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json["number"] == again.json["number"]
    assert len(api.get("acceptor", "/cases").json["cases"]) == 1
    other = api.post("acceptor", "/cases", json={**REPORT, "description": "其他"}, headers=key)
    assert other.status_code == 409
    assert api.post("collector", "/cases", json=REPORT, headers=key).status_code == 201


def test_a_faulty_report_is_refused_with_field_and_remedy(api: Api) -> None:
    for change, field, words in (
        ({"full_code": "9999"}, "full_code", "no component subclass 9999"),
        ({"condition_no": 99}, "condition_no", "no filing condition 99"),
        ({"lon": 10.0, "lat": 10.0}, "lon", "in no grid"),
        ({"lat": None}, "lat", "needs both"),
        ({"source": "rumour"}, "source", "no channel 'rumour'"),
        ({"component_code": "1234567890123456"}, "component_code", "no component"),
        ({"discription": "x"}, "discription", "no field discription"),
        ({"description": ""}, "description", "Length"),
    ):
        answer = api.post("acceptor", "/cases", json={**REPORT, **change})
        assert (field, answer.status_code, answer.content_type) == (field, 422, "application/problem+json")
        error = next(error for error in answer.json["errors"] if error["field"] == field)
        assert words in error["message"]
        assert error["remedy"]
    assert api.get("acceptor", "/cases").json["cases"] == []


def test_paging_is_complete_without_duplicates_while_cases_are_added(api: Api) -> None:
    numbers = [report(api) for _ in range(7)]
    seen: list[str] = []
    path: str | None = "/cases?limit=3&sort=-reported_at"
    while path:
        page = api.get("acceptor", path).json
        seen += [case["number"] for case in page["cases"]]
        report(api)
        path = page["next"].removeprefix("/api/v1") if page["next"] else None
    assert seen == sorted(numbers, reverse=True)


def test_every_sort_order_pages_through_all_cases(api: Api) -> None:
    numbers = {report(api) for _ in range(4)}
    for sort in ("reported_at", "due_at", "-due_at", "number", "-number"):
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None and len(seen) < 10:
            page = api.get("acceptor", f"/cases?limit=1&sort={sort}" + (f"&cursor={cursor}" if cursor else "")).json
            seen += [case["number"] for case in page["cases"]]
            cursor = page["next_cursor"]
        assert (sort, sorted(seen)) == (sort, sorted(numbers))


def test_cursors_of_others_are_refused(api: Api) -> None:
    report(api)
    report(api)
    cursor = api.get("acceptor", "/cases?limit=1&sort=number").json["next_cursor"]
    for query in (f"sort=-number&cursor={cursor}", "cursor=nonsense", "cursor=e30"):
        answer = api.get("acceptor", f"/cases?{query}")
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "cursor")


def test_filters_narrow_the_list(api: Api) -> None:
    first = report(api, address="人民路 1 号", urgent=True)
    second = report(api, lon=116.0025, full_code="0102", source="patrol")

    def found(query: str) -> list[str]:
        answer = api.get("acceptor", f"/cases?sort=number&{query}")
        assert answer.status_code == 200, answer.text
        return [case["number"] for case in answer.json["cases"]]

    assert found("") == [first, second]
    assert found("q=人民路") == [first]
    assert found("q=%25") == []
    assert found(f"q={second}") == [second]
    assert found("urgent=true") == [first]
    assert found("full_code=0102") == [second]
    assert found("source=patrol,video") == [second]
    assert found("bbox=116.002,28,116.003,28.001") == [second]
    assert found("grid=990101001001001") == [first]
    assert found("district=990101&subdistrict=990101001&kind=component") == [first, second]
    assert found("status=filed") == []
    assert found("stage=accept&status=reported,filed") == [first, second]
    assert found("overdue=true") == []
    assert found("overdue=false&reported_from=2026-03-01T00:00:00%2B08:00") == [first, second]
    assert found("reported_to=2026-03-01T00:00:00Z") == []
    assert found("department=MUNICIPAL") == []


def test_a_filter_with_a_mistake_is_refused_by_name(api: Api) -> None:
    for query in ("stat=filed", "bbox=1,2,3", "sort=colour", "limit=0", "reported_from=yesterday"):
        answer = api.get("acceptor", f"/cases?{query}")
        assert (query, answer.status_code) == (query, 422)
        assert answer.json["errors"][0]["field"] == query.split("=")[0]


def test_cases_come_as_geojson(api: Api) -> None:
    number = report(api)
    report(api, lon=None, lat=None, component_code=None)
    for path, headers in (("/cases", {"Accept": "application/geo+json"}), ("/cases?format=geojson", {})):
        answer = api.get("acceptor", path, headers=headers)
        assert answer.content_type == "application/geo+json"
        assert answer.json["type"] == "FeatureCollection"
        [feature] = answer.json["features"]
        assert feature["geometry"] == {"type": "Point", "coordinates": [116.0005, 28.0005]}
        assert feature["properties"]["number"] == number


def test_a_clerk_sees_only_cases_of_the_own_department_and_no_reporter(api: Api) -> None:
    theirs, other = dispatched(api), report(api)
    listed = api.get("unit_clerk_municipal", "/cases").json["cases"]
    assert [case["number"] for case in listed] == [theirs]
    case = api.get("unit_clerk_municipal", f"/cases/{theirs}").json
    assert (case["reporter_name"], case["reporter_phone"]) == (None, None)
    assert case["units"][0]["department"]["code"] == "MUNICIPAL"
    for path in ("", "/history", "/deadline", "/diagram", "/diagram.svg", "/evidence"):
        assert api.get("unit_clerk_municipal", f"/cases/{other}{path}").status_code == 404
    assert api.get("unit_clerk_sanitation", f"/cases/{theirs}").status_code == 404
    assert api.get("acceptor", f"/cases/{theirs}").json["reporter_phone"] == "10000000001"


def test_history_diagram_and_deadline_tell_where_a_case_stands(api: Api) -> None:
    number = dispatched(api)
    events = api.get("acceptor", f"/cases/{number}/history").json["events"]
    kinds = [event["kind"] for event in events]
    assert kinds[0] == "reported"
    assert {"task_completed", "filed", "decision", "dispatched"} <= set(kinds)
    filed = next(event for event in events if event["kind"] == "task_completed" and event["element"] == "file_case")
    assert (filed["actor"], filed["actor_role"], bool(filed["element_name"])) == ("shift_leader", "shift_leader", True)

    drawn = api.get("acceptor", f"/cases/{number}/diagram").json
    assert drawn["process"] == drawn["diagrams"][0]["process"] == "case"
    unit = next(each for each in drawn["diagrams"] if each["process"] == "handle_unit")
    assert unit["tokens"]["receive"] == 1
    assert unit["version"] == 1
    assert "accept" in next(each for each in drawn["diagrams"] if each["process"] == "intake")["done"]

    picture = api.get("acceptor", f"/cases/{number}/diagram.svg?process=handle_unit&lang=en")
    assert picture.content_type.startswith("image/svg+xml")
    assert "<svg" in picture.text
    assert api.get("acceptor", f"/cases/{number}/diagram.svg?process=appeal").status_code == 404

    reasons = api.get("acceptor", f"/cases/{number}/deadline").json
    handling = next(clock for clock in reasons["clocks"] if clock["clock"]["name"] == "handling")
    assert handling["clock"]["limit"] == "2 urgent_hour"
    assert handling["sentences"] and handling["sentences_en"]
    assert all(sentence.isascii() for sentence in handling["sentences_en"] if "（" not in sentence)


def test_supervising_opens_a_task_and_the_same_key_supervises_once(api: Api) -> None:
    number = dispatched(api)
    assert "supervise" in api.get("leader", f"/cases/{number}").json["actions"]
    key = {"Idempotency-Key": "supervise-1"}
    for _ in range(2):
        answer = api.post("leader", f"/cases/{number}/actions/supervise", json={"instruction": "请加快"}, headers=key)
        assert answer.status_code == 200, answer.text
    case = api.get("leader", f"/cases/{number}").json
    assert case["counts"]["supervisions"] == 1
    assert case["supervisions"][0]["instruction"] == "请加快"


def test_actions_that_do_not_fit_are_refused_and_change_nothing(api: Api) -> None:
    number = dispatched(api)
    for login, action, body, status in (
        ("dispatcher", "cancel", {"reason": "x"}, 403),
        ("shift_leader", "cancel", {}, 422),
        ("shift_leader", "cancel", {"reason": "x", "into": "y"}, 422),
        ("unit_clerk_municipal", "appeal", {"reason": "x"}, 409),
        ("shift_leader", "resume", {}, 409),
        ("shift_leader", "burn", {}, 404),
        ("unit_head_sanitation", "appeal", {"reason": "x"}, 404),
    ):
        answer = api.post(login, f"/cases/{number}/actions/{action}", json=body)
        assert (login, action, answer.status_code) == (login, action, status), answer.text
    case = api.get("acceptor", f"/cases/{number}").json
    assert (case["summary"]["status"], case["counts"]["supervisions"]) == ("dispatched", 0)


def test_a_cancelled_case_is_voided_and_takes_no_more_actions(api: Api) -> None:
    number = report(api)
    answer = api.post("shift_leader", f"/cases/{number}/actions/cancel", json={"reason": "误报"})
    assert (answer.status_code, answer.json["status"], answer.json["tasks"]) == (200, "voided", [])
    case = api.get("shift_leader", f"/cases/{number}").json
    assert case["actions"] == []
    assert case["summary"]["light"] is None
