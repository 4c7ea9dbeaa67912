"""Shifts, who is chosen for a task on site, what patrols cover, missed and false reports, alarms."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from patrol_city import ON, beat_city, either_city, points, server_database, shift_for, walk
from sqlalchemy import func, select, update

from engine.cases.actions import act_on_case
from engine.cases.tasks import claim_task, complete_task
from engine.city import load_city
from engine.errors import CityBroken, Conflict, Invalid, NotAllowed, NotFound
from engine.models import Case, DutyShift, OutboxMessage, PatrolFact, PatrolState, Person, Task
from engine.patrol.alarms import watch
from engine.patrol.changing import add_shift, substitute, swap, take_leave
from engine.patrol.coverage import covered_by, keep_coverage
from engine.patrol.duty import on_duty
from engine.patrol.facts import find_facts, judge_fact
from engine.patrol.figures import figures
from engine.patrol.handing import hand_over
from engine.patrol.roster import PLANNED, read_duties, roll_out, shifts_between
from engine.patrol.roster_checks import check_roster
from engine.patrol.roster_files import export_roster, import_roster
from engine.patrol.rules import load_patrol_rules
from engine.patrol.taking import take_points
from engine.testing.casework import CONDITION, CaseWork
from engine.testing.small_city import MONDAY, SmallTown

__all__ = ["beat_city", "either_city", "server_database"]
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
PLAN = """
[shifts.early]
name = "早班"
hours = "07:00-14:00"
[shifts.late]
name = "晚班"
hours = "14:00-21:00"
[teams.one]
name = "一组"
begins = 2026-03-02
cycle = ["early", "late", "off"]
[teams.two]
name = "二组"
begins = 2026-03-02
cycle = ["late", "off", "early"]
"""
ASK = {"decision": "needs_field_proof", "condition": CONDITION, "urgent": False, "verify_note": "核对位置"}


def planned_town(
    town: SmallTown, plan: str = PLAN, duty: str = "collector,D1,one,,\ncollector2,D2,two,,\n"
) -> SmallTown:
    (town.folder / "patrol.toml").write_text(plan, encoding="utf-8")
    (town.folder / "organisation/duty.csv").write_text(f"login,duty_grid,team,from,until\n{duty}", encoding="utf-8")
    town.city = load_city(str(town.folder))
    return town


def add_collector(town: SmallTown, login: str, grid: str) -> None:
    people = town.folder / "organisation/people.csv"
    people.write_text(
        f"{people.read_text(encoding='utf-8')}{login},{login},{login},,collector,SUPERVISION,{grid},yes\n"
    )
    town.load()


def here(town: SmallTown, login: str, lon: float, lat: float, at: datetime) -> None:
    """Somebody on a shift stands at a place."""
    taken = take_points(town.session, town.platform, town.actor(login), points([(lon, lat)], at), at + MINUTE)
    assert taken.taken == 1, taken


def rules(town: SmallTown, text: str) -> None:
    """The city's own rules."""
    (town.folder / "patrol.toml").write_text(text, encoding="utf-8")


def asked(town: SmallTown, **report: Any) -> tuple[CaseWork, Task]:
    """A case whose verification is asked for."""
    work = CaseWork(town, **report)
    work.do("acceptor", "accept", ASK)
    return work, work.task("verify")


# The roster ----------------------------------------------------------------------------------------------------


def test_a_pattern_becomes_shifts_once_and_follows_the_files(town: SmallTown) -> None:
    planned_town(town)
    first = roll_out(town.session, town.city, MONDAY - DAY)
    assert first and roll_out(town.session, town.city, MONDAY - DAY) == 0
    rows = shifts_between(town.session, MONDAY - DAY, MONDAY + 3 * DAY, person_id=town.actor("collector").person_id)
    local = [(row.shift, row.starts_at.astimezone(town.city.time_zone).strftime("%d %H:%M")) for row in rows]
    assert local == [("early", "02 07:00"), ("late", "03 14:00"), ("early", "05 07:00")]
    planned_town(town, duty="collector,D1,one,,2026-03-03\n")
    roll_out(town.session, town.city, MONDAY - DAY)
    assert len(shifts_between(town.session, MONDAY - DAY, MONDAY + 30 * DAY)) == 2


