"""What a live case weighs in memory: ours in the cache of live instances, stock's as it is."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

from benchmarks.peer import Peer, answer
from benchmarks.peers.product import Product
from benchmarks.peers.stock import InMemory
from benchmarks.report import Cell, Section
from benchmarks.setting import Setting


def run(setting: Setting) -> Section:
    """Cases that stand at their check, five steps on, as most open cases of a city do."""
    cases = setting.pick(100, 5)
    with setting.town("sqlite-full") as town:
        product = Product(town)
        product.play(4)
        ours = weigh(lambda: advance(product), cases)
    stock = InMemory()
    stock.play(4)
    theirs = weigh(lambda: advance(stock), cases)
    rows: list[dict[str, Cell]] = [
        {"configuration": "Wangge, live instance", "KB a case": ours / 1024},
        {"configuration": "stock in memory", "KB a case": theirs / 1024},
    ]
    return Section("memory", f"Memory a live case ({cases} cases at their check, tracemalloc)", rows)


def weigh(make: Callable[[], Any], count: int) -> float:
    """Bytes that stay for each thing made."""
    make()
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept = [make() for _ in range(count)]
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return grown / len(kept)


def advance(peer: Peer) -> Any:
    """Bring a case to its check."""
    task = peer.start()
    while task.element != "check":
        following = peer.complete(task, answer(task.element, rework=False))
        assert following is not None
        task = following
    return task.key
