"""A demonstration city served by a process of its own, for tests that come in by the front door."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def served(folder: Path, port: int, log: Path) -> Iterator[float]:
    """A served demonstration city; gives the seconds until it answered."""
    command = [sys.executable, "-m", "api.cli", "demo", "--serve", "--port", str(port), "--days", "1"]
    environment = {**os.environ, "WANGGE_DATABASE_URL": f"sqlite:///{folder / 'city.sqlite'}"}
    began = time.monotonic()
    with log.open("ab") as output:
        server = subprocess.Popen(
            [*command, "--cases-per-day", "12"], cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        wait_until_healthy(port, server, log)
        yield time.monotonic() - began
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=20)


def wait_until_healthy(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    """Return once ``/healthz`` answers; fail with the server's own words when it ends or takes over a minute."""
    for _ in range(600):
        if server.poll() is not None:
            raise AssertionError(f"the server ended: {log.read_text()}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as response:
                assert response.status == 200
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"no answer within a minute: {log.read_text()}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
