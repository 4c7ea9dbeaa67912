"""A city at work on a virtual clock: problems are reported, people do their tasks, timers fall due, leaders intervene.

Everything goes through the services that the web and the API use. One queue orders all of it: the next report, the next
task somebody gets done, the next act from outside, the next due timer of the database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.cases.matters import Application, open_matter
from engine.cases.reporting import report_case
from engine.database import begin_write
from engine.errors import DomainError
from engine.hooks.contributions import PlannedMatter
from engine.models import Case
from engine.organisation.actor import Actor
from engine.organisation.roles import load_roles
from engine.platform import Platform
from engine.simulation.agenda import Appointment
from engine.simulation.chances import pick, stream
from engine.simulation.demand import Demand, Wish
from engine.simulation.desk import Desk, OpenTask, open_tasks
from engine.simulation.intervening import ANYTIME, HOUR, Outside
from engine.simulation.people import People
from engine.simulation.places import Places
from engine.simulation.settings import Settings, load_settings
from engine.simulation.summary import Summary, Tally, summarise
from engine.simulation.timeline import Timeline
from engine.simulation.waiting import Pace
from engine.workflow.forms import FormInvalid

REPORTING_ROLES = {"patrol": "collector", "leader": "leader"}
"""Who enters a report of a source; acceptors enter the others, citizens their own."""
PHOTOGRAPHED = ("patrol", "video")


def simulate(
    session: Session,
    platform: Platform,
    *,
    start: datetime,
    days: float,
    cases_per_day: float,
    seed: int,
    unfinished: bool = False,
    matters: Iterable[PlannedMatter] = (),
    progress: Callable[[int], None] = lambda done: None,
) -> Summary:
    """Let the city work for ``days`` from ``start`` (aware). Commits as it goes, like the real thing.

    The same database, files and seed give the same histories. Open tasks already there are worked on too.

    :param matters: what departments open beside the reports.
    :param unfinished: end in the middle of work: with fresh reports and tasks of every stage still to be done.
    :param progress: hears how many more hours of the period are over, ``round(days * 24)`` in all.
    :raises CityBroken: the city's ``simulation.toml`` cannot be used.
    """
    end = start + timedelta(days=days)
    settings = load_settings(platform.city)
    leave = settings.left_open if unfinished else {}
    work = CityAtWork(session, platform, settings, seed=seed, start=start, leave=LeftOpen(leave, end))
    work.plan_matters(matters)
    work.run(start, end, cases_per_day, Hours(start, round(days * 24), progress).tick)
    return summarise(session, work.tally, end)


class CityAtWork:
    """One run of a simulated city."""

    def __init__(
        self, session: Session, platform: Platform, settings: Settings, *, seed: int, start: datetime, leave: LeftOpen
    ) -> None:
        city, host = platform.city, platform.host
        self.session = session
        self.platform = platform
        self.seed = seed
        self.zone = city.time_zone
        self.timeline = Timeline(session, platform, self.keep, self.plan_tasks)
        self.agenda = self.timeline.agenda
        self.tally = Tally()
        self.leave = leave
        self.people = People(session, load_roles(city.layers))
        places = Places(session, host.ground, settings.demand["area_classes"])
        day = start.astimezone(self.zone).date()
        self.demand = Demand(session, settings, places, self.zone, day, city.language == "en")
        self.pace = Pace(settings, (unit.code for unit in host.directory.handling()), seed)
        self.desk = Desk(session, platform, settings, self.people, self.pace, self.tally, self.chance)
        self.outside = Outside(
            session, platform, settings, self.people, self.demand, self.agenda, self.tally, self.chance
        )
        self._chances: dict[str, Random] = {}
        self._settled: set[tuple[int, str]] = set()
        session.commit()

    def chance(self, number: str) -> Random:
        """The stream of chance of a case."""
        if number not in self._chances:
            self._chances[number] = stream(self.seed, f"case {number}")
        return self._chances[number]

    # The queue -----------------------------------------------------------------------------------------------

    def run(self, start: datetime, end: datetime, cases_per_day: float, tick: Callable[[datetime], None]) -> None:
        """Work from ``start`` to ``end``; ``tick`` hears every moment reached."""
        self.plan_reports(start, end, cases_per_day)
        self.timeline.plan_new(open_tasks(self.session), start)
        self.timeline.run(start, end, tick)
        self.tally.fired = self.timeline.fired

    def keep(self, now: datetime, appointment: Appointment) -> None:
        """Do what was planned for this moment."""
        if appointment.kind == "report":
            self.report(now, appointment.source, appointment.serial)
        elif appointment.matter is not None:
            self.open_matter(now, appointment.matter)
        elif appointment.task is not None:
            self.do_task(now, appointment.task)
        elif self.outside.act(now, appointment.kind, appointment.case_id):
            self.timeline.follow(appointment.case_id, now)

    def plan_reports(self, start: datetime, end: datetime, cases_per_day: float) -> None:
        """All reports of the period."""
        day, last = start.astimezone(self.zone).date(), end.astimezone(self.zone).date()
        while day <= last:
            moments = self.demand.moments(day, cases_per_day, stream(self.seed, f"day {day}"))
            for serial, (moment, source) in enumerate(moments):
                if start <= moment <= end:
                    self.agenda.add(moment.astimezone(UTC), Appointment("report", source=source, serial=serial))
            day += timedelta(days=1)
        chance = stream(self.seed, "just reported")
        for serial, moment in enumerate(self.leave.fresh_reports(chance)):
            source = pick(chance, self.demand.settings.sources)
            self.agenda.add(moment, Appointment("report", source=source, serial=serial))

    def plan_matters(self, matters: Iterable[PlannedMatter]) -> None:
        """What departments open by themselves."""
        for each in matters:
            self.agenda.add(each.at.astimezone(UTC), Appointment("matter", matter=each))

    def plan_tasks(self, tasks: list[OpenTask], now: datetime) -> None:
        """Decide when the tasks that are new get done."""
        for task in tasks:
            since, chance = max(task.created_at, now), self.chance(task.number)
            at = self.pace.done_at(task.stage, task.scope, since, task.due_at, task.limit_text, chance)
            if not self.leave.takes(task.stage, at):
                self.agenda.add(at, Appointment("task", task=task))

    # What happens --------------------------------------------------------------------------------------------

    def report(self, now: datetime, source: str, serial: int) -> None:
        """Somebody reports a problem."""
        chance = stream(self.seed, f"report {now.isoformat()} {serial}")
        wish = self.demand.draw(source, now, chance)
        actor = self.reporter(source, wish, chance)
        begin_write(self.session)
        try:
            case = report_case(self.session, self.platform, wish.report, actor, now)
            self.session.commit()
        except DomainError as error:
            self.session.rollback()
            self.tally.stuck[f"report: {error}"] += 1
            return
        self.tally.reported += 1
        if source in PHOTOGRAPHED and actor is not None:
            self.desk.photograph(case.number, "before_photo", actor, now)
        if wish.duplicates is not None:
            self.desk.duplicates[case.id] = wish.duplicates
        self.demand.remember(wish, case.number, now)
        self.outside.plan(case.id, case.number, now, ANYTIME)
        self.timeline.follow(case.id, now)

    def open_matter(self, now: datetime, planned: PlannedMatter) -> None:
        """A department opens a matter: somebody who may."""
        host, actor = self.platform.host, None
        declared = host.matters.get(planned.matter)
        if declared is not None:
            near = (declared.department, host.directory.answering(declared.department, ()), None)
            actor = self.people.allowed(declared.open, near, stream(self.seed, planned.matter))
        application = Application(
            planned.matter, planned.answers, lon=planned.lon, lat=planned.lat, address=planned.address,
            title=planned.title, values=planned.values,
        )  # fmt: skip
        begin_write(self.session)
        try:
            case = open_matter(self.session, self.platform, application, actor, now)
            self.session.commit()
        except (DomainError, FormInvalid) as error:
            self.session.rollback()
            self.tally.stuck[f"matter {planned.matter}: {error}"] += 1
            return
        self.timeline.follow(case.id, now)

    def reporter(self, source: str, wish: Wish, chance: Random) -> Actor | None:
        """Who enters the report: a collector of the place, an acceptor, nobody for citizens themselves."""
        if source == "public":
            return None
        role = REPORTING_ROLES.get(source, "acceptor")
        place = self.platform.host.ground.locate(wish.spot.lon, wish.spot.lat) if role == "collector" else None
        scope = place.duty_grid if place is not None else None
        return self.people.find(role, scope, chance) or self.people.find(role, None, chance)

    def do_task(self, now: datetime, task: OpenTask) -> None:
        """Somebody does a task."""
        result = self.desk.work(now, task)
        if result is not None:
            self.timeline.follow(task.case_id, now)
            self.settle(task, result, now)

    def settle(self, task: OpenTask, result: dict[str, Any], now: datetime) -> None:
        """Plan what a suspension or a late close brings about, once each."""
        status = result["status"]
        ended = status == "closed" and not result["tasks"]
        if not (ended or status == "suspended") or (task.case_id, status) in self._settled:
            return
        self._settled.add((task.case_id, status))
        if status == "suspended":
            self.outside.plan(task.case_id, task.number, now, ("resume",))
        elif self.session.scalar(select(Case.on_time).where(Case.id == task.case_id)) is False:
            self.outside.plan(task.case_id, task.number, now, ("appeal",))


class LeftOpen:
    """What is still to be done when a simulation ends: by stage how many tasks of its last hours, at most."""

    def __init__(self, most: Mapping[str, tuple[int, float]], end: datetime) -> None:
        self.most = most
        self.end = end
        self.left: Counter[str] = Counter()

    def takes(self, stage: str, at: datetime) -> bool:
        """Whether a task that would be done at a moment is left instead."""
        most, hours = self.most.get(stage, (0, 0.0))
        if at > self.end or self.left[stage] >= most or at < self.end - HOUR * hours:
            return False
        self.left[stage] += 1
        return True

    def fresh_reports(self, chance: Random) -> list[datetime]:
        """The moments of the reports that have just come in, in order."""
        most, hours = self.most.get("reports", (0, 0.0))
        return sorted(self.end - HOUR * hours * chance.random() for _ in range(most))


class Hours:
    """Tells a progress bar of whole hours that are over."""

    def __init__(self, start: datetime, total: int, progress: Callable[[int], None]) -> None:
        self.start, self.total, self.progress, self.told = start, total, progress, 0

    def tick(self, now: datetime) -> None:
        """Hear of a moment."""
        over = min(self.total, int((now - self.start) / HOUR))
        if over > self.told:
            self.progress(over - self.told)
            self.told = over
