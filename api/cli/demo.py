"""``wangge demo``: a demonstration city with weeks of work behind it, made once and then kept."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from random import Random

import click
from sqlalchemy import inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from api.cli.context import city_option, database_option, database_url, find_city_folder, now, progress_bar
from api.cli.serving import port_option, refuse_taken_port, serve_city
from api.cli.simulating import show_summary
from engine.checks import check_city, refuse_broken
from engine.city import City
from engine.database import begin_write, open_database, session_factory
from engine.evidence.places import PLACE, folder_beside, open_store
from engine.evidence.store import Store
from engine.hooks import Demonstration, PlannedMatter
from engine.hooks.host import load_plugins
from engine.loading.city import load_city_folder
from engine.migrations import upgrade_database
from engine.models import Counter, Department, Deployment, Person
from engine.organisation.people import hash_password
from engine.organisation.roles import load_roles
from engine.patrol.roster import roll_out
from engine.platform import Platform, build_platform
from engine.simulation.city_at_work import simulate
from engine.simulation.sensors import simulate_devices
from engine.simulation.standing_by import stand_by
from engine.simulation.walking import walk_city, walked

PASSWORD = "wangge-demo"
BEGUN, READY = "demonstration begun", "demonstration ready"
MARKS = (BEGUN, READY)
"""Counters that mark a demonstration, so that another city is never taken for one."""
PATROL_HOURS = 14.0
"""The last hours in which collectors leave tracks."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")

WORDS = {
    "zh": {
        "address": "地址", "role": "角色", "login": "账号", "name": "姓名", "password": "密码", "department": "部门",
    },
    "en": {
        "address": "address", "role": "role", "login": "login", "name": "name", "password": "password",
        "department": "department",
    },
}  # fmt: skip


