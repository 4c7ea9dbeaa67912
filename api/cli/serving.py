"""``wangge serve``: the city's pages and API behind gunicorn, with the scheduler in one place."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import click
from flask import Flask
from gunicorn.app.base import BaseApplication

from api.cli.context import city_option, database_option, database_url, find_city_folder, now, open_city
from api.config import Settings, kept_secret
from api.hooks import load_plugins
from engine.checks import check_city, refuse_broken
from engine.city import City
from engine.loading.city import take_up_changes

THREADS = 8
DEFAULT_PORT = 8000


def port_option(command: Any) -> Any:
    """``--port``, else the environment's PORT."""
    return click.option(
        "--port", default=DEFAULT_PORT, envvar="PORT", show_default=True, type=click.IntRange(1, 65_535),
        help="The port to listen on (PORT).",
    )(command)  # fmt: skip


@click.command("serve")
@city_option
@database_option
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on; 0.0.0.0 for everybody.")
@port_option
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes that answer.")
@click.option(
    "--skip-broken-plugins",
    "skip_broken",
    is_flag=True,
    help="Start without plugins that are broken; their steps open incidents (WANGGE_SKIP_BROKEN_PLUGINS=1).",
)
def serve_command(
    city_name: str, database_url: str | None, host: str, port: int, workers: int, skip_broken: bool
) -> None:
    """Serve a city. Refuses a broken one, saying what 'wangge check' says."""
    city = find_city_folder(city_name)
    skip = skip_broken or os.environ.get("WANGGE_SKIP_BROKEN_PLUGINS") == "1"
    plugins = load_plugins(city, skip_broken=skip)
    for fault in plugins.broken.values():
        click.secho(f"left out: {fault}", fg="yellow", err=True)
    if not plugins.broken:
        refuse_broken(check_city(city, plugins.registry))
    serve_city(city, database_url, host, port, workers, skip_broken=skip)


def serve_city(
    city: City,
    given_url: str | None,
    host: str,
    port: int,
    workers: int = 1,
    *,
    demo_password: str = "",
    skip_broken: bool = False,
) -> None:
    """Serve a checked city until told to stop. Takes up what changed in its diagrams, forms and catalogue."""
    refuse_taken_port(host, port)
    plugins = load_plugins(city, skip_broken=skip_broken)
    with open_city(str(city.root), given_url) as (_, _, session):
        # What a broken plugin's diagrams call is missing, so new cases go on the way they went.
        if not plugins.broken and take_up_changes(session, city, now(), plugins.registry):
            click.echo("the city's folder has changed: new cases go the new way, running ones finish the old")
    var = Path(os.environ.get("WANGGE_VAR") or "var").resolve()
    settings = Settings(
        str(city.root), database_url(city, given_url), os.environ.get("WANGGE_SECRET_KEY") or kept_secret(var), var,
        check_city=False, https=os.environ.get("WANGGE_HTTPS") == "1", demo_password=demo_password,
        skip_broken=skip_broken,
    )  # fmt: skip
    Server(settings, host, port, workers, f"{city.name}: http://{host}:{port}  (Ctrl+C stops)").run()


def refuse_taken_port(host: str, port: int) -> None:
    """Say so when another process listens there; gunicorn would try for five seconds and end with a stack."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise click.ClickException(
                f"cannot listen on {host}:{port} ({error.strerror}); stop what uses it or give another --port"
            ) from error


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn without a command line of its own."""

    def __init__(self, settings: Settings, host: str, port: int, workers: int, greeting: str) -> None:
        self.settings = settings
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.options = {
            "bind": address, "workers": workers, "worker_class": "gthread", "threads": THREADS, "preload_app": True,
            "proc_name": "wangge", "loglevel": "warning", "timeout": 60, "post_worker_init": schedule,
            "when_ready": lambda server: click.echo(greeting),
        }  # fmt: skip
        super().__init__()

    def load_config(self) -> None:
        """Called by gunicorn."""
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Called by gunicorn once, before it forks: a city that cannot be served says so here and not in a worker."""
        from api.app import create_app

        app = create_app(self.settings)
        with app.app_context():
            app.extensions["sqlalchemy"].engine.dispose()  # connections do not survive a fork
        return app


def schedule(worker: Any) -> None:
    """Called in every worker; the schedulers agree among themselves which of them works."""
    from api.scheduler import start_scheduler

    start_scheduler(worker.wsgi)
    if os.environ.get("WANGGE_MQTT"):
        from api.listening import start_listening

        start_listening(worker.wsgi, os.environ["WANGGE_MQTT"])
