"""Small diagrams for tests, written as Python: nodes and flows, no picture."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

HEAD = (
    '<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"'
    ' xmlns:camunda="http://camunda.org/schema/1.0/bpmn" targetNamespace="urn:test">'
)


def user(
    name: str, *, role: str = "acceptor", label: str = "", form: str = "", inside: str = "", **properties: str
) -> str:
    """A user task; keywords become properties."""
    rows = "".join(f'<camunda:property name="{key}" value="{value}"/>' for key, value in properties.items())
    shown = f' camunda:formKey="{form}"' if form else ""
    return (
        f'<bpmn:userTask id="{name}" name="{label or name}" camunda:candidateGroups="{role}"{shown}>'
        f"<bpmn:extensionElements><camunda:properties>{rows}</camunda:properties></bpmn:extensionElements>"
        f"{inside}</bpmn:userTask>"
    )


def node(kind: str, name: str, inside: str = "", /, **attributes: str) -> str:
    """Any other node."""
    more = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f'<bpmn:{kind} id="{name}"{more}>{inside}</bpmn:{kind}>'


def service(name: str, topic: str, **inputs: str) -> str:
    """A service task."""
    rows = "".join(
        f'<camunda:inputParameter name="{key}">{text}</camunda:inputParameter>' for key, text in inputs.items()
    )
    return (
        f'<bpmn:serviceTask id="{name}" name="{name}" camunda:type="external" camunda:topic="{topic}">'
        f"<bpmn:extensionElements><camunda:inputOutput>{rows}</camunda:inputOutput></bpmn:extensionElements>"
        f"</bpmn:serviceTask>"
    )


def timer(name: str, host: str, text: str, *, interrupting: bool = False) -> str:
    """A boundary timer."""
    inside = f"<bpmn:timerEventDefinition><bpmn:timeDuration>{text}</bpmn:timeDuration></bpmn:timerEventDefinition>"
    cancel = "true" if interrupting else "false"
    head = f'id="{name}" attachedToRef="{host}" cancelActivity="{cancel}"'
    return f"<bpmn:boundaryEvent {head}>{inside}</bpmn:boundaryEvent>"


def chain(*names: str) -> list[str]:
    """Flows from each node to the next."""
    return [flow(first, second) for first, second in pairwise(names)]


def flow(source: str, target: str, condition: str = "") -> str:
    """A sequence flow."""
    inside = f"<bpmn:conditionExpression>{condition}</bpmn:conditionExpression>" if condition else ""
    head = f'id="{source}_to_{target}" sourceRef="{source}" targetRef="{target}"'
    return f"<bpmn:sequenceFlow {head}>{inside}</bpmn:sequenceFlow>"


def write_process(
    folder: Path, nodes: Iterable[str], flows: Iterable[str], *, name: str = "case", extra: str = ""
) -> None:
    """Put a process into a city's folder, in place of the core's of that name; start and end are added."""
    body = "".join([node("startEvent", "start"), *nodes, node("endEvent", "end"), *flows])
    process = f'<bpmn:process id="{name}" name="{name}" isExecutable="true">{body}</bpmn:process>'
    text = f"{HEAD}{extra}{process}</bpmn:definitions>"
    (folder / "processes").mkdir(exist_ok=True)
    (folder / f"processes/{name}.bpmn").write_text(text, encoding="utf-8")
