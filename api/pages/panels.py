"""What plugins show on the page of a case. A panel that fails says so; the page stays."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from flask import current_app
from markupsafe import Markup

from api.context import PANELS
from api.hooks import Panel
from engine.models import Case
from engine.organisation.actor import Actor

log = logging.getLogger("wangge.plugins")


@dataclass(frozen=True)
class PanelView:
    """A panel as the page shows it; ``html`` is none when it failed."""

    id: str
    title: str
    html: Markup | None


def case_panels(case: Case, actor: Actor, language: str) -> list[PanelView]:
    """The panels that have something to say of a case, and that the person may see."""
    shown: tuple[tuple[str, Panel], ...] = current_app.extensions.get(PANELS, ())
    return list(_views(shown, case, actor, language))


def _views(shown: tuple[tuple[str, Panel], ...], case: Case, actor: Actor, language: str) -> Iterator[PanelView]:
    for plugin, panel in shown:
        if not actor.may(panel.permission):
            continue
        identity, title = f"{plugin}-{panel.id}", panel.en if language == "en" else panel.zh
        try:
            html = panel.render(case, actor, language)
            if html is None:
                continue
            if not isinstance(html, Markup):
                raise TypeError(f"render gave a {type(html).__name__}; return markupsafe.Markup")
        except Exception:  # whatever the plugin's own code raises
            log.exception("panel %s of plugin %s failed for case %s", panel.id, plugin, case.number)
            html = None
        yield PanelView(identity, title, html)
