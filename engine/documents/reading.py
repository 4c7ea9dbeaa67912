"""Read a filled DOCX into the plain description of pages that ``layout.typ`` sets: lengths in points, text as it is.

What official documents use is read: styles and direct formatting of paragraphs and runs, lists, tables with joined
cells and repeated heading rows, pictures, header and footer with page numbers. Text boxes, columns and footnotes are
not (``UNREAD``); who needs them prints the DOCX itself.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from docx import Document
from docx.oxml.ns import qn
from docx.shared import Pt
from docx.table import Table, _Cell
from docx.text.paragraph import Paragraph
from docx.text.run import Run

from engine.documents.numbering import Numbering

ALIGN = {"left": "left", "start": "left", "right": "right", "end": "right", "center": "center", "both": "both",
         "distribute": "both"}  # fmt: skip
PAGE = {
    "width": ("page_width", 595.3), "height": ("page_height", 841.9), "top": ("top_margin", 72),
    "bottom": ("bottom_margin", 72), "left": ("left_margin", 90), "right": ("right_margin", 90),
    "header_at": ("header_distance", 42), "footer_at": ("footer_distance", 42),
}  # fmt: skip
"""What a page has, as python-docx calls it, and its points where the file does not say."""
SINGLE = 1.3
"""Height of a line of Chinese letters set single, in letters."""
SIZE = 10.5
BARE = ("nil", "none")
UNREAD = {b"<w:txbxContent": "text boxes", b"<w:footnoteReference": "footnotes", b"<w:cols w:num=": "columns"}
"""Signs in a Word file of what is left out of the PDF."""


class Reading:
    """A document being read; ``pictures`` are the files its description names."""

    def __init__(self, content: bytes) -> None:
        self.document = Document(io.BytesIO(content))
        self.pictures: dict[str, bytes] = {}
        self._numbering = Numbering(self.document)

    def describe(self) -> dict[str, Any]:
        """The whole document."""
        section: Any = self.document.sections[0]
        page = {
            name: (getattr(section, attribute) or Pt(otherwise)).pt for name, (attribute, otherwise) in PAGE.items()
        }
        return {
            "page": page,
            "title": self.document.core_properties.title or "",
            "header": list(self._blocks(section.header)),
            "footer": list(self._blocks(section.footer)),
            "body": list(self._blocks(self.document)),
        }

    def _blocks(self, holder: Any) -> Iterator[dict[str, Any]]:
        """Paragraphs and tables in their order; those in content controls, too."""
        element: Any = holder._element
        waiting = list(element.body if holder is self.document else element)
        while waiting:
            node = waiting.pop(0)
            if node.tag == qn("w:p"):
                yield self._paragraph(Paragraph(node, holder))
            elif node.tag == qn("w:tbl"):
                yield self._table(Table(node, holder))
            elif node.tag == qn("w:sdt"):
                inside = node.find(qn("w:sdtContent"))
                waiting = [*(inside if inside is not None else ()), *waiting]

    def _paragraph(self, paragraph: Paragraph) -> dict[str, Any]:
        levels = [paragraph._p.pPr, *(_part(style, "w:pPr") for style in _chain(paragraph.style))]

        def first(tag: str, attribute: str) -> str | None:
            return _first(levels, tag, attribute)

        runs = list(self._runs(paragraph))
        listed = self._numbering.next(first("w:numPr/w:numId", "w:val"), int(first("w:numPr/w:ilvl", "w:val") or 0))
        if listed:
            runs.insert(0, {"text": listed, **self._letters(paragraph, None)})
        size = max((run["size"] for run in runs if "size" in run), default=self._letters(paragraph, None)["size"])
        chars = first("w:ind", "w:firstLineChars")
        indent = float(chars) / 100 * size if chars else _twips(first("w:ind", "w:firstLine"))
        hanging = _twips(first("w:ind", "w:hanging"))
        return {
            "kind": "paragraph",
            "align": ALIGN.get(first("w:jc", "w:val") or "left", "left"),
            "indent": indent,
            "hanging": hanging,
            "left": _twips(first("w:ind", "w:left") or first("w:ind", "w:start")),
            "right": _twips(first("w:ind", "w:right") or first("w:ind", "w:end")),
            "before": _twips(first("w:spacing", "w:before")),
            "after": _twips(first("w:spacing", "w:after")),
            "line": _line(first("w:spacing", "w:line"), first("w:spacing", "w:lineRule"), size),
            "size": size,
            "keep": _on(levels, "w:keepNext"),
            "new_page": _on(levels, "w:pageBreakBefore"),
            "runs": runs,
        }

    def _runs(self, paragraph: Paragraph) -> Iterator[dict[str, Any]]:
        """The pieces of a line: texts, breaks, page numbers, pictures. The old value of a field is left out."""
        field = ""
        node: Any
        for node in paragraph._p.iter(qn("w:r"), qn("w:fldSimple")):
            if node.tag == qn("w:fldSimple"):
                number = _page_field(node.get(qn("w:instr"), ""))
                if number:
                    yield {"field": number, **self._letters(paragraph, None)}
                continue
            if any(above.tag == qn("w:txbxContent") for above in node.iterancestors()):
                continue
            parent = node.getparent()
            if parent is not None and parent.tag == qn("w:fldSimple") and _page_field(parent.get(qn("w:instr"), "")):
                continue
            letters = self._letters(paragraph, Run(node, paragraph))
            for child in node:
                if child.tag == qn("w:fldChar"):
                    kind = child.get(qn("w:fldCharType"), "")
                    if kind == "end" and field in ("page", "pages"):
                        yield {"field": field, **letters}
                    field = {"begin": "…", "end": ""}.get(kind, field)
                elif child.tag == qn("w:instrText"):
                    field = _page_field(child.text or "") or field
                elif not field or field == "…":
                    yield from self._piece(child, letters)

    def _piece(self, node: Any, letters: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if node.tag == qn("w:t") and node.text:
            text = node.text.replace(" ", "\u00a0") if letters["underline"] else node.text
            yield {"text": text, **letters}
        elif node.tag == qn("w:tab"):
            yield {"text": "\u3000\u3000", **letters}
        elif node.tag in (qn("w:br"), qn("w:cr")):
            yield {"break": "page" if node.get(qn("w:type")) == "page" else "line"}
        elif node.tag == qn("w:noBreakHyphen"):
            yield {"text": "\u2011", **letters}
        elif node.tag == qn("w:drawing"):
            yield from self._picture(node)

    def _picture(self, node: Any) -> Iterator[dict[str, Any]]:
        extent = node.find(f".//{qn('wp:extent')}")
        for blip in node.iter(qn("a:blip")):
            key = blip.get(qn("r:embed"))
            part = self.document.part.related_parts.get(key) if key else None
            if part is not None and extent is not None:
                name = f"picture{len(self.pictures) + 1}.{part.partname.ext}"
                self.pictures[name] = part.blob
                yield {"picture": name, "width": int(extent.get("cx")) / 12700, "height": int(extent.get("cy")) / 12700}

    def _letters(self, paragraph: Paragraph, run: Run | None) -> dict[str, Any]:
        """Size, weight and family of letters: the run's own, its style's, the paragraph's style, the defaults."""
        levels = [run._r.rPr] if run is not None else []
        if run is not None:
            levels += [_part(style, "w:rPr") for style in _chain(run.style)]
        levels += [_part(style, "w:rPr") for style in _chain(paragraph.style)]
        defaults = self.document.styles.element.find(f"{qn('w:docDefaults')}/{qn('w:rPrDefault')}/{qn('w:rPr')}")
        levels.append(defaults)
        size = _first(levels, "w:sz", "w:val")
        line = _first(levels, "w:u", "w:val")
        return {
            "size": float(size) / 2 if size else SIZE,
            "bold": _on(levels, "w:b"),
            "italic": _on(levels, "w:i"),
            "underline": bool(line) and line != "none",
            "family": _first(levels, "w:rFonts", "w:eastAsia") or "",
            "colour": colour if (colour := _first(levels, "w:color", "w:val") or "") != "auto" else "",
        }

    def _table(self, table: Table) -> dict[str, Any]:
        rows: list[dict[str, Any]] = []
        above: dict[int, dict[str, Any]] = {}
        for row in table._tbl.tr_lst:
            properties = row.trPr
            cells: list[dict[str, Any]] = []
            column = row.grid_before
            for tc in row.tc_lst:
                span = tc.grid_span
                if tc.vMerge == "continue" and column in above:
                    above[column]["rows"] += 1
                else:
                    cells.append(self._cell(tc, table, column, span))
                    above[column] = cells[-1]
                column += span
            rows.append(
                {
                    "heading": properties is not None and properties.find(qn("w:tblHeader")) is not None,
                    "whole": properties is not None and properties.find(qn("w:cantSplit")) is not None,
                    "cells": cells,
                }
            )
        widths = [column.w.pt if column.w is not None else 0 for column in table._tbl.tblGrid.gridCol_lst]
        heading = 0
        while heading < len(rows) and rows[heading]["heading"]:
            heading += 1
        return {
            "kind": "table", "widths": widths, "rows": rows, "heading": heading, "ruled": _ruled(table),
            "align": ALIGN.get(_first([table._tbl.tblPr], "w:jc", "w:val") or "left", "left"),
        }  # fmt: skip

    def _cell(self, tc: Any, table: Table, column: int, span: int) -> dict[str, Any]:
        at = _first([tc.tcPr], "w:vAlign", "w:val") or "top"
        blocks = list(self._blocks(_Cell(tc, table)))
        return {"column": column, "span": span, "rows": 1, "at": at, "blocks": blocks}


