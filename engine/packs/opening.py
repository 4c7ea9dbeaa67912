"""Open a pack somebody sent: whole, signed by whom you trust, made for this Wangge; unpack all of it, or nothing."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from engine import __version__
from engine.errors import Conflict, Invalid, NotFound
from engine.installed_plugins import find_plugins
from engine.layers import core_root
from engine.packs.archive import AGAIN, CITY, MANIFEST, MOST_BYTES, SIGNATURE, read_archive
from engine.packs.manifest import Manifest, digest_of, fits, mark_of, read_manifest_bytes
from engine.packs.signing import fingerprint, holds, public_key


@dataclass(frozen=True)
class Pack:
    """A pack whose files are what its manifest says. ``signer`` is the key that signed it, none for an unsigned one."""

    name: str
    manifest: Manifest
    files: dict[str, bytes]
    signer: Ed25519PublicKey | None

    @property
    def signed_by(self) -> str:
        """The signer's fingerprint, empty for an unsigned pack."""
        return fingerprint(self.signer) if self.signer is not None else ""


def open_pack(path: Path) -> Pack:
    """Read a pack whole and hold every file against the manifest.

    :raises Invalid: it is damaged or tampered with, naming the file; NotFound: it is not there.
    """
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= MOST_BYTES else b""
    except OSError as error:
        raise NotFound(f"{path} cannot be read ({error.strerror}); name the file of a pack") from error
    if size > MOST_BYTES:
        raise Invalid(f"{path.name} has {size} bytes, a pack has {MOST_BYTES} at most; {AGAIN}")
    parts = read_archive(content, path.name)
    told = parts.pop(MANIFEST, None)
    if told is None:
        raise Invalid(f"{path.name} has no {MANIFEST}, so it is no pack; make one with 'wangge pack'")
    manifest = read_manifest_bytes(told)
    signature = parts.pop(SIGNATURE, None)
    _refuse_contents(path.name, manifest, parts)
    signer = _signer(path.name, signature, told) if signature is not None else None
    return Pack(path.name, manifest, {name.removeprefix(CITY): part for name, part in parts.items()}, signer)


def _refuse_contents(name: str, manifest: Manifest, parts: dict[str, bytes]) -> None:
    wanted = {CITY + path: digest for path, digest in manifest.files.items()}
    for path in wanted.keys() - parts.keys():
        raise Invalid(f"{name}: {path} is missing; {AGAIN}")
    for path, content in parts.items():
        if path not in wanted:
            raise Invalid(f"{name}: {path} is in no list of the manifest; {AGAIN}")
        if hashlib.sha256(content).hexdigest() != wanted[path]:
            raise Invalid(f"{name}: {path} is not what the manifest says; {AGAIN}")
    if CITY + "city.toml" not in parts:
        raise Invalid(f"{name} has no city.toml, so it is no city; {AGAIN}")


def _signer(name: str, content: bytes, manifest: bytes) -> Ed25519PublicKey:
    try:
        told = orjson.loads(content)
        if told["algorithm"] != "ed25519":
            raise ValueError(f"algorithm {told['algorithm']!r}")
        key = public_key(base64.b64decode(told["key"], validate=True))
        signature = base64.b64decode(told["signature"], validate=True)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, binascii.Error) as error:
        raise Invalid(f"{name}: {SIGNATURE} cannot be read ({error}); {AGAIN}") from error
    if not holds(key, signature, manifest):
        raise Invalid(f"{name}: the signature is not of this manifest; {AGAIN}")
    return key


def refuse_stranger(pack: Pack, trusted: Sequence[Ed25519PublicKey]) -> None:
    """Raise Invalid unless one of the trusted keys signed the pack."""
    if pack.signer is None:
        raise Invalid(f"{pack.name} is not signed; ask its maker to sign it ('wangge pack CITY --key …')")
    if pack.signer not in trusted:
        known = ", ".join(fingerprint(key) for key in trusted) or "nobody"
        raise Invalid(
            f"{pack.name} is signed by {pack.signed_by}, whom you do not trust (you trust {known}); "
            "ask the signer for the fingerprint and give their .pub file with --trust"
        )


def refuse_other_release(pack: Pack) -> None:
    """Raise Invalid when the pack is for other releases of Wangge, or a plugin it needs is not installed."""
    manifest, installed = pack.manifest, find_plugins()
    if not fits(manifest):
        raise Invalid(
            f"{pack.name} is for Wangge {manifest.wangge}, this is {__version__}; "
            "use a release in that range, or ask for a pack for this one"
        )
    missing = sorted(set(manifest.plugins) - set(installed))
    if missing:
        raise Invalid(
            f"{pack.name} needs the plugins {', '.join(missing)}, which are not installed; install them first"
        )


def differences(pack: Pack) -> list[str]:
    """What is otherwise here than where the pack was made: core and plugins. The pack fits, but may act otherwise."""
    told = []
    if pack.manifest.core != digest_of(core_root()):
        told.append(f"the core's files are not those it was made with (Wangge {pack.manifest.made_with})")
    installed = find_plugins()
    for name, mark in pack.manifest.plugins.items():
        here = mark_of(installed.get(name))
        if here is None:
            told.append(f"plugin {name} {mark.version} cannot be used here")
        elif here.version != mark.version:
            told.append(f"plugin {name} is {here.version} here, {mark.version} in the pack")
        elif here.digest != mark.digest:
            told.append(f"plugin {name} {mark.version} has other files here")
    return told


def unpack(pack: Pack, folder: Path) -> None:
    """Write the city's files into a new folder: all of them, or none.

    :raises Conflict: the folder is there already and not empty; nothing is ever overwritten.
    """
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise Conflict(f"{folder} is there already; name a new folder, nothing is overwritten")
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        _write(pack, aside)
        aside.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        os.replace(aside, folder)  # noqa: PTH105  Path.replace says nothing of folders
    except OSError as error:
        shutil.rmtree(aside, ignore_errors=True)
        raise Conflict(f"{pack.name} cannot be unpacked into {folder} ({error}); nothing was written") from error
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def _write(pack: Pack, folder: Path) -> None:
    for inside, content in pack.files.items():
        path = folder / inside
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@contextmanager
def unpacked(pack: Pack) -> Iterator[Path]:
    """The city's files in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="wangge-pack-") as folder:
        _write(pack, Path(folder))
        yield Path(folder)
