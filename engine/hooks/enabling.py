"""Enable and disable plugins of a city: ``city.toml`` is edited, comments and all; data is never destroyed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import tomlkit
from sqlalchemy import or_, select
from sqlalchemy.orm import Session
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Array, Table

from engine.city import City
from engine.errors import CityBroken, Conflict, Invalid
from engine.hooks.host import PluginBroken, read_manifest
from engine.installed_plugins import Package
from engine.layers import DIAGRAMS, Layer
from engine.loading.tables import read_csv
from engine.models import Case, Instance, Task, Timer
from engine.workflow.elements import read_diagram

MOST_NAMED = 20
ENDED = ("closed", "rejected", "merged", "voided")


@dataclass(frozen=True)
class Holding:
    """An open case that needs a plugin, and why."""

    number: str
    reason: str


def write_enabled(root: Path, names: Iterable[str]) -> None:
    """Set ``[plugins] enabled`` of a city's file and leave the rest as it is. Raises CityBroken when it cannot."""
    path = root / "city.toml"
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8"))
        table = document.setdefault("plugins", tomlkit.table())
        if not isinstance(table, Table):
            raise CityBroken(f"{path}: plugins is no table; write [plugins] and enabled = [] below it")
        listed = tomlkit.array()
        listed.extend(list(names))
        table["enabled"] = _several_lines(listed)
        draft = path.with_name(".city.toml.new")
        draft.write_text(tomlkit.dumps(document), encoding="utf-8")
        draft.replace(path)
    except (TOMLKitError, OSError) as error:
        raise CityBroken(
            f"{path} cannot be changed: {error}; mend it, or copy the city to a folder of yours"
        ) from error


def _several_lines(listed: Array) -> Array:
    return listed.multiline(len(listed) > 3)


def with_required(name: str, enabled: Iterable[str], installed: Mapping[str, Package]) -> list[str]:
    """The enabled plugins with ``name`` and everything it requires, required ones first.

    :raises PluginBroken: one of them is not installed, cannot be read, or requires itself over others.
    """
    names = list(enabled)

    def add(each: str, over: tuple[str, ...]) -> None:
        if each in over:
            raise PluginBroken(
                each, f"it requires itself over {' → '.join((*over, each))}; its developer must undo that"
            )
        if each in names:
            return
        if each not in installed:
            known = ", ".join(sorted(installed)) or "none"
            asked = f", which {over[-1]} requires," if over else ""
            raise Invalid(f"there is no plugin {each!r}{asked} here (installed: {known}); install it", field="plugin")
        for required in read_manifest(installed[each]).requires:
            add(required, (*over, each))
        names.append(each)

    add(name, ())
    return names


def refuse_required(name: str, city: City, installed: Mapping[str, Package]) -> None:
    """Raise Conflict when another enabled plugin requires this one. One that cannot be read requires nothing."""
    needing = []
    for other in city.plugins:
        if other != name and other in installed:
            try:
                required = read_manifest(installed[other]).requires
            except PluginBroken:
                continue
            if name in required:
                needing.append(other)
    if needing:
        raise Conflict(f"{', '.join(needing)} requires {name}; disable that first")


def cases_held(session: Session, layer: Layer) -> list[Holding]:
    """Open cases that need a plugin: of a class it brings, or in a diagram of its own."""
    classes = {(row["kind"], row["full_code"]) for row in _rows(layer.path("catalogue/classes.csv"))}
    diagrams = [Path(logical).stem for logical in layer.files(DIAGRAMS, ".bpmn")]
    held: dict[str, str] = {}
    open_case = Case.status.not_in(ENDED)
    found = session.execute(select(Case.number, Case.kind, Case.full_code).where(open_case).order_by(Case.id))
    for number, kind, code in found:
        if (kind, code) in classes:
            held[number] = f"its class is {kind} {code}"
    running = (
        select(Case.number, Instance.process, Task.process)
        .join(Instance, Instance.case_id == Case.id)
        .outerjoin(Task, (Task.instance_id == Instance.id) & (Task.status == "open"))
        .where(Instance.ended_at.is_(None), or_(Instance.process.in_(diagrams), Task.process.in_(diagrams)))
        .order_by(Case.id)
    )
    for number, process, of_task in session.execute(running) if diagrams else ():
        held.setdefault(number, f"it is in the diagram {process if process in diagrams else of_task}")
    waiting = (
        select(Case.number, Timer.element)
        .join(Instance, Instance.case_id == Case.id)
        .join(Timer, Timer.instance_id == Instance.id)
        .where(Timer.element.in_(_elements(layer)))
        .order_by(Case.id)
    )
    for number, element in session.execute(waiting) if diagrams else ():
        held.setdefault(number, f"it waits at {element}, an element of this plugin's diagrams")
    return [Holding(number, reason) for number, reason in held.items()]


def refuse_held(name: str, held: list[Holding]) -> None:
    """Raise Conflict with the list of open cases when there are any."""
    if held:
        listed = "\n".join(f"  {each.number}: {each.reason}" for each in held[:MOST_NAMED])
        more = f"\n  and {len(held) - MOST_NAMED} more" if len(held) > MOST_NAMED else ""
        raise Conflict(
            f"{len(held)} open cases need the plugin {name}; close, cancel or migrate them first:\n{listed}{more}"
        )


def _elements(layer: Layer) -> set[str]:
    """The ids of all elements of a layer's diagrams; a timer says no more than its element."""
    ids: set[str] = set()
    for logical in layer.files(DIAGRAMS, ".bpmn"):
        ids |= set(read_diagram(layer.path(logical).read_text(encoding="utf-8"), logical).elements)
    return ids


def _rows(path: Path) -> Iterable[dict[str, str]]:
    return [row for _, row in read_csv(path, ("kind", "full_code"))] if path.is_file() else []
