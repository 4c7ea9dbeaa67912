"""``wangge check`` tells every fault at once, with file, element and remedy; clean cities pass."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from api.cli import main
from engine.checks import Finding, check_city, check_folder, errors_of, refuse_broken
from engine.city import cities_root, load_city
from engine.errors import CityBroken
from engine.layers import core_root
from engine.models import Case
from engine.testing.small_city import MONDAY, SmallTown, write_small_city
from engine.workflow.fact_names import FACTS

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"
 xmlns:camunda="http://camunda.org/schema/1.0/bpmn" targetNamespace="urn:test">
<bpmn:message id="message_cancel" name="cancel"/><bpmn:message id="message_odd" name="odd"/><bpmn:message id="message_bare"/>
<bpmn:process id="{id}" isExecutable="true">
"""
TAIL = "</bpmn:process></bpmn:definitions>"
SHIPPED = sorted(path.parent.name for path in cities_root().glob("*/city.toml"))

Found = Callable[..., list[Finding]]


@pytest.fixture
def city(tmp_path: Path) -> Path:
    return write_small_city(tmp_path / "small")


def findings_of(city: Path) -> list[Finding]:
    return check_folder(str(city))[1]


def find(city: Path, file: str, element: str, words: str, severity: str = "error") -> Finding:
    """The one finding of that file and element whose message has the words, with a remedy."""
    findings = findings_of(city)
    hits = [
        each for each in findings
        if (each.file, each.element, each.severity) == (file, element, severity) and words in each.message
    ]  # fmt: skip
    told = "\n".join(map(str, findings))
    assert len(hits) == 1, f"looked for {file}, {element}, {words!r}, found:\n{told}"
    assert hits[0].remedy
    return hits[0]


def write(city: Path, logical: str, text: str) -> None:
    path = city / logical
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def change(city: Path, logical: str, old: str, new: str) -> None:
    """Change a file of the city, or override the core's with a changed copy."""
    path = city / logical
    core = core_root() / logical.removeprefix("processes/")
    text = (path if path.is_file() else core).read_text(encoding="utf-8")
    assert old in text
    write(city, logical, text.replace(old, new, 1))


def draw(city: Path, body: str, name: str = "extra") -> str:
    """A diagram of the city with this body between start and end; returns its file."""
    write(city, f"processes/{name}.bpmn", HEAD.format(id=name) + body + TAIL)
    return f"processes/{name}.bpmn"


def flow(source: str, target: str, condition: str = "") -> str:
    inner = f"<bpmn:conditionExpression>{condition}</bpmn:conditionExpression>" if condition else ""
    return (
        f'<bpmn:sequenceFlow id="{source}_to_{target}" sourceRef="{source}" targetRef="{target}">{inner}</bpmn:sequenceFlow>'
    )


START, END = '<bpmn:startEvent id="start"/>', '<bpmn:endEvent id="end"/>'


def through(element: str, name: str = "x") -> str:
    """start -> element -> end."""
    return START + END + element + flow("start", name) + flow(name, "end")


def user_task(groups: str = "acceptor", stage: str = "accept", limit: str = "1 work_hour", **more: str) -> str:
    properties = {"stage": stage, "limit": limit, **more}
    form = properties.pop("form", "")
    lines = "".join(f'<camunda:property name="{k}" value="{v}"/>' for k, v in properties.items() if v)
    return (
        f'<bpmn:userTask id="x" name="任务" camunda:candidateGroups="{groups}" camunda:formKey="{form}">'
        f"<bpmn:extensionElements><camunda:properties>{lines}</camunda:properties></bpmn:extensionElements></bpmn:userTask>"
    )


def service(topic: str, **inputs: str) -> str:
    lines = "".join(f'<camunda:inputParameter name="{k}">{v}</camunda:inputParameter>' for k, v in inputs.items())
    return (
        f'<bpmn:serviceTask id="x" camunda:type="external" camunda:topic="{topic}"><bpmn:extensionElements>'
        f"<camunda:inputOutput>{lines}</camunda:inputOutput></bpmn:extensionElements></bpmn:serviceTask>"
    )


# The whole ----------------------------------------------------------------------------------------------------


def test_the_small_city_has_no_errors(city: Path) -> None:
    assert errors_of(findings_of(city)) == []


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_cities_have_no_errors(name: str) -> None:
    assert [str(finding) for finding in errors_of(check_folder(name)[1])] == []


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_city_is_checked_within_three_seconds(name: str) -> None:
    started = time.perf_counter()
    check_folder(name)
    assert time.perf_counter() - started < 3.0


