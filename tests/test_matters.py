"""Matters: cases that begin with a department's procedure; procedures a case opens beside itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_diagrams import chain, flow, node, service, user, write_process
from sqlalchemy import select

from engine.casefile.unit import Unit
from engine.cases.access import access_case
from engine.cases.actions import act_on_case
from engine.cases.diagrams import case_instance
from engine.cases.matters import Application, find_department, matters_for, open_matter, submit_matter
from engine.cases.opening import Report
from engine.cases.relating import Part, split_case, undo_merge
from engine.cases.reporting import report_case
from engine.cases.tasks import complete_task
from engine.checks import check_folder, errors_of
from engine.duplicates.finding import duplicates_of, likely_duplicates
from engine.duplicates.recurring import recurrence_of
from engine.errors import CityBroken, Conflict, Invalid, NotAllowed, NotFound, OperatorRefused
from engine.layers import Layer, Layers
from engine.matters.procedures import load_procedures
from engine.models import Case, CaseEvent, Task
from engine.scenarios.running import run_scenarios
from engine.testing.scratch import NoServer, scratch_postgresql
from engine.testing.small_city import SmallTown, write_small_city
from engine.workflow.forms import FormInvalid
from engine.workflow.observing import variables_of

MATTER = """
[matter]
zh = "行政许可申请"
en = "Licence application"
process = "permit_application"
form = "permit_apply"
title = "${answer.subject}"
department = "MUNICIPAL"
open = "permit.write"
read = "permit.read"
place = "optional"
number = "{year}-许-{serial:04}"
"""
FORM = {
    "id": "permit_apply", "type": "default",
    "components": [
        {"type": "textfield", "key": "subject", "label": "申请事项", "validate": {"required": True}},
        {"type": "number", "key": "days", "label": "天数"},
        {"type": "select", "key": "lead", "label": "主办", "valuesExpression": "=departments"},
    ],
}  # fmt: skip
ROLES = """role,name,name_en,side,permissions
acceptor,受理员,Acceptor,supervision,+permit.write
unit_head,单位负责人,Head of unit,handling,+permit.read
"""


MESSAGE = '<bpmn:message id="over" name="penalty_over"/>'
EVENT = '<bpmn:messageEventDefinition messageRef="over"/>'
TELL = (
    '<bpmn:intermediateThrowEvent id="tell" name="tell"><bpmn:extensionElements><camunda:properties>'
    '<camunda:property name="correlation" value="${case.origin}"/></camunda:properties></bpmn:extensionElements>'
    f"<bpmn:incoming>fine_to_tell</bpmn:incoming>{EVENT}</bpmn:intermediateThrowEvent>"
)
HEAR = node("boundaryEvent", "hear", EVENT, name="hear", attachedToRef="watch", cancelActivity="true")


def write_matters(folder: Path) -> Path:
    """A small city with a licence, a penalty that a case may open, and a lifecycle that opens it."""
    write_small_city(folder)
    for name, text in {
        "matters/permit_application.toml": MATTER,
        "forms/permit_apply.json": json.dumps(FORM, ensure_ascii=False),
        "roles.csv": ROLES,
        "translations/en.csv": (
            "key,text\nform:permit_apply:subject,Subject\nform:permit_apply:days,Days\nform:permit_apply:lead,Lead\n"
        ),
        "procedures.csv": "code,process\n*,penalty_simple\nevent/01,permit_application\n",
        "matters/penalty_simple.toml": (
            '[matter]\nzh = "处罚"\nen = "Penalty"\nprocess = "penalty_simple"\ndepartment = "SANITATION"\n'
            'open = "permit.write"\nread = "permit.read"\nplace = "none"\n'
        ),
    }.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    review = user("review", role="unit_clerk@${case.lead_department}", stage="accept", limit="1 work_day")
    merged = node("boundaryEvent", "merged", EVENT, name="merged", attachedToRef="review", cancelActivity="true")
    write_process(
        folder,
        [review, merged, service("joined", "case/merge", into="${merge.into}")],
        [*chain("start", "review", "end"), *chain("merged", "joined", "end")],
        name="permit_application",
        extra=MESSAGE.replace("penalty_over", "merge"),
    )
    write_process(
        folder,
        [user("fine", role="unit_clerk@${case.lead_department}", stage="enforce", limit="1 work_day"), TELL],
        chain("start", "fine", "tell", "end"),
        name="penalty_simple",
        extra=MESSAGE,
    )
    opening = service(
        "opening",
        "case/open_linked",
        process="${case.procedure}",
        title="占道经营",
        values="${{'party': party, 'n': 2}}",
    )
    script = node(
        "scriptTask", "told", "<bpmn:script>party = '王某'</bpmn:script>", name="told", scriptFormat="expression"
    )
    write_process(
        folder,
        [script, opening, user("watch", stage="accept", limit="1 work_day"), HEAR],
        [*chain("start", "told", "opening", "watch", "end"), flow("hear", "end")],
        extra=MESSAGE,
    )
    return folder


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallTown]:
    """The city on either database; every test begins with whatever cases are there."""
    folder = write_matters(tmp_path_factory.mktemp("matters") / "city")
    with ExitStack() as stack:
        try:
            url = "sqlite://" if request.param == "sqlite" else stack.enter_context(scratch_postgresql())
        except NoServer as error:
            pytest.skip(str(error))
        place = SmallTown(folder, url)
        stack.callback(place.close)
        yield place


def opened(town: SmallTown, name: str = "permit_application", **what: Any) -> Case:
    """A matter opened by the city itself."""
    what.setdefault("answers", {"subject": "临时占道"} if name == "permit_application" else {})
    case = open_matter(town.session, town.platform, Application(name, **what), None, town.clock.now())
    town.session.commit()
    return town.session.scalars(select(Case).where(Case.number == case.number)).one()


def facts(town: SmallTown, case: Case) -> dict[str, Any]:
    return town.platform.host.facts(Unit(town.session), case, town.clock.now())


def tasks_of(town: SmallTown, case: Case) -> list[Task]:
    return list(town.session.scalars(select(Task).where(Task.case_id == case.id, Task.status == "open")))


def test_a_matter_has_its_own_number_title_and_lead_and_no_class(town: SmallTown) -> None:
    first, second = opened(town, answers={"subject": "临时占道", "days": 3}), opened(town)
    serial = int(first.number[-4:])
    assert first.number.startswith("2026-许-") and second.number == f"2026-许-{serial + 1:04}"
    assert (first.title, first.lead_department, first.kind, first.full_code) == ("临时占道", "MUNICIPAL", "matter", "")
    told = facts(town, first)
    assert (told["matter"], told["origin"], told["kind"], told["class_code"]) == (
        "permit_application",
        "",
        "matter",
        "",
    )
    assert told["units"] == [{"department": "MUNICIPAL", "part": "lead"}]
    [task] = tasks_of(town, first)
    assert (task.element, task.scope) == ("review", "MUNICIPAL")


def test_answers_are_checked_and_become_variables(town: SmallTown) -> None:
    with pytest.raises(FormInvalid) as refused:
        opened(town, answers={"days": 3})
    assert list(refused.value.errors) == ["subject"]
    with pytest.raises(FormInvalid):
        opened(town, answers={"subject": "x", "other": 1})
    case = opened(town, answers={"subject": "x", "days": 3}, values={"party": "王某"})
    assert variables(town, case) == {"party": "王某", "subject": "x", "days": 3, "lead": None}
    with pytest.raises(Invalid, match="has no form"):
        opened(town, "penalty_simple", answers={"subject": "x"})
    line = town.session.scalars(select(CaseEvent).where(CaseEvent.case_id == case.id)).first()
    assert line is not None and (line.kind, line.data["answers"]["days"]) == ("matter_opened", 3)


def variables(town: SmallTown, case: Case) -> dict[str, Any]:
    instance = case_instance(town.session, case)
    assert instance is not None
    return variables_of(instance, town.platform.definitions.get(town.session, instance.deployment_id))


@pytest.mark.parametrize(
    ("name", "place", "field"),
    [
        ("penalty_simple", {"lon": 116.0005, "lat": 28.0005}, "lon"),
        ("permit_application", {"lon": 116.0005}, "lat"),
        ("permit_application", {"lon": 1.0, "lat": 1.0}, "lon"),
    ],
)
def test_a_place_is_given_where_it_is_asked_for(
    town: SmallTown, name: str, place: dict[str, float], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        opened(town, name, **place)
    assert refused.value.field == field
    town.session.rollback()


def test_a_place_is_found_as_for_a_report_but_no_duplicate_or_recurring_problem(town: SmallTown) -> None:
    case = opened(town, lon=116.0005, lat=28.0005)
    assert (case.grid_code, case.duty_grid_code, case.subdistrict_code) == ("990101001001001", "D1", "990101001")
    assert case.cell is None
    head = town.actor("shift_leader")
    assert duplicates_of(town.session, town.platform, head, case, town.clock.now()) == []
    assert recurrence_of(town.session, town.platform, head, case) is None
    report = Report("component", "0101", "井盖", "patrol", lon=116.0005, lat=28.0005)
    street = report_case(town.session, town.platform, report, None, town.clock.now())
    town.session.commit()
    near = likely_duplicates(
        town.session, town.platform, text="临时占道", full_code="0101", kind="component", lon=116.0005, lat=28.0005,
        now=town.clock.now(), limit=50,
    )  # fmt: skip
    assert street.number in {each.number for each in near} and case.number not in {each.number for each in near}


def test_a_duty_nobody_has_there_is_refused_by_name(town: SmallTown) -> None:
    wrong = replace(town.platform.host.matters["permit_application"], department="${answer.lead}")
    case = opened(town)
    for named, told in (("SUBDISTRICT", "where no place is given"), ("GARDENS", "neither a department nor a duty")):
        with pytest.raises(Invalid, match=told) as refused:
            find_department(town.platform.host, wrong, case, {"lead": named})
        assert "matters/permit_application.toml" in refused.value.message
    assert find_department(town.platform.host, wrong, case, {"lead": "STREET1"}) == "STREET1"


def test_opening_takes_the_permission_and_reading_all_the_other(town: SmallTown) -> None:
    acceptor, clerk = town.actor("acceptor"), town.actor("unit_clerk_sanitation")
    application = Application("permit_application", {"subject": "x"})
    with pytest.raises(NotAllowed, match=r"permit\.write"):
        submit_matter(town.session, town.platform, application, clerk, town.clock.now())
    number = submit_matter(town.session, town.platform, application, acceptor, town.clock.now())["case"]
    assert [each.name for each in matters_for(town.platform.host, acceptor)] == ["penalty_simple", "permit_application"]
    assert matters_for(town.platform.host, clerk) == []
    directory = town.platform.host.directory
    with pytest.raises(NotFound):
        access_case(town.session, clerk, directory, number)
    for login in ("unit_clerk_municipal", "unit_head_sanitation", "acceptor"):  # its lead, permit.read, who opened it
        assert access_case(town.session, town.actor(login), directory, number).number == number


def test_the_same_key_and_the_same_number_from_outside_open_one_case(town: SmallTown) -> None:
    acceptor = town.actor("acceptor")

    def submit(key: str | None, **what: Any) -> dict[str, Any]:
        application = Application("permit_application", {"subject": "x"}, **what)
        return submit_matter(town.session, town.platform, application, acceptor, town.clock.now(), key=key)

    assert submit("once") == submit("once")
    with pytest.raises(Conflict, match="used for another request"):
        submit("once", title="y")
    first, again = submit(None, external_id="P-1"), submit(None, external_id="P-1")
    assert (again["case"], again["known"]) == (first["case"], True)


def test_a_case_opens_the_procedure_of_its_class_with_variables_and_origin(town: SmallTown) -> None:
    expected = (
        ("component", "0101", "penalty_simple", "SANITATION"),
        ("event", "0101", "permit_application", "MUNICIPAL"),
    )
    for kind, code, name, lead in expected:
        report = Report(kind, code, "占道", "patrol", lon=116.0005, lat=28.0005)
        parent = report_case(town.session, town.platform, report, None, town.clock.now())
        town.session.commit()
        [child] = town.session.scalars(select(Case).where(Case.origin == parent.number)).all()
        assert (child.matter, child.kind, child.full_code, child.lead_department) == (name, "matter", "", lead)
        assert child.number.startswith("2026-许-" if name == "permit_application" else "20260302-")
        assert (child.title, child.grid_code, child.condition_no) == ("占道经营", parent.grid_code, None)
        assert facts(town, child)["origin"] == parent.number
        assert facts(town, parent)["procedure"] == name
        asked = {"subject": None, "days": None, "lead": None} if name == "permit_application" else {}
        assert variables(town, child) == {"party": "王某", "n": 2, **asked}
        complete_task(
            town.session, town.platform, town.actor(f"unit_clerk_{lead.lower()}"), tasks_of(town, child)[0].id, {},
            now=town.clock.now(),
        )  # fmt: skip


def test_a_running_case_opens_a_procedure_that_was_deployed_after_it(tmp_path: Path) -> None:
    folder = write_small_city(tmp_path / "city")
    opening = service("opening", "case/open_linked", process="${case.procedure}")
    nodes = [user("wait", stage="accept"), opening, user("watch", stage="accept")]
    write_process(folder, nodes, chain("start", "wait", "opening", "watch", "end"))
    town = SmallTown(folder)
    report = Report("component", "0101", "井盖", "patrol", lon=116.0005, lat=28.0005)
    parent = report_case(town.session, town.platform, report, None, town.clock.now())
    town.session.commit()
    write_process(folder, [user("fine", stage="enforce")], chain("start", "fine", "end"), name="penalty_simple")
    (folder / "procedures.csv").write_text("code,process\n*,penalty_simple\n", encoding="utf-8")
    town.load()
    town.session.commit()
    [task] = tasks_of(town, parent)
    complete_task(town.session, town.platform, town.actor("acceptor"), task.id, {}, now=town.clock.now())
    [child] = town.session.scalars(select(Case).where(Case.origin == parent.number)).all()
    assert [each.element for each in tasks_of(town, child)] == ["fine"]
    town.close()


def test_a_matter_is_merged_with_its_like_alone_and_begins_anew_with_its_answers(town: SmallTown) -> None:
    head, values = town.actor("shift_leader"), {"party": "王某"}
    leading, other = opened(town), opened(town, "penalty_simple")
    case = opened(town, answers={"subject": "占道", "days": 3}, values=values)

    def merge(into: str) -> dict[str, Any]:
        payload = {"into": into, "reason": "同一申请"}
        return act_on_case(town.session, town.platform, head, case.number, "merge", payload, now=town.clock.now())

    with pytest.raises(OperatorRefused, match="is another matter"):
        merge(other.number)
    assert merge(leading.number)["status"] == "merged"
    undo_merge(town.session, town.platform, head, case.number, "并错了", now=town.clock.now())
    town.session.refresh(case)
    assert (case.status, case.lead_department) == ("reported", "MUNICIPAL")
    assert [(each.element, each.scope) for each in tasks_of(town, case)] == [("review", "MUNICIPAL")]
    assert {"party": "王某", "days": 3}.items() <= variables(town, case).items()
    with pytest.raises(Conflict, match="no problem on the street"):
        split_case(
            town.session, town.platform, town.actor("acceptor"), case.number,
            [Part("component", "0101", "井盖")], "一报多事", now=town.clock.now(),
        )  # fmt: skip


def test_an_unknown_matter_is_refused_with_those_there_are(town: SmallTown) -> None:
    with pytest.raises(NotFound, match="there are penalty_simple, permit_application"):
        opened(town, "permit_aplication")


def test_the_serial_of_a_matter_restarts_each_year(town: SmallTown) -> None:
    later = town.clock.now().replace(year=2027)
    case = open_matter(town.session, town.platform, Application("permit_application", {"subject": "x"}), None, later)
    town.session.commit()
    assert case.number == "2027-许-0001"


SCENARIOS = """
[[scenario]]
title = "受理后由主办单位审查"
given.matter = "permit_application"
given.by = "acceptor"
given.answers = { subject = "临时占道", lead = "${unit.SANITATION}" }
expect.open = ["review by unit_clerk @ MUNICIPAL"]
expect.case = { matter = "permit_application", title = "临时占道", grid = "none" }
expect.variables = { lead = "SANITATION" }
[[scenario.step]]
task = "review"
expect.ended = true

