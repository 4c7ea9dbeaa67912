"""Live instances kept between steps, guarded by the instance's version; safe with many threads and workers.

An instance is taken out of the cache while a transaction works on it and put back only after that transaction has
committed. A rollback drops it: what is in memory may then be ahead of the database, and the row is the truth.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from engine.models import Instance
from engine.workflow.codec import decode
from engine.workflow.definitions import Definition
from engine.workflow.specs import CaseWorkflow


class LiveInstances:
    """A bounded cache of live instances. Keys are (database, instance id); a stale version is never used."""

    def __init__(self, size: int = 512) -> None:
        self.size = size
        self._held_key = f"wangge.live.{id(self)}"
        self._versions_key = f"{self._held_key}.versions"
        self._lock = Lock()
        self._kept: OrderedDict[int, tuple[int, CaseWorkflow]] = OrderedDict()

    def take(self, session: Session, instance: Instance, definition: Definition) -> CaseWorkflow:
        """The live instance for a row, for the rest of this transaction."""
        held = self._held(session)
        if instance.id in held:
            return held[instance.id][1]
        with self._lock:
            version, workflow = self._kept.pop(instance.id, (None, None))
        if workflow is None or version != instance.version:
            workflow = decode(instance.state, definition, instance.process)
        held[instance.id] = (instance, workflow)
        return workflow

    def read(self, instance: Instance, definition: Definition) -> CaseWorkflow:
        """A copy to look at; what acts on the case keeps its own."""
        return decode(instance.state, definition, instance.process)

    def adopt(self, session: Session, instance: Instance, workflow: CaseWorkflow) -> None:
        """Hold an instance that this transaction has just started."""
        self._held(session)[instance.id] = (instance, workflow)

    def _held(self, session: Session) -> dict[int, tuple[Instance, CaseWorkflow]]:
        held: dict[int, tuple[Instance, CaseWorkflow]] | None = session.info.get(self._held_key)
        if held is None:
            held = session.info[self._held_key] = {}
            event.listen(session, "before_commit", self._note_versions)
            event.listen(session, "after_commit", self._put_back)
            event.listen(session, "after_rollback", self._drop)
        return held

    def _note_versions(self, session: Session) -> None:
        session.flush()
        session.info[self._versions_key] = {
            key: (instance.version, workflow) for key, (instance, workflow) in session.info[self._held_key].items()
        }

    def _put_back(self, session: Session) -> None:
        kept: dict[int, tuple[int, Any]] = session.info.pop(self._versions_key, {})
        session.info[self._held_key].clear()
        with self._lock:
            for key, (version, workflow) in kept.items():
                if not workflow.completed:
                    workflow.step = None
                    self._kept[key] = (version, workflow)
                    self._kept.move_to_end(key)
            while len(self._kept) > self.size:
                self._kept.popitem(last=False)

    def _drop(self, session: Session) -> None:
        session.info[self._held_key].clear()
        session.info.pop(self._versions_key, None)
