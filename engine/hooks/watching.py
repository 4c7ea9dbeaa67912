"""Tell plugins what has happened to cases: every line of the history, in its order, after it was committed.

Each plugin has a mark in the history. What it writes while it is told a line is committed with the mark, so that in the
database a line has its effect exactly once, whenever the process dies.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from engine.database import begin_write
from engine.errors import NotFound
from engine.hooks.contributions import CaseChange
from engine.hooks.host import PluginHost
from engine.models import Case, CaseEvent, PluginMark
from engine.pace import Pace, at_once

log = logging.getLogger("wangge.plugins")

BATCH = 100
"""Lines told in one transaction at most."""


def tell_plugins(session: Session, host: PluginHost, now: datetime, *, pace: Pace | None = None) -> int:
    """Tell every plugin with the hook ``case_changed`` the lines it has not heard; commits. Returns how many were told.

    A plugin without a mark begins with the next line, not with the city's past. One that raises stays at its line, with
    the cause in its mark, and is told the line again the next time.
    """
    listening = host.listens("case_changed")
    if not listening:
        return 0
    newest, pace, told = settled_line(session), pace or at_once(), 0
    for plugin in listening:
        heard = BATCH
        while heard == BATCH and not pace.spent:
            with pace.transaction():
                heard = _tell(session, host, plugin, newest, now)
            told += heard
    return told


def settled_line(session: Session) -> int:
    """The newest line of history below which none can appear any more; 0 without history or when nobody can say now.

    On PostgreSQL a line's number is drawn before its transaction ends, so that a lower one may be committed later. A
    lock that waits for all who write lines, held for an instant, tells which numbers are final.
    """
    session.rollback()
    if session.get_bind().dialect.name == "postgresql":
        try:
            session.execute(text("SET LOCAL lock_timeout = '1s'"))
            session.execute(text("LOCK TABLE case_event IN SHARE MODE"))
        except OperationalError:
            session.rollback()
            return 0
    newest = session.scalar(select(func.max(CaseEvent.id))) or 0
    session.rollback()
    return newest


def skip_line(session: Session, plugin: str, now: datetime) -> int:
    """Leave out the line a plugin fails at; commits. Returns its number. Raises NotFound when it fails at none."""
    begin_write(session)
    mark = session.get(PluginMark, plugin)
    if mark is None or not mark.failure:
        raise NotFound(f"plugin {plugin} has not failed at any line of history; there is nothing to skip")
    line = session.scalar(select(func.min(CaseEvent.id)).where(CaseEvent.id > mark.event_id))
    mark.event_id, mark.failure, mark.failed_at = line or mark.event_id, "", None
    session.commit()
    log.warning("plugin %s will not be told line %s of the history; skipped at %s", plugin, line, now)
    return mark.event_id


def _tell(session: Session, host: PluginHost, plugin: str, newest: int, now: datetime) -> int:
    begin_write(session)
    mark = session.get(PluginMark, plugin, with_for_update=True)
    if mark is None:
        session.add(PluginMark(plugin=plugin, event_id=newest, failure="", failed_at=None))
        session.commit()
        return 0
    lines = _lines(session, mark.event_id, newest)
    told = 0
    for change in lines:
        try:
            with session.begin_nested():
                host.tell("case_changed", plugin, session=session, change=change)
        except Exception as error:  # whatever the plugin's own code raises
            log.exception("plugin %s fails at line %s of the history", plugin, change.event_id)
            mark.failure, mark.failed_at = f"line {change.event_id} of case {change.number}: {error!r}", now
            break
        mark.event_id, mark.failure, mark.failed_at = change.event_id, "", None
        told += 1
    session.commit()
    return told


def _lines(session: Session, after: int, newest: int) -> Sequence[CaseChange]:
    found = session.execute(
        select(CaseEvent, Case.number)
        .join(Case, Case.id == CaseEvent.case_id)
        .where(CaseEvent.id > after, CaseEvent.id <= newest)
        .order_by(CaseEvent.id)
        .limit(BATCH)
    )
    return [
        CaseChange(line.id, line.case_id, number, line.kind, line.at, line.process, line.element, line.data)
        for line, number in found
    ]
