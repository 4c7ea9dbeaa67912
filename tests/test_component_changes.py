"""Changes of components: a collector proposes, an administrator confirms, the register remembers who and when."""

from __future__ import annotations

from typing import Any

import pytest
from api_people import Api
from sqlalchemy import insert
from test_components_map import a_component

from engine.components.counts import counts_in, recount
from engine.models import Component, ComponentChange

COVER = "9901010101000001"
CITY = (115.9, 27.9, 116.1, 28.1)


@pytest.fixture
def street(api: Api) -> Api:
    """One cover of MUNICIPAL and one that nobody owns."""
    from api.context import session

    rows = [
        a_component(1, 116.0005, 28.0005) | {"dept_owner": "MUNICIPAL", "grid_code": "990101001001001"},
        a_component(2, 116.0006, 28.0005),
    ]
    with api.app.app_context():
        session().execute(insert(Component), rows)
        recount(session())
        session().commit()
    return api


def proposed(api: Api, values: dict[str, Any], code: str = COVER, who: str = "collector") -> Any:
    body = {"component": code, "values": values, "reason": "seen on patrol"}
    return api.post(who, "/components/changes", json=body)


def decide(api: Api, change: int, act: str = "confirmation", who: str = "administrator", say: str = "so it is") -> Any:
    return api.put(who, f"/components/changes/{change}/{act}", json={"decision": say})


def entry(api: Api, code: str = COVER) -> dict[str, Any]:
    found: dict[str, Any] = api.get("collector", f"/components/{code}").json
    return found


def test_a_proposal_moves_nothing_until_an_administrator_confirms_it(street: Api) -> None:
    answer = proposed(street, {"lon": 116.0025, "lat": 28.0025})
    assert (answer.status_code, answer.json["status"], answer.json["kind"]) == (201, "proposed", "change")
    assert entry(street)["geometry"]["coordinates"] == [116.0005, 28.0005]
    done = decide(street, answer.json["id"])
    assert (done.status_code, done.json["status"]) == (200, "confirmed")
    now = entry(street)
    assert now["geometry"]["coordinates"] == [116.0025, 28.0025]
    assert now["properties"]["grid_code"] == "990101001001009"
    near = street.get("collector", "/components?lon=116.0025&lat=28.0025&within_m=5").json["features"]
    assert [feature["id"] for feature in near] == [COVER]


def test_history_says_who_moved_which_cover_when(street: Api) -> None:
    decide(street, proposed(street, {"lon": 116.0025, "lat": 28.0025}).json["id"])
    [change] = street.get("collector", f"/components/changes?component={COVER}").json["changes"]
    assert (change["proposed_by"], change["decided_by"]) == ("collector", "administrator")
    assert (change["before"]["lon"], change["after"]["lon"]) == (116.0005, 116.0025)
    assert change["before"]["grid_code"] == "990101001001001" and change["after"]["grid_code"] == "990101001001009"
    assert change["proposed_at"] and change["decided_at"] and change["reason"] == "seen on patrol"


def test_permissions_decide_who_proposes_and_who_confirms(street: Api) -> None:
    assert proposed(street, {"state": "破损"}, who="acceptor").status_code == 403
    change = proposed(street, {"state": "破损"}).json["id"]
    assert decide(street, change, who="collector").status_code == 403
    assert decide(street, change, "refusal", who="collector").status_code == 403
    assert street.get("acceptor", "/components/changes").status_code == 403
    assert street.get("collector", "/components/ownership").status_code == 403
    own = proposed(street, {"note": "mine"}, who="administrator").json["id"]
    assert decide(street, own).status_code == 403


