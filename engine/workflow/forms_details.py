"""What single components of a form-js schema may say: every property known, every value one that is worked out."""

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any

from engine.workflow.forms_markup import PLACE
from engine.workflow.forms_rules import CUSTOM, PROPERTIES
from engine.workflow.forms_values import Field

Report = Callable[[str, str], None]
"""Takes what is wrong and what to do."""

SUBTYPES = ("date", "time", "datetime")
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]+")
PICTURE_LIMIT = 200_000  # characters of an embedded picture


def check_properties(report: Report, kind: str, component: dict[str, Any]) -> None:
    """Refuse what the kind does not read."""
    for name in component:
        if name not in PROPERTIES[kind]:
            report(f"a {kind} has no property {name!r}", _suggest(name, PROPERTIES[kind]))
    for name in ("label", "description", "title", "alt"):
        text = component.get(name)
        if isinstance(text, str) and (text.startswith("=") or PLACE.search(text)):
            report(f"{name} is an expression", "write it as plain text; a text component takes {{ … }}")
    custom = component.get("properties") or {}
    if not isinstance(custom, dict):
        report('"properties" is no object', "correct it")
        return
    for name in custom:
        if kind not in CUSTOM.get(name, ()):
            report(f"the custom property {name!r} is not read on a {kind}", _suggest(name, CUSTOM))


def check_rows(report: Report, component: dict[str, Any], columns: list[Field]) -> None:
    """What a list of rows says about its rows."""
    count = component.get("defaultRepetitions", 1)
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= 100:
        report(f"defaultRepetitions is {count!r}", "use a whole number from 0 to 100")
    if component.get("isRepeating", True) is not True:
        report("isRepeating is not true", "use a group for answers given once")
    if component.get("allowAddRemove", True) not in (True, False):
        report(f"allowAddRemove is {component['allowAddRemove']!r}", "use true or false")
    shown = [each.key for each in columns if each.kind != "expression" and (each.readonly is True or each.roles)]
    if shown and component.get("allowAddRemove") is not False:
        report(f"rows come and go, {', '.join(shown)} could not stay with its row", "set allowAddRemove false")


def check_details(report: Report, kind: str, component: dict[str, Any], rules: dict[str, Any]) -> None:
    """Values of properties that one kind alone has."""
    if kind == "datetime":
        subtype = component.get("subtype", "date")
        if subtype not in SUBTYPES:
            report(f"subtype {subtype!r} is not known", f"use {', '.join(SUBTYPES)}")
        if subtype == "datetime" and component.get("timeSerializingFormat") == "no_timezone":
            report("timeSerializingFormat is no_timezone", "use utc_offset: a moment needs its offset")
    digits = component.get("decimalDigits")
    if kind == "number" and digits is not None and (not isinstance(digits, int) or not 0 <= digits <= 15):
        report(f"decimalDigits is {digits!r}", "use a whole number from 0 to 15")
    if kind == "number" and component.get("serializeToString", False) is not False:
        report("serializeToString is set", "remove it: a number is kept as a number")
    if rules.get("validationType") not in (None, "", "custom", "email", "phone"):
        report(f"validationType {rules['validationType']!r} is not known", "use email, phone or a pattern")
    if kind == "filepicker":
        accept = [each.strip() for each in str(component.get("accept") or "image/*").split(",")]
        if "image/*" not in accept:
            report(f"accept {component['accept']!r}: evidence is photos", "write image/* or leave it out")
        if component.get("multiple", False) not in (True, False):
            report(f"multiple is {component['multiple']!r}", "use true or false")
    if kind == "image":
        check_picture(report, component.get("source"))
    if kind == "table":
        check_columns(report, component)
    if kind == "expression" and component.get("computeOn", "change") not in ("change", "presubmit"):
        report(f"computeOn is {component['computeOn']!r}", "use change or presubmit")


def check_picture(report: Report, source: Any) -> None:
    """A picture is part of the form: pages load nothing of other sites."""
    if not isinstance(source, str) or not _PICTURE.fullmatch(source.strip()):
        report("source is no embedded picture", "write it as data:image/png;base64,…: pages load nothing else")
    elif len(source) > PICTURE_LIMIT:
        report(f"the picture has {len(source)} characters, {PICTURE_LIMIT} are allowed", "make it smaller")


def check_columns(report: Report, component: dict[str, Any]) -> None:
    """A table lists its columns with their keys."""
    columns = component.get("columns")
    if component.get("columnsExpression"):
        report("columnsExpression is not read", "list the columns as {label, key}")
    elif not isinstance(columns, list) or not columns:
        report("a table without columns", "list them as {label, key}")
    elif any(not isinstance(each, dict) or not isinstance(each.get("key"), str) for each in columns):
        report("a column has no key", "write columns as {label, key}")


_ATOMS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_INNERMOST = re.compile(r"\((?:\?[:=!<>#iLmsux-]+|\?P<\w+>)?([^()]*)\)([+*]|\{\d*,\})?")
_ENDLESS = re.compile(r"[+*R]|\{\d*,\}")


def repeats_repeats(pattern: str) -> bool:
    """Whether a group that repeats without end holds what repeats without end, as ``(a+)+``: some texts such a pattern
    does not match take it longer than anybody waits."""
    rest = _ATOMS.sub("x", pattern.replace("R", "x"))
    while found := _INNERMOST.search(rest):
        endless = _ENDLESS.search(found[1]) is not None
        if endless and found[2]:
            return True
        rest = rest[: found.start()] + ("R" if endless or found[2] else "x") + rest[found.end() :]
    return False


def _suggest(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(str(name), [each for each in known if each != name], 1)
    return f"did you mean {close[0]}?" if close else "remove it"
