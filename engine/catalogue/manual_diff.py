"""Two command manuals compared, row by row: added, removed, changed with old and new values."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from engine.catalogue.manual import BY_ID, TABLES, Key, Manual, Row, Table

ADDED, REMOVED, CHANGED = SORTS = ("added", "removed", "changed")


@dataclass(frozen=True)
class RowChange:
    """One row that differs. ``before`` is none for an added row, ``after`` for a removed one."""

    table: Table
    before: Row | None
    after: Row | None

    @property
    def row(self) -> Row:
        """The row as it will be, or as it was when it goes."""
        row = self.after if self.after is not None else self.before
        assert row is not None
        return row

    @property
    def key(self) -> Key:
        """What tells the row from the others."""
        return self.table.key_of(self.row)

    @property
    def sort(self) -> str:
        """``added``, ``removed`` or ``changed``."""
        return ADDED if self.before is None else REMOVED if self.after is None else CHANGED

    @cached_property
    def values(self) -> dict[str, tuple[str, str]]:
        """Columns that differ -> old and new text; all filled ones of a row that comes or goes."""
        old, new = self.before or {}, self.after or {}
        pairs = {name: (old.get(name, ""), new.get(name, "")) for name in self.table.names}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


@dataclass(frozen=True)
class ManualDiff:
    """Everything that differs, in the order of tables and keys."""

    changes: tuple[RowChange, ...]

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Table -> sort -> how many rows."""
        counted = Counter((change.table.id, change.sort) for change in self.changes)
        return {table.id: {sort: counted[table.id, sort] for sort in SORTS} for table in TABLES}

    @cached_property
    def record(self) -> list[dict[str, Any]]:
        """The diff as JSON keeps it."""
        return [{"table": each.table.id, "before": each.before, "after": each.after} for each in self.changes]

    @property
    def digest(self) -> str:
        """SHA-256 of the diff: what a signature stands for."""
        return hashlib.sha256(orjson.dumps(self.record, option=orjson.OPT_SORT_KEYS)).hexdigest()


def diff_of(record: list[dict[str, Any]]) -> ManualDiff:
    """The diff that ``record`` kept."""
    return ManualDiff(tuple(RowChange(BY_ID[each["table"]], each["before"], each["after"]) for each in record))


def compare_manuals(before: Manual, after: Manual) -> ManualDiff:
    """What has to happen to the first so that it says what the second says."""
    return ManualDiff(tuple(_changes(before, after)))


def _changes(before: Manual, after: Manual) -> Iterator[RowChange]:
    for table in TABLES:
        old, new = before.rows(table), after.rows(table)
        for key in sorted(old.keys() | new.keys(), key=_order):
            if old.get(key) != new.get(key):
                yield RowChange(table, old.get(key), new.get(key))


def _order(key: Key) -> tuple[Any, ...]:
    return (*key[:2], *(int(part) if part.isdecimal() else 0 for part in key[2:]), key)
