"""What is different between two versions of the ground: in words, and as GeoJSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from shapely.geometry import mapping
from sqlalchemy.orm import Session

from engine.ground.feature import Feature
from engine.ground.layer_kinds import GroundLayer
from engine.ground.topology import NOISE_M2, Plane
from engine.ground.versions import lineage, state_of

ABOVE = {"divisions": "parent", "duty_grids": "subdistrict", "unit_grids": "community"}
"""The property that says where an area belongs."""
LEAST_SHARE = 0.01
"""A smaller share of an area that is gone comes from how borders are drawn."""
SAME_SHARE = 0.99
"""An area that is new on the ground of one that is gone is that area under another code."""
WORDS = {
    "added": ("新增", "is new"),
    "gone": ("撤销", "is gone"),
    "into": ("，原范围并入 {areas}", "; its ground belongs to {areas} now"),
    "shape": ("边界变化", "its shape changed"),
    "sizes": ("（增加 {more} m²，减少 {less} m²）", " ({more} m² more, {less} m² less)"),
    "moved": ("由 {before} 划归 {after}", "moved from {before} to {after}"),
    "recoded": ("编码由 {before} 改为 {after}", "its code changed from {before} to {after}"),
    "values": ("{name}：{before} → {after}", "{name}: {before} → {after}"),
    "empty": ("（空）", "(empty)"),
}
"""In Chinese and English."""


@dataclass(frozen=True)
class Difference:
    """One area that differs. ``kinds``: ``added``, ``gone``, ``recoded`` (the same ground under another code, which is
    ``code``), ``shape``, ``moved`` (to another community), ``values``; several may hold.

    ``geometry`` is the area afterwards, or before where it is gone. ``more_m2`` and ``less_m2`` say how much ground a
    changed shape won and lost; ``into`` which areas hold what is gone, with their shares.
    """

    layer: str
    code: str
    kinds: tuple[str, ...]
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    geometry: Any
    more_m2: float = 0.0
    less_m2: float = 0.0
    into: tuple[tuple[str, float], ...] = field(default=())

    def words(self, language: str = "en") -> str:
        """The difference as a sentence without a full stop."""
        at = 0 if language == "zh" else 1

        def say(key: str, **values: Any) -> str:
            return WORDS[key][at].format(**values)

        if "added" in self.kinds:
            return say("added")
        if "gone" in self.kinds:
            areas = "、" if at == 0 else ", "
            held = areas.join(f"{code} ({share:.0%})" for code, share in self.into)
            return say("gone") + (say("into", areas=held) if held else "")
        told: list[str] = []
        above = ABOVE.get(self.layer)
        if "recoded" in self.kinds:
            told.append(say("recoded", before=self.before["code"], after=self.after["code"]))
        if "moved" in self.kinds and above:
            told.append(
                say("moved", before=self.before[above] or say("empty"), after=self.after[above] or say("empty"))
            )
        if "shape" in self.kinds:
            sizes = say("sizes", more=f"{self.more_m2:,.0f}", less=f"{self.less_m2:,.0f}")
            told.append(say("shape") + (sizes if self.more_m2 or self.less_m2 else ""))
        for name in self.before:
            if name != "code" and (name != above or "moved" not in self.kinds):
                before, after = self.before[name], self.after[name]
                told.append(say("values", name=name, before=_shown(before, say), after=_shown(after, say)))
        return ("；" if at == 0 else "; ").join(told)

    def to_feature(self, language: str = "en") -> dict[str, Any]:
        """As a GeoJSON feature, WGS-84."""
        properties = {
            "layer": self.layer, "code": self.code, "kinds": list(self.kinds), "words": self.words(language),
            "before": dict(self.before), "after": dict(self.after), "more_m2": round(self.more_m2, 1),
            "less_m2": round(self.less_m2, 1), "into": {code: round(share, 4) for code, share in self.into},
        }  # fmt: skip
        return {
            "type": "Feature", "id": f"{self.layer}/{self.code}", "properties": properties,
            "geometry": mapping(self.geometry),
        }  # fmt: skip


def diff_versions(
    session: Session, layers: Mapping[str, GroundLayer], before: int, after: int, only: str | None = None
) -> list[Difference]:
    """What version ``after`` says otherwise than ``before``, by layer and code.

    :param only: one layer.
    :raises NotFound: there is no such version.
    """
    older, newer = lineage(session, before), lineage(session, after)
    found: list[Difference] = []
    for layer in layers.values():
        if only is None or layer.name == only:
            found += diff_states(layer, state_of(session, layer, older), state_of(session, layer, newer))
    return found


def diff_states(layer: GroundLayer, older: Mapping[str, Feature], newer: Mapping[str, Feature]) -> list[Difference]:
    """What is different between two states of a layer, by code."""
    found: list[Difference] = []
    recoded: dict[str, str] = {}
    for each in _gone(layer, older, newer):
        heir = _heir(each, older, newer)
        if heir is None:
            found.append(each)
        else:
            recoded[heir] = each.code
    for code in newer.keys() - older.keys() - recoded.keys():
        found.append(Difference(layer.name, code, ("added",), {}, newer[code].properties, newer[code].geometry))
    pairs = {code: code for code in older.keys() & newer.keys()} | recoded
    changes = [_changed(layer, code, older[old], newer[code]) for code, old in pairs.items()]
    found += [change for change in changes if change is not None]
    return sorted(found, key=lambda difference: difference.code)


def _changed(layer: GroundLayer, code: str, one: Feature, other: Feature) -> Difference | None:
    """What is different about one area, nothing when it is the same."""
    names = [name for name in layer.properties if one.properties.get(name) != other.properties.get(name)]
    redrawn = not shapely.equals_exact(one.geometry, other.geometry, 0)
    if not names and not redrawn:
        return None
    above = ABOVE.get(layer.name)
    more, less = _sizes(one.geometry, other.geometry) if redrawn and layer.kind != "line" else (0.0, 0.0)
    told = {
        "recoded": "code" in names, "moved": above in names, "shape": redrawn,
        "values": any(name not in ("code", above) for name in names),
    }  # fmt: skip
    return Difference(
        layer.name, code, tuple(kind for kind, holds in told.items() if holds),
        {name: one.properties.get(name) for name in names}, {name: other.properties.get(name) for name in names},
        other.geometry, more, less,
    )  # fmt: skip


def _heir(gone: Difference, older: Mapping[str, Feature], newer: Mapping[str, Feature]) -> str | None:
    """The new area that is an area that is gone under another code."""
    if not gone.into:
        return None
    code, share = gone.into[0]
    same_size = gone.geometry.area >= SAME_SHARE * newer[code].geometry.area
    return code if code not in older and share >= SAME_SHARE and same_size else None


def count_kinds(differences: Sequence[Difference]) -> dict[str, dict[str, int]]:
    """How many differences of each kind, by layer."""
    found: dict[str, Counter[str]] = {}
    for each in differences:
        found.setdefault(each.layer, Counter()).update(each.kinds)
    return {layer: dict(counts) for layer, counts in found.items()}


def _gone(layer: GroundLayer, older: Mapping[str, Feature], newer: Mapping[str, Feature]) -> Iterator[Difference]:
    gone = older.keys() - newer.keys()
    if not gone:
        return
    codes = list(newer)
    tree = shapely.STRtree([newer[code].geometry for code in codes])
    for code in gone:
        each = older[code]
        into = () if layer.kind in ("line", "levels") else _into(each.geometry, tree, codes)
        yield Difference(layer.name, code, ("gone",), each.properties, {}, each.geometry, into=into)


def _into(area: Any, tree: shapely.STRtree, codes: Sequence[str]) -> tuple[tuple[str, float], ...]:
    """Which areas hold the ground of one, with their shares of it, the largest first."""
    near = tree.query(area, predicate="intersects")
    shares = shapely.area(shapely.intersection(tree.geometries[near], area)) / area.area
    found = [(codes[at], float(share)) for at, share in zip(near.tolist(), shares, strict=True) if share >= LEAST_SHARE]
    return tuple(sorted(found, key=lambda pair: (-pair[1], pair[0])))


def _sizes(before: Any, after: Any) -> tuple[float, float]:
    """Square metres won and lost; less than what rounding makes is nothing."""
    plane = Plane(np.array([before, after], dtype=object))
    one, other = plane.metres(before), plane.metres(after)
    more, less = shapely.difference(other, one).area, shapely.difference(one, other).area
    return tuple(float(size) if size > NOISE_M2 else 0.0 for size in (more, less))  # type: ignore[return-value]  # two


def _shown(value: Any, say: Any) -> str:
    return str(say("empty")) if value is None else str(value)
