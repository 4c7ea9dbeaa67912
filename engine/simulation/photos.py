"""The photos of simulated people: a few small drawings, made once and used again and again."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO

from PIL import Image, ImageDraw

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


def name_photo(role: str, variant: int) -> str:
    """The file name an upload would bring."""
    return f"{role}_{variant}.jpg"
