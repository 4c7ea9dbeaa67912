"""The hit policies of DMN 1.3: from the rules that match to the value of the table."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from engine.workflow.decisions_cells import make_key
from engine.workflow.decisions_values import DecisionError, HitPolicy, Output, Rule
from engine.workflow.expression_functions import NUMBERS, kind
from engine.workflow.expressions import Expression

Compute = Callable[[Expression, str, tuple[str, ...]], Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one table's matching rules become its value, for one evaluation."""

    decision_id: str
    outputs: tuple[Output, ...]
    policy: HitPolicy
    aggregation: str
    compute: Compute  # evaluates an output expression; its errors name the place and the rules

    def settle(self, matching: Iterator[Rule]) -> tuple[Any, list[Rule]]:
        """Return the table's value and the rules it comes from."""
        first = next(matching, None)
        if first is None:
            return self._use_defaults(), []
        if self.policy is HitPolicy.FIRST:
            return self._give(first), [first]
        hits = [first, *matching]
        if self.policy is HitPolicy.UNIQUE:
            if len(hits) > 1:
                raise self._contradiction(hits, "match together in a UNIQUE table", "make their conditions exclusive")
            return self._give(first), hits
        rows = [(self._give(rule), rule) for rule in hits]
        if self.policy is HitPolicy.ANY:
            if any(_row_key(row) != _row_key(rows[0][0]) for row, _ in rows):
                message = "match with different outputs in an ANY table"
                raise self._contradiction(hits, message, "make their outputs equal")
            return rows[0][0], hits
        if self.policy in (HitPolicy.PRIORITY, HitPolicy.OUTPUT_ORDER):
            rows.sort(key=lambda row: self._rank(*row))
            if self.policy is HitPolicy.PRIORITY:
                return rows[0][0], [rows[0][1]]
        if self.aggregation:
            return self._aggregate(rows), hits
        return [row for row, _ in rows], [rule for _, rule in rows]

    def _give(self, rule: Rule) -> dict[str, Any]:
        return {
            output.name: None if cell is None else self.compute(cell, f"output {output.name}", (rule.rule_id,))
            for output, cell in zip(self.outputs, rule.outputs, strict=True)
        }

    def _use_defaults(self) -> Any:
        row: dict[str, Any] | None = None
        if any(output.default for output in self.outputs):
            row = {
                output.name: output.default and self.compute(output.default, f"default of {output.name}", ())
                for output in self.outputs
            }
        if self.policy.gives_one:
            return row
        if self.aggregation:
            return row[self.outputs[0].name] if row else (0 if self.aggregation == "COUNT" else None)
        return [row] if row else []

    def _contradiction(self, hits: list[Rule], message: str, remedy: str) -> DecisionError:
        rows = ", ".join(str(rule.index) for rule in hits)
        return DecisionError(self.decision_id, tuple(rule.rule_id for rule in hits), f"rows {rows} {message}", remedy)

    def _rank(self, row: dict[str, Any], rule: Rule) -> tuple[int, ...]:
        """Return the row's places in the lists of output values; outputs without a list do not count."""
        places: list[int] = []
        for output in self.outputs:
            if output.values:
                keys = [make_key(value) for value in output.values]
                if make_key(row[output.name]) not in keys:
                    message = f"output {output.name} {row[output.name]!r} has no priority"
                    raise DecisionError(self.decision_id, (rule.rule_id,), message, "add it to the output's values")
                places.append(keys.index(make_key(row[output.name])))
        return tuple(places)

    def _aggregate(self, rows: list[tuple[dict[str, Any], Rule]]) -> Any:
        name = self.outputs[0].name
        if self.aggregation == "COUNT":
            return len(rows)
        for row, rule in rows:
            if not isinstance(row[name], NUMBERS) or isinstance(row[name], bool):
                message = f"output {name} is {kind(row[name])}, so there is no {self.aggregation}"
                raise DecisionError(self.decision_id, (rule.rule_id,), message, "give a number")
        values = [row[name] for row, _ in rows]
        return sum(values) if self.aggregation == "SUM" else (min if self.aggregation == "MIN" else max)(values)


def _row_key(row: dict[str, Any]) -> list[Any]:
    return [make_key(value) for value in row.values()]
