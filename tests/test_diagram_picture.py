"""The picture of a diagram: what a clerk sees of where a case stands."""

import csv
import re
from itertools import combinations
from pathlib import Path

import pytest
from lxml import etree

from engine.checks.diagrams import EVENTS
from engine.workflow.drawing import Bounds, read_drawing
from engine.workflow.elements import DiagramUnreadable, Element, read_diagram
from engine.workflow.picture import CURRENT_FILL, DONE_FILL, LINE, PAPER, draw_diagram
from engine.workflow.picture_symbols import draw_symbol
from engine.workflow.picture_text import measure_text, wrap_text

CORE = Path(__file__).parents[1] / "processes"
SVG = {"svg": "http://www.w3.org/2000/svg"}
DIAGRAMS = sorted(CORE.glob("*.bpmn"))


def read_english() -> dict[str, str]:
    with (CORE / "translations/en.csv").open(encoding="utf-8", newline="") as file:
        return {row["key"]: row["text"] for row in csv.DictReader(file)}


def draw(xml: str, tokens: dict[str, int] | None = None, done: tuple[str, ...] = ()) -> etree._Element:
    return etree.fromstring(draw_diagram(xml, "zh", lambda key, text: text, tokens or {}, done).encode())


def outline(picture: etree._Element, element: str) -> etree._Element:
    (found,) = picture.xpath(f'//svg:g[@data-element="{element}"]//*[@class="outline"]', namespaces=SVG)
    return found


@pytest.mark.parametrize("path", DIAGRAMS, ids=lambda path: path.stem)
def test_every_element_and_flow_is_drawn_once(path: Path) -> None:
    xml = path.read_text(encoding="utf-8")
    diagram = read_diagram(xml, path.name)
    drawn = draw(xml).xpath("//svg:g/@data-element", namespaces=SVG)
    assert sorted(drawn) == sorted([*diagram.elements, *diagram.flows])


@pytest.mark.parametrize("path", DIAGRAMS, ids=lambda path: path.stem)
def test_every_chinese_name_is_readable_in_full(path: Path) -> None:
    xml = path.read_text(encoding="utf-8")
    texts = {"".join(text.itertext()) for text in draw(xml).iterfind(".//svg:text", SVG)}
    diagram = read_diagram(xml, path.name)
    named = {e.name for e in diagram.elements.values() if e.name != e.id}
    named |= {flow.name for flow in diagram.flows.values() if flow.name}
    assert named <= texts


def test_names_come_from_the_translation() -> None:
    english = read_english()
    xml = (CORE / "rework.bpmn").read_text(encoding="utf-8")
    svg = draw_diagram(xml, "en", lambda key, text: english[key], {}, ())
    assert 'lang="en"' in svg
    assert "Rework decision" in svg
    assert not any("\u4e00" <= letter <= "\u9fff" for letter in svg)


def test_where_the_case_stands_is_highlighted_and_the_way_there_tinted() -> None:
    picture = draw((CORE / "rework.bpmn").read_text(encoding="utf-8"), {"decide_rework": 1}, ("start", "has_unit"))
    assert outline(picture, "decide_rework").get("fill") == CURRENT_FILL
    assert outline(picture, "has_unit").get("fill") == DONE_FILL
    assert outline(picture, "record_rework").get("fill") not in (CURRENT_FILL, DONE_FILL)


def test_an_element_passed_before_and_reached_again_counts_as_current() -> None:
    picture = draw((CORE / "rework.bpmn").read_text(encoding="utf-8"), {"decide_rework": 1}, ("decide_rework",))
    assert outline(picture, "decide_rework").get("fill") == CURRENT_FILL


def test_several_tokens_on_one_element_are_counted() -> None:
    picture = draw((CORE / "case.bpmn").read_text(encoding="utf-8"), {"handle_unit": 3, "intake": 1})
    badges = picture.xpath('//svg:g[@class="tokens"]//svg:tspan/text()', namespaces=SVG)
    assert badges == ["3"]


def test_what_does_not_interrupt_is_dashed() -> None:
    picture = draw((CORE / "case.bpmn").read_text(encoding="utf-8"))
    assert outline(picture, "supervise_requested").get("stroke-dasharray")
    assert outline(picture, "cancel_requested").get("stroke-dasharray") is None


def symbol(kind: str, event: str | None = None, **more: str) -> str:
    element = Element("x", kind, "", "p", 0, event=event, **more)  # type: ignore[arg-type]
    return draw_symbol(element, Bounds(0, 0, 36, 36), PAPER, LINE, strong=False)


def test_every_event_a_diagram_may_have_has_a_mark_of_its_own() -> None:
    for kind, events in EVENTS.items():
        drawn = [symbol(kind, event) for event in events]
        assert len(set(drawn)) == len(events), kind
        assert all(len(each) > len(symbol(kind)) for each, event in zip(drawn, events, strict=True) if event), kind


