"""Forms: the roles that may answer a field exist, and translated texts show what the text itself shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.checks.finding import Finding, Source, suggest
from engine.checks.material import Material
from engine.workflow.forms_markup import check_markup, places_of
from engine.workflow.forms_values import MARKED_UP


def check_forms(material: Material) -> Iterator[Finding]:
    """Every role a field names is one of the city's."""
    for name, form in material.forms.items():
        for given in (*form.components, *(column for each in form.components for column in each.columns)):
            for role in sorted(given.roles - material.roles.keys()):
                remedy = suggest(role, material.roles, "add it to roles.csv")
                source = material.sources[f"forms/{name}.json"]
                yield source.error(given.key, f"editable_by names the role {role!r}, which does not exist", remedy)


def check_translated_texts(
    material: Material, language: str, texts: Mapping[str, str], source: Source
) -> Iterator[Finding]:
    """Translations of Markdown and HTML are safe to show and ask for no other values."""
    for form in material.forms.values():
        for given in form.components:
            key = f"form:{form.form_id}:{given.key}"
            text = texts.get(key) if given.kind in MARKED_UP else None
            if not text:
                continue
            for problem in check_markup(given.kind, text):
                yield source.error(key, f"{language}: {problem}", "take it out of the translation")
            for place in places_of(text):
                if place not in given.places:
                    message = f"{language}: {{{{{place}}}}} does not stand in the text itself"
                    yield source.error(key, message, suggest(place, given.places, "write the same expressions"))
