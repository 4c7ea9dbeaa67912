"""Listen to MQTT from a thread of a serving worker: ``WANGGE_MQTT`` names the broker. Larger cities run
``wangge sensors listen`` beside it, or instead."""

from __future__ import annotations

import logging
from threading import Event, Thread

from flask import Flask

from api.context import db, platform, session
from api.mqtt import SLOWEST_S, Listener, read_broker
from engine.database import session_factory
from engine.errors import Invalid

log = logging.getLogger("wangge.mqtt")


def start_listening(app: Flask, url: str) -> Event:
    """Listen until the event that is returned is set, or the worker ends: what is not stored then comes again.

    Whatever goes wrong is logged and tried again; the worker serves its pages all the same.
    """
    stop = Event()

    def listen() -> None:
        while not stop.is_set():
            try:
                with app.app_context():
                    engine, at_work = db.engine, platform()
                    session().rollback()
                Listener(engine, session_factory(engine), at_work, read_broker(url)).run(stop, ready=log.info)
            except Invalid as error:
                log.error("%s", error.message)
                return
            except Exception:
                log.exception("listening to devices failed; it is begun again")
                stop.wait(SLOWEST_S)

    Thread(target=listen, name="wangge-mqtt", daemon=True).start()
    return stop
