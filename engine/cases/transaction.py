"""One act, one transaction: begin, do, remember the answer, commit; on a conflict with another writer, again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from engine.cases.incidents import act_of, open_incident
from engine.database import begin_write
from engine.errors import Conflict
from engine.models import Case, IdempotencyKey
from engine.workflow.step import StepFailed

TRIES = 4


def act_once(
    session: Session,
    person_id: int,
    key: str | None,
    request: Mapping[str, Any],
    now: datetime,
    act: Callable[[], dict[str, Any]],
) -> dict[str, Any]:
    """Run ``act`` in a write transaction and commit.

    With an idempotency key the first answer is kept in the same transaction; the same key with the same request
    answers the same and does nothing, with another request it is a Conflict. When another writer came between, the
    act runs again on what is there now. ``act`` returns JSON values.
    """
    for attempt in range(TRIES):
        begin_write(session)
        try:
            known = _known_answer(session, person_id, key, request)
            if known is not None:
                session.rollback()
                return known
            with session.no_autoflush:
                answer = act()
            if key is not None:
                session.add(
                    IdempotencyKey(person_id=person_id, key=key, request=_mark(request), answer=answer, created_at=now)
                )
            session.commit()
            return answer
        except Conflict:
            session.rollback()
            # The same request may have been answered while this one waited for its turn.
            known = _known_answer(session, person_id, key, request)
            session.rollback()
            if known is None:
                raise
            return known
        except StepFailed as error:
            session.rollback()
            note_failure(session, person_id, request, now, error)
            raise
        except (StaleDataError, IntegrityError, OperationalError) as error:
            session.rollback()
            if attempt == TRIES - 1:
                raise Conflict("others are working on this case at the same time; reload it and try again") from error
        except BaseException:
            session.rollback()
            raise
    raise AssertionError("the loop returns or raises")


def note_failure(
    session: Session, person_id: int, request: Mapping[str, Any], now: datetime, error: StepFailed
) -> None:
    """Keep a failed step as an incident with the act that is to be tried again. A case never written has none."""
    case_id, instance_id = error.case_id, error.instance_id
    if case_id is not None and instance_id is not None and session.get(Case, case_id) is not None:
        act = act_of(person_id, request)
        error.incident_id = open_incident(session, case_id, instance_id, error, now, act=act)
    session.rollback()


def _known_answer(
    session: Session, person_id: int, key: str | None, request: Mapping[str, Any]
) -> dict[str, Any] | None:
    if key is None:
        return None
    row = session.get(IdempotencyKey, (person_id, key))
    if row is None:
        return None
    if row.request != _mark(request):
        raise Conflict(f"idempotency key {key!r} was used for another request; use a new key for each act")
    return row.answer


def _mark(request: Mapping[str, Any]) -> str:
    text = orjson.dumps(dict(request), option=orjson.OPT_SORT_KEYS, default=str)
    return hashlib.sha256(text).hexdigest()
