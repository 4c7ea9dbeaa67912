"""Notices: what you were told."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from marshmallow import fields
from sqlalchemy import select

from api.auth import current_actor
from api.context import now, session
from api.resources.blueprint import group
from api.resources.cases import next_link
from api.schemas.base import LimitQuery, Strict, text, truth
from api.schemas.session import NoticeSchema
from engine.cases.paging import Order, fetch_page
from engine.database import begin_write
from engine.errors import NotFound
from engine.models import Case, Notice

blueprint = group("notices", "What diagrams told you: warnings, escalations, replies to give.")
NEWEST = Order("-id", Notice.id.expression, Notice.id, True, int)


class NoticeQuery(LimitQuery):
    """Filter."""

    unread = truth("Only those you have not marked as read.", load_default=False)


class NoticePageSchema(Strict):
    """Notices, newest first."""

    notices = fields.List(fields.Nested(NoticeSchema))
    next_cursor = text("Cursor of the next page; none on the last.", allow_none=True)
    next = text("Link to the next page; none on the last.", allow_none=True)


@blueprint.route("/notices")
class Notices(MethodView):
    """Your notices."""

    @blueprint.arguments(NoticeQuery, location="query")
    @blueprint.response(200, NoticePageSchema)
    @blueprint.problems(422)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """Your notices, newest first."""
        wanted = select(Notice).where(Notice.person_id == current_actor().person_id)
        if query["unread"]:
            wanted = wanted.where(Notice.read_at.is_(None))
        page = fetch_page(session(), wanted, NEWEST, limit=query["limit"], cursor=query["cursor"])
        ids = {row.case_id for row in page.rows if row.case_id}
        found = session().execute(select(Case.id, Case.number).where(Case.id.in_(ids)))
        numbers: dict[int, str] = dict(found.all())
        notices = [
            {
                "id": row.id, "case": numbers.get(row.case_id), "topic": row.topic, "text_": row.text,
                "created_at": row.created_at, "read_at": row.read_at,
            }
            for row in page.rows
        ]  # fmt: skip
        return {"notices": notices, "next_cursor": page.next_cursor, "next": next_link(page.next_cursor)}


@blueprint.route("/notices/<int:notice_id>/reading")
class Reading(MethodView):
    """Having read a notice."""

    @blueprint.response(204)
    @blueprint.problems(404)
    def put(self, notice_id: int) -> None:
        """Mark one of your notices as read."""
        begin_write(session())
        notice = session().get(Notice, notice_id)
        if notice is None or notice.person_id != current_actor().person_id:
            raise NotFound(f"you have no notice {notice_id}; GET /api/v1/notices for yours")
        notice.read_at = notice.read_at or now()
        session().commit()
