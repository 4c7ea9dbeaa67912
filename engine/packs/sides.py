"""One side of a comparison: a pack, a city's folder or a shipped city, with everything in force in it read once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from engine.calendar import LimitError, parse_limit
from engine.checks.material import Material, read_material
from engine.city import City, load_city
from engine.explain.words import KINDS as ELEMENT_KINDS
from engine.explain.words import STAGES, UNITS
from engine.hooks.host import load_plugins
from engine.hooks.settings import declared_settings, plugin_settings
from engine.installed_plugins import find_plugins
from engine.packs.manifest import mark_of
from engine.packs.opening import open_pack, unpacked
from engine.packs.packing import pack_settings
from engine.translations import Translations
from engine.workflow.elements import Element
from engine.workflow.migration_nodes import Words
from engine.workflow.timers import CONDITION_LIMIT, OF_LIMIT

SETTING = re.compile(r"\$\{\s*case\.settings\.(\w+)\.(\w+)\s*\}")


@dataclass(frozen=True)
class Side:
    """A city as it would run here: ``material`` is what its layers give together. ``notes`` limit what is said."""

    label: str
    city: City
    material: Material
    translations: Translations
    notes: tuple[str, ...] = ()
    permissions: Mapping[str, Words] = field(default_factory=dict)
    """Names of the permissions plugins bring."""

    def text(self, key: str, text: str) -> Words:
        """A text of the city's files in both languages, as far as it is translated."""
        return Words(self.translations.say("zh", key, text), self.translations.say("en", key, text))

    def element(self, process: str, element: Element) -> Words:
        """The name of an element; what has none is called by its kind."""
        if element.name == element.id:
            return Words(*ELEMENT_KINDS.get(element.kind, (element.kind, element.kind)))
        return self.text(f"process:{process}:{element.id}", element.name)

    def process(self, process: str) -> Words:
        """The name of a process."""
        diagram = self.material.diagrams.get(process)
        return self.text(f"process:{process}", diagram.name if diagram is not None else process)

    def role(self, role: str) -> Words:
        """The name of a role."""
        known = self.material.roles.get(role)
        return Words(role, role) if known is None else Words(known.name or role, known.name_en or role)

    def limit(self, text: str | None) -> Words:
        """A limit in words; one that a plugin's setting gives with the value in force."""
        match = SETTING.fullmatch((text or "").strip())
        if match is None or match[1] not in self.city.enabled_roots:
            return limit_words(text)
        declared = declared_settings(self.city.plugin_roots[match[1]]).get(match[2])
        if declared is None:
            return limit_words(text)
        value = limit_words(str(plugin_settings(self.city, match[1])[match[2]]))
        return fill("{value}（设置“{name}”）", "{value} (setting “{name}”)", value=value,
                    name=Words(declared.zh, declared.en))  # fmt: skip

    def permission(self, name: str) -> Words:
        """A permission by its name and code; the core's have a code alone."""
        known = self.permissions.get(name)
        return Words(name, name) if known is None else Words(f"{known.zh}（{name}）", f"{known.en} ({name})")


@contextmanager
def open_side(name: str) -> Iterator[Side]:
    """A pack file, a city's folder or the id of a shipped city. Raises DomainError when it cannot be read.

    A pack's files are held against its manifest; who signed it is said, and trusted only by ``wangge pack verify``.
    """
    path = Path(name)
    if not path.is_file() or path.name == "city.toml":
        city = load_city(str(path.parent) if path.is_file() else name)
        yield _read(city, f"{city.id} {pack_settings(city.root).get('version', '')}".strip(), ())
        return
    pack = open_pack(path)
    with unpacked(pack) as root:
        city = load_city(str(root))
        yield _read(city, f"{city.id} {pack.manifest.version}", tuple(_notes(pack.manifest.plugins, name)))


def _notes(plugins: Mapping[str, object], name: str) -> Iterator[str]:
    installed = find_plugins()
    for plugin, mark in plugins.items():
        here = mark_of(installed.get(plugin))
        if here != mark:
            there = "not usable here" if here is None else f"version {here.version} here, with files of its own"
            yield f"{name}: plugin {plugin} is {there}; what is compared is what the city would do here"


def _read(city: City, label: str, notes: tuple[str, ...]) -> Side:
    registry = load_plugins(city, skip_broken=True).registry
    material, unread = read_material(city, registry)
    told = (*notes, *(f"{label}: not compared, it cannot be read: {finding}" for finding in unread))
    names = {
        each.name: Words(each.zh, each.en) for given in registry.plugins.values() for each in given.permissions
    }  # fmt: skip
    return Side(label, city, material, Translations.load(city), told, names)


def fill(zh: str, en: str, **values: object) -> Words:
    """One sentence in both languages; values that are ``Words`` come in each."""
    told = {
        name: value if isinstance(value, Words) else Words(str(value), str(value)) for name, value in values.items()
    }
    return Words(
        zh.format(**{name: value.zh for name, value in told.items()}),
        en.format(**{name: value.en for name, value in told.items()}),
    )


def listed(words: list[Words]) -> Words:
    """Words in a row."""
    return Words("、".join(each.zh for each in words), ", ".join(each.en for each in words))


def stage_words(stage: str | None) -> Words:
    """The name of a stage."""
    return Words(*STAGES.get(stage or "", (stage or "", stage or "")))


def limit_words(text: str | None) -> Words:
    """``2 work_day``, ``80 % of limit``, ``condition_limit``, ``every 1 work_day`` as people say it, or as written."""
    if not text:
        return Words("无", "none")
    if text.strip() == CONDITION_LIMIT:
        return Words("立案条件规定的时限", "the limit of the filing condition")
    if match := OF_LIMIT.match(text):
        return Words(f"时限的 {match.group(1)}%", f"{match.group(1)}% of the limit")
    if text.startswith("every "):
        return fill("每 {each}", "every {each}", each=limit_words(text.removeprefix("every ")))
    try:
        limit = parse_limit(text)
    except LimitError:
        return Words(text, text)
    (one_zh, many_zh), (one, many) = UNITS[str(limit.unit)]
    value = f"{limit.value.normalize():f}"
    single = limit.value == 1
    return Words(f"{value} {one_zh if single else many_zh}", f"{value} {one if single else many}")
