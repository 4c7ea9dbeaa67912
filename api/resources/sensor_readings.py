"""Readings in: devices send with their own key, in Wangge's form or in their own."""

from __future__ import annotations

from typing import Any

from flask import g, request
from flask.views import MethodView
from sqlalchemy import select

from api.auth import SCHEME
from api.context import now, platform, session
from api.errors import NotAuthenticated
from api.resources.blueprint import group
from api.schemas.sensors import ReadingsSchema, SensorTakenSchema
from engine.models import SensorDevice
from engine.sensors.filing import settle
from engine.sensors.keys import knows_signature, knows_token
from engine.sensors.reading_messages import HTTP, PAYLOAD
from engine.sensors.readings import Message
from engine.sensors.taking import take_messages

blueprint = group(
    "sensor readings",
    "What devices send. A device speaks with its own key: its token as bearer, or `X-Wangge-Signature` (HMAC-SHA256 of "
    "`<X-Wangge-Moment>.<body>` with the signing key) and `X-Wangge-Moment`. Persons' tokens are not taken.",
    open_to_all=True,
)
BODY_LIMIT = 1024 * 1024
ANY_JSON = {"required": True, "content": {"application/json": {"schema": {}}}}


def authenticate_device() -> None:
    """Know the device or refuse; unknown devices and wrong keys are refused alike."""
    request.max_content_length = BODY_LIMIT
    code = str((request.view_args or {}).get("code", ""))
    device = session().scalar(select(SensorDevice).where(SensorDevice.code == code))
    known = False
    authorization = request.authorization
    signature = request.headers.get("X-Wangge-Signature", "")
    if device is not None and authorization is not None and authorization.type == SCHEME and authorization.token:
        known = knows_token(device, authorization.token)
    elif device is not None and signature:
        moment = request.headers.get("X-Wangge-Moment", "")
        known = knows_signature(device, moment, signature, request.get_data(cache=True), now())
    if not known:
        raise NotAuthenticated(
            f"device {code[:80]} is unknown or its key is wrong; send its token as 'Authorization: Bearer <token>', or "
            "sign with X-Wangge-Signature and a present X-Wangge-Moment"
        )
    g.device = code


blueprint.before_request(authenticate_device)


@blueprint.route("/sensors/<string:code>/readings")
class Readings(MethodView):
    """Readings in Wangge's own form."""

    @blueprint.arguments(ReadingsSchema)
    @blueprint.response(200, SensorTakenSchema)
    @blueprint.problems(413, 422)
    def post(self, body: dict[str, Any], code: str) -> dict[str, Any]:
        """Send up to 1,000 readings. The same ones again are known, not stored twice: device, time and sequence tell
        them apart. Wrong ones are told, kept among the refused, and hold up no others."""
        items = [{key: value for key, value in each.items() if value is not None} for each in body["readings"]]
        return taken(Message(HTTP, code, request.get_data(cache=True)[:BODY_LIMIT], content=items))


@blueprint.route("/sensors/<string:code>/payloads")
class Payloads(MethodView):
    """Payloads in the device's own form."""

    @blueprint.doc(requestBody=ANY_JSON)
    @blueprint.response(200, SensorTakenSchema)
    @blueprint.problems(413)
    def post(self, code: str) -> dict[str, Any]:
        """Send a payload as the device writes it; its kind says where time, values and position lie in it."""
        return taken(Message(PAYLOAD, code, request.get_data(cache=True)))


def taken(message: Message) -> dict[str, Any]:
    """Take a message and file its alarms."""
    found = take_messages(session(), platform(), [message], now())
    settle(session(), platform(), found.alarms, now())
    refused = [{"index": each.index, "reason": each.reason, "remedy": each.remedy} for each in found.refused]
    return {"taken": found.taken, "known": found.known, "refused": refused}
