"""Devices over HTTP: registered, keyed, heard once, refused with the reason; what people may ask and may not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from api_people import PASSWORD, Api
from page_desk import Desk
from sensor_town import KINDS, SensorTown, square, write_sensors

from api.app import create_app
from api.config import Settings
from engine.clock import FrozenClock
from engine.models import Person
from engine.organisation.people import hash_password
from engine.sensors.keys import sign, signing_key_of
from engine.testing.small_city import MONDAY, SmallTown, write_small_city


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, str]]:
    """A city with devices, loaded once: folder, database, tokens."""
    home = tmp_path_factory.mktemp("sensors")
    folder = write_small_city(home / "small")
    write_sensors(folder)
    town = SmallTown(folder, f"sqlite:///{home / 'small.db'}")
    tokens = SensorTown(town).tokens
    password = hash_password(PASSWORD)
    for person in town.session.query(Person):
        person.password_hash = password
    town.session.commit()
    town.session.connection().exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    town.close()
    return folder, home / "small.db", tokens


class SensorApi(Api):
    """The API with the tokens of its devices."""

    tokens: dict[str, str]
    folder: Path

    def send(self, device: str, body: Any, *, token: str | None = None, path: str = "readings") -> Any:
        headers = {"Authorization": f"Bearer {token if token is not None else self.tokens[device]}"}
        return self.client.post(f"/api/v1/sensors/{device}/{path}", json=body, headers=headers)


@pytest.fixture
def api(loaded: tuple[Path, Path, dict[str, str]], tmp_path: Path) -> Iterator[SensorApi]:
    folder, database, tokens = loaded
    path = tmp_path / "small.db"
    shutil.copy(database, path)
    clock = FrozenClock(MONDAY)
    settings = Settings(str(folder), f"sqlite:///{path}", "test", tmp_path, check_city=False, testing=True)
    app = create_app(settings, clock=clock)
    found = SensorApi(app, clock)
    found.tokens, found.folder = tokens, folder
    yield found
    with app.app_context():
        app.extensions["sqlalchemy"].engine.dispose()


def reading(minute: int, sequence: int = 0, **values: Any) -> dict[str, Any]:
    return {"at": f"2026-03-02T08:{minute:02}:00+08:00", "sequence": sequence, "values": values}


def test_a_batch_is_taken_once_however_often_it_is_sent(api: SensorApi) -> None:
    batch = {"readings": [reading(0, 1, pm10=10), reading(1, 2, pm10=11), reading(1, 3, pm10=12)]}
    assert api.send("D1", batch).json == {"taken": 3, "known": 0, "refused": []}
    assert api.send("D1", batch).json == {"taken": 0, "known": 3, "refused": []}
    late = {"readings": [reading(0, 1, pm10=10), reading(0, 0, pm10=9), reading(2, 0, pm10=13), reading(2, 0, pm10=13)]}
    assert api.send("D1", late).json == {"taken": 2, "known": 2, "refused": []}
    device = api.get("acceptor", "/sensors/D1").json
    assert device["readings"] == 5 and device["values"] == {"pm10": 13}
    series = api.get("acceptor", "/sensors/D1/series?field=pm10").json
    assert [point["value"] for point in series["points"]] == [9, 10, 11, 12, 13] and series["unit"] == "µg/m³"


def test_wrong_readings_are_told_kept_and_hold_up_no_others(api: SensorApi) -> None:
    answer = api.send("D1", {"readings": [
        reading(0, pm10=-1), reading(1, pm10=20), reading(2), reading(3, pm10=5, pm99=1), reading(4, pm10="dust"),
        {"at": "2026-03-02T10:00:00+08:00", "values": {"pm10": 1}},
        {"at": "2025-03-02T10:00:00+08:00", "values": {"pm10": 1}},
    ]}).json  # fmt: skip
    assert answer["taken"] == 1
    assert [(each["index"], each["reason"].split(" ")[0]) for each in answer["refused"]] == [
        (0, "pm10"), (2, "pm10"), (3, "kind"), (4, "pm10"), (5, "its"), (6, "its"),
    ]  # fmt: skip
    assert "outside 0…5000" in answer["refused"][0]["reason"] and answer["refused"][0]["remedy"]
    listed = api.get("administrator", "/sensors/refused").json
    assert listed["waiting"] == 6 and all(row["device"] == "D1" and row["via"] == "http" for row in listed["refused"])
    assert api.get("acceptor", "/sensors/D1").json["refused"] == 6


def test_the_same_wrong_reading_again_counts_up(api: SensorApi) -> None:
    for _ in range(3):
        api.send("D1", {"readings": [reading(0, pm10=-1)]})
    [row] = api.get("administrator", "/sensors/refused").json["refused"]
    assert row["times"] == 3


def test_a_payload_in_the_devices_own_form_is_read_by_its_kind(api: SensorApi) -> None:
    seconds = MONDAY.timestamp()
    payload = {
        "data": [
            {"ts": seconds - 60, "n": 7, "v": {"pm10": "33.5", "噪声": 61}},
            {"ts": seconds, "n": 8, "v": {"pm10": 34}},
        ]
    }
    assert api.send("D1", payload, path="payloads").json["taken"] == 2
    truck = {"time": "2026-03-02T08:59:00", "x": 116.0005, "y": 28.0005, "lid": 1, "lift": "off"}
    assert api.send("T1", truck, path="payloads").json == {"taken": 1, "known": 0, "refused": []}
    view = api.get("acceptor", "/sensors/T1").json
    assert view["values"] == {"lid": "open", "lifting": False}
    assert view["position"] == [116.0005, 28.0005] and view["inside"] == ["R-17", "S1"]
    assert view["last_at"] == "2026-03-02T00:59:00+00:00"


@pytest.mark.parametrize(
    "payload", ["[]", "{}", '{"data": []}', '{"data": 3}', "no json", '{"data": [{"ts": "x"}]}', '{"data": [7]}']
)
def test_payloads_that_cannot_be_read_are_kept_as_they_came(api: SensorApi, payload: str) -> None:
    answer = api.client.post(
        "/api/v1/sensors/D1/payloads", data=payload, content_type="application/json",
        headers={"Authorization": f"Bearer {api.tokens['D1']}"},
    )  # fmt: skip
    assert answer.status_code == 200 and answer.json["taken"] == 0 and len(answer.json["refused"]) == 1
    [row] = api.get("administrator", "/sensors/refused").json["refused"]
    assert row["reason"] and row["remedy"] and row["via"] == "payload"


def test_refused_payloads_are_taken_after_all_when_the_kind_is_mended(api: SensorApi) -> None:
    api.send("D1", {"readings": [reading(0, pm10=6000)]})
    [row] = api.get("administrator", "/sensors/refused").json["refused"]
    again = api.post("administrator", "/sensors/refused/replay", json={"ids": [row["id"]]}).json
    assert again["taken"] == 0 and "outside" in again["refused"][0]["reason"]
    try:
        write_sensors(api.folder, kinds=KINDS.replace("max = 5000", "max = 9000"))
        api.app.extensions["wangge"].sensing = None
        assert api.post("administrator", "/sensors/refused/replay", json={"ids": [row["id"]]}).json["taken"] == 1
    finally:
        write_sensors(api.folder)
    assert api.get("administrator", "/sensors/refused").json["waiting"] == 0
    assert api.get("acceptor", "/sensors/D1").json["values"] == {"pm10": 6000}


def test_only_the_device_itself_may_speak_for_it(api: SensorApi) -> None:
    body = {"readings": [reading(0, pm10=1)]}
    for token in ("wrong", api.tokens["T1"], api.login("administrator")["Authorization"].split()[1]):
        answer = api.send("D1", body, token=token)
        assert answer.status_code == 401 and "key is wrong" in answer.json["detail"]
    assert api.client.post("/api/v1/sensors/D1/readings", json=body).status_code == 401
    assert api.send("GHOST", body, token="x").status_code == 401
    assert api.get("acceptor", "/sensors/D1").json["readings"] == 0


def test_a_signature_speaks_without_the_token_for_some_minutes(api: SensorApi) -> None:
    body = json.dumps({"readings": [reading(0, pm10=1)]}).encode()
    key = signing_key_of(api.tokens["D1"])

    def post(moment: str, signature: str, content: bytes = body) -> int:
        headers = {"X-Wangge-Moment": moment, "X-Wangge-Signature": f"sha256={signature}"}
        return api.client.post(
            "/api/v1/sensors/D1/readings", data=content, content_type="application/json", headers=headers
        ).status_code

    moment = MONDAY.isoformat()
    assert post(moment, sign(key, moment, body)) == 200
    assert post(moment, sign(key, moment, body), body.replace(b"1", b"2")) == 401
    assert post("2026-03-02T08:00:00+08:00", sign(key, "2026-03-02T08:00:00+08:00", body)) == 401
    assert post("yesterday", sign(key, "yesterday", body)) == 401
    assert post("2026-03-02T09:00:00", sign(key, "2026-03-02T09:00:00", body)) == 401
    assert post(moment, "é") == 401


def test_a_new_key_ends_the_old_one(api: SensorApi) -> None:
    new = api.put("administrator", "/sensors/D1/key").json["token"]
    assert api.send("D1", {"readings": [reading(0, pm10=1)]}).status_code == 401
    assert api.send("D1", {"readings": [reading(0, pm10=1)]}, token=new).status_code == 200


def test_batches_have_limits(api: SensorApi) -> None:
    assert api.send("D1", {"readings": []}).status_code == 422
    assert api.send("D1", {"readings": [reading(0, pm10=1)] * 1001}).status_code == 422
    assert api.send("D1", {"readings": [reading(0, pm10=1, note="x" * 1_100_000)]}).status_code == 413
    assert api.send("D1", {"reading": []}).status_code == 422


def test_the_register_is_changed_by_those_who_may(api: SensorApi) -> None:
    new = {
        "code": "D2",
        "kind": "dust",
        "name": "西门",
        "department_code": "MUNICIPAL",
        "parameters": {"pm10_limit": 80},
    }
    assert api.post("acceptor", "/sensors", json=new).status_code == 403
    made = api.post("administrator", "/sensors", json=new)
    assert made.status_code == 201 and made.headers["Location"].endswith("/sensors/D2") and len(made.json["token"]) > 40
    assert api.post("administrator", "/sensors", json=new).status_code == 409
    assert api.ask("acceptor", "PATCH", "/sensors/D2", json={"state": "paused"}).status_code == 403
    assert api.ask("administrator", "PATCH", "/sensors/D2", json={"state": "retired"}).json["state"] == "retired"
    body = {"readings": [reading(0, pm10=1)]}
    answer = api.send("D2", body, token=made.json["token"]).json
    assert answer["taken"] == 0 and "retired" in answer["refused"][0]["reason"]
    assert [each["code"] for each in api.get("acceptor", "/sensors?kind=dust&state=active").json["devices"]] == ["D1"]
    assert api.get("unit_handler_municipal", "/sensors").status_code == 403


@pytest.mark.parametrize(
    ("field", "value"),
    [("code", "a/b"), ("code", "alarms"), ("kind", "nothing"), ("lon", 200), ("department_code", "NOBODY"),
     ("component_code", "1"), ("parameters", {"fences": {"route": 7}}), ("name", "")],
)  # fmt: skip
def test_a_device_that_does_not_hold_is_refused_by_field(api: SensorApi, field: str, value: object) -> None:
    body = {"code": "X1", "kind": "dust", "name": "x", "lon": 116.0, "lat": 28.0, field: value}
    answer = api.post("administrator", "/sensors", json=body)
    assert (
        answer.status_code == 422 and answer.json["errors"][0]["field"] == field and answer.json["errors"][0]["remedy"]
    )


def test_a_fence_added_while_the_city_runs_counts_at_once(api: SensorApi) -> None:
    fence = {"properties": {"name": "禁行区", "kinds": ["truck"]}, "geometry": square(116.002, 28.002, 0.0005)}
    assert api.put("acceptor", "/sensors/fences/N1", json=fence).status_code == 403
    assert api.put("administrator", "/sensors/fences/N1", json=fence).status_code == 204
    api.send("T1", {"time": "2026-03-02T08:59:00", "x": 116.0022, "y": 28.0022}, path="payloads")
    assert "N1" in api.get("acceptor", "/sensors/T1").json["inside"]
    codes = {
        each["id"]: each["properties"]["added"] for each in api.get("acceptor", "/sensors/fences").json["features"]
    }
    assert codes == {"S1": False, "R-17": False, "C1": False, "N1": True}
    wrong = {"properties": {"name": "x", "kinds": ["plane"]}, "geometry": {"type": "Point", "coordinates": [0, 0]}}
    assert api.put("administrator", "/sensors/fences/N2", json=wrong).status_code == 422
    assert api.ask("administrator", "DELETE", "/sensors/fences/S1").status_code == 404
    assert api.ask("administrator", "DELETE", "/sensors/fences/N1").status_code == 204


def test_alarms_and_their_cases_are_told_and_unfiled_ones_filed_again(api: SensorApi) -> None:
    api.send("K1", {"readings": [reading(0, tilt=80)]})
    [alarm] = api.get("acceptor", "/sensors/alarms").json["alarms"]
    assert alarm["outcome"] == "case" and alarm["rule_name"] == "井盖倾斜" and alarm["values"] == {"tilt": 80}
    assert api.get("acceptor", f"/cases/{alarm['case']}").json["summary"]["source"] == "iot"
    assert api.post("administrator", f"/sensors/alarms/{alarm['id']}/filing").status_code == 409
    assert api.post("acceptor", f"/sensors/alarms/{alarm['id']}/filing").status_code == 403
    assert api.post("administrator", "/sensors/alarms/999/filing").status_code == 404


def test_health_counts_what_is_not_well(api: SensorApi) -> None:
    api.send("D1", {"readings": [reading(59, pm10=1), reading(58, pm10=-1)]})
    found = api.get("acceptor", "/sensors/health").json
    assert (found["devices"], found["readings"], found["refused"], found["never_heard"]) == (3, 1, 1, 2)
    assert found["readings_a_minute"] == 0.2 and found["faults"] == []
    kinds = api.get("acceptor", "/sensors/kinds").json["kinds"]
    assert [kind["code"] for kind in kinds] == ["dust", "truck", "cover"] and kinds[0]["rules"] == ["dust_over"]


def test_the_way_of_a_vehicle_is_a_line_with_times(api: SensorApi) -> None:
    for minute in (57, 58, 59):
        point = {"time": f"2026-03-02T08:{minute}:00", "x": 116 + minute / 100_000, "y": 28.0005}
        api.send("T1", point, path="payloads")
    [way] = api.get("acceptor", "/sensors/T1/track").json["features"]
    assert len(way["geometry"]["coordinates"]) == 3 and len(way["properties"]["times"]) == 3
    assert api.get("unit_handler_municipal", "/sensors/T1/track").status_code == 403
    assert api.get("acceptor", "/sensors/GHOST/track").status_code == 404


def desk(api: SensorApi, login: str, language: str = "zh") -> Desk:
    client = api.app.test_client()
    token = api.login(login)["Authorization"].split()[1]
    with client.session_transaction() as cookie:
        cookie.update(token=token, csrf_token="known", language=language)
    return Desk(client)


def test_the_pages_show_devices_their_values_alarms_and_cases(api: SensorApi) -> None:
    api.send("D1", {"readings": [reading(minute, pm10=minute * 4, noise=55) for minute in range(0, 60, 5)]})
    api.send("K1", {"readings": [reading(0, tilt=80)]})
    listed = desk(api, "acceptor").get("/devices").words()
    assert "东门扬尘" in listed and "PM10 220 µg/m³ · 噪声 55 dB" in listed and "报警 1" in listed
    page = desk(api, "acceptor").get("/devices/D1")
    assert page.tree.xpath("//svg//*[@class='chart-line']") and "扬尘超标" in page.words()
    number = api.get("acceptor", "/sensors/alarms").json["alarms"][0]["case"]
    case = desk(api, "acceptor").get(f"/cases/{number}")
    assert "传感器报警" in case.words() and "井盖倾斜" in case.words() and "reading.tilt" in case.words()
    assert case.tree.xpath("//section[@id='alarms']//svg")
    english = desk(api, "acceptor", "en").get("/devices").words()
    assert "Devices" in english and "Dust monitor" in english


def test_the_device_pages_are_for_those_who_may(api: SensorApi) -> None:
    assert desk(api, "unit_handler_municipal").get("/devices").status == 403
    assert desk(api, "acceptor").get("/devices/GHOST").status == 404
    page = desk(api, "administrator").get("/devices/D1")
    changed = desk(api, "administrator").submit(page, "/devices/D1/state", button="state=paused")
    assert "暂停报警" in changed.words() and api.get("acceptor", "/sensors/D1").json["state"] == "paused"
