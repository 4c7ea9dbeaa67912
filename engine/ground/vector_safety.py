"""Look at a vector file before a library opens it: is it whole, is it small enough, how is its text encoded?"""

from __future__ import annotations

import codecs
import sqlite3
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import orjson

from engine.errors import Invalid

MOST_BYTES = 2 * 1024**3
"""Of a file, and of what an archive says it holds; a city of 100,000 grids has some 50 MiB."""
MOST_TIMES = 200
"""An archive that unpacks to more times its size was not made by a survey."""
ENCODINGS = ("utf-8", "gb18030")
SHOWN = 5
SHAPEFILE_PARTS = (".shp", ".shx", ".dbf")


@dataclass(frozen=True)
class Looked:
    """A file that may be opened: what to give to the library, its encoding where that had to be found out."""

    target: str | bytes
    encoding: str | None = None
    note: str = ""


def look_at(path: Path, encoding: str | None = None) -> Looked:
    """Refuse what is broken, and find out how its text is encoded.

    :param encoding: of a Shapefile's attributes or a GeoJSON's text, when the caller knows it.
    :raises Invalid: the file is missing, too large, truncated, of no known kind, or its text is in no known encoding.
    """
    if not path.is_file():
        raise Invalid(f"there is no file {path}; give the path of a .geojson, .gpkg, .shp or zipped Shapefile")
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise Invalid(f"{path.name} has {size:,} bytes, more than {MOST_BYTES:,}; divide it, by district for example")
    suffix = path.suffix.lower()
    if suffix in (".geojson", ".json"):
        return _geojson(path, encoding)
    if suffix == ".gpkg":
        return _geopackage(path)
    if suffix == ".zip":
        return _archive(path, encoding)
    if suffix == ".shp":
        return _shapefile(path, encoding)
    raise Invalid(f"{path.name} is of no known kind; give a .geojson, .gpkg, .shp or zipped Shapefile")


def _geojson(path: Path, encoding: str | None) -> Looked:
    content = path.read_bytes()
    found = encoding or next((name for name in ENCODINGS if _decodes(content, name)), None)
    if found is None or not _decodes(content, found):
        raise Invalid(f"{path.name} is not {found or 'UTF-8 or GB18030'}; save it as UTF-8")
    text = content.decode(found).removeprefix("\ufeff")
    if not text.rstrip().endswith("}"):
        raise Invalid(f"{path.name} ends in the middle; copy it again")
    _refuse_no_features(path, text)
    note = "" if codecs.lookup(found).name == "utf-8" else f"the text was read as {found.upper()}, GeoJSON is UTF-8"
    return Looked(text.encode(), None, note)


def _refuse_no_features(path: Path, text: str) -> None:
    """Raise Invalid for a collection with entries that are no features: the library would pass them over in silence."""
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"{path.name} is not readable GeoJSON: {error}; export it again") from error
    features = content.get("features") if isinstance(content, dict) else None
    if not isinstance(features, list):
        raise Invalid(f"{path.name} is no GeoJSON FeatureCollection; export it again as one")
    wrong = [
        number
        for number, each in enumerate(features, 1)
        if not isinstance(each, dict) or each.get("type") != "Feature" or not isinstance(each.get("properties"), dict)
    ]
    if wrong:
        first = ", ".join(map(str, wrong[:SHOWN])) + (" …" if len(wrong) > SHOWN else "")
        raise Invalid(
            f"{path.name}: {first} of {len(features)} are no GeoJSON features with properties; export it again"
        )


def _geopackage(path: Path) -> Looked:
    try:
        with path.open("rb") as file:
            head = file.read(100)
        if not head.startswith(b"SQLite format 3\0"):
            raise Invalid(f"{path.name} is no GeoPackage; export it again")
        page = int.from_bytes(head[16:18], "big")
        pages = int.from_bytes(head[28:32], "big") * (65_536 if page == 1 else page)
        if path.stat().st_size < pages:
            raise Invalid(f"{path.name} ends in the middle: {path.stat().st_size:,} of {pages:,} bytes; copy it again")
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise Invalid(f"{path.name} is no GeoPackage: {error}; export it again") from error
    if verdict != "ok":
        raise Invalid(f"{path.name} is damaged: {verdict}; export it again")
    return Looked(str(path))


