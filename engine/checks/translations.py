"""Translations: every name and label in every language the city speaks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from engine.checks.finding import Finding, Source, split_remedy
from engine.checks.forms import check_translated_texts
from engine.checks.material import Material
from engine.errors import CityBroken
from engine.loading.tables import read_csv
from engine.workflow.decisions import Decision
from engine.workflow.decisions_tables import Table
from engine.workflow.elements import Diagram
from engine.workflow.forms import Form

CORE_LANGUAGE = "zh"
"""What the core's and the plugins' own diagrams and forms are written in."""
SHOWN = 3
CODE = re.compile(r"[A-Za-z0-9_@./ -]{0,40}")
"""A text that is a code, not a sentence: nobody translates it."""


def check_translations(material: Material) -> Iterator[Finding]:
    """One warning a language and file that lacks texts."""
    city = material.city
    for language in city.languages:
        texts: dict[str, str] = {}
        for found in city.layers.all_of(f"translations/{language}.csv"):
            try:
                texts |= {row["key"]: row["text"] for _, row in read_csv(found.path, ("key", "text"))}
            except CityBroken as error:
                message, remedy = split_remedy(error.message, "write the header key,text")
                yield Source.of(found).error("file", message, remedy)
        yield from find_missing(material, language, texts)
        yield from check_translated_texts(material, language, texts, Source(f"translations/{language}.csv"))


def find_missing(material: Material, language: str, texts: Mapping[str, str]) -> Iterator[Finding]:
    """What a language lacks, file by file."""
    for source, keys in sorted(translatable(material).items(), key=lambda pair: pair[0].file):
        written = material.city.language if source.layer.startswith("city ") else CORE_LANGUAGE
        missing = [key for key in keys if not texts.get(key)] if written != language else []
        if missing:
            first = ", ".join(missing[:SHOWN]) + (" …" if len(missing) > SHOWN else "")
            message = f"{len(missing)} of {len(keys)} texts have no translation into {language!r}: {first}"
            yield source.warning(language, message, f"add them to translations/{language}.csv")


def translatable(material: Material) -> dict[Source, list[str]]:
    """The keys of every file that shows texts to people."""
    found: dict[Source, list[str]] = {}
    for diagram in material.diagrams.values():
        found[material.source(diagram)] = diagram_keys(diagram)
    for name, form in material.forms.items():
        found[material.sources[f"forms/{name}.json"]] = form_keys(form)
    for decision in material.decisions.values():
        found.setdefault(material.sources[decision.source], []).extend(decision_keys(decision))
    return found


def decision_keys(decision: Decision) -> list[str]:
    """Keys of what clerks read of a decision: its name, its columns, the notes of its rules, what they say."""
    home = f"decision:{decision.decision_id}"
    keys = [home, *(f"{home}:{each.id}" for each in decision.inputs if each.id)]
    keys += [f"{home}:{each.name}" for each in decision.outputs]
    for rule in decision.body.rules if isinstance(decision.body, Table) else ():
        keys += [f"{home}:{rule.rule_id}"] if rule.annotation else []
        for output, cell in zip(decision.outputs, rule.outputs, strict=True):
            value = cell.evaluate({}) if cell is not None and not cell.names and not cell.functions else None
            if isinstance(value, str) and not CODE.fullmatch(value):
                keys.append(f"{home}:{rule.rule_id}:{output.name}")
    return list(dict.fromkeys(keys))


def diagram_keys(diagram: Diagram) -> list[str]:
    """Keys of a diagram's names; what has no name shows none."""
    named = [e.id for e in diagram.elements.values() if e.name != e.id]
    named += [flow.id for flow in diagram.flows.values() if flow.name]
    return [f"process:{diagram.id}", *(f"process:{diagram.id}:{name}" for name in named)]


def form_keys(form: Form) -> list[str]:
    """Keys of a form's labels, choices and descriptions."""
    keys: list[str] = []

    def note(key: str, text: str) -> str:
        if text.strip():
            keys.append(key)
        return text

    form.to_dict("", note)
    return list(dict.fromkeys(keys))
