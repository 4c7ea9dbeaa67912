"""BPMN's notation as SVG: what each kind of element looks like, without its name."""

from __future__ import annotations

from math import cos, pi, sin

from engine.workflow.drawing import Bounds
from engine.workflow.elements import Element

_TASK_MARKS = {
    "userTask": "M4.5 16v-2.2a4.7 4.7 0 0 1 9.4 0V16zM9.2 8.9a3.5 3.5 0 1 1 0-7a3.5 3.5 0 1 1 0 7z",
    "businessRuleTask": "M1.5 3.5h15v11h-15zM1.5 7h15M1.5 10.7h15M6 7v7.5",
    "scriptTask": "M4 2h11q-4 4-1.5 7t-1.5 7H2q4-4 1.5-7T5 2M5.6 5.5h5.6M5 9h6M5 12.5h6",
    "manualTask": "M2 8l4-4h4v2h5v2h-5v1h6v2h-6v1h5v2H6l-4-3z",
    "sendTask": "M1.5 4h15v10h-15zM1.5 4l7.5 6l7.5-6",
    "receiveTask": "M1.5 4h15v10h-15zM1.5 4l7.5 6l7.5-6",
}
THROWING = ("intermediateThrowEvent", "endEvent")
_ROUND = "M-2.5 4.8a5.2 5.2 0 1 1 4.6 .1M-2.5 4.8L-6 4.6M-2.5 4.8L-2.6 1.3"
_BARS = {"parallel": "M-4 -5v10M0 -5v10M4 -5v10", "sequential": "M-5 -4h10M-5 0h10M-5 4h10"}


def draw_symbol(element: Element, box: Bounds, fill: str, line: str, *, strong: bool) -> str:
    """The symbol of a flow node in its bounds; ``strong`` draws the outline thicker."""
    if element.kind.endswith("Event"):
        return _event(element, box, fill, line, strong)
    if element.kind.endswith("Gateway"):
        return _gateway(element, box, fill, line, strong)
    return _activity(element, box, fill, line, strong)


def _activity(element: Element, box: Bounds, fill: str, line: str, strong: bool) -> str:
    thickness = 4 if element.kind == "callActivity" else 3 if strong else 1.5
    outline = (
        f'<rect class="outline" x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" rx="10" '
        f'fill="{fill}" stroke="{line}" stroke-width="{thickness}"/>'
    )
    marks = ""
    if element.kind == "serviceTask":
        marks += _gear(box.x + 15, box.y + 15, line)
    elif element.kind in _TASK_MARKS:
        marks += _stroke(_TASK_MARKS[element.kind], box.x + 6, box.y + 6, line)
    centre, low = box.centre[0], box.bottom - 10
    repeats = element.loop_while or element.loop_most
    shift = 10 if (element.multi or repeats) and element.kind in ("callActivity", "subProcess") else 0
    if element.kind in ("callActivity", "subProcess"):
        marks += _stroke("M-6 -6h12v12h-12zM0 -3.5v7M-3.5 0h7", centre - shift, low, line)
    if element.multi:
        marks += _stroke(_BARS[element.multi], centre + shift, low, line, 2)
    elif repeats:
        marks += _stroke(_ROUND, centre + shift, low, line, 1.6)
    return outline + marks


def _gear(x: float, y: float, line: str) -> str:
    teeth = "".join(
        f"M{5 * cos(turn):.1f} {5 * sin(turn):.1f}L{7.6 * cos(turn):.1f} {7.6 * sin(turn):.1f}"
        for turn in (number * pi / 4 for number in range(8))
    )
    ring = "M5 0a5 5 0 1 1-10 0a5 5 0 1 1 10 0zM2 0a2 2 0 1 1-4 0a2 2 0 1 1 4 0z"
    return _stroke(ring, x, y, line) + _stroke(teeth, x, y, line, 2.2)


