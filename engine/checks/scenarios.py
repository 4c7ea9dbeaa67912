"""Scenario files: readable, in their own words, and about things the diagrams have.

What a file itself gets wrong is an error. A step the diagrams no longer know is a warning: a city that draws a process
anew must be able to load it before it has rewritten the core's scenarios about it. While a diagram is unreadable nobody
knows which tasks it has: steps about tasks that no other diagram has are counted in one warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from engine.calendar import LimitError, parse_limit
from engine.cases.actions import ACTIONS
from engine.cases.evidence import ROLES
from engine.checks.finding import Finding, Source, suggest
from engine.checks.material import Material
from engine.checks.matters import matters_of
from engine.matters.declaring import Matter
from engine.scenarios.playing import DUE, Unplayable, local_moment
from engine.scenarios.reading import FOLDER, SUFFIX, ScenarioFile, read_file
from engine.scenarios.values import ACTION, STRETCH, TASK, UNTIL, WAIT, Expected, Scenario, ScenarioStep
from engine.workflow.elements import PEOPLE
from engine.workflow.expressions import ExpressionError, parse_template
from engine.workflow.timers import OF_LIMIT

Step = tuple[str, ScenarioStep]


@dataclass
class _Tasks:
    """The user tasks of the diagrams with the answers each takes; none where one of its forms is unreadable.

    ``unread`` are the diagrams that could not be read, ``passed`` the places that may be about tasks of theirs.
    """

    answers: Mapping[str, set[str] | None]
    unread: tuple[str, ...]
    passed: set[tuple[str, str]] = field(default_factory=set)

    def check(self, source: Source, place: str, task: str) -> Iterator[Finding]:
        """Whether a diagram has the task."""
        if task in self.answers:
            return
        if self.unread:
            self.passed.add((source.file, place))
            return
        remedy = suggest(task, self.answers, "correct the scenario or the diagram")
        yield source.warning(place, f"no diagram has a user task {task!r}", remedy)


def check_scenarios(material: Material) -> Iterator[Finding]:
    """Every fault and doubt of the scenario files of core, plugins and city."""
    files = [(Source.of(found), read_file(found)) for found in material.city.layers.listing(FOLDER, SUFFIX)]
    homes: dict[str, Source] = {}
    for source, file in files:
        for fault in file.faults:
            yield source.error(fault.place, fault.message, fault.remedy)
        for name in file.stretches:
            if name in homes:
                yield source.error(f"stretch {name}", f"{homes[name].file} has a stretch of this name", "rename one")
            homes.setdefault(name, source)
    tasks = _Tasks(_fields_of_tasks(material), _unread_diagrams(material))
    matters = matters_of(material)
    for source, file in files:
        for scenario in file.scenarios:
            yield from _check_given(material, source, scenario, matters)
        for place, step in _steps(file):
            yield from _check_words(material, source, place, step, homes)
            yield from _check_things(material, source, place, step, tasks)
    yield from _tell_passed(material, tasks)


def _check_given(
    material: Material, source: Source, scenario: Scenario, matters: Mapping[str, Matter]
) -> Iterator[Finding]:
    """The matter a scenario opens, what it answers, and the procedures it gives."""
    given, place = scenario.given, f"{scenario.title}: given"
    for process in given.procedures.values():
        if process not in material.diagrams and not material.has_file(f"processes/{process}.bpmn"):
            remedy = suggest(process, material.diagrams, "correct the scenario")
            yield source.warning(place, f"there is no process {process!r}", remedy)
    if not given.matter:
        return
    matter = matters.get(given.matter)
    if matter is None:
        yield source.warning(place, f"there is no matter {given.matter!r}", suggest(given.matter, matters, "add it"))
        return
    form = material.forms.get(matter.form)
    for key, value in given.answers.items():
        if form is not None and key not in form.keys:
            remedy = suggest(key, form.keys, "take the answer out")
            yield source.warning(place, f"the form {matter.form} asks for no {key!r}", remedy)
        for text in (each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)):
            try:
                parse_template(text, material.functions)
            except ExpressionError as error:
                yield source.error(place, f"{text!r}: {error.message}", error.remedy or "correct the expression")


def _unread_diagrams(material: Material) -> tuple[str, ...]:
    """Diagram files that could not be read, by logical path."""
    broken = (path for path in material.broken if path.startswith("processes/"))
    return tuple(sorted(path for path in broken if PurePosixPath(path).stem not in material.diagrams))


def _tell_passed(material: Material, tasks: _Tasks) -> Iterator[Finding]:
    """One doubt for all steps that were not looked at."""
    if tasks.passed:
        files = len({file for file, _ in tasks.passed})
        message = f"{len(tasks.passed)} steps in {files} scenario files may be about its tasks and were not checked"
        first, *others = tasks.unread
        remedy = f"correct {' and '.join(['it', *others])}; then they are"
        yield material.sources[first].warning("scenarios", message, remedy)


def _steps(file: ScenarioFile) -> Iterator[Step]:
    for name, steps in file.stretches.items():
        yield from ((f"stretch {name}: step {number}", step) for number, step in enumerate(steps, 1))
    for scenario in file.scenarios:
        yield from ((f"{scenario.title}: step {number}", step) for number, step in enumerate(scenario.steps, 1))


def _fields_of_tasks(material: Material) -> dict[str, set[str] | None]:
    """The answers each task of people takes, by element; none when one of its forms is unreadable."""
    found: dict[str, set[str] | None] = {}
    for diagram in material.diagrams.values():
        for element in diagram.elements.values():
            if element.kind in PEOPLE:
                form = material.forms.get(element.form or "")
                keys = set(form.keys) if form is not None else None if element.form else set()
                before = found.get(element.id, set())
                found[element.id] = None if keys is None or before is None else before | keys
    return found


def _check_words(
    material: Material, source: Source, place: str, step: ScenarioStep, stretches: Mapping[str, Source]
) -> Iterator[Finding]:
    """What the file itself gets wrong."""
    if step.kind == STRETCH and step.what not in stretches:
        yield source.error(place, f"there is no stretch {step.what!r}", suggest(step.what, stretches, "write one"))
    if step.kind == ACTION:
        if step.what not in ACTIONS:
            yield source.error(place, f"there is no action {step.what!r}", f"use one of {', '.join(ACTIONS)}")
        if not step.by:
            yield source.error(place, "nobody is named to act", "write by = a role or a login")
    if step.kind == WAIT:
        try:
            parse_limit(step.what)
        except LimitError as error:
            yield source.error(place, f"wait = {step.what!r}: {error}", "write for example '3 work_hour'")
    if step.kind == UNTIL and step.what.strip() != DUE and not OF_LIMIT.match(step.what):
        try:
            local_moment(material.city, step.what)
        except Unplayable as error:
            yield source.error(place, error.message, "or write 'due' or '80 % of limit'")
    for role in step.photos:
        if role not in ROLES:
            yield source.error(place, f"there are no photos of kind {role!r}", f"use one of {', '.join(ROLES)}")
    for text in _texts(step):
        try:
            parse_template(text, material.functions)
        except ExpressionError as error:
            yield source.error(place, f"{text!r}: {error.message}", error.remedy or "correct the expression")


def _texts(step: ScenarioStep) -> Iterator[str]:
    """Texts of a step that may hold expressions."""
    values = [step.scope, *step.answers.values(), *(task.scope for task in step.expect.open or ())]
    values += [*step.expect.case.values(), *step.expect.variables.values(), *(step.expect.notices or ())]
    for value in values:
        yield from (each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str))


def _check_things(
    material: Material, source: Source, place: str, step: ScenarioStep, tasks: _Tasks
) -> Iterator[Finding]:
    """What the diagrams and forms do not have."""
    if step.kind == TASK:
        yield from tasks.check(source, place, step.what)
        keys = tasks.answers.get(step.what)
        for key in step.answers if keys is not None else ():
            if key not in (keys or ()):
                remedy = suggest(key, keys or (), "take the answer out")
                yield source.warning(place, f"{step.what} asks for no {key!r}", remedy)
    yield from _check_expected(material, source, place, step.expect, tasks)


def _check_expected(
    material: Material, source: Source, place: str, expected: Expected, tasks: _Tasks
) -> Iterator[Finding]:
    for task in expected.open or ():
        yield from tasks.check(source, f"{place}: open", task.element)
        if task.role and task.role not in material.roles:
            remedy = suggest(task.role, material.roles, "correct the scenario")
            yield source.warning(f"{place}: open", f"there is no role {task.role!r}", remedy)
