"""Names the expressions of a task's form may use beside the case: who fills it in, the photos there are."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.casefile.unit import Unit
from engine.models import Evidence
from engine.organisation.actor import Actor
from engine.workflow.forms import Form, Option
from engine.workflow.forms_views import PHOTOS_OF_CASE


def form_names(unit: Unit, actor: Actor | None, case_id: int, form: Form | None) -> dict[str, Any]:
    """``roles`` of who fills in the form, by which fields are answered or only read; ``case_photos`` where it asks.

    The database is read only for a form that has to do with photos. An answer that names any other photo is refused.
    """
    names: dict[str, Any] = {"roles": sorted(actor.roles) if actor is not None else []}
    if form is not None and _has_photos(form):
        names[PHOTOS_OF_CASE] = case_photos(unit.session, case_id)
    return names


@lru_cache(maxsize=4096)
def _has_photos(form: Form) -> bool:
    return form.has_photos


def case_photos(session: Session, case_id: int) -> tuple[Option, ...]:
    """The photos of a case as choices, oldest first."""
    photos = Evidence.media_type.startswith("image/")
    query = select(Evidence.id, Evidence.role).where(Evidence.case_id == case_id, photos).order_by(Evidence.id)
    rows = session.execute(query)
    return tuple(Option(row.id, row.role) for row in rows)
