"""Migrations make exactly the models' schema, on both databases, there and back."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, inspect, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from engine.database import open_database
from engine.errors import Conflict
from engine.migrations import current_revision, downgrade_database, downgrade_plugin, head_revision, upgrade_database
from engine.models import Base, Counter

SERVER = os.environ.get("WANGGE_TEST_POSTGRESQL", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres")

PLUGIN_REVISION = '''
"""A plugin's table."""
import sqlalchemy as sa
from alembic import op

revision = "traffic_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("traffic_tow_order", sa.Column("id", sa.Integer, primary_key=True))


def downgrade() -> None:
    op.drop_table("traffic_tow_order")
'''


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path / 'city.sqlite'}")
    yield engine
    engine.dispose()


@pytest.fixture
def postgresql() -> Iterator[Engine]:
    server = create_engine(SERVER, isolation_level="AUTOCOMMIT")
    name = f"wangge_test_{uuid4().hex[:12]}"
    try:
        with server.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
    except OperationalError as error:
        if os.environ.get("WANGGE_NO_SKIP"):
            raise
        pytest.skip(f"no PostgreSQL answers at {server.url}: {error.orig}")
    engine = open_database(server.url.set(database=name).render_as_string(hide_password=False))
    yield engine
    engine.dispose()
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name}"))
    server.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database(request: pytest.FixtureRequest) -> Engine:
    engine: Engine = request.getfixturevalue(request.param)
    return engine


def differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        options = {"compare_type": True, "include_object": is_the_cores}
        context = MigrationContext.configure(connection, opts=options)
        found = compare_metadata(context, Base.metadata)
        return [each for each in found if not (repeats_primary_key(each) or is_address_search(each))]


def is_the_cores(thing: object, name: str | None, kind: str, reflected: bool, other: object) -> bool:
    """Tables of plugins are made by their own migrations; they may have been imported by another test."""
    return kind != "table" or reflected or name in core_tables()


def core_tables() -> set[str]:
    mappers = Base.registry.mappers
    return {mapper.local_table.name for mapper in mappers if mapper.class_.__module__.startswith("engine.")}


def is_address_search(difference: object) -> bool:
    """The full-text index of addresses is each database's own kind of table, outside the metadata."""
    kind, thing = difference[:2] if isinstance(difference, tuple) else ("", None)
    table = thing if kind == "remove_table" else getattr(thing, "table", None) if kind == "remove_index" else None
    return table is not None and table.name.startswith("address_search")


def repeats_primary_key(difference: object) -> bool:
    """PostgreSQL makes no second constraint where a unique one names the primary key's columns."""
    kind, thing = difference[:2] if isinstance(difference, tuple) else ("", None)
    if kind != "add_constraint":
        return False
    primary = Base.metadata.tables[thing.table.name].primary_key
    return {column.name for column in thing.columns} == {column.name for column in primary.columns}


def test_upgrade_makes_exactly_the_schema_of_the_models(database: Engine) -> None:
    assert upgrade_database(database) == head_revision()
    assert differences(database) == []


def test_constraints_and_indexes_bear_the_names_of_the_models(database: Engine) -> None:
    upgrade_database(database)
    found = inspect(database)
    for table in [each for each in Base.metadata.sorted_tables if each.name in core_tables()]:
        assert {index["name"] for index in found.get_indexes(table.name)} >= {index.name for index in table.indexes}
        assert found.get_pk_constraint(table.name)["name"] == f"pk_{table.name}"


def test_downgrade_to_base_and_up_again_works(database: Engine) -> None:
    upgrade_database(database)
    assert downgrade_database(database) == ""
    assert set(inspect(database).get_table_names()) == {"alembic_version"}
    upgrade_database(database)
    assert differences(database) == []


def test_upgrade_again_changes_nothing_and_keeps_the_data(database: Engine) -> None:
    upgrade_database(database)
    with Session(database) as session:
        session.add(Counter(name="case 2026-03-02", value=7))
        session.commit()
    assert upgrade_database(database) == head_revision()
    with Session(database) as session:
        assert session.get_one(Counter, "case 2026-03-02").value == 7


def test_a_new_database_is_made_within_a_second_of_work(sqlite: Engine) -> None:
    started = time.process_time()
    upgrade_database(sqlite)
    assert time.process_time() - started < 1.0


def test_a_database_in_memory_can_be_made() -> None:
    engine = open_database("sqlite://")
    assert upgrade_database(engine) == head_revision()
    assert differences(engine) == []


def test_foreign_keys_hold_after_an_upgrade(sqlite: Engine) -> None:
    upgrade_database(sqlite)
    with sqlite.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def write_plugin(folder: Path, revision: str) -> Path:
    (folder / "migrations").mkdir()
    (folder / "migrations" / "traffic_0001.py").write_text(revision, encoding="utf-8")
    return folder


def test_a_plugin_brings_its_own_migrations(database: Engine, tmp_path: Path) -> None:
    root = write_plugin(tmp_path, PLUGIN_REVISION)
    assert upgrade_database(database, {"traffic": root}) == f"{head_revision()},traffic_0001"
    assert "traffic_tow_order" in inspect(database).get_table_names()
    downgrade_plugin(database, "traffic", root)
    assert "traffic_tow_order" not in inspect(database).get_table_names()
    assert "city_case" in inspect(database).get_table_names()


def test_the_tables_of_a_plugin_that_is_gone_stay_and_disturb_nobody(database: Engine, tmp_path: Path) -> None:
    upgrade_database(database, {"traffic": write_plugin(tmp_path, PLUGIN_REVISION)})
    assert upgrade_database(database) == head_revision()
    assert {"traffic_tow_order", "traffic_schema_version"} <= set(inspect(database).get_table_names())


def test_a_failing_revision_leaves_nothing_behind(database: Engine, tmp_path: Path) -> None:
    broken = PLUGIN_REVISION.replace("\n\n\ndef downgrade", '\n    raise RuntimeError("no")\n\n\ndef downgrade')
    with pytest.raises(RuntimeError):
        upgrade_database(database, {"traffic": write_plugin(tmp_path, broken)})
    assert inspect(database).get_table_names() == []


def test_tables_that_no_migration_made_are_refused(sqlite: Engine) -> None:
    Base.metadata.create_all(sqlite)
    with pytest.raises(Conflict, match="no schema version"):
        upgrade_database(sqlite)


def test_the_present_revision_is_told(sqlite: Engine) -> None:
    assert current_revision(sqlite) == ""
    upgrade_database(sqlite)
    assert current_revision(sqlite) == head_revision()
