"""Draw a diagram as a standalone SVG from its own coordinates: for the case page, the printed report and the phone.

No script and no inline style; colours are presentation attributes, so a page's style sheet may override the classes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from xml.sax.saxutils import escape, quoteattr

from engine.workflow.drawing import Bounds, Drawing, Edge, Shape, read_drawing
from engine.workflow.elements import Diagram, DiagramUnreadable, Element, Flow, read_diagram
from engine.workflow.picture_symbols import draw_symbol
from engine.workflow.picture_text import LINE_HEIGHT, wrap_text, write_lines

MARGIN = 32.0
FONT = "'Noto Sans CJK SC', 'Source Han Sans SC', 'Microsoft YaHei', 'PingFang SC', sans-serif"
INK, LINE, PAPER = "#1f2933", "#52606d", "#ffffff"
CURRENT_FILL, CURRENT_LINE = "#fff1d6", "#c2570c"
DONE_FILL, DONE_LINE = "#e3f3e8", "#4a7c59"
FRAME_FILL = "#f8fafb"
NAME_SIZE, LABEL_SIZE = 12.0, 11.0
LABEL_WIDTH = 92.0  # labels beside a shape wrap here, as modelers do
OUTSIDE = ("Event", "Gateway")  # their names stand beside the shape
WIDE = ("subProcess", "transaction", "adHocSubProcess")

Translate = Callable[[str, str], str]
"""Gives the text of a translation key; the second argument is the diagram's own text."""


def draw_diagram(
    xml: str,
    language: str,
    translate: Translate,
    tokens: Mapping[str, int],
    done: Collection[str] = (),
) -> str:
    """Draw a BPMN file as SVG text.

    :param language: of the names ``translate`` returns; becomes the picture's ``lang``.
    :param tokens: how many tokens wait at an element now; these are highlighted.
    :param done: elements and flows already passed; these are tinted.
    :raises DiagramUnreadable: the file is no readable BPMN, or has no coordinates.
    """
    diagram, drawing = read_diagram(xml, "the diagram"), read_drawing(xml)
    if not drawing.shapes:
        raise DiagramUnreadable(f"{diagram.id} has no drawing; open it in the modeler, arrange it and save it")
    picture = _Picture(diagram, drawing, translate, tokens, frozenset(done))
    area = _area(drawing)
    name = picture.say(f"process:{diagram.id}", diagram.name)
    view = f"{area.x:g} {area.y:g} {area.width:g} {area.height:g}"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="diagram" lang={quoteattr(language)} role="img" '
        f'viewBox="{view}" width="{area.width:g}" height="{area.height:g}" font-family="{FONT}">'
        f"<title>{escape(name)}</title>{_arrow('arrow', LINE)}{_arrow('arrow-done', DONE_LINE)}"
        f'<rect class="paper" x="{area.x:g}" y="{area.y:g}" width="{area.width:g}" height="{area.height:g}" '
        f'fill="{PAPER}"/>'
    )
    return head + "".join(picture.parts()) + "</svg>"


def _area(drawing: Drawing) -> Bounds:
    """What the picture shows: every shape, corner and label, and a margin."""
    boxes = [shape.bounds for shape in drawing.shapes.values()]
    boxes += drawing.labels().values()
    boxes += [Bounds(x, y, 0, 0) for edge in drawing.edges.values() for x, y in edge.points]
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    whole = Bounds(left, top, max(box.right for box in boxes) - left, max(box.bottom for box in boxes) - top)
    return whole.shrink(-MARGIN)


def _arrow(name: str, colour: str) -> str:
    return (
        f'<defs><marker id="{name}" viewBox="0 0 10 10" refX="9.5" refY="5" markerWidth="9" markerHeight="9" '
        f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L10 5L0 10z" fill="{colour}"/></marker></defs>'
    )


