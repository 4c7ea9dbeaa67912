"""The house style of official documents as a Word file: A4 with the margins and letters of GB/T 9704 (memory)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from docx import Document
from docx.enum.section import WD_ORIENTATION
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.table import WD_CELL_VERTICAL_ALIGNMENT, WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

from engine.documents.filling import settled

SONG, FANG, HEI = "宋体", "仿宋", "黑体"
LEFT, RIGHT, CENTRE = WD_ALIGN_PARAGRAPH.LEFT, WD_ALIGN_PARAGRAPH.RIGHT, WD_ALIGN_PARAGRAPH.CENTER
BOTH = WD_ALIGN_PARAGRAPH.JUSTIFY
STYLES: dict[str, tuple[str, str, float, bool, Any, float]] = {
    # style: name in Word, letters, size in points, bold, alignment, first line's indent in letters
    "title": ("文书标题", SONG, 22, True, CENTRE, 0),
    "number": ("文书编号", FANG, 14, False, RIGHT, 0),
    "body": ("文书正文", FANG, 16, False, BOTH, 2),
    "heading": ("文书小标题", HEI, 16, False, LEFT, 2),
    "flush": ("文书抬头", FANG, 16, False, LEFT, 0),
    "right": ("文书落款", FANG, 16, False, RIGHT, 0),
    "centre": ("文书居中", FANG, 16, False, CENTRE, 0),
    "cell": ("文书表格", FANG, 12, False, LEFT, 0),
    "head": ("文书表头", HEI, 12, False, CENTRE, 0),
    "foot": ("文书页码", SONG, 14, False, CENTRE, 0),
}
KEPT = ("Normal", "Default Paragraph Font", "Normal Table", "Table Grid")
UNUSED = ("thumbnail", "customXml", "stylesWithEffects", "theme", "webSettings", "fontTable", "numbering")
WIDTH_MM = 156
LINE = 38.0
"""Letters of a table on a line."""


class Sheet:
    """A template being written, from its title on."""

    def __init__(self, title: str, *, numbered: bool) -> None:
        self.document = Document()
        self._slim()
        self._make_styles()
        self._set_page()
        core = self.document.core_properties
        core.title, core.author, core.comments = title, "", ""
        core.created = core.modified = datetime(2026, 1, 1, tzinfo=UTC)
        self.paragraph("{{ title }}", "title")
        if numbered:
            self.paragraph("{{ number }}", "number")

    def content(self) -> bytes:
        """The file; the same text gives the same bytes."""
        kept = io.BytesIO()
        self.document.save(kept)
        return settled(kept.getvalue())

    def paragraph(self, text: str, style: str) -> Any:
        """A paragraph in one of ``STYLES``."""
        return self.document.add_paragraph(text, style=STYLES[style][0])

    def blank(self) -> None:
        """An empty line."""
        self.paragraph("", "flush")

    def page(self) -> None:
        """A new page."""
        self.document.add_page_break()

    def sign(self) -> None:
        """Office, seal and date at the right, kept together."""
        if self.document.paragraphs:
            self.document.paragraphs[-1].paragraph_format.keep_with_next = True  # no page with a signature alone
        self.blank()
        self.document.paragraphs[-1].paragraph_format.keep_with_next = True
        for text in ("{{ issuer }}{{ seal }}", "{{ today }}"):
            made = self.paragraph(text, "right")
            made.paragraph_format.keep_with_next = text.startswith("{{ issuer")
            made.paragraph_format.keep_together = True
            made.paragraph_format.right_indent = Pt(32)

    def table(self, rows: Sequence[tuple[str, str, list[str]]]) -> None:
        """A table of rows: kind (heading, each, plain), the field a row repeats for, its cells."""
        columns = max(len(cells) for _, _, cells in rows)
        made = self.document.add_table(rows=0, cols=columns)
        made.style, made.alignment, made.autofit = "Table Grid", WD_TABLE_ALIGNMENT.CENTER, False
        labels = not any(kind == "heading" for kind, _, _ in rows)
        for kind, over, cells in rows:
            if kind == "each":
                self._sign_row(made, f"{{%tr for item in {over} %}}")
            self._row(made, cells, columns, heading=kind == "heading", labels=labels)
            if kind == "each":
                self._sign_row(made, "{%tr endfor %}")
        widths = _widths(rows, columns)
        for column, width in zip(made.columns, widths, strict=True):
            column.width = width
            for cell in column.cells:
                cell.width = width

    def _row(self, table: Any, cells: list[str], columns: int, *, heading: bool, labels: bool) -> None:
        row = table.add_row()
        row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))
        if heading:
            row._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
        padded = [*cells, *(["<<"] * (columns - len(cells)))]
        for index, text in enumerate(padded):
            if text == "<<" and index:
                continue
            last = index
            while last + 1 < columns and padded[last + 1] == "<<":
                last += 1
            cell = row.cells[index] if last == index else row.cells[index].merge(row.cells[last])
            label = heading or (labels and "{{" not in text and "{%" not in text and bool(text))
            cell.paragraphs[0].style = self.document.styles[STYLES["head" if label else "cell"][0]]
            cell.paragraphs[0].add_run(text)
            cell.vertical_alignment = WD_CELL_VERTICAL_ALIGNMENT.CENTER

    def _sign_row(self, table: Any, sign: str) -> None:
        table.add_row().cells[0].paragraphs[0].add_run(sign)

    def _slim(self) -> None:
        """Leave out what Word files carry and these never use: previews, themes, eighty styles."""
        part = self.document.part
        for holder in (part.package, part):
            for key, relation in list(holder.rels.items()):
                kind = relation.reltype.rsplit("/", 1)[-1]
                if kind in (
                    "thumbnail",
                    "customXml",
                    "stylesWithEffects",
                    "theme",
                    "webSettings",
                    "fontTable",
                    "numbering",
                ):
                    del holder.rels[key]
        for style in list(self.document.styles):
            if style.name not in KEPT:
                style.delete()
        latent = self.document.styles.element.find(qn("w:latentStyles"))
        if latent is not None:
            self.document.styles.element.remove(latent)

    def _make_styles(self) -> None:
        styles = self.document.styles
        normal = styles["Normal"]
        _letters(normal, FANG, 16, bold=False)
        for name, letters, size, bold, alignment, indent in STYLES.values():
            made = styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
            made.base_style, made.quick_style = normal, True
            _letters(made, letters, size, bold=bold)
            form = made.paragraph_format
            form.alignment = alignment
            form.space_before = form.space_after = Pt(0)
            if indent:
                form.first_line_indent = Pt(indent * size)
                made.element.get_or_add_pPr().ind.set(qn("w:firstLineChars"), str(int(indent * 100)))
            if size == 16:
                form.line_spacing_rule, form.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(28)
        styles[STYLES["heading"][0]].paragraph_format.keep_with_next = True
        styles[STYLES["title"][0]].paragraph_format.space_after = Pt(14)
        styles[STYLES["number"][0]].paragraph_format.space_after = Pt(14)
        for name in ("cell", "head"):
            form = styles[STYLES[name][0]].paragraph_format
            form.space_before = form.space_after = Pt(4)

    def _set_page(self) -> None:
        section = self.document.sections[0]
        section.orientation = WD_ORIENTATION.PORTRAIT
        section.page_width, section.page_height = Mm(210), Mm(297)
        section.top_margin, section.bottom_margin = Mm(37), Mm(35)
        section.left_margin, section.right_margin = Mm(28), Mm(26)
        section.footer_distance = Mm(25)
        foot = section.footer.paragraphs[0]
        foot.style = self.document.styles[STYLES["foot"][0]]
        foot.add_run("— ")
        _page_number(foot.add_run())
        foot.add_run(" —")


def _letters(style: Any, name: str, size: float, *, bold: bool) -> None:
    style.font.name, style.font.size, style.font.bold = "Times New Roman", Pt(size), bold
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for theme in ("w:asciiTheme", "w:hAnsiTheme", "w:eastAsiaTheme", "w:cstheme"):
        fonts.attrib.pop(qn(theme), None)
    fonts.set(qn("w:eastAsia"), name)
    if bold:
        return
    for sign in style.element.rPr.findall(qn("w:bCs")):
        style.element.rPr.remove(sign)


def _page_number(run: Any) -> None:
    for kind, text in (("begin", ""), ("", "PAGE"), ("end", "")):
        made = OxmlElement("w:fldChar" if kind else "w:instrText")
        if kind:
            made.set(qn("w:fldCharType"), kind)
        else:
            made.text = text
        run._r.append(made)


def _widths(rows: Sequence[tuple[str, str, list[str]]], columns: int) -> list[Any]:
    """Widths of columns by how much stands in them; beside labels, what is filled in shares the rest of the line."""
    weights, filled = [4.0] * columns, [False] * columns
    for _, _, cells in rows:
        for index, text in enumerate(cells):
            if "<<" in cells[index : index + 2]:
                continue
            named = "{{" in text or "{%" in text
            filled[index] = filled[index] or not text or (named and "loop.index" not in text)
            long = (4.0 if "loop.index" in text else 10.0) if named else min(2.0 + len(text), 12.0)
            weights[index] = max(weights[index], long)
    if any(filled) and not any(kind == "heading" for kind, _, _ in rows):
        rest = LINE - sum(weight for weight, fill in zip(weights, filled, strict=True) if not fill)
        weights = [max(8.0, rest / sum(filled)) if fill else each for each, fill in zip(weights, filled, strict=True)]
    return [Mm(WIDTH_MM * weight / sum(weights)) for weight in weights]
