"""The MQTT broker tests speak to: one on its usual port, else a Mosquitto started for the tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from served import free_port

URL = os.environ.get("WANGGE_TEST_MQTT", "mqtt://127.0.0.1:1883")
PLACES = (*os.environ.get("PATH", "").split(os.pathsep), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")


def answers(url: str) -> bool:
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 1883), timeout=1):
            return True
    except OSError:
        return False


def broker_url(folder: Path) -> Iterator[str]:
    """The URL of a broker; skips, saying why, where there is none. With WANGGE_NO_SKIP set that is a failure."""
    if answers(URL):
        yield URL
        return
    program = shutil.which("mosquitto", path=os.pathsep.join(PLACES))
    if program is None:
        why = f"no MQTT broker answers at {URL} and no mosquitto is installed"
        if os.environ.get("WANGGE_NO_SKIP"):
            pytest.fail(why)
        pytest.skip(why)
    port = free_port()
    (folder / "mosquitto.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    with subprocess.Popen([program, "-c", str(folder / "mosquitto.conf")], stderr=subprocess.DEVNULL) as server:
        url = f"mqtt://127.0.0.1:{port}"
        for _ in range(100):
            if answers(url):
                break
            time.sleep(0.05)
        yield url
        server.terminate()


def publish(url: str, messages: list[tuple[str, bytes]]) -> None:
    """Publish with QoS 1 and wait until the broker has them all."""
    parts = urlsplit(url)
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.max_inflight_messages_set(200)
    client.connect(parts.hostname or "", parts.port or 1883)
    client.loop_start()
    for info in [client.publish(topic, payload, qos=1) for topic, payload in messages]:
        info.wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def forget_session(url: str, client_id: str) -> None:
    """Let the broker forget what tests left there."""
    parts = urlsplit(url)
    client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5)
    client.connect(parts.hostname or "", parts.port or 1883, clean_start=True)
    client.loop_start()
    client.disconnect()
    client.loop_stop()