def break_everything(city: Path) -> dict[tuple[str, str], str]:
    """Six faults of six kinds; where each is, and a word of its message."""
    change(city, "processes/rework.bpmn", 'camunda:candidateGroups="', 'camunda:candidateGroups="wizard_')
    change(city, "processes/callback.bpmn", 'camunda:formKey="callback"', 'camunda:formKey="calback"')
    grids = json.loads((city / "ground/unit_grids.geojson").read_text(encoding="utf-8"))
    grids["features"][1]["geometry"]["coordinates"][0] = [
        [x - 0.0002 if x < 116.0015 else x, y] for x, y in grids["features"][1]["geometry"]["coordinates"][0]
    ]
    write(city, "ground/unit_grids.geojson", json.dumps(grids))
    draw(city, START + END + '<bpmn:exclusiveGateway id="nowhere"/>' + flow("start", "nowhere"), "stuck")
    write(city, "processes/torn.bpmn", "<bpmn:definitions><oops")
    change(city, "city.toml", 'country = "CN"', 'country = "CN"\nfile = "calendar/holidays.csv"')
    write(city, "calendar/holidays.csv", "date,kind,name\n2026-01-01/2026-12-31,holiday,always\n")
    return {
        ("processes/rework.bpmn", "rework"): "role 'wizard_",
        ("processes/callback.bpmn", "call_back"): "there is no form forms/calback.json",
        ("ground/unit_grids.geojson", "990101001001001"): "990101001001001 and 990101001001002 overlap by",
        ("processes/stuck.bpmn", "nowhere"): "dead-end gateway",
        ("processes/torn.bpmn", "file"): "unreadable XML",
        ("calendar/holidays.csv", "2026"): "a cycle of holidays",
    }


def test_every_fault_is_told_at_once(city: Path) -> None:
    expected = break_everything(city)
    errors = errors_of(findings_of(city))
    for (file, element), words in expected.items():
        hits = [each for each in errors if each.file == file and words in each.message]
        assert hits, f"{file}, {element}: {words} is missing in\n" + "\n".join(map(str, errors))
        assert all(hit.element and hit.remedy for hit in hits)


def test_the_command_lists_every_fault_and_fails(city: Path) -> None:
    expected = break_everything(city)
    result = CliRunner().invoke(main, ["check", "--city", str(city)])
    assert result.exit_code == 1
    for (file, _), words in expected.items():
        assert file in result.output
        assert words in result.output
    assert re.search(r"\d+ errors, \d+ warnings?", result.output)
    assert result.output.count("→") >= len(expected)


def test_the_command_passes_a_clean_city_unless_it_is_strict(city: Path) -> None:
    assert CliRunner().invoke(main, ["check", "--city", str(city)]).exit_code == 0
    assert CliRunner().invoke(main, ["check", "--city", str(city), "--strict"]).exit_code == 1


def test_the_command_prints_json(city: Path) -> None:
    break_everything(city)
    result = CliRunner().invoke(main, ["check", "--city", str(city), "--json"])
    assert result.exit_code == 1
    printed = json.loads(result.output)
    assert {"severity", "file", "element", "message", "remedy", "line", "layer"} == set(printed[0])
    assert len(printed) == len(findings_of(city))


def test_errors_are_refused_all_in_one_message(city: Path) -> None:
    break_everything(city)
    findings = findings_of(city)
    with pytest.raises(CityBroken) as caught:
        refuse_broken(findings)
    assert len(caught.value.message.splitlines()) == len(errors_of(findings)) >= 6


def test_warnings_alone_are_not_refused(city: Path) -> None:
    findings = check_city(load_city(str(city)))
    assert findings
    refuse_broken(findings)


def test_a_broken_city_toml_does_not_hide_the_faults_of_other_files(city: Path) -> None:
    change(city, "city.toml", "Asia/Shanghai", "Asia/Nowhere")
    write(city, "processes/torn.bpmn", "<oops")
    loaded, findings = check_folder(str(city))
    assert loaded is None
    assert {finding.file for finding in errors_of(findings)} == {"city.toml", "processes/torn.bpmn"}


