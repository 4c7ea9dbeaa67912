"""Decision tables and literal decisions ready to evaluate: cells indexed once, required decisions first."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.workflow.decisions_cells import Cell, CellError, Check, make_key
from engine.workflow.decisions_policies import Outcome
from engine.workflow.decisions_values import TYPES, DecisionError, DecisionResult, HitPolicy, Input, Output, Rule
from engine.workflow.expression_functions import kind
from engine.workflow.expressions import INPUT, Expression, ExpressionError


class _Column:
    """One input's cells, indexed: a set of rules is an integer with one bit a rule."""

    def __init__(self, cells: list[Cell]) -> None:
        self.always = self.unsure = 0
        self.equal: dict[Any, int] = {}
        self.excluded: dict[Any, int] = {}
        for at, cell in enumerate(cells):
            bit = 1 << at
            if cell.anything or (cell.negated and not cell.checks):
                self.always |= bit
            if cell.checks:
                self.unsure |= bit
            else:
                index = self.excluded if cell.negated else self.equal
                for key in map(make_key, cell.values):
                    index[key] = index.get(key, 0) | bit

    def candidates(self, value: Any) -> int:
        key = make_key(value)
        try:
            equal, excluded = self.equal.get(key, 0), self.excluded.get(key, 0)
        except TypeError:  # a list or dictionary
            if self.equal or self.excluded:
                remedy = 'test it with an expression, as in `"a" in ?`'
                raise CellError(f"a {kind(value)} is compared with single values", remedy) from None
            equal = excluded = 0
        return ((self.always & ~excluded) | equal) | self.unsure


@dataclass(frozen=True, slots=True)
class Table:
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    rules: tuple[Rule, ...]
    policy: HitPolicy
    aggregation: str = ""
    columns: tuple[_Column, ...] = field(init=False)
    checked: tuple[tuple[tuple[int, Check], ...], ...] = field(
        init=False
    )  # per rule: columns that need more than the index

    def __post_init__(self) -> None:
        columns = tuple(_Column([rule.cells[at] for rule in self.rules]) for at in range(len(self.inputs)))
        checked = tuple(
            tuple((at, cell.predicate) for at, cell in enumerate(rule.cells) if cell.checks) for rule in self.rules
        )
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "checked", checked)

    def match(self, decision_id: str, values: list[Any], names: dict[str, Any]) -> Iterator[Rule]:
        """Yield the rules that accept ``values``, top to bottom; later rules are tested only when asked for."""
        live = (1 << len(self.rules)) - 1
        for column, given, value in zip(self.columns, self.inputs, values, strict=True):
            try:
                live &= column.candidates(value)
            except CellError as error:
                raise DecisionError(decision_id, (), f"input {given.label}: {error.message}", error.remedy) from error
        while live:
            lowest = live & -live
            live ^= lowest
            at = lowest.bit_length() - 1
            checks = self.checked[at]
            if not checks or self._passes(decision_id, self.rules[at], checks, values, names):
                yield self.rules[at]

    def _passes(
        self,
        decision_id: str,
        rule: Rule,
        checks: tuple[tuple[int, Check], ...],
        values: list[Any],
        names: dict[str, Any],
    ) -> bool:
        for at, accepts in checks:
            names[INPUT] = values[at]
            try:
                if not accepts(values[at], names):
                    return False
            except (CellError, ExpressionError) as error:
                message = f"input {self.inputs[at].label}, cell `{rule.cells[at].text}`: {error.message}"
                raise DecisionError(decision_id, (rule.rule_id,), message, error.remedy) from error
        return True


