"""What every page has in common: who is logged in, forged requests refused, security headers, errors told to people."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from flask import Blueprint, Flask, Response, g, make_response, redirect, render_template, request, session, url_for
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wrappers import Response as BaseResponse

from api import context
from api.errors import FileTooLarge, NotAuthenticated, http_problem
from api.pages import words
from api.pages.choice_words import choice_words
from api.pages.cookies import PageCookies
from api.pages.csrf import csrf_token, refuse_forged
from api.pages.languages import NAMES, _, page_language
from api.pages.navigation import navigation_of
from api.pages.refusals import Refusal, tell
from engine.errors import DomainError
from engine.organisation.actor import Actor
from engine.organisation.people import load_actor, person_of_token
from engine.workflow.step import StepFailed

log = logging.getLogger("wangge.pages")
Route = tuple[str, Callable[..., Any], tuple[str, ...]]
"""An address, the view behind it, its methods."""

OPEN = frozenset({"pages.login", "pages.choose_language"})
API_PATHS = ("/api/", "/open311/", "/features/", "/static/")
TOKEN = "token"
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self'; connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(self), camera=(self), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def serve(app: Flask, routes: Iterable[Route]) -> None:
    """Register the pages and what they need of the app."""
    app.config.update(
        SESSION_COOKIE_NAME="wangge", SESSION_COOKIE_HTTPONLY=True, SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(hours=12),
    )  # fmt: skip
    app.session_interface = PageCookies()
    pages = Blueprint("pages", "api.pages")
    for rule, view, methods in routes:
        pages.add_url_rule(rule, endpoint=view.__name__, view_func=view, methods=list(methods))
    pages.before_request(know_actor)
    pages.before_request(refuse_forged)
    pages.after_request(secure)
    pages.register_error_handler(DomainError, refused)
    pages.register_error_handler(HTTPException, refused_by_http)
    pages.register_error_handler(Exception, broken)
    app.context_processor(page_context)
    app.register_blueprint(pages)
    for status in (404, 405):
        app.register_error_handler(status, unknown_address)


def know_actor() -> None:
    """Before a request: know who it is; send people who are not logged in to the login."""
    find_actor()
    if g.actor is None and request.endpoint not in OPEN:
        raise NotAuthenticated("nobody is logged in; log in first")


def find_actor() -> None:
    """Remember the person of the session's token, if there is one and it still holds."""
    token = session.get(TOKEN)
    person_id = person_of_token(context.session(), token, context.now()) if token else None
    g.actor = load_actor(context.session(), person_id, context.roles()) if person_id is not None else None


def actor() -> Actor:
    """The person at the screen."""
    found: Actor = g.actor
    return found


def secure(response: Response) -> Response:
    """After a request: the headers every page has. Pages differ by person and language and are never stored."""
    for name, value in SECURITY.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    response.vary.update(("Cookie", "Accept-Language", "HX-Request"))
    return response


def is_fragment() -> bool:
    """Whether a script asks for a part of a page."""
    return request.headers.get("HX-Request") == "true"


def render(template: str, status: int = 200, **values: Any) -> Response:
    """A page."""
    response: Response = make_response(render_template(template, **values), status)
    return response


def back_to(endpoint: str, *, said: str = "", **values: Any) -> BaseResponse:
    """After an act: the page to go on with, where ``said`` is shown once."""
    if said:
        session["said"] = said
    return redirect(url_for(endpoint, **values), 303)


def page_context() -> dict[str, Any]:
    """What all templates may use."""
    person: Actor | None = g.get("actor")
    return {
        "_": _,
        "actor": person,
        "post_words": post_words,
        "asset": asset,
        "city": context.platform().city,
        "csrf_token": csrf_token,
        "languages": {code: NAMES[code] for code in context.LANGUAGES},
        "language": page_language(),
        "navigation": navigation_of(person),
        "now": context.now(),
        "said": lambda: session.pop("said", ""),
        "case_title": words.case_title,
        "status_word": words.status_word,
        "choice_words": choice_words,
        "doubt_words": words.doubt,
        "evidence_words": words.evidence_words,
        "extension_words": words.extension_words,
        "word": words.word,
        "link_word": words.link_word,
        "named": words.named,
        "role_name": words.role_name,
        "limit_words": words.limit_words,
        "moment": words.local_moment,
        "full_moment": words.full_moment,
        "duration": words.duration,
        "time_left": words.time_left,
        "department_name": lambda code: context.platform().host.directory.name(code, page_language()),
        "element_name": lambda process, element, name: context.translations().element(
            page_language(), process, element, name
        ),
    }


def post_words(person: Actor) -> str:
    """The first post of a person: department and role."""
    if not person.holdings:
        return ""
    held = person.holdings[0]
    department = context.platform().host.directory.name(held.department, page_language())
    return f"{department} · {words.role_name(held.role)}"


STATIC = Path(__file__).resolve().parent.parent / "static"


@cache
def asset(name: str) -> str:
    """The address of a static file with a mark of its content, so that a new release is fetched; empty when absent."""
    path = STATIC / name
    if not path.is_file():
        return ""
    mark = hashlib.sha256(path.read_bytes()).hexdigest()[:10]
    return url_for("static", filename=name, v=mark)


def refused(error: DomainError) -> BaseResponse:
    """The page for a domain error."""
    context.session().rollback()
    if isinstance(error, NotAuthenticated) and request.method == "GET" and not is_fragment():
        return redirect(url_for("pages.login", next=request.full_path.rstrip("?")), 303)
    if isinstance(error, StepFailed):
        return broken(error)
    return show(tell(error))


def show(refusal: Refusal) -> Response:
    """A refusal as a page, or as a part of one."""
    return secure(render("refused.html", refusal.status, refusal=refusal))


def refused_by_http(error: HTTPException) -> BaseResponse:
    """The page for what Flask refuses; redirects pass."""
    if isinstance(error, RequestEntityTooLarge):
        return show(tell(FileTooLarge("the upload is too large; shrink the photo and send it again")))
    status = error.code or 500
    if status < 400:
        return error.get_response()
    if status in (404, 405):
        return show(
            Refusal(status, _("没有这个页面"), _("地址可能有误，或页面已移走。"), _("请从待办或案件列表进入。"))
        )
    return show(Refusal(status, _("请求无法处理"), error.description or error.name, _("请返回上一页重试。")))


def unknown_address(error: HTTPException) -> BaseResponse:
    """An address no blueprint knows: a page for people at a browser, a problem for everybody else."""
    people = request.accept_mimetypes.best_match(("application/json", "text/html")) == "text/html"
    if request.blueprint not in (None, "pages") or request.path.startswith(API_PATHS) or not people:
        return http_problem(error)
    find_actor()
    return refused_by_http(error)


def broken(error: Exception) -> Response:
    """The page for a fault of ours: the mark leads to the log."""
    mark = str(uuid4())[:8]
    log.error("page fault %s", mark, exc_info=error)
    context.session().rollback()
    return show(
        Refusal(
            500,
            _("系统出错"),
            _("系统处理时出错，您的操作没有生效。"),
            _("请把编号 %(mark)s 告诉系统管理员。", mark=mark),
        )
    )
