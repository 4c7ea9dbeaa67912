"""Forms accept exactly what they show and say in two languages what is wrong."""

import contextlib
import json
import re
import string
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.workflow.expressions import compile_expression
from engine.workflow.forms import Form, FormError, FormFailed, FormInvalid, load_form
from engine.workflow.forms_values import TEXTS_OF_MESSAGES

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reference" / "forms.md").read_text(encoding="utf-8")
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def make(*components: dict[str, Any], **more: Any) -> Form:
    schema = {"type": "default", "id": "f", "components": list(components)} | more
    return load_form(json.dumps(schema), "forms/f.json")


def component(kind: str, key: str = "a", **more: Any) -> dict[str, Any]:
    return {"type": kind, "id": key, "key": key, "label": key.upper()} | more


def choices(*values: Any) -> list[dict[str, Any]]:
    return [{"value": value, "label": f"choice {value}"} for value in values]


def refused(form: Form, answers: dict[str, Any], **context: Any) -> dict[str, list[str]]:
    with pytest.raises(FormInvalid) as caught:
        form.validate(answers, context, now=NOW)
    for messages in caught.value.errors.values():
        for message in messages:
            assert re.search(r"[一-鿿]", message.zh) and re.search(r"[a-z]{2}", message.en)
            assert "{limit" not in message.zh + message.en
    return {key: [each.message_key for each in found] for key, found in caught.value.errors.items()}


def problems(*components: Any, **more: Any) -> str:
    with pytest.raises(FormError) as caught:
        make(*components, **more)
    assert all(each.remedy for each in caught.value.problems)
    assert "forms/f.json" in str(caught.value)
    return str(caught.value)


# The reference page


def page_form() -> Form:
    block = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert block
    return load_form(block[1], "docs/reference/forms.md")


PAGE_EXAMPLES = re.findall(r"^(\{.*\}) +→ (.*)$", PAGE, re.MULTILINE)


def test_the_page_has_its_examples() -> None:
    assert len(PAGE_EXAMPLES) == 12


@pytest.mark.parametrize(("answers", "expected"), PAGE_EXAMPLES)
def test_every_example_of_the_page_holds(answers: str, expected: str) -> None:
    written = re.search(r"With the context `(.*)`", PAGE)
    assert written
    context = compile_expression(written[1]).evaluate({})
    given_answers = compile_expression(answers).evaluate({})
    if expected.startswith("errors: "):
        wanted = dict(each.split(" ") for each in expected.removeprefix("errors: ").split(", "))
        assert refused(page_form(), given_answers, **context) == {key: [name] for key, name in wanted.items()}
    else:
        assert page_form().validate(given_answers, context) == compile_expression(expected).evaluate({})


def test_every_core_form_loads_under_its_file_name() -> None:
    files = sorted((ROOT / "processes" / "forms").glob("*.json"))
    assert files
    for path in files:
        assert load_form(path.read_text(encoding="utf-8"), str(path)).form_id == path.stem


# Answers


@pytest.mark.parametrize(
    ("given_component", "answer", "kept"),
    [
        (component("textfield"), "  井盖 ", "井盖"),
        (component("textfield"), "   ", None),
        (component("textarea", validate={"maxLength": 2}), " 网格 ", "网格"),
        (component("textfield", validate={"pattern": "^9[0-9]$"}), "95", "95"),
        (component("textfield", validate={"validationType": "email"}), "a@b.cn", "a@b.cn"),
        (component("textfield", validate={"validationType": "phone"}), "0571-12345", "0571-12345"),
        (component("number"), "3", 3),
        (component("number"), "-3.50", -3.5),
        (component("number", decimalDigits=1, validate={"min": 0, "max": 1}), 0.1, 0.1),
        (component("number"), 0, 0),
        (component("checkbox"), None, False),
        (component("checkbox"), "on", True),
        (component("checkbox"), False, False),
        (component("radio", values=choices("x", 1)), 1, 1),
        (component("radio", values=choices("x", 1)), "1", 1),
        (component("select", values=choices("x", "y")), "y", "y"),
        (component("taglist", values=choices("x", "y")), ["y", "x"], ["y", "x"]),
        (component("checklist", values=choices("x")), [], None),
        (component("datetime", subtype="date"), "2026-03-02", "2026-03-02"),
        (component("datetime", subtype="date"), date(2026, 3, 2), "2026-03-02"),
        (component("datetime", subtype="time"), "08:30", "08:30"),
        (component("datetime", subtype="datetime"), "2026-03-02T08:00+08:00", "2026-03-02T08:00:00+08:00"),
        (component("datetime", disallowPassedDates=True), "2026-03-02", "2026-03-02"),
        (component("filepicker"), ["e1"], ["e1"]),
        (component("filepicker", multiple=True), [1, 2], [1, 2]),
    ],
)
def test_an_answer_is_kept_in_its_clean_form(given_component: dict[str, Any], answer: Any, kept: Any) -> None:
    value = make(given_component).validate({"a": answer}, {}, now=NOW)["a"]
    assert (type(value), value) == (type(kept), kept)