def test_an_unreadable_city_toml_is_told_with_its_line(city: Path) -> None:
    write(city, "city.toml", '[city]\nid = "small"\nname = \n')
    assert find(city, "city.toml", "file", "cannot be read").line == 3


def test_the_known_facts_are_those_a_case_has(tmp_path: Path) -> None:
    town = SmallTown(write_small_city(tmp_path / "town"))
    try:
        case = Case(
            number="1", status="reported", kind="event", full_code="0101", source="patrol", area_class="A", urgent=False,
            self_handled=False, reporter_phone="", extensions=0, suspensions=0, reworks=0, returns=0, supervisions=0,
            appeals=0,
        )  # fmt: skip
        assert set(town.platform.host.facts(town.session, case, MONDAY)) == FACTS
    finally:
        town.close()


def test_stages_are_those_of_the_documentation() -> None:
    from engine.checks.tasks import STAGES

    page = (core_root().parent / "docs/reference/diagrams.md").read_text(encoding="utf-8")
    line = next(line for line in page.splitlines() if line.startswith("| property `stage`"))
    assert set(line.split("|")[2].strip(" `").split()) == set(STAGES)


# city.toml ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "element", "words"),
    [
        ("weekdays = [1, 2, 3, 4, 5]", "", "working_time.weekdays", "has no weekdays"),
        ('country = "CN"', 'county = "CN"', "holidays.county", "does not know county"),
        ("[holidays]", "[holiday]", "holiday", "no table [holiday]"),
        ('["zh", "en"]', '["zh", "zh"]', "city.languages", "repeat"),
        ('["zh", "en"]', '"zh"', "city.languages", "languages is 'zh'"),
        ("-{serial:05}", "", "city.case_number", "gives two cases one number"),
        ("-{serial:05}", "-{number}", "city.case_number", "cannot be filled in"),
        ("^99", "^(99", "city.unit_grid_code", "cannot be read"),
        ("[holidays]", '[plugins]\nenabled = ["trafic"]\n[holidays]', "plugins.enabled", "'trafic' is not installed"),
        ("[holidays]", '[lifecycle]\nprocess = "cse"\n[holidays]', "lifecycle.process", "no processes/cse.bpmn"),
        ("12:00", "15:00", "working_time.hours", "overlap"),
        ("08:00-12:00", "12:00-08:00", "working_time.hours", "end before they begin"),
        ("08:00-12:00", "8-12", "working_time.hours", "are not 'HH:MM-HH:MM'"),
        ("[1, 2, 3, 4, 5]", "[1, 8]", "working_time.weekdays", "no working week"),
        ("[holidays]", '[working_time.calendars.night]\nhour = ["20:00-24:00"]\n[holidays]',
         "working_time.calendars.night.hour", "does not know hour"),
        ('country = "CN"', 'country = "XX"', "working_time", "XX"),
    ],
)  # fmt: skip
def test_a_fault_of_city_toml_is_told(city: Path, old: str, new: str, element: str, words: str) -> None:
    change(city, "city.toml", old, new)
    find(city, "city.toml", element, words)


def test_settings_of_a_plugin_that_is_not_enabled_are_doubted(city: Path) -> None:
    change(city, "city.toml", "[holidays]", '[settings.traffic]\nyard = "north"\n[holidays]')
    find(city, "city.toml", "settings.traffic", "nobody reads this", "warning")


def test_hours_out_of_order_are_doubted(city: Path) -> None:
    change(city, "city.toml", '"08:00-12:00", "14:00-18:00"', '"14:00-18:00", "08:00-12:00"')
    find(city, "city.toml", "working_time.hours", "out of order", "warning")


# Calendars ----------------------------------------------------------------------------------------------------


def with_dates(city: Path, rows: str) -> None:
    change(city, "city.toml", 'country = "CN"', 'country = "CN"\nfile = "calendar/holidays.csv"')
    write(city, "calendar/holidays.csv", "date,kind,name\n" + rows)


def test_a_date_that_is_holiday_and_workday_is_an_error(city: Path) -> None:
    with_dates(city, "2026-05-01/2026-05-05,holiday,\n2026-05-04,workday,\n")
    assert find(city, "calendar/holidays.csv", "2026-05-04", "a workday here and a holiday in line 2").line == 3


def test_a_repeated_date_is_doubted(city: Path) -> None:
    with_dates(city, "2026-05-01,holiday,\n2026-05-01,holiday,\n")
    find(city, "calendar/holidays.csv", "2026-05-01", "stands in line 2 already", "warning")


