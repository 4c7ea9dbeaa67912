"""What a pack says about itself: ``manifest.json``, first in the archive, and the only thing that is signed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from engine import __version__
from engine.errors import Invalid
from engine.hooks.host import PluginBroken, read_manifest
from engine.installed_plugins import Package, find_plugins

FORMAT = 1
"""Rises when an older release could no longer read a pack."""
CITY_ID = re.compile(r"[a-z][a-z0-9_]*")
DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class PluginMark:
    """A plugin as it was where the pack was made: its version, and the SHA-256 of its files."""

    version: str
    digest: str


@dataclass(frozen=True)
class Manifest:
    """``files``: path -> SHA-256. ``wangge`` is a version range; ``unchecked`` marks a pack made despite errors."""

    city: str
    name: str
    name_en: str
    version: str
    wangge: str
    core: str
    plugins: Mapping[str, PluginMark]
    files: Mapping[str, str]
    unchecked: bool = False
    format: int = FORMAT
    made_with: str = field(default=__version__)

    def to_bytes(self) -> bytes:
        """As it lies in the archive: the same values give the same bytes."""
        option = orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
        return orjson.dumps(asdict(self), option=option)


def read_manifest_bytes(content: bytes) -> Manifest:
    """The manifest of a pack. Raises Invalid naming what is wrong and the remedy."""
    again = "ask for the pack again, or make it anew with 'wangge pack'"
    try:
        told: Any = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"manifest.json cannot be read ({error}); {again}") from error
    if not isinstance(told, dict) or not isinstance(told.get("format"), int):
        raise Invalid(f"manifest.json says no format; {again}")
    if told["format"] != FORMAT:
        raise Invalid(
            f"the pack has format {told['format']}, Wangge {__version__} reads format {FORMAT}; "
            "use the release of Wangge it was made for, or make it anew with this one"
        )
    try:
        plugins = {str(name): PluginMark(**values) for name, values in told["plugins"].items()}
        manifest = Manifest(**{**told, "plugins": plugins})
        SpecifierSet(manifest.wangge)
        _refuse_types(manifest)
    except (TypeError, KeyError, AttributeError, ValueError, InvalidSpecifier) as error:
        raise Invalid(f"manifest.json does not hold ({error}); {again}") from error
    return manifest


def _refuse_types(manifest: Manifest) -> None:
    texts = (manifest.city, manifest.name, manifest.name_en, manifest.version, manifest.core, manifest.made_with)
    if not all(isinstance(text, str) for text in texts) or not isinstance(manifest.unchecked, bool):
        raise ValueError("a value is of another type")
    if not CITY_ID.fullmatch(manifest.city):
        raise ValueError(f"the city's id is {manifest.city!r}")
    if not all(DIGEST.fullmatch(each) for each in manifest.files.values()):
        raise ValueError("a digest is no SHA-256")


def default_range(version: str = __version__) -> str:
    """The releases a pack is for unless the city says otherwise: from this one to before the next first number."""
    now = Version(version)
    return f">={now.base_version},<{now.major + 1}"


def refuse_range(text: str) -> str:
    """A range as written. Raises Invalid."""
    try:
        SpecifierSet(text)
    except InvalidSpecifier as error:
        raise Invalid(f"[pack] wangge = {text!r} is no range of versions; write for example '>=1.0,<2'") from error
    return text


def refuse_version(text: str) -> str:
    """A version as written. Raises Invalid."""
    try:
        Version(text)
    except InvalidVersion as error:
        raise Invalid(f"the pack's version {text!r} is none; write numbers with points, such as 1.4.0") from error
    return text


def fits(manifest: Manifest, version: str = __version__) -> bool:
    """Whether this release of Wangge is one the pack is for."""
    return SpecifierSet(manifest.wangge).contains(version, prereleases=True)


def digest_of(root: Path) -> str:
    """SHA-256 over names and contents of a folder's files, without what Python and editors leave there."""
    total = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        if path.is_file() and not any(part.startswith((".", "__pycache__")) for part in inside.parts):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            total.update(f"{inside.as_posix()}\0{content}\n".encode())
    return total.hexdigest()


def plugin_marks(names: tuple[str, ...]) -> dict[str, PluginMark]:
    """The enabled plugins as they are here. Raises Invalid when one is not installed or broken."""
    installed = find_plugins()
    marks = {}
    for name in sorted(names):
        mark = mark_of(installed.get(name))
        if mark is None:
            raise Invalid(f"city.toml enables plugin {name}, which cannot be used here; install or mend it first")
        marks[name] = mark
    return marks


def mark_of(package: Package | None) -> PluginMark | None:
    """A plugin as it is here; none when it is not installed or broken."""
    if package is None:
        return None
    try:
        return PluginMark(read_manifest(package).version, digest_of(package.root))
    except PluginBroken:
        return None
