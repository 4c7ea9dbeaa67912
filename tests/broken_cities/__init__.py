"""Break a small city on purpose: change its files, override the core's, draw faulty diagrams, look for the finding."""

from __future__ import annotations

import json
from pathlib import Path

from engine.checks import Finding, check_folder
from engine.layers import core_root

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"
 xmlns:camunda="http://camunda.org/schema/1.0/bpmn" targetNamespace="urn:test">
<bpmn:message id="message_cancel" name="cancel"/><bpmn:message id="message_odd" name="odd"/>
<bpmn:message id="message_bare"/>
<bpmn:process id="{id}" isExecutable="true">
"""
TAIL = "</bpmn:process></bpmn:definitions>"


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
    ends = f'sourceRef="{source}" targetRef="{target}"'
    return f'<bpmn:sequenceFlow id="{source}_to_{target}" {ends}>{inner}</bpmn:sequenceFlow>'


START, END = '<bpmn:startEvent id="start"/>', '<bpmn:endEvent id="end"/>'


def through(element: str, name: str = "x") -> str:
    """start -> element -> end."""
    return START + END + element + flow("start", name) + flow(name, "end")


def catch(event: str) -> str:
    return f'<bpmn:intermediateCatchEvent id="x">{event}</bpmn:intermediateCatchEvent>'


def script(inner: str = "", more: str = "") -> str:
    return f'<bpmn:scriptTask id="x" {more}><bpmn:script>a = 1</bpmn:script>{inner}</bpmn:scriptTask>'


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
