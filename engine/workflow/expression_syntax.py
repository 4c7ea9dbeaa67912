"""Read an expression: scan its characters, parse it, rewrite it into a tree that can only look up and compute.

Nothing is evaluated here. What is not explicitly allowed is refused with the position of the character.
"""

import ast
import keyword
import re
import unicodedata
from dataclasses import dataclass, field
from math import isfinite

TEXT_LIMIT = 4_000
_SHOWN = 200  # characters of a text that a message shows
DEPTH_LIMIT = 60
BRACKET_LIMIT = 30
DIGIT_LIMIT = 18

# `?` stands for the tested value in decision tables. It is replaced by one letter nobody types, so positions stay.
INPUT = "ʔ"
CONSTANTS = {"true": True, "false": False, "none": None, "null": None}
OPERATORS = {ast.Add: "_add", ast.Sub: "_subtract", ast.Mult: "_multiply", ast.Div: "_divide"}
OPERATORS |= {ast.FloorDiv: "_floor_divide", ast.Mod: "_modulo"}
COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn)

_ALLOWED_WORDS = {"and", "or", "not", "in", "if", "else", "True", "False", "None"}
_STRING_PREFIXES = {"r", "b", "f", "u", "t", "br", "rb", "fr", "rf", "tr", "rt"}
_ESCAPES = "\\'\"nt"
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<string>'(?:[^'\\\r\n]|\\.)*'|"(?:[^"\\\r\n]|\\.)*")
    |(?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
    |(?P<name>[^\W\d]\w*)
    |(?P<refused>\*\*|:=|&&|\|\||<>|===|!==)
    |(?P<operator>==|!=|<=|>=|//|[-+*/%<>()\[\]{},:.=])""",
    re.VERBOSE,
)
_CURLY = str.maketrans("“”‘’", "\"\"''")
_REMEDIES = {
    "**": "write x * x", ":=": "assign in a script task instead", "&&": "write `and`", "||": "write `or`",
    "<>": "write `!=`", "===": "write `==`", "!==": "write `!=`", "!": "write `not`", "#": "remove the comment",
    "'": "close the text with the same quotation mark", '"': "close the text with the same quotation mark",
    "?": "only a decision table's cell may use `?`", "$": "write names without `$`",
}  # fmt: skip


class ExpressionError(ValueError):
    """An expression that cannot be read or evaluated: where (0-based character of ``text``), why and the remedy."""

    def __init__(self, text: str, position: int, message: str, remedy: str = "") -> None:
        super().__init__(text, position, message, remedy)
        self.text, self.position, self.message, self.remedy = text, position, message, remedy

    def __str__(self) -> str:
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{self.place}: {self.message}{remedy}"

    @property
    def line(self) -> int:
        """The line of the text, from 1."""
        return self.text.count("\n", 0, self.position) + 1

    @property
    def column(self) -> int:
        """The character of the line, from 1."""
        return self.position - (self.text.rfind("\n", 0, self.position) + 1) + 1

    @property
    def place(self) -> str:
        """Where it is, in words: ``character 3 of 'a = b'``, with the line where there are several."""
        shown, _ = self._cut(_SHOWN)
        line = f"line {self.line}, " if "\n" in self.text.strip() else ""
        return f"{line}character {self.column} of {shown!r}"

    @property
    def excerpt(self) -> str:
        """The line as written and, below it, a caret under the character; Chinese characters are two places wide."""
        shown, at = self._cut(_SHOWN // 2)
        wide = (unicodedata.east_asian_width(each) in "WF" for each in shown[:at])
        return f"{shown}\n{''.join('　' if each else ' ' for each in wide)}^"

    def _cut(self, width: int) -> tuple[str, int]:
        """The line of the character, no longer than ``width`` or so, and the character's place in it."""
        lines, at = self.text.split("\n"), self.column - 1
        whole = lines[self.line - 1].rstrip("\r").replace("\t", " ")
        first = max(0, min(at - width // 2, len(whole) - width))
        last = first + width
        before, after = ("…" if first else ""), ("…" if last < len(whole) else "")
        return before + whole[first:last] + after, at - first + len(before)


@dataclass
class Syntax:
    """A rewritten expression: the tree to compile and everything it reads."""

    text: str  # as parsed: one line, `?` replaced
    tree: ast.Expression
    names: set[str] = field(default_factory=set)
    paths: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    builds: bool = False  # makes lists, dictionaries or longer texts, so the result's size must be checked

    def character(self, byte: int) -> int:
        """Return the character at a UTF-8 offset, as Python's parser counts."""
        return len(self.text.encode()[:byte].decode(errors="ignore"))


def parse_syntax(text: str, functions: frozenset[str], *, with_input: bool = False) -> Syntax:
    """Parse one expression that calls only ``functions``; raise ExpressionError for anything else."""
    if len(text) > TEXT_LIMIT:
        raise ExpressionError(text, TEXT_LIMIT, f"longer than {TEXT_LIMIT} characters", "use a decision table")
    plain = scan(text, with_input=with_input)
    indent = len(plain) - len(plain.lstrip())
    if not plain.strip():
        raise ExpressionError(text, 0, "is empty", "write a value such as `true`")
    try:
        tree = ast.parse(plain[indent:], mode="eval")
    except SyntaxError as error:
        at = min(indent + max((error.offset or 1) - 1, 0), len(text) - 1)
        if not error.offset or "expected 'else'" in error.msg:
            remedy = "say what holds otherwise, as in `a if b else c`" if error.offset else "write what is missing"
            raise ExpressionError(text, len(text.rstrip()) - 1, "ends too early", remedy) from error
        if "=" in (text[at], text[at - 1 : at]) or "==" in error.msg:
            raise ExpressionError(text, at, "`=` does not compare", "write `==`") from error
        raise ExpressionError(text, at, "cannot be read from here", "check operators, commas and quotes") from error
    except ValueError as error:
        raise ExpressionError(text, 0, "holds a character that cannot be written", "type the text again") from error
    except (MemoryError, RecursionError) as error:
        raise ExpressionError(text, 0, "is nested too deeply", "split it over several variables") from error
    syntax = Syntax(plain[indent:], tree)
    rewriter = _Rewriter(text, indent, syntax, functions)
    tree.body = rewriter.rewrite(tree.body, 0)
    syntax.text = " " * indent + syntax.text
    return syntax


def scan(text: str, *, with_input: bool = False) -> str:
    """Check every character; return the text on one line, fit for Python's parser."""
    pieces: list[str] = []
    brackets: list[tuple[str, int]] = []
    at, previous, previous_kind = 0, "", ""
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup == "refused":
            alone = previous_kind not in {"name", "number", "string"} and not text[at + 1 : at + 2].isidentifier()
            if match is None and with_input and text[at] == "?" and alone:
                pieces.append(INPUT)
                at, previous, previous_kind = at + 1, "?", "name"
                continue
            raise _refuse_character(text, at, match.group() if match else text[at])
        kind, token = str(match.lastgroup), match.group()
        if kind == "space":
            pieces.append(" " * len(token))
            at, previous_kind = match.end(), ("string then space" if previous_kind.startswith("string") else "space")
            continue
        if kind == "string":
            _check_string(text, at, token, previous if previous_kind == "name" else "", previous_kind)
        elif kind == "number":
            _check_number(text, at, token)
        elif kind == "name":
            _check_word(text, at, token, previous, previous_kind)
        else:
            _match_brackets(text, at, token, brackets)
        pieces.append(token)
        at, previous, previous_kind = match.end(), token, kind
    if brackets:
        raise ExpressionError(text, brackets[-1][1], f"`{brackets[-1][0]}` is never closed", "close the bracket")
    return "".join(pieces)


def _refuse_character(text: str, at: int, token: str) -> ExpressionError:
    narrow = unicodedata.normalize("NFKC", token).translate(_CURLY)
    if narrow != token:
        return ExpressionError(text, at, f"`{token}` is a full-width character", f"write `{narrow}`")
    remedy = _REMEDIES.get(token, "write letters, numbers, quoted text and the documented operators only")
    return ExpressionError(text, at, f"`{token}` has no meaning here", remedy)


def _check_string(text: str, at: int, token: str, word: str, previous_kind: str) -> None:
    if word.lower() in _STRING_PREFIXES:
        raise ExpressionError(text, at - len(word), f"`{word}` before a quoted text", "remove it")
    if previous_kind.startswith("string"):
        raise ExpressionError(text, at, "two texts side by side", "put a comma or `+` between them")
    for escape in re.finditer(r"\\(.)", token):
        if escape[1] not in _ESCAPES:
            raise ExpressionError(
                text, at + escape.start(), f"`{escape[0]}` is no escape", "write `\\\\` for one backslash"
            )


def _check_number(text: str, at: int, token: str) -> None:
    if len(re.split(r"[.eE]", token)[0]) > DIGIT_LIMIT:
        raise ExpressionError(text, at, f"a number of more than {DIGIT_LIMIT} digits", "write it as a text")
    if not isfinite(float(token)):
        raise ExpressionError(text, at, "a number that is too large", "write it as a text")
    end = at + len(token)
    if end < len(text) and (text[end].isalnum() or text[end] == "_"):
        raise ExpressionError(text, end, "a letter right after a number", "put a space or an operator between them")


def _check_word(text: str, at: int, token: str, previous: str, previous_kind: str) -> None:
    name = unicodedata.normalize("NFKC", token)
    if name.startswith("_"):
        raise ExpressionError(text, at, f"`{token}` starts with an underscore", "such names do not exist; rename it")
    if INPUT in name or not name.isidentifier():
        raise ExpressionError(text, at, f"`{token}` is no name", "use letters, digits and underscores")
    if keyword.iskeyword(name) and (name not in _ALLOWED_WORDS or previous == "."):
        remedy = f"look it up as ['{token}']" if previous == "." else "see the list of operators and functions"
        raise ExpressionError(text, at, f"`{token}` is a reserved word", "write `==`" if name == "is" else remedy)
    if previous_kind == "string" and name not in _ALLOWED_WORDS:
        raise ExpressionError(text, at, "a name right after a quoted text", "put an operator between them")


def _match_brackets(text: str, at: int, token: str, brackets: list[tuple[str, int]]) -> None:
    if token in _CLOSING:
        brackets.append((token, at))
        if len(brackets) > BRACKET_LIMIT:
            raise ExpressionError(
                text, at, f"more than {BRACKET_LIMIT} open brackets", "split it over several variables"
            )
    elif token in _CLOSING.values() and (not brackets or _CLOSING[brackets.pop()[0]] != token):
        raise ExpressionError(text, at, f"`{token}` closes nothing", "remove it or open the bracket")


class _Rewriter:
    """Turns the parser's tree into one whose dangerous steps are calls of our own guarded functions."""

    def __init__(self, text: str, indent: int, syntax: Syntax, functions: frozenset[str]) -> None:
        self.text, self.indent, self.syntax, self.functions = text, indent, syntax, functions

    def refuse(self, node: ast.AST, message: str, remedy: str) -> ExpressionError:
        at = self.indent + self.syntax.character(getattr(node, "col_offset", 0))
        return ExpressionError(self.text, at, message, remedy)

    def rewrite(self, node: ast.expr, depth: int) -> ast.expr:
        if depth > DEPTH_LIMIT:
            raise self.refuse(node, f"nested more than {DEPTH_LIMIT} deep", "split it over several variables")
        handler = getattr(self, "rewrite_" + type(node).__name__.lower(), None)
        if handler is None:
            raise self.refuse(node, f"{type(node).__name__} is not part of the language", "see the list of operators")
        result = handler(node, depth + 1)
        assert isinstance(result, ast.expr)
        return ast.copy_location(result, node)

    def call(self, function: str, node: ast.expr, *arguments: ast.expr) -> ast.expr:
        name = ast.copy_location(ast.Name(function, ast.Load()), node)
        return ast.Call(func=name, args=list(arguments), keywords=[])

    def all(self, nodes: list[ast.expr], depth: int) -> list[ast.expr]:
        return [self.rewrite(node, depth) for node in nodes]

    def rewrite_constant(self, node: ast.Constant, depth: int) -> ast.expr:
        if not isinstance(node.value, bool | int | float | str | None):
            raise self.refuse(node, "this value is not part of the language", "write a number or a text")
        return ast.Constant(node.value)

    def rewrite_name(self, node: ast.Name, depth: int) -> ast.expr:
        if node.id in CONSTANTS:
            return ast.Constant(CONSTANTS[node.id])
        self.read(node.id, node.id)
        return ast.Name(node.id, ast.Load())

    def read(self, name: str, path: str) -> None:
        if name != INPUT:
            self.syntax.names.add(name)
            self.syntax.paths.add(path)

    def rewrite_attribute(self, node: ast.Attribute, depth: int) -> ast.expr:
        if node.attr.startswith("_"):
            raise self.refuse(node, f"`{node.attr}` starts with an underscore", "such keys cannot be looked up")
        key = ast.copy_location(ast.Constant(node.attr), node)
        return self.call("_look_up", node, self.owner(node, node.value, depth), key)

    def rewrite_subscript(self, node: ast.Subscript, depth: int) -> ast.expr:
        if isinstance(node.slice, ast.Slice):
            raise self.refuse(node.slice, "parts of a list", "take one item, as in `units[0]`")
        owner = self.owner(node, node.value, depth)
        return self.call("_item", node, owner, self.rewrite(node.slice, depth))

    def owner(self, node: ast.expr, value: ast.expr, depth: int) -> ast.expr:
        """Rewrite what is looked up in; a dotted path counts once, as its longest form."""
        path = _dotted(node)
        known = set(self.syntax.paths)
        result = self.rewrite(value, depth)
        if path is not None and path.split(".")[0] not in CONSTANTS:
            self.syntax.paths = known
            self.read(path.split(".")[0], path)
        return result

    def rewrite_boolop(self, node: ast.BoolOp, depth: int) -> ast.expr:
        return ast.BoolOp(node.op, self.all(node.values, depth))

    def rewrite_unaryop(self, node: ast.UnaryOp, depth: int) -> ast.expr:
        operand = self.rewrite(node.operand, depth)
        if isinstance(node.op, ast.Not):
            return ast.UnaryOp(node.op, operand)
        return self.call("_negate" if isinstance(node.op, ast.USub) else "_plus", node, operand)

    def rewrite_binop(self, node: ast.BinOp, depth: int) -> ast.expr:
        if type(node.op) not in OPERATORS:
            raise self.refuse(node, f"{type(node.op).__name__} is not part of the language", "use + - * / // %")
        self.syntax.builds = self.syntax.builds or isinstance(node.op, ast.Add)
        left, right = self.rewrite(node.left, depth), self.rewrite(node.right, depth)
        return self.call(OPERATORS[type(node.op)], node, left, right)

    def rewrite_compare(self, node: ast.Compare, depth: int) -> ast.expr:
        if not all(isinstance(op, COMPARISONS) for op in node.ops):
            raise self.refuse(node, "this comparison is not part of the language", "write `==` or `!=`")
        left, *rights = self.all([node.left, *node.comparators], depth)
        if len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq | ast.NotEq):
            return self.compare_once(left, node.ops[0], rights[0])
        return ast.Compare(left, node.ops, rights)

    def compare_once(self, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> ast.expr:
        """`x == true` asks whether x is true: to Python 1 would be too."""
        sides = [each.value for each in (left, right) if isinstance(each, ast.Constant)]
        if not any(isinstance(value, bool) for value in sides):
            return ast.Compare(left, [operator], [right])
        if len(sides) == 2:
            return ast.Constant((sides[0] is sides[1]) is isinstance(operator, ast.Eq))
        return ast.Compare(left, [ast.Is() if isinstance(operator, ast.Eq) else ast.IsNot()], [right])

    def rewrite_ifexp(self, node: ast.IfExp, depth: int) -> ast.expr:
        test, body = self.rewrite(node.test, depth), self.rewrite(node.body, depth)
        return ast.IfExp(test, body, self.rewrite(node.orelse, depth))

    def rewrite_list(self, node: ast.List, depth: int) -> ast.expr:
        self.syntax.builds = True
        return ast.List(self.all(node.elts, depth), ast.Load())

    def rewrite_tuple(self, node: ast.Tuple, depth: int) -> ast.expr:
        self.syntax.builds = True
        return ast.Tuple(self.all(node.elts, depth), ast.Load())

    def rewrite_dict(self, node: ast.Dict, depth: int) -> ast.expr:
        self.syntax.builds = True
        keys = [self.rewrite(key, depth) for key in node.keys if key is not None]
        known: set[object] = set()
        for key in keys:
            if isinstance(key, ast.Constant):
                if key.value in known:
                    raise self.refuse(key, f"the key {key.value!r} stands twice", "keep one of the two")
                known.add(key.value)
        return ast.Dict([*keys], self.all(node.values, depth))  # `**` never gets past the scanner

    def rewrite_call(self, node: ast.Call, depth: int) -> ast.expr:
        if isinstance(node.func, ast.Attribute):
            remedy = f"write {node.func.attr}(…) with the value as first argument"
            raise self.refuse(node, "functions are not called with a dot", remedy)
        if not isinstance(node.func, ast.Name) or node.func.id not in self.functions:
            name = node.func.id if isinstance(node.func, ast.Name) else "this"
            raise self.refuse(node, f"`{name}` is no function", f"there are {', '.join(sorted(self.functions))}")
        if node.keywords:
            raise self.refuse(node.keywords[0], "arguments have no names", "give the values in the order of the list")
        self.syntax.functions.add(node.func.id)
        self.syntax.builds = True
        function = ast.copy_location(ast.Name("_call_" + node.func.id, ast.Load()), node.func)
        return ast.Call(func=function, args=self.all(node.args, depth), keywords=[])


def _dotted(node: ast.expr) -> str | None:
    """Return ``case.unit.code`` for lookups by fixed keys on a name, or None."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (owner := _dotted(node.value)):
        return f"{owner}.{node.attr}"
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        owner = _dotted(node.value)
        return f"{owner}.{node.slice.value}" if owner else None
    return None
