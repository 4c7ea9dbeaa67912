"""Components as people read them: classes, states, departments and attributes in words, changes as old and new."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import g
from sqlalchemy import select

from api import context
from api.pages.languages import _, noop, page_language
from engine.catalogue.provenance import marked
from engine.components.rules import Rules, load_rules, read_state_names
from engine.loading.component_files import as_text
from engine.models import Component, ComponentChange, Subclass

FIELDS = {
    "full_code": noop("小类"), "name": noop("名称"), "lon": noop("经度"), "lat": noop("纬度"),
    "grid_code": noop("单元网格"), "dept_in_charge": noop("主管部门"), "dept_owner": noop("权属单位"),
    "dept_maintenance": noop("养护单位"), "state": noop("部件状态"), "initial_date": noop("初始日期"),
    "change_date": noop("变更日期"), "source": noop("数据来源"), "note": noop("备注"), "photo": noop("普查照片名"),
}  # fmt: skip
DEPARTMENTS = ("dept_in_charge", "dept_owner", "dept_maintenance")
KINDS = {
    "add": noop("新增"), "change": noop("变更"), "ownership": noop("确权"), "survey": noop("普查"),
}  # fmt: skip
STATUSES = {"proposed": noop("待审定"), "confirmed": noop("已确认"), "refused": noop("未采纳")}


@dataclass(frozen=True)
class Difference:
    """One field of a change in words."""

    label: str
    old: str
    new: str


def page_rules() -> Rules:
    """What the city's files say of components, read once a request."""
    if "component_rules" not in g:
        platform = context.platform()
        g.component_rules = load_rules(context.session(), platform.city, platform.host.ground)
    rules: Rules = g.component_rules
    return rules


def state_name(state: str) -> str:
    """A state in the page's language."""
    if "state_names" not in g:
        g.state_names = read_state_names(context.platform().city)
    return str(g.state_names.get(state) or state) if page_language() != "zh" else state


def class_names() -> Mapping[str, str]:
    """Subclass -> its name in the page's language, marked where nobody has confirmed its code."""
    english = page_language() != "zh"
    return {code: marked(name, source, english=english) for code, (name, source) in plain_classes().items()}


def plain_classes() -> Mapping[str, tuple[str, str]]:
    """Subclass -> its name in the page's language, and where its code comes from. Read once a request."""
    if "component_classes" not in g:
        english = page_language() != "zh"
        columns = (Subclass.full_code, Subclass.name, Subclass.name_en, Subclass.code_source)
        query = select(*columns).where(Subclass.kind == "component").order_by(Subclass.full_code, Subclass.version_id)
        g.component_classes = {
            code: ((name_en or name) if english else name, source)
            for code, name, name_en, source in context.session().execute(query)
        }
    found: Mapping[str, tuple[str, str]] = g.component_classes
    return found


def component_title(full_code: str, name: str, most: Callable[[str], str] = str) -> str:
    """A component's name; where it is its class's, that in the page's language, marked where its code is in doubt.

    ``most`` shortens the name; the mark always stays.
    """
    known = plain_classes().get(full_code)
    if known is None or page_rules().subclasses.get(full_code) != name:
        return most(name)
    plain, source = known
    return marked(most(plain), source, english=page_language() != "zh")


def department_name(code: str | None) -> str:
    """A department's name; empty for none."""
    return context.platform().host.directory.name(code, page_language()) if code else ""


def attribute_label(full_code: str, field: str) -> str:
    """An attribute's name in the page's language; the field's where no file says it any more."""
    found = page_rules().attribute(full_code, field)
    if found is None:
        return field
    return found.name if page_language() == "zh" else found.name_en or found.name


def value_words(field: str, value: Any) -> str:
    """A field's value as people read it."""
    if field in DEPARTMENTS:
        return department_name(value)
    if field == "state" and value:
        return state_name(value)
    if field == "full_code" and value:
        return f"{value} {class_names().get(value, '')}"
    if isinstance(value, bool):
        return _("是") if value else _("否")
    return as_text(value)


def attribute_rows(component: Component) -> list[tuple[str, str]]:
    """(name, value) of a component's attributes in words, by field."""
    return [
        (attribute_label(component.full_code, field), value_words(field, value))
        for field, value in sorted(component.attributes.items())
    ]


def differences_of(change: ComponentChange, full_code: str) -> list[Difference]:
    """What a change changes, field by field; attributes one by one."""
    before, after = change.before or {}, change.after
    found = [
        Difference(_(FIELDS[field]), value_words(field, before.get(field)), value_words(field, after[field]))
        for field in FIELDS
        if field in after and (after[field] not in (None, "") or before.get(field) not in (None, ""))
    ]
    old, new = before.get("attributes") or {}, after.get("attributes") or {}
    return found + [
        Difference(
            attribute_label(full_code, field), value_words(field, old.get(field)), value_words(field, new.get(field))
        )
        for field in sorted(old.keys() | new.keys())
        if old.get(field) != new.get(field)
    ]
