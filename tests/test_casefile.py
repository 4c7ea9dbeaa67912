"""Case files: what is remembered, what is written, and that nobody is refused or lost by memory that is behind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.exc import DataError
from sqlalchemy.orm.exc import StaleDataError

from engine.casefile.records import CaseRecord, copy_of
from engine.casefile.shelf import Shelf
from engine.casefile.unit import Unit, new_unit
from engine.casefile.writers import WireWriter, writer_of
from engine.cases.steps import step_on_case
from engine.cases.tasks import claim_task, complete_task, release_task
from engine.database import open_database, session_factory
from engine.errors import Conflict
from engine.models import CaseEvent, Instance, Task
from engine.testing.casework import CONDITION, CaseWork
from engine.testing.scratch import scratch_postgresql
from engine.testing.small_city import SmallTown, write_small_city
from engine.workflow.runtime import Runtime

OK = {"decision": "ok", "condition": CONDITION, "urgent": False}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def either(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[SmallTown]:
    """A small town on each database."""
    folder = write_small_city(tmp_path / "small")
    if request.param == "sqlite":
        town = SmallTown(folder, url=f"sqlite:///{tmp_path / 'town.sqlite'}")
        yield town
        town.close()
        return
    with scratch_postgresql() as url:
        town = SmallTown(folder, url=url)
        yield town
        town.close()


def other_worker(town: SmallTown) -> Runtime:
    """From here on another process is at work; returns what the first one remembers."""
    mine, town.platform.runtime = town.platform.runtime, Runtime()
    return mine


def test_an_act_on_a_remembered_case_reads_nothing(either: SmallTown) -> None:
    CaseWork(either).accept()  # reads what stays the same for all cases
    work, actor = CaseWork(either), either.actor("acceptor")
    task = work.task("accept").id
    either.session.rollback()
    asked: list[str] = []
    event.listen(either.session.get_bind(), "before_cursor_execute", lambda *call: asked.append(call[2]))
    complete_task(either.session, either.platform, actor, task, OK, now=either.clock.now())
    assert [text for text in asked if not text.startswith("BEGIN")] == []
    assert work.open() == ["file_case"]


def test_memory_behind_the_database_is_found_out_and_the_act_runs_again(either: SmallTown) -> None:
    """Two workers in turn on one case, each remembering it from its own last act."""
    work = CaseWork(either)
    first = either.platform.runtime
    other_worker(either)
    work.accept()
    second, either.platform.runtime = either.platform.runtime, first
    work.do("shift_leader", "file_case", {"decision": "approve", "condition": CONDITION, "urgent": False})
    either.platform.runtime = second
    work.do("dispatcher", "assign", {"decision": "assign", "lead": "MUNICIPAL", "assisting": []})
    assert [kind for kind in work.history() if kind == "task_completed"] == ["task_completed"] * 3
    assert work.open() == ["receive"]


def test_a_stale_file_is_never_written(either: SmallTown) -> None:
    work = CaseWork(either)
    stale = Unit(either.session).look("case", work.id)
    assert stale is not None
    either.session.rollback()
    work.accept()
    unit = new_unit(either.session)
    stale.case.title = "from yesterday"
    unit.hold(either.platform.runtime.shelf, stale)
    with pytest.raises(StaleDataError):
        unit.commit()
    assert work.case.title != "from yesterday"


def test_nobody_is_refused_on_the_word_of_memory(either: SmallTown) -> None:
    """This worker remembers the task as free; another gave it to somebody, and released it again."""
    work = CaseWork(either)
    task = work.task("accept").id
    now = either.clock.now()
    mine = other_worker(either)
    claim_task(either.session, either.actor("acceptor"), task, now)
    seen = work.task("accept").version
    either.platform.runtime = mine
    assert seen == 2
    complete_task(either.session, either.platform, either.actor("acceptor"), task, OK, now=now, seen_version=seen)
    assert work.open() == ["file_case"]


def test_a_claim_of_another_worker_holds_against_memory(either: SmallTown) -> None:
    work = CaseWork(either)
    task = work.task("accept").id
    now = either.clock.now()
    with session_factory(either.session.get_bind())() as other:
        claim_task(other, either.actor("acceptor"), task, now)
    everybody = either.actor("acceptor")
    somebody = type(everybody)(**{**everybody.__dict__, "person_id": either.actor("shift_leader").person_id})
    with pytest.raises(Conflict, match="has claimed this task"):
        complete_task(either.session, either.platform, somebody, task, OK, now=now)
    release_task(either.session, everybody, task, now)
    complete_task(either.session, either.platform, somebody, task, OK, now=now)


def test_an_act_that_fails_leaves_neither_rows_nor_memory(either: SmallTown) -> None:
    work = CaseWork(either)
    lines = len(work.history())
    for _ in range(2):
        with pytest.raises(Exception, match=r"decision|form"):
            work.do("acceptor", "accept", {"decision": "nonsense"})
    assert (len(work.history()), work.open()) == (lines, ["accept"])
    work.accept()
    assert work.open() == ["file_case"]


def test_changes_by_hand_count_from_the_next_version_on(either: SmallTown) -> None:
    work = CaseWork(either)
    now = either.clock.now()
    either.session.execute(update(Task).where(Task.case_id == work.id).values(due_at=now + timedelta(days=9)))
    either.session.execute(update(Instance).values(version=Instance.version + 1))
    either.session.commit()
    work.accept()
    done = select(Task.due_at).where(Task.case_id == work.id, Task.status == "done")
    assert either.session.scalar(done) == now + timedelta(days=9)


def test_an_act_counts_once_however_often_it_is_written_on_the_way(either: SmallTown) -> None:
    work = CaseWork(either)
    work.dispatch()
    either.session.rollback()
    before = either.session.scalar(select(Instance.version).where(Instance.case_id == work.id)) or 0
    unit = new_unit(either.session)
    step = step_on_case(unit, either.platform, work.id, either.clock.now(), None)
    assert step is not None
    for title in ("a", "b", "c"):
        step.case.title = title
        step.flush()
    unit.commit()
    either.session.rollback()
    after = either.session.scalar(select(Instance.version).where(Instance.case_id == work.id))
    assert (after, work.case.title) == (before + 1, "c")
    work.handle()
    assert work.open() == ["check"]


def test_two_writers_on_one_case_lose_nothing(either: SmallTown) -> None:
    """Two units of one case hand in at the same moment, from two threads that both remember it."""
    work = CaseWork(either)
    work.dispatch(assisting=["SANITATION"])
    tasks = [(work.task("receive", unit).id, f"unit_clerk_{unit.lower()}") for unit in ("MUNICIPAL", "SANITATION")]
    actors = {login: either.actor(login) for _, login in tasks}
    now, sessions, barrier = either.clock.now(), session_factory(either.session.get_bind()), Barrier(2)
    failures: list[BaseException] = []

    def hand_in(task: object, login: str) -> None:
        barrier.wait()
        try:
            with sessions() as session:
                complete_task(session, either.platform, actors[login], task, {"decision": "accept"}, now=now)  # type: ignore[arg-type]
        except BaseException as error:
            failures.append(error)

    threads = [Thread(target=hand_in, args=each) for each in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    either.session.rollback()  # see what the others have committed
    done = select(CaseEvent.element).where(CaseEvent.case_id == work.id, CaseEvent.kind == "task_completed")
    assert sorted(either.session.scalars(done)).count("receive") == 2
    assert work.open() == ["handle", "handle"]


def test_the_shelf_keeps_the_latest_and_forgets_the_oldest(town: SmallTown) -> None:
    works = [CaseWork(town) for _ in range(3)]
    town.session.rollback()
    files = [Unit(town.session).look("case", work.id) for work in works]
    shelf = Shelf(2)
    for file in files:
        assert file is not None
        shelf.put(file)
    assert len(shelf) == 2
    assert files[0] is not None
    assert files[2] is not None
    assert shelf.take(files[0].instance.id) is None
    (open_task,) = files[2].tasks
    assert shelf.take_by_task(open_task) is files[2]
    assert shelf.take_by_task(open_task) is None


def test_a_record_knows_what_changed_and_a_copy_stays_as_it_was() -> None:
    case = CaseRecord(number="1", title="a")
    case.settle()  # type: ignore[attr-defined]
    copy = copy_of(case)
    case.title, case.number = "b", "1"
    assert case.changed == {"title"}  # type: ignore[attr-defined]
    assert (copy.title, copy.units) == ("a", [])


def test_a_database_in_memory_commits_with_its_session(tmp_path: Path) -> None:
    """Only its own connection sees it, so nothing may be written past that."""
    town = SmallTown(write_small_city(tmp_path / "small"), url="sqlite://")
    work = CaseWork(town)
    work.accept()
    assert writer_of(town.session) is None
    assert work.open() == ["file_case"]
    town.close()


@pytest.mark.postgresql
def test_a_server_that_restarts_costs_nobody_an_act(tmp_path: Path) -> None:
    """Every connection that was kept is dead then; the act is tried again on a new one."""
    with scratch_postgresql() as url:
        town = SmallTown(write_small_city(tmp_path / "small"), url=url)
        works = [CaseWork(town) for _ in range(4)]
        for work in works:
            work.accept()
        now, actor = town.clock.now(), town.actor("shift_leader")
        tasks = [work.task("file_case").id for work in works]
        town.session.rollback()
        with town.session.get_bind().connect() as connection:  # type: ignore[union-attr]
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        answers = {"decision": "approve", "condition": CONDITION, "urgent": False}
        for task in tasks:
            with session_factory(town.session.get_bind())() as session:
                complete_task(session, town.platform, actor, task, answers, now=now)
        town.close()


@pytest.mark.postgresql
def test_more_clerks_than_connections_wait_for_their_turn(tmp_path: Path) -> None:
    """Forty at once on one task: whoever waits for a connection gets the next one that is free, at once."""
    with scratch_postgresql() as url:
        town = SmallTown(write_small_city(tmp_path / "small"), url=url)
        work = CaseWork(town)
        task, actor, now = work.task("accept").id, town.actor("acceptor"), town.clock.now()
        town.session.rollback()
        town.platform.runtime = Runtime()
        sessions, said = session_factory(town.session.get_bind()), []

        def attempt() -> None:
            with sessions() as session:
                try:
                    complete_task(session, town.platform, actor, task, OK, now=now)
                    said.append("done")
                except Conflict:
                    said.append("conflict")

        threads = [Thread(target=attempt) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(said) == ["conflict"] * 39 + ["done"]
        town.close()


@pytest.mark.postgresql
def test_an_act_that_fails_does_not_spoil_the_connection_for_the_next(tmp_path: Path) -> None:
    """psycopg takes what a failed pipeline skipped for prepared; the next act on the connection must not meet it."""

    def good(raw: Any) -> None:
        raw.execute("SELECT 1")

    def bad(raw: Any) -> None:
        raw.execute("SELECT 1 / 0")

    with scratch_postgresql() as url:
        engine = open_database(url)
        writer = WireWriter(engine)
        for work in (None, good, bad, good, good):
            raw, _ = writer.open([])
            if work is bad:
                with pytest.raises(DataError):
                    writer.end(raw, work)
            else:
                writer.end(raw, work)
        writer.close()
        engine.dispose()
