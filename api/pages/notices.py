"""Notices: what the diagrams told the person's posts, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

from api import context
from api.pages.frame import actor, render
from engine.cases.access import visible
from engine.models import Case, OutboxMessage
from engine.organisation.actor import Actor

SINCE = timedelta(days=30)
READ, SHOWN = 1000, 100


@dataclass(frozen=True)
class Notice:
    """One notice about a case."""

    at: datetime
    text: str
    case: Case


def notices() -> BaseResponse:
    """Notices of the last thirty days."""
    return render("notices.html", notices=notices_for(actor()))


def notices_for(person: Actor) -> list[Notice]:
    """What was sent to a role and scope the person holds, about cases the person may see."""
    query = (
        select(OutboxMessage, Case)
        .join(Case, Case.id == OutboxMessage.case_id)
        .where(OutboxMessage.topic == "notify", OutboxMessage.created_at >= context.now() - SINCE)
        .where(visible(person, context.platform().host.directory))
        .order_by(OutboxMessage.id.desc())
        .limit(READ)
    )
    found = [
        Notice(message.created_at, str(message.payload.get("text") or ""), case)
        for message, case in context.session().execute(query)
        if is_for(person, message.payload.get("recipients") or ())
    ]
    return found[:SHOWN]


def is_for(person: Actor, recipients: list[str] | tuple[str, ...]) -> bool:
    """Whether one of the recipients (``role`` or ``role@scope``) is the person."""
    for recipient in recipients:
        role, _mark, scope = str(recipient).partition("@")
        if person.serves(role, scope or None):
            return True
    return False


ROUTES = (("/notices", notices, ("GET",)),)
