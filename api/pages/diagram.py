"""The diagrams of a case on demand: drawn here, the elements where it stands now highlighted."""

from __future__ import annotations

from typing import Any

from flask import request
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from api import context
from api.pages.case import find_case
from api.pages.frame import is_fragment, render
from api.pages.languages import page_language
from engine.cases.diagrams import DiagramView, standing_in_diagrams
from engine.workflow.picture import draw_diagram


def case_diagram(number: str) -> BaseResponse:
    """One diagram of the case; without ``?process=`` the innermost one it stands in."""
    case = find_case(number)
    found = standing_in_diagrams(context.session(), context.platform(), case)
    context.session().commit()
    asked = request.args.get("process", "")
    shown = next((each for each in found.diagrams if each.process == asked), None) or innermost(found.diagrams)
    translate = context.translations().speaker(page_language())
    # The picture escapes every name of the diagram itself; it is our own drawing, not the uploaded file.
    picture = Markup(draw_diagram(shown.xml, page_language(), translate, shown.tokens, shown.done))
    names = {each.process: translate(f"process:{each.process}", each.name) for each in found.diagrams}
    values: dict[str, Any] = {"case": case, "found": found, "shown": shown, "picture": picture, "names": names}
    return render("parts/diagram.html" if is_fragment() else "diagram.html", **values)


def innermost(diagrams: tuple[DiagramView, ...]) -> DiagramView:
    """The diagram with tokens that is called by the others: the last that has any, else the first."""
    standing = [each for each in diagrams if each.tokens]
    return standing[-1] if standing else diagrams[0]


ROUTES = (("/cases/<string:number>/diagram", case_diagram, ("GET",)),)
