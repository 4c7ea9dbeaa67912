"""What a plugin builds on: the hooks, and the kinds of things it may contribute through them.

``from engine.hooks import hookimpl, Manifest, Operator, ...`` is all that a plugin's ``plugin.py`` needs of the host.
"""

from engine.hooks.contributions import (
    API_VERSION,
    CaseChange,
    Demonstration,
    Indicator,
    Job,
    Manifest,
    MapLayer,
    Measured,
    Permission,
    PlannedMatter,
)
from engine.hooks.specs import hookimpl
from engine.registry import Operator
from engine.workflow.expression_entries import FunctionEntry

__all__ = [
    "API_VERSION",
    "CaseChange",
    "Demonstration",
    "FunctionEntry",
    "Indicator",
    "Job",
    "Manifest",
    "MapLayer",
    "Measured",
    "Operator",
    "Permission",
    "PlannedMatter",
    "hookimpl",
]
