"""Logging in and out over HTTP."""

from __future__ import annotations

from datetime import timedelta

import pytest
from api_people import PASSWORD, Api


def log_in(api: Api, login: str, password: str, address: str = "10.0.0.1"):
    return api.client.post(
        "/api/v1/login", json={"login": login, "password": password}, environ_base={"REMOTE_ADDR": address}
    )


def test_login_gives_a_token_with_person_roles_and_expiry(api: Api) -> None:
    answer = log_in(api, "acceptor", PASSWORD)
    assert answer.status_code == 200
    assert answer.json["roles"] == ["acceptor"]
    assert answer.json["person"]["posts"][0]["department"]["code"] == "SUPERVISION"
    assert answer.json["expires_at"] > api.clock.now().isoformat()
    me = api.client.get("/api/v1/me", headers={"Authorization": f"Bearer {answer.json['token']}"})
    assert me.json["login"] == "acceptor"
    assert "case.create" in me.json["permissions"]


@pytest.mark.parametrize(("login", "password"), [("acceptor", "wrong"), ("nobody", PASSWORD)])
def test_unknown_logins_and_wrong_passwords_are_answered_alike(api: Api, login: str, password: str) -> None:
    answer = log_in(api, login, password)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.json["type"].endswith("/not-authenticated")
    assert "login or password is wrong" in answer.json["detail"]


def test_without_a_token_nothing_is_answered(api: Api) -> None:
    for path in ("/cases", "/tasks", "/me", "/people", "/notices", "/cases/1/evidence", "/grids/at?lon=1&lat=1"):
        answer = api.client.get("/api/v1" + path)
        assert (path, answer.status_code, answer.content_type) == (path, 401, "application/problem+json")


def test_a_token_stops_working_at_logout_and_after_its_time(api: Api) -> None:
    first, second = api.login("acceptor"), api.login("dispatcher")
    assert api.client.post("/api/v1/logout", headers=first).status_code == 204
    assert api.client.get("/api/v1/me", headers=first).status_code == 401
    api.clock.set(api.clock.now() + timedelta(hours=13))
    assert api.client.get("/api/v1/me", headers=second).status_code == 401


def test_ten_failures_close_the_door_for_five_minutes_to_that_login_and_address_only(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    from api import auth
    from engine.errors import NotAllowed

    def refuse(*args: object) -> None:
        raise NotAllowed("login or password is wrong; ask an administrator")

    with monkeypatch.context() as quick:
        # Ten real password checks take a second; what is counted is their outcome.
        quick.setattr(auth, "check_password", refuse)
        assert [log_in(api, "acceptor", "wrong").status_code for _ in range(10)] == [401] * 10
    blocked = log_in(api, "acceptor", PASSWORD)
    assert blocked.status_code == 429
    assert int(blocked.headers["Retry-After"]) > 290
    assert log_in(api, "acceptor", PASSWORD, address="10.0.0.2").status_code == 200
    assert log_in(api, "dispatcher", PASSWORD).status_code == 200
    api.clock.set(api.clock.now() + timedelta(minutes=5, seconds=1))
    assert log_in(api, "acceptor", PASSWORD).status_code == 200
