"""``wangge sensors``: devices in and out, their keys, what they send, what was refused; listen to MQTT."""

from __future__ import annotations

import os
import signal
from dataclasses import asdict
from pathlib import Path
from threading import Event
from typing import Any

import click
import orjson

from api.cli.context import city_option, database_option, now, open_city
from engine.database import begin_write, session_factory
from engine.errors import Invalid
from engine.platform import build_platform
from engine.sensors.devices import export_devices, find_device, import_devices, issue_key, list_devices
from engine.sensors.filing import file_again, settle
from engine.sensors.reading_messages import PAYLOAD
from engine.sensors.readings import Message
from engine.sensors.refusals import list_refused
from engine.sensors.replaying import replay_refused
from engine.sensors.sensing import sensing_of
from engine.sensors.taking import take_messages
from engine.sensors.telling import list_alarms, sensor_health
from engine.sensors.tending import tend_devices

BROKER = "WANGGE_MQTT"
SHOWN = 20


@click.group("sensors")
def sensors_command() -> None:
    """Sensors and vehicles: the register, readings over MQTT, alarms and what was refused."""


@sensors_command.command("listen")
@city_option
@database_option
@click.option("--broker", envvar=BROKER, help=f"mqtt://user:password@host:port or mqtts://… ({BROKER}).")
def listen(city_name: str, database_url: str | None, broker: str | None) -> None:
    """Take what devices publish, until told to stop; several listeners share the load."""
    from api.mqtt import Listener, read_broker

    if not broker:
        raise click.ClickException(f"no broker is named; give --broker mqtt://127.0.0.1:1883 or set {BROKER}")
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with open_city(city_name, database_url) as (city, engine, session):
        platform = build_platform(session, city)
        session.rollback()
        listener = Listener(engine, session_factory(engine), platform, read_broker(broker))
        listener.run(stop, ready=lambda text: click.echo(f"{city.name} listens at {text}  (Ctrl+C stops)"))


@sensors_command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@city_option
@database_option
@click.option("--keys", type=click.Path(dir_okay=False, path_type=Path), help="Write a token for each new device here.")
def import_(file: Path, city_name: str, database_url: str | None, keys: Path | None) -> None:
    """Register the devices of a CSV; known ones become as it says. Exit 1 when a row was left out."""
    with open_city(city_name, database_url) as (city, _, session):
        kinds = sensing_of(session, build_platform(session, city)).kinds
        begin_write(session)
        done = import_devices(session, kinds, file, now())
        session.commit()
        for rejection in done.rejected[:SHOWN]:
            click.echo(str(rejection), err=True)
        click.echo(f"{done.added} devices added, {done.changed} changed, {done.same} as before, "
                   f"{len(done.rejected)} rows left out")  # fmt: skip
        if keys is not None:
            write_keys(session, keys)
    if done.rejected:
        raise SystemExit(1)


def write_keys(session: Any, path: Path) -> None:
    """A token for every device that has none, in a file only its owner reads."""
    without = [device.code for device, _ in list_devices(session, most=1_000_000) if device.token_digest is None]
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write("code,token\n")
        for code in without:
            file.write(f"{code},{issue_key(session, code, now())}\n")
    click.echo(f"{len(without)} tokens written to {path}; they are nowhere else")


@sensors_command.command("export")
@city_option
@database_option
def export(city_name: str, database_url: str | None) -> None:
    """Print the register as CSV, as import reads it; keys are not in it."""
    with open_city(city_name, database_url) as (_, _engine, session):
        for line in export_devices(session):
            click.echo(line, nl=False)


@sensors_command.command("key")
@click.argument("device")
@city_option
@database_option
def key(device: str, city_name: str, database_url: str | None) -> None:
    """Give a device a new token and print it; the old one ends at once."""
    with open_city(city_name, database_url) as (_, _engine, session):
        click.echo(issue_key(session, device, now()))


