"""What a check finds: the file, the element, what is wrong with it and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import Any, Literal

from engine.errors import CityBroken
from engine.layers import Found


@dataclass(frozen=True)
class Finding:
    """One fault (``error``: the city cannot run) or doubt (``warning``: it runs, perhaps not as meant).

    ``file`` is the path inside its layer, ``layer`` the core, a plugin or the city; ``element`` names the element,
    field, code or key; ``line`` counts from 1 where it is known. ``excerpt`` is the text of an expression with a caret
    under the character at fault, on two lines.
    """

    severity: Literal["error", "warning"]
    file: str
    element: str
    message: str
    remedy: str
    line: int | None = None
    layer: str = ""
    excerpt: str = ""

    def __str__(self) -> str:
        return f"{self.file}: {self.element}: {self.message}; {self.remedy}"

    def to_json(self) -> dict[str, Any]:
        """As ``wangge check --json`` prints it."""
        return asdict(self)


@dataclass(frozen=True)
class Source:
    """A file under check, from which its findings are made."""

    file: str
    layer: str = ""

    @classmethod
    def of(cls, found: Found) -> Source:
        """The source of a file found in the layers."""
        return cls(found.logical, found.layer.name)

    def error(self, element: str, message: str, remedy: str, line: int | None = None, excerpt: str = "") -> Finding:
        """A fault in this file."""
        return Finding("error", self.file, element, message, remedy, line or None, self.layer, excerpt)

    def warning(self, element: str, message: str, remedy: str, line: int | None = None) -> Finding:
        """A doubt about this file."""
        return Finding("warning", self.file, element, message, remedy, line or None, self.layer)


def errors_of(findings: Iterable[Finding]) -> list[Finding]:
    """The faults among findings."""
    return [finding for finding in findings if finding.severity == "error"]


def refuse_broken(findings: Iterable[Finding]) -> None:
    """Raise CityBroken with every error, one a line; warnings alone pass."""
    errors = errors_of(findings)
    if errors:
        raise CityBroken("\n".join(str(finding) for finding in errors))


def split_remedy(text: str, otherwise: str) -> tuple[str, str]:
    """Message and remedy of an error text written as the house writes them: ``what is wrong; what to do``."""
    message, separator, remedy = text.rpartition("; ")
    return (message, remedy) if separator else (text, otherwise)


def suggest(word: str, known: Iterable[object], otherwise: str) -> str:
    """A remedy that offers the nearest known word first."""
    close = get_close_matches(word, [str(each) for each in known], 1)
    return f"did you mean {close[0]}? Otherwise {otherwise}" if close else otherwise
