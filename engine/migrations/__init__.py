"""The database's schema, step by step: Alembic without an ini file, so that it works from a wheel as well.

The core's revisions lie in ``versions/`` here. A plugin has its own in ``migrations/`` of its folder, and its own table
that says where it stands: one that is disabled or no longer installed keeps its tables and stands in nobody's way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect

from engine.database import WRITE
from engine.errors import Conflict

HOME = Path(__file__).resolve().parent
LOCK = 0x77616E67
"""Key of the PostgreSQL advisory lock that lets one process at a time change the schema."""


def upgrade_database(engine: Engine, plugins: Mapping[str, Path] | None = None) -> str:
    """Bring the schema to this release, in one transaction; a new database is made whole.

    :param plugins: the folders of the plugins whose tables are to be there, by name.
    :returns: the revisions reached, separated by commas: the core's first.
    :raises Conflict: the database has tables that no migration made.
    """
    chains = [CORE, *(plugin_chain(name, root) for name, root in sorted((plugins or {}).items()))]
    return _run(engine, [chain for chain in chains if chain], lambda config: command.upgrade(config, "head"))


def downgrade_database(engine: Engine, target: str = "base") -> str:
    """Take the core's schema back to a revision; ``base`` removes every table of it and everything in it."""
    return _run(engine, [CORE], lambda config: command.downgrade(config, target))


def downgrade_plugin(engine: Engine, name: str, root: Path, target: str = "base") -> str:
    """Take a plugin's schema back; ``base`` removes its tables and everything in them. For tests and developers."""
    chain = plugin_chain(name, root)
    return _run(engine, [chain], lambda config: command.downgrade(config, target)) if chain else ""


def current_revision(engine: Engine) -> str:
    """The revision of the core a database is at, empty for a new one."""
    with engine.connect() as connection:
        return ",".join(sorted(MigrationContext.configure(connection).get_current_heads()))


def head_revision() -> str:
    """The revision of the core that this release needs."""
    return ",".join(sorted(ScriptDirectory.from_config(alembic_config(CORE)).get_heads()))


@dataclass(frozen=True)
class Chain:
    """Revisions that follow each other: the folder they lie in, and the table that says where a database stands."""

    folder: Path
    table: str


CORE = Chain(HOME / "versions", "alembic_version")


def plugin_chain(name: str, root: Path) -> Chain | None:
    """A plugin's revisions; none when it has no tables."""
    folder = root / "migrations"
    return Chain(folder, f"{name}_schema_version") if any(folder.glob("*.py")) else None


def alembic_config(chain: Chain, connection: Connection | None = None) -> Config:
    """Alembic's settings, made of code. ``env.py`` runs on ``connection``."""
    config = Config()
    config.set_main_option("script_location", _escaped(HOME))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", _escaped(chain.folder))
    config.attributes["connection"] = connection
    config.attributes["table"] = chain.table
    return config


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")


def _run(engine: Engine, chains: Iterable[Chain], act: Callable[[Config], object]) -> str:
    with _schema_transaction(engine) as connection:
        _refuse_foreign_tables(connection)
        reached: list[str] = []
        for chain in chains:
            act(alembic_config(chain, connection))
            noted = MigrationContext.configure(connection, opts={"version_table": chain.table})
            reached += sorted(noted.get_current_heads())
        return ",".join(reached)


@contextmanager
def _schema_transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction that nobody else migrates in. SQLite rebuilds tables, so foreign keys wait until its end."""
    sqlite = engine.dialect.name == "sqlite"
    with engine.connect().execution_options(**{WRITE: True}) as connection:
        if sqlite:
            _set_foreign_keys(connection, "OFF")
        try:
            with connection.begin():
                if not sqlite:
                    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
                yield connection
                if sqlite:
                    _refuse_orphans(connection)
        finally:
            if sqlite:
                _set_foreign_keys(connection, "ON")


def _set_foreign_keys(connection: Connection, value: str) -> None:
    """The pragma does nothing inside a transaction, so it goes straight to the driver."""
    cursor = connection.connection.cursor()
    cursor.execute(f"PRAGMA foreign_keys={value}")
    cursor.close()


def _refuse_orphans(connection: Connection) -> None:
    orphan = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if orphan is not None:
        raise Conflict(f"a row of {orphan[0]} would point to a missing row of {orphan[2]}; nothing was changed")


def _refuse_foreign_tables(connection: Connection) -> None:
    tables = set(inspect(connection).get_table_names())
    if "city_case" in tables and "alembic_version" not in tables:
        raise Conflict(
            "this database has tables but no schema version: 'wangge init' did not make it; use an empty database"
        )
