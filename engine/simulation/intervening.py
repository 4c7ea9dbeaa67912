"""What happens to cases from outside: leaders supervise, shift leaders cancel and merge, units appeal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy.orm import Session

from engine.cases.actions import act_on_case
from engine.errors import DomainError
from engine.models import Case
from engine.platform import Platform
from engine.simulation.agenda import Agenda, Appointment
from engine.simulation.chances import log_normal
from engine.simulation.demand import Demand
from engine.simulation.people import People
from engine.simulation.settings import Settings
from engine.simulation.summary import Tally

HOUR = timedelta(hours=1)
ANYTIME = ("supervise", "cancel", "merge")
"""Acts that can befall any case; ``resume`` follows a suspension and ``appeal`` a late close."""


class Outside:
    """Plans and does acts on cases."""

    def __init__(
        self,
        session: Session,
        platform: Platform,
        settings: Settings,
        people: People,
        demand: Demand,
        agenda: Agenda,
        tally: Tally,
        chance: Callable[[str], Random],
    ) -> None:
        self.session = session
        self.platform = platform
        self.settings = settings
        self.people = people
        self.demand = demand
        self.agenda = agenda
        self.tally = tally
        self.chance = chance

    def plan(self, case_id: int, number: str, now: datetime, names: Iterable[str]) -> None:
        """Decide whether and when somebody intervenes."""
        chance = self.chance(number)
        for name in names:
            act = self.settings.acts.get(name)
            if act is not None and chance.random() < act.share:
                at = now + HOUR * log_normal(chance, act.median_h, act.spread)
                self.agenda.add(at, Appointment(name, case_id=case_id))

    def act(self, now: datetime, name: str, case_id: int) -> bool:
        """Intervene; false when the case does not take that where it stands now."""
        case = self.session.get_one(Case, case_id)
        chance, role = self.chance(case.number), self.settings.acts[name].role
        actor = self.people.find(role, case.lead_department if role.startswith("unit_") else None, chance)
        payload = self.payload(name, case, chance)
        if actor is None or payload is None:
            return False
        try:
            act_on_case(self.session, self.platform, actor, case.number, name, payload, now=now)
        except DomainError:
            self.tally.acts[f"{name} (not possible)"] += 1
            return False
        self.tally.acts[name] += 1
        return True

    def payload(self, name: str, case: Case, chance: Random) -> dict[str, Any] | None:
        """What is sent along; none when there is no other case to merge into."""
        text = chance.choice(self.settings.texts.get(f"acts.{name}") or self.settings.texts["otherwise"])
        if name == "supervise":
            return {"instruction": text, "level": 1}
        if name == "merge":
            others = (each for each in reversed(self.demand.recent) if each.case_kind.full_code == case.full_code)
            other = next((each.number for each in others if each.number != case.number), None)
            return {"reason": text, "into": other} if other is not None else None
        return {"reason": text}
