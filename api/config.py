"""Settings of the host, read once from the environment."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DEFAULT_CITY = "yunhe"


@dataclass(frozen=True)
class Settings:
    """What a running host must know. ``city`` is the id of a shipped city or the path of a city folder.

    An empty ``database_url`` stands for an SQLite file under ``var``. ``https`` keeps session cookies off plain HTTP.
    ``demo_password`` is everybody's password in a demonstration; the login page then shows who there is.
    ``skip_broken`` starts the city without the plugins that are broken.
    """

    city: str
    database_url: str
    secret_key: str
    var: Path
    check_city: bool = True
    testing: bool = False
    https: bool = False
    demo_password: str = ""
    skip_broken: bool = False

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """``WANGGE_CITY``, ``WANGGE_DATABASE_URL``, ``WANGGE_SECRET_KEY``, ``WANGGE_HTTPS`` (1 behind HTTPS),
        ``WANGGE_SKIP_BROKEN_PLUGINS`` (1 to start without them) and ``WANGGE_VAR`` (default ``./var``).

        Without a database URL the city lives in an SQLite file of its name under ``var``; without a secret key one is
        made there, readable by its owner only, so that sessions survive a restart.
        """
        var = Path(environ.get("WANGGE_VAR") or "var").resolve()
        city = environ.get("WANGGE_CITY") or DEFAULT_CITY
        url = environ.get("WANGGE_DATABASE_URL") or ""
        key = environ.get("WANGGE_SECRET_KEY") or kept_secret(var)
        skip = environ.get("WANGGE_SKIP_BROKEN_PLUGINS") == "1"
        return cls(city, url, key, var, https=environ.get("WANGGE_HTTPS") == "1", skip_broken=skip)


def kept_secret(var: Path) -> str:
    """The secret key kept in ``var``, made on the first call; two workers that start together agree on one."""
    path = var / "secret_key"
    var.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii").strip()
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        key = secrets.token_urlsafe(48)
        file.write(key)
    return key
