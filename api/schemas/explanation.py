"""An explanation on the wire: why a case is here, who can move it, what comes then, what the clock does."""

from __future__ import annotations

from marshmallow import fields

from api.schemas.base import Strict, mapping, moment, text, truth, whole


class SaidSchema(Strict):
    """A code with its name in the explanation's language."""

    code = text("Code.")
    name = text("Name.")


class RuleHitSchema(Strict):
    """A rule of a decision table that matched."""

    id = text("Rule id.")
    row = whole("Its row, from 1.")
    text = text("What the rule stands for.")


class PastDecisionSchema(Strict):
    """A decision that another one needed."""

    decision = text("Decision id.")
    name = text("Its name.")
    rules = fields.List(fields.Nested(RuleHitSchema), metadata={"description": "The rules that matched."})
    inputs = mapping("What it read, by label.")
    value = fields.Raw(metadata={"description": "What it gave."}, allow_none=True)


class PastStepSchema(Strict):
    """One line of the way so far."""

    at = moment("When.")
    kind = text("Kind of the history's line.")
    process = text("Process id.")
    element = text("Element id.")
    actor = text("Who did it; empty for the system.")
    text = text("The line in words.")
    rules = fields.List(
        fields.Nested(RuleHitSchema), metadata={"description": "Of a decision: the rules that matched."}
    )
    inputs = mapping("Of a decision: what it read, by label.", allow_none=True)
    required = fields.List(
        fields.Nested(PastDecisionSchema),
        metadata={"description": "Of a decision: those it needed, in the order they were taken."},
    )


class WaySchema(Strict):
    """One way on."""

    conditions = fields.List(fields.String(), metadata={"description": "What must hold, as far as it is open."})
    steps = fields.List(fields.String(), metadata={"description": "What the system does on the way."})
    arrival = text(
        "`task` somebody's task, `wait` for an event, `end`, `others` waiting for other units, `aside` the end of a "
        "branch beside the main way, `again` back to where it was, `unknown` further than can be said now."
    )
    process = text("Process id of the element arrived at.")
    element = text("Element id.")
    name = text("Its name.")
    who = text("Who does it; empty when it is no task.")
    text = text("The way in words.")


class ChoiceSchema(Strict):
    """What one answer leads to."""

    field = text("Label of the field; empty for a task without a choice.")
    value = fields.Raw(allow_none=True, metadata={"description": "The answer."})
    label = text("Its label.")
    ways = fields.List(fields.Nested(WaySchema))


class AskedForSchema(SaidSchema):
    """Evidence a task asks for."""

    count = whole("How many different files.")
    there = whole("How many the case has that count.")
    by = text("`diagram` or `manual`.")
    why = text("The rule of the command manual, in words; empty when the diagram always asks.")


class WaitingTaskSchema(Strict):
    """An open task."""

    id = text("Task id.")
    process = text("Process id.")
    element = text("Element id.")
    name = text("Name.")
    stage = text("Stage.")
    role = fields.Nested(SaidSchema)
    scope = fields.Nested(SaidSchema, allow_none=True)
    assignee = text("Who has claimed it; empty when nobody has.")
    people = fields.List(
        fields.String(), metadata={"description": "Who can do it; empty without the permission `organisation.read`."}
    )
    people_more = whole("How many more can.")
    since = moment("Open since.")
    due_at = moment("Due.", allow_none=True)
    why_due = fields.List(fields.String(), metadata={"description": "Why it is due then, sentence by sentence."})
    evidence = fields.List(fields.Nested(AskedForSchema), metadata={"description": "Evidence it needs."})
    choices = fields.List(fields.Nested(ChoiceSchema))
    text = text("Who and by when, in words.")


class TimeUpSchema(Strict):
    """A timer that waits."""

    process = text("Process id.")
    element = text("Element id.")
    name = text("Name.")
    during = text("The step it belongs to; empty when it stands for itself.")
    timer = text("The timer in words.")
    at = moment("When it goes off; none while its clock stands still.", allow_none=True)
    interrupting = truth("Whether it stops that step.")
    ways = fields.List(fields.Nested(WaySchema))
    text = text("The timer in words, with what it does.")


class PossibleActionSchema(Strict):
    """Something that can be done to the case now."""

    name = text("The message.")
    label = text("Its name.")
    roles = fields.List(fields.Nested(SaidSchema), metadata={"description": "Who may do it; empty: not people."})
    during = text("What it interrupts or accompanies.")
    interrupting = truth("Whether it stops that.")
    ways = fields.List(fields.Nested(WaySchema))
    text = text("The action in words.")


class ExplanationSchema(Strict):
    """Why a case is where it is and what can happen next, in one language."""

    number = text("Case number.")
    title = text("Title.")
    language = text("`zh` or `en`.")
    status = text("Status.")
    stage = text("Stage.")
    running = truth("Whether anything still waits.")
    headline = text("The whole in one sentence.")
    past = fields.List(fields.Nested(PastStepSchema), metadata={"description": "The last steps, oldest first."})
    tasks = fields.List(fields.Nested(WaitingTaskSchema))
    timers = fields.List(fields.Nested(TimeUpSchema))
    actions = fields.List(fields.Nested(PossibleActionSchema))
    sentences = fields.List(fields.String(), metadata={"description": "All of it as lines of text."})
