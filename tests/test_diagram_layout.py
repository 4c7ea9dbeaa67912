"""Diagrams that ship are easy to read, and the lint that says so notices when they are not."""

import re
import runpy
from dataclasses import replace
from pathlib import Path

import pytest

from engine.workflow.elements import read_diagram
from engine.workflow.layout_lint import lint_layout

ROOT = Path(__file__).parents[1]
SHIPPED = sorted(
    [
        *ROOT.glob("processes/*.bpmn"),
        *ROOT.glob("plugins/*/processes/*.bpmn"),
        *ROOT.glob("cities/*/processes/*.bpmn"),
    ]
)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_shipped_diagram_has_nothing_on_top_of_anything(path: Path) -> None:
    problems = lint_layout(path.read_text(encoding="utf-8"), path.name)
    assert [f"{problem.element}: {problem.message}" for problem in problems] == []


@pytest.mark.parametrize("path", sorted((ROOT / "tools/diagrams/layouts").glob("*.txt")), ids=lambda path: path.stem)
def test_placing_a_diagram_moves_it_and_changes_nothing_else(path: Path) -> None:
    tool = runpy.run_path(str(ROOT / "tools/diagrams/place.py"))
    before = core(path.stem)
    bare = re.sub(r"<bpmndi:BPMNDiagram.*</bpmndi:BPMNDiagram>", "", before, flags=re.DOTALL)
    after = tool["place"](bare.encode(), tool["read_layout"](path.read_text(encoding="utf-8"))).decode()
    one, other = read_diagram(before, "before"), read_diagram(after, "after")
    assert [replace(e, line=0) for e in one.elements.values()] == [replace(e, line=0) for e in other.elements.values()]
    assert [replace(f, line=0) for f in one.flows.values()] == [replace(f, line=0) for f in other.flows.values()]
    assert lint_layout(after) == []


def core(name: str) -> str:
    return (ROOT / "processes" / f"{name}.bpmn").read_text(encoding="utf-8")


def move(xml: str, element: str, right: int, down: int) -> str:
    """The diagram with one shape (not its label or flows) moved."""
    pattern = rf'(bpmnElement="{element}"[^>]*>\s*<dc:Bounds x=")(\d+)(" y=")(\d+)'
    moved, count = re.subn(pattern, lambda m: f"{m[1]}{int(m[2]) + right}{m[3]}{int(m[4]) + down}", xml, count=1)
    assert count == 1
    return moved


def reroute(xml: str, flow: str, *points: tuple[int, int]) -> str:
    """The diagram with one flow led through other corners."""
    corners = "".join(f'<di:waypoint x="{x}" y="{y}"/>' for x, y in points)
    changed, count = re.subn(
        rf'(bpmnElement="{flow}">).*?(<bpmndi:BPMNLabel>|</bpmndi:BPMNEdge>)',
        lambda m: m[1] + corners + m[2],
        xml,
        count=1,
        flags=re.DOTALL,
    )
    assert count == 1
    return changed


def corners(xml: str, flow: str) -> list[tuple[int, int]]:
    edge = re.search(rf'bpmnElement="{flow}">(.*?)</bpmndi:BPMNEdge>', xml, re.DOTALL)
    assert edge
    return [(int(x), int(y)) for x, y in re.findall(r'waypoint x="(\d+)" y="(\d+)"', edge[1])]


def messages(xml: str, element: str) -> str:
    return " / ".join(problem.message for problem in lint_layout(xml) if problem.element == element)


def test_a_shape_on_another_shape_is_noticed() -> None:
    assert "overlaps" in messages(move(core("rework"), "has_unit", 120, 0), "has_unit")


def test_a_shape_outside_its_sub_process_is_noticed() -> None:
    assert "outside its sub-process" in messages(move(core("case"), "handle_unit", 0, -500), "handle_unit")


def test_a_boundary_event_off_its_host_is_noticed() -> None:
    assert "border of check" in messages(move(core("check_and_close"), "check_overdue", 0, 40), "check_overdue")


def test_a_missing_shape_and_a_missing_flow_are_noticed() -> None:
    bare = re.sub(r"<bpmndi:BPMNDiagram.*</bpmndi:BPMNDiagram>", "", core("rework"), flags=re.DOTALL)
    assert "no place" in messages(bare, "decide_rework")
    assert "is not drawn" in messages(bare, "unit_known")


def test_a_slanted_flow_is_noticed() -> None:
    xml = core("rework")
    (x1, y1), (x2, y2) = corners(xml, "start_to_has_unit")
    assert "slanted" in messages(reroute(xml, "start_to_has_unit", (x1, y1), (x2, y2 + 20)), "start_to_has_unit")


def test_a_flow_that_misses_its_target_is_noticed() -> None:
    xml = core("rework")
    (x1, y1), (x2, y2) = corners(xml, "start_to_has_unit")
    xml = reroute(xml, "start_to_has_unit", (x1, y1), (x2 - 15, y2))
    assert "does not end at the border of has_unit" in messages(xml, "start_to_has_unit")


def test_a_flow_through_a_shape_is_noticed() -> None:
    xml = core("callback")
    (x1, y1), *_ = corners(xml, "phone_known")
    *_, (x2, y2) = corners(xml, "call_reporter_to_record_callback")
    xml = reroute(xml, "phone_known", (x1, y1), (x2, y2))
    assert "runs through 电话回访" in messages(xml, "phone_known")


def test_crossing_flows_are_noticed() -> None:
    xml = core("handle_unit")
    (x1, y1), *_, (x2, y2) = corners(xml, "feedback_photo_missing")
    down, left = y1 + 400, x2 - 60
    around = (x1, y1 + 50), (x1, down), (left, down), (left, y2 + 25), (x2 - 25, y2 + 25)
    xml = reroute(xml, "feedback_photo_missing", *around)
    assert "crosses" in " ".join(problem.message for problem in lint_layout(xml))


def test_flows_on_top_of_each_other_are_noticed() -> None:
    xml = core("suspension")
    (x1, y1), (x2, y2) = corners(xml, "suspended_to_suspended_until_date")
    xml = reroute(xml, "suspended_to_resume_requested", (x1, y1), (x2, y2))
    assert "runs on top of" in " ".join(problem.message for problem in lint_layout(xml))


def test_a_label_on_a_flow_and_on_another_label_is_noticed() -> None:
    xml = core("rework")
    bounds = re.search(r'bpmnElement="unit_known">.*?(<dc:Bounds[^>]*/>)', xml, re.DOTALL)
    assert bounds
    (x, y), *_ = corners(xml, "unit_known")
    spoiled = xml.replace(bounds[1], f'<dc:Bounds x="{x + 10}" y="{y - 7}" width="30" height="14" />')
    assert "lies on the flow" in messages(spoiled, "unit_known")
    label = r"<dc:Bounds[^>]*/>\s*<bpmndi:BPMNLabel>\s*(<dc:Bounds[^>]*/>)"
    other = re.search(rf'bpmnElement="has_unit"[^>]*>\s*{label}', xml)
    assert other
    assert "lie on each other" in messages(xml.replace(bounds[1], other[1]), "has_unit")
