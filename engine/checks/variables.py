"""Variables: every name read is a fact of the case or set somewhere; every answer compared exists in a form."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from engine.calendar import WorkCalendar
from engine.cases.actions import ACTIONS
from engine.checks.events import THROWS
from engine.checks.finding import Finding, Source, suggest
from engine.checks.material import Material
from engine.checks.matters import matters_of
from engine.checks.texts import Use, read_uses
from engine.hooks.settings import declared_settings
from engine.workflow.elements import BPMN, Element
from engine.workflow.expression_syntax import parse_syntax
from engine.workflow.expressions import Expression, ExpressionError, compile_assignments, parse_template
from engine.workflow.fact_names import FACTS
from engine.workflow.forms import Field, Form

FORM_NAMES = frozenset({"case", "departments", "conditions", "now", "roles", "case_photos"})
Values = frozenset[object] | None
"""The values a variable can have; none when they cannot be told from the files."""


def check_variables(material: Material, calendar: WorkCalendar | None) -> Iterator[Finding]:
    """Compile every expression of the diagrams and look up every name."""
    uses, findings = read_uses(material, calendar)
    yield from findings
    known = settable(material)
    for use in uses:
        yield from check_facts(use.source, use.owner, use.place, use.paths, use.line)
        yield from check_settings(material, use)
        yield from check_own_keys(material, use)
        if not material.broken:
            yield from check_names(use, known)
        yield from check_choices(material, use, known)
    yield from check_decision_names(material, known)
    yield from check_form_names(material)


def check_facts(
    source: Source, owner: str, place: str, paths: frozenset[str], line: int | None = None
) -> Iterator[Finding]:
    """Every key looked up in ``case`` is one the platform gives."""
    for path in sorted(paths):
        parts = path.split(".")
        if parts[0] == "case" and len(parts) > 1 and parts[1] not in FACTS:
            remedy = suggest(parts[1], FACTS, "docs/reference/diagrams.md lists the facts of a case")
            yield source.error(owner, f"{place}: a case has no fact {parts[1]!r}", remedy, line)


def check_settings(material: Material, use: Use) -> Iterator[Finding]:
    """``case.settings.<plugin>.<name>`` is declared by an enabled plugin; in a limit it is one."""
    city = material.city
    for path in sorted(use.paths):
        parts = path.split(".")
        if parts[:2] != ["case", "settings"] or len(parts) < 3:
            continue
        plugin, name = parts[2], ".".join(parts[3:4])
        if plugin not in city.enabled_roots:
            remedy = suggest(plugin, city.enabled_roots, "name an enabled plugin")
            yield use.source.error(use.owner, f"{use.place}: no plugin {plugin!r} is enabled", remedy, use.line)
            continue
        declared = declared_settings(city.enabled_roots[plugin])
        if name not in declared:
            remedy = suggest(name, declared, f"declare it in settings.toml of {plugin}")
            yield use.source.error(use.owner, f"{use.place}: {plugin} has no setting {name!r}", remedy, use.line)
        elif use.place in ("limit", "timer") and declared[name].type != "limit":
            message = f"{use.place}: the setting {name} of {plugin} is of type {declared[name].type}"
            yield use.source.error(use.owner, message, "give it the type limit", use.line)


def check_own_keys(material: Material, use: Use) -> Iterator[Finding]:
    """``answer.x`` is a field of the task's form, ``payload.x`` one of the message's."""
    element = use.diagram.elements.get(use.owner)
    for path in sorted(use.paths):
        first, _, rest = path.partition(".")
        key = rest.split(".")[0]
        if element is None or not key or first not in use.own:
            continue
        if first == "answer" and element.form in material.forms:
            form = material.forms[element.form]
            if key not in form.keys:
                remedy = suggest(key, form.keys, f"form {element.form} has {', '.join(form.keys)}")
                message = f"{use.place}: form {element.form} has no field {key!r}"
                yield use.source.error(use.owner, message, remedy, use.line)
        if first == "payload" and element.message in ACTIONS:
            action = ACTIONS[element.message]
            fields = (*action.required, *action.optional)
            if key not in fields:
                remedy = suggest(key, fields, f"it carries {', '.join(fields) or 'nothing'}")
                message = f"{use.place}: the message {element.message} carries no {key!r}"
                yield use.source.error(use.owner, message, remedy, use.line)


def check_names(use: Use, known: dict[str, Values]) -> Iterator[Finding]:
    """A variable nobody ever sets is probably a slip of the pen."""
    for name in sorted({path.split(".")[0] for path in use.paths} - use.own - {"case"}):
        if name not in known:
            remedy = suggest(name, known, "set it before, in a form, a script or an output parameter")
            yield use.source.warning(use.owner, f"{use.place}: nothing ever sets {name!r}", remedy, use.line)


def check_choices(material: Material, use: Use, known: dict[str, Values]) -> Iterator[Finding]:
    """A variable is compared only with values some form offers or some script sets."""
    for expression in use.expressions:
        for name, value in compared(expression, material):
            values = known.get(name)
            if name in use.own or values is None or value in values:
                continue
            offered = ", ".join(sorted(str(each) for each in values if each is not None)) or "nothing"
            message = f"{use.place}: {name} is never {value!r}"
            yield use.source.warning(use.owner, message, f"it can be {offered}; correct the word or the form", use.line)


def compared(expression: Expression, material: Material) -> Iterator[tuple[str, object]]:
    """(variable, literal) of every comparison for equality or membership."""
    try:
        tree = parse_syntax(expression.text, material.functions.known).tree
    except ExpressionError:
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare) or not isinstance(node.left, ast.Name):
            continue
        for operator, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, ast.Eq | ast.NotEq | ast.Is | ast.IsNot) and isinstance(right, ast.Constant):
                if right.value is not None:
                    yield node.left.id, right.value
            elif isinstance(operator, ast.In | ast.NotIn) and isinstance(right, ast.List | ast.Tuple):
                for item in right.elts:
                    if isinstance(item, ast.Constant) and item.value is not None:
                        yield node.left.id, item.value


def settable(material: Material) -> dict[str, Values]:
    """Every variable some diagram sets, with the values it can have where the files tell."""
    found: dict[str, Values] = {}
    for matter in matters_of(material).values():
        form = material.forms.get(matter.form)
        for field in form.components if form is not None else ():
            if field.is_answered:
                before = found.get(field.key, frozenset())
                values = offered(field)
                found[field.key] = None if values is None or before is None else before | values
    for diagram in material.diagrams.values():
        for element in diagram.elements.values():
            for name, values in set_by(material, element, material.nodes[diagram.id].get(element.id)):
                before = found.get(name, frozenset())
                found[name] = None if values is None or before is None else before | values
    return found


def set_by(material: Material, element: Element, node: Any) -> Iterator[tuple[str, Values]]:
    """The variables one element sets."""
    form = material.forms.get(element.form or "") if element.kind == "userTask" else None
    for name, text in element.outputs.items():
        yield name, output_values(material, text, form)
    if form is not None and not element.outputs:
        for each in form.components:
            if each.is_answered:
                yield each.key, offered(each)
    if element.message and not element.outputs and element.kind not in THROWS:
        yield element.message, None
    if element.result_variable:
        yield element.result_variable, None
    if element.topic == "case/open_linked":
        for name in keys_of(material, element.inputs.get("values", "")):
            yield name, None
    if element.kind == "scriptTask" and element.script:
        try:
            lines = compile_assignments(element.script, material.functions).lines
        except ExpressionError:
            lines = ()
        for name, expression in lines:
            yield name, literal(expression, material)
    if node is not None:
        for loop in node.findall(f"{{{BPMN}}}multiInstanceLoopCharacteristics"):
            for tag in ("inputDataItem", "outputDataItem"):
                for item in loop.findall(f"{{{BPMN}}}{tag}"):
                    yield item.get("name") or item.get("id"), None
            collected = loop.findtext(f"{{{BPMN}}}loopDataOutputRef")
            if collected:
                yield collected.strip(), None


def keys_of(material: Material, text: str) -> Iterator[str]:
    """The keys of the dictionary written in a text, as far as they stand there."""
    try:
        expressions = list(parse_template(text, material.functions).expressions())
    except ExpressionError:
        return
    for expression in expressions:
        for node in ast.walk(parse_syntax(expression.text, material.functions.known).tree):
            for key in node.keys if isinstance(node, ast.Dict) else ():
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value


def output_values(material: Material, text: str, form: Form | None) -> Values:
    """The values an output parameter can have."""
    try:
        template = parse_template(text, material.functions)
    except ExpressionError:
        return None
    expressions = list(template.expressions())
    if not expressions:
        return frozenset({text})
    if len(expressions) != 1 or len(template.parts) != 1:
        return None
    expression = expressions[0]
    if form is not None and expression.text.strip().startswith("answer."):
        key = expression.text.strip().removeprefix("answer.")
        field = next((each for each in form.components if each.key == key), None)
        return offered(field) if field is not None else None
    return literal(expression, material)


def literal(expression: Expression, material: Material) -> Values:
    """The values of an expression that is a constant, or a choice between constants."""
    try:
        node: ast.expr = parse_syntax(expression.text, material.functions.known).tree.body
    except ExpressionError:
        return None
    waiting, found = [node], set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.IfExp):
            waiting += [node.body, node.orelse]
        elif isinstance(node, ast.Constant):
            found.add(node.value)
        else:
            return None
    return frozenset(found)


def offered(field: Field) -> Values:
    """The values a form field lets people choose; none when they are free or come from the city."""
    if field.kind == "checkbox":
        return frozenset({True, False, None})
    if field.kind not in ("radio", "select") or isinstance(field.options, Expression):
        return None
    return frozenset({option.value for option in field.options} | {None})


def check_decision_names(material: Material, known: dict[str, Values]) -> Iterator[Finding]:
    """What decision tables read: facts of the case, variables, inputs of the task that calls them."""
    given: dict[str, set[str]] = {}
    for diagram in material.diagrams.values():
        for element in diagram.elements.values():
            if element.decision:
                given.setdefault(element.decision, set()).update(element.inputs)
    for decision in material.decisions.values():
        source = material.sources[decision.source]
        yield from check_facts(source, decision.decision_id, "the table", decision.paths)
        names = {path.split(".")[0] for path in decision.paths} - {"case"} - given.get(decision.decision_id, set())
        for name in sorted(names if decision.decision_id in given and not material.broken else ()):
            if name not in known:
                remedy = suggest(name, known, "set it before the decision is asked")
                yield source.warning(decision.decision_id, f"the table reads {name!r}, which nothing ever sets", remedy)


def check_form_names(material: Material) -> Iterator[Finding]:
    """What a form's expressions read: facts of the case, the city's lists, input parameters of its tasks."""
    for name, form in material.forms.items():
        source = material.sources[f"forms/{name}.json"]
        yield from check_facts(source, name, "the form", form.paths)
        read = {path.split(".")[0] for path in form.paths} - FORM_NAMES
        for diagram in material.diagrams.values():
            for element in diagram.elements.values():
                if element.kind == "userTask" and element.form == name:
                    for missing in sorted(read - set(element.inputs)):
                        message = f"the form {name} reads {missing!r}, which the task does not give it"
                        remedy = f"add an input parameter {missing}"
                        yield material.source(diagram).error(element.id, message, remedy, element.line)