def test_what_people_changed_survives_the_next_roll_out(town: SmallTown) -> None:
    planned_town(town)
    roll_out(town.session, town.city, MONDAY - DAY)
    leader = town.actor("shift_leader")
    row = shifts_between(town.session, MONDAY - DAY, MONDAY + DAY, grid="D1")[0]
    take_leave(town.session, leader, row.id, "ill", MONDAY - DAY)
    new = substitute(town.session, leader, row.id, "collector2", "stands in", MONDAY - DAY) if False else row
    assert roll_out(town.session, town.city, MONDAY - DAY) == 0
    assert town.session.get_one(DutyShift, new.id).status == "leave"


def test_substitute_and_swap_leave_who_was_planned_on_record(either_city: SmallTown) -> None:
    town, leader = either_city, either_city.actor("shift_leader")
    monday = shifts_between(town.session, ON, ON + DAY)[0]
    tuesday = shift_for(town, "collector2", "D2", ON + DAY, hours=8)
    with pytest.raises(NotAllowed):
        take_leave(town.session, town.actor("collector"), monday.id, "tired", ON)
    with pytest.raises(Invalid, match="reason"):
        swap(town.session, leader, monday.id, tuesday.id, "", ON)
    first, second = swap(town.session, leader, monday.id, tuesday.id, "wedding", ON)
    assert (first.duty_grid_code, first.stands_for_id) == ("D1", monday.id)
    assert {monday.status, tuesday.status} == {"replaced"}
    assert second.person_id == town.actor("collector").person_id
    with pytest.raises(Conflict, match="replaced already"):
        take_leave(town.session, leader, monday.id, "late", ON)
    town.session.rollback()
    # Back again: the rows of before return, nobody is planned twice.
    swap(town.session, leader, first.id, second.id, "no wedding", ON)
    planned = [row.id for row in shifts_between(town.session, ON, ON + 2 * DAY) if row.status == PLANNED]
    assert sorted(planned) == sorted([monday.id, tuesday.id])
    with pytest.raises(Conflict, match="over"):
        take_leave(town.session, leader, monday.id, "too late", ON + DAY)
    town.session.rollback()
    with pytest.raises(Conflict, match="works in grid D1"):
        add_shift(town.session, leader, "collector", "D2", ON + 60 * MINUTE, ON + 90 * MINUTE, "more", ON)
    town.session.rollback()
    with pytest.raises(Invalid, match="no collector"):
        substitute(town.session, leader, monday.id, "acceptor", "help", ON)
    town.session.rollback()


def test_a_roster_is_checked_for_gaps_people_in_two_places_and_what_is_gone(town: SmallTown) -> None:
    planned_town(town)
    roll_out(town.session, town.city, MONDAY - DAY)
    zone = town.city.time_zone
    since, until = datetime(2026, 3, 2, tzinfo=zone), datetime(2026, 3, 3, tzinfo=zone)
    faults = check_roster(town.session, town.city, load_patrol_rules(town.city), since, until)
    told = [
        (each.kind, each.duty_grid, each.begins.astimezone(zone).hour, each.ends.astimezone(zone).hour)
        for each in faults
    ]
    assert told == [("uncovered", "D2", 7, 14), ("uncovered", "D1", 14, 21)]
    shift_for(town, "collector", "D2", datetime(2026, 3, 2, 13, tzinfo=zone), hours=2)
    shift_for(town, "acceptor", "D9", datetime(2026, 3, 2, 8, tzinfo=zone), hours=1)
    kinds = {each.kind for each in check_roster(town.session, town.city, load_patrol_rules(town.city), since, until)}
    assert kinds == {"uncovered", "two_places", "unknown_grid", "no_collector"}


def test_a_roster_goes_out_and_in_without_loss_and_twice_changes_nothing(either_city: SmallTown) -> None:
    town, leader = either_city, either_city.actor("shift_leader")
    row = shifts_between(town.session, ON, ON + DAY)[0]
    substitute(town.session, leader, row.id, "collector2", "=1+1 ill", ON)
    text = export_roster(town.session, shifts_between(town.session, ON, ON + DAY), town.city.time_zone)
    assert "'=1+1 ill" in text
    before = list(csv.reader(io.StringIO(text)))
    done = import_roster(town.session, leader, text.encode(), ON)
    assert (done.added, done.changed, done.unchanged) == (0, 0, 2)
    town.session.query(DutyShift).filter(DutyShift.stands_for_id.is_not(None)).delete()
    town.session.query(DutyShift).delete()
    town.session.commit()
    assert import_roster(town.session, leader, b"\xef\xbb\xbf" + text.encode(), ON).added == 2
    after = export_roster(town.session, shifts_between(town.session, ON, ON + DAY), town.city.time_zone)
    origin = before[0].index("origin")
    assert [r[:origin] + r[origin + 1 :] for r in csv.reader(io.StringIO(after))] == [
        r[:origin] + r[origin + 1 :] for r in before
    ]


