"""Case files kept between acts, so that an act on a case that was moved lately reads nothing.

A file is taken off the shelf while an act has it and put back only after its commit; a rollback drops it, because
what is in memory may then be ahead of the database. Other workers may have moved the case meanwhile: the write finds
out by the versions, and the act runs again on what is there then. Safe with many threads; one shelf a city.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from uuid import UUID

from engine.casefile.file import CaseFile


class Shelf:
    """A bounded store of case files by instance id, the least lately used going first."""

    def __init__(self, size: int = 512) -> None:
        self.size = size
        self._lock = Lock()
        self._files: OrderedDict[int, CaseFile] = OrderedDict()
        self._of_task: dict[UUID, int] = {}

    def __len__(self) -> int:
        return len(self._files)

    def take(self, instance_id: int) -> CaseFile | None:
        """The file of an instance, off the shelf; none when it is not here."""
        with self._lock:
            file = self._files.pop(instance_id, None)
            if file is not None:
                self._forget_tasks(file)
        if file is not None:
            file.remembered = True
        return file

    def take_by_task(self, task_id: UUID) -> CaseFile | None:
        """The file on which a task is open, off the shelf; none when it is not here."""
        instance_id = self._of_task.get(task_id)
        file = self.take(instance_id) if instance_id is not None else None
        if file is not None and task_id not in file.tasks:
            self.put(file)  # it has moved on between the two looks
            return None
        return file

    def put(self, file: CaseFile) -> None:
        """Keep a file as the database has it now."""
        with self._lock:
            key = file.instance.id
            there = self._files.get(key)
            if there is not None and there.instance.version > file.instance.version:
                return  # another act was faster, its file is the newer one
            if there is not None:
                self._forget_tasks(there)
            self._files[key] = file
            self._files.move_to_end(key)
            for task_id in file.tasks:
                self._of_task[task_id] = key
            while len(self._files) > self.size:
                self._forget_tasks(self._files.popitem(last=False)[1])

    def _forget_tasks(self, file: CaseFile) -> None:
        for task_id in file.tasks:
            self._of_task.pop(task_id, None)