def test_a_range_that_ends_before_it_begins_is_an_error(city: Path) -> None:
    with_dates(city, "2026-05-05/2026-05-01,holiday,\n")
    find(city, "calendar/holidays.csv", "2026-05-05/2026-05-01", "no date and no range")


def test_all_faulty_lines_of_a_date_file_are_told(city: Path) -> None:
    with_dates(city, "tomorrow,holiday,\n2026-05-01,feast,\n")
    find(city, "calendar/holidays.csv", "tomorrow", "no date")
    find(city, "calendar/holidays.csv", "2026-05-01", "kind 'feast'")


def test_a_year_without_a_working_day_is_an_error(city: Path) -> None:
    with_dates(city, "2027-01-01/2027-12-31,holiday,\n")
    find(city, "calendar/holidays.csv", "2027", "has no working day")


def test_a_missing_date_file_is_an_error(city: Path) -> None:
    change(city, "city.toml", 'country = "CN"', 'country = "CN"\nfile = "calendar/gone.csv"')
    find(city, "calendar/gone.csv", "file", "cannot be read")


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
        ('<bpmn:manualTask id="x"/>', "manualTask is not supported"),
        ('<bpmn:sendTask id="x"/>', "sendTask is not supported"),
        ('<bpmn:receiveTask id="x"/>', "receiveTask is not supported"),
        ('<bpmn:complexGateway id="x"/>', "complexGateway is not supported"),
        ('<bpmn:transaction id="x"/>', "transaction is not supported"),
        ('<bpmn:adHocSubProcess id="x"/>', "adHocSubProcess is not supported"),
        ('<bpmn:intermediateThrowEvent id="x"><bpmn:linkEventDefinition/></bpmn:intermediateThrowEvent>', "link event"),
        ('<bpmn:intermediateCatchEvent id="x"><bpmn:linkEventDefinition/></bpmn:intermediateCatchEvent>', "a link event"),
        ('<bpmn:intermediateCatchEvent id="x"><bpmn:signalEventDefinition/></bpmn:intermediateCatchEvent>', "a signal"),
        ('<bpmn:intermediateCatchEvent id="x"><bpmn:conditionalEventDefinition/></bpmn:intermediateCatchEvent>',
         "a conditional event"),
        ('<bpmn:intermediateCatchEvent id="x"/>', "no event"),
        ('<bpmn:scriptTask id="x" isForCompensation="true"><bpmn:script>a = 1</bpmn:script></bpmn:scriptTask>',
         "compensation"),
        ('<bpmn:scriptTask id="x"><bpmn:script>a = 1</bpmn:script><bpmn:standardLoopCharacteristics/></bpmn:scriptTask>',
         "standard loops"),
        ('<bpmn:scriptTask id="x"><bpmn:script>a = 1</bpmn:script><bpmn:multiInstanceLoopCharacteristics/>'
         "</bpmn:scriptTask>", "no loopDataInputRef"),
    ],
)  # fmt: skip
def test_an_element_that_is_not_supported_is_refused_by_name(city: Path, element: str, words: str) -> None:
    find(city, draw(city, through(element)), "x", words)


@pytest.mark.parametrize("kind", ["compensate", "error", "escalation", "signal"])
def test_an_end_event_that_throws_is_refused(city: Path, kind: str) -> None:
    event = f'<bpmn:endEvent id="x"><bpmn:{kind}EventDefinition/></bpmn:endEvent>'
    find(city, draw(city, START + event + flow("start", "x")), "x", f"a {kind} event")


def test_a_compensation_boundary_event_is_refused(city: Path) -> None:
    event = '<bpmn:boundaryEvent id="b" attachedToRef="x"><bpmn:compensateEventDefinition/></bpmn:boundaryEvent>'
    find(city, draw(city, through(user_task()) + event + flow("b", "end")), "b", "a compensate event")


