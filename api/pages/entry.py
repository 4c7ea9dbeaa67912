"""Log in, log out, choose the language."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import current_app, redirect, request, session, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

from api import context
from api.auth import LoginBrake, verify_login
from api.errors import NotAuthenticated, TooManyAttempts
from api.pages.frame import TOKEN, actor, render
from api.pages.refusals import tell
from api.resources.session import BRAKE
from engine.database import begin_write
from engine.models import Person
from engine.organisation.people import issue_token, revoke_token


def start() -> BaseResponse:
    """The first page is the task list."""
    return redirect(url_for("pages.inbox"))


def login() -> BaseResponse:
    """Log in with a login and a password."""
    if request.method == "GET":
        return render(
            "login.html",
            login="",
            onward=request.args.get("next", ""),
            refusal=None,
            people=demo_people(),
            demo=current_app.config.get("DEMO"),
        )
    name, onward = request.form.get("login", "").strip(), request.form.get("next", "")
    brake: LoginBrake = current_app.extensions[BRAKE]
    moment, db = context.now(), context.session()
    try:
        person = verify_login(db, brake, name, request.form.get("password", ""), moment)
    except (NotAuthenticated, TooManyAttempts) as error:
        refusal = tell(error)
        return render(
            "login.html",
            refusal.status,
            login=name,
            onward=onward,
            refusal=refusal,
            people=demo_people(),
            demo=current_app.config.get("DEMO"),
        )
    begin_write(db)
    token, _expires = issue_token(db, person, moment)
    db.commit()
    language = session.get("language")
    session.clear()  # a session fixed before the login must not live on
    session.permanent = True
    session[TOKEN] = token
    if language:
        session["language"] = language
    return redirect(safe_address(onward) or url_for("pages.inbox"), 303)


def demo_people() -> list[Person]:
    """Nobody, unless the host is a demonstration: ``DEMO`` of its configuration is then everybody's password."""
    if not current_app.config.get("DEMO"):
        return []
    return list(context.session().scalars(select(Person).where(Person.demo, Person.active).order_by(Person.id)))


def logout() -> BaseResponse:
    """End the session here and on the server."""
    assert actor() is not None
    begin_write(context.session())
    revoke_token(context.session(), session[TOKEN])
    context.session().commit()
    language = session.get("language")
    session.clear()
    if language:
        session["language"] = language
    return redirect(url_for("pages.login"), 303)


def choose_language() -> BaseResponse:
    """Remember the language and come back to the page."""
    chosen = request.form.get("language", "")
    if chosen in context.LANGUAGES:
        session["language"] = chosen
    return redirect(safe_address(request.form.get("next", "")) or url_for("pages.inbox"), 303)


def safe_address(address: str) -> str:
    """An address of this site, or nothing: a login must not send people elsewhere."""
    parts = urlsplit(address)
    fine = not parts.scheme and not parts.netloc and address.startswith("/") and "\\" not in address
    return address if fine and not address.startswith("//") else ""


ROUTES = (
    ("/", start, ("GET",)),
    ("/login", login, ("GET", "POST")),
    ("/logout", logout, ("POST",)),
    ("/language", choose_language, ("POST",)),
)
