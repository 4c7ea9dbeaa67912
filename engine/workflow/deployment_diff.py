"""What changed between two deployments, in words an analyst understands, in Chinese and English."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from engine.models import Deployment
from engine.workflow.definitions import Definition
from engine.workflow.elements import Diagram, Element, Flow
from engine.workflow.migration_nodes import Words, named

Reading = Callable[[Element], object]

ASPECTS: tuple[tuple[str, str, Reading], ...] = (
    ("种类", "kind", lambda each: f"{each.kind} ({each.event})" if each.event else each.kind),
    ("名称", "name", lambda each: each.name),
    ("办理角色", "role", lambda each: each.groups),
    ("表单", "form", lambda each: each.form),
    ("定时", "timer", lambda each: each.timer),
    ("消息", "message", lambda each: each.message),
    ("决策表", "decision table", lambda each: each.decision),
    ("执行", "operator", lambda each: each.topic),
    ("调用流程", "called process", lambda each: each.called),
    ("计算", "script", lambda each: each.script),
    ("多实例", "repetition", lambda each: each.multi),
    ("所附任务", "host", lambda each: each.host),
    ("中断", "interrupting", lambda each: each.interrupting if each.kind == "boundaryEvent" else None),
    ("输入", "inputs", lambda each: dict(each.inputs)),
    ("输出", "outputs", lambda each: dict(each.outputs)),
)
PROPERTIES = {
    "limit": ("时限", "limit"), "clock": ("计时", "clock"), "stage": ("阶段", "stage"),
    "evidence": ("须有证据", "evidence"), "manual_evidence": ("按手册须有证据", "evidence of the manual"),
    "evidence_when": ("何时须有证据", "evidence asked for when"), "warn_at": ("提醒", "warning"),
}  # fmt: skip


@dataclass(frozen=True)
class Change:
    """One change. ``place`` is a process, decision or form id; ``element`` is empty when it concerns the whole."""

    place: str
    element: str
    words: Words


def compare_deployments(
    old: Deployment, new: Deployment, old_definition: Definition, new_definition: Definition
) -> list[Change]:
    """Every change, processes first, then decisions and forms; empty when both say the same."""
    changes: list[Change] = []
    names = dict.fromkeys([*old_definition.diagrams, *new_definition.diagrams])
    for name in names:
        before, after = old_definition.diagrams.get(name), new_definition.diagrams.get(name)
        changes += _compare_processes(name, before, after)
    return [*changes, *_compare_files(old.files, new.files)]


def _compare_processes(name: str, old: Diagram | None, new: Diagram | None) -> Iterator[Change]:
    if old is None or new is None:
        there = old or new
        assert there is not None  # the name comes from one of them
        title = there.name
        yield Change(name, "", _came_or_went(f"流程 {title}", f"process {title} ({name})", came=old is None))
        return
    renamed = dict(renamed_elements(old, new))
    for element_id, element in old.elements.items():
        other = new.elements.get(renamed.get(element_id, element_id))
        if other is None:
            yield Change(name, element_id, _came_or_went(named(element), named(element), came=False))
            continue
        if element_id in renamed:
            words = Words(f"{named(element)}改编号为 {other.id}", f"{named(element)} has the id {other.id} now")
            yield Change(name, element_id, words)
        yield from (Change(name, other.id, words) for words in _compare_elements(element, other))
    for element in new.elements.values():
        if element.id not in old.elements and element.id not in renamed.values():
            yield Change(name, element.id, _came_or_went(named(element), named(element), came=True))
    yield from _compare_flows(name, old, new, renamed)


def renamed_elements(old: Diagram, new: Diagram) -> Iterator[tuple[str, str]]:
    """Elements that differ in nothing but their id: old id and new."""
    came = [each for each in new.elements.values() if each.id not in old.elements]
    for element in old.elements.values():
        if element.id in new.elements:
            continue
        likely = [each for each in came if each.kind == element.kind and each.name == element.name != element.id]
        if len(likely) == 1:
            yield element.id, likely[0].id


def _compare_elements(old: Element, new: Element) -> Iterator[Words]:
    what = named(new)
    for zh, en, read in ASPECTS:
        before, after = read(old), read(new)
        if before != after and not (en == "name" and old.id != new.id):
            yield _turned(what, zh, en, before, after)
    for name in sorted({*old.properties, *new.properties}):
        before, after = old.properties.get(name), new.properties.get(name)
        if before != after:
            yield _turned(what, *PROPERTIES.get(name, (name, name)), before, after)


def _turned(what: str, zh: str, en: str, before: object, after: object) -> Words:
    if isinstance(before, dict) and isinstance(after, dict):
        keys = sorted(key for key in {*before, *after} if before.get(key) != after.get(key))
        told = ", ".join(keys)
        return Words(f"{what}的{zh}变了：{told}", f"{what}: other {en}: {told}")
    return Words(f"{what}的{zh}：{_say(before)} → {_say(after)}", f"{what}: {en} {_say(before)} → {_say(after)}")


def _say(value: object) -> str:
    return " ; ".join(str(value).split("\n")) if value not in (None, "") else "–"


def _compare_flows(name: str, old: Diagram, new: Diagram, renamed: Mapping[str, str]) -> Iterator[Change]:
    """Ways by where they lead, whatever their own ids are."""
    before = {
        (renamed.get(flow.source, flow.source), renamed.get(flow.target, flow.target)): flow
        for flow in old.flows.values()
    }
    after = {(flow.source, flow.target): flow for flow in new.flows.values()}
    for way in dict.fromkeys([*before, *after]):
        first, second = before.get(way), after.get(way)
        where = " → ".join(_title(each, old, new) for each in way)
        if first is None or second is None:
            # A way to or from an element that came or went is told with that element.
            if way[0] in new.elements and way[1] in new.elements:
                yield Change(name, way[0], _came_or_went(f"走向 {where}", f"way {where}", came=first is None))
            continue
        conditions = condition_of(first, old), condition_of(second, new)
        if conditions[0] != conditions[1]:
            yield Change(name, way[0], _turned(where, "条件", "condition", *conditions))


def _title(element_id: str, old: Diagram, new: Diagram) -> str:
    element = new.elements.get(element_id) or old.elements.get(element_id)
    return element.name if element is not None else element_id


def condition_of(flow: Flow, diagram: Diagram) -> str:
    """The condition of a way as written; ``default`` for the way taken when no other is."""
    source = diagram.elements.get(flow.source)
    return flow.condition or ("default" if source is not None and source.default_flow == flow.id else "")


def _came_or_went(zh: str, en: str, *, came: bool) -> Words:
    return Words(f"新增{zh}", f"new: {en}") if came else Words(f"删除{zh}", f"gone: {en}")


def _compare_files(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    """Decisions and forms: which came, went or say something else."""
    kinds = {"decisions": ("决策表", "decision table"), "forms": ("表单", "form")}
    for path in sorted({*old, *new}):
        folder, _, file = path.partition("/")
        if folder not in kinds or old.get(path) == new.get(path):
            continue
        (zh, en), name = kinds[folder], file.rpartition(".")[0]
        if path in old and path in new:
            lines = _changed_lines(old[path], new[path])
            words = Words(f"{zh} {name} 改动 {lines} 行", f"{en} {name}: {lines} lines changed")
        else:
            words = _came_or_went(f"{zh} {name}", f"{en} {name}", came=path in new)
        yield Change(name, "", words)


def _changed_lines(old: str, new: str) -> int:
    before, after = old.splitlines(), new.splitlines()
    return max(sum(line not in after for line in before), sum(line not in before for line in after))
