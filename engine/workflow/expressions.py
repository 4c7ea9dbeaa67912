"""The expression language of diagrams, decision tables and forms: compile once, evaluate many times.

Expressions compute and never act: a tree of allowed steps, no attribute of any object, no loop, bounded results.
See docs/reference/expressions.md.
"""

import ast
import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from keyword import iskeyword
from types import CodeType, TracebackType
from typing import Any

from engine.workflow.expression_functions import WORK, WORK_LIMIT, Functions, Refused, convert_to_text, kind, measure
from engine.workflow.expression_library import CORE
from engine.workflow.expression_syntax import CONSTANTS, INPUT, TEXT_LIMIT, ExpressionError, Syntax, parse_syntax

__all__ = [
    "CORE", "INPUT", "Assignments", "Expression", "ExpressionError", "Functions", "Template",
    "compile_assignments", "compile_expression", "convert_to_text", "parse_template",
]  # fmt: skip

WHOLE_LIMIT = 20_000
"""Characters of a text with expressions, a script or a cell; one expression has the limit of its own."""
_BRACES = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[{}]", re.DOTALL)
_ASSIGNMENT = re.compile(r"\s*([^\W\d]\w*)\s*=(?!=)")


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """One compiled expression. Safe to share between threads."""

    text: str  # without `${}`
    names: frozenset[str]  # variables it reads
    paths: frozenset[str]  # the same with fixed keys: case.urgent
    functions: frozenset[str]
    source: str  # what errors show: the whole template or script
    offset: int  # of `text` in `source`
    _syntax: Syntax
    _code: CodeType
    _scope: dict[str, Any]

    def evaluate(self, names: Mapping[str, Any], *, fresh: bool = True) -> Any:
        """Compute the value. A variable that ``names`` lacks is an error; raise only ExpressionError.

        :param fresh: start with a whole budget of work; templates and scripts share one among their expressions.
        """
        try:
            if fresh and self._syntax.builds:
                WORK.left = WORK_LIMIT
            value = eval(self._code, self._scope, names)
            if self._syntax.builds:
                measure(value)
            return value
        except Exception as error:
            raise self._explain(error, names) from error

    def _explain(self, error: Exception, names: Mapping[str, Any]) -> ExpressionError:
        """Turn what went wrong into the sub-expression, the reason and the remedy."""
        start, end = self._locate(error.__traceback__)
        part = self.text[start:end].strip()
        at = self.offset + start
        if isinstance(error, Refused):
            return ExpressionError(self.source, at, f"`{part}`: {error.message}", error.remedy)
        if isinstance(error, NameError):
            close = difflib.get_close_matches(part, [str(name) for name in names], 1)
            remedy = f"did you mean `{close[0]}`?" if close else "set it before, or correct the name"
            return ExpressionError(self.source, at, f"there is no variable `{part}`", remedy)
        if isinstance(error, RecursionError):
            return ExpressionError(self.source, at, f"`{part}`: the values are nested too deeply", "flatten them")
        pair = self._find_pair(start, names) if isinstance(error, TypeError) else None
        if pair is None:
            return ExpressionError(self.source, at, f"`{part}`: {error}", "check the values it is given")
        left, right, reason = pair
        if reason[1] not in ("text", "list", "dictionary") and f" in {right}" in part:
            message, remedy = f"cannot look for something in {reason[1]}", f"write `{right} and {part}`"
            return ExpressionError(self.source, at, f"`{part}`: {message}", remedy)
        remedy = "compare values of one type; convert with int(), float(), str() or date()"
        if "none" in (reason[0], reason[1]):
            missing = left if reason[0] == "none" else right
            remedy = f"say what holds without it, as in `{missing} != none and {part}`"
        return ExpressionError(self.source, at, f"`{part}`: cannot compare {reason[0]} with {reason[1]}", remedy)

    def _locate(self, trace: TracebackType | None) -> tuple[int, int]:
        """Find the characters whose instruction failed."""
        while trace is not None and trace.tb_frame.f_code is not self._code:
            trace = trace.tb_next
        if trace is not None:
            spans = islice(self._code.co_positions(), trace.tb_lasti // 2, None)
            _, _, first, last = next(spans, (None, None, None, None))
            if first is not None and last is not None:
                indent = len(self._syntax.text) - len(self._syntax.text.lstrip())
                plain = self._syntax.text.encode()[indent:]
                return tuple(indent + len(plain[:at].decode(errors="ignore")) for at in (first, last))  # type: ignore[return-value]
        return 0, len(self.text)

    def _find_pair(self, start: int, names: Mapping[str, Any]) -> tuple[str, str, tuple[str, str]] | None:
        """Find which two operands do not compare, by computing them again: expressions have no effects."""
        indent = len(self._syntax.text) - len(self._syntax.text.lstrip())
        for node in ast.walk(self._syntax.tree):
            if not isinstance(node, ast.Compare) or self._character(node) + indent != start:
                continue
            left = node.left
            for operator, right in zip(node.ops, node.comparators, strict=True):
                try:
                    pair = self._compute(left, names), self._compute(right, names)
                except Exception:  # the fault lies within an operand
                    break
                try:
                    self._compute(ast.copy_location(ast.Compare(left, [operator], [right]), node), names)
                except TypeError:
                    return self._cut(left), self._cut(right), (kind(pair[0]), kind(pair[1]))
                except Exception:
                    break
                left = right
        return None

    def _compute(self, node: ast.expr, names: Mapping[str, Any]) -> Any:
        return eval(compile(ast.Expression(node), "<expression>", "eval"), self._scope, names)

    def _character(self, node: ast.expr) -> int:
        return len(self._syntax.text.lstrip().encode()[: node.col_offset].decode(errors="ignore"))

    def _cut(self, node: ast.expr) -> str:
        plain = self._syntax.text.lstrip().encode()
        return plain[node.col_offset : node.end_col_offset].decode(errors="ignore").replace(INPUT, "?")


@lru_cache(maxsize=4096)
def compile_expression(text: str, functions: Functions = CORE, *, with_input: bool = False) -> Expression:
    """Compile an expression, written plainly or as ``${…}``.

    :param functions: what it may call; extend CORE with a plugin's pure functions.
    :param with_input: allow ``?`` for the tested value, read from the name INPUT (decision tables).
    :raises ExpressionError: with the position of the character.
    """
    start = len(text) - len(text.lstrip())
    if text.startswith("${", start):
        end = _find_closing(text, start + 2)
        if text[end + 1 :].strip():
            raise ExpressionError(text, end + 1, "text after the expression", "write one `${…}` and nothing else")
        return _compile(text, start + 2, end, functions, with_input)
    return _compile(text, 0, len(text), functions, with_input)


def _compile(source: str, start: int, end: int, functions: Functions, with_input: bool = False) -> Expression:
    text = source[start:end]
    try:
        syntax = parse_syntax(text, functions.known, with_input=with_input)
        code = compile(ast.fix_missing_locations(syntax.tree), "<expression>", "eval")
    except ExpressionError as error:
        raise ExpressionError(source, start + error.position, error.message, error.remedy) from error.__cause__
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise ExpressionError(source, start, "cannot be compiled", "write it more simply") from error
    reads = frozenset(syntax.names), frozenset(syntax.paths), frozenset(syntax.functions)
    return Expression(text, *reads, source, start, syntax, code, functions.scope)


def _refuse_length(text: str) -> None:
    if len(text) > WHOLE_LIMIT:
        remedy = "split it over several tasks"
        raise ExpressionError(text, WHOLE_LIMIT, f"longer than {WHOLE_LIMIT} characters", remedy)


def _find_closing(text: str, start: int) -> int:
    """Return the position of the `}` that closes the `${` before ``start``."""
    depth = 0
    for match in _BRACES.finditer(text, start, start + TEXT_LIMIT + 1):
        if match.group() == "}" and depth == 0:
            return match.start()
        depth += {"{": 1, "}": -1}.get(match.group(), 0)
    if len(text) - start > TEXT_LIMIT:
        raise ExpressionError(text, start - 2, f"not closed within {TEXT_LIMIT} characters", "write `}` or shorten it")
    raise ExpressionError(text, start - 2, "`${` is never closed", "write `}` after the expression")


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A text with expressions in it."""

    text: str
    parts: tuple[str | Expression, ...]

    @property
    def names(self) -> frozenset[str]:
        return frozenset().union(*(part.names for part in self.expressions()))

    @property
    def paths(self) -> frozenset[str]:
        return frozenset().union(*(part.paths for part in self.expressions()))

    def expressions(self) -> Iterator[Expression]:
        return (part for part in self.parts if isinstance(part, Expression))

    def evaluate(self, names: Mapping[str, Any]) -> Any:
        """A lone ``${…}`` gives its value, mixed text a text (none is empty), text without ``${`` itself."""
        if len(self.parts) == 1 and isinstance(self.parts[0], Expression):
            return self.parts[0].evaluate(names)
        WORK.left = WORK_LIMIT
        return "".join(part if isinstance(part, str) else self._write(part, names) for part in self.parts)

    def _write(self, part: Expression, names: Mapping[str, Any]) -> str:
        value = part.evaluate(names, fresh=False)
        try:
            text = convert_to_text(value)
            WORK.charge(10 * len(text))  # the whole text stays within a tenth of the budget, as every value does
            return text
        except Refused as error:
            raise ExpressionError(self.text, part.offset, f"`{part.text}`: {error.message}", error.remedy) from error
        except RecursionError as error:
            raise ExpressionError(self.text, part.offset, f"`{part.text}`: nested too deeply", "name a key") from error


@lru_cache(maxsize=4096)
def parse_template(text: str, functions: Functions = CORE) -> Template:
    """Read a text in which ``${…}`` are expressions."""
    parts: list[str | Expression] = []
    at = 0
    if "${" in text:
        _refuse_length(text)
    if text.strip().startswith("${") and _find_closing(text, text.index("${") + 2) == len(text.rstrip()) - 1:
        return Template(text, (compile_expression(text, functions),))
    while (start := text.find("${", at)) >= 0:
        end = _find_closing(text, start + 2)
        if start > at:
            parts.append(text[at:start])
        parts.append(_compile(text, start + 2, end, functions))
        at = end + 1
    if at < len(text):
        parts.append(text[at:])
    return Template(text, tuple(parts))


@dataclass(frozen=True, slots=True, eq=False)
class Assignments:
    """A script task: lines ``name = expression``, later lines see earlier ones."""

    text: str
    lines: tuple[tuple[str, Expression], ...]

    @property
    def targets(self) -> frozenset[str]:
        return frozenset(name for name, _ in self.lines)

    @property
    def paths(self) -> frozenset[str]:
        """What it reads from outside: paths whose variable no earlier line has set."""
        found: set[str] = set()
        known: set[str] = set()
        for name, expression in self.lines:
            found |= {path for path in expression.paths if path.split(".")[0] not in known}
            known.add(name)
        return frozenset(found)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(path.split(".")[0] for path in self.paths)

    def execute(self, names: Mapping[str, Any]) -> dict[str, Any]:
        """Return the assigned variables; ``names`` stays as it is."""
        seen = dict(names)
        WORK.left = WORK_LIMIT
        for name, expression in self.lines:
            seen[name] = expression.evaluate(seen, fresh=False)
        return {name: seen[name] for name, _ in self.lines}


@lru_cache(maxsize=1024)
def compile_assignments(text: str, functions: Functions = CORE) -> Assignments:
    """Compile a script of assignments; blank lines and lines starting with ``#`` are skipped."""
    _refuse_length(text)
    lines: list[tuple[str, Expression]] = []
    start = 0
    for line in text.splitlines(keepends=True):
        if line.strip() and not line.lstrip().startswith("#"):
            match = _ASSIGNMENT.match(line)
            if match is None:
                raise ExpressionError(text, start, "not an assignment", "write `name = expression`")
            name = match[1]
            if name.startswith("_") or not name.isidentifier() or iskeyword(name) or name in CONSTANTS:
                raise ExpressionError(text, start + match.start(1), f"`{name}` cannot be assigned", "rename it")
            end = start + len(line.rstrip())
            lines.append((name, _compile(text, start + match.end(), end, functions)))
        start += len(line)
    return Assignments(text, tuple(lines))
