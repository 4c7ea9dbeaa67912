"""The register on the pages: searched, one component with history, proposals decided, owners worked off."""

from __future__ import annotations

import io

import pytest
from page_desk import Site
from sqlalchemy import insert, select, update
from test_api_evidence import picture
from test_components_map import a_component
from test_pages import site as site

from engine.components.counts import recount
from engine.models import Component, Subclass
from engine.testing.casework import CaseWork

COVER, LAMP = "9901010101000001", "9901010101000002"


@pytest.fixture
def street(site: Site) -> Site:
    """One cover of MUNICIPAL with an attribute, and one that nobody owns."""
    rows = [
        a_component(1, 116.0005, 28.0005)
        | {"dept_owner": "MUNICIPAL", "grid_code": "990101001001001", "attributes": {"material": "铸铁"}},
        a_component(2, 116.0006, 28.0005) | {"attributes": {}},
        a_component(3, 116.0016, 28.0005) | {"attributes": {}, "state": "破损", "note": "=gate"},
    ]
    with site.app.app_context():
        from api.context import session

        session().execute(insert(Component), rows)
        recount(session())
        session().commit()
    return site


def propose(site: Site, code: str = COVER, login: str = "collector", photo: bool = False, **answers: str) -> str:
    desk = site.desk(login)
    form = desk.get(f"/components/{code}/proposal")
    sent: dict[str, object] = {"reason": "现场核对", **answers}
    if photo:
        sent["photo"] = (io.BytesIO(picture(notes=True)), "near.jpg")
    return desk.submit(form, "/proposal", sent).text


def test_the_register_is_searched_by_words_class_state_and_grid(street: Site) -> None:
    desk = street.desk("collector")
    assert all(code in desk.get("/components").text for code in (COVER, LAMP))
    only_third = desk.get("/components?q=gate").text
    assert "9901010101000003" in only_third and COVER not in only_third
    assert COVER in desk.get(f"/components?q={COVER[:16]}").text
    assert LAMP not in desk.get("/components?grid=990101001001001").text
    assert COVER in desk.get("/components?department=MUNICIPAL&state=完好&full_code=0101").text
    assert "没有符合条件的部件" in desk.get("/components?state=丢失").text
    assert "No component fits" in street.desk("collector", "en").get("/components?q=50%25").text


def test_a_class_in_doubt_is_marked_in_the_list_and_in_the_filter(street: Site) -> None:
    with street.app.app_context():
        from api.context import session

        wanted = select(Subclass).where(Subclass.kind == "component", Subclass.code_source.startswith("provisional"))
        doubtful = session().scalars(wanted.order_by(Subclass.full_code)).first()
        assert doubtful is not None
        session().execute(
            update(Component).where(Component.code == LAMP).values(full_code=doubtful.full_code, name=doubtful.name)
        )
        recount(session())
        session().commit()
    for language, mark in (("zh", "暂编代码，待核定"), ("en", "provisional code, to be confirmed")):
        page = street.desk("collector", language).get("/components")
        assert mark in page.words(f'.//option[@value="{doubtful.full_code}"]')
        assert mark in page.words(f'.//a[@href="/components/{LAMP}"]')
        view = street.desk("collector", language).client.get("/components/map.geojson?bbox=116,28,116.003,28.003")
        [name] = [each["properties"]["name"] for each in view.json["features"] if each["properties"]["code"] == LAMP]
        assert mark in name  # whole, however long the class's name is


def test_the_map_gets_components_in_words_and_refuses_nonsense(street: Site) -> None:
    desk = street.desk("collector", "en")
    found = desk.client.get("/components/map.geojson?bbox=116,28,116.003,28.003&full_code=").json["features"]
    assert {each["properties"]["code"] for each in found} >= {COVER, LAMP}
    states = {each["properties"]["state"]: each["properties"]["sound"] for each in found}
    assert states == {"Intact": True, "Damaged": False}
    assert desk.client.get("/components/map.geojson?bbox=1,2").status_code == 422