@sensors_command.command("send")
@click.argument("device")
@click.argument("file", type=click.File("rb"))
@city_option
@database_option
def send(device: str, file: Any, city_name: str, database_url: str | None) -> None:
    """Take a payload from FILE (- for standard input) as DEVICE would send it; for trying out a kind."""
    with open_city(city_name, database_url) as (city, _, session):
        platform = build_platform(session, city)
        find_device(session, device)
        taken = take_messages(session, platform, [Message(PAYLOAD, device, file.read())], now())
        settle(session, platform, taken.alarms, now())
        for each in taken.refused:
            click.echo(f"refused: {each.reason}; {each.remedy}", err=True)
        click.echo(f"{taken.taken} readings taken, {taken.known} known, {len(taken.refused)} refused")
        show_alarms(session, list(taken.alarms))
    if taken.refused:
        raise SystemExit(1)


def show_alarms(session: Any, ids: list[int]) -> None:
    """What became of alarms."""
    for alarm, device, number in list_alarms(session, most=len(ids) or 1):
        if alarm.id in ids:
            more = f" {number}" if number else f": {alarm.reason}; {alarm.remedy}" if alarm.reason else ""
            click.echo(f"alarm {alarm.id}, {alarm.rule} at {device.code}: {alarm.outcome}{more}")


@sensors_command.command("health")
@city_option
@database_option
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def health(city_name: str, database_url: str | None, as_json: bool) -> None:
    """Devices silent, payloads refused, readings a minute, alarms without a case, listeners."""
    with open_city(city_name, database_url) as (city, _, session):
        found = sensor_health(session, now(), sensing_of(session, build_platform(session, city)).lost)
        if as_json:
            click.echo(orjson.dumps(asdict(found), option=orjson.OPT_INDENT_2))
            return
        for name, value in asdict(found).items():
            if name != "faults":
                click.echo(f"{name.replace('_', ' '):20} {value}")
        for fault in found.faults:
            click.echo(fault)
        for device, state in list_devices(session, silent=True, most=SHOWN):
            since = state.silent_since.astimezone(city.time_zone) if state and state.silent_since else None
            click.echo(f"silent: {device.code} {device.name}, noticed {since:%Y-%m-%d %H:%M}")


@sensors_command.command("tend")
@city_option
@database_option
def tend(city_name: str, database_url: str | None) -> None:
    """One round of what the scheduler does: notice silence, file alarms that wait, sum up and drop old readings."""
    with open_city(city_name, database_url) as (city, _, session):
        silent, settled = tend_devices(session, build_platform(session, city), now())
        click.echo(f"{silent} devices fell silent, {settled} alarms settled")


@sensors_command.command("alarms")
@city_option
@database_option
@click.option("--unfiled", is_flag=True, help="Only those that could not become cases.")
def alarms(city_name: str, database_url: str | None, unfiled: bool) -> None:
    """The latest alarms and what became of them."""
    with open_city(city_name, database_url) as (city, _, session):
        for alarm, device, number in list_alarms(session, outcome="unfiled" if unfiled else None, most=SHOWN):
            at = alarm.raised_at.astimezone(city.time_zone)
            more = number or "; ".join(part for part in (alarm.reason, alarm.remedy) if part)
            click.echo(
                f"{alarm.id}  {at:%Y-%m-%d %H:%M}  {device.code}  {alarm.rule}  {alarm.outcome}  {more}".rstrip()
            )


@sensors_command.command("file")
@click.argument("alarm", type=int)
@city_option
@database_option
def file_(alarm: int, city_name: str, database_url: str | None) -> None:
    """Try to file an alarm that could not become a case, what was wrong being mended."""
    with open_city(city_name, database_url) as (city, _, session):
        found = file_again(session, build_platform(session, city), alarm, now())
        show_alarms(session, [found.id])
        if found.outcome == "unfiled":
            raise Invalid(f"{found.reason}; {found.remedy}")


@sensors_command.command("refused")
@city_option
@database_option
@click.option("--device", help="Only of this device.")
@click.option("--replay", is_flag=True, help="Take them again.")
def refused(city_name: str, database_url: str | None, device: str | None, replay: bool) -> None:
    """What was not taken and why; with --replay, take it again."""
    with open_city(city_name, database_url) as (city, _, session):
        rows = list_refused(session, device=device, most=SHOWN if not replay else 1_000_000)
        if replay:
            taken = replay_refused(session, build_platform(session, city), [row.id for row in rows], now())
            click.echo(f"{taken.taken} readings taken, {taken.known} known, {len(taken.refused)} refused again")
            return
        for row in rows:
            click.echo(f"{row.id}  {row.device_code}  {row.via}  {row.times} times  {row.reason}; {row.remedy}")
