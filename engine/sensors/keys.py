"""A device's key: a token it sends, or with which it signs. Only what is derived from it is kept.

The token is 32 random bytes, shown once. Kept are its SHA-256, by which a sent token is known, and the signing key
``SHA-256("wangge-sensor-signature:" + token)``: whoever reads the database can sign as the device, but has no token.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from engine.models import SensorDevice

SKEW = timedelta(minutes=5)
"""How far a signature's moment may lie from the present."""
_SIGNING = "wangge-sensor-signature:"


def new_key(device: SensorDevice) -> str:
    """Give a device a new token, which is returned and kept nowhere. The old one ends. The caller commits."""
    token = secrets.token_urlsafe(32)
    device.token_digest, device.signing_key = digest_of(token), signing_key_of(token)
    return token


def digest_of(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def signing_key_of(token: str) -> str:
    """The key a device signs with, from its token."""
    return hashlib.sha256((_SIGNING + token).encode()).hexdigest()


def sign(signing_key: str, moment: str, body: bytes) -> str:
    """The signature of a body: HMAC-SHA256 over the moment, a dot and the body, in hexadecimal."""
    return hmac.new(bytes.fromhex(signing_key), moment.encode() + b"." + body, hashlib.sha256).hexdigest()


def knows_token(device: SensorDevice, token: str) -> bool:
    """Whether a token is the device's."""
    return device.token_digest is not None and hmac.compare_digest(device.token_digest, digest_of(token))


def knows_signature(device: SensorDevice, moment: str, signature: str, body: bytes, now: datetime) -> bool:
    """Whether a signature is the device's and of these minutes. ``moment`` is ISO 8601 with offset."""
    if device.signing_key is None:
        return False
    try:
        signed_at = datetime.fromisoformat(moment)
        near = abs(signed_at - now) <= SKEW
    except (ValueError, TypeError):
        return False
    given = signature.removeprefix("sha256=").lower()
    return near and given.isascii() and hmac.compare_digest(sign(device.signing_key, moment, body), given)
