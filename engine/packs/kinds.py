"""The kinds of files a layer may have, and how the files of several layers become one."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Literal

from engine.city import City
from engine.layers import Found, Layer
from engine.loading.rivals import KEYS

How = Literal["whole", "rows", "tables", "features", "city"]
"""``whole``: the highest layer's file replaces the others. ``rows``: rows merge by key. ``tables``: tables of a TOML
file merge by name. ``features``: features of a GeoJSON file merge by code. ``city``: the city alone has it."""


@dataclass(frozen=True)
class Kind:
    """A kind of file by the pattern of its logical path.

    ``key`` are the columns that tell rows apart; ``inside`` is the table of a TOML file that holds the merged tables;
    ``inherited`` marks files of the catalogue, whose core part a city can leave out.
    """

    pattern: str
    how: How
    zh: str
    en: str
    key: tuple[str, ...] = ()
    inside: str = ""
    inherited: bool = False

    def fits(self, logical: str) -> bool:
        """Whether a logical path is of this kind."""
        return fnmatchcase(logical, self.pattern) and logical.count("/") == self.pattern.count("/")


def _rows(pattern: str, zh: str, en: str, key: tuple[str, ...] = (), *, inherited: bool = False) -> Kind:
    return Kind(pattern, "rows", zh, en, key or KEYS[pattern], inherited=inherited)


KINDS = (
    Kind("processes/*.bpmn", "whole", "流程图", "diagram"),
    Kind("decisions/*.dmn", "whole", "决策表", "decision table"),
    Kind("forms/*.json", "whole", "表单", "form"),
    Kind("scenarios/*.scenarios.toml", "whole", "场景测试", "scenario tests"),
    Kind("registers/*.toml", "whole", "登记册", "register"),
    Kind("matters/*.toml", "whole", "事项", "matter"),
    Kind("documents/*.toml", "whole", "文书", "document"),
    Kind("scorecards/*.toml", "whole", "评分表", "scorecard"),
    Kind("documents/*.docx", "whole", "文书模板", "template of a document"),
    _rows("roles.csv", "角色权限", "roles"),
    _rows("overdue.csv", "超时提醒", "who is told of overdue tasks"),
    _rows("procedures.csv", "转办程序", "linked procedures", ("code",)),
    _rows("translations/*.csv", "译文", "translations", ("key",)),
    _rows("channels.csv", "上报渠道", "channels"),
    _rows("intake_texts.csv", "受理用语", "texts of the intake desk"),
    _rows("duplicates.csv", "重复上报规则", "rules of duplicates"),
    _rows("recurring.csv", "反复发生规则", "rules of recurring problems"),
    _rows("confusable_classes.csv", "易混类别", "classes taken for each other"),
    _rows("component_states.csv", "部件状态", "states of components"),
    _rows("component_attributes.csv", "部件属性", "attributes of components"),
    _rows("no_report.csv", "免采规则", "rules of where nothing is reported"),
    _rows("catalogue/classes.csv", "小类", "subclasses", inherited=True),
    _rows("catalogue/conditions.csv", "立案条件", "filing conditions", inherited=True),
    _rows("catalogue/departments.csv", "责任部门", "departments of the catalogue", inherited=True),
    _rows("catalogue/synonyms.csv", "俗称", "words people use", ("kind", "full_code"), inherited=True),
    Kind("catalogue/version.toml", "whole", "目录版本", "version of the catalogue", inherited=True),
    Kind("patrol.toml", "tables", "巡查规则", "rules of patrols"),
    Kind("ground_layers.toml", "tables", "图层", "layers of the ground"),
    Kind("sensors/kinds.toml", "tables", "传感器种类", "kinds of sensors", inside="kind"),
    Kind("sensors/rules.toml", "tables", "报警规则", "rules of alarms", inside="rule"),
    Kind("sensors/fences.geojson", "features", "电子围栏", "fences", ("code",)),
    Kind("sensors/simulation.toml", "whole", "模拟设备", "simulated devices"),
    Kind("sensors/devices.csv", "city", "传感器设备", "devices", ("code",)),
    Kind("city.toml", "city", "城市设置", "the city itself"),
    Kind("simulation.toml", "city", "模拟设置", "settings of the simulation"),
    Kind("organisation/departments.csv", "city", "机构", "departments", ("code",)),
    Kind("organisation/posts.csv", "city", "岗位", "posts", ("code",)),
    Kind("organisation/people.csv", "city", "人员", "people", ("login",)),
    Kind("organisation/duty.csv", "city", "排班", "duty roster"),
    Kind("ground/addresses.csv", "city", "地址", "addresses", ("code",)),
    Kind("ground/components.csv", "city", "部件", "components", ("code",)),
    Kind("ground/*.geojson", "city", "空间数据", "the ground", ("code",)),
    Kind("ground/*", "city", "空间数据", "the ground"),
    Kind("ground/components/*", "city", "部件", "components"),
    Kind("imports/*.toml", "city", "导入规则", "profile of an import"),
    Kind("calendar/*.csv", "city", "节假日", "holidays"),
)
FIXED = tuple(kind.pattern for kind in KINDS if "*" not in kind.pattern)
PLACES = tuple(kind.pattern for kind in KINDS)


def kind_of(logical: str) -> Kind | None:
    """The kind of a logical path, none when nobody reads such a file."""
    return next((kind for kind in KINDS if kind.fits(logical)), None)


def layers_below(city: City, kind: Kind) -> tuple[Layer, ...]:
    """The layers whose files of a kind count, lowest first."""
    layers = city.layers.layers
    if kind.how == "city":
        return layers[-1:]
    if kind.inherited and not city.inherit_catalogue:
        return tuple(layer for layer in layers if not layer.flat)
    return layers


def holders(city: City, logical: str, kind: Kind) -> list[Found]:
    """Every layer's file that counts, lowest first."""
    files = ((layer, layer.path(logical)) for layer in layers_below(city, kind))
    return [Found(logical, path, layer) for layer, path in files if path.is_file()]


def all_logical(city: City) -> list[str]:
    """Logical paths of every file of every layer that somebody reads, sorted."""
    found: set[str] = set()
    for kind in KINDS:
        folder, _, name = kind.pattern.rpartition("/")
        for layer in layers_below(city, kind):
            home = layer.path(kind.pattern).parent
            if "*" not in name:
                found |= {kind.pattern} if layer.path(kind.pattern).is_file() else set()
            elif home.is_dir():
                names = (path.name for path in home.iterdir() if path.is_file() and fnmatchcase(path.name, name))
                found |= {f"{folder}/{each}" for each in names if not each.startswith((".", "__"))}
    return sorted(found)


def nearest(logical: str, city: City) -> str:
    """The name most like ``logical`` among the files there are and those there may be; empty when none is."""
    close = get_close_matches(logical, [*all_logical(city), *FIXED], 1, 0.5)
    return close[0] if close else ""
