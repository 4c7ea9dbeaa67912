"""One unit of work on one case: everything a task spec, an operator or a timer may ask while it runs.

The host of the runtime (``engine.cases``) supplies what belongs to the case: its facts, its clocks, its history.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from engine.calendar import Limit, WorkCalendar
from engine.casefile.file import CaseFile, Place
from engine.casefile.unit import Unit
from engine.city import City
from engine.errors import DomainError, OperatorError
from engine.models import Case, Instance, Task, Timer
from engine.organisation.actor import Actor
from engine.registry import Registry
from engine.workflow.decision_reasons import keep_reasons, say_unmatched
from engine.workflow.decisions_values import DecisionError
from engine.workflow.elements import Element
from engine.workflow.expression_values import Refused, as_stored
from engine.workflow.expressions import Assignments, Expression, ExpressionError, Functions, Template, parse_template

if TYPE_CHECKING:
    from engine.workflow.definitions import Definition
    from engine.workflow.runtime import Runtime

Compiled = TypeVar("Compiled")

NO_MATCH = "no_match"
"""Property of a business-rule task: what a table in which no rule matches is, ``none`` (the value) or ``error``."""
NO_RULE_MATCHED = "no_rule_matched"
"""The code of that error."""
PASSED_OVER = "wangge.passed_over"
"""Under this key a session's ``info`` holds the steps it does not run: (element, why) pairs."""


class StepFailed(DomainError):
    """A step of a diagram cannot run: names the element, the cause and the remedy. Nothing of it is kept.

    ``case_id``, ``instance_id``, ``process`` and ``element`` say where, for the incident.
    """

    case_id: int | None = None
    instance_id: int | None = None
    process: str = ""
    element: str = ""
    incident_id: int | None = None


class Host(Protocol):
    """What the runtime asks of the domain."""

    city: City
    calendar: WorkCalendar
    registry: Registry

    def facts(self, unit: Unit, case: Case, now: datetime) -> dict[str, Any]:
        """The ``case`` dictionary of expressions."""
        ...

    def condition_limit(self, case: Case) -> Limit | None:
        """The handling limit of the case's filing condition."""
        ...

    def settle_clocks(self, case: Case, running: Mapping[str, str], open_now: Sequence[str], now: datetime) -> None:
        """Let exactly the clocks in ``running`` (name -> reason) run from now on; ``open_now`` names the open tasks."""
        ...

    def note_fired(self, case: Case, clock: str, timer: str, share: float) -> None:
        """Remember that a timer of a share of a case clock has fired."""
        ...

    def has_fired(self, case: Case, clock: str, timer: str) -> bool:
        """Whether it has, since the clock started or was extended beyond it."""
        ...

    def clock_moment(self, case: Case, clock: str, share: float) -> datetime | None:
        """When ``share`` (1 = the whole limit) of a case clock is used up; none while it is paused or unknown."""
        ...


