"""Where a file or a row of it comes from: which layers have it, which one won and why, and how a city overrides it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import tomlkit

from engine.city import City
from engine.errors import Conflict, Invalid, NotFound
from engine.layers import Found
from engine.packs.kinds import Kind, holders, kind_of, nearest
from engine.packs.pieces import Piece, merged, pieces_of

WHY = {
    "whole": "the highest layer's file replaces the others whole: core, then plugins, then the city",
    "rows": "rows of all layers merge by key ({key}); for a key the highest layer's row counts",
    "tables": "tables of all layers merge by name; for a key of a table the highest layer counts",
    "features": "features of all layers merge by {key}; the highest layer's counts",
    "city": "the city alone has this file: no core and no plugin brings one",
}
WHOLE_TABLES = "tables of all layers merge by code; the highest layer's table replaces the others whole"
PLUGINS_OWN = {
    "settings.toml": "a plugin declares its settings there; a city gives values under [settings.<plugin>] in city.toml",
}
SPECIAL = {
    "roles.csv": "; a row whose permissions begin with + adds them to the role below it",
    "catalogue/synonyms.csv": "; words add up, and a word written with - takes one away",
}


@dataclass(frozen=True)
class Step:
    """What one layer says about a file or row, lowest first. ``what`` is how it counts: wins, replaced, adds, merged,
    left out."""

    layer: str
    path: Path
    what: str
    piece: Piece | None = None


@dataclass(frozen=True)
class Whereabouts:
    """Which layers have a file (or ``key`` of it). ``text`` is the piece in force, ``own`` where the city's file is
    or would be."""

    logical: str
    kind: Kind
    key: str
    steps: tuple[Step, ...]
    why: str
    own: Path
    piece: Piece | None = None
    notes: tuple[str, ...] = ()

    @property
    def is_own(self) -> bool:
        """Whether the city has a file (or row) of its own."""
        return any(step.path == self.own for step in self.steps)

    @property
    def suggestion(self) -> str:
        """What to do to override it."""
        if self.is_own:
            return f"it is the city's own: edit {self.own}"
        if self.kind.how == "city":
            return f"write it at {self.own}"
        if self.kind.how in ("rows", "tables", "features") and not self.key:
            return (
                f"name a row of it, and copy that to {self.own} (--copy does it); the other rows stay with their layer"
            )
        return f"copy it to {self.own} and edit that (--copy does it)"

    def to_json(self) -> dict[str, Any]:
        """As ``wangge where --json`` prints it."""
        return {
            "file": self.logical, "key": self.key, "merge": self.kind.how, "why": self.why,
            "layers": [
                {"layer": each.layer, "path": str(each.path), "counts": each.what, "says": plain(each.piece)}
                for each in self.steps
            ],
            "in_force": plain(self.piece), "city_file": str(self.own), "suggestion": self.suggestion,
            "notes": list(self.notes),
        }  # fmt: skip


def plain(piece: Piece | None) -> dict[str, Any] | None:
    """A piece without the geometry of a feature."""
    return None if piece is None else {name: value for name, value in piece.items() if name}


def logical_of(city: City, given: str) -> str:
    """The logical path of what people write: that path itself, or the path of a file inside a layer's folder."""
    path = Path(given)
    if path.is_absolute() or path.is_file():
        for layer in reversed(city.layers.layers):
            if path.resolve().is_relative_to(layer.root.resolve()):
                inside = path.resolve().relative_to(layer.root.resolve()).as_posix()
                return f"processes/{inside}" if layer.flat and inside.endswith(".bpmn") else inside
    return path.as_posix().removeprefix("./")


def find_where(city: City, given: str, keys: Sequence[str] = ()) -> Whereabouts:
    """Which layers have a file, or a row of it.

    :raises NotFound: nobody reads such a file, no layer has it, or it has no such row; the message names the nearest.
    :raises Invalid: rows are asked of a file that wins or loses as a whole.
    """
    logical, key = logical_of(city, given), "/".join(keys)
    kind = kind_of(logical)
    if kind is None and logical in PLUGINS_OWN:
        raise NotFound(f"no city has {logical}: {PLUGINS_OWN[logical]}")
    if kind is None:
        close = nearest(logical, city)
        more = f"; did you mean {close}?" if close else "; docs/reference/packs.md lists the files of a layer"
        raise NotFound(f"nobody reads {logical}: no file of core, plugin or city has such a name{more}")
    files = holders(city, logical, kind)
    if not files:
        raise _absent(city, logical, kind)
    own = city.layers.layers[-1].path(logical)
    why = WHY[kind.how].format(key=", ".join(kind.key) or "name") + SPECIAL.get(kind.pattern, "")
    why = WHOLE_TABLES if kind.inside else why
    notes = tuple(_left_out(city, logical, kind))
    if not key:
        return Whereabouts(logical, kind, "", tuple(_steps(files, kind)), why, own, None, notes)
    if kind.how == "whole" or (kind.how == "city" and not kind.key and not logical.endswith(".toml")):
        raise Invalid(f"{logical} has no rows that merge: it wins or loses as a whole; leave out {key!r}")
    return _where_row(files, Whereabouts(logical, kind, key, (), why, own, None, notes))


