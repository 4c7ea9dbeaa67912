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

from engine.casefile.unit import NeedsSession, new_unit, unit_of
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
    *,
    from_memory: bool = False,
) -> dict[str, Any]:
    """Run ``act`` in a write transaction and commit.

    With an idempotency key the first answer is kept in the same transaction; the same key with the same request
    answers the same and does nothing, with another request it is a Conflict. When another writer came between, the
    act runs again on what is there now. ``act`` returns JSON values.

    ``from_memory``: the first try takes the case file from memory when it is there and asks the database nothing; the
    write finds out when memory was behind. What is refused on memory's word is tried again on the database's.
    """
    for attempt in range(TRIES):
        trusting = from_memory and attempt == 0
        unit = new_unit(session, trusting=trusting)
        try:
            if not trusting:
                begin_write(session)
                known = _known_answer(session, person_id, key, request)
                if known is not None:
                    give_up(session)
                    return known
            with session.no_autoflush:
                answer = act()
            if key is not None:
                unit.answers.append(
                    {"person_id": person_id, "key": key, "request": _mark(request), "answer": answer, "created_at": now}
                )
            unit.commit()
            return answer
        except NeedsSession:
            give_up(session)
        except (StaleDataError, IntegrityError, OperationalError) as error:
            give_up(session)
            if attempt == TRIES - 1:
                raise Conflict("others are working on this case at the same time; reload it and try again") from error
        except Exception as error:
            doubtful = unit.remembered
            give_up(session)
            if doubtful:
                continue
            # The same request may have been answered while this one waited for its turn.
            known = _known_answer(session, person_id, key, request)
            session.rollback()
            if known is not None:
                return known
            if isinstance(error, StepFailed):
                note_failure(session, person_id, request, now, error)
            raise
        except BaseException:
            give_up(session)
            raise
    raise AssertionError("the loop returns or raises")


def give_up(session: Session) -> None:
    """Nothing of the act is kept, neither in the database nor in memory."""
    unit_of(session).drop()
    session.rollback()


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
