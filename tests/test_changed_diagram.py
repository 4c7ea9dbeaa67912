"""A city changes how it works by editing a diagram in its folder; running cases finish the old way."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from engine.layers import core_root
from engine.loading.city import take_up_changes
from engine.models import Deployment, Instance
from engine.testing.casework import CaseWork
from engine.testing.small_city import SmallTown

APPROVAL = """
    <bpmn:userTask id="approve_dispatch" name="主任批准派遣" camunda:candidateGroups="command_head" camunda:formKey="approve_dispatch">
      <bpmn:extensionElements>
        <camunda:properties>
          <camunda:property name="stage" value="dispatch"/>
          <camunda:property name="limit" value="30 minute"/>
        </camunda:properties>
        <camunda:inputOutput>
          <camunda:outputParameter name="approval">${answer.approval}</camunda:outputParameter>
        </camunda:inputOutput>
      </bpmn:extensionElements>
      <bpmn:incoming>to_approval</bpmn:incoming>
      <bpmn:outgoing>approved</bpmn:outgoing>
    </bpmn:userTask>
    <bpmn:sequenceFlow id="approved" sourceRef="approve_dispatch" targetRef="record_dispatch"/>
"""  # noqa: E501 - as a modeler writes it

FORM = """{"type": "default", "id": "approve_dispatch", "components": [
  {"type": "radio", "id": "approval", "key": "approval", "label": "是否批准", "validate": {"required": true},
   "values": [{"label": "批准", "value": "yes"}]}
]}"""


def add_approval_before_dispatch(folder: Path) -> None:
    """What an analyst does in the modeler: one more task on the way to ``record_dispatch``, and its form."""
    text = (core_root() / "dispatch.bpmn").read_text(encoding="utf-8")
    assert 'targetRef="record_dispatch"' in text
    flows = [
        line for line in text.splitlines() if "<bpmn:sequenceFlow" in line and 'targetRef="record_dispatch"' in line
    ]
    for line in flows:
        text = text.replace(line, line.replace('targetRef="record_dispatch"', 'targetRef="approve_dispatch"'))
    text = text.replace("  </bpmn:process>", APPROVAL + "  </bpmn:process>")
    (folder / "processes").mkdir()
    (folder / "forms").mkdir()
    (folder / "processes/dispatch.bpmn").write_text(text, encoding="utf-8")
    (folder / "forms/approve_dispatch.json").write_text(FORM, encoding="utf-8")


def test_a_changed_diagram_takes_effect_for_new_cases_and_running_ones_finish_the_old_way(town: SmallTown) -> None:
    running = CaseWork(town)
    running.file()
    add_approval_before_dispatch(town.folder)
    town.load()
    new = CaseWork(town)
    new.dispatch()
    assert new.open() == ["approve_dispatch"]
    new.do("command_head", "approve_dispatch", {"approval": "yes"})
    assert new.open() == ["receive"]
    running.do("dispatcher", "assign", {"decision": "assign", "lead": "MUNICIPAL"})
    assert running.open() == ["receive"]
    for work in (running, new):
        work.handle()
        work.close()
        assert work.case.status == "closed"


def test_each_instance_names_the_deployment_it_runs_on(town: SmallTown) -> None:
    first = CaseWork(town)
    add_approval_before_dispatch(town.folder)
    town.load()
    second = CaseWork(town)
    pinned = dict(town.session.execute(select(Instance.case_id, Instance.deployment_id)).all())
    assert pinned[second.id] == pinned[first.id] + 1
    latest = town.session.get_one(Deployment, pinned[second.id])
    assert latest.versions["processes/dispatch.bpmn"] == 2
    assert latest.versions["processes/case.bpmn"] == 1


def test_loading_an_unchanged_folder_deploys_nothing(town: SmallTown) -> None:
    town.load()
    town.load()
    assert len(town.session.scalars(select(Deployment.id)).all()) == 1


def test_a_city_changes_a_limit_in_a_diagram_alone(town: SmallTown) -> None:
    text = (core_root() / "handle_unit.bpmn").read_text(encoding="utf-8")
    (town.folder / "processes").mkdir()
    changed = text.replace('value="1 work_hour"', 'value="3 work_hour"', 1)
    assert changed != text
    (town.folder / "processes/handle_unit.bpmn").write_text(changed, encoding="utf-8")
    town.load()
    work = CaseWork(town)
    work.dispatch()
    assert work.task("receive").limit_text == "3 work_hour"


def test_a_starting_server_takes_up_a_changed_folder_once(town: SmallTown) -> None:
    assert take_up_changes(town.session, town.city, town.clock.now()) is False
    add_approval_before_dispatch(town.folder)
    assert take_up_changes(town.session, town.city, town.clock.now()) is True
    assert take_up_changes(town.session, town.city, town.clock.now()) is False
    work = CaseWork(town)
    work.dispatch()
    assert work.open() == ["approve_dispatch"]
