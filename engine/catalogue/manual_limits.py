"""Limits of a filing condition, in one text (``A: 2 urgent_hour; *: 1 work_day``) and in a column an area class."""

from __future__ import annotations

from collections.abc import Mapping

AREAS = {"A": "limit_a", "B": "limit_b", "C": "limit_c"}
AREA_COLUMNS = ("limit", *AREAS.values())
"""``limit`` has what holds in every area class without a limit of its own."""


def split_limit(text: str) -> dict[str, str]:
    """The columns of a limit. A text that names something else than A, B, C and * stays whole in ``limit``."""
    columns = dict.fromkeys(AREA_COLUMNS, "")
    if ":" not in text:
        return {**columns, "limit": text}
    for part in filter(str.strip, text.split(";")):
        area, colon, limit = (piece.strip() for piece in part.partition(":"))
        name = "limit" if area == "*" else AREAS.get(area, "")
        if not colon or not name or not limit or columns[name]:
            return {**dict.fromkeys(AREA_COLUMNS, ""), "limit": text}
        columns[name] = limit
    return columns


def join_limit(columns: Mapping[str, str]) -> str:
    """One text of the columns; those of area classes come first."""
    own = [f"{area}: {columns[name]}" for area, name in AREAS.items() if columns[name]]
    if not own:
        return columns["limit"]
    return "; ".join([*own, *([f"*: {columns['limit']}"] if columns["limit"] else [])])
