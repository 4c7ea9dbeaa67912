"""Read an uploaded photo for what it is: checked, its camera's notes taken out, a copy for the public made."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from PIL import Image, ImageOps, UnidentifiedImageError

from engine.errors import Invalid

SIZE_LIMIT = 20 * 1024 * 1024
PIXEL_LIMIT = 60_000_000
"""A 60-megapixel photo takes 180 MB to read; what claims more is refused before a pixel is read."""
LONGEST_SIDE = 1920
FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}

EXIF, GPS = 0x8769, 0x8825
TAKEN, OFFSET = 0x9003, 0x9011
LAT_REF, LAT, LON_REF, LON = 1, 2, 3, 4


@dataclass(frozen=True)
class Photo:
    """A checked photo. ``lon``/``lat``: what the camera noted, WGS-84; ``public_copy``: a JPEG without metadata."""

    media_type: str
    width_px: int
    height_px: int
    taken_at: datetime | None
    lon: float | None
    lat: float | None
    public_copy: bytes


def read_photo(content: bytes, zone: ZoneInfo) -> Photo:
    """Check a photo and take it apart.

    :param zone: for cameras that note the time without an offset.
    :raises Invalid: too large, no JPEG, PNG or WebP, damaged, or with more pixels than a photo has.
    """
    if len(content) > SIZE_LIMIT:
        raise refusal(f"the photo has {len(content) / 1e6:.1f} MB; send at most {SIZE_LIMIT // 1024 // 1024} MB")
    image = open_image(content)
    width, height = image.size
    if width * height > PIXEL_LIMIT:
        raise refusal(f"the image claims {width} × {height} pixels; send at most {PIXEL_LIMIT // 1_000_000} megapixels")
    media_type = FORMATS[str(image.format)]
    try:
        # verify() finds truncated files and wrong checksums, but leaves the image unusable.
        image.verify()
        image = open_image(content)
        image.load()
        exif = image.getexif()
        taken_at, position = taken(exif, zone), gps_position(exif)
        public = public_copy(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, EOFError) as error:
        raise refusal("the image is damaged; send the file as the camera wrote it") from error
    lon, lat = position or (None, None)
    return Photo(media_type, width, height, taken_at, lon, lat, public)


def refusal(message: str) -> Invalid:
    """A complaint about the uploaded file."""
    return Invalid(message, field="file")


def open_image(content: bytes) -> Image.Image:
    """Read the header. Raises Invalid when it is no photo."""
    try:
        return Image.open(io.BytesIO(content), formats=tuple(FORMATS))
    except Image.DecompressionBombError as error:
        raise refusal(
            f"the image claims too many pixels; send at most {PIXEL_LIMIT // 1_000_000} megapixels"
        ) from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise refusal("this is no JPEG, PNG or WebP image; send a photo") from error


def public_copy(image: Image.Image) -> bytes:
    """The photo upright, at most 1920 pixels long, on white where it was transparent, without any metadata."""
    upright = ImageOps.exif_transpose(image)
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    rgba = upright.convert("RGBA")
    # A new image: comments and profiles of the old one would travel with it into the file.
    clean = Image.new("RGB", rgba.size, "white")
    clean.paste(rgba, mask=rgba.getchannel("A"))
    out = io.BytesIO()
    clean.save(out, "JPEG", quality=85, optimize=True)
    return out.getvalue()


def taken(exif: Image.Exif, zone: ZoneInfo) -> datetime | None:
    """When the camera says it was taken; none when it says nothing readable."""
    notes = exif.get_ifd(EXIF)
    text, offset = str(notes.get(TAKEN, "")).strip(), str(notes.get(OFFSET, "")).strip()
    try:
        naive = datetime.strptime(text, "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007 - cameras write local time; the zone follows
    except ValueError:
        return None
    try:
        return datetime.strptime(f"{text} {offset}", "%Y:%m:%d %H:%M:%S %z") if offset else naive.replace(tzinfo=zone)
    except ValueError:
        return naive.replace(tzinfo=zone)


def gps_position(exif: Image.Exif) -> tuple[float, float] | None:
    """Longitude and latitude the camera noted; none when absent or off the earth."""
    notes = exif.get_ifd(GPS)
    try:
        lon = degrees(notes[LON]) * (-1 if notes.get(LON_REF) == "W" else 1)
        lat = degrees(notes[LAT]) * (-1 if notes.get(LAT_REF) == "S" else 1)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    if not (-180 <= lon <= 180 and -90 <= lat <= 90) or (lon, lat) == (0, 0):
        return None
    return round(lon, 7), round(lat, 7)


def degrees(parts: Any) -> float:
    """Degrees of the camera's degrees, minutes and seconds."""
    whole, minutes, seconds = (float(part) for part in parts)
    return whole + minutes / 60 + seconds / 3600
