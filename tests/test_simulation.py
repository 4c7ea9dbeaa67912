"""A small city at work on a virtual clock: repeatable, through the services, whatever the city's diagrams ask."""

from __future__ import annotations

import json
import socket
from collections import Counter
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner
from lxml import etree
from sqlalchemy import func, select

from api.cli import main
from engine.city import City, load_city
from engine.database import open_database, session_factory
from engine.errors import CityBroken
from engine.layers import core_root
from engine.loading.city import load_city_folder
from engine.models import Base, Case, CaseEvent, Evidence, Person, Task, Timer
from engine.platform import build_platform
from engine.simulation.answers import Pen, Situation
from engine.simulation.city_at_work import simulate
from engine.simulation.settings import load_settings, merge
from engine.simulation.summary import Summary
from engine.testing.small_city import MONDAY, write_small_city
from engine.workflow.forms import load_form

BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
DAYS = 4.0


def work(
    folder: Path, database: Path, *, seed: int = 1, days: float = DAYS, cases: float = 14, unfinished: bool = False
) -> tuple[Any, Summary]:
    """A city that has worked from Monday morning on; its open session and the summary."""
    city = load_city(str(folder))
    engine = open_database(f"sqlite:///{database}", synchronous="OFF")
    Base.metadata.create_all(engine)
    session = session_factory(engine)()
    load_city_folder(session, city, MONDAY)
    platform = build_platform(session, city)
    summary = simulate(
        session, platform, start=MONDAY, days=days, cases_per_day=cases, seed=seed, unfinished=unfinished
    )
    return session, summary


