"""Change the command manual: compare a workbook with the version it came from, propose, sign, withdraw.

A signed change is a new version of the catalogue, valid from its day on. Versions are never altered, so a case keeps
what it was filed under.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from engine.catalogue.lookup import version_in_force
from engine.catalogue.manual import BY_ID, CLASSES, CONDITIONS, Manual, Row, Table, read_manual, stored_values
from engine.catalogue.manual_diff import ManualDiff, compare_manuals, diff_of
from engine.catalogue.manual_effect import Effect, effect_of
from engine.catalogue.manual_faults import ManualInvalid
from engine.catalogue.manual_reading import read_workbook
from engine.catalogue.manual_rules import find_faults
from engine.database import begin_write
from engine.errors import Conflict, Invalid, NotAllowed, NotFound
from engine.models import CatalogueVersion, Department, FilingCondition, ManualChange, Person, Subclass
from engine.organisation.actor import Actor

EDIT, SIGN = "catalogue.edit", "catalogue.sign"
PROPOSED, SIGNED, WITHDRAWN = "proposed", "signed", "withdrawn"
MODELS: dict[str, type[Subclass] | type[FilingCondition]] = {CLASSES.id: Subclass, CONDITIONS.id: FilingCondition}


@dataclass(frozen=True)
class Comparison:
    """A workbook against the version it was exported from."""

    base: CatalogueVersion
    diff: ManualDiff
    effect: Effect


def compare_workbook(
    session: Session, content: bytes, effective: date, today: date, departments: Sequence[str]
) -> Comparison:
    """What a workbook would change from a day on. Writes nothing.

    ``departments``: codes of catalogue departments that are known beside those of the manual and the city's duties.

    :raises ManualInvalid: the workbook does not hold; ``faults`` has everything found.
    :raises Conflict: it was exported from another version than the one it would follow, and differs from that.
    """
    sent = read_workbook(content)
    base = base_for(session, effective, today)
    before = read_manual(session, base.id)
    diff = compare_manuals(before, sent.manual)
    if diff.changes and sent.version_digest != base.digest:
        raise Conflict(
            f"the workbook was exported from another version than {base.name} ({base.id}), which is valid on"
            f" {effective.isoformat()}; export the manual anew and make your changes there"
        )
    known = {row["dept_code"] for row in before.classes.values()} | set(departments) | duties(session)
    if faults := find_faults(sent.manual, diff, known, sent.places):
        raise ManualInvalid(faults)
    return Comparison(base, diff, effect_of(session, diff))


def base_for(session: Session, effective: date, today: date) -> CatalogueVersion:
    """The version a change of that day follows. Raises Invalid for a day gone by, Conflict when a later one follows."""
    if effective < today:
        raise Invalid(
            f"the effective date {effective.isoformat()} has gone by; choose {today.isoformat()} or later",
            field="effective_date",
        )
    later = session.scalar(select(func.max(CatalogueVersion.valid_from)).where(CatalogueVersion.valid_from > effective))
    if later is not None:
        raise Conflict(
            f"a version valid from {later.isoformat()} is signed already and would undo this change; choose that day or"
            " a later one",
            field="effective_date",
        )
    return version_in_force(session, effective)


def duties(session: Session) -> set[str]:
    """Catalogue departments that units of the city answer for."""
    lists = session.scalars(select(Department.duties))
    return {code.strip() for text in lists for code in text.split(";") if code.strip()}


def propose_change(
    session: Session,
    actor: Actor,
    content: bytes,
    *,
    file_name: str,
    name: str,
    note: str,
    effective: date,
    today: date,
    now: datetime,
    departments: Sequence[str] = (),
) -> tuple[ManualChange, bool]:
    """Stage what a workbook changes; nothing takes effect. The change, and whether it is new: the same one proposed
    again is the one that is there.

    :raises Invalid: there is no difference, no name, or a fault as ``compare_workbook`` tells it.
    :raises NotAllowed: without the permission ``catalogue.edit``.
    """
    _require(actor, EDIT, "change the command manual")
    if not name.strip():
        raise Invalid("the new version has no name; name it", field="name")
    compared = compare_workbook(session, content, effective, today, departments)
    if not compared.diff.changes:
        raise Invalid("the workbook says what the manual says already; change something, then send it", field="file")
    begin_write(session)
    digest = compared.diff.digest
    known = session.scalar(
        select(ManualChange).where(
            ManualChange.status == PROPOSED,
            ManualChange.base_id == compared.base.id,
            ManualChange.diff_digest == digest,
            ManualChange.effective_date == effective,
        )
    )
    if known is not None:
        session.rollback()
        return known, False
    change = ManualChange(
        status=PROPOSED, name=name.strip()[:200], note=note.strip(), file_name=file_name[-200:],
        file_digest=hashlib.sha256(content).hexdigest(), diff=compared.diff.record, diff_digest=digest,
        effective_date=effective, base_id=compared.base.id, version_id=None, author_id=actor.person_id,
        proposed_at=now, decided_by_id=None, decided_at=None, effect={},
    )  # fmt: skip
    session.add(change)
    session.commit()
    return change, True


def sign_change(
    session: Session, actor: Actor, change_id: int, diff_digest: str, *, today: date, now: datetime
) -> ManualChange:
    """Put a change into force from its effective date on. ``diff_digest`` is that of the diff the signer has read.

    :raises NotAllowed: without the permission ``catalogue.sign``, or for a change of one's own.
    :raises Conflict: it is decided already, was not the diff read, or the version it follows is no longer the last.
    """
    _require(actor, SIGN, "sign changes of the command manual")
    begin_write(session)
    change = _open_change(session, change_id)
    if change.author_id == actor.person_id:
        raise NotAllowed(f"change {change_id} is your own; somebody else has to sign it")
    diff = diff_of(change.diff)
    if not diff_digest == change.diff_digest == diff.digest:
        raise Conflict(f"change {change_id} is not the one you read; look at its differences again")
    base = base_for(session, change.effective_date, today)
    if base.id != change.base_id:
        raise Conflict(
            f"change {change_id} follows version {change.base_id}, but {base.id} is the last now; withdraw it, export"
            " the manual anew and propose it again"
        )
    change.effect = asdict(effect_of(session, diff))
    change.version_id = _new_version(session, change, base, diff, now).id
    change.status, change.decided_by_id, change.decided_at = SIGNED, actor.person_id, now
    session.commit()
    return change


def withdraw_change(session: Session, actor: Actor, change_id: int, *, now: datetime) -> ManualChange:
    """Put a proposed change aside: its author may, and whoever may sign. It stays on record.

    :raises NotAllowed: for anybody else. :raises Conflict: it is decided already.
    """
    begin_write(session)
    change = _open_change(session, change_id)
    if change.author_id != actor.person_id:
        _require(actor, SIGN, "withdraw changes of others")
    change.status, change.decided_by_id, change.decided_at = WITHDRAWN, actor.person_id, now
    session.commit()
    return change


def find_change(session: Session, change_id: int) -> ManualChange:
    """A change. Raises NotFound."""
    found = session.get(ManualChange, change_id)
    if found is None:
        raise NotFound(f"there is no change {change_id} of the manual; GET /api/v1/catalogue/manual/changes")
    return found


def list_changes(session: Session) -> list[ManualChange]:
    """All changes, newest first."""
    return list(session.scalars(select(ManualChange).order_by(ManualChange.id.desc())))


def people_of(session: Session, changes: Sequence[ManualChange]) -> dict[int, str]:
    """Names of the people who proposed and decided, by id."""
    ids = {each for change in changes for each in (change.author_id, change.decided_by_id) if each is not None}
    return {person.id: person.name for person in session.scalars(select(Person).where(Person.id.in_(ids)))}


def effect_on_cases(session: Session, change: ManualChange) -> dict[str, Any]:
    """What a change means for running cases: now, or as it was when it was signed."""
    return change.effect or asdict(effect_of(session, diff_of(change.diff)))


def _require(actor: Actor, permission: str, act: str) -> None:
    if not actor.may(permission):
        raise NotAllowed(f"your post may not {act}; it takes the permission {permission}")


def _open_change(session: Session, change_id: int) -> ManualChange:
    change = find_change(session, change_id)
    session.refresh(change, with_for_update=True)
    if change.status != PROPOSED:
        raise Conflict(f"change {change_id} is {change.status} already; nothing more can be done with it")
    return change


def _new_version(
    session: Session, change: ManualChange, base: CatalogueVersion, diff: ManualDiff, now: datetime
) -> CatalogueVersion:
    content = f"manual change {change.id} {change.diff_digest} over {base.digest}"
    version = CatalogueVersion(
        name=change.name, digest=hashlib.sha256(content.encode()).hexdigest(), valid_from=change.effective_date,
        valid_to=base.valid_to, note=change.note or f"change {change.id} of the manual", loaded_at=now,
        plugins=base.plugins,
    )  # fmt: skip
    base.valid_to = change.effective_date
    session.add(version)
    session.flush()
    for table in BY_ID.values():
        rows = [{**row, "version_id": version.id} for row in _rows_after(session, table, base.id, diff)]
        if rows:
            session.execute(insert(MODELS[table.id]), rows)
    return version


def _rows_after(session: Session, table: Table, base_id: int, diff: ManualDiff) -> list[dict[str, Any]]:
    """A table of the base as stored, with the changes made: rows nobody touched stay byte for byte."""
    model = MODELS[table.id]
    names = [column.name for column in model.__table__.columns if column.name != "version_id"]
    stored = session.execute(select(*(model.__table__.c[name] for name in names)).where(model.version_id == base_id))
    changed = {change.key: change.after for change in diff.changes if change.table is table}
    rows: list[dict[str, Any]] = []
    for values in (dict(zip(names, row, strict=True)) for row in stored):
        key = tuple(str(values[name]) for name in table.key)
        after: Row | None = changed.pop(key, {})
        if after is not None:
            rows.append({**values, **(stored_values(table, after) if after else {})})
    rows += [stored_values(table, row) for row in changed.values() if row]
    return rows


def manual_of(session: Session, version_id: int) -> tuple[CatalogueVersion, Manual]:
    """A version with its manual. Raises NotFound."""
    version = session.get(CatalogueVersion, version_id)
    if version is None:
        raise NotFound(f"there is no catalogue version {version_id}; GET /api/v1/catalogue/versions")
    return version, read_manual(session, version_id)
