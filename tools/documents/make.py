"""Make document templates (``.docx`` and a first ``.toml``) in the house style from one text file.

``python -m tools.documents.make tools/documents/texts/penalty.txt plugins/penalty/documents`` makes every document of
the file; a ``.toml`` that is there is left alone unless ``--toml``. ``wangge document try NAME`` shows one. The text:

    === penalty_order_to_correct          a document begins; its name is the file's
    zh: 责令改正通知书                      then en, number, office, read, seal, delivery, required, print as in .toml
    number: {office}责改字〔{year}〕第{serial:03}号      (leave out for records without number)
    required: party, facts
    field party: ${values.party}          a field; those used and not named here become ${values.<name>}
    ---
    < {{ party }}：                       < flush left (addressee), > right, ^ centred; # a small heading
    经查，{{ facts }}。限于{{ until|date }}前改正。      any other line: a paragraph, two letters indented
    {%p if fine %}                        lines with {%p … %} alone: paragraphs under a condition, or in a loop
    罚款{{ fine|capital }}（¥{{ fine|money }}）。
    {%p endif %}
    |# 序号 | 物品 | 数量                   a table; |# is its heading (repeated on every page), | a row,
    |* goods | {{ loop.index }} | {{ item.name }} | {{ item.count }}     |* a row for every item of the field goods;
    | 合计 | {{ goods|length }}种 | <<      << joins a cell to its left one; an empty last cell: |  |
    @sign                                 office, seal and date at the right. @page: a new page. @line: an empty line

Given without field: title number office issuer city case_number today today_han year maker seal. Filters: date moment
han_date money capital. ``{{ x or '____' }}`` leaves a blank to fill by hand. Title and number line come by themselves.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from engine.documents.declaring import GIVEN, KEYS, TRUTHS
from engine.documents.filling import FillFailed, names_used
from tools.documents.house import Sheet

YES = ("yes", "true", "是")
MARKS = {"<": "flush", ">": "right", "^": "centre", "#": "heading"}


class TextBroken(Exception):
    """The text file does not hold; the message names line and remedy."""


@dataclass
class Text:
    """One document of a text file: what its declaration says, its fields, its lines."""

    name: str
    about: dict[str, str] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    lines: list[tuple[int, str]] = field(default_factory=list)


def main() -> None:
    """Make the documents of a text file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path, help="the text file")
    parser.add_argument("folder", type=Path, help="the documents folder of a plugin, a city or the core")
    parser.add_argument("--toml", action="store_true", help="write the .toml anew even if it is there")
    options = parser.parse_args()
    try:
        for text in read_texts(options.text.read_text(encoding="utf-8")):
            write(text, options.folder, again=options.toml)
    except TextBroken as error:
        sys.exit(f"{options.text}: {error}")


def read_texts(source: str) -> Iterator[Text]:
    """The documents of a text file. Raises TextBroken."""
    text: Text | None = None
    body = False
    for number, line in enumerate(source.splitlines(), 1):
        if line.startswith("=== "):
            if text is not None:
                yield text
            text, body = Text(line[4:].split()[0]), False
        elif text is None:
            if line.strip() and not line.startswith("//"):
                raise TextBroken(f"line {number}: begin a document with === name")
        elif body:
            text.lines.append((number, line.rstrip()))
        elif line.strip() == "---":
            body = True
        elif line.strip():
            key, found, value = line.partition(":")
            key, value = key.strip(), value.strip()
            if found and key.startswith("field "):
                text.fields[key.removeprefix("field ").strip()] = value
            elif found and key in KEYS:
                text.about[key] = value
            else:
                raise TextBroken(f"line {number}: {key!r} is unknown; use {', '.join(KEYS)}, field <name>, or --- ")
    if text is not None:
        yield text


def write(text: Text, folder: Path, *, again: bool = False) -> None:
    """Write template and declaration of a document."""
    folder.mkdir(parents=True, exist_ok=True)
    content = template_of(text)
    (folder / f"{text.name}.docx").write_bytes(content)
    declared = folder / f"{text.name}.toml"
    kept = declared.exists() and not again
    if not kept:
        declared.write_text(declaration_of(text, content), encoding="utf-8")
    print(f"{text.name}: .docx {len(content)} bytes; .toml {'left as it is (--toml writes it)' if kept else 'written'}")


def template_of(text: Text) -> bytes:
    """The template as a DOCX. Raises TextBroken."""
    for key in ("zh", "en"):
        if not text.about.get(key):
            raise TextBroken(f"{text.name}: there is no {key}: line; give the title in both languages")
    sheet = Sheet(text.about["zh"], numbered=bool(text.about.get("number")))
    table: list[tuple[str, str, list[str]]] = []
    for number, line in [*text.lines, (0, "")]:
        if line.startswith("|"):
            table.append(_row(number, line))
            continue
        if table:
            sheet.table(table)
            table = []
        if not line.strip():
            continue
        if line.startswith("@"):
            act = {"@sign": sheet.sign, "@page": sheet.page, "@line": sheet.blank}.get(line.strip())
            if act is None:
                raise TextBroken(f"line {number}: {line!r} is unknown; use @sign, @page or @line")
            act()
        elif line[0] in MARKS:
            sheet.paragraph(line[1:].strip(), MARKS[line[0]])
        else:
            sheet.paragraph(line.strip(), "body")
    content = sheet.content()
    try:
        names_used(text.name, content)
    except FillFailed as error:
        raise TextBroken(error.message) from error
    return content


def _row(number: int, line: str) -> tuple[str, str, list[str]]:
    """Kind of a table's row (heading, each, plain), the field it repeats for, its cells."""
    cells = [cell.strip() for cell in line.strip().removesuffix("|")[1:].split(" | ")]
    kind, over = "plain", ""
    if line.startswith("|#"):
        kind, cells[0] = "heading", cells[0][1:].strip()
    elif line.startswith("|*"):
        kind, over = "each", cells.pop(0)[1:].strip()
        if not over or not cells:
            raise TextBroken(f"line {number}: write |* field | cell | cell")
    return kind, over, cells


def declaration_of(text: Text, content: bytes) -> str:
    """The declaration as TOML."""
    lines = ["[document]"]
    for key in KEYS:
        value = text.about.get(key)
        if value is None:
            continue
        if key in TRUTHS:
            lines.append(f"{key} = {'true' if value.lower() in YES else 'false'}")
        elif key in ("required", "print"):
            lines.append(f"{key} = {_quoted([part.strip() for part in value.split(',')])}")
        else:
            lines.append(f"{key} = {_quoted(value)}")
    used = names_used(text.name, content)
    fields = {**text.fields, **{name: f"${{values.{name}}}" for name in sorted(used - set(GIVEN) - set(text.fields))}}
    if fields:
        lines += ["", "[fields]", *(f"{name} = {_quoted(value)}" for name, value in fields.items())]
    return "\n".join(lines) + "\n"


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    main()
