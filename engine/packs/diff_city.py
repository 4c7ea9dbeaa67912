"""What changes in roles, working time, holidays, plugins, settings and what ``city.toml`` says besides."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from engine.calendar import WorkCalendar
from engine.city_calendars import calendar_names, city_calendar
from engine.errors import CityBroken
from engine.hooks.host import PluginBroken, read_manifest
from engine.hooks.settings import declared_settings, plugin_settings
from engine.installed_plugins import find_plugins
from engine.packs.changes import Change
from engine.packs.diff_files import flat
from engine.packs.sides import Side, fill, limit_words
from engine.workflow.migration_nodes import Words

YEARS = 2
"""How far holidays are compared: to the end of the next year."""
ABOUT = {
    "id": ("编号", "id"), "name": ("名称", "name"), "name_en": ("英文名称", "English name"),
    "languages": ("语言", "languages"), "time_zone": ("时区", "time zone"),
    "division_code": ("区划代码", "division code"),
    "case_number": ("案号格式", "pattern of case numbers"), "unit_grid_code": ("单元网格编码", "codes of unit grids"),
    "process": ("新案启动的流程", "process of new cases"),
    "inherit_catalogue": ("沿用核心目录", "the core's catalogue"),
}  # fmt: skip
DAY_RULES = {
    "same_time": Words("同一时刻到期", "at the same time of day"),
    "next_opening": Words("下一上班时刻到期", "when work opens next"),
    "end_of_day": Words("当日下班到期", "at closing time"),
}


def compare_roles(old: Side, new: Side) -> Iterator[Change]:
    """Roles that come or go, and what they may do."""
    before, after = old.material.roles, new.material.roles
    for role in dict.fromkeys([*before, *after]):
        first, second = before.get(role), after.get(role)
        if first is None or second is None:
            side = new if first is None else old
            zh, en = (
                ("新增角色“{name}”", "new role “{name}”")
                if first is None
                else ("取消角色“{name}”", "the role “{name}” goes")
            )
            words = fill(zh, en, name=side.role(role))
            yield Change("rights", "added" if first is None else "removed", "roles.csv", role, words, (role,))
        for name in sorted(_held(second) - _held(first)):
            words = fill(
                "{role}可以：{right}", "{role} may now: {right}", role=new.role(role), right=new.permission(name)
            )
            yield Change("rights", "added", "roles.csv", f"{role}/{name}", words, (role,))
        for name in sorted(_held(first) - _held(second)) if second is not None else ():
            words = fill("{role}不再可以：{right}", "{role} may no longer: {right}", role=old.role(role),
                         right=old.permission(name))  # fmt: skip
            yield Change("rights", "removed", "roles.csv", f"{role}/{name}", words, (role,))
        if first is not None and second is not None:
            for title, was, now in (
                (Words("名称", "name"), old.role(role), new.role(role)),
                (Words("所属方", "side"), first.side, second.side),
            ):  # fmt: skip
                if was != now:
                    words = fill("角色 {role} 的{title}：{was} → {now}", "role {role}: {title} {was} → {now}",
                                 role=role, title=title, was=was, now=now)  # fmt: skip
                    yield Change("rights", "changed", "roles.csv", role, words, (role,))


def _held(role: Any) -> frozenset[str]:
    return frozenset() if role is None else role.permissions


def compare_working_time(old: Side, new: Side, today: date) -> Iterator[Change]:
    """Hours, weekdays, the rule of due days; and the days of this year and the next that are worked or not."""
    names = dict.fromkeys(["", *calendar_names(old.city), *calendar_names(new.city)])
    for name in names:
        before, after = _calendar(old, name), _calendar(new, name)
        title = fill("日历“{name}”", "calendar “{name}”", name=name) if name else Words("工作时间", "working time")
        if before is None or after is None:
            if before is not after:
                zh, en = ("新增{title}", "new: {title}") if before is None else ("取消{title}", "gone: {title}")
                sort = "added" if before is None else "removed"
                yield Change("limits", sort, "city.toml", name, fill(zh, en, title=title))  # type: ignore[arg-type]
            continue
        for what, was, now in (
            (Words("上班时段", "hours"), _hours(before), _hours(after)),
            (Words("到期规则", "due days"), DAY_RULES[before.day_rule], DAY_RULES[after.day_rule]),
        ):
            if was != now:
                words = fill("{title}：{what} {was} → {now}", "{title}: {what} {was} → {now}", title=title, what=what,
                             was=was, now=now)  # fmt: skip
                yield Change("limits", "changed", "city.toml", name, words)
        yield from _days(before, after, title, name, today)


def _calendar(side: Side, name: str) -> WorkCalendar | None:
    """A calendar of the city; none when it has none of this name, or its settings do not hold (the check tells)."""
    if name and name not in calendar_names(side.city):
        return None
    try:
        return city_calendar(side.city, name)
    except (CityBroken, ValueError, KeyError, TypeError, OSError):
        return None


def _hours(calendar: WorkCalendar) -> str:
    def clock(second: int) -> str:
        return f"{second // 3600:02}:{second % 3600 // 60:02}"

    return ", ".join(f"{clock(begin)}-{clock(end)}" for begin, end in calendar.hours)


def _days(old: WorkCalendar, new: WorkCalendar, title: Words, name: str, today: date) -> Iterator[Change]:
    """Days that are worked on one side alone, neighbours told together; a weekday that turns is told once."""
    first = date(today.year, 1, 1)
    days = [first + timedelta(number) for number in range((date(today.year + YEARS, 1, 1) - first).days)]
    turned = [day for day in days if old.is_working_day(day) != new.is_working_day(day)]
    for weekday in range(7):
        same = [day for day in turned if day.weekday() == weekday]
        whole = sum(day.weekday() == weekday for day in days)
        if len(same) * 2 > whole:
            worked = new.is_working_day(same[-1])
            told = Words("周" + "一二三四五六日"[weekday], WEEKDAYS[weekday])
            yield _turned(title, name, told, Words("", ""), worked)
            turned = [day for day in turned if day not in same]
    runs = groupby(enumerate(turned), key=lambda pair: (pair[1].toordinal() - pair[0], new.is_working_day(pair[1])))
    for (_, worked), run in runs:
        found = [day for _, day in run]
        span = f"{found[0]}" if len(found) == 1 else f"{found[0]} – {found[-1]}"
        day = (old if worked else new).day(found[0])
        zh, en = day.name("zh"), day.name("en")
        holiday = Words(f"（{zh}）" if zh else "", f" ({en})" if en else "")
        yield _turned(title, name, Words(span, span), holiday, worked)


WEEKDAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


def _turned(title: Words, name: str, day: Words, holiday: Words, worked: bool) -> Change:
    zh = "{title}：{day}{holiday}改为上班" if worked else "{title}：{day}{holiday}改为休息"
    en = "{title}: {day}{holiday} will be worked" if worked else "{title}: {day}{holiday} will be free"
    return Change("limits", "changed", "city.toml", name, fill(zh, en, title=title, day=day, holiday=holiday))


def compare_settings(old: Side, new: Side) -> Iterator[Change]:
    """What ``city.toml`` says of the city itself, its plugins and their settings in force."""
    for key, title in ABOUT.items():
        was, now = _shown(getattr(old.city, key)), _shown(getattr(new.city, key))
        if was != now:
            words = fill("{title}：{was} → {now}", "{title}: {was} → {now}", title=Words(*title), was=was, now=now)
            yield Change("settings", "changed", "city.toml", key, words)
    for name in dict.fromkeys([*old.city.plugins, *new.city.plugins]):
        if name not in new.city.plugins:
            words = fill(
                "停用插件“{name}”，其数据保留", "plugin “{name}” is disabled; its data stays", name=_plugin(name)
            )
            yield Change("settings", "removed", "city.toml", name, words)
        elif name not in old.city.plugins:
            words = fill("启用插件“{name}”", "plugin “{name}” is enabled", name=_plugin(name))
            yield Change("settings", "added", "city.toml", name, words)
        else:
            yield from _settings(old, new, name)


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _plugin(name: str) -> Words:
    package = find_plugins().get(name)
    try:
        manifest = read_manifest(package) if package is not None else None
    except PluginBroken:
        manifest = None
    return Words(name, name) if manifest is None else Words(manifest.title, manifest.title_en)


def _settings(old: Side, new: Side, plugin: str) -> Iterator[Change]:
    if plugin not in new.city.plugin_roots:
        before, after = dict(flat(old.city.settings.get(plugin, {}))), dict(flat(new.city.settings.get(plugin, {})))
        titles: dict[str, Words] = {}
    else:
        before, after = dict(plugin_settings(old.city, plugin)), dict(plugin_settings(new.city, plugin))
        declared = declared_settings(new.city.plugin_roots[plugin])
        titles = {each.name: Words(each.zh, each.en) for each in declared.values()}
        limits = {each.name for each in declared.values() if each.type == "limit"}
        for values in (before, after):
            values |= {name: limit_words(str(values[name])) for name in limits}
    for name in dict.fromkeys([*before, *after]):
        if before.get(name) != after.get(name):
            was, now = before.get(name, "–"), after.get(name, "–")
            shown = {
                key: value if isinstance(value, Words) else _shown(value) for key, value in (("was", was), ("now", now))
            }
            words = fill("插件“{plugin}”的{title}：{was} → {now}", "plugin “{plugin}”: {title} {was} → {now}",
                         plugin=_plugin(plugin), title=titles.get(name, Words(name, name)), **shown)  # fmt: skip
            yield Change("settings", "changed", "city.toml", f"{plugin}.{name}", words)