def _archive(path: Path, encoding: str | None) -> Looked:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            claimed = sum(member.file_size for member in members)
            if claimed > MOST_BYTES or claimed > MOST_TIMES * max(path.stat().st_size, 1_000_000):
                raise Invalid(f"{path.name} says that it unpacks to {claimed:,} bytes; nothing was unpacked")
            if any(member.flag_bits & 1 for member in members):
                raise Invalid(f"{path.name} asks for a password; unpack it and give the .shp")
            broken = archive.testzip()
            if broken is not None:
                raise Invalid(f"{path.name}: {broken} is damaged; copy the archive again")
            shapes = [member.filename for member in members if member.filename.lower().endswith(".shp")]
            if len(shapes) != 1:
                raise Invalid(f"{path.name} holds {len(shapes)} Shapefiles; give one a file")
            base = shapes[0][: -len(".shp")]
            named = {name.lower(): name for name in archive.namelist()}
            parts: dict[str, bytes] = {}
            for suffix in (*SHAPEFILE_PARTS, ".cpg"):
                member = named.get((base + suffix).lower())
                if member is not None:
                    parts[suffix] = archive.read(member)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, zlib.error) as error:
        raise Invalid(f"{path.name} is no whole zip archive ({error}); copy it again") from error
    found, note = _check_parts(path.name, parts, encoding)
    return Looked(f"/vsizip/{path.absolute()}/{shapes[0]}", found, note)


def _shapefile(path: Path, encoding: str | None) -> Looked:
    siblings = {each.name.lower(): each for each in path.parent.iterdir()}
    parts: dict[str, bytes] = {}
    for suffix in (*SHAPEFILE_PARTS, ".cpg"):
        part = siblings.get((path.stem + suffix).lower())
        if part is not None:
            parts[suffix] = part.read_bytes()
    found, note = _check_parts(path.name, parts, encoding)
    return Looked(str(path), found, note)


def _check_parts(name: str, parts: dict[str, bytes], encoding: str | None) -> tuple[str, str]:
    """A Shapefile's encoding and a remark on it. Raises Invalid when a part is missing or cut off."""
    for suffix in SHAPEFILE_PARTS:
        if suffix not in parts:
            raise Invalid(f"{name} lacks its {suffix}; a Shapefile is .shp, .shx, .dbf and .prj side by side")
    for suffix in (".shp", ".shx"):
        content = parts[suffix]
        length = int.from_bytes(content[24:28], "big") * 2 if len(content) >= 100 else -1
        if len(content) < length or length < 100:
            raise Invalid(f"{name}: the {suffix} ends in the middle, at {len(content):,} bytes; copy it again")
    texts = dbf_texts(name, parts[".dbf"])
    claimed = encoding or parts.get(".cpg", b"").decode("ascii", "ignore").strip()
    for candidate in [claimed] if encoding else [claimed, *ENCODINGS]:
        if candidate and _known(candidate) and all(_decodes(text, candidate, cut=True) for text in texts):
            known = codecs.lookup(candidate).name
            same = claimed and _known(claimed) and codecs.lookup(claimed).name == known
            says = f"the .cpg says {claimed}" if claimed else "there is no .cpg"
            plain = all(text.isascii() for text in texts)
            return candidate, "" if same or plain else f"the attributes were read as {candidate.upper()}: {says}"
    raise Invalid(f"{name}: the attributes are not {claimed or 'UTF-8 or GB18030'}; name their encoding")


def dbf_texts(name: str, content: bytes) -> list[bytes]:
    """The field names and character values of a dBase file. Raises Invalid when it is cut off."""
    if len(content) < 33:
        raise Invalid(f"{name}: the .dbf is no dBase file; export the Shapefile again")
    records, head, width = struct.unpack("<IHH", content[4:12])
    if len(content) < head + records * width:
        raise Invalid(f"{name}: the .dbf ends in the middle, at {len(content):,} bytes; copy it again")
    texts: list[bytes] = []
    spans: list[tuple[int, int]] = []
    offset = 1
    for at in range(32, head - 1, 32):
        field = content[at : at + 32]
        if field[:1] == b"\r" or len(field) < 32:
            break
        texts.append(field[:11].split(b"\0")[0])
        if field[11:12] == b"C":
            spans.append((offset, offset + field[16]))
        offset += field[16]
    for number in range(records):
        row = content[head + number * width : head + (number + 1) * width]
        texts += [row[start:end].rstrip(b" \0") for start, end in spans if not row[start:end].isascii()]
    return texts


def _decodes(content: bytes, encoding: str, *, cut: bool = False) -> bool:
    """Whether all bytes are of that encoding; ``cut``: the last character may be cut off by the field's width."""
    try:
        codecs.getincrementaldecoder(encoding)().decode(content, not cut)
    except (UnicodeDecodeError, LookupError):
        return False
    return True


def _known(encoding: str) -> bool:
    try:
        codecs.lookup(encoding)
    except LookupError:
        return False
    return True