def _gateway(element: Element, box: Bounds, fill: str, line: str, strong: bool) -> str:
    x, y = box.centre
    outline = (
        f'<path class="outline" d="M{x:g} {box.y:g}L{box.right:g} {y:g}L{x:g} {box.bottom:g}L{box.x:g} {y:g}z" '
        f'fill="{fill}" stroke="{line}" stroke-width="{3 if strong else 1.5}" stroke-linejoin="round"/>'
    )
    mark = {
        "exclusiveGateway": _stroke("M-6.5 -8L6.5 8M6.5 -8L-6.5 8", x, y, line, 3),
        "parallelGateway": _stroke("M0 -11V11M-11 0H11", x, y, line, 3),
        "inclusiveGateway": _ring(x, y, 10, line, 2.5),
        "eventBasedGateway": _ring(x, y, 13, line, 1)
        + _ring(x, y, 10.5, line, 1)
        + _stroke("M0 -6.5L6.2 -2L3.8 5.3H-3.8L-6.2 -2z", x, y, line, 1.2),
    }
    return outline + mark.get(element.kind, "")


def _event(element: Element, box: Bounds, fill: str, line: str, strong: bool) -> str:
    x, y = box.centre
    radius = min(box.width, box.height) / 2
    thickness = 4.0 if element.kind == "endEvent" else 3.0 if strong else 1.5
    dash = "" if element.interrupting else ' stroke-dasharray="5 3"'
    circle = f'<circle class="outline" cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="{fill}" stroke="{line}" '
    drawn = f'{circle}stroke-width="{thickness:g}"{dash}/>'
    if element.kind in ("boundaryEvent", "intermediateCatchEvent", "intermediateThrowEvent"):
        drawn += _ring(x, y, radius - 3.5, line, 1.2, dash)
    return drawn + _event_mark(element.event, x, y, line, fill, thrown=element.kind in THROWING)


def _event_mark(event: str | None, x: float, y: float, line: str, paper: str, *, thrown: bool) -> str:
    """What an event waits for; what it sends itself is filled, as the notation wants it."""
    inside = line if thrown else "none"
    if event == "timer":
        ticks = "M0 -9v2.2M0 9v-2.2M-9 0h2.2M9 0h-2.2M0 0L1.2 -6.2M0 0L4.6 2"
        return _ring(x, y, 9, line, 1.2) + _stroke(ticks, x, y, line, 1.3)
    if event == "message":
        flap = _stroke("M-8 -5.5L0 1L8 -5.5", x, y, paper if thrown else line)
        return _stroke("M-8 -5.5h16v11h-16z", x, y, line, fill=inside) + flap
    if event == "terminate":
        return f'<circle cx="{x:g}" cy="{y:g}" r="10" fill="{line}"/>'
    if event == "signal":
        return _stroke("M0 -8L8 6H-8z", x, y, line, fill=inside)
    if event == "error":
        return _stroke("M-6 7L-2 -6L2 1L6 -7L2.5 6L-1.5 0z", x, y, line, fill=inside)
    if event == "escalation":
        return _stroke("M0 -8L5.5 7L0 1L-5.5 7z", x, y, line, fill=inside)
    if event == "conditional":
        return _stroke("M-6 -8h12v16h-12zM-3.5 -5h7M-3.5 -1.7h7M-3.5 1.7h7M-3.5 5h7", x, y, line, 1.2)
    return ""


def _ring(x: float, y: float, radius: float, line: str, thickness: float, extra: str = "") -> str:
    return (
        f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="none" stroke="{line}" '
        f'stroke-width="{thickness:g}"{extra}/>'
    )


def _stroke(path: str, x: float, y: float, line: str, thickness: float = 1.3, fill: str = "none") -> str:
    return (
        f'<path transform="translate({x:g} {y:g})" d="{path}" fill="{fill}" stroke="{line}" '
        f'stroke-width="{thickness:g}" stroke-linecap="round" stroke-linejoin="round"/>'
    )