def _chain(style: Any) -> Iterator[Any]:
    while style is not None:
        yield style
        style = style.base_style


def _part(style: Any, tag: str) -> Any:
    return style.element.find(qn(tag))


def _first(levels: list[Any], tag: str, attribute: str) -> str | None:
    """The nearest value of an attribute."""
    for level in levels:
        path = "/".join(map(qn, tag.split("/")))
        node = level.find(path) if level is not None else None
        if node is not None and node.get(qn(attribute)) is not None:
            return str(node.get(qn(attribute)))
    return None


def _on(levels: list[Any], tag: str) -> bool:
    """Whether a property is set, by the nearest that says so or not."""
    for level in levels:
        node = level.find(qn(tag)) if level is not None else None
        if node is not None:
            return node.get(qn("w:val"), "true") not in ("0", "false", "off")
    return False


def _twips(text: str | None) -> float:
    return float(text) / 20 if text else 0.0


def _line(value: str | None, rule: str | None, size: float) -> float:
    """The height of a line in points."""
    if not value:
        return size * SINGLE
    if rule in ("exact", "atLeast"):
        return max(float(value) / 20, size * SINGLE if rule == "atLeast" else 0)
    return size * SINGLE * float(value) / 240


def _page_field(text: str) -> str:
    words = text.split()
    return {"PAGE": "page", "NUMPAGES": "pages", "SECTIONPAGES": "pages"}.get(words[0].upper() if words else "", "")


def _ruled(table: Table) -> bool:
    """Whether the table has lines: its own say, else its style's."""
    for properties in (table._tbl.tblPr, *(_part(style, "w:tblPr") for style in _chain(table.style))):
        borders = properties.find(qn("w:tblBorders")) if properties is not None else None
        if borders is not None:
            return any(line.get(qn("w:val")) not in BARE for line in borders)
    return False
