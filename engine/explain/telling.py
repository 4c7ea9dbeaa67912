"""Put an explanation's values into sentences, for the terminal and whoever reads aloud."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from engine.explain.values import AskedFor, Explanation, PossibleAction, TimeUp, WaitingTask, Way
from engine.explain.voice import Voice
from engine.workflow.standing import Waiting


def headline(voice: Voice, told: Explanation, has_process: bool, waiting: Sequence[Waiting]) -> str:
    """The whole in one sentence."""
    status = voice.word("status", told.status)
    if not told.running:
        return voice.say("headline_ended" if has_process else "headline_none", number=told.number, status=status)
    main = next((task for task in told.tasks if task.stage != "supervise"), None) or next(iter(told.tasks), None)
    if main is None:
        gate = next(
            (each for each in waiting if each.element.kind in ("eventBasedGateway", "intermediateCatchEvent")), None
        )
        if gate is None:
            return voice.say("headline_still", number=told.number, status=status)
        name = voice.element(gate.process, gate.element)
        return voice.say("headline_wait", number=told.number, status=status, name=name)
    text = voice.say("headline_task", number=told.number, status=status, task=main.name, who=_who(voice, main))
    if main.due_at is not None:
        text += voice.say("headline_due", due=voice.moment(main.due_at))
    if len(told.tasks) > 1:
        text += voice.say("headline_more", count=len(told.tasks) - 1)
    return text


def tell_task(voice: Voice, task: WaitingTask, now: datetime, *, people: bool) -> str:
    """Who does a task and by when; ``people`` says whether those on duty were looked up."""
    names = voice.say("nobody") if people else ""
    if task.assignee:
        names = voice.say("claimed", name=task.assignee)
    elif task.people:
        names = voice.say("people", names=voice.listed(task.people))
        names += voice.say("people_more", count=task.people_more) if task.people_more else ""
    text = voice.say("task", task=task.name, who=_who(voice, task), people=names)
    text += voice.say("due", due=voice.moment(task.due_at)) if task.due_at is not None else voice.say("no_due")
    if task.due_at is not None and task.due_at < now:
        text += voice.say("overdue")
    if task.evidence:
        text += voice.say("photos", photos=voice.listed([_asked(voice, each) for each in task.evidence]))
    return text


def _asked(voice: Voice, asked: AskedFor) -> str:
    """Evidence with how many files, and why where the manual asks for it."""
    many = voice.say("photos_many", count=asked.count) if asked.count > 1 else ""
    return f"{asked.name}{many}{asked.why}"


def tell_timer(voice: Voice, timer: TimeUp) -> str:
    """What a timer does and when."""
    during = voice.say("during", host=timer.during) if timer.during else ""
    at = voice.moment(timer.at) if timer.at is not None else voice.say("timer_paused")
    return voice.say(
        "timer", at=at, name=timer.name, timer=timer.timer, during=during,
        effect=_effect(voice, bool(timer.during), timer.interrupting), way=ways(voice, timer.ways),
    )  # fmt: skip


def tell_action(voice: Voice, action: PossibleAction) -> str:
    """Who may do it and what it leads to."""
    roles = voice.listed([role.name for role in action.roles])
    label = voice.say("action_by", label=action.label, roles=roles) if roles else action.label
    effect = voice.say("stops_host", host=action.during) if action.interrupting else ""
    return voice.say("action", label=label, effect=effect, way=ways(voice, action.ways))


def ways(voice: Voice, found: Sequence[Way]) -> str:
    """Several ways on in a row."""
    return voice.say("several").join(way.text for way in found)


def sentences(voice: Voice, told: Explanation) -> Iterator[str]:
    """The explanation as lines of text; what belongs to a heading is indented."""
    yield told.headline
    yield voice.say("why")
    for step in told.past:
        text = voice.say("by", text=step.text, actor=step.actor) if step.actor else step.text
        yield f"  {voice.moment(step.at)}  {text}"
    if told.tasks:
        yield voice.say("movers")
        for task in told.tasks:
            yield f"  {task.text}"
            yield from (f"    {line}" for line in task.why_due)
        yield voice.say("ahead")
        yield from _ahead(voice, told.tasks)
    for heading, texts in (
        ("clock", [timer.text for timer in told.timers]), ("possible", [action.text for action in told.actions]),
    ):  # fmt: skip
        if texts:
            yield voice.say(heading)
            yield from (f"  {text}" for text in texts)


def _ahead(voice: Voice, tasks: Sequence[WaitingTask]) -> Iterator[str]:
    """What each answer leads to; tasks of the same element once."""
    seen: set[tuple[str, str]] = set()
    for task in tasks:
        if (task.process, task.element) in seen:
            continue
        seen.add((task.process, task.element))
        indent = "  "
        if len(tasks) > 1:
            yield f"  {task.name}"
            indent = "    "
        for choice in task.choices:
            for way in choice.ways:
                if choice.label:
                    yield indent + voice.say("choice", label=choice.label, way=way.text)
                else:
                    yield indent + voice.say("single", way=way.text)


def _effect(voice: Voice, there: bool, interrupting: bool) -> str:
    return voice.say("stops" if interrupting else "beside") if there else ""


def _who(voice: Voice, task: WaitingTask) -> str:
    return voice.who(task.role.code, task.scope.code if task.scope else None)
