"""One walk: the same acts in every engine, and after each of them the same standing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import fields
from typing import Any

from engine.testing.small_city import SmallTown
from engine.workflow.definitions import prepare
from walks.drawing import Drawing
from walks.engines import Ours, Standing, Stock
from walks.plans import VARIABLES, Block

Choice = tuple[int, int, int]
"""Which of the possible acts, and what is answered: a variable and a number."""


class StockFails(Exception):
    """Stock itself raises an error, so there is nothing to compare with; such walks are counted apart."""


class Different(AssertionError):
    """Two engines stand differently after the same acts."""


def walk(town: SmallTown, plan: Block, choices: Sequence[Choice]) -> int:
    """Walk until the end or until the choices are used up. Returns the number of acts."""
    files = Drawing(plan).files
    definition = prepare(1, files)  # in the place of the town's own deployment
    done: list[str] = []
    try:
        engines: list[Any] = [_stock(files), Ours(town, definition, reloading=False)]
        engines.append(Ours(town, definition, reloading=True))
        for choice in choices:
            standing = compare(engines, plan, done)
            act = pick(standing, choice)
            if act is None:
                break
            done.append(" ".join(map(str, act)))
            for engine in engines:
                try:
                    getattr(engine, act[0])(*deepcopy(act[1:]))
                except Exception as error:
                    if engine is engines[0]:
                        raise StockFails from error
                    raise Different(f"{plan}\nafter\n{_numbered(done)}\n{engine.name} raises {error!r}") from error
        compare(engines, plan, done)
        return len(done)
    finally:
        town.session.rollback()


def _stock(files: Mapping[str, str]) -> Stock:
    try:
        return Stock(files)
    except Exception as error:
        raise StockFails from error


def pick(standing: Standing, choice: Choice) -> tuple[Any, ...] | None:
    """The act a choice means where the instance stands; none where nothing can be done."""
    which, variable, number = choice
    possible: list[tuple[Any, ...]] = []
    for name, data in dict.fromkeys(standing.tasks):
        answers = {VARIABLES[variable % len(VARIABLES)]: number, "note": {"by": name, "n": number}}
        if name.startswith("many"):
            answers[f"{name}_out"] = [number]
        possible.append(("complete", name, data, answers))
    possible += [("fire", *timer) for timer in dict.fromkeys(standing.timers)]
    possible += [("send", name, {"n": number}) for name in dict.fromkeys(name for _, name in standing.messages)]
    return possible[which % len(possible)] if possible else None


def compare(engines: Sequence[Any], plan: Block, done: Sequence[str]) -> Standing:
    """The standing all engines share. Raises Different with the plan, the acts and what differs."""
    first, *others = [engine.standing() for engine in engines]
    for engine, other in zip(engines[1:], others, strict=True):
        if other != first:
            told = [
                f"  {field.name}: {engines[0].name} {getattr(first, field.name)}\n"
                f"  {' ' * len(field.name)}  {engine.name} {getattr(other, field.name)}"
                for field in fields(Standing)
                if getattr(first, field.name) != getattr(other, field.name)
            ]
            raise Different(f"{plan}\nafter\n{_numbered(done)}\n" + "\n".join(told))
    return first


def _numbered(done: Sequence[str]) -> str:
    return "\n".join(f"  {number}. {act}" for number, act in enumerate(done, 1))
