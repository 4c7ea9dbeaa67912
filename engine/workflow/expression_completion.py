"""What an editor needs to help whoever writes an expression: everything that can be named, and what is wrong so far."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from engine.workflow.decisions_cells import read_cell
from engine.workflow.definitions import Definition
from engine.workflow.elements import Element
from engine.workflow.expression_functions import WORK_LIMIT, Functions
from engine.workflow.expression_syntax import BRACKET_LIMIT, DEPTH_LIMIT, DIGIT_LIMIT, TEXT_LIMIT
from engine.workflow.expression_values import SIZE_LIMIT
from engine.workflow.expressions import ExpressionError, compile_assignments, compile_expression, parse_template
from engine.workflow.fact_names import CASE_FACTS

NAMES = (
    ("case", "dictionary", "案件的信息", "the facts of the case"),
    ("answer", "dictionary", "表单的填写内容，用于用户任务的输出参数", "the form's answers, in outputs of a user task"),
    ("result", "any", "操作或决策的结果，用于其输出参数", "what an operator or a decision gave, in its outputs"),
)
OPERATORS = (
    ("and", "并且", "both hold"),
    ("or", "或者；得到第一个不为空的值", "one holds; gives the first value that is not empty"),
    ("not", "不成立", "does not hold"),
    ("==", "等于", "equal"),
    ("!=", "不等于", "not equal"),
    ("<", "小于", "smaller"),
    ("<=", "不大于", "smaller or equal"),
    (">", "大于", "larger"),
    (">=", "不小于", "larger or equal"),
    ("in", "属于列表、字典的键或文字的一部分", "in a list, a dictionary's keys, or a text"),
    ("not in", "不属于", "not in"),
    ("+", "相加；连接文字或列表", "added; texts and lists are joined"),
    ("-", "减", "less"),
    ("*", "乘", "times"),
    ("/", "除", "divided by"),
    ("//", "整除", "divided, rounded down"),
    ("%", "余数", "what is left of a division"),
    ("… if … else …", "如果……否则……", "one value if it holds, else the other"),
)
CONSTANTS = (("true", "真", "true"), ("false", "假", "false"), ("none", "空", "nothing"))
LIMITS = {
    "characters": TEXT_LIMIT, "open_brackets": BRACKET_LIMIT, "levels": DEPTH_LIMIT, "digits": DIGIT_LIMIT,
    "members": SIZE_LIMIT, "work": WORK_LIMIT,
}  # fmt: skip
KINDS = ("condition", "template", "script", "cell")
"""What a text can be: a condition or value, a text with ``${…}``, lines of a script task, an input cell of a table."""


def completion(functions: Functions, definition: Definition | None = None, process: str = "") -> dict[str, Any]:
    """Everything an expression may name, each with its meaning in Chinese (``zh``) and English (``en``).

    :param definition: the deployment whose variables are listed; those of one ``process`` if that is given.
    """
    return {
        "functions": [_function(name, functions) for name in functions],
        "names": [{"name": name, "type": kind, "zh": zh, "en": en} for name, kind, zh, en in NAMES],
        "facts": [asdict(fact) for fact in CASE_FACTS],
        "variables": [
            {"name": name, "set_by": places} for name, places in sorted(variables_of(definition, process).items())
        ],
        "operators": [{"name": name, "zh": zh, "en": en} for name, zh, en in OPERATORS],
        "constants": [{"name": name, "zh": zh, "en": en} for name, zh, en in CONSTANTS],
        "limits": LIMITS,
    }


def _function(name: str, functions: Functions) -> dict[str, Any]:
    entry = functions.entries[name]
    return {
        "name": name,
        "usage": entry.usage,
        "parameters": [asdict(each) for each in entry.parameters],
        "gives": entry.gives,
        "group": entry.group,
        "zh": entry.zh,
        "en": entry.en,
        "examples": [{"call": call, "gives": gives} for call, gives in entry.examples],
        "owner": entry.owner,
    }


def variables_of(definition: Definition | None, process: str = "") -> dict[str, list[str]]:
    """The variables that diagrams set, with the elements that set them as ``process/element``."""
    found: dict[str, list[str]] = {}
    for diagram in definition.diagrams.values() if definition is not None else ():
        for element in diagram.elements.values() if process in ("", diagram.id) else ():
            for name in sorted(set(_set_by(definition, element))) if definition is not None else ():
                found.setdefault(name, []).append(f"{diagram.id}/{element.id}")
    return found


def _set_by(definition: Definition, element: Element) -> Iterator[str]:
    yield from element.outputs
    if element.result_variable:
        yield element.result_variable
    if element.kind == "scriptTask" and element.script:
        yield from compile_assignments(element.script, definition.functions).targets
    form = definition.forms.get(element.form or "")
    if element.kind == "userTask" and form is not None and not element.outputs:
        yield from (each.key for each in form.components if each.is_answered)


def inspect_text(text: str, kind: str, functions: Functions) -> dict[str, Any]:
    """Read a text without evaluating it: what it reads and calls, or what is wrong with it and where.

    :param kind: one of KINDS.
    """
    readers: Mapping[str, Callable[[str, Functions], Any]] = {
        "condition": compile_expression, "template": parse_template, "script": compile_assignments, "cell": read_cell,
    }  # fmt: skip
    try:
        read = readers[kind](text, functions)
    except ExpressionError as error:
        fault = {
            "position": error.position, "line": error.line, "column": error.column, "excerpt": error.excerpt,
            "message": error.message, "remedy": error.remedy,
        }  # fmt: skip
        return {"valid": False, "error": fault, "reads": []}
    return {"valid": True, "error": None, "reads": sorted(read.paths)}
