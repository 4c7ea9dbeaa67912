"""What every command needs: the city and database it was told to use, an open session, a progress bar."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from engine.city import City, load_city
from engine.database import open_database, session_factory

DEFAULT_CITY = "yunhe"


def city_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--city ID or FOLDER``."""
    return click.option(
        "--city", "city_name", default=lambda: os.environ.get("WANGGE_CITY", DEFAULT_CITY), show_default=DEFAULT_CITY,
        help="A shipped city's id or the path of a city folder (WANGGE_CITY).",
    )(command)  # fmt: skip


def database_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--database URL``."""
    return click.option(
        "--database", "database_url", default=lambda: os.environ.get("WANGGE_DATABASE_URL"),
        help="A database URL (WANGGE_DATABASE_URL). Default: a SQLite file of the city under var/.",
    )(command)  # fmt: skip


def database_url(city: City, given: str | None) -> str:
    """The URL given, or the city's SQLite file under ``var/``."""
    if given:
        return given
    return f"sqlite:///{(Path('var') / f'{city.id}.sqlite').absolute()}"


def find_city_folder(name: str) -> City:
    """The city, plugins' folders included."""
    return load_city(name)


@contextmanager
def open_city(city_name: str, url: str | None, *, synchronous: str = "FULL") -> Iterator[tuple[City, Engine, Session]]:
    """City, engine and session; closed afterwards."""
    city = find_city_folder(city_name)
    engine = open_database(database_url(city, url), synchronous=synchronous)
    session = session_factory(engine)()
    try:
        yield city, engine, session
    finally:
        session.close()
        engine.dispose()


def now() -> datetime:
    """The present moment of the machine."""
    return datetime.now(UTC)


@contextmanager
def progress_bar(label: str, length: int | None = None) -> Iterator[Callable[[int], None]]:
    """A bar that moves by the number it is given; a plain counter when the length is unknown."""
    with click.progressbar(length=length or 0, label=label, show_pos=True, hidden=False) as bar:

        def advance(done: int) -> None:
            if length is None:
                bar.length = (bar.length or 0) + done
            bar.update(done)

        yield advance
