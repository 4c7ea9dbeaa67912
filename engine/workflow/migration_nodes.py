"""Which element of a new deployment takes the place of which element of an old one, and why none does.

Elements match by id and kind within the same process and sub-process; an analyst maps the rest by hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.workflow.definitions import Definition
from engine.workflow.elements import Element

TAILS = (" [child]", ".BoundaryEventSplit", ".BoundaryEventJoin", ".Trigger")
"""What the engine appends to an element's id to name the helpers it draws around it."""

BOUNDARY_TAILS = TAILS[1:3]


@dataclass(frozen=True)
class Words:
    """One sentence for people, in Chinese and in English."""

    zh: str
    en: str

    def say(self, language: str) -> str:
        """The sentence in a language: Chinese, or English for every other."""
        return self.zh if language == "zh" else self.en


def named(element: Element) -> str:
    """An element for people's eyes: its name, and its id when that says more."""
    return f"{element.name} ({element.id})" if element.name != element.id else element.id


@dataclass(frozen=True)
class NodeMap:
    """Old elements to new ones. ``by_hand`` has ids, or ``process/id`` where one id is in several processes."""

    old: Definition
    new: Definition
    by_hand: Mapping[str, str] = field(default_factory=dict)
    _found: dict[tuple[str, str], Element | Words] = field(default_factory=dict, repr=False, compare=False)

    def target(self, process: str, element_id: str) -> Element | Words:
        """The new element, or why there is none."""
        key = (process, element_id)
        if key not in self._found:
            self._found[key] = self._look_up(process, element_id)
        return self._found[key]

    def wanted(self, process: str, element_id: str) -> str:
        """The id the new element should have. A bare id mapped by hand counts only where the new diagram has it."""
        there = self.new.diagrams[process].elements
        anywhere = self.by_hand.get(element_id)
        return self.by_hand.get(f"{process}/{element_id}") or (
            anywhere if anywhere is not None and anywhere in there else element_id
        )

    def _look_up(self, process: str, element_id: str) -> Element | Words:
        old = self.old.element(process, element_id)
        diagram = self.new.diagrams.get(process)
        if diagram is None:
            return Words(f"新部署中没有流程 {process}", f"the new deployment has no process {process}")
        new = diagram.elements.get(self.wanted(process, element_id))
        if new is None:
            return Words(
                f"{named(old)}在新图中已删除；请指明对应的元素，如 {element_id}=新编号",
                f"{named(old)} is gone from the new diagram; map it to an element by hand: {element_id}=new_id",
            )
        return self._unlike(process, old, new) or new

    def _unlike(self, process: str, old: Element, new: Element) -> Words | None:
        """Why a new element cannot stand for an old one, none when it can."""
        if (new.kind, new.event) != (old.kind, old.event):
            before, after = _kind(old), _kind(new)
            return Words(f"{named(old)}由 {before} 改成了 {after}", f"{named(old)} was {before} and is {after} now")
        if new.multi != old.multi:
            return Words(f"{named(old)}的多实例方式变了", f"{named(old)} is repeated in another way now")
        if self._place(process, old.parent) != new.parent:
            return Words(f"{named(old)}移到了别的子流程", f"{named(old)} moved to another sub-process")
        if old.host is not None and self._place(process, old.host) != new.host:
            return Words(f"{named(old)}改附在别的任务上", f"{named(old)} sits on another task now")
        return None

    def _place(self, process: str, element_id: str) -> str | None:
        """The new id of an enclosing process or sub-process, or of a host; none when it is gone."""
        if element_id == process:
            return process
        found = self.target(process, element_id)
        return found.id if isinstance(found, Element) else None

    def part(self, name: str) -> str | Words:
        """The new spec of a running process or sub-process, by the old spec's name."""
        process = self.old.home[name]
        if process == name:
            if name in self.new.diagrams:
                return name
            title = self.old.diagrams[name].name
            return Words(
                f"正在运行的流程 {title} ({name}) 在新部署中已删除",
                f"process {title} ({name}), which is running, is gone from the new deployment",
            )
        found = self.target(process, name)
        return found.id if isinstance(found, Element) else found

    def node(self, old_part: Any, new_part: Any, name: str) -> Any | None:
        """The new task spec for an old one's name, none when there is none of the same kind."""
        base, tail = split_tail(name)
        process = self.old.home[old_part.name]
        if base in self.old.diagrams[process].elements:
            found = self.target(process, base)
            wanted = found.id + tail if isinstance(found, Element) else None
        else:
            # The engine's own start and end; with an event sub-process the end is of another class.
            return new_part.task_specs.get(f"{new_part.name}.EndJoin" if name == f"{old_part.name}.EndJoin" else name)
        spec = new_part.task_specs.get(wanted) if wanted else None
        return spec if spec is not None and _same_kind(spec, old_part.task_specs[name]) else None


def _same_kind(spec: Any, other: Any) -> bool:
    """Whether two task specs are run alike and wait for the same kind of event."""
    events = [type(getattr(each, "event_definition", None)) for each in (spec, other)]
    return type(spec) is type(other) and events[0] is events[1]


def split_tail(name: str) -> tuple[str, str]:
    """A task spec's name as the id of its element and what the engine appended."""
    for tail in TAILS:
        if name.endswith(tail):
            return name.removesuffix(tail), tail
    return name, ""


def _kind(element: Element) -> str:
    return f"{element.kind} ({element.event})" if element.event else element.kind


def faults_by_hand(nodes: NodeMap) -> dict[str, str]:
    """What was mapped by hand and does not exist or cannot stand for the other: key -> reason and remedy."""
    faults: dict[str, str] = {}
    for key, wanted in nodes.by_hand.items():
        places = list(_places(nodes.old, key))
        found = [nodes.target(*place) for place in places]
        if not places:
            faults[key] = f"deployment {nodes.old.deployment_id} has no element {key}; use id or process/id"
        elif not any(isinstance(each, Element) and each.id == wanted for each in found):
            reason = next((each.en for each in found if isinstance(each, Words)), f"there is no new element {wanted}")
            faults[key] = f"{key}={wanted}: {reason}"
    return faults


def _places(old: Definition, key: str) -> Iterator[tuple[str, str]]:
    process, _, element_id = key.rpartition("/")
    for name, diagram in old.diagrams.items():
        if element_id in diagram.elements and process in ("", name):
            yield name, element_id
