"""What the API says about the city and about itself."""

from __future__ import annotations

import re

import pytest
from api_people import Api

from api.errors import TABLE
from engine.models import Component


def test_the_document_names_every_endpoint_with_words_and_problems(api: Api) -> None:
    document = api.client.get("/api/v1/openapi.json").json
    assert document["openapi"].startswith("3.1")
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    rules = {
        re.sub(r"<(?:[^:<>]+:)?(\w+)>", r"{\1}", re.sub(r"<any\([^)]*\):", "<", rule.rule))
        for rule in api.app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/") and not re.search("docs|openapi", rule.rule)
    }
    assert rules == set(document["paths"])
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method == "parameters":
                continue
            assert operation.get("summary"), f"{method} {path} says nothing"
            places = {parameter["in"] for parameter in operation.get("parameters", ())}
            assert places <= {"query", "header", "path"}, f"{method} {path} has a parameter in {places}"
            assert any(code[0] in "23" for code in operation["responses"]), f"{method} {path} never succeeds"
            if operation.get("security", [{"bearer": []}]):
                problem = operation["responses"]["401" if path != "/api/v1/login" else "429"]
                assert "application/problem+json" in problem["content"], f"{method} {path}"


def test_every_reference_of_the_document_leads_somewhere(api: Api) -> None:
    document = api.client.get("/api/v1/openapi.json").json

    def references(node: object) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [ref for value in node.values() for ref in references(value)]
        return [ref for value in node for ref in references(value)] if isinstance(node, list) else []

    found = references(document)
    assert found
    for reference in found:
        node = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part.replace("~1", "/")]


def test_every_property_of_the_document_has_a_meaning(api: Api) -> None:
    schemas = api.client.get("/api/v1/openapi.json").json["components"]["schemas"]
    silent = [
        f"{name}.{field}"
        for name, schema in schemas.items()
        for field, described in schema.get("properties", {}).items()
        if not ({"description", "$ref", "items", "anyOf", "allOf"} & set(described))
    ]
    assert silent == []


def test_the_page_of_the_document_needs_nothing_from_outside(api: Api) -> None:
    page = api.client.get("/api/v1/docs/")
    assert page.status_code == 200
    for address in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert address.startswith("/api/v1/docs/"), address
        assert api.client.get(address).status_code == 200


def test_plain_http_failures_are_problems_too(api: Api) -> None:
    for method, path, status in (
        ("GET", "/nothing", 404), ("DELETE", "/cases", 405), ("GET", "/problems/none", 404), ("GET", "/cases/x", 404),
    ):  # fmt: skip
        answer = api.ask("acceptor", method, path)
        assert (path, answer.status_code, answer.content_type) == (path, status, "application/problem+json")
        assert answer.json["status"] == status
        assert answer.json["detail"]
        assert status != 405 or "GET" in answer.headers["Allow"]


def test_a_body_that_is_no_json_is_refused_as_what_it_is(api: Api) -> None:
    form = api.post("acceptor", "/cases", data="kind=event", content_type="application/x-www-form-urlencoded")
    assert (form.status_code, form.content_type) == (415, "application/problem+json")
    broken = api.post("acceptor", "/cases", data="{", content_type="application/json")
    assert (broken.status_code, broken.content_type) == (400, "application/problem+json")
    listed = api.post("acceptor", "/cases", json=[1])
    assert (listed.status_code, listed.content_type) == (422, "application/problem+json")


def test_an_unexpected_fault_tells_an_id_and_nothing_of_the_inside(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: object, **rest: object) -> None:
        raise RuntimeError("the password is rosebud")

    monkeypatch.setattr("api.resources.cases.list_cases", fail)
    answer = api.get("acceptor", "/cases")
    assert (answer.status_code, answer.content_type) == (500, "application/problem+json")
    assert "rosebud" not in answer.text
    assert answer.json["instance"].removeprefix("urn:uuid:") in caplog.text


def test_the_type_of_a_problem_leads_to_its_meaning(api: Api) -> None:
    answer = api.get("acceptor", "/cases/none", headers={"Accept-Language": "en"})
    assert answer.json["title"] == "Not found"
    meaning = api.client.get(answer.json["type"]).json
    assert (meaning["status"], meaning["title_en"]) == (404, "Not found")
    assert len(api.client.get("/api/v1/problems").json["problems"]) == len({row.kind for row in TABLE})


def test_the_catalogue_is_searched_and_says_where_rows_come_from(api: Api) -> None:
    versions = api.get("collector", "/catalogue/versions").json
    assert versions["in_force"] in [version["id"] for version in versions["versions"]]
    for query in ("q=上水井盖", "q=Water Supply Manhole", "kind=component&q=0101"):
        found = api.get("collector", f"/catalogue/subclasses?{query}").json["subclasses"]
        assert ("component", "0101", "found") in {(row["kind"], row["full_code"], row["provenance"]) for row in found}
    assert {
        row["class_code"] for row in api.get("collector", "/catalogue/subclasses?class_code=02").json["subclasses"]
    } == {"02"}
    one = api.get("collector", "/catalogue/subclasses/component/0101").json
    first = one["conditions"][0]
    assert (first["condition_no"], first["limit"], first["provenance"]) == (1, "2 urgent_hour", "found")
    assert first["text"]
    assert api.get("collector", "/catalogue/subclasses/component/9999").status_code == 404
    assert api.get("collector", "/catalogue/subclasses?version=99").status_code == 404
    assert api.get("leader", "/catalogue/versions").status_code == 200


