"""What a workload found: a table, remarks and verdicts; as text for people and as JSON for machines."""

from __future__ import annotations

import statistics
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

Cell = str | int | float | None


@dataclass(frozen=True)
class Verdict:
    """A claim about a ratio or a time, and whether this run bears it out."""

    claim: str
    value: float
    bound: float
    aim: float | None = None
    at_least: bool = True

    @property
    def met(self) -> bool:
        """Whether the bound holds."""
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def text(self) -> str:
        """One line."""
        sign = "≥" if self.at_least else "≤"
        aim = f", aim {sign} {self.aim:g}" if self.aim is not None else ""
        return (
            f"{'met    ' if self.met else 'NOT MET'}  {self.claim}: {self.value:.2f} (asked {sign} {self.bound:g}{aim})"
        )


@dataclass(frozen=True)
class Section:
    """The result of one workload; a row maps a column to its cell."""

    name: str
    title: str
    rows: Sequence[Mapping[str, Cell]] = ()
    notes: Sequence[str] = ()
    verdicts: Sequence[Verdict] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        """The section as people read it."""
        lines = [f"\n## {self.title}\n"]
        if self.rows:
            lines += table(self.rows)
        lines += [f"  {note}" for note in self.notes]
        lines += [f"  {verdict.text()}" for verdict in self.verdicts]
        return "\n".join(lines)

    def markdown(self, where: str) -> str:
        """The section as the README keeps it; ``where`` names the day and the machine."""
        lines = [f"### {self.title}", "", f"`python -m benchmarks --only {self.name}`: {where}", ""]
        if self.rows:
            lines += [*table(self.rows), ""]
        lines += [f"* {note}" for note in self.notes]
        lines += [f"* {verdict.text().replace('NOT MET  ', '**not met**: ').replace('met      ', 'met: ')}"
                  for verdict in self.verdicts]  # fmt: skip
        return "\n".join(lines).rstrip() + "\n"

    def to_json(self) -> dict[str, Any]:
        """The section as a machine reads it."""
        verdicts = [{**asdict(verdict), "met": verdict.met} for verdict in self.verdicts]
        rows = [dict(row) for row in self.rows]
        return {
            "name": self.name, "title": self.title, "rows": rows, "notes": list(self.notes), "verdicts": verdicts,
            "details": dict(self.details),
        }  # fmt: skip


def table(rows: Sequence[Mapping[str, Cell]]) -> list[str]:
    """A Markdown table whose columns stand in line."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    cells = [columns, *([show(row.get(column)) for column in columns] for row in rows)]
    widths = [max(width(line[at]) for line in cells) for at in range(len(columns))]
    numeric = [all(not isinstance(row.get(column), str) for row in rows) for column in columns]

    def line(values: Sequence[str]) -> str:
        padded = (
            " " * (widths[at] - width(value)) + value if numeric[at] else value + " " * (widths[at] - width(value))
            for at, value in enumerate(values)
        )
        return f"| {' | '.join(padded)} |"

    rule = "|" + "|".join("-" * (w + 1) + (":" if numeric[at] else "-") for at, w in enumerate(widths)) + "|"
    return [line(columns), rule, *(line(values) for values in cells[1:])]


def show(cell: Cell) -> str:
    """A cell with as many digits as are worth reading."""
    if cell is None:
        return "–"
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.1f}" if abs(cell) >= 10 else f"{cell:.2f}"
    return f"{cell:,}" if isinstance(cell, int) else cell


def width(text: str) -> int:
    """Columns the text takes in a terminal."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which that share lies; 0 of nothing."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def times(values: Sequence[float], unit: str = "ms") -> dict[str, Cell]:
    """Median, best and p99 of seconds, as columns in milliseconds."""
    return {
        f"median {unit}": statistics.median(values) * 1000 if values else None,
        f"best {unit}": min(values) * 1000 if values else None,
        f"p99 {unit}": quantile(values, 0.99) * 1000 if values else None,
    }