def test_a_proposal_overtaken_by_another_is_a_conflict(street: Api) -> None:
    first, second = (proposed(street, {"state": state}).json["id"] for state in ("破损", "丢失"))
    other = proposed(street, {"note": "by the gate"}).json["id"]
    assert decide(street, first).status_code == 200
    answer = decide(street, second)
    assert answer.status_code == 409 and "state" in answer.json["detail"]
    assert decide(street, other).status_code == 200
    assert decide(street, first).status_code == 409
    assert decide(street, second, "refusal", say="").status_code == 422
    assert decide(street, second, "refusal", say="overtaken").json["status"] == "refused"
    assert decide(street, 999).status_code == 404
    assert entry(street)["properties"]["state"] == "破损" and entry(street)["properties"]["note"] == "by the gate"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"lon": "nan"}, "values.lon"),
        ({"lon": 117}, "values"),
        ({"state": "fine"}, "values"),
        ({"dept_owner": "NOBODY"}, "values"),
        ({"change_date": "soon"}, "values.change_date"),
        ({"code": "9901010101000002"}, "values.code"),
        ({"cell": 4}, "values.cell"),
        ({"attributes": {"colour": "red"}}, "values"),
        ({"attributes": "red"}, "values.attributes"),
        ({"note": 4}, "values.note"),
        ({"state": "完好"}, "values"),
    ],
)
def test_a_value_that_does_not_hold_is_refused_by_its_name(street: Api, values: dict[str, Any], field: str) -> None:
    answer = proposed(street, values)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field), answer.text
    assert street.get("collector", "/components/changes").json["changes"] == []


def test_a_new_component_and_a_removed_one_move_the_counts(street: Api) -> None:
    from api.context import session

    def counted() -> int:
        with street.app.app_context():
            return sum(amount for _, amount in counts_in(session(), CITY)[1])

    fresh = {"full_code": "0101", "lon": 116.0015, "lat": 28.0015, "state": "完好", "attributes": {"material": "铸铁"}}
    assert proposed(street, fresh, "9901010102000009").status_code == 422
    assert proposed(street, {"state": "破损"}, "9901010101000009").status_code == 404
    added = proposed(street, fresh, "9901010101000009").json
    assert (added["kind"], added["before"]) == ("add", None)
    assert (counted(), decide(street, added["id"]).status_code, counted()) == (2, 200, 3)
    assert entry(street, "9901010101000009")["properties"]["attributes"] == {"material": "铸铁"}
    gone = proposed(street, {"state": "移除"}, "9901010101000009").json["id"]
    assert (decide(street, gone).status_code, counted()) == (200, 2)
    assert entry(street, "9901010101000009")["properties"]["state"] == "移除"
    near = street.get("collector", "/components?lon=116.0015&lat=28.0015&within_m=5").json["features"]
    assert near == []


def test_attributes_go_over_those_that_are_there(street: Api) -> None:
    decide(street, proposed(street, {"attributes": {"material": "铸铁", "on_tactile_paving": True}}).json["id"])
    decide(street, proposed(street, {"attributes": {"material": None, "placement": "人行道"}}).json["id"])
    assert entry(street)["properties"]["attributes"] == {"on_tactile_paving": True, "placement": "人行道"}


def test_gaps_and_claims_are_a_list_that_gets_shorter(street: Api) -> None:
    from api.context import session

    open_work = street.get("administrator", "/components/ownership").json
    assert [gap["code"] for gap in open_work["gaps"]] == ["9901010101000002"]
    assert (open_work["open_gaps"], open_work["open_claims"]) == (1, 0)
    assert street.get("administrator", "/components/ownership?full_code=0105").json["gaps"] == []
    owner = proposed(street, {"dept_owner": "MUNICIPAL"}, "9901010101000002").json
    assert owner["kind"] == "ownership"
    claim = proposed(street, {"dept_owner": "EMERGENCY"}).json["id"]
    listed = street.get("administrator", "/components/ownership").json
    assert [row["id"] for row in listed["claims"]] == [owner["id"], claim]
    decide(street, owner["id"])
    decide(street, claim, "refusal")
    done = street.get("administrator", "/components/ownership").json
    assert (done["gaps"], done["claims"], done["open_gaps"], done["open_claims"]) == ([], [], 0, 0)
    assert entry(street)["properties"]["dept_owner"] == "MUNICIPAL"
    with street.app.app_context():
        assert session().get_one(ComponentChange, claim).status == "refused"


def test_changes_come_in_pages(street: Api) -> None:
    ids = [proposed(street, {"note": str(number)}).json["id"] for number in range(3)]
    first = street.get("collector", "/components/changes?status=proposed&limit=2").json
    rest = street.get("collector", f"/components/changes?status=proposed&limit=2&after={first['next']}").json
    assert [row["id"] for row in first["changes"] + rest["changes"]] == ids
    assert rest["next"] is None
