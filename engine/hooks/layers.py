"""Map layers of plugins: which a person may see, and what one has in a view."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from sqlalchemy.orm import Session

from engine.hooks.contributions import MapLayer
from engine.organisation.actor import Actor
from engine.registry import Registry

MOST = 2_000
"""Features of a view."""


def layers_for(registry: Registry, actor: Actor) -> Iterator[tuple[str, MapLayer]]:
    """The layers a person may see, with their identity ``<plugin>.<layer>``."""
    for plugin, given in registry.plugins.items():
        for layer in given.map_layers:
            if actor.may(layer.permission):
                yield f"{plugin}.{layer.id}", layer


def find_layer(registry: Registry, identity: str) -> MapLayer | None:
    """A layer by its identity."""
    plugin, _, name = identity.partition(".")
    given = registry.plugins.get(plugin)
    return next((layer for layer in given.map_layers if layer.id == name), None) if given else None


def features_in(session: Session, layer: MapLayer, view: tuple[float, float, float, float]) -> dict[str, Any]:
    """A GeoJSON FeatureCollection of a view (west, south, east, north); ``truncated`` when there is more than MOST."""
    found = [dict(feature) for feature in islice(layer.features(session, view, MOST + 1), MOST + 1)]
    return {"type": "FeatureCollection", "truncated": len(found) > MOST, "features": found[:MOST]}
