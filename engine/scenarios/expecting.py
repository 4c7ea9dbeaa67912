"""Compare what a scenario expects with what came about, in words a clerk can act on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from engine.casefile.unit import Unit
from engine.cases.diagrams import case_instance
from engine.models import Case, CaseEvent, OutboxMessage, RegisterEntry, Task
from engine.overdue.telling import EVENT, OVERDUE
from engine.scenarios.playing import Play
from engine.scenarios.values import NONE, Expected, Mismatch, OpenTask
from engine.workflow.observing import variables_of

OWN_FACTS = ("close_kind", "on_time", "overdue_excluded", "satisfaction", "limit_text", "merged_into_id", "title")
"""Facts of a case that expressions do not see and scenarios may expect."""


@dataclass(frozen=True)
class Since:
    """How far history and outbox were before the step."""

    event: int
    message: int

    @classmethod
    def now(cls, play: Play) -> Since:
        """As far as they are now."""
        return cls(play.latest(CaseEvent.id), play.latest(OutboxMessage.id))


def compare(play: Play, expected: Expected, of: str, since: Since) -> Iterator[Mismatch]:
    """Everything that is not as expected after a step."""
    case = play.case(of)
    names = play.names(of)
    if expected.open is not None:
        yield from _tasks(play, play.fill_open(expected.open, names), play.open_tasks(case))
    for name in ("stage", "status"):
        wanted = getattr(expected, name)
        if wanted is not None and wanted != getattr(case, name):
            yield Mismatch(name, wanted, getattr(case, name) or NONE)
    yield from _times(play, case, expected)
    yield from _values("case.", play.fill(expected.case, names), _facts(play, case))
    if expected.variables or expected.ended is not None:
        yield from _instance(play, case, expected, names)
    for register, rows in expected.registers.items():
        yield from _entries(play, register, play.fill(rows, names))
    yield from _lines(play, case, expected, names, since)


def _entries(play: Play, register: str, rows: list[Mapping[str, Any]]) -> Iterator[Mismatch]:
    """Every row is part of an entry that is not struck off."""
    columns = play.register(register).columns
    query = select(RegisterEntry).where(RegisterEntry.register == register, RegisterEntry.gone_at.is_(None))
    found = [entry.values for entry in play.session.scalars(query.order_by(RegisterEntry.key))]
    for row in rows:
        unknown = sorted(set(row) - set(columns))
        if unknown:
            yield Mismatch(f"register {register}", ", ".join(unknown), f"it has {', '.join(columns)}")
        elif not any(all(_same(entry.get(name), value) for name, value in row.items()) for entry in found):
            there = "; ".join(str({name: entry.get(name) for name in row}) for entry in found)
            yield Mismatch(f"register {register}", str(dict(row)), there or NONE)


def _same(value: Any, wanted: Any) -> bool:
    return bool(value == wanted) or (value is None and wanted == NONE)


def _tasks(play: Play, expected: tuple[OpenTask, ...], found: list[Task]) -> Iterator[Mismatch]:
    """Each expected task is an open one and no other is open; the most exactly described are matched first."""
    left = list(found)
    for wanted in sorted(expected, key=lambda each: (each.scope is None, each.role is None, each.due is None)):
        match = next((task for task in left if _is(play, wanted, task)), None)
        if match is None:
            break
        left.remove(match)
    else:
        if not left:
            return
    told = (", ".join(_said(play, each) for each in found)) or NONE
    yield Mismatch("open", ", ".join(map(_written, expected)) or NONE, told)


def _is(play: Play, wanted: OpenTask, task: Task) -> bool:
    return (
        wanted.element == task.element
        and wanted.role in (None, task.role)
        and wanted.scope in (None, task.scope)
        and wanted.due in (None, _local(play, task.due_at))
    )


def _written(task: OpenTask) -> str:
    parts = ((" by ", task.role), (" @ ", task.scope), (" due ", task.due))
    return task.element + "".join(f"{word}{value}" for word, value in parts if value)


def _said(play: Play, task: Task) -> str:
    return _written(OpenTask(task.element, task.role, task.scope, _local(play, task.due_at)))


def _times(play: Play, case: Case, expected: Expected) -> Iterator[Mismatch]:
    if expected.due is not None and expected.due != _local(play, case.due_at):
        yield Mismatch("due", expected.due, _local(play, case.due_at))
    for name, wanted in expected.clocks.items():
        clock = next((each for each in reversed(case.clocks) if each.name == name), None)
        state = NONE
        if clock is not None:
            state = "stopped" if clock.stopped_at else "running" if clock.running_since else "paused"
        if wanted != state:
            yield Mismatch(f"clock {name}", str(wanted), state)


def _facts(play: Play, case: Case) -> dict[str, Any]:
    facts = play.platform.host.facts(Unit(play.session), case, play.clock.now())
    return {**facts, **{name: getattr(case, name) for name in OWN_FACTS}}


def _values(prefix: str, expected: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Mismatch]:
    for name, wanted in expected.items():
        if name not in found:
            yield Mismatch(f"{prefix}{name}", str(wanted), "there is no such name")
        elif found[name] != wanted and not (wanted == NONE and found[name] is None):
            yield Mismatch(f"{prefix}{name}", str(wanted), NONE if found[name] is None else str(found[name]))


def _instance(play: Play, case: Case, expected: Expected, names: Mapping[str, Any]) -> Iterator[Mismatch]:
    instance = case_instance(play.session, case)
    if instance is None:
        yield Mismatch("ended", "a running diagram", "the case has none")
        return
    ended = instance.status == "ended"
    if expected.ended is not None and expected.ended != ended:
        yield Mismatch("ended", str(expected.ended).lower(), str(ended).lower())
    if expected.variables:
        definition = play.platform.definitions.get(play.session, instance.deployment_id)
        found = variables_of(instance, definition)
        yield from _values("variable ", play.fill(expected.variables, names), found)


def _lines(play: Play, case: Case, expected: Expected, names: Mapping[str, Any], since: Since) -> Iterator[Mismatch]:
    """History kinds of this step in the order expected (others may stand between), and who was told.

    What overdue tasks bring is none of it: scenarios tell of that under a key of its own.
    """
    if expected.history is not None:
        query = select(CaseEvent.kind).where(CaseEvent.case_id == case.id, CaseEvent.id > since.event)
        kinds = list(play.session.scalars(query.order_by(CaseEvent.id)))
        rest = iter(kinds)
        moved = [kind for kind in kinds if kind != EVENT]
        if not all(kind in rest for kind in expected.history) or (not expected.history and moved):
            yield Mismatch("history", ", ".join(expected.history) or NONE, ", ".join(kinds) or NONE)
    for about, overdue in (("notices", False), ("overdue", True)):
        named = getattr(expected, about)
        if named is not None:
            wanted, told = list(play.fill(named, names)), _told(play, case, since, overdue=overdue)
            if not set(wanted) <= set(told) or (not wanted and told):
                yield Mismatch(about, ", ".join(wanted) or NONE, ", ".join(told) or NONE)


def _told(play: Play, case: Case, since: Since, *, overdue: bool) -> list[str]:
    """Who was told since, of overdue tasks or of anything else."""
    messages = play.session.scalars(
        select(OutboxMessage)
        .where(OutboxMessage.case_id == case.id, OutboxMessage.id > since.message, OutboxMessage.topic == "notify")
        .order_by(OutboxMessage.id)
    )
    payloads = [message.payload for message in messages if (OVERDUE in message.payload) == overdue]
    return [who for payload in payloads for who in payload.get("recipients", ())]


def _local(play: Play, moment: datetime | None) -> str:
    """A moment as a scenario writes it."""
    return NONE if moment is None else f"{moment.astimezone(play.bench.city.time_zone):%Y-%m-%d %H:%M}"
