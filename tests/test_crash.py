"""Kill -9 at any moment: no answered completion is lost, none counts twice, no case is stuck."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import select

from engine.models import CaseEvent, Instance, Task
from engine.testing.small_city import SmallTown, write_small_city
from engine.workflow.runtime import parts_in

COMPLETIONS = 200


@pytest.mark.slow
def test_no_answered_completion_is_lost_or_doubled_by_kill_9(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_small_city(tmp_path / "small")
    url = f"sqlite:///{tmp_path / 'city.sqlite'}"
    SmallTown(folder, url).close()
    dice = random.Random(20261121)
    answered: list[str] = []
    kills = 0
    while len(answered) < COMPLETIONS:
        answered += work_until_killed(folder, url, dice)
        kills += 1
    town = SmallTown(folder, url)
    try:
        lost, doubled, stuck = verdict(town, answered)
    finally:
        town.close()
    with capsys.disabled():
        counts = f"{len(answered)} answered, {kills} kills: {lost} lost, {doubled} doubled, {stuck} stuck"
        sys.stderr.write(f"\nkill -9: {counts}\n")
    assert (lost, doubled, stuck) == (0, 0, 0)


def work_until_killed(folder: Path, url: str, dice: random.Random) -> list[str]:
    """Run a worker, kill it somewhere between two answers; the ids it had answered."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "engine.testing.worker", str(folder), url],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert worker.stdout is not None
    wanted = dice.randint(12, 28)
    answered: list[str] = []
    for line in worker.stdout:
        answered.append(line.strip())
        if len(answered) == wanted:
            # Anywhere within the next completion or two, which take some milliseconds each.
            try:
                worker.wait(timeout=dice.uniform(0, 0.06))
            except subprocess.TimeoutExpired:
                worker.send_signal(signal.SIGKILL)
    worker.wait()
    assert worker.returncode == -signal.SIGKILL, f"the worker ended by itself: {worker.returncode}"
    # The last line may have been cut in the pipe by the kill.
    return [line for line in answered if len(line) == 36]


def verdict(town: SmallTown, answered: list[str]) -> tuple[int, int, int]:
    """(answered but missing, counted twice, instances whose task list differs from where they stand)."""
    session = town.session
    recorded = Counter(
        event.data["task"] for event in session.scalars(select(CaseEvent).where(CaseEvent.kind == "task_completed"))
    )
    done = {str(task.id) for task in session.scalars(select(Task).where(Task.status == "done"))}
    lost = sum(1 for task in answered if recorded[task] == 0 or task not in done)
    doubled = sum(1 for count in recorded.values() if count > 1) + len(set(recorded) ^ done)
    return lost, doubled, sum(is_stuck(town, instance) for instance in session.scalars(select(Instance)))


def is_stuck(town: SmallTown, instance: Instance) -> bool:
    """Whether the open rows of the task list are not exactly what the diagram waits for."""
    if instance.status != "running":
        return False
    definition = town.platform.definitions.get(town.session, instance.deployment_id)
    workflow = town.platform.runtime.live.read(instance, definition)
    waiting = {task.id for _, task in parts_in(workflow, definition.home) if task.task_spec.manual}
    query = select(Task.id).where(Task.instance_id == instance.id, Task.status == "open")
    return waiting != set(town.session.scalars(query))
