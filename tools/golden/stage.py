"""The stage on which a scene is played: a small town, its people, and what is looked at of its cases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from engine.cases.messages import case_handlers
from engine.cases.opening import Report
from engine.cases.reporting import report_case
from engine.city import City
from engine.clock import FrozenClock
from engine.core_operators import CORE_OPERATORS
from engine.database import begin_write
from engine.errors import OperatorError
from engine.models import Case, CaseLink, Instance
from engine.outbox import Outbox, deliver_due
from engine.platform import Platform
from engine.registry import Operator, Registry, build_registry
from engine.scenarios.expecting import Since, compare
from engine.scenarios.playing import REFUSALS, Play
from engine.scenarios.reading import read_steps
from engine.workflow.observing import variables_of
from engine.workflow.runtime import Runtime
from engine.workflow.standing import waiting_in
from engine.workflow.step import Step

LEFT = (
    "status", "stage", "close_kind", "on_time", "overdue_excluded", "satisfaction", "lead_department", "extensions",
    "suspensions", "reworks", "returns", "supervisions", "appeals",
)  # fmt: skip
"""What is looked at of a case that has come to its end."""

NUMBERED = {"supervision_id"}
"""Variables that hold a number the database gave: it depends on what else is in it."""


class Derailed(AssertionError):
    """A step of a scene did not go as written."""


def order_truck(step: Step, kind: str | None = None) -> dict[str, Any]:
    """The operator of the examples: there are trucks, but not for every wish."""
    if kind != "yes":
        raise OperatorError("no_truck" if kind == "no" else "no_driver", "车辆都在外面")
    return {"plate": "A1"}


def example_registry() -> Registry:
    """The core's operators and those of the examples."""
    return build_registry([*CORE_OPERATORS, Operator("example/order_truck", order_truck, "examples")])


@dataclass
class Stage:
    """A town with one scene on it. With ``reloading`` nothing stays in memory between two acts."""

    city: City
    roles: Mapping[str, Any]
    session: Session
    platform: Platform
    clock: FrozenClock
    reloading: bool = False

    def __post_init__(self) -> None:
        self.play = Play(self, self)  # type: ignore[arg-type] # it has what a bench and its place must have

    def begin(self, process: str, report: Mapping[str, Any], name: str = "") -> None:
        """Report a case that runs the process; ``name`` is what steps call it by."""
        begin_write(self.session)
        case = report_case(self.session, self.platform, Report(**report), None, self.clock.now(), process=process)
        self.play.numbers[name] = case.number
        self.session.commit()
        self.deliver()

    def act(self, tables: Sequence[Mapping[str, Any]], part: str) -> None:
        """Do steps. Raises Derailed naming the step when one is not as written."""
        for number, step in enumerate(read_steps(part, tables), 1):
            if self.reloading:
                self.forget()
            since = Since.now(self.play)
            try:
                self.play.act(step)
            except REFUSALS as error:
                raise Derailed(f"{part}: step {number} ({step.kind} {step.what}): {error}") from error
            self.deliver()
            wrong = [f"{each.about}: {each.happened} instead of {each.expected}" for each in
                     compare(self.play, step.expect, step.of, since)]  # fmt: skip
            if wrong:
                raise Derailed(f"{part}: step {number} ({step.kind} {step.what}): {'; '.join(wrong)}")

    def deliver(self) -> None:
        """Let cases hear what others sent."""
        outbox = replace(Outbox(), handlers=case_handlers(self.platform))
        while deliver_due(self.session, outbox, self.clock.now()):
            pass

    def forget(self) -> None:
        """Forget what a restart would forget."""
        self.session.rollback()
        self.session.expunge_all()
        self.platform.runtime = Runtime()

    def instances(self) -> list[Instance]:
        """The instances of the scene's cases and of those opened beside them, oldest first."""
        own = select(Case.id).where(Case.number.in_(self.play.numbers.values()))
        beside = select(CaseLink.to_id).where(CaseLink.from_id.in_(own))
        query = select(Instance).where(or_(Instance.case_id.in_(own), Instance.case_id.in_(beside)))
        return list(self.session.scalars(query.order_by(Instance.id)))

    def look(self, instance: Instance) -> dict[str, Any]:
        """Where an instance stands: what waits with its variables, the tokens, what is done. Plain JSON values."""
        definition = self.platform.definitions.get(self.session, instance.deployment_id)
        waiting = [
            {
                "process": each.process,
                "element": each.element.id,
                "task": each.task_id.hex,
                "inside": [[scope.process, scope.caller, scope.siblings] for scope in each.scopes],
                "caught": sorted(element.id for element in each.caught),
                "variables": each.variables,
            }
            for each in waiting_in(instance, definition)
        ]
        tokens, done = self.platform.runtime.tokens(instance, definition)
        return plain(
            {
                "waiting": sorted(waiting, key=lambda each: (each["process"], each["element"], each["task"])),
                "tokens": sorted([*where, count] for where, count in tokens.items()),
                "done": sorted(done),
            }
        )

    def leave(self) -> list[dict[str, Any]]:
        """What the scene's cases have come to, one entry a case. Raises Derailed when one has not ended."""
        self.forget()
        return list(self._leave())

    def _leave(self) -> Iterator[dict[str, Any]]:
        for instance in self.instances():
            case = self.session.get_one(Case, instance.case_id)
            if instance.status != "ended":
                raise Derailed(f"case {case.number} has not come to its end")
            definition = self.platform.definitions.get(self.session, instance.deployment_id)
            found = variables_of(instance, definition)
            yield plain(
                {
                    "case": {name: getattr(case, name) for name in LEFT},
                    "variables": {name: value for name, value in found.items() if name not in NUMBERED},
                    "done": self.look(instance)["done"],
                }
            )


def plain(value: Any) -> Any:
    """A value as it comes back from a JSON file."""
    return orjson.loads(orjson.dumps(value))
