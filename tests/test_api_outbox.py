"""The outbox delivers at least once and tells nobody twice; one worker leads; the host refuses what is broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from api_people import Api
from sqlalchemy.orm import Session

from api.app import create_app
from api.config import Settings
from api.scheduler import FileLeadership, start_scheduler
from engine.errors import CityBroken
from engine.models import CaseEvent, Notice, OutboxMessage
from engine.outbox import Outbox, deliver_due
from engine.testing.casework import CaseWork
from engine.testing.small_city import SmallTown, write_small_city


@pytest.fixture
def town(town_folder: Path) -> Iterator[SmallTown]:
    town = SmallTown(town_folder)
    yield town
    town.close()


def queue(town: SmallTown, topic: str, case_id: int | None = None, **payload: object) -> OutboxMessage:
    now = town.clock.now()
    message = OutboxMessage(
        topic=topic,
        case_id=case_id,
        payload=payload,
        created_at=now,
        due_at=now,
        attempts=0,
        done_at=None,
        last_error=None,
    )
    town.session.add(message)
    town.session.commit()
    return message


def told(town: SmallTown) -> list[str]:
    from engine.models import Person

    rows = town.session.query(Person.login).join(Notice, Notice.person_id == Person.id).order_by(Person.login)
    return [login for (login,) in rows]


def test_recipients_are_the_people_who_hold_the_role_within_the_scope(town: SmallTown) -> None:
    for recipients, logins in (
        (["unit_clerk@MUNICIPAL"], ["unit_clerk_municipal"]),
        (["collector@D2"], ["collector2"]),
        (["collector", "collector@D1"], ["collector", "collector2"]),
        (["nobody", "unit_clerk@NOWHERE"], []),
    ):
        queue(town, "notify", recipients=recipients, text="请处理")
        assert deliver_due(town.session, Outbox(), town.clock.now()) == 1
        assert told(town) == logins
        town.session.query(Notice).delete()
        town.session.commit()


def test_a_message_delivered_twice_tells_nobody_twice(town: SmallTown) -> None:
    message = queue(town, "notify", recipients=["acceptor"], text="x")
    deliver_due(town.session, Outbox(), town.clock.now())
    message.done_at = None
    town.session.commit()
    deliver_due(town.session, Outbox(), town.clock.now())
    assert told(town) == ["acceptor"]


def test_a_failing_handler_is_asked_again_after_growing_pauses_and_leaves_nothing_behind(town: SmallTown) -> None:
    asked: list[datetime] = []

    def handler(session: Session, message: OutboxMessage, now: datetime) -> None:
        asked.append(now)
        session.add(
            Notice(outbox_id=message.id, person_id=1, case_id=None, topic="x", text="", created_at=now, read_at=None)
        )
        session.flush()
        if len(asked) < 4:
            raise ConnectionError("the gateway does not answer")

    outbox, start = Outbox(handlers={"sms": handler}), town.clock.now()
    message = queue(town, "sms")
    for second in range(0, 200):
        deliver_due(town.session, outbox, start + timedelta(seconds=second))
        if second == 0:
            town.session.refresh(message)
            assert (message.attempts, message.last_error) == (1, "ConnectionError: the gateway does not answer")
            assert town.session.query(Notice).count() == 0
    assert [(moment - start).seconds for moment in asked] == [0, 10, 30, 70]
    town.session.refresh(message)
    assert message.done_at == start + timedelta(seconds=70)
    assert message.last_error is None
    assert town.session.query(Notice).count() == 1


def test_one_bad_message_does_not_hold_up_the_others(town: SmallTown) -> None:
    bad = queue(town, "unheard_of")
    queue(town, "notify", recipients=["acceptor"], text="x")
    assert deliver_due(town.session, Outbox(), town.clock.now()) == 1
    town.session.refresh(bad)
    assert "nobody handles the topic 'unheard_of'" in (bad.last_error or "")
    assert told(town) == ["acceptor"]


def test_a_rejected_report_is_answered_through_the_acceptors(town: SmallTown) -> None:
    work = CaseWork(town)
    queue(town, "reply", work.id, phone=True, text="不属于受理范围")
    deliver_due(town.session, Outbox(), town.clock.now())
    assert told(town) == ["acceptor"]
    notice = town.session.query(Notice).one()
    assert work.case.number in notice.text
    assert "10000000001" not in notice.text
    sent = town.session.query(CaseEvent).filter_by(kind="reply_sent").one()
    assert sent.data == {"channel": "call_back", "text": "不属于受理范围"}


def test_only_one_worker_leads_until_it_lets_go(tmp_path: Path) -> None:
    first, second = FileLeadership(tmp_path / "lock"), FileLeadership(tmp_path / "lock")
    assert [first.held(), second.held(), first.held()] == [True, False, True]
    first.release()
    assert [second.held(), first.held()] == [True, False]


def test_the_scheduler_works_only_while_it_leads_and_survives_a_failing_tick(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks: list[str] = []

    class Reluctant:
        leads = False

        def held(self) -> bool:
            return self.leads

        def release(self) -> None:
            ticks.append("released")

    def work(app: object) -> None:
        ticks.append("worked")
        raise RuntimeError("the database is away")

    monkeypatch.setattr("api.scheduler.work_once", work)
    leader = Reluctant()
    scheduler = start_scheduler(api.app, every_s=3600, leadership=leader)
    tick: Callable[[], None] = scheduler.get_job("wangge").func
    tick()
    assert ticks == []
    leader.leads = True
    tick()
    assert ticks == ["worked"]
    scheduler.shutdown()
    assert ticks == ["worked", "released"]


def test_the_host_refuses_a_broken_city_and_an_empty_database(tmp_path: Path) -> None:
    folder = write_small_city(tmp_path / "broken")
    settings = Settings(str(folder), f"sqlite:///{tmp_path / 'empty.db'}", "test", tmp_path)
    with pytest.raises(CityBroken, match="wangge init"):
        create_app(settings, pages=False)
    people = folder / "organisation/people.csv"
    people.write_text(people.read_text(encoding="utf-8").replace(",MUNICIPAL,", ",NOWHERE,"), encoding="utf-8")
    with pytest.raises(CityBroken, match="NOWHERE"):
        create_app(settings, pages=False)


def test_settings_come_from_the_environment_and_the_secret_is_kept(tmp_path: Path) -> None:
    environ = {"WANGGE_VAR": str(tmp_path / "var"), "WANGGE_CITY": "boston"}
    first, second = Settings.from_env(environ), Settings.from_env(environ)
    assert (first.city, first.database_url) == ("boston", "")
    assert len(first.secret_key) > 40
    assert first.secret_key == second.secret_key
    assert (tmp_path / "var/secret_key").stat().st_mode & 0o077 == 0
    assert Settings.from_env({**environ, "WANGGE_SECRET_KEY": "given"}).secret_key == "given"
