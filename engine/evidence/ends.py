"""Where an image ends, and what hangs on behind it: phones append films, others whole archives and programs."""

from __future__ import annotations

import re

MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""A marker of a JPEG inside picture data, where 0xFF00 and restarts belong to the picture."""
ALONE = frozenset(range(0xD0, 0xD9)) | {0x01}
"""Markers of a JPEG without a length."""
FOREIGN = (
    ("a PDF", re.compile(rb"%PDF-\d")),
    ("a page with scripts", re.compile(rb"<(?:script|html|\?php|svg|!doctype)\b", re.IGNORECASE)),
    ("a RAR archive", re.compile(rb"Rar!\x1a\x07")),
    ("a 7z archive", re.compile(rb"7z\xbc\xaf\x27\x1c")),
    ("a program", re.compile(rb"\A(?:MZ|\x7fELF)")),
)
ZIP_END = b"PK\x05\x06"


def end_of_image(content: bytes, form: str) -> int:
    """The number of bytes that belong to a JPEG, PNG or WebP; all of them where no end is found."""
    end = {"JPEG": _jpeg_end, "PNG": _png_end, "WEBP": _webp_end}[form](content)
    return min(end, len(content))


def foreign_in(tail: bytes) -> str:
    """What a tail is that makes the file something else as well; empty when it is nothing of the kind."""
    if ZIP_END in tail and b"PK\x03\x04" in tail:
        return "a ZIP archive"
    return next((what for what, pattern in FOREIGN if pattern.search(tail)), "")


def _jpeg_end(content: bytes) -> int:
    at = 2
    while at + 4 <= len(content):
        if content[at] != 0xFF:
            break
        kind = content[at + 1]
        if kind == 0xD9:
            return at + 2
        if kind == 0xFF:
            at += 1
        elif kind in ALONE:
            at += 2
        else:
            at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
            if kind == 0xDA:
                found = MARKER.search(content, at)
                if found is None:
                    break
                at = found.start()
    return at + 2 if content[at : at + 2] == b"\xff\xd9" else len(content)


def _png_end(content: bytes) -> int:
    at = 8
    while at + 12 <= len(content):
        end = at + 12 + int.from_bytes(content[at : at + 4], "big")
        if content[at + 4 : at + 8] == b"IEND":
            return end
        at = end
    return len(content)


def _webp_end(content: bytes) -> int:
    size = int.from_bytes(content[4:8], "little")
    return 8 + size + size % 2
