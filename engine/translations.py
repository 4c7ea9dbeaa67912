"""Texts of diagrams, forms and roles in other languages: ``translations/<language>.csv``, merged over the layers."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from types import MappingProxyType

from engine.city import City
from engine.errors import CityBroken


class Translations:
    """All translations of a city: language -> key -> text. What has none keeps its own text."""

    def __init__(self, texts: Mapping[str, Mapping[str, str]]) -> None:
        self.texts = MappingProxyType(dict(texts))

    @classmethod
    def load(cls, city: City) -> Translations:
        """Read the files of all layers. Raises CityBroken naming a file without the columns key and text."""
        texts: dict[str, dict[str, str]] = {}
        for listed in city.layers.listing("translations", ".csv"):
            language = listed.path.stem
            for found in city.layers.all_of(listed.logical):
                rows = csv.DictReader(io.StringIO(found.read()))
                if not {"key", "text"} <= set(rows.fieldnames or ()):
                    raise CityBroken(f"{found.path}: the header is not key,text; correct the first line")
                texts.setdefault(language, {}).update({row["key"]: row["text"] for row in rows if row["text"]})
        return cls(texts)

    def say(self, language: str, key: str, text: str) -> str:
        """The translation of ``key``, or ``text`` itself."""
        return self.texts.get(language, {}).get(key, text)

    def speaker(self, language: str) -> Callable[[str, str], str]:
        """``say`` for one language, as forms take it."""
        return lambda key, text: self.say(language, key, text)

    def element(self, language: str, process: str, element: str, name: str) -> str:
        """The name of an element of a diagram."""
        return self.say(language, f"process:{process}:{element}", name)
