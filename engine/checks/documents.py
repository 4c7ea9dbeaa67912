"""Documents: every declaration whole, templates open and use only what is declared, diagrams name what is there."""

from __future__ import annotations

import ast
import io
import zipfile
from collections.abc import Iterator

from lxml import etree

from engine.checks.finding import Finding, Source, split_remedy, suggest
from engine.checks.material import Material
from engine.checks.variables import settable
from engine.documents.declaring import (
    FOLDER,
    GIVEN,
    SUFFIX,
    TEMPLATE,
    DeclarationBroken,
    DocumentTemplate,
    read_document,
)
from engine.documents.filling import FillFailed, names_used
from engine.documents.making import CASE_MORE
from engine.documents.reading import UNREAD
from engine.workflow.elements import Element
from engine.workflow.expression_syntax import parse_syntax
from engine.workflow.expressions import ExpressionError, parse_template
from engine.workflow.fact_names import FACTS

OWN = ("case", "values", "variables")
LINKS = ("hyperlink",)
"""Relations of a Word file that may point outside."""


def check_documents(material: Material) -> Iterator[Finding]:
    """Faults of ``documents/*.toml`` with their templates, and of the service tasks that make and deliver them."""
    layers, known, names = material.city.layers, dict[str, DocumentTemplate](), set[str]()
    for found in layers.listing(FOLDER, SUFFIX):
        source, name = Source.of(found), found.path.stem
        names.add(name)
        try:
            known[name] = read_document(layers, found)
        except DeclarationBroken as error:
            for fault in error.faults:
                yield source.error(fault.element, fault.message, fault.remedy)
        owner = found.layer.name.removeprefix("plugin ")
        if found.layer.name.startswith("plugin ") and not name.startswith(owner):
            message = f"a document of the plugin {owner} does not bear its name"
            yield source.error("file", message, f"call it {owner}_{name}{SUFFIX}")
    for found in layers.listing(FOLDER, TEMPLATE):
        if found.path.stem not in names:
            message = f"there is no {found.path.stem}{SUFFIX} beside the template"
            remedy = suggest(found.path.stem, names, "add the declaration, or delete the file")
            yield Source.of(found).error("file", message, remedy)
    held = {permission for role in material.roles.values() for permission in role.permissions}
    variables = set(settable(material))
    for name, template in known.items():
        source = Source(f"{FOLDER}/{name}{SUFFIX}", template.layer)
        if template.read and template.read not in held:
            message = f"no role has the permission {template.read}, so nobody can see the document"
            yield source.error("read", message, "give it to a role in roles.csv")
        yield from _check_template(material, template)
        yield from _check_fields(material, template, source, variables)
    yield from _check_tasks(material, known, names)


def _check_template(material: Material, template: DocumentTemplate) -> Iterator[Finding]:
    """The Word file opens, points nowhere outside, and uses what is declared."""
    found = material.city.layers.find(f"{FOLDER}/{template.name}{TEMPLATE}")
    if found is None:  # told already
        return
    source, content = Source.of(found), found.path.read_bytes()
    try:
        used = names_used(template.name, content)
    except FillFailed as error:
        message, remedy = split_remedy(error.message, "correct the template in Word")
        yield source.error("file", message.removeprefix(f"document {template.name}: "), remedy)
        return
    there = {*GIVEN, *template.fields}
    for name in sorted(used - there):
        remedy = suggest(name, there, f"declare it in [fields] of {template.name}{SUFFIX}")
        yield source.error(name, f"the template uses {name}, which nothing declares", remedy)
    for name in template.fields:
        if name not in used and name not in template.required and name not in GIVEN:
            declared = Source(f"{FOLDER}/{template.name}{SUFFIX}", template.layer)
            yield declared.warning(name, f"the template never uses the field {name}", "use it, or take it out")
    for what in _unread(content):
        yield source.warning("file", f"its PDF leaves out {what}", "write that as paragraphs or tables")
    for target in _outside(content):
        yield source.error("file", f"it points to {target} outside the file", "insert the picture or text itself")


