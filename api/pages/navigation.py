"""The entries of the navigation: what a person sees of it follows from the rights of the posts."""

from __future__ import annotations

from dataclasses import dataclass

from flask import request

from api import context
from api.pages.languages import _, noop
from engine.cases.matters import matters_read
from engine.hooks.measuring import indicators_for
from engine.organisation.actor import Actor

ANY_REGISTER = "any register"
"""Who may read one of the city's registers."""
ANY_INDICATOR = "any indicator"
"""Who may see one of the departments' figures."""
ANY_MATTER = "any matter"
"""Who may open or see one of the city's matters."""


@dataclass(frozen=True)
class Entry:
    """An entry: the page, its name, the permissions of which one is needed (none: everybody's), its icon.

    What people need all day stands in the bar, the rest behind "more". ``also`` are pages that belong to it.
    """

    endpoint: str
    name: str
    need: str
    icon: str
    more: bool = False
    also: tuple[str, ...] = ()


NAVIGATION = (
    Entry("pages.inbox", noop("待办"), "", "inbox"),
    Entry("pages.all_cases", noop("案件"), "", "cases", also=("pages.one_case", "pages.case_diagram")),
    Entry("pages.city_map", noop("地图"), "", "map"),
    Entry("pages.duty_page", noop("在岗"), "patrol.read", "person"),
    Entry("pages.my_duty", noop("我的班次"), "patrol.report", "person"),
    Entry("pages.report_problem", noop("上报"), "case.create", "report"),
    Entry("pages.notices", noop("通知"), "", "bell"),
    Entry("pages.register", noop("部件登记"), "", "pin", more=True),
    Entry(
        "pages.matters", noop("事项"), ANY_MATTER, "book", more=True, also=("pages.matter_cases", "pages.new_matter")
    ),
    Entry("pages.registers", noop("台账"), ANY_REGISTER, "cases", more=True),
    Entry("pages.indicators", noop("部门指标"), ANY_INDICATOR, "signal", more=True),
    Entry("pages.recurring", noop("反复问题"), "recurring.read", "repeat", more=True),
    Entry("pages.devices", noop("设备"), "sensor.read", "signal", more=True),
    Entry("pages.manual_changes", noop("手册"), "catalogue.edit catalogue.sign", "book", more=True),
)


@dataclass(frozen=True)
class Link:
    """An entry as the page shows it."""

    endpoint: str
    name: str
    icon: str
    current: bool


def navigation_of(person: Actor | None) -> dict[str, list[Link]]:
    """What a person may enter: ``bar`` and ``more``. A single entry is never hidden behind "more"."""
    shown = [each for each in NAVIGATION if person is not None and may_enter(person, each.need)]
    hidden = [each for each in shown if each.more]
    few = len(hidden) < 2
    return {
        "bar": [_link(each) for each in shown if few or not each.more],
        "more": [] if few else [_link(each) for each in hidden],
    }


def _link(entry: Entry) -> Link:
    return Link(entry.endpoint, _(entry.name), entry.icon, request.endpoint in (entry.endpoint, *entry.also))


def may_enter(person: Actor, need: str) -> bool:
    """Whether a post gives one of the permissions an entry of the navigation names; all may where it names none."""
    if need == ANY_REGISTER:
        return any(person.may(register.read) for register in context.platform().host.registers.values())
    if need == ANY_INDICATOR:
        return next(indicators_for(context.platform().host.registry, person), None) is not None
    if need == ANY_MATTER:
        return bool(matters_read(context.platform().host, person))
    return not need or any(person.may(permission) for permission in need.split())
