"""People at the pages of a small city: what page and browser tests share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from lxml import html
from werkzeug.test import TestResponse

from api.context import session
from engine.models import Person
from engine.organisation.people import issue_token
from engine.testing.small_city import SmallTown


@dataclass
class Site:
    """The host of a small city with its pages, and the town behind it on the same database and clock."""

    app: Flask
    town: SmallTown

    def visitor(self) -> Desk:
        """Somebody who is not logged in."""
        return Desk(self.app.test_client())

    def desk(self, login: str, language: str = "zh") -> Desk:
        """Somebody logged in. The token comes straight from the service: checking a password is slow by design."""
        client = self.app.test_client()
        with self.app.app_context():
            person = session().query(Person).filter_by(login=login).one()
            token, _ = issue_token(session(), person, self.town.clock.now())
            session().commit()
        with client.session_transaction() as cookie:
            cookie.update(token=token, csrf_token="known", language=language)
        return Desk(client)


@dataclass
class Desk:
    """One person's browser, without scripts."""

    client: FlaskClient

    def get(self, path: str, **rest: Any) -> Page:
        """Open a page; redirects are followed as a browser does."""
        return Page(self.client.get(path, follow_redirects=True, headers={"Accept": "text/html"}, **rest))

    def submit(self, page: Page, action: str, answers: Mapping[str, Any] | None = None, button: str = "") -> Page:
        """Fill in the form whose action ends with ``action`` and press a button (``name=value``); what the page
        itself has put into the form is sent along, as a browser does."""
        form = page.form(action)
        sent: dict[str, Any] = {}
        for name, value in form.form_values():
            sent.setdefault(name, []).append(value)
        sent.update(answers or {})
        if button:
            name, _, value = button.partition("=")
            sent[name] = value
        address = form.get("action") or page.path
        answer = self.client.post(address, data=sent, follow_redirects=True, headers={"Accept": "text/html"})
        return Page(answer)


class Page:
    """What came back, read as HTML."""

    def __init__(self, response: TestResponse) -> None:
        self.response = response
        self.status = response.status_code
        self.path = response.request.path
        self.text = response.get_data(as_text=True)
        self.tree = html.fromstring(self.text) if self.text.strip() else html.Element("html")

    def form(self, action: str) -> Any:
        """The form whose action ends with a text; an empty one is the page's own."""
        found = [form for form in self.tree.forms if (form.get("action") or "").endswith(action)]
        assert found, f"no form {action!r} on {self.path}: {[form.get('action') for form in self.tree.forms]}"
        return found[0] if action else next(form for form in self.tree.forms if not form.get("action"))

    def words(self, path: str = ".//main") -> str:
        """The text of the first element an XPath finds, spaces made single."""
        found = self.tree.find(path)
        return " ".join(found.text_content().split()) if found is not None else ""

    def field(self, name: str) -> Any:
        """The control of that name in the task's form; none when it is not shown."""
        found = self.tree.xpath(f'//*[@id="fields"]//*[@name="{name}"][not(@type="hidden")]')
        return found[0] if found else None

    def error_of(self, name: str) -> str:
        """The message beside a field."""
        fields = self.tree.xpath(
            f'//*[@name="{name}"]/ancestor::*[contains(@class, "field")][1]//*[@class="field-error"]'
        )
        return " ".join(each.text_content() for each in fields)
