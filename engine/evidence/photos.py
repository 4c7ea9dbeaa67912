"""Read an uploaded photo for what it is: checked, its camera's notes taken out, copies for screen and public made."""

from __future__ import annotations

import io
import math
import struct
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from PIL import Image, ImageOps, UnidentifiedImageError

from engine.evidence.ends import end_of_image, foreign_in
from engine.evidence.kinds import PHOTO, check_size, refusal
from engine.evidence.likeness import hash_photo

PIXEL_LIMIT = 60_000_000
"""A 60-megapixel photo takes 180 MB to read; what claims more is refused before a pixel is read."""
LONGEST_SIDE, THUMBNAIL_SIDE = 1920, 320
FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
MPO = "MPO"
"""What Pillow calls a JPEG with more pictures behind the first, as many phones write them."""

EXIF, GPS = 0x8769, 0x8825
TAKEN_AT, OFFSET = 0x9003, 0x9011
LAT_REF, LAT, LON_REF, LON = 1, 2, 3, 4
EMPTY_EXIF = 20
"""Bytes of notes without a single one."""
NO_EXIF, NO_MOMENT, NO_POSITION, TAIL = "exif_unreadable", "time_unreadable", "position_unreadable", "bytes_behind"


@dataclass(frozen=True)
class Photo:
    """A checked photo. ``lon``/``lat``: what the camera noted, WGS-84; ``public_copy`` and ``thumbnail``: JPEGs
    without metadata; ``likeness``: see ``engine.evidence.likeness``; ``notes``: what was left out because it is broken.
    """

    media_type: str
    width_px: int
    height_px: int
    taken_at: datetime | None
    lon: float | None
    lat: float | None
    public_copy: bytes
    thumbnail: bytes
    likeness: int | None
    notes: tuple[str, ...]


def read_photo(content: bytes, zone: ZoneInfo) -> Photo:
    """Check a photo and take it apart.

    :param zone: for cameras that note the time without an offset.
    :raises Invalid: too large, no JPEG, PNG or WebP, damaged, with more pixels than a photo has, or another kind of
        file at the same time.
    """
    check_size(content, PHOTO)
    image = open_image(content)
    width, height = image.size
    if width * height > PIXEL_LIMIT:
        raise refusal(f"the image claims {width} × {height} pixels; send at most {PIXEL_LIMIT // 1_000_000} megapixels")
    form = "JPEG" if image.format == MPO else str(image.format)
    notes: list[str] = []
    try:
        # verify() finds truncated files and wrong checksums, but leaves the image unusable.
        image.verify()
        image = open_image(content)
        image.load()
        tail = content[end_of_image(content, form) :].strip(b"\0")
        exif = read_exif(image, notes)
        taken_at, position = taken(exif, zone, notes), gps_position(exif, notes)
        upright = upright_copy(image)
        public, thumbnail = clean_jpeg(upright, LONGEST_SIDE), clean_jpeg(upright, THUMBNAIL_SIDE)
        likeness = hash_photo(upright)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, EOFError) as error:
        raise refusal("the image is damaged; send the file as the camera wrote it") from error
    if foreign := foreign_in(tail):
        raise refusal(f"the file is an image and {foreign} at once; send the file as the camera wrote it")
    if tail:
        notes.append(TAIL)
    lon, lat = position or (None, None)
    return Photo(
        FORMATS[form], width, height, taken_at, lon, lat, public, thumbnail, likeness, tuple(dict.fromkeys(notes))
    )


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


def read_exif(image: Image.Image, notes: list[str]) -> Image.Exif:
    """What the camera noted; nothing, and a remark, where that cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of damaged notes and reads on; we say it by a note
            exif = image.getexif()
            hollow = [part for part in (EXIF, GPS) if part in exif and not exif.get_ifd(part)]
        if hollow or (not exif and len(image.info.get("exif", b"")) > EMPTY_EXIF):
            notes.append(NO_EXIF)
        return exif
    except (OSError, SyntaxError, ValueError, KeyError, TypeError, OverflowError, struct.error):
        notes.append(NO_EXIF)
        # Where the picture's own turn cannot be read, it stays as it lies.
        image.info.pop("exif", None)
        return Image.Exif()


def upright_copy(image: Image.Image) -> Image.Image:
    """The photo upright, at most 1920 pixels long, on white where it was transparent, and nothing but pixels."""
    try:
        upright = ImageOps.exif_transpose(image)
    except (SyntaxError, KeyError, TypeError, OverflowError, struct.error):
        upright = image.copy()
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    rgba = upright.convert("RGBA")
    # A new image: comments and profiles of the old one would travel with it into the file.
    clean = Image.new("RGB", rgba.size, "white")
    clean.paste(rgba, mask=rgba.getchannel("A"))
    return clean


def clean_jpeg(upright: Image.Image, longest_px: int) -> bytes:
    """A JPEG of a clean picture, no longer than that."""
    copy = upright
    if max(upright.size) > longest_px:
        copy = upright.copy()
        copy.thumbnail((longest_px, longest_px))
    out = io.BytesIO()
    copy.save(out, "JPEG", quality=85, optimize=True)
    return out.getvalue()


def taken(exif: Image.Exif, zone: ZoneInfo, notes: list[str]) -> datetime | None:
    """When the camera says it was taken; none when it says nothing readable."""
    said = exif.get_ifd(EXIF)
    text, offset = str(said.get(TAKEN_AT, "")).strip(" \0"), str(said.get(OFFSET, "")).strip(" \0")
    if not text.strip("0: "):
        return None
    try:
        naive = datetime.strptime(text, "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007 - cameras write local time; the zone follows
        try:
            found = datetime.strptime(f"{text} {offset}", "%Y:%m:%d %H:%M:%S %z") if offset else None
        except ValueError:
            found = None
        return (found or naive.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        notes.append(NO_MOMENT)
        return None


def gps_position(exif: Image.Exif, notes: list[str]) -> tuple[float, float] | None:
    """Longitude and latitude the camera noted; none when absent or off the earth."""
    said = exif.get_ifd(GPS)
    if LON not in said and LAT not in said:
        return None
    try:
        lon = degrees(said[LON]) * (-1 if said.get(LON_REF) == "W" else 1)
        lat = degrees(said[LAT]) * (-1 if said.get(LAT_REF) == "S" else 1)
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        lon = lat = math.nan
    if (lon, lat) == (0, 0):
        return None  # what phones write that had not found themselves yet
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        notes.append(NO_POSITION)
        return None
    return round(lon, 7), round(lat, 7)


def degrees(parts: Any) -> float:
    """Degrees of the camera's degrees, minutes and seconds."""
    whole, minutes, seconds = (float(part) for part in parts)
    return whole + minutes / 60 + seconds / 3600