def test_a_roster_with_a_bad_row_is_refused_whole_with_every_reason(town: SmallTown) -> None:
    good = "collector,D1,2026-03-03T08:00+08:00,2026-03-03T16:00+08:00"
    rows = [
        good, good, "nobody,D1,2026-03-03T08:00+08:00,2026-03-03T16:00+08:00",
        "collector2,D9,2026-03-03T08:00+08:00,2026-03-03T16:00+08:00",
        "collector2,D2,2026-03-03T08:00,2026-03-03T16:00",
        "collector2,D2,2026-03-03T08:00+08:00,2026-03-02T16:00+08:00", "collector2,D2,early,late",
        "collector,D2,2026-03-03T09:00+08:00,2026-03-03T10:00+08:00",
    ]  # fmt: skip
    content = "\n".join(["login,duty_grid,starts,ends", *rows]).encode()
    done = import_roster(town.session, town.actor("shift_leader"), content, MONDAY)
    assert [each.line for each in done.refused] == [3, 4, 5, 6, 7, 8, 9]
    assert all(each.reason and each.remedy for each in done.refused)
    assert town.session.scalar(select(func.count()).select_from(DutyShift)) == 0
    for broken, why in ((b"\xff\xfe", "UTF-8"), (b"login,grid\n", "no column duty_grid")):
        with pytest.raises(Invalid, match=why):
            import_roster(town.session, town.actor("shift_leader"), broken, MONDAY)
        town.session.rollback()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[track]\nkeep_raw_days = -1", "no number of 0 or more"), ("[track]\nkeep = 1", "the key is unknown"),
        ("[choice]\ncross_share = 2", "more than everything"), ("track = 1", "is not a table"), ("[x", "must be TOML"),
        ('[shifts.a]\nname = "A"\nhours = "7-14"', "no time span"), ('[shifts.off]\nname = "A"', "off stands for"),
        ('[teams.a]\nname = "A"\nbegins = 2026-01-01\ncycle = ["early"]', "there is no shift 'early'"),
        ('[teams.a]\nname = "A"\nbegins = "soon"\ncycle = ["off"]', "is no date"),
        ("[choice]\nbar_reporter = 1", "neither"),
    ],
)  # fmt: skip
def test_rules_that_cannot_be_used_name_the_key_and_the_remedy(
    town_folder: Path, tmp_path: Path, text: str, why: str
) -> None:
    (tmp_path / "city.toml").write_text((town_folder / "city.toml").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "patrol.toml").write_text(text, encoding="utf-8")
    with pytest.raises(CityBroken, match=why):
        load_patrol_rules(load_city(str(tmp_path)))


def test_a_duty_file_with_a_bad_date_names_its_line(town: SmallTown) -> None:
    planned_town(town, duty="collector,D1,one,soon,\n")
    with pytest.raises(CityBroken, match="line 2"):
        read_duties(town.city)


# Who goes --------------------------------------------------------------------------------------------------------


def test_the_nearest_on_duty_goes_but_never_who_reported_it(either_city: SmallTown) -> None:
    town = either_city
    add_collector(town, "collector3", "D1")
    for login, grid in (("collector2", "D2"), ("collector3", "D1")):
        shift_for(town, login, grid, ON, hours=8)
    here(town, "collector", 116.0005, 28.0005, ON)
    here(town, "collector2", 116.0021, 28.0005, ON)
    here(town, "collector3", 116.0005, 28.0029, ON)
    town.clock.set(ON + 2 * MINUTE)
    work, task = asked(town)
    assert (task.assignee_id, task.scope) == (town.actor("collector2").person_id, "D1")
    why = task.defaults["choice"]
    assert (why["rule"], why["login"], why["distance_m"], why["considered"]) == ("nearest", "collector2", 157, 2)
    # A task in hand counts like 400 m, so the next one goes to the other.
    _, second = asked(town)
    assert second.defaults["choice"]["login"] == "collector3"
    # Whoever was chosen from another grid can do the task and see the case, and no other case of the grid.
    complete_task(
        town.session, town.platform, town.actor("collector2"), task.id, {"verified": "true"}, now=town.clock.now()
    )
    with pytest.raises(NotFound):
        claim_task(town.session, town.actor("collector2"), second.id, town.clock.now())
    town.session.rollback()
    assert work.open() == ["file_case"]


