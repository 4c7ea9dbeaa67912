"""What a migration is to move, and what that would do: every chosen instance is moved on trial and taken back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from engine.casefile.file import CaseFile
from engine.casefile.unit import Unit
from engine.cases.drafts import draft_changes
from engine.errors import DomainError, Invalid, NotFound
from engine.models import Case, Deployment, Instance, MigrationItem
from engine.organisation.actor import Actor
from engine.platform import Platform
from engine.workflow.migration import Outcome, move_instance
from engine.workflow.migration_nodes import NodeMap, Words, faults_by_hand
from engine.workflow.step import Step


@dataclass(frozen=True)
class Selection:
    """Which running instances: of a process, in a stage, on a deployment, of certain cases. Empty means any."""

    process: str = ""
    stage: str = ""
    deployment: int | None = None
    cases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Order:
    """What is to move where. ``mapping`` has what was mapped by hand: ``id`` or ``process/id`` -> new id."""

    target: int
    selection: Selection = field(default_factory=Selection)
    mapping: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Preview:
    """What a move would do to one instance."""

    case: str
    instance: int
    deployment: int
    changes: tuple[Words, ...]
    refusals: tuple[Words, ...]


def preview_migration(session: Session, platform: Platform, order: Order, now: datetime) -> Iterator[Preview]:
    """Move every chosen instance on trial and take it back: what would change, what would be refused and why.

    Raises NotFound for an unknown deployment, Invalid for a mapping that does not hold. Writes nothing.
    """
    nodes = node_maps(session, platform, order)
    for instance_id in session.scalars(chosen_instances(order)).all():
        session.rollback()
        unit = Unit(session)
        file = unit.look("id", instance_id)
        assert file is not None  # it was chosen by the same condition
        deployment = file.instance.deployment_id
        outcome = attempt_move(trial_step(unit, platform, file, order.target, now, None), nodes[deployment])
        session.rollback()
        yield Preview(file.case.number, instance_id, deployment, outcome.changes, outcome.refusals)


def chosen_instances(order: Order) -> Select[int]:
    """Ids of the running instances an order means that are not on its target already."""
    chosen = order.selection
    query = select(Instance.id).where(Instance.status == "running", Instance.deployment_id != order.target)
    if chosen.process:
        query = query.where(Instance.process == chosen.process)
    if chosen.deployment is not None:
        query = query.where(Instance.deployment_id == chosen.deployment)
    if chosen.stage or chosen.cases:
        query = query.join(Case, Case.id == Instance.case_id)
    if chosen.stage:
        query = query.where(Case.stage == chosen.stage)
    if chosen.cases:
        query = query.where(Case.number.in_(chosen.cases))
    return query.order_by(Instance.id)


def node_maps(
    session: Session, platform: Platform, order: Order, *, waiting_of: int | None = None
) -> dict[int, NodeMap]:
    """A node map for every deployment the chosen instances run on. Raises Invalid for a mapping that holds nowhere."""
    if session.get(Deployment, order.target) is None:
        raise NotFound(f"there is no deployment {order.target}; 'wangge process versions' lists them")
    new = platform.definitions.get(session, order.target)
    if waiting_of is None:
        sources = select(Instance.deployment_id).where(Instance.id.in_(chosen_instances(order))).distinct()
    else:
        sources = select(MigrationItem.from_id).where(MigrationItem.migration_id == waiting_of).distinct()
    found = [
        NodeMap(platform.definitions.get(session, each), new, dict(order.mapping)) for each in session.scalars(sources)
    ]
    faults = [faults_by_hand(nodes) for nodes in found]
    errors = {key: faults[0][key] for key in order.mapping if faults and all(key in each for each in faults)}
    if errors:
        raise Invalid("; ".join(errors.values()), field="mapping", errors=errors)
    return {nodes.old.deployment_id: nodes for nodes in found}


def trial_step(unit: Unit, platform: Platform, file: CaseFile, target: int, now: datetime, actor: Actor | None) -> Step:
    """A step on a case file as it runs on the target."""
    definition = platform.definitions.of(unit, target)
    process = file.instance.process
    return Step(unit, platform.host, platform.runtime, definition, file, now, actor, process=process)


def attempt_move(step: Step, nodes: NodeMap) -> Outcome:
    """A move; whatever the new diagram cannot do for this case is a refusal in the engine's own words."""
    try:
        outcome = move_instance(step, nodes)
    except DomainError as error:
        return Outcome(refusals=(Words(error.message, error.message),))
    if outcome.refusals:
        return outcome
    with step.session.no_autoflush:  # a preview is taken back
        return Outcome((*outcome.changes, *draft_changes(step.session, step.tasks, nodes.old, nodes.new)))
