"""What changes in the diagrams: steps and who does them, their limits, and the ways between them."""

from __future__ import annotations

from collections.abc import Iterator

from engine.packs.changes import Change, Sort
from engine.packs.sides import Side, fill, listed, stage_words
from engine.workflow.deployment_diff import ASPECTS, PROPERTIES, condition_of, renamed_elements
from engine.workflow.elements import PEOPLE, Diagram, Element
from engine.workflow.migration_nodes import Words

LIMITS = {"limit": ("时限", "limit"), "clock": ("计时", "clock"), "warn_at": ("提醒时间", "warning")}
TOLD = ("name", "role", "form", "timer", "condition")
"""Aspects with sentences of their own."""
PLUMBING = ("inputs", "outputs", "script")
"""What only the machine reads; told together, by element."""
LANDMARKS = (*PEOPLE, "callActivity", "startEvent", "subProcess")


def compare_diagrams(old: Side, new: Side) -> Iterator[Change]:
    """Every change of every process, in the order of the files."""
    unread = {path.rpartition("/")[2].removesuffix(".bpmn") for path in old.material.broken | new.material.broken}
    for name in dict.fromkeys([*old.material.diagrams, *new.material.diagrams]):
        if name in unread:
            continue
        before, after = old.material.diagrams.get(name), new.material.diagrams.get(name)
        if before is not None and after is not None:
            if before.xml != after.xml:
                yield from _Pair(old, new, before, after).changes()
        else:
            side, diagram = (old, before) if before is not None else (new, after)
            assert diagram is not None  # the name comes from one of them
            yield from _whole(side, diagram, "removed" if before is not None else "added")


def roles_of(element: Element) -> tuple[str, ...]:
    """The roles that find a task on their list."""
    return tuple(part.partition("@")[0].strip() for part in (element.groups or "").split(",") if part.strip())


def _whole(side: Side, diagram: Diagram, sort: Sort) -> Iterator[Change]:
    came = sort == "added"
    tasks = [each for each in diagram.elements.values() if each.kind in PEOPLE]
    zh = "新增流程“{name}”，有 {count} 个办理环节" if came else "流程“{name}”取消，原有 {count} 个办理环节"
    en = "new process “{name}” with {count} steps" if came else "process “{name}” goes, with {count} steps"
    words = fill(zh, en, name=side.process(diagram.id), count=len(tasks))
    yield Change("steps", sort, diagram.id, "", words)
    for element in tasks:
        yield _step(side, diagram, element, sort)


def _step(side: Side, diagram: Diagram, element: Element, sort: Sort) -> Change:
    values = {
        "process": side.process(diagram.id), "name": side.element(diagram.id, element),
        "who": listed([side.role(role) for role in roles_of(element)]),
    }  # fmt: skip
    if sort == "removed":
        words = fill("“{process}”：取消环节“{name}”", "“{process}”: the step “{name}” goes", **values)
    else:
        words = fill("“{process}”：新增环节“{name}”", "“{process}”: new step “{name}”", **values)
        words = _joined(words, _before(side, diagram, element))
        limit = element.properties.get("limit")
        told = fill("，时限 {limit}", ", limit {limit}", limit=side.limit(limit)) if limit else None
        words = _joined(words, told or Words("，没有时限", ", without a limit"))
    return Change("work", sort, diagram.id, element.id, words, roles_of(element))


def _before(side: Side, diagram: Diagram, element: Element) -> Words | None:
    """After which step it comes, as far as a way leads back to one."""
    seen, edge = {element.id}, [element.id]
    while edge:
        sources = [flow.source for at in edge for flow in diagram.incoming(at) if flow.source not in seen]
        hosts = [host for at in edge if (host := diagram.elements[at].host) and host not in seen]
        seen |= {*sources, *hosts}
        around = (diagram.elements[each] for each in dict.fromkeys((*sources, *hosts)) if each in diagram.elements)
        found = [each for each in around if each.kind in LANDMARKS]
        if found:
            names = listed([side.element(diagram.id, each) for each in found[:2]])
            return fill("（在“{names}”之后）", " (after “{names}”)", names=names)
        edge = [each for each in sources if each in diagram.elements]
    return None


def _joined(first: Words, second: Words | None) -> Words:
    return first if second is None else Words(first.zh + second.zh, first.en + second.en)


