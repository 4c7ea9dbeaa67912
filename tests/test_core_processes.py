"""The diagrams, decisions, forms and translations every city inherits fit together."""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from engine.limits import parse_limit
from engine.workflow.decisions import load_decisions
from engine.workflow.elements import Diagram, read_diagram
from engine.workflow.forms import load_form

CORE = Path(__file__).parents[1] / "processes"
DIAGRAMS = {path.stem: read_diagram(path.read_text(encoding="utf-8"), path.name) for path in CORE.glob("*.bpmn")}
FORMS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in CORE.glob("forms/*.json")}
STAGES = {
    "accept", "verify", "file", "coordinate", "dispatch", "receive", "handle", "feedback", "suspended",
    "check", "rework", "close", "callback", "evaluate", "appeal", "supervise", "enforce",
}  # fmt: skip
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def roles() -> dict[str, str]:
    with (CORE / "roles.csv").open(encoding="utf-8", newline="") as file:
        return {row["role"]: row["side"] for row in csv.DictReader(file)}


def translations(language: str) -> dict[str, str]:
    with (CORE / f"translations/{language}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [key for key, count in Counter(row["key"] for row in rows).items() if count > 1] == []
    return {row["key"]: row["text"] for row in rows}


def user_tasks() -> Iterator[tuple[Diagram, str]]:
    return ((diagram, e.id) for diagram in DIAGRAMS.values() for e in diagram.elements.values() if e.kind == "userTask")


@pytest.mark.parametrize("name", sorted(DIAGRAMS))
def test_an_id_is_used_once_in_a_file_and_the_process_bears_the_file_name(name: str) -> None:
    tree = etree.parse(CORE / f"{name}.bpmn")
    ids = Counter(tree.xpath("//@id"))
    assert [value for value, count in ids.items() if count > 1] == []
    assert DIAGRAMS[name].id == name


def test_every_called_process_and_decision_and_form_exists() -> None:
    decisions: set[str] = set()
    for path in CORE.glob("decisions/*.dmn"):
        decisions |= set(load_decisions(path.read_text(encoding="utf-8"), path.name))
    for diagram in DIAGRAMS.values():
        for element in diagram.elements.values():
            assert element.called is None or element.called in DIAGRAMS, element
            assert element.decision is None or element.decision in decisions, element
            assert element.form is None or element.form in FORMS, element


def test_every_form_is_used_and_can_be_loaded() -> None:
    assert {diagram.elements[task].form for diagram, task in user_tasks()} == set(FORMS)
    for name in FORMS:
        load_form((CORE / f"forms/{name}.json").read_text(encoding="utf-8"), name)


def test_every_user_task_says_who_where_and_until_when() -> None:
    known = roles()
    for diagram, task in user_tasks():
        element = diagram.elements[task]
        assert (element.groups or "").split("@")[0] in known, element
        assert element.properties["stage"] in STAGES, element
        limit, clock = element.properties.get("limit"), element.properties.get("clock")
        assert limit or clock, f"{task} has neither limit nor clock"
        if limit:
            parse_limit(limit)


def test_every_limit_names_its_source() -> None:
    for diagram, task in user_tasks():
        element = diagram.elements[task]
        assert re.search(r"found|memory|目录|处置时限", element.documentation), element
    for diagram in DIAGRAMS.values():
        for element in diagram.elements.values():
            if element.timer and "limit" not in element.timer and "$" not in element.timer:
                assert re.search(r"found|memory", element.documentation), element


def test_no_handling_department_checks_or_closes() -> None:
    sides = roles()
    for diagram, task in user_tasks():
        element = diagram.elements[task]
        if element.properties["stage"] in ("check", "close", "file", "callback", "rework"):
            assert sides[(element.groups or "").split("@")[0]] != "handling", element


def test_every_gateway_has_a_way_out_for_every_answer() -> None:
    for diagram in DIAGRAMS.values():
        for element in diagram.elements.values():
            leaving = diagram.outgoing(element.id)
            if element.kind != "exclusiveGateway" or len(leaving) == 1:
                continue
            assert element.default_flow in {flow.id for flow in leaving}, element
            for flow in leaving:
                assert (flow.condition is None) == (flow.id == element.default_flow), flow
                assert flow.name, flow


def test_every_answer_a_task_uses_is_asked_on_its_form() -> None:
    for diagram, task in user_tasks():
        element = diagram.elements[task]
        asked = {component.get("key") for component in FORMS[element.form or ""]["components"]}
        used = set(re.findall(r"answer\.(\w+)", " ".join(element.outputs.values())))
        assert used <= asked, (task, used - asked)
        assert set(element.inputs) <= asked, (task, set(element.inputs) - asked)


def test_every_value_a_flow_asks_for_can_be_chosen() -> None:
    for diagram, task in user_tasks():
        element = diagram.elements[task]
        outputs = {value.strip("${}").removeprefix("answer."): key for key, value in element.outputs.items()}
        values = {
            outputs[component["key"]]: {option["value"] for option in component["values"]}
            for component in FORMS[element.form or ""]["components"]
            if component.get("values") and component["key"] in outputs
        }
        for flow in diagram.flows.values():
            for variable, value in re.findall(r"(\w+) [!=]= '(\w+)'", flow.condition or ""):
                if variable in values and sum(variable in e.outputs for e in diagram.elements.values()) == 1:
                    assert value in values[variable], flow


def test_a_reason_is_mandatory_wherever_something_is_returned_or_refused() -> None:
    for name in ("receive", "redispatch_unit", "decide_return", "approve_extension", "approve_suspension", "rework"):
        reason = next(c for c in FORMS[name]["components"] if c["key"] == "reason")
        assert reason["validate"]["required"] is True


SAID = ("reason", "instruction", "rule")
"""Outputs of the core's decisions that clerks read as they are."""


def expected_keys() -> Iterator[tuple[str, str]]:
    for diagram in DIAGRAMS.values():
        yield f"process:{diagram.id}", diagram.name
        for item in (*diagram.elements.values(), *diagram.flows.values()):
            if item.name and item.name != item.id:
                yield f"process:{diagram.id}:{item.id}", item.name
    for name, form in FORMS.items():
        for component in form["components"]:
            key = f"form:{name}:{component['key']}"
            yield key, component["label"]
            if component.get("description"):
                yield f"{key}:description", component["description"]
            if component.get("properties", {}).get("standard_texts"):
                yield f"{key}:standard_texts", component["properties"]["standard_texts"]
            for value in component.get("values", ()):
                yield f"{key}:{value['value']}", value["label"]
    for path in CORE.glob("decisions/*.dmn"):
        (decision,) = etree.parse(path).iter("{*}decision")
        yield f"decision:{decision.get('id')}", decision.get("name")
        for item in (*decision.iter("{*}input"), *decision.iter("{*}output")):
            yield f"decision:{decision.get('id')}:{item.get('id')}", item.get("label")
        for rule in decision.iter("{*}rule"):
            yield f"decision:{decision.get('id')}:{rule.get('id')}", rule.findtext("{*}description")
            for output, cell in zip(decision.iter("{*}output"), rule.iter("{*}outputEntry"), strict=True):
                text = cell.findtext("{*}text") or ""
                if output.get("name") in SAID and text.startswith("'"):
                    yield f"decision:{decision.get('id')}:{rule.get('id')}:{output.get('name')}", text.strip("'")
    for role in roles():
        yield f"role:{role}", "角色"


def test_the_english_translation_is_complete_and_has_nothing_left_over() -> None:
    english = translations("en")
    expected = dict(expected_keys())
    assert sorted(set(expected) - set(english)) == []
    assert sorted(set(english) - set(expected)) == []
    assert {key: text for key, text in english.items() if not text or CHINESE.search(text)} == {}


def test_what_is_not_chinese_in_the_files_is_in_the_chinese_translation() -> None:
    chinese = translations("zh")
    missing = [key for key, text in expected_keys() if not CHINESE.search(text) and key not in chinese]
    assert missing == []


def test_standard_texts_match_one_to_one_between_the_languages() -> None:
    english = translations("en")
    for key, text in expected_keys():
        if key.endswith(":standard_texts"):
            assert text.count("|") == english[key].count("|"), key
