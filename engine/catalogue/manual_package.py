"""The package of a workbook somebody sends, looked through before any library opens it.

An XLSX file is a zip of XML parts. Refused are: what is no whole zip, what unpacks to far more than it should, macros,
anything that reaches outside the file, document types (entities), and XML grown so that reading it would take the
memory of the host. Sizes are counted while unpacking: what a zip claims about itself is not believed.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from xml.parsers import expat

from engine.catalogue.manual_faults import refuse

MIB = 1024 * 1024
FILE_LIMIT = 10 * MIB
UNPACKED_LIMIT = 96 * MIB
PARTS_LIMIT = 500
ELEMENTS_LIMIT = 4_000_000
ROW_LIMIT = 2_000
"""Elements in one row."""
TAG_LIMIT = MIB
"""Bytes of one tag."""
CHUNK = 256 * 1024

OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""How old .xls files, and .xlsx files with a password, begin."""
MACROS = re.compile(r"vbaproject|vbadata|macrosheets|activex|\.bin$", re.IGNORECASE)
PRINTER = re.compile(r"printersettings\d*\.bin$", re.IGNORECASE)
OUTSIDE = re.compile(r"externallinks/|connections\.xml$|querytables/|embeddings/|webextensions/", re.IGNORECASE)


def check_package(content: bytes) -> None:
    """Raise ManualInvalid naming the part that must not be in the file."""
    if len(content) > FILE_LIMIT:
        raise refuse("too_large", size=f"{len(content) / MIB:.1f}", most=FILE_LIMIT // MIB)
    if content.startswith(OLD):
        raise refuse("old_format")
    if not content.startswith(b"PK"):
        raise refuse("no_workbook")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            _check_parts(package)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError) as error:
        raise refuse("truncated", reason=str(error) or type(error).__name__) from error


def _check_parts(package: zipfile.ZipFile) -> None:
    parts = package.infolist()
    if len(parts) > PARTS_LIMIT:
        raise refuse("too_many_parts", count=len(parts), most=PARTS_LIMIT)
    names = [part.filename for part in parts]
    if len(set(names)) != len(names):
        raise refuse("truncated", reason="a part stands twice")
    if "[Content_Types].xml" not in names or "xl/workbook.xml" not in names:
        raise refuse("no_workbook")
    for name in names:
        if MACROS.search(name) and not PRINTER.search(name):
            raise refuse("macros", part=name)
        if OUTSIDE.search(name):
            raise refuse("external", part=name)
    left = UNPACKED_LIMIT
    for part in parts:
        if part.flag_bits & 0x1:
            raise refuse("encrypted")
        for length in _read_part(package, part):
            left -= length
            if left < 0:
                raise refuse("bomb", most=UNPACKED_LIMIT // MIB, part=part.filename)


def _read_part(package: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[int]:
    """The lengths of a part's pieces as they come; XML is looked through on the way."""
    xml = part.filename.lower().endswith((".xml", ".rels", ".vml"))
    look = _Look(part.filename) if xml else None
    with package.open(part) as stream:
        while chunk := stream.read(CHUNK):
            yield len(chunk)
            if look is not None:
                look.feed(chunk)
    if look is not None:
        look.feed(b"", end=True)


class _Look:
    """Goes through one XML part and refuses what should not be in it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.fed = self.elements = self.in_row = self.row = 0
        self.parser = expat.ParserCreate()
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._element

    def feed(self, chunk: bytes, *, end: bool = False) -> None:
        """Take the next bytes."""
        self.fed += len(chunk)
        try:
            self.parser.Parse(chunk, end)
        except (expat.ExpatError, ValueError, LookupError) as error:  # the latter of encodings that are not known
            raise refuse("bad_xml", part=self.name, reason=str(error)) from error
        if self.fed - self.parser.CurrentByteIndex > TAG_LIMIT and not end:
            raise refuse("overgrown", part=self.name)

    def _row(self, number: str) -> None:
        # Rows that do not ascend would be passed over in silence when the sheet is read.
        self.in_row, before = 0, self.row
        self.row = int(number) if number.isdecimal() else before + 1
        if self.row <= before:
            raise refuse("bad_xml", part=self.name, reason=f"row {self.row} stands after row {before}")

    def _doctype(self, *_: object) -> None:
        raise refuse("doctype", part=self.name)

    def _element(self, tag: str, attributes: dict[str, str]) -> None:
        self.elements += 1
        tag = tag.rpartition(":")[2]
        self.in_row += 1
        if tag == "row" and "/worksheets/" in self.name:
            self._row(attributes.get("r", ""))
        if tag in ("c", "v", "is", "t", "r", "rPr") and self.in_row > ROW_LIMIT and "/worksheets/" in self.name:
            raise refuse("overgrown", part=self.name)
        if self.elements > ELEMENTS_LIMIT:
            raise refuse("overgrown", part=self.name)
        if tag == "Relationship" and attributes.get("TargetMode", "").lower() == "external":
            raise refuse("external", part=f"{self.name}: {attributes.get('Target', '')[:80]}")
        if tag in ("Override", "Default") and "macroenabled" in attributes.get("ContentType", "").lower():
            raise refuse("macros", part=attributes.get("PartName", self.name))