class _Pair:
    """One process as it was and as it will be."""

    def __init__(self, old: Side, new: Side, before: Diagram, after: Diagram) -> None:
        self.old, self.new, self.before, self.after = old, new, before, after
        self.name = after.id
        self.renamed = dict(renamed_elements(before, after))

    def changes(self) -> Iterator[Change]:
        for element_id, element in self.before.elements.items():
            other = self.after.elements.get(self.renamed.get(element_id, element_id))
            if other is None:
                yield self._came_or_went(self.old, self.before, element, "removed")
            else:
                yield from self._compare(element, other)
        for element in self.after.elements.values():
            if element.id not in self.before.elements and element.id not in self.renamed.values():
                yield self._came_or_went(self.new, self.after, element, "added")
        yield from self._ways()

    def _tell(self, group: str, element: Element, zh: str, en: str, **values: object) -> Change:
        place = {"process": self.new.process(self.name), "name": self.new.element(self.name, element)}
        words = fill("“{process}”：" + zh, "“{process}”: " + en, **{**place, **values})
        return Change(group, "changed", self.name, element.id, words, roles_of(element))

    def _came_or_went(self, side: Side, diagram: Diagram, element: Element, sort: Sort) -> Change:
        if element.kind in PEOPLE:
            return _step(side, diagram, element, sort)
        came = sort == "added"
        values: dict[str, object] = {
            "process": side.process(diagram.id), "name": side.element(diagram.id, element),
            "kind": side.element(diagram.id, _unnamed(element)), "timer": side.limit(element.timer),
        }  # fmt: skip
        timer = element.event == "timer"
        zh = ("“{process}”：新增{kind}“{name}”" if came else "“{process}”：取消{kind}“{name}”") + ("，{timer}" * timer)
        en = ("“{process}”: new {kind} “{name}”" if came else "“{process}”: the {kind} “{name}” goes") + (
            ", {timer}" * timer
        )
        if element.host:
            values["host"] = side.element(diagram.id, diagram.elements[element.host])
            zh, en = zh + "（“{host}”期间）", en + " (while at “{host}”)"
        return Change("limits" if timer else "steps", sort, diagram.id, element.id, fill(zh, en, **values))

    def _compare(self, old: Element, new: Element) -> Iterator[Change]:
        if old.name != new.name and old.id == new.id:
            yield self._renamed(old, new)
        if old.groups != new.groups:
            yield from self._hands(old, new)
        if old.form != new.form:
            forms = {"before": old.form or "–", "after": new.form or "–"}
            yield self._tell("forms", new, "“{name}”换用表单：{before} → {after}",
                             "“{name}” has another form: {before} → {after}", **forms)  # fmt: skip
        if old.timer != new.timer:
            yield self._limit(new, ("时间", "time"), old.timer, new.timer)
        for key, title in LIMITS.items():
            if old.properties.get(key) != new.properties.get(key):
                yield self._limit(new, title, old.properties.get(key), new.properties.get(key))
        yield from self._rest(old, new)

    def _renamed(self, old: Element, new: Element) -> Change:
        """Its name in the diagram; a translation that was not changed with it is told, too."""
        group = "work" if new.kind in PEOPLE else "steps"
        before, after = self.old.element(self.name, old), self.new.element(self.name, new)
        zh = "“{before}”改称“{name}”" if before.zh != after.zh else "图上的“{was}”改称“{now}”，中文译文仍是“{name}”"
        en = "“{before}” is called “{name}” now"
        if before.en == after.en:
            en = "“{was}” is called “{now}” in the diagram now, its translation is still “{name}”"
        return self._tell(group, new, zh, en, before=before, was=old.name, now=new.name)

    def _hands(self, old: Element, new: Element) -> Iterator[Change]:
        """A task changes hands: told to those who get it and to those who lose it."""
        before, after = roles_of(old), roles_of(new)
        gained = tuple(each for each in after if each not in before)
        lost = tuple(each for each in before if each not in after)
        was, now = listed([self.old.role(each) for each in before]), listed([self.new.role(each) for each in after])
        told = self._tell("work", new, "“{name}”的办理人：{was} → {now}", "“{name}” is done by {now}, before by {was}",
                          was=was, now=now)  # fmt: skip
        if gained or lost:
            yield Change("work", "changed", told.place, told.element, told.words, (*gained, *lost))
        else:
            yield self._tell("work", new, "“{name}”换由其他范围的人办理：{was} → {now}",
                             "“{name}” is for the same role elsewhere: {was} → {now}",
                             was=old.groups, now=new.groups)  # fmt: skip

    def _limit(self, element: Element, title: tuple[str, str], before: str | None, after: str | None) -> Change:
        return self._tell("limits", element, "“{name}”的{title}：{before} → {after}",
                          "“{name}”: {title} {before} → {after}", title=Words(*title), before=self.old.limit(before),
                          after=self.new.limit(after))  # fmt: skip

    def _rest(self, old: Element, new: Element) -> Iterator[Change]:
        for zh, en, read in ASPECTS:
            before, after = read(old), read(new)
            if en in TOLD or en in PLUMBING or before == after:
                continue
            yield self._tell("steps", new, "“{name}”的{what}：{before} → {after}",
                             "“{name}”: {what} {before} → {after}", what=Words(zh, en),
                             before=before or "–", after=after or "–")  # fmt: skip
        for key in sorted({*old.properties, *new.properties} - LIMITS.keys()):
            before, after = old.properties.get(key), new.properties.get(key)
            if before != after:
                say = stage_words if key == "stage" else lambda text: Words(text or "–", text or "–")
                yield self._tell("steps", new, "“{name}”的{title}：{before} → {after}",
                                 "“{name}”: {title} {before} → {after}", title=Words(*PROPERTIES.get(key, (key, key))),
                                 before=say(before), after=say(after))  # fmt: skip
        inner = [name for name in PLUMBING if _plumbing(old, name) != _plumbing(new, name)]
        if inner:
            yield self._tell("steps", new, "“{name}”传递或计算的数据有改动（{what}）",
                             "“{name}”: what it passes on or computes changes ({what})",
                             what=", ".join(_touched(old, new, inner)))  # fmt: skip

    def _ways(self) -> Iterator[Change]:
        before = {
            (self.renamed.get(flow.source, flow.source), self.renamed.get(flow.target, flow.target)): flow
            for flow in self.before.flows.values()
        }
        after = {(flow.source, flow.target): flow for flow in self.after.flows.values()}
        for way in dict.fromkeys([*before, *after]):
            if way[0] not in self.after.elements or way[1] not in self.after.elements:
                continue  # told with the element that went
            first, second = before.get(way), after.get(way)
            old = condition_of(first, self.before) if first is not None else None
            new = condition_of(second, self.after) if second is not None else None
            source, target = (self.after.elements[each] for each in way)
            flow = second or first
            assert flow is not None  # the way comes from one of them
            name = self.new.text(f"process:{self.name}:{flow.id}", flow.name) if flow.name else Words("", "")
            values = {"target": self.new.element(self.name, target), "way": _quoted(name),
                      "old": _condition(old), "new": _condition(new)}  # fmt: skip
            if self._told_with_a_step(way, new):
                continue
            if first is None:
                yield self._tell("steps", source, "“{name}”之后新增走向“{target}”{way}{new}",
                                 "from “{name}” a new way to “{target}”{way}{new}", **values)  # fmt: skip
            elif second is None:
                yield self._tell("steps", source, "“{name}”之后不再走向“{target}”{way}",
                                 "from “{name}” no way to “{target}” any more{way}", **values)  # fmt: skip
            elif old != new:
                yield self._tell("steps", source, "“{name}”→“{target}”{way}的条件：{old} → {new}",
                                 "“{name}” → “{target}”{way}: condition {old} → {new}",
                                 **{**values, "old": _bare(old), "new": _bare(new)})  # fmt: skip

    def _told_with_a_step(self, way: tuple[str, str], condition: str | None) -> bool:
        """Whether a way only joins a new step to what was there, or was cut by one: the step is told already."""
        known = {self.renamed.get(each, each) for each in self.before.elements}
        if way[0] not in known or way[1] not in known:
            return not condition
        edge, seen = {way[0]}, set[str]()
        if condition is None and any(flow.target == way[1] for flow in self.after.outgoing(way[0])):
            return False
        while edge:
            targets = {flow.target for at in edge for flow in self.after.outgoing(at)}
            if way[1] in targets and edge != {way[0]}:
                return True
            edge = {each for each in targets if each not in known and each not in seen}
            seen |= edge
        return False


def _unnamed(element: Element) -> Element:
    return Element(element.id, element.kind, element.id, element.parent, element.line)


def _plumbing(element: Element, name: str) -> object:
    value = getattr(element, name)
    return value if isinstance(value, str) or value is None else dict(value)


def _touched(old: Element, new: Element, inner: list[str]) -> Iterator[str]:
    for name in inner:
        before, after = _plumbing(old, name), _plumbing(new, name)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from sorted(key for key in {*before, *after} if before.get(key) != after.get(key))
        else:
            yield name


def _quoted(name: Words) -> Words:
    return Words(f"（{name.zh}）" if name.zh else "", f" ({name.en})" if name.en else "")


def _bare(text: str | None) -> Words:
    if not text:
        return Words("无条件", "none")
    told = text.removeprefix("${").removesuffix("}")
    return Words("其他情况", "otherwise") if text == "default" else Words(told, told)


def _condition(text: str | None) -> Words:
    return fill("，条件：{bare}", ", when {bare}", bare=_bare(text)) if text else Words("", "")
