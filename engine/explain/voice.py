"""Says things in one language: names of elements, roles and places, and the sentences of an explanation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from engine.calendar import LimitError, parse_limit
from engine.explain.words import ARRIVALS, TABLES, UNITS, WORDS
from engine.models import Person
from engine.organisation.roles import Role
from engine.platform import Platform
from engine.translations import Translations
from engine.workflow.elements import Element, Flow
from engine.workflow.timers import OF_LIMIT


class Voice:
    """One language: ``zh``, or English for every other."""

    def __init__(
        self,
        platform: Platform,
        language: str,
        translations: Translations,
        roles: Mapping[str, Role],
        grids: Mapping[str, str],
    ) -> None:
        self.platform, self.translations, self.roles, self.grids = platform, translations, roles, grids
        self.language = "zh" if language == "zh" else "en"
        self.words = WORDS[self.language]
        self.comma = "、" if self.language == "zh" else ", "

    def say(self, key: str, **values: Any) -> str:
        """A sentence of the explanation's own."""
        return self.words[key].format(**values)

    def word(self, table: str, code: str) -> str:
        """A code in words; one that a plugin brought is shown as it is."""
        known = TABLES[table].get(code)
        return known[0 if self.language == "zh" else 1] if known is not None else code

    def translated(self, key: str, text: str) -> str:
        """A text of a diagram, form or decision."""
        return self.translations.say(self.language, key, text)

    def element(self, process: str, element: Element) -> str:
        """The name of an element; for one without a name, what its kind is called."""
        if element.name == element.id:
            return self.word("kind", element.kind)
        return self.translations.element(self.language, process, element.id, element.name)

    def condition(self, process: str, gateway: Element, flow: Flow) -> str:
        """What must hold for a flow: its name, with the gateway's question; else the condition as written."""
        name = self.translations.element(self.language, process, flow.id, flow.name) if flow.name else ""
        if not name and flow.id == gateway.default_flow:
            name = self.say("otherwise")
        asked = self.element(process, gateway) if gateway.name != gateway.id else ""
        told = name or (flow.condition or "").removeprefix("${").removesuffix("}")
        return self.say("condition", asked=asked.rstrip("?？"), told=told) if asked else told

    def role(self, role: str) -> str:
        """The name of a role."""
        known = self.roles.get(role)
        return role if known is None else known.name if self.language == "zh" else known.name_en or role

    def scope(self, scope: str) -> str:
        """The name of a department or duty grid, or its code."""
        if scope in self.platform.host.directory.units:
            return self.platform.host.directory.name(scope, self.language) or scope
        return self.grids.get(scope) or scope

    def who(self, role: str, scope: str | None) -> str:
        """A role with its place."""
        if not scope:
            return self.role(role)
        return self.say("who", role=self.role(role), scope=self.scope(scope))

    def person(self, person: Person) -> str:
        """Somebody's name."""
        return person.name if self.language == "zh" else person.name_en or person.name

    def moment(self, moment: datetime | None) -> str:
        """A moment on the city's clocks."""
        return f"{self.platform.host.calendar.local(moment):%Y-%m-%d %H:%M}" if moment is not None else ""

    def limit(self, text: str) -> str:
        """``2 urgent_hour`` or ``80 % of limit`` as people say it; what is neither is shown as it is."""
        match = OF_LIMIT.match(text)
        if match:
            return self.say("share", percent=match.group(1))
        try:
            limit = parse_limit(text)
        except LimitError:
            return text
        one, many = UNITS[str(limit.unit)][0 if self.language == "zh" else 1]
        return f"{limit.value.normalize():f} {one if limit.value == 1 else many}"

    def listed(self, texts: Sequence[str]) -> str:
        """Texts in a row."""
        return self.comma.join(texts)

    def way(self, conditions: Sequence[str], steps: Sequence[str], arrival: str, name: str, who: str) -> str:
        """One way on as a sentence."""
        parts = []
        if conditions:
            parts.append(self.say("if", conditions=self.say("and").join(conditions)))
        if steps:
            parts.append(self.say("system", steps=self.listed(steps)))
        parts.append(ARRIVALS[arrival][0 if self.language == "zh" else 1].format(name=name, who=who))
        return self.say("then").join(parts)
