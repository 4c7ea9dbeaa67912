"""The host: puts a city, its database and the REST API together. The one composition root."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from flask import Flask, request
from flask_smorest import Api
from flask_smorest import Blueprint as ApiBlueprint
from flask_swagger_ui import get_swaggerui_blueprint
from sqlalchemy import inspect
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException

from api.auth import LoginBrake
from api.config import Settings
from api.context import API, OUTBOX, PANELS, PLATFORM, PLUGINS, ROLES, TRANSLATIONS, db
from api.errors import http_problem, register_errors
from api.hooks import load_plugins, plugin_blueprints, plugin_panels
from api.openapi import OPENAPI, document_problems
from api.pages import register_pages
from api.resources import blueprints
from api.resources.health import probe
from api.resources.session import BRAKE
from engine.cases.messages import case_handlers
from engine.checks import check_city, refuse_broken
from engine.city import City, load_city
from engine.clock import Clock
from engine.database import engine_options, prepare_engine
from engine.errors import CityBroken
from engine.evidence.kinds import LARGEST
from engine.hooks.host import PluginHost
from engine.organisation.roles import load_roles
from engine.outbox import Outbox
from engine.platform import build_platform
from engine.registry import Registry
from engine.translations import Translations

REQUEST_LIMIT = 21 * 1024 * 1024
"""Bytes of a request: a photo of 20 MB with its form around it."""
UPLOAD_LIMIT = LARGEST + 1024 * 1024
UPLOADS = frozenset({"evidence.CaseEvidence", "pages.add_photos"})
"""Endpoints that take videos too."""


class ProblemApi(Api):  # type: ignore[misc]
    """An API whose every failure is an RFC 9457 problem, in the document as on the wire."""

    def handle_http_exception(self, error: HTTPException) -> object:
        """Called by flask-smorest for what Flask and the validation of input refuse."""
        return http_problem(error)

    def _register_responses(self) -> None:
        document_problems(self.spec)


def create_app(
    settings: Settings,
    *,
    city: City | None = None,
    clock: Clock | None = None,
    registry: Registry | None = None,
    plugins: PluginHost | None = None,
    outbox: Outbox | None = None,
    pages: bool = True,
) -> Flask:
    """A host for one city, ready to serve.

    :param city: a loaded city; else ``settings.city`` is loaded.
    :param registry: operators and functions instead of those of core and plugins.
    :param plugins: the city's plugins, when the caller has loaded them already.
    :param outbox: who delivers what the outside must hear; the core's topics alone when not given.
    :param pages: serve the web pages too, not only the API.
    :raises CityBroken: the city's files do not hold together, or its database has not been initialised.
    """
    city = city or load_city(settings.city)
    plugins = plugins or load_plugins(city, skip_broken=settings.skip_broken)
    registry = registry or plugins.registry
    if settings.check_city and not plugins.broken:
        refuse_broken(check_city(city, registry))
    app = Flask("api")
    url = settings.database_url or default_database(city, settings.var)
    app.config.update(
        SECRET_KEY=settings.secret_key, TESTING=settings.testing, MAX_CONTENT_LENGTH=REQUEST_LIMIT,
        SESSION_COOKIE_SECURE=settings.https, DEMO=settings.demo_password or None,
        SQLALCHEMY_DATABASE_URI=url, SQLALCHEMY_ENGINE_OPTIONS=engine_options(url), **OPENAPI,
    )  # fmt: skip
    app.json.sort_keys = app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.before_request(allow_uploads)
    db.init_app(app)
    with app.app_context():
        # Tests lose no power: they need not wait for the disk.
        prepare_engine(db.engine, synchronous="OFF" if settings.testing else "FULL")
        refuse_empty_database(city)
        platform = app.extensions[PLATFORM] = build_platform(db.session(), city, clock=clock, registry=registry)
        app.extensions[PLUGINS] = plugins
        app.extensions[ROLES] = load_roles(city.layers)
        app.extensions[TRANSLATIONS] = Translations.load(city)
        app.extensions[BRAKE] = LoginBrake()
        outbox = outbox or Outbox()
        app.extensions[OUTBOX] = replace(outbox, handlers={**case_handlers(platform), **outbox.handlers})
        db.session.remove()
    serve_api(app, blueprints())
    if pages:
        register_pages(app)
    serve_plugins(app, plugins, pages=pages)
    return app


def allow_uploads() -> None:
    """Before a request: let evidence be larger than anything else that is sent."""
    if request.endpoint in UPLOADS:
        request.max_content_length = UPLOAD_LIMIT


def serve_plugins(app: Flask, plugins: PluginHost, *, pages: bool) -> None:
    """Register what plugins answer under: groups of the API, and pages where those are served."""
    for name, groups in plugin_blueprints(plugins).items():
        for blueprint in groups:
            if isinstance(blueprint, ApiBlueprint):
                app.extensions[API].register_blueprint(blueprint)
            elif pages:
                app.register_blueprint(blueprint, url_prefix=blueprint.url_prefix or f"/{name}")
    app.extensions[PANELS] = plugin_panels(plugins)


def default_database(city: City, var: Path) -> str:
    """The SQLite file a city lives in when no database is named."""
    return f"sqlite:///{var / f'{city.id}.sqlite'}"


def serve_api(app: Flask, groups: Iterable[object]) -> None:
    """Register errors, endpoints, the OpenAPI document and its page."""
    register_errors(app)
    api = app.extensions[API] = ProblemApi(app)
    api.spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    for blueprint in groups:
        api.register_blueprint(blueprint)
    app.register_blueprint(probe)
    app.register_blueprint(get_swaggerui_blueprint("/api/v1/docs", "/api/v1/openapi.json", {"app_name": "Wangge API"}))


def refuse_empty_database(city: City) -> None:
    """Raise CityBroken when nothing has been loaded into the database yet."""
    session: Session = db.session()
    if not inspect(session.connection()).has_table("deployment"):
        raise CityBroken(f"the database of {city.id} is empty; run 'wangge init' first")
