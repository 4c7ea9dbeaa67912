"""Run the kit's test cases: each expected result passes, fails, or asks for what our language does not have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from engine.workflow.decisions import DecisionError, DecisionFileError, load_decisions
from engine.workflow.expressions import ExpressionError, compile_expression
from tools.dmn_tck.cases import Expectation, read_cases, same
from tools.dmn_tck.feel import Term
from tools.dmn_tck.feel_names import NotOurs, make_word
from tools.dmn_tck.models import Model, Translation

Verdict = Literal["passed", "failed", "not ours"]
REPORTED = "reported as an error"
"""The reason of a result that passed because the kit expects the error we report."""


@dataclass(frozen=True)
class Outcome:
    """What became of one expected result; ``reason`` says why it failed or is not in our language, or is REPORTED."""

    label: str
    verdict: Verdict
    reason: str = ""


@dataclass
class Tally:
    """The outcomes of one folder of the kit."""

    folder: str
    outcomes: list[Outcome] = field(default_factory=list)

    def count(self, verdict: Verdict) -> int:
        """How many outcomes are of this kind."""
        return sum(each.verdict == verdict for each in self.outcomes)

    @property
    def reported(self) -> int:
        """How many passed because the kit expects an error."""
        return sum(each.reason == REPORTED for each in self.outcomes)

    @property
    def reasons(self) -> Counter[str]:
        """Why results are not in our language, with their number."""
        return Counter(each.reason for each in self.outcomes if each.verdict == "not ours")


def run_kit(root: Path) -> Iterator[Tally]:
    """Run every folder of test cases below ``root``.

    :raises FileNotFoundError: there is no test file.
    """
    files: dict[Path, list[Path]] = {}
    for path in sorted(root.rglob("*.xml")):
        if b"/20160719/testcase" in path.read_bytes()[:2000]:
            files.setdefault(path.parent, []).append(path)
    if not files:
        raise FileNotFoundError(f"{root} has no test file of the kit; name the folder with TestCases/ in it")
    for folder, paths in files.items():
        tally = Tally(folder.relative_to(root).as_posix())
        for path in paths:
            tally.outcomes += _run_file(path)
        yield tally


def _run_file(path: Path) -> Iterator[Outcome]:
    model_name, expectations = read_cases(path)
    model = Model(path.parent / model_name)
    for each in expectations:
        try:
            yield _run(model, each)
        except NotOurs as error:
            yield Outcome(each.label, "not ours", error.reason)


def _run(model: Model, case: Expectation) -> Outcome:
    if case.kind != "decision":
        raise NotOurs("business knowledge models" if case.kind == "bkm" else "decision services")
    expected = case.read_expected()
    context: dict[str, Any] = {make_word(name): None for name in model.inputs}
    given = case.read_inputs()
    if any(make_word(name) in given for name in model.decisions):
        raise NotOurs("a test that replaces a decision's value")
    context |= given
    translation = model.translate(case.name)
    try:
        decisions = load_decisions(translation.xml, "tck.dmn")
    except DecisionFileError as error:
        if case.error:
            return Outcome(case.label, "passed", REPORTED)
        return Outcome(case.label, "failed", f"expected {expected!r}, but the file is refused: {error}")
    try:
        actual = unwrap(decisions[translation.decision_id].evaluate(context).value, translation.output)
    except DecisionError as error:
        if case.error:
            return Outcome(case.label, "passed", REPORTED)
        if expected is None:
            raise NotOurs("null where our language reports the error") from error
        difference = explain(translation, context, error)
        if difference:
            raise NotOurs(difference) from error
        return Outcome(case.label, "failed", f"expected {expected!r}, got {error}")
    if same(expected, actual):
        return Outcome(case.label, "passed")
    difference = explain(translation, context, actual)
    if difference:
        raise NotOurs(difference)
    return Outcome(case.label, "failed", f"expected {expected!r}, got {actual!r}")


def unwrap(value: Any, output: str) -> Any:
    """FEEL's value of a table with one output: that output, or the list of them."""
    if not output:
        return value
    if isinstance(value, list):
        return [each[output] for each in value]
    return value[output] if isinstance(value, dict) else value


def explain(translation: Translation, context: dict[str, Any], actual: Any) -> str:
    """Say which documented difference of the languages these very values met; empty when none did.

    :param actual: our value, or the error that we report.
    """
    if translation.coarse and not isinstance(actual, DecisionError):
        return "types of the model's own: we check list or dictionary only"
    if isinstance(actual, DecisionError) and "expression gives list" in actual.message:
        return "a list of one for its member"
    for term in (each for whole in translation.terms for each in whole.walk()):
        reason = _difference(term, context)
        if reason:
            return reason
    return ""


def _difference(term: Term, context: dict[str, Any]) -> str:
    values = [_value(part, context) for part in term.parts]
    if any(value is _UNKNOWN for value in values):
        return ""
    if term.operator in ("all", "any"):
        values = values[0] if len(values) == 1 and isinstance(values[0], list) else values
    if term.operator in ("and", "or", "not", "all", "any") and not all(isinstance(value, bool) for value in values):
        return "three-valued logic: and, or, not, all, any of other values than true and false"
    if term.operator == "if" and not isinstance(values[0], bool):
        return "if with a condition that is neither true nor false"
    if term.operator in ("equality", "membership", "size") and len({_type(v) for v in values if v is not None}) > 1:
        return "null for comparing values of two types"
    if term.operator == "string" and _type(values[0]) not in ("bool", "number", "str"):
        return "the text of lists, contexts, moments and null"
    if term.operator == "calculation" and all(isinstance(value, list) for value in values):
        return "null for joining lists with +"
    return ""


_UNKNOWN = object()


def _value(term: Term, context: dict[str, Any]) -> Any:
    try:
        return compile_expression(term.text).evaluate(context)
    except ExpressionError:
        return _UNKNOWN


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) else type(value).__name__
