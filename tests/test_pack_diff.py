"""What ``wangge diff`` says of a changed city: every kind of change in words a clerk understands, in both languages."""

from __future__ import annotations

import csv
import io
import json
import shutil
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner
from sample_plugins import shelf_at

from api.cli import main
from engine.city import cities_root
from engine.errors import CityBroken
from engine.layers import core_root
from engine.packs.changes import GROUPS
from engine.packs.comparing import RUNNING, Comparison, compare
from engine.packs.packing import pack_city
from engine.packs.sides import limit_words
from engine.testing.small_city import write_small_city

TODAY = date(2026, 11, 22)
REVIEW = """
    <bpmn:userTask id="review_result" name="法制审核" camunda:candidateGroups="command_head">
      <bpmn:extensionElements>
        <camunda:properties><camunda:property name="limit" value="3 work_day"/></camunda:properties>
      </bpmn:extensionElements>
      <bpmn:incoming>enforce_to_record_result</bpmn:incoming>
      <bpmn:outgoing>review_result_to_record_result</bpmn:outgoing>
    </bpmn:userTask>
    <bpmn:sequenceFlow id="review_result_to_record_result" sourceRef="review_result" targetRef="record_result"/>
    <bpmn:sequenceFlow id="straight" sourceRef="register_outcome" targetRef="record_result">
      <bpmn:conditionExpression>${register_decision == 'clear'}</bpmn:conditionExpression>
    </bpmn:sequenceFlow>
    <bpmn:sequenceFlow id="start_to_register"""


