"""A plugin's tables: what its migrations make is what its models say, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, MetaData, inspect

from engine.database import open_database
from engine.migrations import downgrade_plugin, plugin_chain, upgrade_database
from engine.testing.scratch import NoServer, scratch_postgresql


def table_faults(plugin: str, root: Path, models: Sequence[type[Any]]) -> Iterator[str]:
    """Try the migrations up, down and up again on an empty SQLite database, and on PostgreSQL where one answers."""
    if plugin_chain(plugin, root) is None:
        if models:
            yield "the hook models names tables, but migrations/ has no revision that makes them"
        return
    yield from _on("sqlite://", plugin, root, models)
    try:
        with scratch_postgresql() as url:
            yield from _on(url, plugin, root, models)
    except NoServer:
        return  # the promise is for both; the pytest plugin says when PostgreSQL was not tried


def _on(url: str, plugin: str, root: Path, models: Sequence[type[Any]]) -> Iterator[str]:
    engine = open_database(url)
    kind = engine.dialect.name
    try:
        upgrade_database(engine)
        before = set(inspect(engine).get_table_names())
        upgrade_database(engine, {plugin: root})
        for difference in _differences(engine, plugin, models):
            yield f"{kind}: migrations and models differ: {difference}; correct one of the two"
        foreign = {
            name for name in set(inspect(engine).get_table_names()) - before if not name.startswith(f"{plugin}_")
        }
        if foreign:
            yield f"{kind}: a migration makes {', '.join(sorted(foreign))}; a plugin's tables begin with {plugin}_"
        downgrade_plugin(engine, plugin, root)
        left = set(inspect(engine).get_table_names()) - before - {f"{plugin}_schema_version"}
        if left:
            yield f"{kind}: after the downgrade {', '.join(sorted(left))} is still there; drop it in downgrade()"
        upgrade_database(engine, {plugin: root})
    except Exception as error:  # whatever a migration raises is what is told
        yield f"{kind}: a migration fails: {error!r}; correct it"
    finally:
        engine.dispose()


def _differences(engine: Engine, plugin: str, models: Sequence[type[Any]]) -> list[str]:
    own = {model.__table__.name for model in models}
    wanted = MetaData(naming_convention=models[0].metadata.naming_convention if models else None)
    for model in models:
        for table in model.metadata.tables.values():
            if table.name not in wanted.tables:
                table.to_metadata(wanted)

    def is_own(thing: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
        if kind != "table":
            return True
        return name in own or (
            reflected and (name or "").startswith(f"{plugin}_") and name != f"{plugin}_schema_version"
        )

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": is_own})
        return [_told(each) for each in compare_metadata(context, wanted)]


def _told(difference: Any) -> str:
    if isinstance(difference, list):
        return "; ".join(_told(each) for each in difference)
    kind, *rest = difference
    return f"{kind} {' '.join(str(getattr(each, 'name', each)) for each in rest if each is not None)}"
