"""What expressions may name, and what is wrong with one, as JSON."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from api.schemas.base import Strict, mapping, text, truth, whole
from engine.workflow.expression_completion import KINDS


class WordSchema(Strict):
    """Something an expression may name, in both languages."""

    name = text("As it is written.")
    zh = text("What it is, in Chinese.")
    en = text("What it is, in English.")


class TypedWordSchema(WordSchema):
    """A name with the type of its value."""

    type = text("`any number text boolean list dictionary date datetime`.")


class ParameterSchema(Strict):
    """What a function takes."""

    name = text("Its name, for the reader; values are given in order.")
    type = text("The type of its value.")
    optional = truth("Whether it may be left out.")
    repeated = truth("Whether any number of values may be given.")


class ExampleSchema(Strict):
    """A call with its value."""

    call = text("The expression.")
    gives = text("An expression of the same value.")


class FunctionSchema(WordSchema):
    """A function."""

    usage = text("`startswith(text: text, part: text) -> boolean`.")
    parameters = fields.List(fields.Nested(ParameterSchema))
    gives = text("The type of its value.")
    group = text("`numbers texts lists dates`, `working time`, or a plugin's own word.")
    examples = fields.List(fields.Nested(ExampleSchema))
    owner = text("`core`, or the plugin.")


class VariableSchema(Strict):
    """A variable that diagrams set."""

    name = text("Its name.")
    set_by = fields.List(fields.String(), metadata={"description": "Who sets it, as `process/element`."})


class VocabularySchema(Strict):
    """Everything an expression may name."""

    functions = fields.List(fields.Nested(FunctionSchema))
    names = fields.List(fields.Nested(TypedWordSchema), metadata={"description": "Names that are always there."})
    facts = fields.List(fields.Nested(TypedWordSchema), metadata={"description": "The keys of `case`."})
    variables = fields.List(fields.Nested(VariableSchema))
    operators = fields.List(fields.Nested(WordSchema))
    constants = fields.List(fields.Nested(WordSchema))
    limits = mapping("How large an expression and its values may be.", values=fields.Integer())


class VocabularyQuery(Strict):
    """Whose variables."""

    process = text("Only variables of this process; of all when absent.", load_default="")


class TextSchema(Strict):
    """A text to look at."""

    kind = text(
        "`condition` (or a value), `template` (a text with `${…}`), `script` (lines of a script task) or `cell` (an "
        "input cell of a decision table).",
        load_default="condition",
        validate=ma.validate.OneOf(KINDS),
    )
    text = text("The text as written.", required=True, validate=ma.validate.Length(max=20_000))


class FaultSchema(Strict):
    """What is wrong and where."""

    position = whole("The character, from 0.")
    line = whole("Its line, from 1.")
    column = whole("The character of that line, from 1.")
    excerpt = text("The line, and below it a caret under the character.")
    message = text("What is wrong.")
    remedy = text("What to do.")


class InspectionSchema(Strict):
    """What a text reads, or what is wrong with it."""

    valid = truth("Whether it can be read.")
    error = fields.Nested(FaultSchema, allow_none=True)
    reads = fields.List(fields.String(), metadata={"description": "Variables and keys, such as `case.urgent`."})
