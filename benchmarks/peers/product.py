"""The product as its host drives it: one session a request, ``report_case`` and ``complete_task``."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from benchmarks.peer import Open, Peer
from benchmarks.town import BenchTown
from engine.cases.tasks import complete_task


class Product(Peer):
    """The real path: access check, form, engine, task list, due index, history, outbox, case row, one commit."""

    name = "Wangge"

    def __init__(self, town: BenchTown) -> None:
        self.town = town

    def start(self) -> Open:
        with self.town.sessions() as session:
            return _first(self.town.report(session))

    def complete(self, task: Open, answers: dict[str, Any]) -> Open | None:
        town = self.town
        with town.sessions() as session:
            standing = complete_task(session, town.platform, town.actors[task.element], task.key, answers, now=town.now)
        return _first(standing) if standing["tasks"] else None


def _first(standing: dict[str, Any]) -> Open:
    task = standing["tasks"][0]
    return Open(UUID(task["id"]), task["element"])
