"""A running city follows the versions of its ground: what came into force, here or from another process."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from engine.ground.index import Ground
from engine.ground.versions import lineage_now, take_effect
from engine.platform import Platform


def follow_ground(session: Session, platform: Platform, now: datetime, *, lead: bool = True) -> bool:
    """Take up versions that have come into force and read the ground anew when it has changed; cheap when it has not.

    :param lead: whether this worker brings the tables of the present ground up to date; others only read them.
    :returns: whether new cases are placed in another ground than before.
    """
    if lead:
        take_effect(session, now)
    host = platform.host
    numbers = lineage_now(session)
    if numbers == host.ground.versions:
        session.rollback()
        return False
    host.ground = Ground.load(session, host.grounds.layers)
    session.rollback()
    return True
