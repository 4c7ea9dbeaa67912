"""What one writer asked for and what it was answered, in a file that only grows and outlives the writer."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Deed:
    """One request: ``kind`` is complete, report or photo. Whatever it is sent again with is exactly this."""

    key: str
    kind: str
    login: str
    request: dict[str, Any]


@dataclass
class Book:
    """The contents of ledgers: every deed, and its answer or the reason of its refusal once there was one.

    ``differing`` are answers to a deed sent again that were not the first answer.
    """

    deeds: dict[str, Deed] = field(default_factory=dict)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)
    differing: list[str] = field(default_factory=list)
    resent: int = 0
    committed: int = 0

    @property
    def unanswered(self) -> list[Deed]:
        """Deeds of which nobody knows whether they were done: the writer was killed before the answer."""
        return [deed for key, deed in self.deeds.items() if key not in self.answers and key not in self.refusals]

    def answered(self, kind: str) -> list[tuple[Deed, dict[str, Any]]]:
        """Answered deeds of a kind with their answers."""
        return [(self.deeds[key], answer) for key, answer in self.answers.items() if self.deeds[key].kind == kind]

    def count(self, kind: str) -> int:
        """How many deeds of a kind were answered."""
        return len(self.answered(kind))

    def read(self, lines: Iterable[str]) -> None:
        """Add the lines of a ledger. One that was torn by a kill says nothing."""
        for text in lines:
            try:
                line = json.loads(text)
            except ValueError:
                continue
            key = line["key"]
            if "deed" in line:
                self.deeds[key] = Deed(**line["deed"])
            elif "again" in line:
                self.resent += 1
                self.committed += line["again"]
            elif "refusal" in line and key in self.answers:
                self.differing.append(f"{key} was answered {self.answers[key]} and later refused: {line['refusal']}")
            elif "refusal" in line:
                self.refusals[key] = line["refusal"]
            elif self.answers.setdefault(key, line["answer"]) != line["answer"]:
                self.differing.append(f"{key} was answered {self.answers[key]} and later {line['answer']}")


def read_book(paths: Iterable[Path]) -> Book:
    """What all these ledgers say."""
    book = Book()
    for path in paths:
        if path.exists():
            book.read(path.read_text(encoding="utf-8", errors="replace").splitlines())
    return book


class Ledger:
    """A writer's ledger. What was in it when it was opened is ``book``."""

    def __init__(self, path: Path) -> None:
        self.book = read_book([path])
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        end = os.lseek(self._file, 0, os.SEEK_END)
        if end and os.pread(self._file, 1, end - 1) != b"\n":
            os.write(self._file, b"\n")  # a kill tore the last line

    def ask(self, deed: Deed) -> None:
        """Note a deed about to be done."""
        self._write({"key": deed.key, "deed": asdict(deed)})

    def ask_again(self, deed: Deed, *, committed: bool) -> None:
        """Note that a deed without an answer is sent again, and whether it had been done by then."""
        self._write({"key": deed.key, "again": committed})

    def note_answer(self, deed: Deed, answer: dict[str, Any]) -> None:
        """Note an answer for good: it was given, from now on it must hold."""
        self._write({"key": deed.key, "answer": answer})
        os.fsync(self._file)

    def note_refusal(self, deed: Deed, reason: str) -> None:
        """Note that the deed was refused."""
        self._write({"key": deed.key, "refusal": reason})

    def _write(self, line: dict[str, Any]) -> None:
        os.write(self._file, json.dumps(line, ensure_ascii=False).encode() + b"\n")