def test_without_fresh_positions_the_shift_decides_then_the_grid_then_the_role(beat_city: SmallTown) -> None:
    town = beat_city
    _, task = asked(town)
    assert (task.assignee_id, task.scope, task.defaults["choice"]["rule"]) == (None, None, "role")
    assert task.defaults["choice"]["skipped"] == ["no_positions", "nobody_on_shift"]
    add_collector(town, "collector3", "D1")
    _, task = asked(town)
    assert (task.assignee_id, task.defaults["choice"]["rule"]) == (town.actor("collector3").person_id, "grid")
    shift_for(town, "collector3", "D1", ON, hours=8)
    _, task = asked(town)
    assert (task.defaults["choice"]["rule"], task.defaults["choice"]["login"]) == ("on_shift", "collector3")
    here(town, "collector3", 116.0005, 28.0005, ON)
    town.clock.set(ON + 20 * MINUTE)
    _, task = asked(town)
    assert (task.defaults["choice"]["rule"], task.defaults["choice"]["skipped"]) == ("on_shift", ["no_positions"])


def test_the_share_of_cross_checks_is_drawn_by_case_and_always_the_same(beat_city: SmallTown) -> None:
    town = beat_city
    rules(town, "[choice]\ncross_share = 0.5\nload_m = 0\n")
    add_collector(town, "collector3", "D1")
    for login, grid, lon in (("collector3", "D1", 116.0005), ("collector2", "D2", 116.0025)):
        shift_for(town, login, grid, ON, hours=8)
        here(town, login, lon, 28.0005, ON)
    town.clock.set(ON + 2 * MINUTE)
    drawn = [asked(town)[1].defaults["choice"] for _ in range(12)]
    crossed = [each for each in drawn if each["rule"] == "cross_check"]
    assert 0 < len(crossed) < 12
    assert {each["login"] for each in crossed} == {"collector2"}
    assert {each["login"] for each in drawn if each["rule"] == "nearest"} == {"collector3"}
    from random import Random

    numbers = town.session.scalars(select(Case.number).order_by(Case.id)).all()
    assert [Random(f"{number}/verify/0").random() < 0.5 for number in numbers] == [
        each["rule"] == "cross_check" for each in drawn
    ]


def test_a_city_may_bar_the_reporter_from_the_group_too(beat_city: SmallTown) -> None:
    town = beat_city
    rules(town, "[choice]\nbar_reporter = true\n")
    _, task = asked(town)
    for act in (claim_task, lambda s, a, t, n: complete_task(s, town.platform, a, t, {"verified": "true"}, now=n)):
        with pytest.raises(NotAllowed, match="you reported"):
            act(town.session, town.actor("collector"), task.id, ON)
        town.session.rollback()
    assert claim_task(town.session, town.actor("collector2"), task.id, ON).assignee_id


def test_a_shift_leader_gives_the_task_to_another_with_a_reason(either_city: SmallTown) -> None:
    town = either_city
    work, task = asked(town)
    leader = town.actor("shift_leader")
    with pytest.raises(NotAllowed):
        hand_over(town.session, town.platform, town.actor("collector2"), task.id, "collector2", "mine", ON)
    with pytest.raises(Invalid, match="reported this case"):
        hand_over(town.session, town.platform, leader, task.id, "collector", "near", ON)
    given = hand_over(town.session, town.platform, leader, task.id, "collector2", "near by", ON)
    assert given.defaults["choice"]["rule"] == "by_hand" and work.history()[-1] == "handed_over"
    with pytest.raises(Conflict):
        hand_over(town.session, town.platform, leader, task.id, "collector2", "again", ON)
    work.do("collector2", "verify", {"verified": "true"})
    assert work.open() == ["file_case"]


# Where they are --------------------------------------------------------------------------------------------------


