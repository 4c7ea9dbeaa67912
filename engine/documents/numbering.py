"""Numbers that Word counts by itself (一、二、… or 1. 2. …), as they stand before their paragraphs."""

from __future__ import annotations

import re
from typing import Any

from docx.oxml.ns import qn

DIGITS = "〇一二三四五六七八九"
BULLET = "•"
CHINESE = (
    "chineseCounting",
    "chineseCountingThousand",
    "taiwaneseCountingThousand",
    "japaneseCounting",
    "ideographDigital",
)
ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"),
         (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip


class Numbering:
    """The counters of one document, from its first paragraph on."""

    def __init__(self, document: Any) -> None:
        related = document.part.rels.values()
        part = next((each.target_part for each in related if each.reltype.endswith("/numbering")), None)
        self._levels: dict[str, dict[int, Any]] = {}
        self._list_of: dict[str, str] = {}
        self._counts: dict[str, dict[int, int]] = {}
        if part is None:
            return
        for abstract in part.element.findall(qn("w:abstractNum")):
            key = str(abstract.get(qn("w:abstractNumId")))
            self._levels[key] = {int(level.get(qn("w:ilvl"))): level for level in abstract.findall(qn("w:lvl"))}
        for number in part.element.findall(qn("w:num")):
            self._list_of[str(number.get(qn("w:numId")))] = _value(number, "w:abstractNumId") or ""

    def next(self, number_id: str | None, level: int) -> str:
        """What stands before the next paragraph of a list at a level (0 the outermost); empty outside lists."""
        key = self._list_of.get(number_id or "", "")
        levels = self._levels.get(key, {})
        if level not in levels:
            return ""
        counts = self._counts.setdefault(key, {})
        for deeper in [each for each in counts if each > level]:
            del counts[deeper]
        counts[level] = counts.get(level, _start(levels[level]) - 1) + 1
        if _value(levels[level], "w:numFmt") == "bullet":
            return BULLET + " "

        def shown(found: re.Match[str]) -> str:
            at = int(found[1]) - 1
            form = _value(levels[at], "w:numFmt") if at in levels else "decimal"
            return written(counts.get(at, _start(levels[at]) if at in levels else 1), form or "decimal")

        text = re.sub(r"%(\d)", shown, _value(levels[level], "w:lvlText") or "")
        return f"{text} " if text and text[-1] not in "、．）)" else text


def written(number: int, form: str) -> str:
    """A number in one of Word's ways of counting; plain digits for those not known."""
    if form in CHINESE:
        return chinese(number)
    if form in ("lowerLetter", "upperLetter"):
        letter = chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)
        return letter.upper() if form == "upperLetter" else letter
    if form in ("lowerRoman", "upperRoman"):
        text = ""
        for value, sign in ROMAN:
            text += sign * (number // value)
            number %= value
        return text.upper() if form == "upperRoman" else text
    if form == "decimalEnclosedCircle" and number <= 20:
        return chr(0x2460 + number - 1)
    return "" if form == "none" else str(number)


def chinese(number: int) -> str:
    """一 to 九十九; beyond that digit by digit."""
    tens, ones = divmod(number, 10)
    if number > 99:
        return "".join(DIGITS[int(digit)] for digit in str(number))
    return f"{DIGITS[tens] if tens > 1 else ''}{'十' if tens else ''}{DIGITS[ones] if ones else ''}"


def _start(level: Any) -> int:
    return int(_value(level, "w:start") or 1)


def _value(node: Any, tag: str) -> str | None:
    found = node.find(qn(tag))
    return str(found.get(qn("w:val"))) if found is not None else None
