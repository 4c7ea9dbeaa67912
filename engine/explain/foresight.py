"""Follow a diagram from where a case stands to wherever people, time or messages are next waited for.

Nothing is run: conditions are decided where everything they read is known, and told with the flow's name where not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from engine.explain.knowledge import Knowledge, Unknown
from engine.explain.values import Arrival, Way
from engine.explain.voice import Voice
from engine.workflow.definitions import Definition
from engine.workflow.elements import Element, Flow
from engine.workflow.standing import Scope

MOST_ELEMENTS = 300
WAITS = ("eventBasedGateway", "intermediateCatchEvent", "receiveTask")
PEOPLE = ("userTask", "manualTask")


@dataclass(frozen=True)
class Position:
    """A point on a way: the element arrived at, the scopes around it, what was passed and what is known."""

    process: str
    element: str
    scopes: tuple[Scope, ...]
    known: Knowledge
    conditions: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    seen: frozenset[tuple[int, str, str]] = frozenset()


class Foresight:
    """Looks ahead in one deployment's diagrams, in one language."""

    def __init__(self, definition: Definition, voice: Voice) -> None:
        self.definition, self.voice = definition, voice

    def after(self, process: str, element: Element, scopes: tuple[Scope, ...], known: Knowledge) -> tuple[Way, ...]:
        """The ways on from an element that has just completed."""
        return tuple(dict.fromkeys(self._onward(Position(process, element.id, scopes, known), element)))

    def _onward(self, at: Position, element: Element) -> Iterator[Way]:
        flows = self.definition.diagrams[at.process].outgoing(element.id)
        if not flows:
            yield from self._leave(at, element)
        for flow, conditions in self._open(at, element, flows):
            yield from self._arrive(replace(at, element=flow.target, conditions=at.conditions + conditions))

    def _open(self, at: Position, element: Element, flows: list[Flow]) -> Iterator[tuple[Flow, tuple[str, ...]]]:
        """The flows that may be taken, each with what must hold for it as far as that is open."""
        if len(flows) == 1 or element.kind not in ("exclusiveGateway", "inclusiveGateway"):
            yield from ((flow, ()) for flow in flows)
            return
        possible: list[Flow] = []
        otherwise = next((flow for flow in flows if flow.id == element.default_flow), None)
        for flow in flows:
            if flow is otherwise:
                continue
            try:
                if at.known.condition(flow.condition or ""):
                    possible.append(flow)
                    if element.kind == "exclusiveGateway":
                        otherwise = None
                        break
            except Unknown:
                possible.append(flow)
        if otherwise is not None:
            possible.append(otherwise)
        for flow in possible:
            told = () if len(possible) == 1 else (self.voice.condition(at.process, element, flow),)
            yield flow, told

    def _arrive(self, at: Position) -> Iterator[Way]:
        element = self.definition.element(at.process, at.element)
        mark = (len(at.scopes), at.process, element.id)
        if mark in at.seen or len(at.seen) >= MOST_ELEMENTS:
            yield self._way(at, element, "again")
            return
        at = replace(at, seen=at.seen | {mark})
        if element.kind in PEOPLE:
            yield self._way(at, element, "task")
        elif element.kind in WAITS:
            yield self._way(at, element, "wait")
        elif element.kind == "endEvent":
            yield from self._leave(at, element)
        elif element.kind == "callActivity":
            yield from self._call(at, element)
        elif element.kind == "subProcess":
            yield from self._enter(at, at.process, element.id, element)
        elif element.kind.endswith("Task"):
            decision = self.definition.decisions.get(element.decision or "")
            name = self.voice.element(at.process, element)
            known = at.known.after(element, decision)
            yield from self._onward(replace(at, steps=(*at.steps, name), known=known), element)
        else:
            yield from self._onward(at, element)

    def _call(self, at: Position, element: Element) -> Iterator[Way]:
        try:
            called = str(at.known.text(element.called or ""))
        except Unknown:
            called = ""
        if called in self.definition.diagrams:
            yield from self._enter(at, called, called, element)
        else:
            yield self._way(at, element, "unknown")

    def _enter(self, at: Position, process: str, parent: str, caller: Element) -> Iterator[Way]:
        """Into a called process or an embedded sub-process, at its start."""
        for element in self.definition.diagrams[process].elements.values():
            if element.kind == "startEvent" and element.parent == parent and element.event is None:
                scopes = (*at.scopes, Scope(process, caller.id, 0, False))
                yield from self._arrive(replace(at, process=process, element=element.id, scopes=scopes))

    def _leave(self, at: Position, element: Element) -> Iterator[Way]:
        """An end: of a branch beside others, of one unit's part, of a sub-process, of the whole."""
        scope = at.scopes[-1]
        if scope.busy and element.event != "terminate":
            yield self._way(at, element, "aside")
        elif scope.caller is None:
            yield self._way(at, element, "end")
        elif scope.siblings:
            yield self._way(at, element, "others")
        else:
            outer = at.scopes[:-1]
            caller = self.definition.element(outer[-1].process, scope.caller)
            yield from self._onward(replace(at, process=outer[-1].process, scopes=outer), caller)

    def _way(self, at: Position, element: Element, arrival: Arrival) -> Way:
        name = self.voice.element(at.process, element)
        who = self._who(at, element) if arrival == "task" else ""
        text = self.voice.way(at.conditions, at.steps, arrival, name, who)
        return Way(at.conditions, at.steps, arrival, at.process, element.id, name, who, text)

    def _who(self, at: Position, element: Element) -> str:
        """Who does a task: the role, and where it is known already the department or grid."""
        role, _, scope = (element.groups or "").partition("@")
        try:
            value = at.known.text(scope) if scope else None
        except Unknown:
            value = None
        return self.voice.who(role.strip(), str(value) if value is not None else None)
