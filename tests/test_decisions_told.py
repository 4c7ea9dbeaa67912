"""Clerks and other programs read why a decision came out as it did: on the case's page, over HTTP, in words."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from api_people import Api
from page_desk import Site
from test_decisions_at_work import draw

from api.app import create_app
from api.config import Settings
from engine.explain.decided import read_decided
from engine.explain.explaining import explain_case
from engine.explain.values import PastStep
from engine.testing.casework import CaseWork
from engine.testing.small_city import SmallTown, write_small_city

ENGLISH = """key,text
decision:response,Response level
decision:response:place,Place
decision:crowd:many,Fifty people or more
decision:crowd,Crowd
"""
Open = Callable[[str], tuple[Site, CaseWork]]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """A city whose cases are decided by three decisions, with a case past them; its pages and its API."""
    towns: list[SmallTown] = []

    def open_site(script: str) -> tuple[Site, CaseWork]:
        folder = write_small_city(tmp_path / "small")
        draw(folder, script)
        (folder / "translations").mkdir(exist_ok=True)
        (folder / "translations/en.csv").write_text(ENGLISH, encoding="utf-8")
        url = f"sqlite:///{tmp_path / 'small.db'}"
        town = SmallTown(folder, url)
        towns.append(town)
        work = CaseWork(town)
        work.do("acceptor", "first")
        settings = Settings(str(folder), url, "test", tmp_path, check_city=False, testing=True)
        return Site(create_app(settings, clock=town.clock), town), work

    yield open_site
    for town in towns:
        town.close()


def page_of(site: Site, work: CaseWork, language: str) -> str:
    page = site.desk("shift_leader", language).get(f"/cases/{work.case.number}")
    (line,) = page.tree.xpath("//*[@id='timeline']//li[@class='line-decision']")
    return " ".join(" ".join(line.itertext()).split())


def past(work: CaseWork, language: str) -> PastStep:
    told = explain_case(work.town.session, work.town.platform, work.case, language)
    return next(step for step in told.past if step.kind == "decision")


def test_the_page_shows_rules_inputs_outputs_and_the_decisions_before(opened: Open) -> None:
    site, work = opened("month = 7\npeople = 60")
    words = page_of(site, work, "zh")
    assert "规则判定 · 响应级别" in words
    assert "依据 第 2 条规则 判定明细" in words
    season, crowd, response = (words.index(each) for each in ("季节 得出", "人群 输入", "响应级别 输入"))
    assert season < crowd < response
    assert "人群 输入：人数 60 输入：人数 (2) 0 依据 五十人以上 得出：size many" in words
    assert "响应级别 输入：季节 other 输入：人群 many 依据 第 2 条规则 得出：level 2 得出：until 无" in words


def test_the_page_shows_them_in_english_too(opened: Open) -> None:
    site, work = opened("month = 7\npeople = 60")
    words = page_of(site, work, "en")
    assert "Response level" in words and "Rule Row 2 of the table The decision in detail" in words
    assert "Crowd Asked:" in words and "Rule Fifty people or more" in words and "Gave: until none" in words


@pytest.mark.parametrize(
    ("language", "words"), [("zh", "依据 没有规则命中 判定明细"), ("en", "Rule No rule matched The decision in detail")]
)
def test_the_page_says_when_no_rule_matched_and_what_was_asked(opened: Open, language: str, words: str) -> None:
    site, work = opened("month = 7\npeople = 3")
    told = page_of(site, work, language)
    assert words in told and "few" in told


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh", ["理由 按问题类别的职责分工派遣。", "得出：依据 按职责", "输入：是否紧急 否", "输入：部件或事件 部件"]),
        ("en", ["Reason Dispatched by the duty for this class of problem.", "Gave: Basis by duty", "Asked: Urgent no",
                "Asked: Component or event Component"]),
    ],
)  # fmt: skip
def test_the_core_s_own_decisions_are_told_in_both_languages(tmp_path: Path, language: str, words: list[str]) -> None:
    url = f"sqlite:///{tmp_path / 'small.db'}"
    town = SmallTown(write_small_city(tmp_path / "small"), url)
    work = CaseWork(town)
    work.dispatch()
    settings = Settings(str(town.folder), url, "test", tmp_path, check_city=False, testing=True)
    site = Site(create_app(settings, clock=town.clock), town)
    page = site.desk("shift_leader", language).get(f"/cases/{work.case.number}")
    told = " ".join(" ".join(page.tree.find(".//*[@id='timeline']").itertext()).split())
    town.close()
    for each in words:
        assert each in told


def test_the_api_gives_the_same_in_history_and_explanation(opened: Open) -> None:
    site, work = opened("month = 7\npeople = 60")
    api = Api(site.app, work.town.clock)
    history = api.get("shift_leader", f"/cases/{work.case.number}/history").json
    (line,) = [event for event in history["events"] if event["kind"] == "decision"]
    assert line["data"]["rules"] == [{"id": "again", "row": 2, "note": ""}]
    assert [each["decision"] for each in line["data"]["required"]] == ["season", "crowd"]
    told = api.get("shift_leader", f"/cases/{work.case.number}/explanation?lang=en").json
    (step,) = [each for each in told["past"] if each["kind"] == "decision"]
    assert step["rules"] == [{"id": "again", "row": 2, "text": "row 2"}]
    assert step["required"][1] == {
        "decision": "crowd", "name": "Crowd", "inputs": {"人数": 60, "人数 (2)": 0}, "value": {"size": "many"},
        "rules": [{"id": "many", "row": 1, "text": "Fifty people or more"}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("people", "language", "text"),
    [
        (60, "zh", "“判定响应”命中规则：第 2 条"),
        (60, "en", "“判定响应” matched the rule: row 2"),
        (3, "zh", "“判定响应”没有规则命中（季节 other、人群 few）"),
        (3, "en", "“判定响应”: no rule matched (季节 other, 人群 few)"),
    ],
)
def test_the_explanation_names_the_row_as_the_modeler_shows_it(
    opened: Open, people: int, language: str, text: str
) -> None:
    _, work = opened(f"month = 7\npeople = {people}")
    assert past(work, language).text == text


def told(data: dict[str, Any]) -> Any:
    return read_decided(data, {}, lambda key, text: text, "row {row}")


def test_an_expression_has_no_rules_and_is_not_told_as_a_table_without_a_match() -> None:
    decided = told({"decision": "season", "inputs": {}, "rules": [], "value": "winter", "policy": ""})
    assert (decided.nothing, decided.outputs) == (False, (("season", "winter"),))


def test_lines_written_before_policies_and_required_decisions_were_kept_are_told() -> None:
    line = {"decision": "d", "inputs": {"x": 1}, "rules": [], "value": None}
    decided = told(line)
    assert (decided.nothing, decided.inputs, decided.outputs, decided.required) == (True, (("x", 1),), (), ())
    assert told({}).nothing is True
    assert json.dumps(told({**line, "rules": [{"id": "r", "row": 3}]}).rules[0].text) == '"row 3"'


def test_a_list_of_rows_is_told_output_by_output() -> None:
    rows = [{"unit": "D01", "part": "lead"}, {"unit": "D02", "part": "assist"}]
    assert told({"decision": "d", "value": rows, "rules": [{"id": "r", "row": 1}]}).outputs == (
        ("unit", ["D01", "D02"]), ("part", ["lead", "assist"]),
    )  # fmt: skip
