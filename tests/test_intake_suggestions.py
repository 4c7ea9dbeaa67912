"""Suggestions at work: trained on closed cases, kept, noted against what was decided, and answered in one piece."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from api_people import REPORT, Api
from broken_cities import findings_of, write
from click.testing import CliRunner
from sqlalchemy import func, insert, select, update

from api.cli import main
from api.intake_jobs import judge_intake
from api.resources.intake import shelf as host_shelf
from engine.cases.opening import Report
from engine.cases.reporting import submit_report
from engine.catalogue.lookup import version_in_force
from engine.errors import CityBroken, Invalid
from engine.intake.keeping import ModelShelf, train_and_keep, training_is_due
from engine.intake.model import Facts
from engine.intake.model_file import digest_of, read_model, write_model
from engine.intake.noting import note_suggestions, rates_in_use
from engine.intake.pieces import LONGEST, cut, fold
from engine.intake.starting import start_model
from engine.intake.suggesting import Asked, suggest
from engine.intake.training import Example, train_model
from engine.intake.words import Lexicon, Saying, read_lexicon, read_synonyms
from engine.models import Case, CatalogueVersion, Component, IntakeModel, IntakeSuggestion
from engine.testing.scratch import NoServer, scratch_postgresql
from engine.testing.small_city import MONDAY, SmallTown, write_small_city

DAY = MONDAY.date()
LATER = MONDAY + timedelta(days=2)
CLASSES = """kind,class_code,class_name,class_name_en,subclass_code,full_code,subclass_name,subclass_name_en,geometry,\
dept_code,code_2007,scope,code_source
event,01,市容,Appearance,10,0110,暴露垃圾,Exposed garbage,point,MUNICIPAL,,city,city
event,01,市容,Appearance,13,0113,道路破损,Damaged road,point,MUNICIPAL,,city,city
component,01,设施,Utility,37,0137,路灯,Street light,point,MUNICIPAL,,city,city
"""
CONDITIONS = """kind,full_code,condition_no,defect_code,filing_condition,filing_condition_en,limit,\
closing_condition,source
event,0110,1,A,有垃圾,Rubbish,1 work_day,清理,city
event,0113,1,A,路面破损,Road broken,1 work_day,修复,city
component,0137,1,A,不亮,Out,1 work_day,修复,city
"""
TOLD = {
    ("event", "0110"): ("坨坨没人收", "坨坨堆了一地"),
    ("event", "0113"): ("疙瘩路太颠", "疙瘩颠得厉害"),
    ("component", "0137"): ("黑黢黢的看不见", "晚上黑黢黢"),
}
"""Words of a dialect that no catalogue knows."""


def write_own_catalogue(folder: Path) -> None:
    with (folder / "city.toml").open("a", encoding="utf-8") as file:
        file.write("\n[catalogue]\ninherit = false\n")
    write(folder, "catalogue/classes.csv", CLASSES)
    write(folder, "catalogue/conditions.csv", CONDITIONS)
    write(folder, "catalogue/departments.csv", "dept_code,name,name_en\nMUNICIPAL,市政,Municipal\n")
    write(folder, "catalogue/version.toml", 'name = "小"\nvalid_from = 2026-01-01\n')


@pytest.fixture(params=("sqlite", "postgresql"))
def dialect_town(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SmallTown]:
    """A small city with a catalogue of three classes, on either database."""
    folder = write_small_city(tmp_path / "small")
    write_own_catalogue(folder)
    if request.param == "sqlite":
        town = SmallTown(folder)
        yield town
        town.close()
        return
    try:
        with scratch_postgresql() as url:
            town = SmallTown(folder, url)
            yield town
            town.close()
    except NoServer as error:
        pytest.skip(str(error))


def report(town: SmallTown, text: str, kind: str = "event", code: str = "0110") -> int:
    told = Report(kind, code, text, "public", lon=116.0005, lat=28.0005, condition_no=1)
    number = submit_report(town.session, town.platform, told, town.actor("acceptor"), town.clock.now())["case"]
    found = town.session.scalar(select(Case.id).where(Case.number == number))
    assert found is not None
    return found


def close_many(town: SmallTown, copies: int) -> None:
    """Closed cases told in the dialect, as many of each class."""
    model = report(town, "-")
    row = dict(town.session.execute(select(Case.__table__).where(Case.id == model)).mappings().one())
    rows: list[dict[str, Any]] = []
    for (kind, code), texts in TOLD.items():
        for at in range(copies):
            text = f"{'甲乙丙丁戊己庚辛壬癸'[at % 10]}街{'子丑寅卯辰巳午未'[at // 10 % 8]}巷{texts[at % len(texts)]}"
            number = f"{code}-{at}"
            rows.append(
                {**row, "id": model + 1 + len(rows), "number": number, "kind": kind, "full_code": code,
                 "description": text, "status": "closed", "closed_at": MONDAY}
            )  # fmt: skip
    town.session.execute(insert(Case.__table__), rows)
    town.session.commit()


# Words and pieces ---------------------------------------------------------------------------------------------


def test_a_text_is_cut_into_characters_words_and_pairs_of_them() -> None:
    found = [piece.text for piece in cut(fold("路灯ＡＢ Lights, 3 out glass"))]
    assert found == ["路", "路灯", "灯", "ab", "light", "ab light", "out", "glass", "out glass"]
    assert [each.text for each in cut(fold("1234 !? 🙂"))] == []
    assert len(fold("路" * 9_999)) == LONGEST


def test_a_city_adds_words_and_takes_words_back(town: SmallTown) -> None:
    assert "路灯不亮" in read_synonyms(town.city)["component/0137"]
    write(town.folder, "catalogue/synonyms.csv", "kind,full_code,words\ncomponent,0137,黑黢黢; 灯灯不亮；-路灯不亮\n")
    words = read_synonyms(town.city)["component/0137"]
    assert {"黑黢黢", "灯灯不亮", "街灯"} <= set(words)
    assert "路灯不亮" not in words
    version = town.session.scalars(select(CatalogueVersion)).one().id
    model = start_model(read_lexicon(town.session, town.city, version))
    likely = model.judge("巷子黑黢黢").likely[0]
    assert likely.of == "component/0137"
    assert "黑黢黢" in likely.words[0]


def test_broken_channels_and_words_are_told_by_the_check(tmp_path: Path) -> None:
    city = write_small_city(tmp_path / "small")
    many = "".join(f"component,01{number:02},东西\n" for number in range(1, 15))
    write(city, "catalogue/synonyms.csv", f"kind,full_code,words\nevent,0999,甲\n{many}")
    write(
        city, "channels.csv",
        "channel,name,name_en,reporter,needs,wants,source\nwechat,微信,WeChat,citizen,,,city\nwechat,微信,WeChat,public,,,city\n",
    )  # fmt: skip
    told = {(each.file, each.element): each for each in findings_of(city)}
    unknown = told["catalogue/synonyms.csv", "event/0999"]
    assert (unknown.severity, unknown.line) == ("error", 2)
    assert told["catalogue/synonyms.csv", "东西"].severity == "warning"
    assert {each.message for each in findings_of(city) if each.element == "wechat"} == {
        "reporter 'citizen' is unknown", "channel wechat stands in line 2 too",
    }  # fmt: skip


# The model ----------------------------------------------------------------------------------------------------

SAID = Lexicon(
    ("component/0137", "event/0110", "event/0113"),
    (
        Saying("component/0137", "路灯", 3.0), Saying("event/0110", "暴露垃圾", 3.0),
        Saying("event/0113", "道路破损", 3.0),
    ),
)  # fmt: skip


def examples(copies: int) -> list[Example]:
    return [
        Example(f"{'甲乙丙丁戊己庚辛壬癸'[at % 10]}街{at % 7}{'子丑寅卯'[at % 4]}{texts[at % 2]}", f"{kind}/{code}")
        for (kind, code), texts in TOLD.items()
        for at in range(copies)
    ]


def test_closed_cases_teach_what_the_words_do_not_know() -> None:
    model = train_model(SAID, examples(60))
    facts = model.facts
    assert (facts.start_top1, facts.top1, facts.top3) == (0.0, 1.0, 1.0)
    assert facts.cases + facts.held_out == 180
    assert 20 <= facts.held_out <= 60
    assert model.judge("我家门口坨坨没人收").likely[0].of == "event/0110"
    assert "坨坨" in model.judge("我家门口坨坨没人收").likely[0].words[0]
    assert model.judge("路灯").likely[0].of == "component/0137"
    assert not model.judge("你好").known


def test_too_few_or_too_equal_cases_are_refused() -> None:
    with pytest.raises(Invalid, match="9 closed cases to learn from; training begins with 100"):
        train_model(SAID, examples(3))
    with pytest.raises(Invalid, match="0 closed cases"):
        train_model(SAID, [Example("坨坨", "event/9999")] * 200)
    with pytest.raises(Invalid, match="too much alike"):
        train_model(SAID, [Example("坨坨", "event/0110")] * 200)


def test_a_model_comes_back_from_its_file_and_a_changed_file_does_not() -> None:
    model = start_model(SAID)
    content = write_model(model)
    again = read_model(content, digest_of(content), model.facts)
    for text in ("路灯坏了", "道路", "天气"):
        assert [each.of for each in again.judge(text).likely] == [each.of for each in model.judge(text).likely]
    with pytest.raises(CityBroken, match="not the one with the digest"):
        read_model(content + b"x", digest_of(content), model.facts)


def test_a_file_with_an_object_or_parts_that_do_not_fit_is_refused() -> None:
    model = start_model(SAID)
    for damage in ("object", "shape", "nan", "json", "truncated"):
        with np.load(io.BytesIO(write_model(model)), allow_pickle=False) as file:
            parts = {name: file[name] for name in file.files}
        if damage == "object":
            parts["about"] = np.array([{"format": 1}], dtype=object)
        elif damage == "shape":
            parts["weights"] = parts["weights"][:-1]
        elif damage == "nan":
            parts["bias"] = parts["bias"] * np.nan
        elif damage == "json":
            parts["about"] = np.frombuffer(b"{", dtype=np.uint8)
        bad = io.BytesIO()
        np.savez_compressed(bad, **parts)
        content = bad.getvalue()[:100] if damage == "truncated" else bad.getvalue()
        with pytest.raises(CityBroken, match="cannot be read"):
            read_model(content, digest_of(content), Facts(""))


def test_training_is_kept_and_noticed_by_other_processes(dialect_town: SmallTown) -> None:
    town, shelf = dialect_town, ModelShelf(dialect_town.city)
    assert shelf.model(town.session, DAY).trained_at is None
    assert not training_is_due(town.session, MONDAY)
    close_many(town, 60)
    assert training_is_due(town.session, LATER)
    trained = train_and_keep(town.session, town.city, DAY, LATER)
    assert trained.kept
    used = shelf.model(town.session, DAY)
    assert (used.version, used.trained_at, used.model.facts) == (trained.version, LATER, trained.facts)
    assert used.model.judge("坨坨没人收").likely[0].of == "event/0110"
    assert shelf.model(town.session, DAY) is used
    assert not training_is_due(town.session, LATER + timedelta(hours=1))
    assert not training_is_due(town.session, LATER + timedelta(days=1))
    for day in range(1, 5):
        train_and_keep(town.session, town.city, DAY, LATER + timedelta(days=day))
    assert 1 <= (town.session.scalar(select(func.count()).select_from(IntakeModel)) or 0) <= 3
    write(town.folder, "catalogue/synonyms.csv", "kind,full_code,words\nevent,0110,坨坨\n")
    assert ModelShelf(town.city).model(town.session, DAY).trained_at is None


def test_what_was_suggested_is_noted_and_held_against_what_was_decided(dialect_town: SmallTown) -> None:
    town, shelf = dialect_town, ModelShelf(dialect_town.city)
    right, wrong, silent, _open = (
        report(town, "门口有垃圾"), report(town, "路灯不亮"), report(town, "你好"), report(town, "垃圾"),
    )  # fmt: skip
    assert rates_in_use(town.session, MONDAY).top1 is None
    assert note_suggestions(town.session, shelf, DAY, MONDAY) == 4
    assert note_suggestions(town.session, shelf, DAY, MONDAY) == 0
    noted = {row.case_id: row for row in town.session.scalars(select(IntakeSuggestion))}
    assert (noted[right].first, noted[wrong].first, noted[silent].first) == ("event/0110", "component/0137", None)
    assert noted[silent].confidence == 0
    town.session.execute(update(Case).where(Case.id.in_((right, wrong, silent))).values(filed_at=MONDAY))
    town.session.commit()
    rates = rates_in_use(town.session, MONDAY)
    assert (rates.cases, rates.top1) == (3, pytest.approx(1 / 3))
    assert rates.top3 is not None
    assert rates.top3 >= 1 / 3
    town.session.execute(update(Case).where(Case.id == wrong).values(kind="component", full_code="0137"))
    town.session.commit()
    assert rates_in_use(town.session, MONDAY).top1 == pytest.approx(2 / 3)
    assert rates_in_use(town.session, MONDAY, model="another").cases == 0
    assert rates_in_use(town.session, MONDAY + timedelta(days=91)).cases == 0
    report(town, "晚来的")
    assert note_suggestions(town.session, shelf, DAY, MONDAY + timedelta(days=3)) == 0


# The answer ---------------------------------------------------------------------------------------------------


def add_component(api: Api, code: str, full_code: str, lon: float, lat: float) -> None:
    from api.context import session
    from engine.components.cells import cell_of

    with api.app.app_context():
        session().add(
            Component(
                code=code, full_code=full_code, name="路灯", lon=lon, lat=lat, cell=cell_of(lon, lat), grid_code=None,
                dept_in_charge="", dept_owner="", dept_maintenance="", state="完好", source="", initial_date=None,
                change_date=None, note="", photo="", attributes={}, present=True,
            )
        )  # fmt: skip
        session().commit()


def test_one_answer_suggests_class_component_address_and_duplicates(api: Api) -> None:
    add_component(api, "9901010137000001", "0137", 116.0005, 28.0006)
    add_component(api, "9901010137000002", "0137", 116.0025, 28.0025)
    lamp = {**REPORT, "full_code": "0137", "condition_no": 3, "description": "路灯不亮"}
    first = api.post("acceptor", "/cases", json=lamp).json["number"]
    answer = api.get("acceptor", "/intake/suggestions?text=门口路灯不亮&lon=116.0005&lat=28.0005").json
    assert answer["known"] is True
    best = answer["classes"][0]
    assert (best["kind"], best["full_code"], best["name"]) == ("component", "0137", "路灯")
    assert best["confidence"] > 0.5
    assert best["words"] == ["路灯不亮"]
    assert [row["code"] for row in answer["components"]] == ["9901010137000001"]
    assert answer["components"][0]["distance_m"] == pytest.approx(11.1, abs=0.2)
    assert (answer["address"]["in_city"], answer["address"]["grid"]) == (True, "990101001001001")
    assert [row["number"] for row in answer["duplicates"]] == [first]
    assert answer["duplicates"][0]["why"]
    assert answer["model"]["kind"] == "start"
    assert answer["model"]["in_use"] == {"cases": 0, "top1": None, "top3": None}


def test_rules_of_no_report_are_told_before_the_report_is_sent(town: SmallTown) -> None:
    rows = (
        "code,name,name_en,areas,classes,from,to,when,reason,reason_en",
        "snow,雪后,After snow,990101001001001,event/0110,2026-03-01,2026-03-03,,正在清运,Being cleared",
        "works,大修,Works,,component,,,,全市更换,All are replaced",
    )
    write(town.folder, "no_report.csv", "\n".join(rows) + "\n")
    town.load()
    shelf, actor = ModelShelf(town.city), town.actor("acceptor")

    def told(**asked: Any) -> list[str]:
        found = suggest(town.session, town.platform, shelf, Asked(**asked), actor, MONDAY)
        return [rule.code for rule in found.no_report]

    here = {"lon": 116.0005, "lat": 28.0005}
    assert told(text="门口垃圾没人收", **here) == ["snow"]
    assert told(text="门口垃圾没人收") == []
    assert told(text="路灯不亮", **here) == ["works"]
    assert told(full_code="0110", **here) == ["works", "snow"]
    assert told(**here) == []


def test_the_answer_is_whole_with_half_of_what_is_known(api: Api) -> None:
    place = "&lon=116.0005&lat=28.0005"
    only_text = api.get("collector", "/intake/suggestions?text=垃圾没人收").json
    assert (only_text["classes"][0]["full_code"], only_text["address"], only_text["components"]) == ("0110", None, [])
    only_place = api.get("collector", f"/intake/suggestions?{place[1:]}").json
    assert (only_place["known"], only_place["classes"], only_place["duplicates"]) == (False, [], [])
    assert only_place["address"]["grid"] == "990101001001001"
    outside = api.get("collector", "/intake/suggestions?text=垃圾&lon=10&lat=10").json
    assert (outside["address"]["in_city"], outside["address"]["grid"]) == (False, None)
    nothing = api.get("collector", f"/intake/suggestions?text=你好啊{place}").json
    assert (nothing["known"], nothing["classes"]) == (False, [])
    chosen = api.get("collector", f"/intake/suggestions?text=灯&kind=event&full_code=0110{place}").json
    assert chosen["components"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "text"), ("text=%20", "text"), ("text=a&lon=116", "lat"), ("text=a&lon=999&lat=1", "lon"),
        ("text=a&limit=0", "limit"), ("text=a&kind=thing", "kind"), ("text=a&sort=x", "sort"),
        (f"text={'a' * 5001}", "text"),
    ],
)  # fmt: skip
def test_a_faulty_question_is_refused_with_its_field(api: Api, query: str, field: str) -> None:
    answer = api.get("acceptor", f"/intake/suggestions?{query}")
    assert answer.status_code == 422
    assert field in {error["field"] for error in answer.json["errors"]}


def test_only_who_may_report_is_answered(api: Api) -> None:
    assert api.get("leader", "/intake/suggestions?text=a").status_code == 403
    assert api.get("leader", "/intake/model").status_code == 200
    assert api.client.get("/api/v1/intake/model").status_code == 401


def test_the_scheduler_notes_reports_and_tries_to_train_once_a_night(api: Api) -> None:
    assert api.post("acceptor", "/cases", json=REPORT).status_code == 201
    assert judge_intake(api.app) == 1
    assert "wangge.intake.tried" not in api.app.extensions
    api.clock.set(MONDAY + timedelta(hours=18))  # three in the morning in Shanghai
    assert judge_intake(api.app) == 0
    assert str(api.app.extensions["wangge.intake.tried"]) == "2026-03-03"
    with api.app.app_context():
        assert host_shelf() is host_shelf()


def test_the_commands_suggest_show_and_train(dialect_town: SmallTown, tmp_path: Path) -> None:
    if dialect_town.engine.dialect.name != "sqlite":
        return
    url = f"sqlite:///{tmp_path / 'file.db'}"
    town = SmallTown(dialect_town.folder, url)
    target = ["--city", str(town.folder), "--database", url]

    def run(*words: str) -> str:
        done = CliRunner().invoke(main, ["intake", *words, *target])
        return done.output

    assert "event/0110 暴露垃圾  垃圾" in run("suggest", "门口有垃圾")
    assert run("suggest", "你好").startswith("no class")
    assert "not trained on cases yet" in run("model")
    assert "training begins with 100" in run("train")
    close_many(town, 60)
    assert "kept as" in run("train")
    assert "held-out cases: right at first 100.0%" in run("model")
    assert '"kept": true' in run("train", "--json")
    town.close()


def test_the_start_is_that_of_the_version_in_force(town: SmallTown) -> None:
    used = ModelShelf(town.city).model(town.session, DAY)
    assert used.catalogue_id == version_in_force(town.session, DAY).id
    assert len(used.model.classes) == 242
