"""Forged requests are refused: every form carries the session's token, and every POST must bring it back.

Thirty lines of our own rather than a form library: our forms are form-js schemas, so nothing else of one would be used.
"""

from __future__ import annotations

import hmac
import secrets

from flask import request, session

from engine.errors import NotAllowed

FIELD = "csrf_token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Forged(NotAllowed):
    """A form without the session's token: an old page, or another site's."""


def csrf_token() -> str:
    """The session's token, made on first use."""
    if FIELD not in session:
        session[FIELD] = secrets.token_urlsafe(24)
    token: str = session[FIELD]
    return token


def refuse_forged() -> None:
    """Before a request: raise Forged for a POST whose token is missing or another session's."""
    if request.method in SAFE:
        return
    known, sent = session.get(FIELD), request.form.get(FIELD, "")
    if not known or not hmac.compare_digest(str(known), sent):
        raise Forged("the page has expired or the form came from another site; go back, reload and send it again")
