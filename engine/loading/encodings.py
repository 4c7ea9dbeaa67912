"""How the text of a file that somebody brings is encoded: UTF-8, or GB18030 as spreadsheets in China save it.

One rule for tables and for vector files: UTF-8 is taken as it is, GB18030 is read with a remark, anything else is
refused. A UTF-8 file that is damaged is not taken for GB18030, which can make some sense of almost any bytes.
"""

from __future__ import annotations

import codecs
import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from engine.errors import CityBroken

CHUNK = 1 << 20
UTF_8, GB18030 = "utf-8-sig", "gb18030"
REMEDY = "save it as UTF-8"


@dataclass(frozen=True)
class Encoding:
    """A codec's name, and what to tell whoever brought the file; the note is empty for UTF-8."""

    name: str
    note: str = ""


def encoding_of(path: Path) -> Encoding:
    """The encoding of a whole text file, gzipped (``.gz``) or not. Raises CityBroken when it is none of the two, or
    damaged UTF-8."""
    return _encoding(lambda: gzip.open(path) if path.suffix == ".gz" else path.open("rb"), str(path))


def decoded(content: bytes, name: str) -> tuple[str, str]:
    """The text of a file that was sent, and the remark on its encoding. Raises CityBroken as ``encoding_of``."""
    found = _encoding(lambda: io.BytesIO(content), name)
    return content.decode(found.name), found.note


def _encoding(opened: Callable[[], IO[bytes] | gzip.GzipFile], name: str) -> Encoding:
    fault = _first_fault(opened, "utf-8")
    if fault is None:
        return Encoding(UTF_8)
    at, chinese = fault
    if chinese:
        raise CityBroken(f"{name} is not UTF-8 from byte {at} on, before it is; copy it again or {REMEDY}")
    if _first_fault(opened, GB18030) is not None:
        raise CityBroken(f"{name} is not UTF-8 nor GB18030; {REMEDY}")
    return Encoding(GB18030, "the text was read as GB18030; compare some names with the original")


def _first_fault(opened: Callable[[], IO[bytes] | gzip.GzipFile], codec: str) -> tuple[int, bool] | None:
    """Byte where a file cannot be decoded, and whether there are Chinese characters before; none when it can."""
    decoder = codecs.getincrementaldecoder(codec)()
    read, chinese = 0, False
    with opened() as file:
        while True:
            chunk = file.read(CHUNK)
            held = len(decoder.getstate()[0])
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                before = error.object[: error.start].decode(codec, "replace")
                return read - held + error.start, chinese or _has_chinese(before)
            chinese = chinese or _has_chinese(text)
            if not chunk:
                return None
            read += len(chunk)


def _has_chinese(text: str) -> bool:
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)
