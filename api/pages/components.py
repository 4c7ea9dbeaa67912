"""The register of components: searched, on the map, one component with all that is known of it, a change proposed."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

from api import context
from api.pages.component_words import (
    DEPARTMENTS,
    KINDS,
    STATUSES,
    attribute_label,
    attribute_rows,
    class_names,
    component_title,
    differences_of,
    page_rules,
    state_name,
)
from api.pages.frame import actor, back_to, render
from api.pages.languages import _
from api.pages.photos import SIZES
from api.pages.refusals import Refusal, tell
from api.resources.component_files import EXPORT, register_file
from api.resources.components import MOST_DOTS, at, shortened
from api.resources.ground import GEOJSON
from engine.cases.access import require, visible
from engine.cases.listing import read_bbox
from engine.cases.views import summarise
from engine.components.changes import CONFIRM, PROPOSE, list_changes, propose
from engine.components.counts import ALL, count_classes
from engine.components.finding import MOST_CELLS, view_of
from engine.components.listing import ComponentFilter, list_components
from engine.components.photos import keep_photo, photos_of, read_component_photo, shown_photo
from engine.database import dumps
from engine.errors import DomainError, NotFound
from engine.evidence.kinds import LIMITS, PHOTO
from engine.evidence.store import PUBLIC
from engine.loading.component_files import as_text
from engine.models import Case, Component, Department, Person

PAGE = 40
CASES = 20
NAMES = ("q", "full_code", "grid", "department", "state")
EDITED = ("state", "name", *DEPARTMENTS, "lon", "lat", "note")
"""Fields the form of a proposal has; the API takes the others, too."""


def register() -> BaseResponse:
    """Components that fit, a page of them, and the map."""
    asked = asked_for()
    rows = list_components(context.session(), read_filter(asked), after=request.args.get("after", ""), most=PAGE + 1)
    more = url_for("pages.register", **asked, after=rows[PAGE - 1].code) if len(rows) > PAGE else ""
    counts = count_classes(context.session())
    return render(
        "components.html", rows=rows[:PAGE], asked=asked, more=more, first=not request.args.get("after"),
        counts=counts, total=counts.get(asked.get("full_code", ALL), 0), classes=class_names(),
        states=list(page_rules().present), departments=departments(), may_export=actor().may(EXPORT),
        may_confirm=actor().may(CONFIRM), may_propose=actor().may(PROPOSE),
        title=component_title, state_name=state_name,
    )  # fmt: skip


def asked_for() -> dict[str, Any]:
    """The filters of the query string that are set."""
    return {name: request.args[name].strip() for name in NAMES if request.args.get(name, "").strip()}


def read_filter(asked: dict[str, str]) -> ComponentFilter:
    """The filter a query string describes."""
    return ComponentFilter(
        asked.get("full_code"), asked.get("grid"), asked.get("department"), asked.get("state"), asked.get("q")
    )


def departments() -> list[Department]:
    """All departments, by name."""
    return list(context.session().scalars(select(Department).order_by(Department.code)))


def components_map() -> BaseResponse:
    """What a map draws of a view, in the reader's language: components close up, counts far out.

    ``cells``: how many counts the map has room for.
    """
    area = read_bbox(request.args.get("bbox", ""))
    cells = min(max(request.args.get("cells", MOST_CELLS, type=int), 1), MOST_CELLS)
    full_code = request.args.get("full_code") or None
    view = view_of(context.session(), area, full_code=full_code, most=MOST_DOTS, most_cells=cells)
    sound = next(iter(page_rules().present), "")
    features = [
        {
            "type": "Feature", "geometry": at(dot.lon, dot.lat),
            "properties": {
                "kind": "component", "code": dot.code, "name": component_title(dot.full_code, dot.name, shortened),
                "state": state_name(dot.state), "sound": dot.state == sound,
            },
        }
        for dot in view.dots
    ] or [
        {
            "type": "Feature", "geometry": at(heap.lon, heap.lat),
            "properties": {"kind": "count", "amount": heap.amount, "width": round(heap.width, 7)},
        }
        for heap in view.heaps
    ]  # fmt: skip
    return Response(dumps({"type": "FeatureCollection", "features": features}), content_type=GEOJSON)


def one_component(code: str) -> BaseResponse:
    """A component: attributes, departments, photo, history and cases."""
    db, row = context.session(), find_component(code)
    changes = list_changes(db, code=code, most=200)[::-1]
    ids = [change.id for change in changes]
    people = {person: find_person(person) for change in changes for person in (change.proposed_by, change.decided_by)}
    return render(
        "component.html", row=row, title=component_title(row.full_code, row.name), photo=shown_photo(db, code),
        photos=photos_of(db, ids), attributes=attribute_rows(row), class_name=class_names().get(row.full_code, ""),
        changes=[(change, differences_of(change, row.full_code)) for change in changes], people=people,
        cases=cases_at(code), kinds=KINDS, statuses=STATUSES, state_name=state_name,
        may_propose=actor().may(PROPOSE), may_confirm=actor().may(CONFIRM), sees_all=actor().may(PROPOSE),
    )  # fmt: skip


def find_component(code: str) -> Component:
    """The component. Raises NotFound."""
    found = context.session().get(Component, code)
    if found is None:
        raise NotFound(f"there is no component {code}; search the register for it")
    return found


def find_person(person_id: int | None) -> str:
    """A person's name; empty for a survey."""
    person = context.session().get(Person, person_id) if person_id is not None else None
    return person.name if person is not None else ""


