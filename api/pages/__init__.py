"""The pages people work on: plain HTML on the same services as the API; every page works without scripts."""

from __future__ import annotations

from flask import Flask

__all__ = ["register_pages"]


def register_pages(app: Flask) -> None:
    """Add all pages to the host. Call it after the API: addresses the API does not know are then answered as pages."""
    # The views import the host's context, which imports Flask extensions; ``import api.pages`` stays free of them.
    from api.pages import (
        case,
        cases,
        city_map,
        component_changes,
        components,
        devices,
        diagram,
        documents,
        drafts,
        entry,
        frame,
        inbox,
        indicators,
        manual,
        map_layers,
        matters,
        notices,
        patrol,
        photos,
        registers,
        relations,
        report,
        tasks,
    )

    rooms = (
        entry, inbox, tasks, drafts, cases, case, diagram, photos, city_map, report, notices, manual,
        component_changes, components,
    )  # fmt: skip
    others = (patrol, devices, relations, registers, matters, documents, indicators, map_layers)
    frame.serve(app, [route for room in (*rooms, *others) for route in room.ROUTES])
