"""The benchmark runs and prints, and its contestants do the same work; no time is asserted."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

sys.path.insert(0, str(Path(__file__).parents[1]))  # not shipped, so not installed either

from benchmarks.__main__ import WORKLOADS, main
from benchmarks.notations import npm_file
from benchmarks.peer import Peer, answer, play
from benchmarks.peers.floor import Floor, Taken
from benchmarks.peers.product import Product
from benchmarks.peers.stock import Baseline, InMemory, Naive
from benchmarks.report import Section, Verdict
from benchmarks.town import BenchTown, town_on, write_bench_city
from benchmarks.workloads.decisions import context_for, long_table
from engine.models import Base
from engine.workflow.decisions import load_decisions
from engine.workflow.elements import read_diagram

CASES = 4
TASKS = 31
"""Of four lifecycles, the last reworked once: 7.75 each."""


@pytest.fixture
def town(tmp_path: Path) -> Iterator[BenchTown]:
    write_bench_city(tmp_path / "city")
    with town_on("sqlite-normal", tmp_path) as opened:
        yield opened


def rows_of(town: BenchTown) -> dict[str, int]:
    with town.sessions() as session:
        return {
            table.name: session.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }


def rows_added(town: BenchTown, peer: Peer) -> dict[str, int]:
    before = rows_of(town)
    play(peer, CASES)
    return {name: count - before[name] for name, count in rows_of(town).items() if count != before[name]}


def test_every_contestant_completes_seven_and_three_quarter_tasks_a_lifecycle(town: BenchTown) -> None:
    peers = [InMemory(), Product(town), Floor(town), Naive(town.engine), Baseline(town.engine)]
    assert {peer.name: len(peer.play(CASES).completions) for peer in peers} == {peer.name: TASKS for peer in peers}


def test_the_floor_writes_the_same_rows_as_the_product(town: BenchTown) -> None:
    floor = Floor(town)
    product_rows = rows_added(town, Product(town))
    assert {"city_case", "instance", "task", "case_event", "outbox"} <= product_rows.keys()
    assert rows_added(town, floor) == product_rows


def test_the_floor_refuses_a_task_that_is_done(town: BenchTown) -> None:
    floor = Floor(town)
    task = floor.start()
    floor.complete(task, answer("accept", rework=False))
    with pytest.raises(Taken):
        floor.complete(task, answer("accept", rework=False))


def test_the_baseline_reads_its_state_when_nothing_is_cached(town: BenchTown) -> None:
    assert len(Baseline(town.engine, cache_size=0).play(CASES).completions) == TASKS


def test_the_engine_from_npm_is_given_the_same_nodes() -> None:
    theirs = npm_file().decode()
    for name in ("bench", "bench_handling"):
        path = Path(__file__).parents[1] / f"benchmarks/city/processes/{name}.bpmn"
        diagram = read_diagram(path.read_text(encoding="utf-8"), path.name)
        missing = [node for node in diagram.elements if node not in ("start", "end") and f'id="{node}"' not in theirs]
        assert missing == []


@pytest.mark.parametrize("policy", ["FIRST", "UNIQUE"])
def test_every_rule_of_the_long_table_is_the_only_one_for_its_inputs(policy: str) -> None:
    decision = load_decisions(long_table(40, policy), "long.dmn")["long"]
    hits = [decision.evaluate(context_for(rule)).matched for rule in range(40)]
    assert [[hit.rule_id for hit in found] for found in hits] == [[f"r{rule}"] for rule in range(40)]


def test_a_verdict_says_whether_its_bound_is_met() -> None:
    assert Verdict("× naive", 5.1, 5).met and not Verdict("× naive", 4.9, 5).met
    assert Verdict("ms", 9.0, 10, at_least=False).met and not Verdict("ms", 11.0, 10, at_least=False).met
    text = Section("x", "A title", [{"configuration": "one", "ms": 1.25}], ["a note"], [Verdict("c", 1, 2)]).text()
    assert "A title" in text and "1.25" in text and "a note" in text and "NOT MET" in text


@pytest.mark.parametrize("workload", sorted(WORKLOADS))
def test_the_workload_runs_and_prints(workload: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = tmp_path / "found.json"
    options = ["--short", "--no-npm", "--database", "sqlite-full", "--folder", str(tmp_path), "--json", str(found)]
    assert main([*options, "--only", workload]) == 0
    section = json.loads(found.read_text(encoding="utf-8"))["sections"][0]
    assert section["name"] == workload and section["rows"]
    assert section["title"] in capsys.readouterr().out
