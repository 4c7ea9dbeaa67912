"""Keys and values of declarations in words: ``required: True`` is 必填：是."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.workflow.migration_nodes import Words

KEYS: Mapping[str, Words] = {
    name: Words(zh, en)
    for name, zh, en in (
        ("required", "必填", "required"), ("type", "类型", "type"), ("pattern", "格式", "pattern"),
        ("choices", "选项", "choices"), ("least", "最小值", "least"), ("most", "最大值", "most"),
        ("length", "最大长度", "length"), ("warn_days", "提前几天提醒", "days of warning"),
        ("private", "仅维护人可见", "shown to writers only"), ("register", "所指登记册", "register"),
        ("zh", "中文名称", "Chinese name"), ("en", "英文名称", "English name"), ("key", "主键", "key"),
        ("title", "标题", "title"), ("read", "查看权限", "permission to see"),
        ("write", "维护权限", "permission to change"),
        ("open", "启动权限", "permission to open"), ("place", "地点", "place"), ("note", "说明", "note"),
        ("note_en", "英文说明", "English note"), ("number", "编号", "number"), ("office", "发文机关代字", "office"),
        ("seal", "用印", "seal"), ("delivery", "须送达回证", "needs a receipt"),
        ("print", "可直接打印", "may be printed"),
        ("process", "启动的流程", "process"), ("form", "表单", "form"), ("department", "承办单位", "department"),
        ("description", "描述", "description"), ("enabled", "启用", "enabled"), ("name", "名称", "name"),
        ("name_en", "英文名称", "English name"), ("phone", "电话", "telephone"), ("post", "岗位", "post"),
        ("duties", "职责", "duties"), ("territory", "辖区", "territory"), ("parent", "上级", "parent"),
        ("duty_grid", "责任网格", "duty grid"), ("kind", "类别", "kind"), ("side", "所属方", "side"),
        ("fallback", "兜底单位", "fallback"), ("role", "角色", "role"), ("when", "条件", "when"),
        ("areas", "区域", "areas"), ("classes", "类别", "classes"), ("from", "自", "from"), ("to", "至", "to"),
        ("reason", "理由", "reason"), ("severity", "严重程度", "severity"), ("words", "俗称", "words"),
        ("radius_m", "半径（米）", "radius (m)"), ("days", "天数", "days"), ("times", "次数", "times"),
        ("text", "文字", "text"), ("text_en", "英文文字", "English text"),
    )
}  # fmt: skip
VALUES: Mapping[Any, Words] = {
    True: Words("是", "yes"), False: Words("否", "no"), "required": Words("必填", "required"),
    "optional": Words("选填", "optional"), "none": Words("没有", "none"),
}  # fmt: skip


def key_words(name: str) -> Words:
    """A key, or the last part of one such as ``case.title``, in words; what nobody translated is shown as it is."""
    last = name.rpartition(".")[2]
    if last not in KEYS:
        return Words(name, name)
    home = name.removesuffix(last)
    return Words(home + KEYS[last].zh, home + KEYS[last].en)


def value_words(value: Any) -> Words:
    """A value in words."""
    if value is None or value == "" or value == [] or value == {}:
        return Words("–", "–")
    if isinstance(value, bool):
        return VALUES[value]
    if isinstance(value, str) and value in VALUES:
        return VALUES[value]
    if isinstance(value, list):
        parts = [value_words(each) for each in value]
        return Words("、".join(each.zh for each in parts), ", ".join(each.en for each in parts))
    if isinstance(value, dict) and {"zh", "en"} <= value.keys():
        return Words(str(value["zh"]), str(value["en"]))
    told = str(value).replace("\n", " ")
    return Words(told, told)
