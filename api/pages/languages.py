"""The pages' own texts: Chinese in the code, English from ``api/i18n/en.po`` (docs/decisions/0004)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from babel.messages.pofile import read_po
from flask import g, session

from api.context import LANGUAGES
from api.context import language as asked_language

CATALOGUES = Path(__file__).resolve().parent.parent / "i18n"
NAMES = {"zh": "中文", "en": "English"}


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Chinese text -> text of a language; empty for Chinese itself."""
    path = CATALOGUES / f"{language}.po"
    if not path.is_file():
        return MappingProxyType({})
    with path.open("rb") as file:
        messages = read_po(file, locale=language)
    return MappingProxyType({str(each.id): str(each.string) for each in messages if each.id and each.string})


def page_language() -> str:
    """The language the person chose, else the browser's, else the city's."""
    if "language" not in g:
        chosen = session.get("language")
        g.language = chosen if chosen in LANGUAGES else asked_language()
    language: str = g.language
    return language


def gettext(text: str, **values: Any) -> str:
    """A text in the page's language; ``%(name)s`` is replaced by the value of that name."""
    said = catalogue(page_language()).get(text, text)
    return said % values if values else said


def noop(text: str) -> str:
    """Marks a text that is translated later, when the language of the page is known."""
    return text


_ = gettext