[[scenario]]
title = "没有填写事项的不予受理"
given = { matter = "permit_application", area_class = "B" }
expect.refused = "subject"

[[scenario]]
title = "转执法的流程由场景指定"
given.procedures = { "*" = "permit_application" }
given.report = { kind = "component" }
[[scenario.step]]
of = "permit_application"
wait = "1 minute"
expect.open = ["review"]

[[scenario]]
title = "处罚办结后原案收到消息，随之办结"
expect.open = ["watch"]
[[scenario.step]]
of = "penalty_simple"
task = "fine"
expect.ended = true
[[scenario.step]]
wait = "1 minute"
expect = { ended = true, open = [] }
"""


def test_scenarios_open_matters_and_choose_procedures(town: SmallTown) -> None:
    path = town.folder / "scenarios/permit_application.scenarios.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(SCENARIOS, encoding="utf-8")
    report = run_scenarios(town.city, ["permit_application"])
    assert [(each.outcome, each.failure) for each in report.results] == [("passed", None)] * 4
    wrong = SCENARIOS.replace('subject = "临时占道", lead', 'subjekt = "临时占道", lead')
    path.write_text(wrong + '[[scenario]]\ntitle = "x"\ngiven.matter = "permit"\n', encoding="utf-8")
    told = " ".join(f"{each.message}; {each.remedy}" for each in check_folder(str(town.folder))[1])
    assert "asks for no 'subjekt'; did you mean subject" in told and "there is no matter 'permit'" in told
    path.unlink()


# Checks -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_matters(tmp_path_factory.mktemp("checks") / "city")


def found_in(folder: Path) -> list[str]:
    return [f"{each.file}: {each.element}: {each.message}; {each.remedy}" for each in check_folder(str(folder))[1]]


def test_a_sound_city_has_nothing_to_correct(pack: Path) -> None:
    assert not errors_of(check_folder(str(pack))[1])
    told = [each for each in found_in(pack) if each.startswith(("matters/", "procedures.csv"))]
    assert not told
    assert not [each for each in found_in(pack) if "'party'" in each or "no diagram names it" in each]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"permit_application"', '"permit_aplication"', "process: there is no process 'permit_aplication'; did you"),
        ('"permit_apply"', '"permit_aply"', "form: there is no form 'permit_aply'; did you mean permit_apply"),
        ('"permit.read"', '"permit.raed"', "permit.raed: no role has the permission"),
        ("answer.subject}", "answer.subjekt}", "title: the form permit_apply has no field 'subjekt'; did you mean sub"),
        ("answer.subject}", "case.number}", "title: 'case' is not known here"),
        ("answer.subject}", "answer.subject", "title: "),
        ('"MUNICIPAL"', '"MUNICIPLE"', "department: nobody has the duty MUNICIPLE"),
        ("{serial:04}", "{number}", "number: '{year}-许-{number}' cannot be filled in"),
        ("{year}-许", "许", "has no {year}, so two cases would get one number"),
        ("-许-", "/许 ", "a sign that addresses of pages cannot hold"),
        ('"optional"', '"perhaps"', "place: a place is not 'perhaps'; use one of required, optional, none"),
        ('zh = "行', 'cn = "行', "cn: [matter] does not know cn"),
        ('en = "Licence application"', "", "en: [matter] has no en"),
        ("[matter]", "[mater]", "mater: there is no table [mater]"),
        ('{year}-许-{serial:04}"', '{year}{month:02}{day:02}-{serial:05}"', "city.toml has the same pattern"),
    ],
)
def test_each_slip_in_a_matter_is_told(pack: Path, old: str, new: str, told: str) -> None:
    path = pack / "matters/permit_application.toml"
    assert old in MATTER
    path.write_text(MATTER.replace(old, new), encoding="utf-8")
    try:
        assert any(each.startswith("matters/permit_application.toml: ") and told in each for each in found_in(pack))
    finally:
        path.write_text(MATTER, encoding="utf-8")


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("*,penalty_simpel", "*: there is no process 'penalty_simpel' to open; did you mean penalty_simple"),
        ("event,penalty_simple", "'event' is no code of a class"),
        ("event/9999,penalty_simple", "the city's catalogue has no class event/9999"),
        ("*,", "the row names no process"),
        ("*,enforcement\n*,penalty_simple", "the code stands twice"),
    ],
)
def test_each_slip_in_the_procedures_is_told(pack: Path, rows: str, told: str) -> None:
    path = pack / "procedures.csv"
    before = path.read_text(encoding="utf-8")
    path.write_text(f"code,process\n{rows}\n", encoding="utf-8")
    try:
        assert any(each.startswith("procedures.csv: ") and told in each for each in found_in(pack))
    finally:
        path.write_text(before, encoding="utf-8")


def layered(folder: Path, **rows: str) -> Layers:
    """Layers with a procedures.csv each, lowest first."""
    layers = []
    for name, text in rows.items():
        (folder / name).mkdir()
        (folder / name / "procedures.csv").write_text(f"code,process\n{text}\n", encoding="utf-8")
        layers.append(Layer(name.replace("_", " "), folder / name))
    return Layers(layers)


def test_the_most_exact_row_wins_whatever_layer_has_it(tmp_path: Path) -> None:
    rows = {"core": "*,enforcement", "plugin_a": "*,a\nevent/01,a1", "plugin_b": "event/0110,b\nevent/0110/2,b2"}
    found = load_procedures(layered(tmp_path, **rows, city="event/01,c"))
    asked = (("component", "0101", None), ("event", "0101", 1), ("event", "0110", 1), ("event", "0110", 2))
    assert [found.find(*each) for each in asked] == ["a", "c", "b", "b2"]
    assert found.find("matter", "", None) == "a"


def test_two_plugins_with_one_code_clash_until_the_city_settles_it(tmp_path: Path) -> None:
    rows = {"core": "*,enforcement", "plugin_a": "*,a", "plugin_b": "*,b"}
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    with pytest.raises(CityBroken, match=r"plugin a and plugin b both say .*\(a, b\)"):
        load_procedures(layered(tmp_path / "one", **rows, city="event/01,c"))
    assert load_procedures(layered(tmp_path / "two", **rows, city="*,c")).rows == {"*": "c"}
