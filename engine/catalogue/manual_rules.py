"""What must hold of a command manual before anybody may sign it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from engine.calendar import LimitError
from engine.catalogue.condition_rules import ROLES, RuleUnreadable, read_evidence_rule, read_extension_rule
from engine.catalogue.lookup import limit_for
from engine.catalogue.manual import CLASSES, CONDITIONS, Key, Manual, Row, Table
from engine.catalogue.manual_codes import EXTENSION, class_of, next_extension_codes, wrong_2007
from engine.catalogue.manual_diff import ADDED, REMOVED, ManualDiff
from engine.catalogue.manual_faults import Fault
from engine.catalogue.manual_limits import AREAS, join_limit
from engine.limits import parse_limit

KINDS = ("component", "event")
GEOMETRIES = ("point", "line", "polygon")
SCOPES = ("national", EXTENSION, "city")
PROVENANCE = ("found", "memory", "provisional", "city")
CODE_2007 = re.compile(r"[0-9]{4}")


def find_faults(
    manual: Manual, diff: ManualDiff, departments: Collection[str], places: dict[tuple[str, Key], int]
) -> list[Fault]:
    """Everything wrong with what a manual changes, and with how its tables fit together.

    Rows nobody touched are not held against whoever changes others. ``places``: the rows of the workbook.
    """
    faults = [*_misfits(manual, diff, places), *_extension_codes(manual, diff, places)]
    for change in diff.changes:
        if change.after is None:
            continue
        table, row = change.table, change.after
        check = check_class(row, departments) if table is CLASSES else check_condition(row)
        faults += [_placed(fault, table, table.key_of(row), places) for fault in check]
    return faults


def _placed(fault: Fault, table: Table, key: Key, places: dict[tuple[str, Key], int]) -> Fault:
    """A fault whose ``where`` is a column's key, told with the row of the workbook."""
    row = places.get((table.id, key))
    named = f"row {row}" if row else "/".join(key)
    return Fault(fault.code, f"{table.id}!{named} {fault.where}".strip(), fault.values)


def check_class(row: Row, departments: Collection[str]) -> Iterator[Fault]:
    """One subclass. ``where`` of a fault is the column's key."""
    words = (("kind", KINDS), ("geometry", GEOMETRIES), ("scope", SCOPES), ("code_source", PROVENANCE))
    for name, known in words:
        if row[name] not in known:
            yield Fault("unknown_word", name, {"column": name, "value": row[name], "known": ", ".join(known)})
    if not re.fullmatch(re.escape(row["class_code"]) + "[0-9]{2}", row["full_code"]) or not row["class_code"]:
        yield Fault("code_shape", "full_code", {"value": row["full_code"], "class_code": row["class_code"]})
    for name in ("name", "class_name"):
        if not row[name]:
            yield Fault("empty", name, {"column": name})
    if row["dept_code"] not in departments:
        yield Fault("department", "dept_code", {"value": row["dept_code"]})
    if row["code_2007"] and not CODE_2007.fullmatch(row["code_2007"]):
        yield Fault("code_2007_shape", "code_2007", {"value": row["code_2007"]})
    elif expected := wrong_2007(row):
        yield Fault("code_2007", "code_2007", {"value": row["code_2007"], "expected": expected})


def check_condition(row: Row) -> Iterator[Fault]:
    """One filing condition. ``where`` of a fault is the column's key."""
    if not re.fullmatch("[1-9][0-9]{0,3}", row["condition_no"]):
        yield Fault("number", "condition_no", {"value": row["condition_no"]})
    if not row["text"]:
        yield Fault("empty", "text", {"column": "text"})
    if fault := check_limit(row):
        yield fault
    if re.split(r"[:\s]", row["source"], maxsplit=1)[0] not in PROVENANCE:
        yield Fault("source", "source", {"value": row["source"], "known": ", ".join(PROVENANCE)})
    if row["evidence"] and not is_evidence_rule(row["evidence"]):
        yield Fault("evidence", "evidence", {"value": row["evidence"], "known": ", ".join(ROLES)})
    if row["extension"] and not is_extension_rule(row["extension"]):
        yield Fault("extension", "extension", {"value": row["extension"]})


def check_limit(row: Row) -> Fault | None:
    """A limit that is readable in every area class, or none in any."""
    try:
        for area, column in AREAS.items():
            if row[column]:
                parse_limit(row[column])
            limit_for(join_limit(row), area)
    except LimitError as error:
        return Fault("limit", "limit", {"reason": error.message})
    return None


def is_evidence_rule(text: str) -> bool:
    """Whether a text is ``role count; role count`` with roles of evidence, each once."""
    try:
        return bool(read_evidence_rule(text))
    except RuleUnreadable:
        return False


def is_extension_rule(text: str) -> bool:
    """Whether a text is ``none`` or ``times x limit``."""
    try:
        return read_extension_rule(text) is not None
    except RuleUnreadable:
        return False


def _misfits(manual: Manual, diff: ManualDiff, places: dict[tuple[str, Key], int]) -> Iterator[Fault]:
    """Conditions without a subclass, and subclasses that the change leaves without a condition."""
    for key, row in manual.conditions.items():
        if key[:2] not in manual.classes:
            fault = Fault("no_class", "full_code", {"value": f"{row['kind']} {row['full_code']}"})
            yield _placed(fault, CONDITIONS, key, places)
    judged = {key[:2] for key in manual.conditions}
    touched = {change.key[:2] for change in diff.changes if change.sort in (ADDED, REMOVED)}
    for key in sorted(touched & set(manual.classes) - judged):
        yield _placed(Fault("no_condition", "full_code", {"value": " ".join(key)}), CLASSES, key, places)


def _extension_codes(manual: Manual, diff: ManualDiff, places: dict[tuple[str, Key], int]) -> Iterator[Fault]:
    """New local extensions take the highest codes free below 99 in their class."""
    new: dict[Key, list[Row]] = {}
    for change in diff.changes:
        row = change.after
        if change.table is CLASSES and change.sort == ADDED and row is not None and row["scope"] == EXTENSION:
            new.setdefault(class_of(row), []).append(row)
    for (kind, class_code), rows in new.items():
        codes = {row["full_code"] for row in rows}
        others = {row["full_code"] for row in manual.classes.values() if class_of(row) == (kind, class_code)} - codes
        due = next_extension_codes(class_code, others, len(codes))
        for row in rows:
            if row["full_code"] not in due:
                values = {"class_code": class_code, "expected": ", ".join(sorted(set(due) - codes))}
                yield _placed(Fault("extension_code", "full_code", values), CLASSES, CLASSES.key_of(row), places)