@click.command("demo")
@city_option
@database_option
@click.option("--serve", is_flag=True, help="Serve it afterwards.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@port_option
@click.option("--days", default=14.0, show_default=True, type=click.FloatRange(min=1), help="Days of work behind it.")
@click.option(
    "--cases-per-day", default=22.0, show_default=True, type=click.FloatRange(min=1), help="Reports, on average."
)
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same city.")
@click.option("--fresh", is_flag=True, help="Make it anew; what is there is replaced once the new one is ready.")
def demo_command(
    city_name: str, database_url: str | None, serve: bool, host: str, port: int, days: float, cases_per_day: float,
    seed: int, fresh: bool,
) -> None:  # fmt: skip
    """Make a demonstration city, or open the one made before."""
    city = find_city_folder(city_name)
    if serve:
        refuse_taken_port(host, port)
    refuse_broken(check_city(city))
    url = _url(city, database_url)
    found = Found.NOTHING if fresh else look(url)
    if found is Found.UNFINISHED:
        raise click.ClickException(
            f"{url} holds a demonstration that was not finished; empty the database and start again"
        )
    if found is Found.NOTHING:
        make_demo(city, url, days=days, cases_per_day=cases_per_day, seed=seed, fresh=fresh)
    show_accounts(city, url, f"http://{host}:{port}", PASSWORD if found is not Found.OTHER else None)
    if serve:
        if host not in LOOPBACK:
            click.echo(f"everybody who reaches {host} can log in with this password; it is for demonstrations only")
        known = found is not Found.OTHER and host in LOOPBACK
        serve_city(city, url, host, port, demo_password=PASSWORD if known else "")


def _url(city: City, given: str | None) -> str:
    return database_url(city, given)


class Found(Enum):
    """What a database holds before a demonstration is made in it."""

    NOTHING = "nothing"
    UNFINISHED = "a demonstration that was interrupted, on a server; a file is renamed into place when it is whole"
    DEMONSTRATION = "a demonstration"
    OTHER = "a city made otherwise, such as by wangge init; it is kept"


def look(url: str) -> Found:
    """What is in a database; a file that does not exist holds nothing and is not made."""
    file = database_file(url)
    if file is not None and not file.exists():
        return Found.NOTHING
    engine = open_database(url)
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table("deployment"):
                return Found.NOTHING
            if connection.execute(select(Deployment.id).limit(1)).first() is None:
                return Found.NOTHING
            marks = dict(connection.execute(select(Counter.name, Counter.value).where(Counter.name.in_(MARKS))).all())
    finally:
        engine.dispose()
    if READY in marks:
        return Found.DEMONSTRATION
    return Found.UNFINISHED if BEGUN in marks else Found.OTHER


def make_demo(city: City, url: str, *, days: float, cases_per_day: float, seed: int, fresh: bool) -> None:
    """Make the demonstration. A SQLite file comes into being beside its place and moves there whole, or not at all."""
    file = database_file(url)
    if file is None:
        if fresh:
            raise click.ClickException(f"--fresh replaces SQLite files only; empty {url} yourself and start again")
        fill_demo(city, url, days=days, cases_per_day=cases_per_day, seed=seed)
        return
    making = file.with_name(f"{file.name}.making")
    remove_file(making)
    # Files of evidence go where the database will be: they are named by their content and disturb nobody there.
    kept = open_store(os.environ.get(PLACE) or str(folder_beside(file)), durable=False)
    fill_demo(city, f"sqlite:///{making}", days=days, cases_per_day=cases_per_day, seed=seed, store=kept)
    remove_file(file)
    making.replace(file)


def fill_demo(
    city: City, url: str, *, days: float, cases_per_day: float, seed: int, store: Store | None = None
) -> None:
    """Load the city and let it work up to now. ``store``: where its evidence goes, beside the database unless given."""
    engine = open_database(url, synchronous="OFF")
    session = session_factory(engine)()
    try:
        upgrade_database(engine, city.enabled_roots)
        session.add(Counter(name=BEGUN, value=1))
        session.commit()
        begin = now()
        with progress_bar(f"{city.name}: components and addresses") as progress:
            load_city_folder(session, city, begin, password_hash=hash_password(PASSWORD), progress=progress)
        platform = build_platform(session, city)
        platform.store = store or platform.store
        roll_out(session, city, begin, since=(begin - timedelta(days=days)).astimezone(city.time_zone).date())
        matters = fill_plugins(session, platform, seed, begin - timedelta(days=days), begin)
        with progress_bar(f"{city.name}: hours of work", round(days * 24)) as progress:
            summary = simulate(
                session, platform, start=begin - timedelta(days=days), days=days, cases_per_day=cases_per_day,
                seed=seed, unfinished=True, matters=matters, progress=progress,
            )  # fmt: skip
        patrols = walked(session, begin - timedelta(hours=PATROL_HOURS), begin)
        with progress_bar(f"{city.name}: patrols", len(patrols)) as progress:
            walk_city(session, platform, begin, hours=PATROL_HOURS, seed=seed, progress=progress)
        stand_by(session, city, begin)
        show_summary(summary, city)
        if not summary.tally.reported:
            raise click.ClickException("nobody could report anything, see above; nothing was kept")
        simulate_devices(session, platform, end=begin, seed=seed)
        session.add(Counter(name=READY, value=1))
        session.commit()
        if engine.dialect.name == "sqlite":
            session.close()
            with engine.connect() as connection:
                connection.exec_driver_sql("ROLLBACK")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                connection.exec_driver_sql("BEGIN")
    finally:
        session.close()
        engine.dispose()


def fill_plugins(
    session: Session, platform: Platform, seed: int, start: datetime, end: datetime
) -> list[PlannedMatter]:
    """Let every plugin fill its registers and plan its matters; those planned."""
    host, planned = load_plugins(platform.city), list[PlannedMatter]()
    for plugin in host.listens("demo_data"):
        begin_write(session)
        shown = Demonstration(session, platform, Random(f"{seed} {plugin}"), start, end)
        host.tell("demo_data", plugin, demo=shown)
        session.commit()
        planned += shown.planned
    return planned


def database_file(url: str) -> Path | None:
    """The file of a SQLite URL, none for a server."""
    parsed = make_url(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def remove_file(file: Path) -> None:
    """A SQLite file with what lies beside it."""
    for suffix in ("", "-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)


def show_accounts(city: City, url: str, address: str, password: str | None) -> None:
    """Print one account a role, in the city's language; with the password where it is known."""
    english = city.language == "en"
    roles, words = load_roles(city.layers), WORDS["en" if english else "zh"]
    engine = open_database(url)
    with session_factory(engine)() as session:
        names = {row.code: row.name_en if english else row.name for row in session.scalars(select(Department))}
        people = session.scalars(select(Person).where(Person.demo, Person.active).order_by(Person.id)).all()
        rows = [
            (
                (roles[held.post.role].name_en if english else roles[held.post.role].name)
                if held.post.role in roles
                else held.post.role,
                person.login,
                person.name_en if english else person.name,
                names.get(held.department_code, ""),
            )
            for person in people
            for held in person.posts[:1]
        ]
    engine.dispose()
    known = f"    {words['password']}: {password}" if password else ""
    click.echo(f"\n{words['address']}: {address}{known}")
    for line in table([(words["role"], words["login"], words["name"], words["department"]), *rows]):
        click.echo(line)


def table(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Rows in columns; a Chinese character is two wide."""
    kept = list(rows)
    widths = [max(_width(row[at]) for row in kept) for at in range(len(kept[0]))]
    padded = (
        "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)) for row in kept
    )
    return [f"  {line.rstrip()}" for line in padded]


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
