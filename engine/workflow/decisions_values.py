"""What a decision table is made of and what it answers: columns, rules, hits, results, errors, column types."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from engine.workflow.decisions_cells import Cell, CellError
from engine.workflow.expression_functions import NUMBERS, kind
from engine.workflow.expressions import Expression


class HitPolicy(StrEnum):
    """How many rules may match, and what they give together."""

    UNIQUE = "UNIQUE"
    FIRST = "FIRST"
    ANY = "ANY"
    PRIORITY = "PRIORITY"
    RULE_ORDER = "RULE ORDER"
    OUTPUT_ORDER = "OUTPUT ORDER"
    COLLECT = "COLLECT"

    @property
    def gives_one(self) -> bool:
        return self in (HitPolicy.UNIQUE, HitPolicy.FIRST, HitPolicy.ANY, HitPolicy.PRIORITY)


class DecisionError(ValueError):
    """A decision that cannot be taken for these values: which rules, why and the remedy."""

    def __init__(self, decision_id: str, rule_ids: tuple[str, ...], message: str, remedy: str) -> None:
        super().__init__(decision_id, rule_ids, message, remedy)
        self.decision_id, self.rule_ids, self.message, self.remedy = decision_id, rule_ids, message, remedy

    def __str__(self) -> str:
        rules = f", rule {' and '.join(self.rule_ids)}" if self.rule_ids else ""
        return f"decision {self.decision_id}{rules}: {self.message}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class RuleHit:
    """A rule that matched; ``index`` is its row as the modeler shows it, from 1."""

    rule_id: str
    index: int
    annotation: str


@dataclass(frozen=True, slots=True)
class DecisionResult:
    """What was decided and why, kept in a case's history."""

    value: Any
    matched: tuple[RuleHit, ...] = ()
    inputs: tuple[tuple[str, Any], ...] = ()
    policy: HitPolicy | None = None
    decision_id: str = ""
    required: tuple["DecisionResult", ...] = ()

    @property
    def found_nothing(self) -> bool:
        """Whether it is a table in which no rule matched, and no default took the rules' place."""
        return self.policy is not None and not self.matched and self.value in (None, [])


@dataclass(frozen=True, slots=True)
class Input:
    """A column that is tested. ``allowed`` is what the modeler listed as possible values, ``id`` that of the file."""

    label: str
    expression: Expression
    type: str = ""
    allowed: Cell | None = None
    id: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """A column that is given. ``values`` run from the highest priority to the lowest."""

    name: str
    label: str = ""
    type: str = ""
    values: tuple[Any, ...] = ()
    default: Expression | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    rule_id: str
    index: int
    annotation: str
    cells: tuple[Cell, ...]
    outputs: tuple[Expression | None, ...]

    @property
    def hit(self) -> RuleHit:
        return RuleHit(self.rule_id, self.index, self.annotation)


@dataclass(frozen=True, slots=True)
class DecisionProblem:
    """Something in a DMN file that must be corrected before it is used; ids are empty when they do not apply.

    ``excerpt`` shows the character at fault in the expression, where there is one.
    """

    decision_id: str
    rule_id: str
    message: str
    remedy: str
    excerpt: str = ""

    def __str__(self) -> str:
        place = ", ".join(each for each in (self.decision_id, self.rule_id) if each)
        return f"{place + ': ' if place else ''}{self.message}; {self.remedy}"


def _expect(word: str, types: tuple[type, ...]) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise CellError(f"{kind(value)} {value!r} where the column says {word}", f"convert the input to {word}")
        return value

    return convert


def _read_date(value: Any) -> date:
    if isinstance(value, str):
        return date.fromisoformat(value)
    if isinstance(value, datetime):
        raise CellError("datetime where the column says date", "convert the input with date()")
    day: date = _expect("date", (date,))(value)
    return day


def _read_datetime(value: Any) -> datetime:
    moment: datetime = (
        datetime.fromisoformat(value) if isinstance(value, str) else _expect("datetime", (datetime,))(value)
    )
    if moment.tzinfo is None:
        raise CellError(f"{value!r} has no offset from UTC", "add one, as in 2026-01-01T08:00:00+08:00")
    return moment


_NUMBER = _expect("number", NUMBERS)
TYPES: dict[str, Callable[[Any], Any]] = {
    "string": _expect("string", (str,)), "boolean": _expect("boolean", (bool,)), "number": _NUMBER,
    "integer": _NUMBER, "long": _NUMBER, "double": _NUMBER, "date": _read_date,
    "list": _expect("list", (list, tuple)), "context": _expect("dictionary", (dict,)),
    "dateTime": _read_datetime, "date and time": _read_datetime,
}  # fmt: skip
