"""Where a case stands in its diagrams: the version it is pinned to, the tokens, what is done."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.errors import NotFound
from engine.models import Case, Deployment, Instance
from engine.platform import Platform
from engine.workflow.definitions import Definition


@dataclass(frozen=True)
class DiagramView:
    """One diagram of a case: ``tokens`` counts those waiting on an element, ``done`` lists what was passed."""

    process: str
    name: str
    version: int
    xml: str
    tokens: dict[str, int]
    done: tuple[str, ...]


@dataclass(frozen=True)
class CaseDiagrams:
    """All diagrams a case has touched, the one it started on first."""

    process: str
    deployment: int
    running: bool
    diagrams: tuple[DiagramView, ...]


def case_instance(session: Session, case: Case) -> Instance | None:
    """The latest instance of a case."""
    return session.scalar(select(Instance).where(Instance.case_id == case.id).order_by(Instance.id.desc()).limit(1))


def standing_in_diagrams(session: Session, platform: Platform, case: Case) -> CaseDiagrams:
    """Where the tokens of a case stand. Raises NotFound for a case without a process (an imported one)."""
    instance, definition = pinned(session, platform, case)
    tokens, done = platform.runtime.tokens(instance, definition)
    deployment = session.get_one(Deployment, instance.deployment_id)
    touched = {process for process, _ in (*tokens, *done)} | {instance.process}
    order = sorted(touched, key=lambda process: (process != instance.process, process))
    views = tuple(
        DiagramView(
            process=process,
            name=definition.diagrams[process].name,
            version=int(deployment.versions.get(f"processes/{process}.bpmn", 0)),
            xml=definition.diagrams[process].xml,
            tokens={element: count for (home, element), count in sorted(tokens.items()) if home == process},
            done=tuple(sorted(element for home, element in done if home == process)),
        )
        for process in order
    )
    return CaseDiagrams(instance.process, instance.deployment_id, instance.status == "running", views)


def pinned(session: Session, platform: Platform, case: Case) -> tuple[Instance, Definition]:
    """The instance of a case and the definition it runs on, whatever was deployed since."""
    instance = case_instance(session, case)
    if instance is None:
        raise NotFound(f"case {case.number} has no running diagram; it was imported with its outcome")
    return instance, platform.definitions.get(session, instance.deployment_id)
