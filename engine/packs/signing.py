"""Keys and signatures of packs: Ed25519, in the PEM files that other tools read and write as well."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from engine.errors import Conflict, Invalid, NotFound

CONTEXT = b"wangge pack 1\n"
"""Stands before what is signed, so that a signature for something else is none for a pack."""


def write_keys(path: Path, passphrase: str = "") -> tuple[Path, Path, str]:
    """Make a pair of keys: ``<path>.key`` (private, readable by its owner alone) and ``<path>.pub``.

    Returns both files and the fingerprint. :raises Conflict: one of them exists: a key is never overwritten.
    """
    secret_file, public_file = path.with_name(f"{path.name}.key"), path.with_name(f"{path.name}.pub")
    for file in (secret_file, public_file):
        if file.exists():
            raise Conflict(f"{file} exists; a key is never overwritten, choose another name")
    key = Ed25519PrivateKey.generate()
    shield: KeySerializationEncryption = NoEncryption()
    if passphrase:
        shield = BestAvailableEncryption(passphrase.encode())
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, shield)
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(secret_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file_of_key:
        file_of_key.write(secret)
    public_file.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return secret_file, public_file, fingerprint(key.public_key())


def read_private_key(path: Path, passphrase: str = "") -> Ed25519PrivateKey:
    """The private key of a file. Raises Invalid naming the file, NotFound when it is not there."""
    try:
        key = load_pem_private_key(_read(path), passphrase.encode() or None)
    except TypeError as error:
        remedy = "give its passphrase" if not passphrase else "leave the passphrase out"
        raise Invalid(f"{path}: {error}; {remedy}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        remedy = "check the passphrase, or make a key with 'wangge pack keygen'"
        raise Invalid(f"{path} cannot be read as a private key; {remedy}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise Invalid(f"{path} is no Ed25519 key; make one with 'wangge pack keygen'")
    return key


def read_public_keys(path: Path) -> list[Ed25519PublicKey]:
    """The public key of a file, or those of every ``.pub`` in a folder. Raises Invalid, NotFound."""
    if path.is_dir():
        keys = [key for file in sorted(path.glob("*.pub")) for key in read_public_keys(file)]
        if not keys:
            raise NotFound(f"{path} has no .pub file; put the public keys of whom you trust into it")
        return keys
    try:
        key = load_pem_public_key(_read(path))
    except (ValueError, UnsupportedAlgorithm) as error:
        remedy = "give the .pub file of 'wangge pack keygen', never the .key"
        raise Invalid(f"{path} cannot be read as a public key; {remedy}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise Invalid(f"{path} is no Ed25519 key; give the .pub file of 'wangge pack keygen'")
    return [key]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound(f"{path} cannot be read ({error.strerror}); name the file of the key") from error


def raw(key: Ed25519PublicKey) -> bytes:
    """The 32 bytes of a public key."""
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def fingerprint(key: Ed25519PublicKey) -> str:
    """A short name of a key to compare over the telephone: 16 hexadecimal digits of its SHA-256, in fours."""
    digits = hashlib.sha256(raw(key)).hexdigest()[:16]
    return " ".join(digits[at : at + 4] for at in range(0, 16, 4))


def sign(key: Ed25519PrivateKey, manifest: bytes) -> bytes:
    """The signature of a manifest."""
    return key.sign(CONTEXT + manifest)


def holds(key: Ed25519PublicKey, signature: bytes, manifest: bytes) -> bool:
    """Whether a signature of a manifest is this key's."""
    try:
        key.verify(signature, CONTEXT + manifest)
    except InvalidSignature:
        return False
    return True


def public_key(content: bytes) -> Ed25519PublicKey:
    """The public key of its 32 bytes. Raises ValueError."""
    return Ed25519PublicKey.from_public_bytes(content)
