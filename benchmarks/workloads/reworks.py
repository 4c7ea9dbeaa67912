"""One case that goes round and round: what a step costs and weighs at the 1st and at the 400th rework."""

from __future__ import annotations

import statistics
import time
from typing import Any

from sqlalchemy import select

from benchmarks.peer import Open, Peer, answer
from benchmarks.peers.product import Product
from benchmarks.peers.stock import InMemory
from benchmarks.report import Cell, Section, Verdict
from benchmarks.setting import Setting
from benchmarks.town import BenchTown
from engine.errors import DomainError
from engine.models import Instance, Task
from engine.workflow.codec import decode

MARKS = (1, 10, 50, 100, 200, 400)
WINDOW = 5
"""A mark's cost is the median over the reworks around it."""


def run(setting: Setting) -> Section:
    """Rework one case up to 400 times; stock in memory only as far as it comes."""
    most = setting.pick(400, 20)
    with setting.town("sqlite-full") as town:
        spent, sizes, reloads, ended = rework_product(town, most)
    came = len(spent)
    rows: list[dict[str, Cell]] = [
        {
            "configuration": "Wangge, SQLite FULL",
            "rework": mark,
            "ms a step": around(spent, mark) * 1000,
            "state bytes": sizes[mark - 1],
            "ms to reload": around(reloads, mark) * 1000,
        }
        for mark in MARKS
        if mark <= came
    ]
    stock_rows, notes = rework_stock(min(most, 120))
    notes = [f"Wangge: {ended}", *notes] if ended else notes
    first, last = statistics.median(spent[:WINDOW]), statistics.median(spent[-WINDOW:])
    verdicts = [
        Verdict("reworks one case can take", came, most),
        Verdict(f"a step at rework {came} against the 1st", last / first, 1.3, at_least=False),
        Verdict(f"bytes at rework {came} against the 1st", sizes[-1] / sizes[0], 1.2, at_least=False),
    ]
    return Section("reworks", f"One case reworked {most} times", [*rows, *stock_rows], notes, verdicts)


def rework_product(town: BenchTown, most: int) -> tuple[list[float], list[int], list[float], str]:
    """Seconds a step, bytes of state and seconds to reload it, each rework; and why it ended early, if it did."""
    product = Product(town)
    task = to_check(product)
    with town.sessions() as session:
        instance_id = session.get_one(Task, task.key).instance_id
        definition = town.platform.definitions.get(session, session.get_one(Instance, instance_id).deployment_id)
    spent: list[float] = []
    sizes: list[int] = []
    reloads: list[float] = []
    for number in range(most):
        try:
            seconds, task = go_round(product, task)
        except (RecursionError, DomainError) as error:
            return spent, sizes, reloads, f"ended in rework {number + 1} with {type(error).__name__}: {error}"
        spent.append(seconds)
        with town.sessions() as session:
            state = session.execute(select(Instance.state).where(Instance.id == instance_id)).scalar_one()
        sizes.append(len(state))
        began = time.perf_counter()
        decode(state, definition, "bench")
        reloads.append(time.perf_counter() - began)
    return spent, sizes, reloads, ""


def rework_stock(most: int) -> tuple[list[dict[str, Cell]], list[str]]:
    """Stock in memory, nothing kept, as far as it comes."""
    stock = InMemory()
    task = to_check(stock)
    spent: list[float] = []
    notes: list[str] = []
    try:
        for _ in range(most):
            seconds, task = go_round(stock, task)
            spent.append(seconds)
    except RecursionError:
        notes.append(f"stock in memory ended with RecursionError in rework {len(spent) + 1}")
    rows: list[dict[str, Cell]] = [
        {"configuration": "stock in memory", "rework": mark, "ms a step": around(spent, mark) * 1000}
        for mark in MARKS
        if mark <= len(spent)
    ]
    return rows, notes


def to_check(peer: Peer) -> Open:
    """A case at its first check."""
    task = peer.start()
    while task.element != "check":
        following = peer.complete(task, answer(task.element, rework=False))
        assert following is not None
        task = following
    return task


def go_round(peer: Peer, task: Open) -> tuple[float, Open]:
    """Send a case back from the check and bring it there again: seconds a step, and the check then."""
    began = time.perf_counter()
    following: Any = peer.complete(task, answer("check", rework=True))
    steps = 1
    while following.element != "check":
        following = peer.complete(following, answer(following.element, rework=False))
        steps += 1
    return (time.perf_counter() - began) / steps, following


def around(values: list[float], mark: int) -> float:
    """The median of the values around the mark (the first is mark 1)."""
    return statistics.median(values[max(0, mark - 1 - WINDOW // 2) : mark + WINDOW // 2 + 1])
