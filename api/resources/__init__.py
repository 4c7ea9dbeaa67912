"""The endpoints of the REST API, one module a noun."""

from __future__ import annotations

from typing import Any


def blueprints() -> tuple[Any, ...]:
    """All groups of endpoints, in the order of the document."""
    from api.resources import cases, incidents, session, tasks

    return (session.blueprint, cases.blueprint, tasks.blueprint, incidents.blueprint)
