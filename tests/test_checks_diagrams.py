"""Faults of diagrams, decisions, forms and overrides are told by file, element and remedy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from broken_cities import (
    END,
    HEAD,
    START,
    TAIL,
    catch,
    change,
    draw,
    find,
    findings_of,
    flow,
    script,
    service,
    through,
    user_task,
    write,
)

from engine.checks import check_folder, errors_of
from engine.layers import core_root
from engine.testing.small_city import write_small_city


@pytest.fixture
def city(tmp_path: Path) -> Path:
    return write_small_city(tmp_path / "small")


def each(inner: str) -> str:
    """A script run for each member of a list."""
    refs = '<bpmn:loopDataInputRef>units</bpmn:loopDataInputRef><bpmn:inputDataItem id="u" name="u"/>'
    return script(f"<bpmn:multiInstanceLoopCharacteristics>{refs}{inner}</bpmn:multiInstanceLoopCharacteristics>")


# Diagrams: files and elements ---------------------------------------------------------------------------------


def test_a_process_named_unlike_its_file_is_an_error(city: Path) -> None:
    write(city, "processes/other.bpmn", HEAD.format(id="extra") + START + END + flow("start", "end") + TAIL)
    find(city, "processes/other.bpmn", "extra", "the file is named 'other'")


def test_two_processes_in_a_file_are_an_error(city: Path) -> None:
    file = draw(city, START + '</bpmn:process><bpmn:process id="second">' + END)
    find(city, file, "file", "2 processes in one file")


def test_a_file_that_is_not_utf8_is_an_error(city: Path) -> None:
    (city / "processes").mkdir()
    (city / "processes/latin.bpmn").write_bytes(b"<a>\xff</a>")
    find(city, "processes/latin.bpmn", "file", "UTF-8")


def test_two_flows_of_one_id_are_an_error(city: Path) -> None:
    file = draw(city, START + END + flow("start", "end") + flow("start", "end"))
    find(city, file, "start_to_end", "have this id")


@pytest.mark.parametrize(
    ("element", "words"),
    [
        ('<bpmn:task id="x"/>', "task is not supported"),
        ('<bpmn:complexGateway id="x"/>', "complexGateway is not supported"),
        ('<bpmn:transaction id="x"/>', "transaction is not supported"),
        ('<bpmn:adHocSubProcess id="x"/>', "adHocSubProcess is not supported"),
        ('<bpmn:intermediateThrowEvent id="x"><bpmn:linkEventDefinition/></bpmn:intermediateThrowEvent>', "link event"),
        (catch("<bpmn:linkEventDefinition/>"), "a link event"),
        (catch("<bpmn:errorEventDefinition/>"), "a error event"),
        (catch("<bpmn:signalEventDefinition/>"), "no signal with a name"),
        (catch("<bpmn:conditionalEventDefinition/>"), "no condition"),
        ('<bpmn:receiveTask id="x"/>', "no message with a name"),
        ('<bpmn:receiveTask id="x" messageRef="message_cancel"/>', "without any limit"),
        ('<bpmn:sendTask id="x"/>', "no message with a name"),
        ('<bpmn:sendTask id="x" messageRef="message_odd"/>', "to nobody"),
        ('<bpmn:intermediateThrowEvent id="x"/>', "no event"),
        ('<bpmn:intermediateCatchEvent id="x"/>', "no event"),
        (script(more='isForCompensation="true"'), "compensation"),
        (script("<bpmn:standardLoopCharacteristics/>"), "never ends"),
        (script('<bpmn:standardLoopCharacteristics loopMaximum="0"/>'), "no number of rounds"),
        (script("<bpmn:multiInstanceLoopCharacteristics/>"), "no loopDataInputRef"),
        (each("<bpmn:loopCardinality>3</bpmn:loopCardinality>"), "a list and a number"),
        (each("<bpmn:loopDataOutputRef>done</bpmn:loopDataOutputRef>"), "collects nothing"),
    ],
)  # fmt: skip
def test_an_element_that_is_not_supported_is_refused_by_name(city: Path, element: str, words: str) -> None:
    find(city, draw(city, through(element)), "x", words)


@pytest.mark.parametrize(
    ("element", "words"),
    [
        (each(""), "drops it when it saves"),
        (each("").replace("units", "start"), "drops it when it saves"),
        ('<bpmn:manualTask id="x" camunda:candidateGroups="acceptor"/>', "warn when they open"),
    ],
)
def test_what_a_modeler_would_drop_or_warn_of_is_named(city: Path, element: str, words: str) -> None:
    find(city, draw(city, through(element)), "x", words, severity="warning")


def test_a_list_with_a_property_is_kept_by_modelers(city: Path) -> None:
    draw(city, through(each("").replace("<bpmn:multi", '<bpmn:property id="units" name="units"/><bpmn:multi', 1)))
    assert not [found for found in findings_of(city) if "modeler" in found.message]


@pytest.mark.parametrize(
    ("kind", "words"),
    [("compensate", "a compensate event"), ("cancel", "a cancel event"), ("error", "throws no code"),
     ("escalation", "throws no code"), ("signal", "no signal with a name"), ("message", "no message with a name")],
)  # fmt: skip
def test_an_end_event_that_throws_nothing_nameable_is_refused(city: Path, kind: str, words: str) -> None:
    event = f'<bpmn:endEvent id="x"><bpmn:{kind}EventDefinition/></bpmn:endEvent>'
    find(city, draw(city, START + event + flow("start", "x")), "x", words)


@pytest.mark.parametrize(
    ("kind", "more", "words"),
    [("error", "", "no error can come from x"), ("escalation", "", "no escalation can come from x"),
     ("error", 'cancelActivity="false"', "always ends")],
)  # fmt: skip
def test_an_event_that_cannot_happen_is_refused(city: Path, kind: str, more: str, words: str) -> None:
    event = f'<bpmn:boundaryEvent id="b" attachedToRef="x" {more}><bpmn:{kind}EventDefinition/></bpmn:boundaryEvent>'
    find(city, draw(city, through(user_task()) + event + flow("b", "end")), "b", words)


def test_a_compensation_boundary_event_is_refused(city: Path) -> None:
    event = '<bpmn:boundaryEvent id="b" attachedToRef="x"><bpmn:compensateEventDefinition/></bpmn:boundaryEvent>'
    find(city, draw(city, through(user_task()) + event + flow("b", "end")), "b", "a compensate event")


def beside(start: str = "", attributes: str = "") -> str:
    """An event sub-process."""
    inner = f'<bpmn:startEvent id="s" {attributes}>{start}</bpmn:startEvent><bpmn:endEvent id="e"/>' + flow("s", "e")
    return f'<bpmn:subProcess id="sub" triggeredByEvent="true">{inner}</bpmn:subProcess>'


@pytest.mark.parametrize(
    ("start", "attributes", "element", "words"),
    [
        ("", "", "s", "no event"),
        ("<bpmn:errorEventDefinition/>", 'isInterrupting="false"', "s", "always ends"),
        ("<bpmn:conditionalEventDefinition/>", "", "s", "no condition"),
        ("<bpmn:compensateEventDefinition/>", "", "s", "a compensate event"),
    ],
)
def test_an_event_sub_process_needs_an_event_that_can_start_it(
    city: Path, start: str, attributes: str, element: str, words: str
) -> None:
    find(city, draw(city, START + END + flow("start", "end") + beside(start, attributes)), element, words)


def test_a_flow_into_an_event_sub_process_is_an_error(city: Path) -> None:
    file = draw(city, START + beside("<bpmn:errorEventDefinition/>") + END + flow("start", "sub") + flow("sub", "end"))
    find(city, file, "start_to_sub", "touches the event sub-process")


def test_a_sub_process_named_like_another_process_is_an_error(city: Path) -> None:
    inner = '<bpmn:startEvent id="s"/><bpmn:endEvent id="e"/>' + flow("s", "e")
    file = draw(city, through(f'<bpmn:subProcess id="x">{inner}</bpmn:subProcess>').replace('"x"', '"case"'))
    find(city, file, "case", "has a process or sub-process of this id too")


def test_a_timer_start_event_is_refused(city: Path) -> None:
    start = '<bpmn:startEvent id="start"><bpmn:timerEventDefinition/></bpmn:startEvent>'
    find(city, draw(city, start + END + flow("start", "end")), "start", "a timer event")


def test_a_process_without_start_or_end_is_an_error(city: Path) -> None:
    file = draw(city, user_task())
    find(city, file, "extra", "0 start events")
    find(city, file, "extra", "no end event")


def test_a_boundary_event_needs_a_host_and_a_way_on(city: Path) -> None:
    event = '<bpmn:boundaryEvent id="b" attachedToRef="gone"><bpmn:timerEventDefinition><bpmn:timeDuration>1 work_day' \
        "</bpmn:timeDuration></bpmn:timerEventDefinition></bpmn:boundaryEvent>"  # fmt: skip
    file = draw(city, START + END + flow("start", "end") + event)
    find(city, file, "b", "sits on 'gone', which does not exist")
    find(city, file, "b", "dead end")


def test_a_message_needs_a_name_that_somebody_sends(city: Path) -> None:
    bare, odd = (catch(f'<bpmn:messageEventDefinition messageRef="message_{name}"/>') for name in ("bare", "odd"))
    find(city, draw(city, through(bare)), "x", "no message with a name")
    find(city, draw(city, through(odd)), "x", "nothing sends the message 'odd'", "warning")


# Diagrams: flows ----------------------------------------------------------------------------------------------


def test_a_condition_on_the_only_flow_of_a_task_is_an_error(city: Path) -> None:
    file = draw(city, START + END + user_task() + flow("start", "x") + flow("x", "end", "${true}"))
    find(city, file, "x_to_end", "never looked at")


def test_an_implicit_fork_is_an_error(city: Path) -> None:
    file = draw(city, through(user_task()) + '<bpmn:endEvent id="end2"/>' + flow("x", "end2"))
    find(city, file, "x", "2 flows leave")


def test_a_user_task_without_outgoing_flow_is_an_error(city: Path) -> None:
    find(city, draw(city, START + END + user_task() + flow("start", "x")), "x", "dead end")


def test_an_unreachable_element_is_an_error(city: Path) -> None:
    find(city, draw(city, START + END + flow("start", "end") + user_task() + flow("x", "end")), "x", "nothing leads to")


def test_a_flow_to_nowhere_is_an_error(city: Path) -> None:
    file = draw(city, START + END + flow("start", "end") + flow("start", "gone"))
    find(city, file, "start_to_gone", "leads to 'gone'")


def test_a_flow_out_of_a_sub_process_is_an_error(city: Path) -> None:
    sub = '<bpmn:subProcess id="x"><bpmn:startEvent id="s"/></bpmn:subProcess>'
    find(city, draw(city, through(sub) + flow("s", "end")), "s_to_end", "crosses the border")


GATE = '<bpmn:exclusiveGateway id="x"{}/><bpmn:endEvent id="end2"/>'


def test_a_gateway_flow_without_condition_must_be_the_default(city: Path) -> None:
    file = draw(city, through(GATE.format("")) + flow("x", "end2", "${case.urgent}"))
    find(city, file, "x_to_end", "has no condition and is not the default")


def test_a_default_flow_that_does_not_exist_is_an_error(city: Path) -> None:
    ways = flow("x", "end2", "${case.urgent}")
    file = draw(city, START + END + GATE.format(' default="gone"') + flow("start", "x") + ways + flow("x", "end"))
    find(city, file, "x", "the default flow 'gone' does not leave")


def test_a_single_conditional_flow_without_default_is_an_error(city: Path) -> None:
    gate = '<bpmn:exclusiveGateway id="x"/>'
    file = draw(city, START + END + gate + flow("start", "x") + flow("x", "end", "${case.urgent}"))
    find(city, file, "x_to_end", "the only flow")


def test_an_event_based_gateway_leads_to_events_and_has_a_timer(city: Path) -> None:
    catch = '<bpmn:intermediateCatchEvent id="m"><bpmn:messageEventDefinition messageRef="message_cancel"/>'
    body = '<bpmn:eventBasedGateway id="g"/>' + catch + "</bpmn:intermediateCatchEvent>" + user_task()
    flows = flow("start", "g") + flow("g", "m") + flow("g", "x") + flow("m", "end") + flow("x", "end")
    file = draw(city, START + END + body + flows)
    find(city, file, "g", "but x is a userTask")
    find(city, file, "g", "may wait for ever")


def test_a_message_awaited_without_limit_is_an_error(city: Path) -> None:
    catch = '<bpmn:intermediateCatchEvent id="x"><bpmn:messageEventDefinition messageRef="message_cancel"/>'
    find(city, draw(city, through(catch + "</bpmn:intermediateCatchEvent>")), "x", "without any limit")


def test_a_loop_in_which_nobody_acts_is_an_error(city: Path) -> None:
    body = '<bpmn:exclusiveGateway id="a"/><bpmn:exclusiveGateway id="b" default="b_to_a"/>'
    flows = flow("start", "a") + flow("a", "b") + flow("b", "a") + flow("b", "end", "${case.urgent}")
    find(city, draw(city, START + END + body + flows), "a", "an endless loop")


def test_a_loop_through_a_called_process_that_waits_is_fine(city: Path) -> None:
    draw(city, through(user_task()), "inner")
    body = '<bpmn:exclusiveGateway id="a"/><bpmn:callActivity id="c" calledElement="inner"/>'
    body += '<bpmn:exclusiveGateway id="b" default="b_to_a"/>'
    flows = flow("start", "a") + flow("a", "c") + flow("c", "b") + flow("b", "a") + flow("b", "end", "${case.urgent}")
    draw(city, START + END + body + flows)
    assert errors_of(findings_of(city)) == []


def test_a_process_that_calls_itself_is_an_error(city: Path) -> None:
    draw(city, through('<bpmn:callActivity id="x" calledElement="pong"/>'), "ping")
    draw(city, through('<bpmn:callActivity id="x" calledElement="ping"/>'), "pong")
    find(city, "processes/ping.bpmn", "ping", "ping → pong → ping")


def test_a_call_of_an_unknown_process_is_an_error(city: Path) -> None:
    finding = find(city, draw(city, through('<bpmn:callActivity id="x" calledElement="dispach"/>')), "x", "no process")
    assert "dispatch" in finding.remedy


# Diagrams: tasks ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (user_task(groups=""), "nobody is asked"),
        (user_task(groups="acceptr"), "role 'acceptr' does not exist"),
        (user_task(groups="acceptor,dispatcher"), "several roles"),
        (user_task(groups="unit_clerk@case.lead_department"), "is no expression"),
        (user_task(form="acept"), "there is no form"),
        (user_task(stage="accepting"), "stage 'accepting' is unknown"),
        (user_task(stage=""), "has no stage"),
        (user_task(limit="1 hour"), "limit '1 hour' is not"),
        (user_task(limit=""), "neither a limit nor a clock"),
        (user_task(limit="", clock="cuckoo"), "no service task starts the clock 'cuckoo'"),
        (user_task(warn_at="soon"), "no share of the limit"),
        (user_task(evidence="x_ray"), "evidence 'x_ray' is unknown"),
        (user_task(groups="unit_head@${case.lead_department}", stage="close"), "on the handling side"),
        (user_task(groups="unit_clerk@${case.lead_department}", stage="check"), "on the handling side"),
        (user_task(groups="unit_clerk@${case.led}"), "no fact 'led'"),
        (user_task(groups="unit_clerk@${case.}"), "scope of candidateGroups, character"),
    ],
)  # fmt: skip
def test_a_fault_of_a_user_task_is_told(city: Path, task: str, words: str) -> None:
    find(city, draw(city, through(task)), "x", words)


def test_a_property_nobody_reads_is_doubted(city: Path) -> None:
    file = draw(city, through(user_task(limt="1 work_day")))
    assert "limit" in find(city, file, "x", "'limt' is not read", "warning").remedy


def test_a_unit_task_for_every_unit_is_doubted(city: Path) -> None:
    find(city, draw(city, through(user_task(groups="unit_clerk"))), "x", "every unit_clerk", "warning")


# Diagrams: services, decisions, expressions -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (service("case/dispach"), "there is no operator"),
        (service("case/notify", recipients="${[]}"), "needs the input 'text'"),
        (service("case/resume", reason="x"), "has no input 'reason'"),
        (service("case/start_clock", clock="c", limit="soon"), "limit 'soon'"),
        (service("case/close", kind="done"), "not closed as 'done'"),
        (service("case/open_linked", process="enforcment"), "no process 'enforcment' to open"),
        (service("case/open_linked", process="enforcement", values="party"), "variables by name, not a text"),
        (service(""), "calls nothing"),
        ('<bpmn:businessRuleTask id="x" camunda:decisionRef="dispach" camunda:resultVariable="r"/>', "no decision"),
        ('<bpmn:businessRuleTask id="x" camunda:resultVariable="r"/>', "names no decision"),
        ('<bpmn:scriptTask id="x"/>', "has no script"),
        ('<bpmn:scriptTask id="x"><bpmn:script>import os</bpmn:script></bpmn:scriptTask>', "character 1"),
    ],
)
def test_a_fault_of_a_call_is_told(city: Path, task: str, words: str) -> None:
    find(city, draw(city, through(task)), "x", words)


def test_a_decision_nobody_keeps_is_doubted(city: Path) -> None:
    file = draw(city, through('<bpmn:businessRuleTask id="x" camunda:decisionRef="dispatch"/>'))
    find(city, file, "x", "nobody keeps", "warning")


def gate_with(condition: str) -> str:
    gate = '<bpmn:exclusiveGateway id="g" default="g_to_end"/><bpmn:endEvent id="end2"/>'
    return START + END + gate + flow("start", "g") + flow("g", "end") + flow("g", "end2", condition)


def test_a_syntax_error_in_a_condition_is_told_with_its_character(city: Path) -> None:
    finding = find(city, draw(city, gate_with("${case.urgent ==}")), "g_to_end2", "condition, character")
    assert finding.line


def test_a_fact_a_case_does_not_have_is_an_error(city: Path) -> None:
    assert "did you mean urgent" in find(city, draw(city, gate_with("${case.urgnt}")), "g_to_end2", "urgnt").remedy


def test_a_variable_nothing_sets_is_doubted(city: Path) -> None:
    file = draw(city, gate_with("${moon_phase == 'full'}"))
    find(city, file, "g_to_end2", "nothing ever sets 'moon_phase'", "warning")


def test_a_comparison_with_what_no_form_offers_is_doubted(city: Path) -> None:
    change(city, "processes/handle_unit.bpmn", "receive_decision == 'return'", "receive_decision == 'give_back'")
    finding = find(city, "processes/handle_unit.bpmn", "returned", "receive_decision is never 'give_back'", "warning")
    assert "return" in finding.remedy


def test_an_answer_the_form_does_not_ask_for_is_an_error(city: Path) -> None:
    change(city, "processes/handle_unit.bpmn", "${answer.handling_note}", "${answer.handling_notes}")
    find(city, "processes/handle_unit.bpmn", "handle", "has no field 'handling_notes'")


def test_a_payload_field_the_message_does_not_carry_is_an_error(city: Path) -> None:
    change(city, "processes/case.bpmn", "${payload.into}", "${payload.number}")
    find(city, "processes/case.bpmn", "merge_requested", "carries no 'number'")


def test_an_unreadable_timer_is_an_error(city: Path) -> None:
    timer = '<bpmn:intermediateCatchEvent id="x"><bpmn:timerEventDefinition><bpmn:timeDuration>PT1H</bpmn:timeDuration>'
    file = draw(city, through(timer + "</bpmn:timerEventDefinition></bpmn:intermediateCatchEvent>"))
    find(city, file, "x", "timer 'PT1H'")


# Decisions, forms, roles, overrides, translations -------------------------------------------------------------


def test_a_problem_of_a_decision_table_is_told_with_its_rule(city: Path) -> None:
    change(city, "decisions/dispatch.dmn", "<text>? != none</text>", "<text>? !=</text>")
    find(city, "decisions/dispatch.dmn", "dispatch, owner_known", "character")
    assert not any("no decision" in finding.message for finding in findings_of(city))


def test_unreadable_dmn_is_an_error(city: Path) -> None:
    write(city, "decisions/dispatch.dmn", "<definitions")
    find(city, "decisions/dispatch.dmn", "file", "is not XML")


def test_an_unknown_fact_in_a_decision_is_an_error(city: Path) -> None:
    change(city, "decisions/dispatch.dmn", "<text>case.urgent</text>", "<text>case.urgency</text>")
    find(city, "decisions/dispatch.dmn", "dispatch", "no fact 'urgency'")


def test_unreadable_json_in_a_form_is_an_error_but_the_form_is_not_missing(city: Path) -> None:
    write(city, "forms/accept.json", "{")
    find(city, "forms/accept.json", "form", "is not JSON")
    assert not any("there is no form" in finding.message for finding in findings_of(city))


def test_a_form_named_unlike_its_file_is_an_error(city: Path) -> None:
    change(city, "forms/accept.json", '"id": "accept"', '"id": "acept"')
    find(city, "forms/accept.json", "acept", "the file is named 'accept'")


def test_a_form_that_reads_what_its_task_does_not_give_is_an_error(city: Path) -> None:
    change(city, "forms/accept.json", "decision != 'duplicate'", "other_case != none")
    find(city, "processes/intake.bpmn", "accept", "reads 'other_case'")


def test_a_role_of_an_unknown_side_is_an_error(city: Path) -> None:
    write(city, "roles.csv", "role,name,name_en,side,permissions\nwizard,巫师,Wizard,magic,\n")
    find(city, "roles.csv", "wizard", "side 'magic'")


def test_an_override_that_replaces_nothing_is_doubted(city: Path) -> None:
    text = (core_root() / "forms/accept.json").read_text(encoding="utf-8")
    write(city, "forms/acept.json", text.replace("accept", "acept"))
    assert "forms/accept.json" in find(city, "forms/acept.json", "acept", "replaces nothing", "warning").remedy


def test_a_file_with_a_wrong_ending_is_doubted(city: Path) -> None:
    write(city, "forms/accept.jsn", "{}")
    find(city, "forms/accept.jsn", "accept", "nobody reads", "warning")


def test_an_override_that_replaces_the_core_is_no_finding(city: Path) -> None:
    change(city, "forms/accept.json", "受理意见", "接收意见")
    findings = findings_of(city)
    assert errors_of(findings) == []
    assert not any(each.file == "forms/accept.json" and "replaces" in each.message for each in findings)


def test_missing_translations_are_counted(city: Path) -> None:
    change(city, "city.toml", '["zh", "en"]', '["zh", "en", "fr"]')
    finding = find(city, "forms/accept.json", "fr", "have no translation into 'fr'", "warning")
    assert re.match(r"(\d+) of \1 texts", finding.message)


def test_a_plugin_that_replaces_a_file_of_the_core_is_refused(city: Path, tmp_path: Path) -> None:
    plugin = tmp_path / "lamps"
    (plugin / "forms").mkdir(parents=True)
    text = (core_root() / "forms/accept.json").read_text(encoding="utf-8")
    (plugin / "forms/accept.json").write_text(text, encoding="utf-8")
    change(city, "city.toml", "[holidays]", '[plugins]\nenabled = ["lamps"]\n[holidays]')
    errors = errors_of(check_folder(str(city), {"lamps": plugin})[1])
    assert [(each.file, each.layer) for each in errors] == [("forms/accept.json", "plugin lamps")]
    assert "core" in errors[0].message


def test_what_only_the_engine_refuses_is_told_as_well(city: Path) -> None:
    data = '<bpmn:dataInputAssociation id="d"><bpmn:sourceRef>gone</bpmn:sourceRef></bpmn:dataInputAssociation>'
    file = draw(city, through(user_task().replace("</bpmn:userTask>", data + "</bpmn:userTask>")))
    assert find(city, file, "x", "Cannot resolve dataInputAssociation").layer == "city small"
