"""``overdue.csv``: rows that can be read, tasks and roles there are, recipients somebody is, expressions that hold."""

from __future__ import annotations

from collections.abc import Iterator

from engine.checks.finding import Finding, Source, suggest
from engine.checks.material import Material
from engine.checks.organisation import FOLDER, read_rows
from engine.checks.variables import check_facts
from engine.loading.organisation import PERSON, POST
from engine.overdue.rungs import ALL, NAMES, RECIPIENT, Rung, Rungs, read_rungs
from engine.workflow.elements import PEOPLE
from engine.workflow.expressions import ExpressionError, parse_template


def check_overdue(material: Material) -> Iterator[Finding]:
    """Faults of the rows, and of the tasks they are for."""
    rungs, faults = read_rungs(material.city.layers)
    for fault in faults:
        yield Source.of(fault.found).error(fault.element, fault.message, fault.remedy, fault.line)
    for rows in rungs.rows.values():
        for rung in rows:
            yield from _check_task(material, rung)
            yield from _check_texts(material, rung)
            for recipient in rung.recipients:
                match = RECIPIENT.fullmatch(recipient)
                if match is not None and match[1] not in material.roles:
                    remedy = suggest(match[1], material.roles, "add it to roles.csv")
                    yield _source(rung).error(rung.task, f"role {match[1]!r} does not exist", remedy, rung.line)
    yield from _check_holders(material, rungs)


def _source(rung: Rung) -> Source:
    return Source.of(rung.found)


def _check_task(material: Material, rung: Rung) -> Iterator[Finding]:
    process, slash, element = rung.task.partition("/")
    if not slash:
        if process != ALL and process not in material.roles:
            remedy = suggest(process, material.roles, "add it to roles.csv; a process is written process/*")
            yield _source(rung).error(rung.task, f"role {process!r} does not exist", remedy, rung.line)
        return
    diagram = material.diagrams.get(process)
    if diagram is None:
        if not material.has_file(f"processes/{process}.bpmn"):
            remedy = suggest(process, material.diagrams, "add the diagram")
            yield _source(rung).error(rung.task, f"there is no process {process!r}", remedy, rung.line)
        return
    tasks = [each.id for each in diagram.elements.values() if each.kind in PEOPLE]
    if element != ALL and element not in tasks:
        remedy = suggest(element, tasks, f"it has {', '.join(tasks)}")
        yield _source(rung).error(rung.task, f"the process has no task {element!r}", remedy, rung.line)


def _check_texts(material: Material, rung: Rung) -> Iterator[Finding]:
    texts = {"text_zh": rung.text_zh, "text_en": rung.text_en}
    for column, text in (*(("recipients", each) for each in rung.recipients), *texts.items()):
        try:
            template = parse_template(text, material.functions)
        except ExpressionError as error:
            remedy = error.remedy or "correct the expression"
            yield _source(rung).error(rung.task, f"{column}: {error.message}", remedy, rung.line)
            continue
        yield from check_facts(_source(rung), rung.task, column, template.paths, rung.line)
        for name in sorted({path.split(".")[0] for path in template.paths} - NAMES):
            message = f"{column}: {name!r} is not known here"
            yield _source(rung).error(rung.task, message, f"it may read {', '.join(sorted(NAMES))}", rung.line)


def _check_holders(material: Material, rungs: Rungs) -> Iterator[Finding]:
    """Of what the city's tasks go by, somebody is told in the end."""
    root = material.city.root / FOLDER
    posts, told = read_rows(root / "posts.csv", POST, Source("posts.csv"))
    people, more = read_rows(root / "people.csv", PERSON, Source("people.csv"))
    if told or more:
        return  # told by the check of the organisation
    role_of = {row["code"]: row["role"] for _, row in posts}
    held = {role_of.get(row["post"], "") for _, row in people}
    used: dict[str, tuple[Rung, ...]] = {}
    for diagram in material.diagrams.values():
        for element in diagram.elements.values():
            if element.kind in PEOPLE:
                role = (element.groups or "").partition("@")[0].strip()
                for rung in rungs.of(diagram.id, element.id, role):
                    used.setdefault(rung.task, rungs.of(diagram.id, element.id, role))
    for task, rows in used.items():
        roles = {match[1] for rung in rows for who in rung.recipients if (match := RECIPIENT.fullmatch(who))}
        if roles <= set(material.roles) and not roles & held:
            message = f"nobody has one of the roles that are told ({', '.join(sorted(roles))})"
            yield _source(rows[0]).warning(task, message, "name a role somebody has", rows[0].line)