def test_an_event_sub_process_is_refused(city: Path) -> None:
    inner = '<bpmn:startEvent id="s"/><bpmn:endEvent id="e"/>' + flow("s", "e")
    sub = f'<bpmn:subProcess id="sub" triggeredByEvent="true">{inner}</bpmn:subProcess>'
    find(city, draw(city, START + END + flow("start", "end") + sub), "sub", "event sub-processes")


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
    catch = '<bpmn:intermediateCatchEvent id="x"><bpmn:messageEventDefinition messageRef="{}"/></bpmn:intermediateCatchEvent>'
    find(city, draw(city, through(catch.format("message_bare"))), "x", "no message with a name")
    find(city, draw(city, through(catch.format("message_odd"))), "x", "nothing sends the message 'odd'", "warning")


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
    find(city, draw(city, gate_with("${moon_phase == 'full'}")), "g_to_end2", "nothing ever sets 'moon_phase'", "warning")


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
    write(city, "forms/acept.json", (core_root() / "forms/accept.json").read_text(encoding="utf-8").replace("accept", "acept"))
    assert "forms/accept.json" in find(city, "forms/acept.json", "acept", "replaces nothing", "warning").remedy


def test_a_file_with_a_wrong_ending_is_doubted(city: Path) -> None:
    write(city, "forms/accept.jsn", "{}")
    find(city, "forms/accept.jsn", "accept", "nobody reads", "warning")


def test_an_override_that_replaces_the_core_is_no_finding(city: Path) -> None:
    change(city, "forms/accept.json", "受理意见", "接收意见")
    assert errors_of(findings_of(city)) == []
    assert not any(finding.file == "forms/accept.json" and "replaces" in finding.message for finding in findings_of(city))


def test_missing_translations_are_counted(city: Path) -> None:
    change(city, "city.toml", '["zh", "en"]', '["zh", "en", "fr"]')
    finding = find(city, "forms/accept.json", "fr", "have no translation into 'fr'", "warning")
    assert re.match(r"(\d+) of \1 texts", finding.message)


# Catalogue ----------------------------------------------------------------------------------------------------

CONDITIONS = "kind,full_code,condition_no,defect_code,filing_condition,filing_condition_en,limit,closing_condition,source\n"
CLASSES = (
    "kind,class_code,class_name,class_name_en,subclass_code,full_code,subclass_name,subclass_name_en,geometry,dept_code,"
    "code_2007,scope,code_source\n"
)


@pytest.mark.parametrize(
    ("row", "element", "words"),
    [
        ("event,9999,1,,文字,,1 work_day,,city\n", "event/9999/1", "classes.csv has no event 9999"),
        ("component,0101,1,,文字,,soon,,city\n", "component/0101/1", "limit 'soon'"),
        ("component,0101,1,,文字,,A: 1 work_day; B: 2 work_day,,city\n", "component/0101/1", "nothing for area class 'C'"),
        ("component,0101,1,,文字,,D: 1 work_day; *: 2 work_day,,city\n", "component/0101/1", "area class 'D'"),
        ("component,0101,1,,文字,,1 work_day,,hearsay\n", "component/0101/1", "source 'hearsay'"),
        ("component,0101,one,,文字,,1 work_day,,city\n", "component/0101/one", "is no number"),
        ("component,0101,1,,,,1 work_day,,city\n", "component/0101/1", "has no text"),
        ("component,0101,1,,甲,,,,city\ncomponent,0101,1,,乙,,,,city\n", "component/0101/1", "stands in line 2 too"),
    ],
)  # fmt: skip
def test_a_fault_of_a_filing_condition_is_told(city: Path, row: str, element: str, words: str) -> None:
    write(city, "catalogue/conditions.csv", CONDITIONS + row)
    find(city, "catalogue/conditions.csv", element, words)


@pytest.mark.parametrize(
    ("row", "element", "words"),
    [
        ("event,09,类,Class,01,0901,名,Name,point,NOBODY,,city,city\n", "event/0901", "department 'NOBODY'"),
        ("event,09,类,Class,01,0902,名,Name,point,POLICE,,city,city\n", "event/0902", "not class_code and subclass_code"),
        ("thing,09,类,Class,01,0901,名,Name,point,POLICE,,city,city\n", "thing/0901", "kind 'thing'"),
        ("event,09,类,Class,01,0901,名,Name,blob,POLICE,,city,city\n", "event/0901", "geometry 'blob'"),
        ("event,09,类,Class,01,0901,名,Name,point,POLICE,,city,rumour\n", "event/0901", "code_source 'rumour'"),
    ],
)
def test_a_fault_of_a_class_is_told(city: Path, row: str, element: str, words: str) -> None:
    write(city, "catalogue/classes.csv", CLASSES + row)
    find(city, "catalogue/classes.csv", element, words)


