"""What each kind of component may say. What is not listed is refused by name: nothing written is ever ignored."""

from collections.abc import Mapping

from engine.workflow.forms_values import ASKED, MULTIPLE, SELECTIONS, TEXTS

RULES: Mapping[str, frozenset[str]] = {
    "required": ASKED, "minLength": TEXTS, "maxLength": TEXTS, "pattern": TEXTS, "validationType": TEXTS,
    "min": frozenset({"number", "dynamiclist"}), "max": frozenset({"number", "dynamiclist"}),
    "patternErrorMessage": TEXTS, "minLengthErrorMessage": TEXTS, "maxLengthErrorMessage": TEXTS,
}  # fmt: skip
"""Rules of ``validate`` and the kinds they apply to. For a dynamiclist min and max count rows."""

OWN_WORDS = {"pattern": "patternErrorMessage", "min_length": "minLengthErrorMessage", "max_length": "maxLengthErrorMessage"}  # fmt: skip # noqa: E501 - one line reads best
"""Messages a form may say in words of its own."""

CUSTOM: Mapping[str, frozenset[str]] = {"standard_texts": TEXTS, "editable_by": ASKED}
"""Custom properties the platform reads."""

REFUSED: Mapping[str, str] = {
    "button": "remove it: the page brings its own buttons",
    "iframe": "remove it: pages show nothing of other sites; write a link in a text",
}
"""Kinds of form editors that have no place here, and what to do instead."""

_ALL = frozenset({"type", "id", "key", "label", "description", "conditional", "properties", "layout"})
_FILLED = _ALL | {"disabled", "readonly", "validate", "defaultValue"}
_CHOICES = _FILLED | {"values", "valuesKey", "valuesExpression"}

PROPERTIES: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("radio", "checklist", "taglist"), _CHOICES),
    "select": _CHOICES | {"searchable"},
    "textfield": _FILLED | {"appearance"},
    "textarea": _FILLED,
    "number": _FILLED | {"appearance", "decimalDigits", "increment", "serializeToString"},
    "checkbox": _FILLED,
    "datetime": _FILLED
    | {
        "subtype", "dateLabel", "timeLabel", "disallowPassedDates", "use24h", "timeInterval", "timeSerializingFormat",
    },
    "filepicker": _FILLED | {"accept", "multiple"},
    "dynamiclist": _FILLED
    | {
        "path", "components", "showOutline", "isRepeating", "allowAddRemove", "defaultRepetitions", "disableCollapse",
        "nonCollapsedItems", "verticalAlignment",
    },
    "expression": _ALL | {"expression", "computeOn"},
    "group": _ALL | {"path", "components", "showOutline", "verticalAlignment"},
    "text": _ALL | {"text"},
    "html": _ALL | {"content"},
    "image": _ALL | {"source", "alt"},
    "separator": _ALL,
    "spacer": _ALL | {"height"},
    "table": _ALL | {"dataSource", "columns", "columnsExpression", "rowCount"},
    "documentPreview": _ALL | {"title", "dataSource", "endpointKey", "maxHeight", "allowDownload"},
}  # fmt: skip
"""Properties of each kind, those that only concern the look in form editors included."""

OPTIONS = SELECTIONS | MULTIPLE
