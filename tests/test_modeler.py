"""Every diagram of the repository opens in bpmn-js without a warning, and what it saves says what was drawn."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright
from same_diagram import differences
from test_browser import ARGUMENTS, CHROMIUM

sys.path.insert(0, str(Path(__file__).parents[1]))  # tools are not shipped, so not installed either

from engine.workflow.elements import read_diagram
from tools.assets import npm

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ROOT / "tests" / "npm"
DIAGRAMS = sorted(
    str(path.relative_to(ROOT))
    for folder in ("processes", "plugins", "cities", "benchmarks", "docs", "tests", "tools")
    for path in (ROOT / folder).rglob("*.bpmn")
    if "node_modules" not in path.parts
)
EXTENSIONS = {"plain": None, "camunda": "camunda-bpmn-moddle/resources/camunda.json"}
"""What a modeler knows of ``camunda:`` attributes: nothing, as bpmn-js alone, or all, as desktop modelers do."""
EVERY_DIAGRAM = pytest.mark.parametrize("path", DIAGRAMS)
EVERY_MODELER = pytest.mark.parametrize("modeler", EXTENSIONS)

OPEN_AND_SAVE = """async ([diagrams, extension]) => {
  const more = extension ? { moddleExtensions: { camunda: extension } } : {};
  const modeler = new BpmnJS({ container: "#canvas", ...more });
  const found = {};
  for (const [path, xml] of Object.entries(diagrams)) {
    try {
      const { warnings } = await modeler.importXML(xml);
      const { xml: saved } = await modeler.saveXML({ format: true });
      found[path] = { warnings: warnings.map(each => each.message), xml: saved };
    } catch (error) {
      found[path] = { warnings: [error.message, ...(error.warnings ?? []).map(each => each.message)], xml: "" };
    }
  }
  modeler.destroy();
  return found;
}"""


@dataclass(frozen=True)
class Saved:
    """What came of opening a diagram and saving it again."""

    warnings: list[str]
    xml: str


class Desk:
    """A browser with the modeler in it."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda said: self.complaints.append(said.text) if said.type != "log" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.set_content('<div id="canvas" style="width: 1200px; height: 800px"></div>')
        page.add_script_tag(path=PACKAGES / "node_modules/bpmn-js/dist/bpmn-modeler.production.min.js")

    def open_and_save(self, diagrams: dict[str, str], modeler: str) -> dict[str, Saved]:
        """Open diagrams one after the other and save each at once."""
        file = EXTENSIONS[modeler]
        extension = json.loads((PACKAGES / "node_modules" / file).read_text(encoding="utf-8")) if file else None
        found = self.page.evaluate(OPEN_AND_SAVE, [diagrams, extension])
        return {path: Saved(**each) for path, each in found.items()}


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    """The modeler, or a skip that says what is missing; with WANGGE_NO_SKIP set that is a failure."""
    reason = "" if Path(CHROMIUM).is_file() else f"there is no Chromium at {CHROMIUM}; install the package chromium"
    reason = reason or install()
    if reason and not os.environ.get("WANGGE_NO_SKIP"):
        pytest.skip(reason)
    assert not reason, reason
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield Desk(browser.new_page())
        browser.close()


