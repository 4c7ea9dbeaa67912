"""The store is swept by itself: a file without a row goes, also after kill -9, and every round is on record."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from api_people import Api
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

import engine.cases.evidence as evidence_room
from api.cli import main
from api.context import PLATFORM
from api.scheduler import start_scheduler, sweep_evidence
from engine.cases.evidence import add_evidence
from engine.database import open_database
from engine.evidence.folder import FolderStore
from engine.evidence.likeness import find_alike, unsigned
from engine.evidence.rounds import AGAIN, EVERY, KEPT, holdings, last_rounds, sweep_on_record, sweep_when_due
from engine.evidence.store import StoreFailed
from engine.migrations import downgrade_database, upgrade_database
from engine.models import Evidence, PhotoBand
from engine.simulation.photos import draw
from engine.testing.casework import CaseWork
from engine.testing.small_city import SmallTown

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)


def upload(town: SmallTown, number: str, content: bytes, role: str = "before_photo") -> None:
    actor = town.actor("collector")
    add_evidence(town.session, town.platform, actor, number, role, "a.jpg", content, now=town.clock.now())


def test_what_kill_9_leaves_is_taken_by_the_scheduler_and_nothing_else(api: Api) -> None:
    """The writer dies after its files are on the disk and before its row is committed."""
    app: Flask = api.app
    with app.app_context():
        platform, database = app.extensions[PLATFORM], app.extensions["sqlalchemy"].engine.url
    town = SmallTown(platform.city.root, str(database))
    number = CaseWork(town).case.number
    kept, lost = draw("before_photo", 1), draw("before_photo", 2)
    upload(town, number, kept)
    town.session.rollback()

    def worker() -> None:
        town.session.get_bind().dispose(close=False)  # type: ignore[union-attr]
        town.session.close()
        evidence_room.index_photo = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        upload(town, number, lost)

    process = multiprocessing.get_context("fork").Process(target=worker)
    process.start()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    store: Any = platform.store
    assert isinstance(store, FolderStore)
    assert store.get(hashlib.sha256(lost).hexdigest()) == lost
    for each in list(store.walk()):
        path = store.root / each.name[:2] / each.name[2:4] / each.name
        os.utime(path, (0, 0))  # long ago
    assert sweep_evidence(app)
    names = {each.name.partition(".")[0] for each in store.walk()}
    assert names == {hashlib.sha256(kept).hexdigest()}
    assert not sweep_evidence(app), "once a day is enough"
    (done,) = last_rounds(town.session, 5)
    assert (done.seen, done.taken, done.failure) == (6, 3, "")
    town.close()


def test_the_scheduler_has_the_sweep_among_its_jobs(api: Api) -> None:
    class Nobody:
        def held(self) -> bool:
            return False

        def release(self) -> None: ...

    scheduler = start_scheduler(api.app, every_s=60, leadership=Nobody())
    try:
        assert "wangge.evidence" in {job.id for job in scheduler.get_jobs()}
    finally:
        scheduler.shutdown(wait=False)


def test_rounds_come_once_a_day_and_a_failed_one_is_tried_again_in_an_hour(
    town: SmallTown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, session = FolderStore(tmp_path / "files", durable=False), town.session
    assert sweep_when_due(session, store, NOW) is not None
    assert sweep_when_due(session, store, NOW + EVERY - timedelta(minutes=1)) is None
    with monkeypatch.context() as broken:
        broken.setattr(store, "walk", lambda: (_ for _ in ()).throw(StoreFailed("the mount is gone")))
        failed = sweep_when_due(session, store, NOW + EVERY)
    assert failed is not None and failed.failure == "the mount is gone"
    assert sweep_when_due(session, store, NOW + EVERY + AGAIN - timedelta(minutes=1)) is None
    again = sweep_when_due(session, store, NOW + EVERY + AGAIN)
    assert again is not None and again.failure == ""
    sweep_on_record(session, store, NOW + KEPT + timedelta(hours=2))
    assert len(last_rounds(session, 10)) == 3, "the oldest is forgotten"


def test_the_command_tells_files_and_rounds(town_folder: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'town.db'}"
    town = SmallTown(town_folder, url)
    work = CaseWork(town)
    content = draw("before_photo", 3)
    upload(town, work.case.number, content)
    assert holdings(town.session).files == {"photo": 1}
    assert holdings(town.session).sizes == {"photo": len(content)}
    where = ["--city", str(town_folder), "--database", url]
    told = CliRunner().invoke(main, ["evidence", "status", *where])
    assert told.exit_code == 0 and "never swept" in told.output, told.output
    assert CliRunner().invoke(main, ["evidence", "sweep", *where]).exit_code == 0
    told = CliRunner().invoke(main, ["evidence", "status", *where])
    assert "photo          1 files" in told.output and "0 of 3 files deleted" in told.output
    assert len(town.session.scalars(select(Evidence)).all()) == 1
    town.close()


def test_the_index_of_photos_is_written_anew_by_the_migration(town_folder: Path, tmp_path: Path) -> None:
    """Down to quarters and up to thirds again: what is found stays the same, a file without hash stays out."""
    url = f"sqlite:///{tmp_path / 'town.db'}"
    database = open_database(url)
    upgrade_database(database)
    town = SmallTown(town_folder, url)
    number = CaseWork(town).case.number
    for variant in range(4):
        upload(town, number, draw("before_photo", variant))
    upload(town, number, draw("voice", 1), role="voice")
    query = select(Evidence.id, Evidence.likeness).where(Evidence.likeness.is_not(None))
    hashes = {photo: unsigned(bits or 0) for photo, bits in town.session.execute(query)}
    town.close()
    downgrade_database(database, "core_0019")
    with Session(database) as session:
        found = session.execute(select(PhotoBand.evidence_id, PhotoBand.key)).all()
        assert sorted(found) == sorted(
            (photo, band << 16 | bits >> band * 16 & 0xFFFF) for photo, bits in hashes.items() for band in range(4)
        )
    upgrade_database(database)
    with Session(database) as session:
        assert session.scalar(select(func.count()).select_from(PhotoBand)) == 3 * len(hashes) == 12
        for photo, bits in hashes.items():
            assert (3, photo) in find_alike(session, bits ^ 0b1011, 3)
    database.dispose()
