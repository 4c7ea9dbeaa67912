"""Move running cases to another deployment: preview, batches that pause and resume, undo until a case moves on.

Every instance chosen has a row that says what became of it and why; nothing is skipped in silence. Each moves in a
transaction of its own, so a migration that is stopped half-way leaves every case on one deployment or the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.casefile.unit import Unit, unit_of
from engine.cases.migration_preview import Order, Selection, attempt_move, chosen_instances, node_maps, trial_step
from engine.cases.migration_rows import remember, restore, restore_listeners
from engine.cases.transaction import act_once
from engine.errors import Conflict, Invalid, NotFound
from engine.models import Case, Instance, Migration, MigrationItem
from engine.organisation.actor import Actor
from engine.platform import Platform
from engine.workflow.migration_nodes import NodeMap, Words

RUNNING, PAUSED, DONE, UNDONE = "running", "paused", "done", "undone"

Progress = Callable[[int], None]


class _Refused(Exception):
    """A move that must not be kept; carries why."""

    def __init__(self, reasons: tuple[Words, ...]) -> None:
        super().__init__("; ".join(reason.en for reason in reasons))
        self.reasons = reasons


def start_migration(
    session: Session, platform: Platform, order: Order, now: datetime, *, author: str, reason: str
) -> Migration:
    """Write a migration down with a waiting row for every chosen instance; commits. ``run_migration`` does the work."""
    if not reason.strip():
        raise Invalid("a migration needs a reason: it is written into the history of every case", field="reason")
    node_maps(session, platform, order)
    migration = Migration(
        target_id=order.target, mapping=dict(order.mapping), selection=asdict(order.selection), status=RUNNING,
        author=author, reason=reason, created_at=now, finished_at=None,
    )  # fmt: skip

    def act() -> dict[str, Any]:
        session.add(migration)
        session.flush()
        chosen = select(Instance).where(Instance.id.in_(chosen_instances(order))).order_by(Instance.id)
        for instance in session.scalars(chosen):
            session.add(
                MigrationItem(
                    migration_id=migration.id, instance_id=instance.id, case_id=instance.case_id,
                    from_id=instance.deployment_id, status="waiting", notes=[], state=None, tasks=[], timers=[],
                    version=None, at=None,
                )
            )  # fmt: skip
        return {}

    act_once(session, 0, None, {}, now, act)
    return migration


def run_migration(
    session: Session,
    platform: Platform,
    migration_id: int,
    now: datetime,
    *,
    actor: Actor | None = None,
    most: int | None = None,
    progress: Progress = lambda done: None,
) -> Migration:
    """Move waiting instances, at most ``most``, one transaction each; stops when somebody pauses the migration."""
    migration = find_migration(session, migration_id)
    nodes = node_maps(session, platform, _order(migration), waiting_of=migration_id)
    waiting = select(MigrationItem.id).where(
        MigrationItem.migration_id == migration_id, MigrationItem.status == "waiting"
    )
    for item_id in session.scalars(waiting.order_by(MigrationItem.id).limit(most)).all():
        if not _move_item(session, platform, item_id, nodes, now, actor):
            break
        progress(1)
    return _settle_status(session, migration_id, now)


def pause_migration(session: Session, migration_id: int, now: datetime) -> Migration:
    """Let the batches stop after the instance they are at."""
    return _turn(session, migration_id, RUNNING, PAUSED, now)


def resume_migration(session: Session, migration_id: int, now: datetime) -> Migration:
    """Let a paused migration go on with ``run_migration``."""
    return _turn(session, migration_id, PAUSED, RUNNING, now)


def undo_migration(
    session: Session, platform: Platform, migration_id: int, now: datetime, *, actor: Actor | None = None
) -> Migration:
    """Put back every instance that has not moved on since; the others stay and say so. Waiting ones are not moved."""
    migration = find_migration(session, migration_id)
    if migration.status == UNDONE:
        raise Conflict(f"migration {migration_id} is undone already; nothing is left to put back")
    _turn(session, migration_id, migration.status, UNDONE, now)
    items = select(MigrationItem.id).where(
        MigrationItem.migration_id == migration_id, MigrationItem.status.in_(("migrated", "waiting"))
    )
    for item_id in session.scalars(items.order_by(MigrationItem.id)).all():
        _undo_item(session, platform, item_id, now, actor)
    return find_migration(session, migration_id)


def find_migration(session: Session, migration_id: int) -> Migration:
    """A migration. Raises NotFound."""
    found = session.get(Migration, migration_id)
    if found is None:
        raise NotFound(f"there is no migration {migration_id}; 'wangge process migrate --list' shows them all")
    return found


def count_items(session: Session, migration_id: int) -> dict[str, int]:
    """How many instances of a migration are in which status."""
    query = select(MigrationItem.status, func.count()).where(MigrationItem.migration_id == migration_id)
    return {str(status): int(count) for status, count in session.execute(query.group_by(MigrationItem.status))}


def list_items(session: Session, migration_id: int) -> list[tuple[str, MigrationItem]]:
    """Every instance of a migration with its case's number, in the order they were taken."""
    query = select(Case.number, MigrationItem).join(Case, Case.id == MigrationItem.case_id)
    rows = session.execute(query.where(MigrationItem.migration_id == migration_id).order_by(MigrationItem.id))
    return [(number, item) for number, item in rows]


