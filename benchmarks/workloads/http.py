"""The same lifecycle over HTTP: a gunicorn server on loopback, a threaded client with one connection a thread."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

from sqlalchemy import select

from benchmarks.peer import REWORK_EVERY, answer
from benchmarks.report import Cell, Section, times
from benchmarks.setting import Setting
from benchmarks.town import REPORT, WHO, BenchTown, open_town
from engine.models import Person
from engine.organisation.people import issue_token

ROOT = Path(__file__).resolve().parents[2]


class ServerSilent(Exception):
    """The server did not answer; the message holds its own words."""


def run(setting: Setting) -> Section:
    """One, four and eight clients against one worker process, SQLite FULL."""
    folder = setting.folder
    url = f"sqlite:///{folder / 'http.sqlite'}"
    town = open_town(folder / "city", url, moment=datetime.now(UTC))
    tokens = issue_tokens(town)
    town.close()
    rows: list[dict[str, Cell]] = []
    with served(folder, url) as port:
        Client(port, tokens).play(2)
        for clients in (2,) if setting.short else (1, 4, 8):
            spent, seconds = together(port, tokens, clients, setting.pick(48, 2) // clients or 1)
            rows.append({"clients": clients, "completions/s": len(spent) / seconds, **times(spent)})
    note = "a completion is PUT /tasks/<id>/completion as a client sees it; reports run in between and are not counted"
    return Section("http", "Over HTTP: gunicorn, one worker, eight threads, SQLite FULL", rows, [note])


def issue_tokens(town: BenchTown) -> dict[str, str]:
    """A token for everybody of the lifecycle, by task element."""
    with town.sessions() as session:
        people = {person.login: person for person in session.scalars(select(Person))}
        tokens = {element: issue_token(session, people[login], town.now)[0] for element, login in WHO.items()}
        session.commit()
    return tokens


@dataclass
class Client:
    """A clerk's computer: one connection, everybody's token."""

    port: int
    tokens: dict[str, str]
    spent: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(self, element: str, method: str, path: str, body: object = None) -> Any:
        """A request in the name of whoever does that task; raises on anything but success."""
        headers = {"Authorization": f"Bearer {self.tokens[element]}", "Content-Type": "application/json"}
        content = json.dumps(body) if body is not None else None
        self.connection.request(method, f"/api/v1{path}", content, headers)
        response = self.connection.getresponse()
        text = response.read()
        if response.status >= 300:
            raise ServerSilent(f"{method} {path}: {response.status} {text[:500]!r}")
        return json.loads(text)

    def play(self, cases: int) -> None:
        """Report cases and bring each to its end."""
        for number in range(cases):
            made = self.ask("accept", "POST", "/cases", report_body())
            tasks = self.ask("accept", "GET", f"/cases/{made['number']}")["tasks"]
            rework = number % REWORK_EVERY == REWORK_EVERY - 1
            while tasks:
                element = tasks[0]["element"]
                body = {"answers": answer(element, rework=rework)}
                rework = rework and element != "check"
                began = time.perf_counter()
                standing = self.ask(element, "PUT", f"/tasks/{tasks[0]['id']}/completion", body)
                self.spent.append(time.perf_counter() - began)
                tasks = standing["tasks"]


def report_body() -> dict[str, Any]:
    """The report of the other workloads, as JSON."""
    keys = ("kind", "full_code", "description", "source", "lon", "lat", "condition_no", "reporter_phone")
    return {key: getattr(REPORT, key) for key in keys}


def together(port: int, tokens: dict[str, str], clients: int, cases: int) -> tuple[list[float], float]:
    """All clients at once: seconds of every completion, and how long all took."""
    crowd = [Client(port, tokens) for _ in range(clients)]
    failures: list[BaseException] = []

    def work(client: Client) -> None:
        try:
            client.play(cases)
        except Exception as error:
            failures.append(error)

    threads = [Thread(target=work, args=(client,)) for client in crowd]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return [spent for client in crowd for spent in client.spent], time.perf_counter() - began


@contextmanager
def served(folder: Path, url: str) -> Iterator[int]:
    """The city served by a process of its own; gives the port."""
    port = free_port()
    command = [sys.executable, "-m", "api.cli", "serve", "--city", str(folder / "city"), "--database", url]
    log = folder / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*command, "--port", str(port)], cwd=folder, stdout=output, stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "WANGGE_VAR": str(folder / "var")},
        )  # fmt: skip
    try:
        wait_until_healthy(port, server, log)
        yield port
    finally:
        server.terminate()
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()


def wait_until_healthy(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    """Return once ``/healthz`` answers. Raises ServerSilent with the server's own words."""
    for _ in range(300):
        if server.poll() is not None:
            break
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise ServerSilent(f"the server did not answer: {log.read_text(errors='replace')[-2000:]}")


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
