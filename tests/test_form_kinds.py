"""Every kind of component is validated on the server, shown, or refused by name when the form is read."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

import pytest
from test_forms import NOW, choices, component, make, problems, refused

from engine.workflow.forms import FormError, FormFailed, FormInvalid, Option, load_form
from engine.workflow.forms_markup import check_markup, render_markup
from engine.workflow.forms_rules import PROPERTIES, REFUSED

PHOTOS = (Option(11, "before_photo"), Option(12, "after_photo"))
PNG = "data:image/png;base64,iVBORw0KGgo="


def rows(*columns: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "dynamiclist", "path": "rows", "label": "行", "components": list(columns)} | more


def messages(error: FormInvalid) -> dict[str, list[str]]:
    return {key: [each.message_key for each in found] for key, found in error.errors.items()}


# Every kind form editors offer

KINDS = (
    "textfield", "textarea", "number", "datetime", "expression", "filepicker", "checkbox", "checklist", "radio",
    "select", "taglist", "text", "html", "image", "table", "documentPreview", "spacer", "separator", "group",
    "dynamiclist", "iframe", "button",
)  # fmt: skip
"""What the palette of form-js 1.x has."""


def test_every_kind_of_the_editor_is_either_read_or_refused_by_name() -> None:
    assert set(KINDS) == set(PROPERTIES) | set(REFUSED)
    assert not set(PROPERTIES) & set(REFUSED)
    for kind in REFUSED:
        assert f"a {kind} has no place here" in problems({"type": kind, "id": "x", "key": "x", "label": "X"})


SHOWN = (
    {"type": "text", "id": "t", "text": "# 说明\n案卷 **{{ case.number }}**"},
    {"type": "html", "id": "h", "content": "<p>第 {{ round }} 轮</p>"},
    {"type": "table", "id": "u", "dataSource": "=units", "columns": [{"label": "单位", "key": "name"}]},
    {"type": "documentPreview", "id": "d", "title": "照片", "dataSource": "=seen"},
    {"type": "image", "id": "i", "source": PNG, "alt": "示意图"},
    {"type": "separator", "id": "s"},
    {"type": "spacer", "id": "p", "height": 20},
    {"type": "group", "id": "g", "label": "组", "components": []},
)


def test_what_is_only_shown_asks_nothing_and_shows_the_case() -> None:
    form = make(*SHOWN)
    context = {
        "case": {"number": "A<1>"}, "round": 2, "units": [{"name": "市政"}, "odd"], "case_photos": PHOTOS,
        "seen": [12, {"id": 11}, None],
    }  # fmt: skip
    assert (form.keys, form.validate({}, context)) == ((), {})
    assert refused(form, {"t": "x"}, **context) == {"t": ["unknown"]}
    values = {view.field.key: view.value for view in form.fields(context)}
    assert values["t"] == {"case.number": "A<1>"} and values["h"] == {"round": "2"}
    assert (values["u"], values["d"]) == ([{"name": "市政"}], [12, 11])
    assert form.paths == {"case.number", "round", "units", "seen"}
    assert form.has_photos


@pytest.mark.parametrize(
    ("faulty", "words"),
    [
        ({"type": "text", "id": "a", "text": "=note"}, "the text is an expression"),
        ({"type": "text", "id": "a", "text": "{{#if x}}y{{/if}}"}, "{{#if x}} is not worked out"),
        ({"type": "text", "id": "a", "text": "{{ 1 + }}"}, "{{1 +}}"),
        ({"type": "text", "id": "a", "text": "![x](http://e.example/x.png)"}, "a picture in a text"),
        ({"type": "html", "id": "a", "content": "<script>alert(1)</script>"}, "<script> is not shown"),
        ({"type": "html", "id": "a", "content": "<p onclick='x'>y</p>"}, "the attribute onclick of <p>"),
        ({"type": "html", "id": "a", "content": "<p style='x'>y</p>"}, "the attribute style of <p>"),
        ({"type": "html", "id": "a", "content": "<a href='javascript:x'>y</a>"}, "leads nowhere"),
        ({"type": "html", "id": "a", "content": "<a href='//e.example'>y</a>"}, "leads nowhere"),
        ({"type": "html", "id": "a", "content": "<p title='{{x}}'>y</p>"}, "in the attribute title"),
        ({"type": "html", "id": "a", "content": "<b>y"}, "<b> is not closed"),
        ({"type": "html", "id": "a", "content": "<iframe src='/x'></iframe>"}, "<iframe> is not shown"),
        ({"type": "image", "id": "a", "source": "https://e.example/x.png"}, "no embedded picture"),
        ({"type": "image", "id": "a", "source": PNG + "A" * 200_000}, "make it smaller"),
        ({"type": "table", "id": "a", "dataSource": "units", "columns": [{"key": "n"}]}, '"dataSource": "=units"'),
        ({"type": "table", "id": "a", "dataSource": "=u", "columns": []}, "without columns"),
        ({"type": "table", "id": "a", "dataSource": "=u", "columns": [{"label": "n"}]}, "a column has no key"),
        ({"type": "table", "id": "a", "dataSource": "=u", "columnsExpression": "=c"}, "columnsExpression is not read"),
        ({"type": "documentPreview", "id": "a"}, "dataSource is None"),
        (component("expression"), "expression is None"),
        (component("expression", expression="=a + 1"), "reads itself"),
        (component("expression", expression="=1", computeOn="never"), "computeOn is 'never'"),
        (component("expression", expression="=1", validate={"required": True}), "has no property 'validate'"),
        (component("filepicker", accept=".pdf"), "evidence is photos"),
        (component("filepicker", multiple="=x"), "multiple is '=x'"),
        (component("number", serializeToString=True), "serializeToString"),
        (component("datetime", subtype="datetime", timeSerializingFormat="no_timezone"), "needs its offset"),
        (component("textfield", requred=True), "has no property 'requred'"),
        (component("select", valuesExpresion="=x"), "did you mean valuesExpression?"),
        (component("textfield", label="=x"), "label is an expression"),
        (component("textfield", description="{{x}}"), "description is an expression"),
        (component("textfield", properties={"editableby": "x"}), "did you mean editable_by?"),
        (component("number", properties={"standard_texts": "x"}), "is not read on a number"),
        (component("textfield", properties=["x"]), '"properties" is no object'),
        (component("textfield", properties={"editable_by": " "}), "name roles"),
        (component("number", defaultValue="many"), "defaultValue 'many'"),
        (component("number", defaultValue=3, validate={"max": 2}), "must not be more than 2"),
        (component("textfield", defaultValue="x", validate={"pattern": "^[0-9]"}), "defaultValue 'x'"),
        (component("datetime", defaultValue="today"), "defaultValue 'today'"),
        (component("checkbox", defaultValue="maybe"), "defaultValue 'maybe'"),
        (component("filepicker", defaultValue=["1"]), "input parameter"),
        (component("textfield", readonly="=a < 3"), "readonly fails while"),
        (rows(component("textfield"), defaultRepetitions=-1), "defaultRepetitions is -1"),
        (rows(component("textfield"), isRepeating=False), "use a group"),
        (rows(component("textfield"), allowAddRemove="=x"), "allowAddRemove is '=x'"),
        (rows(component("textfield", readonly=True)), "set allowAddRemove false"),
        (rows(component("textfield", properties={"editable_by": "x"})), "set allowAddRemove false"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_by_name(faulty: dict[str, Any], words: str) -> None:
    assert words in problems(faulty)


def test_what_only_concerns_the_look_in_an_editor_may_stay() -> None:
    look = {"layout": {"row": "Row_1", "columns": 8}}
    form = make(
        component("textfield", appearance={"suffixAdorner": "m²"}, **look), component("number", "b", increment="0.5"),
        component("datetime", "c", use24h=True, timeInterval=15, timeSerializingFormat="utc_offset", **look),
        component("select", "d", searchable=True, values=choices("x")),
        rows(component("textfield", "e"), showOutline=True, isRepeating=True, disableCollapse=True),
    )  # fmt: skip
    assert form.keys == ("a", "b", "c", "d", "rows")


@pytest.mark.parametrize("pattern", ["^(a+)+$", r"(\w+\s?)*$", "((ab)*c?)+", "(.*,)+", "(?:x{2,})*", "(?P<n>a|b*)+"])
def test_a_pattern_that_may_take_for_ever_is_refused(pattern: str) -> None:
    assert "repeats a repetition" in problems(component("textfield", validate={"pattern": pattern}))


@pytest.mark.parametrize(
    "pattern", [r"^\(\d+\)+$", "^[(+*)]+$", "^([A-Z]{2}-)+[0-9]+$", "^(ab?)+$", r"^(\d+|x)$", "^(a+)(b+)$", "(a+){2}",
     "[]+*]+"]
)  # fmt: skip
def test_other_patterns_are_taken(pattern: str) -> None:
    form = make(component("textfield", validate={"pattern": pattern}))
    assert refused(form, {"a": "x" * 1_001}) == {"a": ["max_length"]}


# Conditions see answers as what they are


def test_a_condition_on_a_number_takes_what_a_page_sends() -> None:
    form = make(component("number"), component("textfield", "b", conditional={"hide": "=a == none or a <= 10"}))
    assert form.validate({"a": "12", "b": "x"}, {}) == {"a": 12, "b": "x"}
    assert form.validate({"a": " 9 ", "b": "x"}, {}) == {"a": 9, "b": None}
    assert form.validate({"a": "", "b": "x"}, {}) == {"a": None, "b": None}
    assert [view.visible for view in form.fields({}, {"a": "many"})] == [True, False]


def test_conditions_see_choices_and_boxes_by_their_own_values() -> None:
    form = make(
        component("radio", "a", values=choices(1, 2)), component("checkbox", "b"),
        component("textfield", "c", conditional={"hide": "=a != 2 or b == false"}),
    )  # fmt: skip
    assert form.validate({"a": "2", "b": "on", "c": "x"}, {})["c"] == "x"
    assert form.validate({"a": "2", "c": "x"}, {})["c"] is None


@pytest.mark.parametrize(
    ("condition", "when"),
    [("=a < 3", "while nothing is answered"), ("=a != none and a + b > 3", "while only a is answered"),
     ("=a and b and a + c > 3", "when all is answered")],
)  # fmt: skip
def test_a_condition_that_can_fail_is_refused_when_the_form_is_read(condition: str, when: str) -> None:
    found = problems(
        component("number"), component("number", "b"), component("textfield", "c"),
        component("textfield", "d", conditional={"hide": condition}),
    )  # fmt: skip
    assert f"field d: conditional.hide fails {when}" in found


def test_a_condition_on_an_expression_that_may_have_no_value_is_refused() -> None:
    fields = (component("number", "a"), component("number", "b"))
    safe = component("expression", "c", expression="=(a or 0) * (b or 0)")
    hide = component("textfield", "d", conditional={"hide": "=c > 5"})
    assert make(*fields, safe, hide).keys == ("a", "b", "c", "d")
    unsafe = component("expression", "c", expression="=a * b if a else 0")
    assert "field d: conditional.hide fails while only a is answered" in problems(*fields, unsafe, hide)


def test_a_limit_that_gives_no_number_is_the_forms_fault() -> None:
    form = make(component("number", validate={"max": "=most"}))
    assert form.validate({"a": 3}, {"most": None}) == {"a": 3}
    with pytest.raises(FormFailed, match=r"field a, validate\.max: `most` gives no number"):
        form.validate({"a": 3}, {"most": "5"})


def test_conditions_know_the_present_moment() -> None:
    form = make(component("textfield", conditional={"hide": "=now == none"}))
    assert form.validate({"a": "x"}, {}, now=NOW) == {"a": "x"}


# Expressions


def test_an_expression_is_worked_out_by_the_server_alone() -> None:
    form = make(
        component("number", "price"), component("number", "count"),
        component("expression", "total", expression="=(price or 0) * (count or 0)"),
        component("expression", "tax", expression="=round(total * 0.1, 2)"),
        component("textfield", "reason", validate={"required": True}, conditional={"hide": "=total <= 100"}),
    )  # fmt: skip
    sent = {"price": "30", "count": 3, "total": 1, "tax": 0}
    assert form.validate(sent, {}) == {"price": 30, "count": 3, "total": 90, "tax": 9.0, "reason": None}
    assert refused(form, sent | {"count": 4}) == {"reason": ["required"]}
    view = {each.field.key: (each.value, each.readonly) for each in form.fields({}, sent)}
    assert view["total"] == (90, True)


def test_an_expression_that_lacks_an_answer_reports_the_answer_first() -> None:
    form = make(
        component("number", "a", validate={"required": True}), component("number", "b", validate={"required": True}),
        component("expression", "c", expression="=a * b if a or b else 0"),
    )  # fmt: skip
    assert refused(form, {"a": 3}) == {"b": ["required"]}
    assert [view.value for view in form.fields({}, {"a": 3})] == [3, None, None]
    form = make(component("number", "a"), component("expression", "c", expression="=a * factor if a else 0"))
    with pytest.raises(FormFailed, match=r"field c, expression: .*factor"):
        form.validate({"a": 3}, {})


def test_an_expression_may_not_read_what_comes_later() -> None:
    first, second = component("expression", "a", expression="=b"), component("expression", "b", expression="=1")
    assert "field a: the expression reads b, which has no value yet" in problems(first, second)
    assert make(second, first).validate({}, {}) == {"a": 1, "b": 1}


def test_an_expression_gives_values_that_can_be_kept() -> None:
    form = make(component("expression", expression="=day"), component("expression", "b", expression="={'x': [day]}"))
    kept = form.validate({}, {"day": date(2026, 3, 2)})
    assert kept == {"a": "2026-03-02", "b": {"x": ["2026-03-02"]}}
    assert json.loads(json.dumps(kept)) == kept


def test_expressions_of_a_row_read_the_row() -> None:
    form = make(
        rows(component("number", "n"), component("expression", "twice", expression="=(n or 0) * 2")),
        component("expression", "count", expression="=len(rows)"),
    )
    assert form.validate({"rows": [{"n": "2"}, {"n": 3}]}, {}) == {
        "rows": [{"n": 2, "twice": 4}, {"n": 3, "twice": 6}], "count": 2,
    }  # fmt: skip


# Repeating groups


def test_rows_are_counted() -> None:
    form = make(rows(component("number", "n"), validate={"min": 2, "max": "=most"}))
    assert refused(form, {"rows": [{"n": 1}]}, most=3) == {"rows": ["rows_min"]}
    assert refused(form, {}, most=3) == {"rows": ["rows_min"]}
    assert refused(form, {"rows": [{}] * 4}, most=3) == {"rows": ["rows_max"]}
    assert len(form.validate({"rows": [{}] * 3}, {"most": 3})["rows"]) == 3
    view = form.fields({"most": 3})[0]
    assert (view.least, view.most) == (2, 3)
    assert refused(make(rows(component("number", "n"))), {"rows": [{}] * 501}) == {"rows": ["rows_max"]}


def test_errors_name_the_row_and_the_column() -> None:
    form = make(rows(component("number", "n", validate={"required": True, "min": 1}), component("filepicker", "f")))
    sent = {"rows": [{"n": 1}, {"n": 0}, {"f": [99]}, {"x": 1, "n": 2}, 5]}
    assert refused(form, sent, case_photos=PHOTOS) == {
        "rows[1].n": ["min"], "rows[2].n": ["required"], "rows[2].f": ["foreign"], "rows[3].x": ["unknown"],
        "rows[4]": ["type"],
    }  # fmt: skip


def test_a_list_that_takes_no_rows_keeps_what_its_rows_came_with() -> None:
    form = make(
        rows(component("textfield", "unit", readonly=True), component("number", "score", validate={"required": True}),
             allowAddRemove=False)
    )  # fmt: skip
    context = {"rows": [{"unit": "市政", "score": 1}, {"unit": "环卫"}], "unit": "leaked"}
    sent = {"rows": [{"unit": "forged", "score": 5}, {"score": 6}]}
    assert form.validate(sent, context) == {"rows": [{"unit": "市政", "score": 5}, {"unit": "环卫", "score": 6}]}
    assert refused(form, {"rows": [{"score": 5}]}, **context) == {"rows": ["rows"]}
    assert refused(form, {"rows": [{"score": 5}] * 3}, **context) == {"rows": ["rows"]}
    assert refused(form, {}, **context) == {"rows[0].score": ["required"], "rows[1].score": ["required"]}
    shown = form.fields(context, {"rows": context["rows"]})[0]
    assert [[each.value for each in row] for row in shown.rows] == [["市政", 1], ["环卫", None]]
    assert (shown.least, shown.most) == (2, 2)


def test_a_list_of_a_fixed_number_of_rows() -> None:
    form = make(rows(component("number", "n"), allowAddRemove=False, defaultRepetitions=3))
    assert len(form.fields({})[0].rows) == 3
    assert form.validate({}, {}) == {"rows": [{"n": None}] * 3}
    assert refused(form, {"rows": [{}] * 2}) == {"rows": ["rows"]}


# Files


def test_a_photo_of_another_case_is_refused() -> None:
    form = make(component("filepicker", multiple=True, accept="image/*", validate={"required": True}))
    assert form.validate({"a": ["12", 11]}, {"case_photos": PHOTOS}) == {"a": [12, 11]}
    assert refused(form, {"a": [11, 13]}, case_photos=PHOTOS) == {"a": ["foreign"]}
    assert refused(form, {"a": ["11 "]}, case_photos=PHOTOS) == {"a": ["foreign"]}
    assert refused(form, {"a": []}, case_photos=PHOTOS) == {"a": ["required"]}
    assert [option.value for option in form.fields({"case_photos": PHOTOS})[0].options] == [11, 12]


# Read-only


def test_a_field_is_answered_by_the_roles_it_names() -> None:
    form = make(
        component("number", validate={"required": True}, properties={"editable_by": "shift_leader command_head"}),
        component("textfield", "b", conditional={"hide": "=a == 5"}),
    )
    leader, clerk = {"roles": ["shift_leader"], "a": 5}, {"roles": ["acceptor"], "a": 5}
    assert form.roles == {"shift_leader", "command_head"}
    assert form.validate({"a": 3, "b": "x"}, leader) == {"a": 3, "b": "x"}
    assert refused(form, {}, **leader) == {"a": ["required"]}
    assert form.validate({"a": 3, "b": "x"}, clerk) == {"b": None}
    assert form.validate({"a": 3}, {}) == {"b": None}  # nobody known is nobody entitled
    shown = [(view.value, view.readonly) for view in form.fields(clerk, {"a": 3})]
    assert shown[0] == (5, True)


def test_what_can_only_be_read_for_now_does_not_count_in_conditions() -> None:
    form = make(
        component("checkbox", "locked"), component("textfield", "b", readonly="=locked"),
        component("textfield", "c", conditional={"hide": "=b != 'open'"}),
    )  # fmt: skip
    assert form.validate({"locked": True, "b": "open", "c": "x"}, {}) == {"locked": True, "c": None}
    assert form.validate({"locked": False, "b": "open", "c": "x"}, {})["c"] == "x"
    assert form.validate({"locked": True, "c": "x"}, {"b": "open"})["c"] == "x"


def test_a_readonly_value_nobody_set_cannot_be_sent_instead() -> None:
    form = make(component("textfield", readonly=True), component("textfield", "b", conditional={"hide": "=a != 'x'"}))
    assert form.validate({"a": "x", "b": "1"}, {}) == {"b": None}


# Words of one's own, translations


def test_a_form_says_in_its_own_words_what_is_wrong() -> None:
    rules = {"pattern": "^[A-Z]", "patternErrorMessage": "车牌以字母开头。", "minLength": 3}
    form = make(component("textfield", validate=rules))
    with pytest.raises(FormInvalid) as wrong:
        form.validate({"a": "123"}, {})
    message = wrong.value.errors["a"][0]
    assert (message.zh, message.en, message.text_key) == ("车牌以字母开头。", "车牌以字母开头。", "form:f:a:pattern")
    assert refused(form, {"a": "A"}) == {"a": ["min_length"]}


def test_every_text_of_every_kind_can_be_translated() -> None:
    form = make(
        *SHOWN, component("textfield", appearance={"suffixAdorner": "米"}, validate={"patternErrorMessage": "错"})
    )
    keys: dict[str, str] = {}
    form.to_dict("en", lambda key, text: keys.setdefault(key, text))
    assert {key.removeprefix("form:f:"): text for key, text in keys.items()} == {
        "t": "# 说明\n案卷 **{{ case.number }}**", "h": "<p>第 {{ round }} 轮</p>", "u:column:name": "单位",
        "d:title": "照片", "i:alt": "示意图", "g": "组", "a": "A", "a:suffix": "米", "a:pattern": "错",
    }  # fmt: skip


# Markdown and HTML


def test_markdown_is_written_as_safe_html() -> None:
    text = "# 说明\n\n**重要** {{x}}\n\n- 一\n- [链接](https://e.example/?a=1&b=2)\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    html = render_markup("text", text, {"x": "<b>&"})
    assert "<h3>说明</h3>" in html and "<strong>重要</strong> &lt;b&gt;&amp;" in html and "<td>1</td>" in html
    assert '<a href="https://e.example/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer">链接</a>' in html
    assert list(check_markup("text", text)) == []


ATTACKS = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>",
    "<a href='java\nscript:x'>y</a>",
    "<a href=' javascript:x'>y</a>", "<style>@import 'x'</style>", "<p><!-- --!><img src=x onerror=x> --></p>",
    "<math><mtext></table><img src onerror=x></math>",
    "<noscript><p title='</noscript><img src=x onerror=x>'></noscript>",
    "<a title='\"><img src=x onerror=x>'>y</a>", "<form action=/x><input name=csrf></form>", "<td colspan='\"x'>",
    "&lt;script&gt;", "<scr<script>ipt>alert(1)</script>", "<p\x00 onclick=x>y", "<textarea></textarea><b>",
)  # fmt: skip


@pytest.mark.parametrize("kind", ["text", "html"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_but_what_is_listed_reaches_a_page(kind: str, attack: str) -> None:
    for text, values in ((attack, {}), ("{{x}}", {"x": attack}), ("<p>{{x}}</p>", {"x": attack})):
        html = render_markup(kind, text, values)
        for tag, attributes in re.findall(r"<\s*/?\s*([^\s>/]+)([^>]*)>", html):
            assert tag in {"p", "a", "b", "td", "h3", "ul", "li", "pre", "code", "br"}, html
            for name, value in re.findall(r'([^\s="]+)="([^"]*)"', attributes):
                assert name in {"href", "title", "target", "rel", "colspan"}, html
                assert "script:" not in value or name == "title", html


def test_a_deep_text_is_no_trap() -> None:
    deep = "<b>" * 5000
    with pytest.raises(FormError, match="<b> is not closed"):
        load_form(
            json.dumps({"type": "default", "id": "f", "components": [{"type": "html", "id": "h", "content": deep}]}),
            "forms/f.json",
        )