def install() -> str:
    """The locked packages, once; their install scripts never run. Returns why they could not be had."""
    lock, mark = PACKAGES / "package-lock.json", PACKAGES / "node_modules" / ".package-lock.json"
    if mark.is_file() and mark.stat().st_mtime >= lock.stat().st_mtime:
        return ""
    command = [*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        subprocess.run(command, cwd=PACKAGES, check=True, capture_output=True, timeout=180)
    except (OSError, subprocess.SubprocessError) as error:
        return f"npm ci failed in {PACKAGES} ({error}); check the network"
    return ""


@pytest.fixture(scope="module")
def saved(desk: Desk) -> dict[str, dict[str, Saved]]:
    """All diagrams by the modeler that opened and saved them."""
    diagrams = {path: drawn(path) for path in DIAGRAMS}
    return {modeler: desk.open_and_save(diagrams, modeler) for modeler in EXTENSIONS}


def drawn(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.browser
@EVERY_MODELER
@EVERY_DIAGRAM
def test_a_diagram_opens_without_a_warning(saved: dict[str, dict[str, Saved]], path: str, modeler: str) -> None:
    assert saved[modeler][path].warnings == []


@pytest.mark.browser
@EVERY_MODELER
@EVERY_DIAGRAM
def test_a_diagram_saved_again_says_the_same(saved: dict[str, dict[str, Saved]], path: str, modeler: str) -> None:
    again = saved[modeler][path].xml
    assert differences(drawn(path).encode(), again.encode()) == []
    one, other = read_diagram(drawn(path), path), read_diagram(again, path)
    assert [replace(each, line=0) for each in one.elements.values()] == [
        replace(each, line=0) for each in other.elements.values()
    ]
    assert [replace(each, line=0) for each in one.flows.values()] == [
        replace(each, line=0) for each in other.flows.values()
    ]


@pytest.mark.browser
def test_the_modeler_does_not_complain(desk: Desk, saved: dict[str, dict[str, Saved]]) -> None:
    assert desk.complaints == []


# What keeps the tests above honest --------------------------------------------------------------------------------

EXAMPLE = "docs/reference/examples/example_multi_parallel.bpmn"


def test_the_diagrams_are_found() -> None:
    assert {Path(path).parts[0] for path in DIAGRAMS} >= {"processes", "benchmarks", "docs"}
    assert "processes/case.bpmn" in DIAGRAMS and EXAMPLE in DIAGRAMS
    assert not [path for path in DIAGRAMS if "<!--" in drawn(path)], "modelers drop comments; write documentation"


@pytest.mark.browser
@EVERY_MODELER
def test_the_modeler_warns_of_what_it_will_lose(desk: Desk, modeler: str) -> None:
    broken = drawn(EXAMPLE).replace('<bpmn:property id="votes" name="votes"/>', "")
    found = desk.open_and_save({EXAMPLE: broken}, modeler)[EXAMPLE]
    assert found.warnings == ["unresolved reference <votes>"]
    assert [line.rpartition("/")[2] for line in differences(broken.encode(), found.xml.encode())] == [
        "loopDataOutputRef: lost"
    ]


@pytest.mark.browser
@EVERY_MODELER
def test_a_file_that_is_no_diagram_is_told(desk: Desk, modeler: str) -> None:
    for text in ("<a/>", re.sub(r"<bpmndi:BPMNDiagram.*</bpmndi:BPMNDiagram>", "", drawn(EXAMPLE), flags=re.DOTALL)):
        assert desk.open_and_save({EXAMPLE: text}, modeler)[EXAMPLE].warnings != []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (' camunda:formKey="example_choice"', "", "formKey was 'example_choice', is None"),
        (' camunda:candidateGroups="acceptor"', ' camunda:candidateGroups="dispatcher"', "is 'dispatcher'"),
        (' isSequential="false"', ' isSequential="true"', "isSequential was None, is 'true'"),
        ('<camunda:property name="limit" value="4 work_hour"/>', "", "property#limit: lost"),
        ('value="4 work_hour"', 'value="5 work_hour"', "is '5 work_hour'"),
        ("${choice == 'no'}", "${choice == 'yes'}", "the text was"),
        ('xsi:type="bpmn:tFormalExpression"', "", "type was '{http://www.omg.org/spec/BPMN/20100524/MODEL}tFormal"),
        ("units = ['MUNICIPAL', ", "units = [\n'MUNICIPAL', ", "the text was"),
        ('<bpmn:inputDataItem id="unit_item" name="unit"/>', "", "inputDataItem#unit_item: lost"),
        ('<bpmn:endEvent id="end" name="结束"/>', '<bpmn:endEvent id="finish" name="结束"/>', "endEvent#finish: added"),
        ('<di:waypoint x="198" y="120"/>', '<di:waypoint x="199" y="120"/>', "x was '198', is '199'"),
        ('<di:waypoint x="198" y="120"/>', "", "waypoint: lost"),
        ('targetNamespace="https://wangge.example/bpmn"', 'targetNamespace="urn:other"', "targetNamespace was"),
    ],
)  # fmt: skip
def test_a_loss_is_noticed(old: str, new: str, told: str) -> None:
    before = drawn(EXAMPLE)
    assert old in before
    found = differences(before.encode(), before.replace(old, new).encode())
    assert any(told in line for line in found), found


def test_the_order_of_flows_counts() -> None:
    before = drawn(EXAMPLE)
    first, second = re.findall(r'<bpmn:sequenceFlow id="(?:start_to|list_units_to)[^>]*/>', before)
    after = before.replace(first, "here").replace(second, first).replace("here", second)
    assert ["the order was" in line for line in differences(before.encode(), after.encode())] == [True]


def test_ways_of_writing_do_not_count() -> None:
    before = drawn(EXAMPLE)
    after = re.sub(r"(</?|\")bpmn:", r"\1b:", before).replace("xmlns:bpmn=", "xmlns:b=")
    after = after.replace(' isSequential="false"', "").replace("\n", "\n\n").replace("/>", " />")
    after = re.sub(r'id="(\w+)" name="([^"]+)"', r'name="\2" id="\1"', after)
    assert after != before and differences(before.encode(), after.encode()) == []
