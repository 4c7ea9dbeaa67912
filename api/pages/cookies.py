"""The session's cookie: set when something changed, and with every page so that work goes on while one works.

Parts of pages (drafts saved as one types, fields fetched anew) come and go beside them. An answer to such a request
would bring the cookie as it was when the request began, and undo what a page has said since; so they bring none.
"""

from __future__ import annotations

from flask import Flask, request
from flask.sessions import SecureCookieSessionInterface, SessionMixin

PART_OF_PAGE = "HX-Request"
"""The header that requests for parts of pages bear."""


class PageCookies(SecureCookieSessionInterface):
    """As Flask's, but a part of a page refreshes nothing."""

    def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
        """Whether the answer carries the cookie."""
        if PART_OF_PAGE in request.headers and not session.modified:
            return False
        return super().should_set_cookie(app, session)
