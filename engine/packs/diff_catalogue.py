"""What changes in the catalogue: classes, filing conditions, and limits by class and class of area."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from engine.catalogue.manual import BY_ID, CLASSES, CONDITIONS, Manual, Row, by_key, class_row, condition_row
from engine.catalogue.manual_diff import ADDED, REMOVED, RowChange, compare_manuals
from engine.catalogue.manual_limits import AREA_COLUMNS, AREAS
from engine.loading.catalogue import read_classes, read_conditions
from engine.packs.changes import Change, Sort
from engine.packs.sides import Side, fill, limit_words, listed
from engine.workflow.migration_nodes import Words

KIND_WORDS = {"component": Words("部件", "component"), "event": Words("事件", "event")}
TITLES = {
    (table.id, column.key): Words(column.name, column.name_en) for table in BY_ID.values() for column in table.columns
}
TABLE_WORDS = {CLASSES.id: Words("小类", "subclass"), CONDITIONS.id: Words("立案条件", "filing condition")}


def compare_catalogues(old: Side, new: Side) -> Iterator[Change]:
    """Every change of the catalogue in force. Limits are told as limits, the rest as the catalogue's."""
    before, after = _manual(old), _manual(new)
    for change in compare_manuals(before, after).changes:
        manual = before if change.sort == REMOVED else after
        what = fill("{table}{name}", "{table} {name}", table=TABLE_WORDS[change.table.id], name=_name(change, manual))
        place = f"catalogue/{change.table.id}.csv"
        if change.sort == ADDED:
            told = fill("新增{what}{limit}", "new: {what}{limit}", what=what, limit=_first_limit(change))
            yield Change("catalogue", "added", place, _code(change), told)
        elif change.sort == REMOVED:
            yield Change("catalogue", "removed", place, _code(change), fill("取消{what}", "gone: {what}", what=what))
        else:
            yield from _changed(change, what, place)


def _manual(side: Side) -> Manual:
    classes = (class_row(_row(each)) for each in read_classes(side.city).values())
    conditions = (condition_row(_row(each)) for each in read_conditions(side.city).values())
    return Manual(by_key(CLASSES, classes), by_key(CONDITIONS, conditions))


def _row(values: dict[str, Any]) -> Any:
    """A row of the files with the attributes of one of the database."""
    return SimpleNamespace(**dict.fromkeys((*CLASSES.names, *CONDITIONS.names), "") | values)


def _code(change: RowChange) -> str:
    return "/".join(change.key)


def _name(change: RowChange, manual: Manual) -> Words:
    """``事件 0110 暴露垃圾``, with the number and text of a filing condition."""
    row = change.row
    of = manual.classes.get((row["kind"], row["full_code"]), {})
    name = Words(of.get("name", ""), of.get("name_en") or of.get("name", ""))
    kind = KIND_WORDS.get(row["kind"], Words(row["kind"], row["kind"]))
    told = fill("{kind} {code} {name}", "{kind} {code} {name}", kind=kind, code=row["full_code"], name=name)
    if change.table is CLASSES:
        return told
    text = Words(row["text"], row["text_en"] or row["text"])
    return fill(" {of} 第 {number} 项（{text}）", "{number} of {of} ({text})", of=told, number=row["condition_no"],
                text=text)  # fmt: skip


def _changed(change: RowChange, what: Words, place: str) -> Iterator[Change]:
    sort: Sort = "changed"
    if change.values.keys() & set(AREA_COLUMNS):
        yield Change("limits", sort, place, _code(change), _limits(change, what))
    for column, (before, after) in change.values.items():
        if column not in AREA_COLUMNS:
            title = TITLES[change.table.id, column]
            told = fill("{what}的{title}：{before} → {after}", "{what}: {title} {before} → {after}", what=what,
                        title=title, before=before or "–", after=after or "–")  # fmt: skip
            yield Change("catalogue", sort, place, _code(change), told)


def _limits(change: RowChange, what: Words) -> Words:
    """From which limit to which, by class of area where they differ."""
    assert change.before is not None and change.after is not None  # a changed row has both
    areas = {
        area: (_in_area(change.before, column), _in_area(change.after, column)) for area, column in AREAS.items()
    }  # fmt: skip
    moved = {area: pair for area, pair in areas.items() if pair[0] != pair[1]}
    pairs = set(moved.values())
    if len(moved) == len(areas) and len(pairs) == 1:
        ((before, after),) = pairs
        return fill("{what}的处置时限：{before} → {after}", "{what}: limit {before} → {after}", what=what,
                    before=limit_words(before), after=limit_words(after))  # fmt: skip
    told = [
        fill("{area} 类区域 {before} → {after}", "area class {area} {before} → {after}", area=area,
             before=limit_words(before), after=limit_words(after))
        for area, (before, after) in moved.items()
    ]  # fmt: skip
    return fill("{what}的处置时限：{told}", "{what}: limit {told}", what=what, told=listed(told))


def _in_area(row: Row, column: str) -> str:
    return row[column] or row["limit"]


def _first_limit(change: RowChange) -> Words:
    if change.table is CLASSES:
        return Words("", "")
    row = change.row
    own = [
        fill("{area} 类区域 {limit}", "area class {area} {limit}", area=area, limit=limit_words(row[column]))
        for area, column in AREAS.items()
        if row[column]
    ]
    rest = [limit_words(row["limit"])] if row["limit"] else []
    return fill("，时限 {told}", ", limit {told}", told=listed([*own, *rest]))
