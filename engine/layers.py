"""Find a file: core or plugin, then city; says which layer won.

A layer is a folder with the tree of docs/reference/diagrams.md. In the core the diagrams lie at the top of
``processes/`` and the other kinds in folders below it; plugins and cities have ``processes/`` beside the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

DIAGRAMS = "processes"


@dataclass(frozen=True)
class Layer:
    """One folder of files. ``flat`` marks the core, whose diagrams lie at its top."""

    name: str
    root: Path
    flat: bool = False

    def path(self, logical: str) -> Path:
        """Where the logical path would lie in this layer."""
        if self.flat and logical.startswith(f"{DIAGRAMS}/"):
            return self.root / logical.removeprefix(f"{DIAGRAMS}/")
        return self.root / logical

    def files(self, folder: str, suffix: str) -> Iterator[str]:
        """Logical paths of the files directly in ``folder`` that end with ``suffix``, sorted."""
        home = self.path(f"{folder}/x").parent
        if home.is_dir():
            for path in sorted(home.iterdir()):
                if path.is_file() and path.name.endswith(suffix):
                    yield f"{folder}/{path.name}"


@dataclass(frozen=True)
class Found:
    """A file and the layer that supplied it; ``beaten`` are the layers below that also have it."""

    logical: str
    path: Path
    layer: Layer
    beaten: tuple[Layer, ...] = ()

    def read(self) -> str:
        """The file's text."""
        return self.path.read_text(encoding="utf-8")


class Layers:
    """The layers of one city, lowest first: core, plugins, city."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = tuple(layers)

    def find(self, logical: str) -> Found | None:
        """The winning file for a logical path, or none."""
        holders = [layer for layer in self.layers if layer.path(logical).is_file()]
        if not holders:
            return None
        return Found(logical, holders[-1].path(logical), holders[-1], tuple(holders[:-1]))

    def all_of(self, logical: str) -> list[Found]:
        """Every layer's file of this logical path, lowest first, for files that merge by key."""
        return [Found(logical, layer.path(logical), layer) for layer in self.layers if layer.path(logical).is_file()]

    def listing(self, folder: str, suffix: str) -> list[Found]:
        """The winning file of every logical path in ``folder``, sorted by name."""
        logicals = {logical for layer in self.layers for logical in layer.files(folder, suffix)}
        return [found for logical in sorted(logicals) if (found := self.find(logical))]


def core_root() -> Path:
    """The folder of the core's own diagrams, decisions, forms and catalogue."""
    return Path(__file__).resolve().parent.parent / "processes"
