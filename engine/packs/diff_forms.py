"""What changes in forms: questions, choices, what must be answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.packs.changes import Change, Sort
from engine.packs.diff_diagrams import roles_of
from engine.packs.sides import Side, fill, listed
from engine.workflow.expressions import Expression
from engine.workflow.forms import Field, Form
from engine.workflow.migration_nodes import Words

BOUNDS = {
    "min": ("最小值", "least"), "max": ("最大值", "most"), "min_length": ("最少字数", "fewest characters"),
    "max_length": ("最多字数", "most characters"), "pattern": ("格式", "pattern"), "kind": ("填写方式", "kind"),
    "roles": ("可填写的角色", "who may answer"), "readonly": ("只读", "read only"),
    "hide": ("何时隐藏", "hidden when"), "source": ("计算", "computed as"), "default": ("默认值", "default"),
}  # fmt: skip


def compare_forms(old: Side, new: Side) -> Iterator[Change]:
    """Every change of every form."""
    before, after = old.material.forms, new.material.forms
    unread = old.material.broken | new.material.broken
    for name in dict.fromkeys([*before, *after]):
        first, second = before.get(name), after.get(name)
        if f"forms/{name}.json" in unread:
            continue
        if first is None or second is None:
            side, sort = (new, "added") if first is None else (old, "removed")
            title, roles = form_title(side, name)
            zh = "新增{form}" if first is None else "取消{form}"
            en = "new: {form}" if first is None else "gone: {form}"
            yield Change("forms", _sort(sort), name, "", fill(zh, en, form=title), roles)
        elif first.schema != second.schema:
            yield from _Form(old, new, first, second).changes()


def _sort(text: str) -> Sort:
    return "added" if text == "added" else "removed"


def form_title(side: Side, name: str) -> tuple[Words, tuple[str, ...]]:
    """A form by the steps that ask it, and the roles that fill it in."""
    steps = [
        (diagram, element)
        for diagram in side.material.diagrams.values()
        for element in diagram.elements.values()
        if element.form == name
    ]
    if not steps:
        return Words(f"表单 {name}", f"form {name}"), ()
    names = listed(list(dict.fromkeys(side.element(diagram.id, element) for diagram, element in steps)))
    roles = tuple(dict.fromkeys(role for _, element in steps for role in roles_of(element)))
    return fill("“{names}”的表单", "the form of “{names}”", names=names), roles


class _Form:
    """One form as it was and as it will be."""

    def __init__(self, old: Side, new: Side, before: Form, after: Form) -> None:
        self.old, self.new, self.before, self.after = old, new, before, after
        self.title, self.roles = form_title(new, after.form_id)

    def changes(self) -> Iterator[Change]:
        told = list(self._fields(_questions(self.before.components), _questions(self.after.components), None))
        yield from told
        if _texts(self.before) != _texts(self.after):
            yield self._tell("changed", "", "说明文字有改动", "its explanations say something else")
        elif not told:
            yield self._tell("changed", "", "版式有改动", "its layout changes")

    def _tell(self, sort: Sort, key: str, zh: str, en: str, **values: object) -> Change:
        words = fill("{form}：" + zh, "{form}: " + en, form=self.title, **values)
        return Change("forms", sort, self.after.form_id, key, words, self.roles)

    def _label(self, side: Side, field: Field, inside: Words | None) -> Words:
        label = side.text(f"form:{self.after.form_id}:{field.key}", field.label or field.key)
        return label if inside is None else Words(f"{inside.zh} / {label.zh}", f"{inside.en} / {label.en}")

    def _fields(self, old: Mapping[str, Field], new: Mapping[str, Field], inside: Words | None) -> Iterator[Change]:
        for key in dict.fromkeys([*old, *new]):
            first, second = old.get(key), new.get(key)
            if second is None:
                assert first is not None  # the key comes from one of them
                label = self._label(self.old, first, inside)
                yield self._tell("removed", key, "不再询问“{label}”", "“{label}” is not asked any more", label=label)
            elif first is None:
                label = self._label(self.new, second, inside)
                must = second.required
                yield self._tell("added", key, "新增“{label}”" + ("（必填）" if must else "（选填）"),
                                 "new question “{label}”" + (" (required)" if must else " (optional)"),
                                 label=label)  # fmt: skip
            else:
                yield from self._field(first, second, inside)
        if inside is None and list(old) != list(new) and set(old) == set(new):
            yield self._tell("changed", "", "各项的顺序变了", "the questions come in another order")

    def _field(self, old: Field, new: Field, inside: Words | None) -> Iterator[Change]:
        label, key = self._label(self.new, new, inside), new.key
        if old.label != new.label:
            yield self._tell("changed", key, "“{before}”改称“{label}”", "“{before}” is called “{label}” now",
                             before=self._label(self.old, old, inside), label=label)  # fmt: skip
        if old.required != new.required:
            zh, en = ("改为必填", "must be answered now") if new.required else ("改为选填", "may be left empty now")
            yield self._tell("changed", key, "“{label}”" + zh, "“{label}” " + en, label=label)
        yield from self._choices(old, new, label)
        for name, (zh, en) in BOUNDS.items():
            before, after = _said(getattr(old, name)), _said(getattr(new, name))
            if before != after:
                yield self._tell("changed", key, "“{label}”的{what}：{before} → {after}",
                                 "“{label}”: {what} {before} → {after}", label=label, what=Words(zh, en),
                                 before=before or "–", after=after or "–")  # fmt: skip
        yield from self._fields(_questions(old.columns), _questions(new.columns), label)

    def _choices(self, old: Field, new: Field, label: Words) -> Iterator[Change]:
        if isinstance(old.options, Expression) or isinstance(new.options, Expression):
            if _said(old.options) != _said(new.options):
                yield self._tell("changed", new.key, "“{label}”的选项来源：{before} → {after}",
                                 "“{label}”: its choices come from {after}, before {before}", label=label,
                                 before=_said(old.options), after=_said(new.options))  # fmt: skip
            return
        before = {each.value: each.label for each in old.options}
        after = {each.value: each.label for each in new.options}
        for value in dict.fromkeys([*before, *after]):
            side, text = (self.new, after.get(value)) if value in after else (self.old, before.get(value))
            choice = side.text(f"form:{self.after.form_id}:{new.key}:{value}", text or str(value))
            if value not in after:
                yield self._tell("changed", new.key, "“{label}”不再有选项“{choice}”",
                                 "“{label}”: the choice “{choice}” goes", label=label, choice=choice)  # fmt: skip
            elif value not in before:
                yield self._tell("changed", new.key, "“{label}”新增选项“{choice}”",
                                 "“{label}”: new choice “{choice}”", label=label, choice=choice)  # fmt: skip
            elif before[value] != after[value]:
                yield self._tell("changed", new.key, "“{label}”的选项“{old}”改称“{choice}”",
                                 "“{label}”: the choice “{old}” is called “{choice}” now", label=label,
                                 old=before[value], choice=choice)  # fmt: skip


def _questions(fields: tuple[Field, ...]) -> dict[str, Field]:
    return {each.key: each for each in fields if each.is_answered}


def _texts(form: Form) -> list[Any]:
    return [(each.kind, each.label, dict(each.component)) for each in form.components if not each.is_answered]


def _said(value: Any) -> str:
    if isinstance(value, Expression):
        return value.text
    if isinstance(value, tuple | frozenset | list):
        return ", ".join(sorted(_said(each) for each in value))
    if hasattr(value, "pattern"):
        return str(value.pattern)
    return "" if value is None or value is False else str(value)
