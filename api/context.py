"""What a request needs from the host: session, platform, moment, language. The only place that asks ``current_app``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import cast

from flask import current_app, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Session

from engine.hooks.host import PluginHost
from engine.models import Base
from engine.organisation.roles import Role
from engine.platform import Platform
from engine.translations import Translations
from engine.workflow.forms import Message

# The tables of engine and plugins, on their own declarative base; db.Model is not used.
db = SQLAlchemy(metadata=Base.metadata, session_options={"expire_on_commit": False})

PLATFORM = "wangge"
ROLES = "wangge.roles"
TRANSLATIONS = "wangge.translations"
OUTBOX = "wangge.outbox"
API = "wangge.api"
PLUGINS = "wangge.plugins"
PANELS = "wangge.panels"
LANGUAGES = ("zh", "en")


def session() -> Session:
    """The request's database session."""
    return cast(Session, db.session())


def platform() -> Platform:
    """The app's city at run time."""
    return cast(Platform, current_app.extensions[PLATFORM])


def plugins() -> PluginHost:
    """The app's plugins."""
    return cast(PluginHost, current_app.extensions[PLUGINS])


def roles() -> Mapping[str, Role]:
    """The city's roles by id."""
    return cast("Mapping[str, Role]", current_app.extensions[ROLES])


def translations() -> Translations:
    """The city's texts in other languages."""
    return cast(Translations, current_app.extensions[TRANSLATIONS])


def now() -> datetime:
    """The present moment of the platform's clock."""
    return platform().clock.now()


def form_message(message: Message, spoken: str) -> str:
    """What a form says of an answer, in a language; in the form's own words where it has some."""
    if message.text_key:
        return translations().say(spoken, message.text_key, message.zh)
    return message.zh if spoken == "zh" else message.en


def language() -> str:
    """``?lang=`` when it is known, else the best of ``Accept-Language``, else the city's own language."""
    asked = request.args.get("lang", "")[:2]
    if asked in LANGUAGES:
        return asked
    best = request.accept_languages.best_match(LANGUAGES) if request.accept_languages else None
    return best or platform().city.language
