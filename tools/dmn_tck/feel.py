"""Read FEEL, the expression language of the TCK, and write in ours what both languages have.

Nothing is imitated: what our language lacks raises NotOurs with the reason, so that a test passes only when our own
engine computes the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tools.dmn_tck.feel_functions import call
from tools.dmn_tck.feel_names import Names, NotOurs, make_word
from tools.dmn_tck.feel_text import NUMBER, TEXT, UNREAD, Scanner, write_number, write_text

_COMPARISON = re.compile(r"<=|>=|!=|=|<|>")
_UNKNOWN_WORDS = {
    "for": "iteration (for)", "return": "iteration (for)", "function": "function definitions",
    "some": "quantified expressions (some, every)", "every": "quantified expressions (some, every)",
}  # fmt: skip
_WORDS = {"if", "then", "else", "and", "or", "between", "in", "instance", "satisfies", *_UNKNOWN_WORDS}
_CLOSING = re.compile(r"\[\s*(?:$|[,)\]}]|(?:and|or|then|else)\b)")
_OF_DAYS = ("year", "month", "day", "weekday")
_CONSTANTS = {"true": ("true", "bool"), "false": ("false", "bool"), "null": ("none", "null")}


@dataclass(frozen=True)
class Term:
    """A piece of FEEL in our language. ``parts`` are the operands where the languages may differ by their values."""

    text: str
    kind: str = ""  # text, number, bool, null, list, dict, date; empty when only the values tell
    operator: str = ""
    parts: tuple[Term, ...] = ()
    asks: bool = False  # reads the tested value `?`

    def walk(self) -> Iterator[Term]:
        """Yield this term and all below it."""
        yield self
        for part in self.parts:
            yield from part.walk()


def read_expression(text: str, names: Names) -> Term:
    """Translate a whole FEEL expression; raise NotOurs."""
    reader = _Reader(text, names)
    term = reader.expression()
    reader.finish()
    return term


def read_tests(text: str, names: Names) -> str:
    """Translate the unary tests of an input cell; raise NotOurs."""
    if text.strip() in ("", "-"):
        return "-"
    reader = _Reader(text, names)
    if match := re.match(r"\s*not\s*\(", text):
        reader.at = match.end()
        tests = reader.tests()
        if reader.take(")") and reader.at_end() and not any("?" in test for test in tests):
            return f"not({', '.join(tests)})"
        reader.at = 0
    tests = reader.tests()
    reader.finish()
    return ", ".join(tests)


class _Reader(Scanner):
    """Reads expressions and unary tests."""

    # Expressions, from the loosest operator to the tightest

    def expression(self) -> Term:
        if self.take_word("if"):
            condition = self.expression()
            if not self.take_word("then"):
                raise NotOurs("an if without then")
            yes = self.expression()
            if not self.take_word("else"):
                raise NotOurs("an if without else")
            no = self.expression()
            return join(f"({yes.text} if {condition.text} else {no.text})", "if", condition, yes, no)
        if self.word() in _UNKNOWN_WORDS and self.word() not in self.names.known:
            raise NotOurs(_UNKNOWN_WORDS[self.word()])
        return self.chain("or", lambda: self.chain("and", self.comparison))

    def chain(self, word: str, read: Callable[[], Term]) -> Term:
        terms = [read()]
        while self.take_word(word):
            terms.append(read())
        if len(terms) == 1:
            return terms[0]
        return join(f"({f' {word} '.join(each.text for each in terms)})", word, *terms, kind="bool")

    def comparison(self) -> Term:
        left = self.addition()
        while True:
            if self.take_word("between"):
                low = self.addition()
                if not self.take_word("and"):
                    raise NotOurs("a between without and")
                high = self.addition()
                left = join(f"({low.text} <= {left.text} <= {high.text})", "size", left, low, high, kind="bool")
            elif self.take_word("instance"):
                raise NotOurs("type tests (instance of)")
            elif self.take_word("in"):
                left = self.membership(left)
            elif match := _COMPARISON.match(self.text, self.at):
                self.at = match.end()
                sign = "==" if match.group() == "=" else match.group()
                right = self.addition()
                operator = "equality" if sign in ("==", "!=") else "size"
                left = join(f"({left.text} {sign} {right.text})", operator, left, right, kind="bool")
            else:
                return left

    def addition(self) -> Term:
        left = self.product()
        while self.looking_at("+") or self.looking_at("-"):
            sign = self.text[self.at]
            self.take(sign)
            right = self.product()
            kind = left.kind if left.kind == right.kind else ""
            left = join(f"({left.text} {sign} {right.text})", "calculation", left, right, kind=kind)
        return left

    def product(self) -> Term:
        left = self.power()
        while (self.looking_at("*") and not self.looking_at("**")) or self.looking_at("/"):
            sign = self.text[self.at]
            self.take(sign)
            right = self.power()
            left = join(f"({left.text} {sign} {right.text})", "calculation", left, right, kind="number")
        return left

    def power(self) -> Term:
        term = self.unary()
        if self.looking_at("**"):
            raise NotOurs("powers (**)")
        return term

    def unary(self) -> Term:
        if self.take("-"):
            term = self.unary()
            return join(f"(-{term.text})", "calculation", term, kind="number")
        term = self.primary()
        while True:
            if self.looking_at("..") or not (self.looking_at(".") or self.looking_at("[")):
                return term
            if _CLOSING.match(self.text, self.at):  # the end of a range: `]1..5[`
                return term
            term = self.key(term) if self.take(".") else self.item(term)

    def key(self, owner: Term) -> Term:
        found = self.names.match(self.text, self.at)
        if found is None:
            raise NotOurs(UNREAD)
        self.at = found[1]
        if owner.kind == "date" and found[0] in _OF_DAYS:
            return join(f"{found[0]}({owner.text})", "call", owner, kind="number")
        if owner.kind in ("list", "date", "text", "number"):
            raise NotOurs(f"properties of a {owner.kind}")
        return join(f"{owner.text}.{make_word(found[0])}", "key", owner)

    def item(self, owner: Term) -> Term:
        """Only ``list[1]`` has a counterpart; FEEL counts from one."""
        self.need("[")
        match = re.compile(r"(-?)([0-9]+)\s*\]").match(self.text, self.at)
        if match is None:
            raise NotOurs("filters of a list")
        self.at = match.end()
        if owner.kind not in ("list", "") or int(match[2]) == 0:
            raise NotOurs(f"an item of a {owner.kind or 'list by number 0'}")
        place = -int(match[2]) if match[1] else int(match[2]) - 1
        return join(f"{owner.text}[{place}]", "item", owner)

    def primary(self) -> Term:
        self.skip()
        if match := TEXT.match(self.text, self.at):
            self.at = match.end()
            return Term(write_text(match.group()[1:-1]), "text")
        if match := NUMBER.match(self.text, self.at):
            self.at = match.end()
            return Term(write_number(match.group()), "number")
        if self.take("?"):
            return Term("?", asks=True)
        if self.take("@"):
            raise NotOurs("literals with @")
        if self.looking_at("[") or self.looking_at("("):
            return self.bracketed()
        if self.looking_at("]"):
            raise NotOurs("ranges as values")
        if self.take("{"):
            return self.context()
        return self.name()

    def bracketed(self) -> Term:
        if self.ahead_is_range():
            raise NotOurs("ranges as values")
        if self.take("("):
            inner = self.expression()
            self.need(")")
            return Term(f"({inner.text})", inner.kind, inner.operator, inner.parts, inner.asks)
        self.need("[")
        members: list[Term] = []
        while not self.take("]"):
            members.append(self.expression())
            if not self.take(","):
                self.need("]")
                break
        return join(f"[{', '.join(each.text for each in members)}]", "list", *members, kind="list")

    def context(self) -> Term:
        entries: list[tuple[str, Term]] = []
        while not self.take("}"):
            if match := TEXT.match(self.text, self.at):
                key, self.at = match.group()[1:-1], match.end()
            else:
                end = self.text.find(":", self.at)
                key, self.at = self.text[self.at : end].strip(), max(end, self.at)
            self.need(":")
            value = self.expression()
            if any(re.search(rf"\b{re.escape(make_word(name))}\b", value.text) for name, _ in entries if name != key):
                raise NotOurs("contexts whose entries read each other")
            entries.append((key, value))
            if not self.take(","):
                self.need("}")
                break
        text = ", ".join(f"'{make_word(key)}': {term.text}" for key, term in entries)
        return join("{" + text + "}", "dict", *(term for _, term in entries), kind="dict")

    def name(self) -> Term:
        called = re.compile(r"([a-z]+(?:\s+[a-z]+)*)\s*\(").match(self.text, self.at)
        found = self.names.match(self.text, self.at)
        if called and (found is None or found[0] not in self.names.known):
            self.at = called.end()
            return self.call(" ".join(called[1].split()))
        if found is None:
            raise NotOurs(UNREAD)
        name, self.at = found
        if name in _CONSTANTS and name not in self.names.known:
            return Term(*_CONSTANTS[name])
        if name in _WORDS and name not in self.names.known:
            raise NotOurs(UNREAD)
        if self.looking_at("("):
            raise NotOurs("calls of a model's own functions")
        if name in self.names.closed:
            raise NotOurs(self.names.closed[name])
        inside = self.names.insides.get(name)
        text = f"{make_word(name)}.{inside}" if inside else make_word(name)
        return Term(text, self.names.kinds.get(name, ""))

    def call(self, name: str) -> Term:
        arguments: list[Term] = []
        while not self.take(")"):
            if re.compile(r"[A-Za-z][\w ]*:").match(self.text, self.at):
                raise NotOurs("arguments by name")
            arguments.append(self.expression())
            if not self.take(","):
                self.need(")")
                break
        text, kind = call(name, [(each.text, each.kind) for each in arguments])
        return join(text, name if name in ("not", "all", "any", "string") else "call", *arguments, kind=kind)

    # Tests

    def range(self) -> tuple[str, Term, Term, str]:
        """Read ``[a..b]``; return our opening bracket, the ends and our closing bracket."""
        opening = "[" if self.looking_at("[") else "("
        self.at += 1
        low = self.addition()
        self.need("..")
        high = self.addition()
        closing = "]" if self.looking_at("]") else ")"
        if not (self.take("]") or self.take("[") or self.take(")")):
            raise NotOurs("a range that is not closed")
        return opening, low, high, closing

    def starts_range(self) -> bool:
        if self.looking_at("]"):
            return True
        return (self.looking_at("[") or self.looking_at("(")) and self.ahead_is_range()

    def membership(self, left: Term) -> Term:
        """``x in …``: one test, several in brackets, or the tests of a list."""
        several = self.looking_at("(") and not self.ahead_is_range()
        tests: list[Term] = []
        if several:
            self.need("(")
            while not self.take(")"):
                tests.append(self.asked(left))
                if not self.take(","):
                    self.need(")")
                    break
        else:
            tests.append(self.asked(left))
        return join(f"({' or '.join(each.text for each in tests)})", "or", left, *tests, kind="bool")

    def asked(self, left: Term) -> Term:
        """One test of ``in`` as a condition on ``left``."""
        if self.starts_range():
            opening, low, high, closing = self.range()
            above, below = "<=" if opening == "[" else "<", "<=" if closing == "]" else "<"
            text = f"({low.text} {above} {left.text} {below} {high.text})"
            return join(text, "size", left, low, high, kind="bool")
        if match := _COMPARISON.match(self.text, self.at):
            self.at = match.end()
            sign = "==" if match.group() == "=" else match.group()
            right = self.addition()
            operator = "equality" if sign in ("==", "!=") else "size"
            return join(f"({left.text} {sign} {right.text})", operator, left, right, kind="bool")
        if self.looking_at("[") and ".." in self.text[self.at :]:
            raise NotOurs("ranges as values")
        right = self.addition()
        if right.kind == "list":
            return join(f"({left.text} in {right.text})", "membership", left, right, kind="bool")
        if right.kind == "":
            raise NotOurs("in with a value whose type only the run tells")
        return join(f"({left.text} == {right.text})", "equality", left, right, kind="bool")

    def tests(self) -> list[str]:
        tests = [*self.test()]
        while self.take(","):
            tests += self.test()
        return tests

    def test(self) -> list[str]:
        """One unary test of a cell; a list of values gives several."""
        if self.starts_range():
            opening, low, high, closing = self.range()
            return [f"{opening}{low.text}..{high.text}{closing}"]
        if match := _COMPARISON.match(self.text, self.at):
            self.at = match.end()
            sign = "==" if match.group() == "=" else match.group()
            return [f"{sign} {self.addition().text}"]
        term = self.expression()
        if any(each.asks for each in term.walk()):
            return [term.text]
        if term.kind == "list" and term.operator == "list":
            return [each.text for each in term.parts]
        if term.kind == "list":
            return [f"? in {term.text}"]
        constant = term.kind in ("text", "number", "bool", "null") and not term.parts
        return [term.text if constant else f"== {term.text}"]


def join(text: str, operator: str, *parts: Term, kind: str = "") -> Term:
    """Make a term of parts."""
    return Term(text, kind, operator, parts, any(part.asks for part in parts))
