"""Keep a generation: play every scene, write down where it stands and, played on without a break, where it ends."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, func, select

from engine.migrations import head_revision
from engine.models import Case, Deployment
from engine.platform import build_platform
from engine.testing.small_city import MONDAY, SmallTown, write_small_city
from engine.workflow.codec import FORMAT
from tools.golden.scenes import Scene, read_scenes
from tools.golden.stage import Stage, example_registry

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "tests" / "golden"
EXAMPLES = ROOT / "docs" / "reference" / "examples"
FOLDERS = {".bpmn": "processes", ".dmn": "decisions", ".json": "forms"}

KEPT = {
    "city_case": "id IN ({cases})",
    "case_unit": "case_id IN ({cases})",
    "case_clock": "case_id IN ({cases})",
    "clock_span": "clock_id IN (SELECT id FROM case_clock WHERE case_id IN ({cases}))",
    "case_link": "from_id IN ({cases})",
    "supervision": "case_id IN ({cases})",
    "evaluation": "case_id IN ({cases})",
    "instance": "case_id IN ({cases})",
    "task": "case_id IN ({cases}) AND status = 'open'",
    "timer": "instance_id IN (SELECT id FROM instance WHERE case_id IN ({cases}))",
    "waiting_event": "instance_id IN (SELECT id FROM instance WHERE case_id IN ({cases}))",
    "outbox": "case_id IN ({cases}) AND done_at IS NULL",
    "counter": "1 = 1",
}
"""The rows a running case needs, by table. History, photos and answered requests are not needed to go on."""

OF_THE_CITY = {"reporter_id", "assignee_id", "completed_by", "opened_by", "catalogue_version_id"}
"""Columns that point to rows of the city; they are led back when a generation is opened, or left empty."""


class GenerationExists(Exception):
    """There is a generation of this name already; generations are never written over."""


def generation_name() -> str:
    """What a generation of the present code is called: by state format and library."""
    return f"format-{FORMAT}-spiffworkflow-{version('SpiffWorkflow')}"


def keep_generation(home: Path = HOME, scenes: Iterable[Scene] | None = None, *, name: str | None = None) -> Path:
    """Play the scenes and write a new generation into ``home``. Raises GenerationExists before anything is played."""
    target = home / f"{name or generation_name()}.tar.xz"
    if target.exists():
        raise GenerationExists(
            f"{target} exists; a generation is never written over. Nothing is to be done while neither state format "
            "nor SpiffWorkflow changed; delete the file only if no release has it"
        )
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home, prefix=".") as work:
        unfinished = Path(work) / "generation.tar.xz"
        town = open_town(Path(work) / "town")
        try:
            with tarfile.open(unfinished, "w:xz", preset=9) as archive:
                write_generation(town, Folder(archive), scenes or read_scenes())
        finally:
            town.close()
        unfinished.rename(target)
    return target


def write_generation(town: SmallTown, folder: Folder, scenes: Iterable[Scene]) -> None:
    """Every scene, the deployment they ran on, and what the generation is of."""
    kept = [keep_scene(town, scene, folder) for scene in scenes]
    about = {
        "format": FORMAT,
        "spiffworkflow": version("SpiffWorkflow"),
        "revision": head_revision(),
        "written": datetime.now(UTC).date().isoformat(),
        "scenes": kept,
        "deployment": keep_deployment(town, folder),
    }
    folder.write("generation.json", readable(about))


class Folder:
    """A generation being written: named contents in one archive."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self.archive = archive

    def write(self, name: str, content: bytes) -> None:
        """Put something into it. Owner and moment of writing are left out: they would differ each time."""
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        self.archive.addfile(entry, BytesIO(content))


def open_town(folder: Path) -> SmallTown:
    """A small town with the core's diagrams and all examples."""
    city = write_small_city(folder / "small")
    for path in EXAMPLES.iterdir():
        if path.suffix in FOLDERS:
            (city / FOLDERS[path.suffix]).mkdir(exist_ok=True)
            shutil.copy(path, city / FOLDERS[path.suffix] / path.name)
    return SmallTown(city, f"sqlite:///{folder / 'town.sqlite'}")


def keep_scene(town: SmallTown, scene: Scene, folder: Folder) -> str:
    """Play a scene to where it is kept, write that down, and play it to its end. Returns its name."""
    town.clock.set(MONDAY)
    platform = build_platform(town.session, town.city, clock=town.clock, registry=example_registry())
    stage = Stage(town.city, town.roles, town.session, platform, town.clock)
    before = town.session.scalar(select(func.max(Case.id))) or 0
    for name, process in (("other", scene.other), ("", scene.process)):
        if process is not None:
            stage.begin(process, scene.report, name)
    stage.act(scene.before, f"{scene.name}: before")
    town.session.rollback()
    rows = keep_rows(town.session.connection(), before, scene.name, folder)
    record = {
        "title": scene.title,
        "moment": town.clock.now().isoformat(),
        "cases": dict(stage.play.numbers),
        "standing": {str(instance.id): stage.look(instance) for instance in stage.instances()},
        "after": scene.after,
        "rows": rows,
    }
    town.session.rollback()
    stage.act(scene.after, f"{scene.name}: after")
    folder.write(f"scenes/{scene.name}.json", readable({**record, "end": stage.leave()}))
    return scene.name


def keep_rows(connection: Connection, before: int, name: str, folder: Folder) -> dict[str, list[dict[str, Any]]]:
    """The rows of the cases after ``before`` as the database holds them; an instance's state lies in its own file."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for table, condition in KEPT.items():
        where = condition.format(cases=f"SELECT id FROM city_case WHERE id > {before}")
        found = connection.exec_driver_sql(f"SELECT * FROM {table} WHERE {where}").mappings()
        rows[table] = [{key: None if key in OF_THE_CITY else value for key, value in row.items()} for row in found]
    for row in rows["instance"]:
        file = f"scenes/{name}-{row['id']}.state"
        folder.write(file, row["state"])
        row["state"] = {"file": file}
    return {table: found for table, found in rows.items() if found}


def keep_deployment(town: SmallTown, folder: Folder) -> Mapping[str, Any]:
    """The deployment all scenes ran on: its row without the files, which lie in ``deployment/``."""
    town.session.rollback()
    deployment = town.session.scalars(select(Deployment)).one()
    for path, text in sorted(deployment.files.items()):
        folder.write(f"deployment/{path}", text.encode())
    row = town.session.connection().exec_driver_sql("SELECT * FROM deployment").mappings().one()
    return {key: value for key, value in row.items() if key != "files"}


def readable(value: Any) -> bytes:
    """JSON a person can read."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)
