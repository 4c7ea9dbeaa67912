"""The layers of a city's ground: divisions, grids and roads, and the areal layers that files declare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from engine.errors import Invalid
from engine.models import Base, Division, DutyGrid, RoadSegment, UnitGrid

KINDS = ("cover", "apart", "free")
TYPES = ("text", "number", "whole", "date", "truth")
AREAS = ("Polygon", "MultiPolygon")
LINES = ("LineString", "MultiLineString")
VALID_FROM, VALID_TO = "valid_from", "valid_to"
AREA_CLASSES = "area_classes"
"""The layer that wins over a grid's own area class."""


@dataclass(frozen=True)
class PropertyType:
    """What a property holds; ``values`` are the only ones allowed, where there are any."""

    type: str = "text"
    values: tuple[str, ...] = ()

    def read(self, value: Any) -> Any:
        """A file's value as the database keeps it; None when empty. Raises ValueError saying what is wrong."""
        text = as_text(value)
        if text is None:
            return None
        if self.values and text not in self.values:
            raise ValueError(f"{text!r} is none of {', '.join(self.values)}")
        if self.type in ("number", "whole"):
            return self._number(text)
        if self.type == "date":
            try:
                return date.fromisoformat(text.replace("/", "-")[:10]).isoformat()
            except ValueError as error:
                raise ValueError(f"{text!r} is no date; write it as 2026-03-31") from error
        if self.type == "truth":
            if text.lower() not in ("true", "false", "1", "0", "yes", "no"):
                raise ValueError(f"{text!r} is neither true nor false")
            return text.lower() in ("true", "1", "yes")
        return text

    def _number(self, text: str) -> float | int:
        try:
            return int(text) if self.type == "whole" else float(text)
        except ValueError as error:
            raise ValueError(f"{text!r} is no {'whole ' if self.type == 'whole' else ''}number") from error


TEXT = PropertyType()


@dataclass(frozen=True)
class LayerFile:
    """How a layer's file in the city's folder is read; empty parts are found out. See ``read_vector``."""

    name: str = ""
    system: str = ""
    layer: str = ""
    encoding: str = ""


@dataclass(frozen=True)
class GroundLayer:
    """A kind of area, or of line. ``code`` and the ``required`` properties must be there.

    ``kind``: ``cover`` (areas lie side by side), ``apart`` (they do not overlap), ``free``; ``levels`` for divisions
    (side by side on each level) and ``line`` for roads. ``model`` and ``columns`` say where the present state of a
    layer of the core lies; declared layers live in the history alone.
    """

    name: str
    title: str
    title_en: str
    kind: str
    properties: Mapping[str, PropertyType]
    required: tuple[str, ...] = ("code",)
    model: type[Base] | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    geometries: tuple[str, str] = AREAS
    file: LayerFile = LayerFile()

    @property
    def dated(self) -> bool:
        """Whether its areas hold on some days only."""
        return VALID_FROM in self.properties or VALID_TO in self.properties


def as_text(value: Any) -> str | None:
    """A value as text: a code that a spreadsheet made a number is one without a fraction."""
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, datetime):
        value = value.date()
    return str(value).strip() or None


def holds_on(properties: Mapping[str, Any], day: date | None) -> bool:
    """Whether an area holds on a day, first and last day included; without a day, whether it always does."""
    first, last = properties.get(VALID_FROM), properties.get(VALID_TO)
    if day is None:
        return not first and not last
    return (not first or first <= day.isoformat()) and (not last or day.isoformat() <= last)


def _of_core(
    name: str, title: str, title_en: str, kind: str, model: type[Base], columns: Mapping[str, str],
    required: tuple[str, ...], geometries: tuple[str, str] = AREAS, more: tuple[str, ...] = (),
) -> GroundLayer:  # fmt: skip
    """``more``: properties that the history alone keeps."""
    types = dict.fromkeys((*columns, *more), TEXT)
    return GroundLayer(name, title, title_en, kind, types, required, model, columns, geometries)


CORE = {
    layer.name: layer
    for layer in (
        _of_core(
            "divisions", "行政区划", "Divisions", "levels", Division,
            {"code": "code", "level": "level", "name": "name", "name_en": "name_en", "parent": "parent_code"},
            ("code", "level", "name"),
        ),
        _of_core(
            "duty_grids", "责任网格", "Duty grids", "apart", DutyGrid,
            {"code": "code", "name": "name", "subdistrict": "subdistrict_code"}, ("code", "name"), more=("name_en",),
        ),
        _of_core(
            "unit_grids", "单元网格", "Unit grids", "cover", UnitGrid,
            {"code": "code", "community": "community_code", "duty_grid": "duty_grid_code", "area_class": "area_class"},
            ("code", "community", "area_class"),
        ),
        _of_core(
            "roads", "路段", "Road segments", "line", RoadSegment,
            {"code": "code", "name": "name", "name_en": "name_en", "chief": "chief", "phone": "chief_phone"},
            ("code", "name"), LINES,
        ),
    )
}  # fmt: skip
"""The layers every city has, in the order in which they refer to each other."""


def layer_named(layers: Mapping[str, GroundLayer], name: str) -> GroundLayer:
    """A layer of a city. Raises Invalid naming those there are."""
    if name not in layers:
        raise Invalid(
            f"the city has no layer {name!r}; name one of {', '.join(layers)}, or declare it in ground_layers.toml",
            field="layer",
        )
    return layers[name]
