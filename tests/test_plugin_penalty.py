"""Penalties: what every plugin promises, the arithmetic of the law, reminders, figures, the note to the first case."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from engine.cases.matters import Application, open_matter
from engine.city import find_city, load_city
from engine.contract.promises import try_plugin
from engine.hooks import Demonstration
from engine.hooks.enabling import write_enabled
from engine.hooks.host import load_plugins
from engine.hooks.working import run_job
from engine.models import CaseEvent, OutboxMessage, RegisterEntry
from engine.registers.keeping import Hand, add_entry
from engine.scenarios import Bench
from engine.scenarios.bench import Place
from engine.scenarios.playing import Play
from engine.scenarios.reading import read_book
from engine.scenarios.values import STRETCH, ScenarioStep
from plugins.penalty.arithmetic import add_months, barred_after, days_overdue, fen_of, surcharge_fen, yuan_of

NOW = datetime.fromisoformat("2026-03-02T09:00:00+08:00")
TEAM = "enforcement"


def test_it_keeps_what_every_plugin_promises() -> None:
    assert try_plugin("penalty") == []


@pytest.mark.parametrize(
    ("yuan", "days", "added"),
    [
        (20000, 0, 0.0),
        (20000, 1, 600.0),
        (0.1, 1, 0.0),  # 0.3 fen
        (0.5, 1, 0.02),  # 1.5 fen is rounded up
        (1234.56, 7, 259.26),  # 259.2576
        (20000, 33, 19800.0),
        (20000, 34, 20000.0),  # never above the fine
        (20000, 4000, 20000.0),
    ],
)
def test_the_surcharge_is_three_percent_a_day_in_fen_and_never_above_the_fine(
    yuan: float, days: int, added: float
) -> None:
    assert yuan_of(surcharge_fen(fen_of(yuan), days)) == added


def test_the_sixteenth_day_is_the_first_of_the_surcharge_and_remedies_do_not_count() -> None:
    served = date(2026, 3, 2)
    pay_by = served + timedelta(days=15)
    assert days_overdue(pay_by, pay_by) == 0
    assert days_overdue(pay_by, served + timedelta(days=16)) == 1
    assert days_overdue(pay_by, served + timedelta(days=76), excluded_days=60) == 1
    assert days_overdue(pay_by, served + timedelta(days=20), excluded_days=60) == 0


@pytest.mark.parametrize("amount", [-1, "much", None, "1e999"])
def test_no_amount_is_no_amount(amount: Any) -> None:
    with pytest.raises(ValueError, match=r"amount|less"):
        fen_of(amount)


def test_limitation_counts_calendar_years() -> None:
    assert barred_after(date(2024, 2, 29), life_safety=False) == date(2026, 2, 28)
    assert barred_after(date(2024, 2, 20), life_safety=True) == date(2029, 2, 20)
    assert add_months(date(2026, 8, 31), 6) == date(2027, 2, 28)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("penalty") / "yunhe"
    shutil.copytree(find_city("yunhe"), folder)
    write_enabled(folder, ["penalty"])
    bench = Bench(load_city(str(folder)))
    yield bench
    bench.close()


@pytest.fixture
def place(bench: Bench) -> Iterator[Place]:
    with bench.place(NOW) as place:
        yield place


def enter(place: Place, register: str, **values: object) -> None:
    add_entry(place.session, place.platform.host.registers[register], values, Hand(NOW))


def decide(place: Place, number: str, **values: object) -> None:
    given = {"party": "云河某公司", "decided_on": "2026-02-01", "procedure": "ordinary", "decision": "penalty"}
    enter(place, "penalty_ledger", case_number=number, department=TEAM, **{**given, **values})


def messages(place: Place) -> list[OutboxMessage]:
    return list(place.session.scalars(select(OutboxMessage).where(OutboxMessage.topic == "notify")))


def test_the_job_reminds_of_certificates_fines_and_limitation_and_repeats_nothing(place: Place) -> None:
    for number, until in (("A-0001", "2026-03-20"), ("A-0002", "2026-03-01"), ("A-0003", "2027-03-01")):
        enter(place, "penalty_officers", certificate=number, name=number, department=TEAM, valid_until=until)
    decide(place, "late", amount=1000, served_on="2026-02-14", paid=False)  # pay by 1 March: one day over
    decide(place, "in_time", amount=1000, served_on="2026-02-20", paid=False)
    decide(place, "settled", amount=1000, served_on="2026-01-10", paid=True)
    decide(place, "in_court", amount=1000, served_on="2026-01-10", paid=False, remedy_lodged_on="2026-01-20")
    answers = {"party": "某公司", "party_kind": "unit", "cause": "遗撒", "facts": "遗撒", "happened_on": "2024-03-10"}
    case = open_matter(place.session, place.platform, Application("penalty_ordinary", answers), None, NOW)
    place.session.commit()
    row = run_job(place.session, place.platform, "penalty", "reminders", NOW)
    assert row.told == "2 certificates, 1 overdue fines, 1 limitations"
    [message] = messages(place)
    assert message.payload["recipients"] == [f"unit_head@{TEAM}", f"unit_clerk@{TEAM}"]
    text = message.payload["text"]
    assert "A-0001 将于 2026-03-20" in text and "A-0002 已于 2026-03-01" in text and "A-0003" not in text
    assert "逾期 1 日，加处罚款至今日为 30.00 元" in text
    assert f"{case.number} 的违法行为将于 2026-03-10" in text
    run_job(place.session, place.platform, "penalty", "reminders", NOW + timedelta(hours=1))
    assert len(messages(place)) == 1


def test_the_figures_count_the_ledger(place: Place) -> None:
    decide(
        place,
        "1",
        amount=1000,
        served_on="2026-02-01",
        paid=True,
        paid_on="2026-02-16",
        in_time=True,
        cause_code="dust",
    )
    decide(
        place,
        "2",
        amount=2000,
        served_on="2026-02-01",
        paid=True,
        paid_on="2026-02-17",
        in_time=False,
        cause_code="dust",
    )
    decide(place, "3", amount=500, served_on="2026-02-01", paid=False, in_time=True, annulled=True, cause_code="fume")
    decide(place, "4", procedure="simple", amount=50, served_on="2026-02-25", paid=False, cause_code="street_order")
    decide(place, "5", decided_on="2025-02-01", amount=9000, in_time=False)
    place.session.commit()
    figures = {
        each.id: list(each.measure(place.session, place.platform, NOW - timedelta(days=60), NOW))
        for each in place.platform.host.registry.plugins["penalty"].indicators
    }
    shares = {name: (each[0].numerator, each[0].denominator, each[0].behind) for name, each in figures.items()}
    assert shares["in_time"] == (2, 3, ("1", "2", "3"))
    assert shares["annulled"] == (1, 4, ("1", "2", "3", "4"))
    assert shares["paid_on_time"] == (1, 2, ("1", "2"))  # the annulled and the one still within its time are left out
    assert [(part.object, part.numerator) for part in figures["by_cause"]] == [
        ("施工扬尘", 2), ("餐饮油烟", 1), ("占道经营", 1),
    ]  # fmt: skip
    assert shares["fines"] == (3050.0, 1.0, ("1", "2", "4"))


def test_the_case_it_was_opened_beside_is_told_and_the_decision_has_its_number(bench: Bench, place: Place) -> None:
    book = read_book(bench.city)
    scenario = next(each for each in book.scenarios if each.title == "由街面案件转来的当场处罚在原案记一笔")
    play = Play(bench, place)

    def act(steps: tuple[ScenarioStep, ...]) -> None:
        for step in steps:
            if step.kind == STRETCH:
                act(book.stretches[step.what])
            else:
                play.act(step)

    play.begin(scenario.given)
    act(scenario.steps)
    told = place.session.scalars(
        select(CaseEvent).where(CaseEvent.case_id == play.case().id, CaseEvent.kind == "message_received")
    ).one()
    assert told.data["number"] == play.number("penalty_simple") and "行政处罚决定" in told.data["text"]
    entry = place.session.scalars(select(RegisterEntry).where(RegisterEntry.register == "penalty_ledger")).one()
    assert "当罚字〔2026〕第001号" in entry.values["decision_number"] and entry.values["amount"] == 50


def test_the_demonstration_fills_registers_and_plans_matters_the_same_way_each_time(place: Place) -> None:
    def show() -> Demonstration:
        demo = Demonstration(place.session, place.platform, Random("7 penalty"), NOW - timedelta(days=14), NOW)
        load_plugins(place.platform.city).tell("demo_data", "penalty", demo=demo)
        place.session.commit()
        return demo

    first, again = show(), show()
    assert [each.matter for each in first.planned] == [each.matter for each in again.planned]
    assert {"penalty_ordinary", "penalty_simple", "penalty_seizure", "penalty_execution"} == {
        each.matter for each in first.planned
    }
    count = {
        register: len(list(place.session.scalars(select(RegisterEntry).where(RegisterEntry.register == register))))
        for register in ("penalty_officers", "penalty_ledger", "penalty_goods")
    }
    assert count == {"penalty_officers": 12, "penalty_ledger": 28, "penalty_goods": 5}
    for each in first.planned:  # every one of them can be opened
        application = Application(each.matter, each.answers, lon=each.lon, lat=each.lat)
        open_matter(place.session, place.platform, application, None, NOW)
