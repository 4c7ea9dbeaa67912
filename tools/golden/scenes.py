"""The scenes of ``scenes.toml``: how to get where a state is kept, and how to go on from there."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("scenes.toml")

Table = dict[str, Any]
"""A step as it is written, see docs/reference/scenarios.md."""


@dataclass(frozen=True)
class Scene:
    """One scene. Its case runs ``process``; ``other`` is the process of a second case, reported first, if any."""

    name: str
    title: str
    process: str
    other: str | None
    report: Mapping[str, Any]
    before: tuple[Table, ...]
    after: tuple[Table, ...]


def read_scenes(path: Path = FILE) -> list[Scene]:
    """All scenes, their stretches laid out. Raises ValueError for a stretch that is missing or leads into itself."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    stretches: Mapping[str, list[Table]] = content["stretches"]
    return [
        Scene(
            name=entry["name"],
            title=entry["title"],
            process=entry.get("process", "case"),
            other=entry.get("other"),
            report={**content["report"], **entry.get("report", {})},
            before=tuple(lay_out(entry["before"], stretches)),
            after=tuple(lay_out(entry["after"], stretches)),
        )
        for entry in content["scene"]
    ]


def lay_out(
    steps: Sequence[Table], stretches: Mapping[str, Sequence[Table]], inside: tuple[str, ...] = ()
) -> Iterator[Table]:
    """The steps with their stretches laid out; what is expected of a stretch is expected of its last step."""
    for step in steps:
        name = step.get("stretch")
        if name is None:
            yield step
            continue
        if name not in stretches or name in inside:
            raise ValueError(f"stretch {name!r} is missing or leads into itself; correct {FILE.name}")
        *first, last = lay_out(stretches[name], stretches, (*inside, name))
        yield from first
        yield {**last, **({"expect": step["expect"]} if "expect" in step else {})}
