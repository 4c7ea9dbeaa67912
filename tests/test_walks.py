"""Random diagrams behave as in stock SpiffWorkflow, live and with the state written and read between any two acts.

``make walks`` walks 5,000 of them; ``WANGGE_WALKS`` says how many.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from walks.drawing import HEAD, TIMER, Drawing
from walks.engines import Ours, Stock
from walks.plans import Block, plans
from walks.walking import StockFails, walk

from engine.testing.small_city import SmallTown, write_small_city
from engine.workflow.definitions import prepare

WALKS = int(os.environ.get("WANGGE_WALKS", "200"))
CHOICES = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 3), st.integers(0, 3)), min_size=10, max_size=25)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallTown]:
    town = SmallTown(write_small_city(tmp_path_factory.mktemp("walks") / "small"))
    yield town
    town.close()


def draw(inner: str) -> dict[str, str]:
    """A process of these elements, as a deployment."""
    process = f'<bpmn:process id="main" isExecutable="true">{inner}</bpmn:process>'
    return {"processes/main.bpmn": f"{HEAD}{process}</bpmn:definitions>"}


def flow(source: str, target: str) -> str:
    return f'<bpmn:sequenceFlow id="{source}_{target}" sourceRef="{source}" targetRef="{target}"/>'


@pytest.mark.parametrize("reloading", [False, True])
def test_a_multi_instance_right_behind_a_boundary_event_runs(town: SmallTown, reloading: bool) -> None:
    """Stock raises: the instance is still a mere possibility when its event happens."""
    many = Block("many", (), (False, 2, True, None))
    files = Drawing(Block("boundary", (Block("task"), many), ("timer", True))).files
    engine = Ours(town, prepare(1, files), reloading=reloading)
    engine.fire(*engine.standing().timers[0])
    for _ in range(2):
        name, data = engine.standing().tasks[0]
        engine.complete(name, data, {f"{name}_out": 1})
    assert engine.standing().end is not None
    town.session.rollback()


@pytest.mark.parametrize("reloading", [False, True])
def test_an_interrupted_multi_instance_takes_its_sub_processes_with_it(town: SmallTown, reloading: bool) -> None:
    """Stock drops the instances and stumbles over what ran inside them."""
    inner = '<bpmn:startEvent id="s"/><bpmn:userTask id="work"/><bpmn:endEvent id="e"/>'
    inner += flow("s", "work") + flow("work", "e")
    number = "<bpmn:loopCardinality>3</bpmn:loopCardinality>"
    loop = f"<bpmn:multiInstanceLoopCharacteristics>{number}</bpmn:multiInstanceLoopCharacteristics>"
    files = draw(
        f'<bpmn:startEvent id="start"/><bpmn:subProcess id="each">{loop}{inner}</bpmn:subProcess>'
        f'<bpmn:boundaryEvent id="late" attachedToRef="each">{TIMER}</bpmn:boundaryEvent><bpmn:userTask id="after"/>'
        f'<bpmn:endEvent id="end"/><bpmn:endEvent id="end2"/>'
        + flow("start", "each") + flow("each", "end") + flow("late", "after") + flow("after", "end2")
    )  # fmt: skip
    engine = Ours(town, prepare(1, files), reloading=reloading)
    assert [name for name, _ in engine.standing().tasks] == ["work"] * 3
    engine.fire(*engine.standing().timers[0])
    standing = engine.standing()
    assert [name for name, _ in standing.tasks] == ["after"]
    engine.complete(*standing.tasks[0], {})
    assert engine.standing().end is not None
    town.session.rollback()


def within(kinds: str, *blocks: Block) -> Block:
    """These blocks, one after another, inside activities of these kinds, the outermost first."""
    inner = blocks[0] if len(blocks) == 1 else Block("sequence", blocks)
    for kind in reversed(kinds.split()):
        inner = Block(kind, (inner,))
    return inner


ZERO, ONE, TWO = (Block("script", (), ("v0", number)) for number in range(3))
NOBODY = Block("many", (), (False, 0, False, None))


@pytest.mark.parametrize(
    ("branches", "end"),
    [
        ((within("call", ONE), ZERO), 0),
        ((within("call call", NOBODY), ZERO), 0),
        ((within("sub call sub", ONE), ZERO), 0),
        ((within("call", Block("parallel", (within("sub", ONE), within("call", TWO)))), ZERO), 0),
        ((ZERO, within("call", Block("parallel", (within("sub", TWO, TWO), within("call", ONE))))), 2),
    ],
)
def test_a_branch_goes_as_far_as_it_comes_before_the_next_one(
    town: SmallTown, branches: tuple[Block, Block], end: int
) -> None:
    """The branch that reaches the join last has its way; one that nests deeper does not reach it later for that."""
    plan = Block("sequence", (Block("task"), Block("parallel", branches)))
    assert walk(town, plan, [(0, 0, 1)]) == 1
    engine = Ours(town, prepare(1, Drawing(plan).files), reloading=False)
    engine.complete(*engine.standing().tasks[0], {"v0": 1})
    assert json.loads(engine.standing().end or "null")["v0"] == end
    town.session.rollback()


def test_branches_keep_their_order_when_a_state_is_written_and_read(town: SmallTown) -> None:
    """A boundary event's branch takes the place of one that was pruned; a reloaded instance must not swap them."""
    inner = Block("sub", (Block("catch", (), ("timer",)),))
    watched = Block("boundary", (inner, Block("catch", (), ("message",))), ("timer", False))
    files = Drawing(Block("loop", (watched,), (2,))).files
    definition = prepare(1, files)
    engines: list[Any] = [Stock(files), *(Ours(town, definition, reloading=each) for each in (False, True))]
    ends = []
    for engine in engines:
        for _ in range(2):
            for kind in ("boundary", "inter"):
                engine.fire(*next(timer for timer in engine.standing().timers if timer[0].startswith(kind)))
        engine.send(engine.standing().messages[0][1], {"n": 0})
        ends.append(engine.standing().end)
    town.session.rollback()
    assert ends[0] is not None
    assert ends == [ends[0]] * 3


def test_walks_differ_nowhere_from_stock(town: SmallTown) -> None:
    counted = {"walks": 0, "acts": 0, "beyond stock": 0}

    @settings(
        max_examples=WALKS, deadline=None, database=None, derandomize=WALKS <= 300, print_blob=False,
        report_multiple_bugs=False, suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(plans(), CHOICES)
    def run(plan: Block, choices: list[tuple[int, int, int]]) -> None:
        try:
            counted["acts"] += walk(town, plan, choices)
            counted["walks"] += 1
        except StockFails:
            counted["beyond stock"] += 1

    run()
    print(", ".join(f"{number} {what}" for what, number in counted.items()), "and no difference")
    assert counted["walks"] >= WALKS * 0.95
