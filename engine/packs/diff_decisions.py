"""What changes in decisions: rules that come, go or say something else."""

from __future__ import annotations

from collections.abc import Iterator

from engine.packs.changes import Change, Sort
from engine.packs.sides import Side, fill, listed
from engine.workflow.decisions import Decision
from engine.workflow.decisions_tables import Table
from engine.workflow.decisions_values import Rule
from engine.workflow.expressions import Expression
from engine.workflow.migration_nodes import Words


def compare_decisions(old: Side, new: Side) -> Iterator[Change]:
    """Every change of every decision: rules by their ids, otherwise by what they say."""
    before, after = old.material.decisions, new.material.decisions
    unread = old.material.broken | new.material.broken
    for name in dict.fromkeys([*before, *after]):
        first, second = before.get(name), after.get(name)
        if any(each is not None and each.source in unread for each in (first, second)):
            continue
        if second is None:
            words = fill("决策“{name}”取消", "the decision “{name}” goes", name=_title(old, before[name]))
            yield Change("decisions", "removed", name, "", words)
        elif first is None:
            words = fill("新增决策“{name}”", "new decision “{name}”", name=_title(new, second))
            yield Change("decisions", "added", name, "", words)
        elif isinstance(first.body, Table) and isinstance(second.body, Table):
            yield from _tables(old, new, first, second, first.body, second.body)
        elif _body(first) != _body(second):
            yield _tell(new, second, "changed", "", "{before} → {after}", before=_body(first), after=_body(second))


def _title(side: Side, decision: Decision) -> Words:
    return side.text(f"decision:{decision.decision_id}", decision.name or decision.decision_id)


def _body(decision: Decision) -> str:
    return decision.body.text if isinstance(decision.body, Expression) else "table"


def _tell(side: Side, decision: Decision, sort: Sort, rule: str, zh: str, en: str = "", **values: object) -> Change:
    words = fill("“{title}”：" + zh, "“{title}”: " + (en or zh), title=_title(side, decision), **values)
    return Change("decisions", sort, decision.decision_id, rule, words)


def _tables(old: Side, new: Side, first: Decision, second: Decision, before: Table, after: Table) -> Iterator[Change]:
    if (before.policy, before.aggregation) != (after.policy, after.aggregation):
        yield _tell(new, second, "changed", "", "命中方式：{old} → {new}", "hit policy {old} → {new}",
                    old=before.policy.value, new=after.policy.value)  # fmt: skip
    was, now = _rules(old, first, before), _rules(new, second, after)
    matched = {key: key for key in was if key in now}
    rest = {text: key for key, text in ((key, said.zh) for key, said in now.items()) if key not in was}
    matched |= {key: rest.pop(said.zh) for key, said in was.items() if key not in now and said.zh in rest}
    for key, said in was.items():
        if key not in matched:
            yield _tell(new, second, "removed", key, "取消规则：{said}", "the rule goes: {said}", said=said)
        elif said != now[matched[key]] and said.zh != now[matched[key]].zh:
            yield _tell(new, second, "changed", matched[key], "规则改动：{old} ⇒ 改为 {new}",
                        "a rule changes: {old} ⇒ now {new}", old=said, new=now[matched[key]])  # fmt: skip
    for key, said in now.items():
        if key not in matched.values():
            yield _tell(new, second, "added", key, "新增规则：{said}", "new rule: {said}", said=said)
    order = [matched[key] for key in was if key in matched]
    if order != [key for key in now if key in set(order)]:
        yield _tell(new, second, "changed", "", "规则的先后顺序变了", "the rules come in another order")
    defaults = [[each.default.text if each.default else "" for each in body.outputs] for body in (before, after)]
    if defaults[0] != defaults[1]:
        yield _tell(new, second, "changed", "", "默认值：{old} → {new}", "default {old} → {new}",
                    old=" ".join(defaults[0]) or "–", new=" ".join(defaults[1]) or "–")  # fmt: skip


def _rules(side: Side, decision: Decision, table: Table) -> dict[str, Words]:
    return {rule.rule_id: _rule(side, decision, table, rule) for rule in table.rules}


def _rule(side: Side, decision: Decision, table: Table, rule: Rule) -> Words:
    """A rule as a sentence: what must hold, and what it gives."""
    home = f"decision:{decision.decision_id}"
    tests = [
        fill("{label} {cell}", "{label} {cell}", label=side.text(f"{home}:{given.id}", given.label), cell=cell.text)
        for given, cell in zip(table.inputs, rule.cells, strict=True)
        if not cell.anything
    ]
    gives = [
        fill("{label} {value}", "{label} {value}", value=value.text,
             label=side.text(f"{home}:{output.name}", output.label or output.name))
        for output, value in zip(table.outputs, rule.outputs, strict=True)
        if value is not None
    ]  # fmt: skip
    when = listed(tests) if tests else Words("任何情况", "always")
    return fill("{when} → {gives}", "{when} → {gives}", when=when, gives=listed(gives))
