"""A DMN model of the kit: finds a decision by name and writes it, with all it requires, as a file of our language."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lxml import etree
from lxml.builder import ElementMaker

from engine.workflow.decisions_reading import children, read_text
from tools.dmn_tck.feel import Term, read_expression, read_tests
from tools.dmn_tck.feel_names import Names, NotOurs, make_word

NAMESPACE = "https://www.omg.org/spec/DMN/20191111/MODEL/"
LISTS = ("RULE ORDER", "OUTPUT ORDER", "COLLECT")
KINDS = {
    "string": "text", "number": "number", "boolean": "bool", "date": "date", "dateTime": "date", "context": "dict",
}  # fmt: skip
TYPES = {"string", "number", "boolean", "date", "dateTime", "list", "context"}
OTHER_LOGIC = (
    "context", "invocation", "relation", "list", "functionDefinition", "conditional", "filter", "for", "some", "every",
)  # fmt: skip


@dataclass(frozen=True)
class Translation:
    """A decision in our language: the file, the decision's id there, and how its value compares with FEEL's."""

    xml: str
    decision_id: str
    output: str
    """The one output whose value FEEL gives instead of a dictionary; empty when the table has several or is none."""
    terms: tuple[Term, ...]
    """Every expression outside the cells, to explain differences by."""
    coarse: bool = False
    """Whether the decision declares a type of the model's own, of which we know list or dictionary only."""


