"""The main job as a newcomer meets it: ``wangge demo --serve``, eight people close a case over HTTP, start again."""

from __future__ import annotations

import csv
import io
import json
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from served import free_port, served
from shapely.geometry import shape

from engine.city import cities_root

PASSWORD = "wangge-demo"
pytestmark = pytest.mark.slow


@dataclass
class Clerk:
    """One person at work through the API."""

    address: str
    login: str
    token: str = ""

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send JSON, or bytes as they are, and read JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{self.address}/api/v1{path}", data=data, method=method)
        request.add_header("Content-Type", headers.pop("content_type", "application/json"))
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path} as {self.login}: {error.code} {error.read().decode()}") from error

    def enter(self) -> Clerk:
        self.token = self.call("POST", "/login", {"login": self.login, "password": PASSWORD})["token"]
        return self

    def task_of(self, number: str) -> dict[str, Any]:
        """This person's open task on the case."""
        case = self.call("GET", f"/cases/{number}")
        assert len(case["tasks"]) == 1, case["tasks"]
        return dict(self.call("GET", f"/tasks/{case['tasks'][0]['id']}"))

    def complete(self, number: str, element: str, **answers: Any) -> dict[str, Any]:
        task = self.task_of(number)["task"]
        assert task["element"] == element
        body = {"answers": answers, "seen_version": task["version"]}
        return dict(self.call("PUT", f"/tasks/{task['id']}/completion", body, Idempotency_Key=str(uuid.uuid4())))

    def photo(self, number: str, role: str) -> None:
        """Upload a photo as a form would."""
        picture = io.BytesIO()
        Image.new("RGB", (640, 480), (90, 120, 90)).save(picture, "JPEG")
        mark = uuid.uuid4().hex
        parts = (
            f'--{mark}\r\nContent-Disposition: form-data; name="role"\r\n\r\n{role}\r\n'
            f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n'
            "Content-Type: image/jpeg\r\n\r\n"
        )
        body = parts.encode() + picture.getvalue() + f"\r\n--{mark}--\r\n".encode()
        self.call("POST", f"/cases/{number}/evidence", body, content_type=f"multipart/form-data; boundary={mark}")


def test_eight_people_close_a_case_over_http_and_it_is_there_after_a_restart(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log.txt"
    with served(tmp_path, port, log):
        address = f"http://127.0.0.1:{port}"
        number = close_one_case(address)
    with served(tmp_path, port, log) as seconds:
        case = Clerk(address, "leader").enter().call("GET", f"/cases/{number}")
    assert case["summary"]["status"] == "closed"
    print(f"second start answered after {seconds:.1f} s")


def close_one_case(address: str) -> str:
    """All seven steps by eight different people; the case's number."""
    people = {
        login: Clerk(address, login).enter()
        for login in (
            "collector", "acceptor", "shift_leader", "dispatcher", "unit_clerk", "unit_handler", "unit_head", "leader",
        )
    }  # fmt: skip
    collector = people["collector"]
    duty_grid = collector.call("GET", "/me")["posts"][0]["duty_grid"]
    lon, lat = point_in(duty_grid)
    report = {
        "kind": "component", "full_code": "0106", "condition_no": 1, "description": "路灯井盖缺失", "source": "patrol",
        "lon": lon, "lat": lat, "reporter_phone": "10000000001",
    }  # fmt: skip
    created = collector.call("POST", "/cases", report, Idempotency_Key=str(uuid.uuid4()))
    number = str(created["number"])
    condition = "component/0106/1"
    people["acceptor"].complete(number, "accept", decision="ok", condition=condition, urgent=False)
    people["shift_leader"].complete(number, "file_case", decision="approve", condition=condition, urgent=False)
    people["dispatcher"].complete(number, "assign", decision="assign", lead="municipal")
    people["leader"].call("POST", f"/cases/{number}/actions/supervise", {"instruction": "请尽快处置", "level": 1})
    reply = next(
        task for task in people["unit_head"].call("GET", f"/cases/{number}")["tasks"] if task["element"] == "reply_unit"
    )
    people["unit_head"].call("PUT", f"/tasks/{reply['id']}/completion", {"answers": {"reply": "已派员"}})
    people["unit_clerk"].complete(number, "receive", decision="accept")
    people["unit_handler"].complete(number, "handle", decision="done", handling_note="已补盖复位")
    people["unit_handler"].photo(number, "after_photo")
    people["unit_clerk"].complete(number, "feedback", decision="complete")
    checker(people["leader"], number).complete(number, "check", decision="pass")
    people["shift_leader"].complete(number, "close", decision="close", kind="solved")
    standing = people["acceptor"].complete(number, "call_reporter", satisfaction="satisfied")
    assert standing["status"] == "closed"
    return number


def checker(leader: Clerk, number: str) -> Clerk:
    """The collector whom the city has chosen to check: never the one who reported."""
    [task] = leader.call("GET", f"/cases/{number}")["tasks"]
    with (cities_root() / "yunhe/organisation/people.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["post"] == "collector" and row["name"] == task["assignee"]]
    assert len(rows) == 1, (task, rows)
    assert rows[0]["login"] != "collector"
    return Clerk(leader.address, rows[0]["login"]).enter()


def point_in(duty_grid: str) -> tuple[float, float]:
    """A point inside a duty grid of Yunhe."""
    collection = json.loads((cities_root() / "yunhe/ground/duty_grids.geojson").read_text(encoding="utf-8"))
    geometry = next(f["geometry"] for f in collection["features"] if f["properties"]["code"] == duty_grid)
    point = shape(geometry).representative_point()
    return point.x, point.y
