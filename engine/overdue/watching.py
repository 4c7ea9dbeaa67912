"""What of a passed limit a diagram sees to by itself: timers on a task, around it, or around whatever calls it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.workflow.elements import PEOPLE, Diagram, Element

Diagrams = Mapping[str, Diagram]


def is_watched(diagram: Diagram, element: Element) -> bool:
    """Whether a timer sits on the element or around it: on its border, on a sub-process around it, or beside it in an
    event sub-process."""
    at: Element | None = element
    while at is not None:
        if timers_on(diagram, at):
            return True
        if _timed_beside(diagram, at.parent):
            return True
        at = diagram.elements.get(at.parent)
    return False


def timers_on(diagram: Diagram, element: Element) -> list[Element]:
    """The timers on the element's border."""
    return [each for each in diagram.boundaries(element.id) if each.event == "timer"]


def unwatched(diagrams: Diagrams) -> Iterator[tuple[Diagram, Element]]:
    """Every task whose limit passes without a timer on it, around it, or around all that call its process."""
    watched = watched_processes(diagrams)
    for diagram in diagrams.values():
        for element in diagram.elements.values():
            if element.kind in PEOPLE and diagram.id not in watched and not is_watched(diagram, element):
                yield diagram, element


def watched_processes(diagrams: Diagrams) -> set[str]:
    """Processes that run only within a call activity that is watched, or within such a process."""
    calls: dict[str, list[tuple[str, bool]]] = {}
    for diagram in diagrams.values():
        for element in diagram.elements.values():
            if element.kind == "callActivity" and element.called in diagrams:
                calls.setdefault(str(element.called), []).append((diagram.id, is_watched(diagram, element)))
    watched: set[str] = set()
    while True:
        more = {
            name
            for name, callers in calls.items()
            if name not in watched and all(own or caller in watched for caller, own in callers)
        }
        if not more:
            return watched
        watched |= more


def _timed_beside(diagram: Diagram, scope: str) -> bool:
    beside = {each.id for each in diagram.elements.values() if each.by_event and each.parent == scope}
    starts = (each for each in diagram.elements.values() if each.kind == "startEvent" and each.parent in beside)
    return any(each.event == "timer" for each in starts)
