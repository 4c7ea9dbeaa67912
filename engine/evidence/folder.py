"""A folder of files: sharded by the first four letters of the name, written aside and moved into place."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar
from uuid import uuid4

from engine.evidence.store import NAME, Stored, StoreFailed, check_content, check_name, missing

INCOMING = "incoming"
P = ParamSpec("P")
R = TypeVar("R")


def told(function: Callable[P, R]) -> Callable[P, R]:
    """Tell failures of the file system as StoreFailed."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except OSError as error:
            raise StoreFailed(f"the folder of the evidence fails: {error}; check disk, mount and rights") from error

    return call


class FolderStore:
    """Files under ``root``. Several processes, and machines that mount the same folder, may use it at once.

    ``durable``: a file is on the disk, its folder's entry too, before ``put`` returns. Without it the system writes
    when it likes, which is enough where the database does not wait for the disk either.
    """

    def __init__(self, root: Path, *, durable: bool = True) -> None:
        self.root, self.durable = root, durable

    @told
    def put(self, name: str, content: bytes) -> None:
        """See ``Store``."""
        path = self._path(name)
        if self._renewed(path, len(content)):
            return
        self._make_folder(path.parent)
        aside = self.root / INCOMING / uuid4().hex
        self._make_folder(aside.parent)
        try:
            with aside.open("xb") as file:
                file.write(content)
                if self.durable:
                    file.flush()
                    os.fsync(file.fileno())
            aside.replace(path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        self._settle(path.parent)

    @told
    def get(self, name: str) -> bytes:
        """See ``Store``."""
        try:
            content = self._path(name).read_bytes()
        except FileNotFoundError:
            raise missing(name, self.describe()) from None
        return check_content(name, content)

    @told
    def find(self, name: str) -> Stored | None:
        """See ``Store``."""
        return self._stat(self._path(name))

    def walk(self) -> Iterator[Stored]:
        """See ``Store``."""
        for folder, folders, names in os.walk(self.root):
            if Path(folder) == self.root and INCOMING in folders:
                folders.remove(INCOMING)
            for name in names:
                stored = self._stat(Path(folder) / name) if NAME.fullmatch(name) else None
                if stored is not None:
                    yield stored

    @told
    def delete(self, name: str) -> None:
        """See ``Store``."""
        self._path(name).unlink(missing_ok=True)

    @told
    def clear_unfinished(self, before: datetime) -> int:
        """See ``Store``."""
        cleared = 0
        for path in (self.root / INCOMING).glob("*"):
            stored = self._stat(path)
            if stored is not None and stored.stored_at < before:
                path.unlink(missing_ok=True)
                cleared += 1
        return cleared

    def describe(self) -> str:
        """See ``Store``."""
        return f"folder {self.root}"

    def _path(self, name: str) -> Path:
        return self.root / check_name(name)[:2] / name[2:4] / name

    @told
    def _stat(self, path: Path) -> Stored | None:
        try:
            found = path.stat()
        except FileNotFoundError:
            return None
        return Stored(path.name, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))

    def _renewed(self, path: Path, size: int) -> bool:
        """Make a file that is there young again, so that no sweep takes it. One of another size is written anew."""
        try:
            if path.stat().st_size != size:
                return False
            os.utime(path)
        except FileNotFoundError:
            return False
        if self.durable:
            # Another process may have moved it there a moment ago, its folder not yet on the disk.
            self._settle(path.parent)
        return True

    def _make_folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        folder.mkdir(parents=True, exist_ok=True)
        for each in (folder.parent, *folder.parent.parents):
            self._settle(each)
            if each == self.root.parent:
                break

    def _settle(self, folder: Path) -> None:
        """Bring a folder's entries to the disk."""
        if not self.durable:
            return
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
