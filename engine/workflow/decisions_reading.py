"""Read one decision's logic from DMN: a table or an expression, collecting every problem with its rule."""

import re
from typing import Any

from lxml import etree

from engine.workflow.decisions_cells import Cell, read_cell
from engine.workflow.decisions_tables import Table
from engine.workflow.decisions_values import TYPES, DecisionProblem, HitPolicy, Input, Output, Rule
from engine.workflow.expressions import Expression, ExpressionError, Functions, compile_expression

NAMESPACES = {
    "http://www.omg.org/spec/DMN/20151101/dmn.xsd": "1.1",
    "http://www.omg.org/spec/DMN/20151101/dmn11.xsd": "1.1",
    "http://www.omg.org/spec/DMN/20180521/MODEL/": "1.2",
    "https://www.omg.org/spec/DMN/20191111/MODEL/": "1.3",
    "https://www.omg.org/spec/DMN/20211108/MODEL/": "1.4",
    "https://www.omg.org/spec/DMN/20230324/MODEL/": "1.5",
}
AGGREGATIONS = ("SUM", "MIN", "MAX", "COUNT")
NAME = re.compile(r"[^\W\d_]\w*")
OTHER_LOGIC = ("context", "invocation", "relation", "list", "functionDefinition", "conditional", "filter", "for")


