"""The hooks of the host: pages and addresses of a plugin, and what it shows on the page of a case."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint

from engine.city import City
from engine.hooks.host import PluginBroken, PluginHost
from engine.hooks.host import load_plugins as load_with
from engine.hooks.specs import hookspec
from engine.models import Case
from engine.organisation.actor import Actor


@dataclass(frozen=True)
class Panel:
    """A part of a case's page. Only holders of ``permission`` see it.

    ``render`` is given the case, the person and the language; it returns safe HTML (``markupsafe.Markup``), or none
    where the plugin has nothing to say of this case.
    """

    id: str
    zh: str
    en: str
    permission: str
    render: Callable[[Case, Actor, str], Any]


@hookspec
def blueprints() -> Sequence[Blueprint]:  # type: ignore[empty-body]
    """Addresses and pages, below ``/api/v1/<plugin>`` or ``/<plugin>``; the blueprint's name begins with the plugin's.

    A flask-smorest blueprint is in the OpenAPI document. Asked once, when the host starts.
    """


@hookspec
def panels() -> Sequence[Panel]:  # type: ignore[empty-body]
    """Parts of the case page. One that raises is shown as failed, with the cause in the log; the page stays."""


def load_plugins(city: City, *, skip_broken: bool = False) -> PluginHost:
    """The plugins of a city with the host's own hooks. Raises as ``engine.hooks.host.load_plugins``."""
    return load_with(city, skip_broken=skip_broken, extra_specs=(sys.modules[__name__],))


def plugin_blueprints(host: PluginHost) -> dict[str, list[Blueprint]]:
    """The blueprints of every plugin. Raises PluginBroken when one does not keep to the plugin's own addresses."""
    found = host.answers("blueprints", Blueprint)
    for plugin, given in found.items():
        for each in given:
            if each.name != plugin and not each.name.startswith(f"{plugin}_"):
                raise PluginBroken(
                    plugin, f"its blueprint {each.name} does not bear its name; call it {plugin}_{each.name}"
                )
            allowed = (f"/{plugin}", f"/api/v1/{plugin}")
            prefix = each.url_prefix or allowed[0]
            if not any(prefix == one or prefix.startswith(f"{one}/") for one in allowed):
                raise PluginBroken(
                    plugin, f"its blueprint {each.name} answers under {prefix}; use {' or '.join(allowed)}"
                )
    return found


def plugin_panels(host: PluginHost) -> tuple[tuple[str, Panel], ...]:
    """The panels of every plugin with the plugin's name."""
    return tuple((plugin, panel) for plugin, given in host.answers("panels", Panel).items() for panel in given)
