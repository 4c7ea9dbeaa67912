"""``overdue.csv``: who is told when a task is overdue, rung by rung; docs/reference/overdue.md describes it.

Columns ``task,after,recipients,text_zh,text_en,reason``. ``task`` is ``process/element``, ``process/*``, a role or
``*``; a task has the rungs of the most exact of these that has rows. ``after`` is a share of the task's limit, at least
``100 %``. Rows of core, plugins and city merge by both. ``recipients`` are ``role`` or ``role@scope`` with blanks
between, scopes perhaps ``${…}``, or ``none``, which takes the rung away and needs a ``reason``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from engine.errors import CityBroken
from engine.layers import Found, Layers
from engine.loading.tables import read_csv

FILE = "overdue.csv"
COLUMNS = ("task", "after", "recipients", "text_zh", "text_en", "reason")
ALL, NONE = "*", "none"
TASK = re.compile(r"\*|[A-Za-z]\w*(/(\*|[A-Za-z_][\w.-]*))?")
AFTER = re.compile(r"(\d{1,5})\s*%")
WORD = re.compile(r"(?:\$\{[^}]*\}|[^\s$])+")
RECIPIENT = re.compile(r"([A-Za-z]\w*)(?:@(\S.*))?")
NAMES = frozenset({"task", "role", "scope", "due", "percent", "case"})
"""What recipients and texts may read."""


@dataclass(frozen=True)
class Rung:
    """Who is told, of which tasks, after how many percent of the limit. No recipients: nobody is to be."""

    task: str
    percent: int
    recipients: tuple[str, ...]
    text_zh: str
    text_en: str
    reason: str
    found: Found
    line: int

    @property
    def off(self) -> bool:
        """Whether the row takes the rung away."""
        return not self.recipients


@dataclass(frozen=True)
class Fault:
    """What is wrong in a row."""

    found: Found
    line: int
    element: str
    message: str
    remedy: str


class OverdueBroken(CityBroken):
    """The files do not hold; ``faults`` are all of it."""

    def __init__(self, faults: list[Fault]) -> None:
        told = (f"{each.found.layer.name}: {FILE}: {each.element}: {each.message}; {each.remedy}" for each in faults)
        super().__init__("\n".join(told))
        self.faults = faults


@dataclass(frozen=True)
class Rungs:
    """All rungs of a city by what they are of, each from the lowest share up."""

    rows: Mapping[str, tuple[Rung, ...]]

    def rows_of(self, process: str, element: str, role: str) -> tuple[Rung, ...]:
        """The rows a task goes by, those that take a rung away included."""
        exact = (f"{process}/{element}", f"{process}/{ALL}", role, ALL)
        return next((self.rows[key] for key in exact if key in self.rows), ())

    def of(self, process: str, element: str, role: str) -> tuple[Rung, ...]:
        """The rungs of a task, from the lowest up; none when it has none."""
        return tuple(rung for rung in self.rows_of(process, element, role) if not rung.off)


def load_rungs(layers: Layers) -> Rungs:
    """The rungs of core, plugins and city. Raises OverdueBroken with every fault."""
    rungs, faults = read_rungs(layers)
    if faults:
        raise OverdueBroken(faults)
    return rungs


def read_rungs(layers: Layers) -> tuple[Rungs, list[Fault]]:
    """The rungs that can be read, and all faults. That two plugins have one key is told by ``loading.rivals``."""
    faults: list[Fault] = []
    winners: dict[tuple[str, int], Rung] = {}
    for found in layers.all_of(FILE):
        seen: set[tuple[str, int]] = set()
        for rung in _read(found, faults):
            key = (rung.task, rung.percent)
            if key in seen:
                message = f"{rung.percent} % stands twice in this file"
                faults.append(Fault(found, rung.line, rung.task, message, "keep one row"))
            seen.add(key)
            winners[key] = rung
    rows: dict[str, list[Rung]] = {}
    for key in sorted(winners):
        rows.setdefault(key[0], []).append(winners[key])
    spoken = _with_texts(rows, faults)
    return Rungs(MappingProxyType({task: tuple(rungs) for task, rungs in spoken.items()})), faults


def _with_texts(rows: dict[str, list[Rung]], faults: list[Fault]) -> dict[str, list[Rung]]:
    """Rows without a text say what the row ``*`` of the same share says, or the nearest below it."""
    usual = [rung for rung in rows.get(ALL, ()) if rung.text_zh and rung.text_en]
    spoken: dict[str, list[Rung]] = {}
    for task, rungs in rows.items():
        for rung in rungs:
            near = [each for each in usual if each.percent <= rung.percent] or usual
            if near:
                text_zh, text_en = rung.text_zh or near[-1].text_zh, rung.text_en or near[-1].text_en
                rung = replace(rung, text_zh=text_zh, text_en=text_en)
            if not rung.off and not (rung.text_zh and rung.text_en):
                remedy = f"fill text_zh and text_en, or write them in a row {ALL}"
                faults.append(Fault(rung.found, rung.line, task, "the row says nothing to those it tells", remedy))
            spoken.setdefault(task, []).append(rung)
    return spoken


def _read(found: Found, faults: list[Fault]) -> Iterator[Rung]:
    try:
        rows = list(read_csv(found.path, COLUMNS))
    except CityBroken as error:
        faults.append(Fault(found, 0, "header", error.message, f"its columns are {','.join(COLUMNS)}"))
        return
    for line, row in rows:
        task, after, who = row["task"], AFTER.fullmatch(row["after"]), row["recipients"]
        names = () if who == NONE else tuple(WORD.findall(who))
        told = ""
        if not TASK.fullmatch(task):
            told, remedy = f"{task!r} is no task", "write process/element, process/*, a role or *"
        elif after is None or int(after[1]) < 100:
            told = f"after {row['after']!r} is no share of a limit"
            remedy = "write 100 % or more; for an earlier warning put a timer on the task"
        elif not names and who != NONE:
            told, remedy = "the row tells nobody", "name a role, or write none and the reason"
        elif who == NONE and not row["reason"]:
            told, remedy = (
                "the rung is taken away without a reason",
                "say in the column reason why nobody needs to know",
            )
        elif wrong := [name for name in names if not RECIPIENT.fullmatch(name)]:
            told, remedy = f"{wrong[0]!r} is no recipient", "write role or role@scope, for instance unit_head@${scope}"
        if told:
            faults.append(Fault(found, line, task or "task", told, remedy))
        elif after is not None:
            yield Rung(task, int(after[1]), names, row["text_zh"], row["text_en"], row["reason"], found, line)