@pytest.mark.parametrize(
    ("wrong", "answer", "message"),
    [
        (component("textfield", validate={"required": True}), "  ", "required"),
        (component("textfield"), 5, "type"),
        (component("textfield", validate={"minLength": 3}), "网格", "min_length"),
        (component("textfield", validate={"maxLength": 1}), "网格", "max_length"),
        (component("textarea"), "x" * 100_001, "max_length"),
        (component("textfield", validate={"pattern": "^9"}), "8", "pattern"),
        (component("textfield", validate={"validationType": "email"}), "a@b", "email"),
        (component("textfield", validate={"validationType": "phone"}), "call me", "phone"),
        (component("number"), "three", "type"),
        (component("number"), True, "type"),
        (component("number"), float("nan"), "type"),
        (component("number"), 10**30, "type"),
        (component("number", validate={"min": 1}), 0, "min"),
        (component("number", validate={"max": 1}), "1.5", "max"),
        (component("number", decimalDigits=1), 0.12, "decimals"),
        (component("checkbox"), "maybe", "type"),
        (component("checkbox", validate={"required": True}), False, "required"),
        (component("radio", values=choices("x", 1)), True, "choice"),
        (component("select", values=choices("x")), ["x"], "choice"),
        (component("taglist", values=choices("x")), "x", "type"),
        (component("taglist", values=choices("x")), ["x", "z"], "choice"),
        (component("taglist", values=choices("x")), ["x", "x"], "repeated"),
        (component("checklist", values=choices("x"), validate={"required": True}), [], "required"),
        (component("datetime"), "2026-02-30", "type"),
        (component("datetime"), 20260302, "type"),
        (component("datetime", subtype="time"), "25:00", "type"),
        (component("datetime", subtype="datetime"), "2026-03-02T08:00", "offset"),
        (component("datetime", disallowPassedDates=True), "2026-03-01", "passed"),
        (component("filepicker"), "e1", "type"),
        (component("filepicker"), [None], "type"),
        (component("filepicker"), ["e1", "e2"], "count"),
        (component("filepicker", multiple=True), ["e1", "e1"], "repeated"),
    ],
)
def test_a_wrong_answer_is_refused_in_both_languages(wrong: dict[str, Any], answer: Any, message: str) -> None:
    assert refused(make(wrong), {"a": answer}) == {"a": [message]}


def test_both_languages_say_every_message_with_the_same_parameters() -> None:
    for key, (zh, en) in TEXTS_OF_MESSAGES.items():
        fields = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in (zh, en)]
        assert fields[0] == fields[1] or key == "type"


def test_every_wrong_answer_is_reported_at_once() -> None:
    form = make(component("number"), component("textfield", "b", validate={"required": True}))
    assert refused(form, {"a": "x", "c": 1}) == {"a": ["type"], "b": ["required"], "c": ["unknown"]}


def test_a_default_never_stands_in_for_a_missing_answer() -> None:
    form = make(component("radio", values=choices("x"), defaultValue="x", validate={"required": True}))
    assert refused(form, {}) == {"a": ["required"]}
    assert form.fields({})[0].value == "x"


def test_a_form_that_forbids_past_dates_asks_for_the_time() -> None:
    form = make(component("datetime", disallowPassedDates=True))
    with pytest.raises(TypeError, match="pass now="):
        form.validate({"a": "2026-03-02"}, {})
    assert form.validate({"a": "2026-03-02"}, {"now": NOW}) == {"a": "2026-03-02"}


# Conditions

CHAIN = [
    component("radio", "a", values=choices("x", "y")),
    component("radio", "b", values=choices("x", "y"), conditional={"hide": "=a != 'x'"}),
    component("textfield", "c", validate={"required": True}, conditional={"hide": "=b != 'x'"}),
]


def test_a_hidden_answer_hides_what_depends_on_it() -> None:
    form = make(*reversed(CHAIN))
    assert form.validate({"a": "y", "b": "x", "c": "z"}, {}) == {"a": "y", "b": None, "c": None}
    assert form.validate({"a": "x", "b": "x", "c": "z"}, {}) == {"a": "x", "b": "x", "c": "z"}
    assert refused(form, {"a": "x", "b": "x"}) == {"c": ["required"]}


def test_an_earlier_task_s_variable_never_answers_a_field() -> None:
    assert make(*CHAIN).validate({}, {"a": "x", "b": "x"}) == {"a": None, "b": None, "c": None}


