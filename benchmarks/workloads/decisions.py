"""Long decision tables: microseconds an evaluation after warm-up."""

from __future__ import annotations

import random
import time
from typing import Any
from xml.sax.saxutils import escape

from benchmarks.report import Cell, Section, Verdict, quantile
from benchmarks.setting import Setting
from engine.workflow.decisions import Decision, load_decisions

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="long" name="long" namespace="urn:bench">'
)


def run(setting: Setting) -> Section:
    """Tables of 300 and 1,000 rules, with their first match spread over the table."""
    rows: list[dict[str, Cell]] = []
    verdicts = []
    for count, policy in ((300, "FIRST"), (1000, "FIRST"), (1000, "UNIQUE")):
        decision = load_decisions(long_table(count, policy), "long.dmn")["long"]
        spent = measure(decision, count, setting.pick(4000, 400))
        median = quantile(spent, 0.5) * 1e6
        rows.append(
            {
                "rules": count,
                "policy": policy,
                "median µs": median,
                "best µs": min(spent) * 1e6,
                "p99 µs": quantile(spent, 0.99) * 1e6,
            }
        )
        if count == 1000:
            verdicts.append(Verdict(f"µs an evaluation, 1,000 rules {policy}", median, 50, at_least=False))
    note = "three inputs: a code (equality), an area class (list) and hours (a range)"
    return Section("decisions", "Long decision tables", rows, [note], verdicts)


def measure(decision: Decision, count: int, times: int) -> list[float]:
    """Seconds of each evaluation, after a tenth of them as warm-up."""
    dice = random.Random(20261121)
    spent = []
    for number in range(times + times // 10):
        context = context_for(dice.randrange(count))
        began = time.perf_counter()
        result = decision.evaluate(context)
        took = time.perf_counter() - began
        assert result.matched
        if number >= times // 10:
            spent.append(took)
    return spent


def context_for(rule: int) -> dict[str, Any]:
    """Inputs that exactly this rule matches."""
    return {"code": f"{rule // 4:04}", "area": "AB"[rule % 2], "hours": 10 * (rule // 2 % 2) + 5}


def long_table(count: int, policy: str) -> str:
    """A table in which every rule is the only one for its inputs: code, area class, hours."""
    inputs = "".join(
        f'<input id="in_{name}" label="{name}"><inputExpression id="in_{name}_e" typeRef="{kind}"><text>{name}</text>'
        "</inputExpression></input>"
        for name, kind in (("code", "string"), ("area", "string"), ("hours", "number"))
    )
    rules = "".join(rule_xml(number) for number in range(count))
    return (
        f'{HEAD}<decision id="long" name="long"><decisionTable id="long_table" hitPolicy="{policy}">{inputs}'
        f'<output id="out_lead" label="lead" name="lead" typeRef="string"/>{rules}</decisionTable></decision>'
        "</definitions>"
    )


def rule_xml(number: int) -> str:
    """One rule: four rules share a code, two of them an area class, which the hours then part."""
    low = 10 * (number // 2 % 2)
    others = ("'A', 'C'", "'B', 'D'")[number % 2]
    cells = (f"'{number // 4:04}'", others, f"[{low}..{low + 10})")
    entries = "".join(
        f'<inputEntry id="r{number}_{at}"><text>{escape(cell)}</text></inputEntry>' for at, cell in enumerate(cells)
    )
    output = f"<outputEntry id=\"r{number}_o\"><text>'unit {number % 17}'</text></outputEntry>"
    return f'<rule id="r{number}">{entries}{output}</rule>'
