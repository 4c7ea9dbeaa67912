"""What the page of a case shows of its official documents."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from api import context
from api.pages.frame import actor
from engine.documents.acts import DELIVER, VOID, documents_of, prints_of
from engine.documents.delivering import MANNERS
from engine.models import Case


def documents_part(case: Case) -> dict[str, Any]:
    """The part of a case's page with its documents; nothing when it has none."""
    found = documents_of(context.session(), actor(), case)
    today = context.now().astimezone(context.platform().city.time_zone).date()
    return {
        "documents": found, "prints": prints_of(context.platform().host, actor(), case), "manners": tuple(MANNERS),
        "may_deliver": actor().may(DELIVER), "may_void": actor().may(VOID), "today": today, "document_key": uuid4().hex,
    }  # fmt: skip
