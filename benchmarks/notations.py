"""The benchmark's one drawing in the notation of others, so that all run the same diagram.

What is turned: timers into ISO durations, ``case.urgent`` into ``case['urgent']`` or JavaScript, service tasks into a
script that notes that somebody was told (nobody else has an outbox), the business-rule task into the peer's own way.
"""

from __future__ import annotations

import copy
import re

from lxml import etree

from benchmarks.town import CITY_FILES

BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
DMN = "{https://www.omg.org/spec/DMN/20191111/MODEL/}"
SPIFF = "{http://spiffworkflow.org/bpmn/schema/1.0/core}"
CAMUNDA = "{http://camunda.org/schema/1.0/bpmn}"
DURATIONS = {"15 minute": "PT15M", "5 work_day": "P7D", "80 % of limit": "PT6H"}
LOOKUP = re.compile(r"\b(case|proposal)\.(\w+)")
SCRIPTS = {
    "note_report": "environment.variables.channel = environment.variables.urgent ? 'urgent' : 'usual';"
    " environment.variables.rounds = 0; next();",
    "count_round": "environment.variables.rounds = (environment.variables.rounds || 0) + 1; next();",
}
"""The two script tasks in JavaScript, as bpmn-engine wants them."""


def read(name: str) -> etree._Element:
    """A diagram of the benchmark's city."""
    return etree.parse(CITY_FILES / f"processes/{name}.bpmn").getroot()


def stock_files() -> tuple[list[bytes], bytes]:
    """Both diagrams and the decision as stock SpiffWorkflow reads them."""
    diagrams = []
    for name in ("bench", "bench_handling"):
        root = read(name)
        for node in list(root.iter()):
            _to_stock(node)
        diagrams.append(etree.tostring(root))
    decision = etree.parse(CITY_FILES / "decisions/bench_route.dmn").getroot()
    for cell in decision.iter(f"{DMN}text"):
        text = "" if cell.text == "-" else LOOKUP.sub(r"\1['\2']", cell.text or "")
        cell.text = {"true": "True", "false": "False"}.get(text, text)
    return diagrams, etree.tostring(decision)


def _to_stock(node: etree._Element) -> None:
    extensions = node.find(f"{BPMN}extensionElements")
    if extensions is not None:
        node.remove(extensions)
    if node.tag == f"{BPMN}serviceTask":
        node.tag = f"{BPMN}scriptTask"
        etree.SubElement(node, f"{BPMN}script").text = "told = True"
    elif node.tag == f"{BPMN}businessRuleTask":
        home = etree.Element(f"{BPMN}extensionElements")
        etree.SubElement(home, f"{SPIFF}calledDecisionId").text = node.get(f"{CAMUNDA}decisionRef")
        node.insert(0, home)
    elif node.tag == f"{BPMN}script":
        node.text = LOOKUP.sub(r"\1['\2']", node.text or "")
    elif node.tag == f"{BPMN}timeDuration":
        node.text = f'"{DURATIONS[node.text or ""]}"'
    elif node.tag == f"{BPMN}conditionExpression":
        node.text = (node.text or "").removeprefix("${").removesuffix("}")


def npm_file() -> bytes:
    """Both processes in one file, as bpmn-engine reads them."""
    root = read("bench")
    called = copy.deepcopy(read("bench_handling").find(f"{BPMN}process"))
    assert called is not None
    called.set("isExecutable", "false")
    for node in called.iter():
        for attribute in ("id", "sourceRef", "targetRef", "attachedToRef"):
            value = node.get(attribute)
            if value in ("start", "end"):
                node.set(attribute, f"handling_{value}")
    process = root.find(f"{BPMN}process")
    assert process is not None
    process.addnext(called)
    for node in list(root.iter()):
        _to_npm(node)
    return etree.tostring(root)


def _to_npm(node: etree._Element) -> None:
    extensions = node.find(f"{BPMN}extensionElements")
    if extensions is not None:
        node.remove(extensions)
    if node.tag in (f"{BPMN}incoming", f"{BPMN}outgoing"):
        parent = node.getparent()
        assert parent is not None
        parent.remove(node)
    elif node.tag == f"{BPMN}serviceTask":
        node.set("implementation", "${environment.services.tell}")
    elif node.tag == f"{BPMN}businessRuleTask":
        node.set("implementation", "${environment.services.route}")
    elif node.tag == f"{BPMN}scriptTask":
        node.set("scriptFormat", "javascript")
        script = node.find(f"{BPMN}script")
        assert script is not None
        script.text = SCRIPTS[node.get("id", "")]
    elif node.tag == f"{BPMN}timeDuration":
        node.text = DURATIONS[node.text or ""]
    elif node.tag == f"{BPMN}conditionExpression":
        node.text = "next(null, environment.variables.decision === 'rework');"
        node.set("language", "javascript")
