"""One change between two packs, and the questions changes are grouped by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from engine.workflow.migration_nodes import Words

Sort = Literal["added", "removed", "changed"]
GROUPS: Mapping[str, Words] = MappingProxyType(
    {
        "work": Words("谁的工作有变化", "Who has something new to do"),
        "steps": Words("环节与走向有什么变化", "What goes another way"),
        "limits": Words("时限与工作时间有什么变化", "Which limits and working times change"),
        "forms": Words("填写的内容有什么变化", "What is asked on forms"),
        "decisions": Words("系统的判定有什么变化", "What the system decides otherwise"),
        "rights": Words("谁能做什么有变化", "Who may do what"),
        "catalogue": Words("管理对象和立案条件有什么变化", "Which classes and filing conditions change"),
        "records": Words("登记册、事项和文书有什么变化", "Which registers, matters and documents change"),
        "organisation": Words("机构和人员有什么变化", "Which departments and people change"),
        "settings": Words("插件与设置有什么变化", "Which plugins and settings change"),
        "texts": Words("名称和用语有什么变化", "Which names and texts change"),
        "files": Words("其他文件有什么变化", "Which other files change"),
    }
)


@dataclass(frozen=True)
class Change:
    """One change. ``place`` is the file or process, ``element`` what in it, ``roles`` whom it concerns."""

    group: str
    sort: Sort
    place: str
    element: str
    words: Words
    roles: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As ``wangge diff --json`` prints it."""
        return {
            "group": self.group, "sort": self.sort, "place": self.place, "element": self.element,
            "roles": list(self.roles), "zh": self.words.zh, "en": self.words.en,
        }  # fmt: skip