def _order(migration: Migration) -> Order:
    chosen = {**migration.selection, "cases": tuple(migration.selection["cases"])}
    return Order(migration.target_id, Selection(**chosen), migration.mapping)


def _move_item(
    session: Session,
    platform: Platform,
    item_id: int,
    nodes: Mapping[int, NodeMap],
    now: datetime,
    actor: Actor | None,
) -> bool:
    """Move one instance, or write down why not; false when the migration does not run any more."""

    def act() -> dict[str, Any]:
        item = session.get_one(MigrationItem, item_id, with_for_update=True)
        migration = session.get_one(Migration, item.migration_id)
        if migration.status != RUNNING:
            return {"go_on": False}
        if item.status == "waiting":
            item.at = now
            _move_one(unit_of(session), platform, migration, item, nodes, now, actor)
        return {"go_on": True}

    try:
        return bool(act_once(session, 0, None, {}, now, act)["go_on"])
    except _Refused as refused:
        reasons = refused.reasons
    act_once(session, 0, None, {}, now, lambda: _note(session, item_id, "refused", reasons, now))
    return True


def _move_one(
    unit: Unit,
    platform: Platform,
    migration: Migration,
    item: MigrationItem,
    nodes: Mapping[int, NodeMap],
    now: datetime,
    actor: Actor | None,
) -> None:
    file = unit.take(platform.runtime.shelf, "id", item.instance_id)
    if file is None or file.instance.status != "running":
        item.status, item.notes = "ended", [asdict(Words("案件流程已结束，无需迁移", "the case has run to its end"))]
        return
    if file.instance.deployment_id != item.from_id:
        other = file.instance.deployment_id
        raise _Refused((Words(f"已被另一次迁移移到部署 {other}", f"another migration moved it to deployment {other}"),))
    step = trial_step(unit, platform, file, migration.target_id, now, actor)
    item.state, (item.tasks, item.timers) = file.instance.state, remember(file)
    outcome = attempt_move(step, nodes[item.from_id])
    if outcome.refusals:
        raise _Refused(outcome.refusals)
    item.status, item.notes = "migrated", [asdict(change) for change in outcome.changes]
    step.record(
        "migrated", migration=migration.id, before=item.from_id, after=migration.target_id, author=migration.author,
        reason=migration.reason, changes=item.notes,
    )  # fmt: skip
    step.flush()
    item.version = file.instance.version


def _note(session: Session, item_id: int, status: str, notes: tuple[Words, ...], now: datetime) -> dict[str, Any]:
    item = session.get_one(MigrationItem, item_id, with_for_update=True)
    item.status, item.notes, item.at = status, [asdict(note) for note in notes], now
    return {}


def _undo_item(session: Session, platform: Platform, item_id: int, now: datetime, actor: Actor | None) -> None:
    def act() -> dict[str, Any]:
        item = session.get_one(MigrationItem, item_id, with_for_update=True)
        if item.status == "waiting":
            return _note(session, item_id, "undone", (), now)
        unit = unit_of(session)
        file = unit.take(platform.runtime.shelf, "id", item.instance_id)
        if file is None or file.instance.version != item.version:
            moved = Words("案件在迁移后已有进展，保留在新部署", "the case has moved on since and stays where it is")
            return _note(session, item_id, "moved_on", (moved,), now)
        step = trial_step(unit, platform, file, item.from_id, now, actor)
        restore(file, item)
        now_on = file.instance.deployment_id
        step.record("migration_undone", migration=item.migration_id, before=now_on, after=item.from_id)
        listening = platform.definitions.of(unit, now_on).listens
        file.instance.deployment_id = item.from_id
        if step.definition.listens or listening:
            restore_listeners(step)
        return _note(session, item_id, "undone", (), now)

    act_once(session, 0, None, {}, now, act)


def _turn(session: Session, migration_id: int, before: str, after: str, now: datetime) -> Migration:
    def act() -> dict[str, Any]:
        migration = session.get(Migration, migration_id, with_for_update=True)
        if migration is None:
            find_migration(session, migration_id)
        elif migration.status != before:
            raise Conflict(f"migration {migration_id} is {migration.status}, not {before}; reload it")
        else:
            migration.status = after
            migration.finished_at = now if after in (DONE, UNDONE) else None
        return {}

    act_once(session, 0, None, {}, now, act)
    return find_migration(session, migration_id)


def _settle_status(session: Session, migration_id: int, now: datetime) -> Migration:
    session.rollback()
    migration = find_migration(session, migration_id)
    if migration.status == RUNNING and "waiting" not in count_items(session, migration_id):
        return _turn(session, migration_id, RUNNING, DONE, now)
    return migration
