"""People of the small city at work over HTTP: what API tests share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api.context import session
from engine.clock import FrozenClock
from engine.models import Person
from engine.organisation.people import issue_token

PASSWORD = "street-lamp"


@dataclass
class Api:
    """The API of a small city as its people use it: one login a person, the clock moves only when told to."""

    app: Flask
    clock: FrozenClock
    _tokens: dict[str, str] = field(default_factory=dict)

    @property
    def client(self) -> FlaskClient:
        """A client without any login."""
        return self.app.test_client()

    def login(self, login: str) -> dict[str, str]:
        """The headers of a person, logged in on first use."""
        if login not in self._tokens:
            # Tokens straight from the service: checking a password is slow by design, and test_api_session does it.
            with self.app.app_context():
                person = session().query(Person).filter_by(login=login).one()
                self._tokens[login], _ = issue_token(session(), person, self.clock.now())
                session().commit()
        return {"Authorization": f"Bearer {self._tokens[login]}"}

    def ask(self, login: str, method: str, path: str, *, headers: Any = None, **rest: Any) -> TestResponse:
        """Any request in the name of a person; ``path`` follows ``/api/v1``."""
        return self.client.open(
            "/api/v1" + path, method=method, headers={**self.login(login), **(headers or {})}, **rest
        )

    def get(self, login: str, path: str, **rest: Any) -> TestResponse:
        """GET as a person."""
        return self.ask(login, "GET", path, **rest)

    def post(self, login: str, path: str, **rest: Any) -> TestResponse:
        """POST as a person."""
        return self.ask(login, "POST", path, **rest)

    def put(self, login: str, path: str, **rest: Any) -> TestResponse:
        """PUT as a person."""
        return self.ask(login, "PUT", path, **rest)


REPORT = {
    "kind": "component", "full_code": "0101", "description": "井盖缺失", "source": "public", "lon": 116.0005,
    "lat": 28.0005, "condition_no": 1, "reporter_name": "王先生", "reporter_phone": "10000000001",
}  # fmt: skip


def report(api: Api, login: str = "acceptor", **values: object) -> str:
    answer = api.post(login, "/cases", json={**REPORT, **values})
    assert answer.status_code == 201, answer.text
    return str(answer.json["number"])


def complete(api: Api, login: str, number: str, element: str, answers: dict[str, object]) -> None:
    tasks = api.get(login, f"/cases/{number}").json["tasks"]
    task = next(task for task in tasks if task["element"] == element)
    answer = api.put(login, f"/tasks/{task['id']}/completion", json={"answers": answers})
    assert answer.status_code == 200, answer.text


def dispatched(api: Api, lead: str = "MUNICIPAL", **values: object) -> str:
    number = report(api, **values)
    condition = {"condition": "component/0101/1", "urgent": False}
    complete(api, "acceptor", number, "accept", {"decision": "ok", **condition})
    complete(api, "shift_leader", number, "file_case", {"decision": "approve", **condition})
    complete(api, "dispatcher", number, "assign", {"decision": "assign", "lead": lead, "assisting": []})
    return number