def test_the_live_list_tells_shift_point_and_grid_together(beat_city: SmallTown) -> None:
    town = beat_city
    [one] = on_duty(town.session, town.platform, ON + MINUTE)
    assert (one.state, one.since, one.seen_at) == ("unseen", ON, None)
    here(town, "collector", 116.0005, 28.0005, ON + MINUTE)
    assert [each.state for each in on_duty(town.session, town.platform, ON + 3 * MINUTE)] == ["on_grid"]
    [one] = on_duty(town.session, town.platform, ON + 17 * MINUTE)
    assert (one.state, one.since) == ("silent", ON + MINUTE)
    assert on_duty(town.session, town.platform, ON + 9 * 60 * MINUTE) == []


def test_alarms_begin_once_end_once_and_are_told_once(either_city: SmallTown) -> None:
    town = either_city
    assert watch(town.session, town.platform, ON + 15 * MINUTE) == (0, 0)
    assert watch(town.session, town.platform, ON + 16 * MINUTE) == (1, 0)
    assert watch(town.session, town.platform, ON + 17 * MINUTE) == (0, 0)
    away = [(116.0035, 28.0015)] * 40
    take_points(
        town.session,
        town.platform,
        town.actor("collector"),
        points(away, ON + 18 * MINUTE, every_s=30),
        ON + 39 * MINUTE,
    )
    assert watch(town.session, town.platform, ON + 39 * MINUTE) == (1, 1)
    assert watch(town.session, town.platform, ON + 9 * 60 * MINUTE) == (0, 1)
    facts = town.session.scalars(select(PatrolFact).order_by(PatrolFact.id)).all()
    assert [(fact.kind, fact.at, fact.ended_at, fact.status) for fact in facts] == [
        ("no_position", ON, ON + 39 * MINUTE, "ended"), ("left_grid", ON + 18 * MINUTE, ON + 8 * 60 * MINUTE, "ended"),
    ]  # fmt: skip
    told = [each.payload for each in town.session.scalars(select(OutboxMessage).where(OutboxMessage.topic == "notify"))]
    assert [each["event"] for each in told] == ["patrol.no_position", "patrol.left_grid"]
    assert "collector (D1)" in told[0]["text"]


# What they cover and miss --------------------------------------------------------------------------------------


def patrolled(town: SmallTown) -> None:
    """The collector has walked up the west column of D1, three of its six cells."""
    take_points(
        town.session,
        town.platform,
        town.actor("collector"),
        points(walk(27, step=0.0001), ON, every_s=60),
        ON + 60 * MINUTE,
    )


def test_coverage_counts_the_cells_a_track_went_through(either_city: SmallTown) -> None:
    town = either_city
    patrolled(town)
    [shift] = shifts_between(town.session, ON, ON + DAY)
    CaseWork(town)
    done = covered_by(town.session, town.platform, shift, ON + 2 * 60 * MINUTE)
    assert (done.cells, done.visited, done.share, done.reports, done.quota) == (6, 3, 0.5, 1, 8)
    assert set(done.missed) == {f"990101001001{number:03}" for number in (2, 5, 8)}
    assert done.track_m == pytest.approx(290, abs=5)
    assert keep_coverage(town.session, town.platform, ON + 8 * 60 * MINUTE) == 0
    assert keep_coverage(town.session, town.platform, ON + 10 * 60 * MINUTE) == 1
    assert keep_coverage(town.session, town.platform, ON + 11 * 60 * MINUTE) == 0


def test_points_far_apart_in_time_are_not_joined_to_a_way(beat_city: SmallTown) -> None:
    ends = points([(116.0005, 28.0002), (116.0005, 28.0028)], ON, every_s=900)
    take_points(beat_city.session, beat_city.platform, beat_city.actor("collector"), ends, ON + 60 * MINUTE)
    [shift] = shifts_between(beat_city.session, ON, ON + DAY)
    done = covered_by(beat_city.session, beat_city.platform, shift, ON + 60 * MINUTE)
    assert (done.visited, done.track_m) == (2, 0.0)


def public_case(town: SmallTown, lon: float, lat: float, at: datetime) -> CaseWork:
    """A problem reported by the public at a place, and filed."""
    town.clock.set(at)
    work = CaseWork(town, source="public", lon=lon, lat=lat)
    town.session.execute(update(Case).where(Case.id == work.id).values(reporter_id=None))
    town.session.commit()
    work.forget_live()
    work.do("acceptor", "accept", {"decision": "ok", "condition": CONDITION, "urgent": False})
    work.do("shift_leader", "file_case", {"decision": "approve", "condition": CONDITION, "urgent": False})
    return work


