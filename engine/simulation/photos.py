"""The files of simulated people: small drawings of streets, every case its own, a spoken note, a film of a second."""

from __future__ import annotations

import math
import wave
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from random import Random

from PIL import Image, ImageDraw

from engine.evidence.kinds import VIDEO, VOICE

SIZE_PX = (240, 180)
SKY, GROUND = (205, 222, 235), (150, 148, 144)
BEFORE = ((120, 82, 50), (92, 98, 70), (60, 60, 66), (140, 110, 60))
AFTER = ((176, 190, 160), (188, 186, 180), (160, 176, 190), (196, 190, 170))
FILM = Path(__file__).with_name("street.webm")
"""A second of a drawn street, 64 × 48 pixels, VP8: drawn and encoded for this project."""


@lru_cache(maxsize=32)
def draw(role: str, variant: int) -> bytes:
    """What somebody would upload in a role: a JPEG of a street with a heap on it before, without it after.

    Every ``variant`` is another street. Roles ``video`` and ``voice`` get a film and a recording.
    """
    if role == VIDEO:
        return FILM.read_bytes()
    if role == VOICE:
        return hum(variant)
    image = Image.new("RGB", SIZE_PX, SKY)
    pen, chance = ImageDraw.Draw(image), Random(variant)
    width, height = SIZE_PX
    ground = chance.randrange(76, 104)
    pen.rectangle((0, ground, width, height), fill=GROUND)
    left = -chance.randrange(30)
    while left < width:
        right = left + chance.randrange(18, 64)
        grey = chance.randrange(70, 240)
        pen.rectangle((left, chance.randrange(8, 64), right, ground), fill=(grey, grey - 10, grey - 20))
        left = right + chance.randrange(2, 22)
    for _ in range(3):
        side, shade = chance.randrange(width), chance.randrange(90, 210)
        pen.ellipse((side, ground + 4, side + 40, ground + 26), fill=(shade, shade, shade))
    pen.line((0, height - 28, width, height - 28), fill=(235, 235, 230), width=3)
    if role.startswith("after"):
        pen.rectangle((70, 120, 170, 150), fill=AFTER[variant % 4])
    else:
        for lump in range(5):
            side = 70 + lump * 18
            pen.ellipse((side, 112 + lump % 3 * 7, side + 34, 146 + lump % 2 * 8), fill=BEFORE[(variant + lump) % 4])
    out = BytesIO()
    image.save(out, "JPEG", quality=60)
    return out.getvalue()


def hum(variant: int) -> bytes:
    """Half a second of a tone as WAV."""
    hertz = 220 + variant % 220
    samples = bytes(round(128 + 60 * math.sin(at * math.tau * hertz / 8000)) for at in range(4000))
    out = BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(8000)
        file.writeframes(samples)
    return out.getvalue()


def name_photo(role: str, variant: int) -> str:
    """The file name an upload would bring."""
    return f"{role}_{variant}.{'webm' if role == VIDEO else 'wav' if role == VOICE else 'jpg'}"
