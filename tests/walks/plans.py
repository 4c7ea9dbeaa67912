"""Random diagrams: blocks within blocks, every one of them an element the documentation lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

VARIABLES = ("v0", "v1", "v2", "v3")
"""Set to 0 at the start; people's answers change them and conditions read them."""


@dataclass(frozen=True)
class Block:
    """A piece of a diagram with one way in and one way out. ``parts`` are blocks within; ``how`` says the rest."""

    kind: str
    parts: tuple[Block, ...] = ()
    how: tuple[Any, ...] = ()

    def __str__(self) -> str:
        how = ",".join(map(str, self.how))
        parts = " ".join(map(str, self.parts))
        return f"{self.kind}[{how}]" + (f"({parts})" if parts else "")

    __repr__ = __str__


def conditions() -> st.SearchStrategy[str]:
    """Conditions in the language both engines share."""
    return st.builds(
        "{} {} {}".format, st.sampled_from(VARIABLES), st.sampled_from(["<", ">=", "=="]), st.integers(0, 3)
    )


def events() -> st.SearchStrategy[str]:
    return st.sampled_from(["timer", "message"])


def blocks(*, depth: int = 3, looped: bool = False) -> st.SearchStrategy[Block]:
    """Blocks of at most this depth; ``looped`` inside a loop, where stock refuses to run a multi-instance again."""
    simple = [
        st.just(Block("task")),
        st.builds(lambda *how: Block("script", how=how), st.sampled_from(VARIABLES), st.integers(0, 3)),
        st.builds(lambda event: Block("catch", how=(event,)), events()),
        st.builds(
            lambda most, condition, before: Block("repeat", how=(most, condition, before)),
            st.integers(1, 3),
            conditions(),
            st.booleans(),
        ),
    ]
    if not looped:
        simple.append(
            st.builds(
                lambda sequential, number, by_number, until: Block("many", how=(sequential, number, by_number, until)),
                st.booleans(),
                st.integers(0, 3),
                st.booleans(),
                st.none() | conditions(),
            )
        )
    if depth == 0:
        return st.one_of(*simple)
    inner = blocks(depth=depth - 1, looped=looped)
    some = st.lists(inner, min_size=2, max_size=3).map(tuple)
    choices = st.lists(conditions(), min_size=2, max_size=2).map(tuple)
    rounds = st.integers(1, 3).map(lambda number: (number,))
    within = (inner.map(lambda body: Block("sub", (body,))), inner.map(lambda body: Block("call", (body,))))
    hosts = st.one_of(st.just(Block("task")), *within)
    return st.one_of(
        *simple,
        some.map(lambda parts: Block("sequence", parts)),
        some.map(lambda parts: Block("parallel", parts)),
        st.builds(lambda parts, how: Block("exclusive", parts, how), some, choices),
        st.builds(lambda parts, how: Block("inclusive", parts, how), some, choices),
        st.builds(lambda body, how: Block("loop", (body,), how), blocks(depth=depth - 1, looped=True), rounds),
        *within,
        st.builds(
            lambda host, way, event, interrupting: Block("boundary", (host, way), (event, interrupting)),
            hosts,
            inner,
            events(),
            st.booleans(),
        ),
        st.builds(
            lambda parts, others: Block("await", parts, ("timer", *others)),
            some,
            st.lists(events(), min_size=2, max_size=2).map(tuple),
        ),
    )


def plans() -> st.SearchStrategy[Block]:
    """Whole diagrams: some blocks one after another."""
    return st.lists(blocks(), min_size=2, max_size=4).map(lambda parts: Block("sequence", tuple(parts)))