def test_a_problem_passed_by_and_reported_by_others_is_a_candidate_that_a_person_judges(either_city: SmallTown) -> None:
    town = either_city
    patrolled(town)
    near = public_case(town, 116.0007, 28.0015, ON + 60 * MINUTE)
    public_case(town, 116.0018, 28.0015, ON + 61 * MINUTE)
    public_case(town, 116.0005, 28.0015, ON + 7 * 60 * MINUTE)
    assert find_facts(town.session, town.platform, ON + DAY) == 1
    assert find_facts(town.session, town.platform, ON + DAY) == 0
    [fact] = town.session.scalars(select(PatrolFact)).all()
    assert (fact.case_id, fact.status, fact.kind) == (near.id, "candidate", "missed")
    assert fact.facts["distance_m"] == pytest.approx(17.3, abs=0.2)
    assert datetime.fromisoformat(fact.facts["passed_at"]) == ON + 13 * MINUTE
    leader = town.actor("shift_leader")
    for wrong, error in (("maybe", Invalid), ("confirmed", None)):
        if error:
            with pytest.raises(error):
                judge_fact(town.session, leader, fact.id, wrong, "seen on camera", ON + DAY)
        else:
            judge_fact(town.session, leader, fact.id, wrong, "seen on camera", ON + DAY)
    with pytest.raises(Conflict):
        judge_fact(town.session, leader, fact.id, "rejected", "no", ON + DAY)
    town.session.rollback()
    with pytest.raises(NotAllowed):
        judge_fact(town.session, town.actor("collector"), fact.id, "rejected", "no", ON + DAY)
    [own] = [each for each in figures(town.session, ON, ON + DAY) if each.login == "collector"]
    assert (own.counts["missed"], own.cases["missed"]) == (1, [near.id])


def test_a_report_found_untrue_or_voided_is_false_and_one_out_of_scope_is_not(either_city: SmallTown) -> None:
    town = either_city
    untrue, _ = asked(town)
    untrue.do("collector2", "verify", {"verified": "false", "reason_kind": "not_found", "reason": "现场井盖完好"})
    outside = CaseWork(town)
    outside.do("acceptor", "accept", {"decision": "not_in_scope", "reason_kind": "outside_area", "reason": "小区内部"})
    voided = CaseWork(town)
    act_on_case(
        town.session,
        town.platform,
        town.actor("shift_leader"),
        voided.case.number,
        "cancel",
        {"reason": "test"},
        now=ON,
    )
    CaseWork(town)
    assert find_facts(town.session, town.platform, ON + MINUTE) == 2
    rows = town.session.scalars(select(PatrolFact).order_by(PatrolFact.case_id)).all()
    assert [(row.case_id, row.facts["how"]) for row in rows] == [(untrue.id, "verified"), (voided.id, "voided")]
    people = {each.login: each.counts for each in figures(town.session, ON - DAY, ON + DAY)}
    assert (people["collector"]["reports"], people["collector"]["valid"], people["collector"]["false"]) == (4, 0, 2)
    assert (people["collector2"]["need_verify"], people["collector2"]["verified_in_time"]) == (1, 1)
    assert town.session.scalar(select(func.count()).select_from(PatrolState)) == 0
    assert town.session.scalar(select(func.count()).select_from(Person)) > 0


def test_the_checks_tell_every_fault_of_shifts_and_duties(town: SmallTown) -> None:
    from engine.checks import check_city

    planned_town(town, duty="ghost,D1,one,,\ncollector,D9,one,,\ncollector2,D2,three,,\ncollector2,D1,two,,\n")
    rules(town, PLAN + '[missed]\nsources = ["gossip"]\n')
    told = {(each.file, each.element, each.line) for each in check_city(load_city(str(town.folder)))}
    duty = "organisation/duty.csv"
    assert {
        ("patrol.toml", "missed.sources", None), (duty, "ghost", 2), (duty, "collector", 3), (duty, "collector2", 4),
    } <= told  # fmt: skip
    rules(town, "[track]\nkeep_raw_days = -1\nkep = 2\n")
    told = [str(each) for each in check_city(load_city(str(town.folder))) if each.file == "patrol.toml"]
    assert len(told) == 2 and all(";" in each for each in told)