@dataclass
class Step:
    """The context of one act on one case file. ``now`` is aware; ``answers`` are those of the task just completed.

    What an operator changes on ``case`` is written with the act. Rows of other tables go through ``session``, which
    does not see what this act has changed until ``flush``.
    """

    unit: Unit
    host: Host
    runtime: Runtime
    definition: Definition
    file: CaseFile
    now: datetime
    actor: Actor | None
    element: Element | None = None
    process: str = ""
    department: str | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    """The process variables at the service task that runs."""
    _facts: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        self.case: Case = self.file.case
        self.instance: Instance = self.file.instance

    @property
    def session(self) -> Session:
        """The session of the act, in its transaction."""
        return self.unit.session

    @property
    def tasks(self) -> dict[UUID, Task]:
        """The instance's open tasks."""
        return self.file.tasks

    @property
    def timers(self) -> dict[Place, Timer]:
        """The instance's waiting timers."""
        return self.file.timers

    def flush(self) -> None:
        """Write what the act has changed so far, for a query that must see it."""
        self.unit.flush()

    @property
    def facts(self) -> dict[str, Any]:
        """The case as expressions see it."""
        if self._facts is None:
            self._facts = self.host.facts(self.unit, self.case, self.now)
        return self._facts

    def names(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The names an expression may use."""
        return {"answer": self.answers, **data, "case": self.facts}

    def compile(self, compiler: Callable[[str, Functions], Compiled], text: str) -> Compiled:
        """Compile an expression, a template or a script; an error names the element."""
        try:
            return compiler(text, self.definition.functions)
        except ExpressionError as error:
            raise self.failure(str(error)) from error

    def fill(self, text: str, names: Mapping[str, Any]) -> Any:
        """The value of a text in which ``${…}`` are expressions; an error names the element."""
        return self.evaluate(self.compile(parse_template, text), names)

    def evaluate(self, expression: Expression | Template, names: Mapping[str, Any]) -> Any:
        """Evaluate; an error names the element."""
        try:
            return expression.evaluate(names)
        except ExpressionError as error:
            raise self.failure(str(error)) from error

    def execute(self, script: Assignments, names: Mapping[str, Any]) -> dict[str, Any]:
        """The variables a script sets, as they are kept."""
        try:
            return {name: self.keep(value) for name, value in script.execute(names).items()}
        except ExpressionError as error:
            raise self.failure(str(error)) from error

    def keep(self, value: Any) -> Any:
        """A copy of a value as the state keeps it, so that it is the same before and after a reload."""
        try:
            return as_stored(value)
        except Refused as error:
            raise self.failure(f"{error.message}; {error.remedy}") from error

    def call(self, element: Element, arguments: dict[str, Any]) -> Any:
        """Call the operator of a service task."""
        self.element = element
        operator = self.host.registry.operators.get(element.topic or "")
        if operator is None:
            raise self.failure(f"there is no operator {element.topic!r}; enable the plugin that has it")
        faults = operator.faults(arguments)
        if faults:
            raise self.failure("; ".join(faults))
        try:
            result = operator.function(self, **arguments)
        except (DomainError, SQLAlchemyError):
            raise
        except Exception as error:
            # An operator is other people's code: whatever else it raises is its fault, not that of who did the act.
            fault = f"operator {element.topic} failed with {type(error).__name__}: {error}"
            raise self.failure(f"{fault}; tell who supplies it, repair the variables or skip the step") from error
        self._facts = None
        return result

    def decide(self, element: Element, names: Mapping[str, Any]) -> Any:
        """Evaluate the decision of a business-rule task; inputs and matched rules go into the history.

        Raises OperatorError with the code ``no_rule_matched`` where the task says that this is an error.
        """
        self.element = element
        decision = self.definition.decisions.get(element.decision or "")
        if decision is None:
            raise self.failure(f"there is no decision {element.decision!r}; add the table or correct the name")
        try:
            result = decision.evaluate(names)
            reasons = keep_reasons(result)
        except (DecisionError, Refused) as error:
            raise self.failure(f"{error}; the table is {decision.source}") from error
        self.record("decision", **reasons)
        if result.found_nothing and element.properties.get(NO_MATCH) == "error":
            raise OperatorError(NO_RULE_MATCHED, say_unmatched(decision, result))
        return reasons["value"]

    def record(self, kind: str, **data: Any) -> None:
        """Append a line to the case's history."""
        element, actor = self.element, self.actor
        line = {
            "case_id": self.case.id,
            "at": self.now,
            "kind": kind,
            "stage": (element.properties.get("stage") if element else None) or self.case.stage,
            "process": self.process,
            "element": element.id if element else "",
            "actor_id": actor.person_id if actor else None,
            "actor_role": actor.acting_role if actor else "system",
            "department_code": self.department,
            "data": data,
        }
        self.unit.lines.append(line)

    def tell(self, topic: str, **payload: Any) -> None:
        """Queue something the outside must hear, in this same transaction."""
        self.unit.letters.append(
            {
                "topic": topic,
                "case_id": self.case.id,
                "payload": payload,
                "created_at": self.now,
                "due_at": self.now,
                "attempts": 0,
                "done_at": None,
                "last_error": None,
            }
        )

    def failure(self, message: str) -> StepFailed:
        """An error that says where in the diagrams it happened."""
        element, process = self.element, self.process
        if element is not None:
            # ``process`` is that of the act; the engine may have gone on into another one.
            diagrams = self.definition.diagrams.values()
            process = next((each.id for each in diagrams if each.elements.get(element.id) is element), process)
        where = f"{process} / {element.id} ({element.name})" if element else process
        error = StepFailed(f"{where}: {message}")
        error.case_id, error.instance_id = self.case.id, self.instance.id
        error.process, error.element = process, element.id if element else ""
        return error

    def skips(self, element: Element) -> bool:
        """Whether somebody lets this step pass without running it (``engine.cases.incident_acts``); noted if so."""
        passed: Sequence[tuple[Element, dict[str, str]]] = self.unit.info.get(PASSED_OVER, ())
        why = next((why for each, why in passed if each is element), None)
        if why is None:
            return False
        self.element = element
        self.record("step_skipped", name=element.name, **why)
        return True


def open_tasks(session: Session, case_id: int) -> list[Task]:
    """The user tasks of a case that wait for somebody, oldest first."""
    query = select(Task).where(Task.case_id == case_id, Task.status == "open").order_by(Task.created_at, Task.id)
    return list(session.scalars(query))
