"""Where files of evidence lie: one small interface, and the store of a database in memory.

A file is named after the SHA-256 of what was uploaded; copies made of it add their kind: ``<sha256>``,
``<sha256>.public``, ``<sha256>.thumbnail``. The same upload therefore lies there once, however often it is sent.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from engine.errors import DomainError, Invalid

ORIGINAL, PUBLIC, THUMBNAIL = "original", "public", "thumbnail"
COPIES = (ORIGINAL, PUBLIC, THUMBNAIL)
NAME = re.compile(r"[0-9a-f]{64}(\.public|\.thumbnail)?")


class StoreFailed(DomainError):
    """The store cannot be reached, refuses, or has lost a file."""


@dataclass(frozen=True)
class Stored:
    """A file that lies in a store; ``stored_at`` is when it was last put there, by the store's own clock."""

    name: str
    size: int
    stored_at: datetime


class Store(Protocol):
    """A place for files. Every method raises StoreFailed when the place fails."""

    def put(self, name: str, content: bytes) -> None:
        """Keep a file; it outlasts a crash once this returns. Putting it again makes it young again."""
        ...

    def get(self, name: str) -> bytes:
        """The bytes of a file. Raises StoreFailed when it is not there."""
        ...

    def find(self, name: str) -> Stored | None:
        """What is known of a file; none when it is not there."""
        ...

    def walk(self) -> Iterator[Stored]:
        """Every file there, in no order."""
        ...

    def delete(self, name: str) -> None:
        """Take a file away; nothing happens when it is not there."""
        ...

    def clear_unfinished(self, before: datetime) -> int:
        """Take away what writers that died left half written before a moment. Returns how many pieces."""
        ...

    def describe(self) -> str:
        """Where it is, for people; no secrets."""
        ...


def name_file(sha256: str, copy: str = ORIGINAL) -> str:
    """The name under which an upload, or a copy made of it, is kept."""
    return sha256 if copy == ORIGINAL else f"{sha256}.{copy}"


def check_name(name: str) -> str:
    """The name itself. Raises Invalid for anything that is none: it becomes a path."""
    if not NAME.fullmatch(name):
        raise Invalid(f"{name!r} names no file of evidence; names are a SHA-256 and perhaps .public or .thumbnail")
    return name


def check_content(name: str, content: bytes) -> bytes:
    """The content itself. Raises StoreFailed when an original is not what its name says."""
    if "." not in name and hashlib.sha256(content).hexdigest() != name:
        raise StoreFailed(f"file {name} of the evidence is damaged; restore it from a backup")
    return content


def missing(name: str, place: str) -> StoreFailed:
    """The failure for a file that should be there."""
    return StoreFailed(f"file {name} of the evidence is not in {place}; restore it from a backup")


class MemoryStore:
    """Files of a database in memory: they live as long as it does."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[bytes, datetime]] = {}

    def put(self, name: str, content: bytes) -> None:
        """See ``Store``."""
        self._files[check_name(name)] = (content, datetime.now(UTC))

    def get(self, name: str) -> bytes:
        """See ``Store``."""
        if name not in self._files:
            raise missing(name, self.describe())
        return check_content(name, self._files[name][0])

    def find(self, name: str) -> Stored | None:
        """See ``Store``."""
        found = self._files.get(name)
        return Stored(name, len(found[0]), found[1]) if found else None

    def walk(self) -> Iterator[Stored]:
        """See ``Store``."""
        for name, (content, stored_at) in list(self._files.items()):
            yield Stored(name, len(content), stored_at)

    def delete(self, name: str) -> None:
        """See ``Store``."""
        self._files.pop(name, None)

    def clear_unfinished(self, before: datetime) -> int:
        """See ``Store``: nothing is ever half written here."""
        return 0

    def describe(self) -> str:
        """See ``Store``."""
        return "memory"
