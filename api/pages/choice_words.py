"""Why a task on site is somebody's, in words."""

from __future__ import annotations

from typing import Any

from api.pages.languages import _


def choice_words(choice: Any) -> str:
    """Why a task on site is somebody's, as a sentence; empty when nothing was chosen."""
    if not isinstance(choice, dict):
        return ""
    rule, name = choice.get("rule"), choice.get("name", "")
    if rule == "nearest":
        return _(
            "选派 %(name)s：在岗、距现场 %(metres)s 米、手上 %(tasks)s 件，比较了 %(count)s 人。",
            name=name, metres=choice["distance_m"], tasks=choice["open_tasks"], count=choice["considered"],
        )  # fmt: skip
    if rule == "cross_check":
        return _(
            "抽中交叉核查，选派其他网格的 %(name)s，距现场 %(metres)s 米。", name=name, metres=choice["distance_m"]
        )
    if rule == "on_shift":
        return _("附近无实时定位，派给本网格当班的 %(name)s。", name=name)
    if rule == "by_hand":
        return _("由 %(by)s 改派给 %(name)s：%(note)s", by=choice.get("by", ""), name=name, note=choice.get("note", ""))
    if rule == "grid" and name:
        return _("无定位和排班可依，派给本网格的 %(name)s（上报人回避）。", name=name)
    if rule == "grid":
        return _("无定位和排班可依，由本责任网格采集员办理。")
    return _("本责任网格没有可派的人（上报人回避），由全体采集员办理。")