def test_a_catalogue_without_version_is_an_error(city: Path) -> None:
    change(city, "city.toml", "[holidays]", "[catalogue]\ninherit = false\n[holidays]")
    find(city, "catalogue/version.toml", "file", "no version.toml")
    find(city, "catalogue/classes.csv", "file", "no catalogue/classes.csv")


def test_a_version_without_a_date_is_an_error(city: Path) -> None:
    write(city, "catalogue/version.toml", 'name = "x"\nvalid_from = "2026"\n')
    find(city, "catalogue/version.toml", "valid_from", "'2026'")


def test_duties_no_unit_answers_for_are_doubted(city: Path) -> None:
    assert "TELECOM" in find(city, "organisation/departments.csv", "duties", "no unit answers", "warning").message


def test_a_duty_the_catalogue_does_not_know_is_an_error(city: Path) -> None:
    change(city, "organisation/departments.csv", "SANITATION;", "SANITTION;")
    find(city, "organisation/departments.csv", "SANITATION", "the duty 'SANITTION'")


# Organisation -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "old", "new", "element", "words"),
    [
        ("departments", ",handling,,,yes,\n", ",handling,,,,\n", "fallback", "0 units take"),
        ("departments", "Street1,subdistrict,handling,SUBDISTRICT,990101001,,", "Street1,subdistrict,handling,,,yes,",
         "fallback", "2 units take"),
        ("departments", "Street1,subdistrict", "Street1,palace", "STREET1", "kind 'palace'"),
        ("departments", "subdistrict,handling", "subdistrict,helping", "STREET1", "side 'helping'"),
        ("posts", "collector,collector,collector,collector", "collector,collector,collector,colector", "collector",
         "role 'colector'"),
        ("people", "leader,leader,leader,,leader,COMMAND", "leader,leader,leader,,lader,COMMAND", "leader",
         "post 'lader'"),
        ("people", "leader,leader,leader,,leader,COMMAND", "leader,leader,leader,,leader,COMAND", "leader",
         "department 'COMAND'"),
        ("people", "SUPERVISION,D1", "SUPERVISION,D9", "collector", "duty grid 'D9'"),
        ("people", "leader,leader,leader,,leader", "collector,leader,leader,,leader", "collector",
         "belongs to collector in line"),
    ],
)  # fmt: skip
def test_a_fault_of_the_organisation_is_told(
    city: Path, file: str, old: str, new: str, element: str, words: str
) -> None:
    path = city / f"organisation/{file}.csv"
    path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n"))
    change(city, f"organisation/{file}.csv", old, new)
    find(city, f"organisation/{file}.csv", element, words)


def test_parents_in_a_circle_are_an_error(city: Path) -> None:
    path = city / "organisation/departments.csv"
    text = path.read_text(encoding="utf-8").replace("\r\n", "\n")
    text = re.sub(r"^(MUNICIPAL,.*),$", r"\1,SANITATION", text, flags=re.M)
    write(city, "organisation/departments.csv", re.sub(r"^(SANITATION,.*),$", r"\1,MUNICIPAL", text, flags=re.M))
    find(city, "organisation/departments.csv", "MUNICIPAL", "MUNICIPAL → SANITATION → MUNICIPAL")


def without(city: Path, file: str, pattern: str) -> None:
    path = city / file
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line for line in lines if not re.match(pattern, line)) + "\n", encoding="utf-8")


def test_a_role_nobody_holds_is_an_error(city: Path) -> None:
    without(city, "organisation/people.csv", "dispatcher,")
    find(city, "organisation/people.csv", "dispatcher", "nobody has the role")


def test_a_unit_without_clerk_is_doubted(city: Path) -> None:
    without(city, "organisation/people.csv", "unit_clerk_street1,")
    find(city, "organisation/people.csv", "STREET1", "no unit_clerk", "warning")


def test_a_duty_grid_without_collector_is_doubted(city: Path) -> None:
    without(city, "organisation/people.csv", "collector2,")
    find(city, "organisation/people.csv", "D2", "no collector", "warning")


def test_a_missing_column_is_an_error(city: Path) -> None:
    change(city, "organisation/posts.csv", "code,name,name_en,role", "code,name,name_en,rôle")
    find(city, "organisation/posts.csv", "file", "no column role")


# Ground -------------------------------------------------------------------------------------------------------

