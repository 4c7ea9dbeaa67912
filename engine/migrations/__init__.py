"""The database's schema, step by step: Alembic without an ini file, so that it works from a wheel as well.

The core's revisions lie in ``versions/`` here and carry the branch label ``core``. A plugin brings its own folder as a
further location; its first revision has its own branch label and ``depends_on`` a revision of the core.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
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


def upgrade_database(engine: Engine, locations: Iterable[Path] = ()) -> str:
    """Bring the schema to this release, in one transaction; a new database is made whole.

    :param locations: version folders of plugins, beside the core's own.
    :returns: the revision reached; several, separated by commas, when plugins have tables.
    :raises Conflict: the database has tables that no migration made.
    """
    return _run(engine, locations, lambda config: command.upgrade(config, "heads"))


def downgrade_database(engine: Engine, target: str = "base", locations: Iterable[Path] = ()) -> str:
    """Take the schema back to a revision; ``base`` removes every table and everything in it."""
    return _run(engine, locations, lambda config: command.downgrade(config, target))


def current_revision(engine: Engine) -> str:
    """The revision a database is at, empty for a new one."""
    with engine.connect() as connection:
        return ",".join(sorted(MigrationContext.configure(connection).get_current_heads()))


def head_revision(locations: Iterable[Path] = ()) -> str:
    """The revision this release needs."""
    return ",".join(sorted(ScriptDirectory.from_config(alembic_config(locations)).get_heads()))


def alembic_config(locations: Iterable[Path] = (), connection: Connection | None = None) -> Config:
    """Alembic's settings, made of code. ``env.py`` runs on ``connection``."""
    config = Config()
    config.set_main_option("script_location", _escaped(HOME))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(map(_escaped, (HOME / "versions", *locations))))
    config.attributes["connection"] = connection
    return config


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")


def _run(engine: Engine, locations: Iterable[Path], act: Callable[[Config], object]) -> str:
    with _schema_transaction(engine) as connection:
        _refuse_foreign_tables(connection)
        config = alembic_config(locations, connection)
        act(config)
        return _reached(connection, config)


def _reached(connection: Connection, config: Config) -> str:
    """The newest revisions applied; those that others depend on are not noted in the database, but count."""
    noted = MigrationContext.configure(connection).get_current_heads()
    script = ScriptDirectory.from_config(config)
    applied = {revision.revision for revision in script.get_all_current(noted)}
    return ",".join(sorted({*noted, *(applied & set(script.get_heads()))}))


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