class _Picture:
    """One drawing in progress."""

    def __init__(
        self,
        diagram: Diagram,
        drawing: Drawing,
        translate: Translate,
        tokens: Mapping[str, int],
        done: frozenset[str],
    ) -> None:
        self.diagram, self.drawing, self.say = diagram, drawing, translate
        self.tokens, self.done = tokens, done

    def parts(self) -> list[str]:
        """All pieces, the ones in the background first."""
        placed = [(e, self.drawing.shapes[e.id]) for e in self.diagram.elements.values() if e.id in self.drawing.shapes]
        frames = [(e, shape) for e, shape in placed if e.kind in WIDE and shape.expanded]
        nodes = [(e, shape) for e, shape in placed if (e, shape) not in frames]
        nodes.sort(key=lambda item: item[0].host is not None)
        flows = [(f, self.drawing.edges[f.id]) for f in self.diagram.flows.values() if f.id in self.drawing.edges]
        drawn = [self._frame(*frame) for frame in frames]
        drawn += [self._flow(*flow) for flow in flows]
        drawn += [self._node(*node) for node in nodes]
        for flow, edge in flows:
            drawn.append(self._label(flow.id, flow.name, edge.label, Bounds(*edge.points[0], 0, 0), "flow-label"))
        return drawn

    def _name(self, element_id: str, text: str) -> str:
        """The element's name in the reader's language; an element named by its id alone has none."""
        return self.say(f"process:{self.diagram.id}:{element_id}", text) if text and text != element_id else ""

    def _state(self, element_id: str) -> str:
        if self.tokens.get(element_id, 0) > 0:
            return "current"
        return "done" if element_id in self.done else "open"

    def _colours(self, element_id: str) -> tuple[str, str]:
        """Fill and line colour of an element."""
        return {
            "current": (CURRENT_FILL, CURRENT_LINE),
            "done": (DONE_FILL, DONE_LINE),
            "open": (PAPER, LINE),
        }[self._state(element_id)]

    def _frame(self, element: Element, shape: Shape) -> str:
        box = shape.bounds
        _, line = self._colours(element.id)
        name = self._name(element.id, element.name)
        text = write_lines([name], box.x + 10, box.y + 19, NAME_SIZE, INK, anchor="start")
        return (
            f'<g class="frame {self._state(element.id)}" data-element="{escape(element.id)}">'
            f'<rect x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" rx="10" '
            f'fill="{FRAME_FILL}" stroke="{line}" stroke-width="1.5"/>{text}</g>'
        )

    def _flow(self, flow: Flow, edge: Edge) -> str:
        passed = flow.id in self.done
        path = "M" + "L".join(f"{x:g} {y:g}" for x, y in edge.points)
        marker = self._default_mark(flow, edge)
        colour, head = (DONE_LINE, "arrow-done") if passed else (LINE, "arrow")
        return (
            f'<g class="flow {"done" if passed else "open"}" data-element="{escape(flow.id)}">'
            f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.5" stroke-linejoin="round" '
            f'marker-end="url(#{head})"/>{marker}</g>'
        )

    def _default_mark(self, flow: Flow, edge: Edge) -> str:
        """The little stroke across the start of a gateway's default flow."""
        source = self.diagram.elements.get(flow.source)
        if source is None or source.default_flow != flow.id:
            return ""
        (x1, y1), (x2, y2) = edge.points[0], edge.points[1]
        x = x1 + (8 if x2 > x1 else -8 if x2 < x1 else 0)
        y = y1 + (8 if y2 > y1 else -8 if y2 < y1 else 0)
        return f'<path d="M{x - 4:g} {y - 4:g}L{x + 4:g} {y + 4:g}" stroke="{LINE}" stroke-width="1.5"/>'

    def _node(self, element: Element, shape: Shape) -> str:
        fill, line = self._colours(element.id)
        state, name = self._state(element.id), self._name(element.id, element.name)
        symbol = draw_symbol(element, shape.bounds, fill, line, strong=state == "current")
        text = ""
        if not element.kind.endswith(OUTSIDE):
            text = self._inner_name(name, shape.bounds)
        title = f"<title>{escape(name or element.id)}</title>"
        body = f"{title}{symbol}{text}{self._badge(element.id, shape.bounds)}"
        outside = ""
        if element.kind.endswith(OUTSIDE):
            place = shape.label or _usual_label(shape.bounds)
            outside = self._label(element.id, element.name, place, shape.bounds, "name")
        return f'<g class="node {element.kind} {state}" data-element="{escape(element.id)}">{body}</g>{outside}'

    def _inner_name(self, name: str, box: Bounds) -> str:
        lines = wrap_text(name, box.width - 14, NAME_SIZE, most=4)
        x, y = box.centre
        first = y - (len(lines) - 1) * NAME_SIZE * 0.62 + NAME_SIZE * 0.36
        return write_lines(lines, x, first, NAME_SIZE, INK)

    def _badge(self, element_id: str, box: Bounds) -> str:
        """How many tokens wait here, when it is more than one."""
        count = self.tokens.get(element_id, 0)
        if count < 2:
            return ""
        width = 16.0 + 7 * len(str(count))
        x, y = box.right - width / 2, box.y - 9
        number = write_lines([str(count)], x + width / 2, y + 13, NAME_SIZE, PAPER, weight="bold")
        return (
            f'<g class="tokens"><rect x="{x:g}" y="{y:g}" width="{width:g}" height="18" rx="9" '
            f'fill="{CURRENT_LINE}"/>{number}</g>'
        )

    def _label(self, element_id: str, text: str, place: Bounds | None, beside: Bounds, kind: str) -> str:
        """A name outside its shape. Translations are longer: they grow away from what they stand beside."""
        name = self._name(element_id, text)
        if not name or place is None:
            return ""
        lines = wrap_text(name, max(place.width + 4, LABEL_WIDTH), LABEL_SIZE, most=3)
        x, anchor = place.centre[0], "middle"
        if place.x >= beside.right:
            x, anchor = place.x, "start"
        elif place.right <= beside.x:
            x, anchor = place.right, "end"
        first = place.y + LABEL_SIZE
        if place.centre[1] < beside.centre[1]:
            first -= (len(lines) - 1) * LABEL_SIZE * LINE_HEIGHT
        return f'<g class="{kind}">{write_lines(lines, x, first, LABEL_SIZE, INK, anchor=anchor, halo=PAPER)}</g>'


def _usual_label(box: Bounds) -> Bounds:
    """Where a name goes that the file gives no place: under the shape."""
    return Bounds(box.centre[0] - LABEL_WIDTH / 2, box.bottom + 4, LABEL_WIDTH, 14)
