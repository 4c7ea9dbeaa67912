"""The forms of a sketch: fields read from its lines, written as form-js schemas; see ``sketch.py``."""

from __future__ import annotations

import json
import re
from typing import Any

KINDS = {
    "text": "textfield", "area": "textarea", "number": "number", "date": "datetime", "check": "checkbox",
    "radio": "radio",
    "select": "select", "tags": "taglist", "photos": "filepicker", "show": "textfield", "showarea": "textarea",
    "list": "dynamiclist", "moment": "datetime",
}  # fmt: skip


def names(text: str) -> tuple[str, str]:
    zh, _, en = text.partition("|")
    return zh.strip(), en.strip()


def read_field(line: str, parent: dict[str, Any]) -> dict[str, Any]:
    kind, *_ = line.split()
    if kind not in KINDS or parent.get("kind") in ("radio", "select", "tags"):
        value, _, label = line.partition(" ")
        zh, en = names(label)
        choice = {"value": value, "zh": zh, "en": en, "kind": "choice"}
        parent.setdefault("choices", []).append(choice)
        return choice
    line, _, shown = line.partition(" if ")
    line, _, choices = line.partition(" = ")
    _, key, label = line.split(None, 2)
    given: dict[str, Any] = {
        "kind": kind,
        "key": key,
        "if": shown.strip(),
        "expression": choices.strip(),
        "validate": {},
    }
    pattern = re.search(r"\s+pattern\s+(\S+)$", label)
    if pattern:
        label, given["validate"]["pattern"] = label[: pattern.start()], pattern[1]
    while match := re.search(r"\s+(min|max|digits)\s+(-?[\d.]+)$", label):
        label, given[match[1]] = label[: match.start()], json.loads(match[2])
    if label.endswith(" fixed"):
        label, given["fixed"] = label.removesuffix(" fixed").rstrip(), True
    if label.endswith("*"):
        given["validate"]["required"], label = True, label[:-1]
    given["zh"], given["en"] = names(label)
    parent.setdefault("fields", []).append(given)
    return given


def form_json(form: dict[str, Any], texts: dict[str, str]) -> str:
    """The form-js schema of a form; its English labels go to ``texts``."""
    components = [component(each, f"form:{form['id']}:", texts) for each in form["fields"]]
    schema = {"type": "default", "id": form["id"], "schemaVersion": 18, "components": components}
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


def component(given: dict[str, Any], prefix: str, texts: dict[str, str]) -> dict[str, Any]:
    kind, key, rules = given["kind"], given["key"], dict(given["validate"])
    texts[f"{prefix}{key}"] = given["en"]
    made: dict[str, Any] = {"type": KINDS[kind], "id": key, "key": key, "label": given["zh"]}
    if kind in ("text", "area"):
        rules.setdefault("maxLength", int(given.get("max", 200 if kind == "text" else 2000)))
        if "min" in given:
            rules["minLength"] = int(given["min"])
    elif kind == "number":
        rules |= {word: given[word] for word in ("min", "max") if word in given}
        made["decimalDigits"] = int(given.get("digits", 0))
    elif kind == "date":
        made |= {"subtype": "date", "dateLabel": given["zh"]}
    elif kind == "moment":
        made |= {"subtype": "datetime", "dateLabel": given["zh"]}
    elif kind == "photos":
        made |= {"multiple": True, "accept": "image/*"}
    elif kind in ("show", "showarea"):
        made["readonly"] = True
    elif kind == "list":
        made.pop("key")
        made["path"] = key
        made["components"] = [component(each, prefix, texts) for each in given["fields"]]
        rules |= {word: int(given[word]) for word in ("min", "max") if word in given}
        if given.get("fixed"):
            made["allowAddRemove"] = False
    if rules:
        made["validate"] = rules
    if given["if"]:
        made["conditional"] = {"hide": f"=not ({given['if']})"}
    if given["expression"]:
        made["valuesExpression"] = "=" + given["expression"]
    elif given.get("choices"):
        made["values"] = [{"label": each["zh"], "value": each["value"]} for each in given["choices"]]
        for each in given["choices"]:
            texts[f"{prefix}{key}:{each['value']}"] = each["en"]
    if kind == "select":
        made["searchable"] = False
    return made
