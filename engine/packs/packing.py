"""Make a pack of a city's folder: checked, with a manifest of everything in it, signed, the same bytes every time."""

from __future__ import annotations

import base64
import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine.checks import Finding, check_folder, errors_of
from engine.city import City, find_city, load_city
from engine.errors import CityBroken, Conflict, Invalid
from engine.layers import core_root
from engine.packs.archive import CITY, MANIFEST, MOST_BYTES, MOST_FILES, SIGNATURE, path_fault, write_archive
from engine.packs.manifest import Manifest, default_range, digest_of, plugin_marks, refuse_range, refuse_version
from engine.packs.signing import fingerprint, raw, sign

LEFT_OUT = ("__pycache__", "var")
"""Folders that are no part of a city's files; whatever begins with a point, or ends with ``~``, is left out too."""
SECRET = b"PRIVATE KEY-----"


@dataclass(frozen=True)
class Packed:
    """A pack just made. ``warnings`` are what the check had to say beside errors."""

    manifest: Manifest
    content: bytes
    signer: str
    warnings: tuple[Finding, ...]
    errors: tuple[Finding, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of the file."""
        return hashlib.sha256(self.content).hexdigest()


class Refused(Conflict):
    """``wangge check`` finds errors; ``findings`` are these."""

    def __init__(self, name: str, findings: list[Finding]) -> None:
        super().__init__(
            f"{name} has {len(findings)} errors and would not run; correct them ('wangge check' lists them), "
            "or pack it with --unchecked, which the manifest will say"
        )
        self.findings = findings


def pack_city(
    name_or_path: str, *, version: str = "", key: Ed25519PrivateKey | None = None, unchecked: bool = False
) -> Packed:
    """A pack of a city.

    :param version: the pack's; ``[pack] version`` of ``city.toml`` when not given.
    :raises Refused: the city has errors and ``unchecked`` is not set. :raises Invalid: no version, a file that cannot
        be packed, a plugin that is not installed.
    """
    root = find_city(name_or_path)
    city, findings = check_folder(str(root))
    errors = errors_of(findings)
    if errors and not unchecked:
        raise Refused(name_or_path, errors)
    manifest, files = _manifest(city or load_city(str(root)), version, bool(errors))
    told = manifest.to_bytes()
    parts = {MANIFEST: told}
    if key is not None:
        parts[SIGNATURE] = _signature(key, told)
    parts |= {CITY + path: content for path, content in files.items()}
    content = write_archive(parts)
    if len(content) > MOST_BYTES:
        raise Invalid(f"the pack would have {len(content)} bytes; {MOST_BYTES} are the most")
    signer = fingerprint(key.public_key()) if key is not None else ""
    warnings = tuple(each for each in findings if each.severity == "warning")
    return Packed(manifest, content, signer, warnings, tuple(errors))


def _signature(key: Ed25519PrivateKey, manifest: bytes) -> bytes:
    told = {
        "algorithm": "ed25519",
        "key": base64.b64encode(raw(key.public_key())).decode(),
        "signature": base64.b64encode(sign(key, manifest)).decode(),
    }
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _manifest(city: City, version: str, unchecked: bool) -> tuple[Manifest, dict[str, bytes]]:
    about = pack_settings(city.root)
    version = version or str(about.get("version", ""))
    if not version:
        raise Invalid('the pack has no version; give --version 1.0, or write [pack] version = "1.0" in city.toml')
    files = collect(city.root)
    manifest = Manifest(
        city=city.id, name=city.name, name_en=city.name_en, version=refuse_version(version),
        wangge=refuse_range(str(about.get("wangge") or default_range())), core=digest_of(core_root()),
        plugins=plugin_marks(city.plugins),
        files={path: hashlib.sha256(content).hexdigest() for path, content in files.items()}, unchecked=unchecked,
    )  # fmt: skip
    return manifest, files


def pack_settings(root: Path) -> dict[str, Any]:
    """``[pack]`` of a city's ``city.toml``. Raises CityBroken when the file cannot be read."""
    try:
        toml = tomllib.loads((root / "city.toml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CityBroken(f"{root / 'city.toml'}: {error}; correct the file, it must be TOML in UTF-8") from error
    about = toml.get("pack", {})
    if not isinstance(about, dict):
        raise CityBroken("city.toml: pack is no table; write [pack] and its keys below it")
    return about


def collect(root: Path) -> dict[str, bytes]:
    """The files of a city's folder by path, sorted. Raises Invalid naming a file that cannot be in a pack."""
    files: dict[str, bytes] = {}
    names: dict[str, str] = {}
    for path in sorted(root.rglob("*"), key=lambda each: each.relative_to(root).as_posix()):
        inside = path.relative_to(root)
        if any(part in LEFT_OUT or part.startswith(".") or part.endswith("~") for part in inside.parts):
            continue
        logical = inside.as_posix()
        if path.is_symlink():
            raise Invalid(f"{logical} is a link; put the file itself into the folder")
        if not path.is_file():
            continue
        if (fault := path_fault(logical)) is not None:
            raise Invalid(f"the path {logical!r} {fault}; rename the file")
        twin = names.setdefault(logical.casefold(), logical)
        if twin != logical:
            raise Invalid(f"{twin} and {logical} differ by capitals alone; rename one of them")
        files[logical] = path.read_bytes()
        if SECRET in files[logical][:4096]:
            raise Invalid(f"{logical} is a private key; keep it outside the city's folder")
    if len(files) > MOST_FILES:
        raise Invalid(f"the city has {len(files)} files; a pack has {MOST_FILES} at most")
    return files
