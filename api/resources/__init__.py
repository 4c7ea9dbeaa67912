"""The endpoints of the REST API, one module a noun."""

from __future__ import annotations

from typing import Any


def blueprints() -> tuple[Any, ...]:
    """All groups of endpoints, in the order of the document."""
    from api.resources import (
        addresses,
        callers,
        cases,
        catalogue,
        component_changes,
        component_files,
        components,
        documents,
        drafts,
        evidence,
        explanation,
        expressions,
        ground,
        health,
        incidents,
        indicators,
        intake,
        kinds,
        manual,
        matters,
        migrations,
        notices,
        organisation,
        patrol,
        patrol_facts,
        patrol_roster,
        plugins,
        processes,
        registers,
        relations,
        sensor_readings,
        sensors,
        session,
        tasks,
    )

    modules = (
        session, cases, intake, callers, explanation, evidence, tasks, drafts, notices, catalogue, ground, addresses,
        components, component_changes, component_files, organisation, processes, expressions, migrations, incidents,
        health, kinds, patrol, patrol_roster, patrol_facts, relations,
        manual, plugins, registers, matters, documents, indicators,
        sensors, sensor_readings,
    )  # fmt: skip
    return tuple(module.blueprint for module in modules)