class LogicReader:
    """Reads the logic of decisions and remembers what is wrong with it."""

    def __init__(self, functions: Functions) -> None:
        self.functions = functions
        self.problems: list[DecisionProblem] = []
        self.decision_id = self.rule_id = ""

    def report(self, message: str, remedy: str, excerpt: str = "") -> None:
        self.problems.append(DecisionProblem(self.decision_id, self.rule_id, message, remedy, excerpt))

    def check_language(self, element: Any, place: str) -> None:
        if element.get("expressionLanguage"):
            message = f"{place} is written in {element.get('expressionLanguage')}"
            self.report(message, "remove expressionLanguage and use the expressions of docs/reference/expressions.md")

    def read_body(self, element: Any) -> Table | Expression | None:
        tables, literals = children(element, "decisionTable"), children(element, "literalExpression")
        if len(tables) + len(literals) != 1:
            kinds = [name for name in OTHER_LOGIC if children(element, name)]
            message = f"is a {kinds[0]}" if kinds else "has no logic"
            self.report(message, "use a decision table or a literal expression")
            return None
        if literals:
            self.check_language(literals[0], "the expression")
            return self.compile(read_text(literals[0]), "the expression")
        return self.read_table(tables[0])

    def compile(self, text: str, place: str) -> Expression | None:
        try:
            return compile_expression(text.strip(), self.functions)
        except ExpressionError as error:
            self.report_expression(error, place)
            return None

    def report_expression(self, error: ExpressionError, place: str) -> None:
        self.report(f"{place}, {error.place}: {error.message}", error.remedy or "correct it", error.excerpt)

    def read_table(self, element: Any) -> Table | None:
        before = len(self.problems)
        policy = self.read_policy(element)
        inputs = [self.read_input(each, at) for at, each in enumerate(children(element, "input"), 1)]
        outputs = [self.read_output(each, at) for at, each in enumerate(children(element, "output"), 1)]
        self.check_outputs(outputs, policy, element.get("aggregation") or "")
        rules = [self.read_rule(each, at, inputs, outputs) for at, each in enumerate(children(element, "rule"), 1)]
        self.rule_id = ""
        if len({rule.rule_id for rule in rules}) < len(rules):
            self.report("two rules have one id", "give each rule its own")
        if len(self.problems) == before:
            self.check_rows(rules, policy)
        if len(self.problems) > before:
            return None
        known = tuple(each for each in inputs if each is not None)
        return Table(known, tuple(outputs), tuple(rules), policy, element.get("aggregation") or "")

    def check_rows(self, rules: list[Rule], policy: HitPolicy) -> None:
        """Find rows that can only contradict an earlier one, or are never reached."""
        if policy not in (HitPolicy.UNIQUE, HitPolicy.FIRST):
            return
        seen: dict[tuple[str, ...], int] = {}
        for rule in rules:
            self.rule_id = rule.rule_id
            key = tuple("-" if cell.anything else cell.text for cell in rule.cells)
            if key in seen:
                self.report(
                    f"row {rule.index} tests the same as row {seen[key]}", "remove one or change its conditions"
                )
            elif policy is HitPolicy.FIRST and ("-",) * len(key) in seen:
                message = f"row {rule.index} is never reached: row {seen[('-',) * len(key)]} accepts everything"
                self.report(message, "move it up")
            seen.setdefault(key, rule.index)
        self.rule_id = ""

    def read_policy(self, element: Any) -> HitPolicy:
        name = (element.get("hitPolicy") or "UNIQUE").replace("_", " ")
        aggregation = element.get("aggregation") or ""
        if name not in set(HitPolicy):
            self.report(f"hit policy {name!r} does not exist", f"use one of {', '.join(HitPolicy)}")
            return HitPolicy.UNIQUE
        if aggregation and (name != HitPolicy.COLLECT or aggregation not in AGGREGATIONS):
            self.report(f"{name} with aggregation {aggregation!r}", f"use COLLECT with {', '.join(AGGREGATIONS)}")
        return HitPolicy(name)

    def read_input(self, element: Any, at: int) -> Input | None:
        expressions = children(element, "inputExpression")
        text = read_text(expressions[0]) if expressions else ""
        label = element.get("label") or text.strip() or f"{at}"
        if not text.strip():
            self.report(f"input {label} has no expression", "write the variable it tests, such as case.kind")
            return None
        self.check_language(expressions[0], f"input {label}")
        expression = self.compile(text, f"input {label}")
        allowed = None
        for listed in children(element, "inputValues"):
            allowed = self.read_cell(read_text(listed), f"values of input {label}")
        kind = self.read_type(expressions[0].get("typeRef"), f"input {label}")
        return Input(label, expression, kind, allowed, element.get("id") or "") if expression else None

    def read_type(self, name: str | None, place: str) -> str:
        plain = (name or "").removeprefix("feel:")
        if plain in ("", "Any", "any"):
            return ""
        if plain not in TYPES:
            self.report(f"{place} has the unknown type {name!r}", f"use one of {', '.join(TYPES)} or none")
            return ""
        return plain

    def read_output(self, element: Any, at: int) -> Output:
        name = element.get("name") or (self.decision_id if at == 1 else "")
        kind = self.read_type(element.get("typeRef"), f"output {name or at}")
        if not NAME.fullmatch(name):
            self.report(f"output {at} is named {name!r}", "name it with a word such as department")
        values: tuple[Any, ...] = ()
        for listed in children(element, "outputValues"):
            cell = self.read_cell(read_text(listed), f"values of output {name}")
            if cell and (cell.checks or cell.negated):
                self.report(f"values of output {name} are no list", 'write them as `"a","b"`')
            values = cell.values if cell else ()
        default = None
        for entry in children(element, "defaultOutputEntry"):
            default = self.read_output_cell(read_text(entry), kind, values, f"default of {name}")
        return Output(name, element.get("label") or name, kind, values, default)

    def check_outputs(self, outputs: list[Output], policy: HitPolicy, aggregation: str) -> None:
        if not outputs:
            self.report("the table has no output", "add one")
        if len({output.name for output in outputs}) < len(outputs):
            self.report("two outputs have one name", "name each output differently")
        ordered = policy in (HitPolicy.PRIORITY, HitPolicy.OUTPUT_ORDER)
        if ordered and not any(output.values for output in outputs):
            self.report(f"{policy} has no order", "list an output's values, the most important first")
        if aggregation and len(outputs) > 1:
            self.report(f"{aggregation} of {len(outputs)} outputs", "keep one output")

    def read_rule(self, element: Any, at: int, inputs: list[Input | None], outputs: list[Output]) -> Rule:
        self.rule_id = element.get("id") or f"row_{at}"
        tests, entries = children(element, "inputEntry"), children(element, "outputEntry")
        if (len(tests), len(entries)) != (len(inputs), len(outputs)):
            message = (
                f"row {at} has {len(tests)} and {len(entries)} cells for {len(inputs)} inputs, {len(outputs)} outputs"
            )
            self.report(message, "give every column a cell")
        for entry in (*tests, *entries):
            self.check_language(entry, f"row {at}")
        cells = [self.read_input_cell(read_text(test), given, at) for test, given in zip(tests, inputs, strict=False)]
        results = [
            self.read_output_cell(read_text(entry), output.type, output.values, f"row {at}, output {output.name}")
            for entry, output in zip(entries, outputs, strict=False)
        ]
        notes = [read_text(each).strip() for each in children(element, "annotationEntry")] or [
            read_text(element, "description")
        ]
        annotation = "; ".join(note for note in notes if note)
        return Rule(self.rule_id, at, annotation, tuple(cells), tuple(results))

    def read_cell(self, text: str, place: str) -> Cell | None:
        try:
            return read_cell(text.strip(), self.functions)
        except ExpressionError as error:
            self.report_expression(error, place)
            return None

    def read_input_cell(self, text: str, given: Input | None, at: int) -> Cell:
        label = given.label if given else "?"
        cell = self.read_cell(text, f"row {at}, input {label}") or Cell("", anything=True)
        for value in cell.values if given else ():
            self.check_type(value, given.type if given else "", f"row {at}, input {label}")
            allowed = given.allowed if given else None
            if value is not None and allowed and not allowed.checks and not allowed.accepts(value, {}):
                message = f"row {at}, input {label}: {value!r} is not among the column's values {allowed.text}"
                self.report(message, "correct the cell or add the value to the column")
        return cell

    def read_output_cell(self, text: str, kind: str, values: tuple[Any, ...], place: str) -> Expression | None:
        if text.strip() in ("", "-"):
            return None
        expression = self.compile(text, place)
        if expression is None or expression.names or expression.functions:
            return expression
        try:
            value = expression.evaluate({})
        except ExpressionError as error:
            self.report(f"{place}: {error.message}", error.remedy or "correct it")
            return None
        self.check_type(value, kind, place)
        if values and not any(value == each for each in values):
            self.report(f"{place}: {value!r} is not among the output's values", "correct the cell or add the value")
        return expression

    def check_type(self, value: Any, kind: str, place: str) -> None:
        if value is None or not kind:
            return
        try:
            TYPES[kind](value)
        except ValueError as error:
            message = getattr(error, "message", str(error))
            self.report(f"{place}: {message}", f"write a {kind}, or change the column's type")


def children(element: Any, name: str) -> list[Any]:
    return [
        each for each in element if etree.QName(each).localname == name and etree.QName(each).namespace in NAMESPACES
    ]


def read_text(element: Any, name: str = "text") -> str:
    return "".join("".join(each.itertext()) for each in children(element, name))
