"""What can be wrong with a command manual somebody sends, in words for both languages, each with its remedy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.errors import Invalid

TOLD = 200
"""Faults an error lists; it counts the others."""

WORDS: Mapping[str, tuple[str, str]] = {
    "too_large": (
        "文件有 {size} MB，最多 {most} MB；请删去图片和多余的工作表",
        "the file has {size} MB, at most {most} MB; remove pictures and other sheets",
    ),
    "old_format": (
        "文件是旧版 .xls 或设有密码；请取消密码并另存为 .xlsx",
        "the file is an old .xls or has a password; take the password off and save it as .xlsx",
    ),
    "no_workbook": (
        "文件不是 XLSX 工作簿；请用表格软件另存为 .xlsx 后再发送",
        "the file is no XLSX workbook; save it as .xlsx in a spreadsheet program and send that",
    ),
    "truncated": (
        "文件不完整或已损坏（{reason}）；请重新保存并完整上传",
        "the file is truncated or damaged ({reason}); save it again and send the whole of it",
    ),
    "encrypted": (
        "文件设有密码；请取消密码后再发送",
        "the file has a password; take it off and send it again",
    ),
    "too_many_parts": (
        "文件包含 {count} 个部分，最多 {most} 个；请只保留手册的工作表",
        "the file has {count} parts, at most {most}; keep only the sheets of the manual",
    ),
    "bomb": (
        "文件解压后超过 {most} MB（{part}）；请重新导出手册，在导出的文件中修改",
        "unpacked, the file has more than {most} MB ({part}); export the manual anew and edit that file",
    ),
    "macros": (
        "文件带有宏（{part}）；请另存为不含宏的 .xlsx",
        "the file has macros ({part}); save it as .xlsx without macros",
    ),
    "external": (
        "文件引用外部内容（{part}）；请删除外部链接、超链接、数据连接和嵌入对象",
        "the file refers to something outside it ({part}); remove external links, hyperlinks, connections and objects",
    ),
    "doctype": (
        "文件含有 DTD 声明（{part}）；请用表格软件重新保存",
        "the file declares a document type ({part}); save it again in a spreadsheet program",
    ),
    "bad_xml": (
        "文件的 {part} 无法读取（{reason}）；请用表格软件重新保存",
        "{part} of the file cannot be read ({reason}); save it again in a spreadsheet program",
    ),
    "overgrown": (
        "文件的 {part} 结构异常庞大；请重新导出手册，在导出的文件中修改",
        "{part} of the file is grown beyond reason; export the manual anew and edit that file",
    ),
    "no_sheet": (
        "没有工作表“{sheet}”；请重新导出手册，不要删除或改名工作表",
        "there is no sheet {sheet!r}; export the manual anew and neither remove nor rename its sheets",
    ),
    "no_mark": (
        "工作簿没有注明由哪一版手册导出；请重新导出手册，在导出的文件中修改",
        "the workbook does not say which version it was exported from; export the manual anew and edit that file",
    ),
    "no_column": (
        "缺少列 {column}；请恢复第 2 行的列名",
        "column {column} is missing; put its name back into row 2",
    ),
    "unknown_column": (
        "列名 {column} 无法识别；请删除该列，或恢复导出时的列名",
        "there is no column {column!r}; remove it or put the exported name back",
    ),
    "column_twice": ("列 {column} 出现两次；请保留一列", "column {column} stands twice; keep one"),
    "too_many_rows": (
        "超过 {most} 行；请删去空行以外的多余行",
        "more than {most} rows; remove those that are not of the manual",
    ),
    "formula": (
        "单元格是公式；请改为文字（在内容前加单引号）",
        "the cell is a formula; write it as text (with an apostrophe before it)",
    ),
    "cell_error": ("单元格是错误值 {value}；请填写正确内容", "the cell is the error {value}; write what it should be"),
    "cell_type": (
        "单元格是{value}，不是文字；请把格式设为“文本”后重新填写",
        "the cell is a {value}, not text; format it as text and write it again",
    ),
    "code_number": (
        "编码 {value} 被存为数字，前面的 0 可能已丢失；请把格式设为“文本”后重新填写",
        "the code {value} is a number and may have lost its zeros; format the cell as text and write it again",
    ),
    "too_long": (
        "内容有 {size} 个字，最多 {most} 个；请缩短",
        "the text has {size} characters, at most {most}; shorten it",
    ),
    "control": (
        "内容含有不可见的控制字符；请删除后重新填写",
        "the text has control characters; write it again without them",
    ),
    "empty": ("{column} 为空；请填写", "{column} is empty; fill it in"),
    "twice": ("{key} 与第 {row} 行重复；请保留一行", "{key} stands in row {row} too; keep one row"),
    "unknown_word": (
        "{column} 的值 {value} 无法识别；可用：{known}",
        "{column} {value!r} is unknown; use one of {known}",
    ),
    "code_shape": (
        "full_code {value} 应为大类码 {class_code} 加两位数字；请更正",
        "full_code {value} is not class code {class_code} and two digits; correct it",
    ),
    "extension_code": (
        "大类 {class_code} 的本地扩展小类从 98 起倒序编号；新增小类应为 {expected}",
        "local extension classes number down from 98; the next of class {class_code} is {expected}",
    ),
    "code_2007": (
        "2007 版编码 {value} 不成立：事件大类 04 与 05 在两版之间互换，本小类在 2007 版应属 {expected} 类",
        "the 2007 code {value} cannot be: event classes 04 and 05 changed places between the editions, so this one was"
        " in class {expected} then; correct the code",
    ),
    "code_2007_shape": (
        "2007 版编码 {value} 应为 4 位数字或留空；请更正",
        "the 2007 code {value} is not four digits; correct it or leave it empty",
    ),
    "department": (
        "没有部门 {value}；请填写“部门”工作表中的代码",
        "there is no department {value}; take a code of the sheet of departments",
    ),
    "no_class": (
        "小类 {value} 不在手册中；请先增加小类，或删除此立案条件",
        "the manual has no subclass {value}; add it or remove the condition",
    ),
    "no_condition": (
        "小类 {value} 没有立案条件；请至少填写一条",
        "subclass {value} has no filing condition; write at least one",
    ),
    "number": ("编号 {value} 不是 1 以上的整数；请更正", "the number {value!r} is no whole number from 1; correct it"),
    "limit": ("时限无法读取：{reason}", "the limit cannot be read: {reason}"),
    "source": (
        "source 的值 {value} 没有说明依据；请以 {known} 之一开头",
        "source {value!r} does not say where the row comes from; begin with one of {known}",
    ),
    "evidence": (
        "证据要求 {value} 无法读取；请写成如 before_photo 1; after_photo 2，可用：{known}",
        "the evidence rule {value!r} cannot be read; write for example before_photo 1; after_photo 2, of {known}",
    ),
    "extension": (
        "延期规则 {value} 无法读取；请写成如 2 x 5 work_day（次数 x 每次时长），或 none",
        "the extension rule {value!r} cannot be read; write for example 2 x 5 work_day (times x limit), or none",
    ),
}


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong. ``where`` names sheet and cell (``conditions!G12``); empty for the whole file."""

    code: str
    where: str = ""
    values: Mapping[str, object] = field(default_factory=dict)

    def said(self, language: str) -> str:
        """What is wrong and what to do, ``zh`` or English."""
        chinese, english = WORDS[self.code]
        return (chinese if language == "zh" else english).format(**self.values)


class ManualInvalid(Invalid):
    """A workbook that does not hold; nothing of it was taken. ``faults`` has everything found."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        told = self.faults[:TOLD]
        errors: dict[str, str] = {}
        for fault in told:
            place = fault.where or "file"
            said = fault.said("en")
            errors[place] = f"{errors[place]}; {said}" if place in errors else said
        rest = f" (and {len(self.faults) - 1} more)" if len(self.faults) > 1 else ""
        first = self.faults[0]
        message = f"{first.where}: {first.said('en')}" if first.where else first.said("en")
        super().__init__(f"{message}{rest}", field=next(iter(errors)), errors=errors)


def refuse(code: str, where: str = "", **values: object) -> ManualInvalid:
    """The error for one fault."""
    return ManualInvalid([Fault(code, where, values)])