def test_a_change_goes_from_the_collector_to_the_administrator_and_into_history(street: Site) -> None:
    said = propose(street, state="破损", dept_maintenance="EMERGENCY", photo=True, **{"attribute-material": "复合"})
    assert "变更建议已提交" in said and "待审定" in said
    desk = street.desk("administrator")
    queue = desk.get("/components/proposals")
    for words in ("完好", "破损", "铸铁", "复合", "现场核对", "拍摄点距登记位置", "0 米"):
        assert words in queue.text, words
    done = desk.submit(queue, "/proposals/1", {"decision": "属实"}, "act=confirm")
    assert f"部件 {COVER} 的变更已确认" in done.text
    page = street.desk("acceptor").get(f"/components/{COVER}")
    for words in ("复合", "collector", "administrator", "属实", "部件照片", "/components/photos/1"):
        assert words in page.text, words
    assert "提出变更" not in page.text.split("还没有照片")[0]
    assert street.desk("acceptor").client.get("/components/photos/1?small=1").content_type == "image/jpeg"


def test_a_refusal_needs_a_reason_and_nobody_decides_on_their_own(street: Site) -> None:
    propose(street, note="门口")
    desk = street.desk("administrator")
    refused = desk.submit(desk.get("/components/proposals"), "/proposals/1", {}, "act=refuse")
    assert refused.status == 422 and "不采纳须说明理由" in refused.text
    done = desk.submit(desk.get("/components/proposals"), "/proposals/1", {"decision": "不属实"}, "act=refuse")
    assert "未采纳" in done.text
    propose(street, login="administrator", note="我的")
    assert "本人提出的建议须由他人审定" in desk.get("/components/proposals").text
    assert "不属实" in desk.get("/components/proposals?status=refused").text


def test_what_does_not_hold_comes_back_with_what_was_typed(street: Site) -> None:
    text = propose(street, lon="117", note="留下的话")
    assert "该位置不在本市网格范围内" in text and "留下的话" in text
    assert "没有可变更的内容" in propose(street)


def test_owners_are_worked_off(street: Site) -> None:
    propose(street, dept_owner="EMERGENCY")
    desk = street.desk("administrator")
    listed = desk.get("/components/ownership")
    assert LAMP in listed.text and "MUNICIPAL" in listed.text
    ticked = {"code": [LAMP, "9901010101000003"], "dept_owner": "MUNICIPAL", "reason": "移交清单"}
    done = desk.submit(listed, "/components/ownership", ticked)
    assert "已为 2 个部件提交确权建议" in done.text and "已提议" in done.text
    claimed = desk.submit(done, "/proposals/1", {"decision": "属实"}, "act=confirm")
    assert claimed.path.endswith("/components/ownership")
    none = desk.submit(desk.get("/components/ownership"), "/components/ownership", {"reason": "x"})
    assert none.status == 422 and "请勾选部件并选择权属单位" in none.text


def test_pages_keep_to_permissions(street: Site) -> None:
    acceptor, collector = street.desk("acceptor"), street.desk("collector")
    assert acceptor.get("/components").status == 200
    assert acceptor.get(f"/components/{COVER}").status == 200
    for path in (f"/components/{COVER}/proposal", "/components/proposals", "/components/ownership"):
        assert acceptor.get(path).status == 403, path
    assert collector.get("/components/proposals").status == 200
    assert collector.get("/components/ownership").status == 403
    assert collector.get("/components/export").status == 403
    assert street.desk("administrator").client.get("/components/export?q=gate").status_code == 200
    assert collector.get("/components/1").status == 404
    assert street.visitor().get("/components").path.startswith("/login")


def test_cases_at_a_component_are_listed_for_those_who_see_them(street: Site) -> None:
    case = CaseWork(street.town)
    case.case.component_code = COVER
    street.town.session.commit()
    page = street.desk("acceptor").get(f"/components/{COVER}")
    assert f"/cases/{case.case.number}" in page.text
    assert case.case.number not in street.desk("acceptor").get(f"/components/{LAMP}").text
    hidden = street.desk("unit_handler_municipal").get(f"/components/{COVER}").text
    assert case.case.number not in hidden and "没有您可以查看的案件" in hidden
