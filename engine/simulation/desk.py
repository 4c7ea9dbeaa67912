"""Somebody does a task: finds out what the case is about, fills in the form, uploads the photos it asks for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from random import Random
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from engine.casefile.unit import Unit
from engine.cases.evidence import add_evidence
from engine.cases.form_names import form_names
from engine.cases.tasks import complete_task
from engine.errors import Conflict, DomainError, NotFound
from engine.models import Case, Instance, Task
from engine.models.workflow import OPEN
from engine.organisation.actor import Actor
from engine.platform import Platform
from engine.simulation.answers import Pen, Situation
from engine.simulation.people import People
from engine.simulation.photos import draw, name_photo
from engine.simulation.settings import Settings
from engine.simulation.summary import Tally
from engine.simulation.waiting import Pace
from engine.workflow.definitions import Definition
from engine.workflow.forms import Form, FormInvalid

MOST_ACTS = 80
"""A case worked on this often goes the plain way from then on: a changed diagram must not loop for ever."""

TASK = (
    Task.id, Task.case_id, Task.instance_id, Instance.deployment_id, Task.process, Task.element, Task.stage, Task.role,
    Task.scope, Task.form, Task.evidence, Task.defaults, Task.created_at, Task.due_at, Case.number, Case.source,
    Case.kind, Case.full_code, Case.catalogue_version_id, Case.limit_text, Task.assignee_id,
)  # fmt: skip
"""What is read of an open task when it is planned; `OpenTask` rows have these columns."""

OpenTask = Row[Any]


def open_tasks(session: Session, case_ids: Iterable[int] = ()) -> list[OpenTask]:
    """The open tasks of some cases, of all without any, oldest first and always in the same order."""
    query = (
        select(*TASK)
        .join(Case, Case.id == Task.case_id)
        .join(Instance, Instance.id == Task.instance_id)
        .where(Task.status == OPEN)
    )
    wanted = tuple(case_ids)
    if wanted:
        query = query.where(Task.case_id.in_(wanted))
    rows = session.execute(query.order_by(Task.created_at, Task.case_id, Task.element, Task.scope)).all()
    # Ending the read with a commit keeps what the session knows; a rollback would make it read everything again.
    session.commit()
    return list(rows)


class Desk:
    """Where tasks get done. ``chance`` gives a case's own stream by its number."""

    def __init__(
        self,
        session: Session,
        platform: Platform,
        settings: Settings,
        people: People,
        pace: Pace,
        tally: Tally,
        chance: Callable[[str], Random],
    ) -> None:
        self.session = session
        self.platform = platform
        self.settings = settings
        self.people = people
        self.pace = pace
        self.tally = tally
        self.chance = chance
        self.duplicates: dict[int, str] = {}
        handling = platform.host.directory.handling()
        self._takers = tuple(unit.code for unit in handling if unit.duties)
        self._departments = [{"value": unit.code, "label": unit.name} for unit in handling]
        self._answered: Counter[tuple[int, str]] = Counter()
        self._worked: Counter[int] = Counter()
        self._conditions: dict[tuple[int, str, str], list[dict[str, str]]] = {}
        self._reads_case: dict[int, bool] = {}

    def work(self, now: datetime, task: OpenTask) -> dict[str, Any] | None:
        """Do a task; where the case stands then, or none when nobody could do it or it is gone by now."""
        actor = self.people.whose(task, self.chance(task.number))
        if actor is None:
            self.tally.unstaffed[f"{task.role}@{task.scope}" if task.scope else task.role] += 1
            return None
        self._worked[task.case_id] += 1
        roles = self.asked(task)
        if roles and not self._is_open(task):
            return None
        for role in roles:
            self.photograph(task.number, role, actor, now)
        tries = (False, True) if self._worked[task.case_id] <= MOST_ACTS else (True,)
        for plain in tries:
            answers = self.answers(task, actor, now, plain)
            try:
                result = complete_task(self.session, self.platform, actor, task.id, answers, now=now)
            except (Conflict, NotFound):
                return None
            except (DomainError, FormInvalid) as error:
                if plain:
                    self.tally.stuck[f"{task.process} / {task.element}: {error}"] += 1
                continue
            self.count(task, answers)
            return result
        return None

    def count(self, task: OpenTask, answers: dict[str, Any]) -> None:
        """Keep the books."""
        self.tally.completed += 1
        decision = next((answers[key] for key in ("decision", "verified", "satisfaction") if key in answers), "")
        self.tally.branches[f"{task.element} {decision}".strip()] += 1
        self._answered[task.case_id, task.form or task.element] += 1

    def answers(self, task: OpenTask, actor: Actor, now: datetime, plain: bool) -> dict[str, Any]:
        """The answers to a task's form; none when it has no form."""
        definition: Definition = self.platform.definitions.get(self.session, task.deployment_id)
        form = definition.forms.get(task.form or "")
        if form is None:
            return {}
        pen = Pen(self.settings, self.chance(task.number), plain, self.tally.completed + 1)
        return pen.fill(form, self.situation(task, form, actor, now))

    def situation(self, task: OpenTask, form: Form, actor: Actor, now: datetime) -> Situation:
        """What the actor knows about a task and its case."""
        labels = {task.source}
        if self._answered[task.case_id, task.form or task.element]:
            labels.add("again")
        if task.scope in self.pace.slow_units:
            labels.add("slow")
        if task.due_at is not None and task.due_at < now:
            labels.add("overdue")
        context: dict[str, Any] = {
            "departments": self._departments, "conditions": self.own_conditions(task), "now": now, **task.defaults,
            **form_names(Unit(self.session), actor, task.case_id, form),
        }  # fmt: skip
        if self.reads_case(form):
            context["case"] = self.facts(task, now)
        return Situation(
            now=now.astimezone(self.platform.city.time_zone),
            labels=frozenset(labels),
            defaults={key: value for key, value in task.defaults.items() if value is not None},
            context=context,
            duplicate_of=self.original(task.case_id),
            other_units=lambda: self.other_units(task, now),
            add_evidence=lambda: self.photograph(task.number, "document_photo", actor, now),
        )

    def facts(self, task: OpenTask, now: datetime) -> dict[str, Any]:
        """The case as expressions see it."""
        return self.platform.host.facts(Unit(self.session), self.session.get_one(Case, task.case_id), now)

    def reads_case(self, form: Form) -> bool:
        """Whether a form's expressions ask about the case, which costs reading it."""
        known = self._reads_case.get(id(form))
        if known is None:
            known = self._reads_case[id(form)] = any(path.split(".")[0] == "case" for path in form.paths)
        return known

    def own_conditions(self, task: OpenTask) -> list[dict[str, str]]:
        """The filing conditions of the case's own subclass, the first of all where it has none."""
        key = (task.catalogue_version_id or 0, task.kind, task.full_code)
        if key not in self._conditions:
            every = self.platform.host.conditions(self.session, key[0]) if key[0] else []
            own = [choice for choice in every if choice["value"].startswith(f"{task.kind}/{task.full_code}/")]
            self._conditions[key] = own or every[:1]
        return self._conditions[key]

    def other_units(self, task: OpenTask, now: datetime) -> tuple[str, ...]:
        """Units that could take the case over, most likely first."""
        facts = self.facts(task, now)
        present = {unit["department"] for unit in facts["units"]}
        likely = (facts["duty_department"], facts["territory_department"], facts["fallback_department"])
        drawn = self.chance(task.number).sample(self._takers, min(3, len(self._takers)))
        return tuple(dict.fromkeys(code for code in (*likely, *drawn) if code and code not in present))

    def original(self, case_id: int) -> str | None:
        """The case this one repeats, while that can still be merged into."""
        number = self.duplicates.get(case_id)
        if number is None:
            return None
        status = self.session.scalar(select(Case.status).where(Case.number == number))
        return number if status not in (None, "merged", "voided", "rejected") else None

    def photograph(self, number: str, role: str, actor: Actor, now: datetime) -> int:
        """Upload a photo; its id."""
        variant = self.chance(number).randrange(2**32)
        content, name = draw(role, variant), name_photo(role, variant)
        return add_evidence(self.session, self.platform, actor, number, role, name, content, now=now).id

    def asked(self, task: OpenTask) -> list[str]:
        """Roles of the evidence a task asks for, one a file: the diagram's, and the most that the manual asks for under
        any filing condition of the case's class."""
        roles: list[str] = task.evidence.split()
        definition: Definition = self.platform.definitions.get(self.session, task.deployment_id)
        named = definition.element(task.process, task.element).properties.get("manual_evidence", "").split()
        if not named or task.catalogue_version_id is None:
            return roles
        edition = self.platform.host.catalogue.edition(Unit(self.session), task.catalogue_version_id)
        most: Counter[str] = Counter(roles)
        for key, rules in edition.rules.items():
            if key[:2] == (task.kind, task.full_code):
                most |= Counter(dict(rules.asks))
        return [role for role, count in most.items() if role in named or role in roles for _ in range(count)]

    def _is_open(self, task: OpenTask) -> bool:
        return self.session.scalar(select(Task.status).where(Task.id == task.id)) == "open"
