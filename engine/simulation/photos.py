"""The photos of simulated people: a few small drawings, made once and used again and again."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from io import BytesIO

from PIL import Image, ImageDraw
from sqlalchemy.orm import Session

from engine.models import Case, Evidence
from engine.organisation.actor import Actor

SIZE_PX = (240, 180)
SKY, GROUND = (205, 222, 235), (150, 148, 144)
BEFORE = ((120, 82, 50), (92, 98, 70), (60, 60, 66), (140, 110, 60))
AFTER = ((176, 190, 160), (188, 186, 180), (160, 176, 190), (196, 190, 170))


@lru_cache(maxsize=32)
def draw(role: str, variant: int) -> bytes:
    """A street with a heap on it before, without it after, as JPEG."""
    image = Image.new("RGB", SIZE_PX, SKY)
    pen = ImageDraw.Draw(image)
    width, height = SIZE_PX
    pen.rectangle((0, height // 2, width, height), fill=GROUND)
    for house in range(4):
        left = house * 62 + variant * 5
        pen.rectangle((left, 28 + house * 9, left + 46, height // 2), fill=(168 - house * 9, 158, 150 + variant * 6))
    pen.line((0, height - 28, width, height - 28), fill=(235, 235, 230), width=3)
    if role.startswith("after"):
        pen.rectangle((70, 120, 170, 150), fill=AFTER[variant % 4])
    else:
        for lump in range(5):
            left = 70 + lump * 18
            pen.ellipse((left, 112 + lump % 3 * 7, left + 34, 146 + lump % 2 * 8), fill=BEFORE[(variant + lump) % 4])
    out = BytesIO()
    image.save(out, "JPEG", quality=60)
    return out.getvalue()


def add_photo(session: Session, case: Case, role: str, actor: Actor | None, now: datetime, variant: int) -> Evidence:
    """Attach a photo to a case as an upload would; the drawing has no metadata, so its public copy is itself.

    The caller commits.
    """
    content = draw(role, variant)
    photo = Evidence(
        case_id=case.id, role=role, file_name=f"{role}_{variant}.jpg", media_type="image/jpeg",
        sha256=sha256(content).hexdigest(), size=len(content), width_px=SIZE_PX[0], height_px=SIZE_PX[1],
        taken_at=now, lon=case.lon, lat=case.lat, uploaded_at=now,
        uploader_id=actor.person_id if actor is not None else None,
        department_code=actor.holdings[0].department if actor is not None and actor.holdings else None,
        original=content, public_copy=content,
    )  # fmt: skip
    session.add(photo)
    return photo
