"""Log in, log out, who am I."""

from __future__ import annotations

from typing import Any

from flask import current_app
from flask.views import MethodView

from api.auth import LoginBrake, authenticate, bearer_token, current_actor, verify_login
from api.context import now, platform, roles, session
from api.resources.blueprint import group
from api.schemas.session import LoginSchema, PersonSchema, TokenSchema
from engine.cases.views import Named, department
from engine.database import begin_write
from engine.organisation.actor import Actor
from engine.organisation.people import issue_token, load_actor, revoke_token

blueprint = group(
    "session", "Log in with a login and a password; the token goes into `Authorization: Bearer`.", open_to_all=True
)
BRAKE = "wangge.login_brake"


@blueprint.route("/login")
class Login(MethodView):
    """A new token."""

    @blueprint.arguments(LoginSchema)
    @blueprint.response(200, TokenSchema)
    @blueprint.problems(422, 429)
    def post(self, body: dict[str, str]) -> dict[str, Any]:
        """Log in. Ten failures of one login from one address within five minutes are answered 429."""
        db, moment = session(), now()
        brake: LoginBrake = current_app.extensions[BRAKE]
        person = verify_login(db, brake, body["login"], body["password"], moment)
        begin_write(db)
        token, expires_at = issue_token(db, person, moment)
        db.commit()
        actor = load_actor(db, person.id, roles())
        assert actor is not None  # the password of an inactive person is never accepted
        return {"token": token, "expires_at": expires_at, "person": describe_actor(actor), "roles": sorted(actor.roles)}


@blueprint.route("/logout")
class Logout(MethodView):
    """The end of a token."""

    @blueprint.response(204)
    @blueprint.doc(security=[{"bearer": []}])
    @blueprint.problems()
    def post(self) -> None:
        """Log out: the token stops working at once."""
        authenticate()
        begin_write(session())
        revoke_token(session(), bearer_token())
        session().commit()


@blueprint.route("/me")
class Me(MethodView):
    """The person behind the token."""

    @blueprint.response(200, PersonSchema)
    @blueprint.doc(security=[{"bearer": []}])
    @blueprint.problems()
    def get(self) -> dict[str, Any]:
        """Who you are, your posts and what they allow."""
        authenticate()
        return describe_actor(current_actor())


def describe_actor(actor: Actor) -> dict[str, Any]:
    """A person with posts and permissions."""
    known = roles()
    posts = [
        {
            "role": Named(held.role, known[held.role].name, known[held.role].name_en)
            if held.role in known
            else Named(held.role, held.role, held.role),
            "department": department(platform(), held.department),
            "side": held.side,
            "duty_grid": held.duty_grid,
        }
        for held in actor.holdings
    ]
    return {
        "login": actor.login, "name": actor.name, "posts": posts, "roles": sorted(actor.roles),
        "permissions": sorted(actor.permissions),
    }  # fmt: skip
