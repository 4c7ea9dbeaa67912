"""Matters and procedures: every process, form, permission, department and class they name exists; expressions hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.checks.finding import Finding, Source, suggest
from engine.checks.material import Material
from engine.checks.organisation import FOLDER as ORGANISATION
from engine.checks.organisation import read_rows
from engine.errors import CityBroken
from engine.loading.catalogue import CLASS, catalogue_files
from engine.loading.organisation import DEPARTMENT
from engine.loading.tables import read_csv
from engine.matters.declaring import FOLDER, SUFFIX, Matter, MatterBroken, read_matter
from engine.matters.procedures import ALL, Row, read_procedures
from engine.workflow.expressions import ExpressionError, parse_template

FORM_NAMES = frozenset({"departments", "conditions", "now", "roles"})
"""What the form of a matter may read: there is no case yet."""
PLUGIN = "plugin "


def check_matters(material: Material) -> Iterator[Finding]:
    """Faults of ``matters/*.toml`` and ``procedures.csv``."""
    known: dict[str, Matter] = {}
    for found in material.city.layers.listing(FOLDER, SUFFIX):
        source, name = Source.of(found), found.path.stem
        try:
            known[name] = read_matter(found)
        except MatterBroken as error:
            for fault in error.faults:
                yield source.error(fault.element, fault.message, fault.remedy)
        owner = found.layer.name.removeprefix(PLUGIN)
        if found.layer.name.startswith(PLUGIN) and not name.startswith(owner):
            message = f"a matter of the plugin {owner} does not bear its name"
            yield source.error("file", message, f"call it {owner}_{name}{SUFFIX}")
    held = {permission for role in material.roles.values() for permission in role.permissions}
    leads = _leads(material)
    for name, matter in known.items():
        source = Source(f"{FOLDER}/{name}{SUFFIX}", matter.layer)
        yield from _check_names(material, matter, source, held)
        yield from _check_form(material, matter, source)
        yield from _check_texts(material, matter, source, leads)
    yield from _check_numbers(material, known)
    yield from _check_procedures(material)


def matters_of(material: Material) -> dict[str, Matter]:
    """The matters that can be read, by name."""
    known = {}
    for found in material.city.layers.listing(FOLDER, SUFFIX):
        try:
            known[found.path.stem] = read_matter(found)
        except MatterBroken:
            continue  # told by check_matters
    return known


def procedures_of(material: Material) -> dict[str, Row]:
    """The rows of procedures.csv that can be read, by code."""
    return read_procedures(material.city.layers)[0]


def _check_names(material: Material, matter: Matter, source: Source, held: set[str]) -> Iterator[Finding]:
    if matter.process not in material.diagrams and not material.has_file(f"processes/{matter.process}.bpmn"):
        remedy = suggest(matter.process, material.diagrams, "add the diagram")
        yield source.error("process", f"there is no process {matter.process!r}", remedy)
    if matter.form and not material.has_file(f"forms/{matter.form}.json"):
        yield source.error("form", f"there is no form {matter.form!r}", suggest(matter.form, material.forms, "add it"))
    for permission in dict.fromkeys((matter.open, matter.read)):
        if permission not in held:
            message = f"no role has the permission {permission}"
            yield source.error(permission, message, "give it to a role in roles.csv")


def _check_form(material: Material, matter: Matter, source: Source) -> Iterator[Finding]:
    """A form that opens a matter knows no case."""
    form = material.forms.get(matter.form)
    if form is None:
        return
    for name in sorted({path.split(".")[0] for path in form.paths} - FORM_NAMES):
        message = f"the form {matter.form} reads {name!r}, which is not there before the case is"
        yield source.error("form", message, f"it may read {', '.join(sorted(FORM_NAMES))} and its own answers")
    if form.has_photos:
        message = f"the form {matter.form} shows or asks for photos of the case, which is not there yet"
        yield source.error("form", message, "let the first task of the process ask for them")


def _check_texts(material: Material, matter: Matter, source: Source, leads: frozenset[str] | None) -> Iterator[Finding]:
    form = material.forms.get(matter.form)
    for key, text in matter.texts.items():
        try:
            template = parse_template(text, material.functions)
        except ExpressionError as error:
            yield source.error(key, f"{error.place}: {error.message}", error.remedy or "correct the expression")
            continue
        for path in sorted(template.paths):
            first, *rest = path.split(".")
            if first != "answer":
                yield source.error(key, f"{first!r} is not known here", "only answer, the form's answers, is")
            elif rest and form is not None and rest[0] not in form.keys:
                remedy = suggest(rest[0], form.keys, f"it has {', '.join(form.keys)}")
                yield source.error(key, f"the form {matter.form} has no field {rest[0]!r}", remedy)
            elif not matter.form:
                yield source.error(key, "the matter asks nothing, so there are no answers", "name a form, or a text")
    if "${" not in matter.department and leads is not None and matter.department not in leads:
        message = f"nobody has the duty {matter.department}, and no department has that code"
        remedy = suggest(matter.department, leads, f"add it to the duties of one in {ORGANISATION}/departments.csv")
        yield source.error("department", message, remedy)


def _leads(material: Material) -> frozenset[str] | None:
    """Codes and duties of the city's departments; none when the table cannot be read, which its own check tells."""
    path = material.city.root / ORGANISATION / "departments.csv"
    rows, faults = read_rows(path, DEPARTMENT, Source(path.name))
    if faults:
        return None
    duties = {part.strip() for _, row in rows for part in row["duties"].split(";") if part.strip()}
    return frozenset({row["code"] for _, row in rows} | duties)


def _check_numbers(material: Material, known: Mapping[str, Matter]) -> Iterator[Finding]:
    """Two series never give one number."""
    taken = {material.city.case_number: "city.toml"}
    for name, matter in known.items():
        other = taken.get(matter.number) if matter.number else None
        if other is not None:
            source = Source(f"{FOLDER}/{name}{SUFFIX}", matter.layer)
            yield source.error("number", f"{other} has the same pattern", "give each its own word")
        taken.setdefault(matter.number, f"{FOLDER}/{name}{SUFFIX}")


def _check_procedures(material: Material) -> Iterator[Finding]:
    rows, faults = read_procedures(material.city.layers)
    for found, line, fault in faults:
        yield Source.of(found).error(fault.element, fault.message, fault.remedy, line)
    classes = _classes(material)
    for code, row in rows.items():
        source = Source.of(row.found)
        if row.process not in material.diagrams and not material.has_file(f"processes/{row.process}.bpmn"):
            remedy = suggest(row.process, material.diagrams, "add the diagram")
            yield source.error(code, f"there is no process {row.process!r} to open", remedy, row.line)
        if classes is not None and code != ALL and code not in classes:
            remedy = suggest(code, classes, "take the row out")
            yield source.warning(code, f"the city's catalogue has no class {code}", remedy, row.line)


def _classes(material: Material) -> set[str] | None:
    """Codes of classes, subclasses and conditions as procedures.csv names them; none when a table is unreadable."""
    found: set[str] = set()
    for name in ("classes.csv", "conditions.csv"):
        for file in catalogue_files(material.city, name):
            try:
                for _, row in read_csv(file.path, CLASS[:1]):
                    code = f"{row['kind']}/{row.get('full_code', '')}"
                    found |= {f"{row['kind']}/{row.get('full_code', '')[:2]}", code}
                    if row.get("condition_no"):
                        found.add(f"{code}/{row['condition_no']}")
            except CityBroken:
                return None
    return found