def test_what_an_event_sends_is_filled_and_what_it_waits_for_is_not() -> None:
    for event in ("message", "signal", "escalation"):
        filled = f'fill="{LINE}"'
        assert filled in symbol("intermediateThrowEvent", event) and filled in symbol("endEvent", event)
        assert filled not in symbol("boundaryEvent", event)


def test_what_repeats_bears_a_mark() -> None:
    plain = symbol("userTask")
    loops = {symbol("userTask", loop_while="${x}"), symbol("userTask", loop_most="3")}
    many = {symbol("userTask", multi=kind) for kind in ("parallel", "sequential")}
    assert (len(loops), len(many), len(loops | many)) == (1, 2, 3)
    assert all(len(each) > len(plain) for each in loops | many)


def test_the_picture_brings_no_script_no_style_and_no_address() -> None:
    for path in DIAGRAMS:
        svg = draw_diagram(path.read_text(encoding="utf-8"), "zh", lambda key, text: text, {}, ())
        assert "<script" not in svg and " style=" not in svg and "<style" not in svg and "href" not in svg


def test_a_name_with_markup_is_shown_as_text() -> None:
    xml = (CORE / "rework.bpmn").read_text(encoding="utf-8")
    svg = draw_diagram(xml, "zh", lambda key, text: '<script>"&' if key.endswith("decide_rework") else text, {}, ())
    assert "<script" not in svg
    assert "&lt;script&gt;" in svg
    etree.fromstring(svg.encode())


def test_a_diagram_without_coordinates_says_what_to_do() -> None:
    xml = (CORE / "rework.bpmn").read_text(encoding="utf-8")
    bare = re.sub(r"<bpmndi:BPMNDiagram.*</bpmndi:BPMNDiagram>", "", xml, flags=re.DOTALL)
    with pytest.raises(DiagramUnreadable, match="rework has no drawing; open it in the modeler"):
        draw(bare)


def test_everything_lies_inside_the_view() -> None:
    for path in DIAGRAMS:
        picture = draw(path.read_text(encoding="utf-8"))
        left, top, width, height = map(float, picture.get("viewBox", "").split())
        for text in picture.iterfind(".//svg:tspan", SVG):
            half = measure_text(text.text or "", 12) / 2
            assert left <= float(text.get("x", "")) - half * (text.getparent().get("text-anchor") == "middle")
            assert float(text.get("x", "")) + half <= left + width, (path.stem, text.text)
            assert top <= float(text.get("y", "")) <= top + height


def test_lines_come_out_even() -> None:
    assert wrap_text("协调确定责任单位", 86, 12, 4) == ["协调确定", "责任单位"]
    assert wrap_text("Approve the extension", 86, 12, 4) == ["Approve the", "extension"]


def test_a_text_too_long_for_its_place_ends_in_an_ellipsis() -> None:
    lines = wrap_text("很长很长很长很长很长很长很长很长", 24, 12, 3)
    assert len(lines) == 3 and lines[-1].endswith("…")


def measure_label(group: etree._Element) -> Bounds:
    """The area a name beside its shape takes."""
    text = group.findall("svg:text", SVG)[-1]
    spans = text.findall("svg:tspan", SVG)
    size = float(text.get("font-size", "11"))
    width = max(measure_text(span.text or "", size) for span in spans)
    x, first, last = float(spans[0].get("x", "")), float(spans[0].get("y", "")), float(spans[-1].get("y", ""))
    left = {"start": x, "middle": x - width / 2, "end": x - width}[text.get("text-anchor", "middle")]
    return Bounds(left, first - size * 0.8, width, last - first + size)


@pytest.mark.parametrize("path", DIAGRAMS, ids=lambda path: path.stem)
def test_english_names_lie_on_no_shape_and_on_no_other_name(path: Path) -> None:
    english = read_english()
    xml = path.read_text(encoding="utf-8")
    picture = etree.fromstring(draw_diagram(xml, "en", lambda key, text: english[key], {}, ()).encode())
    groups = picture.xpath('//svg:g[@class="name" or @class="flow-label"]', namespaces=SVG)
    labels = {"".join(group.findall("svg:text", SVG)[-1].itertext()): measure_label(group) for group in groups}
    shapes = [shape for shape in read_drawing(xml).shapes.values() if not shape.expanded]
    on_shapes = [(name, shape.id) for name, area in labels.items() for shape in shapes if area.overlaps(shape.bounds)]
    assert on_shapes == []
    assert [(one, other) for (one, a), (other, b) in combinations(labels.items(), 2) if a.overlaps(b)] == []
