"""Random diagrams behave as in stock SpiffWorkflow, live and with the state written and read between any two acts.

``make walks`` walks 5,000 of them; ``WANGGE_WALKS`` says how many.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from walks.plans import Block, plans
from walks.walking import StockFails, walk

from engine.testing.small_city import SmallTown, write_small_city

WALKS = int(os.environ.get("WANGGE_WALKS", "300"))
CHOICES = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 3), st.integers(0, 3)), min_size=10, max_size=25)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallTown]:
    town = SmallTown(write_small_city(tmp_path_factory.mktemp("walks") / "small"))
    yield town
    town.close()


def test_walks_differ_nowhere_from_stock(town: SmallTown) -> None:
    counted = {"walks": 0, "acts": 0, "beyond stock": 0}

    @settings(
        max_examples=WALKS, deadline=None, database=None, derandomize=WALKS <= 300, print_blob=False, report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
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
