"""Plugins made of texts, for tests of the host: written to a folder that is taken for the one Wangge ships."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

import pytest

import engine.installed_plugins
import plugins
from engine.models import Base

MANIFEST = """
from engine.hooks import (
    FunctionEntry, Indicator, Job, Manifest, MapLayer, Measured, Operator, Permission, hookimpl,
)


@hookimpl
def manifest():
    return Manifest("{name}", "路灯", "Street lamps", "1.2", "{api}", requires={requires!r})
"""

LAMPS = """
from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from engine.errors import OperatorRefused
from plugins.lamps.models import Lamp

HEARD = []


def switch_on(step, number):
    if number > 9:
        raise OperatorRefused("there are nine lamps; name one of them")
    step.record("lamps_switched", number=number)
    return {"lit": number}


def count_lamps(session, platform, now):
    return f"{session.query(Lamp).count()} lamps"


@hookimpl
def models():
    return [Lamp]


@hookimpl
def operators():
    return [Operator("lamps/switch_on", switch_on)]


@hookimpl
def functions():
    return [
        FunctionEntry(
            "lamps_pairs(lamps: number) -> number", lambda lamps: lamps * 2, "lamps", "灯泡数", "number of bulbs",
            (("lamps_pairs(2)", "4"),), pure=True,
        )
    ]


@hookimpl
def permissions():
    return [Permission("lamps.read", "查看路灯", "see lamps")]


@hookimpl
def indicators():
    return [Indicator("lit", "亮灯率", "share of lamps lit", "%", lambda *_: [Measured("MUNICIPAL", 8, 9, ("7",))])]


@hookimpl
def map_layers():
    return [MapLayer("lamps", "路灯", "lamps", "point", "lamps.read", lambda session, view, most: [])]


@hookimpl
def jobs():
    return [Job("count", "清点", "count", "30 2 * * *", count_lamps)]


@hookimpl
def case_changed(session, change):
    if change.kind == "lamps_bad":
        raise RuntimeError("no such lamp")
    HEARD.append((change.number, change.kind))
    session.add(Lamp(number=str(change.event_id), lit=True))
"""

MODELS = """
from sqlalchemy.orm import Mapped, mapped_column

from engine.models import Base


class Lamp(Base):
    __tablename__ = "lamps_lamp"
    __table_args__ = {"extend_existing": True}
    number: Mapped[str] = mapped_column(primary_key=True)
    lit: Mapped[bool]
"""

MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision = "lamps_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "lamps_lamp",
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("lit", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_lamps_lamp")),
    )


def downgrade():
    op.drop_table("lamps_lamp")
"""

SETTINGS = """
[most]
type = "integer"
default = 9
least = 1
zh = "路灯数"
en = "number of lamps"
"""


class Shelf:
    """A folder of plugins that stands in for the shipped one."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, code: str = "", *, api: str = ">=1.0,<2", requires: tuple[str, ...] = ()) -> Path:
        """A plugin with a manifest, and the hooks of ``code``."""
        folder = self.root / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "__init__.py").write_text("", encoding="utf-8")
        text = MANIFEST.format(name=name, api=api, requires=requires) + dedent(code)
        (folder / "plugin.py").write_text(text, encoding="utf-8")
        return folder

    def write_lamps(self) -> Path:
        """A plugin that uses every hook of the engine but the demonstration's."""
        folder = self.write("lamps", LAMPS)
        (folder / "models.py").write_text(MODELS, encoding="utf-8")
        (folder / "migrations").mkdir()
        (folder / "migrations" / "lamps_0001.py").write_text(MIGRATION, encoding="utf-8")
        (folder / "settings.toml").write_text(SETTINGS, encoding="utf-8")
        return folder


@contextmanager
def shelf_at(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """The shelf in force; what was imported from it is forgotten afterwards."""
    monkeypatch.setattr(engine.installed_plugins, "shipped_root", lambda: root)
    monkeypatch.setattr(plugins, "__path__", [str(root)])
    before = set(sys.modules)
    yield Shelf(root)
    for table in [each for each in Base.metadata.sorted_tables if each.name.startswith("lamps_")]:
        Base.metadata.remove(table)
    for name in set(sys.modules) - before:
        if name.startswith("plugins."):
            del sys.modules[name]