def histories(session: Any) -> list[tuple[Any, ...]]:
    """Every line of every history, without the ids that are drawn anew each time."""
    rows = session.execute(
        select(Case.number, CaseEvent.at, CaseEvent.kind, CaseEvent.element, CaseEvent.actor_id, CaseEvent.data)
        .join(Case, Case.id == CaseEvent.case_id)
        .order_by(CaseEvent.id)
    )
    return [
        (number, at, kind, element, actor, {key: value for key, value in data.items() if key != "task"})
        for number, at, kind, element, actor, data in rows
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_city(tmp_path_factory.mktemp("city") / "small")


@pytest.fixture(scope="module")
def worked(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Summary]:
    """The small city after three days, ended in the middle of work."""
    return work(folder, tmp_path_factory.mktemp("worked") / "small.db", unfinished=True)


# Through the services -----------------------------------------------------------------------------------------


def test_cases_are_reported_and_come_to_every_kind_of_end(worked: tuple[Any, Summary]) -> None:
    _, summary = worked
    assert summary.tally.reported >= 40
    assert summary.by_status["closed"] >= 10
    assert {"dispatched", "rejected"} <= summary.by_status.keys()
    assert summary.tally.completed >= 200


def test_nothing_the_people_do_is_refused(worked: tuple[Any, Summary]) -> None:
    _, summary = worked
    assert summary.tally.stuck == Counter()
    assert summary.tally.unstaffed == Counter()


def test_every_task_is_done_by_somebody_who_holds_its_role(worked: tuple[Any, Summary]) -> None:
    session, _ = worked
    people = {person.id: person for person in session.scalars(select(Person))}
    done = session.scalars(select(Task).where(Task.status == "done")).all()
    assert done
    for task in done:
        held = {
            (post.post.role, scope)
            for post in people[task.completed_by].posts
            for scope in (None, post.department_code, post.duty_grid_code)
        }
        assert (task.role, task.scope or None) in held


def test_things_happen_in_the_order_of_their_moments(worked: tuple[Any, Summary]) -> None:
    session, summary = worked
    moments = session.scalars(select(CaseEvent.at).order_by(CaseEvent.id)).all()
    assert moments == sorted(moments)
    assert moments[0] >= MONDAY and moments[-1] <= summary.now == MONDAY + timedelta(days=DAYS)


def test_no_timer_is_left_that_was_due(worked: tuple[Any, Summary]) -> None:
    session, summary = worked
    assert session.scalar(select(func.count()).select_from(Timer).where(Timer.due_at <= summary.now)) == 0
    assert summary.tally.fired > 0


def test_a_demonstration_ends_with_work_in_every_common_stage(worked: tuple[Any, Summary]) -> None:
    _, summary = worked
    common = {"accept", "file", "dispatch", "receive", "handle", "feedback", "check", "close"}
    assert common <= summary.open_by_stage.keys()


def test_what_the_diagram_wants_photographed_is(worked: tuple[Any, Summary]) -> None:
    session, _ = worked
    fed_back = session.scalars(select(Task.case_id).where(Task.element == "feedback", Task.status == "done")).all()
    photographed = set(session.scalars(select(Evidence.case_id).where(Evidence.role == "after_photo")))
    assert fed_back and set(fed_back) <= photographed


def test_more_is_reported_by_day_than_by_night(worked: tuple[Any, Summary]) -> None:
    session, summary = worked
    # Reports that have just come in belong to the demonstration, not to the day's rhythm.
    before = Case.reported_at < summary.now - timedelta(hours=3)
    hours = Counter((at + timedelta(hours=8)).hour for at in session.scalars(select(Case.reported_at).where(before)))
    day, night = (sum(hours[h] for h in span) for span in (range(8, 20), (*range(8), *range(20, 24))))
    assert day > 3 * night


# Repeatable ---------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_histories(folder: Path, tmp_path: Path) -> None:
    first, second, other = (
        work(folder, tmp_path / name, seed=seed, days=1, cases=8)[0] for name, seed in (("a", 5), ("b", 5), ("c", 6))
    )
    assert histories(first) == histories(second)
    assert histories(first) != histories(other)


def test_a_city_goes_on_where_it_stopped(folder: Path, tmp_path: Path) -> None:
    session, before = work(folder, tmp_path / "small.db", days=1, cases=8, unfinished=True)
    platform = build_platform(session, load_city(str(folder)))
    after = simulate(session, platform, start=before.now, days=3, cases_per_day=0, seed=1)
    assert after.tally.reported == 0
    assert after.by_status["closed"] > before.by_status.get("closed", 0)
    assert "accept" not in after.open_by_stage


# Whatever the diagrams and forms ask --------------------------------------------------------------------------


def test_a_further_approval_with_unknown_fields_is_passed(tmp_path: Path) -> None:
    folder = write_small_city(tmp_path / "strict")
    (folder / "processes").mkdir()
    (folder / "forms").mkdir()
    diagram = etree.parse(str(core_root() / "check_and_close.bpmn"))
    close = next(task for task in diagram.iter(f"{BPMN}userTask") if task.get("id") == "close")
    second = etree.fromstring(etree.tostring(close))
    second.set("id", "second_signature")
    second.set("{http://camunda.org/schema/1.0/bpmn}formKey", "second_signature")
    for child in second.findall(f"{BPMN}incoming") + second.findall(f"{BPMN}outgoing"):
        second.remove(child)
    close.addnext(second)
    outgoing = next(flow for flow in diagram.iter(f"{BPMN}sequenceFlow") if flow.get("sourceRef") == "close")
    outgoing.set("sourceRef", "second_signature")
    between = etree.SubElement(second.getparent(), f"{BPMN}sequenceFlow", id="to_second_signature")
    between.set("sourceRef", "close")
    between.set("targetRef", "second_signature")
    for outputs in second.iter("{http://camunda.org/schema/1.0/bpmn}inputOutput"):
        outputs.getparent().remove(outputs)
    for tag in ("incoming", "outgoing"):
        for each in close.findall(f"{BPMN}{tag}"):
            if tag == "outgoing":
                each.text = "to_second_signature"
    diagram.write(str(folder / "processes/check_and_close.bpmn"))
    (folder / "forms/second_signature.json").write_text(json.dumps(STRANGE), encoding="utf-8")
    session, summary = work(folder, tmp_path / "strict.db", days=2)
    signed = session.scalar(
        select(func.count()).select_from(Task).where(Task.element == "second_signature", Task.status == "done")
    )
    assert signed >= 5
    assert summary.by_status["closed"] >= 5
    assert summary.tally.stuck == Counter()


REQUIRED = {"required": True}
STRANGE = {
    "type": "default",
    "id": "second_signature",
    "components": [
        {
            "type": "radio", "key": "verdict", "label": "意见", "validate": REQUIRED,
            "values": [{"label": "退回", "value": "send_back"}, {"label": "同意", "value": "agree"}],
        },
        {"type": "textfield", "key": "file_number", "label": "号", "validate": REQUIRED | {"pattern": r"^\d{4}-\d+$"}},
        {"type": "number", "key": "cost", "label": "费用", "validate": REQUIRED | {"min": 5}},
        {"type": "datetime", "key": "signed_on", "subtype": "date", "dateLabel": "日期", "validate": REQUIRED},
        {"type": "checkbox", "key": "read", "label": "已阅", "validate": REQUIRED},
        {"type": "taglist", "key": "told", "label": "抄送", "validate": REQUIRED, "valuesExpression": "=departments"},
        {"type": "select", "key": "unit", "label": "单位", "validate": REQUIRED, "valuesExpression": "=departments"},
        {"type": "textarea", "key": "remark", "label": "说明", "validate": REQUIRED | {"minLength": 20}},
        {"type": "textfield", "key": "mail", "label": "邮箱", "validate": REQUIRED | {"validationType": "email"}},
        {
            "type": "dynamiclist", "path": "items", "label": "清单", "validate": REQUIRED,
            "components": [{"type": "textfield", "key": "what", "label": "内容", "validate": REQUIRED}],
        },
    ],
}  # fmt: skip


def test_any_form_is_filled_in_so_that_it_holds(folder: Path) -> None:
    form = load_form(json.dumps(STRANGE), "forms/second_signature.json")
    context = {"departments": [{"value": "WORKS", "label": "市政"}]}
    situation = Situation(MONDAY, frozenset(), {}, context)
    for draw in range(20):
        pen = Pen(load_settings(load_city(str(folder))), Random(draw))
        answers = pen.fill(form, situation)
        assert form.validate(answers, context, now=MONDAY).keys() == set(form.keys)


# Settings -----------------------------------------------------------------------------------------------------


@pytest.fixture
def city(tmp_path: Path) -> City:
    return load_city(str(write_small_city(tmp_path / "own")))


def test_a_city_overrides_single_keys(city: City) -> None:
    (city.root / "simulation.toml").write_text("[delays.accept]\nmedian_min = 99\n[demand]\nothers = 7\n")
    own, shipped = load_settings(city), load_settings(load_city("yunhe"))
    assert (own.delay("accept").median_min, own.delay("accept").spread) == (99, shipped.delay("accept").spread)
    assert own.demand["others"] == 7
    assert own.demand["subclasses"] == shipped.demand["subclasses"]


def test_weights_are_replaced_whole() -> None:
    below = {"answers": {"close": {"decision": {"close": 9, "doubt": 1, "slow": {"doubt": 1}}}}, "sources": {"a": 1}}
    above = {"answers": {"close": {"decision": {"close": 1}}}, "sources": {"b": 2}}
    assert merge(below, above) == above


def test_a_broken_file_names_what_to_correct(city: City) -> None:
    (city.root / "simulation.toml").write_text('[delays.accept]\nshift = "nobody"\n')
    with pytest.raises(CityBroken, match="shift 'nobody' is not declared in \\[shifts\\]"):
        load_settings(city)


# The command line ---------------------------------------------------------------------------------------------

ONE_DAY = ["--days", "1", "--cases-per-day", "4"]


def demo(city: City, url: str, *more: str) -> Any:
    return CliRunner().invoke(main, ["demo", "--city", str(city.root), "--database", url, *ONE_DAY, *more])


def test_a_demonstration_is_made_once_and_kept(city: City, tmp_path: Path) -> None:
    file = tmp_path / "demo.db"
    first = demo(city, f"sqlite:///{file}")
    assert first.exit_code == 0, first.output
    assert "wangge-demo" in first.output and "值班长" in first.output
    before = file.read_bytes()
    second = demo(city, f"sqlite:///{file}")
    assert second.exit_code == 0, second.output
    assert file.read_bytes() == before
    assert sorted(path.name for path in tmp_path.glob("demo.db*.making*")) == []


def test_an_interrupted_first_start_leaves_no_city(city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    file = tmp_path / "demo.db"
    with monkeypatch.context() as patch:
        patch.setattr("api.cli.demo.simulate", interrupted)
        assert demo(city, f"sqlite:///{file}").exit_code != 0
    assert not file.exists()
    assert demo(city, f"sqlite:///{file}").exit_code == 0
    assert file.exists()


def test_a_city_made_otherwise_is_kept_and_no_password_claimed(city: City, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'real.db'}"
    made = CliRunner().invoke(main, ["init", "--city", str(city.root), "--database", url])
    assert made.exit_code == 0, made.output
    answer = demo(city, url)
    assert answer.exit_code == 0, answer.output
    assert "wangge-demo" not in answer.output
    engine = open_database(url)
    with session_factory(engine)() as session:
        assert session.scalar(select(func.count()).select_from(Case)) == 0
    engine.dispose()


def test_fresh_replaces_what_was_there(city: City, tmp_path: Path) -> None:
    file = tmp_path / "demo.db"
    assert demo(city, f"sqlite:///{file}").exit_code == 0
    before = file.stat().st_ino
    assert demo(city, f"sqlite:///{file}", "--fresh").exit_code == 0
    assert file.stat().st_ino != before
    where = ["--city", str(city.root), "--database", f"sqlite:///{file}"]
    checked = CliRunner().invoke(main, ["evidence", "check", *where])
    assert checked.exit_code == 0, checked.output
    assert f"sound in folder {tmp_path / 'demo.evidence'}" in checked.output
    assert {path.name for path in tmp_path.glob("*.evidence")} == {"demo.evidence"}


def test_simulate_goes_on_after_the_last_history(city: City, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'demo.db'}"
    assert demo(city, url).exit_code == 0
    answer = CliRunner().invoke(
        main, ["simulate", "--city", str(city.root), "--database", url, "--days", "0.5", "--cases-per-day", "2"]
    )
    assert answer.exit_code == 0, answer.output
    assert "by status:" in answer.output and "open tasks:" in answer.output


def test_serve_names_a_taken_port(city: City) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        answer = CliRunner().invoke(main, ["serve", "--city", str(city.root), "--port", port])
    assert answer.exit_code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in answer.output and "--port" in answer.output


def test_serve_refuses_a_broken_city_with_what_check_says(city: City) -> None:
    (city.root / "organisation/people.csv").unlink()
    served = CliRunner().invoke(main, ["serve", "--city", str(city.root), "--port", "1"])
    checked = CliRunner().invoke(main, ["check", "--city", str(city.root)])
    assert served.exit_code == 1
    assert "people.csv" in served.output and "people.csv" in checked.output