def cases_at(code: str) -> list[Any]:
    """The latest cases of a component that one may see."""
    platform = context.platform()
    query = select(Case).where(Case.component_code == code, visible(actor(), platform.host.directory))
    rows = context.session().scalars(query.order_by(Case.reported_at.desc()).limit(CASES))
    return [summarise(platform, case, context.now()) for case in rows]


def component_photo(photo_id: int) -> BaseResponse:
    """A photo of a component; a size for the screen unless the original or a small one is asked for."""
    copy = next((copy for name, copy in SIZES.items() if name in request.args), PUBLIC)
    row, content, media_type = read_component_photo(
        context.session(), context.platform().store, actor(), photo_id, copy
    )
    response = BaseResponse(content, mimetype=media_type)
    response.headers["Cache-Control"] = "private, max-age=86400"
    response.headers["Content-Disposition"] = "inline"
    response.set_etag(f"{row.sha256}-{copy}")
    return response.make_conditional(request.environ)


def export_register() -> BaseResponse:
    """The components that fit as a file."""
    require(actor(), EXPORT, "export the register of components")
    return register_file(read_filter(asked_for()), request.args.get("format", "csv"))


def component_proposal(code: str) -> BaseResponse:
    """The form that proposes a change."""
    require(actor(), PROPOSE, "propose changes of components")
    return show_form(find_component(code))


def show_form(row: Component, refusal: Refusal | None = None) -> BaseResponse:
    """The form, with what was typed and why it was not taken."""
    rules = page_rules()
    own = {field for full_code, field in rules.attributes if full_code in (row.full_code, "*")}
    fields = [rules.attribute(row.full_code, field) for field in sorted(own)]
    typed = request.form or {name: as_text(getattr(row, name)) for name in EDITED}
    return render(
        "component_proposal.html", refusal.status if refusal else 200, row=row, refusal=refusal, typed=typed,
        title=component_title(row.full_code, row.name), states=list(rules.present), state_name=state_name,
        departments=departments(), label=attribute_label,
        attributes=[
            (field, typed.get(f"attribute-{field.field}", as_text(row.attributes.get(field.field))))
            for field in fields if field is not None
        ],
    )  # fmt: skip


def propose_component(code: str) -> BaseResponse:
    """Propose what differs from the register."""
    require(actor(), PROPOSE, "propose changes of components")
    row, platform = find_component(code), context.platform()
    file = request.files.get("photo")
    try:
        photo = None
        if file is not None and file.filename:
            content = file.read(LIMITS[PHOTO] + 1)  # one byte too many is refused with the right words
            photo = keep_photo(platform.store, file.filename, content, platform.city.time_zone)
        reason = request.form.get("reason", "")[:1000]
        values, moment = differing(row), context.now()
        propose(context.session(), actor(), code, values, reason, page_rules(), moment, photo=photo)
    except DomainError as error:
        context.session().rollback()
        return show_form(find_component(code), tell(error))
    return back_to("pages.one_component", code=code, said=_("变更建议已提交，须由他人审定后生效。"))


def differing(row: Component) -> dict[str, Any]:
    """The fields of the form that say something else than the register."""
    form = request.form
    values: dict[str, Any] = {
        name: form[name].strip() or None if name in DEPARTMENTS else form[name].strip()
        for name in EDITED
        if name in form and form[name].strip() != as_text(getattr(row, name))
    }
    attributes = {
        name.removeprefix("attribute-"): text.strip() or None
        for name, text in form.items()
        if name.startswith("attribute-")
        and text.strip() != as_text(row.attributes.get(name.removeprefix("attribute-")))
    }
    return values | ({"attributes": attributes} if attributes else {})


ROUTES = (
    ("/components", register, ("GET",)),
    ("/components/map.geojson", components_map, ("GET",)),
    ("/components/export", export_register, ("GET",)),
    ("/components/photos/<int:photo_id>", component_photo, ("GET",)),
    ("/components/<string:code>", one_component, ("GET",)),
    ("/components/<string:code>/proposal", component_proposal, ("GET",)),
    ("/components/<string:code>/proposal", propose_component, ("POST",)),
)