def _absent(city: City, logical: str, kind: Kind) -> NotFound:
    close = nearest(logical, city)
    there = f"did you mean {close}? Otherwise " if close and close != logical else ""
    if others := _not_enabled(city, logical):
        there = f"the plugin {' and '.join(others)} has it, but the city does not enable that; enable it, or "
    own = city.layers.layers[-1].path(logical)
    return NotFound(f"no layer has {logical} ({kind.en}); {there}write the city's own at {own}")


def _left_out(city: City, logical: str, kind: Kind) -> list[str]:
    core = city.layers.layers[0]
    if kind.inherited and not city.inherit_catalogue and core.path(logical).is_file():
        return [f"the core's {logical} is left out: city.toml says [catalogue] inherit = false"]
    others = _not_enabled(city, logical) if kind.how == "whole" else []
    return [f"the plugin {name} has one too, but the city does not enable it" for name in others]


def _not_enabled(city: City, logical: str) -> list[str]:
    """Installed plugins that have the file but are not enabled."""
    others = sorted(set(city.plugin_roots) - set(city.plugins))
    return [name for name in others if (city.plugin_roots[name] / logical).is_file()]


def _steps(files: Sequence[Found], kind: Kind) -> list[Step]:
    last = files[-1]
    otherwise = "replaced" if kind.how in ("whole", "city") else "merged"
    return [
        Step(each.layer.name, each.path, "wins" if each is last and otherwise == "replaced" else otherwise)
        for each in files
    ]


def _where_row(files: Sequence[Found], about: Whereabouts) -> Whereabouts:
    kind, key = about.kind, about.key
    having = [(found, pieces) for found in files if key in (pieces := pieces_of(found, kind))]
    force = merged(list(files), kind)
    if not having:
        close = get_close_matches(key, list(force), 1, 0.4)
        known = f"did you mean {close[0]}?" if close else f"it has {', '.join(list(force)[:8])} …"
        raise NotFound(f"no layer's {about.logical} has a row {key!r}; {known}")
    steps = []
    for number, (found, pieces) in enumerate(having):
        piece, top = pieces[key], number == len(having) - 1
        what = "wins" if top else "replaced"
        if _adds(kind, piece):
            what = "adds" if number else "wins"
        elif not top and _adds(kind, having[-1][1][key]):
            what = "added to"
        elif kind.pattern == "translations/*.csv" and not piece.get("text"):
            what = "left out: the text is empty"
        elif kind.how == "tables" and not kind.inside and not top:
            what = "merged"
        steps.append(Step(found.layer.name, found.path, what, piece))
    return Whereabouts(
        about.logical, kind, key, tuple(steps), about.why, about.own, force.get(key), about.notes
    )  # fmt: skip


def _adds(kind: Kind, piece: Piece) -> bool:
    """Whether a row adds to the one below it instead of replacing it."""
    if kind.pattern == "roles.csv":
        return str(piece.get("permissions", "")).startswith("+")
    return kind.pattern == "catalogue/synonyms.csv"


def copy_to_city(about: Whereabouts) -> Path:
    """Copy what is in force into the city's folder, to be changed there. Returns the city's file.

    :raises Conflict: the city has its own already. :raises Invalid: a row must be named, or there is nothing to copy.
    """
    if about.is_own:
        raise Conflict(f"{about.own} has it already; edit it there")
    if about.kind.how == "whole":
        about.own.parent.mkdir(parents=True, exist_ok=True)
        about.own.write_bytes(about.steps[-1].path.read_bytes())
        return about.own
    if about.kind.how not in ("rows", "tables") or about.piece is None:
        raise Invalid(f"{about.logical} merges with the layers below; name the row to copy: {about.logical} KEY")
    about.own.parent.mkdir(parents=True, exist_ok=True)
    if about.kind.how == "tables":
        _append_table(about.own, about.kind, about.key, about.piece)
    else:
        _append_row(about.own, about.piece)
    return about.own


def _append_row(path: Path, piece: Piece) -> None:
    before = path.read_text(encoding="utf-8-sig") if path.is_file() else ""
    header = next(csv.reader(io.StringIO(before)), []) or list(piece)
    missing = [name for name, value in piece.items() if value and name not in header]
    if missing:
        raise Conflict(f"{path} has no column {', '.join(missing)}; add it to the first line, then copy again")
    text = io.StringIO()
    writer = csv.DictWriter(text, header, lineterminator="\n", extrasaction="ignore", restval="")
    if not before:
        writer.writeheader()
    writer.writerow(dict(piece))
    path.write_text(before + ("" if not before or before.endswith("\n") else "\n") + text.getvalue(), encoding="utf-8")


def _append_table(path: Path, kind: Kind, key: str, piece: Piece) -> None:
    document = tomlkit.parse(path.read_text(encoding="utf-8")) if path.is_file() else tomlkit.document()
    home: Any = document
    if kind.inside:
        home = document.setdefault(kind.inside, tomlkit.table(True))
    home[key] = dict(piece)
    path.write_text(tomlkit.dumps(document), encoding="utf-8")
