"""A survey's rows held against the register: what is new, what changes, what somebody has to decide.

A file that was taken before says nothing new where the register has moved on since: what was surveyed or confirmed
meanwhile stays. History tells what a field was when the earlier survey left it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from engine.components.register import COLUMNS, differences, plain
from engine.models import Component, ComponentChange

OWNERSHIP = "ownership"
PLACE = frozenset({"lon", "lat", "grid_code"})
Row = dict[str, Any]


@dataclass(frozen=True)
class Since:
    """An earlier survey: ``survey_id`` and ``began_at``. Without one, all of history counts as later."""

    survey_id: int | None = None
    began_at: datetime | None = None

    def values_of(self, session: Session, codes: list[str]) -> dict[str, Row]:
        """By code, the fields that others changed since, with the values from before."""
        if not codes:
            return {}
        query = select(ComponentChange.component_code, ComponentChange.before).where(
            ComponentChange.component_code.in_(codes),
            ComponentChange.status == "confirmed",
            ComponentChange.before.is_not(None),
        )
        if self.began_at is not None:
            others = or_(ComponentChange.survey_id.is_(None), ComponentChange.survey_id != self.survey_id)
            query = query.where(ComponentChange.decided_at >= self.began_at, others)
        found: defaultdict[str, Row] = defaultdict(dict)
        for code, before in session.execute(query.order_by(ComponentChange.decided_at, ComponentChange.id)):
            for name, value in (before or {}).items():
                found[code].setdefault(name, value)
        return found


@dataclass
class Batch:
    """Rows read together, and what is to be written of them."""

    fresh: list[Row] = field(default_factory=list)
    updates: list[Row] = field(default_factory=list)
    changes: list[Row] = field(default_factory=list)
    unchanged: int = 0


def compare(session: Session, rows: list[Row], header: Iterable[str], since: Since | None = None) -> Batch:
    """What is new and what differs from the register; rows that are there are locked until the transaction ends.

    ``since`` names an earlier survey that says what this one may say again (see ``engine.loading.survey_changes``).
    """
    table = Component.__table__.c
    known = {
        row.code: row._asdict()
        for row in session.execute(
            select(*table).where(table.code.in_([row["code"] for row in rows])).with_for_update()
        )
    }
    batch, given = Batch(), frozenset(header)
    differing = []
    for row in rows:
        before = known.get(row["code"])
        if before is None:
            batch.fresh.append(row)
        elif differences(before, merged(before, row, given))[0]:
            differing.append(row)
        else:
            batch.unchanged += 1
    earlier = since.values_of(session, [row["code"] for row in differing]) if since is not None else {}
    for row in differing:
        before = known[row["code"]]
        _compare_one(batch, before, merged(before, settled(row, before, earlier.get(row["code"], {}), given), given))
    return batch


def _compare_one(batch: Batch, before: Row, after: Row) -> None:
    was, becomes = differences(before, after)
    owner = {"dept_owner"} if was.get("dept_owner") else set[str]()
    if owner:
        batch.changes.append(change_row(before["code"], OWNERSHIP, _only(was, owner), _only(becomes, owner)))
    rest = was.keys() - owner
    if not rest:
        batch.unchanged += 1
        return
    batch.changes.append(change_row(before["code"], "survey", _only(was, rest), _only(becomes, rest)))
    batch.updates.append(after | {name: before[name] for name in owner})


def _only(values: Row, names: Iterable[str]) -> Row:
    return {name: values[name] for name in names}


def settled(row: Row, before: Row, earlier: Mapping[str, Any], given: frozenset[str]) -> Row:
    """A row in which what the earlier survey said already is what the register says by now.

    :param earlier: the fields that changed since, as the earlier survey left them.
    """
    row = dict(row)
    moved = bool(earlier.keys() & {"lon", "lat"})
    if moved and all(row[name] == earlier.get(name, before[name]) for name in ("lon", "lat")):
        row |= _only(before, PLACE | {"cell"})
    for name in earlier.keys() - PLACE - {"attributes"}:
        if plain(row[name]) == earlier[name]:
            row[name] = before[name]
            if name == "state":
                row["present"] = before["present"]
    if "attributes" in earlier:
        said, once, stands = row["attributes"], earlier["attributes"], before["attributes"]
        chosen = {field: stands if said.get(field) == once.get(field) else said for field in given}
        row["attributes"] = {field: source[field] for field, source in chosen.items() if field in source}
    return row


def merged(before: Row, row: Row, given: frozenset[str]) -> Row:
    """A surveyed row over the registered one: what the file does not say stays."""
    kept = {name: value for name, value in before["attributes"].items() if name not in given}
    return {
        **{name: row[name] for name in COLUMNS},
        "dept_owner": row["dept_owner"] or before["dept_owner"],
        "photo": row["photo"] if "photo" in given else before["photo"],
        "attributes": kept | row["attributes"],
    }


def change_row(code: str, kind: str, before: Row, after: Row) -> Row:
    """A change before it is told apart as done or claimed."""
    return {"component_code": code, "kind": kind, "before": before, "after": after}


def claims_of(session: Session, batch: Batch) -> list[Row]:
    """Other owners given that nobody claimed before or refused already; the others leave the batch."""
    claims = {change["component_code"]: change for change in batch.changes if change["kind"] == OWNERSHIP}
    batch.changes = [change for change in batch.changes if change["kind"] != OWNERSHIP]
    if not claims:
        return []
    query = select(ComponentChange.component_code, ComponentChange.before, ComponentChange.after).where(
        ComponentChange.component_code.in_(claims),
        ComponentChange.kind == OWNERSHIP,
        ComponentChange.status.in_(("proposed", "refused")),
    )
    for code, before, after in session.execute(query):
        if code in claims and (before, after) == (claims[code]["before"], claims[code]["after"]):
            del claims[code]
    return list(claims.values())