class _Names(dict[str, Any]):
    """The context with the results of required decisions before it; the caller's mapping stays as it is."""

    def __init__(self, base: Mapping[str, Any]) -> None:
        self.base = base

    def __missing__(self, key: str) -> Any:
        return self.base[key]

    def __iter__(self) -> Iterator[str]:
        yield from super().__iter__()
        yield from self.base


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision of a file: a table or one expression, after the decisions it requires."""

    decision_id: str
    name: str
    variable: str  # under which decisions that require this one see its value
    body: Table | Expression
    requires: tuple["Decision", ...] = ()
    source: str = ""
    type: str = ""  # of an expression's value; a table's columns have their own

    @property
    def inputs(self) -> tuple[Input, ...]:
        return self.body.inputs if isinstance(self.body, Table) else ()

    @property
    def outputs(self) -> tuple[Output, ...]:
        return self.body.outputs if isinstance(self.body, Table) else ()

    @property
    def policy(self) -> HitPolicy | None:
        return self.body.policy if isinstance(self.body, Table) else None

    @property
    def may_find_nothing(self) -> bool:
        """Whether it is a table of one value that has neither defaults nor a row that accepts everything."""
        if not isinstance(self.body, Table) or not self.body.policy.gives_one:
            return False
        accepted = any(all(cell.anything for cell in rule.cells) for rule in self.body.rules)
        return not accepted and not any(each.default for each in self.body.outputs)

    @property
    def paths(self) -> frozenset[str]:
        """Everything read from the context, required decisions included and their variables left out."""
        found: set[str] = set()
        for expression in self._expressions():
            found |= expression.paths
        if isinstance(self.body, Table):
            found |= {path for rule in self.body.rules for cell in rule.cells for path in cell.paths}
        given = {each.variable for each in self.requires}
        found = {path for path in found if path.split(".")[0] not in given}
        return frozenset(found.union(*(each.paths for each in self.requires)))

    def _expressions(self) -> Iterator[Expression]:
        if isinstance(self.body, Expression):
            yield self.body
            return
        yield from (each.expression for each in self.body.inputs)
        yield from (each.default for each in self.body.outputs if each.default)
        yield from (output for rule in self.body.rules for output in rule.outputs if output)

    def evaluate(self, context: Mapping[str, Any]) -> DecisionResult:
        """Decide for the variables in ``context``.

        A UNIQUE, FIRST, ANY or PRIORITY table gives a dictionary of outputs or None, an aggregated COLLECT a number or
        None, the others a list of dictionaries.

        :raises DecisionError: the rules contradict the hit policy, or a value cannot be tested.
        """
        return self._decide(context, {})

    def _decide(self, context: Mapping[str, Any], done: dict[str, DecisionResult]) -> DecisionResult:
        names = _Names(context)
        for required in self.requires:
            if required.decision_id not in done:
                done[required.decision_id] = required._decide(context, done)
            names[required.variable] = done[required.decision_id].value
        before = tuple(done[required.decision_id] for required in self.requires)
        if isinstance(self.body, Expression):
            value = self._read_value(self._compute(self.body, names, "the expression"))
            return DecisionResult(value, decision_id=self.decision_id, required=before)
        values = [self._read_input(given, names) for given in self.body.inputs]
        rules = self.body.match(self.decision_id, values, names)

        def compute(expression: Expression, place: str, rule_ids: tuple[str, ...]) -> Any:
            return self._compute(expression, names, place, rule_ids)

        table = self.body
        outcome = Outcome(self.decision_id, table.outputs, table.policy, table.aggregation, compute)
        value, hits = outcome.settle(rules)
        inputs = tuple((given.label, value) for given, value in zip(self.body.inputs, values, strict=True))
        return DecisionResult(
            value, tuple(rule.hit for rule in hits), inputs, self.body.policy, self.decision_id, before
        )

    def _read_value(self, value: Any) -> Any:
        if value is None or not self.type:
            return value
        try:
            return TYPES[self.type](value)
        except ValueError as error:
            message = f"the expression gives {getattr(error, 'message', str(error))}"
            remedy = f"write an expression for a {self.type}, or change the type of the decision's variable"
            raise DecisionError(self.decision_id, (), message, remedy) from error

    def _read_input(self, given: Input, names: dict[str, Any]) -> Any:
        value = self._compute(given.expression, names, f"input {given.label}")
        if value is None:
            return None
        try:
            if given.type:
                value = TYPES[given.type](value)
            names[INPUT] = value
            allowed = given.allowed is None or given.allowed.accepts(value, names)
        except (CellError, ExpressionError, ValueError) as error:
            message = getattr(error, "message", str(error))
            remedy = getattr(error, "remedy", f"convert the input to {given.type}")
            raise DecisionError(self.decision_id, (), f"input {given.label}: {message}", remedy) from error
        if not allowed and given.allowed is not None:
            message = f"input {given.label} is {value!r}, outside its values {given.allowed.text}"
            raise DecisionError(self.decision_id, (), message, "correct the variable or add the value to the column")
        return value

    def _compute(
        self, expression: Expression, names: Mapping[str, Any], place: str, rules: tuple[str, ...] = ()
    ) -> Any:
        try:
            return expression.evaluate(names)
        except ExpressionError as error:
            message = f"{place}: {error.message}"
            raise DecisionError(self.decision_id, rules, message, error.remedy or "correct it") from error