def test_a_readonly_field_shows_the_variable_and_conditions_see_it() -> None:
    form = make(component("textfield", readonly=True), component("textfield", "b", conditional={"hide": "=a == 'x'"}))
    assert form.validate({"a": "forged", "b": "1"}, {"a": "x"}) == {"b": None}
    shown = form.fields({"a": "x"})
    assert [(each.value, each.visible, each.readonly) for each in shown] == [("x", True, True), (None, False, False)]


def test_readonly_may_depend_on_a_variable() -> None:
    form = make(component("textfield", disabled="=locked"))
    assert form.validate({"a": "1"}, {"locked": True}) == {}
    assert form.validate({"a": "1"}, {"locked": False}) == {"a": "1"}


def test_a_group_hides_its_members() -> None:
    inner = component("textfield", validate={"required": True})
    form = make({"type": "group", "id": "a", "label": "G", "components": [inner], "conditional": {"hide": "=closed"}})
    assert form.validate({"a": "1"}, {"closed": True}) == {"a": None}
    assert refused(form, {}, closed=False) == {"a": ["required"]}
    assert [each.visible for each in form.fields({"closed": True})] == [False, False]
    assert form.paths == {"closed"}


def test_conditions_that_hide_each_other_come_to_an_end() -> None:
    form = make(component("textfield", "a", conditional={"hide": "=b == none"}),
                component("textfield", "b", conditional={"hide": "=a != none"}))  # fmt: skip
    assert set(form.validate({"a": "1", "b": "2"}, {})) == {"a", "b"}


def test_limits_may_be_expressions() -> None:
    form = make(component("number", validate={"max": "=capacity - b"}), component("number", "b"))
    assert form.validate({"a": 3, "b": 2}, {"capacity": 5}) == {"a": 3, "b": 2}
    assert refused(form, {"a": 4, "b": 2}, capacity=5) == {"a": ["max"]}


def test_choices_come_from_an_expression() -> None:
    form = make(component("select", valuesExpression="=departments"))
    departments = [{"code": "D1", "name": "环卫处", "name_en": "Sanitation"}, {"value": 2, "label": "two"}, "plain"]
    labels = [(each.value, each.label, each.label_en) for each in form.fields({"departments": departments})[0].options]
    assert labels == [("D1", "环卫处", "Sanitation"), (2, "two", ""), ("plain", "plain", "")]
    assert form.validate({"a": "2"}, {"departments": departments}) == {"a": 2}
    assert refused(form, {"a": "D1"}, departments=None) == {"a": ["choice"]}
    with pytest.raises(FormFailed, match=r"field a, valuesExpression: .*departments"):
        form.validate({"a": "x"}, {})
    with pytest.raises(FormFailed, match=r"field a: .*valuesExpression"):
        form.validate({"a": "x"}, {"departments": "D1"})


def test_rows_see_their_own_answers_first_then_the_form_s() -> None:
    why = component("textfield", "why", validate={"required": True}, conditional={"hide": "=not a or urgent"})
    rows = {"type": "dynamiclist", "path": "rows", "validate": {"required": True}}
    rows |= {"components": [component("checkbox", "a"), why]}
    form = make(component("checkbox", "a"), component("checkbox", "urgent"), rows)
    assert form.validate({"a": True, "rows": [{"a": False}]}, {})["rows"] == [{"a": False, "why": None}]
    assert refused(form, {"rows": [{"a": False}, {"a": True}, 7]}) == {"rows[1].why": ["required"], "rows[2]": ["type"]}
    assert refused(form, {"rows": []}) == {"rows": ["required"]}
    assert refused(form, {"rows": "x"}) == {"rows": ["type"]}
    view = form.fields({}, {"rows": [{"a": True}]})[2]
    assert [(each.field.key, each.value, each.visible) for each in view.rows[0]] == [
        ("a", True, True),
        ("why", None, True),
    ]


# Files