class Model:
    """One ``.dmn`` file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.root = read_xml(path)
        self.decisions = {plain_name(each): each for each in children(self.root, "decision")}
        self.inputs = {plain_name(each): each for each in children(self.root, "inputData")}
        self.by_id = {each.get("id"): each for each in self.decisions.values()}
        self.items = {each.get("name"): each for each in children(self.root, "itemDefinition")}

    @cached_property
    def names(self) -> Names:
        """All names of the model's own."""
        tags = (
            "itemComponent",
            "output",
            "contextEntry",
            "inputData",
            "decision",
            "businessKnowledgeModel",
            "variable",
        )
        known = {each.get("name") or "" for tag in tags for each in self.root.iter(f"{{*}}{tag}")}
        kinds: dict[str, str] = {}
        insides: dict[str, str] = {}
        closed: dict[str, str] = {}
        for name, element in (self.inputs | self.decisions).items():
            kinds[name] = self.kind_of(element)
        for name, element in self.decisions.items():
            for table in children(element, "decisionTable"):
                output = one_output(table)
                if output and gives_list(table):
                    closed[name] = "the column of a table that gives a list"
                elif output and not table.get("aggregation"):
                    insides[name] = output
        return Names(known, kinds, insides, closed)

    def kind_of(self, element: Any) -> str:
        """What the declared type of an input or decision says of its values."""
        for variable in children(element, "variable"):
            return KINDS.get(self.resolve(variable.get("typeRef")), self.resolve(variable.get("typeRef")))
        return ""

    def resolve(self, name: str | None) -> str:
        """Follow a type to one of DMN's own; ``list`` for a collection, empty for none."""
        plain = (name or "").split(":")[-1].replace("date and time", "dateTime")
        seen: set[str] = set()
        while plain in self.items and plain not in seen:
            seen.add(plain)
            item = self.items[plain]
            if item.get("isCollection") == "true":
                return "list"
            if children(item, "itemComponent"):
                return "context"
            plain = read_text(item, "typeRef").strip().split(":")[-1].replace("date and time", "dateTime")
        return "" if plain in ("", "Any") else plain

    def translate(self, name: str) -> Translation:
        """Write the decision and what it requires as one file of our language; raise NotOurs."""
        if name not in self.decisions:
            raise NotOurs("what is no decision (a business knowledge model or a decision service)")
        needed: dict[str, Any] = {}
        self.collect(self.decisions[name], needed)
        terms: list[Term] = []
        write = ElementMaker(namespace=NAMESPACE, nsmap={None: NAMESPACE})
        root = write.definitions(id="tck", name="tck", namespace="tck")
        for each in needed.values():
            root.append(self.write_decision(write, each, terms))
        tables = children(self.decisions[name], "decisionTable")
        output = one_output(tables[0]) if tables and not tables[0].get("aggregation") else ""
        declared = [each.get("typeRef") for each in children(self.decisions[name], "variable")]
        coarse = any(each in self.items for each in declared)
        return Translation(etree.tostring(root, encoding="unicode"), make_word(name), output, tuple(terms), coarse)

    def collect(self, element: Any, needed: dict[str, Any]) -> None:
        if children(element, "knowledgeRequirement"):
            raise NotOurs("business knowledge models")
        for requirement in children(element, "informationRequirement"):
            for required in children(requirement, "requiredDecision"):
                other = self.by_id.get((required.get("href") or "").rpartition("#")[2])
                if other is None:
                    raise NotOurs("decisions of another file")
                if plain_name(other) not in needed and other is not element:
                    self.collect(other, needed)
            for required in children(requirement, "requiredInput"):
                if not (required.get("href") or "").startswith("#"):
                    raise NotOurs("inputs of another file")
        needed[plain_name(element)] = element

    def write_decision(self, write: ElementMaker, element: Any, terms: list[Term]) -> Any:
        name = make_word(plain_name(element))
        variable = write.variable(name=name)
        result = write.decision(variable, id=name, name=name)
        for requirement in children(element, "informationRequirement"):
            for required in children(requirement, "requiredDecision"):
                other = make_word(plain_name(self.by_id[required.get("href").rpartition("#")[2]]))
                result.append(write.informationRequirement(write.requiredDecision(href=f"#{other}")))
        tables, literals = children(element, "decisionTable"), children(element, "literalExpression")
        if tables:
            result.append(self.write_table(write, tables[0], terms))
        elif literals:
            self.refuse_language(literals[0])
            terms.append(read_expression(read_text(literals[0]), self.names))
            result.append(write.literalExpression(write.text(terms[-1].text)))
            for typed in (*children(element, "variable"), literals[0]):
                self.set_type(variable, typed.get("typeRef"))
        else:
            logic = next((tag for tag in OTHER_LOGIC if children(element, tag)), "")
            raise NotOurs(f"boxed {logic}" if logic else "decisions without logic")
        return result

    def write_table(self, write: ElementMaker, element: Any, terms: list[Term]) -> Any:
        table = write.decisionTable(hitPolicy=element.get("hitPolicy") or "UNIQUE")
        if element.get("aggregation"):
            table.set("aggregation", element.get("aggregation"))
        for column in children(element, "input"):
            table.append(self.write_input(write, column, terms))
        for at, column in enumerate(children(element, "output"), 1):
            output = write.output(name=make_word(column.get("name") or f"value{at}"))
            self.set_type(output, column.get("typeRef"))
            for values in children(column, "outputValues"):
                output.append(write.outputValues(write.text(read_tests(read_text(values), self.names))))
            for default in children(column, "defaultOutputEntry"):
                output.append(write.defaultOutputEntry(write.text(self.write_cell(read_text(default), terms))))
            table.append(output)
        for row in children(element, "rule"):
            rule = write.rule(id=f"row{len(table)}")
            for entry in children(row, "inputEntry"):
                rule.append(write.inputEntry(write.text(read_tests(read_text(entry), self.names))))
            for entry in children(row, "outputEntry"):
                rule.append(write.outputEntry(write.text(self.write_cell(read_text(entry), terms))))
            table.append(rule)
        return table

    def write_input(self, write: ElementMaker, column: Any, terms: list[Term]) -> Any:
        given = children(column, "inputExpression")
        if not given:
            raise NotOurs("an input column without an expression")
        self.refuse_language(given[0])
        terms.append(read_expression(read_text(given[0]), self.names))
        expression = write.inputExpression(write.text(terms[-1].text))
        self.set_type(expression, given[0].get("typeRef"))
        result = write.input(expression)
        for values in children(column, "inputValues"):
            result.append(write.inputValues(write.text(read_tests(read_text(values), self.names))))
        return result

    def write_cell(self, text: str, terms: list[Term]) -> str:
        if text.strip() in ("", "-"):
            return text.strip()
        terms.append(read_expression(text, self.names))
        return terms[-1].text

    def set_type(self, element: Any, name: str | None) -> None:
        plain = self.resolve(name)
        if not plain:
            return
        if plain not in TYPES:
            raise NotOurs(f"the type {plain}")
        element.set("typeRef", plain)

    def refuse_language(self, element: Any) -> None:
        if "FEEL" not in (element.get("expressionLanguage") or "FEEL").upper():
            raise NotOurs("another expression language")


def read_xml(path: Path) -> Any:
    """The root of a file of the kit, without comments."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    return etree.parse(str(path), parser).getroot()


def plain_name(element: Any) -> str:
    """The name of a decision or input, its spaces made single."""
    return " ".join((element.get("name") or "").split())


def one_output(table: Any) -> str:
    """The word for the only output of a table, empty when there are several."""
    outputs = children(table, "output")
    return make_word(outputs[0].get("name") or "value1") if len(outputs) == 1 else ""


def gives_list(table: Any) -> bool:
    """Whether the table's value is a list of rows."""
    return table.get("hitPolicy") in LISTS and not table.get("aggregation")
