"""The archive of a pack: a zip whose bytes follow from its content alone, and which is read with distrust.

Files stand in it uncompressed, sorted, with one time and one mode. So the same content gives the same bytes on every
machine, and no archive can grow when it is unpacked.
"""

from __future__ import annotations

import io
import re
import stat
import zipfile
from collections.abc import Mapping
from pathlib import PurePosixPath

from engine.errors import Invalid

MIB = 1024 * 1024
MOST_BYTES = 512 * MIB
"""Of a whole pack."""
MOST_FILES = 20_000
LONGEST_PATH = 200
TIME = (1980, 1, 1, 0, 0, 0)
MODE = (stat.S_IFREG | 0o644) << 16
FIRST = b"PK\x03\x04"
"""How an archive begins that has nothing before its first file."""
MANIFEST = "manifest.json"
SIGNATURE = "signature.json"
CITY = "city/"
UNSAFE = re.compile(r'[\x00-\x1f\\:*?"<>|]')
DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
AGAIN = "ask for the pack again; it may have been damaged on its way, or changed"


def write_archive(parts: Mapping[str, bytes]) -> bytes:
    """The bytes of an archive of these parts, in the order given."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, strict_timestamps=True) as archive:
        for name, content in parts.items():
            entry = zipfile.ZipInfo(name, TIME)
            entry.create_system, entry.external_attr = 3, MODE
            archive.writestr(entry, content, zipfile.ZIP_STORED)
    return target.getvalue()


def read_archive(content: bytes, name: str) -> dict[str, bytes]:
    """The parts of an archive. Raises Invalid naming the part that must not be in it; nothing is written anywhere."""
    if len(content) > MOST_BYTES:
        raise Invalid(f"{name} has {len(content) // MIB} MiB, a pack has {MOST_BYTES // MIB} MiB at most; {AGAIN}")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if archive.comment or not content.startswith(FIRST):
                raise Invalid(f"{name} has something before or behind its files; {AGAIN}")
            _refuse_entries(entries, name, len(content))
            return {entry.filename: archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, ValueError, RuntimeError) as error:
        raise Invalid(f"{name} is no whole pack ({error}); {AGAIN}") from error


def _refuse_entries(entries: list[zipfile.ZipInfo], name: str, size: int) -> None:
    if len(entries) > MOST_FILES:
        raise Invalid(f"{name} has {len(entries)} files, a pack has {MOST_FILES} at most; {AGAIN}")
    seen: set[str] = set()
    for entry in entries:
        inside = entry.filename
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise Invalid(f"{name}: {inside} is compressed, files of a pack are not; {AGAIN}")
        if entry.file_size > size:
            raise Invalid(f"{name}: {inside} claims {entry.file_size} bytes, more than the pack has; {AGAIN}")
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG) or entry.is_dir():
            raise Invalid(f"{name}: {inside} is no plain file (a link or a folder); {AGAIN}")
        if (fault := path_fault(inside)) is not None:
            raise Invalid(f"{name}: the path {inside!r} {fault}; {AGAIN}")
        if inside.casefold() in seen:
            raise Invalid(f"{name}: {inside} stands twice, at least where capitals do not count; {AGAIN}")
        seen.add(inside.casefold())
    if sum(entry.file_size for entry in entries) > size:
        raise Invalid(f"{name}: its files overlap; {AGAIN}")


def path_fault(inside: str) -> str | None:
    """Why a path cannot be in a pack, none when it can: it would lead elsewhere, or not exist on every system."""
    parts = inside.split("/")
    if PurePosixPath(inside).is_absolute() or ".." in parts:
        return "leads out of the folder"
    if any(part in ("", ".") for part in parts):
        return "has an empty part"
    if UNSAFE.search(inside) or any(DEVICES.fullmatch(part) or part.endswith((" ", ".")) for part in parts):
        return "cannot be written on every system"
    if len(inside.encode()) > LONGEST_PATH:
        return f"is longer than {LONGEST_PATH} bytes"
    return None
