"""What Alembic runs for every command: on the connection it is given, inside the caller's transaction."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

from engine.models import Base
from engine.models.base import Moment


def render_item(kind: str, item: Any, autogen: Any) -> str | Literal[False]:
    """Write our column types as what the database sees, so that old revisions need no code of today."""
    return "sa.DateTime()" if kind == "type" and isinstance(item, Moment) else False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    render_item=render_item,
    compare_type=True,
    version_table=context.config.attributes["table"],
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