Feature = dict[str, dict[str, object]]


def edit_features(city: Path, name: str, edit: Callable[[list[Feature]], None]) -> None:
    path = city / f"ground/{name}.geojson"
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content["features"])
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize(
    ("key", "value", "element", "words"),
    [
        ("code", "123", "123", "does not match"),
        ("code", "990101001001002", "990101001001002", "belongs to features 1 and 2"),
        ("community", "990101001999", "990101001001001", "no community"),
        ("duty_grid", "D9", "990101001001001", "no duty grid 'D9'"),
        ("area_class", "Z", "990101001001001", "area class 'Z'"),
    ],
)
def test_a_fault_of_a_unit_grid_is_told(city: Path, key: str, value: str, element: str, words: str) -> None:
    edit_features(city, "unit_grids", lambda grids: grids[0]["properties"].update({key: value}))
    find(city, "ground/unit_grids.geojson", element, words)


def test_a_grid_that_crosses_itself_is_an_error(city: Path) -> None:
    bow = [[[116, 28], [116.001, 28.001], [116.001, 28], [116, 28.001], [116, 28]]]
    edit_features(city, "unit_grids", lambda grids: grids[0]["geometry"].update({"coordinates": bow}))
    find(city, "ground/unit_grids.geojson", "990101001001001", "not valid: Self-intersection")


def test_projected_coordinates_are_an_error(city: Path) -> None:
    metres = [[[500000, 3100000], [500100, 3100000], [500100, 3100100], [500000, 3100000]]]
    edit_features(city, "unit_grids", lambda grids: grids[0]["geometry"].update({"coordinates": metres}))
    find(city, "ground/unit_grids.geojson", "990101001001001", "no longitude and latitude")


def test_overlapping_grids_are_named_with_their_area(city: Path) -> None:
    break_everything(city)
    finding = find(city, "ground/unit_grids.geojson", "990101001001001", "990101001001002 overlap by")
    area = int(re.search(r"by ([\d,]+) m²", finding.message)[1].replace(",", ""))  # type: ignore[index]
    assert area == pytest.approx(0.0002 * 0.001 * 111_320**2 * 0.8829, rel=0.01)


def test_a_small_gap_between_grids_is_doubted(city: Path) -> None:
    def narrow(grids: list[Feature]) -> None:
        ring = grids[4]["geometry"]["coordinates"][0]  # type: ignore[index]
        west = min(x for x, _ in ring)
        for point in ring:
            point[0] += 0.0001 if point[0] == west else 0

    edit_features(city, "unit_grids", narrow)
    find(city, "ground/unit_grids.geojson", "gaps", "1 gaps of less than", "warning")


def test_a_division_without_its_parent_is_an_error(city: Path) -> None:
    edit_features(city, "divisions", lambda all: all[2]["properties"].update({"parent": "990199"}))
    find(city, "ground/divisions.geojson", "990101001001", "the parent '990199'")


def test_points_outside_every_grid_are_counted(city: Path) -> None:
    write(city, "ground/addresses.csv", "code,name,kind,lon,lat,grid\nA1,甲,poi,116.0005,28.0005,\nA2,乙,poi,117,29,\n")
    finding = find(city, "ground/addresses.csv", "1 rows", "1 of 2 lie outside every grid", "warning")
    assert "A2" in finding.message


def test_points_in_another_grid_than_they_name_are_counted(city: Path) -> None:
    rows = "code,name,kind,lon,lat,grid\nA1,甲,poi,116.0005,28.0005,990101001001009\n"
    write(city, "ground/addresses.csv", rows)
    find(city, "ground/addresses.csv", "1 rows", "name another grid", "warning")


def test_rows_that_will_not_be_taken_are_counted(city: Path) -> None:
    write(city, "ground/addresses.csv", "code,name,kind,lon,lat,grid\nA1,甲,poi,east,28.0005,\n")
    assert find(city, "ground/addresses.csv", "1 rows", "will not be taken", "warning").line == 2


def test_unreadable_geojson_is_an_error(city: Path) -> None:
    write(city, "ground/duty_grids.geojson", "{")
    find(city, "ground/duty_grids.geojson", "file", "not readable GeoJSON")


def test_a_missing_ground_file_is_an_error(city: Path) -> None:
    (city / "ground/divisions.geojson").unlink()
    find(city, "ground/divisions.geojson", "file", "is missing")
