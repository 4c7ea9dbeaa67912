"""The hooks of the engine. A plugin implements those it needs in its ``plugin.py``; files need no hook.

All but ``case_changed`` and ``demo_data`` are asked once, when the city starts; a hook that raises or answers something
of another type makes its plugin broken: the city is refused, naming plugin, hook and cause, unless it was told to start
without broken plugins. The host adds two of its own, see ``api.hooks``: ``blueprints`` and ``panels``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pluggy
from sqlalchemy.orm import Session

from engine.hooks.contributions import (
    CaseChange,
    Demonstration,
    Indicator,
    Job,
    Manifest,
    MapLayer,
    Permission,
)
from engine.registry import Operator
from engine.workflow.expression_entries import FunctionEntry

PROJECT = "wangge"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def manifest() -> Manifest:  # type: ignore[empty-body]
    """Who the plugin is. Asked first, and also to list plugins that are not enabled. The only hook that must be there.

    A manifest whose name is not the plugin's, or whose ``api`` does not admit this host, makes the plugin broken.
    """


@hookspec
def models() -> Sequence[type[Any]]:  # type: ignore[empty-body]
    """The tables: classes on ``engine.models.Base`` whose tables are named ``<plugin>_...``.

    They are made by the plugin's own ``migrations/``, never by create_all. A table of another name is refused.
    """


@hookspec
def operators() -> Sequence[Operator]:  # type: ignore[empty-body]
    """What service tasks call, by topic ``<plugin>/<verb>``. Each is given the ``Step``, then the diagram's inputs.

    An operator that raises ``OperatorRefused`` shows its reason to the clerk; ``OperatorError`` is caught by an error
    event; anything else takes the step back and opens an incident.
    """


@hookspec
def functions() -> Sequence[FunctionEntry]:  # type: ignore[empty-body]
    """Pure functions for expressions, named ``<plugin>_<name>``. Their examples are run; a wrong one is refused."""


@hookspec
def permissions() -> Sequence[Permission]:  # type: ignore[empty-body]
    """Rights that the plugin's addresses and pages ask for, named ``<plugin>.<verb>``."""


@hookspec
def indicators() -> Sequence[Indicator]:  # type: ignore[empty-body]
    """Figures, each with what it is made of. One that raises while it is measured is shown as failed with the cause."""


@hookspec
def map_layers() -> Sequence[MapLayer]:  # type: ignore[empty-body]
    """Layers of the city's map. One that raises is answered as an error of that layer; the map stays."""


@hookspec
def jobs() -> Sequence[Job]:  # type: ignore[empty-body]
    """Work by the clock. One that raises is shown with its cause and runs again when it is next due."""


@hookspec
def case_changed(session: Session, change: CaseChange) -> None:
    """A case has a new line of history. Called once a line, in its order, some seconds after the commit at most.

    What is written to ``session`` is committed together with the mark that the line was told. When it raises, the
    line is told again later, and later lines wait for it: what fails is shown among the jobs.
    """


@hookspec
def demo_data(demo: Demonstration) -> None:
    """Fill the registers of a demonstration and plan its matters, before the city goes to work.

    When it raises, no demonstration is made.
    """
