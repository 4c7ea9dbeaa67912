"""Read DMN files: every decision of a `.dmn`, all problems at once. See docs/reference/decisions.md."""

from typing import Any

from lxml import etree

from engine.workflow.decisions_reading import NAME, NAMESPACES, LogicReader, children
from engine.workflow.decisions_tables import Decision, Table
from engine.workflow.decisions_values import (
    DecisionError,
    DecisionProblem,
    DecisionResult,
    HitPolicy,
    Input,
    Output,
    Rule,
    RuleHit,
)  # fmt: skip
from engine.workflow.expressions import CORE, Expression, Functions

__all__ = [
    "Decision", "DecisionError", "DecisionFileError", "DecisionProblem", "DecisionResult", "HitPolicy", "Input",
    "Output", "Rule", "RuleHit", "check_decisions", "load_decisions",
]  # fmt: skip


class DecisionFileError(ValueError):
    """A DMN file with problems, each named."""

    def __init__(self, source: str, problems: tuple[DecisionProblem, ...]) -> None:
        super().__init__(source, problems)
        self.source, self.problems = source, problems

    def __str__(self) -> str:
        return "\n".join(f"{self.source}: {problem}" for problem in self.problems)


def load_decisions(xml: bytes | str, source: str, functions: Functions = CORE) -> dict[str, Decision]:
    """Read every decision of a DMN 1.1–1.5 file, by id.

    :param source: the file's logical path, for messages.
    :raises DecisionFileError: listing every problem.
    """
    reader = _FileReader(source, functions)
    decisions = reader.read(xml)
    if reader.problems:
        raise DecisionFileError(source, tuple(reader.problems))
    return decisions


def check_decisions(xml: bytes | str, source: str, functions: Functions = CORE) -> tuple[DecisionProblem, ...]:
    """Return every problem of a DMN file, none when it can be loaded."""
    reader = _FileReader(source, functions)
    reader.read(xml)
    return tuple(reader.problems)


class _FileReader(LogicReader):
    """Reads one file: its decisions, then how they require each other."""

    def __init__(self, source: str, functions: Functions) -> None:
        super().__init__(functions)
        self.source = source

    def read(self, xml: bytes | str) -> dict[str, Decision]:
        root = self.parse(xml)
        if root is None:
            return {}
        self.check_language(root, "the file")
        found: dict[str, tuple[Any, Table | Expression | None]] = {}
        for element in children(root, "decision"):
            self.decision_id, self.rule_id = element.get("id") or "", ""
            if not NAME.fullmatch(self.decision_id):
                self.report(f"decision id {self.decision_id!r} is no word", "give it an id such as dispatch")
            elif self.decision_id in found:
                self.report("the id is used twice in this file", "rename one")
            found.setdefault(self.decision_id, (element, self.read_body(element)))
        self.decision_id = self.rule_id = ""
        if not found:
            self.report("the file has no decision", "draw a decision table")
        return self.connect(found)

    def parse(self, xml: bytes | str) -> Any:
        content = xml.encode() if isinstance(xml, str) else xml
        encoding = "utf-8" if isinstance(xml, str) else None
        parser = etree.XMLParser(
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            remove_comments=True,
            remove_pis=True,
            encoding=encoding,
        )
        try:
            root = etree.fromstring(content, parser)
        except etree.XMLSyntaxError as error:
            self.report(f"is not XML: {error}", "export it again from the modeler")
            return None
        if root.getroottree().docinfo.doctype:  # type: ignore[union-attr]  # lxml-stubs lacks the property
            self.report("declares a document type", "remove the <!DOCTYPE …> line")
        tag = etree.QName(root)
        if tag.localname != "definitions" or tag.namespace not in NAMESPACES:
            self.report(f"starts with <{tag.localname}> of {tag.namespace}", "save it as DMN 1.1 to 1.5")
            return None
        return root

    def connect(self, found: dict[str, tuple[Any, Table | Expression | None]]) -> dict[str, Decision]:
        """Build the decisions, each after those it requires."""
        needs = {decision_id: self.read_requirements(decision_id, found) for decision_id in found}
        done: dict[str, Decision] = {}

        def build(decision_id: str, path: tuple[str, ...]) -> Decision | None:
            if decision_id in path:
                self.decision_id = decision_id
                self.report(f"requires itself through {' → '.join([*path, decision_id])}", "remove one requirement")
                return None
            if decision_id not in done:
                required = [build(each, (*path, decision_id)) for each in needs[decision_id]]
                element, body = found[decision_id]
                if body is None or any(each is None for each in required):
                    return None
                known = tuple(each for each in required if each is not None)
                name = element.get("name") or decision_id
                variable = read_variable(element) or decision_id
                kind = self.read_value_type(decision_id, element) if isinstance(body, Expression) else ""
                done[decision_id] = Decision(decision_id, name, variable, body, known, self.source, kind)
            return done[decision_id]

        for decision_id in found:
            if len(self.problems) == 0 or decision_id not in done:
                build(decision_id, ())
        return {decision_id: done[decision_id] for decision_id in found if decision_id in done}

    def read_value_type(self, decision_id: str, element: Any) -> str:
        """The type an expression's value must have: its own, or that of the decision's variable."""
        self.decision_id, self.rule_id = decision_id, ""
        places = [*children(element, "literalExpression"), *children(element, "variable")]
        return next((self.read_type(each.get("typeRef"), "its value") for each in places if each.get("typeRef")), "")

    def read_requirements(self, decision_id: str, found: dict[str, Any]) -> list[str]:
        self.decision_id, self.rule_id = decision_id, ""
        element = found[decision_id][0]
        names: list[str] = []
        if children(element, "knowledgeRequirement"):
            self.report("requires a business knowledge model", "write the logic as a decision of its own")
        for requirement in children(element, "informationRequirement"):
            for required in children(requirement, "requiredDecision"):
                href = required.get("href") or ""
                if href.startswith("#") and href[1:] in found:
                    names.append(href[1:])
                else:
                    self.report(f"requires {href!r}, which this file does not have", "move it into this file")
        variables = [read_variable(found[name][0]) or name for name in names]
        for variable in variables:
            if not NAME.fullmatch(variable):
                self.report(f"requires the variable {variable!r}", "name the required decision's variable with a word")
        return names


def read_variable(element: Any) -> str:
    return "".join(each.get("name") or "" for each in children(element, "variable"))