def test_a_point_is_found_in_everything_that_holds_it(api: Api) -> None:
    place = api.get("collector", "/grids/at?lon=116.0005&lat=28.0005").json
    assert (place["grid"], place["area_class"]) == ("990101001001001", "B")
    assert place["duty_grid"]["code"] == "D1"
    assert [place[level]["code"] for level in ("community", "subdistrict", "district")] == [
        "990101001001",
        "990101001",
        "990101",
    ]
    assert api.get("collector", "/grids/at?lon=10&lat=10").status_code == 404
    assert api.get("collector", "/grids/at?lon=200&lat=10").json["errors"][0]["field"] == "lon"
    assert api.get("collector", "/grids/at?lon=116").json["errors"][0]["field"] == "lat"


def test_grids_come_as_geojson_and_too_many_are_refused(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    one = api.get("collector", "/grids/990101001001001")
    assert (one.content_type, one.json["geometry"]["type"]) == ("application/geo+json", "Polygon")
    few = api.get("collector", "/grids?bbox=116.0001,28.0001,116.0009,28.0009").json["features"]
    assert [feature["id"] for feature in few] == ["990101001001001"]
    everything = "/grids?bbox=115,27,117,29"
    assert len(api.get("collector", everything).json["features"]) == 9
    monkeypatch.setattr("api.resources.ground.MOST_GRIDS", 8)
    refused = api.get("collector", everything)
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "bbox")
    assert "smaller" in refused.json["errors"][0]["remedy"]
    assert api.get("collector", "/grids/1").status_code == 404


def test_components_come_in_a_box_or_nearest_first(api: Api) -> None:
    from api.context import session

    with api.app.app_context():
        for number in range(3):
            session().add(
                Component(
                    code=f"990101010100000{number}", full_code="0101", name="上水井盖", lon=116.0005 + number * 0.0001,
                    lat=28.0005, grid_code=None, dept_in_charge=None, dept_owner=None, dept_maintenance=None,
                    state="完好", initial_date=None, change_date=None, source="", note="",
                )
            )  # fmt: skip
        session().commit()
    boxed = api.get("collector", "/components?bbox=116.00045,28,116.00065,28.001").json["features"]
    assert [feature["id"][-1] for feature in boxed] == ["0", "1"]
    near = api.get("collector", "/components?lon=116.0007&lat=28.0005&within_m=15&full_code=0101").json["features"]
    assert [(feature["id"][-1], feature["properties"]["distance_m"]) for feature in near] == [("2", 0.0), ("1", 9.8)]
    assert api.get("collector", "/components").json["errors"][0]["field"] == "bbox"


def test_the_organisation_is_for_those_who_may_read_it(api: Api) -> None:
    departments = {row["code"]: row for row in api.get("acceptor", "/organisation/departments").json["departments"]}
    assert departments["MUNICIPAL"]["duties"] == ["DRAINAGE", "MUNICIPAL", "WATER_SUPPLY"]
    assert departments["EMERGENCY"]["fallback"] is True
    people = api.get("acceptor", "/people?department=MUNICIPAL").json["people"]
    assert [person["login"] for person in people] == [
        "unit_clerk_municipal",
        "unit_handler_municipal",
        "unit_head_municipal",
    ]
    assert [p["login"] for p in api.get("acceptor", "/people?role=leader").json["people"]] == ["leader"]
    seen: list[str] = []
    path: str | None = "/people?limit=7"
    while path:
        page = api.get("acceptor", path).json
        seen += [person["login"] for person in page["people"]]
        path = page["next"].removeprefix("/api/v1") if page["next"] else None
    assert len(seen) == len(set(seen)) == 21
    for path in ("/organisation/departments", "/people"):
        assert api.get("collector", path).status_code == 403
    assert "password" not in api.get("acceptor", "/people").text


def test_the_deployed_diagrams_are_listed_and_read(api: Api) -> None:
    listed = api.get("collector", "/processes?lang=en").json
    processes = {process["id"]: process for process in listed["processes"]}
    assert processes["case"]["version"] == 1
    assert processes["case"]["name"].isascii()
    assert re.fullmatch("[0-9a-f]{64}", listed["digest"])
    xml = api.get("collector", "/processes/case")
    assert xml.content_type.startswith("application/xml")
    assert 'id="case"' in xml.text
    assert api.get("collector", "/processes/none").status_code == 404


def test_health_tells_when_work_waits_and_when_the_database_is_away(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import timedelta

    from api_people import report
    from sqlalchemy.exc import OperationalError

    from api.scheduler import work_once

    well = api.client.get("/healthz")
    assert (well.status_code, well.json["status"], well.json["database"]) == (200, "ok", "ok")
    assert well.json["deployment"] == 1
    report(api)
    api.clock.set(api.clock.now() + timedelta(hours=1))
    late = api.client.get("/api/v1/health").json
    assert (late["status"], late["timers_overdue"]) == ("late", 1)
    work_once(api.app)
    assert api.client.get("/healthz").json["status"] == "ok"

    def away(*args: object) -> None:
        raise OperationalError("SELECT", {}, Exception("connection refused"))

    monkeypatch.setattr("engine.health.current_deployment", away)
    down = api.client.get("/healthz")
    assert (down.status_code, down.json["status"], down.json["database"]) == (503, "down", "away")