@pytest.mark.parametrize(
    ("given_component", "words"),
    [
        (component("colour"), "type 'colour' is not known"),
        (component("textfield", "two words"), "is no word"),
        (component("textfield", "true"), "is no word"),
        (component("textfield", "_a"), "is no word"),
        (component("number", validate={"maxLength": 3}), "validate.maxLength does not apply to a number"),
        (component("textfield", validate={"colour": 3}), "validate.colour does not apply"),
        (component("textfield", validate={"required": "yes"}), "neither true nor false"),
        (component("textfield", validate={"pattern": "("}), "cannot be read"),
        (component("textfield", validate={"maxLength": "9"}), "write an expression after `=`"),
        (component("textfield", validate={"validationType": "url"}), "'url' is not known"),
        (component("number", decimalDigits=-1), "decimalDigits"),
        (component("datetime", subtype="week"), "subtype 'week'"),
        (component("textfield", conditional={"hide": "decision"}), "write an expression after `=`"),
        (component("textfield", conditional={"hide": "=b = 1"}), "`=` does not compare"),
        (component("textfield", conditional={"hide": "=a < 3"}), "fails while nothing is answered"),
        (component("textfield", conditional={"show": "=a"}), "more than"),
        (component("textfield", readonly="a"), "write an expression after `=`"),
        (component("select"), "either values or valuesExpression"),
        (component("select", values=[], valuesExpression="=x"), "either values or valuesExpression"),
        (component("select", values=[]), "has no value"),
        (component("select", values=[{"label": "x"}]), "has no value"),
        (component("select", values=choices("x", "x")), "two choices"),
        (component("select", values=choices("x"), defaultValue="y"), "is not one of the choices"),
        (component("select", valuesKey="departments"), '"valuesExpression": "=departments"'),
        ({"type": "group", "id": "g", "path": "p", "components": []}, "a group with a path"),
        ({"type": "dynamiclist", "id": "g", "components": []}, "path None is no word"),
        ({"type": "dynamiclist", "id": "g", "path": "p", "components": [
            {"type": "dynamiclist", "id": "h", "path": "q", "components": []}]}, "a list within a list"),
        ("text", "component 1 is no object"),
    ],
)  # fmt: skip
def test_a_faulty_component_is_refused_by_name(given_component: Any, words: str) -> None:
    assert words in problems(given_component)


def test_all_problems_of_a_form_are_reported_at_once() -> None:
    found = problems(
        component("colour"), component("textfield", "b"), component("textfield", "b"), component("select", "c")
    )
    assert [line.split(": ")[1] for line in found.splitlines()] == ["field a", "field c", "field b"]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"type": "default"}', '{"type": "default", "id": "a b", "components": []}',
     '{"type": "default", "id": "f", "id": "g", "components": []}', "[" * 100_000],
)  # fmt: skip
def test_a_file_that_is_no_form_is_refused(text: str) -> None:
    with pytest.raises(FormError):
        load_form(text, "forms/f.json")


def test_labels_are_translated_and_the_form_stays_as_it_is() -> None:
    form = page_form()
    asked: dict[str, str] = {}

    def translate(key: str, text: str) -> str:
        asked[key] = text
        return text.upper() + "!"

    before = json.dumps(dict(form.schema))
    shown = form.to_dict("en", translate)
    assert asked["form:example:decision"] == "处理意见"
    assert asked["form:example:decision:approve"] == "同意"
    assert asked["form:example:reason:description"] == "写明依据"
    assert asked["form:example:plate"] == "车牌"
    assert shown["language"] == "en"
    assert shown["components"][0]["values"][0] == {"label": "同意!", "value": "approve"}
    assert json.dumps(dict(form.schema)) == before


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["plate", "towed", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from([*page_form().keys, "other"]), _JSON, max_size=6))
def test_any_answers_are_cleaned_or_refused(answers: dict[str, Any]) -> None:
    context = {"departments": [{"code": "D01", "name": "环卫处"}], "limit": 500}
    form = page_form()
    try:
        cleaned = form.validate(answers, context)
    except FormInvalid as error:
        assert error.errors
        return
    assert form.validate(cleaned, context) == cleaned


_PROPERTIES = [
    "type", "key", "path", "components", "validate", "values", "valuesExpression", "conditional", "readonly", "label",
    "defaultValue", "decimalDigits", "subtype", "properties", "hide", "required", "min", "pattern", "value", "text",
    "content", "dataSource", "columns", "expression", "source", "accept", "multiple", "allowAddRemove", "editable_by",
    "defaultRepetitions", "appearance", "patternErrorMessage", "title", "alt",
]  # fmt: skip
_KINDS = st.sampled_from(
    ["select", "textfield", "number", "group", "dynamiclist", "datetime", "text", "taglist", "html", "table", "image",
     "documentPreview", "expression", "filepicker", "checkbox", "=a", "=(", "(", "{{ a }}", "<b>", "{{"]
)  # fmt: skip
_SCHEMAS = st.recursive(
    _KINDS | st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_PROPERTIES), inner, max_size=6),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(_KINDS, st.dictionaries(st.sampled_from(_PROPERTIES), _SCHEMAS, max_size=5), _SCHEMAS)
def test_any_schema_is_loaded_or_refused(kind: str, properties: dict[str, Any], other: Any) -> None:
    base = {"type": kind, "key": "a", "path": "b", "components": [], "valuesExpression": "=a"}
    for components in ([base | properties], [base | properties, other], other):
        text = json.dumps({"type": "default", "id": "f", "components": components})
        try:
            form = load_form(text, "forms/f.json")
        except FormError as error:
            assert error.problems
            continue
        form.to_dict("en", lambda key, text: text)
        with contextlib.suppress(FormInvalid, FormFailed):
            form.fields({"case_photos": ()}, {"a": other})
            form.validate({"a": other}, {"case_photos": ()}, now=NOW)
