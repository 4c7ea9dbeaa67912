"""Photos of components come with a proposal and are shown once it is confirmed; the register goes out as a file."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from api_people import Api
from test_api_evidence import picture
from test_component_changes import COVER, decide, entry
from test_component_changes import street as street

from engine.evidence.sweeping import sweep


def send(api: Api, content: bytes, who: str = "collector", values: Any = None, code: str = COVER) -> Any:
    form = {"component": code, "reason": "seen on patrol", "file": (io.BytesIO(content), "../../near.jpg")}
    if values is not None:
        form["values"] = values if isinstance(values, str) else json.dumps(values)
    return api.post(who, "/components/photos", data=form)


def test_a_photo_waits_with_its_proposal_and_is_shown_once_confirmed(street: Api) -> None:
    change = send(street, picture(notes=True), values={"state": "破损"})
    assert (change.status_code, change.json["after"]) == (201, {"state": "破损"}), change.text
    address = f"/components/photos/{change.json['photo']}"
    assert street.get("collector", address).status_code == 200
    assert street.get("acceptor", address).status_code == 403
    assert entry(street)["properties"]["shown_photo"] is None
    assert decide(street, change.json["id"]).status_code == 200
    assert entry(street)["properties"]["shown_photo"] == change.json["photo"]
    shown = street.get("acceptor", address)
    assert (shown.status_code, shown.content_type) == (200, "image/jpeg")
    assert street.get("acceptor", f"{address}?copy=original").data == picture(notes=True)
    assert len(street.get("acceptor", f"{address}?copy=thumbnail").data) < len(picture(notes=True))
    assert street.get("acceptor", "/components/photos/99").status_code == 404


def test_a_photo_alone_is_a_proposal_and_the_latest_confirmed_is_shown(street: Api) -> None:
    ids = []
    for size in ((400, 300), (300, 200), (200, 100)):
        change = send(street, picture(size=size)).json
        assert (change["after"], change["before"]) == ({}, {})
        ids.append(change)
    for change in ids[:2]:
        decide(street, change["id"])
    decide(street, ids[2]["id"], "refusal")
    assert entry(street)["properties"]["shown_photo"] == ids[1]["photo"]
    assert entry(street)["properties"]["photo"] == ""
    listed = street.get("collector", f"/components/changes?component={COVER}").json["changes"]
    assert [row["photo"] for row in listed] == [each["photo"] for each in ids]


@pytest.mark.parametrize(
    ("content", "values", "status"),
    [(b"GIF89a", None, 422), (picture(), "[]", 422), (picture(), "{", 422), (picture(), {"state": "fine"}, 422)],
)
def test_what_does_not_hold_leaves_no_proposal(street: Api, content: bytes, values: Any, status: int) -> None:
    assert send(street, content, values=values).status_code == status
    assert street.get("collector", "/components/changes").json["changes"] == []


def test_a_photo_takes_the_permission_to_propose(street: Api) -> None:
    assert send(street, picture(), who="acceptor").status_code == 403
    assert send(street, picture(), code="9901010101000009").status_code == 404


def test_a_sweep_leaves_named_photos_and_takes_those_of_refused_uploads(street: Api) -> None:
    from api.context import platform, session

    kept, lost = picture(size=(400, 300)), picture(size=(500, 300))
    change = send(street, kept).json
    assert send(street, lost, values={"state": "fine"}).status_code == 422
    with street.app.app_context():
        done = sweep(session(), platform().store, datetime.now(UTC) + timedelta(days=2))
        assert (done.seen, done.taken) == (6, 3)
    assert street.get("collector", f"/components/photos/{change['photo']}?copy=original").data == kept


def test_attributes_are_kept_as_a_survey_would_have_brought_them(street: Api) -> None:
    values = {"attributes": {"on_tactile_paving": "是", "material": " 铸铁 ", "placement": ""}, "note": "\x01"}
    body = {"component": COVER, "values": values, "reason": "x"}
    refused = street.post("collector", "/components/changes", json=body)
    assert refused.status_code == 422 and "control characters" in refused.text
    values["note"] = " by the gate "
    change = street.post("collector", "/components/changes", json=body)
    assert change.json["after"] == {
        "note": "by the gate", "attributes": {"on_tactile_paving": True, "material": "铸铁"},
    }  # fmt: skip


def test_the_register_goes_out_as_a_file_to_those_who_may(street: Api) -> None:
    assert street.get("collector", "/components/export").status_code == 403
    answer = street.get("administrator", "/components/export?full_code=0101")
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    assert "attachment" in answer.headers["Content-Disposition"]
    lines = answer.data.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("code,full_code,name,lon,lat,grid,") and len(lines) == 3
    package = street.get("administrator", "/components/export?format=gpkg")
    assert package.data.startswith(b"SQLite format 3")
    assert street.get("administrator", "/components/export?format=xlsx").status_code == 422
    assert street.get("administrator", "/components/export?state=移除").status_code == 422