def replaced(text: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def change_diagram(city: Path) -> None:
    (city / "processes").mkdir()
    text = replaced(
        (core_root() / "enforcement.bpmn").read_text(encoding="utf-8"),
        ('name="调查办理" camunda:candidateGroups="unit_handler@',
         'name="立案调查" camunda:candidateGroups="unit_clerk@'),
        ('value="90 calendar_day"', 'value="60 calendar_day"'),
        ('id="enforce_to_record_result" sourceRef="enforce" targetRef="record_result"',
         'id="enforce_to_record_result" sourceRef="enforce" targetRef="review_result"'),
        ("register_decision == 'not_filed'", "register_decision == 'not_filed' or party == none"),
        ("<bpmn:incoming>enforce_to_record_result</bpmn:incoming>",
         "<bpmn:incoming>review_result_to_record_result</bpmn:incoming>"),
        ('\n    <bpmn:sequenceFlow id="start_to_register', REVIEW),
    )  # fmt: skip
    (city / "processes" / "enforcement.bpmn").write_text(text, encoding="utf-8")


def change_form(city: Path) -> None:
    (city / "forms").mkdir()
    form = json.loads((core_root() / "forms" / "register_enforcement.json").read_text(encoding="utf-8"))
    decision, party, _cause, *rest = form["components"]
    decision["values"].append({"label": "移送他处", "value": "passed_on"})
    party["validate"]["required"] = True
    phone = {"type": "textfield", "id": "phone", "key": "party_phone", "label": "当事人电话"}
    form["components"] = [decision, party, phone, *rest]
    (city / "forms" / "register_enforcement.json").write_text(json.dumps(form, ensure_ascii=False), encoding="utf-8")


def change_decision(city: Path) -> None:
    (city / "decisions").mkdir()
    text = (core_root() / "decisions" / "suspension.dmn").read_text(encoding="utf-8")
    changed = replaced(text, ("<text>&gt;= 1</text>", "<text>&gt;= 2</text>"), ("<text>365</text>", "<text>180</text>"))
    (city / "decisions" / "suspension.dmn").write_text(changed, encoding="utf-8")


def change_tables(city: Path) -> None:
    with (core_root() / "roles.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["role"]: row for row in csv.DictReader(file) if row["role"]}
    held = rows["dispatcher"]["permissions"].replace("case.extend ", "") + " case.cancel"
    roles = f"role,name,name_en,side,permissions\ndispatcher,派遣员,Dispatcher,command,{held}\n"
    (city / "roles.csv").write_text(roles, encoding="utf-8")
    (city / "catalogue").mkdir()
    for name, code in (("conditions", ("event", "0110", "1")), ("classes", ("event", "0110", ""))):
        with (core_root() / "catalogue" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            row = next(each for each in reader if (each["kind"], each["full_code"]) == code[:2])
        if name == "conditions":
            assert row["limit"] == "4 work_hour"
            row["limit"] = "A: 2 work_hour; *: 4 work_hour"
        else:
            row["dept_code"] = "MUNICIPAL"
        with (city / "catalogue" / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, row)
            writer.writeheader()
            writer.writerow(row)


def change_city(city: Path) -> None:
    toml = (city / "city.toml").read_text(encoding="utf-8")
    toml = replaced(
        toml, ('"14:00-18:00"', '"13:30-17:30"'), ("observed = true", 'observed = true\nfile = "calendar/own.csv"')
    )
    (city / "city.toml").write_text(toml, encoding="utf-8")
    (city / "calendar").mkdir()
    (city / "calendar" / "own.csv").write_text("date,kind,name\n2026-11-25,holiday,建城日\n", encoding="utf-8")
    (city / "registers").mkdir()
    (city / "registers" / "keys.toml").write_text(REGISTER, encoding="utf-8")
    (city / "translations").mkdir()
    (city / "translations" / "en.csv").write_text(
        "key,text\nprocess:enforcement:register_enforcement,Look into it\n", encoding="utf-8"
    )
    (city / "procedures.csv").write_text("code,process\nevent/01,appeal\n", encoding="utf-8")
    people = city / "organisation" / "people.csv"
    text = people.read_text(encoding="utf-8")
    people.write_text(replaced(text, ("15400000001,mayor", "15400009999,mayor")), encoding="utf-8")


REGISTER = """
[register]
zh = "钥匙"
en = "Keys"
key = "number"
read = "case.read_all"
write = "case.extend"
[columns.number]
type = "text"
zh = "编号"
en = "Number"
required = true
"""


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    city = tmp_path_factory.mktemp("city") / "yunhe"
    shutil.copytree(cities_root() / "yunhe", city)
    for change in (change_diagram, change_form, change_decision, change_tables, change_city):
        change(city)
    return city


@pytest.fixture(scope="module")
def told(changed: Path) -> Comparison:
    return compare("yunhe", str(changed), TODAY)


@pytest.fixture(scope="module")
def said(told: Comparison) -> Callable[[str, str], list[str]]:
    def of(group: str, language: str) -> list[str]:
        return [each.words.say(language) for each in told.changes if each.group == group]

    return of


Said = Callable[[str, str], list[str]]


def test_clerks_read_who_has_something_new_to_do(told: Comparison, said: Said) -> None:
    assert "“执法案件”：新增环节“法制审核”（在“立案调查”之后），时限 3 个工作日" in said("work", "zh")
    assert "“执法案件”：“立案调查”的办理人：处置人员 → 单位受理员" in said("work", "zh")
    assert any(line.startswith("“执法案件”：“调查办理”改称“立案调查”") for line in said("work", "zh"))
    roles = {each.element: set(each.roles) for each in told.changes if each.group == "work" and each.sort == "added"}
    assert roles == {"review_result": {"command_head"}}
    hands = [each for each in told.changes if each.element == "enforce" and "办理人" in each.words.zh]
    assert [set(each.roles) for each in hands] == [{"unit_clerk", "unit_handler"}]
    renamed = (
        "“Enforcement case”: “调查办理” is called “立案调查” in the diagram now, its translation is still “Investigate”"
    )
    assert renamed in said("work", "en")
    lines = list(told.lines("zh"))
    head = lines.index("  指挥中心主任")
    assert lines[head + 1].startswith("    + “执法案件”：新增环节“法制审核”")


def test_ways_and_their_conditions_are_told(said: Said) -> None:
    ways = said("steps", "en")
    assert any("a new way to" in line and "register_decision == 'clear'" in line for line in ways)
    assert any("condition register_decision == 'not_filed' →" in line for line in ways)
    assert "the procedure cases of event/01 may open: as the rule above it says → Appeal" in ways
    assert len(ways) == 3  # how the new step is joined is told with it


def test_limits_of_steps_and_classes_are_told_from_and_to(said: Said) -> None:
    zh, en = said("limits", "zh"), said("limits", "en")
    assert "“执法案件”：“立案调查”的时限：90 个自然日 → 60 个自然日" in zh
    limit = "的处置时限：A 类区域 4 工作时 → 2 工作时"
    assert [line for line in zh if line.startswith("立案条件 事件 0110 暴露垃圾") and line.endswith(limit)]
    assert [line for line in en if line.endswith("limit area class A 4 working hours → 2 working hours")]


def test_working_time_and_holidays_are_told(said: Said) -> None:
    zh = said("limits", "zh")
    assert "工作时间：上班时段 08:00-12:00, 14:00-18:00 → 08:00-12:00, 13:30-17:30" in zh
    assert "工作时间：2026-11-25（建城日）改为休息" in zh
    assert sum("改为" in line for line in zh) == 1


def test_questions_of_forms_are_told(told: Comparison, said: Said) -> None:
    title = "“案源登记核查”的表单："
    assert said("forms", "zh") == [
        f"{title}“核查结论”新增选项“移送他处”", f"{title}“当事人”改为必填", f"{title}不再询问“案由”",
        f"{title}新增“当事人电话”（选填）",
    ]  # fmt: skip
    assert {role for each in told.changes if each.group == "forms" for role in each.roles} == {"unit_clerk"}
    assert any(line.endswith("“Party” must be answered now") for line in said("forms", "en"))


def test_rules_of_decisions_are_told_with_what_they_say(told: Comparison, said: Said) -> None:
    rules = {each.element: each.words.zh for each in told.changes if each.group == "decisions"}
    assert set(rules) == {"used", "possible"}
    assert ">= 1" in rules["used"].partition("⇒")[0] and ">= 2" in rules["used"].partition("⇒")[2]
    assert "365" in rules["possible"].partition("⇒")[0] and "180" in rules["possible"].partition("⇒")[2]


def test_rights_classes_registers_and_texts_are_told(said: Said) -> None:
    rights = [line for line in said("rights", "zh") if "case." in line]
    assert rights == ["派遣员可以：case.cancel", "派遣员不再可以：case.extend"]
    assert any("traffic.read" in line for line in said("rights", "zh")), "a whole row replaces what plugins added"
    assert said("catalogue", "zh") == ["小类事件 0110 暴露垃圾的责任部门：SANITATION → MUNICIPAL"]
    assert said("records", "en") == ["new: register “Keys”"]
    assert [line for line in said("texts", "en") if "reads “Look into it” now" in line]


def test_telephone_numbers_are_not_shown(told: Comparison, said: Said) -> None:
    assert said("organisation", "zh") == ["人员 leader 万勇：电话有改动"]
    assert "15400009999" not in json.dumps(told.to_json())


def test_both_languages_are_whole_and_running_cases_come_last(told: Comparison) -> None:
    for each in told.changes:
        assert each.group in GROUPS and each.words.zh and each.words.en
    assert list(told.lines("zh"))[-1] == RUNNING.zh
    assert list(told.lines("en"))[-1] == RUNNING.en


def test_a_pack_compares_as_its_folder_does(changed: Path, told: Comparison, tmp_path: Path) -> None:
    pack = tmp_path / "yunhe.wgpack"
    pack.write_bytes(pack_city(str(changed), version="2.0", unchecked=True).content)
    from_pack = compare("yunhe", str(pack), TODAY)
    assert from_pack.changes == told.changes
    assert from_pack.new == "yunhe 2.0"


def test_nothing_changed_says_so() -> None:
    done = CliRunner().invoke(main, ["diff", "yunhe", "yunhe", "--language", "en"])
    assert done.exit_code == 0
    assert done.output.splitlines()[0] == "yunhe → yunhe"
    assert done.output.splitlines()[-1] == "nothing changes"


def test_the_command_prints_json_in_both_languages(changed: Path) -> None:
    done = CliRunner().invoke(main, ["diff", str(changed), "yunhe", "--json"])
    assert done.exit_code == 0, done.output
    read = json.loads(done.output)
    gone = [each for each in read["changes"] if each["element"] == "review_result"]
    assert [(each["sort"], each["zh"]) for each in gone] == [("removed", "“执法案件”：取消环节“法制审核”")]
    assert read["running_cases"]["en"] == RUNNING.en


def test_what_is_no_city_is_named() -> None:
    with pytest.raises(CityBroken, match="nowhere"):
        compare("yunhe", "nowhere", TODAY)


@pytest.mark.parametrize(
    ("text", "zh", "en"),
    [
        ("2 work_day", "2 个工作日", "2 working days"), ("1 work_day", "1 个工作日", "1 working day"),
        ("80 % of limit", "时限的 80%", "80% of the limit"),
        ("condition_limit", "立案条件规定的时限", "the limit of the filing condition"),
        ("every 30 minute", "每 30 分钟", "every 30 minutes"), ("${case.days}", "${case.days}", "${case.days}"),
    ],
)  # fmt: skip
def test_limits_are_said_as_people_say_them(text: str, zh: str, en: str) -> None:
    words = limit_words(text)
    assert (words.zh, words.en) == (zh, en)


def test_plugins_and_their_settings_in_force_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with shelf_at(tmp_path / "plugins", monkeypatch) as shelf:
        shelf.write_lamps()
        cities = {}
        for name, more in (("without", ""), ("lamps", ENABLED), ("four", f"{ENABLED}[settings.lamps]\nmost = 4\n")):
            cities[name] = write_small_city(tmp_path / name / "small")
            toml = cities[name] / "city.toml"
            toml.write_text(toml.read_text(encoding="utf-8") + more, encoding="utf-8")
        enabled = compare(str(cities["without"]), str(cities["lamps"]), TODAY)
        told = [each.words for each in enabled.changes if each.group == "settings"]
        assert [(each.zh, each.en) for each in told] == [("启用插件“路灯”", "plugin “Street lamps” is enabled")]
        fewer = compare(str(cities["lamps"]), str(cities["four"]), TODAY)
        (told,) = [each.words for each in fewer.changes]
        assert "9 → 4" in told.zh and told.zh.startswith("插件“路灯”的") and "9 → 4" in told.en


ENABLED = '\n[plugins]\nenabled = ["lamps"]\n'


DOCUMENT = """
[document]
zh = "告知书"
en = "Notice"
delivery = {delivery}
[fields]
party = "${{values.party}}"
"""


def template(*paragraphs: str) -> bytes:
    inside = "".join(f"<w:p><w:r><w:t>{each}</w:t></w:r></w:p>" for each in paragraphs)
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as package:
        package.writestr("word/document.xml", f"<w:document {space}><w:body>{inside}</w:body></w:document>")
    return content.getvalue()


def test_columns_of_registers_and_paragraphs_of_documents_are_told(tmp_path: Path) -> None:
    column = '[columns.holder]\ntype = "text"\nzh = "领用人"\nen = "Holder"\n'
    cities = []
    for name, delivery, lines, register in (
        ("old", "true", ("当事人：{{ party }}", "三日内答复。"), REGISTER),
        ("new", "false", ("当事人：{{ party }}", "五日内答复。"), REGISTER.replace("required = true\n", "") + column),
    ):
        city = write_small_city(tmp_path / name / "small")
        for folder in ("documents", "registers"):
            (city / folder).mkdir()
        (city / "documents" / "notice.toml").write_text(DOCUMENT.format(delivery=delivery), encoding="utf-8")
        (city / "documents" / "notice.docx").write_bytes(template(*lines))
        (city / "registers" / "keys.toml").write_text(register, encoding="utf-8")
        cities.append(str(city))
    told = compare(*cities, TODAY).changes
    assert {each.words.zh for each in told} == {
        "文书“告知书”：须送达回证：是 → 否", "文书模板“notice”：取消一段“三日内答复。”",
        "文书模板“notice”：新增一段“五日内答复。”", "登记册“钥匙”：“编号”：必填 是 → 否",
        "登记册“钥匙”：新增一栏“领用人”",
    }  # fmt: skip
    assert {each.group for each in told} == {"records"}