def _unread(content: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        body = file.read("word/document.xml")
    return [what for sign, what in UNREAD.items() if sign in body]


def _outside(content: bytes) -> Iterator[str]:
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        for name in file.namelist():
            if name.endswith(".rels"):
                for relation in etree.fromstring(file.read(name)):
                    kind = str(relation.get("Type", "")).rsplit("/", 1)[-1]
                    if relation.get("TargetMode") == "External" and kind not in LINKS:
                        yield str(relation.get("Target"))


def _check_fields(
    material: Material, template: DocumentTemplate, source: Source, variables: set[str]
) -> Iterator[Finding]:
    """Every field's expression can be read and asks for what there is."""
    facts = {*FACTS, *CASE_MORE}
    for name, text in template.fields.items():
        try:
            expressions = list(parse_template(text, material.functions).expressions())
        except ExpressionError as error:
            message, remedy = split_remedy(str(error), "correct the expression")
            yield source.error(name, message, remedy)
            continue
        for path in sorted({path for expression in expressions for path in expression.paths}):
            first, _, rest = path.partition(".")
            key = rest.split(".")[0]
            if first == "case" and key and key not in facts:
                remedy = suggest(key, facts, "docs/reference/documents.md lists what case has")
                yield source.error(name, f"a case has no {key!r}", remedy)
            wanted = key if first == "variables" else "" if first in OWN else first
            if wanted and wanted not in variables:
                remedy = suggest(wanted, variables, f"write ${{values.{wanted}}} when the diagram gives it in values")
                yield source.warning(name, f"nothing ever sets {wanted!r}", remedy)


def _check_tasks(material: Material, known: dict[str, DocumentTemplate], names: set[str]) -> Iterator[Finding]:
    for diagram in material.diagrams.values():
        for element in diagram.elements.values():
            if not (element.topic or "").startswith("document/"):
                continue
            source, named = material.source(diagram), element.inputs.get("template", "")
            if named and "${" not in named and named not in names:
                remedy = suggest(named, names, "add its files to documents/")
                yield source.error(element.id, f"there is no document {named!r}", remedy, element.line)
            elif named in known and element.topic == "document/make":
                yield from _check_values(material, element, known[named], source)
            if element.topic in ("document/deliver", "document/void") and not named and "id" not in element.inputs:
                message = f"{element.name} says of no document that it is the one"
                yield source.error(element.id, message, "give it id or template", element.line)


def _check_values(
    material: Material, element: Element, template: DocumentTemplate, source: Source
) -> Iterator[Finding]:
    """What a diagram gives and what the fields take, where the dictionary is written out."""
    given = _keys_of(material, element.inputs.get("values", ""))
    if given is None:
        return  # a variable: what is in it shows only when it runs
    taken, needed = set[str](), set[str]()
    for name, text in template.fields.items():
        try:
            for expression in parse_template(text, material.functions).expressions():
                asked = {path.split(".")[1] for path in expression.paths if path.startswith("values.")}
                taken |= asked
                needed |= asked if name in template.required else set()
        except ExpressionError:
            continue
    for name in sorted(given - taken):
        remedy = suggest(name, taken, "take it out, or let a field use it")
        yield source.warning(element.id, f"no field of {template.name} takes the value {name!r}", remedy, element.line)
    for name in sorted(needed - given):
        remedy = suggest(name, given - taken, "add it to values")
        message = f"{template.name} needs the value {name!r}, which {element.name} does not give"
        yield source.warning(element.id, message, remedy, element.line)


def _keys_of(material: Material, text: str) -> set[str] | None:
    """The keys of the dictionary that an input is; none where it is not written out."""
    if not text.strip():
        return set()
    try:
        expressions = list(parse_template(text, material.functions).expressions())
        body = parse_syntax(expressions[0].text, material.functions.known).tree.body if expressions else None
    except ExpressionError:
        return None
    if not isinstance(body, ast.Dict):
        return None
    return {key.value for key in body.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
