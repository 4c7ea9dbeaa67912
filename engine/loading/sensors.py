"""Load the devices of a city's folder: ``sensors/devices.csv``."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from engine.city import City
from engine.loading.tables import Rejection
from engine.sensors.declaring import read_declared
from engine.sensors.devices import load_folder_devices
from engine.workflow.expressions import CORE


def load_devices(session: Session, city: City, now: datetime) -> list[Rejection]:
    """Register the folder's devices; the caller commits. Returns rejected rows. Devices of the database stay."""
    if not (city.root / "sensors" / "devices.csv").is_file():
        return []
    return load_folder_devices(session, read_declared(city, CORE).kinds, city.root, now)
