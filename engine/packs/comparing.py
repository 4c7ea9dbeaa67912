"""Compare two packs or cities as they would run: everything that changes for the people who work with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from engine.packs.changes import GROUPS, Change
from engine.packs.diff_catalogue import compare_catalogues
from engine.packs.diff_city import compare_roles, compare_settings, compare_working_time
from engine.packs.diff_decisions import compare_decisions
from engine.packs.diff_diagrams import compare_diagrams
from engine.packs.diff_files import compare_files
from engine.packs.diff_forms import compare_forms
from engine.packs.sides import Side, fill, open_side
from engine.workflow.migration_nodes import Words

RUNNING = Words(
    "在办案件按原来的流程、表单、决策和立案条件走完；新案件从部署之时起按新的办。要把在办案件移到新流程，"
    "先用“wangge process migrate”预演。角色、权限、机构和插件设置对所有案件立即生效；工作时间用于此后计算的期限。",
    "Running cases keep the diagrams, forms, decisions and filing conditions they began with; new cases follow the new "
    "ones from their deployment on. To move running cases, preview it with 'wangge process migrate'. Roles, rights, "
    "departments and plugin settings count for every case at once, working time for limits worked out from then on.",
)
NOTHING = Words("没有任何变化", "nothing changes")
EVERYBODY = Words("不限角色", "no role in particular")
SHOWN = 40


@dataclass(frozen=True)
class Comparison:
    """Two sides and what changes from the one to the other. ``roles`` are the names of the roles concerned."""

    old: str
    new: str
    changes: tuple[Change, ...]
    notes: tuple[str, ...]
    roles: dict[str, Words]
    language: str

    def to_json(self) -> dict[str, Any]:
        """As ``wangge diff --json`` prints it."""
        return {
            "old": self.old, "new": self.new, "notes": list(self.notes),
            "changes": [each.to_json() for each in self.changes],
            "running_cases": {"zh": RUNNING.zh, "en": RUNNING.en},
        }  # fmt: skip

    def lines(self, language: str, *, most: int | None = SHOWN) -> Iterator[str]:
        """The comparison as text, by question. A group longer than ``most`` says how many lines are left out."""
        yield f"{self.old} → {self.new}"
        yield from (f"! {note}" for note in self.notes)
        if not self.changes:
            yield NOTHING.say(language)
            return
        for group, title in GROUPS.items():
            found = [each for each in self.changes if each.group == group]
            if not found:
                continue
            yield ""
            yield title.say(language)
            told = list(self._work(found, language) if group == "work" else _bullets(found, language))
            yield from told[:most]
            if most is not None and len(told) > most:
                left = fill("……另有 {n} 行；--all 全部列出", "… {n} more lines; --all lists them", n=len(told) - most)
                yield f"  {left.say(language)}"
        yield ""
        yield RUNNING.say(language)

    def _work(self, changes: list[Change], language: str) -> Iterator[str]:
        """Changes of steps by the role they concern."""
        for role in dict.fromkeys(role for each in changes for role in each.roles or ("",)):
            yield f"  {(self.roles[role] if role else EVERYBODY).say(language)}"
            own = [each for each in changes if role in (each.roles or ("",))]
            yield from (f"  {line}" for line in _bullets(own, language))


def _bullets(changes: Iterable[Change], language: str) -> Iterator[str]:
    marks = {"added": "+", "removed": "-", "changed": "~"}
    for each in changes:
        yield f"  {marks[each.sort]} {each.words.say(language)}"


def compare(old: str, new: str, today: date) -> Comparison:
    """What changes from one pack, folder or shipped city to another.

    :param today: holidays are compared from the first day of its year to the end of the next.
    :raises DomainError: one of them cannot be read.
    """
    with open_side(old) as first, open_side(new) as second:
        changes = tuple(dict.fromkeys(_changes(first, second, today)))
        names = {role: _role(first, second, role) for each in changes for role in each.roles}
        notes = tuple(dict.fromkeys((*first.notes, *second.notes)))
        labels = (first.label, second.label)
        if first.label == second.label and old != new:
            labels = (f"{first.label} ({old})", f"{second.label} ({new})")
        return Comparison(*labels, changes, notes, names, second.city.language)


def _role(old: Side, new: Side, role: str) -> Words:
    return new.role(role) if role in new.material.roles else old.role(role)


def _changes(old: Side, new: Side, today: date) -> Iterator[Change]:
    yield from compare_diagrams(old, new)
    yield from compare_forms(old, new)
    yield from compare_decisions(old, new)
    yield from compare_roles(old, new)
    yield from compare_working_time(old, new, today)
    yield from compare_catalogues(old, new)
    yield from compare_files(old, new)
    yield from compare_settings(old, new)
