"""The stores of evidence: nothing half written, nothing lost while a sweep is under way, nothing orphaned for long."""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
import signal
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from click.testing import CliRunner
from moto.server import ThreadedMotoServer
from PIL import Image
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

import engine.cases.evidence as evidence_room
from api.cli import main
from engine.cases.evidence import add_evidence, read_evidence
from engine.database import begin_write, open_database
from engine.errors import CityBroken, Invalid
from engine.evidence.folder import FolderStore
from engine.evidence.keeping import ensure_there, hold_files
from engine.evidence.places import find_store, open_store
from engine.evidence.s3 import S3Store
from engine.evidence.store import MemoryStore, Store, StoreFailed, name_file
from engine.evidence.sweeping import check_store, count_in_database, move_to_store, sweep
from engine.migrations import downgrade_database, upgrade_database
from engine.models import Evidence, PhotoBand
from engine.simulation.photos import draw
from engine.testing.casework import CaseWork
from engine.testing.scratch import scratch_postgresql
from engine.testing.small_city import MONDAY, SmallTown

LATER = timedelta(days=2)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """An S3 service on a port of its own, in this process."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"
    server.stop()


@pytest.fixture
def bucket(service: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    client = boto3.client("s3", endpoint_url=service, region_name="us-east-1")
    client.create_bucket(Bucket="wangge")
    yield f"s3://wangge/yunhe/evidence?endpoint={service}&region=us-east-1"
    for each in client.list_objects_v2(Bucket="wangge").get("Contents", ()):
        client.delete_object(Bucket="wangge", Key=each["Key"])
    client.delete_bucket(Bucket="wangge")


@pytest.fixture(params=["memory", "folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "memory":
        return MemoryStore()
    return open_store(request.getfixturevalue("bucket") if request.param == "s3" else str(tmp_path / "files"))


@pytest.fixture
def town(town_folder: Path) -> Iterator[SmallTown]:
    opened = SmallTown(town_folder)
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def shared_town(request: pytest.FixtureRequest, town_folder: Path, tmp_path: Path) -> Iterator[SmallTown]:
    """A town others can open too: a file, or a server."""
    if request.param == "sqlite":
        opened = SmallTown(town_folder, f"sqlite:///{tmp_path / 'town.db'}")
        yield opened
        opened.close()
        return
    with scratch_postgresql() as url:
        opened = SmallTown(town_folder, url)
        opened.platform.store = FolderStore(tmp_path / "town.evidence")
        yield opened
        opened.close()


def upload(town: SmallTown, number: str, content: bytes, role: str = "before_photo") -> Any:
    return add_evidence(
        town.session, town.platform, town.actor("acceptor"), number, role, "a.jpg", content, now=town.clock.now()
    )


def age(store: Store, name: str) -> None:
    """Make a file of a folder two days old."""
    assert isinstance(store, FolderStore)
    then = (datetime.now(UTC) - LATER).timestamp()
    os.utime(store._path(name), (then, then))


def test_every_store_keeps_finds_lists_and_deletes(store: Store) -> None:
    content = b"x" * 100_000
    name = digest(content)
    assert store.find(name) is None
    with pytest.raises(StoreFailed, match="is not in"):
        store.get(name)
    before = datetime.now(UTC) - timedelta(seconds=2)
    store.put(name, content)
    store.put(name_file(name, "public"), b"small")
    store.put(name, content)
    assert store.get(name) == content
    found = store.find(name)
    assert found is not None
    assert (found.name, found.size) == (name, len(content))
    assert found.stored_at >= before
    assert {each.name for each in store.walk()} == {name, f"{name}.public"}
    store.delete(name)
    store.delete(name)
    assert [each.name for each in store.walk()] == [f"{name}.public"]
    assert store.clear_unfinished(datetime.now(UTC)) == 0


def test_names_that_are_no_names_never_become_paths(store: Store) -> None:
    for name in ("../../etc/passwd", "a" * 63, "A" * 64, "a" * 64 + ".exe", "a" * 64 + "\n", ""):
        with pytest.raises(Invalid, match="names no file"):
            store.put(name, b"")


def test_a_damaged_original_is_told_and_mended_by_the_next_upload(tmp_path: Path) -> None:
    store, content = FolderStore(tmp_path), b"sound"
    store.put(digest(content), content)
    store._path(digest(content)).write_bytes(b"broken off"[:3])
    with pytest.raises(StoreFailed, match="damaged"):
        store.get(digest(content))
    store.put(digest(content), content)
    assert store.get(digest(content)) == content


def test_a_full_or_forbidden_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreFailed, match="check disk, mount and rights"):
        FolderStore(tmp_path / "file" / "below").put("a" * 64, b"x")


def test_a_service_that_does_not_answer_or_has_no_bucket_is_told(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = open_store(bucket.replace("s3://wangge/", "s3://elsewhere/"))
    with pytest.raises(StoreFailed, match="check bucket and rights"):
        absent.put("a" * 64, b"x")
    hasty = Config(connect_timeout=1, retries={"max_attempts": 0})
    client = boto3.client("s3", endpoint_url="http://127.0.0.1:9", region_name="us-east-1", config=hasty)
    with pytest.raises(StoreFailed, match="check address, network and credentials"):
        S3Store("wangge", client=client).put("a" * 64, b"x")


@pytest.mark.parametrize(
    ("place", "words"),
    [("ftp://here/there", "is no place"), ("s3:///prefix", "is no place"), ("s3://key:secret@bucket", "credentials"),
     ("s3://bucket?colour=red", "colour")],
)  # fmt: skip
def test_places_that_cannot_be_read_are_refused(place: str, words: str) -> None:
    with pytest.raises(CityBroken, match=words):
        open_store(place)


def test_the_store_lies_beside_the_database_unless_it_is_named(tmp_path: Path) -> None:
    with Session(open_database(f"sqlite:///{tmp_path / 'yunhe.sqlite'}")) as session:
        assert find_store(session, {}).describe() == f"folder {tmp_path / 'yunhe.evidence'}"
        named = find_store(session, {"WANGGE_EVIDENCE": str(tmp_path / "elsewhere")})
        assert named.describe() == f"folder {tmp_path / 'elsewhere'}"
    with Session(open_database("sqlite://")) as session:
        assert find_store(session, {}) is find_store(session, {})


def test_an_upload_reaches_the_store_and_the_same_file_lies_there_once(shared_town: SmallTown) -> None:
    town = shared_town
    one, other = CaseWork(town), CaseWork(town)
    content = draw("before_photo", 1)
    upload(town, one.case.number, content)
    view = upload(town, other.case.number, content)
    names = {name_file(digest(content), copy) for copy in ("original", "public", "thumbnail")}
    assert {each.name for each in town.platform.store.walk()} == names
    _, kept, media_type = read_evidence(
        town.session, town.platform, town.actor("acceptor"), other.case.number, view.id, "original"
    )
    assert (kept, media_type) == (content, "image/jpeg")


def test_who_dies_between_storing_and_committing_leaves_no_row_and_a_file_for_the_sweep(
    town_folder: Path, tmp_path: Path
) -> None:
    town = SmallTown(town_folder, f"sqlite:///{tmp_path / 'town.db'}")
    number, content = CaseWork(town).case.number, draw("before_photo", 2)
    town.session.rollback()

    def worker() -> None:
        def die(*_: Any) -> None:
            os.kill(os.getpid(), signal.SIGKILL)

        town.session.get_bind().dispose(close=False)  # type: ignore[union-attr]
        town.session.close()
        evidence_room.index_photo = die  # type: ignore[assignment]
        upload(town, number, content)

    process = multiprocessing.get_context("fork").Process(target=worker)
    process.start()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    store = town.platform.store
    assert town.session.scalars(select(Evidence)).all() == []
    assert store.get(digest(content)) == content
    assert sweep(town.session, store, datetime.now(UTC)).taken == 0, "its writer may still be on the way"
    assert sweep(town.session, store, datetime.now(UTC) + LATER, dry=True).taken == 3
    assert sweep(town.session, store, datetime.now(UTC) + LATER).taken == 3
    assert list(store.walk()) == []
    assert upload(town, number, content).sha256 == digest(content)
    assert sweep(town.session, store, datetime.now(UTC) + LATER).taken == 0
    town.close()


def test_a_refused_transaction_leaves_no_row(town: SmallTown, monkeypatch: pytest.MonkeyPatch) -> None:
    number = CaseWork(town).case.number
    monkeypatch.setattr(evidence_room, "index_photo", lambda *_: (_ for _ in ()).throw(Invalid("no")))
    with pytest.raises(Invalid):
        upload(town, number, draw("before_photo", 3))
    assert town.session.scalars(select(Evidence)).all() == []
    assert sweep(town.session, town.platform.store, datetime.now(UTC) + LATER).taken == 3


def test_half_written_files_are_never_seen_and_cleared_after_a_day(tmp_path: Path, town: SmallTown) -> None:
    store = FolderStore(tmp_path / "files")
    store.put("a" * 64, b"whole")
    half = tmp_path / "files" / "incoming" / "0123"
    half.write_bytes(b"hal")
    assert [each.name for each in store.walk()] == ["a" * 64]
    assert sweep(town.session, store, datetime.now(UTC)).unfinished == 0
    assert sweep(town.session, store, datetime.now(UTC) + LATER).unfinished == 1
    assert not half.exists()


def test_a_file_taken_between_put_and_hold_is_put_again(
    shared_town: SmallTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = shared_town
    number, content = CaseWork(town).case.number, draw("before_photo", 4)
    store, hold = town.platform.store, hold_files

    def sweep_first(session: Session, *, alone: bool = False) -> None:
        for each in list(store.walk()):
            store.delete(each.name)
        hold(session, alone=alone)

    monkeypatch.setattr(evidence_room, "hold_files", sweep_first)
    upload(town, number, content)
    assert list(check_store(town.session, store)) == []
    assert store.get(digest(content)) == content


def test_a_sweep_waits_for_writers_and_sees_what_they_named(shared_town: SmallTown) -> None:
    """A writer has looked whether its old file is there and has not committed: the sweep may not take it."""
    town = shared_town
    number, content = CaseWork(town).case.number, draw("before_photo", 5)
    store = town.platform.store
    upload(town, number, content)
    row = town.session.scalars(select(Evidence)).one()
    values = {column.name: getattr(row, column.name) for column in Evidence.__table__.columns if column.name != "id"}
    with town.session.begin_nested():
        town.session.query(PhotoBand).delete()
        town.session.delete(row)
    town.session.commit()
    for each in list(store.walk()):
        age(store, each.name)
    engine = town.session.get_bind()
    assert isinstance(engine, Engine)
    begin_write(town.session)
    hold_files(town.session)
    ensure_there(store, {digest(content): content})
    swept: list[int] = []

    def other() -> None:
        with Session(engine) as session:
            swept.append(sweep(session, store, datetime.now(UTC)).taken)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join(0.5)
    assert thread.is_alive(), "the sweep waits while a writer holds its files"
    town.session.add(Evidence(**values))
    town.session.commit()
    thread.join(30)
    assert swept == [0]
    assert list(check_store(town.session, store)) == []


def old_row(work: CaseWork, content: bytes) -> int:
    """A photo as releases before the store kept it."""
    row = Evidence(
        case_id=work.id, role="before_photo", file_name="old.jpg", media_type="image/jpeg", sha256=digest(content),
        size=len(content), width_px=240, height_px=180, taken_at=None, lon=None, lat=None, uploaded_at=MONDAY,
        uploader_id=None, department_code=None, original=content, public_copy=b"public",
    )  # fmt: skip
    work.town.session.add(row)
    work.town.session.commit()
    return row.id


def test_old_photos_stay_readable_and_move_with_a_command_that_may_be_repeated(
    town_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'town.db'}"
    town = SmallTown(town_folder, url)
    work, content = CaseWork(town), draw("before_photo", 6)
    photo, broken = old_row(work, content), old_row(work, b"no photo by today's rules")
    number, actor = work.case.number, town.actor("acceptor")

    def read(evidence_id: int, copy: str) -> bytes:
        return read_evidence(town.session, town.platform, actor, number, evidence_id, copy)[1]

    assert read(photo, "original") == content
    assert read(photo, "public") == read(photo, "thumbnail") == b"public"
    assert count_in_database(town.session) == 2
    town.session.rollback()
    runner = CliRunner()
    options = ["--city", str(town_folder), "--database", url]
    moved = runner.invoke(main, ["evidence", "move", *options])
    assert "2 photos moved to folder" in moved.output, moved.output
    assert "0 photos moved" in runner.invoke(main, ["evidence", "move", *options]).output
    town.session.expire_all()
    assert count_in_database(town.session) == 0
    assert read(photo, "original") == content
    assert read(photo, "public") == b"public"
    with Image.open(io.BytesIO(read(photo, "thumbnail"))) as small:
        assert small.size == (240, 180)
    assert read(broken, "original") == b"no photo by today's rules"
    assert town.session.scalars(select(PhotoBand.evidence_id).distinct()).all() == [photo]
    town.session.rollback()
    sound = runner.invoke(main, ["evidence", "check", *options])
    assert (sound.exit_code, "2 of 2 sound" in sound.output) == (0, True), sound.output
    town.platform.store.delete(digest(content))
    lost = runner.invoke(main, ["evidence", "check", *options])
    assert (lost.exit_code, f"evidence {photo}: file {digest(content)}" in lost.output) == (1, True), lost.output
    assert "0 of 5 files would go" in runner.invoke(main, ["evidence", "sweep", "--dry-run", *options]).output
    town.close()


def test_a_move_that_stops_half_way_goes_on(town: SmallTown, monkeypatch: pytest.MonkeyPatch) -> None:
    work = CaseWork(town)
    for variant in range(3):
        old_row(work, draw("before_photo", 20 + variant))

    def stop(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move_to_store(town.session, town.platform.store, town.city.time_zone, stop)
    assert count_in_database(town.session) == 2
    assert move_to_store(town.session, town.platform.store, town.city.time_zone) == 2
    assert list(check_store(town.session, town.platform.store)) == []


def test_the_schema_goes_back_only_while_no_file_is_in_the_store(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'town.db'}")
    upgrade_database(engine)
    row = {"role": "video", "file_name": "v", "media_type": "video/mp4", "sha256": "a", "uploaded_at": "2026-03-02"}
    row |= {"case_id": "1", "size": "1", "width_px": "0", "height_px": "0", "notes": "[]"}
    with sqlite3.connect(tmp_path / "town.db") as plain:  # which knows of no foreign keys
        plain.execute(f"INSERT INTO evidence ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", [*row.values()])
    plain.close()
    with pytest.raises(RuntimeError, match="are in the store"):
        downgrade_database(engine)
    engine.dispose()
